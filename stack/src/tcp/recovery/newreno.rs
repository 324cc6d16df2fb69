//! Recovery without SACK (RFC 6582, NewReno): duplicate ACKs are all that is known.
//!
//! A duplicate ACK means that a segment left the network, but not which one. Enough of them show
//! that the first outstanding segment is lost. While it is repaired, a *partial ACK* shows that the
//! segment after it is lost too. So one hole is filled in a round trip.
//!
//! Slow start may overshoot by hundreds of holes. RFC 6582 §4 has two answers: restart the
//! retransmission timer at every partial ACK, and be slow and steady, as Linux is; or at the first
//! alone, so that after a while the timer ends recovery and slow start goes through all that was
//! outstanding. Here the timer is restarted as long as partial ACKs advance fast enough to repair
//! the rest in fewer round trips than slow start would take.
//!
//! How many duplicate ACKs show a loss is learned: more of them than there are segments that could
//! cause them, or a hole that fills itself, show a path that reorders (Linux
//! `tcp_check_reno_reordering`).

use super::{AckSummary, Delivered, Phase, Recovery, SndVars};

impl Recovery {
    /// A duplicate ACK means that a segment left the network, and an advance takes back those that
    /// it covers (Linux `tcp_add_reno_sack`, `tcp_remove_reno_sacks`).
    pub(crate) fn count_dupacks(&mut self, snd: &SndVars, delivered: &Delivered, ack: &AckSummary) {
        let (mss, outstanding) = (snd.mss, snd.outstanding());
        if ack.newly_acked > 0 {
            let covered = ack.newly_acked.max(mss) - mss;
            self.reno_sacked = self.reno_sacked.saturating_sub(covered);
            self.limit_reno_sacked(outstanding, ack.newly_acked, mss);
            if self.phase != Phase::Recovery {
                self.reno_sacked = 0;
            }
        }
        if self.phase == Phase::Loss {
            self.spurious_in_flight = self.spurious_in_flight.saturating_add(delivered.spurious);
        }
        // After a timeout, duplicate ACKs report spurious retransmissions, unless new data left.
        let counts = self.phase != Phase::Loss || snd.nxt.gt(self.high_seq);
        if ack.is_dupack && self.spurious_in_flight > 0 {
            self.spurious_in_flight = self.spurious_in_flight.saturating_sub(mss);
        } else if ack.is_dupack && outstanding > 0 && counts {
            self.reno_sacked = self.reno_sacked.saturating_add(mss);
            self.limit_reno_sacked(outstanding, 0, mss);
        }
    }

    /// More duplicate ACKs than segments in flight could cause are ignored and show reordering
    /// (Linux `tcp_limit_reno_sacked`).
    fn limit_reno_sacked(&mut self, outstanding: u32, newly_acked: u32, mss: u32) {
        let max = outstanding.saturating_sub(self.sent_queue.lost_out().max(mss));
        if self.reno_sacked > max {
            self.reno_sacked = max;
            if self.phase == Phase::Open {
                self.raise_reordering(outstanding.saturating_add(newly_acked), mss);
            }
        }
    }

    /// Marks what duplicate and partial ACKs show to be lost: the first outstanding segment.
    /// Returns how many bytes are newly lost.
    pub(crate) fn newreno_detect_loss(&mut self, has_advanced: bool, mss: u32) -> u32 {
        let is_lost = match self.phase {
            Phase::Open => self.reno_sacked >= u32::from(self.reordering).saturating_mul(mss),
            Phase::Recovery => has_advanced,
            Phase::Loss => false,
        };
        if is_lost { self.sent_queue.mark_head_lost() } else { 0 }
    }

    /// Everything is acknowledged, so no duplicate ACK is counted any more.
    pub(crate) fn reset_reno_sacked(&mut self) {
        self.reno_sacked = 0;
    }

    /// Whether duplicate ACKs of spurious retransmissions let the window grow after a timeout.
    #[inline]
    pub(crate) fn grows_by_dupacks(&self, snd: &SndVars) -> bool {
        !snd.sack && self.phase == Phase::Loss && self.spurious_in_flight > 0
    }

    /// Whether the hole that began this recovery was no loss: without SACK and timestamps, it was
    /// filled sooner than a retransmission could have done it (cf. RFC 8985 §6.2 step 2).
    pub(crate) fn is_hole_filled_early(
        &self,
        snd: &SndVars,
        delivered: &Delivered,
        ack: &AckSummary,
    ) -> bool {
        let before = snd.una - ack.newly_acked;
        !snd.sack && delivered.retrans_acked_too_early && self.undo.is_at(before)
    }

    /// Whether the phase goes on although everything is acknowledged: without SACK, duplicate ACKs
    /// of the last hole must not start another recovery (RFC 6582 §3.2). After a timeout there may
    /// be a window of them, caused by spurious retransmissions; they arrive before anything new is
    /// acknowledged.
    pub(crate) fn stays_in_recovery(&self, snd: &SndVars) -> bool {
        let may_come = snd.outstanding() > 0 || self.phase == Phase::Loss;
        !snd.sack && snd.una == self.high_seq && may_come
    }

    /// SND.UNA moved by `newly_acked` bytes: whether the retransmission timer keeps running as it
    /// is, because NewReno will not be done soon (RFC 6582 §4).
    #[inline]
    pub(crate) fn keeps_rto(&mut self, snd: &SndVars, newly_acked: u32, ssthresh: u32) -> bool {
        if snd.sack || self.phase != Phase::Recovery || snd.una.ge(self.high_seq) {
            return false;
        }
        let is_first = !core::mem::replace(&mut self.partial_ack_seen, true);
        let left = (self.high_seq - snd.una) as u32;
        let slow_start_rounds = (ssthresh / snd.mss.max(1)).max(1).ilog2();
        !is_first && left / slow_start_rounds.max(1) > newly_acked
    }

    /// Whether a retransmission must leave the timer as it is.
    pub(crate) fn keeps_rto_on_retransmit(&self, sack: bool) -> bool {
        self.phase == Phase::Recovery && self.partial_ack_seen && !sack
    }
}
