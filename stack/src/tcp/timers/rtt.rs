//! Round-trip time and retransmission timeout (RFC 6298), with Linux's bounds.
//!
//! The variance term is at least 200 ms, as Linux has it, so the timeout never drops below the
//! round trip plus 200 ms; it ends at 120 s. Samples come from what an ACK delivered and was sent
//! once (Karn), or from timestamps. A back-off stays until a fresh sample shows what the path is
//! like now.

use crate::time::{Duration, Instant};

/// The estimate.
#[derive(Debug)]
pub(crate) struct Rtt {
    /// RFC 6298 `SRTT`, Linux `srtt_us`: the smoothed round trip, eighths of a microsecond; 0
    /// before the first sample.
    srtt_us_x8: u32,
    /// RFC 6298 `RTTVAR`, Linux `rttvar_us`: the variation, quarters of a microsecond.
    rttvar_us_x4: u32,
    /// RFC 6298 `RTO` before back-off, microseconds.
    rto_us: u32,
    /// How often the timeout has doubled.
    backoff: u8,
    /// Linux `rtt_min`: the minimum sample of the last minutes, microseconds.
    min_rtt_us: u32,
    /// When it was taken, units of some milliseconds; wraps after months.
    min_at: u32,
}

impl Rtt {
    pub(crate) fn new() -> Self {
        Self {
            srtt_us_x8: 0,
            rttvar_us_x4: 0,
            rto_us: INITIAL_US,
            backoff: 0,
            min_rtt_us: u32::MAX,
            min_at: 0,
        }
    }

    /// RFC 6298 §5.7: the SYN timed out, so the first data gets a timeout of three seconds.
    pub(crate) fn after_lost_syn(&mut self) {
        self.backoff = 0;
        if self.srtt_us_x8 == 0 {
            self.rto_us = FALLBACK_US;
        }
    }

    /// Takes in one measurement (RFC 6298 §2).
    pub(crate) fn sample(&mut self, rtt: Duration, now: Instant) {
        let r = u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX).clamp(1, MAX_US);
        let ticks = (now.nanos() >> MIN_TICK_SHIFT) as u32;
        if r <= self.min_rtt_us || ticks.wrapping_sub(self.min_at) > MIN_WINDOW {
            self.min_rtt_us = r;
            self.min_at = ticks;
        }
        if self.srtt_us_x8 == 0 {
            self.srtt_us_x8 = r * 8;
            self.rttvar_us_x4 = r * 2;
        } else {
            let error = (self.srtt_us_x8 / 8).abs_diff(r);
            self.rttvar_us_x4 = self.rttvar_us_x4 - self.rttvar_us_x4 / 4 + error;
            self.srtt_us_x8 = self.srtt_us_x8 - self.srtt_us_x8 / 8 + r;
        }
        self.rto_us = (self.srtt_us_x8 / 8 + self.rttvar_us_x4.max(MIN_US)).clamp(MIN_US, MAX_US);
        self.backoff = 0;
    }

    /// The timeout expired: the next one is twice as long.
    pub(crate) fn back_off(&mut self) {
        self.backoff = (self.backoff + 1).min(31);
    }

    /// How often the timeout has doubled.
    pub(crate) fn backoff(&self) -> u8 {
        self.backoff
    }

    /// Reverts the last back-off (RFC 6069). Returns by how much the timeout is shorter now, which
    /// is zero if there was no back-off.
    pub(crate) fn revert_back_off(&mut self) -> Duration {
        let before = self.rto();
        self.backoff = self.backoff.saturating_sub(1);
        before.saturating_sub(self.rto())
    }

    /// How long `retries` timeouts after the first take on the shortest of paths: whatever shortens
    /// them, a peer is not given up before (Linux `tcp_model_timeout`).
    pub(crate) fn max_retrans_time(retries: u32) -> Duration {
        let waits = (1..=retries).map(|n| (MIN_US_64 << n.min(31)).min(MAX_US.into()));
        Duration::from_micros(waits.sum())
    }

    /// The timeout, with back-off.
    #[inline]
    pub(crate) fn rto(&self) -> Duration {
        Duration::from_micros(self.backed_off(self.backoff))
    }

    /// The timeout doubled `times` times from its base, for probes that count their own back-off.
    pub(crate) fn rto_backed_off(&self, times: u8) -> Duration {
        Duration::from_micros(self.backed_off(times))
    }

    /// Smoothed round trip; none before the first sample.
    #[inline]
    pub(crate) fn srtt(&self) -> Option<Duration> {
        (self.srtt_us_x8 > 0).then(|| Duration::from_micros(u64::from(self.srtt_us_x8 / 8)))
    }

    /// The least round trip of the last minutes; zero before the first sample.
    #[inline]
    pub(crate) fn min_rtt(&self) -> Duration {
        let known = self.srtt_us_x8 > 0;
        Duration::from_micros(if known { u64::from(self.min_rtt_us) } else { 0 })
    }

    /// Smoothed round trip, microseconds; 0 before the first sample.
    pub(crate) fn srtt_us(&self) -> u32 {
        self.srtt_us_x8 / 8
    }

    /// Variation, microseconds.
    pub(crate) fn rttvar_us(&self) -> u32 {
        self.rttvar_us_x4 / 4
    }

    fn backed_off(&self, times: u8) -> u64 {
        (u64::from(self.rto_us) << times.min(31)).min(u64::from(MAX_US))
    }
}

/// Linux `tcp_min_rtt_wlen`: paths change.
const MIN_WINDOW: u32 = (300_000_000_000u64 >> MIN_TICK_SHIFT) as u32;
/// Ticks of two to this many nanoseconds.
const MIN_TICK_SHIFT: u32 = 21;
/// RFC 6298 §2.1.
const INITIAL_US: u32 = 1_000_000;
/// RFC 6298 §5.7.
const FALLBACK_US: u32 = 3_000_000;
/// Linux `TCP_RTO_MIN`.
const MIN_US: u32 = 200_000;
const MIN_US_64: u64 = MIN_US as u64;
/// Linux `TCP_RTO_MAX`.
const MAX_US: u32 = 120_000_000;
