//! Pacing as Linux does it without a queueing discipline's help.

use super::*;

const MSS: u32 = 1000;

/// A pacer whose first ten segments have left.
fn warm(pacing: Pacing, window: &Window) -> (Pacer, Instant) {
    let mut pacer = Pacer::new(pacing);
    let now = Instant::from_millis(1000);
    for _ in 0..9 {
        pacer.on_sent(MSS, MSS, now);
    }
    pacer.update(|| *window);
    (pacer, now)
}

/// 100 kB in 100 ms: a megabyte a second.
const WINDOW: Window =
    Window { cwnd: 100_000, ssthresh: 100_000, outstanding: 0, srtt_us: 100_000 };

#[test]
fn off_is_off() {
    let mut pacer = Pacer::new(Pacing::default());
    let now = Instant::from_millis(1);
    pacer.update(|| WINDOW);
    for _ in 0..100 {
        assert_eq!(pacer.budget(now, MSS), Ok(u32::MAX));
        pacer.on_sent(60_000, MSS, now);
    }
}

#[test]
fn the_rate_is_a_window_a_round_trip_and_some_gap_20() {
    let rate = |window: &Window| {
        let mut pacer = Pacer::new(Pacing::On);
        pacer.update(|| *window);
        pacer.rate()
    };
    assert_eq!(rate(&WINDOW), Some(1_200_000));
    assert_eq!(rate(&Window { ssthresh: 200_000, ..WINDOW }), Some(1_200_000));
    assert_eq!(rate(&Window { ssthresh: 200_002, ..WINDOW }), Some(2_000_000));
    assert_eq!(rate(&Window { outstanding: 150_000, ..WINDOW }), Some(1_800_000));
    assert_eq!(rate(&Window { srtt_us: 0, ..WINDOW }), None, "no round trip is known");
    let largest = Window { cwnd: u32::MAX, ssthresh: u32::MAX, outstanding: 0, srtt_us: 1 };
    assert_eq!(rate(&largest), Some(u64::from(u32::MAX) * 1_200_000));
    let least = Window { cwnd: 1, ssthresh: 1, outstanding: 0, srtt_us: u32::MAX };
    assert_eq!(rate(&least), Some(1));
}

#[test]
fn a_bound_holds_before_the_round_trip_is_known() {
    let mut pacer = Pacer::new(Pacing::AtMost(500_000));
    assert_eq!(pacer.rate(), Some(500_000));
    pacer.update(|| WINDOW);
    assert_eq!(pacer.rate(), Some(500_000));
    pacer.set(Pacing::AtMost(5_000_000), 0, MSS);
    assert_eq!(pacer.rate(), Some(1_200_000));
    pacer.set(Pacing::AtMost(0), 0, MSS);
    assert_eq!(pacer.rate(), Some(1));
    pacer.set(Pacing::Off, 0, MSS);
    assert_eq!(pacer.rate(), None);
}

#[test]
fn bursts_are_a_millisecond_in_whole_segments_gap_20() {
    let budget = |rate: u64, mss: u32| {
        let window = Window { cwnd: 1 << 30, srtt_us: 1, ..WINDOW };
        let (pacer, now) = warm(Pacing::AtMost(rate), &window);
        pacer.budget(now, mss).unwrap()
    };
    assert_eq!(budget(1_000, MSS), 2 * MSS);
    assert_eq!(budget(10_000_000, MSS), 9 * MSS, "9765 bytes");
    assert_eq!(budget(10_000_000_000, MSS), 65 * MSS);
    assert_eq!(budget(10_000_000_000, 1460), 44 * 1460);
    assert_eq!(budget(10_000_000_000, 65_483), 2 * 65_483);
}

#[test]
fn the_initial_window_leaves_at_once() {
    let mut pacer = Pacer::new(Pacing::On);
    let now = Instant::from_millis(1000);
    pacer.update(|| WINDOW);
    for _ in 0..9 {
        assert!(pacer.budget(now, MSS).is_ok());
        pacer.on_sent(MSS, MSS, now);
    }
    assert!(pacer.budget(now, MSS).is_ok());
    pacer.on_sent(MSS, MSS, now);
    // The tenth began a burst of two.
    assert_eq!(pacer.budget(now, MSS), Ok(MSS));
    pacer.on_sent(MSS, MSS, now);
    assert!(pacer.budget(now, MSS).is_err());
}

/// Whoever comes exactly when told, or up to half a burst late, meets the rate.
#[test]
fn the_rate_is_met_gap_20() {
    for late_us in [0, 100, 400, 800] {
        let (mut pacer, start) = warm(Pacing::On, &WINDOW);
        let mut now = start;
        let mut sent = 0u64;
        while now.since(start) < Duration::from_secs(10) {
            match pacer.budget(now, MSS) {
                Ok(len) => {
                    pacer.on_sent(len, MSS, now);
                    sent += u64::from(len);
                }
                Err(at) => {
                    assert!(at > now);
                    now = at + Duration::from_micros(late_us);
                }
            }
        }
        let rate = sent as f64 / 10.0;
        assert!((rate / 1_200_000.0 - 1.0).abs() < 0.01, "{late_us} us late: {rate}");
    }
}

#[test]
fn lateness_earns_half_a_burst_at_most() {
    let (mut pacer, now) = warm(Pacing::On, &WINDOW);
    pacer.on_sent(12_000, MSS, now);
    // Long idle before: 12,000 bytes take 10 ms, of which half is forgiven.
    assert_eq!(pacer.budget(now, MSS), Err(now + Duration::from_millis(5)));
    let now = now + Duration::from_millis(5);
    pacer.on_sent(12_000, MSS, now);
    assert_eq!(pacer.budget(now, MSS), Err(now + Duration::from_millis(10)));
    let now = now + Duration::from_millis(12);
    pacer.on_sent(12_000, MSS, now);
    assert_eq!(pacer.budget(now, MSS), Err(now + Duration::from_millis(8)));
    // What leaves early, as a lost segment sent again does, is paid for later.
    pacer.on_sent(1_200, MSS, now);
    assert_eq!(pacer.budget(now, MSS), Err(now + Duration::from_millis(9)));
}

#[test]
fn nothing_overflows() {
    let (mut pacer, now) = warm(Pacing::AtMost(1), &WINDOW);
    pacer.on_sent(u32::MAX, 0, now);
    let Err(at) = pacer.budget(now, 0) else { panic!("a long wait") };
    assert!(at > now + Duration::from_secs(1 << 30));
    pacer.on_sent(u32::MAX, 1, Instant::FAR);
    let last = Instant::from_nanos(u64::MAX - 1);
    assert_eq!(pacer.budget(last, u32::MAX), Err(Instant::FAR));
}
