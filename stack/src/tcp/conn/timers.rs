//! What a connection does when one of its deadlines comes.

mod keepalive;
mod user_timeout;

use crate::cx::Cx;
use crate::socket::SocketError;
use crate::tcp::conn::{Conn, Probe, Stage};
use crate::tcp::timers::rtt::Rtt;
use crate::tcp::timers::take_due;
use crate::time::Duration;

impl Conn {
    /// Serves every deadline that has come.
    pub(crate) fn expire(&mut self, cx: &mut Cx<'_>) {
        if take_due(&mut self.timers.delayed_ack, cx.now) {
            self.on_ack_timer();
        }
        if take_due(&mut self.timers.pacing, cx.now) {
            self.output_wanted = true;
        }
        if take_due(&mut self.timers.loss, cx.now) {
            self.on_loss_timer(cx);
        }
        if take_due(&mut self.timers.retransmit, cx.now) {
            self.on_retransmit_timer(cx);
        }
        if take_due(&mut self.timers.keepalive, cx.now) {
            self.on_keepalive_timer(cx);
        }
        if take_due(&mut self.timers.idle, cx.now) {
            self.on_idle_timer(cx.now);
        }
    }

    fn on_retransmit_timer(&mut self, cx: &mut Cx<'_>) {
        if self.stage != Stage::Synchronized {
            self.on_syn_timer(cx);
        } else if self.snd.outstanding() > 0 {
            self.on_data_timer(cx);
        } else if self.has_output() {
            self.on_window_timer(cx);
        }
    }

    /// No answer to our SYN (RFC 6298 §5; RFC 9293 §3.8.3, MUST-23).
    fn on_syn_timer(&mut self, cx: &mut Cx<'_>) {
        let late = self.is_past_user_timeout(cx.now);
        if late || u32::from(self.consecutive_rtos) >= cx.limits.tcp_syn_retries {
            self.give_up(cx);
            return;
        }
        self.consecutive_rtos += 1;
        self.rtt.back_off();
        self.syn_pending = true;
        self.output_wanted = true;
        self.note_stall(cx.now);
        self.timers.retransmit = self.timeout_at(cx.now);
        cx.stats.tcp_timeouts += 1;
    }

    /// No acknowledgment for what is outstanding.
    fn on_data_timer(&mut self, cx: &mut Cx<'_>) {
        let late = self.is_past_user_timeout(cx.now) || self.is_orphan_out_of_memory(cx);
        if late || self.is_exhausted(cx) {
            self.send_reset(cx);
            self.give_up(cx);
            return;
        }
        self.consecutive_rtos = self.consecutive_rtos.saturating_add(1);
        self.enter_loss(cx);
        self.note_stall(cx.now);
        self.timers.retransmit = self.timeout_at(cx.now);
        cx.stats.tcp_timeouts += 1;
    }

    /// Something waits for the peer's window, or for a path. A closed window is probed for as long
    /// as the peer answers (RFC 9293 §3.8.6.1, MUST-37), unless the user timeout passes, or the
    /// connection is an orphan and the interval has reached its maximum.
    fn on_window_timer(&mut self, cx: &mut Cx<'_>) {
        let wait = self.rtt.rto_backed_off(self.probe_backoff);
        let late = self.is_past_user_timeout(cx.now)
            || self.orphan && wait >= PROBE_MOST
            || self.is_orphan_out_of_memory(cx);
        if late || u32::from(self.probes_out) >= self.retry_limit(cx) {
            self.send_reset(cx);
            self.give_up(cx);
            return;
        }
        self.probes_out = self.probes_out.saturating_add(1);
        self.probe_backoff = (self.probe_backoff + 1).min(31);
        self.probe_wanted = Some(Probe::Window);
        self.output_wanted = true;
        self.note_stall(cx.now);
        let wait = self.rtt.rto_backed_off(self.probe_backoff);
        self.timers.retransmit = cx.now + self.within_user_timeout(wait, cx.now);
    }

    /// Whether the peer was asked often enough, and for as long as that takes if no back-off was
    /// reverted (RFC 6069; Linux `retransmits_timed_out`).
    fn is_exhausted(&self, cx: &Cx<'_>) -> bool {
        let limit = self.retry_limit(cx);
        u32::from(self.consecutive_rtos) >= limit
            && cx.now.since(self.stall_began_at.min(cx.now)) >= Rtt::max_retrans_time(limit)
    }

    /// How many retransmissions are tried: fewer for an orphan, as Linux does.
    fn retry_limit(&self, cx: &Cx<'_>) -> u32 {
        let limits = cx.limits;
        if self.orphan { limits.tcp_orphan_retries } else { limits.tcp_retries }
    }

    /// The connection timed out. The error is the last ICMP error if there was one, or that the
    /// host is unreachable if no frame could leave (Linux `tcp_write_err`, `sk_err_soft`).
    pub(crate) fn give_up(&mut self, cx: &mut Cx<'_>) {
        let silent = if self.awaiting_neighbor {
            SocketError::HostUnreachable
        } else {
            SocketError::TimedOut
        };
        self.fail(cx, self.soft_error.unwrap_or(silent));
    }
}

/// The longest interval between window probes (Linux `TCP_RTO_MAX`).
const PROBE_MOST: Duration = Duration::from_secs(120);
