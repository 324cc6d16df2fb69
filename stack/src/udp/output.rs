//! Datagrams out: which socket's turn it is, and the frame in the slot.
//!
//! A ready socket stands in the queue of the interface that its next datagram leaves by
//! (`enqueue_by_path`). When a slot of that interface is lent, the first in the queue builds its
//! frame there and goes to the end. A datagram whose neighbour is still being resolved leaves the
//! socket for the neighbour's queue in the outbox, so that those behind it go their way. Another
//! process may have written the records, so nothing in them is trusted: a record that cannot be
//! sent is skipped with an error.

use addr::{Endpoint, IfIndex, Ip};
use wire::checksum::{self, Sum};
use wire::ip::{Fragment, IpEmit, PROTO_UDP};
use wire::offload::{TxChecksum, TxMeta};
use wire::udp::{self, CHECKSUM_OFFSET, HEADER_LEN};

use crate::cx::{Cx, Request};
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::fib::{Fib, Hop, Link, Path};
use crate::ip::output;
use crate::socket::SocketError;
use crate::time::Duration;
use crate::udp::record::{RECORD_LEN, Record};
use crate::udp::table::{Cut, Route, Socket};
use crate::udp::{PAYLOAD_MAX_V4, PAYLOAD_MAX_V6, RECORD_MAX, Udp};
use crate::written::written;

/// Datagrams skipped or left with their neighbours at a time, so that one socket cannot hold up the
/// rest.
const SKIP_MAX: usize = 64;
/// Interval of the reports to control that a neighbour is in use.
const USED_INTERVAL: Duration = Duration::from_secs(1);
/// Hop limit of datagrams to one host, and to groups (Linux `ip_default_ttl`, RFC 1112 §6.1).
const HOP_LIMIT: u8 = 64;
const HOP_LIMIT_MULTICAST: u8 = 1;

/// The next datagram of a socket: where it goes, and how long it is.
#[derive(Clone, Copy, Debug)]
struct Next {
    remote: Endpoint,
    len: usize,
}

impl Udp {
    /// Fills `slot` with the next frame for `ifindex`.
    pub(crate) fn transmit(
        &mut self,
        cx: &mut Cx<'_>,
        ifindex: IfIndex,
        slot: &mut [u8],
    ) -> Option<TxMeta> {
        let waiting = self.ready.iter().find(|(i, _)| *i == ifindex)?.1.len();
        for _ in 0..waiting {
            let (_, queue) = self.ready.iter_mut().find(|(i, _)| *i == ifindex)?;
            let index = queue.pop_front()?;
            if let Some(meta) = self.build(cx, ifindex, index, slot) {
                return Some(meta);
            }
        }
        None
    }

    /// Builds the next frame of a socket that was taken from its queue, and puts it where it
    /// belongs next.
    fn build(
        &mut self,
        cx: &mut Cx<'_>,
        ifindex: IfIndex,
        index: u32,
        slot: &mut [u8],
    ) -> Option<TxMeta> {
        let Self { table, ident, ready, .. } = self;
        let socket = table.at_mut(index)?;
        let next = next_datagram(socket).ok().flatten();
        let path = next.and_then(|next| find_path(cx, socket, next.remote.ip).ok());
        let (Some(next), Some(path)) = (next, path) else {
            self.requeue(cx, index);
            return None;
        };
        if path.ifindex != ifindex || !path.is_usable() {
            self.requeue(cx, index);
            return None;
        }
        let path = fit(path, slot.len());
        report_used(cx, socket, &path);
        let v4 = next.remote.ip.is_v4();
        let header = ip_header(cx, &path, &next);
        let whole = header.payload_len;
        if output::fits(&path, &header) && socket.cut.is_none() {
            let meta = write_whole(slot, socket, &path, &header, &next);
            self.finish(cx, index, &next);
            return meta;
        }
        let cut = *socket.cut.get_or_insert_with(|| Cut {
            identification: ident.next(header.src, header.dst, cx.rng),
            offset: 0,
            size: output::fragment_payload(&path, v4),
        });
        // A slot that holds not even one piece makes the datagram unsendable: it goes.
        let piece = write_piece(slot, socket, &path, &header, &next, cut);
        let sent = cut.offset + piece.map_or(whole, |(_, len)| len);
        if sent >= whole {
            self.finish(cx, index, &next);
        } else {
            socket.cut = Some(Cut { offset: sent, ..cut });
            // Its other fragments go next, so that the receiver need not wait for other sockets.
            let (_, queue) = ready.iter_mut().find(|(i, _)| *i == ifindex)?;
            queue.push_front(index);
        }
        cx.stats.ip_fragments_out += u64::from(piece.is_some());
        piece.map(|(meta, _)| meta)
    }

    /// A datagram is out: its record makes room, and the socket goes to the end of a queue.
    fn finish(&mut self, cx: &mut Cx<'_>, index: u32, next: &Next) {
        cx.stats.udp_out += 1;
        cx.stats.ip_out += 1;
        self.release(cx, index, next.len);
        self.requeue(cx, index);
    }

    /// Drops the first record from the send ring.
    fn release(&mut self, cx: &mut Cx<'_>, index: u32, len: usize) {
        let Some(socket) = self.table.at_mut(index) else { return };
        // Whoever could not write the largest record may now be able to.
        let room = socket.tx.limit().saturating_sub(socket.tx.len());
        let crowded = room < RECORD_MAX;
        socket.tx.release(RECORD_LEN + len);
        if socket.tx.is_empty() {
            self.drained.ran_empty(&mut socket.drain, index, cx.now);
        }
        socket.cut = None;
        if crowded && socket.rx.is_some() {
            cx.events.mark(socket.id, &mut socket.pending_events, Readiness::WRITABLE);
        }
    }

    pub(super) fn requeue(&mut self, cx: &mut Cx<'_>, index: u32) {
        if let Some(socket) = self.table.at_mut(index) {
            socket.queued = false;
            self.enqueue_by_path(cx, index);
            self.free_if_drained(cx, index);
        }
    }

    /// Puts a socket that stands nowhere into the queue of the interface its next datagram leaves
    /// by. Datagrams that wait for a neighbour or that cannot be sent are taken out on the way.
    pub(super) fn enqueue_by_path(&mut self, cx: &mut Cx<'_>, index: u32) {
        let mut ifindex = None;
        for _ in 0..SKIP_MAX {
            let Some(socket) = self.table.at_mut(index) else { return };
            let (error, len) = match next_datagram(socket) {
                Ok(None) => return,
                Ok(Some(next)) => match find_path(cx, socket, next.remote.ip) {
                    Ok(path) if path.is_usable() => return self.enqueue(path.ifindex, index),
                    Ok(path) => {
                        ifindex = Some(path.ifindex);
                        self.leave_with_neighbor(cx, index, &path, &next);
                        continue;
                    }
                    Err(error) => {
                        cx.drop(DropReason::NoRoute);
                        (error, Some(next.len))
                    }
                },
                Err((error, len)) => (error, len),
            };
            self.set_error(cx, index, error);
            match len {
                Some(len) => self.release(cx, index, len),
                None => return self.close_broken(cx, index),
            }
        }
        // Others first: the rest is looked at when a slot is lent, or without an interface when the
        // snapshot changes or more is written.
        match ifindex {
            Some(ifindex) => self.enqueue(ifindex, index),
            None => {
                if let Some(socket) = self.table.at_mut(index) {
                    socket.queued = true;
                    self.waiting.push(index);
                }
            }
        }
    }

    /// Takes out a datagram whose neighbour has no link address yet: it waits in the outbox, within
    /// the bounds of that queue. One whose neighbour failed is dropped, and the socket is not
    /// notified, as on Linux, where only the error queue (`IP_RECVERR`) hears of it.
    #[cold]
    fn leave_with_neighbor(&mut self, cx: &mut Cx<'_>, index: u32, path: &Path, next: &Next) {
        let Some(socket) = self.table.at_mut(index) else { return };
        if path.link == Link::Pending {
            let mut header = ip_header(cx, path, next);
            // An IPv6 packet gets its identification with its fragment header.
            if header.dst.is_v4() && !output::fits(path, &header) {
                let id = self.ident.next(header.src, header.dst, cx.rng);
                header.identification = id as u16;
                header.dont_fragment = false;
            }
            let source_port = socket.local.port;
            let left = output::reply(cx, None, &header, |datagram| {
                let (head, payload) = datagram.split_at_mut(HEADER_LEN);
                written(udp::emit(head, source_port, next.remote.port, next.len));
                socket.tx.read_at(RECORD_LEN, payload);
                let sum = checksum::sum(header.pseudo_header(), payload);
                udp::set_checksum(head, sum);
            });
            match left {
                Ok(()) => cx.stats.udp_out += 1,
                Err(reason) => cx.drop(reason),
            }
        } else {
            cx.drop(DropReason::NeighborFailed);
        }
        self.release(cx, index, next.len);
    }

    /// The send ring makes no sense any more: nothing in it can be believed.
    fn close_broken(&mut self, _cx: &mut Cx<'_>, index: u32) {
        let Some(socket) = self.table.at_mut(index) else { return };
        let unsent = socket.tx.len();
        socket.tx.release(unsent);
        socket.tx.trim();
    }
}

/// The first record of the send ring, or none if it is not there in full. The error comes with the
/// length to skip, or without if the ring is out of step.
fn next_datagram(socket: &Socket) -> Result<Option<Next>, (SocketError, Option<usize>)> {
    let mut bytes = [0; RECORD_LEN];
    if socket.tx.read_at(0, &mut bytes) < RECORD_LEN {
        return Ok(None);
    }
    let record = Record::read(&bytes);
    let len = usize::from(record.len);
    if socket.tx.limit() < RECORD_LEN + len {
        return Err((SocketError::InvalidArgument, None));
    }
    if socket.tx.len() < RECORD_LEN + len {
        return Ok(None);
    }
    let skip = Some(len);
    let Some(remote) = record.peer.or(socket.remote) else {
        return Err((SocketError::NotConnected, skip));
    };
    if remote.port == 0 || remote.ip.is_unspecified() {
        return Err((SocketError::InvalidArgument, skip));
    }
    let most = if remote.ip.is_v4() { PAYLOAD_MAX_V4 } else { PAYLOAD_MAX_V6 };
    if len > most {
        return Err((SocketError::MessageTooLong, skip));
    }
    Ok(Some(Next { remote, len }))
}

/// The source address a datagram to `destination` must have, if the socket's address says so.
pub(super) fn source(socket: &Socket, destination: Ip) -> Result<Option<Ip>, SocketError> {
    let own = socket.local.ip;
    let wildcard = socket.bound.is_unspecified();
    match (socket.bound.is_v4(), destination.is_v4()) {
        (true, false) => Err(SocketError::InvalidArgument),
        (false, true) if !wildcard || socket.only_v6 => Err(SocketError::NetworkUnreachable),
        _ => {
            let usable = !own.is_unspecified() && own.same_family(&destination);
            Ok(Some(own).filter(|_| usable))
        }
    }
}

/// The path to `destination`: the socket's last one, if it still holds.
fn find_path(cx: &Cx<'_>, socket: &mut Socket, destination: Ip) -> Result<Path, SocketError> {
    if let Some(route) = &socket.route
        && route.destination == destination
        && cx.fib.is_current(route.path.stamp)
    {
        return Ok(route.path);
    }
    let source = match source(socket, destination)? {
        Some(own) if !cx.fib.is_local(own) => {
            // Bound to a group or a broadcast address, or to an address that is gone.
            cx.fib.is_to_many(own).then_some(None).ok_or(SocketError::AddressNotAvailable)?
        }
        source => source,
    };
    let path = cx.fib.path(destination, source, None)?;
    let used_reported_at = match &socket.route {
        Some(route) if route.path.next_hop == path.next_hop => route.used_reported_at,
        _ => crate::time::Instant::ZERO,
    };
    socket.route = Some(Route { destination, path, used_reported_at });
    Ok(path)
}

/// The path with an MTU that fits a slot of `slot` bytes.
fn fit(path: Path, slot: usize) -> Path {
    let room = slot.saturating_sub(output::link_header_len(path.medium));
    let mtu = path.mtu.min(u32::try_from(room).unwrap_or(u32::MAX));
    Path { hop: Hop { mtu, ..path.hop }, ..path }
}

/// The header of a datagram's packet.
fn ip_header(cx: &mut Cx<'_>, path: &Path, next: &Next) -> IpEmit {
    // RFC 6864 §4.1 lets it be anything where nobody fragments; a number that was drawn tells
    // nothing, and a constant one would be dropped by some middleboxes.
    let identification = if next.remote.ip.is_v4() { cx.rng.next_u16() } else { 0 };
    IpEmit {
        identification,
        src: path.source,
        dst: next.remote.ip,
        protocol: PROTO_UDP,
        hop_limit: if next.remote.ip.is_multicast() { HOP_LIMIT_MULTICAST } else { HOP_LIMIT },
        payload_len: HEADER_LEN + next.len,
        ..IpEmit::default()
    }
}

/// Control hears once a second that the neighbour is in use, so that it is probed when in doubt.
fn report_used(cx: &mut Cx<'_>, socket: &mut Socket, path: &Path) {
    let Some(route) = &mut socket.route else { return };
    let due = route.used_reported_at == crate::time::Instant::ZERO
        || cx.now.since(route.used_reported_at) >= USED_INTERVAL;
    if due && path.link != Link::None && path.ifindex != Fib::LOOPBACK {
        route.used_reported_at = cx.now;
        cx.requests.push(Request::Used(path.ifindex, path.next_hop));
    }
}

/// The sum of a datagram's payload, as it lies in the ring.
fn payload_sum(socket: &Socket, len: usize) -> Sum {
    let (first, second) = socket.tx.peek_at(RECORD_LEN, len);
    checksum::sum(Sum::ZERO, first).combine(checksum::sum(Sum::ZERO, second), first.len())
}

/// A datagram in one frame.
fn write_whole(
    slot: &mut [u8],
    socket: &Socket,
    path: &Path,
    header: &IpEmit,
    next: &Next,
) -> Option<TxMeta> {
    let offset = output::transport_offset(path, header.dst.is_v4());
    let frame = slot.get_mut(..offset + header.payload_len)?;
    output::write_headers(frame, path, header);
    let (head, payload) = frame[offset..].split_at_mut(HEADER_LEN);
    written(udp::emit(head, socket.local.port, next.remote.port, next.len));
    let (first, second) = socket.tx.peek_at(RECORD_LEN, next.len);
    let (a, b) = payload.split_at_mut(first.len());
    let pseudo = header.pseudo_header();
    let checksum = if path.caps.tx_checksum {
        a.copy_from_slice(first);
        b.copy_from_slice(second);
        udp::set_partial(head, pseudo);
        TxChecksum::Partial { start: offset as u16, offset: CHECKSUM_OFFSET as u16 }
    } else {
        let sum = checksum::copy_and_sum(a, first);
        let sum = sum.combine(checksum::copy_and_sum(b, second), first.len());
        udp::set_checksum(head, pseudo + sum);
        TxChecksum::Complete
    };
    Some(TxMeta { len: frame.len() as u32, checksum, gso: None })
}

/// The fragment of a datagram that begins at `cut.offset`; also how many bytes of it that is.
fn write_piece(
    slot: &mut [u8],
    socket: &Socket,
    path: &Path,
    header: &IpEmit,
    next: &Next,
    cut: Cut,
) -> Option<(TxMeta, usize)> {
    let offset = output::fragment_offset(path, header.dst.is_v4());
    let len = cut.size.min(header.payload_len.saturating_sub(cut.offset));
    let more = cut.offset + len < header.payload_len;
    let frame = slot.get_mut(..offset + len)?;
    let fragment = Fragment { offset: cut.offset as u32, more };
    output::write_fragment(frame, path, header, (fragment, cut.identification), len);
    let piece = &mut frame[offset..];
    // The first piece begins with the UDP header, the others with payload.
    let (head, body) = piece.split_at_mut(if cut.offset == 0 { HEADER_LEN } else { 0 });
    if cut.offset == 0 {
        let pseudo = header.pseudo_header();
        written(udp::emit(head, socket.local.port, next.remote.port, next.len));
        udp::set_checksum(head, pseudo + payload_sum(socket, next.len));
    }
    let from = RECORD_LEN + cut.offset.saturating_sub(HEADER_LEN);
    socket.tx.read_at(from, body);
    let meta = TxMeta { len: frame.len() as u32, checksum: TxChecksum::Complete, gso: None };
    Some((meta, len))
}
