//! Datagrams between two hosts: whole and once on a clean link, fragments included; never damaged
//! on a bad one.

mod lab;

use lab::{A, B, LONG, endpoint, pair, pair_with};
use sim::World;
use sim::app::{DatagramPlan, Datagrams};
use sim::link::{Faults, LinkConfig};
use sim::scenario::small_limits;
use stack::DropReason;
use stack::time::Duration;

/// Both hosts send each other `count` datagrams of up to `size` bytes.
fn chatter(world: &mut World, v4: bool, size: u32, count: u32, enough: u32) {
    for host in [A, B] {
        let plan = DatagramPlan {
            local: endpoint(v4, host, 5_000),
            peer: endpoint(v4, 1 - host, 5_000),
            count,
            size,
            key: host as u64,
            expect: (1 - host as u64, count, size),
            pause: Duration::from_millis(5),
            enough,
            stall_timeout: Duration::from_secs(40),
        };
        world.start(host, Datagrams::app(plan));
    }
    assert!(world.finish(LONG, LONG), "{:?}", world.violations);
    world.run(LONG, |_| false);
    world.check_rest();
    assert_eq!(world.violations, [""; 0]);
}

#[test]
fn every_datagram_arrives_on_a_clean_link() {
    for v4 in [true, false] {
        let mut world = pair();
        chatter(&mut world, v4, 1_400, 300, 300);
        assert_eq!(world.nodes[A].host.stats().udp_in, 300);
    }
}

#[test]
fn large_datagrams_travel_in_fragments() {
    for v4 in [true, false] {
        let mut world = pair();
        chatter(&mut world, v4, 60_000, 100, 100);
        let stats = world.nodes[B].host.stats();
        assert_eq!(stats.udp_in, 100);
        assert!(stats.ip_fragments_in > 1_000 && stats.ip_reassembled > 90);
    }
}

#[test]
fn fragments_on_a_bad_link_make_whole_datagrams_or_none() {
    let faults = Faults {
        loss: 50_000,
        reorder: 300_000,
        reorder_span: Duration::from_millis(20),
        duplicate: 100_000,
        corrupt: 20_000,
        ..Faults::default()
    };
    let link = LinkConfig { faults, ..LinkConfig::default() };
    for v4 in [true, false] {
        let mut world = pair_with(link, [small_limits(), small_limits()]);
        chatter(&mut world, v4, 8_000, 300, 100);
        let stats = world.nodes[B].host.stats();
        assert!(stats.dropped(DropReason::IpReassemblyTimeout) > 0, "some never became whole");
    }
}
