//! Requests about sockets of other shards, and bridges that go there.
//!
//! A fresh socket is on the engine that was asked for it. `listen`, `bind` on a datagram socket,
//! and `connect` from a given port open the stack's socket, whose port says on which shard that has
//! to be: the bridge goes there together with the request. Engines hand messages over in order, so
//! a later request that follows the bridge arrives behind it.

use addr::Endpoint;
use client::call::ErrorBody;
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
            Some(Place::Moved { shard, .. }) => {
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
            let serial = bridge.serial;
            client.handles.insert(bridge.handle, Place::Moved { shard: home, serial });
        }
        let bridge = Box::new(bridge);
        self.engines.of_shard(home).hand_over(BridgeCommand::Move { bridge, verb, reply });
    }

    /// A bridge arrives from another shard.
    ///
    /// # Errors
    /// If there is no room for it, or if its client is gone: then it is no more.
    pub(super) fn move_in(&mut self, bridge: Bridge, core: &mut Core) -> Result<(), ErrorBody> {
        let (client, handle) = (bridge.client, bridge.handle);
        if !self.clients.contains_key(&client) {
            return Err(errno(Errno::BADF));
        }
        let key = match self.sockets.insert(bridge) {
            Ok(key) => key,
            Err(bridge) => {
                self.tell_handle_gone(&bridge);
                return Err(errno(Errno::NOBUFS));
            }
        };
        if let Ok(Bridge { state: State::Datagram(datagram), .. }) = self.bridge(key)
            && let Err(error) = watch(core, key, datagram.fd())
        {
            if let Some(bridge) = self.sockets.remove(key) {
                self.tell_handle_gone(&bridge);
            }
            return Err(ErrorBody::from_io(&error));
        }
        let owner = self.clients.get_mut(&client);
        let before = owner.and_then(|owner| owner.handles.insert(handle, Place::Here(key)));
        if let Some(Place::Moved { shard, serial }) = before {
            // It is back: the engines that passed requests on to it forget where it went.
            let passed = self.engines.of_shard(shard);
            passed.hand_over(BridgeCommand::HandleGone { client, handle, serial });
        }
        Ok(())
    }

    /// Lets the engines that a bridge has left know that it is no more.
    pub(super) fn tell_handle_gone(&self, bridge: &Bridge) {
        let Bridge { client, handle, serial, .. } = *bridge;
        let first = handle as usize % self.engines.len();
        if first != self.shard {
            let home = self.engines.of_shard(first);
            home.hand_over(BridgeCommand::HandleGone { client, handle, serial });
        }
    }

    /// A bridge that has moved away from here is no more. Those on its way forget it, too.
    pub(super) fn handle_gone(&mut self, client: ClientId, handle: u32, serial: u64) {
        let Some(owner) = self.clients.get_mut(&client) else { return };
        let Some(&Place::Moved { shard, serial: known }) = owner.handles.get(&handle) else {
            return;
        };
        if known == serial {
            owner.handles.remove(&handle);
            let next = self.engines.of_shard(shard);
            next.hand_over(BridgeCommand::HandleGone { client, handle, serial });
        }
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
