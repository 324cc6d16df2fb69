//! The hook of the stack against what the world knows: every frame of both directions is seen once,
//! with the verdict that the host counted.

use std::collections::BTreeMap;

use sim::link::Faults;
use sim::scenario::Scenario;
use sim::world::World;
use stack::DropReason;
use stack::Verdict;
use stack::hook::Direction;

/// Plays a scenario with captures on both hosts.
fn play(scenario: &Scenario) -> World {
    let mut world = scenario.build(false);
    world.nodes.iter_mut().for_each(sim::node::Node::begin_capture);
    let report = scenario.play(&mut world);
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    assert_eq!(report.hash, scenario.run().hash, "looking changes nothing");
    world
}

#[test]
fn verdicts_and_drop_reasons_are_those_that_the_host_counts() {
    let mut reasons = BTreeMap::new();
    for seed in 0..24 {
        let scenario = Scenario::from_seed(seed);
        let before: Vec<_> = scenario.build(false).nodes.iter().map(|n| n.host.stats()).collect();
        let world = play(&scenario);
        for (node, before) in world.nodes.iter().zip(before) {
            let (after, mut delivered) = (node.host.stats(), 0);
            let mut drops = BTreeMap::<&str, u64>::new();
            for frame in &node.capture.as_ref().unwrap().frames {
                match (frame.direction, frame.verdict) {
                    (Direction::Received, Verdict::Consumed) => delivered += 1,
                    (Direction::Received, Verdict::Dropped(reason)) => {
                        *drops.entry(reason.name()).or_default() += 1;
                        *reasons.entry(reason.name()).or_insert(0u64) += 1;
                    }
                    (Direction::Transmitted, Verdict::Consumed) => {}
                    other => panic!("seed {seed}: {other:?}"),
                }
            }
            assert_eq!(delivered, after.frames_delivered - before.frames_delivered, "seed {seed}");
            for &reason in DropReason::ALL {
                let counted = after.receive_dropped(reason) - before.receive_dropped(reason);
                let seen = drops.get(reason.name()).copied().unwrap_or(0);
                assert_eq!(seen, counted, "seed {seed}: {}", reason.name());
            }
        }
    }
    assert!(reasons.len() >= 3, "the faults of the links show: {reasons:?}");
}

#[test]
fn on_a_link_without_faults_one_receives_what_the_other_transmits() {
    let mut scenario = Scenario::from_seed(3);
    scenario.link.faults = Faults::default();
    let world = play(&scenario);
    let [a, b] = [&world.nodes[0], &world.nodes[1]];
    let frames = |node: &sim::node::Node, direction| {
        let frames = &node.capture.as_ref().unwrap().frames;
        frames.iter().filter(|f| f.direction == direction).map(|f| f.len).collect::<Vec<_>>()
    };
    let sent = frames(a, Direction::Transmitted);
    let received = frames(b, Direction::Received);
    assert!(sent.len() > 10);
    assert_eq!(&received[received.len() - sent.len()..], sent, "in order, and none is missing");
    let pcap = a.capture.as_ref().unwrap().pcap();
    assert_eq!(pcap.frames().count(), a.capture.as_ref().unwrap().frames.len());
}
