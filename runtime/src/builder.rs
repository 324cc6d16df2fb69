//! From a description to running threads: [`Builder`].

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use datapath::{Port, PortInfo, PortLink, SHARDS_MAX};
use stack::{Host, Keys};

use crate::config::{Interface, Layout, Limits, Pace, default_limits};
use crate::device::Assembly;
use crate::device::wiring::Wiring;
use crate::engine::Engine;
use crate::late::LateThreads;
use crate::local::LocalHost;
use crate::mailbox::{Engines, Mailbox, Remote};
use crate::pin::pin;
use crate::port::thread::PortThread;
use crate::running::{Stack, StartError};
use crate::service;

/// A port of one shard: what [`datapath::open`] answers.
pub type OpenPort = (Port, PortLink, PortInfo);

/// Describes a stack and starts it.
///
/// ```no_run
/// use client::TcpListener;
/// use runtime::{Builder, Interface};
///
/// let tap = Interface::new("tap7").address("10.0.1.7/24".parse()?);
/// let stack = Builder::new().interface(tap).start()?;
/// let listener = TcpListener::bind(&stack.sockets(), "0.0.0.0:80")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Builder {
    interfaces: Vec<(Interface, Option<Vec<datapath::OpenPort>>)>,
    shards: usize,
    layout: Layout,
    cores: Vec<usize>,
    pace: Pace,
    limits: Limits,
    seed: Option<u64>,
    demo: bool,
    bench: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A stack without interfaces, in the fused layout, that sleeps when idle.
    #[must_use]
    pub fn new() -> Self {
        Self {
            interfaces: Vec::new(),
            shards: 1,
            layout: Layout::default(),
            cores: Vec::new(),
            pace: Pace::default(),
            limits: default_limits(),
            seed: None,
            demo: false,
            bench: false,
        }
    }

    /// One more interface.
    #[must_use]
    pub fn interface(mut self, interface: Interface) -> Self {
        self.interfaces.push((interface, None));
        self
    }

    /// One more interface, on a port that is open already, of a stack with one shard: one end of
    /// [`datapath::pair()`], for example.
    #[must_use]
    pub fn interface_on(self, interface: Interface, (port, link, info): OpenPort) -> Self {
        self.interface_on_queues(interface, vec![(port, vec![link], info)])
    }

    /// One more interface, on queues of a device that are open already, each joined to all shards:
    /// one end of [`datapath::pair_queues`], for example.
    #[must_use]
    pub fn interface_on_queues(
        mut self,
        interface: Interface,
        mut ports: Vec<datapath::OpenPort>,
    ) -> Self {
        for (_, _, info) in &mut ports {
            info.name = interface.name().to_string();
        }
        self.interfaces.push((interface, Some(ports)));
        self
    }

    /// How many shards the stack has, each with an engine thread of its own: 1 to 64.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Which threads do the work.
    #[must_use]
    pub fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    /// The cores to pin threads to: the first are the engines', in the order of their shards, the
    /// next are the ports' in the split layout. Threads beyond the list are not pinned.
    #[must_use]
    pub fn cores(mut self, cores: impl IntoIterator<Item = usize>) -> Self {
        self.cores = cores.into_iter().collect();
        self
    }

    /// How long threads without work look for more before they sleep.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// The stack's bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The seed of everything random in the stack. Only for tests: the default comes from the
    /// operating system, because nobody may guess sequence numbers and ports.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Whether echo (7), discard (9), chargen (19) and HTTP (80) are served on the stack.
    #[must_use]
    pub fn demo_services(mut self, wanted: bool) -> Self {
        self.demo = wanted;
        self
    }

    /// Whether the services that benchmarks talk to are there.
    #[must_use]
    pub fn bench_services(mut self, wanted: bool) -> Self {
        self.bench = wanted;
        self
    }

    /// Opens the ports and starts the threads.
    ///
    /// # Errors
    /// Where a device cannot be opened, an address or gateway is refused, or the operating system
    /// has no thread or descriptor left.
    pub fn start(self) -> Result<Stack, StartError> {
        self.start_with(&mut spawn)
    }

    /// The same with threads started by `spawn`.
    fn start_with(mut self, spawn: &mut Spawn<'_>) -> Result<Stack, StartError> {
        let (mut all, engines) = self.engines()?;
        let wiring = Wiring {
            engines: engines.clone(),
            layout: self.layout,
            pace: self.pace,
            steering: all[0].core.worker.steering(),
            cores: self.cores.clone(),
        };
        let late = LateThreads::default();
        let mut assembly =
            Assembly { all: &mut all, wiring: &wiring, late: &late, port_threads: Vec::new() };
        let mut opened = Vec::new();
        for (interface, ports) in std::mem::take(&mut self.interfaces) {
            let ports = ports.map_or_else(|| wiring.open(&interface), Ok)?;
            opened.push(assembly.add(&interface, ports)?);
        }
        let port_threads = assembly.port_threads;
        for engine in &mut all {
            self.open_services(engine, &engines)?;
        }
        let sockets = client::Stack::local(Arc::new(LocalHost::new(engines.clone())));
        // If a thread does not start, dropping the stack ends and joins those before it.
        let mut stack = Stack::new(engines, sockets, opened, late);
        self.spawn_threads(&mut stack, all, port_threads, spawn)?;
        Ok(stack)
    }

    /// Starts all threads. Engines and ports whose threads were not started are dropped on the way
    /// out, so that the stack does not wait for them when it ends.
    fn spawn_threads(
        &self,
        stack: &mut Stack,
        engines: Vec<Engine>,
        port_threads: Vec<PortThread>,
        spawn: &mut Spawn<'_>,
    ) -> io::Result<()> {
        let mut cores = self.cores.iter().copied();
        for (shard, engine) in engines.into_iter().enumerate() {
            let core = cores.next();
            stack.add_thread(spawn(
                &format!("shard-{shard}"),
                Box::new(move || {
                    pin(core);
                    engine.run();
                }),
            )?);
        }
        for thread in port_threads {
            stack.add_thread(spawn(&thread.name(), Box::new(move || thread.run()))?);
        }
        Ok(())
    }

    /// An engine for each shard, without ports, and the ways to them.
    fn engines(&self) -> Result<(Vec<Engine>, Engines), StartError> {
        if self.shards == 0 || self.shards > SHARDS_MAX {
            return Err(StartError::Shards(self.shards));
        }
        let keys = match self.seed {
            Some(seed) => Keys::from_seed(seed),
            None => Keys::draw(random_key)?,
        };
        let mailboxes = (0..self.shards).map(|_| Mailbox::new().map(Arc::new));
        let mailboxes = mailboxes.collect::<io::Result<Vec<_>>>()?;
        let engines = Engines::new(mailboxes.iter().cloned().map(Remote::new));
        let host = Host::with_shards(self.limits.clone(), keys, self.shards);
        let all = host.into_workers().into_iter().zip(mailboxes).map(|(worker, mailbox)| {
            Engine::new(worker, mailbox, &engines, &self.limits, self.pace)
        });
        Ok((all.collect::<io::Result<_>>()?, engines))
    }

    /// Opens the services whose home is this engine's shard.
    fn open_services(&self, engine: &mut Engine, engines: &Engines) -> Result<(), StartError> {
        let refused = |(port, why)| StartError::Service { port, why };
        let Engine { locals, core, .. } = engine;
        if self.demo {
            service::open_demo(locals, core, engines).map_err(refused)?;
        }
        if self.bench {
            service::open_bench(locals, core).map_err(refused)?;
        }
        Ok(())
    }
}

/// Fills a key from the operating system, which waits until it has gathered enough.
fn random_key(key: &mut [u8; 16]) -> io::Result<()> {
    let filled = rustix::rand::getrandom(&mut key[..], rustix::rand::GetRandomFlags::empty())?;
    // Linux fills up to 256 bytes in full, unless it is older than `getrandom` is documented to be.
    if filled == key.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// What a thread does.
type Work = Box<dyn FnOnce() + Send>;
/// How a thread is started: by its name and what it does.
type Spawn<'a> = dyn FnMut(&str, Work) -> io::Result<JoinHandle<()>> + 'a;

fn spawn(name: &str, work: Work) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.into()).spawn(work)
}

#[cfg(test)]
mod tests;
