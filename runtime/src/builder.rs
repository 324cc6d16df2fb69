//! From a description to running threads, and back: [`Builder`] and [`Stack`].

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use addr::Cidr;
use datapath::{Port, PortError, PortInfo, PortLink};
use stack::control::RouteProtocol;
use stack::{InterfaceConfig, RouteConfig};
use wire::offload::Medium;

use crate::command::Command;
use crate::config::{Interface, Layout, Limits, Pace, default_limits, default_mac};
use crate::engine::Engine;
use crate::local::LocalHost;
use crate::mailbox::Remote;
use crate::pin::pin;
use crate::port::thread::PortThread;
use crate::port::{PortDriver, PortEnd};
use crate::service;

/// What [`datapath::open`] answers.
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
#[derive(Debug, Default)]
pub struct Builder {
    interfaces: Vec<(Interface, Option<OpenPort>)>,
    layout: Layout,
    cores: Vec<usize>,
    pace: Pace,
    limits: Limits,
    seed: Option<u64>,
    demo: bool,
    bench: bool,
}

impl Builder {
    /// A stack without interfaces, in the fused layout, that sleeps when idle.
    #[must_use]
    pub fn new() -> Self {
        Self { limits: default_limits(), ..Self::default() }
    }

    /// One more interface.
    #[must_use]
    pub fn interface(mut self, interface: Interface) -> Self {
        self.interfaces.push((interface, None));
        self
    }

    /// One more interface, on a port that is open already: one end of [`datapath::pair()`], or a
    /// queue of several opened together.
    #[must_use]
    pub fn interface_on(mut self, interface: Interface, port: OpenPort) -> Self {
        self.interfaces.push((interface, Some(port)));
        self
    }

    /// Which threads do the work.
    #[must_use]
    pub fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    /// The cores to pin threads to: the first is the stack's, the next are the ports' in the split
    /// layout. Threads beyond the list are not pinned.
    #[must_use]
    pub fn cores(mut self, cores: impl IntoIterator<Item = usize>) -> Self {
        self.cores = cores.into_iter().collect();
        self
    }

    /// Whether threads without work sleep or look on.
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

    /// The seed of everything random in the stack. Only for tests: unless told, it comes from the
    /// operating system, as sequence numbers and ports that nobody guesses need.
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
    pub fn start(mut self) -> Result<Stack, StartError> {
        let seed = match self.seed {
            Some(seed) => seed,
            None => random_seed()?,
        };
        let mut engine = Engine::new(self.limits.clone(), seed, self.pace)?;
        let mut opened = Vec::new();
        let mut port_threads = Vec::new();
        for (interface, port) in std::mem::take(&mut self.interfaces) {
            let mut port = port.map_or_else(|| datapath::open(&interface.port), Ok)?;
            port.2.name = interface.name().to_string();
            opened.push(Opened::of(&interface, &port.2));
            self.add(&mut engine, &interface, port, &mut port_threads)?;
        }
        if self.demo {
            let control = engine.remote();
            service::open_demo(&mut engine.locals, &mut engine.core, &control)
                .map_err(|(port, why)| StartError::Service { port, why })?;
        }
        if self.bench {
            service::open_bench(&mut engine.locals, &mut engine.core)
                .map_err(|(port, why)| StartError::Service { port, why })?;
        }
        let mut cores = self.cores.iter().copied();
        let remote = engine.remote();
        let sockets = client::Stack::local(Arc::new(LocalHost::new(remote.clone())));
        let stack_core = cores.next();
        let mut threads = vec![spawn("pytcp-stack", move || {
            pin(stack_core);
            engine.run();
        })?];
        for thread in port_threads {
            let core = cores.next();
            threads.push(spawn(&thread.name(), move || {
                pin(core);
                thread.run();
            })?);
        }
        Ok(Stack { remote, threads, sockets, opened })
    }

    /// Makes an opened port an interface of the stack.
    fn add(
        &self,
        engine: &mut Engine,
        interface: &Interface,
        (mut port, link, info): OpenPort,
        port_threads: &mut Vec<PortThread>,
    ) -> Result<(), StartError> {
        let config = interface_config(interface, &info);
        let refused = |what: String, why: String| StartError::Refused {
            interface: info.name.clone(),
            what,
            why,
        };
        if interface.mac.is_some() && info.medium == Medium::Ip {
            return Err(refused("mac".into(), "the medium has no link addresses".into()));
        }
        // An XDP port leaves the device's MTU as it is, so it can only be less.
        if let Some(mtu) = interface.port.mtu.filter(|mtu| *mtu > info.mtu) {
            return Err(refused(format!("mtu {mtu}"), format!("the device's is {}", info.mtu)));
        }
        let now = engine.core.now;
        let host = &mut engine.core.host;
        let ifindex = host
            .interface_add(now, config)
            .map_err(|why| refused("interface".into(), why.to_string()))?;
        for address in &interface.addresses {
            host.address_add(now, ifindex, *address)
                .map_err(|why| refused(format!("address {address}"), why.to_string()))?;
        }
        for gateway in &interface.gateways {
            let route = RouteConfig {
                ifindex: Some(ifindex),
                protocol: RouteProtocol::Boot,
                ..RouteConfig::via(Cidr::default_route(gateway.is_v4()), *gateway)
            };
            host.route_add(now, &route)
                .map_err(|why| refused(format!("gateway {gateway}"), why.to_string()))?;
        }
        let mut steering = port.control().cloned();
        if let (Some(steering), Some(mac)) = (&mut steering, interface.mac) {
            steering.set_mac(mac)?;
        }
        let driver = match self.layout {
            Layout::Fused => PortDriver::Fused(Box::new(port)),
            Layout::Split => {
                let thread = PortThread::new(port, &info, self.pace, engine.mailbox());
                let handle = thread.handle();
                port_threads.push(thread);
                PortDriver::Split(handle)
            }
        };
        engine.ports.push(PortEnd::new(ifindex, info, link, steering, driver));
        Ok(())
    }
}

/// What the stack is told of an interface.
fn interface_config(interface: &Interface, info: &PortInfo) -> InterfaceConfig {
    let device = info.mac.filter(|_| info.backend == datapath::Backend::Xdp);
    let mac = interface.mac.or(device).unwrap_or_else(|| default_mac(&info.name));
    InterfaceConfig {
        name: info.name.clone(),
        medium: info.medium,
        mac,
        mtu: interface.port.mtu.unwrap_or(info.mtu),
        caps: info.caps,
        link_local: info.medium == Medium::Ethernet,
    }
}

fn random_seed() -> io::Result<u64> {
    let mut seed = [0; 8];
    rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())?;
    Ok(u64::from_ne_bytes(seed))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.into()).spawn(work)
}

/// Why a stack did not start. One line for people.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A device cannot be opened.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The stack does not take an interface, an address or a gateway.
    #[error("{interface}: {what}: {why}")]
    Refused {
        /// The interface.
        interface: String,
        /// What was to be added.
        what: String,
        /// Why not.
        why: String,
    },
    /// A service could not be opened.
    #[error("service on port {port}: {why}")]
    Service {
        /// Its port.
        port: u16,
        /// Why not.
        why: stack::SocketError,
    },
    /// The operating system refused a thread or a descriptor.
    #[error("cannot start: {0}")]
    Os(#[from] io::Error),
}

/// An interface of a running stack, as it was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its name.
    pub name: String,
    /// How the device is driven.
    pub mode: String,
    /// The addresses it was started with.
    pub addresses: Vec<Cidr>,
}

impl Opened {
    fn of(interface: &Interface, info: &PortInfo) -> Self {
        Self {
            name: info.name.clone(),
            mode: info.mode.clone(),
            addresses: interface.addresses.clone(),
        }
    }
}

/// A running stack. It stops when this is dropped: connections are closed, devices let go.
pub struct Stack {
    remote: Remote,
    threads: Vec<JoinHandle<()>>,
    sockets: client::Stack,
    opened: Vec<Opened>,
}

impl Stack {
    /// The same as [`Builder::new`].
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// What sockets are opened on, and control calls made to.
    #[must_use]
    pub fn sockets(&self) -> client::Stack {
        self.sockets.clone()
    }

    /// The interfaces it was started with.
    #[must_use]
    pub fn interfaces(&self) -> &[Opened] {
        &self.opened
    }

    pub(crate) fn remote(&self) -> Remote {
        self.remote.clone()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.remote.post(Command::Stop);
        for thread in self.threads.drain(..) {
            // A thread that panicked has reported it on stderr.
            let _ = thread.join();
        }
    }
}
