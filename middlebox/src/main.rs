//! `middlebox`: joins two devices of this network namespace by a path that is not perfect.
//!
//! Runs until SIGINT or SIGTERM and then prints what each direction did, as one JSON object.
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use middlebox::{Middlebox, Path, Paths};

/// Forwards Ethernet frames between two devices, with rate, delay, queue, losses, reordering and
/// duplicates. A path is said as
/// `rate=100mbit,delay=10ms,queue=256k,loss=1%,burst=0.1%/12%,reorder=5%/2ms,duplicate=1%`, each
/// part of it optional (burst: chance to begin / to end at each frame).
#[derive(Parser, Debug)]
#[command(name = "middlebox", version)]
struct Arguments {
    /// The first device.
    first: String,
    /// The second device.
    second: String,
    /// The path from the first device to the second.
    #[arg(long, value_name = "PATH", default_value = "")]
    forth: Path,
    /// The path from the second device to the first; like --forth unless given.
    #[arg(long, value_name = "PATH")]
    back: Option<Path>,
    /// Seed of the accidents.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

static STOP: AtomicBool = AtomicBool::new(false);

extern "C" fn stop(_signal: libc::c_int) {
    STOP.store(true, Ordering::Relaxed);
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the handler only stores to an atomic, which is async-signal-safe, and it lives as
        // long as the program.
        unsafe { libc::signal(signal, stop as *const () as libc::sighandler_t) };
    }
    let paths = Paths {
        forth: arguments.forth,
        back: arguments.back.unwrap_or(arguments.forth),
        seed: arguments.seed,
    };
    let devices = [arguments.first.as_str(), arguments.second.as_str()];
    let done = Middlebox::open(devices, &paths).and_then(|middlebox| middlebox.run(&STOP));
    match done {
        Ok([forth, back]) => {
            println!("{}", serde_json::json!({ "forth": forth, "back": back }));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("middlebox: {error}");
            ExitCode::FAILURE
        }
    }
}
