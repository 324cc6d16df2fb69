//! When a window reduction was wrong and is undone.
//!
//! A retransmission was spurious if the peer reports that it had everything already (a DSACK, RFC
//! 2883, for each retransmission), or if the acknowledgment echoes a timestamp from before the
//! first retransmission (Eifel, RFC 3522). Then the windows go back to what they were.

use wire::tcp::SeqNum;

/// What is needed to judge a recovery, as Linux keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Undo {
    /// Linux `undo_marker`: SND.UNA when the windows were reduced; none if they were not, or if it
    /// is too late to undo.
    undo_marker: Option<SeqNum>,
    /// Linux `undo_retrans`: bytes retransmitted since that no DSACK has reported; none before the
    /// first retransmission.
    undo_retrans: Option<u32>,
    /// Linux `retrans_stamp`: our timestamp clock at the first retransmission.
    retrans_stamp: Option<u32>,
}

impl Undo {
    /// There is nothing to be undone.
    pub(crate) const fn new() -> Self {
        Self { undo_marker: None, undo_retrans: None, retrans_stamp: None }
    }

    /// The windows are reduced at `una`, with `retrans_out` bytes retransmitted and outstanding
    /// already (Linux `tcp_init_undo`).
    pub(crate) fn arm(&mut self, una: SeqNum, retrans_out: u32) {
        self.undo_marker = Some(una);
        self.undo_retrans = (retrans_out > 0).then_some(retrans_out);
    }

    /// There is nothing to be undone.
    pub(crate) fn disarm(&mut self) {
        self.undo_marker = None;
    }

    /// No retransmission is outstanding, so the next one is the first again.
    pub(crate) fn clear_retrans_stamp(&mut self) {
        self.retrans_stamp = None;
    }

    /// Whether the windows were reduced and that could be undone.
    pub(crate) fn is_armed(&self) -> bool {
        self.undo_marker.is_some()
    }

    /// `bytes` were retransmitted when our timestamp clock showed `ts_val`.
    #[inline]
    pub(crate) fn on_retransmit(&mut self, bytes: u32, ts_val: u32) {
        self.undo_retrans = Some(self.undo_retrans.unwrap_or(0).saturating_add(bytes));
        self.retrans_stamp = self.retrans_stamp.or(Some(ts_val));
    }

    /// A DSACK reported `bytes` bytes that end at `end`.
    pub(crate) fn on_dsack(&mut self, bytes: u32, end: SeqNum) {
        if self.undo_marker.is_some_and(|marker| end.gt(marker)) {
            self.undo_retrans = self.undo_retrans.map(|retrans| retrans.saturating_sub(bytes));
        }
    }

    /// Whether DSACKs have reported every retransmission as spurious.
    pub(crate) fn is_every_retransmission_spurious(&self) -> bool {
        self.is_armed() && self.undo_retrans == Some(0)
    }

    /// Whether a segment with `ts_ecr` was sent before the first retransmission, so that it
    /// acknowledges the original (Linux `tcp_packet_delayed`).
    pub(crate) fn is_original_delayed(&self, ts_ecr: Option<u32>) -> bool {
        match (self.retrans_stamp, ts_ecr) {
            (Some(stamp), Some(ts_ecr)) if ts_ecr != 0 => SeqNum(ts_ecr).lt(SeqNum(stamp)),
            _ => false,
        }
    }

    /// Whether `una` was the first number outstanding when the windows were reduced.
    pub(crate) fn is_at(&self, una: SeqNum) -> bool {
        self.undo_marker == Some(una)
    }

    /// Whether the reduction was spurious (Linux `tcp_may_undo`).
    pub(crate) fn may_undo(&self, ts_ecr: Option<u32>) -> bool {
        self.is_armed() && (self.undo_retrans == Some(0) || self.is_original_delayed(ts_ecr))
    }
}
