//! Which of the sent data is lost: by RACK, by duplicate ACKs, by a timeout, or because it no
//! longer fits the path.

use super::SentQueue;
use super::retransmit::Retransmission;
use crate::tcp::recovery::rack::Rack;
use crate::tcp::recovery::sent_range::{EVER_RETRANS, LOST, RETRANS, SACKED};
use crate::time::{Duration, Instant};

/// What a loss detection found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses {
    /// Bytes newly marked lost.
    pub(crate) bytes: u32,
    /// Some of them had been retransmitted.
    pub(crate) has_lost_retransmissions: bool,
    /// RFC 8985 §6.2 step 5 `timeout`: how long until the next segment may count as lost.
    pub(crate) timeout: Option<Duration>,
}

impl Losses {
    fn wait_for(&mut self, left: Duration) {
        self.timeout = Some(self.timeout.map_or(left, |timeout| timeout.min(left)));
    }
}

impl SentQueue {
    /// RFC 8985 §6.2 step 5, `RACK_detect_loss`: marks what must be lost, since something sent
    /// later was delivered.
    pub(crate) fn rack_detect_loss(
        &mut self,
        rack: &Rack,
        reo_wnd: Duration,
        now: Instant,
    ) -> Losses {
        let mut losses = Losses::default();
        self.detect_lost_originals(rack, reo_wnd, now, &mut losses);
        self.detect_lost_retransmissions(rack, reo_wnd, now, &mut losses);
        losses
    }

    fn detect_lost_originals(
        &mut self,
        rack: &Rack,
        reo_wnd: Duration,
        now: Instant,
        losses: &mut Losses,
    ) {
        while let Some(index) = self.next_unsacked(self.unmarked_from) {
            let range = self.ranges[index];
            if !range.is(LOST | RETRANS) {
                if !rack.is_sent_before(range.xmit_ts, range.end_seq) {
                    return;
                }
                if let Some(left) = rack.time_until_lost(range.xmit_ts, reo_wnd, now) {
                    losses.wait_for(left);
                    return;
                }
                losses.bytes += range.len();
                self.mark_lost(index);
            }
            self.unmarked_from = range.end_seq;
        }
    }

    fn detect_lost_retransmissions(
        &mut self,
        rack: &Rack,
        reo_wnd: Duration,
        now: Instant,
        losses: &mut Losses,
    ) {
        while let Some(&sent) = self.retransmissions.front() {
            if self.is_outstanding(&sent) {
                if !rack.is_sent_before(sent.xmit_ts, sent.end_seq) {
                    return;
                }
                if let Some(left) = rack.time_until_lost(sent.xmit_ts, reo_wnd, now) {
                    losses.wait_for(left);
                    return;
                }
                losses.bytes += self.mark_retransmission_lost(&sent);
                losses.has_lost_retransmissions = true;
            }
            self.retransmissions.pop_front();
        }
    }

    /// Marks what is left of a retransmission lost; returns how many bytes that is.
    fn mark_retransmission_lost(&mut self, sent: &Retransmission) -> u32 {
        let mut bytes = 0;
        let mut index = self.find(sent.seq);
        while let Some(range) = self.ranges.get(index).copied().filter(|r| r.seq.lt(sent.end_seq)) {
            if range.is(RETRANS) && range.xmit_ts == sent.xmit_ts {
                bytes += range.len();
                self.mark_lost(index);
            }
            index += 1;
        }
        bytes
    }

    /// Marks a range lost, and its retransmission if there is one.
    fn mark_lost(&mut self, index: usize) {
        let range = self.ranges[index];
        debug_assert!(!range.is(SACKED));
        self.set_state(index, range.state & EVER_RETRANS | LOST);
        self.retransmit_from = self.retransmit_from.min(range.seq);
    }

    /// Marks the first outstanding segment lost, since without SACK nothing more is known (RFC
    /// 6582; Linux `tcp_mark_head_lost`). Returns how many bytes are newly lost.
    pub(crate) fn mark_head_lost(&mut self) -> u32 {
        let Some(range) = self.ranges.front().copied() else { return 0 };
        if range.is(LOST) && !range.is(RETRANS) {
            return 0;
        }
        let mss = u32::from(range.mss).max(1);
        if range.len() > mss {
            self.split(0, range.seq + mss);
        }
        self.mark_lost(0);
        self.ranges[0].len()
    }

    /// The retransmission timer expired: marks everything unsacked lost, but for what left so
    /// recently that a delivery could not have been heard of (RFC 8985 §6.3). The first range is
    /// always lost.
    pub(crate) fn mark_lost_on_rto(&mut self, rack: Option<&Rack>, now: Instant) {
        for index in 0..self.ranges.len() {
            let range = self.ranges[index];
            let is_recent = rack.is_some_and(|rack| {
                rack.time_until_lost(range.xmit_ts, Duration::ZERO, now).is_some()
            });
            if !range.is(SACKED) && (index == 0 || !is_recent) {
                self.mark_lost(index);
            }
        }
        self.retransmit_from = self.una;
    }

    /// Segments larger than `mss` no longer fit the path, so they are lost (RFC 1191 §6.4). Says
    /// whether there are any.
    pub(crate) fn mark_larger_lost(&mut self, mss: u32) -> bool {
        let mut any = false;
        for index in 0..self.ranges.len() {
            let range = self.ranges[index];
            if u32::from(range.mss).min(range.len()) > mss && !range.is(SACKED) {
                self.mark_lost(index);
                any = true;
            }
        }
        any
    }

    /// The losses were spurious: everything unsacked is in flight again.
    pub(crate) fn unmark_lost(&mut self) {
        for range in &mut self.ranges {
            range.state &= !LOST;
        }
        (self.lost_out, self.to_retransmit) = (0, 0);
        self.unmarked_from = self.una;
    }
}
