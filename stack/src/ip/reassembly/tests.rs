//! Fragments in any order, twice, overlapping, too many (FRAG rows).

use proptest::prelude::*;
use wire::ip::{IpEmit, IpHeader, PROTO_UDP};
use wire::offload::RxMeta;

use super::*;
use crate::fib::{Destination, Fib};
use crate::host::fixture::{PEER, US, fragment_frame, fragment_frames, peer6, us6};

/// Feeds frames as made by the fixture and keeps what came out whole.
struct Bench {
    reassembly: Reassembly,
    limits: Limits,
    stats: Stats,
    now: Instant,
    whole: Vec<u8>,
}

impl Bench {
    fn new(limits: Limits) -> Self {
        Self {
            reassembly: Reassembly::default(),
            limits,
            stats: Stats::default(),
            now: Instant::ZERO,
            whole: Vec::new(),
        }
    }

    fn receive(&mut self, frame: &[u8]) -> Result<bool, DropReason> {
        let bytes = &frame[14..];
        let header = ip::parse(bytes).unwrap();
        let packet = Packet {
            ifindex: Fib::LOOPBACK,
            meta: RxMeta::default(),
            link_multicast: false,
            destination: Destination::Unicast,
            header,
            payload: header.payload(bytes),
            whole: bytes,
        };
        let Self { reassembly, limits, stats, now, whole } = self;
        let result = reassembly.receive(*now, limits, stats, &packet, whole);
        self.reassembly.check();
        assert!(self.reassembly.bytes <= self.limits.reassembly_bytes);
        assert!(self.reassembly.datagrams.len() <= self.limits.reassemblies.max(1));
        result
    }

    /// The packet put together last.
    fn parse(&self) -> (IpHeader, Vec<u8>) {
        let header = ip::parse(&self.whole).unwrap();
        assert_eq!((header.fragment, header.total_len()), (None, self.whole.len()));
        (header, header.payload(&self.whole).to_vec())
    }
}

fn header(v4: bool) -> IpEmit {
    let (src, dst) = if v4 { (PEER, US) } else { (peer6(), us6()) };
    IpEmit { src, dst, protocol: PROTO_UDP, traffic_class: 0xa0, ..IpEmit::default() }
}

fn data(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 % 251) as u8).collect()
}

#[test]
fn frag_05_the_whole_is_what_was_cut() {
    for v4 in [true, false] {
        for len in [9, 2000, 65_515, if v4 { 65_515 } else { 65_535 }] {
            let mut bench = Bench::new(Limits::default());
            let payload = data(len);
            let frames = fragment_frames(&header(v4), &payload, 1480.min(len - 1), 7);
            let (last, others) = frames.split_last().unwrap();
            others.iter().for_each(|f| assert_eq!(bench.receive(f), Ok(false)));
            assert_eq!(bench.receive(last), Ok(true));
            let (whole, got) = bench.parse();
            assert!(got == payload);
            assert_eq!((whole.protocol, whole.traffic_class), (PROTO_UDP, 0xa0));
            assert_eq!(bench.reassembly.bytes, 0);
            assert_eq!(bench.reassembly.next_deadline(), None);
        }
    }
}

#[test]
fn frag_03_overlap_condemns_what_came_and_what_comes() {
    for v4 in [true, false] {
        let overlaps = [(8, 16, true), (0, 24, true), (8, 8, true), (16, 16, true), (0, 8, true)];
        for (offset, len, more) in overlaps {
            let mut bench = Bench::new(Limits::default());
            let piece = |offset: usize, len: usize, more| {
                fragment_frame(
                    &header(v4),
                    &data(64)[offset..offset + len],
                    (offset as u32, more),
                    7,
                )
            };
            bench.receive(&piece(0, 16, true)).unwrap();
            bench.receive(&piece(24, 16, true)).unwrap();
            let refused = Err(DropReason::IpFragmentRefused);
            let overlap = piece(offset, len, more);
            if (offset, len) == (16, 16) || offset + len > 16 || offset < 16 {
                assert_eq!(bench.receive(&overlap), refused, "{offset} {len}");
            }
            // Nothing that follows brings it back, for as long as its time lasts.
            for frame in [piece(16, 8, true), piece(40, 24, false), piece(0, 16, true)] {
                assert_eq!(bench.receive(&frame), refused);
            }
            bench.now += Duration::from_secs(61);
            assert!(matches!(bench.reassembly.expire(bench.now, &mut bench.stats), Some(None)));
            assert_eq!(bench.stats.dropped(DropReason::IpReassemblyTimeout), 0);
            assert_eq!(bench.receive(&piece(0, 16, true)), Ok(false));
        }
    }
}

#[test]
fn an_exact_duplicate_is_dropped_alone() {
    for v4 in [true, false] {
        let mut bench = Bench::new(Limits::default());
        let frames = fragment_frames(&header(v4), &data(40), 16, 7);
        assert_eq!(bench.receive(&frames[1]), Ok(false));
        assert_eq!(bench.receive(&frames[1]), Err(DropReason::IpFragmentRefused));
        assert_eq!(bench.receive(&frames[0]), Ok(false));
        assert_eq!(bench.receive(&frames[2]), Ok(true));
        assert_eq!(bench.parse().1, data(40));
    }
}

#[test]
fn contradicting_ends_condemn() {
    let piece = |offset: usize, len: usize, more| {
        fragment_frame(&header(true), &data(64)[offset..offset + len], (offset as u32, more), 7)
    };
    for pair in [
        [piece(16, 16, false), piece(40, 8, false)],
        [piece(16, 16, false), piece(8, 8, false)],
        [piece(16, 16, false), piece(32, 8, true)],
        [piece(32, 8, true), piece(16, 16, false)],
    ] {
        let mut bench = Bench::new(Limits::default());
        bench.receive(&pair[0]).unwrap();
        assert_eq!(bench.receive(&pair[1]), Err(DropReason::IpFragmentRefused));
    }
}

#[test]
fn frag_01_the_name_has_all_its_parts() {
    let mut bench = Bench::new(Limits::default());
    let base = header(true);
    let others = [
        IpEmit { src: Ip::v4([10, 0, 0, 9]), ..base },
        IpEmit { dst: Ip::v4([10, 0, 0, 9]), ..base },
        IpEmit { protocol: 1, ..base },
    ];
    let first = fragment_frame(&base, &data(16)[..8], (0, true), 7);
    assert_eq!(bench.receive(&first), Ok(false));
    for other in others {
        let last = fragment_frame(&other, &data(16)[8..], (8, false), 7);
        assert_eq!(bench.receive(&last), Ok(false));
    }
    let last = fragment_frame(&base, &data(16)[8..], (8, false), 8);
    assert_eq!(bench.receive(&last), Ok(false));
    let last = fragment_frame(&base, &data(16)[8..], (8, false), 7);
    assert_eq!(bench.receive(&last), Ok(true));
}

#[test]
fn frag_04_ecn_of_the_parts() {
    // By RFC 3168 §5.3, with mixtures of "not capable" and the others dropped.
    for (parts, expected) in [
        ([0, 0], Some(0)),
        ([1, 1], Some(1)),
        ([2, 2], Some(2)),
        ([3, 3], Some(3)),
        ([1, 3], Some(3)),
        ([2, 3], Some(3)),
        ([1, 2], Some(2)),
        ([0, 1], None),
        ([0, 2], None),
        ([0, 3], None),
    ] {
        for v4 in [true, false] {
            let mut bench = Bench::new(Limits::default());
            let with = |ecn: u8| IpEmit { traffic_class: 0xa0 | ecn, ..header(v4) };
            bench.receive(&fragment_frame(&with(parts[0]), &[1; 8], (0, true), 7)).unwrap();
            let last = fragment_frame(&with(parts[1]), &[2; 8], (8, false), 7);
            match expected {
                Some(ecn) => {
                    assert_eq!(bench.receive(&last), Ok(true));
                    assert_eq!(bench.parse().0.traffic_class, 0xa0 | ecn);
                }
                None => assert_eq!(bench.receive(&last), Err(DropReason::IpFragmentRefused)),
            }
        }
    }
}

#[test]
fn frag_07_bounds_hold_and_the_oldest_gives_way() {
    let limits = Limits { reassemblies: 4, reassembly_bytes: 4096, ..Limits::default() };
    let mut bench = Bench::new(limits);
    for id in 0..100 {
        bench.now += Duration::from_millis(1);
        bench.receive(&fragment_frame(&header(true), &[7; 1000], (0, true), id)).unwrap();
    }
    assert_eq!(bench.stats.dropped(DropReason::IpFragmentRefused), 97);
    // The youngest can still be completed.
    let last = fragment_frame(&header(true), &[7; 8], (1000, false), 99);
    assert_eq!(bench.receive(&last), Ok(true));
    // One datagram alone cannot take more than all there is.
    let mut bench = Bench::new(Limits { reassembly_bytes: 4096, ..Limits::default() });
    let results: Vec<_> = (0..8)
        .map(|n| bench.receive(&fragment_frame(&header(true), &[7; 1000], (n * 1000, true), 1)))
        .collect();
    assert_eq!(results[3..], [Err(DropReason::IpFragmentRefused); 5]);
}

#[test]
fn frag_02_time_runs_from_the_first_fragment() {
    for (v4, span) in [(true, 30), (false, 60)] {
        let mut bench = Bench::new(Limits::default());
        let frames = fragment_frames(&header(v4), &data(40), 16, 7);
        bench.receive(&frames[0]).unwrap();
        let deadline = bench.reassembly.next_deadline().unwrap();
        assert_eq!(deadline, Instant::from_millis(span * 1000));
        bench.now += Duration::from_secs(span - 1);
        bench.receive(&frames[1]).unwrap();
        assert_eq!(bench.reassembly.next_deadline(), Some(deadline));
        assert!(bench.reassembly.expire(bench.now, &mut bench.stats).is_none());
        let Some(Some(expired)) = bench.reassembly.expire(deadline, &mut bench.stats) else {
            panic!("the sender is to be told")
        };
        assert_eq!(expired.packet, frames[0][14..]);
        assert_eq!(bench.reassembly.bytes, 0);
    }
}

proptest! {
    /// Cut anywhere, in any order, with duplicates and strangers between: the same bytes come out.
    #[test]
    fn any_cut_in_any_order(
        v4 in any::<bool>(),
        len in 9usize..4000,
        cuts in prop::collection::btree_set(1usize..500, 1..12),
        order in any::<u64>(),
    ) {
        let payload = data(len);
        let mut places: Vec<usize> =
            cuts.into_iter().map(|c| c * 8).filter(|c| *c < len).collect();
        if places.is_empty() {
            places.push(8);
        }
        let ends: Vec<usize> = places.iter().copied().chain([len]).collect();
        let mut start = 0;
        let mut frames = Vec::new();
        for end in ends {
            let range = (start as u32, end < len);
            frames.push(fragment_frame(&header(v4), &payload[start..end], range, 7));
            start = end;
        }
        let mut rng = crate::rng::Rng::new(order);
        for i in (1..frames.len()).rev() {
            frames.swap(i, rng.below(i as u32 + 1) as usize);
        }
        let mut bench = Bench::new(Limits::default());
        let count = frames.len();
        for (index, frame) in frames.iter().enumerate() {
            let done = bench.receive(frame);
            prop_assert_eq!(done, Ok(index + 1 == count));
            if index + 1 < count && rng.below(3) == 0 {
                prop_assert_eq!(bench.receive(frame), Err(DropReason::IpFragmentRefused));
            }
        }
        let (whole, got) = bench.parse();
        prop_assert!(got == payload);
        prop_assert_eq!(whole.src, header(v4).src);
    }

    /// Fragments that nobody would send: the books and bounds hold, and what comes out is
    /// well-formed.
    #[test]
    fn any_fragments_at_all(
        pieces in prop::collection::vec(
            (any::<bool>(), 0u32..64, 1usize..9, any::<bool>(), 0u32..3),
            1..100,
        )
    ) {
        let limits = Limits { reassemblies: 2, reassembly_bytes: 600, ..Limits::default() };
        let mut bench = Bench::new(limits);
        for (v4, offset, units, more, id) in pieces {
            let frame = fragment_frame(&header(v4), &data(units * 8), (offset * 8, more), id);
            if offset == 0 && !more {
                continue;
            }
            if bench.receive(&frame) == Ok(true) {
                bench.parse();
            }
        }
    }
}
