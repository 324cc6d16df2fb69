//! What loss recovery and congestion control are for, as numbers: how fast at a given loss, how
//! soon a lost segment is repaired, how two flows share, and what is not mistaken for a loss.

mod lab;

use lab::{A, B, LINK, LONG, endpoint, introduce, pair_with_seed, segments, sending};
use sim::World;
use sim::app::{App, Listener, Stream, StreamPlan};
use sim::link::{Fate, Faults, Filter, LinkConfig};
use sim::scenario::small_limits;
use sim::sweep::{BUFFER, Cell, Twist, ideal, run};
use stack::socket::TcpDetail;
use stack::time::Duration;
use stack::{Instant, Limits};

const RTT: Duration = Duration::from_millis(100);
/// What a receiver puts an ACK off by.
const DELAYED_ACK: Duration = Duration::from_millis(40);
/// More than any of these tests can send.
const ENDLESS: u64 = 1 << 40;

fn limits(buffer: usize) -> Limits {
    Limits {
        tcp_receive_buffer: buffer,
        tcp_send_buffer: buffer,
        tcp_rmem: [4_096, 131_072, buffer],
        tcp_wmem: [4_096, 16_384, buffer],
        ..small_limits()
    }
}

/// Two hosts that know each other, `RTT` apart, and A sends B's `ports` `bytes` each.
fn path(seed: u64, link: LinkConfig, buffer: usize, ports: &[(u16, Instant)], bytes: u64) -> World {
    path_to(limits(buffer), seed, link, buffer, ports, bytes)
}

/// The same, to a host with the limits `peer`.
fn path_to(
    peer: Limits,
    seed: u64,
    link: LinkConfig,
    buffer: usize,
    ports: &[(u16, Instant)],
    bytes: u64,
) -> World {
    let mut world = pair_with_seed(seed, link, [limits(buffer), peer]);
    world.pcap = world.pcap.filter(|_| bytes < ENDLESS);
    introduce(&mut world, A, B);
    introduce(&mut world, B, A);
    for (port, start) in ports {
        let at = endpoint(true, B, *port);
        let plan = StreamPlan { start: *start, chunk: 1 << 16, ..sending(at, bytes) };
        let peer = StreamPlan { finish_last: true, ..plan.mirrored() };
        world.start(B, Listener::app(at, vec![peer]));
        world.start(A, Stream::connecting(plan));
    }
    world
}

fn link(rate: u64, queue: u64) -> LinkConfig {
    LinkConfig { rate, queue, delay: RTT / 2, ..LinkConfig::default() }
}

const AT_ONCE: [(u16, Instant); 1] = [(80, Instant::ZERO)];

fn streams(world: &World, host: usize) -> Vec<&Stream> {
    let apps = world.nodes[host].apps.iter();
    apps.filter_map(|app| if let App::Stream(stream) = app { Some(&**stream) } else { None })
        .collect()
}

fn received(world: &World) -> Vec<u64> {
    streams(world, B).into_iter().map(Stream::received).collect()
}

/// The sending connection of A's nth application.
fn detail(world: &World, nth: usize) -> TcpDetail {
    let node = &world.nodes[A];
    let id = node.apps[nth].socket().expect("it is open");
    node.host.tcp_detail(id).expect("it is a connection")
}

fn timeouts(world: &World) -> u64 {
    world.nodes[A].host.stats().tcp_timeouts
}

fn resent(world: &World) -> u64 {
    world.nodes[A].host.stats().tcp_retransmits
}

fn finish(world: &mut World) -> Instant {
    assert!(world.finish(LONG, LONG), "{:?}", world.violations);
    world.now
}

/// RFC 9438 §5.1: at loss rate p the average window is, in segments, the larger of
/// `AVG_W_cubic = 1.054 * RTT^0.75 / p^0.75` (5.9 at p = 0.01 and 0.1 s) and the Reno-friendly
/// `AVG_W_reno = sqrt(3/2) / sqrt(p)` (12.2). A window a round trip, segments of 1,448 bytes: 177
/// kB/s.
#[test]
fn at_one_percent_loss_goodput_is_what_the_response_function_allows() {
    let (warm_up, span) = (Duration::from_secs(20), Duration::from_secs(300));
    let seeds = 1..=4;
    let mut total = 0;
    for seed in seeds.clone() {
        let faults = Faults { loss: 10_000, ..Faults::default() };
        let config = LinkConfig { faults, ..link(100_000_000, 6 << 20) };
        let mut world = path(seed, config, BUFFER, &AT_ONCE, ENDLESS);
        world.links[LINK].lane(B).faults = Faults::default();
        world.run(warm_up, |_| false);
        let before = received(&world)[0];
        world.run(span, |_| false);
        assert_eq!(world.violations, [""; 0]);
        total += received(&world)[0] - before;
    }
    let cell = Cell { loss: 10_000, ..Cell::new(100_000_000, 100_000, true) };
    let allowed = ideal::rate(&cell) * span.as_secs() * seeds.count() as u64;
    let share = total * 1_000 / allowed;
    assert!((850..=1_300).contains(&share), "{share} thousandths of what is allowed");
}

/// Loses the segments with these bytes of the stream, each the first `times` times it is sent.
fn lose(world: &mut World, offsets: Vec<u64>, times: u32) {
    world.links[LINK].filter = Some(Filter::data(A, move |_, _, piece| {
        let chosen = offsets.iter().any(|at| piece.holds(*at));
        if chosen && piece.sent_before < times { Fate::Lose } else { Fate::Pass }
    }));
}

/// When A sent the byte at `offset` of its stream, and when B first acknowledged it.
fn history(world: &World, offset: u32) -> (Vec<Instant>, Instant) {
    let start = segments(world, |_, s| (s.flags.syn() && !s.flags.ack()).then_some(s.seq + 1))[0];
    let sent = segments(world, |at, s| {
        let position = s.seq.distance(start);
        let holds = s.dst_port == 80 && position <= offset as i32;
        (holds && offset as i32 - position < s.payload.len() as i32).then_some(at)
    });
    let is_ack = |at, s: &wire::tcp::Header<'_>| {
        (s.src_port == 80 && s.ack.gt(start + offset)).then_some(at)
    };
    (sent, segments(world, is_ack)[0])
}

/// On a path without a queue a single loss shows after a round trip, is repaired by one
/// retransmission, and that takes one more round trip; no timer is needed.
#[test]
fn a_single_lost_segment_is_repaired_in_one_round_trip() {
    let small = Duration::from_millis(5);
    for offset in [50_000, 200_000, 1_000_000] {
        let mut world = path(1, link(1_000_000_000, 6 << 20), 1 << 18, &AT_ONCE, 2_000_000);
        lose(&mut world, vec![u64::from(offset)], 1);
        finish(&mut world);
        let (sent, acknowledged) = history(&world, offset);
        assert_eq!((sent.len(), resent(&world), timeouts(&world)), (2, 1, 0), "{offset}");
        let (noticed, repaired) = (sent[1] - sent[0], acknowledged + RTT / 2 - sent[1]);
        assert!(noticed <= RTT + RTT / 4 + small, "{offset}: noticed after {noticed:?}");
        assert!(repaired <= RTT + small, "{offset}: repaired after {repaired:?}");
    }
}

/// Several holes in one window are filled in one round trip as well: SACK shows them all.
#[test]
fn several_lost_segments_of_a_window_are_repaired_in_one_round_trip() {
    let small = Duration::from_millis(5);
    let offsets = [500_000u32, 510_000, 512_000, 540_000, 600_000];
    let mut world = path(1, link(1_000_000_000, 6 << 20), 1 << 18, &AT_ONCE, 2_000_000);
    lose(&mut world, offsets.iter().copied().map(u64::from).collect(), 1);
    finish(&mut world);
    assert_eq!((resent(&world), timeouts(&world)), (5, 0));
    let histories = offsets.map(|offset| history(&world, offset));
    let noticed = histories.iter().map(|(sent, _)| sent[1]).min().unwrap();
    let repaired = histories.iter().map(|(_, at)| *at + RTT / 2).max().unwrap();
    assert!(repaired - noticed <= RTT + RTT / 4 + small, "took {:?}", repaired - noticed);
}

/// A retransmission that is lost too is sent again by RACK (RFC 8985 §3), with no timeout.
#[test]
fn a_lost_retransmission_is_repaired_without_a_timeout() {
    for times in [2, 3] {
        let mut world = path(1, link(1_000_000_000, 6 << 20), BUFFER, &AT_ONCE, 8_000_000);
        lose(&mut world, vec![1_000_000], times);
        finish(&mut world);
        assert_eq!((resent(&world), timeouts(&world)), (u64::from(times), 0));
    }
}

/// Nothing follows a lost tail that could show its loss: the probe does (RFC 8985 §7), two round
/// trips after the last ACK. One more brings its ACK, and one or two the rest (PRR begins with one
/// segment). A timeout would make the window one segment. The FIN leaves with the last segment, be
/// it full or not, and is probed with it.
#[test]
fn a_lost_tail_is_repaired_without_a_timeout() {
    for bytes in [5_000, 14_480, 50_000, 500_000] {
        let transfer = |lost: u64| {
            let mut world = path(1, link(1_000_000_000, 6 << 20), BUFFER, &AT_ONCE, bytes);
            lose(&mut world, (0..lost).map(|i| bytes - 1 - i * 1_448).collect(), 1);
            let end = finish(&mut world);
            (end, resent(&world), timeouts(&world))
        };
        let (clean, ..) = transfer(0);
        for lost in 1..=3 {
            let (end, resent, timeouts) = transfer(lost);
            assert_eq!(timeouts, 0, "{lost} of {bytes} bytes");
            assert!((lost..=lost + 1).contains(&resent), "{lost} of {bytes} bytes: {resent}");
            let most = 5 * RTT + DELAYED_ACK;
            assert!(end - clean <= most, "{lost} of {bytes} bytes: {:?} more", end - clean);
        }
    }
}

/// Two flows, the second ten seconds later, share a bottleneck of 5 Mbit/s in halves.
#[test]
fn two_flows_share_a_bottleneck() {
    let (rate, bdp) = (5_000_000, 62_500);
    for (name, queue) in [("deep", 4 * bdp), ("even", bdp), ("shallow", bdp / 5)] {
        let starts = [(80, Instant::ZERO), (81, Instant::from_millis(10_000))];
        let mut world = path(3, link(rate, queue), BUFFER, &starts, ENDLESS);
        world.run(Duration::from_secs(60), |_| false);
        let before = received(&world);
        world.run(Duration::from_secs(200), |_| false);
        assert_eq!(world.violations, [""; 0]);
        let after = received(&world);
        let [one, two] = [0, 1].map(|i| after[i] - before[i]);
        let ratio = one * 1_000 / two.max(1);
        assert!((800..=1_250).contains(&ratio), "{name}: {one} to {two} bytes");
        let used = (one + two) * 8 * 1_000 / (200 * rate);
        assert!(used >= 800, "{name}: {used} thousandths of the link are used");
    }
}

/// One frame in ten held back for up to a quarter of the round trip, none lost: RACK learns of the
/// reordering (RFC 8985 §6.2 step 4) and what was sent again for nothing is undone.
#[test]
fn reordering_does_not_collapse_the_window() {
    for rate in [10_000_000, 100_000_000] {
        let cell = Cell { twist: Twist::Reorder(100_000), ..Cell::new(rate, 100_000, true) };
        let measured = run::run(&cell);
        assert_eq!(measured.violations, [""; 0]);
        assert_eq!(measured.timeouts, 0);
        let share = measured.ideal.as_nanos() * 1_000 / measured.elapsed.as_nanos();
        assert!(share >= 800, "{rate}: {share} thousandths of the ideal");
    }
}

/// The path becomes a second longer at once: the timeout that this causes is found out to be
/// spurious (RFC 5682, RFC 3522) and undone, and nothing but the segment of the timer and of a
/// probe goes out again.
#[test]
fn a_delay_spike_costs_no_window() {
    for passing in [true, false] {
        let mut world = path(1, link(100_000_000, 6 << 20), 1 << 18, &AT_ONCE, ENDLESS);
        world.run(Duration::from_secs(5), |_| false);
        let before = detail(&world, 0);
        assert_eq!((timeouts(&world), resent(&world)), (0, 0));
        world.links[LINK].lane(A).delay += Duration::from_secs(1);
        world.run(Duration::from_secs(1), |_| false);
        if passing {
            world.links[LINK].lane(A).delay = RTT / 2;
        }
        assert!(timeouts(&world) >= 1, "the spike is long enough");
        world.run(Duration::from_secs(5), |_| false);
        assert_eq!(world.violations, [""; 0]);
        let after = detail(&world, 0);
        assert!(after.cwnd >= before.cwnd, "{} after {}", after.cwnd, before.cwnd);
        assert!(resent(&world) <= 4, "{} sent again", resent(&world));
    }
}

/// What arrives in four seconds, in Mbit/s, at a peer without SACK.
fn without_sack(seed: u64, link: LinkConfig, faults: Faults, timestamps: bool) -> u64 {
    let peer = Limits { tcp_sack: false, tcp_timestamps: timestamps, ..limits(BUFFER) };
    let mut world = path_to(peer, seed, link, BUFFER, &AT_ONCE, ENDLESS);
    for host in [A, B] {
        world.links[LINK].lane(host).faults = faults;
    }
    let span = Duration::from_secs(4);
    world.run(span, |_| false);
    assert_eq!(world.violations, [""; 0]);
    received(&world)[0] * 8 / 1_000_000 / span.as_secs()
}

/// Without SACK one hole is repaired a round trip. What slow start and the growth after it
/// overshoot by are dozens of holes: the timer ends that (RFC 6582 §4), and what it has sent again
/// does not end in more losses. The first is a queue of one bandwidth-delay product, the second of
/// a tenth.
#[test]
fn many_holes_do_not_stall_a_path_without_sack() {
    let delay = Duration::from_millis(20);
    for (rate, queue, least) in [(100_000_000, 500 << 10, 40), (50_000_000, 25 << 10, 12)] {
        for timestamps in [true, false] {
            let link = LinkConfig { rate, queue, delay, ..LinkConfig::default() };
            let got = without_sack(1, link, Faults::default(), timestamps);
            assert!(got >= least, "{got} Mbit/s of {rate} bit/s, timestamps: {timestamps}");
        }
    }
}

/// Without SACK, reordering is learnt from holes that fill themselves, whether or not timestamps
/// tell so, and duplicates of the network are not mistaken for it.
#[test]
fn reordering_and_duplicates_are_told_from_losses_without_sack() {
    let faults = Faults::default();
    let delay = Duration::from_millis(10);
    let link = LinkConfig { rate: 50_000_000, queue: 125 << 10, delay, ..LinkConfig::default() };
    let span = Duration::from_millis(3);
    let reorder = Faults { reorder: 50_000, reorder_span: span, ..faults };
    let duplicate = Faults { duplicate: 20_000, ..faults };
    for (name, faults, least) in [("reorder", reorder, 30), ("duplicate", duplicate, 40)] {
        for (seed, timestamps) in [(1, true), (1, false), (2, true), (2, false)] {
            let got = without_sack(seed, link, faults, timestamps);
            assert!(got >= least, "{name}: {got} Mbit/s, timestamps: {timestamps}");
        }
    }
}

/// A timeout without SACK is judged by duplicates (RFC 5682); the receiver must not make them look
/// like something else by opening its window. At 3 % a stall would cost most of the time.
#[test]
fn single_losses_without_sack_and_timestamps_stall_nothing() {
    let delay = Duration::from_millis(10);
    let link = LinkConfig { rate: 100_000_000, queue: 250 << 10, delay, ..LinkConfig::default() };
    for seed in [1, 2] {
        let faults = Faults { loss: 30_000, ..Faults::default() };
        let got = without_sack(seed, link, faults, false);
        assert!(got >= 3, "{got} Mbit/s");
    }
}
