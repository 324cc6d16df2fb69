//! What is in flight: a queue of ranges in the order of their sequence numbers, with what is known
//! of each (Linux: the retransmission queue and its scoreboard).
//!
//! A range is data that left at one instant, or a piece of it that has had a fate of its own since.
//! Each is *unmarked* (nothing was heard of it), *sacked* or *lost*, and, if a retransmission is
//! outstanding, *retransmitted* as well. Bytes in each state are counted as they change, so RFC
//! 6675's `pipe` is a subtraction.
//!
//! No acknowledgment costs a walk over the whole window. Ranges are found by binary search. What
//! was sacked is also kept as intervals, so a block that repeats what is known is not looked at
//! again. Two hints say below which number no range is unmarked, and no range needs a
//! retransmission. Transmissions in the order of time are the unmarked ranges in the order of their
//! numbers, and `retransmissions`, a queue.
//!
//! A SACK block that ends inside a segment counts up to the segment's border, so there are never
//! more ranges than segments, whatever a peer claims.

mod detect;
mod retransmit;
mod sack;

use std::collections::VecDeque;

use wire::tcp::SeqNum;

use crate::store::ranges::Ranges;
use crate::tcp::recovery::delivered::Delivered;
use crate::tcp::recovery::sent_range::{LOST, RETRANS, SACKED, SentRange};
use crate::time::Instant;

pub(crate) use detect::Losses;
use retransmit::Retransmission;

/// The queue of sent data.
#[derive(Debug)]
pub(crate) struct SentQueue {
    ranges: VecDeque<SentRange>,
    /// Retransmissions in the order in which they were sent.
    retransmissions: VecDeque<Retransmission>,
    /// What is sacked, as stream positions; `una_position` is that of `una`.
    sacked_intervals: Ranges,
    una_position: u64,
    /// SND.UNA.
    una: SeqNum,
    /// Linux `sacked_out`, bytes.
    sacked_out: u32,
    /// Linux `lost_out`, bytes.
    lost_out: u32,
    /// Linux `retrans_out`, bytes.
    retrans_out: u32,
    /// Bytes of `lost_out` without an outstanding retransmission.
    to_retransmit: u32,
    /// RFC 6675 `HighData` as far as it is sacked: one past the highest number that is or was
    /// sacked.
    highest_sacked: SeqNum,
    /// No range before this number is unmarked.
    unmarked_from: SeqNum,
    /// No range before this number needs a retransmission.
    retransmit_from: SeqNum,
}

impl SentQueue {
    /// An empty queue at `una`.
    pub(crate) const fn new(una: SeqNum) -> Self {
        Self {
            ranges: VecDeque::new(),
            retransmissions: VecDeque::new(),
            sacked_intervals: Ranges::new(),
            una_position: 0,
            una,
            sacked_out: 0,
            lost_out: 0,
            retrans_out: 0,
            to_retransmit: 0,
            highest_sacked: una,
            unmarked_from: una,
            retransmit_from: una,
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Linux `sacked_out`, bytes.
    #[inline]
    pub(crate) fn sacked_out(&self) -> u32 {
        self.sacked_out
    }

    /// Linux `lost_out`, bytes.
    #[inline]
    pub(crate) fn lost_out(&self) -> u32 {
        self.lost_out
    }

    /// Linux `retrans_out`, bytes.
    #[inline]
    pub(crate) fn retrans_out(&self) -> u32 {
        self.retrans_out
    }

    /// One past the highest number that was sacked.
    pub(crate) fn highest_sacked(&self) -> SeqNum {
        self.highest_sacked
    }

    /// The range with the highest numbers.
    #[inline]
    pub(crate) fn tail(&self) -> Option<&SentRange> {
        self.ranges.back()
    }

    /// `seq..end` left for the first time, in segments of `mss` bytes.
    #[inline]
    pub(crate) fn push(&mut self, seq: SeqNum, end: SeqNum, mss: u32, now: Instant) {
        let mss = mss as u16;
        if let Some(last) = self.ranges.back_mut()
            && last.xmit_ts == now
            && last.state == 0
            && last.mss == mss
            && last.len().is_multiple_of(u32::from(mss))
            && last.len() < RANGE_MAX
        {
            debug_assert_eq!(last.end_seq, seq);
            last.end_seq = end;
            return;
        }
        if self.ranges.is_empty() {
            self.restart(seq);
        }
        self.ranges.push_back(SentRange { seq, end_seq: end, xmit_ts: now, mss, state: 0 });
    }

    /// Starts over at `una` with nothing outstanding.
    fn restart(&mut self, una: SeqNum) {
        self.una = una;
        self.highest_sacked = una;
        self.unmarked_from = una;
        self.retransmit_from = una;
    }

    /// Everything below `una` is acknowledged.
    #[inline]
    pub(crate) fn on_ack(&mut self, una: SeqNum, delivered: &mut Delivered) {
        while let Some(range) = self.ranges.front_mut().filter(|range| range.seq.lt(una)) {
            let acked = SentRange { end_seq: range.end_seq.min(una), ..*range };
            if range.end_seq.le(una) {
                self.ranges.pop_front();
            } else {
                range.seq = una;
            }
            self.uncount(&acked);
            delivered.on_acked(&acked, acked.is(SACKED), self.highest_sacked);
        }
        self.una_position += (una - self.una).max(0) as u64;
        self.una = una;
        self.sacked_intervals.remove_below(self.una_position);
        self.highest_sacked = self.highest_sacked.max(una);
        self.unmarked_from = self.unmarked_from.max(una);
        self.retransmit_from = self.retransmit_from.max(una);
        if self.ranges.is_empty() {
            self.release();
        }
    }

    /// `range` leaves the queue, or its state, and is counted no more.
    #[inline]
    fn uncount(&mut self, range: &SentRange) {
        let len = range.len();
        if range.state & (SACKED | LOST | RETRANS) == 0 {
            return;
        }
        if range.is(SACKED) {
            self.sacked_out -= len;
        }
        if range.is(LOST) {
            self.lost_out -= len;
        }
        if range.is(RETRANS) {
            self.retrans_out -= len;
        }
        if range.needs_retransmit() {
            self.to_retransmit -= len;
        }
    }

    /// Puts the range at `index` into `state`, and counts it so.
    #[inline]
    fn set_state(&mut self, index: usize, state: u8) {
        let before = self.ranges[index];
        self.uncount(&before);
        self.ranges[index].state = state;
        let range = self.ranges[index];
        let len = range.len();
        if range.is(SACKED) {
            self.sacked_out += len;
        }
        if range.is(LOST) {
            self.lost_out += len;
        }
        if range.is(RETRANS) {
            self.retrans_out += len;
        }
        if range.needs_retransmit() {
            self.to_retransmit += len;
        }
    }

    /// Nothing is outstanding: frees what the queue needed for a large window.
    fn release(&mut self) {
        self.retransmissions.clear();
        self.sacked_intervals.clear();
        if self.ranges.capacity() > KEPT_RANGES {
            self.ranges = VecDeque::new();
        }
        if self.retransmissions.capacity() > 0 {
            self.retransmissions = VecDeque::new();
            self.sacked_intervals = Ranges::default();
        }
    }

    /// Cuts the range at `index` in two.
    fn split(&mut self, index: usize, at: SeqNum) {
        let range = &mut self.ranges[index];
        debug_assert!(range.seq.lt(at) && at.lt(range.end_seq));
        let second = SentRange { seq: at, ..*range };
        range.end_seq = at;
        self.ranges.insert(index + 1, second);
    }

    /// The first range that ends beyond `from` and is not sacked.
    #[inline]
    fn next_unsacked(&self, from: SeqNum) -> Option<usize> {
        let from = from.max(self.una);
        let end = self.ranges.back()?.end_seq;
        let gap = self.sacked_intervals.next_gap(self.position(from), self.position(end))?;
        Some(self.find(self.seq(gap.0)))
    }

    /// The range that `seq` is in, or the first beyond it.
    #[inline]
    fn find(&self, seq: SeqNum) -> usize {
        if self.ranges.front().is_none_or(|range| seq.lt(range.end_seq)) {
            return 0;
        }
        self.ranges.partition_point(|range| range.end_seq.le(seq))
    }

    /// The stream position of a sequence number, which does not wrap.
    #[inline]
    fn position(&self, seq: SeqNum) -> u64 {
        self.una_position + (seq - self.una).max(0) as u64
    }

    /// The sequence number of a stream position.
    #[inline]
    fn seq(&self, position: u64) -> SeqNum {
        self.una + (position - self.una_position) as u32
    }

    /// Panics if counts and states disagree; `nxt` is SND.NXT.
    #[cfg(test)]
    pub(crate) fn check(&self, una: SeqNum, nxt: SeqNum) {
        let mut seq = una;
        let (mut sacked, mut lost, mut retrans, mut to_retransmit) = (0, 0, 0, 0);
        for range in &self.ranges {
            assert_eq!(range.seq, seq, "ranges follow each other");
            assert!(range.seq.lt(range.end_seq));
            seq = range.end_seq;
            let len = range.len();
            sacked += if range.is(SACKED) { len } else { 0 };
            lost += if range.is(LOST) { len } else { 0 };
            retrans += if range.is(RETRANS) { len } else { 0 };
            to_retransmit += if range.needs_retransmit() { len } else { 0 };
            assert!(!range.is(SACKED) || !range.is(LOST | RETRANS));
            let marked = range.state & (SACKED | LOST | RETRANS) != 0;
            assert!(marked || range.end_seq.gt(self.unmarked_from));
            assert!(!range.needs_retransmit() || range.end_seq.gt(self.retransmit_from));
            let (start, end) = (self.position(range.seq), self.position(range.end_seq));
            assert_eq!(self.sacked_intervals.covers(start, end), range.is(SACKED));
        }
        assert!(self.ranges.is_empty() || seq == nxt, "everything outstanding is in a range");
        let counts = (self.sacked_out, self.lost_out, self.retrans_out);
        assert_eq!((sacked, lost, retrans), counts);
        assert_eq!(to_retransmit, self.to_retransmit);
    }
}

/// Largest range that grows: a range stands for one send time, and halving it is cheap.
const RANGE_MAX: u32 = 1 << 16;
/// Ranges whose memory a connection keeps while nothing is outstanding.
const KEPT_RANGES: usize = 4;
