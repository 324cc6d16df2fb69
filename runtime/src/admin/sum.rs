//! The parts of an answer that the shards give, added up.
//!
//! Every shard counts what happened on it, and knows the traffic of interfaces that passed it. The
//! names, addresses and verdicts of an interface are known to the first shard, which has the
//! control plane.

use std::collections::BTreeMap;

use client::admin::{Frames, Link, LinkStats, Response, ShardStats, Stats};

/// The answers of all shards to one request. What shards do not share the first one knows whole.
pub(super) fn responses(parts: Vec<Response>) -> Response {
    let mut parts = parts.into_iter();
    let Some(mut sum) = parts.next() else { return Response::Done };
    match &mut sum {
        Response::Links(links) => links.iter_mut().for_each(|link| link.shards = vec![link.stats]),
        Response::Stats(stats) => {
            let (counters, drops) = (stats.counters.clone(), stats.drops.clone());
            stats.shards = vec![ShardStats { counters, drops }];
        }
        _ => {}
    }
    for part in parts {
        match (&mut sum, part) {
            (Response::Links(links), Response::Links(part)) => add_links(links, part),
            (Response::Stats(stats), Response::Stats(part)) => add_stats(stats, part),
            _ => {}
        }
    }
    sum
}

/// Adds what happened on another shard.
fn add_stats(sum: &mut Stats, part: Stats) {
    let Stats { counters, drops, .. } = part;
    add_counts(&mut sum.counters, &counters);
    add_counts(&mut sum.drops, &drops);
    sum.shards.push(ShardStats { counters, drops });
}

/// Adds the traffic of another shard to the interfaces that the first shard knows.
fn add_links(links: &mut [Link], parts: Vec<Link>) {
    for part in parts {
        if let Some(link) = links.iter_mut().find(|link| link.ifindex == part.ifindex) {
            link.shards.push(part.stats);
            add_traffic(&mut link.stats, &part.stats);
            add_counts(&mut link.losses, &part.losses);
            if let Some(more) = part.frames {
                add_frames(link.frames.get_or_insert_default(), &more);
            }
        }
    }
}

fn add_counts(sum: &mut BTreeMap<String, u64>, part: &BTreeMap<String, u64>) {
    for (name, count) in part {
        *sum.entry(name.clone()).or_default() += count;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn counts<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
        counts.into_iter().map(|(name, count)| (name.into(), count)).collect()
    }

    /// RUN-09, STAT-91.
    #[test]
    fn counters_of_shards_add_up() {
        let parts = [
            ShardStats { counters: counts([("a", 1), ("b", 2)]), drops: counts([("x", 5)]) },
            ShardStats { counters: counts([("b", 3), ("c", 4)]), drops: counts([("x", 6)]) },
        ];
        let sum = Stats {
            counters: counts([("a", 1), ("b", 5), ("c", 4)]),
            drops: counts([("x", 11)]),
            shards: parts.to_vec(),
        };
        let answers = parts.map(|ShardStats { counters, drops }| {
            Response::Stats(Stats { counters, drops, shards: Vec::new() })
        });
        assert_eq!(responses(answers.to_vec()), Response::Stats(sum));
    }

    #[test]
    fn a_link_is_the_first_shards_with_the_traffic_of_all() {
        let traffic = |rx_packets| LinkStats { rx_packets, ..LinkStats::default() };
        let link = |rx_packets, frames| Link {
            ifindex: 2,
            name: "tap7".into(),
            stats: traffic(rx_packets),
            frames,
            ..Link::default()
        };
        let frames = |total| Some(Frames { total, free: total, ..Frames::default() });
        let parts = [vec![link(3, frames(64))], vec![link(4, frames(64))], vec![link(5, None)]];
        let sum = responses(parts.map(Response::Links).to_vec());
        let shards = [3, 4, 5].map(traffic).to_vec();
        assert_eq!(sum, Response::Links(vec![Link { shards, ..link(12, frames(128)) }]));
    }
}
