//! What one acknowledgment delivered, collected while the queue is updated (Linux
//! `tcp_sacktag_state` and `tcp_clean_rtx_queue`).

use wire::tcp::SeqNum;

use crate::tcp::recovery::rack::Rack;
use crate::tcp::recovery::sent_range::SentRange;
use crate::time::Instant;

/// What one acknowledgment delivered.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) now: Instant,
    /// RFC 6675 `RecoveryPoint`: F-RTO asks what below it was delivered.
    high_seq: SeqNum,
    /// Bytes that the peer now has and did not have before.
    pub(crate) bytes: u32,
    /// Bytes of those that were delivered out of order.
    pub(crate) newly_sacked: u32,
    /// Linux `first_ackt`: send time of the first segment that was acknowledged in order and never
    /// retransmitted.
    pub(crate) first_ackt: Option<Instant>,
    /// Linux `last_ackt`: the same of the last one.
    pub(crate) last_ackt: Option<Instant>,
    /// Linux `first_sackt`: the same of the first one that was newly sacked.
    pub(crate) first_sackt: Option<Instant>,
    /// Linux `FLAG_ORIG_SACK_ACKED`: data below the recovery point that was never retransmitted was
    /// delivered.
    pub(crate) orig_sack_acked: bool,
    /// Linux `FLAG_RETRANS_DATA_ACKED`: data that was retransmitted was acknowledged.
    pub(crate) retrans_data_acked: bool,
    /// The acknowledgment came so soon after the retransmission that the original must have
    /// arrived.
    pub(crate) retrans_acked_too_early: bool,
    /// Send time of the first retransmission that was acknowledged.
    first_retrans: Option<Instant>,
    /// Bytes acknowledged that were retransmitted much later than the first. Without SACK the first
    /// retransmission is what filled the hole, so these are still in flight and spurious.
    pub(crate) spurious: u32,
    /// Linux `reord`: the lowest number that was delivered after a higher one without having been
    /// retransmitted.
    pub(crate) reordered: Option<SeqNum>,
    /// RACK's variables as this acknowledgment leaves them.
    pub(crate) rack: Rack,
}

impl Delivered {
    pub(crate) fn new(now: Instant, high_seq: SeqNum, rack: Rack) -> Self {
        Self {
            now,
            high_seq,
            bytes: 0,
            newly_sacked: 0,
            first_ackt: None,
            last_ackt: None,
            first_sackt: None,
            orig_sack_acked: false,
            retrans_data_acked: false,
            retrans_acked_too_early: false,
            first_retrans: None,
            spurious: 0,
            reordered: None,
            rack,
        }
    }

    /// `range` was acknowledged in order. `was_sacked` says that it had been delivered before;
    /// `highest_sacked` is one past the highest number delivered so far.
    #[inline]
    pub(crate) fn on_acked(&mut self, range: &SentRange, was_sacked: bool, highest_sacked: SeqNum) {
        if range.is_ever_retransmitted() {
            self.retrans_data_acked = true;
            self.retrans_acked_too_early |= self.rack.is_too_early(range, self.now);
            let first = *self.first_retrans.get_or_insert(range.xmit_ts);
            if range.xmit_ts.since(first) > self.now.since(first) / 8 {
                self.spurious += range.len();
            }
        } else {
            self.first_ackt = self.first_ackt.or(Some(range.xmit_ts));
            self.last_ackt = Some(range.xmit_ts);
            if !was_sacked {
                self.on_original_delivered(range, highest_sacked);
            }
        }
        if !was_sacked {
            self.bytes += range.len();
            self.rack.on_delivered(range, self.now);
        }
    }

    /// `range` was sacked; `highest_sacked` as in [`on_acked`](Self::on_acked).
    pub(crate) fn on_sacked(&mut self, range: &SentRange, highest_sacked: SeqNum) {
        if !range.is_ever_retransmitted() {
            self.first_sackt = self.first_sackt.or(Some(range.xmit_ts));
            self.on_original_delivered(range, highest_sacked);
        }
        self.bytes += range.len();
        self.newly_sacked += range.len();
        self.rack.on_delivered(range, self.now);
    }

    #[inline]
    fn on_original_delivered(&mut self, range: &SentRange, highest_sacked: SeqNum) {
        self.orig_sack_acked |= range.end_seq.le(self.high_seq);
        if range.seq.lt(highest_sacked) {
            let lowest = self.reordered.map_or(range.seq, |seq| seq.min(range.seq));
            self.reordered = Some(lowest);
        }
    }
}
