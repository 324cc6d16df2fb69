//! The parts of an answer that the shards give, added up.
//!
//! Every shard lists the sockets that live on it, counts what happened on it, and knows the traffic
//! of interfaces that passed it. The names, addresses and verdicts of an interface are known to the
//! first shard, which has the control plane.

use std::collections::BTreeMap;

use client::admin::{Frames, Link, LinkStats, Response, Stats};

/// The answers of all shards to one request. What shards do not share the first one knows whole.
pub(super) fn responses(parts: Vec<Response>) -> Response {
    let mut parts = parts.into_iter();
    let Some(mut sum) = parts.next() else { return Response::Done };
    for part in parts {
        match (&mut sum, part) {
            (Response::Links(links), Response::Links(part)) => add_links(links, part),
            (Response::Sockets(sockets), Response::Sockets(part)) => sockets.extend(part),
            (Response::Stats(stats), Response::Stats(part)) => add_stats(stats, part),
            _ => {}
        }
    }
    sum
}

/// Adds what happened on another shard.
fn add_stats(sum: &mut Stats, part: Stats) {
    add_counts(&mut sum.counters, part.counters);
    add_counts(&mut sum.drops, part.drops);
}

/// Adds the traffic of another shard to the interfaces that the first shard knows.
fn add_links(links: &mut [Link], parts: Vec<Link>) {
    for part in parts {
        if let Some(link) = links.iter_mut().find(|link| link.ifindex == part.ifindex) {
            add_traffic(&mut link.stats, &part.stats);
            if let Some(more) = part.frames {
                add_frames(link.frames.get_or_insert_default(), &more);
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use client::admin::Socket;

    use super::*;

    fn counts<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
        counts.into_iter().map(|(name, count)| (name.into(), count)).collect()
    }

    #[test]
    fn counters_of_shards_add_up_and_lists_follow_each_other() {
        let one = Stats { counters: counts([("a", 1), ("b", 2)]), drops: counts([("x", 5)]) };
        let two = Stats { counters: counts([("b", 3), ("c", 4)]), drops: counts([("x", 6)]) };
        let sum =
            Stats { counters: counts([("a", 1), ("b", 5), ("c", 4)]), drops: counts([("x", 11)]) };
        let parts = vec![Response::Stats(one), Response::Stats(two)];
        assert_eq!(responses(parts), Response::Stats(sum));
        let socket = |local: &str| Socket { local: local.into(), ..Socket::default() };
        let lists = [vec![socket("1"), socket("2")], vec![], vec![socket("3")]];
        let all = vec![socket("1"), socket("2"), socket("3")];
        let parts = lists.map(Response::Sockets).to_vec();
        assert_eq!(responses(parts), Response::Sockets(all));
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
        let sum = responses(parts.map(Response::Links).to_vec());
        assert_eq!(sum, Response::Links(vec![link(12, frames(128))]));
    }
}
