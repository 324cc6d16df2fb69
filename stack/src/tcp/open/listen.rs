//! Listeners: how they are found, their accept queues, and when those count as full.
//!
//! What segments do to them is in `passive`, the handshakes under way in `embryos`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use addr::{Endpoint, Ip};

use crate::cx::Cx;
use crate::event::Readiness;
use crate::limits::Limits;
use crate::socket::{SocketError, SocketId, SocketRings};
use crate::store::slab::{Key, Slab};
use crate::tcp::Tcp;
use crate::tcp::open::cookies;
use crate::tcp::open::embryos;
use crate::tcp::open::isn::Secrets;
use crate::tcp::open::message::ListenerChange;
use crate::tcp::open::totals::ListenerTotals;
use crate::tcp::user::socket_options::SocketOptions;
use crate::time::{Duration, Instant};

/// How to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// Connections that may wait to be accepted.
    pub backlog: u32,
    /// A wildcard IPv6 listener takes no IPv4 connections.
    pub only_v6: bool,
}

impl Default for ListenOptions {
    /// Linux's `SOMAXCONN`.
    fn default() -> Self {
        Self { backlog: 4096, only_v6: false }
    }
}

/// A socket that waits for connections.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) local: Endpoint,
    pub(crate) only_v6: bool,
    pub(crate) backlog: u32,
    /// Embryos of this listener on this shard.
    pub(crate) embryos: u32,
    /// Those of them whose SYN-ACK was sent once.
    pub(crate) young: u32,
    /// When the last cookie left.
    pub(crate) cookies_at: Option<Instant>,
    /// Connections to accept; empty on shards that are not its home.
    pub(crate) queue: VecDeque<SocketRings>,
    /// The listener's name; its shard is the home, all others have replicas.
    pub(crate) home: SocketId,
    /// What is counted over all shards; none where there is but one.
    pub(crate) totals: Option<Arc<ListenerTotals>>,
    pub(crate) pending_events: Readiness,
    /// What its connections start with.
    pub(crate) options: SocketOptions,
}

impl Listener {
    /// The accept queue is full: it takes one more than the backlog, as in Linux.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting() > self.backlog as usize
    }

    /// Connections that wait to be accepted, over all shards.
    pub(crate) fn waiting(&self) -> usize {
        match &self.totals {
            None => self.queue.len(),
            Some(totals) => totals.waiting.load(Ordering::Relaxed) as usize,
        }
    }

    /// Embryos over all shards.
    fn all_embryos(&self) -> u32 {
        match &self.totals {
            None => self.embryos,
            Some(totals) => totals.embryos.load(Ordering::Relaxed),
        }
    }

    /// A handshake has begun here.
    pub(super) fn add_embryo(&mut self) {
        self.embryos += 1;
        self.young += 1;
        if let Some(totals) = &self.totals {
            totals.embryos.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A handshake has ended here, either way.
    pub(super) fn remove_embryo(&mut self, young: bool) {
        self.embryos = self.embryos.saturating_sub(1);
        self.young = self.young.saturating_sub(u32::from(young));
        if let Some(totals) = &self.totals {
            totals.embryos.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// There are as many embryos as the accept queue could take, or as any listener may have (Linux
    /// `inet_csk_reqsk_queue_is_full`, `tcp_max_syn_backlog`).
    pub(crate) fn is_crowded(&self, limits: &Limits) -> bool {
        let embryos = self.all_embryos();
        embryos > self.backlog || embryos >= limits.tcp_embryos
    }

    /// Cookies were sent lately enough for one to come back. At other times every ACK is a stray,
    /// and nobody can try numbers.
    pub(crate) fn expects_cookies(&self, cx: &Cx<'_>) -> bool {
        let valid = Duration::from_millis(cookies::VALID_MS);
        self.cookies_at.is_some_and(|at| cx.now.since(at) < valid)
    }

    /// How often a SYN-ACK is repeated. While the embryos are more than half of what the queue
    /// takes, old ones give way to young ones (Linux `reqsk_timer_handler`).
    pub(crate) fn syn_ack_retries(&self, limits: &Limits) -> u32 {
        let mut retries = limits.tcp_synack_retries.min(embryos::RETRIES_MAX);
        if u64::from(self.all_embryos()) * 2 > u64::from(self.backlog.max(8)) {
            let mut young = u64::from(self.young) * 2;
            while retries > 2 && u64::from(self.embryos) >= young {
                retries -= 1;
                young *= 2;
            }
        }
        retries
    }
}

/// All listeners, and by which address and port they are found.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) slab: Slab<Listener>,
    by_port: BTreeMap<(u16, Ip), u32>,
    /// Replicas of listeners whose home is another shard.
    pub(super) replicas: BTreeMap<SocketId, u32>,
    /// Listeners that may have their home here.
    limit: usize,
}

impl Listeners {
    /// Room for `limit` listeners of this shard, and for replicas of as many of each other.
    pub(crate) fn new(limit: usize, shards: usize) -> Self {
        Self {
            slab: Slab::new(limit.saturating_mul(shards), 0),
            by_port: BTreeMap::new(),
            replicas: BTreeMap::new(),
            limit,
        }
    }

    /// Whether one more may have its home here.
    fn has_room(&self) -> bool {
        self.slab.len() - self.replicas.len() < self.limit
    }

    /// The listener that takes connections to `local`: the most specific one.
    pub(crate) fn find(&self, local: &Endpoint) -> Option<u32> {
        let Endpoint { ip, port } = *local;
        let at = |ip| self.by_port.get(&(port, ip)).copied();
        at(ip).or_else(|| at(ip.unspecified())).or_else(|| {
            at(Ip::UNSPECIFIED_V6)
                .filter(|&index| self.slab.at(index).is_some_and(|l| ip.is_v6() || !l.only_v6))
        })
    }

    /// Whether a listener at `local` would meet one that is there.
    pub(crate) fn conflicts(&self, local: &Endpoint, only_v6: bool) -> bool {
        let range = (local.port, Ip::from_bits(0))..=(local.port, Ip::from_bits(u128::MAX));
        self.by_port.range(range).any(|(&(_, other), &index)| {
            let other_only_v6 = self.slab.at(index).is_some_and(|l| l.only_v6);
            let both = |wild: Ip, only_v6: bool, ip: Ip| {
                wild.is_unspecified() && (wild.same_family(&ip) || wild.is_v6() && !only_v6)
            };
            other == local.ip
                || both(other, other_only_v6, local.ip)
                || both(local.ip, only_v6, other)
        })
    }

    pub(super) fn insert_with(&mut self, make: impl FnOnce(Key) -> Listener) -> Option<Key> {
        let key = self.slab.insert_with(make)?;
        let listener = self.slab.at(key.index)?;
        self.by_port.insert((listener.local.port, listener.local.ip), key.index);
        Some(key)
    }

    pub(super) fn remove(&mut self, index: u32) -> Option<Listener> {
        let listener = self.slab.remove(index)?;
        self.by_port.remove(&(listener.local.port, listener.local.ip));
        Some(listener)
    }
}

impl Tcp {
    /// Begins to listen.
    pub(crate) fn listen(
        &mut self,
        cx: &mut Cx<'_>,
        local: Endpoint,
        options: ListenOptions,
    ) -> Result<SocketId, SocketError> {
        let mut local = local;
        if local.ip.is_multicast() || local.ip.is_limited_broadcast() {
            return Err(SocketError::AddressNotAvailable);
        }
        if !local.ip.is_unspecified() && cx.fib.owner(local.ip).is_none() {
            return Err(SocketError::AddressNotAvailable);
        }
        if local.port == 0 {
            let any = Endpoint::new(local.ip.unspecified(), cx.rng.next_u32() as u16);
            let (home, listeners) = (self.home, &self.listeners);
            let free = |port| {
                let local = Endpoint::new(local.ip, port);
                home.owns_port(port) && !listeners.conflicts(&local, options.only_v6)
            };
            let skipped = Secrets::draw_skipped(cx.rng);
            let port = self.secrets.port(cx.limits, skipped, (local.ip, &any), free);
            local.port = port.ok_or(SocketError::AddressInUse)?;
        } else if !self.home.owns_port(local.port) {
            return Err(SocketError::InvalidArgument);
        } else if self.listeners.conflicts(&local, options.only_v6) {
            return Err(SocketError::AddressInUse);
        }
        if !self.listeners.has_room() {
            return Err(SocketError::NoBuffers);
        }
        let home = self.home;
        let key = self.listeners.insert_with(|Key { index, generation }| Listener {
            local,
            only_v6: options.only_v6,
            backlog: options.backlog.min(cx.limits.somaxconn),
            embryos: 0,
            young: 0,
            cookies_at: None,
            queue: VecDeque::new(),
            home: home.listener_id(index, generation),
            totals: (!home.is_alone()).then(Arc::default),
            pending_events: Readiness::NONE,
            options: SocketOptions::default(),
        });
        let Key { index, generation } = key.ok_or(SocketError::NoBuffers)?;
        self.announce_listener(index);
        Ok(home.listener_id(index, generation))
    }

    /// The next established connection.
    pub(crate) fn accept(
        &mut self,
        cx: &mut Cx<'_>,
        id: SocketId,
    ) -> Result<Option<SocketRings>, SocketError> {
        let listener = self.listener_mut(id).ok_or(SocketError::BadSocket)?;
        let Some(rings) = listener.queue.pop_front() else { return Ok(None) };
        if let Some(totals) = &listener.totals {
            totals.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        if rings.id.shard == self.home.shard {
            self.adopt(cx, rings.id);
        }
        Ok(Some(rings))
    }

    /// A connection that waited to be accepted has a user now, who is notified of what became of it
    /// meanwhile.
    pub(crate) fn adopt(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        match self.conn_mut(id) {
            Some(conn) if conn.in_accept_queue => {
                conn.in_accept_queue = false;
                let mut what = Readiness::CONNECTED | Readiness::WRITABLE;
                if conn.rcv.ring.buffered() > 0 || conn.rcv.ring.is_finished() {
                    what |= Readiness::READABLE;
                }
                conn.notify(cx, what);
            }
            Some(_) => {}
            // It died waiting; nobody was notified of its end yet.
            None => cx.events.mark(id, &mut Readiness::default(), Readiness::GONE),
        }
    }

    /// Stops listening: embryos are forgotten, connections nobody accepted are reset.
    pub(crate) fn close_listener(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        if self.listener_mut(id).is_none() {
            return;
        }
        let Some(mut listener) = self.forget_listener(id.index) else { return };
        for rings in listener.queue.drain(..) {
            self.abort_anywhere(cx, rings.id);
        }
        self.send_to_others(ListenerChange::Del(id));
        cx.events.mark(id, &mut listener.pending_events, Readiness::GONE);
    }

    /// Removes a listener, or a replica of one, with its embryos.
    pub(super) fn forget_listener(&mut self, index: u32) -> Option<Listener> {
        let listener = self.listeners.remove(index)?;
        let embryos = self.embryos.iter().filter(|(_, _, listener)| *listener == index);
        let embryos: Vec<u32> = embryos.map(|(index, _, _)| index).collect();
        for index in embryos {
            self.remove_embryo(index);
        }
        self.embryos.forget_listener(index);
        Some(listener)
    }

    pub(crate) fn listener_mut(&mut self, id: SocketId) -> Option<&mut Listener> {
        self.listeners.slab.lookup_mut(self.home.listener_key(id)?)
    }
}
