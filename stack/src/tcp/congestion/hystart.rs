//! HyStart++ (RFC 9406): the end of slow start from a rising round trip, before anything is lost.
//!
//! A round lasts from one number sent until it is acknowledged. If the least round trip of a round is
//! clearly above that of the round before, a queue may be building: *conservative slow start* grows a
//! quarter as fast for five rounds and then ends slow start. If the round trip falls in that time,
//! the rise was noise, and slow start goes on.
//!
//! A queue of one window or less fills within a round that began with it empty, before any round's least
//! trip tells. So slow start also ends, as on Linux, when acknowledgments have come without a gap for
//! half a round trip: what is out then fills half of the path, and twice as much would fill it all.

use core::time::Duration;

use wire::tcp::SeqNum;

use crate::time::Instant;

/// What slow start is told of an acknowledgment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) una: SeqNum,
    pub(super) nxt: SeqNum,
    pub(super) rtt: Option<Duration>,
    pub(super) now: Instant,
    /// The window, in segments.
    pub(super) segments: u32,
}

/// How fast the window may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    /// By what was acknowledged.
    Full,
    /// By a quarter of it.
    Conservative,
    /// No more: the threshold is to be set to the window.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No acknowledgment came yet.
    Fresh,
    Slow,
    Conservative,
}

/// The state of HyStart++. Times are microseconds; [`NONE`] stands for infinity.
#[derive(Clone, Debug)]
pub(super) struct HyStart {
    /// The round ends when this is acknowledged.
    window_end: SeqNum,
    last_round_min: u32,
    round_min: u32,
    /// What conservative slow start compares with.
    baseline: u32,
    samples: u8,
    /// Rounds of conservative slow start.
    rounds: u8,
    phase: Phase,
    /// The next acknowledgment is the first of a round: its train begins there, not where the last ended.
    begins: bool,
    /// The least round trip of all.
    least: u32,
    round_start: u32,
    /// The last acknowledgment of the round's train.
    train: u32,
}

impl HyStart {
    pub(super) fn new() -> Self {
        Self {
            window_end: SeqNum(0),
            last_round_min: NONE,
            round_min: NONE,
            baseline: NONE,
            samples: 0,
            rounds: 0,
            phase: Phase::Fresh,
            begins: true,
            least: NONE,
            round_start: 0,
            train: 0,
        }
    }

    /// Something was acknowledged in slow start (RFC 9406 §4.2).
    #[inline]
    pub(super) fn on_ack(&mut self, sample: &Sample) -> Growth {
        if self.phase == Phase::Fresh {
            self.phase = Phase::Slow;
        }
        if core::mem::take(&mut self.begins) {
            // What the last ACK of a round lets out is the end of a train, and what the first lets
            // out is the beginning of the next: the border is between them.
            self.window_end = sample.nxt;
            (self.round_start, self.train) = (micros(sample.now), micros(sample.now));
        }
        if let Some(rtt) = sample.rtt {
            self.take(u32::try_from(rtt.as_micros()).unwrap_or(NONE - 1));
        }
        if sample.segments >= TRAIN_WINDOW && self.is_train(sample.now) {
            return Growth::Over;
        }
        let growth = match self.phase {
            Phase::Conservative => Growth::Conservative,
            _ => Growth::Full,
        };
        if sample.una.ge(self.window_end) {
            self.end_round();
            if self.rounds >= CSS_ROUNDS {
                return Growth::Over;
            }
        }
        growth
    }

    /// Acknowledgments that come without a gap for half a round trip: the window that they are for
    /// fills half of the path, and the next round would fill all of it (Linux: the ACK train).
    fn is_train(&mut self, now: Instant) -> bool {
        let now = micros(now);
        // On a short path a pause of Linux's 2 ms is several round trips: there is always a train.
        if now.wrapping_sub(self.train) > TRAIN_GAP.min(self.least / 8) {
            return false;
        }
        self.train = now;
        self.least != NONE && now.wrapping_sub(self.round_start) > self.least / 2
    }

    fn take(&mut self, rtt: u32) {
        self.least = self.least.min(rtt);
        self.round_min = self.round_min.min(rtt);
        self.samples = self.samples.saturating_add(1);
        if self.samples < SAMPLES {
            return;
        }
        if self.phase == Phase::Conservative {
            if self.round_min < self.baseline {
                self.baseline = NONE;
                self.phase = Phase::Slow;
                self.rounds = 0;
            }
        } else if self.last_round_min != NONE
            && self.round_min >= self.last_round_min.saturating_add(threshold(self.last_round_min))
        {
            self.baseline = self.round_min;
            self.phase = Phase::Conservative;
            self.rounds = 0;
        }
    }

    fn end_round(&mut self) {
        self.rounds += u8::from(self.phase == Phase::Conservative);
        self.last_round_min = self.round_min;
        self.round_min = NONE;
        self.samples = 0;
        self.begins = true;
    }
}

/// An instant as far as spans of less than an hour need it.
fn micros(now: Instant) -> u32 {
    now.since(Instant::ZERO).as_micros() as u32
}

/// How much later than in the round before is late (RFC 9406 §4.2; VEC-15).
fn threshold(last_round_min: u32) -> u32 {
    (last_round_min / RTT_DIVISOR).clamp(MIN_RTT_THRESHOLD, MAX_RTT_THRESHOLD)
}

/// By what conservative slow start divides growth.
pub(super) const CSS_GROWTH_DIVISOR: u32 = 4;

// RFC 9406 §4.3 (TCPC-05).
const MIN_RTT_THRESHOLD: u32 = 4_000;
const MAX_RTT_THRESHOLD: u32 = 16_000;
const RTT_DIVISOR: u32 = 8;
const SAMPLES: u8 = 8;
const CSS_ROUNDS: u8 = 5;

/// Linux `hystart_low_window`, segments.
const TRAIN_WINDOW: u32 = 16;
/// Linux `hystart_ack_delta_us`.
const TRAIN_GAP: u32 = 2_000;

const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_vec_15_tcpc_05() {
        for (last_ms, expected_ms) in [(10, 4), (40, 5), (100, 12), (500, 16)] {
            assert_eq!(threshold(last_ms * 1000) / 1000, expected_ms);
        }
    }
}
