//! The one place where the stack's time comes from: the monotonic clock, from the engine's start.

use stack::Instant;

/// A clock that starts at [`Instant::ZERO`] and never goes back.
#[derive(Debug)]
pub(crate) struct Clock(std::time::Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Now. Read once a turn.
    pub(crate) fn now(&self) -> Instant {
        // 584 years of nanoseconds fit.
        Instant::from_nanos(self.0.elapsed().as_nanos() as u64)
    }
}
