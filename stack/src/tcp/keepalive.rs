//! Keep-alive: probing a peer that has been silent (RFC 9293 §3.8.4; TCPO-17).
//!
//! Off unless asked for (MUST-25). The timer is armed once and heals itself: when it fires it looks
//! at when the peer was last heard, so that arriving segments cost nothing.

use crate::cx::Cx;
use crate::tcp::conn::{Conn, Probe, Stage};
use crate::time::{Duration, Instant};

/// How to probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence before the first probe.
    pub idle: Duration,
    /// Time between probes.
    pub interval: Duration,
    /// Probes without an answer before the connection is given up.
    pub probes: u8,
}

impl Default for KeepAlive {
    /// Linux's values: two hours, then nine probes 75 seconds apart.
    fn default() -> Self {
        Self { idle: Duration::from_secs(7200), interval: Duration::from_secs(75), probes: 9 }
    }
}

impl Conn {
    /// Turns probing on or off.
    pub(crate) fn set_keepalive(&mut self, keepalive: Option<KeepAlive>, now: Instant) {
        self.keepalive = keepalive;
        self.timers.keepalive = Instant::FAR;
        if self.stage == Stage::Synchronized {
            self.start_keepalive(now);
        }
    }

    /// Arms the timer.
    pub(crate) fn start_keepalive(&mut self, now: Instant) {
        if let Some(keepalive) = self.keepalive {
            self.timers.keepalive = now + keepalive.idle;
        }
    }

    /// The timer fired.
    pub(crate) fn on_keepalive_timer(&mut self, cx: &mut Cx<'_>) {
        let Some(keepalive) = self.keepalive else { return };
        let due = self.heard + keepalive.idle;
        // While data is outstanding or a window is probed, those timers watch over the peer.
        let busy = self.snd.outstanding() > 0 || self.snd.unsent() > 0;
        if due > cx.now || busy {
            self.timers.keepalive = due.max(cx.now + keepalive.interval);
            return;
        }
        if self.probes >= keepalive.probes {
            self.send_reset(cx);
            self.give_up(cx);
            return;
        }
        self.probes += 1;
        self.probe = Some(Probe::Alive);
        self.output = true;
        self.timers.keepalive = cx.now + keepalive.interval;
    }
}
