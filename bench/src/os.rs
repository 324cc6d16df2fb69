//! Where a role runs: its network namespace, its core, how long it may live, and what an interrupt
//! does to the runner.
//!
//! Every role is a process of its own. It joins a namespace and a core before it starts a thread,
//! dies with the runner, and ends itself when its time is over, so that no measurement can leave
//! anything behind. The runner keeps its own namespace and only notes that it was interrupted.
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::{CpuSet, LinkNameSpaceType, move_into_link_name_space, sched_setaffinity};

/// Where and how long a role runs.
#[derive(clap::Args, Debug, Clone)]
pub struct Place {
    /// Network namespace to join, by its `ip netns` name.
    #[arg(long)]
    pub ns: Option<String>,
    /// Core to run on.
    #[arg(long)]
    pub pin: Option<usize>,
    /// Seconds after which the role ends itself.
    #[arg(long, default_value_t = 60.0)]
    pub life: f64,
}

impl Place {
    /// Joins namespace and core and starts the clock of the role's life. Call before any thread.
    pub fn enter(&self) -> io::Result<()> {
        self.enter_for_exec()?;
        let life = Duration::from_secs_f64(self.life);
        std::thread::Builder::new().name("life".into()).spawn(move || {
            std::thread::sleep(life);
            eprintln!("ended: lived its {life:?}");
            std::process::exit(3);
        })?;
        Ok(())
    }

    /// The part of [`Place::enter`] that another program started by `exec` inherits.
    pub fn enter_for_exec(&self) -> io::Result<()> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if let Some(name) = &self.ns {
            let path = format!("/var/run/netns/{name}");
            let file = File::open(&path)
                .map_err(|e| io::Error::new(e.kind(), format!("namespace {path}: {e}")))?;
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
        }
        if let Some(core) = self.pin {
            let mut set = CpuSet::new();
            set.set(core);
            sched_setaffinity(None, &set)?;
        }
        Ok(())
    }
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

extern "C" fn note_interrupt(_signal: libc::c_int) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// From here on SIGINT, SIGTERM and SIGHUP are noted instead of ending the process.
pub fn watch_interrupts() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the handler only stores to an atomic, which is async-signal-safe, and it lives as
        // long as the program.
        unsafe { libc::signal(signal, note_interrupt as *const () as libc::sighandler_t) };
    }
}

/// Whether the run shall end.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// An error that names what was attempted.
pub fn failed(what: &str, error: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("{what}: {error}"))
}

/// Waits until `fd` can be read, or for `timeout`; true when it can.
pub fn readable(fd: impl AsFd, timeout: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    let span =
        Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: i64::from(timeout.subsec_nanos()) };
    matches!(poll(&mut fds, Some(&span)), Ok(n) if n > 0)
}
