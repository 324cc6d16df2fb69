//! What ports, clocks and initial numbers tell of other flows: nothing.

use super::*;

fn secrets(seed: u64) -> Secrets {
    Secrets::new(&Keys::from_seed(seed))
}

fn flow(local: &str, remote: &str) -> FlowKey {
    FlowKey::new(local.parse().unwrap(), remote.parse().unwrap())
}

/// Ports of so many connections to `remote`, in order; none is given back.
fn ports(
    secrets: &mut Secrets,
    remote: &str,
    n: usize,
    used: &mut Vec<(Endpoint, u16)>,
) -> Vec<u16> {
    let (limits, mut random) = (Limits::default(), Random::of_test(3));
    let remote: Endpoint = remote.parse().unwrap();
    let local = Ip::v4([10, 0, 0, 1]);
    (0..n)
        .map(|_| {
            let free = |port| !used.contains(&(remote, port));
            let skipped = Secrets::draw_skipped(&mut random);
            let port = secrets.port(&limits, skipped, (local, &remote), free).unwrap();
            used.push((remote, port));
            port
        })
        .collect()
}

/// RFC 6056 §3.3.4: ports to one destination go up by small steps; what is opened to others does
/// not move them.
#[test]
fn ports_of_a_destination_go_up_whatever_others_do() {
    let mut used = Vec::new();
    let mut alone = secrets(1);
    let first = ports(&mut alone, "10.0.0.2:80", 200, &mut used);
    let steps: Vec<u16> = first.windows(2).map(|w| w[1].wrapping_sub(w[0])).collect();
    assert!(steps.iter().all(|step| (1..=2).contains(step) || *step > 32_768), "{steps:?}");
    assert!(steps.contains(&2), "now and then one is left out");
    let (mut busy, mut used) = (secrets(1), Vec::new());
    let before = ports(&mut busy, "10.0.0.2:80", 1, &mut used);
    ports(&mut busy, "10.0.0.3:80", 500, &mut used);
    let after = ports(&mut busy, "10.0.0.2:80", 1, &mut used);
    assert!(after[0].wrapping_sub(before[0]) <= 2, "{before:?} {after:?}");
}

#[test]
fn destinations_and_hosts_begin_at_places_of_their_own() {
    let first = |seed, remote: &str| ports(&mut secrets(seed), remote, 1, &mut Vec::new())[0];
    let places: Vec<u16> = (0..50)
        .map(|n| first(1, &format!("10.0.0.2:{}", 80 + n)))
        .chain((0..50).map(|seed| first(seed + 2, "10.0.0.2:80")))
        .collect();
    let mut distinct = places.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert!(distinct.len() >= 95, "{places:?}");
}

/// RFC 7323 §5.4: one clock for a flow, and none in common for two.
#[test]
fn every_flow_has_its_own_clock() {
    let secrets = secrets(1);
    let key = flow("10.0.0.1:1000", "10.0.0.2:80");
    assert_eq!(secrets.clock_offset(&key), secrets.clock_offset(&key));
    for other in [
        flow("10.0.0.1:1001", "10.0.0.2:80"),
        flow("10.0.0.1:1000", "10.0.0.2:81"),
        flow("10.0.0.1:1000", "10.0.0.3:80"),
        flow("10.0.0.4:1000", "10.0.0.2:80"),
    ] {
        assert_ne!(secrets.clock_offset(&key), secrets.clock_offset(&other));
        assert_ne!(secrets.isn(&key, Instant::ZERO), secrets.isn(&other, Instant::ZERO));
    }
}
