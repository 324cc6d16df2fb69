//! Proportional rate reduction (RFC 6937): how much may leave for each delivery during recovery.
//!
//! The window comes down to ssthresh in proportion to what is delivered. Once the pipe is smaller
//! than ssthresh, the window grows back to it by what is delivered (the conservative reduction
//! bound), and by one segment more if the ACK is safe (slow start reduction bound), as Linux has
//! it.

/// RFC 6937 §3: what was delivered and sent since recovery began, bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prr {
    /// Linux `prior_cwnd`: the congestion window when recovery began (RFC 6937 `RecoverFS` takes
    /// the flight size).
    prior_cwnd: u32,
    /// RFC 6937 `prr_delivered`.
    prr_delivered: u32,
    /// RFC 6937 `prr_out`.
    prr_out: u32,
}

/// One acknowledgment during recovery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrrAck {
    /// RFC 6937 `DeliveredData`, bytes.
    pub(crate) delivered_data: u32,
    /// RFC 9937 `SafeACK`: the ACK moved SND.UNA and showed no new loss.
    pub(crate) is_safe: bool,
    /// RFC 6675 `pipe` after the ACK, bytes.
    pub(crate) pipe: u32,
    /// Segment size, bytes.
    pub(crate) mss: u32,
}

impl Prr {
    /// No recovery.
    pub(crate) const fn new() -> Self {
        Self { prior_cwnd: 0, prr_delivered: 0, prr_out: 0 }
    }

    /// Recovery begins at a window of `cwnd` bytes.
    pub(crate) fn start(cwnd: u32) -> Self {
        Self { prior_cwnd: cwnd.max(1), prr_delivered: 0, prr_out: 0 }
    }

    /// Data left, new or again.
    #[inline]
    pub(crate) fn on_sent(&mut self, bytes: u32) {
        self.prr_out = self.prr_out.saturating_add(bytes);
    }

    /// The congestion window after an acknowledgment, bytes.
    pub(crate) fn cwnd(&mut self, ack: PrrAck, ssthresh: u32) -> u32 {
        let PrrAck { delivered_data, is_safe, pipe, mss } = ack;
        self.prr_delivered = self.prr_delivered.saturating_add(delivered_data);
        let sndcnt = if pipe > ssthresh {
            let share = u64::from(ssthresh) * u64::from(self.prr_delivered);
            let share = share.div_ceil(u64::from(self.prior_cwnd)) as u32;
            share.saturating_sub(self.prr_out)
        } else {
            let limit = self.prr_delivered.saturating_sub(self.prr_out).max(delivered_data);
            let extra = if is_safe { mss } else { 0 };
            (ssthresh - pipe).min(limit + extra)
        };
        // The fast retransmit itself leaves at once.
        let least = if self.prr_out == 0 { mss } else { 0 };
        pipe.saturating_add(sndcnt.max(least))
    }
}
