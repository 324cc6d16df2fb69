//! `listen` and `accept` on a bridge.

use std::os::fd::OwnedFd;

use client::call::{Accepted, ErrorBody, Name};
use rustix::io::Errno;
use stack::socket::SocketRings;

use super::client_end::ClientEnd;
use super::command::Adoption;
use super::datagram::unspecified;
use super::listener::Listener;
use super::reply::Reply;
use super::request::{errno, refusal, to_value};
use super::state::{State, over};
use super::stream::Stream;
use super::table::{Bridges, watch};
use crate::option::Options;
use crate::slab::Key;
use crate::sockets::Core;
use crate::sockets::owner::Owner;

/// Requests of one client that may wait in one listener.
const ACCEPTS_MAX: usize = 64;

impl Bridges {
    /// `listen`: the client gets the event descriptor.
    pub(super) fn listen(
        &mut self,
        key: Key,
        backlog: u32,
        core: &mut Core,
    ) -> Result<OwnedFd, ErrorBody> {
        let bridge = self.bridge(key)?;
        match &bridge.state {
            State::Fresh(_) => {}
            State::Datagram(_) => return Err(errno(Errno::OPNOTSUPP)),
            // Linux changes the backlog; ours stays.
            State::Listener(listener) => return listener.event().map_err(errno),
            _ => return Err(errno(Errno::INVAL)),
        }
        let local = bridge.local.unwrap_or_else(|| unspecified(bridge.v6));
        let id = core.listen(local, backlog.max(1), bridge.options.only_v6).map_err(refusal)?;
        core.set_options(id, bridge.options.changes(Options::default()));
        let local = core.worker.local(id).unwrap_or(local);
        let State::Fresh(end) = std::mem::replace(&mut bridge.state, over(local)) else {
            return Err(errno(Errno::INVAL));
        };
        let listener = match Listener::new(id, local, end) {
            Ok(listener) => listener,
            Err(error) => {
                core.close(id);
                return Err(errno(error));
            }
        };
        let event = listener.event().map_err(errno);
        bridge.state = State::Listener(listener);
        core.owners.insert(id, Owner::Bridge(key));
        event
    }

    /// `accept`, answered at once or when a connection comes.
    pub(super) fn accept(&mut self, key: Key, blocking: bool, reply: Reply, core: &mut Core) {
        let Some(bridge) = self.sockets.find_mut(key) else {
            return reply.refuse(&errno(Errno::BADF));
        };
        let listener = match &mut bridge.state {
            State::Listener(listener) => listener,
            State::Datagram(_) => return reply.refuse(&errno(Errno::OPNOTSUPP)),
            _ => return reply.refuse(&errno(Errno::INVAL)),
        };
        match listener.take(core) {
            Some(rings) => self.adopt_from(key, rings, reply, core),
            None if !blocking => reply.refuse(&errno(Errno::AGAIN)),
            None if listener.waiting() >= ACCEPTS_MAX => reply.refuse(&errno(Errno::NOBUFS)),
            None => listener.wait(reply),
        }
    }

    /// Connections for requests that wait.
    pub(super) fn serve_accepts(&mut self, key: Key, core: &mut Core) {
        loop {
            let Some(bridge) = self.sockets.find_mut(key) else { return };
            let State::Listener(listener) = &mut bridge.state else { return };
            let Some((rings, reply)) = listener.serve(core) else { return };
            self.adopt_from(key, rings, reply, core);
        }
    }

    /// Makes an accepted connection a socket of the listener's client.
    fn adopt_from(&mut self, listener: Key, rings: SocketRings, reply: Reply, core: &mut Core) {
        let Some(parent) = self.sockets.find(listener) else {
            self.abort(rings.id, core);
            return reply.refuse(&errno(Errno::BADF));
        };
        let (client, v6, options) = (parent.client, parent.v6, parent.options);
        self.adopt_at_home(Adoption { client, v6, options, rings, reply }, core);
    }

    /// Makes an accepted connection of this shard a socket of its client.
    pub(super) fn adopt(&mut self, adoption: Adoption, core: &mut Core) {
        let Adoption { client, v6, options, rings, reply } = adoption;
        let id = rings.id;
        let refuse = |reply: Reply, error: Errno, core: &mut Core| {
            core.abort(id);
            reply.refuse(&errno(error));
        };
        let (ours, theirs) = match ClientEnd::open() {
            Ok(pair) => pair,
            Err(error) => return refuse(reply, error, core),
        };
        let peer = rings.remote.unwrap_or_else(|| unspecified(v6));
        let local = rings.local;
        let Some((handle, key)) = self.admit(client, v6, over(local)) else {
            return refuse(reply, Errno::MFILE, core);
        };
        if let Err(error) = watch(core, key, ours.fd()) {
            self.forget(key);
            core.abort(id);
            return reply.refuse(&ErrorBody::from_io(&error));
        }
        let mut stream = Stream::new(ours, rings);
        core.owners.insert(id, Owner::Bridge(key));
        core.adopt(id);
        let Name { address, port } = Name::from(peer.to_std());
        reply.with_fd(&to_value(&Accepted { handle, address, port }), Some(theirs));
        let status = stream.pump(core);
        if let Some(bridge) = self.sockets.find_mut(key) {
            bridge.options = options;
            bridge.state = State::Stream(stream);
        }
        self.apply(key, status);
    }
}
