//! The parts of an answer that the shards give, added up.
//!
//! Every shard lists the sockets that live on it, counts what happened on it, and knows the traffic
//! of interfaces that passed it. The names, addresses and verdicts of an interface are known to the
//! first shard, which has the control plane.

use std::collections::BTreeMap;

use client::admin::{Frames, Link, LinkStats, Stats};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The socket lists of all shards.
pub(super) fn sockets(parts: Vec<Value>) -> Value {
    parts.into_iter().flat_map(records::<Vec<Value>>).collect()
}

/// The counters of all shards.
pub(super) fn stats(parts: Vec<Value>) -> Value {
    let mut sum = Stats::default();
    for part in parts.into_iter().map(records::<Stats>) {
        add_counts(&mut sum.counters, part.counters);
        add_counts(&mut sum.drops, part.drops);
    }
    json(&sum)
}

/// The interfaces as the first shard knows them, with the traffic of all shards.
pub(super) fn links(parts: Vec<Value>) -> Value {
    let mut parts = parts.into_iter().map(records::<Vec<Link>>);
    let mut links = parts.next().unwrap_or_default();
    for part in parts.flatten() {
        if let Some(link) = links.iter_mut().find(|link| link.ifindex == part.ifindex) {
            add_traffic(&mut link.stats, &part.stats);
            if let Some(more) = part.frames {
                add_frames(link.frames.get_or_insert_default(), &more);
            }
        }
    }
    json(&links)
}

fn add_counts(sum: &mut BTreeMap<String, u64>, part: BTreeMap<String, u64>) {
    for (name, count) in part {
        *sum.entry(name).or_default() += count;
    }
}

fn add_traffic(sum: &mut LinkStats, part: &LinkStats) {
    sum.rx_packets += part.rx_packets;
    sum.rx_bytes += part.rx_bytes;
    sum.rx_errors += part.rx_errors;
    sum.rx_dropped += part.rx_dropped;
    sum.tx_packets += part.tx_packets;
    sum.tx_bytes += part.tx_bytes;
    sum.tx_errors += part.tx_errors;
    sum.tx_dropped += part.tx_dropped;
}

fn add_frames(sum: &mut Frames, part: &Frames) {
    sum.total += part.total;
    sum.fill += part.fill;
    sum.rx += part.rx;
    sum.stack += part.stack;
    sum.tx += part.tx;
    sum.completion += part.completion;
    sum.free += part.free;
}

/// The records of one answer. Those of our own shards can always be read.
fn records<T: DeserializeOwned + Default>(answer: Value) -> T {
    serde_json::from_value(answer).unwrap_or_default()
}

fn json<T: Serialize>(value: &T) -> Value {
    // The records have string keys and finite numbers, so this does not fail.
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counters_of_shards_add_up_and_lists_follow_each_other() {
        let one = json!({"counters": {"a": 1, "b": 2}, "drops": {"x": 5}});
        let two = json!({"counters": {"b": 3, "c": 4}, "drops": {"x": 6}});
        let sum = stats(vec![one, two]);
        assert_eq!(sum, json!({"counters": {"a": 1, "b": 5, "c": 4}, "drops": {"x": 11}}));
        assert_eq!(sockets(vec![json!([1, 2]), json!([]), json!([3])]), json!([1, 2, 3]));
    }

    #[test]
    fn a_link_is_the_first_shards_with_the_traffic_of_all() {
        let link = |rx_packets, frames| Link {
            ifindex: 2,
            name: "tap7".into(),
            stats: LinkStats { rx_packets, ..LinkStats::default() },
            frames,
            ..Link::default()
        };
        let frames = |total| Some(Frames { total, free: total, ..Frames::default() });
        let parts = [vec![link(3, frames(64))], vec![link(4, frames(64))], vec![link(5, None)]];
        let sum: Vec<Link> = records(links(parts.iter().map(json).collect()));
        assert_eq!(sum, [link(12, frames(128))]);
    }
}
