//! Pacing: what the window allows leaves spread over the round trip, not at once.
//!
//! The rate is that of a window per round trip with something to spare, as Linux has it: twice as
//! much while slow start is far from its threshold, 1.2 times otherwise. What leaves is a burst of
//! about a millisecond of the rate, so that a run of segments is still one frame for a device that
//! cuts it. Each burst puts off the next by its length over the rate; a sender who comes late is
//! forgiven up to half of that.

use crate::limits::Pacing;
use crate::time::{Duration, Instant};

/// Spreads what one connection sends. One that does not, which is most, holds no memory for it.
#[derive(Debug, Default)]
pub(crate) struct Pacer(Option<Box<Pace>>);

#[derive(Debug)]
struct Pace {
    pacing: Pacing,
    /// Bytes a second; [`UNPACED`] before the round trip is known.
    rate: u64,
    /// When the next burst may leave.
    next_send: Instant,
    /// What is left of the present one, bytes: without a device that cuts runs, it is many frames.
    left: u32,
    /// Segments sent so far, up to the first that is paced.
    head: u8,
    /// A burst is being paced, whatever `pacing` says.
    is_burst: bool,
}

/// What the rate follows from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) cwnd: u32,
    pub(crate) ssthresh: u32,
    /// Bytes sent and not acknowledged.
    pub(crate) outstanding: u32,
    /// The smoothed round trip, microseconds; 0 before the first sample.
    pub(crate) srtt_us: u32,
}

impl Pacer {
    /// Before anything was sent.
    pub(crate) fn new(pacing: Pacing) -> Self {
        let mut pacer = Self::default();
        pacer.set(pacing, 0, 1);
        pacer
    }

    /// Changes how what is sent is spread, from the next burst on. `sent` bytes have left, in
    /// segments of `mss`.
    pub(crate) fn set(&mut self, pacing: Pacing, sent: u64, mss: u32) {
        if pacing == Pacing::Off {
            self.0.take_if(|pace| !pace.is_burst);
            if let Some(pace) = &mut self.0 {
                pace.pacing = pacing;
            }
            return;
        }
        let head = (sent / u64::from(mss.max(1))).min(HEAD.into()) as u8;
        let pace = self.0.get_or_insert_with(|| Pace::new(pacing, head));
        pace.pacing = pacing;
    }

    /// The window or the round trip changed.
    #[inline]
    pub(crate) fn update(&mut self, window: impl FnOnce() -> Window) {
        if let Some(pace) = &mut self.0 {
            pace.update(&window());
        }
    }

    /// Whether a burst is being paced although the option does not ask for pacing.
    #[inline]
    pub(crate) fn is_pacing_burst(&self) -> bool {
        self.0.as_ref().is_some_and(|pace| pace.is_burst)
    }

    /// Paces what leaves from now on, whatever the option says.
    pub(crate) fn begin_burst(&mut self) {
        let pace = self.0.get_or_insert_with(|| Pace::new(Pacing::Off, HEAD));
        pace.is_burst = true;
    }

    /// The burst is over: the option alone decides again.
    pub(crate) fn end_burst(&mut self) {
        self.0.take_if(|pace| pace.pacing == Pacing::Off);
        if let Some(pace) = &mut self.0 {
            pace.is_burst = false;
        }
    }

    /// Bytes a second at which data leaves, if that is bounded.
    pub(crate) fn rate(&self) -> Option<u64> {
        self.0.as_ref()?.rate()
    }

    /// How many bytes may leave now, or else when: a burst, or what is left of it.
    #[inline]
    pub(crate) fn budget(&self, now: Instant, mss: u32) -> Result<u32, Instant> {
        self.0.as_ref().map_or(Ok(u32::MAX), |pace| pace.budget(now, mss))
    }

    /// `len` bytes left.
    #[inline]
    pub(crate) fn on_sent(&mut self, len: u32, mss: u32, now: Instant) {
        if let Some(pace) = &mut self.0 {
            pace.on_sent(len, mss, now);
        }
    }
}

impl Pace {
    fn new(pacing: Pacing, head: u8) -> Box<Self> {
        let (rate, next_send) = (UNPACED, Instant::ZERO);
        Box::new(Self { pacing, rate, next_send, left: 0, head, is_burst: false })
    }

    /// Linux `tcp_update_pacing_rate`.
    fn update(&mut self, window: &Window) {
        if window.srtt_us == 0 {
            return;
        }
        let percent = if window.cwnd < window.ssthresh / 2 { SLOW_START_PERCENT } else { PERCENT };
        let bytes = u64::from(window.cwnd.max(window.outstanding));
        // Less than 2^32 * 10^4 * 200: fits.
        self.rate = (bytes * percent * (MICROS / 100) / u64::from(window.srtt_us)).max(1);
    }

    fn rate(&self) -> Option<u64> {
        let rate = match self.pacing {
            Pacing::Off | Pacing::On => self.rate,
            Pacing::AtMost(most) => self.rate.min(most.max(1)),
        };
        (rate != UNPACED).then_some(rate)
    }

    fn budget(&self, now: Instant, mss: u32) -> Result<u32, Instant> {
        let Some(rate) = self.rate() else { return Ok(u32::MAX) };
        if now >= self.next_send {
            Ok(burst(rate, mss))
        } else if self.left >= mss.max(1) {
            Ok(self.left)
        } else {
            Err(self.next_send)
        }
    }

    fn on_sent(&mut self, len: u32, mss: u32, now: Instant) {
        // The first ten segments are the initial window: they go out as they are.
        let segments = len.div_ceil(mss.max(1)).min(u32::from(HEAD)) as u8;
        self.head = (self.head + segments).min(HEAD);
        let Some(rate) = self.rate().filter(|_| self.head == HEAD) else { return };
        let whole = if now < self.next_send { self.left } else { burst(rate, mss) };
        self.left = whole.saturating_sub(len);
        let nanos = u64::from(len) * NANOS / rate;
        // Timers are late and work comes in batches; without credit the rate would never be met.
        let late = u64::try_from(now.since(self.next_send).as_nanos()).unwrap_or(u64::MAX);
        let nanos = nanos - late.min(nanos / 2);
        self.next_send = now.max(self.next_send) + Duration::from_nanos(nanos);
    }
}

/// A burst: whole segments, about a millisecond of the rate, two segments at least (Linux
/// `tcp_tso_autosize`).
#[inline]
fn burst(rate: u64, mss: u32) -> u32 {
    let bytes = u32::try_from(rate >> BURST_SHIFT).unwrap_or(BURST_MAX).min(BURST_MAX);
    (bytes / mss.max(1)).max(BURST_SEGMENTS).saturating_mul(mss)
}

/// No bound.
const UNPACED: u64 = u64::MAX;
/// Linux `tcp_pacing_ss_ratio`.
const SLOW_START_PERCENT: u64 = 200;
/// Linux `tcp_pacing_ca_ratio`.
const PERCENT: u64 = 120;
/// A second over two to this is about a millisecond (Linux `sk_pacing_shift`).
const BURST_SHIFT: u32 = 10;
/// Linux `tcp_min_tso_segs`.
const BURST_SEGMENTS: u32 = 2;
/// What one frame to a device that cuts it can hold.
const BURST_MAX: u32 = 64 * 1024;
/// Segments before pacing begins: the initial window (RFC 6928).
const HEAD: u8 = 10;
const MICROS: u64 = 1_000_000;
const NANOS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests;
