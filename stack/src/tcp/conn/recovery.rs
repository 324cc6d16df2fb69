//! Loss recovery of a connection: what acknowledgments and timers do to its state, its congestion
//! window and its timers (Linux `tcp_fastretrans_alert` and what surrounds it).
//!
//! [`Conn::process_recovery`] is called for every acknowledgment once the queue of sent data has
//! taken it in.

mod timers;
mod window;

use wire::tcp::SeqNum;

use crate::cx::Cx;
use crate::tcp::conn::Conn;
use crate::tcp::recovery::{AckSummary, Delivered, Losses, Phase, RtoVerdict, SndVars};
use crate::time::{Duration, Instant};

impl Conn {
    /// The variables of the send half that recovery reads.
    #[inline]
    pub(crate) fn snd_vars(&self) -> SndVars {
        SndVars { una: self.snd.una, nxt: self.snd.nxt, mss: self.snd.mss, sack: self.sack }
    }

    /// `seq..end` left for the first time, in segments of `mss` bytes.
    #[inline]
    pub(crate) fn track_new_data(&mut self, seq: SeqNum, end: SeqNum, mss: u32, now: Instant) {
        if !self.recovery.on_new_data_sent(seq, end, mss, now) {
            self.activate_recovery(seq, now);
            self.recovery.on_new_data_sent(seq, end, mss, now);
        }
    }

    #[cold]
    fn activate_recovery(&mut self, seq: SeqNum, now: Instant) {
        self.recovery.activate(seq, self.rtt.srtt().unwrap_or_default());
        self.timers.idle = now + self.rtt.rto();
    }

    /// The queue has taken in an acknowledgment: what it means for losses and windows.
    #[inline]
    pub(crate) fn process_recovery(
        &mut self,
        cx: &mut Cx<'_>,
        delivered: &Delivered,
        ack: &AckSummary,
    ) {
        let snd = self.snd_vars();
        self.recovery.on_ack(&snd, delivered, ack);
        if self.recovery.tlp.is_some() {
            self.process_tlp_ack(cx, ack);
        }
        let newly_delivered = self.recovery.newly_delivered(&snd, delivered, ack);
        let is_undisturbed = self.recovery.is_undisturbed(ack);
        let newly_lost =
            if is_undisturbed { 0 } else { self.fastretrans_alert(cx, delivered, ack) };
        self.cong_control(cx, newly_delivered, ack, newly_lost);
        self.recovery.clear_stale_retrans_stamp();
        if ack.newly_acked > 0 {
            self.restart_loss_probe(cx.now);
        } else {
            self.schedule_loss_probe(cx.now);
        }
        self.pace_burst(is_undisturbed);
        self.update_pacing();
    }

    /// Walks through the phases (Linux `tcp_fastretrans_alert`). Returns how many bytes were newly
    /// marked lost.
    fn fastretrans_alert(
        &mut self,
        cx: &mut Cx<'_>,
        delivered: &Delivered,
        ack: &AckSummary,
    ) -> u32 {
        let snd = self.snd_vars();
        if !snd.sack {
            self.recovery.count_dupacks(&snd, delivered, ack);
        }
        match self.recovery.phase {
            Phase::Open => {
                if self.recovery.undo.is_every_retransmission_spurious() {
                    self.undo_cwnd_reduction(cx);
                }
            }
            Phase::Recovery if self.recovery.is_recovery_point_acked(snd.una) => {
                if self.stays_after_full_ack(cx, delivered, ack) {
                    return 0;
                }
            }
            Phase::Recovery => {
                if self.stays_after_partial_ack(cx, delivered, ack) {
                    return 0;
                }
            }
            Phase::Loss => {
                let can_send_new = self.snd.usable() > 0 && self.snd.unsent() > 0;
                let verdict = self.recovery.process_loss(&snd, delivered, ack, can_send_new);
                if verdict == RtoVerdict::Spurious {
                    self.undo_spurious_rto(cx);
                }
            }
        }
        let losses = self.detect_loss(cx.now, ack.newly_acked > 0);
        let enters_recovery = match self.recovery.phase {
            Phase::Open => self.recovery.sent_queue.lost_out() > 0,
            Phase::Loss => losses.has_lost_retransmissions,
            Phase::Recovery => false,
        };
        if enters_recovery {
            self.enter_recovery(cx);
        }
        losses.bytes
    }

    /// A partial ACK during recovery: whether the reduction was wrong (Linux
    /// `tcp_try_undo_partial`). Says whether to wait for the fate of a retransmission before
    /// anything else counts as lost.
    fn stays_after_partial_ack(
        &mut self,
        cx: &mut Cx<'_>,
        delivered: &Delivered,
        ack: &AckSummary,
    ) -> bool {
        let snd = self.snd_vars();
        let recovery = &mut *self.recovery;
        let is_delayed = ack.newly_acked > 0
            && (recovery.undo.is_original_delayed(ack.ts_ecr)
                || recovery.is_hole_filled_early(&snd, delivered, ack));
        let may_undo = is_delayed && recovery.undo.is_armed();
        if may_undo && !snd.sack {
            recovery.raise_reordering(ack.newly_acked, snd.mss);
            if recovery.sent_queue.retrans_out() > 0 {
                return true;
            }
        }
        if may_undo && recovery.sent_queue.retrans_out() == 0
            || recovery.undo.is_every_retransmission_spurious()
        {
            recovery.sent_queue.unmark_lost();
            self.undo_cwnd_reduction(cx);
            self.recovery.phase = Phase::Open;
        }
        false
    }

    /// Everything that was outstanding when recovery began is acknowledged (Linux
    /// `tcp_try_undo_recovery`). Says whether to stay in recovery for now: without SACK, duplicate
    /// ACKs of the last hole must not start another one (RFC 6582 §3.2).
    fn stays_after_full_ack(
        &mut self,
        cx: &mut Cx<'_>,
        delivered: &Delivered,
        ack: &AckSummary,
    ) -> bool {
        let snd = self.snd_vars();
        let recovery = &mut *self.recovery;
        recovery.reset_reno_sacked();
        let is_early = recovery.is_hole_filled_early(&snd, delivered, ack);
        if is_early {
            recovery.raise_reordering(ack.newly_acked, snd.mss);
        }
        if is_early || recovery.undo.may_undo(ack.ts_ecr) {
            self.undo_cwnd_reduction(cx);
        }
        if self.recovery.stays_in_recovery(&snd) {
            return true;
        }
        if self.recovery.undo.is_armed() {
            self.congestion.set_cwnd(self.congestion.ssthresh(), snd.mss);
        }
        self.recovery.complete_recovery();
        false
    }

    /// The timeout was spurious (Linux `tcp_try_undo_loss`): what counted as lost is in flight.
    fn undo_spurious_rto(&mut self, cx: &mut Cx<'_>) {
        self.recovery.sent_queue.unmark_lost();
        self.undo_cwnd_reduction(cx);
        self.recovery.end_spurious_loss();
        cx.stats.tcp_spurious_timeouts += 1;
    }

    /// The congestion window and ssthresh go back to what they were (Linux
    /// `tcp_undo_cwnd_reduction`).
    fn undo_cwnd_reduction(&mut self, cx: &mut Cx<'_>) {
        self.congestion.undo(cx.now);
        self.recovery.undo.disarm();
        cx.stats.tcp_undos += 1;
    }

    /// Marks what deliveries show to be lost.
    fn detect_loss(&mut self, now: Instant, has_advanced: bool) -> Losses {
        if self.sack {
            return self.rack_detect_loss(now);
        }
        let bytes = self.recovery.newreno_detect_loss(has_advanced, self.snd.mss);
        Losses { bytes, ..Losses::default() }
    }

    /// Lets RACK mark losses, and arms the loss timer for what RACK cannot tell yet.
    fn rack_detect_loss(&mut self, now: Instant) -> Losses {
        let srtt = self.rtt.srtt().unwrap_or_default();
        let losses = self.recovery.rack_detect_loss(self.snd.mss, srtt, now);
        self.arm_reorder_timer(losses.timeout, now);
        losses
    }

    /// Deliveries showed a loss (RFC 5681 §3.2, RFC 6675 §5, RFC 8985).
    fn enter_recovery(&mut self, cx: &mut Cx<'_>) {
        let snd = self.snd_vars();
        self.recovery.enter_recovery(&snd, self.congestion.cwnd());
        self.congestion.reduce(snd.mss);
        cx.stats.tcp_fast_retransmits += 1;
    }
}

/// RFC 8985 leaves room for the granularity of clocks.
const CLOCK_SLACK: Duration = Duration::from_micros(50);
