//! Plays scenarios from seeds.
//!
//! `sim --seed 17` plays one, says what went wrong if anything, and prints the trace hash on its
//! last line. `--pcap` writes the frames (with `--host` those that this host received and sent),
//! `--trace` prints every event, `--ipv4`, `--ipv6` and
//! `--calm` change the scenario. `sim --seeds 0..1000` plays many and prints a line for each that
//! fails. The exit status is 1 if any failed.
//!
//! `sim sweep` measures one flow over all kinds of paths and prints the table; `--full` plays every
//! combination, `--only 'IPv4 100M'` the lines that have this in them.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::TypedValueParser;
use clap::{Parser, Subcommand};
use sim::link::Faults;
use sim::pcap::Pcap;
use sim::scenario::Scenario;
use sim::sweep::{self, Cell, table};

/// Plays scenarios from seeds in virtual time.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Play this one.
    #[arg(long, conflicts_with = "seeds", required_unless_present = "seeds")]
    seed: Option<u64>,
    /// Play all of A..B.
    #[arg(long, value_name = "A..B", value_parser = parse_range)]
    seeds: Option<Range<u64>>,
    /// Write the frames sent to this file.
    #[arg(long, value_name = "FILE", requires = "seed")]
    pcap: Option<PathBuf>,
    /// Write to it what this host (a or b) received and sent, by its own clock.
    #[arg(long, value_name = "NAME", requires = "pcap")]
    host: Option<String>,
    /// Print every event.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Over IPv4, whatever the seed says.
    #[arg(long, conflicts_with = "ipv6")]
    ipv4: bool,
    /// Over IPv6, whatever the seed says.
    #[arg(long)]
    ipv6: bool,
    /// Shards of each host.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = shards())]
    shards: u8,
    /// Without faults, whatever the seed says.
    #[arg(long)]
    calm: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Measure one flow over all kinds of paths.
    Sweep {
        /// Every combination instead of those that the test plays.
        #[arg(long)]
        full: bool,
        /// Only paths whose line contains this.
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
        /// Write the frames of the first such path to this file.
        #[arg(long, value_name = "FILE", requires = "only")]
        pcap: Option<PathBuf>,
        /// Print every event of the first such path.
        #[arg(long, requires = "only")]
        trace: bool,
    },
}

fn parse_range(text: &str) -> Result<Range<u64>, String> {
    let (first, last) = text.split_once("..").ok_or("expected A..B")?;
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number"));
    Ok(number(first)?..number(last)?)
}

impl Arguments {
    fn scenario(&self, seed: u64) -> Scenario {
        let mut scenario = Scenario::from_seed(seed);
        if self.ipv4 || self.ipv6 {
            scenario.v4 = self.ipv4;
        }
        scenario.shards = [usize::from(self.shards); 2];
        if self.calm {
            scenario.link.faults = Faults::default();
        }
        scenario
    }
}

fn shards() -> impl TypedValueParser<Value = u8> {
    clap::value_parser!(u8).range(1..=64)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(Command::Sweep { full, only, pcap, trace }) = &arguments.command {
        let cells = cells(*full, only.as_deref());
        let good = match cells.first() {
            Some(cell) if *trace || pcap.is_some() => show(cell, pcap.as_deref(), *trace),
            _ => sweep(&cells),
        };
        return if good { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let good = match (arguments.seed, &arguments.seeds) {
        (Some(seed), _) => play(&arguments, seed),
        (None, Some(seeds)) => play_many(&arguments, seeds.clone()),
        (None, None) => false,
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn play(arguments: &Arguments, seed: u64) -> bool {
    let scenario = arguments.scenario(seed);
    print!("{scenario}");
    let mut world = scenario.build(arguments.trace);
    world.pcap = arguments.pcap.is_some().then(Pcap::default);
    if let Some(name) = &arguments.host {
        let Some(node) = world.nodes.iter_mut().find(|node| node.name == *name) else {
            eprintln!("no host is called {name}: there are a and b");
            return false;
        };
        node.begin_capture();
    }
    let report = scenario.play(&mut world);
    world.trace.lines().iter().for_each(|line| println!("{line}"));
    for (node, app) in world.apps() {
        println!("  {node}: {}", app.describe());
    }
    for why in &report.violations {
        println!("violation: {why}");
    }
    let mut good = report.violations.is_empty();
    if let Some(capture) = world.nodes.iter().find_map(|node| node.capture.as_ref()) {
        world.pcap = Some(capture.pcap());
    }
    if let (Some(path), Some(pcap)) = (&arguments.pcap, &world.pcap)
        && let Err(why) = std::fs::write(path, pcap.bytes())
    {
        eprintln!("cannot write {}: {why}", path.display());
        good = false;
    }
    println!("{} events in {} s", report.events, report.end);
    println!("{:016x}", report.hash);
    good
}

fn play_many(arguments: &Arguments, seeds: Range<u64>) -> bool {
    let (mut bad, mut events, mut hash) = (0, 0, 0u64);
    for seed in seeds.clone() {
        let report = arguments.scenario(seed).run();
        events += report.events;
        hash = hash.rotate_left(5) ^ report.hash;
        if let Some(why) = report.violations.first() {
            println!("seed {seed}: {why}");
            bad += 1;
        }
    }
    println!("{} scenarios, {events} events, {bad} failed", seeds.end.saturating_sub(seeds.start));
    println!("{hash:016x}");
    bad == 0
}

fn cells(full: bool, only: Option<&str>) -> Vec<Cell> {
    let mut cells = if full { sweep::grid() } else { sweep::chosen() };
    if full {
        cells.extend(sweep::twists());
    }
    cells.retain(|cell| only.is_none_or(|text| cell.to_string().contains(text)));
    cells
}

fn sweep(cells: &[Cell]) -> bool {
    let results = table::play(cells);
    print!("{}", table::render(cells, &results));
    let failures = table::failures(cells, &results);
    failures.iter().for_each(|why| println!("violation: {why}"));
    failures.is_empty()
}

fn show(cell: &Cell, pcap: Option<&Path>, trace: bool) -> bool {
    let mut world = sweep::run::build(cell, trace);
    world.pcap = pcap.map(|_| Pcap::default());
    let measured = sweep::run::play(cell, &mut world);
    world.trace.lines().iter().for_each(|line| println!("{line}"));
    if let (Some(path), Some(captured)) = (pcap, &world.pcap)
        && let Err(why) = std::fs::write(path, captured.bytes())
    {
        eprintln!("cannot write {}: {why}", path.display());
        return false;
    }
    println!("{}", table::line(cell, &measured));
    measured.violations.iter().for_each(|why| println!("violation: {why}"));
    measured.violations.is_empty()
}
