//! The congestion window, and what changes it (RFC 9293 §3.8.2).
//!
//! [`Congestion`] holds cwnd and ssthresh, which every algorithm shares, and one algorithm. It is
//! informed of acknowledgments, losses, timeouts and idleness. Recovery sets the window itself
//! while it repairs a loss. Before a loss changes anything, the state is saved, so that a spurious
//! loss can be undone until nothing has been outstanding for a while. All arithmetic is in bytes
//! and integers, and there is no dispatch per packet beyond a match.
//!
//! | file | idea |
//! |---|---|
//! | `cubic`, `reno` | congestion avoidance |
//! | `hystart` | the end of slow start before a loss |
//! | `validation` | a window that is not used does not grow, or stay |

mod cubic;
mod hystart;
mod reno;
mod validation;

use wire::tcp::SeqNum;

use crate::limits::CongestionAlgorithm;
use crate::time::{Duration, Instant};
use cubic::{Cubic, Step};
use hystart::{CSS_GROWTH_DIVISOR, Growth, HyStart, Sample};
use reno::Reno;
use validation::WindowValidation;

pub(crate) use validation::Sent;

/// The window and its algorithm.
#[derive(Debug)]
pub(crate) struct Congestion {
    /// Congestion window, bytes.
    cwnd: u32,
    /// Slow start threshold, bytes.
    ssthresh: u32,
    /// The state before the last loss; none if that cannot be undone.
    prior: Option<Box<Prior>>,
    /// How much of the present idleness was accounted for, microseconds.
    idle_us: u64,
    validation: WindowValidation,
    algorithm: Algorithm,
}

/// What a loss changes.
#[derive(Debug)]
struct Prior {
    cwnd: u32,
    ssthresh: u32,
    algorithm: Algorithm,
}

#[derive(Clone, Debug)]
enum Algorithm {
    /// CUBIC in its first slow start: there is no curve before that ends.
    Start(HyStart),
    Cubic(Cubic),
    Reno(Reno),
}

/// New data was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ack {
    pub(crate) now: Instant,
    /// Bytes delivered: newly acknowledged, cumulatively or selectively.
    pub(crate) acked: u32,
    /// SND.UNA and SND.NXT after it.
    pub(crate) una: SeqNum,
    pub(crate) nxt: SeqNum,
    /// The round trip it measured, if it did.
    pub(crate) rtt: Option<Duration>,
    /// The smoothed round trip; zero before the first sample.
    pub(crate) srtt: Duration,
    /// Segment size, bytes.
    pub(crate) mss: u32,
    /// Whether the window, rather than the sender or the peer's window, had held data back.
    pub(crate) limited: bool,
}

impl Congestion {
    /// The window of a fresh connection (RFC 6928), or of one segment if the handshake
    /// was lost (RFC 5681 §3.1).
    pub(crate) fn new(algorithm: CongestionAlgorithm, mss: u32, syn_lost: bool) -> Self {
        Self {
            cwnd: if syn_lost { mss } else { initial_window(mss) },
            ssthresh: SSTHRESH_START,
            prior: None,
            idle_us: 0,
            validation: WindowValidation::new(),
            algorithm: Algorithm::new(algorithm),
        }
    }

    #[inline]
    pub(crate) fn cwnd(&self) -> u32 {
        self.cwnd
    }

    #[inline]
    pub(crate) fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    #[inline]
    pub(crate) fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// Which algorithm it is.
    pub(crate) fn algorithm(&self) -> CongestionAlgorithm {
        match self.algorithm {
            Algorithm::Start(_) | Algorithm::Cubic(_) => CongestionAlgorithm::Cubic,
            Algorithm::Reno(_) => CongestionAlgorithm::Reno,
        }
    }

    /// Changes the algorithm. The window and the threshold stay.
    pub(crate) fn set_algorithm(&mut self, algorithm: CongestionAlgorithm) {
        if algorithm != self.algorithm() {
            self.algorithm = Algorithm::new(algorithm);
        }
    }

    /// Whether the window deserves to grow (Linux `tcp_is_cwnd_limited`).
    #[inline]
    pub(crate) fn is_limited(&self) -> bool {
        self.validation.is_limited(self.cwnd, self.in_slow_start())
    }

    /// Outside recovery, new data was acknowledged.
    #[inline]
    pub(crate) fn on_ack(&mut self, ack: &Ack) {
        self.idle_us = 0;
        if !ack.limited {
            if let Algorithm::Cubic(cubic) = &mut self.algorithm {
                cubic.on_unlimited(ack.now);
            }
            return;
        }
        let mut acked = ack.acked;
        if self.in_slow_start() {
            acked = self.slow_start(ack);
        }
        if acked > 0 {
            let Ack { now, srtt, mss, .. } = *ack;
            self.algorithm.end_start();
            self.cwnd = match &mut self.algorithm {
                Algorithm::Cubic(cubic) => {
                    cubic.cong_avoid(self.cwnd, &Step { now, acked, srtt, mss })
                }
                Algorithm::Reno(reno) => reno.cong_avoid(self.cwnd, acked, mss),
                Algorithm::Start(_) => self.cwnd,
            };
        }
        self.cwnd = self.cwnd.min(CWND_MAX);
    }

    /// A loss was detected: sets ssthresh (RFC 5681 eq. 4, RFC 9438 §4.6) and saves the state
    /// before. The window itself is recovery's to move.
    ///
    /// Both algorithms take a share of the window, as Linux does, and not of what is in flight:
    /// validation keeps the window from growing beyond what is used.
    pub(crate) fn reduce(&mut self, mss: u32) {
        let algorithm = self.algorithm.clone();
        let prior = Prior { cwnd: self.cwnd, ssthresh: self.current_ssthresh(), algorithm };
        match &mut self.prior {
            Some(place) => **place = prior,
            None => self.prior = Some(Box::new(prior)),
        }
        self.algorithm.end_start();
        self.ssthresh = match &mut self.algorithm {
            Algorithm::Cubic(cubic) => cubic.on_loss(self.cwnd, mss),
            Algorithm::Reno(reno) => reno.on_loss(self.cwnd, mss),
            Algorithm::Start(_) => self.ssthresh,
        };
    }

    /// The retransmission timer expired, with `pipe` bytes still believed to be in the network: one
    /// segment may leave (RFC 5681 §3.1). The threshold is [`reduce`](Self::reduce)'s, for the
    /// first timeout of a flight only.
    pub(crate) fn on_timeout(&mut self, pipe: u32, mss: u32) {
        if let Algorithm::Cubic(cubic) = &mut self.algorithm {
            cubic.on_timeout();
        }
        self.set_cwnd(pipe.saturating_add(mss), mss);
    }

    /// The last loss or timeout was spurious: cwnd and ssthresh go back to what they were, or stay
    /// higher (Linux `tcp_undo_cwnd_reduction`; RFC 9438 §4.9).
    pub(crate) fn undo(&mut self, now: Instant) {
        let Some(prior) = self.prior.take() else { return };
        self.cwnd = self.cwnd.max(prior.cwnd);
        self.ssthresh = self.ssthresh.max(prior.ssthresh);
        match (&mut self.algorithm, prior.algorithm) {
            (Algorithm::Cubic(cubic), Algorithm::Cubic(before)) => cubic.undo(&before),
            (algorithm @ Algorithm::Cubic(_), start @ Algorithm::Start(_)) => *algorithm = start,
            _ => {}
        }
        self.validation.restart(now);
    }

    /// Nothing has been outstanding for a while, so it is too late to undo.
    pub(crate) fn forget_prior(&mut self) {
        self.prior = None;
    }

    /// Something is to be sent after nothing was outstanding, and nothing was sent, for `idle`. It
    /// may be called more than once in the same idleness.
    ///
    /// The window halves for every timeout that passed, down to the restart window (Linux
    /// `tcp_cwnd_restart`; RFC 5681 §4.1 asks for that window at once).
    pub(crate) fn on_idle(&mut self, idle: Duration, rto: Duration, mss: u32) {
        let idle = u64::try_from(idle.as_micros()).unwrap_or(u64::MAX);
        let before = self.idle_us;
        if idle <= before {
            return;
        }
        self.idle_us = idle;
        if let Algorithm::Cubic(cubic) = &mut self.algorithm {
            cubic.pause(Duration::from_micros(idle - before));
        }
        let rto = u64::try_from(rto.as_micros()).unwrap_or(u64::MAX).max(1);
        // The first timeout costs nothing; each one after it that began costs a half.
        let halvings = |span: u64| span.saturating_sub(1) / rto;
        let times = halvings(idle) - halvings(before).min(halvings(idle));
        if times > 0 {
            self.ssthresh = self.current_ssthresh();
            let floor = initial_window(mss).min(self.cwnd);
            let halved = self.cwnd.checked_shr(times.min(31) as u32).unwrap_or(0);
            self.cwnd = halved.max(floor);
            self.validation = WindowValidation::new();
        }
    }

    /// Something was sent, or could not be for the window's sake (Linux `tcp_cwnd_validate`).
    #[inline]
    pub(crate) fn on_sent(&mut self, sent: &Sent) {
        let slow_start = self.in_slow_start();
        if let Some(used) = self.validation.on_sent(sent, self.cwnd, slow_start) {
            self.on_application_limited(used, sent.mss);
        }
    }

    /// At most `used` bytes of the window were used for a whole timeout: half of what is above is
    /// given up (RFC 2861 §3.2).
    fn on_application_limited(&mut self, used: u32, mss: u32) {
        let used = used.max(initial_window(mss));
        if used < self.cwnd {
            self.ssthresh = self.current_ssthresh();
            self.cwnd = used + (self.cwnd - used) / 2;
        }
    }

    /// The segment size changed.
    pub(crate) fn on_mss(&mut self, mss: u32) {
        self.cwnd = self.cwnd.max(mss);
    }

    /// Recovery sets the window, never below one segment.
    pub(crate) fn set_cwnd(&mut self, cwnd: u32, mss: u32) {
        self.cwnd = cwnd.clamp(mss, CWND_MAX.max(mss));
    }

    /// ssthresh when the window falls for another reason than a loss: three quarters of the window
    /// were fine (Linux `tcp_current_ssthresh`).
    fn current_ssthresh(&self) -> u32 {
        self.ssthresh.max(self.cwnd / 4 * 3)
    }

    /// Grows by what was acknowledged, up to ssthresh; returns what is left over.
    ///
    /// Bytes are counted without the limit of two segments in RFC 3465 and of eight in RFC 9406, as
    /// in Linux: received ACKs are coalesced, and one may cover a run of 64 KiB. Before the first
    /// loss CUBIC watches the round trip (RFC 9406 §4.3 says that only the first slow start needs
    /// to).
    #[inline]
    fn slow_start(&mut self, ack: &Ack) -> u32 {
        let mut step = ack.acked;
        if let Algorithm::Start(hystart) = &mut self.algorithm
            && self.ssthresh == SSTHRESH_START
        {
            let Ack { una, nxt, rtt, now, mss, .. } = *ack;
            let segments = self.cwnd / mss.max(1);
            match hystart.on_ack(&Sample { una, nxt, rtt, now, segments }) {
                Growth::Full => {}
                Growth::Conservative => step /= CSS_GROWTH_DIVISOR,
                Growth::Over => {
                    self.ssthresh = self.cwnd;
                    return ack.acked;
                }
            }
            self.cwnd = self.cwnd.saturating_add(step);
            return 0;
        }
        let grown = self.cwnd.saturating_add(step).min(self.ssthresh);
        let used = grown - self.cwnd;
        self.cwnd = grown;
        step - used
    }
}

impl Algorithm {
    fn new(algorithm: CongestionAlgorithm) -> Self {
        match algorithm {
            CongestionAlgorithm::Cubic => Self::Start(HyStart::new()),
            CongestionAlgorithm::Reno => Self::Reno(Reno::default()),
        }
    }

    /// CUBIC's first slow start is over: from here on there is a curve.
    #[inline]
    fn end_start(&mut self) {
        if let Self::Start(_) = self {
            *self = Self::Cubic(Cubic::new());
        }
    }
}

/// RFC 6928 §2: min(10 segments, max(2 segments, 14600 bytes)).
pub(crate) fn initial_window(mss: u32) -> u32 {
    (10 * mss).min((2 * mss).max(14_600))
}

/// Linux `TCP_INFINITE_SSTHRESH`: ssthresh before the first loss.
const SSTHRESH_START: u32 = 0x7fff_ffff;
/// Nothing above the largest window is of use (RFC 7323 §2.3).
const CWND_MAX: u32 = 1 << 30;

const _: () = assert!(size_of::<Congestion>() <= 112);

#[cfg(test)]
mod tests;
