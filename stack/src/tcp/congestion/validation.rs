//! Congestion window validation (RFC 2861 and RFC 7661 in spirit, Linux `tcp_cwnd_validate` to the
//! letter): a window that is not used must neither grow nor stay.
//!
//! Once a window it is noted whether the congestion window held data back, or else the most that
//! was outstanding. A sender for whom the window was too large during a whole retransmission
//! timeout has learned nothing about the rest of it, and loses half of that.

use wire::tcp::SeqNum;

use crate::time::{Duration, Instant};

/// Something was sent, or the congestion window forbade it.
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

/// How much of the congestion window is used.
#[derive(Debug)]
pub(super) struct WindowValidation {
    /// Linux `is_cwnd_limited`: the congestion window held data back.
    limited: bool,
    /// Linux `max_packets_out`: most bytes outstanding in this window.
    max_in_flight: u32,
    /// Linux `cwnd_usage_seq`: this window ends when this number is acknowledged.
    window_end: SeqNum,
    /// Linux `snd_cwnd_used`: most bytes outstanding since `last_full_at`.
    max_used: u32,
    /// Linux `snd_cwnd_stamp`: when the window was last fully used, or lowered for not being.
    last_full_at: Instant,
}

impl WindowValidation {
    pub(super) fn new() -> Self {
        Self {
            limited: false,
            max_in_flight: 0,
            window_end: SeqNum(0),
            max_used: 0,
            last_full_at: Instant::ZERO,
        }
    }

    /// Whether the window may grow (Linux `tcp_is_cwnd_limited`). In slow start a window half used
    /// still shows that the path carries twice what was acknowledged.
    #[inline]
    pub(super) fn is_limited(&self, cwnd: u32, slow_start: bool) -> bool {
        self.limited || slow_start && cwnd / 2 < self.max_in_flight
    }

    /// Takes in what was sent. Returns how many bytes are used of a window that was too large for a
    /// whole retransmission timeout.
    #[inline]
    pub(super) fn on_sent(&mut self, sent: &Sent, cwnd: u32, slow_start: bool) -> Option<u32> {
        let max_in_flight = (sent.nxt - sent.una).max(0) as u32;
        let is_new_window = self.max_in_flight == 0 || sent.una.ge(self.window_end);
        if is_new_window || sent.limited || !self.limited && max_in_flight > self.max_in_flight {
            self.limited = sent.limited;
            self.max_in_flight = max_in_flight;
            self.window_end = sent.nxt;
        }
        if self.is_limited(cwnd, slow_start) {
            self.restart(sent.now);
            return None;
        }
        self.max_used = self.max_used.max(max_in_flight);
        if self.last_full_at == Instant::ZERO {
            self.last_full_at = sent.now;
        }
        if sent.now.since(self.last_full_at) < sent.rto {
            return None;
        }
        self.last_full_at = sent.now;
        sent.open.then(|| core::mem::take(&mut self.max_used))
    }

    /// Measures from here on how much is used.
    pub(super) fn restart(&mut self, now: Instant) {
        self.max_used = 0;
        self.last_full_at = now;
    }
}
