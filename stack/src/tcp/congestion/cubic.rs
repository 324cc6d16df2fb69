//! CUBIC's window (RFC 9438): a cubic function of the time since the last loss, whatever the round
//! trip is.
//!
//! After a loss the window rises fast towards where the loss was (`w_max`), is flat around it, and
//! then probes for more ever faster. Where a standard TCP would be faster still, an estimate of its
//! window is followed (the *Reno-friendly* region). Windows are bytes; the time of the curve is in
//! milliseconds, so `C` = 0.4 segments per cubic second is `mss / 2.5e9` bytes per cubic
//! millisecond.
//!
//! Time does not count while the window does not limit the sender (§4.2, §5.8).

use crate::time::{Duration, Instant};

/// The curve, which undo restores.
#[derive(Clone, Copy, Debug)]
struct Curve {
    /// RFC 9438 `t_epoch`: when this congestion avoidance began; [`Instant::FAR`] if it has not.
    epoch_start: Instant,
    /// RFC 9438 `W_max`: the window at the last loss, lowered by fast convergence; 0 if there was
    /// no loss since the beginning or a timeout.
    w_max: u32,
    /// RFC 9438 `cwnd_prior`: the window before the last loss.
    cwnd_prior: u32,
    /// Linux `bic_origin_point`: the plateau of the curve.
    origin_point: u32,
    /// RFC 9438 `K`: when the curve reaches the plateau, milliseconds after `epoch_start`.
    k_ms: u32,
    /// RFC 9438 `W_est`: what the window of a standard TCP would be.
    w_est: u32,
}

/// CUBIC.
#[derive(Clone, Debug)]
pub(super) struct Cubic {
    curve: Curve,
    /// When the window was last seen to limit the sender, or not to.
    last_limited_at: Instant,
    /// What growth left over: `(target - cwnd) * acked` modulo `cwnd`.
    cwnd_remainder: u32,
    /// What the growth of `w_est` left over.
    w_est_remainder: u64,
}

/// An acknowledgment in congestion avoidance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) now: Instant,
    pub(super) acked: u32,
    pub(super) srtt: Duration,
    pub(super) mss: u32,
}

impl Cubic {
    pub(super) fn new() -> Self {
        let curve = Curve {
            epoch_start: Instant::FAR,
            w_max: 0,
            cwnd_prior: 0,
            origin_point: 0,
            k_ms: 0,
            w_est: 0,
        };
        Self { curve, last_limited_at: Instant::ZERO, cwnd_remainder: 0, w_est_remainder: 0 }
    }

    /// Congestion avoidance: the window after one more acknowledgment (RFC 9438 §4.2 to §4.5).
    #[inline]
    pub(super) fn cong_avoid(&mut self, cwnd: u32, step: &Step) -> u32 {
        if self.curve.epoch_start == Instant::FAR {
            self.begin(cwnd, step);
        }
        self.last_limited_at = step.now;
        let curve = &self.curve;
        let elapsed = step.now.since(curve.epoch_start);
        let here = curve.at(elapsed, step.mss);
        self.grow_estimate(cwnd, step);
        // A curve that began at its plateau says little about the path.
        let known = self.curve.w_max > 0;
        if known && here < self.curve.w_est {
            // Reno-friendly region (§4.3). Never faster than slow start, whatever lowered the
            // window.
            return self.curve.w_est.clamp(cwnd, cwnd.saturating_add(step.acked));
        }
        let most = cwnd.saturating_add(cwnd / 2);
        // Linux grows by at least 5 % a round if it knows of no loss: slow start may have ended far
        // below what the path carries.
        let least = if known { cwnd } else { (cwnd + cwnd / 20).max(self.curve.w_est) };
        let target_cwnd = self.curve.at(elapsed + step.srtt, step.mss);
        let target = target_cwnd.clamp(least.min(most), most);
        let cwnd_64 = u64::from(cwnd.max(1));
        let sum = u64::from(self.cwnd_remainder) + u64::from(target - cwnd) * u64::from(step.acked);
        self.cwnd_remainder = (sum % cwnd_64) as u32;
        cwnd.saturating_add(u32::try_from(sum / cwnd_64).unwrap_or(u32::MAX))
    }

    /// Something was acknowledged while the window did not limit the sender: that time does not
    /// count.
    #[inline]
    pub(super) fn on_unlimited(&mut self, now: Instant) {
        if self.curve.epoch_start != Instant::FAR {
            self.pause(now.since(self.last_limited_at));
            self.last_limited_at = now;
        }
    }

    /// Nothing was sent for `idle`: that time does not count, as Linux has it.
    pub(super) fn pause(&mut self, idle: Duration) {
        if self.curve.epoch_start != Instant::FAR {
            self.curve.epoch_start += idle;
            self.last_limited_at += idle;
        }
    }

    /// A loss: the new ssthresh (§4.6, §4.7), as a share of the window and not of what is in
    /// flight. Validation keeps the window from growing unused.
    pub(super) fn on_loss(&mut self, cwnd: u32, mss: u32) -> u32 {
        let curve = &mut self.curve;
        curve.epoch_start = Instant::FAR;
        curve.cwnd_prior = cwnd;
        // Fast convergence: the window is smaller than at the loss before, so another flow wants a
        // share.
        let yields = cwnd < curve.w_max;
        curve.w_max = if yields { part(cwnd, FAST_CONVERGENCE) } else { cwnd };
        part(cwnd, BETA).max(2 * mss)
    }

    /// After a timeout the curve begins at its plateau (§4.8).
    pub(super) fn on_timeout(&mut self) {
        self.curve.epoch_start = Instant::FAR;
        self.curve.w_max = 0;
    }

    /// The last loss was spurious (§4.9).
    pub(super) fn undo(&mut self, before: &Self) {
        self.curve = before.curve;
    }

    /// Congestion avoidance begins with this window.
    fn begin(&mut self, cwnd: u32, step: &Step) {
        let curve = &mut self.curve;
        curve.epoch_start = step.now;
        curve.w_est = cwnd;
        if curve.w_max > cwnd {
            curve.origin_point = curve.w_max;
            curve.k_ms = plateau_ms(curve.w_max - cwnd, step.mss);
        } else {
            curve.origin_point = cwnd;
            curve.k_ms = 0;
        }
        self.cwnd_remainder = 0;
        self.w_est_remainder = 0;
    }

    /// `W_est` grows by alpha segments a window: by 9/17 until it is where the last loss was, then
    /// by one (§4.3).
    #[inline]
    fn grow_estimate(&mut self, cwnd: u32, step: &Step) {
        let alpha = if self.curve.w_est >= self.curve.cwnd_prior { ALPHA_DIVISOR } else { ALPHA };
        let window = ALPHA_DIVISOR * u64::from(cwnd.max(1));
        let sum = self.w_est_remainder + alpha * u64::from(step.acked) * u64::from(step.mss);
        self.w_est_remainder = sum % window;
        let grown = u32::try_from(sum / window).unwrap_or(u32::MAX);
        self.curve.w_est = self.curve.w_est.saturating_add(grown);
    }
}

impl Curve {
    /// `W_cubic(t)` (§4.2): `C * (t - K)^3 + W_max`.
    #[inline]
    fn at(&self, t: Duration, mss: u32) -> u32 {
        // A span beyond some twenty minutes is as good as any.
        let t = u32::try_from(t.as_micros() / 1000).unwrap_or(SPAN_MAX);
        let cube = u64::from(t.abs_diff(self.k_ms).min(SPAN_MAX)).pow(3);
        let off = match cube.checked_mul(u64::from(mss)) {
            Some(product) if t < self.k_ms => product.div_ceil(MS3_PER_C),
            Some(product) => product / MS3_PER_C,
            // Slower, and only for hours-long or gigantic curves.
            None => (u128::from(cube) * u128::from(mss) / u128::from(MS3_PER_C)) as u64,
        };
        let off = u32::try_from(off).unwrap_or(u32::MAX);
        if t < self.k_ms {
            self.origin_point.saturating_sub(off)
        } else {
            self.origin_point.saturating_add(off)
        }
    }
}

/// `K` (§4.2): milliseconds to climb `climb` bytes, `cbrt(climb / (C * mss))`.
fn plateau_ms(climb: u32, mss: u32) -> u32 {
    cube_root(u64::from(climb) * MS3_PER_C / u64::from(mss.max(1)))
}

/// The largest number whose cube is not above `n`, digit by binary digit.
fn cube_root(n: u64) -> u32 {
    let mut root = 0u64;
    for bit in (0..22).rev() {
        let next = root | 1 << bit;
        // By division, because the cube may not fit.
        if next <= n / (next * next) {
            root = next;
        }
    }
    root as u32
}

/// `value` times a fraction.
fn part(value: u32, (over, under): (u64, u64)) -> u32 {
    (u64::from(value) * over / under) as u32
}

// RFC 9438 §4 and §5.
/// A cubic millisecond times `mss`, divided by this, is bytes: 10^9 / C.
const MS3_PER_C: u64 = 2_500_000_000;
/// Beta.
const BETA: (u64, u64) = (7, 10);
/// (1 + beta) / 2.
const FAST_CONVERGENCE: (u64, u64) = (17, 20);
/// Alpha of the Reno-friendly region: 3 * (1 - beta) / (1 + beta) = 9/17.
const ALPHA: u64 = 9;
const ALPHA_DIVISOR: u64 = 17;
/// The cube of it just fits.
const SPAN_MAX: u32 = 1 << 21;

#[cfg(test)]
mod tests;
