//! `pytcp-xdp`: the stack as a daemon.
//!
//! Opens the interfaces, starts the threads, serves the control socket, and ends on SIGINT or
//! SIGTERM with connections closed and nothing left behind. Whatever goes wrong before it is up is
//! one line on standard error and a failing exit status.

#![forbid(unsafe_code)]

mod cli;
mod suggest;

use std::error::Error;
use std::io::IsTerminal;
use std::process::ExitCode;

use runtime::daemon::{Bound, Server};
use runtime::{Opened, Stack};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing_subscriber::EnvFilter;

use crate::cli::Arguments;

fn main() -> ExitCode {
    let arguments = match cli::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(answer) => return answer.say(),
    };
    log_to_stderr(arguments.verbose);
    end_with_any_thread();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("pytcp-xdp: {}", cli::one_line(&why.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    // From here on a signal is not lost.
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let demo = arguments.demo;
    let bound = Bound::bind(&arguments.ipc_socket)?;
    raise_descriptor_limit();
    let stack = arguments.builder.start()?;
    let server = Server::start(bound, &stack)?;
    greet(&stack, &server);
    if demo {
        suggest(&stack, &server);
    }
    let signal = signals.forever().next();
    tracing::info!("ending after signal {}", signal.unwrap_or_default());
    // Clients first: their sockets then close with the rest.
    drop(server);
    drop(stack);
    Ok(())
}

fn greet(stack: &Stack, server: &Server) {
    for interface in stack.interfaces() {
        let addresses: Vec<String> = interface.addresses.iter().map(ToString::to_string).collect();
        let addresses = match addresses.as_slice() {
            [] => "no address".to_string(),
            some => some.join(" "),
        };
        eprintln!("{}: {}: {addresses}", interface.name, interface.mode);
        if interface.queues < stack.shards() {
            eprintln!("{}: {}", interface.name, few_queues(interface, stack.shards()));
        }
        if interface.unserved_queues > 0 {
            eprintln!("{}: {}", interface.name, unserved_queues(interface));
        }
    }
    eprintln!("ready: control socket {}", server.path().display());
}

/// Says that frames of some queues never reach the stack, and what can be done.
fn unserved_queues(interface: &Opened) -> String {
    let Opened { name, queues, unserved_queues: unserved, .. } = interface;
    let has = queues + *unserved as usize;
    format!(
        "the device has {has} receive queues, of which {queues} reach the stack: flows that it \
         puts elsewhere are lost to the stack; serve them by `--queues {has}`, or give the device \
         fewer by `ethtool -L {name}`"
    )
}

/// Says that a device has fewer queues open than there are shards, and what can be done.
fn few_queues(interface: &Opened, shards: usize) -> String {
    let queues = match interface.queues {
        1 => "1 queue".to_string(),
        more => format!("{more} queues"),
    };
    let remedy = match interface.mode.split_whitespace().next() {
        Some("tap" | "tun") => "a device made by `ip tuntap add ... multi_queue` has more",
        _ => "`ethtool -L` may give the device more",
    };
    format!("{queues} for {shards} shards, which hand frames over to each other; {remedy}")
}

/// Prints what a newcomer can type next.
fn suggest(stack: &Stack, server: &Server) {
    let addresses = stack.interfaces().iter().flat_map(|interface| &interface.addresses);
    let usual = server.path() == client::default_path();
    let setting = suggest::Setting {
        addresses: addresses.map(|address| address.ip).collect(),
        socket: (!usual).then(|| server.path().to_path_buf()),
        sudo: std::env::var_os("SUDO_USER").is_some(),
        namespace: suggest::namespace(),
        ctl: suggest::ctl(),
    };
    print!("{}", suggest::lines(&setting));
}

fn log_to_stderr(verbose: bool) {
    // What becomes of links is rare, and an administrator wants to know.
    let level = if verbose { "debug" } else { "warn,runtime::device=info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// A daemon with a dead thread is worse than none: it would hold the device and answer nothing.
fn end_with_any_thread() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::exit(101);
    }));
}

/// A socket costs up to two descriptors: as many as the system allows.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!("descriptor limit: {error}");
    }
}
