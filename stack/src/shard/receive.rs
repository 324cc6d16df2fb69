//! A frame on its way up: link input, the decision of IP input, reassembly, the protocol.
//!
//! An early end is an error that names its reason, or a [`Received`] that says what is left to do.
//! The caller makes the frame's verdict of it, and counts it, in one place.

use addr::{IfIndex, Ip};
use wire::error::Problem;
use wire::icmp::Quote;
use wire::ip::{self, Fragment, IpHeader, PROTO_ICMP, PROTO_ICMPV6, PROTO_NONE};
use wire::ndp;
use wire::offload::{RxChecksum, RxMeta};

use crate::delivery::{ControlMessage, Icmpv6};
use crate::drop::DropReason;
use crate::fib::{Destination, Fib, FibInterface};
use crate::icmp::{ErrorCause, Outcome};
use crate::ip::Packet;
use crate::ip::input::{Candidate, Decision, Refusal};
use crate::mesh::{HandedForm, HandedFrame};
use crate::time::Instant;

use super::index::ShardIndex;
use super::link::{self, Inbound, Protocol};
use super::{Shard, for_control};

/// What a frame that was not dropped came to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Received<'a> {
    /// A protocol of the shard has it.
    Consumed,
    /// It is control's, which may still refuse it.
    ForControl(ControlMessage<'a>),
    /// It is another host's.
    Forward { ifindex: IfIndex, next_hop: Ip },
}

impl Shard {
    /// Takes a frame.
    #[inline(always)]
    pub(crate) fn receive<'a>(
        &mut self,
        now: Instant,
        fib: &Fib,
        ifindex: IfIndex,
        meta: RxMeta,
        frame: &'a [u8],
    ) -> Result<Received<'a>, DropReason> {
        let interface = fib.interface(ifindex).ok_or(DropReason::LinkUnknownInterface)?;
        let inbound = link::receive(interface, frame)?;
        match inbound.protocol {
            Protocol::Arp => Ok(Received::ForControl(ControlMessage::Arp(inbound.payload))),
            Protocol::Ip => self.receive_ip(now, fib, interface, meta, inbound),
        }
    }

    #[inline(always)]
    fn receive_ip<'a>(
        &mut self,
        now: Instant,
        fib: &Fib,
        interface: &FibInterface,
        meta: RxMeta,
        inbound: Inbound<'a>,
    ) -> Result<Received<'a>, DropReason> {
        let bytes = inbound.payload;
        let merged = meta.gso_size != 0;
        let parsed = if merged { ip::parse_merged(bytes) } else { ip::parse(bytes) };
        let header = match parsed {
            Ok(header) => header,
            Err(malformed) => return self.refuse(now, fib, interface, inbound, malformed.into()),
        };
        let link_multicast = inbound.multicast;
        // Made once and in place: a copy of it is a good part of what a small segment costs.
        let mut packet = Packet {
            ifindex: interface.ifindex,
            meta,
            link_multicast,
            destination: Destination::Foreign,
            header,
            payload: header.payload(bytes),
            whole: bytes.get(..header.total_len()).unwrap_or(bytes),
        };
        let candidate = Candidate { header: &packet.header, bytes, link_multicast };
        let decision = self.input.decide(fib, interface, &candidate);
        if !interface.control_protocols.is_empty() {
            // A DHCP answer may be for an address that is only being offered.
            let reason = decision.as_ref().err().map(|refusal| refusal.reason);
            if reason.is_none_or(|reason| reason == DropReason::IpNotOurs)
                && let Some(message) = for_control::message(interface.control_protocols, &packet)
            {
                self.parts.stats.ip_delivered += 1;
                return Ok(Received::ForControl(message));
            }
        }
        packet.destination = match decision {
            Ok(Decision::Deliver(destination)) => destination,
            Ok(Decision::Forward { ifindex, next_hop }) => {
                return Ok(Received::Forward { ifindex, next_hop });
            }
            Err(refusal) => return self.refuse(now, fib, interface, inbound, refusal),
        };
        if packet.header.fragment.is_some() {
            self.receive_fragment(now, fib, &packet)?;
            return Ok(Received::Consumed);
        }
        match self.deliver_to_socket(now, fib, &packet) {
            Some(result) => result.map(|()| Received::Consumed),
            None => self.deliver_other(now, fib, &packet, false),
        }
    }

    /// Answers what is malformed, where an answer is due.
    #[cold]
    fn refuse<'a>(
        &mut self,
        now: Instant,
        fib: &Fib,
        interface: &FibInterface,
        inbound: Inbound<'a>,
        refusal: Refusal,
    ) -> Result<Received<'a>, DropReason> {
        if let Some(problem) = refusal.problem {
            self.send_parameter_problem(now, fib, interface, inbound, problem);
        }
        Err(refusal.reason)
    }

    /// Holds a fragment; the packet that it completes is delivered.
    fn receive_fragment(
        &mut self,
        now: Instant,
        fib: &Fib,
        packet: &Packet<'_>,
    ) -> Result<(), DropReason> {
        let Self { reassembly, parts, whole, .. } = self;
        let stats = &mut parts.stats;
        if !reassembly.receive(now, &parts.limits, stats, packet, whole)? {
            return Ok(());
        }
        let bytes = core::mem::take(&mut self.whole);
        let result = self.deliver_whole(now, fib, packet, &bytes);
        self.whole = bytes;
        result
    }

    fn deliver_whole(
        &mut self,
        now: Instant,
        fib: &Fib,
        last: &Packet<'_>,
        bytes: &[u8],
    ) -> Result<(), DropReason> {
        let header = ip::parse(bytes)?;
        // What a device said of one fragment's checksum says nothing of the whole's.
        let checksum = match last.meta.checksum {
            RxChecksum::Unverified | RxChecksum::Valid => RxChecksum::Unverified,
            RxChecksum::Partial | RxChecksum::MaybePartial => RxChecksum::MaybePartial,
        };
        let packet = Packet {
            header,
            meta: RxMeta { checksum, gso_size: 0 },
            payload: header.payload(bytes),
            whole: bytes,
            ..*last
        };
        if !self.home.is_alone() {
            // Fragments go by the name of their datagram, the whole by its flow.
            let owner = self.home.steering.packet_owner(bytes);
            if owner != self.home.shard {
                let form = HandedForm::Reassembled { link_multicast: last.link_multicast };
                let (ifindex, meta, bytes) = (last.ifindex, packet.meta, bytes.to_vec());
                self.handovers.push_back((owner, HandedFrame { ifindex, meta, form, bytes }));
                return Ok(());
            }
        }
        // Nothing that came in fragments goes to control, so there is no message for it.
        self.deliver(now, fib, &packet, true)
    }

    /// Takes a packet that another shard put together from fragments. That shard has looked at its
    /// addresses; whether they are ours is looked at again, because time has passed.
    pub(crate) fn receive_reassembled(
        &mut self,
        now: Instant,
        fib: &Fib,
        ifindex: IfIndex,
        (checksum, link_multicast, bytes): (RxChecksum, bool, &[u8]),
    ) -> Result<(), DropReason> {
        let interface = fib.interface(ifindex).ok_or(DropReason::LinkUnknownInterface)?;
        let header = ip::parse(bytes)?;
        let destination = fib.classify(interface, header.dst);
        if destination == Destination::Foreign {
            return Err(DropReason::IpNotOurs);
        }
        let packet = Packet {
            ifindex,
            meta: RxMeta { checksum, gso_size: 0 },
            link_multicast,
            destination,
            header,
            payload: header.payload(bytes),
            whole: bytes,
        };
        self.deliver(now, fib, &packet, true)
    }

    /// The next packet that was put together here and belongs to another shard.
    pub(crate) fn next_handover(&mut self) -> Option<(ShardIndex, HandedFrame)> {
        self.handovers.pop_front()
    }

    #[inline]
    pub(crate) fn has_handovers(&self) -> bool {
        !self.handovers.is_empty()
    }

    /// Hands a whole packet to its protocol.
    fn deliver(
        &mut self,
        now: Instant,
        fib: &Fib,
        packet: &Packet<'_>,
        reassembled: bool,
    ) -> Result<(), DropReason> {
        match self.deliver_to_socket(now, fib, packet) {
            Some(result) => result,
            None => self.deliver_other(now, fib, packet, reassembled).map(|_| ()),
        }
    }

    /// Hands a whole packet to the sockets; none if no kind of socket has its protocol.
    #[inline]
    fn deliver_to_socket(
        &mut self,
        now: Instant,
        fib: &Fib,
        packet: &Packet<'_>,
    ) -> Option<Result<(), DropReason>> {
        let Self { sockets, icmp, parts, .. } = self;
        let cx = &mut parts.cx(now, fib);
        let result = sockets.receive(cx, packet)?;
        match result {
            Ok(()) => cx.stats.ip_delivered += 1,
            Err(DropReason::UdpNoSocket) => icmp.send_error(cx, packet, ErrorCause::Port),
            Err(_) => {}
        }
        Some(result)
    }

    /// Hands a whole packet to a protocol without sockets. Apart from those with sockets, because
    /// what may be left to do with it is large to move.
    #[inline(never)]
    fn deliver_other<'a>(
        &mut self,
        now: Instant,
        fib: &Fib,
        packet: &Packet<'a>,
        reassembled: bool,
    ) -> Result<Received<'a>, DropReason> {
        let Self { sockets, icmp, parts, .. } = self;
        let cx = &mut parts.cx(now, fib);
        let v4 = packet.header.src.is_v4();
        match packet.header.protocol {
            PROTO_ICMP | PROTO_ICMPV6 if v4 == (packet.header.protocol == PROTO_ICMP) => {
                match icmp.receive(cx, packet, reassembled)? {
                    Outcome::Done => {}
                    Outcome::Error(error) => sockets.icmp_error(cx, &error)?,
                    Outcome::Nd(kind, code, body) => {
                        let message = Icmpv6 { header: packet.header, kind, code, body };
                        cx.stats.ip_delivered += 1;
                        return Ok(Received::ForControl(match kind {
                            ndp::NEIGHBOR_SOLICITATION | ndp::NEIGHBOR_ADVERTISEMENT => {
                                ControlMessage::NeighborDiscovery(message)
                            }
                            _ => ControlMessage::RouterDiscovery(message),
                        }));
                    }
                }
            }
            PROTO_NONE if !v4 => {}
            _ => {
                icmp.send_error(cx, packet, ErrorCause::Protocol);
                return Err(DropReason::IpUnknownProtocol);
            }
        }
        cx.stats.ip_delivered += 1;
        Ok(Received::Consumed)
    }

    /// Answers a malformed packet with a Parameter Problem (RFC 1122 §3.2.2.5, RFC 4443 §3.4), as
    /// far as it can be read at all.
    fn send_parameter_problem(
        &mut self,
        now: Instant,
        fib: &Fib,
        interface: &FibInterface,
        inbound: Inbound<'_>,
        problem: Problem,
    ) {
        let bytes = inbound.payload;
        let Ok(quote) = Quote::parse(bytes) else { return };
        let destination = fib.classify(interface, quote.dst);
        if destination == Destination::Foreign || fib.is_local(quote.src) {
            return;
        }
        let later = Fragment { offset: 8, more: true };
        let header = IpHeader {
            src: quote.src,
            dst: quote.dst,
            protocol: quote.protocol,
            protocol_at: 0,
            hop_limit: 0,
            traffic_class: 0,
            flow_label: 0,
            identification: 0,
            fragment: quote.is_later_fragment.then_some(later),
            dont_fragment: false,
            header_len: bytes.len() - quote.transport.len(),
            payload_len: quote.transport.len(),
        };
        let packet = Packet {
            ifindex: interface.ifindex,
            meta: RxMeta::default(),
            link_multicast: inbound.multicast,
            destination,
            header,
            payload: quote.transport,
            whole: bytes,
        };
        let cx = &mut self.parts.cx(now, fib);
        self.icmp.send_error(cx, &packet, ErrorCause::Field(problem));
    }
}
