//! UDP (RFC 768): sockets, delivery, sending.
//!
//! A socket is two rings of records ([`Record`]) with the application. What arrives is checked and
//! copied into the receive ring in one pass; without room it is dropped and counted. What is to be
//! sent stays in the send ring until a transmit slot is lent, and is built there: socket after
//! socket, one datagram each. A datagram beyond the path's size leaves in fragments, a slot each.
//!
//! A socket whose next hop is being resolved waits until the snapshot has its link address. Errors
//! are kept one at a time for whoever asks ([`crate::Host::take_error`]): ECONNREFUSED on a
//! connected socket (only where Linux reports it too), no route, no answer from the next hop.
//!
//! A wildcard `::` socket takes IPv4 too unless `IPV6_V6ONLY` is set.

mod input;
mod output;
mod record;
mod table;

pub(crate) use input::verify;
pub use record::{RECORD_LEN, Record};

use std::collections::VecDeque;

use addr::{Endpoint, IfIndex};
use ring::byte_ring;

use crate::cx::Cx;
use crate::event::Readiness;
use crate::ip::ident::Ident;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::socket::{ListPlace, SocketError, SocketId, SocketInfo, SocketKind, SocketRings};
use crate::steer::Home;
use crate::store::drained::{Drain, Drained};
use crate::store::waiting::NextHop;
use crate::time::Instant;
use crate::udp::table::Table;

/// Largest payload over IPv4: what a length field can say, less both headers.
pub const PAYLOAD_MAX_V4: usize = 65_507;
/// Largest payload over IPv6.
pub const PAYLOAD_MAX_V6: usize = 65_527;

/// Largest record of a datagram in a ring, whatever its family: a socket is reported writable when
/// there is room for it in the send ring, after there was none.
pub const RECORD_MAX: usize = RECORD_LEN + u16::MAX as usize;

/// How to bind a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpOptions {
    /// A wildcard IPv6 socket takes no IPv4.
    pub only_v6: bool,
}

/// Every UDP socket of a shard.
#[derive(Debug)]
pub(crate) struct Udp {
    home: Home,
    table: Table,
    ident: Ident,
    /// Sockets that may send, per interface of their next datagram.
    ready: Vec<(IfIndex, VecDeque<u32>)>,
    /// Sockets that wait for the snapshot to change.
    waiting: Vec<u32>,
    drained: Drained,
}

impl Udp {
    pub(crate) fn new(limits: &Limits, home: Home, keys: &Keys) -> Self {
        Self {
            home,
            table: Table::new(limits, home),
            ident: Ident::new(home, keys.udp_ident),
            ready: Vec::new(),
            waiting: Vec::new(),
            drained: Drained::default(),
        }
    }

    /// Makes a socket at `local`; port 0 picks one.
    pub(crate) fn bind(
        &mut self,
        cx: &mut Cx<'_>,
        local: Endpoint,
        options: UdpOptions,
    ) -> Result<SocketRings, SocketError> {
        let ip = local.ip;
        if !ip.is_unspecified() && !cx.fib.is_to_many(ip) && !cx.fib.is_local(ip) {
            return Err(SocketError::AddressNotAvailable);
        }
        if local.port != 0 && !self.home.owns_port(local.port) {
            return Err(SocketError::InvalidArgument);
        }
        let port = match local.port {
            0 => self.table.ephemeral(ip, options.only_v6, cx.limits, cx.rng),
            port => Some(port).filter(|port| self.table.is_free(ip, *port, options.only_v6)),
        };
        let local = Endpoint::new(ip, port.ok_or(SocketError::AddressInUse)?);
        // The largest record must fit, or it could never be sent.
        let capacity = cx.limits.udp_buffer.max(RECORD_LEN + PAYLOAD_MAX_V6);
        let (rx, app_rx) = byte_ring(capacity);
        let (app_tx, tx) = byte_ring(capacity);
        let id = self.table.insert(local, options.only_v6, rx, tx)?;
        Ok(SocketRings { id, local, remote: None, tx: app_tx, rx: app_rx })
    }

    /// Sets the peer, or with none forgets it. Only the peer's datagrams are then received.
    pub(crate) fn connect(
        &mut self,
        cx: &mut Cx<'_>,
        id: SocketId,
        remote: Option<Endpoint>,
    ) -> Result<(), SocketError> {
        let socket = self.table.by_id(id).ok_or(SocketError::BadSocket)?;
        let Some(remote) = remote else {
            socket.remote = None;
            socket.local.ip = socket.bound;
            return Ok(());
        };
        if remote.port == 0 || remote.ip.is_unspecified() {
            return Err(SocketError::InvalidArgument);
        }
        let source = output::source(socket, remote.ip)?.filter(|ip| cx.fib.is_local(*ip));
        let path = cx.fib.path(remote.ip, source, None)?;
        socket.local.ip = source.unwrap_or(path.source);
        socket.remote = Some(remote);
        Ok(())
    }

    /// The application wrote datagrams.
    pub(crate) fn app_wrote(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        match self.table.by_id(id) {
            Some(socket) if !socket.queued => self.enqueue_by_path(cx, id.index),
            Some(_) if !self.waiting.is_empty() => self.retry(cx, id.index),
            _ => {}
        }
    }

    /// A socket that waits behind datagrams without a route looks again: those go, too, so that its
    /// application is not held up by what can never be sent.
    #[cold]
    fn retry(&mut self, cx: &mut Cx<'_>, index: u32) {
        if let Some(at) = self.waiting.iter().position(|waiting| *waiting == index) {
            self.waiting.swap_remove(at);
            self.requeue(cx, index);
        }
    }

    /// The application read datagrams.
    pub(crate) fn app_read(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        let Some(socket) = self.table.by_id(id) else { return };
        if socket.rx.as_ref().is_some_and(|rx| rx.buffered() == 0) {
            self.drained.ran_empty(&mut socket.drain, id.index, cx.now);
        }
    }

    /// Rings that ran empty a while ago, and still are, give their memory back.
    pub(crate) fn expire(&mut self, cx: &mut Cx<'_>) {
        while let Some(index) = self.drained.pop_due(cx.now) {
            let Some(socket) = self.table.at_mut(index) else { continue };
            socket.drain = Drain::None;
            socket.tx.trim();
            if let Some(rx) = &mut socket.rx {
                rx.trim();
            }
        }
    }

    /// When to be called again, at the latest.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.drained.next_deadline()
    }

    /// The application lets go. What it wrote is still sent; then the id is dead.
    pub(crate) fn close(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        let Some(socket) = self.table.by_id(id) else { return };
        if socket.rx.take().is_none() {
            return;
        }
        self.table.unbind(id.index);
        self.app_wrote(cx, id);
        self.free_if_drained(cx, id.index);
    }

    /// Lets go at once, with what is unsent.
    pub(crate) fn abort(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        let Some(socket) = self.table.by_id(id) else { return };
        let unsent = socket.tx.len();
        socket.tx.release(unsent);
        socket.cut = None;
        self.close(cx, id);
    }

    /// Nothing to do: what arrives after the shutdown stays in the ring until the socket closes.
    pub(crate) fn shutdown_read(&mut self, _cx: &mut Cx<'_>, _id: SocketId) {}

    /// A neighbour changed: who waits for any change looks again. Nobody waits for one neighbour,
    /// for its datagrams stand in the outbox.
    pub(crate) fn neighbor_changed(&mut self, cx: &mut Cx<'_>, _next_hop: NextHop) {
        self.retry_waiting(cx);
    }

    fn retry_waiting(&mut self, cx: &mut Cx<'_>) {
        for index in core::mem::take(&mut self.waiting) {
            self.requeue(cx, index);
        }
    }

    /// Interfaces, addresses or routes changed: who waited looks again.
    pub(crate) fn tables_changed(&mut self, cx: &mut Cx<'_>) {
        self.retry_waiting(cx);
        while let Some(at) =
            self.ready.iter().position(|(ifindex, _)| cx.fib.interface(*ifindex).is_none())
        {
            let (_, orphans) = self.ready.swap_remove(at);
            orphans.into_iter().for_each(|index| self.requeue(cx, index));
        }
    }

    #[inline]
    pub(crate) fn has_output(&self, ifindex: IfIndex) -> bool {
        self.ready.iter().any(|(i, queue)| *i == ifindex && !queue.is_empty())
    }

    /// What became true of the socket since the last call; none if it is dead.
    pub(crate) fn take_events(&mut self, id: SocketId) -> Option<Readiness> {
        self.table.by_id(id).map(|socket| core::mem::take(&mut socket.pending_events))
    }

    /// The error that waits, which is then forgotten.
    pub(crate) fn take_error(&mut self, id: SocketId) -> Option<SocketError> {
        self.table.by_id(id)?.error.take()
    }

    pub(crate) fn local(&self, id: SocketId) -> Option<Endpoint> {
        self.table.look(id).map(|socket| socket.local)
    }

    pub(crate) fn remote(&self, id: SocketId) -> Option<Endpoint> {
        self.table.look(id)?.remote
    }

    /// Every socket that does not stand before `from`, with its place.
    pub(crate) fn sockets_from(
        &self,
        from: ListPlace,
    ) -> impl Iterator<Item = (ListPlace, SocketInfo)> {
        let sockets = self.table.iter_from(from.first_slot(ListPlace::UDP));
        let open = sockets.filter(|(_, s)| s.rx.is_some());
        open.map(|(slot, s)| (ListPlace::new(ListPlace::UDP, slot), info(s)))
    }

    /// Frees a closed socket once everything it had to send is out.
    fn free_if_drained(&mut self, cx: &mut Cx<'_>, index: u32) {
        let Some(socket) = self.table.at_mut(index) else { return };
        if socket.rx.is_some() || socket.queued {
            return;
        }
        cx.events.mark(socket.id, &mut socket.pending_events, Readiness::GONE);
        self.table.remove(index);
    }

    /// Keeps an error for the application, and reports that there is one.
    fn set_error(&mut self, cx: &mut Cx<'_>, index: u32, error: SocketError) {
        let Some(socket) = self.table.at_mut(index) else { return };
        socket.error = Some(error);
        if socket.rx.is_some() {
            let what = Readiness::ERROR | Readiness::READABLE;
            cx.events.mark(socket.id, &mut socket.pending_events, what);
        }
    }

    /// Puts a socket into the ready queue of `ifindex`.
    fn enqueue(&mut self, ifindex: IfIndex, index: u32) {
        match self.ready.iter_mut().find(|(i, _)| *i == ifindex) {
            Some((_, queue)) => queue.push_back(index),
            None => self.ready.push((ifindex, VecDeque::from([index]))),
        }
        if let Some(socket) = self.table.at_mut(index) {
            socket.queued = true;
        }
    }
}

/// The socket as a listing shows it.
fn info(s: &table::Socket) -> SocketInfo {
    SocketInfo {
        id: Some(s.id),
        kind: SocketKind::Udp,
        state: if s.remote.is_some() { "ESTAB" } else { "UNCONN" },
        local: s.local,
        remote: s.remote,
        recv_queue: s.rx.as_ref().map_or(0, |rx| rx.buffered()),
        send_queue: s.tx.len(),
        detail: None,
    }
}

#[cfg(test)]
mod tests;
