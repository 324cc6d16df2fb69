//! `bench`: one command that measures this stack beside its ceiling, its peers and the devices.
//!
//! Without a role it is the runner: it makes namespaces, starts subjects and clients (this same
//! executable in a role, and our daemon) and prints a table and a JSON object. Rows are subjects,
//! columns are figures; every row is measured within the same repetition, since only ratios of one
//! run mean something on a machine whose speed drifts. The exit status is 1 when a measurement
//! failed, or with `--check` a goal was missed; 2 when nothing could be measured.
mod bare;
mod child;
mod cli;
mod client;
mod figure;
mod frame;
mod goal;
mod kernel;
mod limit;
mod machine;
mod mmsg;
mod netns;
mod os;
mod plan;
mod program;
mod quiet;
mod recovery;
mod report;
mod result;
mod runner;
mod service;
mod smol;
mod subject;
mod table;
mod tap;
mod xsk;

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use clap::Parser;
use serde_json::Value;

use self::cli::{Cli, ExecArgs, Options, Role};
use self::plan::Plan;
use self::report::Report;
use self::runner::Runner;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ran = match &cli.role {
        None => measure(&cli.options),
        Some(role) => play(role),
    };
    ran.unwrap_or_else(|error| {
        eprintln!("bench: {error}");
        ExitCode::from(2)
    })
}

fn measure(options: &Options) -> io::Result<ExitCode> {
    if !rustix::process::geteuid().is_root() {
        return Err(io::Error::other("needs root: it makes network namespaces and devices"));
    }
    os::watch_interrupts();
    let plan = Plan::new(options)?;
    let results = Runner::new(&plan)?.run()?;
    let report = Report::new(&plan, &results);
    let mut out = io::stdout().lock();
    out.write_all(report.text().as_bytes())?;
    match &options.json {
        Some(path) => std::fs::write(path, format!("{:#}\n", report.json()))
            .map_err(|e| os::failed(&path.display().to_string(), e))?,
        None => writeln!(out, "\n{}", report.json())?,
    }
    let failed = !results.failures.is_empty() || (options.check && report.missed());
    Ok(ExitCode::from(u8::from(failed)))
}

fn play(role: &Role) -> io::Result<ExitCode> {
    match role {
        Role::Recovery(args) => return recovery::measure(args),
        Role::Exec(args) => exec(args),
        Role::Client(args) => client::run(args).and_then(|value| say(&value)),
        Role::Kernel(args) => kernel::run(args),
        Role::Smoltcp(args) => smol::run(args),
        Role::Bare(args) => bare::run(args),
        Role::Limit(args) => limit::run(args).and_then(|value| say(&value)),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn exec(args: &ExecArgs) -> io::Result<()> {
    args.place.enter_for_exec()?;
    let (program, rest) = args.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Err(os::failed(program, Command::new(program).args(rest).exec()))
}

fn say(value: &Value) -> io::Result<()> {
    writeln!(io::stdout(), "{value}")
}
