//! How much may be written ahead of the peer's acknowledgments, and when the writer is told of room
//! (TCPO-10), as Linux tunes it.
//!
//! `limit` bounds the bytes in the send ring. It starts at the second of `Limits::tcp_wmem` and follows the
//! congestion window: two of them (one in flight, one for the writer to fill meanwhile), so that a
//! fast path never waits for the writer and a slow one does not hide seconds of data from it. It grows when
//! a writer that found the ring full gets room, never shrinks, and stays where the user set it. Only bytes
//! of data count, as in `rcv_space`.
//!
//! The writer is told of room when a third of the ring is free, so that it wakes for a batch and not
//! for each ACK; and only if it found the ring full, or sleeps.

use crate::cx::Cx;
use crate::event::Readiness;
use crate::limits::Limits;
use crate::tcp::conn::Conn;

/// The state of tuning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SndSpace {
    /// Bytes the send ring may hold.
    pub(crate) limit: u32,
    /// The user set the limit.
    fixed: bool,
    /// The writer is to be told of room.
    short: bool,
}

impl SndSpace {
    /// Space as the limits have it.
    pub(crate) fn new(limits: &Limits) -> Self {
        let start = u32::try_from(limits.tcp_wmem[1]).unwrap_or(u32::MAX).max(START);
        Self { limit: start.min(most(limits)), fixed: false, short: false }
    }

    /// The user sets the limit.
    pub(crate) fn fix(&mut self, limit: u32, limits: &Limits) {
        self.fixed = true;
        self.limit = limit.min(most(limits));
    }

    /// Follows a congestion window of `cwnd` bytes.
    fn follow(&mut self, cwnd: u32, mss: u32, limits: &Limits) {
        if !self.fixed {
            let wanted = cwnd.max(INITIAL_SEGMENTS * mss).saturating_mul(2);
            self.limit = self.limit.max(wanted.min(most(limits)));
        }
    }

    /// Memory is short: no more than `limit` until it is tuned again, unless the user set it.
    pub(crate) fn moderate(&mut self, limit: u32) {
        if !self.fixed {
            self.limit = self.limit.min(limit);
        }
    }

    /// Whether a writer who finds `filled` bytes in the ring has room worth waking for (Linux
    /// `sk_stream_min_wspace`).
    fn has_room(&self, filled: u32) -> bool {
        self.limit.saturating_sub(filled) >= filled / 2
    }
}

impl Conn {
    /// Something was written, sent or acknowledged: notes that the writer has no room, and tells it
    /// once it has.
    pub(crate) fn look_for_room(&mut self, cx: &mut Cx<'_>) {
        if self.lacks_room() {
            self.snd.space.short = true;
            return;
        }
        let snd = &mut self.snd;
        // Taken in any case, so that one sleep gets one event.
        let sleeps = snd.ring.take_writer_waiting();
        if core::mem::take(&mut snd.space.short) || sleeps {
            self.tell(cx, Readiness::WRITABLE);
        }
    }

    /// Bytes are about to be released: a writer who found no room before is to be told of it.
    #[inline]
    pub(crate) fn note_shortage(&mut self) {
        self.snd.space.short |= self.lacks_room();
    }

    /// Bytes were released: there may be room.
    #[inline]
    pub(crate) fn make_room(&mut self, cx: &mut Cx<'_>) {
        // Linux `tcp_should_expand_sndbuf`.
        let roomy = !cx.memory.pressure() && cx.memory.used() < cx.limits.tcp_mem[0] as u64;
        if roomy && self.snd.space.short && self.snd.outstanding() < self.congestion.cwnd() {
            self.widen(cx);
        }
        self.look_for_room(cx);
    }

    /// The limit follows the congestion window.
    pub(crate) fn widen(&mut self, cx: &Cx<'_>) {
        self.snd.space.follow(self.congestion.cwnd(), self.snd.mss, cx.limits);
        self.apply_send_limit();
    }

    /// The ring takes as much as the limit says from now on.
    pub(crate) fn apply_send_limit(&mut self) {
        self.snd.ring.set_limit(self.snd.space.limit as usize);
    }

    fn lacks_room(&self) -> bool {
        let not_sent = self.settings.not_sent;
        !self.snd.space.has_room(self.snd.ring.len() as u32)
            || not_sent > 0 && self.snd.unsent() >= not_sent
    }
}

/// What the limits allow.
fn most(limits: &Limits) -> u32 {
    u32::try_from(limits.tcp_wmem[2].min(limits.tcp_send_buffer)).unwrap_or(u32::MAX)
}

/// Linux starts with less (`tcp_wmem[1]`) and is at twice the initial window once connected; where memory
/// comes as bytes come, small writers need not wait either.
const START: u32 = 64 << 10;
/// Segments of the first window (RFC 6928).
const INITIAL_SEGMENTS: u32 = 10;
