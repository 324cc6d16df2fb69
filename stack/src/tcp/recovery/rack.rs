//! RACK (RFC 8985): a segment, retransmissions included, is lost if one that was sent later was
//! delivered more than the reordering window ago.

use wire::tcp::SeqNum;

use crate::tcp::recovery::path_metrics::PathMetrics;
use crate::tcp::recovery::sent_range::SentRange;
use crate::time::{Duration, Instant};

/// RFC 8985 §5.3: the per-connection variables of RACK.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rack {
    /// RFC 8985 `RACK.xmit_ts`: the latest send time among all delivered segments.
    xmit_ts: Instant,
    /// RFC 8985 `RACK.end_seq`: the end of the segment that was sent at `xmit_ts`.
    end_seq: SeqNum,
    /// RFC 8985 `RACK.rtt`: the round trip of that segment.
    rtt: Duration,
    /// RFC 8985 `RACK.min_RTT`: the minimum round trip of the connection. A retransmission that
    /// seems to be acknowledged faster was not what the peer acknowledged.
    min_rtt: Duration,
    /// RFC 8985 `RACK.reo_wnd_mult`: the reordering window is this many quarters of `min_rtt`.
    reo_wnd_mult: u8,
    /// RFC 8985 `RACK.reo_wnd_persist`: recoveries for which a widened reordering window stays.
    reo_wnd_persist: u8,
    /// RFC 8985 `RACK.reordering_seen`: a segment was delivered out of order without being lost.
    pub(crate) reordering_seen: bool,
    /// RFC 8985 `RACK.dsack_round`: DSACKs that arrive before this number is acknowledged widen the
    /// window no further.
    dsack_round: SeqNum,
}

impl Rack {
    pub(super) const fn new(una: SeqNum, rtt: Duration, metrics: PathMetrics) -> Self {
        let PathMetrics { reo_wnd_mult, reo_wnd_persist, reordering_seen, .. } = metrics;
        Self {
            xmit_ts: Instant::ZERO,
            end_seq: una,
            rtt,
            min_rtt: Duration::ZERO,
            reo_wnd_mult,
            reo_wnd_persist,
            reordering_seen,
            dsack_round: una,
        }
    }

    /// What RACK knows of the path, beside `reordering`.
    pub(super) fn path_metrics(&self, reordering: u16) -> PathMetrics {
        let Self { reo_wnd_mult, reo_wnd_persist, reordering_seen, .. } = *self;
        PathMetrics { reordering, reo_wnd_mult, reo_wnd_persist, reordering_seen }
    }

    /// A copy that knows the minimum round trip (RFC 8985 §6.2 step 1).
    #[inline]
    pub(crate) fn with_min_rtt(self, min_rtt: Duration) -> Self {
        Self { min_rtt, ..self }
    }

    /// Whether `range` was retransmitted so recently that its retransmission cannot have been
    /// acknowledged yet.
    #[inline]
    pub(crate) fn is_too_early(&self, range: &SentRange, now: Instant) -> bool {
        range.is_ever_retransmitted() && now.since(range.xmit_ts) < self.min_rtt
    }

    /// `range` was delivered (RFC 8985 §6.2 step 2, `RACK_update`).
    #[inline]
    pub(crate) fn on_delivered(&mut self, range: &SentRange, now: Instant) {
        let rtt = now.since(range.xmit_ts);
        if self.is_too_early(range, now) {
            return;
        }
        if range.xmit_ts > self.xmit_ts
            || range.xmit_ts == self.xmit_ts && range.end_seq.gt(self.end_seq)
        {
            self.xmit_ts = range.xmit_ts;
            self.end_seq = range.end_seq;
            self.rtt = rtt;
        }
    }

    /// Forgets the latest delivery, which was attributed to the wrong transmission.
    pub(crate) fn forget_delivery(&mut self) {
        self.xmit_ts = Instant::ZERO;
    }

    /// Whether a segment that was sent at `xmit_ts` and ends at `end_seq` was sent before the
    /// latest delivered one (RFC 8985 `RACK_sent_after`, seen from the other side).
    #[inline]
    pub(crate) fn is_sent_before(&self, xmit_ts: Instant, end_seq: SeqNum) -> bool {
        xmit_ts < self.xmit_ts || xmit_ts == self.xmit_ts && end_seq.lt(self.end_seq)
    }

    /// How long until a segment that was sent at `xmit_ts` counts as lost; none if it does already.
    #[inline]
    pub(crate) fn time_until_lost(
        &self,
        xmit_ts: Instant,
        reo_wnd: Duration,
        now: Instant,
    ) -> Option<Duration> {
        let left = (self.rtt + reo_wnd).checked_sub(now.since(xmit_ts))?;
        (!left.is_zero()).then_some(left)
    }

    /// RFC 8985 §6.2 step 4, `RACK_update_reo_wnd`: the reordering window. It is zero as long as no
    /// reordering was seen and `has_loss_evidence` holds: losses are being repaired, or enough
    /// was delivered beyond the hole.
    pub(crate) fn reo_wnd(&self, srtt: Duration, has_loss_evidence: bool) -> Duration {
        if !self.reordering_seen && has_loss_evidence {
            return Duration::ZERO;
        }
        (self.min_rtt / 4 * u32::from(self.reo_wnd_mult)).min(srtt)
    }

    /// A DSACK showed a spurious retransmission: the reordering window widens, once a round trip at
    /// most (RFC 8985 §6.2 step 4).
    pub(crate) fn on_dsack(&mut self, una: SeqNum, nxt: SeqNum) {
        if una.ge(self.dsack_round) {
            self.reo_wnd_mult = self.reo_wnd_mult.saturating_add(1);
            self.reo_wnd_persist = REO_WND_PERSIST;
            self.dsack_round = nxt;
        }
    }

    /// A recovery ended: after enough of them the window is narrow again.
    pub(crate) fn on_recovery_end(&mut self) {
        self.reo_wnd_persist = self.reo_wnd_persist.saturating_sub(1);
        if self.reo_wnd_persist == 0 {
            self.reo_wnd_mult = 1;
        }
    }

    /// SND.UNA advanced. Sequence numbers wrap, so an old `dsack_round` must not come to look like
    /// a future one.
    #[inline]
    pub(crate) fn on_una_advanced(&mut self, una: SeqNum) {
        self.dsack_round = self.dsack_round.max(una);
    }
}

/// RFC 8985 §6.2 step 4: the initial value of `RACK.reo_wnd_persist`.
const REO_WND_PERSIST: u8 = 16;

#[cfg(test)]
mod tests;
