//! How much may be written ahead of the peer's acknowledgments, and when the writer is notified of
//! room, as Linux tunes it (`tcp_sndbuf_expand`).
//!
//! `limit` bounds the bytes in the send ring. It starts at the second value of `Limits::tcp_wmem`
//! and follows the congestion window: two of them (one in flight, one for the writer to fill
//! meanwhile), so that a fast path never waits for the writer and a slow one does not hide seconds
//! of data from it. It grows when a writer that found the ring full gets room, never shrinks, and
//! stays where the user set it. Only bytes of data count, as in `rcv_space`.
//!
//! The writer is notified of room when a third of the ring is free, so that it wakes for a batch
//! and not for each ACK; and only if it found the ring full, or sleeps.

use crate::limits::Limits;

/// The state of tuning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SndSpace {
    /// Bytes the send ring may hold.
    pub(crate) limit: u32,
    /// The user set the limit.
    is_user_set: bool,
    /// Linux `SOCK_NOSPACE`: the writer found the ring full and is to be notified of room.
    pub(crate) is_full_noted: bool,
}

impl SndSpace {
    /// Space as the limits have it.
    pub(crate) fn new(limits: &Limits) -> Self {
        let start = u32::try_from(limits.tcp_wmem[1]).unwrap_or(u32::MAX).max(START);
        Self { limit: start.min(max_limit(limits)), is_user_set: false, is_full_noted: false }
    }

    /// The user sets the limit.
    pub(crate) fn set_by_user(&mut self, limit: u32, limits: &Limits) {
        self.is_user_set = true;
        self.limit = limit.min(max_limit(limits));
    }

    /// Follows a congestion window of `cwnd` bytes.
    pub(crate) fn follow_cwnd(&mut self, cwnd: u32, mss: u32, limits: &Limits) {
        if !self.is_user_set {
            let wanted = cwnd.max(INITIAL_SEGMENTS * mss).saturating_mul(2);
            self.limit = self.limit.max(wanted.min(max_limit(limits)));
        }
    }

    /// Memory is short: no more than `limit` until it is tuned again, unless the user set it.
    pub(crate) fn moderate(&mut self, limit: u32) {
        if !self.is_user_set {
            self.limit = self.limit.min(limit);
        }
    }

    /// Whether a writer who finds `filled` bytes in the ring has room worth waking for (Linux
    /// `sk_stream_min_wspace`).
    pub(crate) fn is_writable(&self, filled: u32) -> bool {
        self.limit.saturating_sub(filled) >= filled / 2
    }
}

/// What the limits allow.
fn max_limit(limits: &Limits) -> u32 {
    u32::try_from(limits.tcp_wmem[2].min(limits.tcp_send_buffer)).unwrap_or(u32::MAX)
}

/// Linux starts with less (`tcp_wmem[1]`) and is at twice the initial window once connected; where
/// memory comes as bytes come, small writers need not wait either.
const START: u32 = 64 << 10;
/// Segments of the first window (RFC 6928).
const INITIAL_SEGMENTS: u32 = 10;
