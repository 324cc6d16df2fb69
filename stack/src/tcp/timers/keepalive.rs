//! Keep-alive: probing a peer that has been silent (RFC 9293 §3.8.4).
//!
//! Off unless asked for (MUST-25). The timer is armed once and heals itself: when it fires it looks
//! at when the peer was last heard, so that arriving segments cost nothing. A user timeout takes
//! the place of the count of probes, as in Linux.

use crate::time::Duration;

/// How to probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence before the first probe (`TCP_KEEPIDLE`).
    pub idle: Duration,
    /// Time between probes (`TCP_KEEPINTVL`).
    pub interval: Duration,
    /// Probes without an answer before the connection is given up (`TCP_KEEPCNT`).
    pub probes: u8,
}

impl Default for KeepAlive {
    /// Linux's values: two hours, then nine probes 75 seconds apart.
    fn default() -> Self {
        Self { idle: Duration::from_secs(7200), interval: Duration::from_secs(75), probes: 9 }
    }
}

/// The same in the room that every connection has for it, milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    idle: u32,
    interval: u32,
    /// None if nobody is to be probed.
    pub(crate) probes: u8,
}

impl From<Option<KeepAlive>> for Times {
    fn from(keepalive: Option<KeepAlive>) -> Self {
        let Some(keepalive) = keepalive else { return Self::OFF };
        // A timer of no length would fire for ever.
        let millis = |span: Duration| u32::try_from(span.as_millis()).unwrap_or(u32::MAX).max(1);
        let KeepAlive { idle, interval, probes } = keepalive;
        Self { idle: millis(idle), interval: millis(interval), probes: probes.max(1) }
    }
}

impl Times {
    /// Nobody is probed.
    pub(crate) const OFF: Self = Self { idle: 0, interval: 0, probes: 0 };

    pub(crate) fn idle(self) -> Duration {
        Duration::from_millis(self.idle.into())
    }

    pub(crate) fn interval(self) -> Duration {
        Duration::from_millis(self.interval.into())
    }
}
