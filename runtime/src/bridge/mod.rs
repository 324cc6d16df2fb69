//! Bridges: sockets of the stack that other processes use through one end of a socketpair.
//!
//! All of it runs on the engine thread. A [`Client`] is one control connection of the daemon with
//! its table of handles; a [`Bridge`] is one socket: fresh, connecting, a [`stream`], a
//! [`listener`], a [`datagram`] socket, or over. Bytes go straight between the socketpair and the
//! socket's rings; the only buffers are those two, so back-pressure goes from the network to the
//! other process and back without any counting here.
//!
//! A bridge moves when its descriptor became ready ([`Bridges::on_ready`], edge-triggered), when
//! the stack tells of its socket ([`Bridges::on_event`]), or when a verb says so ([`verbs`]). An
//! answer leaves by a [`reply::Reply`], which never blocks the engine.

mod datagram;
mod listener;
mod option;
pub(crate) mod reply;
mod stream;
mod verbs;

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use addr::Endpoint;
use client::datagram::PACKET_MAX;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use stack::{Readiness, SocketId};

use self::datagram::Datagram;
use self::listener::Listener;
use self::stream::{Connecting, Stream};
use crate::engine::Core;
use crate::engine::owner::Owner;
use crate::engine::poller::{Ready, Token};
use crate::engine::slab::{Key, Slab};
use crate::option::Options;

/// Sockets that one client may have open.
pub(crate) const SOCKETS_PER_CLIENT: usize = 16_384;
/// Sockets of all clients.
const SOCKETS_MAX: usize = 65_536;
/// Clients at a time.
pub(crate) const CLIENTS_MAX: usize = 256;

/// All bridges of an engine.
pub(crate) struct Bridges {
    sockets: Slab<Bridge>,
    clients: Slab<Client>,
    /// Where one datagram lies between its socketpair and its ring.
    scratch: Box<[u8]>,
}

/// One control connection.
#[derive(Default)]
struct Client {
    handles: BTreeMap<u32, Key>,
    next_handle: u32,
}

/// One socket of a client.
struct Bridge {
    client: Key,
    handle: u32,
    /// Whether it was opened for IPv6.
    v6: bool,
    /// What `bind` named.
    local: Option<Endpoint>,
    /// The error that SO_ERROR takes.
    error: Option<i32>,
    options: Options,
    state: State,
}

enum State {
    /// A stream socket that neither connects nor listens yet; our end of its socketpair.
    Fresh(OwnedFd),
    Connecting(Connecting),
    Stream(Stream),
    Listener(Listener),
    Datagram(Datagram),
    /// The connection is over; the handle lives on for its error.
    Over {
        local: Endpoint,
        remote: Option<Endpoint>,
    },
}

/// What becomes of a bridge after it moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It goes on.
    Lives,
    /// Nobody will ask for it again.
    Gone,
    /// Its connection ended, with an error or not; the client may ask which.
    Over(Option<i32>),
}

impl Bridges {
    pub(crate) fn new() -> Self {
        Self {
            sockets: Slab::new(SOCKETS_MAX),
            clients: Slab::new(CLIENTS_MAX),
            scratch: vec![0; PACKET_MAX].into_boxed_slice(),
        }
    }

    /// Whether epoll may have something to tell of a bridge.
    pub(crate) fn has_descriptors(&self) -> bool {
        !self.sockets.is_empty()
    }

    /// A control connection begins. `None`: there are too many.
    pub(crate) fn open_client(&mut self) -> Option<Key> {
        self.clients.insert(Client::default()).ok()
    }

    /// A control connection is over: its sockets close as those of a process that died.
    pub(crate) fn close_client(&mut self, client: Key, core: &mut Core) {
        let Some(client) = self.clients.remove(client) else { return };
        for key in client.handles.into_values() {
            self.close(key, core);
        }
    }

    /// The engine ends.
    pub(crate) fn close_all(&mut self, core: &mut Core) {
        for client in self.clients.keys() {
            self.close_client(client, core);
        }
        // What was closed before and still had something to send.
        for key in self.sockets.keys() {
            self.close(key, core);
        }
    }

    /// The stack told of a bridge's socket.
    pub(crate) fn on_event(&mut self, key: Key, what: Readiness, core: &mut Core) {
        let Some(bridge) = self.sockets.find_mut(key) else { return };
        let fate = match &mut bridge.state {
            State::Connecting(connecting) => match connecting.outcome(what) {
                None => Fate::Lives,
                Some(outcome) => return self.connected(key, outcome, core),
            },
            State::Stream(stream) => stream.pump(core),
            State::Listener(listener) => {
                listener.look(core);
                return self.serve_accepts(key, core);
            }
            State::Datagram(datagram) => {
                if what.has(Readiness::ERROR)
                    && let Some(id) = datagram.ends().map(|ends| ends.id)
                    && let Some(error) = core.host.take_error(id)
                {
                    bridge.error = Some(i32::from(error.code()));
                }
                datagram.on_event(core, &mut self.scratch)
            }
            State::Fresh(_) | State::Over { .. } => Fate::Lives,
        };
        self.settle(key, fate);
    }

    /// A bridge's descriptor became ready.
    pub(crate) fn on_ready(&mut self, key: Key, ready: Ready, core: &mut Core) {
        let Some(bridge) = self.sockets.find_mut(key) else { return };
        let fate = match &mut bridge.state {
            State::Stream(stream) => stream.on_ready(ready, core),
            State::Datagram(datagram) => {
                datagram.on_ready(ready, core, bridge.v6, &mut self.scratch)
            }
            State::Fresh(_) | State::Connecting(_) | State::Listener(_) | State::Over { .. } => {
                Fate::Lives
            }
        };
        self.settle(key, fate);
        self.adopt_datagram(key, core);
    }

    /// The client is done with a socket, or is no more.
    fn close(&mut self, key: Key, core: &mut Core) {
        let Some(bridge) = self.sockets.find_mut(key) else { return };
        let fate = match &mut bridge.state {
            State::Fresh(_) | State::Over { .. } => Fate::Gone,
            State::Connecting(connecting) => {
                connecting.cancel(core);
                Fate::Gone
            }
            State::Stream(stream) => stream.close(core),
            State::Listener(listener) => {
                listener.close(core);
                Fate::Gone
            }
            State::Datagram(datagram) => {
                datagram.close(core, bridge.v6, &mut self.scratch);
                Fate::Gone
            }
        };
        self.settle(key, fate);
    }

    fn settle(&mut self, key: Key, fate: Fate) {
        match fate {
            Fate::Lives => {}
            Fate::Gone => self.forget(key),
            Fate::Over(error) => {
                let Some(bridge) = self.sockets.find_mut(key) else { return };
                let (local, remote) = match &bridge.state {
                    State::Stream(stream) => stream.names(),
                    State::Connecting(connecting) => connecting.names(),
                    _ => return,
                };
                let known = self.clients.find(bridge.client).is_some();
                bridge.error = error.or(bridge.error);
                // Dropping the state closes our end of the socketpair.
                bridge.state = State::Over { local, remote };
                if !known {
                    self.forget(key);
                }
            }
        }
    }

    /// Takes a bridge and its handle away.
    fn forget(&mut self, key: Key) {
        let Some(bridge) = self.sockets.remove(key) else { return };
        if let Some(client) = self.clients.find_mut(bridge.client)
            && client.handles.get(&bridge.handle) == Some(&key)
        {
            client.handles.remove(&bridge.handle);
        }
    }

    /// Gives a client one more socket. `None` if it, or the daemon, has too many.
    fn admit(&mut self, client: Key, v6: bool, state: State) -> Option<(u32, Key)> {
        let owner = self.clients.find_mut(client)?;
        if owner.handles.len() >= SOCKETS_PER_CLIENT {
            return None;
        }
        let mut handle = owner.next_handle;
        while owner.handles.contains_key(&handle) {
            handle = handle.wrapping_add(1);
        }
        owner.next_handle = handle.wrapping_add(1);
        let bridge = Bridge {
            client,
            handle,
            v6,
            local: None,
            error: None,
            options: Options::default(),
            state,
        };
        let key = self.sockets.insert(bridge).ok()?;
        self.clients.find_mut(client)?.handles.insert(handle, key);
        Some((handle, key))
    }
}

/// Makes a socketpair; ours is the first, and it never blocks.
fn pair(kind: SocketType) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    // Only our end: the client chooses for its own.
    rustix::io::ioctl_fionbio(&ours, true)?;
    Ok((ours, theirs))
}

/// Makes the bridge the owner of the stack's socket, and watches the descriptor.
fn attach(core: &mut Core, key: Key, id: SocketId) {
    core.owners.insert(id, Owner::Bridge(key));
}

/// Registers a descriptor for both directions. The first look tells what is ready already.
fn watch(core: &mut Core, key: Key, fd: &OwnedFd) -> std::io::Result<()> {
    core.poller.add_edges(fd, Token::Bridge(key))
}
