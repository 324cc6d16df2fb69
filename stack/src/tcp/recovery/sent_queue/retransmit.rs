//! What is to be retransmitted next, and what was.

use wire::tcp::SeqNum;

use super::{KEPT_RANGES, SentQueue};
use crate::tcp::recovery::sent_range::{EVER_RETRANS, RETRANS};
use crate::time::Instant;

/// A retransmission.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retransmission {
    pub(super) seq: SeqNum,
    pub(super) end_seq: SeqNum,
    /// RFC 8985 `Segment.xmit_ts`: when it was sent.
    pub(super) xmit_ts: Instant,
}

impl SentQueue {
    /// Whether something is to be retransmitted.
    #[inline]
    pub(crate) fn has_retransmit(&self) -> bool {
        self.to_retransmit > 0
    }

    /// What is to be retransmitted next: where it starts and how long it is, at most `max` bytes.
    pub(crate) fn next_retransmit(&self, max: u32) -> Option<(SeqNum, u32)> {
        let first = self.first_to_retransmit()?;
        let start = self.ranges[first].seq;
        let mut end = self.ranges[first].end_seq;
        for range in self.ranges.range(first + 1..) {
            if !range.needs_retransmit() || (end - start) as u32 >= max {
                break;
            }
            end = range.end_seq;
        }
        Some((start, ((end - start) as u32).min(max)))
    }

    fn first_to_retransmit(&self) -> Option<usize> {
        let mut from = self.retransmit_from;
        while let Some(index) = self.next_unsacked(from) {
            if self.ranges[index].needs_retransmit() {
                return Some(index);
            }
            from = self.ranges[index].end_seq;
        }
        None
    }

    /// `seq..end` was retransmitted in segments of `mss` bytes.
    pub(crate) fn on_retransmit(&mut self, seq: SeqNum, end: SeqNum, mss: u32, now: Instant) {
        let mut index = self.find(seq);
        if self.ranges.get(index).is_some_and(|range| range.seq.lt(seq)) {
            self.split(index, seq);
            index += 1;
        }
        while let Some(range) = self.ranges.get(index).copied().filter(|r| r.seq.lt(end)) {
            if end.lt(range.end_seq) {
                self.split(index, end);
            }
            self.set_state(index, range.state | RETRANS | EVER_RETRANS);
            let range = &mut self.ranges[index];
            range.xmit_ts = now;
            range.mss = mss as u16;
            index += 1;
        }
        if self.retransmit_from.ge(seq) && self.retransmit_from.lt(end) {
            self.retransmit_from = end;
        }
        if self.retransmissions.len() > 2 * self.ranges.len() + KEPT_RANGES {
            let mut retransmissions = core::mem::take(&mut self.retransmissions);
            retransmissions.retain(|sent| self.is_outstanding(sent));
            self.retransmissions = retransmissions;
        }
        self.retransmissions.push_back(Retransmission { seq, end_seq: end, xmit_ts: now });
    }

    /// Whether a part of a retransmission is still outstanding.
    pub(super) fn is_outstanding(&self, sent: &Retransmission) -> bool {
        let mut ranges = self.ranges.range(self.find(sent.seq)..);
        let of_it = ranges.by_ref().take_while(|range| range.seq.lt(sent.end_seq));
        of_it.into_iter().any(|range| range.is(RETRANS) && range.xmit_ts == sent.xmit_ts)
    }
}
