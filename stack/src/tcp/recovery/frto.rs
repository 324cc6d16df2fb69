//! After a retransmission timeout: F-RTO (RFC 5682) decides whether the timeout was spurious.

use super::{AckSummary, DUP_ACK_THRESHOLD, Delivered, Phase, Recovery, SndVars};
use crate::time::Instant;
use wire::tcp::SeqNum;

/// What an acknowledgment says about the last retransmission timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RtoVerdict {
    /// It was spurious: the originals arrive.
    Spurious,
    /// Nothing, or that it was right.
    NotSpurious,
}

/// What a retransmission timeout does to the congestion window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RtoReduction {
    /// It is the first loss of this flight, so ssthresh comes down (RFC 5681 §3.1).
    Ssthresh,
    /// ssthresh came down already.
    None,
}

impl Recovery {
    /// The retransmission timer expired for the `retries`th time in a row (RFC 6298 §5, Linux
    /// `tcp_enter_loss`). Says whether ssthresh is to be reduced.
    pub(crate) fn enter_loss(&mut self, snd: &SndVars, retries: u8, now: Instant) -> RtoReduction {
        let was_open = self.phase == Phase::Open;
        if self.sent_queue.is_reneged() {
            self.sent_queue.forget_sacks();
        }
        let delivered_early = self.reno_sacked + self.sent_queue.sacked_out();
        if was_open && delivered_early >= u32::from(DUP_ACK_THRESHOLD) * snd.mss {
            // So much was delivered early and yet the timer expired, so it was no reordering.
            self.reordering = self.reordering.min(DUP_ACK_THRESHOLD);
        }
        let rack = snd.sack.then_some(self.rack);
        self.sent_queue.mark_lost_on_rto(rack.as_ref(), now);
        self.reno_sacked = 0;
        self.spurious_in_flight = 0;
        let is_first = retries <= 1;
        let reduces =
            was_open || snd.una.ge(self.high_seq) || self.phase == Phase::Loss && is_first;
        if reduces {
            self.undo.arm(snd.una, self.sent_queue.retrans_out());
        }
        // A timeout in the middle of a recovery is a real one (RFC 5682 §2.1 step 1).
        self.frto = was_open || retries > 1;
        self.frto_send_new = false;
        self.phase = Phase::Loss;
        self.high_seq = snd.nxt;
        self.tlp = None;
        self.tlp_due = false;
        if reduces { RtoReduction::Ssthresh } else { RtoReduction::None }
    }

    /// Whether F-RTO has not decided yet whether the timeout was spurious.
    #[inline]
    pub(crate) fn is_frto_undecided(&self) -> bool {
        self.frto
    }

    /// An acknowledgment after a timeout (RFC 5682, Linux `tcp_process_loss`). `can_send_new` says
    /// that new data is there and the peer's window takes it.
    pub(crate) fn process_loss(
        &mut self,
        snd: &SndVars,
        delivered: &Delivered,
        ack: &AckSummary,
        can_send_new: bool,
    ) -> RtoVerdict {
        let has_advanced = ack.newly_acked > 0;
        let is_recovered = snd.una.ge(self.high_seq);
        if has_advanced && self.undo.may_undo(ack.ts_ecr) {
            return RtoVerdict::Spurious;
        }
        if self.frto {
            self.frto_send_new = false;
            // Without SACK, filling a hole by a retransmission acknowledges what came before it
            // too.
            let is_original =
                delivered.orig_sack_acked && (snd.sack || !delivered.retrans_data_acked);
            if is_original && self.undo.is_armed() {
                // Step 3.b: data that was sent only once has arrived.
                return RtoVerdict::Spurious;
            }
            if snd.nxt.gt(self.high_seq) {
                // Step 3.a: the new data arrived and the old data did not.
                self.frto &= delivered.newly_sacked == 0 && !ack.is_dupack;
            } else if has_advanced && !is_recovered {
                // Step 2.b: send something new and see.
                self.high_seq = snd.nxt;
                self.frto_send_new = can_send_new;
                self.frto = can_send_new;
            }
        }
        if is_recovered {
            self.reno_sacked = 0;
            if !self.stays_in_recovery(snd) {
                self.enter_open();
            }
        }
        RtoVerdict::NotSpurious
    }

    /// The timeout was spurious and has been undone.
    pub(crate) fn end_spurious_loss(&mut self) {
        // What looked like the delivery of a retransmission was that of an original.
        self.rack.forget_delivery();
        self.enter_open();
    }

    /// F-RTO wanted new data sent before anything is retransmitted, and there is none, so F-RTO
    /// cannot decide. Says whether that was so.
    pub(crate) fn give_up_frto(&mut self, nxt: SeqNum) -> bool {
        let has_no_new_data = self.frto_send_new && nxt == self.high_seq;
        if has_no_new_data {
            self.frto_send_new = false;
            self.frto = false;
        }
        has_no_new_data
    }
}
