//! What a core touches for every packet: link input, IP input, TCP, UDP, echo, reassembly.
//!
//! A frame goes through `link` (is it for this station?), [`ip::input`](crate::ip::input) (is it
//! for this host?), perhaps reassembly, to its protocol. What is control's (ARP, neighbour
//! discovery) is handed out as a [`ControlMessage`](crate::delivery::ControlMessage). The other
//! way, [`Shard::transmit`] fills one slot: replies first, then the sockets' segments and
//! datagrams.
//!
//! What the shard wants of control it asks by [`Requests`].

mod for_control;
pub(crate) mod index;
mod link;
mod receive;

use std::collections::VecDeque;
use std::sync::Arc;

use addr::IfIndex;
use wire::ip;
use wire::offload::{RxMeta, TxChecksum, TxMeta};

use crate::cx::{Cx, Requests};
use crate::drop::DropReason;
use crate::event::EventQueue;
use crate::fib::{Fib, FibTables, FibUpdate};
use crate::icmp::{ErrorCause, Icmp};
use crate::ip::Packet;
use crate::ip::input::IpInput;
use crate::ip::reassembly::Reassembly;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::memory::Memory;
use crate::mesh::HandedFrame;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::socket::Sockets;
use crate::stats::{LinkCounters, Stats};
use crate::steer::Home;
use crate::store::waiting::NextHop;
use crate::time::Instant;
use crate::verdict::Verdict;

pub(crate) use receive::Received;

use index::ShardIndex;

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
    pub(crate) input: IpInput,
    counters: Vec<(IfIndex, LinkCounters)>,
}

/// What a [`Cx`] borrows.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) rng: Random,
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

impl Shard {
    pub(crate) fn new(limits: &Limits, home: Home, keys: &Keys) -> Self {
        Self {
            home,
            sockets: Sockets::new(limits, home, keys),
            icmp: Icmp::new(limits, home, keys),
            reassembly: Reassembly::default(),
            whole: Vec::new(),
            handovers: VecDeque::new(),
            parts: Parts {
                rng: Random::new(keys.random, home.shard.get() as u64),
                limits: limits.clone(),
                outbox: Outbox::new(limits.outbox),
                requests: Requests::default(),
                events: EventQueue::with_capacity(EVENTS_RESERVE),
                stats: Stats::default(),
                memory: Memory::default(),
            },
            input: IpInput::default(),
            counters: Vec::new(),
        }
    }

    /// Fills `slot` with the next frame for `ifindex`.
    #[inline(always)]
    pub(crate) fn transmit(
        &mut self,
        now: Instant,
        fib: &Fib,
        ifindex: IfIndex,
        slot: &mut [u8],
    ) -> Option<TxMeta> {
        if let Some(len) = self.parts.outbox.pop(ifindex, slot, &mut self.parts.stats) {
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
            icmp.send_error(&mut parts.cx(now, fib), &packet, ErrorCause::ReassemblyTime);
        }
        parts.outbox.retry_unresolved(fib, now, &mut parts.stats);
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
        parts.outbox.neighbor_changed(next_hop, fib, now, &mut parts.stats);
        sockets.neighbor_changed(&mut parts.cx(now, fib), next_hop);
    }

    /// Interfaces, addresses or routes changed. What belonged to those that are gone ends; whoever
    /// waits for anything looks again.
    fn tables_changed(&mut self, now: Instant, fib: &Fib, before: &FibTables) {
        for interface in &before.interfaces {
            match fib.interface(interface.ifindex) {
                None => self.interface_del(interface.ifindex),
                Some(now) if !now.state.is_running() => self.parts.outbox.remove(now.ifindex),
                Some(_) => {}
            }
        }
        let Self { sockets, parts, .. } = self;
        for (ip, _) in &before.locals {
            if !fib.is_local(*ip) {
                sockets.address_removed(&mut parts.cx(now, fib), *ip);
            }
        }
        parts.outbox.retry_unresolved(fib, now, &mut parts.stats);
        sockets.tables_changed(&mut parts.cx(now, fib));
    }

    /// Counts a received frame of `len` bytes by its verdict.
    #[inline(always)]
    pub(crate) fn count_received(&mut self, ifindex: IfIndex, len: usize, verdict: Verdict) {
        let stats = &mut self.parts.stats;
        if let Verdict::HandedOver(_) = verdict {
            // Its owner counts it as received.
            stats.frames_handed_over += 1;
            return;
        }
        stats.frames_in += 1;
        match verdict {
            Verdict::Consumed | Verdict::HandedOver(_) => stats.frames_delivered += 1,
            Verdict::Forward { .. } => stats.frames_to_forward += 1,
            Verdict::Dropped(reason) => stats.drop_received(reason),
        }
        if verdict == Verdict::Dropped(DropReason::LinkUnknownInterface) {
            return;
        }
        let counters = self.counters(ifindex);
        counters.rx_packets += 1;
        counters.rx_bytes += len as u64;
        match verdict {
            Verdict::Consumed | Verdict::HandedOver(_) | Verdict::Forward { .. } => {}
            Verdict::Dropped(reason) if reason.is_malformed() => counters.rx_errors += 1,
            Verdict::Dropped(_) => counters.rx_dropped += 1,
        }
    }

    /// Counts a frame of `len` bytes that leaves.
    #[inline]
    pub(crate) fn count_transmitted(&mut self, ifindex: IfIndex, len: u32) {
        self.parts.stats.frames_out += 1;
        let counters = self.counters(ifindex);
        counters.tx_packets += 1;
        counters.tx_bytes += u64::from(len);
    }

    /// The traffic of an interface, to be added to.
    fn counters(&mut self, ifindex: IfIndex) -> &mut LinkCounters {
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
