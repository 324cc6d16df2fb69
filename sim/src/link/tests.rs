//! Tests of the link: time, order, faults and the balance of its counters.

use super::*;

fn frame(len: usize) -> Frame {
    let mut bytes = vec![0; len];
    let (a, b) = (addr::Mac([2, 0, 0, 0, 0, 1]), addr::Mac([2, 0, 0, 0, 0, 2]));
    ethernet::emit(&mut bytes, a, b, ethernet::ETHERTYPE_IPV4);
    Frame { bytes, meta: RxMeta::default(), damaged: false }
}

fn link(config: LinkConfig) -> Link {
    let mut link = Link::new(config, 1);
    link.attach();
    link.attach();
    link
}

#[test]
fn rate_and_delay_make_the_arrival_time() {
    let delay = Duration::from_millis(5);
    let mut link = link(LinkConfig { rate: 8_000_000, delay, ..LinkConfig::default() });
    let at = |ms| Instant::from_millis(ms);
    let arrivals: Vec<_> = (0..2).flat_map(|_| link.send(at(0), 0, frame(1000))).collect();
    assert_eq!(arrivals[0].0, at(6), "1 ms of sending, 5 ms of delay");
    assert_eq!(arrivals[1].0, at(7), "waited for the first");
    assert_eq!(link.send(at(0), 1, frame(1000))[0].0, at(6), "the other direction is its own");
}

#[test]
fn a_full_queue_drops_and_drains() {
    let config = LinkConfig { rate: 8_000_000, queue: 2500, ..LinkConfig::default() };
    let mut link = link(config);
    let passed = |link: &mut Link, ms| link.send(Instant::from_millis(ms), 0, frame(1000)).len();
    assert_eq!([0; 4].map(|ms| passed(&mut link, ms)), [1, 1, 0, 0]);
    assert_eq!(passed(&mut link, 1), 1);
    assert_eq!(link.counters.queue_full, 2);
    assert!(link.counters.is_balanced());
}

#[test]
fn order_is_kept_even_without_a_rate() {
    let mut link = link(LinkConfig { rate: 0, ..LinkConfig::default() });
    let arrivals: Vec<_> = (0..50).flat_map(|_| link.send(Instant::ZERO, 0, frame(60))).collect();
    assert!(arrivals.windows(2).all(|pair| pair[0].0 < pair[1].0));
}

#[test]
fn faults_come_at_about_their_rate_and_add_up() {
    let faults = Faults {
        loss: 100_000,
        burst: 10_000,
        burst_span: Duration::from_micros(5),
        reorder: 50_000,
        reorder_span: Duration::from_millis(1),
        duplicate: 50_000,
        corrupt: 50_000,
        truncate: 10_000,
    };
    let mut link = link(LinkConfig { rate: 0, faults, ..LinkConfig::default() });
    let original = frame(500);
    for i in 0..10_000 {
        for (_, arrived) in link.send(Instant::from_nanos(1_000 * i), 0, original.clone()) {
            assert_eq!(arrived.damaged, arrived.bytes != original.bytes);
            assert_eq!(arrived.bytes[..14], original.bytes[..14], "the link header is left alone");
        }
    }
    let c = link.counters;
    assert!(c.is_balanced());
    let near = |count: u64, ppm: u64| count.abs_diff(ppm / 100) < ppm / 400;
    assert!(near(c.lost, 120_000), "{c:?}");
    assert!(
        near(c.duplicated, 45_000) && near(c.reordered, 47_000) && near(c.damaged, 55_000),
        "{c:?}"
    );
}

#[test]
fn corruption_is_always_detected_by_the_internet_checksum() {
    let faults = Faults { corrupt: 1_000_000, ..Faults::default() };
    let mut link = link(LinkConfig { rate: 0, faults, ..LinkConfig::default() });
    let mut original = frame(114);
    for (i, byte) in original.bytes[14..].iter_mut().enumerate() {
        *byte = if i % 10 < 4 { 0 } else { 0xff };
    }
    let sum = wire::checksum::checksum(&original.bytes[14..]);
    let mut damaged = 0;
    for _ in 0..2_000 {
        let (_, arrived) = link.send(Instant::ZERO, 0, original.clone()).remove(0);
        assert_eq!(arrived.damaged, wire::checksum::checksum(&arrived.bytes[14..]) != sum);
        damaged += u32::from(arrived.damaged);
    }
    assert!(damaged > 1_990, "{damaged}");
}

#[test]
fn an_unplugged_link_passes_nothing() {
    let mut link = link(LinkConfig::default());
    link.up = false;
    assert!(link.send(Instant::ZERO, 0, frame(60)).is_empty());
    assert_eq!(link.counters.unplugged, 1);
    assert!(link.counters.is_balanced());
}
