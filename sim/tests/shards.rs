//! Hosts of several shards: the random scenarios hold whatever the number of shards is, frames come
//! in by any worker, and a seed goes one way.

use sim::scenario::Scenario;

/// Plays seeds and returns a line for each that went wrong.
fn failures(seeds: std::ops::Range<u64>, shards: [usize; 2]) -> Vec<String> {
    let play = |seed| {
        let report = Scenario { shards, ..Scenario::from_seed(seed) }.run();
        let why = report.violations.first()?.clone();
        Some(format!("sim --seed {seed} with {shards:?} shards: {why}"))
    };
    seeds.filter_map(play).collect()
}

#[test]
fn two_shards_on_each_side() {
    assert_eq!(failures(0..400, [2, 2]), [""; 0]);
}

#[test]
fn four_shards_on_each_side() {
    assert_eq!(failures(400..800, [4, 4]), [""; 0]);
}

#[test]
fn one_side_has_more_shards_than_the_other() {
    assert_eq!(failures(800..1_000, [1, 4]), [""; 0]);
    assert_eq!(failures(1_000..1_200, [3, 2]), [""; 0]);
}

#[test]
fn the_same_seed_goes_the_same_way_for_each_number_of_shards() {
    let hash = |shards: usize| {
        let scenario = Scenario { shards: [shards; 2], ..Scenario::from_seed(11) };
        assert_eq!(scenario.run().hash, scenario.run().hash);
        scenario.run().hash
    };
    assert_ne!(hash(1), hash(2));
    assert_ne!(hash(2), hash(4));
}

#[test]
fn workers_hand_frames_over_and_lose_none() {
    for seed in 0..50 {
        let scenario = Scenario { shards: [4, 4], ..Scenario::from_seed(seed) };
        let mut world = scenario.build(false);
        assert_eq!(scenario.play(&mut world).violations, [""; 0]);
        for node in &world.nodes {
            let stats = node.host.stats();
            assert!(stats.frames_handed_over > 0, "seed {seed}");
            assert_eq!(stats.dropped(stack::DropReason::ShardBusy), 0);
        }
    }
}
