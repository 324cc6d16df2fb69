//! The deadlines of one connection.
//!
//! Each is a plain instant, [`Instant::FAR`] when off, so that moving one costs one write. The
//! shard's wheel holds one entry per connection, at or before the earliest of them: it is touched
//! when the earliest moves forward, and an entry that fires too soon is set again.

pub(super) mod keepalive;
pub(super) mod rtt;

use crate::time::Instant;

/// The deadlines.
#[derive(Debug)]
pub(crate) struct Timers {
    /// Retransmission while something is in flight; window probe while something waits for a
    /// window.
    pub(crate) retransmit: Instant,
    /// What recovery waits for: proof that a segment is lost, or word of the tail.
    pub(crate) loss: Instant,
    /// What pacing holds back.
    pub(crate) pacing: Instant,
    /// An ACK that was put off.
    pub(crate) delayed_ack: Instant,
    /// Keep-alive probe.
    pub(crate) keepalive: Instant,
    /// A look at whether recovery is still needed.
    pub(crate) idle: Instant,
}

impl Timers {
    pub(crate) fn new() -> Self {
        let off = Instant::FAR;
        Self {
            retransmit: off,
            loss: off,
            pacing: off,
            delayed_ack: off,
            keepalive: off,
            idle: off,
        }
    }

    /// The earliest deadline.
    #[inline]
    pub(crate) fn earliest(&self) -> Instant {
        let first = self.retransmit.min(self.loss).min(self.delayed_ack);
        first.min(self.pacing).min(self.keepalive).min(self.idle)
    }
}

/// Turns `timer` off if it is due, and says whether it was.
#[inline]
pub(crate) fn take_due(timer: &mut Instant, now: Instant) -> bool {
    let due = *timer <= now;
    if due {
        *timer = Instant::FAR;
    }
    due
}
