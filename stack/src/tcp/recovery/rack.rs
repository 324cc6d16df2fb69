//! RACK (RFC 8985): what was sent before something that was delivered, by more than the reordering
//! window, is lost. Retransmissions too.

use wire::tcp::SeqNum;

use crate::tcp::recovery::held::Learned;
use crate::tcp::recovery::sent::Run;
use crate::time::{Duration, Instant};

/// The latest delivery, and how much reordering the path shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rack {
    /// When what was delivered left, of all deliveries the latest.
    sent: Instant,
    /// Its end.
    end: SeqNum,
    /// Its round trip.
    rtt: Duration,
    /// The least round trip of the connection; a retransmission that seems faster was not what was
    /// acknowledged.
    min_rtt: Duration,
    /// The reordering window is this many quarters of the least round trip.
    steps: u8,
    /// Recoveries for which a widened window stays.
    persist: u8,
    /// Something was delivered out of order without a loss.
    pub(crate) reordered: bool,
    /// DSACKs that come before this number is acknowledged belong to the last step.
    round: SeqNum,
}

impl Rack {
    pub(super) const fn new(una: SeqNum, rtt: Duration, learned: Learned) -> Self {
        let Learned { steps, persist, reordered, .. } = learned;
        Self {
            sent: Instant::ZERO,
            end: una,
            rtt,
            min_rtt: Duration::ZERO,
            steps,
            persist,
            reordered,
            round: una,
        }
    }

    /// What it knows of the path.
    pub(super) fn learned(&self) -> Learned {
        let Self { steps, persist, reordered, .. } = *self;
        Learned { steps, persist, reordered, ..Learned::NOTHING }
    }

    /// The same, knowing the least round trip.
    #[inline]
    pub(crate) fn with_min_rtt(self, min_rtt: Duration) -> Self {
        Self { min_rtt, ..self }
    }

    /// No retransmission of `run` can have been acknowledged yet.
    #[inline]
    pub(crate) fn is_early(&self, run: &Run, now: Instant) -> bool {
        run.was_resent() && now.since(run.sent) < self.min_rtt
    }

    /// RFC 8985 §6.2 step 2.
    #[inline]
    pub(crate) fn on_delivered(&mut self, run: &Run, now: Instant) {
        let rtt = now.since(run.sent);
        if self.is_early(run, now) {
            return;
        }
        if run.sent > self.sent || run.sent == self.sent && run.end.gt(self.end) {
            self.sent = run.sent;
            self.end = run.end;
            self.rtt = rtt;
        }
    }

    /// The latest delivery was not what it seemed.
    pub(crate) fn forget(&mut self) {
        self.sent = Instant::ZERO;
    }

    /// Whether what left at `sent` and ends at `end` left before what was delivered.
    #[inline]
    pub(crate) fn is_sent_before(&self, sent: Instant, end: SeqNum) -> bool {
        sent < self.sent || sent == self.sent && end.lt(self.end)
    }

    /// How long until what left at `sent` is lost; nothing if it is.
    #[inline]
    pub(crate) fn left(&self, sent: Instant, grace: Duration, now: Instant) -> Option<Duration> {
        let left = (self.rtt + grace).checked_sub(now.since(sent))?;
        (!left.is_zero()).then_some(left)
    }

    /// The reordering window (RFC 8985 §6.2 step 4). `eager` says that waiting is not worth it as long
    /// as no reordering was seen: losses are being repaired, or enough was delivered
    /// beyond the hole.
    pub(crate) fn grace(&self, srtt: Duration, eager: bool) -> Duration {
        if !self.reordered && eager {
            return Duration::ZERO;
        }
        (self.min_rtt / 4 * u32::from(self.steps)).min(srtt)
    }

    /// The peer had something twice: we were too quick. At most one step a round trip.
    pub(crate) fn on_duplicate_delivery(&mut self, una: SeqNum, nxt: SeqNum) {
        if una.ge(self.round) {
            self.steps = self.steps.saturating_add(1);
            self.persist = PERSIST;
            self.round = nxt;
        }
    }

    /// A recovery is over.
    pub(crate) fn on_recovered(&mut self) {
        self.persist = self.persist.saturating_sub(1);
        if self.persist == 0 {
            self.steps = 1;
        }
    }

    /// Numbers wrap: what was remembered long ago must not seem new.
    #[inline]
    pub(crate) fn follow(&mut self, una: SeqNum) {
        self.round = self.round.max(una);
    }
}

/// RFC 8985 §6.2 step 4: `RACK.reo_wnd_persist`.
const PERSIST: u8 = 16;
