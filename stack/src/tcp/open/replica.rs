//! Listeners over several shards.
//!
//! A listener's home is the shard of its port: it decides about conflicts and has the one accept
//! queue. Every other shard has a replica, which finishes the handshakes of the flows that live
//! there and sends each connection home. How many wait is counted in one place for all, so that the
//! backlog holds over the sum. Messages between two shards keep their order: a replica hears of
//! options and of the end after it was made.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use crate::cx::Cx;
use crate::event::Readiness;
use crate::socket::{SocketId, SocketKind, SocketRings};
use crate::steer::Home;
use crate::store::slab::Key;
use crate::tcp::Tcp;
use crate::tcp::open::listen::Listener;
use crate::tcp::open::message::{Announcement, ListenerChange, ListenerMessage, Outgoing};

impl Tcp {
    /// The next message to other shards.
    #[inline]
    pub(crate) fn next_message(&mut self) -> Option<Outgoing> {
        self.outgoing.pop_front()
    }

    /// Whether there is one.
    #[inline]
    pub(crate) fn has_messages(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Takes a message of another shard.
    pub(crate) fn receive_message(&mut self, cx: &mut Cx<'_>, message: ListenerMessage) {
        match message {
            ListenerMessage::Change(change) => self.change_replica(change),
            ListenerMessage::Accepted(id, rings) => match self.listener_mut(id) {
                Some(_) => self.push_accepted(cx, id.index, *rings),
                None => self.abort_anywhere(cx, rings.id),
            },
            ListenerMessage::Abort(id) => self.abort(cx, id),
        }
    }

    fn change_replica(&mut self, change: ListenerChange) {
        match change {
            ListenerChange::Add(announcement) => self.add_replica(*announcement),
            ListenerChange::Options(id, options) => {
                if let Some(replica) = self.replica_mut(id) {
                    replica.options = options;
                }
            }
            ListenerChange::Del(id) => {
                if let Some(index) = self.listeners.replicas.remove(&id) {
                    self.forget_listener(index);
                }
            }
        }
    }

    /// Tells the other shards of a new listener.
    pub(super) fn announce_listener(&mut self, index: u32) {
        if self.home.is_alone() {
            return;
        }
        let Some(listener) = self.listeners.slab.at(index) else { return };
        let announcement = Announcement {
            id: listener.home,
            local: listener.local,
            only_v6: listener.only_v6,
            backlog: listener.backlog,
            options: listener.options.clone(),
            totals: listener.totals.clone(),
        };
        self.send_to_others(ListenerChange::Add(Box::new(announcement)));
    }

    /// Tells all other shards, if there are any.
    pub(crate) fn send_to_others(&mut self, change: ListenerChange) {
        if !self.home.is_alone() {
            self.outgoing.push_back(Outgoing::Others(change));
        }
    }

    /// Resets a connection that nobody accepted, wherever it lives.
    pub(super) fn abort_anywhere(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        if id.shard == self.home.shard {
            self.abort(cx, id);
        } else {
            self.outgoing.push_back(Outgoing::One(id.shard, ListenerMessage::Abort(id)));
        }
    }

    /// A handshake of the listener in slot `index` is complete: the connection waits in the home's
    /// queue.
    pub(super) fn enqueue_accepted(&mut self, cx: &mut Cx<'_>, index: u32, rings: SocketRings) {
        let Some(listener) = self.listeners.slab.at_mut(index) else { return };
        if let Some(totals) = &listener.totals {
            totals.waiting.fetch_add(1, Ordering::Relaxed);
        }
        let home = listener.home;
        if home.shard == self.home.shard {
            self.push_accepted(cx, index, rings);
        } else {
            let message = ListenerMessage::Accepted(home, Box::new(rings));
            self.outgoing.push_back(Outgoing::One(home.shard, message));
        }
    }

    fn push_accepted(&mut self, cx: &mut Cx<'_>, index: u32, rings: SocketRings) {
        if let Some(listener) = self.listeners.slab.at_mut(index) {
            listener.queue.push_back(rings);
            cx.events.mark(listener.home, &mut listener.pending_events, Readiness::INCOMING);
        }
    }

    fn add_replica(&mut self, announcement: Announcement) {
        let Announcement { id, local, only_v6, backlog, options, totals } = announcement;
        let key = self.listeners.insert_with(|_| Listener {
            local,
            only_v6,
            backlog,
            embryos: 0,
            young: 0,
            cookies_at: None,
            queue: VecDeque::new(),
            home: id,
            totals,
            pending_events: Readiness::NONE,
            options,
        });
        if let Some(key) = key {
            self.listeners.replicas.insert(id, key.index);
        }
    }

    fn replica_mut(&mut self, id: SocketId) -> Option<&mut Listener> {
        let index = *self.listeners.replicas.get(&id)?;
        self.listeners.slab.at_mut(index)
    }
}

impl Home {
    /// The name of the connection in a slot of this shard.
    pub(in crate::tcp) fn conn_id(&self, key: Key) -> SocketId {
        let Key { index, generation } = key;
        SocketId { kind: SocketKind::TcpConnection, shard: self.shard, index, generation }
    }

    /// The slab's name of a connection of this shard.
    #[inline]
    pub(in crate::tcp) fn conn_key(&self, id: SocketId) -> Option<Key> {
        self.key(SocketKind::TcpConnection, id)
    }

    /// The name of the listener in a slot of this shard.
    pub(in crate::tcp) fn listener_id(&self, index: u32, generation: u32) -> SocketId {
        SocketId { kind: SocketKind::TcpListener, shard: self.shard, index, generation }
    }

    /// The slab's name of a listener whose home is this shard.
    pub(in crate::tcp) fn listener_key(&self, id: SocketId) -> Option<Key> {
        self.key(SocketKind::TcpListener, id)
    }

    #[inline]
    fn key(&self, kind: SocketKind, id: SocketId) -> Option<Key> {
        let SocketId { index, generation, .. } = id;
        (id.kind == kind && id.shard == self.shard).then_some(Key { index, generation })
    }
}
