//! CUBIC against a model of RFC 9438 in floating point, and against its response function.

use super::*;

const MSS: u32 = 1460;
const C: f64 = 0.4;

/// RFC 9438 §4 as it is written: segments, seconds.
struct Model {
    cwnd: f64,
    w_max: f64,
    prior: f64,
    epoch: Option<f64>,
    origin: f64,
    k: f64,
    est: f64,
}

impl Model {
    fn new(cwnd: f64) -> Self {
        Self { cwnd, w_max: 0.0, prior: 0.0, epoch: None, origin: 0.0, k: 0.0, est: 0.0 }
    }

    fn on_ack(&mut self, now: f64, rtt: f64, acked: f64) {
        let epoch = *self.epoch.get_or_insert_with(|| {
            self.est = self.cwnd;
            self.origin = self.w_max.max(self.cwnd);
            self.k = ((self.origin - self.cwnd) / C).cbrt();
            now
        });
        let curve = |t: f64| C * (t - self.k).powi(3) + self.origin;
        let alpha = if self.est >= self.prior { 1.0 } else { 9.0 / 17.0 };
        self.est += alpha * acked / self.cwnd;
        if curve(now - epoch) < self.est {
            self.cwnd = self.cwnd.max(self.est);
        } else {
            let target = curve(now - epoch + rtt).clamp(self.cwnd, 1.5 * self.cwnd);
            self.cwnd += (target - self.cwnd) / self.cwnd * acked;
        }
    }

    fn on_loss(&mut self) {
        self.epoch = None;
        self.prior = self.cwnd;
        self.w_max = if self.cwnd < self.w_max { self.cwnd * 0.85 } else { self.cwnd };
        self.cwnd = (self.cwnd * 0.7).max(2.0);
    }
}

/// A sender whose window always limits it, over a path of constant round trip.
struct Flow {
    cubic: Cubic,
    cwnd: u32,
    now: Instant,
    rtt: Duration,
}

impl Flow {
    fn new(cwnd: u32, rtt_us: u64) -> Self {
        let now = Instant::from_millis(1000);
        Self { cubic: Cubic::new(), cwnd, now, rtt: Duration::from_micros(rtt_us) }
    }

    fn on_ack(&mut self, acked: u32) {
        // Acknowledgments of a window spread over a round trip.
        let nanos = self.rtt.as_nanos() as u64 * u64::from(acked) / u64::from(self.cwnd);
        self.now += Duration::from_nanos(nanos);
        let step = Step { now: self.now, acked, srtt: self.rtt, mss: MSS };
        let before = self.cwnd;
        self.cwnd = self.cubic.cong_avoid(self.cwnd, &step);
        assert!(self.cwnd >= before && self.cwnd - before <= acked);
    }

    fn round(&mut self) {
        let mut left = self.cwnd;
        while left > 0 {
            let acked = left.min(MSS);
            self.on_ack(acked);
            left -= acked;
        }
    }

    fn on_loss(&mut self) {
        self.cwnd = self.cubic.on_loss(self.cwnd, MSS);
    }
}

#[test]
fn plateau_and_curve_vec_12_tcpc_03() {
    let mut flow = Flow::new(70 * MSS, 1);
    flow.cubic.curve.w_max = 100 * MSS;
    let step = Step { now: flow.now, acked: 0, srtt: flow.rtt, mss: MSS };
    flow.cubic.cong_avoid(flow.cwnd, &step);
    let curve = &flow.cubic.curve;
    assert_eq!(curve.k_ms, 4217);
    assert_eq!(curve.at(Duration::from_secs(1), MSS), 126_556);
    assert_eq!(curve.at(Duration::from_millis(4217), MSS), 100 * MSS);
}

#[test]
fn cube_roots_are_exact() {
    let exact = |n: u64| {
        let root = u128::from(cube_root(n));
        root.pow(3) <= n.into() && (root + 1).pow(3) > n.into()
    };
    let mut n = 1u64;
    for i in 0..64 * 50 {
        assert!(exact(n), "{n}");
        n = n.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (i % 64);
    }
    for root in [1u64, 2, 10, 1000, 2_642_245] {
        assert_eq!(u64::from(cube_root(root.pow(3))), root);
        assert_eq!(u64::from(cube_root(root.pow(3) - 1)), root - 1);
    }
    assert_eq!(cube_root(0), 0);
    assert_eq!(cube_root(u64::MAX), 2_642_245);
}

/// TCPC-03: within 1 % of RFC 9438 at every moment, over round trips from 1 to 300 ms and losses
/// far apart, close together, above and below the last.
#[test]
fn follows_rfc_9438_within_a_percent_tcpc_03() {
    for rtt_us in [1_000, 5_000, 20_000, 100_000, 300_000] {
        let mut flow = Flow::new(200 * MSS, rtt_us);
        flow.on_loss();
        let mut model = Model::new(200.0);
        model.on_loss();
        let start = flow.now;
        for span_ms in [2000, 6000, 700, 300, 9000, 3000, 3000, 1500, 12_000] {
            let end = flow.now + Duration::from_millis(span_ms);
            while flow.now < end && flow.cwnd < 4000 * MSS {
                let acked = 2 * MSS;
                flow.on_ack(acked);
                let now = flow.now.since(start).as_secs_f64();
                model.on_ack(now, flow.rtt.as_secs_f64(), 2.0);
                let cwnd = f64::from(flow.cwnd) / f64::from(MSS);
                let error = (cwnd / model.cwnd - 1.0).abs();
                assert!(error < 0.01, "{rtt_us} us at {now}: {cwnd} for {}", model.cwnd);
            }
            flow.on_loss();
            model.on_loss();
        }
    }
}

/// Far from the Reno-friendly region the window is the cubic itself.
#[test]
fn on_a_long_path_the_window_is_the_curve_tcpc_03() {
    let mut flow = Flow::new(1000 * MSS, 100_000);
    flow.on_loss();
    flow.round();
    let start = flow.cubic.curve.epoch_start;
    for _ in 0..120 {
        flow.round();
        let t = flow.now.since(start).as_secs_f64();
        let expected = C * (t - (300.0 / C).cbrt()).powi(3) + 1000.0;
        let cwnd = f64::from(flow.cwnd) / f64::from(MSS);
        assert!((cwnd / expected - 1.0).abs() < 0.03, "{t} s: {cwnd}, {expected}");
    }
    assert!(flow.cwnd > 1000 * MSS, "beyond the plateau");
}

/// RFC 9438 §4.3: on a short path 9/17 of a segment a round up to where the loss was, then one.
#[test]
fn on_a_short_path_the_window_is_a_standard_tcps_tcpc_03() {
    let mut flow = Flow::new(40 * MSS, 2_000);
    flow.on_loss();
    let mut before = flow.cwnd;
    let mut growth = Vec::new();
    for _ in 0..40 {
        flow.round();
        growth.push(f64::from(flow.cwnd - before) / f64::from(MSS));
        before = flow.cwnd;
    }
    // From 28 to 40 segments it takes 22.7 rounds.
    assert!(growth[1..22].iter().all(|g| (g - 9.0 / 17.0).abs() < 0.03), "{growth:?}");
    assert!(growth[24..].iter().all(|g| (g - 1.0).abs() < 0.03), "{growth:?}");
}

#[test]
fn a_smaller_window_than_last_time_yields_tcpc_03() {
    let mut flow = Flow::new(100 * MSS, 50_000);
    flow.on_loss();
    assert_eq!((flow.cwnd, flow.cubic.curve.w_max), (70 * MSS, 100 * MSS));
    flow.on_loss();
    assert_eq!((flow.cwnd, flow.cubic.curve.w_max), (49 * MSS, 70 * MSS * 17 / 20));
    flow.cwnd = MSS;
    flow.on_loss();
    assert_eq!(flow.cwnd, 2 * MSS);
}

#[test]
fn at_most_half_a_window_more_a_round_tcpc_03() {
    let mut flow = Flow::new(10 * MSS, 100_000);
    flow.on_loss();
    flow.round();
    // Much later on the curve, the window has not followed.
    flow.now += Duration::from_secs(60);
    let before = flow.cwnd;
    flow.round();
    // Compounded within the round.
    assert!(flow.cwnd > before * 7 / 5 && flow.cwnd < before * 17 / 10, "{}", flow.cwnd);
}

/// Average window, segments, with one loss every `period` segments.
fn average(rtt_us: u64, period: u32) -> f64 {
    let mut flow = Flow::new(50 * MSS, rtt_us);
    flow.on_loss();
    let losses = |flow: &mut Flow, count: u32| {
        let start = flow.now;
        for _ in 0..count {
            (0..period).for_each(|_| flow.on_ack(MSS));
            flow.on_loss();
        }
        flow.now.since(start).as_secs_f64()
    };
    losses(&mut flow, 20);
    let seconds = losses(&mut flow, 40);
    f64::from(period) * 40.0 * flow.rtt.as_secs_f64() / seconds
}

/// RFC 9438 §5.2, equation 8, for C = 0.4; and §5.1's for the Reno-friendly region.
fn response(rtt_us: u64, period: u32) -> f64 {
    let (rtt, period) = (rtt_us as f64 / 1e6, f64::from(period));
    let cubic = (C * 3.7 / (4.0 * 0.3)).powf(0.25) * (rtt * period).powf(0.75);
    cubic.max((1.5 * period).sqrt())
}

#[test]
fn response_function_of_rfc_9438_tcpc_03() {
    for (rtt_us, period) in [
        // Cubic region.
        (100_000, 100_000),
        (100_000, 30_000),
        (300_000, 10_000),
        (200_000, 20_000),
        // Reno-friendly region.
        (1_000, 10_000),
        (10_000, 10_000),
        (10_000, 1_000),
        (100_000, 100),
    ] {
        let (is, should) = (average(rtt_us, period), response(rtt_us, period));
        assert!((is / should - 1.0).abs() < 0.1, "{rtt_us} us, {period}: {is} for {should}");
    }
}

/// Nothing the network says makes the arithmetic fail.
#[test]
fn extremes_are_harmless() {
    for mss in [1, 48, 1460, 65_535] {
        for cwnd in [mss, 10 * mss, 1 << 30] {
            let now = Instant::from_millis(1);
            for (wait, srtt) in [(0, 0), (1, 1), (u64::MAX / 4, 120_000_000), (3_600_000_000, 1)] {
                let mut cubic = Cubic::new();
                let cwnd = cubic.on_loss(cwnd, mss).min(1 << 30);
                let srtt = Duration::from_micros(srtt);
                let step = Step { now, acked: mss, srtt, mss };
                let first = cubic.cong_avoid(cwnd, &step);
                let later = now + Duration::from_nanos(wait);
                let step = Step { now: later, acked: 1 << 30, ..step };
                assert!(cubic.cong_avoid(first, &step) >= first);
            }
        }
    }
}
