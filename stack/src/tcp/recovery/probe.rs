//! Tail loss probe (RFC 8985 §7): when nothing is heard of the last segments, one more is sent, so that an
//! ACK comes which shows what is missing, long before the retransmission timer would expire.

use wire::tcp::SeqNum;

use crate::time::Duration;

/// A probe that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TailProbe {
    /// SND.NXT when it left.
    pub(crate) high: SeqNum,
    /// It was the last segment once more, not a new one.
    pub(crate) again: bool,
}

/// What an ACK says about a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeVerdict {
    /// Nothing yet.
    Open,
    /// Nothing was lost.
    Harmless,
    /// The probe repaired a loss: the window must answer for it.
    Repaired,
}

impl TailProbe {
    /// `duplicate` is a pure duplicate ACK, `twice` that a DSACK came.
    pub(crate) fn on_ack(self, ack: SeqNum, duplicate: bool, twice: bool) -> ProbeVerdict {
        if ack.lt(self.high) {
            ProbeVerdict::Open
        } else if !self.again || twice || (ack == self.high && duplicate) {
            ProbeVerdict::Harmless
        } else if ack.gt(self.high) {
            ProbeVerdict::Repaired
        } else {
            ProbeVerdict::Open
        }
    }
}

/// How long to wait before a probe (RFC 8985 §7.2). `alone` says that only one segment is out, whose
/// ACK the peer may put off.
pub(crate) fn timeout(srtt: Option<Duration>, alone: bool) -> Duration {
    let Some(srtt) = srtt else { return UNKNOWN };
    srtt * 2 + if alone { DELAYED_ACK_MAX } else { SLACK }
}

/// RFC 8985 §7.2: without an estimate, one second.
const UNKNOWN: Duration = Duration::from_secs(1);
/// What a peer may put an ACK off by (Linux takes its least timeout, 200 ms, for it).
const DELAYED_ACK_MAX: Duration = Duration::from_millis(200);
/// For the coarseness of clocks.
const SLACK: Duration = Duration::from_millis(2);
