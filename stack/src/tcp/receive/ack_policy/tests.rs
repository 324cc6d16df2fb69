//! Delays, quick and interactive mode, and the estimate of the peer's segments (TCPI-09).

use super::*;

const MSS: u32 = 1460;
const RTO: Duration = Duration::from_millis(300);
const START: Instant = Instant::from_millis(5_000);

fn full(size: u32) -> Arrival {
    Arrival { size, options: 0, last: false }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A policy after text came `gap` apart, `count` times.
fn paced(gap: Duration, count: u32) -> (AckPolicy, Instant) {
    let mut acks = AckPolicy::new(MSS);
    let mut now = START;
    for _ in 0..count {
        now += gap;
        acks.on_data(full(1000), MSS, 65_535, RTO, now);
    }
    (acks, now)
}

#[test]
fn the_delay_follows_the_spacing_of_text_tcpi_09() {
    assert_eq!(paced(ms(1), 20).0.delay(Duration::ZERO), ms(40));
    // Text further apart than the delay leaves it alone; one that was missed doubles it.
    let (mut acks, mut now) = paced(ms(30), 40);
    assert!(acks.ato_us > 39_000 && acks.ato_us <= 60_000, "{}", acks.ato_us);
    acks.ato_us = ATO_MIN_US;
    assert!(acks.on_timer(RTO));
    assert_eq!(acks.delay(Duration::ZERO), ms(80));
    now += ms(70);
    acks.on_data(full(1000), MSS, 65_535, RTO, now);
    assert_eq!(acks.delay(Duration::ZERO), ms(110));
    for _ in 0..5 {
        acks.on_data(full(1000), MSS, 65_535, RTO, now);
        acks.on_timer(ms(10_000));
    }
    assert_eq!(acks.delay(Duration::ZERO), ms(200), "Linux's bound");
    assert_eq!(acks.delay(ms(90)), ms(90), "no longer than a round trip");
    assert_eq!(acks.delay(ms(1)), ms(40));
}

#[test]
fn quick_mode_lasts_for_some_acks_and_comes_back_tcpi_09() {
    let (mut acks, now) = paced(ms(1), 1);
    for _ in 0..16 {
        assert!(acks.is_in_quickack_mode());
        acks.on_ack_sent();
        acks.on_data(full(1000), MSS, 65_535, RTO, now);
    }
    assert!(!acks.is_in_quickack_mode());
    // A silence longer than the timeout.
    acks.on_data(full(1000), MSS, 4_000, RTO, now + ms(301));
    assert_eq!(acks.quick, 2, "enough for a small window");
    acks.exit_quick();
    assert!(!acks.is_in_quickack_mode());
    acks.on_duplicate(65_535);
    assert!(acks.is_in_quickack_mode());
}

#[test]
fn an_answer_makes_a_dialogue_until_an_ack_was_put_off_in_vain_tcpi_09() {
    let (mut acks, now) = paced(ms(1), 1);
    acks.on_data_sent(now + ms(41));
    assert!(acks.is_in_quickack_mode(), "too late for an answer");
    acks.on_data_sent(now + ms(39));
    assert!(!acks.is_in_quickack_mode() && acks.pingpong);
    assert!(acks.on_timer(RTO));
    assert!(acks.is_in_quickack_mode());
    acks.on_ack_sent();
    assert!(!acks.on_timer(RTO), "nothing is owed");
}

#[test]
fn the_peers_segment_size_is_estimated_tcpi_09() {
    let mut acks = AckPolicy::new(MSS);
    assert_eq!(acks.rcv_mss, 536);
    acks.measure(full(9000), MSS);
    assert_eq!(acks.rcv_mss, 1460, "no larger than we allow");
    // Two alike in a row that could be full are taken for full.
    acks.measure(Arrival { size: 600, options: 12, last: true }, MSS);
    assert_eq!((acks.rcv_mss, acks.pushed), (1460, 1));
    acks.measure(Arrival { size: 600, options: 12, last: true }, MSS);
    assert_eq!(acks.rcv_mss, 600);
    // Small ones that end a write are not, however many.
    for _ in 0..5 {
        acks.measure(Arrival { size: 100, options: 12, last: true }, MSS);
    }
    assert_eq!((acks.rcv_mss, acks.pushed), (600, 2));
    // Without the mark of an end they are.
    acks.measure(full(100), MSS);
    acks.measure(full(100), MSS);
    assert_eq!(acks.rcv_mss, 100);
    assert_eq!(AckPolicy::new(100).rcv_mss, 100);
}

#[test]
fn a_reader_that_takes_all_of_a_small_segment_does_not_answer_tcpi_09() {
    let (mut acks, now) = paced(ms(1), 1);
    assert!(!acks.on_app_read(1000, 0), "a full segment may be followed by more");
    assert!(acks.on_app_read(1001, 500), "more than a segment waits for its ACK");
    let small = Arrival { size: 10, options: 0, last: true };
    acks.on_data(small, MSS, 65_535, RTO, now);
    assert!(acks.on_app_read(10, 0));
    assert!(!acks.on_app_read(10, 1), "more is left to read");
    acks.on_data_sent(now);
    assert!(!acks.on_app_read(10, 0), "the answer will come");
    acks.on_data(small, MSS, 65_535, RTO, now);
    assert!(acks.on_app_read(20, 0), "a dialogue of two segments");
    acks.on_ack_sent();
    assert!(!acks.on_app_read(0, 0));
}
