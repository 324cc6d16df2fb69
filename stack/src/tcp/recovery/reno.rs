//! Recovery without SACK (RFC 6582, NewReno): duplicates are all that is known.
//!
//! A duplicate ACK is a segment that left the network; which one it does not say. Enough of them show that
//! the first segment out is lost; while it is repaired, an ACK of a part (a *partial* ACK) shows that what
//! follows is lost too. So one hole is filled in a round trip.
//!
//! What slow start overshoots by can be hundreds of holes. RFC 6582 §4 has two answers: to restart the
//! retransmission timer at every partial ACK, and be slow and steady, as Linux is; or at the first alone,
//! so that after a while the timer ends it and slow start goes through all that was out. Here the timer is
//! restarted while the partial ACKs take such steps that the rest is repaired in fewer round trips
//! than slow start would take.
//!
//! How many duplicates it takes is learnt: more of them than there are segments that could cause them, or
//! a hole that fills itself, is a path that reorders (Linux `tcp_check_reno_reordering`).

use super::{Acked, Delivered, Phase, REORDERING_MAX, Recovery};
use crate::tcp::conn::Conn;

impl Recovery {
    /// Deliveries were early by `distance` bytes, and nothing was lost.
    pub(super) fn raise_reordering(&mut self, distance: u32, mss: u32) {
        let segments = distance.div_ceil(mss.max(1)).min(REORDERING_MAX.into()) as u16;
        self.reordering = self.reordering.max(segments);
    }

    /// Duplicates that do not fit what is out are not believed (Linux `tcp_limit_reno_sacked`): they
    /// show reordering.
    fn limit_duplicates(&mut self, outstanding: u32, advanced: u32, mss: u32) {
        let most = outstanding.saturating_sub(self.sent.lost().max(mss));
        if self.duplicates > most {
            self.duplicates = most;
            if self.phase == Phase::Open {
                self.raise_reordering(outstanding.saturating_add(advanced), mss);
            }
        }
    }

    /// What duplicates and partial ACKs show to be lost: the first segment out.
    pub(super) fn find_reno_loss(&mut self, advanced: bool, mss: u32) -> u32 {
        let lost = match self.phase {
            Phase::Open => self.duplicates >= u32::from(self.reordering).saturating_mul(mss),
            Phase::Recovery => advanced,
            Phase::Loss => false,
        };
        if lost { self.sent.lose_head() } else { 0 }
    }
}

impl Conn {
    /// A duplicate ACK is a segment that left the network, and an advance takes back those that it
    /// covers (Linux `tcp_add_reno_sack`, `tcp_remove_reno_sacks`).
    pub(super) fn count_duplicates(&mut self, delivered: &Delivered, acked: &Acked) {
        let (mss, outstanding) = (self.snd.mss, self.snd.outstanding());
        let recovery = &mut *self.recovery;
        if acked.advanced > 0 {
            let covered = acked.advanced.max(mss) - mss;
            recovery.duplicates = recovery.duplicates.saturating_sub(covered);
            recovery.limit_duplicates(outstanding, acked.advanced, mss);
            if recovery.phase != Phase::Recovery {
                recovery.duplicates = 0;
            }
        }
        if recovery.phase == Phase::Loss {
            recovery.needless = recovery.needless.saturating_add(delivered.needless);
        }
        // After a timeout duplicates tell of what was sent again for nothing, unless something new left.
        let counts = recovery.phase != Phase::Loss || self.snd.nxt.gt(recovery.high);
        if acked.duplicate && recovery.needless > 0 {
            recovery.needless = recovery.needless.saturating_sub(mss);
        } else if acked.duplicate && outstanding > 0 && counts {
            recovery.duplicates = recovery.duplicates.saturating_add(mss);
            recovery.limit_duplicates(outstanding, 0, mss);
        }
    }

    /// Whether the hole that began this recovery was no loss: without SACK and timestamps, it is filled
    /// sooner than a retransmission could have done it (cf. RFC 8985 §6.2 step 2).
    pub(super) fn filled_itself(&self, delivered: &Delivered, acked: &Acked) -> bool {
        let before = self.snd.una - acked.advanced;
        !self.sack && delivered.early && self.recovery.undo.is_at(before)
    }

    /// One ACK may open most of a window when a hole is filled, and the queue of the path does not take
    /// that at once (RFC 6582 §3.2 asks for measures): it leaves at the rate of the window.
    #[inline]
    pub(super) fn spread_what_opened(&mut self, quiet: bool) {
        if self.sack || quiet && !self.pacer.is_spreading() {
            return;
        }
        let pipe = self.recovery.pipe(self.snd.outstanding());
        let open = self.congestion.cwnd().saturating_sub(pipe) / self.snd.mss.max(1);
        if self.pacer.is_spreading() {
            let done = open < SPREAD_UNTIL || self.snd.unsent() == 0;
            self.pacer.spread(!(quiet && done));
        } else if open > SPREAD_FROM {
            self.pacer.spread(true);
        }
    }

    /// Whether the phase goes on although all is acknowledged: without SACK, duplicates of the last hole
    /// must not start another recovery (RFC 6582 §3.2). After a timeout there may be a window of them, of
    /// what was sent again for nothing; they come before anything new is acknowledged.
    pub(super) fn is_held(&self) -> bool {
        let due = self.snd.outstanding() > 0 || self.recovery.phase == Phase::Loss;
        !self.sack && self.snd.una == self.recovery.high && due
    }

    /// SND.UNA moved by `advanced`: whether the retransmission timer goes on as it is, because NewReno
    /// will not be done soon (RFC 6582 §4).
    #[inline]
    pub(crate) fn is_impatient(&mut self, advanced: u32) -> bool {
        let (una, mss) = (self.snd.una, self.snd.mss);
        let Recovery { phase, high, .. } = *self.recovery;
        if self.sack || phase != Phase::Recovery || una.ge(high) {
            return false;
        }
        let first = !core::mem::replace(&mut self.recovery.partial, true);
        let rest = (high - una) as u32;
        let trips = (self.congestion.ssthresh() / mss.max(1)).max(1).ilog2();
        !first && rest / trips.max(1) > advanced
    }

    /// Whether what is sent again must leave the timer alone.
    pub(crate) fn is_timed(&self) -> bool {
        self.recovery.phase == Phase::Recovery && self.recovery.partial && !self.sack
    }
}

/// Segments that may leave at once: an initial window (RFC 6928).
const SPREAD_FROM: u32 = 10;
/// With less than this left, ACKs set the pace again.
const SPREAD_UNTIL: u32 = 3;
