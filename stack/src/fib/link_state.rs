//! Whether an interface can carry frames.

/// Administrative and physical state of an interface (Linux `IFF_UP`, `IFF_LOWER_UP`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkState {
    /// Linux `IFF_UP`: the administrator wants it to run.
    pub up: bool,
    /// Linux `IFF_LOWER_UP`: the device sees its peer.
    pub carrier: bool,
}

impl Default for LinkState {
    fn default() -> Self {
        Self::RUNNING
    }
}

impl LinkState {
    /// Up, with a carrier.
    pub const RUNNING: Self = Self { up: true, carrier: true };

    /// Whether frames can be sent (Linux `IFF_RUNNING`).
    #[inline]
    #[must_use]
    pub const fn is_running(self) -> bool {
        self.up && self.carrier
    }

    /// RFC 2863 §3.1.14 `ifOperStatus`, in the words of `ip link`.
    #[must_use]
    pub const fn operstate(self) -> &'static str {
        if self.is_running() { "UP" } else { "DOWN" }
    }
}
