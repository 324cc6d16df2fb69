//! Named TCP scenarios between two hosts: opening, moving, ending, and a peer that vanishes.

mod lab;

use lab::{
    A, B, LINK, LONG, endpoint, introduce, outcome, pair, pair_with, pair_with_seed, segments,
    sending,
};
use sim::World;
use sim::app::{Gate, Listener, Outcome, Stream, StreamPlan};
use sim::link::{Faults, LinkConfig};
use sim::scenario::small_limits;
use stack::time::Duration;
use stack::{Instant, Limits, SocketError};

/// A listener on B's port 80 that expects what `plan` sends and closes after it.
fn serve(world: &mut World, v4: bool, plan: &StreamPlan) {
    let peer = StreamPlan { finish_last: true, ..plan.mirrored() };
    world.start(B, Listener::app(endpoint(v4, B, 80), vec![peer]));
}

/// A sends `bytes` to B. Returns when it was over.
fn transfer(world: &mut World, v4: bool, bytes: u64) -> Instant {
    let plan = sending(endpoint(v4, B, 80), bytes);
    serve(world, v4, &plan);
    world.start(A, Stream::connecting(plan));
    assert!(world.finish(LONG, LONG), "{:?}", world.violations);
    world.now
}

fn seconds(world: &World) -> u64 {
    world.now.millis() / 1_000
}

#[test]
fn a_transfer_over_a_clean_link_takes_about_its_share_of_the_rate() {
    // Buffers that the link's queue can take: larger ones let slow start overrun it.
    let limits =
        || Limits { tcp_receive_buffer: 1 << 20, tcp_send_buffer: 1 << 20, ..small_limits() };
    for v4 in [true, false] {
        let mut world = pair_with(LinkConfig::default(), [limits(), limits()]);
        let end = transfer(&mut world, v4, 10_000_000);
        // 80 ms of sending at 1 Gbit/s without headers.
        assert!((82..120).contains(&end.millis()), "took {end}");
        let stats = world.nodes[A].host.stats();
        assert_eq!((stats.tcp_retransmits, stats.tcp_timeouts), (0, 0));
    }
}

#[test]
fn simultaneous_open_makes_one_connection() {
    for v4 in [true, false] {
        let mut world = pair();
        introduce(&mut world, A, B);
        introduce(&mut world, B, A);
        let (a, b) = (endpoint(v4, A, 1000), endpoint(v4, B, 2000));
        let plan = StreamPlan { local: Some(a), expect: (3_000, 2), ..sending(b, 5_000) };
        let peer = StreamPlan { local: Some(b), remote: Some(a), ..plan.mirrored() };
        world.start(A, Stream::connecting(plan));
        world.start(B, Stream::connecting(peer));
        assert!(world.finish(LONG, LONG), "{:?}", world.violations);
        let bare_syns =
            segments(&world, |_, s| (s.flags.syn() && !s.flags.ack()).then_some(s.src_port));
        assert_eq!(bare_syns.len(), 2, "the SYNs crossed: {bare_syns:?}");
        let resets = segments(&world, |_, s| s.flags.rst().then_some(()));
        assert!(resets.is_empty());
        for node in [A, B] {
            assert_eq!(outcome(&world, node, 0), Some(Outcome::Done));
        }
    }
}

#[test]
fn a_peer_that_vanishes_ends_the_connection_by_timeout() {
    for v4 in [true, false] {
        let mut world = pair();
        introduce(&mut world, A, B);
        let failed = Some(Outcome::Failed(SocketError::TimedOut));
        let plan = StreamPlan { ending: failed, ..sending(endpoint(v4, B, 80), 50_000_000) };
        let peer = StreamPlan { ending: None, finish_last: true, ..plan.mirrored() };
        world.start(B, Listener::app(endpoint(v4, B, 80), vec![peer]));
        world.start(A, Stream::connecting(plan));
        assert!(world.run(LONG, |world| world.now >= Instant::from_millis(200)));
        world.links[LINK].up = false;
        assert!(world.run(LONG, |world| outcome(world, A, 0).is_some()), "no end");
        assert_eq!(outcome(&world, A, 0), failed);
        // RFC 9293 §3.8.3 wants at least 100 s; Linux takes about a quarter of an hour.
        assert!((600..1_800).contains(&seconds(&world)), "took {} s", seconds(&world));
        world.run(LONG, |_| false);
        assert_eq!(world.nodes[A].host.sockets().len(), 0, "nothing is left");
    }
}

#[test]
fn a_vanished_neighbour_shows_as_unreachable() {
    let mut world = pair();
    let failed = Some(Outcome::Failed(SocketError::HostUnreachable));
    let plan = StreamPlan { ending: failed, ..sending(endpoint(true, B, 80), 50_000_000) };
    let peer = StreamPlan { ending: None, finish_last: true, ..plan.mirrored() };
    world.start(B, Listener::app(endpoint(true, B, 80), vec![peer]));
    world.start(A, Stream::connecting(plan));
    assert!(world.run(LONG, |world| world.now >= Instant::from_millis(200)));
    world.links[LINK].up = false;
    assert!(world.run(LONG, |world| outcome(world, A, 0).is_some()), "no end");
    assert_eq!(outcome(&world, A, 0), failed);
}

#[test]
fn a_link_that_comes_back_in_time_saves_the_connection() {
    let mut world = pair();
    let plan = sending(endpoint(false, B, 80), 20_000_000);
    serve(&mut world, false, &plan);
    world.start(A, Stream::connecting(plan));
    assert!(world.run(LONG, |world| world.now >= Instant::from_millis(60)));
    assert_eq!(outcome(&world, A, 0), None);
    world.links[LINK].up = false;
    world.run(Duration::from_secs(240), |_| false);
    world.links[LINK].up = true;
    assert!(world.finish(LONG, LONG), "{:?}", world.violations);
    assert!(seconds(&world) > 240);
}

#[test]
fn connecting_to_a_silent_host_times_out_as_linux_does() {
    let mut world = pair_with(
        LinkConfig::default(),
        [Limits { tcp_syn_retries: 6, ..small_limits() }, small_limits()],
    );
    introduce(&mut world, A, B);
    world.links[LINK].up = false;
    let failed = Some(Outcome::Failed(SocketError::TimedOut));
    let plan = StreamPlan { ending: failed, ..sending(endpoint(true, B, 80), 10) };
    world.start(A, Stream::connecting(plan));
    assert!(world.run(LONG, |world| outcome(world, A, 0).is_some()));
    let syns = segments(&world, |at, s| s.flags.syn().then_some(at.millis() / 1_000));
    assert_eq!(syns, [0, 1, 3, 7, 15, 31, 63]);
    assert_eq!(seconds(&world), 127);
}

#[test]
fn connecting_to_nobody_is_unreachable_within_seconds() {
    for v4 in [true, false] {
        let mut world = pair();
        let failed = Some(Outcome::Failed(SocketError::HostUnreachable));
        let plan = StreamPlan { ending: failed, ..sending(endpoint(v4, 7, 80), 10) };
        world.start(A, Stream::connecting(plan));
        assert!(world.run(LONG, |world| outcome(world, A, 0).is_some()));
        assert!((2..=4).contains(&seconds(&world)), "took {} s", seconds(&world));
    }
}

#[test]
fn connecting_to_a_closed_port_is_refused() {
    for v4 in [true, false] {
        let mut world = pair();
        let failed = Some(Outcome::Failed(SocketError::ConnectionRefused));
        let plan = StreamPlan { ending: failed, ..sending(endpoint(v4, B, 81), 10) };
        world.start(A, Stream::connecting(plan));
        assert!(world.run(LONG, |world| outcome(world, A, 0).is_some()));
        assert!(seconds(&world) < 1);
    }
}

#[test]
fn a_reader_that_sleeps_for_hours_keeps_the_connection() {
    let mut world = pair();
    let plan = sending(endpoint(true, B, 80), 3 << 20);
    // Its own end comes last, so that the writer stays: what an orphan sends is given up.
    let lazy = StreamPlan {
        chunk: 1 << 20,
        pause: Some(Duration::from_secs(4_000)),
        finish_last: true,
        ..plan.mirrored()
    };
    world.start(B, Listener::app(endpoint(true, B, 80), vec![lazy]));
    world.start(A, Stream::connecting(plan));
    assert!(world.finish(20 * LONG, 20 * LONG), "{:?}", world.violations);
    assert!(seconds(&world) > 3_600, "the reader slept for {} s", seconds(&world));
}

#[test]
fn a_lost_window_update_is_made_good_by_a_probe() {
    let limits = || Limits { tcp_receive_buffer: 4_096, ..small_limits() };
    let mut world = pair_with(LinkConfig::default(), [limits(), limits()]);
    let plan = sending(endpoint(true, B, 80), 200_000);
    let slow = StreamPlan { pause: Some(Duration::from_secs(4)), ..plan.mirrored() };
    world.start(B, Listener::app(endpoint(true, B, 80), vec![slow]));
    world.start(A, Stream::connecting(plan));
    // Every few seconds the link is dead for as long, so that many updates get lost.
    for round in 0..60 {
        world.links[LINK].up = round % 2 == 0;
        world.run(Duration::from_millis(2_700), |_| false);
    }
    world.links[LINK].up = true;
    assert!(world.finish(LONG, LONG), "{:?}", world.violations);
}

#[test]
fn half_closed_connections_carry_the_other_direction() {
    let mut world = pair();
    let plan = StreamPlan { expect: (500_000, 2), ..sending(endpoint(true, B, 80), 0) };
    let peer = StreamPlan { pause: Some(Duration::from_millis(20)), ..plan.mirrored() };
    world.start(B, Listener::app(endpoint(true, B, 80), vec![peer]));
    world.start(A, Stream::connecting(plan));
    assert!(world.finish(LONG, LONG), "{:?}", world.violations);
    let order = segments(&world, |_, s| s.flags.fin().then_some(s.dst_port == 80));
    assert_eq!(order.first(), Some(&true), "the client's FIN came first");
}

#[test]
fn requests_and_responses_take_one_round_trip_each() {
    let link = LinkConfig { delay: Duration::from_millis(10), ..LinkConfig::default() };
    let mut world = pair_with(link, [small_limits(), small_limits()]);
    introduce(&mut world, A, B);
    introduce(&mut world, B, A);
    let gate = Gate::Ask { request: 100, response: 100 };
    let plan = StreamPlan { gate, expect: (5_000, 2), ..sending(endpoint(false, B, 80), 5_000) };
    serve(&mut world, false, &plan);
    world.start(A, Stream::connecting(plan));
    assert!(world.finish(LONG, LONG), "{:?}", world.violations);
    // One round trip to open, fifty to talk, and one or two to close, 20 ms each.
    assert!((1_020..1_080).contains(&world.now.millis()), "took {}", world.now);
}

#[test]
fn everything_twice_changes_nothing() {
    let faults = Faults { duplicate: 1_000_000, ..Faults::default() };
    let mut world =
        pair_with(LinkConfig { faults, ..LinkConfig::default() }, [small_limits(), small_limits()]);
    transfer(&mut world, true, 1_000_000);
    world.run(LONG, |_| false);
    world.check_rest();
    assert_eq!(world.violations, [""; 0]);
}

#[test]
fn a_third_of_all_frames_lost_is_slow_but_whole() {
    let faults = Faults { loss: 330_000, ..Faults::default() };
    let mut world =
        pair_with(LinkConfig { faults, ..LinkConfig::default() }, [small_limits(), small_limits()]);
    introduce(&mut world, A, B);
    introduce(&mut world, B, A);
    transfer(&mut world, false, 100_000);
}

#[test]
fn many_connections_one_after_the_other_leave_nothing() {
    let mut world = pair();
    let template = StreamPlan { expect: (300, 2), ..sending(endpoint(true, B, 80), 200) };
    world.start(B, Listener::app(endpoint(true, B, 80), vec![template.mirrored()]));
    for i in 0..100 {
        let start = Instant::from_millis(20 * i);
        world.start(A, Stream::connecting(StreamPlan { start, ..template.clone() }));
    }
    assert!(world.finish(LONG, LONG), "{:?}", world.violations);
    world.run(LONG, |_| false);
    world.check_rest();
    assert_eq!(world.violations, [""; 0]);
    assert_eq!(world.nodes[B].host.stats().tcp_passive_opens, 100);
}

/// A retransmission is older than what was sent after it, but its acknowledgment may be the newest.
/// The window belongs to the acknowledgment: kept with the old window, it moves the right edge too
/// far.
#[test]
fn a_retransmission_that_acknowledges_more_brings_its_window() {
    for seed in 0..200 {
        let faults = Faults { loss: 60_000, ..Faults::default() };
        let limits = || Limits { tcp_receive_buffer: 4_096, ..small_limits() };
        let link = LinkConfig { faults, delay: Duration::from_millis(1), ..LinkConfig::default() };
        let mut world = pair_with_seed(seed, link, [limits(), limits()]);
        let plan = StreamPlan { expect: (60_000, 2), ..sending(endpoint(true, B, 80), 60_000) };
        let plan = StreamPlan { pause: Some(Duration::from_millis(20)), retries: 5, ..plan };
        serve(&mut world, true, &plan);
        world.start(A, Stream::connecting(plan));
        assert!(world.finish(LONG, LONG), "seed {seed}: {:?}", world.violations);
    }
}
