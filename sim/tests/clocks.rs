//! Hosts whose time is not the world's: clocks that jump, machines that are suspended.

mod lab;

use lab::{A, B, LONG, endpoint, introduce, outcome, pair, segments, sending};
use sim::World;
use sim::app::{Listener, Outcome, Stream, StreamPlan};
use stack::Instant;
use stack::time::Duration;

/// Two hosts with a transfer of `bytes` from A to B halfway, after 40 ms.
fn under_way(bytes: u64) -> World {
    let mut world = pair();
    introduce(&mut world, A, B);
    introduce(&mut world, B, A);
    let at = endpoint(true, B, 80);
    let plan = sending(at, bytes);
    let peer = StreamPlan { finish_last: true, ..plan.mirrored() };
    world.start(B, Listener::app(at, vec![peer]));
    world.start(A, Stream::connecting(plan));
    world.run(Duration::from_millis(40), |_| false);
    assert_eq!(outcome(&world, A, 0), None);
    world
}

fn finish(world: &mut World) {
    assert!(world.finish(LONG, Duration::from_secs(60)), "{:?}", world.violations);
    world.run(LONG, |_| false);
    world.check_rest();
    assert_eq!(world.violations, [""; 0]);
    assert_eq!(outcome(world, A, 0), Some(Outcome::Done));
}

/// The jump fires every timer at once; the connection lives on, and no clock but that host's moves.
/// More than 24 days would look like a step back to PAWS (RFC 7323 §5.5), on every TCP.
/// LIFE-11.
#[test]
fn a_clock_that_jumps_ahead_ends_no_connection() {
    for host in [A, B] {
        for span in [1, 60, 86_400, 20 * 86_400] {
            let mut world = under_way(10_000_000);
            world.jump_clock(host, Duration::from_secs(span));
            assert_eq!(world.now, Instant::from_millis(40));
            world.run(Duration::from_secs(5), |world| outcome(world, A, 0).is_some());
            assert_eq!(outcome(&world, A, 0), Some(Outcome::Done), "{host} {span}");
            finish(&mut world);
        }
    }
}

#[test]
fn a_suspended_host_sends_nothing_and_goes_on_where_it_was() {
    for host in [A, B] {
        let mut world = under_way(10_000_000);
        let (begin, span) = (world.now, Duration::from_secs(2));
        world.suspend(host, span);
        finish(&mut world);
        let sent = segments(&world, |at, s| ((s.src_port == 80) == (host == B)).then_some(at));
        assert!(sent.iter().all(|at| *at <= begin || *at >= begin + span), "it slept");
        assert!(sent.iter().any(|at| *at > begin + span), "and woke");
    }
}
