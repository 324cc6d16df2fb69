//! SACK blocks (RFC 2018) and the queue of sent data.

use wire::tcp::SeqNum;
use wire::tcp_options::SackBlock;

use super::SentQueue;
use crate::tcp::recovery::delivered::Delivered;
use crate::tcp::recovery::sent_range::{EVER_RETRANS, SACKED};

impl SentQueue {
    /// Whether the peer reneged: it sacked the range at SND.UNA and yet does not acknowledge it, so
    /// it has discarded it (RFC 2018 §8).
    pub(crate) fn is_reneged(&self) -> bool {
        self.ranges.front().is_some_and(|range| range.is(SACKED))
    }

    /// The peer has `block`, which lies between SND.UNA and SND.NXT.
    pub(crate) fn on_sack(&mut self, block: SackBlock, delivered: &mut Delivered) {
        let (mut from, to) = (self.position(block.left), self.position(block.right));
        while let Some((start, end)) = self.sacked_intervals.next_gap(from, to) {
            let (gap_start, gap_end) = (self.seq(start), self.seq(end));
            self.sack_gap(gap_start, gap_end, delivered);
            from = end;
        }
    }

    /// Sacks the whole segments of `start..stop`, of which nothing was sacked before.
    fn sack_gap(&mut self, start: SeqNum, stop: SeqNum, delivered: &mut Delivered) {
        let mut index = self.find(start);
        while let Some(range) = self.ranges.get(index).copied().filter(|r| r.seq.lt(stop)) {
            let mss = u32::from(range.mss).max(1);
            let mut from = range.seq;
            if from.lt(start) {
                from = range.seq + ((start - range.seq) as u32).next_multiple_of(mss);
            }
            let mut to = range.end_seq;
            if stop.lt(to) {
                let len = (stop - range.seq) as u32;
                to = range.seq + (len - len % mss);
            }
            index += 1;
            if from.ge(to) || range.is(SACKED) {
                continue;
            }
            let (first, last) = (self.position(from), self.position(to));
            if self.sacked_intervals.insert(first, last, INTERVALS_MAX).is_none() {
                return;
            }
            if to.lt(range.end_seq) {
                self.split(index - 1, to);
            }
            if range.seq.lt(from) {
                self.split(index - 1, from);
                index += 1;
            }
            self.mark_sacked(index - 1, delivered);
        }
    }

    fn mark_sacked(&mut self, index: usize, delivered: &mut Delivered) {
        let range = self.ranges[index];
        self.set_state(index, range.state & EVER_RETRANS | SACKED);
        delivered.on_sacked(&range, self.highest_sacked);
        self.highest_sacked = self.highest_sacked.max(range.end_seq);
    }

    /// The peer reneged: nothing counts as sacked any more.
    pub(crate) fn forget_sacks(&mut self) {
        for range in &mut self.ranges {
            range.state &= !SACKED;
        }
        self.sacked_out = 0;
        self.sacked_intervals.clear();
        self.highest_sacked = self.una;
        self.unmarked_from = self.una;
    }
}

/// Intervals of sacked data that are kept apart; blocks beyond them are ignored. Linux bounds what
/// a peer can make it keep by the segments in flight, as the ranges of the queue do here.
const INTERVALS_MAX: usize = 4096;
