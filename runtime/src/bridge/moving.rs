//! Requests about sockets of other shards, and bridges that go there.
//!
//! A fresh socket is on the engine that was asked for it. `listen`, `bind` on a datagram socket,
//! and `connect` from a given port open the stack's socket, whose port says on which shard that has
//! to be: the bridge goes there together with the request. Engines hand messages over in order, so
//! a later request that follows the bridge arrives behind it.

use addr::Endpoint;
use client::socket_request::{SocketRequest, SocketVerb};
use rustix::io::Errno;

use super::client_id::ClientId;
use super::command::{Adoption, BridgeCommand};
use super::reply::Reply;
use super::request::errno;
use super::state::{Bridge, State};
use super::table::{Bridges, Place, watch};
use crate::slab::Key;
use crate::sockets::{Core, shard_of};

impl Bridges {
    /// The bridge that a verb is about, if it is on this engine and stays here. Otherwise the
    /// request goes where it has to be carried out, or is refused.
    pub(super) fn bridge_of(
        &mut self,
        (client, handle): (ClientId, u32),
        verb: SocketVerb,
        reply: Reply,
        core: &mut Core,
    ) -> Option<(Key, SocketVerb, Reply)> {
        let handles = self.clients.get(&client).map(|client| &client.handles);
        match handles.and_then(|handles| handles.get(&handle).copied()) {
            None => {
                reply.refuse(&errno(Errno::BADF));
                None
            }
            Some(Place::Moved(shard)) => {
                if verb == SocketVerb::Close {
                    self.remove_handle(client, handle);
                }
                let request = SocketRequest::On { handle, verb };
                let home = self.engines.of_shard(shard);
                home.hand_over(BridgeCommand::Call { client, request, reply });
                None
            }
            Some(Place::Here(key)) => match self.home_of(key, &verb, core) {
                home if home == self.shard => Some((key, verb, reply)),
                home => {
                    self.move_away(key, home, verb, reply, core);
                    None
                }
            },
        }
    }

    /// A handle is free again.
    pub(super) fn remove_handle(&mut self, client: ClientId, handle: u32) {
        if let Some(client) = self.clients.get_mut(&client) {
            client.handles.remove(&handle);
        }
    }

    /// The shard where a verb has to be carried out.
    fn home_of(&self, key: Key, verb: &SocketVerb, core: &Core) -> usize {
        let Some(bridge) = self.sockets.find(key) else { return self.shard };
        match (&bridge.state, verb) {
            (State::Fresh(_), SocketVerb::Listen { .. }) => {
                core.home_of_listen(bridge.local.map_or(0, |local| local.port))
            }
            (
                State::Fresh(_),
                SocketVerb::Connect(remote) | SocketVerb::ConnectStart { remote, .. },
            ) => core.home_of_connect(bridge.local, Endpoint::from(*remote)),
            (State::Datagram(datagram), SocketVerb::Bind(local)) if datagram.rings().is_none() => {
                core.home_of_bind(local.port())
            }
            _ => self.shard,
        }
    }

    fn move_away(
        &mut self,
        key: Key,
        home: usize,
        verb: SocketVerb,
        reply: Reply,
        core: &mut Core,
    ) {
        let Some(bridge) = self.sockets.remove(key) else { return };
        if let State::Datagram(datagram) = &bridge.state {
            core.poller.remove(datagram.fd());
        }
        if let Some(client) = self.clients.get_mut(&bridge.client) {
            client.handles.insert(bridge.handle, Place::Moved(home));
        }
        let bridge = Box::new(bridge);
        self.engines.of_shard(home).hand_over(BridgeCommand::Move { bridge, verb, reply });
    }

    /// A bridge arrives from another shard. Returns whether there is room for it; if not, or if its
    /// client is gone, it closes and the request is refused.
    pub(super) fn move_in(&mut self, bridge: Bridge, core: &mut Core) -> bool {
        let (client, handle) = (bridge.client, bridge.handle);
        if !self.clients.contains_key(&client) {
            return false;
        }
        let Ok(key) = self.sockets.insert(bridge) else { return false };
        if let Ok(Bridge { state: State::Datagram(datagram), .. }) = self.bridge(key)
            && watch(core, key, datagram.fd()).is_err()
        {
            self.sockets.remove(key);
            return false;
        }
        if let Some(client) = self.clients.get_mut(&client) {
            client.handles.insert(handle, Place::Here(key));
        }
        true
    }

    /// Makes an accepted connection a socket of the listener's client, on the engine of its shard.
    pub(super) fn adopt_at_home(&mut self, adoption: Adoption, core: &mut Core) {
        if core.is_home_of(adoption.rings.id) {
            self.adopt(adoption, core);
        } else {
            let home = self.engines.of_shard(shard_of(adoption.rings.id));
            home.hand_over(BridgeCommand::Adopt(Box::new(adoption)));
        }
    }
}
