//! UDP sockets, and who gets a datagram.
//!
//! Sockets are chained by local port. Two may share one only where no datagram could be for both:
//! different addresses, or wildcards of different families. Of those that take a datagram the
//! closest fit gets it, in the order in which Linux scores: bound to its destination, connected to
//! its source, of its very family.

use addr::{Endpoint, Ip};
use ring::bytes::{Reader, Writer};

use crate::event::Readiness;
use crate::fib::Path;
use crate::limits::Limits;
use crate::random::Random;
use crate::socket::{SocketError, SocketId, SocketKind};
use crate::steer::Home;
use crate::store::drained::Drain;
use crate::store::slab::{Key, Slab};
use crate::time::Instant;

/// A UDP socket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(super) id: SocketId,
    /// Address it was bound to; unspecified for a wildcard.
    pub(super) bound: Ip,
    /// Present address and port; connecting fills in the address (as Linux).
    pub(super) local: Endpoint,
    pub(super) only_v6: bool,
    pub(super) remote: Option<Endpoint>,
    /// Datagrams for the application; none once it has closed.
    pub(super) rx: Option<Writer>,
    /// Datagrams of the application.
    pub(super) tx: Reader,
    /// What went wrong since somebody last asked.
    pub(super) error: Option<SocketError>,
    pub(super) pending_events: Readiness,
    pub(super) drain: Drain,
    /// In the ready queue of an interface, or waiting for the snapshot to change.
    pub(super) queued: bool,
    /// The path of the last datagram, for the next one.
    pub(super) route: Option<Route>,
    /// A datagram that leaves in fragments and is not all out yet.
    pub(super) cut: Option<Cut>,
    /// The next socket of this port, plus one.
    next: u32,
}

/// A path kept between datagrams to one destination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) destination: Ip,
    pub(super) path: Path,
    /// When the last report that the neighbour is in use went to control.
    pub(super) used_reported_at: Instant,
}

/// A datagram half way out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) identification: u32,
    /// Bytes of UDP header and payload that are out.
    pub(super) offset: usize,
    /// Bytes in each fragment but the last.
    pub(super) size: usize,
}

impl Socket {
    /// Whether the socket takes datagrams of `ip`'s family when it is bound to no address.
    fn wildcard_takes(&self, ip: Ip) -> bool {
        if self.local.ip.is_v4() { ip.is_v4() } else { ip.is_v6() || !self.only_v6 }
    }

    /// How well it fits a datagram from `remote` to `local`; none if not at all.
    fn score(&self, local: Ip, remote: Endpoint) -> Option<u8> {
        let specific = !self.local.ip.is_unspecified();
        let fits = if specific { self.local.ip == local } else { self.wildcard_takes(local) };
        let connected = self.remote.is_some();
        if !fits || self.remote.is_some_and(|peer| peer != remote) {
            return None;
        }
        let family = self.local.ip.same_family(&local);
        Some(u8::from(specific) << 2 | u8::from(connected) << 1 | u8::from(family))
    }

    /// Whether a datagram could be for this socket and for one at `ip`.
    fn overlaps(&self, ip: Ip, only_v6: bool) -> bool {
        match (self.local.ip.is_unspecified(), ip.is_unspecified()) {
            (false, false) => self.local.ip == ip,
            (true, false) => self.wildcard_takes(ip),
            (false, true) => ip.same_family(&self.local.ip) || (ip.is_v6() && !only_v6),
            (true, true) => {
                self.local.ip.same_family(&ip) || if ip.is_v6() { !only_v6 } else { !self.only_v6 }
            }
        }
    }
}

/// Every socket.
#[derive(Debug)]
pub(super) struct Table {
    home: Home,
    sockets: Slab<Socket>,
    /// First socket of each port, plus one.
    ports: Vec<u32>,
}

impl Table {
    pub(super) fn new(limits: &Limits, home: Home) -> Self {
        let limit = limits.udp_sockets as usize;
        Self { home, sockets: Slab::new(limit, 0), ports: vec![0; 1 << 16] }
    }

    /// Adds a socket at `local`, whose port must be [`Table::is_free`].
    pub(super) fn insert(
        &mut self,
        local: Endpoint,
        only_v6: bool,
        rx: Writer,
        tx: Reader,
    ) -> Result<SocketId, SocketError> {
        let head = self.ports[usize::from(local.port)];
        let key = self.sockets.insert_with(|key| Socket {
            id: SocketId {
                kind: SocketKind::Udp,
                shard: self.home.shard,
                index: key.index,
                generation: key.generation,
            },
            bound: local.ip,
            local,
            only_v6,
            remote: None,
            rx: Some(rx),
            tx,
            error: None,
            pending_events: Readiness::NONE,
            drain: Drain::None,
            queued: false,
            route: None,
            cut: None,
            next: head,
        });
        let key = key.ok_or(SocketError::NoBuffers)?;
        self.ports[usize::from(local.port)] = key.index + 1;
        self.at(key.index).map(|s| s.id).ok_or(SocketError::NoBuffers)
    }

    /// Takes a socket off its port, so that no datagram finds it and the port is free.
    pub(super) fn unbind(&mut self, index: u32) {
        let Some(socket) = self.sockets.at(index) else { return };
        let (port, next) = (usize::from(socket.local.port), socket.next);
        let mut at = self.ports[port];
        if at == index + 1 {
            self.ports[port] = next;
            return;
        }
        while let Some(socket) = at.checked_sub(1).and_then(|at| self.sockets.at_mut(at)) {
            if socket.next == index + 1 {
                socket.next = next;
                return;
            }
            at = socket.next;
        }
    }

    /// Frees the slot of a socket that is off its port.
    pub(super) fn remove(&mut self, index: u32) {
        self.sockets.remove(index);
    }

    /// Whether a socket at `ip` could have `port`.
    pub(super) fn is_free(&self, ip: Ip, port: u16, only_v6: bool) -> bool {
        !self.chain(port).any(|(_, s)| s.overlaps(ip, only_v6))
    }

    /// A free port of the ephemeral range that is this shard's, from a random place on (RFC 6056
    /// §3.3.1).
    pub(super) fn ephemeral(
        &self,
        ip: Ip,
        only_v6: bool,
        limits: &Limits,
        rng: &mut Random,
    ) -> Option<u16> {
        let (first, last) = (limits.ephemeral_port_first, limits.ephemeral_port_last);
        let count = u32::from(last.checked_sub(first)?) + 1;
        let start = rng.below(count);
        (0..count).map(|i| first + ((start + i) % count) as u16).find(|port| {
            *port != 0 && self.home.owns_port(*port) && self.is_free(ip, *port, only_v6)
        })
    }

    /// The socket that gets a datagram from `remote` to `local`.
    pub(super) fn lookup(&self, local: Endpoint, remote: Endpoint) -> Option<u32> {
        let mut best: Option<(u8, u32)> = None;
        for (index, socket) in self.chain(local.port) {
            if let Some(score) = socket.score(local.ip, remote)
                && best.is_none_or(|(most, _)| score > most)
            {
                best = Some((score, index));
            }
        }
        best.map(|(_, index)| index)
    }

    /// The socket after `after` (none: the first) that takes a datagram for a group or for all.
    pub(super) fn lookup_next(
        &self,
        after: Option<u32>,
        local: Endpoint,
        remote: Endpoint,
    ) -> Option<u32> {
        let mut chain = self.chain(local.port);
        if let Some(after) = after {
            chain.find(|(index, _)| *index == after)?;
        }
        chain.find(|(_, s)| s.score(local.ip, remote).is_some()).map(|(index, _)| index)
    }

    pub(super) fn at(&self, index: u32) -> Option<&Socket> {
        self.sockets.at(index)
    }

    pub(super) fn at_mut(&mut self, index: u32) -> Option<&mut Socket> {
        self.sockets.at_mut(index)
    }

    pub(super) fn by_id(&mut self, id: SocketId) -> Option<&mut Socket> {
        let key = Key { index: id.index, generation: id.generation };
        self.sockets.lookup_mut(key).filter(|_| id.shard == self.home.shard)
    }

    pub(super) fn look(&self, id: SocketId) -> Option<&Socket> {
        let key = Key { index: id.index, generation: id.generation };
        self.sockets.lookup(key).filter(|_| id.shard == self.home.shard)
    }

    /// Every socket from slot `first` on.
    pub(super) fn iter_from(&self, first: u32) -> impl Iterator<Item = (u32, &Socket)> {
        self.sockets.iter_from(first)
    }

    fn chain(&self, port: u16) -> impl Iterator<Item = (u32, &Socket)> {
        let mut at = self.ports[usize::from(port)];
        core::iter::from_fn(move || {
            let index = at.checked_sub(1)?;
            let socket = self.sockets.at(index)?;
            at = socket.next;
            Some((index, socket))
        })
    }
}
