//! HyStart++ (RFC 9406): ends slow start because of a rising round trip, before anything is lost.
//!
//! A round lasts from the sending of a number until it is acknowledged. If the minimum round trip
//! of a round is clearly above that of the round before, a queue may be building: *conservative
//! slow start* (CSS) grows a quarter as fast for five rounds and then ends slow start. If the round
//! trip falls in that time, the rise was noise, and slow start goes on.
//!
//! A queue of one window or less fills within a round that began with it empty, before the minimum
//! of any round shows it. So slow start also ends, as in Linux, when acknowledgments have arrived
//! without a gap for half a round trip (an ACK train): what is in flight then fills half of the
//! path, and twice as much would fill it all.

use core::time::Duration;

use wire::tcp::SeqNum;

use crate::time::Instant;

/// What slow start learns from an acknowledgment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) una: SeqNum,
    pub(super) nxt: SeqNum,
    pub(super) rtt: Option<Duration>,
    pub(super) now: Instant,
    /// The congestion window, segments.
    pub(super) segments: u32,
}

/// How fast the window may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    /// By what was acknowledged.
    Full,
    /// By a quarter of it.
    Conservative,
    /// Not at all: ssthresh is to be set to the window.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No acknowledgment came yet.
    Fresh,
    Slow,
    Conservative,
}

/// The state of HyStart++. [`INFINITY`] stands for an infinite time.
#[derive(Clone, Debug)]
pub(super) struct HyStart {
    /// RFC 9406 `windowEnd`: the round ends when this number is acknowledged.
    window_end: SeqNum,
    /// RFC 9406 `lastRoundMinRTT`, microseconds.
    last_round_min_rtt_us: u32,
    /// RFC 9406 `currentRoundMinRTT`, microseconds.
    current_round_min_rtt_us: u32,
    /// RFC 9406 `cssBaselineMinRtt`: what conservative slow start compares with, microseconds.
    css_baseline_min_rtt_us: u32,
    /// RFC 9406 `rttSampleCount`.
    rtt_sample_count: u8,
    /// Rounds of conservative slow start so far.
    css_rounds: u8,
    phase: Phase,
    /// The next acknowledgment is the first of a round, whose ACK train begins there.
    starts_round: bool,
    /// Linux `delay_min`: the minimum round trip of all samples, microseconds.
    delay_min_us: u32,
    /// Linux `round_start`: when the round began, microseconds.
    round_start_us: u32,
    /// Linux `last_ack`: the last acknowledgment of the ACK train of this round, microseconds.
    last_ack_us: u32,
}

impl HyStart {
    pub(super) fn new() -> Self {
        Self {
            window_end: SeqNum(0),
            last_round_min_rtt_us: INFINITY,
            current_round_min_rtt_us: INFINITY,
            css_baseline_min_rtt_us: INFINITY,
            rtt_sample_count: 0,
            css_rounds: 0,
            phase: Phase::Fresh,
            starts_round: true,
            delay_min_us: INFINITY,
            round_start_us: 0,
            last_ack_us: 0,
        }
    }

    /// Something was acknowledged in slow start (RFC 9406 §4.2).
    #[inline]
    pub(super) fn on_ack(&mut self, sample: &Sample) -> Growth {
        if self.phase == Phase::Fresh {
            self.phase = Phase::Slow;
        }
        if core::mem::take(&mut self.starts_round) {
            // What the last ACK of a round lets out ends one train, and what the first ACK lets out
            // begins the next: the border is between them.
            self.window_end = sample.nxt;
            (self.round_start_us, self.last_ack_us) = (micros(sample.now), micros(sample.now));
        }
        if let Some(rtt) = sample.rtt {
            self.on_rtt_sample(u32::try_from(rtt.as_micros()).unwrap_or(INFINITY - 1));
        }
        if sample.segments >= LOW_WINDOW && self.is_ack_train_long(sample.now) {
            return Growth::Over;
        }
        let growth = match self.phase {
            Phase::Conservative => Growth::Conservative,
            _ => Growth::Full,
        };
        if sample.una.ge(self.window_end) {
            self.end_round();
            if self.css_rounds >= CSS_ROUNDS {
                return Growth::Over;
            }
        }
        growth
    }

    /// Whether acknowledgments have arrived without a gap for half a round trip (Linux
    /// `HYSTART_ACK_TRAIN`).
    fn is_ack_train_long(&mut self, now: Instant) -> bool {
        let now = micros(now);
        // On a short path Linux's 2 ms are several round trips, so there would always be a train.
        if now.wrapping_sub(self.last_ack_us) > ACK_DELTA_US.min(self.delay_min_us / 8) {
            return false;
        }
        self.last_ack_us = now;
        self.delay_min_us != INFINITY
            && now.wrapping_sub(self.round_start_us) > self.delay_min_us / 2
    }

    fn on_rtt_sample(&mut self, rtt: u32) {
        self.delay_min_us = self.delay_min_us.min(rtt);
        self.current_round_min_rtt_us = self.current_round_min_rtt_us.min(rtt);
        self.rtt_sample_count = self.rtt_sample_count.saturating_add(1);
        if self.rtt_sample_count < N_RTT_SAMPLE {
            return;
        }
        if self.phase == Phase::Conservative {
            if self.current_round_min_rtt_us < self.css_baseline_min_rtt_us {
                self.css_baseline_min_rtt_us = INFINITY;
                self.phase = Phase::Slow;
                self.css_rounds = 0;
            }
        } else if self.last_round_min_rtt_us != INFINITY
            && self.current_round_min_rtt_us
                >= self
                    .last_round_min_rtt_us
                    .saturating_add(rtt_thresh_us(self.last_round_min_rtt_us))
        {
            self.css_baseline_min_rtt_us = self.current_round_min_rtt_us;
            self.phase = Phase::Conservative;
            self.css_rounds = 0;
        }
    }

    fn end_round(&mut self) {
        self.css_rounds += u8::from(self.phase == Phase::Conservative);
        self.last_round_min_rtt_us = self.current_round_min_rtt_us;
        self.current_round_min_rtt_us = INFINITY;
        self.rtt_sample_count = 0;
        self.starts_round = true;
    }
}

/// An instant in microseconds, which wraps: it serves for times of less than an hour.
fn micros(now: Instant) -> u32 {
    now.since(Instant::ZERO).as_micros() as u32
}

/// RFC 9406 §4.2 `RttThresh`: by how much a rise counts, microseconds.
fn rtt_thresh_us(last_round_min_rtt_us: u32) -> u32 {
    (last_round_min_rtt_us / MIN_RTT_DIVISOR).clamp(MIN_RTT_THRESH_US, MAX_RTT_THRESH_US)
}

/// RFC 9406 `CSS_GROWTH_DIVISOR`: conservative slow start divides growth by this.
pub(super) const CSS_GROWTH_DIVISOR: u32 = 4;

// RFC 9406 §4.3; times in microseconds.
const MIN_RTT_THRESH_US: u32 = 4_000;
const MAX_RTT_THRESH_US: u32 = 16_000;
const MIN_RTT_DIVISOR: u32 = 8;
const N_RTT_SAMPLE: u8 = 8;
const CSS_ROUNDS: u8 = 5;

/// Linux `hystart_low_window`, segments.
const LOW_WINDOW: u32 = 16;
/// Linux `hystart_ack_delta_us`.
const ACK_DELTA_US: u32 = 2_000;

const INFINITY: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_vec_15_tcpc_05() {
        for (last_ms, expected_ms) in [(10, 4), (40, 5), (100, 12), (500, 16)] {
            assert_eq!(rtt_thresh_us(last_ms * 1000) / 1000, expected_ms);
        }
    }
}
