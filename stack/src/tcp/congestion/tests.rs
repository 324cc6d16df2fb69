//! Windows by RFC 5681, 6928, 9406 and 9438, and as Linux keeps them.

use super::*;
use crate::limits::UnknownAlgorithm;

const MSS: u32 = 1000;
const RTO: Duration = Duration::from_millis(300);

/// A sender whose window always limits it.
struct Flow {
    c: Congestion,
    now: Instant,
    una: SeqNum,
    nxt: SeqNum,
}

impl Flow {
    fn new(algorithm: CongestionAlgorithm) -> Self {
        let c = Congestion::new(algorithm, MSS, false);
        // Numbers wrap on the way.
        let una = SeqNum(u32::MAX - 100_000);
        let now = Instant::from_millis(1000);
        Self { nxt: una + c.cwnd(), c, now, una }
    }

    fn reno() -> Self {
        Self::new(CongestionAlgorithm::Reno)
    }

    fn cubic() -> Self {
        Self::new(CongestionAlgorithm::Cubic)
    }

    fn ack(&mut self, acked: u32, rtt: Duration, limited: bool) {
        self.una += acked;
        // What this lets out leaves afterwards.
        let (una, nxt) = (self.una, self.nxt);
        self.c.on_ack(&Ack {
            now: self.now,
            acked,
            una,
            nxt,
            rtt: Some(rtt),
            srtt: rtt,
            mss: MSS,
            limited,
        });
        self.nxt = self.una + self.c.cwnd();
    }

    /// Everything out is acknowledged segment by segment: in slow start in the first quarter of the
    /// round trip, as by a path that is far from full, else evenly. Says by what factor the window
    /// grew.
    fn round(&mut self, rtt_ms: u64) -> f64 {
        let rtt = Duration::from_millis(rtt_ms);
        let busy = if self.c.in_slow_start() { rtt / 4 } else { rtt };
        self.round_within(rtt, busy)
    }

    /// A round whose acknowledgments come in the first `busy` of it.
    fn round_within(&mut self, rtt: Duration, busy: Duration) -> f64 {
        let (end, before) = (self.nxt, self.c.cwnd());
        let gap = busy / (before / MSS).max(1);
        while self.una.lt(end) {
            self.now += gap;
            self.ack(MSS.min((end - self.una) as u32), rtt, true);
        }
        self.now += rtt - busy;
        f64::from(self.c.cwnd()) / f64::from(before)
    }

    fn rounds(&mut self, count: u32, rtt_ms: u64) {
        for _ in 0..count {
            self.round(rtt_ms);
        }
    }

    fn lose(&mut self) {
        self.c.reduce(MSS);
        self.c.set_cwnd(self.c.ssthresh(), MSS);
        self.nxt = self.una + self.c.cwnd();
    }

    /// Everything is lost.
    fn time_out(&mut self) {
        self.c.reduce(MSS);
        self.c.on_timeout(0, MSS);
        self.nxt = self.una + MSS;
    }

    /// `out` bytes are out.
    fn sent(&mut self, out: u32, limited: bool) {
        let (now, una) = (self.now, self.una);
        let open = true;
        self.c.on_sent(&Sent { now, una, nxt: una + out, limited, rto: RTO, mss: MSS, open });
    }

    fn windows(&self) -> (u32, u32) {
        (self.c.cwnd(), self.c.ssthresh())
    }
}

#[test]
fn initial_window_of_rfc_6928_vec_14_tcpc_02() {
    let expected = [(536, 5360), (1220, 12200), (1440, 14400), (1460, 14600), (8960, 17920)];
    for (mss, window) in expected {
        assert_eq!(initial_window(mss), window);
    }
}

/// TCPR-15.
/// GAP-30.
#[test]
fn algorithms_by_name_tcpc_01() {
    assert_eq!(CongestionAlgorithm::default().name(), "cubic");
    for algorithm in CongestionAlgorithm::ALL {
        assert_eq!(algorithm.name().parse(), Ok(algorithm));
        assert_eq!(Congestion::new(algorithm, MSS, false).algorithm(), algorithm);
    }
    assert_eq!("Cubic".parse::<CongestionAlgorithm>(), Err(UnknownAlgorithm));
    assert_eq!("".parse::<CongestionAlgorithm>(), Err(UnknownAlgorithm));
}

#[test]
fn another_algorithm_keeps_the_window_tcpc_01() {
    let mut flow = Flow::cubic();
    flow.rounds(2, 20);
    flow.lose();
    let windows = flow.windows();
    flow.c.set_algorithm(CongestionAlgorithm::Reno);
    assert_eq!(flow.windows(), windows);
    flow.round(20);
    assert_eq!(flow.c.cwnd(), windows.0 + MSS, "and the next round is the new one's");
    flow.c.set_algorithm(CongestionAlgorithm::Cubic);
    assert_eq!(flow.windows(), (windows.0 + MSS, windows.1));
}

#[test]
fn the_first_threshold_is_none_tcpc_06() {
    assert_eq!(Flow::cubic().c.ssthresh(), 0x7fff_ffff);
    assert!(Flow::reno().c.in_slow_start());
    assert_eq!(Congestion::new(CongestionAlgorithm::Cubic, MSS, true).cwnd(), MSS);
}

#[test]
fn slow_start_doubles_then_avoidance_adds_one_segment_a_window_tcpc_04() {
    let mut flow = Flow::reno();
    flow.round(20);
    assert_eq!(flow.c.cwnd(), 20_000);
    flow.lose();
    assert_eq!(flow.windows(), (10_000, 10_000));
    for _ in 0..10 {
        flow.ack(MSS, RTO, true);
    }
    assert_eq!(flow.c.cwnd(), 11_000);
    (0..5).for_each(|_| flow.lose());
    assert_eq!(flow.windows(), (2_000, 2_000), "two segments at least");
}

#[test]
fn slow_start_ends_at_the_threshold() {
    for algorithm in CongestionAlgorithm::ALL {
        let mut flow = Flow::new(algorithm);
        flow.time_out();
        let threshold = flow.c.ssthresh();
        assert_eq!(flow.c.cwnd(), MSS);
        flow.ack(threshold - MSS / 2, RTO, true);
        // What is left over is half a segment: not enough to move the window noticeably.
        assert!((threshold..=threshold + MSS / 2).contains(&flow.c.cwnd()));
    }
}

#[test]
fn a_second_timeout_keeps_the_threshold() {
    for (algorithm, threshold) in CongestionAlgorithm::ALL.into_iter().zip([7_000, 5_000]) {
        let mut flow = Flow::new(algorithm);
        flow.time_out();
        flow.c.on_timeout(0, MSS);
        assert_eq!(flow.windows(), (MSS, threshold));
        // What is not taken for lost stays out.
        flow.c.on_timeout(3_000, MSS);
        assert_eq!(flow.windows(), (4_000, threshold));
    }
}

/// TCPR-16.
#[test]
fn hystart_ends_slow_start_when_the_round_trip_rises_tcpc_05() {
    let mut flow = Flow::cubic();
    for _ in 0..4 {
        assert!((flow.round(20) - 2.0).abs() < 0.01);
    }
    // 4 ms more: the round trip rose. Eight samples, then a quarter of the growth.
    let partial = flow.round(24);
    assert!((1.25..1.4).contains(&partial), "{partial}");
    // That round counts, and four more follow.
    for round in 0..4 {
        assert!(flow.c.in_slow_start(), "{round}");
        let growth = flow.round(24);
        assert!((1.2..1.26).contains(&growth), "{round}: {growth}");
    }
    flow.round(24);
    assert!(!flow.c.in_slow_start());
    let growth = flow.round(24);
    assert!((1.04..1.06).contains(&growth), "congestion avoidance: {growth}");
    assert!(flow.c.ssthresh() <= flow.c.cwnd() && flow.c.cwnd() < 700_000, "{:?}", flow.windows());
}

/// A round begins with the first ACK of a window, in every round: were it one ACK earlier, the
/// round after would begin two earlier, then four, and with the end of a train.
#[test]
fn hystart_rounds_stay_where_they_began_tcpc_05() {
    let rtt = Duration::from_millis(40);
    let mut flow = Flow::cubic();
    for _ in 0..5 {
        assert!(flow.round_within(rtt, rtt / 3) > 1.99);
    }
    assert!(flow.round_within(rtt, rtt * 2 / 3) < 1.9);
    assert!(!flow.c.in_slow_start());
}

/// Linux's second sign: acknowledgments without a gap for half a round trip mean a path half full.
#[test]
fn hystart_ends_slow_start_on_a_train_of_acks_tcpc_05() {
    let rtt = Duration::from_millis(20);
    let mut flow = Flow::cubic();
    flow.rounds(2, 20);
    assert!(flow.round_within(rtt, rtt / 3) > 1.99, "shorter than half a round trip");
    assert!(flow.round_within(rtt, rtt * 3 / 4) < 1.9);
    assert!(!flow.c.in_slow_start());
    // Gaps break the train, and below 16 segments it is not looked for.
    let mut flow = Flow::cubic();
    assert!(flow.round_within(rtt, rtt) > 1.99);
    let slow = Duration::from_millis(200);
    let mut flow = Flow::cubic();
    flow.rounds(2, 200);
    assert!(flow.round_within(slow, slow) > 1.99, "5 ms apart");
}

#[test]
fn hystart_resumes_when_the_round_trip_falls_again_tcpc_05() {
    let mut flow = Flow::cubic();
    flow.rounds(3, 20);
    flow.round(30);
    assert!(flow.round(30) < 1.26);
    // Below what it was when the doubt began.
    let back = flow.round(21);
    assert!(back > 1.8, "{back}");
    assert!(flow.round(21) > 1.99);
    assert!(flow.c.in_slow_start());
}

#[test]
fn hystart_ignores_small_rises_and_few_samples_tcpc_05() {
    let mut flow = Flow::cubic();
    for rtt_ms in [20, 23, 26, 29] {
        assert!(flow.round(rtt_ms) > 1.99);
    }
    // Seven late samples are too few.
    let mut flow = Flow::cubic();
    flow.round(20);
    let end = flow.nxt;
    for _ in 0..7 {
        flow.ack((end - flow.una) as u32 / 8 + 1, Duration::from_millis(90), true);
    }
    let before = flow.c.cwnd();
    flow.ack(MSS, Duration::from_millis(20), true);
    assert_eq!(flow.c.cwnd(), before + MSS);
}

#[test]
fn only_the_first_slow_start_watches_the_round_trip_tcpc_05() {
    let mut flow = Flow::cubic();
    flow.rounds(4, 20);
    flow.time_out();
    for rtt_ms in [20, 40, 80, 160] {
        assert!(flow.round(rtt_ms) > 1.99);
    }
}

#[test]
fn an_unused_window_does_not_grow() {
    for algorithm in CongestionAlgorithm::ALL {
        let mut flow = Flow::new(algorithm);
        flow.ack(5_000, RTO, false);
        assert_eq!(flow.c.cwnd(), 10_000);
    }
}

/// RFC 9438 §5.8: whatever time the application takes, the curve goes on where it was.
#[test]
fn time_in_which_the_window_is_not_used_does_not_count_tcpc_03() {
    let mut busy = Flow::cubic();
    busy.rounds(3, 100);
    busy.lose();
    let mut pausing = Flow::cubic();
    pausing.rounds(3, 100);
    pausing.lose();
    for round in 0..60 {
        busy.round(100);
        pausing.round(100);
        if round % 5 == 0 {
            // Little to send for a second; then nothing, but for less than a timeout.
            for _ in 0..10 {
                pausing.now += Duration::from_millis(100);
                pausing.ack(MSS, Duration::from_millis(100), false);
            }
            pausing.now += Duration::from_millis(250);
            pausing.c.on_idle(Duration::from_millis(250), RTO, MSS);
        }
        assert_eq!(pausing.c.cwnd(), busy.c.cwnd());
    }
}

#[test]
fn idle_halves_per_timeout_down_to_the_initial_window_tcpo_19() {
    let mut flow = Flow::reno();
    flow.rounds(3, 20);
    assert_eq!(flow.c.cwnd(), 80_000);
    flow.lose();
    flow.rounds(40, 20);
    assert_eq!(flow.windows(), (80_000, 40_000));
    flow.c.on_idle(RTO, RTO, MSS);
    assert_eq!(flow.c.cwnd(), 80_000);
    flow.c.on_idle(RTO * 5 / 2, RTO, MSS);
    assert_eq!(flow.windows(), (20_000, 60_000), "three quarters were fine");
    // The same idleness told again.
    flow.c.on_idle(RTO * 5 / 2, RTO, MSS);
    flow.c.on_idle(RTO * 13 / 5, RTO, MSS);
    assert_eq!(flow.c.cwnd(), 20_000);
    flow.c.on_idle(RTO * 4, RTO, MSS);
    assert_eq!(flow.c.cwnd(), 10_000);
    flow.c.on_idle(RTO * 1000, RTO, MSS);
    assert_eq!(flow.c.cwnd(), 10_000, "the restart window");
    flow.c.set_cwnd(3_000, MSS);
    flow.c.on_idle(RTO * 2000, RTO, MSS);
    assert_eq!(flow.c.cwnd(), 3_000, "nor does it grow");
    // An acknowledgment ends the idleness.
    flow.ack(MSS, RTO, false);
    flow.c.set_cwnd(80_000, MSS);
    flow.c.on_idle(RTO * 3 / 2, RTO, MSS);
    assert_eq!(flow.c.cwnd(), 40_000);
}

#[test]
fn a_window_unused_for_a_timeout_shrinks() {
    let mut flow = Flow::reno();
    flow.rounds(3, 20);
    flow.lose();
    flow.rounds(40, 20);
    assert_eq!(flow.windows(), (80_000, 40_000));
    flow.sent(80_000, true);
    flow.una += 80_000;
    let start = flow.now;
    while flow.now.since(start) < RTO {
        assert_eq!(flow.c.cwnd(), 80_000);
        flow.now += Duration::from_millis(50);
        flow.sent(20_000, false);
        flow.una += 20_000;
    }
    assert_eq!(flow.windows(), (50_000, 60_000));
    for _ in 0..60 {
        flow.now += Duration::from_millis(50);
        flow.sent(4_000, false);
        flow.una += 4_000;
    }
    assert!((10_000..10_200).contains(&flow.c.cwnd()), "never below the initial window");
}

#[test]
fn a_window_used_at_times_stays() {
    let mut flow = Flow::reno();
    flow.lose();
    for step in 0..100 {
        flow.now += Duration::from_millis(50);
        let limited = step % 4 == 0;
        let out = if limited { flow.c.cwnd() } else { 1_000 };
        flow.sent(out, limited);
        assert_eq!(flow.c.is_limited(), limited);
        flow.una += out;
    }
    assert_eq!(flow.c.cwnd(), 5_000);
}

#[test]
fn in_slow_start_half_a_window_used_is_enough() {
    let mut flow = Flow::reno();
    flow.sent(5_000, false);
    assert!(!flow.c.is_limited());
    flow.sent(6_000, false);
    assert!(flow.c.is_limited());
    // Within a window the most that was out counts; a new window starts afresh.
    flow.sent(2_000, false);
    assert!(flow.c.is_limited());
    flow.una += 6_000;
    flow.sent(2_000, false);
    assert!(!flow.c.is_limited());
    // In congestion avoidance it is not.
    flow.c.reduce(MSS);
    flow.c.set_cwnd(6_000, MSS);
    flow.una += 2_000;
    flow.sent(5_000, false);
    assert!(!flow.c.is_limited());
    flow.sent(5_000, true);
    assert!(flow.c.is_limited());
}

#[test]
fn undo_brings_everything_back_tcpc_03() {
    for algorithm in CongestionAlgorithm::ALL {
        let mut flow = Flow::new(algorithm);
        flow.rounds(4, 100);
        flow.lose();
        flow.rounds(10, 100);
        let (cwnd, ssthresh) = flow.windows();
        flow.c.reduce(MSS);
        flow.c.set_cwnd(cwnd / 2, MSS);
        assert!(flow.c.ssthresh() < cwnd);
        flow.c.undo(flow.now);
        assert_eq!(flow.windows(), (cwnd, ssthresh.max(cwnd / 4 * 3)));
        // There is nothing more to undo.
        flow.c.set_cwnd(3_000, MSS);
        flow.c.undo(flow.now);
        assert_eq!(flow.c.cwnd(), 3_000);
    }
}

/// RFC 9438 §4.9: after an undone loss, or timeout, CUBIC goes on as if nothing had been.
#[test]
fn the_curve_goes_on_after_undo_tcpc_03() {
    let run = |trouble: &dyn Fn(&mut Flow)| {
        let mut flow = Flow::cubic();
        flow.rounds(4, 100);
        flow.lose();
        flow.rounds(10, 100);
        trouble(&mut flow);
        flow.nxt = flow.una + flow.c.cwnd();
        let windows = (0..50).map(|_| {
            flow.round(100);
            flow.c.cwnd()
        });
        windows.collect::<Vec<_>>()
    };
    let smooth = run(&|_| ());
    let spurious_loss = run(&|flow| {
        flow.lose();
        flow.c.undo(flow.now);
    });
    let spurious_timeout = run(&|flow| {
        flow.time_out();
        flow.c.on_timeout(0, MSS);
        flow.c.undo(flow.now);
    });
    let real_loss = run(&Flow::lose);
    assert_eq!(smooth, spurious_loss);
    assert_eq!(smooth, spurious_timeout);
    assert_ne!(smooth, real_loss);
}

#[test]
fn a_window_that_grew_meanwhile_is_not_taken_back_by_undo() {
    let mut flow = Flow::reno();
    flow.c.reduce(MSS);
    flow.c.set_cwnd(50_000, MSS);
    flow.c.undo(flow.now);
    assert_eq!(flow.windows(), (50_000, SSTHRESH_START));
}

#[test]
fn undo_before_the_threshold_is_known_resumes_the_first_slow_start_tcpc_05() {
    let mut flow = Flow::cubic();
    flow.rounds(2, 20);
    flow.lose();
    flow.c.undo(flow.now);
    flow.nxt = flow.una + flow.c.cwnd();
    assert_eq!(flow.windows(), (40_000, SSTHRESH_START));
    assert!(flow.round(20) > 1.99);
}

/// RFC 9438 §4.8: after a timeout, slow start up to 0.7 of the window, and from there a curve
/// that starts flat (never flatter than 5 % a round, as Linux has it).
#[test]
fn after_a_timeout_the_curve_starts_at_its_plateau_tcpc_03() {
    let mut flow = Flow::cubic();
    flow.rounds(5, 100);
    let cwnd = flow.c.cwnd();
    flow.time_out();
    assert_eq!(flow.windows(), (MSS, cwnd / 10 * 7));
    while flow.c.in_slow_start() {
        flow.round(100);
    }
    let growth = flow.round(100);
    assert!((1.04..1.06).contains(&growth), "{growth}");
}

#[test]
fn the_window_is_bounded_whatever_is_acknowledged() {
    for algorithm in CongestionAlgorithm::ALL {
        let mut flow = Flow::new(algorithm);
        for _ in 0..100 {
            flow.ack(CWND_MAX, RTO, true);
            flow.now += RTO;
        }
        assert_eq!(flow.c.cwnd(), CWND_MAX);
        flow.lose();
        for _ in 0..600_000 {
            flow.now += RTO;
            flow.ack(CWND_MAX, RTO, true);
        }
        assert_eq!(flow.c.cwnd(), CWND_MAX);
    }
}
