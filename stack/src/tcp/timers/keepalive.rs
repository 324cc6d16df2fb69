//! Keep-alive: probing a peer that has been silent (RFC 9293 §3.8.4; TCPO-17, GAP-31).
//!
//! Off unless asked for (MUST-25). The timer is armed once and heals itself: when it fires it looks
//! at when the peer was last heard, so that arriving segments cost nothing. A user timeout takes the
//! place of the count of probes, as in Linux.

use crate::cx::Cx;
use crate::tcp::conn::{Conn, End, Probe, Stage};
use crate::time::{Duration, Instant};

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
    probes: u8,
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

    fn idle(self) -> Duration {
        Duration::from_millis(self.idle.into())
    }
}

impl Conn {
    /// Probing was turned on or off.
    pub(crate) fn set_keepalive(&mut self) {
        self.timers.keepalive = Instant::FAR;
        if self.stage == Stage::Synchronized {
            self.start_keepalive();
        }
    }

    /// Arms the timer.
    pub(crate) fn start_keepalive(&mut self) {
        let times = self.settings.keepalive;
        if times.probes > 0 {
            self.timers.keepalive = self.heard + times.idle();
        }
    }

    /// The timer fired.
    pub(crate) fn on_keepalive_timer(&mut self, cx: &mut Cx<'_>) {
        if self.lingering {
            // The peer's FIN did not come in the time the user gave it (`TCP_LINGER2`).
            self.end = Some(End::Closed);
            return;
        }
        let times = self.settings.keepalive;
        if times.probes == 0 {
            return;
        }
        // While data is outstanding or a window is probed, those timers watch over the peer.
        if self.snd.outstanding() > 0 || self.snd.unsent() > 0 {
            self.timers.keepalive = cx.now + times.idle();
            return;
        }
        let silence = cx.now.since(self.heard);
        if silence < times.idle() {
            self.timers.keepalive = self.heard + times.idle();
            return;
        }
        let over = match self.settings.user_timeout {
            0 => self.probes >= times.probes,
            timeout => self.probes > 0 && silence.as_millis() >= timeout.into(),
        };
        if over {
            self.send_reset(cx);
            self.give_up(cx);
            return;
        }
        self.probes = self.probes.saturating_add(1);
        self.probe = Some(Probe::Alive);
        self.output = true;
        self.timers.keepalive = cx.now + Duration::from_millis(times.interval.into());
    }
}
