//! How much may be buffered for the reader, and how much of that is offered, as Linux tunes it
//! (`tcp_rcv_space_adjust`, `tcp_grow_window`).
//!
//! `limit` bounds the bytes buffered. It starts at the second value of `Limits::tcp_rmem` and
//! follows the reader: each round trip, what was read is measured, and the limit is raised to twice
//! that and room for the sender's growth, up to the third value. A reader that does not keep up, or
//! a peer that does not send more, leaves it alone. It never shrinks by itself, and a size that the
//! user set stays.
//!
//! `ssthresh` is how much of it is offered at most. It starts with the window of the SYN and grows
//! by two segments with each that arrives, so a peer sees a window that opens as it sends.
//!
//! The round trip is measured by the peer's echo of our timestamps, or else by the time that a
//! whole window takes. The latter includes the peer's pauses, so its minimum counts.
//!
//! Memory is counted in bytes of text: a ring has no overhead per segment, so nothing like Linux's
//! `tcp_adv_win_scale` is needed, and a limit of so many bytes is a window of so many bytes.

use wire::tcp::SeqNum;

use crate::limits::Limits;
use crate::time::Instant;

/// The state of tuning the receive buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RcvSpace {
    /// Linux `sk_rcvbuf`: bytes that may be buffered.
    pub(crate) limit: u32,
    /// Linux `tcp_rmem[2]`: the limit does not grow beyond this, bytes.
    pub(crate) max: u32,
    /// Linux `rcv_ssthresh`: bytes that are offered at most.
    pub(crate) ssthresh: u32,
    /// Linux `rcv_rtt_est.rtt_us`: the round trip as the receiver sees it, eighths of a
    /// microsecond; 0 before the first sample.
    rtt_us_x8: u32,
    /// Linux `rcv_rtt_est.seq`: the window that is being timed ends here.
    window_end: SeqNum,
    /// Linux `rcv_rtt_est.time`: when that window was offered.
    window_at: Tick,
    /// Linux `rcv_rtt_last_tsecr`: the last TSecr that gave a sample.
    last_echo: u32,
    /// Linux `rcvq_space.space`: bytes read in the round trip before.
    copied: u32,
    /// Linux `rcvq_space.seq`: how far the reader was when this round trip began.
    read: u32,
    round_at: Tick,
    /// Whether a window is being timed.
    timing: bool,
}

/// An instant in units of some 65 µs, which wraps after three days: fine enough for windows, and
/// small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tick(u32);

impl Tick {
    fn at(now: Instant) -> Self {
        Self((now.nanos() >> TICK_SHIFT) as u32)
    }

    /// Microseconds from here to `now`, at least a tick.
    fn until(self, now: Instant) -> u32 {
        let ticks = Self::at(now).0.wrapping_sub(self.0).max(1);
        u32::try_from((u64::from(ticks) << TICK_SHIFT) / 1000).unwrap_or(u32::MAX)
    }
}

impl RcvSpace {
    /// The tuning state at first, where a SYN offers `window` bytes.
    pub(crate) fn new(limits: &Limits, window: u32) -> Self {
        let (start, max) = (limits.tcp_rmem[1], max_limit(limits));
        Self {
            limit: u32::try_from(start).unwrap_or(u32::MAX).min(max),
            max,
            ssthresh: window,
            rtt_us_x8: 0,
            window_end: SeqNum(0),
            window_at: Tick(0),
            last_echo: 0,
            copied: 0,
            read: 0,
            round_at: Tick(0),
            timing: false,
        }
    }

    /// The connection is open; we advertised `mss`, and no window beyond `widest` can be
    /// advertised.
    pub(crate) fn start(&mut self, mss: u32, widest: u32, now: Instant) {
        self.max = self.max.min(widest);
        self.limit = self.limit.min(widest);
        self.copied = self.ssthresh.min(INITIAL_SEGMENTS * mss).max(1);
        self.round_at = Tick::at(now);
    }

    /// The user sets the limit (`SO_RCVBUF`), which stays from then on.
    pub(crate) fn set_by_user(&mut self, limit: u32, limits: &Limits) {
        self.max = limit.min(max_limit(limits));
        self.limit = self.max;
        self.ssthresh = self.ssthresh.min(self.limit);
    }

    /// Linux `tcp_grow_window`: `len` bytes of text arrived, and `free` more may be buffered, so
    /// more is offered. Says whether it is.
    #[inline]
    pub(crate) fn grow_window(&mut self, len: u32, mss: u32, free: u32) -> bool {
        let room = free.min(self.limit).saturating_sub(self.ssthresh);
        if len < MIN_TEXT || room == 0 {
            return false;
        }
        self.ssthresh += room.min(2 * mss.max(len));
        true
    }

    /// Text arrived that ends at `nxt`; we offer `window` bytes beyond it.
    #[inline]
    pub(crate) fn time_window(&mut self, nxt: SeqNum, window: u32, now: Instant) {
        if self.timing {
            if nxt.lt(self.window_end) {
                return;
            }
            let sample = self.window_at.until(now).saturating_mul(8);
            if self.rtt_us_x8 == 0 || sample < self.rtt_us_x8 {
                self.rtt_us_x8 = sample;
            }
        }
        self.window_end = nxt + window;
        self.window_at = Tick::at(now);
        self.timing = true;
    }

    /// A full segment arrived whose TSecr is our clock of `ticks` milliseconds ago.
    #[inline]
    pub(crate) fn time_echo(&mut self, echo: u32, ticks: u32) {
        if echo == self.last_echo || ticks > MAX_TICKS {
            return;
        }
        self.last_echo = echo;
        let sample = ticks.max(1) * 1000;
        self.rtt_us_x8 = match self.rtt_us_x8 {
            0 => sample * 8,
            rtt => rtt - rtt / 8 + sample,
        };
    }

    /// The reader has read up to stream position `read`: raises the limit if a round trip has
    /// passed in which more was read than in the one before.
    pub(crate) fn on_read(&mut self, read: u32, mss: u32, now: Instant) {
        let rtt = self.rtt_us_x8 / 8;
        if rtt == 0 || self.round_at.until(now) < rtt {
            return;
        }
        let copied = read.wrapping_sub(self.read);
        if copied > self.copied {
            self.raise(copied, mss);
            self.copied = copied;
        }
        self.read = read;
        self.round_at = Tick::at(now);
    }

    /// Twice what was read, to survive a loss, and twice as much again as the growth since the last
    /// round trip foretells, for a sender in slow start.
    fn raise(&mut self, copied: u32, mss: u32) {
        let (copied, before) = (u64::from(copied), u64::from(self.copied.max(1)));
        let window = 2 * copied + 16 * u64::from(mss);
        let growth = window.saturating_mul(copied - before) / before;
        let wanted = window.saturating_add(growth.saturating_mul(2)).min(self.max.into());
        self.limit = self.limit.max(wanted as u32);
    }

    /// Round trip as the receiver sees it, microseconds; 0 before the first sample.
    pub(crate) fn rtt_us(&self) -> u32 {
        self.rtt_us_x8 / 8
    }

    /// Bytes read in the last round trip that counted.
    pub(crate) fn copied(&self) -> u32 {
        self.copied
    }
}

/// The largest limit that `Limits` allows, bytes.
fn max_limit(limits: &Limits) -> u32 {
    u32::try_from(limits.tcp_rmem[2].min(limits.tcp_receive_buffer)).unwrap_or(u32::MAX)
}

/// Nanoseconds of a tick, as a shift.
const TICK_SHIFT: u32 = 16;
/// Segments of the peer's initial window (RFC 6928).
const INITIAL_SEGMENTS: u32 = 10;
/// Segments with less text, bytes, do not grow the window.
const MIN_TEXT: u32 = 128;
/// An echo older than this, milliseconds, gives no sample: eighths of its microseconds would not
/// fit.
const MAX_TICKS: u32 = 500_000;

#[cfg(test)]
mod tests;
