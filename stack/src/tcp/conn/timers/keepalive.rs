//! The keep-alive timer of a connection (RFC 9293 §3.8.4), and the wait of an orphan in FIN-WAIT-2,
//! which uses the same timer.

use crate::cx::Cx;
use crate::tcp::conn::{Conn, End, Probe, Stage};
use crate::time::Instant;

impl Conn {
    /// `SO_KEEPALIVE` or one of its times was set.
    pub(crate) fn set_keepalive(&mut self) {
        self.timers.keepalive = Instant::FAR;
        if self.stage == Stage::Synchronized {
            self.start_keepalive();
        }
    }

    /// Arms the timer.
    pub(crate) fn start_keepalive(&mut self) {
        let times = self.options.keepalive;
        if times.probes > 0 {
            self.timers.keepalive = self.last_received_at + times.idle();
        }
    }

    /// The keep-alive timer expired.
    pub(crate) fn on_keepalive_timer(&mut self, cx: &mut Cx<'_>) {
        if self.awaits_fin {
            // The peer's FIN did not arrive within the time that the user set (`TCP_LINGER2`).
            self.end = Some(End::Closed);
            return;
        }
        let times = self.options.keepalive;
        if times.probes == 0 {
            return;
        }
        // While data is outstanding or a window is probed, the retransmission timer watches over
        // the peer.
        if self.snd.outstanding() > 0 || self.snd.unsent() > 0 {
            self.timers.keepalive = cx.now + times.idle();
            return;
        }
        let silence = cx.now.since(self.last_received_at);
        if silence < times.idle() {
            self.timers.keepalive = self.last_received_at + times.idle();
            return;
        }
        let over = match self.options.user_timeout {
            0 => self.probes_out >= times.probes,
            timeout => self.probes_out > 0 && silence.as_millis() >= timeout.into(),
        };
        if over {
            self.send_reset(cx);
            self.give_up(cx);
            return;
        }
        self.probes_out = self.probes_out.saturating_add(1);
        self.probe_wanted = Some(Probe::Alive);
        self.output_wanted = true;
        self.timers.keepalive = cx.now + times.interval();
    }
}
