//! Tuning against what it should come to (TCPI-13).

use super::*;
use crate::time::Duration;

const MSS: u32 = 1460;
const START: Instant = Instant::from_millis(1_000);

fn limits() -> Limits {
    Limits { tcp_receive_buffer: 8 << 20, ..Limits::default() }
}

fn fresh() -> RcvSpace {
    let mut space = RcvSpace::new(&limits(), 64_240);
    space.start(MSS, 65_535 << 7, START);
    space
}

/// A reader that takes `rate` bytes in each of `rounds` round trips of 100 ms.
fn read(space: &mut RcvSpace, rate: u32, rounds: u32) {
    space.time_echo(space.last_echo + 1, 100);
    let mut now = Instant::from_nanos(u64::from(space.round_at.0) << TICK_SHIFT);
    for _ in 0..rounds {
        now += Duration::from_millis(101);
        space.on_read(space.read.wrapping_add(rate), MSS, now);
    }
}

/// SYSCTL-137.
#[test]
fn the_limit_follows_the_reader_up_to_its_bound_tcpi_13() {
    let mut space = fresh();
    read(&mut space, 14_600, 5);
    assert_eq!(space.limit, 128 << 10, "ten segments a round trip need no more");
    read(&mut space, 100_000, 1);
    // Twice and sixteen segments, and twice the growth of 5.8 times on top.
    let window = 2 * 100_000 + 16 * MSS;
    let grown = u64::from(window) * u64::from(100_000 - 14_600u32) / 14_600;
    assert_eq!(u64::from(space.limit), u64::from(window) + 2 * grown);
    let before = space.limit;
    read(&mut space, 90_000, 10);
    assert_eq!(space.limit, before, "it does not shrink");
    read(&mut space, 3_000_000, 2);
    assert_eq!(space.limit, 6 << 20);
}

#[test]
fn a_size_set_by_the_user_stays_tcpi_13() {
    let mut space = fresh();
    space.set_by_user(100_000, &limits());
    read(&mut space, 1_000_000, 4);
    assert_eq!(space.limit, 100_000);
    space.set_by_user(u32::MAX, &limits());
    assert_eq!(space.limit, 6 << 20);
}

#[test]
fn less_than_a_round_trip_is_no_measure() {
    let mut space = fresh();
    space.on_read(1_000_000, MSS, START + Duration::from_secs(1));
    assert_eq!(space.limit, 128 << 10, "the round trip is not known");
    space.time_echo(7, 100);
    space.on_read(1_000_000, MSS, START + Duration::from_millis(98));
    assert_eq!(space.limit, 128 << 10);
}

#[test]
fn the_window_opens_by_two_segments_for_each_that_comes_tcpi_13() {
    let mut space = fresh();
    assert!(!space.grow_window(127, MSS, 131_072), "small segments open nothing");
    assert!(space.grow_window(1000, MSS, 131_072));
    assert_eq!(space.ssthresh, 64_240 + 2 * MSS);
    assert!(space.grow_window(20_000, MSS, 131_072), "a merged run counts for what it is");
    assert_eq!(space.ssthresh, 64_240 + 2 * MSS + 40_000);
    assert!(space.grow_window(20_000, MSS, 120_000));
    assert_eq!(space.ssthresh, 120_000, "no more than fits");
    assert!(!space.grow_window(20_000, MSS, 120_000));
}

#[test]
fn the_round_trip_is_the_echo_or_else_a_window_tcpi_13() {
    let mut space = fresh();
    let at = |millis| START + Duration::from_millis(millis);
    space.time_window(SeqNum(1000), 5000, at(0));
    space.time_window(SeqNum(5999), 5000, at(50));
    assert_eq!(space.rtt_us(), 0);
    space.time_window(SeqNum(6000), 5000, at(80));
    let about = |space: &RcvSpace, us: u32| space.rtt_us().abs_diff(us) <= 66;
    assert!(about(&space, 80_000), "{}", space.rtt_us());
    // A pause makes a window take long: the least counts.
    space.time_window(SeqNum(11_000), 5000, at(10_000));
    assert!(about(&space, 80_000));
    space.time_window(SeqNum(16_000), 5000, at(10_020));
    assert!(about(&space, 20_000));
    // Echoes are smoothed, and each counts once.
    space.time_echo(1, 60);
    assert!(about(&space, 25_000));
    space.time_echo(1, 60);
    assert!(about(&space, 25_000));
    space.time_echo(2, u32::MAX);
    assert!(about(&space, 25_000), "a nonsense echo is ignored");
}

#[test]
fn without_scaling_the_limit_is_what_can_be_told() {
    let mut space = RcvSpace::new(&limits(), 64_240);
    space.start(MSS, 65_535, START);
    read(&mut space, 1_000_000, 4);
    assert_eq!(space.limit, 65_535);
}
