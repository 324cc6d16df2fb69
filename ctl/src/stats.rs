//! `ctl stats`: the counters of the whole stack, and what was dropped for which reason.

use client::admin::{self, Stats};
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
}

pub(crate) fn show(request: &Request) -> Result<String, Failure> {
    let stats: Stats = request.fetch(&request.connect()?, &admin::Request::StatsShow)?;
    let counters = stats.counters.into_iter().map(|entry| ("counter", entry));
    let drops = stats.drops.into_iter().map(|entry| ("drop", entry));
    let all = counters.chain(drops);
    let mut all: Vec<_> = all.map(|(kind, (name, value))| Counter { name, kind, value }).collect();
    all.retain(|counter| {
        request.value(Arg::Match).is_none_or(|part| counter.name.contains(part))
            && (counter.value != 0 || request.has(Arg::All))
    });
    request.report(&all, |all| {
        let rows: Vec<_> = all
            .iter()
            .map(|c| vec![c.kind.to_owned(), c.name.clone(), c.value.to_string()])
            .collect();
        lay_out(&rows, &[2]).into_iter().map(|line| line + "\n").collect()
    })
}
