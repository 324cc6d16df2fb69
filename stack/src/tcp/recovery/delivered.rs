//! What one acknowledgment delivered, gathered while the queue is updated.

use wire::tcp::SeqNum;

use crate::tcp::recovery::rack::Rack;
use crate::tcp::recovery::sent::Run;
use crate::time::Instant;

/// The gathering.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) now: Instant,
    /// The recovery point: F-RTO asks what below it was delivered.
    high: SeqNum,
    /// Bytes the peer now has and did not have before.
    pub(crate) bytes: u32,
    /// Bytes of them that came out of order.
    pub(crate) newly_sacked: u32,
    /// When the first segment that was acknowledged in order, and never sent twice, left.
    pub(crate) first_acked: Option<Instant>,
    /// The same of the last.
    pub(crate) last_acked: Option<Instant>,
    /// The same of those newly sacked.
    pub(crate) first_sacked: Option<Instant>,
    /// Data below the recovery point, never sent twice, was delivered.
    pub(crate) original: bool,
    /// Data that was sent twice was acknowledged.
    pub(crate) resent: bool,
    /// So soon after it was sent again that it was the original that arrived.
    pub(crate) early: bool,
    /// When the first of it was sent again.
    first_resent: Option<Instant>,
    /// Bytes of it that were sent again much later than the first. If that is what arrived, and it
    /// is if there is no SACK, these are still under way, for nothing.
    pub(crate) needless: u32,
    /// Lowest number that was delivered after something higher, without having been sent twice.
    pub(crate) reordered: Option<SeqNum>,
    /// The latest delivery is told to it.
    pub(crate) rack: Rack,
}

impl Delivered {
    pub(crate) fn new(now: Instant, high: SeqNum, rack: Rack) -> Self {
        Self {
            now,
            high,
            bytes: 0,
            newly_sacked: 0,
            first_acked: None,
            last_acked: None,
            first_sacked: None,
            original: false,
            resent: false,
            early: false,
            first_resent: None,
            needless: 0,
            reordered: None,
            rack,
        }
    }

    /// `run` was acknowledged in order; `known` says that it was sacked before.
    #[inline]
    pub(crate) fn acked(&mut self, run: &Run, known: bool, highest: SeqNum) {
        if run.was_resent() {
            self.resent = true;
            self.early |= self.rack.is_early(run, self.now);
            let first = *self.first_resent.get_or_insert(run.sent);
            if run.sent.since(first) > self.now.since(first) / 8 {
                self.needless += run.len();
            }
        } else {
            self.first_acked = self.first_acked.or(Some(run.sent));
            self.last_acked = Some(run.sent);
            if !known {
                self.on_original(run, highest);
            }
        }
        if !known {
            self.bytes += run.len();
            self.rack.on_delivered(run, self.now);
        }
    }

    /// `run` was sacked.
    pub(crate) fn sacked(&mut self, run: &Run, highest: SeqNum) {
        if !run.was_resent() {
            self.first_sacked = self.first_sacked.or(Some(run.sent));
            self.on_original(run, highest);
        }
        self.bytes += run.len();
        self.newly_sacked += run.len();
        self.rack.on_delivered(run, self.now);
    }

    #[inline]
    fn on_original(&mut self, run: &Run, highest: SeqNum) {
        self.original |= run.end.le(self.high);
        if run.seq.lt(highest) {
            let lowest = self.reordered.map_or(run.seq, |seq| seq.min(run.seq));
            self.reordered = Some(lowest);
        }
    }
}
