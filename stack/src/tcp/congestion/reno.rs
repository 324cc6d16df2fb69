//! NewReno's window (RFC 5681 §3.1): one segment more per window acknowledged, half after a loss.

/// What Reno remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct Reno {
    /// Bytes acknowledged since the window last grew.
    acked: u32,
}

impl Reno {
    /// Congestion avoidance: the window after `acked` more bytes (appropriate byte counting, RFC
    /// 3465 §2.1).
    pub(super) fn cong_avoid(&mut self, cwnd: u32, acked: u32, mss: u32) -> u32 {
        self.acked = self.acked.saturating_add(acked);
        let windows = self.acked / cwnd.max(1);
        self.acked -= windows * cwnd.max(1);
        cwnd.saturating_add(windows.saturating_mul(mss))
    }

    /// The new threshold: half of what was in flight, two segments at least (RFC 5681 eq. 4).
    pub(super) fn on_loss(&mut self, flight: u32, mss: u32) -> u32 {
        self.acked = 0;
        (flight / 2).max(2 * mss)
    }
}
