//! Tests of `hash_key`.

use std::collections::BTreeSet;

use super::*;

fn flow(local: &str, remote: &str) -> FlowKey {
    FlowKey::new(local.parse().unwrap(), remote.parse().unwrap())
}

#[test]
fn every_part_of_a_flow_counts() {
    let key = HashKey::new(3, 4);
    let flows = [
        flow("10.0.0.1:1", "10.0.0.2:2"),
        flow("10.0.0.2:2", "10.0.0.1:1"),
        flow("10.0.0.1:2", "10.0.0.2:1"),
        flow("10.0.0.1:1", "10.0.0.2:3"),
        flow("10.0.0.1:1", "10.0.0.3:2"),
        flow("[::10.0.0.1]:1", "[::10.0.0.2]:2"),
        flow("10.0.0.1:1", "[::10.0.0.2]:2"),
        flow("[2001:db8::1]:1", "[2001:db8::2]:2"),
        flow("[2001:db8::1]:2", "[2001:db8::2]:1"),
    ];
    let hashes: BTreeSet<_> = flows.iter().map(|flow| key.hash_flow(flow)).collect();
    assert_eq!(hashes.len(), flows.len());
    let other = HashKey::new(4, 3);
    assert!(flows.iter().all(|flow| key.hash_flow(flow) != other.hash_flow(flow)));
}

/// One changed bit of a port moves about half of the hash: buckets fill evenly.
#[test]
fn neighbouring_flows_scatter() {
    let key = HashKey::new(5, 6);
    let mut buckets = [0u32; 64];
    for port in 0..6400 {
        let local = Endpoint::new("10.0.0.1".parse().unwrap(), port);
        let hash = key.hash_flow(&FlowKey::new(local, local));
        buckets[hash as usize % 64] += 1;
    }
    assert!(buckets.iter().all(|count| (50..150).contains(count)), "{buckets:?}");
}

#[test]
fn the_key_stays_out_of_logs() {
    assert_eq!(format!("{:?}", HashKey::new(0xdead, 0xbeef)), "HashKey(..)");
}
