//! `ctl link`: the ports of the stack, as ip-link(8) shows interfaces.

use std::collections::BTreeMap;
use std::fmt::Write;

use client::admin::{Frames, Link, LinkStats};

use crate::column::lay_out;
use crate::request::{Failure, Request};

pub(crate) fn show(request: &Request) -> Result<String, Failure> {
    let links = request.links(&request.connect()?)?;
    request.report(&links, |links| {
        let mut text = String::new();
        for link in links {
            text.push_str(&head(link));
            if request.options().statistics {
                text.push_str(&statistics(link));
            }
            if request.options().details {
                text.push_str(&shards(&link.shards));
            }
        }
        text
    })
}

/// The two lines that `link` and `address` begin with.
pub(crate) fn head(link: &Link) -> String {
    let flags = link.flags.join(",");
    let Link { ifindex, name, mtu, state, kind, .. } = link;
    let mut text = format!("{ifindex}: {name}: <{flags}> mtu {mtu} state {state}\n");
    let layer = match kind.as_str() {
        "loopback" => "loopback",
        _ if link.mac.is_none() => "none",
        _ => "ether",
    };
    let _ = write!(text, "    link/{layer}");
    if let Some(mac) = &link.mac {
        let _ = write!(text, " {mac}");
    }
    if !link.mode.is_empty() {
        let _ = write!(text, " mode {}", link.mode);
    }
    text.push('\n');
    text
}

fn statistics(link: &Link) -> String {
    let mut text = counters(&link.stats);
    if let Some(frames) = &link.frames {
        text.push_str(&pool(frames));
    }
    if !link.offload.is_empty() {
        let _ = writeln!(text, "    offload: {}", link.offload.join(" "));
    }
    if !link.losses.is_empty() {
        let _ = writeln!(text, "    losses: {}", counts(&link.losses));
    }
    if let Some(verdicts) = &link.xdp {
        let _ = writeln!(text, "    xdp: {}", counts(verdicts));
    }
    text
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    let counts: Vec<_> = counts.iter().map(|(name, n)| format!("{name} {n}")).collect();
    counts.join("  ")
}

/// The traffic of each shard, a line each.
fn shards(shards: &[LinkStats]) -> String {
    if shards.is_empty() {
        return String::new();
    }
    let titles = ["shard", "RX bytes", "packets", "errors", "dropped"];
    let titles = titles.into_iter().chain(["TX bytes", "packets", "errors", "dropped"]);
    let mut rows = vec![titles.map(str::to_owned).collect::<Vec<_>>()];
    for (number, stats) in shards.iter().enumerate() {
        let rx = [stats.rx_bytes, stats.rx_packets, stats.rx_errors, stats.rx_dropped];
        let tx = [stats.tx_bytes, stats.tx_packets, stats.tx_errors, stats.tx_dropped];
        let counts = [number as u64].into_iter().chain(rx).chain(tx);
        rows.push(counts.map(|count| count.to_string()).collect());
    }
    let right: Vec<_> = (0..rows[0].len()).collect();
    lay_out(&rows, &right).iter().map(|line| format!("    {line}\n")).collect()
}

fn counters(stats: &LinkStats) -> String {
    let words = |words: [&str; 5]| words.map(str::to_owned).to_vec();
    let numbers = |numbers: [u64; 4]| {
        let cells = numbers.iter().map(u64::to_string);
        std::iter::once(String::new()).chain(cells).collect()
    };
    let rows = [
        words(["RX:", "bytes", "packets", "errors", "dropped"]),
        numbers([stats.rx_bytes, stats.rx_packets, stats.rx_errors, stats.rx_dropped]),
        words(["TX:", "bytes", "packets", "errors", "dropped"]),
        numbers([stats.tx_bytes, stats.tx_packets, stats.tx_errors, stats.tx_dropped]),
    ];
    lay_out(&rows, &[1, 2, 3, 4]).iter().map(|line| format!("    {line}\n")).collect()
}

fn pool(frames: &Frames) -> String {
    let Frames { total, fill, rx, stack, tx, completion, free } = frames;
    format!(
        "    frames: total {total}  fill {fill}  rx {rx}  stack {stack}  tx {tx}  \
         completion {completion}  free {free}\n"
    )
}
