//! Datagrams in, and errors about datagrams of ours.
//!
//! The payload is copied behind the record header into the free part of the receive ring and summed
//! on the way; only a good sum commits it. So each byte is touched once, and nobody sees a bad
//! datagram.

use addr::Endpoint;
use ring::bytes::Writer;
use wire::checksum::{self, Sum};
use wire::udp::{self, HEADER_LEN, Header};

use crate::cx::{Cx, Request};
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::fib::Destination;
use crate::icmp::{IcmpError, IcmpErrorKind};
use crate::ip::Packet;
use crate::udp::Udp;
use crate::udp::record::{RECORD_LEN, Record};

impl Udp {
    /// Takes a datagram. [`DropReason::UdpNoSocket`] wants a port unreachable in answer.
    pub(crate) fn receive(
        &mut self,
        cx: &mut Cx<'_>,
        packet: &Packet<'_>,
    ) -> Result<(), DropReason> {
        let header = udp::parse(packet.payload).map_err(|_| DropReason::UdpMalformed)?;
        if header.checksum == 0 && packet.header.src.is_v6() {
            return Err(DropReason::UdpZeroChecksum);
        }
        let local = Endpoint::new(packet.header.dst, header.dst_port);
        let remote = Endpoint::new(packet.header.src, header.src_port);
        if packet.destination != Destination::Unicast {
            return self.receive_for_many(cx, packet, &header, local, remote);
        }
        match self.table.lookup(local, remote) {
            Some(index) => self.deliver(cx, index, packet, &header, remote),
            None => {
                verify(packet, &header)?;
                Err(DropReason::UdpNoSocket)
            }
        }
    }

    /// Groups and broadcasts: every socket that takes it gets a copy, as on Linux.
    fn receive_for_many(
        &mut self,
        cx: &mut Cx<'_>,
        packet: &Packet<'_>,
        header: &Header<'_>,
        local: Endpoint,
        remote: Endpoint,
    ) -> Result<(), DropReason> {
        let mut result = Err(DropReason::UdpNoSocket);
        let mut last = None;
        while let Some(index) = self.table.lookup_next(last, local, remote) {
            let delivered = self.deliver(cx, index, packet, header, remote);
            result = result.or(delivered);
            last = Some(index);
        }
        result
    }

    fn deliver(
        &mut self,
        cx: &mut Cx<'_>,
        index: u32,
        packet: &Packet<'_>,
        header: &Header<'_>,
        remote: Endpoint,
    ) -> Result<(), DropReason> {
        let socket = self.table.at_mut(index).ok_or(DropReason::UdpNoSocket)?;
        let rx = socket.rx.as_mut().ok_or(DropReason::UdpNoSocket)?;
        let len = header.payload.len();
        let record = u16::try_from(len).map_err(|_| DropReason::UdpMalformed)?;
        if rx.free() < RECORD_LEN + len || rx.reader_gone() {
            return Err(DropReason::UdpBufferFull);
        }
        let sum = copy_in(rx, RECORD_LEN, header.payload);
        if !is_good(packet, header, sum) {
            if rx.buffered() == 0 {
                self.drained.ran_empty(&mut socket.drain, index, cx.now);
            }
            return Err(DropReason::UdpMalformed);
        }
        let record = Record { len: record, peer: Some(remote) };
        copy_in(rx, 0, &record.write());
        rx.commit(RECORD_LEN + len);
        cx.events.mark(socket.id, &mut socket.pending_events, Readiness::READABLE);
        cx.stats.udp_in += 1;
        Ok(())
    }

    /// Takes an error about a datagram of ours (RFC 1122 §4.1.3.3). As Linux, only errors that mean
    /// a refusal reach the socket, and only a connected one.
    pub(crate) fn icmp_error(&mut self, cx: &mut Cx<'_>, error: &IcmpError<'_>) {
        let [s0, s1, d0, d1, ..] = *error.transport else { return };
        let local = Endpoint::new(error.src, u16::from_be_bytes([s0, s1]));
        let remote = Endpoint::new(error.dst, u16::from_be_bytes([d0, d1]));
        let Some(index) = self.table.lookup(local, remote) else { return };
        let connected = self.table.at(index).is_some_and(|s| s.remote == Some(remote));
        if let IcmpErrorKind::PacketTooBig { mtu } = error.kind {
            cx.requests.push(Request::PathMtu(error.dst, mtu));
        }
        // As Linux `__udp4_lib_err`: only the sender of a connected socket can be told whose
        // datagram it was. One that was too big is lost, whatever is sent next (with
        // `IP_PMTUDISC_WANT`).
        if connected && error.kind.is_hard() {
            self.set_error(cx, index, error.kind.socket_error());
        }
    }
}

/// Copies `bytes` to `offset` beyond what the reader sees, and returns their sum.
fn copy_in(rx: &mut Writer, offset: usize, bytes: &[u8]) -> Sum {
    let (first, second) = rx.slices_at(offset, bytes.len());
    let (head, tail) = bytes.split_at(first.len());
    checksum::copy_and_sum(first, head).combine(checksum::copy_and_sum(second, tail), head.len())
}

/// Whether the datagram's checksum holds, given the sum of its payload.
fn is_good(packet: &Packet<'_>, header: &Header<'_>, payload: Sum) -> bool {
    if header.checksum == 0 {
        return true;
    }
    let pseudo = packet.header.pseudo_header();
    let whole = checksum::sum(pseudo + payload, &packet.payload[..HEADER_LEN]);
    packet.meta.checksum.accepts_sum(pseudo, header.checksum, whole)
}

/// Checks the checksum of a datagram that is not copied anywhere.
pub(crate) fn verify(packet: &Packet<'_>, header: &Header<'_>) -> Result<(), DropReason> {
    let sum = checksum::sum(Sum::ZERO, header.payload);
    is_good(packet, header, sum).then_some(()).ok_or(DropReason::UdpMalformed)
}
