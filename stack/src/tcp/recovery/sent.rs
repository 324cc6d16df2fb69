//! What is in flight: a queue of runs in the order of their sequence numbers, and what is known of each.
//!
//! A run is data that left at one instant, or a piece of it that has had a fate of its own since. Each is
//! *plain* (out, nothing heard), *sacked*, *lost* (taken for lost), and, if it was sent again since,
//! *resent*. Bytes in each state are counted as they change, so the pipe (RFC 6675) is a
//! subtraction.
//!
//! No acknowledgment costs a walk over the whole window. Runs are found by binary search;
//! what has been sacked is also kept as ranges, so that a block which repeats what is known is not
//! looked at again; and two hints say below which number nothing is plain, and nothing waits to
//! be sent again. Transmissions in the order of time are the plain runs in the order of their
//! numbers, and `again`, a queue of retransmissions.
//!
//! A block that ends inside a segment counts up to the segment's border, so there are never more runs
//! than segments, whatever a peer claims.

use std::collections::VecDeque;

use wire::tcp::SeqNum;
use wire::tcp_options::SackBlock;

use crate::store::ranges::Ranges;
use crate::tcp::recovery::delivered::Delivered;
use crate::tcp::recovery::rack::Rack;
use crate::time::{Duration, Instant};

/// Numbers that left together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) seq: SeqNum,
    pub(crate) end: SeqNum,
    /// When it last left.
    pub(crate) sent: Instant,
    /// Size of its segments.
    size: u16,
    state: u8,
}

/// The peer has it, out of order.
const SACKED: u8 = 1;
/// Taken for lost. Stays while the retransmission is out.
const LOST: u8 = 2;
/// A retransmission of it is out.
const RESENT: u8 = 4;
/// It was sent more than once, so an acknowledgment of it is ambiguous (Karn).
const EVER: u8 = 8;

impl Run {
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        (self.end - self.seq) as u32
    }

    /// It was sent more than once.
    #[inline]
    pub(crate) fn was_resent(&self) -> bool {
        self.state & EVER != 0
    }

    #[inline]
    fn is(&self, state: u8) -> bool {
        self.state & state != 0
    }

    /// Lost, and no retransmission is out.
    #[inline]
    fn waits(&self) -> bool {
        self.state & (SACKED | LOST | RESENT) == LOST
    }

    /// Where its last segment starts, and how much data that holds. `fin` says that the run ends with our
    /// FIN, which leaves with the data before it although the segment is full.
    pub(crate) fn last_segment(&self, fin: bool) -> (SeqNum, u32) {
        let size = u32::from(self.size).max(1);
        let data = self.len() - u32::from(fin);
        let before = data.saturating_sub(1) / size * size;
        (self.seq + before, data - before)
    }
}

/// A retransmission, in the order of time.
#[derive(Clone, Copy, Debug)]
struct Again {
    seq: SeqNum,
    end: SeqNum,
    sent: Instant,
}

/// The queue.
#[derive(Debug)]
pub(crate) struct SentQueue {
    runs: VecDeque<Run>,
    again: VecDeque<Again>,
    /// What is sacked, as positions; `base` is that of `una`.
    sacked_ranges: Ranges,
    base: u64,
    una: SeqNum,
    sacked: u32,
    lost: u32,
    resent: u32,
    /// Of `lost`, what no retransmission is out of.
    waiting: u32,
    /// One past the highest number that is or was sacked.
    highest: SeqNum,
    /// No run before it is plain.
    plain_from: SeqNum,
    /// No run before it waits to be sent again.
    lost_from: SeqNum,
}

/// What a look for losses found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses {
    /// Bytes newly taken for lost.
    pub(crate) bytes: u32,
    /// Some of them were retransmissions.
    pub(crate) retransmissions: bool,
    /// How long until the next may have to be.
    pub(crate) wait: Option<Duration>,
}

impl SentQueue {
    pub(crate) const fn new(una: SeqNum) -> Self {
        Self {
            runs: VecDeque::new(),
            again: VecDeque::new(),
            sacked_ranges: Ranges::new(),
            base: 0,
            una,
            sacked: 0,
            lost: 0,
            resent: 0,
            waiting: 0,
            highest: una,
            plain_from: una,
            lost_from: una,
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    #[inline]
    pub(crate) fn sacked(&self) -> u32 {
        self.sacked
    }

    #[inline]
    pub(crate) fn lost(&self) -> u32 {
        self.lost
    }

    #[inline]
    pub(crate) fn resent(&self) -> u32 {
        self.resent
    }

    /// One past the highest number that was sacked.
    pub(crate) fn highest(&self) -> SeqNum {
        self.highest
    }

    #[inline]
    pub(crate) fn head(&self) -> Option<&Run> {
        self.runs.front()
    }

    #[inline]
    pub(crate) fn tail(&self) -> Option<&Run> {
        self.runs.back()
    }

    /// The peer said that it has the run at SND.UNA, and yet does not acknowledge it: it threw it away
    /// (RFC 2018 §8).
    pub(crate) fn is_reneged(&self) -> bool {
        self.head().is_some_and(|run| run.is(SACKED))
    }

    /// Whether something waits to be sent again.
    #[inline]
    pub(crate) fn has_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// `seq..end` left for the first time, in segments of `size`.
    #[inline]
    pub(crate) fn push(&mut self, seq: SeqNum, end: SeqNum, size: u32, now: Instant) {
        let size = size as u16;
        if let Some(last) = self.runs.back_mut()
            && last.sent == now
            && last.state == 0
            && last.size == size
            && last.len().is_multiple_of(u32::from(size))
            && last.len() < RUN_MAX
        {
            debug_assert_eq!(last.end, seq);
            last.end = end;
            return;
        }
        if self.runs.is_empty() {
            self.start(seq);
        }
        self.runs.push_back(Run { seq, end, sent: now, size, state: 0 });
    }

    /// Begins anew at `una` with nothing out.
    fn start(&mut self, una: SeqNum) {
        self.una = una;
        self.highest = una;
        self.plain_from = una;
        self.lost_from = una;
    }

    /// Everything below `una` is acknowledged.
    #[inline]
    pub(crate) fn on_ack(&mut self, una: SeqNum, delivered: &mut Delivered) {
        while let Some(run) = self.runs.front_mut().filter(|run| run.seq.lt(una)) {
            let part = Run { end: run.end.min(una), ..*run };
            if run.end.le(una) {
                self.runs.pop_front();
            } else {
                run.seq = una;
            }
            self.leave(&part);
            delivered.acked(&part, part.is(SACKED), self.highest);
        }
        self.base += (una - self.una).max(0) as u64;
        self.una = una;
        self.sacked_ranges.remove_below(self.base);
        self.highest = self.highest.max(una);
        self.plain_from = self.plain_from.max(una);
        self.lost_from = self.lost_from.max(una);
        if self.runs.is_empty() {
            self.release();
        }
    }

    /// `run` leaves the queue: it is counted no more.
    #[inline]
    fn leave(&mut self, run: &Run) {
        let len = run.len();
        if run.state & (SACKED | LOST | RESENT) == 0 {
            return;
        }
        if run.is(SACKED) {
            self.sacked -= len;
        }
        if run.is(LOST) {
            self.lost -= len;
        }
        if run.is(RESENT) {
            self.resent -= len;
        }
        if run.waits() {
            self.waiting -= len;
        }
    }

    /// Puts the run at `at` into `state`, and counts it so.
    #[inline]
    fn set_state(&mut self, at: usize, state: u8) {
        let before = self.runs[at];
        self.leave(&before);
        self.runs[at].state = state;
        let run = self.runs[at];
        let len = run.len();
        if run.is(SACKED) {
            self.sacked += len;
        }
        if run.is(LOST) {
            self.lost += len;
        }
        if run.is(RESENT) {
            self.resent += len;
        }
        if run.waits() {
            self.waiting += len;
        }
    }

    /// Nothing is out: what the queue needed for a large window goes back.
    fn release(&mut self) {
        self.again.clear();
        self.sacked_ranges.clear();
        if self.runs.capacity() > KEPT_RUNS {
            self.runs = VecDeque::new();
        }
        if self.again.capacity() > 0 {
            self.again = VecDeque::new();
            self.sacked_ranges = Ranges::default();
        }
    }

    /// The peer has `block`, which lies between SND.UNA and SND.NXT.
    pub(crate) fn on_sack(&mut self, block: SackBlock, delivered: &mut Delivered) {
        let (mut from, to) = (self.position(block.left), self.position(block.right));
        while let Some((start, end)) = self.sacked_ranges.next_gap(from, to) {
            let (start, stop) = (self.seq(start), self.seq(end));
            self.sack_gap(start, stop, delivered);
            from = end;
        }
    }

    fn sack_gap(&mut self, start: SeqNum, stop: SeqNum, delivered: &mut Delivered) {
        let mut at = self.find(start);
        while let Some(run) = self.runs.get(at).copied().filter(|run| run.seq.lt(stop)) {
            let size = u32::from(run.size).max(1);
            let mut from = run.seq;
            if from.lt(start) {
                from = run.seq + ((start - run.seq) as u32).next_multiple_of(size);
            }
            let mut to = run.end;
            if stop.lt(to) {
                let whole = (stop - run.seq) as u32;
                to = run.seq + (whole - whole % size);
            }
            at += 1;
            if from.ge(to) || run.is(SACKED) {
                continue;
            }
            let (first, last) = (self.position(from), self.position(to));
            if self.sacked_ranges.insert(first, last, RANGES_MAX).is_none() {
                return;
            }
            if to.lt(run.end) {
                self.split(at - 1, to);
            }
            if run.seq.lt(from) {
                self.split(at - 1, from);
                at += 1;
            }
            self.set_sacked(at - 1, delivered);
        }
    }

    fn set_sacked(&mut self, at: usize, delivered: &mut Delivered) {
        let run = self.runs[at];
        self.set_state(at, run.state & EVER | SACKED);
        delivered.sacked(&run, self.highest);
        self.highest = self.highest.max(run.end);
    }

    /// Cuts the run at `index` in two.
    fn split(&mut self, index: usize, at: SeqNum) {
        let run = &mut self.runs[index];
        debug_assert!(run.seq.lt(at) && at.lt(run.end));
        let rest = Run { seq: at, ..*run };
        run.end = at;
        self.runs.insert(index + 1, rest);
    }

    /// Looks for what must be lost, since something sent later was delivered (RFC 8985 §6.2 step 5).
    /// `grace` is the reordering window.
    pub(crate) fn detect(&mut self, rack: &Rack, grace: Duration, now: Instant) -> Losses {
        let mut losses = Losses::default();
        self.detect_plain(rack, grace, now, &mut losses);
        self.detect_resent(rack, grace, now, &mut losses);
        losses
    }

    fn detect_plain(&mut self, rack: &Rack, grace: Duration, now: Instant, losses: &mut Losses) {
        while let Some(at) = self.next_unsacked(self.plain_from) {
            let run = self.runs[at];
            if !run.is(LOST | RESENT) {
                if !rack.is_sent_before(run.sent, run.end) {
                    return;
                }
                if let Some(left) = rack.left(run.sent, grace, now) {
                    losses.wait_for(left);
                    return;
                }
                losses.bytes += run.len();
                self.set_lost(at);
            }
            self.plain_from = run.end;
        }
    }

    fn detect_resent(&mut self, rack: &Rack, grace: Duration, now: Instant, losses: &mut Losses) {
        while let Some(&again) = self.again.front() {
            if self.is_out(&again) {
                if !rack.is_sent_before(again.sent, again.end) {
                    return;
                }
                if let Some(left) = rack.left(again.sent, grace, now) {
                    losses.wait_for(left);
                    return;
                }
                losses.bytes += self.lose_again(&again);
                losses.retransmissions = true;
            }
            self.again.pop_front();
        }
    }

    /// Whether something of a retransmission is still out.
    fn is_out(&self, again: &Again) -> bool {
        let mut runs = self.runs.range(self.find(again.seq)..);
        let of_it = runs.by_ref().take_while(|run| run.seq.lt(again.end));
        of_it.into_iter().any(|run| run.is(RESENT) && run.sent == again.sent)
    }

    fn lose_again(&mut self, again: &Again) -> u32 {
        let mut bytes = 0;
        let mut at = self.find(again.seq);
        while let Some(run) = self.runs.get(at).copied().filter(|run| run.seq.lt(again.end)) {
            if run.is(RESENT) && run.sent == again.sent {
                bytes += run.len();
                self.set_lost(at);
            }
            at += 1;
        }
        bytes
    }

    /// Takes a run for lost; if it was sent again, that too.
    fn set_lost(&mut self, at: usize) {
        let run = self.runs[at];
        debug_assert!(!run.is(SACKED));
        self.set_state(at, run.state & EVER | LOST);
        self.lost_from = self.lost_from.min(run.seq);
    }

    /// Takes the first segment out for lost, as without SACK nothing more is known (RFC 6582).
    pub(crate) fn lose_head(&mut self) -> u32 {
        let Some(run) = self.runs.front().copied() else { return 0 };
        if run.is(LOST) && !run.is(RESENT) {
            return 0;
        }
        let size = u32::from(run.size).max(1);
        if run.len() > size {
            self.split(0, run.seq + size);
        }
        self.set_lost(0);
        self.runs[0].len()
    }

    /// The retransmission timer expired: everything unsacked is lost, but for what left so late that a
    /// delivery could not have been heard (RFC 8985 §6.3). The first run always is.
    pub(crate) fn time_out(&mut self, rack: Option<&Rack>, now: Instant) {
        for at in 0..self.runs.len() {
            let run = self.runs[at];
            let late = rack.is_some_and(|rack| rack.left(run.sent, Duration::ZERO, now).is_some());
            if !run.is(SACKED) && (at == 0 || !late) {
                self.set_lost(at);
            }
        }
        self.lost_from = self.una;
    }

    /// Segments larger than `size` no longer fit the path: they are lost (RFC 1191 §6.4). Says
    /// whether there are any.
    pub(crate) fn lose_larger(&mut self, size: u32) -> bool {
        let mut any = false;
        for at in 0..self.runs.len() {
            let run = self.runs[at];
            if u32::from(run.size).min(run.len()) > size && !run.is(SACKED) {
                self.set_lost(at);
                any = true;
            }
        }
        any
    }

    /// The losses were none: everything unsacked is out again.
    pub(crate) fn forgive(&mut self) {
        for run in &mut self.runs {
            run.state &= !LOST;
        }
        (self.lost, self.waiting) = (0, 0);
        self.plain_from = self.una;
    }

    /// The peer threw away what it had out of order: it has nothing.
    pub(crate) fn forget_sacks(&mut self) {
        for run in &mut self.runs {
            run.state &= !SACKED;
        }
        self.sacked = 0;
        self.sacked_ranges.clear();
        self.highest = self.una;
        self.plain_from = self.una;
    }

    /// What is to be sent again next: where it starts and how long it is, at most `most` bytes.
    pub(crate) fn waiting(&self, most: u32) -> Option<(SeqNum, u32)> {
        let first = self.next_waiting()?;
        let start = self.runs[first].seq;
        let mut end = self.runs[first].end;
        for run in self.runs.range(first + 1..) {
            if !run.waits() || (end - start) as u32 >= most {
                break;
            }
            end = run.end;
        }
        Some((start, ((end - start) as u32).min(most)))
    }

    fn next_waiting(&self) -> Option<usize> {
        let mut from = self.lost_from;
        while let Some(at) = self.next_unsacked(from) {
            if self.runs[at].waits() {
                return Some(at);
            }
            from = self.runs[at].end;
        }
        None
    }

    /// `seq..end` was sent again, in segments of `size`.
    pub(crate) fn on_resent(&mut self, seq: SeqNum, end: SeqNum, size: u32, now: Instant) {
        let mut at = self.find(seq);
        if self.runs.get(at).is_some_and(|run| run.seq.lt(seq)) {
            self.split(at, seq);
            at += 1;
        }
        while let Some(run) = self.runs.get(at).copied().filter(|run| run.seq.lt(end)) {
            if end.lt(run.end) {
                self.split(at, end);
            }
            self.set_state(at, run.state | RESENT | EVER);
            let run = &mut self.runs[at];
            run.sent = now;
            run.size = size as u16;
            at += 1;
        }
        if self.lost_from.ge(seq) && self.lost_from.lt(end) {
            self.lost_from = end;
        }
        if self.again.len() > 2 * self.runs.len() + KEPT_RUNS {
            let mut again = core::mem::take(&mut self.again);
            again.retain(|again| self.is_out(again));
            self.again = again;
        }
        self.again.push_back(Again { seq, end, sent: now });
    }

    /// The first run that ends beyond `from` and is not sacked.
    #[inline]
    fn next_unsacked(&self, from: SeqNum) -> Option<usize> {
        let from = from.max(self.una);
        let end = self.runs.back()?.end;
        let (start, _) = self.sacked_ranges.next_gap(self.position(from), self.position(end))?;
        Some(self.find(self.seq(start)))
    }

    /// The run that `seq` is in, or the first beyond it.
    #[inline]
    fn find(&self, seq: SeqNum) -> usize {
        if self.runs.front().is_none_or(|run| seq.lt(run.end)) {
            return 0;
        }
        self.runs.partition_point(|run| run.end.le(seq))
    }

    #[inline]
    fn position(&self, seq: SeqNum) -> u64 {
        self.base + (seq - self.una).max(0) as u64
    }

    #[inline]
    fn seq(&self, position: u64) -> SeqNum {
        self.una + (position - self.base) as u32
    }

    /// Panics if counts and states disagree; `nxt` is SND.NXT.
    #[cfg(test)]
    pub(crate) fn check(&self, una: SeqNum, nxt: SeqNum) {
        let mut seq = una;
        let (mut sacked, mut lost, mut resent, mut waiting) = (0, 0, 0, 0);
        for run in &self.runs {
            assert_eq!(run.seq, seq, "runs follow each other");
            assert!(run.seq.lt(run.end));
            seq = run.end;
            let len = run.len();
            sacked += if run.is(SACKED) { len } else { 0 };
            lost += if run.is(LOST) { len } else { 0 };
            resent += if run.is(RESENT) { len } else { 0 };
            waiting += if run.waits() { len } else { 0 };
            assert!(!run.is(SACKED) || !run.is(LOST | RESENT));
            assert!(run.state & (SACKED | LOST | RESENT) != 0 || run.end.gt(self.plain_from));
            assert!(!run.waits() || run.end.gt(self.lost_from));
            let (start, end) = (self.position(run.seq), self.position(run.end));
            assert_eq!(self.sacked_ranges.covers(start, end), run.is(SACKED));
        }
        assert!(self.runs.is_empty() || seq == nxt, "everything out is in a run");
        assert_eq!((sacked, lost, resent), (self.sacked, self.lost, self.resent));
        assert_eq!(waiting, self.waiting);
    }
}

impl Losses {
    fn wait_for(&mut self, left: Duration) {
        self.wait = Some(self.wait.map_or(left, |wait| wait.min(left)));
    }
}

/// Largest run that grows: a run stands for one time, and halves are cheap.
const RUN_MAX: u32 = 1 << 16;
/// Runs whose memory a connection keeps while nothing is out.
const KEPT_RUNS: usize = 4;
/// Ranges of sacked data that are told apart; blocks beyond are not believed. Linux bounds what a
/// peer can make it keep by the segments in flight, as the runs here are.
const RANGES_MAX: usize = 4096;
