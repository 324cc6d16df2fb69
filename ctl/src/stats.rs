//! `ctl stats`: the counters of the whole stack, and what was dropped for which reason.

use client::admin::{self, ShardStats, Stats};
use serde::Serialize;

use crate::argument::Arg;
use crate::column::lay_out;
use crate::request::{Failure, Request};

/// One line of the answer.
#[derive(Serialize)]
struct Counter {
    name: String,
    /// `counter` or `drop`.
    kind: &'static str,
    value: u64,
    /// What of it each shard has counted; empty with one shard.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shards: Vec<u64>,
}

/// The counts of one name on all shards.
fn of_shards(stats: &[ShardStats], kind: &str, name: &str) -> Vec<u64> {
    let counts = |shard: &ShardStats| {
        let counts = if kind == "drop" { &shard.drops } else { &shard.counters };
        counts.get(name).copied().unwrap_or_default()
    };
    stats.iter().map(counts).collect()
}

/// Refuses a part that no name has: the empty list would look like counters that are zero.
fn check_part<'a>(mut names: impl Iterator<Item = &'a String>, part: &str) -> Result<(), Failure> {
    if names.any(|name| name.contains(part)) {
        return Ok(());
    }
    Err(Failure::Usage(format!("no counter has {part:?} in its name (ctl stats all lists them)")))
}

pub(crate) fn show(request: &Request) -> Result<String, Failure> {
    let stats: Stats = request.fetch(&request.connect()?, &admin::Request::StatsShow)?;
    if let Some(part) = request.value(Arg::Match) {
        check_part(stats.counters.keys().chain(stats.drops.keys()), part)?;
    }
    let counters = stats.counters.into_iter().map(|entry| ("counter", entry));
    let drops = stats.drops.into_iter().map(|entry| ("drop", entry));
    let all = counters.chain(drops);
    let mut all: Vec<_> = all
        .map(|(kind, (name, value))| {
            let shards = of_shards(&stats.shards, kind, &name);
            Counter { name, kind, value, shards }
        })
        .collect();
    all.retain(|counter| {
        request.value(Arg::Match).is_none_or(|part| counter.name.contains(part))
            && (counter.value != 0 || request.has(Arg::All))
    });
    request.report(&all, |all| {
        let mut rows = Vec::new();
        for counter in all {
            let Counter { name, kind, value, shards } = counter;
            rows.push(vec![(*kind).to_owned(), name.clone(), value.to_string()]);
            let shards = if request.options().details { &shards[..] } else { &[] };
            for (number, count) in shards.iter().enumerate() {
                rows.push(vec![String::new(), format!("  shard {number}"), count.to_string()]);
            }
        }
        lay_out(&rows, &[2]).into_iter().map(|line| line + "\n").collect()
    })
}
