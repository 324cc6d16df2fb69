//! The table of clients, their handles, and the bridges behind these.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use addr::Endpoint;
use client::call::ErrorBody;
use client::datagram::PACKET_MAX;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::datagram::Datagram;
use super::fate::Fate;
use super::listener::Listener;
use super::request::errno;
use super::stream::{Connecting, Stream};
use crate::option::Options;
use crate::slab::{Key, Slab};
use crate::sockets::Core;
use crate::sockets::owner::Owner;
use crate::sockets::poller::Token;

/// Sockets that one client may have open.
const SOCKETS_PER_CLIENT: usize = 16_384;
/// Sockets of all clients.
const SOCKETS_MAX: usize = 65_536;
/// Clients at a time.
const CLIENTS_MAX: usize = 256;

/// All bridges of an engine.
pub(crate) struct Bridges {
    pub(super) sockets: Slab<Bridge>,
    pub(super) clients: Slab<Client>,
    /// Where one datagram lies between its socketpair and its ring.
    pub(super) scratch: Box<[u8]>,
}

/// One control connection.
#[derive(Default)]
pub(super) struct Client {
    pub(super) handles: BTreeMap<u32, Key>,
    next_handle: u32,
}

/// One socket of a client.
pub(super) struct Bridge {
    pub(super) client: Key,
    pub(super) handle: u32,
    /// Whether it was opened for IPv6.
    pub(super) v6: bool,
    /// What `bind` named.
    pub(super) local: Option<Endpoint>,
    /// The error that SO_ERROR takes.
    pub(super) error: Option<i32>,
    pub(super) options: Options,
    pub(super) state: State,
}

pub(super) enum State {
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

impl Bridges {
    pub(crate) fn new() -> Self {
        Self {
            sockets: Slab::new(SOCKETS_MAX),
            clients: Slab::new(CLIENTS_MAX),
            scratch: vec![0; PACKET_MAX].into_boxed_slice(),
        }
    }

    /// Whether epoll may have something to report of a bridge.
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

    /// The bridge of a key, or EBADF.
    pub(super) fn bridge(&mut self, key: Key) -> Result<&mut Bridge, ErrorBody> {
        self.sockets.find_mut(key).ok_or_else(|| errno(Errno::BADF))
    }

    /// The client is done with a socket, or is no more.
    pub(super) fn close(&mut self, key: Key, core: &mut Core) {
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
        self.apply(key, fate);
    }

    /// Takes away, or marks as over, a bridge that goes on no longer.
    pub(super) fn apply(&mut self, key: Key, fate: Fate) {
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

    /// Makes a datagram bridge known to the engine once its socket exists.
    pub(super) fn adopt_datagram(&mut self, key: Key, core: &mut Core) {
        let Some(bridge) = self.sockets.find_mut(key) else { return };
        let State::Datagram(datagram) = &mut bridge.state else { return };
        if let Some(id) = datagram.ends().map(|ends| ends.id)
            && !datagram.adopted
        {
            datagram.adopted = true;
            core.owners.insert(id, Owner::Bridge(key));
        }
    }

    /// Takes a bridge and its handle away.
    pub(super) fn forget(&mut self, key: Key) {
        let Some(bridge) = self.sockets.remove(key) else { return };
        if let Some(client) = self.clients.find_mut(bridge.client)
            && client.handles.get(&bridge.handle) == Some(&key)
        {
            client.handles.remove(&bridge.handle);
        }
    }

    /// Gives a client one more socket. `None` if it, or the daemon, has too many.
    pub(super) fn admit(&mut self, client: Key, v6: bool, state: State) -> Option<(u32, Key)> {
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

impl Bridge {
    pub(super) fn local_name(&self) -> Option<Endpoint> {
        match &self.state {
            State::Fresh(_) => self.local,
            State::Connecting(connecting) => Some(connecting.names().0),
            State::Stream(stream) => Some(stream.names().0),
            State::Listener(listener) => Some(listener.local),
            State::Datagram(datagram) => datagram.local(),
            State::Over { local, .. } => Some(*local),
        }
    }

    pub(super) fn remote_name(&self) -> Option<Endpoint> {
        match &self.state {
            State::Stream(stream) => stream.names().1,
            State::Datagram(datagram) => datagram.remote(),
            State::Over { remote, .. } => *remote,
            State::Fresh(_) | State::Connecting(_) | State::Listener(_) => None,
        }
    }
}

/// The state of a bridge whose connection is over.
pub(super) fn over(local: Endpoint) -> State {
    State::Over { local, remote: None }
}

/// Makes a socketpair; ours is the first, and it never blocks.
pub(super) fn pair(kind: SocketType) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    // Only our end: the client chooses for its own.
    rustix::io::ioctl_fionbio(&ours, true)?;
    Ok((ours, theirs))
}

/// Registers a descriptor for both directions. The first look tells what is ready already.
pub(super) fn watch(core: &mut Core, key: Key, fd: &OwnedFd) -> std::io::Result<()> {
    core.poller.add_edges(fd, Token::Bridge(key))
}
