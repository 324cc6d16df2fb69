//! Tail loss probe (RFC 8985 §7): if nothing is heard of the last segments, one more is sent to
//! draw an ACK that shows what is missing, long before the retransmission timer would expire.

use wire::tcp::SeqNum;

use crate::time::Duration;

/// A probe that is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TailLossProbe {
    /// RFC 8985 `TLP.end_seq`: SND.NXT when the probe left.
    pub(crate) end_seq: SeqNum,
    /// RFC 8985 `TLP.is_retrans`: the probe was the last segment again, not a new one.
    pub(crate) is_retrans: bool,
}

/// What an ACK says about a probe (RFC 8985 §7.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlpOutcome {
    /// Nothing yet.
    Pending,
    /// Nothing was lost.
    NoLoss,
    /// The probe repaired a loss, so the congestion window has to be reduced.
    LossRepaired,
}

impl TailLossProbe {
    /// An ACK of `ack` arrived; it may be a duplicate ACK without data, and may carry a DSACK.
    pub(crate) fn on_ack(self, ack: SeqNum, is_dupack: bool, has_dsack: bool) -> TlpOutcome {
        if ack.lt(self.end_seq) {
            TlpOutcome::Pending
        } else if !self.is_retrans || has_dsack || (ack == self.end_seq && is_dupack) {
            TlpOutcome::NoLoss
        } else if ack.gt(self.end_seq) {
            TlpOutcome::LossRepaired
        } else {
            TlpOutcome::Pending
        }
    }
}

/// RFC 8985 §7.2 `TLP_calc_PTO`: how long to wait before a probe. `is_single_segment` says that
/// only one segment is outstanding, whose ACK the peer may delay.
pub(crate) fn probe_timeout(srtt: Option<Duration>, is_single_segment: bool) -> Duration {
    let Some(srtt) = srtt else { return PTO_WITHOUT_SRTT };
    srtt * 2 + if is_single_segment { MAX_ACK_DELAY } else { CLOCK_GRANULARITY }
}

/// RFC 8985 §7.2: without an estimate of the round trip, one second.
const PTO_WITHOUT_SRTT: Duration = Duration::from_secs(1);
/// RFC 8985 `TLP.max_ack_delay`; Linux takes its `TCP_RTO_MIN` for it.
const MAX_ACK_DELAY: Duration = Duration::from_millis(200);
/// Linux adds two ticks of its clock.
const CLOCK_GRANULARITY: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests;
