//! The user timeout (RFC 9293 §3.9.1; Linux `TCP_USER_TIMEOUT`): how long data may go
//! unacknowledged, or a window stay closed, before the connection is given up.
//!
//! It is a time, not a count. It runs from the first retransmission or window probe to the next
//! progress, whatever the retransmission timer does meanwhile, and that timer never overshoots it.
//! A peer that answers probes and keeps its window closed makes no progress.

use crate::tcp::conn::Conn;
use crate::time::{Duration, Instant};

impl Conn {
    /// A timer expired without progress.
    pub(crate) fn note_stall(&mut self, now: Instant) {
        if self.stall_began_at == Instant::FAR {
            self.stall_began_at = now;
        }
    }

    /// There was progress: data was acknowledged, or the window opened.
    #[inline]
    pub(crate) fn note_progress(&mut self) {
        self.stall_began_at = Instant::FAR;
    }

    /// Whether the user timeout has passed.
    pub(crate) fn is_past_user_timeout(&self, now: Instant) -> bool {
        self.options.user_timeout > 0
            && self.stall_began_at != Instant::FAR
            && now.since(self.stall_began_at) >= self.user_timeout()
    }

    /// `wait`, or what is left of the user timeout if that is less.
    pub(crate) fn within_user_timeout(&self, wait: Duration, now: Instant) -> Duration {
        if self.options.user_timeout == 0 || self.stall_began_at == Instant::FAR {
            return wait;
        }
        let left = self.user_timeout().saturating_sub(now.since(self.stall_began_at));
        wait.min(left.max(TICK))
    }

    /// When a retransmission timer that starts now expires.
    #[inline]
    pub(crate) fn timeout_at(&self, now: Instant) -> Instant {
        now + self.within_user_timeout(self.rtt.rto(), now)
    }

    fn user_timeout(&self) -> Duration {
        Duration::from_millis(self.options.user_timeout.into())
    }
}

/// A timer that is overdue fires at the next tick.
const TICK: Duration = Duration::from_millis(1);
