//! The table of clients, their handles, and the bridges behind these.
//!
//! Every engine knows every client, and has the handles of the sockets that were opened on its
//! shard. The remainder of a handle by the number of shards is the shard on which it was given out,
//! so a request is sent there. A bridge that had to move since leaves the number of its shard
//! behind, and requests follow it.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use client::call::ErrorBody;
use client::datagram::PACKET_MAX;
use rustix::io::Errno;
use stack::SocketId;

use super::client_id::ClientId;
use super::quota::Quota;
use super::request::errno;
use super::state::{Bridge, State};
use super::status::Status;
use crate::command::Command;
use crate::mailbox::Engines;
use crate::option::Options;
use crate::slab::{Key, Slab};
use crate::sockets::owner::Owner;
use crate::sockets::poller::Token;
use crate::sockets::{Core, shard_of};

/// Clients at a time.
const CLIENTS_MAX: usize = 256;

/// All bridges of an engine.
pub(crate) struct Bridges {
    pub(super) sockets: Slab<Bridge>,
    pub(super) clients: BTreeMap<ClientId, Client>,
    pub(super) shard: usize,
    pub(super) engines: Engines,
    /// The serial number of the bridge that was made last.
    last_serial: u64,
    /// Where one datagram lies between its socketpair and its ring.
    pub(super) scratch: Box<[u8]>,
}

/// One control connection.
pub(super) struct Client {
    pub(super) handles: BTreeMap<u32, Place>,
    next_handle: u32,
    quota: Quota,
}

/// Where the bridge of a handle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On this engine.
    Here(Key),
    /// On the engine of this shard, or of one that it has moved to since, under this serial number.
    Moved { shard: usize, serial: u64 },
}

impl Bridges {
    /// Those of shard `shard`.
    pub(crate) fn new(shard: usize, engines: Engines) -> Self {
        Self {
            // How many there may be is counted for all engines together.
            sockets: Slab::new(u32::MAX as usize),
            clients: BTreeMap::new(),
            shard,
            engines,
            last_serial: 0,
            scratch: vec![0; PACKET_MAX].into_boxed_slice(),
        }
    }

    /// Whether epoll may have something to report of a bridge.
    pub(crate) fn has_descriptors(&self) -> bool {
        !self.sockets.is_empty()
    }

    /// A control connection begins. False if there are too many.
    pub(super) fn open_client(&mut self, client: ClientId, quota: Quota) -> bool {
        if self.clients.len() >= CLIENTS_MAX {
            return false;
        }
        let next_handle = self.shard as u32;
        self.clients.insert(client, Client { handles: BTreeMap::new(), next_handle, quota });
        true
    }

    /// A control connection is over: its sockets close as those of a process that died.
    pub(super) fn close_client(&mut self, client: ClientId, core: &mut Core) {
        let Some(client) = self.clients.remove(&client) else { return };
        for place in client.handles.into_values() {
            if let Place::Here(key) = place {
                self.close(key, core);
            }
        }
    }

    /// The engine ends.
    pub(crate) fn close_all(&mut self, core: &mut Core) {
        while let Some((client, _)) = self.clients.first_key_value() {
            self.close_client(*client, core);
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
        let status = match &mut bridge.state {
            State::Fresh(_) | State::Over { .. } => Status::Closed,
            State::Connecting(connecting) => {
                connecting.cancel(core);
                Status::Closed
            }
            State::Stream(stream) => stream.close(core),
            State::Listener(listener) => {
                if let Some(held) = listener.close(core) {
                    self.abort(held.id, core);
                }
                Status::Closed
            }
            State::Datagram(datagram) => {
                datagram.close(core, bridge.v6, &mut self.scratch);
                Status::Closed
            }
        };
        self.apply(key, status);
    }

    /// Gives up an accepted connection that nobody took, on the engine of its shard.
    pub(super) fn abort(&self, id: SocketId, core: &mut Core) {
        if core.is_home_of(id) {
            core.abort(id);
        } else {
            self.engines.of_shard(shard_of(id)).hand_over(Command::Abort(id));
        }
    }

    /// Takes away, or marks as over, a bridge that goes on no longer.
    pub(super) fn apply(&mut self, key: Key, status: Status) {
        match status {
            Status::Open => {}
            Status::Closed => self.forget(key),
            Status::Disconnected(error) => {
                let Some(bridge) = self.sockets.find_mut(key) else { return };
                let (local, remote) = match &bridge.state {
                    State::Stream(stream) => stream.names(),
                    State::Connecting(connecting) => connecting.names(),
                    _ => return,
                };
                let known = self.clients.contains_key(&bridge.client);
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
        if let Some(id) = datagram.rings().map(|rings| rings.id)
            && !datagram.adopted
        {
            datagram.adopted = true;
            core.owners.insert(id, Owner::Bridge(key));
        }
    }

    /// Takes a bridge and its handle away.
    pub(super) fn forget(&mut self, key: Key) {
        let Some(bridge) = self.sockets.remove(key) else { return };
        if let Some(client) = self.clients.get_mut(&bridge.client)
            && client.handles.get(&bridge.handle) == Some(&Place::Here(key))
        {
            client.handles.remove(&bridge.handle);
            self.tell_handle_gone(&bridge);
        }
    }

    /// A handle of a client whose connection is over. It may be closed as far as we can know.
    fn first_over(&self, client: ClientId) -> Option<Key> {
        let is_over = |key: &Key| {
            self.sockets.find(*key).is_some_and(|bridge| matches!(bridge.state, State::Over { .. }))
        };
        let here = self.clients.get(&client)?.handles.values().filter_map(|place| match place {
            Place::Here(key) => Some(*key),
            Place::Moved { .. } => None,
        });
        { here }.find(is_over)
    }

    /// Gives a client one more socket, in place of one whose connection is over if it has as many
    /// as it may. `None` if it, or the daemon, has too many.
    pub(super) fn admit(&mut self, client: ClientId, v6: bool, state: State) -> Option<(u32, Key)> {
        let (first, step) = (self.shard as u32, self.engines.len() as u32);
        let admission = match self.clients.get(&client)?.quota.admit() {
            Some(admission) => admission,
            None => {
                self.forget(self.first_over(client)?);
                self.clients.get(&client)?.quota.admit()?
            }
        };
        let owner = self.clients.get_mut(&client)?;
        let next = |handle: u32| handle.checked_add(step).unwrap_or(first);
        let mut handle = owner.next_handle;
        while owner.handles.contains_key(&handle) {
            handle = next(handle);
        }
        owner.next_handle = next(handle);
        self.last_serial += 1;
        let bridge = Bridge {
            client,
            handle,
            serial: self.last_serial,
            _admission: admission,
            v6,
            local: None,
            error: None,
            options: Options::default(),
            state,
        };
        let key = self.sockets.insert(bridge).ok()?;
        self.clients.get_mut(&client)?.handles.insert(handle, Place::Here(key));
        Some((handle, key))
    }
}

/// Registers a descriptor for both directions. The first wait reports what is ready already.
pub(super) fn watch(core: &mut Core, key: Key, fd: &OwnedFd) -> std::io::Result<()> {
    core.poller.add_edges(fd, Token::Bridge(key))
}
