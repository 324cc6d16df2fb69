//! Tests of the link: time, order, faults and the balance of its counters.

use super::*;

fn frame(len: usize) -> Frame {
    let mut bytes = vec![0; len];
    let (a, b) = (addr::Mac([2, 0, 0, 0, 0, 1]), addr::Mac([2, 0, 0, 0, 0, 2]));
    ethernet::emit(&mut bytes, a, b, ethernet::ETHERTYPE_IPV4).unwrap();
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
    let arrivals: Vec<_> = (0..2).flat_map(|_| link.send(at(0), 0, frame(1000)).arrivals).collect();
    assert_eq!(arrivals[0].0, at(6), "1 ms of sending, 5 ms of delay");
    assert_eq!(arrivals[1].0, at(7), "waited for the first");
    assert_eq!(
        link.send(at(0), 1, frame(1000)).arrivals[0].0,
        at(6),
        "the other direction is its own"
    );
}

#[test]
fn a_full_queue_drops_and_drains() {
    let config = LinkConfig { rate: 8_000_000, queue: 2500, ..LinkConfig::default() };
    let mut link = link(config);
    let passed =
        |link: &mut Link, ms| link.send(Instant::from_millis(ms), 0, frame(1000)).arrivals.len();
    assert_eq!([0; 4].map(|ms| passed(&mut link, ms)), [1, 1, 0, 0]);
    assert_eq!(passed(&mut link, 1), 1);
    assert_eq!(link.counters.queue_full, 2);
    assert!(link.counters.is_balanced());
}

#[test]
fn order_is_kept_even_without_a_rate() {
    let mut link = link(LinkConfig { rate: 0, ..LinkConfig::default() });
    let arrivals: Vec<_> =
        (0..50).flat_map(|_| link.send(Instant::ZERO, 0, frame(60)).arrivals).collect();
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
        ..Faults::default()
    };
    let mut link = link(LinkConfig { rate: 0, faults, ..LinkConfig::default() });
    let original = frame(500);
    for i in 0..10_000 {
        for (_, arrived) in link.send(Instant::from_nanos(1_000 * i), 0, original.clone()).arrivals
        {
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
        let (_, arrived) = link.send(Instant::ZERO, 0, original.clone()).arrivals.remove(0);
        assert_eq!(arrived.damaged, wire::checksum::checksum(&arrived.bytes[14..]) != sum);
        damaged += u32::from(arrived.damaged);
    }
    assert!(damaged > 1_990, "{damaged}");
}

#[test]
fn an_unplugged_link_passes_nothing() {
    let mut link = link(LinkConfig::default());
    link.up = false;
    assert!(link.send(Instant::ZERO, 0, frame(60)).arrivals.is_empty());
    assert_eq!(link.counters.unplugged, 1);
    assert!(link.counters.is_balanced());
}

#[test]
fn bursts_have_the_share_and_the_length_asked_for() {
    let faults =
        Faults { gilbert: Gilbert::bursts(30_000, 4, Duration::from_secs(1)), ..Faults::default() };
    let mut link = link(LinkConfig { rate: 0, faults, ..LinkConfig::default() });
    let passes = |link: &mut Link| !link.send(Instant::ZERO, 0, frame(60)).arrivals.is_empty();
    let fates: Vec<bool> = (0..100_000).map(|_| passes(&mut link)).collect();
    let bursts = fates.windows(2).filter(|pair| pair[0] && !pair[1]).count() as u64;
    let lost = link.counters.lost;
    assert!((2_700..3_300).contains(&lost), "{lost}");
    assert!((35..45).contains(&(lost * 10 / bursts)), "{lost} in {bursts}");
    assert!(link.counters.is_balanced());
}

#[test]
fn each_direction_can_be_its_own() {
    let mut link = link(LinkConfig { rate: 8_000_000, ..LinkConfig::default() });
    *link.lane(1) = LinkConfig {
        rate: 80_000,
        delay: Duration::from_millis(50),
        faults: Faults { loss: 1_000_000, ..Faults::default() },
        ..LinkConfig::default()
    };
    assert_eq!(
        link.send(Instant::ZERO, 0, frame(1000)).arrivals[0].0,
        Instant::from_nanos(1_100_000)
    );
    assert!(link.send(Instant::ZERO, 1, frame(1000)).arrivals.is_empty());
    link.lane(1).faults = Faults::default();
    assert_eq!(link.send(Instant::ZERO, 1, frame(1000)).arrivals[0].0, Instant::from_millis(250));
}

#[test]
fn a_filter_takes_out_or_holds_back_what_it_chooses() {
    let mut link = link(LinkConfig { rate: 0, ..LinkConfig::default() });
    let mut nth = 0;
    link.filter = Some(Filter::new(move |_, station, _| {
        nth += 1;
        match (station, nth) {
            (0, 2) => Fate::Lose,
            (0, 3) => Fate::Hold(Duration::from_millis(7)),
            _ => Fate::Pass,
        }
    }));
    let arrivals: Vec<usize> =
        (0..4).map(|_| link.send(Instant::ZERO, 0, frame(60)).arrivals.len()).collect();
    assert_eq!(arrivals, [1, 0, 1, 1]);
    assert_eq!(link.counters.chosen, 1);
    assert!(link.counters.is_balanced());
}

/// A frame of a TCP segment with `payload` bytes.
fn segment(v4: bool, payload: usize) -> Frame {
    let ip = |last| {
        if v4 { addr::Ip::v4([10, 0, 0, last]) } else { "fd00::1".parse().unwrap() }
    };
    let mut bytes = vec![0; 14 + 60 + payload];
    let (a, b) = (addr::Mac([2, 0, 0, 0, 0, 1]), addr::Mac([2, 0, 0, 0, 0, 2]));
    let ethertype = if v4 { ethernet::ETHERTYPE_IPV4 } else { ethernet::ETHERTYPE_IPV6 };
    let mut at = ethernet::emit(&mut bytes, b, a, ethertype).unwrap();
    let header = wire::ip::IpEmit {
        src: ip(1),
        dst: ip(2),
        protocol: wire::ip::PROTO_TCP,
        payload_len: 20 + payload,
        ..Default::default()
    };
    at += wire::ip::emit(&mut bytes[at..], &header).unwrap();
    let tcp = wire::tcp::Emit {
        src_port: 1,
        dst_port: 2,
        flags: wire::tcp::Flags::ACK,
        ..Default::default()
    };
    at += wire::tcp::emit(&mut bytes[at..], &tcp, &[]).unwrap();
    bytes.truncate(at + payload);
    Frame { bytes, meta: RxMeta::default(), damaged: false }
}

#[test]
fn a_narrow_link_says_so_unless_it_is_a_black_hole() {
    for v4 in [true, false] {
        let mut link = link(LinkConfig { mtu: 1_300, ..LinkConfig::default() });
        let header = if v4 { 40 } else { 60 };
        assert_eq!(link.send(Instant::ZERO, 0, segment(v4, 1_300 - header)).arrivals.len(), 1);
        let large = segment(v4, 1_301 - header);
        let carried = link.send(Instant::ZERO, 0, large.clone());
        assert!(carried.arrivals.is_empty());
        let (_, answer) = carried.answer.unwrap();
        let link_header = ethernet::parse(&answer.bytes).unwrap();
        assert_eq!(link_header.dst, addr::Mac([2, 0, 0, 0, 0, 1]));
        let packet = link_header.payload;
        let ip = wire::ip::parse(packet).unwrap();
        let message = if v4 {
            wire::icmpv4::parse(ip.payload(packet)).unwrap()
        } else {
            wire::icmpv6::parse(ip.src, ip.dst, ip.payload(packet)).unwrap()
        };
        let wire::icmp::Message::PacketTooBig { mtu: 1_300, quote } = message else {
            panic!("{message:?}")
        };
        assert_eq!(wire::icmp::Quote::parse(quote).unwrap().ports(), Some((1, 2)));
        link.lane(0).black_hole = true;
        assert!(link.send(Instant::ZERO, 0, large).answer.is_none());
        assert_eq!(link.counters.too_big, 2);
        assert!(link.counters.is_balanced());
    }
}

#[test]
fn a_burst_ends_with_time() {
    let span = Duration::from_millis(10);
    let gilbert = Gilbert { enter: 1_000_000, leave: 0, span };
    let faults = Faults { gilbert, ..Faults::default() };
    let mut link = link(LinkConfig { rate: 0, faults, ..LinkConfig::default() });
    let passes = |link: &mut Link, ms| {
        !link.send(Instant::from_millis(ms), 0, frame(60)).arrivals.is_empty()
    };
    assert_eq!([0, 5, 10].map(|ms| passes(&mut link, ms)), [false; 3]);
    link.lane(0).faults.gilbert.enter = 0;
    assert_eq!([10, 11].map(|ms| passes(&mut link, ms)), [false, true]);
}
