//! Proportional rate reduction (RFC 6937): how much may leave for each delivery while losses are repaired.
//!
//! The window comes down to the threshold in proportion to what is delivered, or, once the pipe is
//! smaller than that, grows back to it by what is delivered (the conservative bound, one segment more where
//! the ACK shows progress, as Linux has it).

/// What was delivered and sent since the reduction began, bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prr {
    /// The window when the reduction began.
    prior: u32,
    delivered: u32,
    out: u32,
}

/// What an acknowledgment brought.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Bytes delivered.
    pub(crate) delivered: u32,
    /// It moved SND.UNA and showed no new loss.
    pub(crate) clean: bool,
    /// The pipe after it.
    pub(crate) pipe: u32,
    pub(crate) mss: u32,
}

impl Prr {
    /// No reduction.
    pub(crate) const fn new() -> Self {
        Self { prior: 0, delivered: 0, out: 0 }
    }

    /// A reduction begins at a window of `cwnd`.
    pub(crate) fn start(cwnd: u32) -> Self {
        Self { prior: cwnd.max(1), delivered: 0, out: 0 }
    }

    /// Data left, new or again.
    #[inline]
    pub(crate) fn on_sent(&mut self, bytes: u32) {
        self.out = self.out.saturating_add(bytes);
    }

    /// The window after a delivery.
    pub(crate) fn cwnd(&mut self, progress: Progress, ssthresh: u32) -> u32 {
        let Progress { delivered, clean, pipe, mss } = progress;
        self.delivered = self.delivered.saturating_add(delivered);
        let room = if pipe > ssthresh {
            let share = u64::from(ssthresh) * u64::from(self.delivered);
            let share = share.div_ceil(u64::from(self.prior)) as u32;
            share.saturating_sub(self.out)
        } else {
            let behind = self.delivered.saturating_sub(self.out).max(delivered);
            let extra = if clean { mss } else { 0 };
            (ssthresh - pipe).min(behind + extra)
        };
        // The first retransmission leaves at once.
        let least = if self.out == 0 { mss } else { 0 };
        pipe.saturating_add(room.max(least))
    }
}
