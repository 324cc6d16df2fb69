//! What became of the frames that were given to the kernel to send.

use std::time::{Duration, Instant};

/// What became of the frames in the transmit ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TxState {
    /// The kernel has taken all.
    Done,
    /// It has taken some, and takes more at once.
    Unfinished,
    /// It took none. They are offered again at `next`, and if that is in vain after twice the
    /// pause. `down`: because the device is down.
    Parked { next: Instant, pause: Duration, down: bool },
    /// The device is gone, and the socket's queue with it.
    Unbound,
}

impl TxState {
    /// Whether the device takes no frames at all.
    pub(super) fn is_refused(self) -> bool {
        matches!(self, Self::Parked { down: true, .. } | Self::Unbound)
    }

    /// Lets parked frames be offered again at once.
    #[cold]
    pub(super) fn expire(&mut self) {
        if let Self::Parked { next, .. } = self {
            *next = Instant::now();
        }
    }

    /// How long the frames may wait without another look.
    pub(super) fn patience(self) -> Option<Duration> {
        match self {
            Self::Parked { next, .. } => Some(next.saturating_duration_since(Instant::now())),
            Self::Done | Self::Unfinished | Self::Unbound => None,
        }
    }
}
