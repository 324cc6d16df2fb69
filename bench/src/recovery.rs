//! `bench recovery`: what a sender makes of a path that delays, loses, reorders and duplicates.
//!
//! Three contenders send to a kernel socket through a middlebox each: the kernel with CUBIC, ours
//! over a TAP device, ours over AF_XDP. For a cell (address family, what the peer's kernel has
//! switched off, what the path does) all three run at the same moment, with the same seed, so that
//! the n-th frame of each meets the same fate; the goal is in the ratio of what arrives. The rates
//! are far below what the machine can do: it is recovery and congestion control that are measured,
//! not cost.
mod cell;
mod lab;
mod race;
mod report;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::cli::RecoveryArgs;
use crate::os::{failed, watch_interrupts};
use crate::plan::find_daemon;

use self::cell::Cell;
use self::race::Race;
use self::report::Report;

/// Measures what `args` ask for.
pub fn measure(args: &RecoveryArgs) -> io::Result<ExitCode> {
    if !rustix::process::geteuid().is_root() {
        return Err(io::Error::other("needs root: it makes network namespaces and devices"));
    }
    watch_interrupts();
    let race = Race {
        cells: Cell::chosen(args.quick, &args.only)?,
        repetitions: args.reps.unwrap_or(if args.quick { 2 } else { 5 }).max(1),
        secs: args.secs.unwrap_or(if args.quick { 4.0 } else { 6.0 }).clamp(0.5, 300.0),
        lanes: args.lanes.clamp(1, 16),
        seed: args.seed,
        daemon: find_daemon(args.daemon.as_ref())?,
    };
    let found = race.run()?;
    let report = Report::new(&race, &found);
    let mut out = io::stdout().lock();
    out.write_all(report.text().as_bytes())?;
    match &args.json {
        Some(path) => std::fs::write(path, format!("{:#}\n", report.json()))
            .map_err(|e| failed(&path.display().to_string(), e))?,
        None => writeln!(out, "\n{}", report.json())?,
    }
    let failed = !found.results.failures.is_empty() || (args.check && report.missed());
    Ok(ExitCode::from(u8::from(failed)))
}
