//! The sockets of a shard, and the one place that dispatches by their kind.
//!
//! Every kind offers the same calls (`app_wrote`, `close`, `transmit`, …) as methods of its own
//! table, so that an arm of [`by_kind`] and a line of [`each_table`] are all that a new kind adds
//! here; the compiler names the calls it lacks. Dispatch is by `match`: no table of functions, and
//! no call that cannot be inlined.

use addr::{Endpoint, IfIndex, Ip};
use wire::ip::{PROTO_TCP, PROTO_UDP};
use wire::offload::TxMeta;

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::icmp::IcmpError;
use crate::ip::Packet;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::socket::{ListPlace, SocketError, SocketId, SocketInfo, SocketKind};
use crate::steer::Home;
use crate::store::waiting::NextHop;
use crate::tcp::Tcp;
use crate::time::Instant;
use crate::udp::Udp;

/// Calls a method of the table that a socket lives in.
macro_rules! by_kind {
    ($sockets:expr, $id:expr, $call:ident($($argument:expr),*)) => {
        match $id.kind {
            SocketKind::TcpListener | SocketKind::TcpConnection => {
                $sockets.tcp.$call($($argument),*)
            }
            SocketKind::Udp => $sockets.udp.$call($($argument),*),
        }
    };
}

/// Calls a method of every table.
macro_rules! each_table {
    ($sockets:expr, $call:ident($($argument:expr),*)) => {
        [$sockets.tcp.$call($($argument),*), $sockets.udp.$call($($argument),*)]
    };
}

/// Every socket of a shard, one table a protocol.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(crate) tcp: Tcp,
    pub(crate) udp: Udp,
    /// The table that may fill the next slot first.
    turn: usize,
}

/// Tables that take turns in filling slots.
const TABLES: usize = 2;

impl Sockets {
    pub(crate) fn new(limits: &Limits, home: Home, keys: &Keys) -> Self {
        let tcp = Tcp::new(limits, home, keys);
        Self { tcp, udp: Udp::new(limits, home, keys), turn: 0 }
    }

    // Packets.

    /// Hands a packet to the protocol it carries; none if no kind of socket has that protocol.
    #[inline]
    pub(crate) fn receive(
        &mut self,
        cx: &mut Cx<'_>,
        packet: &Packet<'_>,
    ) -> Option<Result<(), DropReason>> {
        match packet.header.protocol {
            PROTO_TCP => Some(self.tcp.receive(cx, packet)),
            PROTO_UDP => Some(self.udp.receive(cx, packet)),
            _ => None,
        }
    }

    /// Hands an ICMP error to the protocol whose packet it quotes.
    ///
    /// # Errors
    /// If no kind of socket has that protocol.
    pub(crate) fn icmp_error(
        &mut self,
        cx: &mut Cx<'_>,
        error: &IcmpError<'_>,
    ) -> Result<(), DropReason> {
        match error.protocol {
            PROTO_TCP => self.tcp.icmp_error(cx, error),
            PROTO_UDP => self.udp.icmp_error(cx, error),
            _ => return Err(DropReason::IcmpUnwanted),
        }
        Ok(())
    }

    /// Fills `slot` with the next frame for `ifindex`. The tables take turns, so that none starves
    /// another.
    #[inline(always)]
    pub(crate) fn transmit(
        &mut self,
        cx: &mut Cx<'_>,
        ifindex: IfIndex,
        slot: &mut [u8],
    ) -> Option<TxMeta> {
        self.turn = (self.turn + 1) % TABLES;
        (0..TABLES).find_map(|step| match (self.turn + step) % TABLES {
            0 => self.tcp.transmit(cx, ifindex, slot),
            _ if self.udp.has_output(ifindex) => self.udp.transmit(cx, ifindex, slot),
            _ => None,
        })
    }

    #[inline]
    pub(crate) fn has_output(&self, ifindex: IfIndex) -> bool {
        self.tcp.has_output(ifindex) || self.udp.has_output(ifindex)
    }

    // Time and the network around us.

    /// Serves every deadline up to the present.
    pub(crate) fn expire(&mut self, cx: &mut Cx<'_>) {
        each_table!(self, expire(cx));
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        each_table!(self, next_deadline()).into_iter().flatten().min()
    }

    /// A neighbour changed: sockets that wait for its link address look again.
    pub(crate) fn neighbor_changed(&mut self, cx: &mut Cx<'_>, next_hop: NextHop) {
        each_table!(self, neighbor_changed(cx, next_hop));
    }

    /// Interfaces, addresses or routes changed: all sockets that wait look again.
    pub(crate) fn tables_changed(&mut self, cx: &mut Cx<'_>) {
        each_table!(self, tables_changed(cx));
    }

    /// An address is no longer ours. Datagram sockets keep it: Linux lets them wait for its return.
    pub(crate) fn address_removed(&mut self, cx: &mut Cx<'_>, ip: Ip) {
        self.tcp.address_removed(cx, ip);
    }

    // Calls of a socket's user.

    /// The application wrote to the socket's send ring, or finished it.
    #[inline]
    pub(crate) fn app_wrote(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        by_kind!(self, id, app_wrote(cx, id));
    }

    /// The application released bytes of the socket's receive ring.
    #[inline]
    pub(crate) fn app_read(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        by_kind!(self, id, app_read(cx, id));
    }

    pub(crate) fn close(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        by_kind!(self, id, close(cx, id));
    }

    pub(crate) fn abort(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        by_kind!(self, id, abort(cx, id));
    }

    pub(crate) fn shutdown_read(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        by_kind!(self, id, shutdown_read(cx, id));
    }

    /// What became true of the socket since the last call; none if it is dead.
    #[inline]
    pub(crate) fn take_events(&mut self, id: SocketId) -> Option<Readiness> {
        by_kind!(self, id, take_events(id))
    }

    pub(crate) fn take_error(&mut self, id: SocketId) -> Option<SocketError> {
        by_kind!(self, id, take_error(id))
    }

    pub(crate) fn local(&self, id: SocketId) -> Option<Endpoint> {
        by_kind!(self, id, local(id))
    }

    pub(crate) fn remote(&self, id: SocketId) -> Option<Endpoint> {
        by_kind!(self, id, remote(id))
    }

    /// Every socket that does not stand before `from`, as a listing shows it, table after table,
    /// with its place.
    pub(crate) fn list_from(
        &self,
        from: ListPlace,
    ) -> impl Iterator<Item = (ListPlace, SocketInfo)> {
        self.tcp.sockets_from(from).chain(self.udp.sockets_from(from))
    }
}
