//! Whether the window is used: what is not used must neither grow nor stay (RFC 2861 and RFC 7661 in
//! spirit, Linux in the letter).
//!
//! Once a window it is noted whether the congestion window held data back, or else the most that
//! was outstanding. A sender for whom the window was too large during a whole timeout has learnt
//! nothing about the rest of it, and loses half of that.

use wire::tcp::SeqNum;

use crate::time::{Duration, Instant};

/// Something was sent, or could not be for the window's sake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) now: Instant,
    pub(crate) una: SeqNum,
    /// SND.NXT with it.
    pub(crate) nxt: SeqNum,
    /// The congestion window held data back.
    pub(crate) limited: bool,
    pub(crate) rto: Duration,
    pub(crate) mss: u32,
    /// No loss is being repaired, and the application is not waiting for room in the send buffer.
    pub(crate) open: bool,
}

/// How much of the window is used.
#[derive(Debug)]
pub(super) struct Usage {
    /// The window held data back.
    limited: bool,
    /// Most bytes outstanding in this window.
    out: u32,
    /// This window ends when this is acknowledged.
    end: SeqNum,
    /// Most bytes outstanding since `since`.
    used: u32,
    /// When the window was last fully used, or lowered for not being.
    since: Instant,
}

impl Usage {
    pub(super) fn new() -> Self {
        Self { limited: false, out: 0, end: SeqNum(0), used: 0, since: Instant::ZERO }
    }

    /// Whether growth is deserved. In slow start a window half used still shows that the path carries
    /// twice what was acknowledged.
    #[inline]
    pub(super) fn is_limited(&self, cwnd: u32, slow_start: bool) -> bool {
        self.limited || slow_start && cwnd / 2 < self.out
    }

    /// Takes in what was sent. Says how much is used of a window that was too large for a whole
    /// timeout.
    #[inline]
    pub(super) fn on_sent(&mut self, sent: &Sent, cwnd: u32, slow_start: bool) -> Option<u32> {
        let out = (sent.nxt - sent.una).max(0) as u32;
        let over = self.out == 0 || sent.una.ge(self.end);
        if over || sent.limited || !self.limited && out > self.out {
            self.limited = sent.limited;
            self.out = out;
            self.end = sent.nxt;
        }
        if self.is_limited(cwnd, slow_start) {
            self.restart(sent.now);
            return None;
        }
        self.used = self.used.max(out);
        if self.since == Instant::ZERO {
            self.since = sent.now;
        }
        if sent.now.since(self.since) < sent.rto {
            return None;
        }
        self.since = sent.now;
        sent.open.then(|| core::mem::take(&mut self.used))
    }

    /// What is used is measured from here on.
    pub(super) fn restart(&mut self, now: Instant) {
        self.used = 0;
        self.since = now;
    }
}
