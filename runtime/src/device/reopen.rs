//! Opens a device again that was deleted and has come back, or that the stack made itself.
//!
//! Opening takes time (the kernel may still be busy with the old one), so a thread of its own does
//! it, in the network namespace that the stack was started in. Each engine then finds its new end
//! of the device in its [`Arrivals`] and puts it in the place of the old one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use addr::IfIndex;
use datapath::{OpenPort, PortError, PortInfo};

use super::wiring::Wiring;
use crate::command::Command;
use crate::config::Interface;
use crate::late::LateThreads;
use crate::port::PortEnd;
use crate::running::StartError;

/// Where an engine finds its ends of devices that were opened again.
#[derive(Clone, Default)]
pub(crate) struct Arrivals(Arc<Mutex<Vec<PortEnd>>>);

impl Arrivals {
    fn put(&self, end: PortEnd) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(end);
    }

    /// Takes all that have come.
    pub(crate) fn take(&self) -> Vec<PortEnd> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What it takes to open one device again.
#[derive(Clone)]
pub(crate) struct Reopener {
    interface: Interface,
    ifindex: IfIndex,
    wiring: Wiring,
    /// Threads that step ports of devices before this one.
    earlier_threads: usize,
    /// In the order of the shards.
    arrivals: Arc<[Arrivals]>,
    late: LateThreads,
    /// A thread is at it, or what it opened has not reached the follower yet.
    running: Arc<AtomicBool>,
}

/// Before a device that the stack made itself is made again: whoever deletes it again and again is
/// not to keep a core busy.
const PAUSE_BEFORE_MAKING: Duration = Duration::from_secs(1);
/// Between two tries, at first and at most.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

impl Reopener {
    /// What opens the device of `interface`, which is open with `info`, again.
    pub(crate) fn new(
        interface: &Interface,
        (ifindex, info): (IfIndex, &PortInfo),
        (wiring, earlier_threads): (&Wiring, usize),
        arrivals: Arc<[Arrivals]>,
        late: LateThreads,
    ) -> Self {
        let mut interface = interface.clone();
        // A device of another kind under the same name is not the one that was lost; and one that
        // belongs to somebody else's configuration is not ours to make.
        interface.port.backend = info.backend;
        interface.port.create = info.created;
        let (wiring, running) = (wiring.clone(), Arc::default());
        Self { interface, ifindex, wiring, earlier_threads, arrivals, late, running }
    }

    /// Whether the stack made the device, so that it may make it again.
    pub(crate) fn makes_it(&self) -> bool {
        self.interface.port.create
    }

    /// The name that the configuration gave.
    pub(crate) fn configured_name(&self) -> &str {
        self.interface.name()
    }

    /// Opens the device called `name`, soon and on another thread, unless one is at it already.
    pub(crate) fn start(&self, name: &str) {
        if self.running.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut work = self.clone();
        work.interface.port.name = name.to_string();
        let started = self.late.start(&format!("open-{name}"), move || work.run());
        if let Err(error) = started {
            tracing::warn!("{name}: cannot be opened again: {error}");
            self.running.store(false, Ordering::Release);
        }
    }

    /// The follower has what was opened.
    ///
    /// Not before may another thread start: to a follower that looks at the old device it is gone
    /// still, and the new one would be opened a second time.
    pub(crate) fn has_arrived(&self) {
        self.running.store(false, Ordering::Release);
    }

    fn run(self) {
        let handed_out = self.open().is_some_and(|ports| self.hand_out(ports));
        if !handed_out {
            self.running.store(false, Ordering::Release);
        }
        // The device may have come while this thread was about to give up.
        self.wiring.engines.iter().for_each(|engine| engine.post(Command::DeviceOpened));
    }

    /// Tries until it is open, it is gone again, or the stack ends.
    fn open(&self) -> Option<Vec<OpenPort>> {
        if self.makes_it() && self.late.wait(PAUSE_BEFORE_MAKING) {
            return None;
        }
        let (mut pause, mut said) = (PAUSE, String::new());
        loop {
            let why = match self.wiring.open(&self.interface) {
                Ok(ports) => return Some(ports),
                Err(StartError::Port(PortError::NotFound { .. })) => return None,
                Err(why) => why.to_string(),
            };
            if why != said {
                tracing::warn!("cannot be opened again, and is tried again: {why}");
                said = why;
            }
            if self.late.wait(pause) {
                return None;
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Starts the threads of the ports, and gives each engine its end. False if a thread does not
    /// start.
    fn hand_out(&self, ports: Vec<OpenPort>) -> bool {
        let wired = self.wiring.wire(self.ifindex, ports, self.earlier_threads);
        for thread in wired.threads {
            let (name, handle) = (thread.name(), thread.handle());
            if let Err(error) = self.late.start_port(&name, &handle, move || thread.run()) {
                tracing::warn!("{}: cannot be opened again: {error}", self.interface.name());
                return false;
            }
        }
        for (arrivals, end) in self.arrivals.iter().zip(wired.ends) {
            arrivals.put(end);
        }
        true
    }
}
