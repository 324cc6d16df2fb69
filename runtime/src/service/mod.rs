//! Services that run on the stack's own thread, on the sockets' rings.
//!
//! *Demo*: echo (7), discard (9) and chargen (19) over TCP and UDP, and HTTP (80) with the stack's
//! live state. *Bench*: what the benchmarks talk to, as fast as it goes.
//!
//! | port | protocol | does |
//! |---|---|---|
//! | 1234 | TCP | sends without end |
//! | 1235 | TCP | takes everything |
//! | 1236 | TCP | echoes |
//! | 1237 | UDP | echoes |
//! | 1238 | UDP | takes everything |
//! | 1239 | TCP | sends without end, as far ahead as there is room |
//! | 1240 to 1243 | TCP | answers the first byte with a byte, and closes |
//!
//! A service is called when the stack tells of its socket. It then works until it can neither read
//! nor write, and never waits. Its bytes are written where they will be sent from. The rings'
//! waiting flags are for other threads: the stack tells this one of everything.

mod chargen;
mod datagram;
mod http;
mod page;
mod stream;
mod upload;

use addr::{Endpoint, Ip};
use stack::tcp::TcpOption;
use stack::{Readiness, SocketError, SocketId};

use self::datagram::{DatagramService, Role as DatagramRole};
use self::stream::{Next, Role, StreamService};
use crate::StartError;
use crate::engine::Core;
use crate::engine::owner::Owner;
use crate::engine::port::PortEnd;
use crate::engine::slab::{Key, Slab};

/// Connections that services hold at most.
const CONNECTIONS_MAX: usize = 65_536;
/// Connections that wait for a service; they do not wait long.
const BACKLOG: u32 = 4096;

/// All services of an engine.
pub(crate) struct Services(Slab<Service>);

enum Service {
    Listener(SocketId, Role),
    Stream(StreamService),
    Datagram(DatagramService),
}

impl Services {
    pub(crate) fn new() -> Self {
        Self(Slab::new(CONNECTIONS_MAX))
    }

    /// Opens the demo services.
    pub(crate) fn open_demo(&mut self, core: &mut Core) -> Result<(), StartError> {
        self.listen(core, 7, Role::Echo)?;
        self.listen(core, 9, Role::Discard)?;
        self.listen(core, 19, Role::Chargen)?;
        self.listen(core, 80, Role::Http)?;
        self.bind(core, 7, DatagramRole::Echo)?;
        self.bind(core, 9, DatagramRole::Discard)?;
        self.bind(core, 19, DatagramRole::Chargen)
    }

    /// Opens the bench services.
    pub(crate) fn open_bench(&mut self, core: &mut Core) -> Result<(), StartError> {
        self.listen(core, 1234, Role::Source)?;
        self.listen(core, 1235, Role::Discard)?;
        self.listen(core, 1236, Role::Echo)?;
        self.listen(core, 1239, Role::DeepSource)?;
        for port in 1240..=1243 {
            self.listen(core, port, Role::Answer)?;
        }
        self.bind(core, 1237, DatagramRole::Echo)?;
        self.bind(core, 1238, DatagramRole::Discard)
    }

    /// A listener for both families.
    fn listen(&mut self, core: &mut Core, port: u16, role: Role) -> Result<(), StartError> {
        let refused = |why| StartError::Service { port, why };
        let local = Endpoint::new(Ip::UNSPECIFIED_V6, port);
        let id = core.listen(local, BACKLOG, false).map_err(refused)?;
        self.admit(core, id, Service::Listener(id, role)).map(drop).map_err(refused)
    }

    /// A UDP socket for both families.
    fn bind(&mut self, core: &mut Core, port: u16, role: DatagramRole) -> Result<(), StartError> {
        let refused = |why| StartError::Service { port, why };
        let ends = core.bind_udp(Endpoint::new(Ip::UNSPECIFIED_V6, port)).map_err(refused)?;
        let id = ends.id;
        let service = Service::Datagram(DatagramService::new(ends, role));
        self.admit(core, id, service).map(drop).map_err(refused)
    }

    fn admit(
        &mut self,
        core: &mut Core,
        id: SocketId,
        service: Service,
    ) -> Result<Key, SocketError> {
        let Ok(key) = self.0.insert(service) else {
            core.close(id);
            return Err(SocketError::NoBuffers);
        };
        core.owners.insert(id, Owner::Service(key));
        Ok(key)
    }

    /// The stack told of a service's socket.
    pub(crate) fn on_event(
        &mut self,
        key: Key,
        what: Readiness,
        core: &mut Core,
        ports: &[PortEnd],
    ) {
        match self.0.find_mut(key) {
            None => {}
            Some(Service::Listener(id, role)) => {
                let (id, role) = (*id, *role);
                // A listener that cannot accept has nothing to accept.
                while let Ok(Some(ends)) = core.accept(id) {
                    let child = ends.id;
                    // The tail of an answer does not wait for the peer's delayed ACK.
                    core.set_options(child, std::iter::once(TcpOption::NoDelay(true)));
                    let service = Service::Stream(StreamService::new(ends, role));
                    if let Ok(key) = self.admit(core, child, service) {
                        self.step(key, Readiness::NONE, core, ports);
                    }
                }
            }
            Some(Service::Stream(_)) => self.step(key, what, core, ports),
            Some(Service::Datagram(service)) => service.step(core),
        }
    }

    fn step(&mut self, key: Key, what: Readiness, core: &mut Core, ports: &[PortEnd]) {
        let Some(Service::Stream(service)) = self.0.find_mut(key) else { return };
        let over = what.has(Readiness::ERROR | Readiness::GONE);
        if over || service.step(core, ports) == Next::Close {
            core.close(service.id());
            self.0.remove(key);
        }
    }

    /// The engine ends.
    pub(crate) fn close_all(&mut self, core: &mut Core) {
        for key in self.0.keys() {
            match self.0.remove(key) {
                Some(Service::Listener(id, _)) => core.close(id),
                Some(Service::Stream(service)) => core.close(service.id()),
                Some(Service::Datagram(service)) => core.close(service.id()),
                None => {}
            }
        }
    }
}
