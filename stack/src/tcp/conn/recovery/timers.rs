//! The timers of loss recovery: reordering, tail loss probe, retransmission timeout, idleness.

use super::CLOCK_SLACK;
use crate::cx::Cx;
use crate::tcp::conn::{Conn, Stage};
use crate::tcp::recovery::{LossTimer, Phase, RtoReduction, probe_timeout};
use crate::time::{Duration, Instant};

impl Conn {
    /// RFC 8985 §6.2 step 5: arms the loss timer for what RACK cannot tell before `timeout` has
    /// passed, or stops it if RACK waits for nothing.
    pub(super) fn arm_reorder_timer(&mut self, timeout: Option<Duration>, now: Instant) {
        if let Some(timeout) = timeout {
            self.recovery.loss_timer = LossTimer::ReorderTimeout;
            self.timers.loss = now + timeout + CLOCK_SLACK;
        } else if self.recovery.loss_timer == LossTimer::ReorderTimeout {
            self.timers.loss = Instant::FAR;
        }
    }

    /// Whether the loss timer is armed for RACK, whose timeout goes before a tail loss probe.
    #[inline]
    fn is_reorder_timer_armed(&self) -> bool {
        self.recovery.loss_timer == LossTimer::ReorderTimeout
            && self.recovery.sent_queue.sacked_out() > 0
            && self.timers.loss != Instant::FAR
    }

    /// The tail changed: the probe timeout starts over (RFC 8985 §7.2, Linux
    /// `tcp_schedule_loss_probe`).
    #[inline]
    pub(crate) fn restart_loss_probe(&mut self, now: Instant) {
        if !self.is_reorder_timer_armed() {
            self.timers.loss = Instant::FAR;
            self.schedule_loss_probe(now);
        }
    }

    /// Arms the probe timeout if it is wanted and not running, and stops it if it is not wanted.
    #[inline]
    pub(crate) fn schedule_loss_probe(&mut self, now: Instant) {
        if self.is_reorder_timer_armed() {
            return;
        }
        let recovery = &*self.recovery;
        let is_wanted = self.sack
            && recovery.phase == Phase::Open
            && recovery.tlp.is_none()
            && recovery.sent_queue.sacked_out() == 0
            && !recovery.sent_queue.is_empty();
        if !is_wanted {
            self.timers.loss = Instant::FAR;
        } else if self.timers.loss == Instant::FAR {
            let is_single_segment = self.snd.outstanding() <= self.snd.mss;
            let timeout = probe_timeout(self.rtt.srtt(), is_single_segment);
            self.recovery.loss_timer = LossTimer::ProbeTimeout;
            self.timers.loss = (now + timeout).min(self.timers.retransmit);
        }
    }

    /// The loss timer expired.
    pub(crate) fn on_loss_timer(&mut self, cx: &mut Cx<'_>) {
        if self.stage != Stage::Synchronized || self.recovery.sent_queue.is_empty() {
            return;
        }
        match self.recovery.loss_timer {
            LossTimer::ProbeTimeout => {
                if self.recovery.tlp.is_none() && self.recovery.phase == Phase::Open {
                    self.recovery.tlp_due = true;
                    self.output_wanted = true;
                    // The probe takes the place of a retransmission timeout that may be due as
                    // well.
                    self.timers.retransmit = self.timeout_at(cx.now);
                    cx.stats.tcp_tail_probes += 1;
                }
            }
            LossTimer::ReorderTimeout => {
                let losses = self.rack_detect_loss(cx.now);
                if losses.bytes == 0 {
                    return;
                }
                if self.recovery.phase != Phase::Recovery {
                    self.enter_recovery(cx);
                }
                self.apply_prr(self.snd.mss, false);
            }
        }
    }

    /// The retransmission timer expired with data outstanding (RFC 6298 §5, Linux
    /// `tcp_enter_loss`).
    pub(crate) fn enter_loss(&mut self, cx: &mut Cx<'_>) {
        let snd = self.snd_vars();
        let reduction = self.recovery.enter_loss(&snd, self.consecutive_rtos, cx.now);
        if reduction == RtoReduction::Ssthresh {
            self.congestion.reduce(snd.mss);
        }
        self.timers.loss = Instant::FAR;
        let pipe = self.recovery.pipe(snd.outstanding());
        self.congestion.on_timeout(pipe, snd.mss);
        self.rtt.back_off();
        self.output_wanted = true;
    }

    /// The path carries smaller segments from now on: those in flight that are larger are
    /// retransmitted (Linux `tcp_simple_retransmit`).
    pub(crate) fn simple_retransmit(&mut self) {
        if self.recovery.is_active() && self.recovery.simple_retransmit(self.snd.nxt, self.snd.mss)
        {
            self.output_wanted = true;
        }
    }

    /// A retransmission timeout has passed since data left, or since the last look: if nothing was
    /// outstanding meanwhile, frees what only data in flight needs.
    pub(crate) fn on_idle_timer(&mut self, now: Instant) {
        let idle_at = self.snd.last_sent_at + self.rtt.rto();
        if self.snd.outstanding() > 0 {
            self.timers.idle = now + self.rtt.rto();
        } else if now < idle_at {
            self.timers.idle = idle_at;
        } else {
            self.recovery.release();
            self.congestion.forget_prior();
        }
    }
}
