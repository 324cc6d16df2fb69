//! A thousand scenarios from seeds over each family: every stream whole, no window overrun, nothing
//! left over, and the same again from the same seed.

use sim::scenario::Scenario;

/// Plays seeds and returns a line for each that went wrong.
fn failures(seeds: std::ops::Range<u64>, v4: bool) -> Vec<String> {
    let play = |seed| {
        let report = Scenario { v4, ..Scenario::from_seed(seed) }.run();
        let why = report.violations.first()?.clone();
        Some(format!("sim --seed {seed} --ipv{}: {why}", if v4 { 4 } else { 6 }))
    };
    seeds.filter_map(play).collect()
}

#[test]
fn a_thousand_seeds_over_ipv4() {
    assert_eq!(failures(0..1_000, true), [""; 0]);
}

#[test]
fn a_thousand_seeds_over_ipv6() {
    assert_eq!(failures(0..1_000, false), [""; 0]);
}

#[test]
fn the_seeds_cover_the_faults() {
    let all: Vec<_> = (0..1_000).map(Scenario::from_seed).collect();
    let many = |what: fn(&Scenario) -> bool| all.iter().filter(|s| what(s)).count() > 50;
    assert!(many(|s| s.link.faults.loss > 50_000), "loss");
    assert!(many(|s| s.link.faults.reorder > 50_000), "reordering");
    assert!(many(|s| s.link.faults.duplicate > 25_000), "duplication");
    assert!(many(|s| s.link.faults.corrupt > 15_000), "corruption");
    assert!(many(|s| s.link.faults.truncate > 5_000), "truncation");
    assert!(many(|s| s.v4) && many(|s| !s.v4), "families");
    assert!(many(|s| !s.limits[0].tcp_sack && s.limits[1].tcp_sack), "SACK off on one side");
    assert!(many(|s| s.limits.iter().all(|l| l.tcp_sack && l.tcp_timestamps)), "both on");
    assert!(many(|s| s.limits.iter().any(|l| !l.tcp_timestamps)), "no timestamps");
    assert!(many(|s| s.limits.iter().any(|l| !l.tcp_window_scaling)), "no window scaling");
    let reno = |s: &Scenario| s.limits[0].tcp_congestion.name() == "reno";
    assert!(all.iter().filter(|s| reno(s)).count().abs_diff(500) < 100, "NewReno");
    assert!(many(|s| s.limits[0].tcp_pacing != s.limits[1].tcp_pacing), "pacing on one side");
    assert!(many(|s| s.chatter.is_some()), "datagrams");
    assert!(many(|s| s.caps[0].gso_max > 0 && s.caps[1].gso_max == 0), "offloads on one side");
    assert!(many(|s| s.flows.iter().any(|f| f.simultaneous)), "simultaneous opens");
    assert!(many(|s| s.flows.iter().any(|f| f.plan.ending.is_none())), "aborts");
    assert!(many(|s| s.flows.iter().any(|f| f.plan.pause.is_some())), "slow readers");
}

#[test]
fn the_same_seed_goes_the_same_way() {
    let hashes: Vec<u64> = (0..60).map(|seed| Scenario::from_seed(seed).run().hash).collect();
    let again: Vec<u64> = (0..60).map(|seed| Scenario::from_seed(seed).run().hash).collect();
    assert_eq!(hashes, again);
    let mut distinct = hashes;
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 60, "each seed its own way");
}

#[test]
fn looking_does_not_change_what_happens() {
    let scenario = Scenario::from_seed(5);
    let mut world = scenario.build(true);
    world.pcap = Some(sim::pcap::Pcap::default());
    let report = scenario.play(&mut world);
    assert_eq!(report.hash, scenario.run().hash);
    assert_eq!(world.trace.lines().len() as u64, report.events);
    assert!(world.pcap.is_some_and(|pcap| pcap.frames().count() > 20));
}
