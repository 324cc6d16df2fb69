//! What a core touches for every packet: link input, IP input, TCP, UDP, echo, reassembly.
//!
//! A frame goes through `link` (is it for this station?), [`ip::input`](crate::ip::input) (is it
//! for this host?), perhaps reassembly, to its protocol. What is control's (ARP, neighbour
//! discovery) is handed out as a [`Punt`]. The other way, [`Shard::transmit`] fills one slot:
//! replies first, then TCP and UDP in turn.
//!
//! Every early return names its reason; the host counts it. What the shard wants of control it asks
//! by [`Requests`].

pub(crate) mod index;
mod link;

use std::collections::VecDeque;
use std::sync::Arc;

use addr::IfIndex;
use wire::error::Problem;
use wire::icmp::Quote;
use wire::ip::{self, Fragment, IpHeader, PROTO_ICMP, PROTO_ICMPV6, PROTO_NONE};
use wire::offload::{RxChecksum, RxMeta, TxChecksum, TxMeta};

use crate::control::LinkCounters;
use crate::cx::{Cx, Requests};
use crate::drop::DropReason;
use crate::event::EventQueue;
use crate::fib::{Destination, Fib, FibInterface, FibTables, FibUpdate};
use crate::icmp::{Complaint, Icmp, Outcome};
use crate::ip::reassembly::Reassembly;
use crate::ip::{Packet, input};
use crate::limits::Limits;
use crate::memory::Memory;
use crate::mesh::{HandedForm, HandedFrame};
use crate::outbox::Outbox;
use crate::rng::Rng;
use crate::socket::Sockets;
use crate::stats::Stats;
use crate::steer::Home;
use crate::store::waiting::NextHop;
use crate::time::Instant;

use index::ShardIndex;
use link::{Inbound, Protocol};

/// The per-packet part of a host.
#[derive(Debug)]
pub(crate) struct Shard {
    home: Home,
    pub(crate) sockets: Sockets,
    icmp: Icmp,
    reassembly: Reassembly,
    /// The packet that reassembly completed last.
    whole: Vec<u8>,
    /// Packets put together here that belong to other shards.
    handovers: VecDeque<(ShardIndex, HandedFrame)>,
    pub(crate) parts: Parts,
    last_pair: Option<input::LastPair>,
    counters: Vec<(IfIndex, LinkCounters)>,
}

/// What a [`Cx`] borrows.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) rng: Rng,
    pub(crate) limits: Limits,
    pub(crate) outbox: Outbox,
    pub(crate) requests: Requests,
    pub(crate) events: EventQueue,
    pub(crate) stats: Stats,
    pub(crate) memory: Memory,
}

impl Parts {
    /// The context of one call.
    pub(crate) fn cx<'a>(&'a mut self, now: Instant, fib: &'a Fib) -> Cx<'a> {
        Cx {
            now,
            rng: &mut self.rng,
            fib,
            limits: &self.limits,
            outbox: &mut self.outbox,
            requests: &mut self.requests,
            events: &mut self.events,
            stats: &mut self.stats,
            memory: &mut self.memory,
        }
    }
}

/// Sockets that may have something to tell before the queue grows.
const EVENTS_RESERVE: usize = 1024;

/// A packet that is control's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Punt<'a> {
    /// An ARP packet; whether the frame was sent to our own link address.
    Arp { to_us: bool, packet: &'a [u8] },
    /// A neighbour discovery message: type, code and body behind this header.
    Nd { header: IpHeader, message: (u8, u8, &'a [u8]) },
}

impl Shard {
    pub(crate) fn new(limits: &Limits, home: Home, mut rng: Rng) -> Self {
        Self {
            home,
            sockets: Sockets::new(limits, home, &mut rng),
            icmp: Icmp::new(limits, &mut rng),
            reassembly: Reassembly::default(),
            whole: Vec::new(),
            handovers: VecDeque::new(),
            parts: Parts {
                rng,
                limits: limits.clone(),
                outbox: Outbox::new(limits.outbox),
                requests: Requests::default(),
                events: EventQueue::with_capacity(EVENTS_RESERVE),
                stats: Stats::default(),
                memory: Memory::default(),
            },
            last_pair: None,
            counters: Vec::new(),
        }
    }

    /// Takes a frame.
    pub(crate) fn receive<'a>(
        &mut self,
        now: Instant,
        fib: &Fib,
        ifindex: IfIndex,
        meta: RxMeta,
        frame: &'a [u8],
    ) -> Result<Option<Punt<'a>>, DropReason> {
        let interface = fib.interface(ifindex).ok_or(DropReason::LinkUnknownInterface)?;
        let inbound = link::receive(interface, frame)?;
        match inbound.protocol {
            Protocol::Arp => {
                let (to_us, packet) = (!inbound.multicast, inbound.payload);
                Ok(Some(Punt::Arp { to_us, packet }))
            }
            Protocol::Ip => self.receive_ip(now, fib, interface, meta, inbound),
        }
    }

    fn receive_ip<'a>(
        &mut self,
        now: Instant,
        fib: &Fib,
        interface: &FibInterface,
        meta: RxMeta,
        inbound: Inbound<'a>,
    ) -> Result<Option<Punt<'a>>, DropReason> {
        let bytes = inbound.payload;
        let merged = meta.gso_size != 0;
        let parsed = if merged { ip::parse_merged(bytes) } else { ip::parse(bytes) };
        let header = match parsed {
            Ok(header) => header,
            Err(malformed) => return self.refuse(now, fib, interface, inbound, malformed.into()),
        };
        let mut packet = Packet {
            ifindex: interface.ifindex,
            meta,
            link_multicast: inbound.multicast,
            destination: Destination::Foreign,
            header,
            payload: header.payload(bytes),
            whole: bytes.get(..header.total_len()).unwrap_or(bytes),
        };
        packet.destination =
            match input::check(fib, interface, &packet.header, bytes, &mut self.last_pair) {
                Ok(destination) => destination,
                Err(refusal) => return self.refuse(now, fib, interface, inbound, refusal),
            };
        if packet.header.fragment.is_some() {
            self.receive_fragment(now, fib, &packet)?;
            return Ok(None);
        }
        self.deliver(now, fib, &packet, false)
    }

    /// Answers what is malformed, where an answer is due.
    #[cold]
    fn refuse<'a>(
        &mut self,
        now: Instant,
        fib: &Fib,
        interface: &FibInterface,
        inbound: Inbound<'a>,
        refusal: input::Refusal,
    ) -> Result<Option<Punt<'a>>, DropReason> {
        if let Some(problem) = refusal.problem {
            self.complain_of_field(now, fib, interface, inbound, problem);
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
        // Nothing that came in fragments goes to control, so there is no punt.
        self.deliver(now, fib, &packet, true).map(|_| ())
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
        self.deliver(now, fib, &packet, true).map(|_| ())
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
    fn deliver<'a>(
        &mut self,
        now: Instant,
        fib: &Fib,
        packet: &Packet<'a>,
        reassembled: bool,
    ) -> Result<Option<Punt<'a>>, DropReason> {
        let Self { sockets, icmp, parts, .. } = self;
        let cx = &mut parts.cx(now, fib);
        let v4 = packet.header.src.is_v4();
        if let Some(result) = sockets.receive(cx, packet) {
            if result == Err(DropReason::UdpNoSocket) {
                icmp.complain(cx, packet, Complaint::Port);
            }
            result?;
            cx.stats.ip_delivered += 1;
            return Ok(None);
        }
        match packet.header.protocol {
            PROTO_ICMP | PROTO_ICMPV6 if v4 == (packet.header.protocol == PROTO_ICMP) => {
                match icmp.receive(cx, packet, reassembled)? {
                    Outcome::Done => {}
                    Outcome::Error(error) => sockets.icmp_error(cx, &error)?,
                    Outcome::Nd(kind, code, body) => {
                        let (header, message) = (packet.header, (kind, code, body));
                        cx.stats.ip_delivered += 1;
                        return Ok(Some(Punt::Nd { header, message }));
                    }
                }
            }
            PROTO_NONE if !v4 => {}
            _ => {
                icmp.complain(cx, packet, Complaint::Protocol);
                return Err(DropReason::IpUnknownProtocol);
            }
        }
        cx.stats.ip_delivered += 1;
        Ok(None)
    }

    /// Answers a malformed packet with a Parameter Problem, as far as it can be read at all
    /// (ICMPS-07).
    fn complain_of_field(
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
        self.icmp.complain(cx, &packet, Complaint::Field(problem));
    }

    /// Fills `slot` with the next frame for `ifindex`.
    pub(crate) fn transmit(
        &mut self,
        now: Instant,
        fib: &Fib,
        ifindex: IfIndex,
        slot: &mut [u8],
    ) -> Option<TxMeta> {
        if let Some(len) = self.parts.outbox.pop(ifindex, slot) {
            let checksum = TxChecksum::Complete;
            return Some(TxMeta { len: len as u32, checksum, gso: None });
        }
        self.sockets.transmit(&mut self.parts.cx(now, fib), ifindex, slot)
    }

    #[inline]
    pub(crate) fn has_output(&self, ifindex: IfIndex) -> bool {
        self.parts.outbox.has(ifindex) || self.sockets.has_output(ifindex)
    }

    /// Serves every deadline up to `now`.
    pub(crate) fn expire(&mut self, now: Instant, fib: &Fib) {
        let Self { sockets, icmp, reassembly, parts, .. } = self;
        sockets.expire(&mut parts.cx(now, fib));
        while let Some(expired) = reassembly.expire(now, &mut parts.stats) {
            let Some(expired) = expired else { continue };
            let Some(interface) = fib.interface(expired.ifindex) else { continue };
            let Ok(header) = ip::parse(&expired.packet) else { continue };
            let packet = Packet {
                ifindex: expired.ifindex,
                meta: RxMeta::default(),
                link_multicast: false,
                destination: fib.classify(interface, header.dst),
                header,
                payload: header.payload(&expired.packet),
                whole: &expired.packet,
            };
            icmp.complain(&mut parts.cx(now, fib), &packet, Complaint::ReassemblyTime);
        }
        parts.outbox.unpark_all(fib, now, &mut parts.stats);
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let deadlines = [self.sockets.next_deadline(), self.reassembly.next_deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Takes a change over into `fib`, this shard's copy of the snapshot.
    pub(crate) fn apply_update(&mut self, now: Instant, fib: &mut Fib, update: &FibUpdate) {
        match *update {
            FibUpdate::Tables(_) | FibUpdate::Snapshot(_) => {
                let before = Arc::clone(fib.tables());
                fib.apply(update);
                self.tables_changed(now, fib, &before);
            }
            FibUpdate::Neighbor { ifindex, ip, .. } => {
                fib.apply(update);
                self.neighbor_changed(now, fib, (ifindex, ip));
            }
            // Nobody waits for a path MTU; whoever sends by it finds its stamp out of date.
            FibUpdate::PathMtu { .. } => fib.apply(update),
        }
    }

    /// A neighbour changed: whoever waits for it looks again.
    fn neighbor_changed(&mut self, now: Instant, fib: &Fib, next_hop: NextHop) {
        let Self { sockets, parts, .. } = self;
        parts.outbox.unpark(next_hop, fib, now, &mut parts.stats);
        sockets.neighbor_changed(&mut parts.cx(now, fib), next_hop);
    }

    /// Interfaces, addresses or routes changed. What belonged to those that are gone ends; whoever waits
    /// for anything looks again.
    fn tables_changed(&mut self, now: Instant, fib: &Fib, before: &FibTables) {
        for interface in &before.interfaces {
            if fib.interface(interface.ifindex).is_none() {
                self.interface_del(interface.ifindex);
            }
        }
        let Self { sockets, parts, .. } = self;
        for (ip, _) in &before.locals {
            if !fib.is_local(*ip) {
                sockets.address_removed(&mut parts.cx(now, fib), *ip);
            }
        }
        parts.outbox.unpark_all(fib, now, &mut parts.stats);
        sockets.tables_changed(&mut parts.cx(now, fib));
    }

    /// The traffic of an interface.
    pub(crate) fn counters(&mut self, ifindex: IfIndex) -> &mut LinkCounters {
        let at = match self.counters.iter().position(|(i, _)| *i == ifindex) {
            Some(at) => at,
            None => {
                self.counters.push((ifindex, LinkCounters::default()));
                self.counters.len() - 1
            }
        };
        &mut self.counters[at].1
    }

    /// The traffic of an interface so far.
    pub(crate) fn counted(&self, ifindex: IfIndex) -> LinkCounters {
        let found = self.counters.iter().find(|(i, _)| *i == ifindex);
        found.map(|(_, counters)| *counters).unwrap_or_default()
    }

    /// Forgets what belongs to an interface that is gone.
    fn interface_del(&mut self, ifindex: IfIndex) {
        self.parts.outbox.remove(ifindex);
        self.counters.retain(|(i, _)| *i != ifindex);
    }
}
