//! TCP (RFC 9293) for one shard.
//!
//! # Shape
//!
//! A flow passes through up to three lifetimes, each with a type of its size: an *embryo* while a
//! peer's handshake is under way (`embryos`), a *connection* (`conn`), and a compact *TIME-WAIT*
//! record (`time_wait`). One flow table (`flow_table`) finds which. Inside a connection there is a
//! send half, a receive half, recovery, congestion control and timers; its RFC state name is
//! derived (`state`).
//!
//! # Files
//!
//! | file | idea |
//! |---|---|
//! | `segment`, `segment/` | one incoming segment, checked; its options; timestamps (§3.1, §3.2) |
//! | `state` | the name of a connection's state (§3.3.2) |
//! | `open/` | initial sequence numbers, listeners, passive opens, SYN cookies (§3.4, §3.5) |
//! | `close/` | TIME-WAIT, and why connections failed (§3.6) |
//! | `send`, `send/` | send half: the ring, how far ahead to write, pacing (§3.7, §3.8) |
//! | `recovery`, `congestion` | what is lost, and how much may be in flight (§3.8.2) |
//! | `receive`, `receive/` | receive half: reassembly, SACK, the window, when to acknowledge (§3.8.6) |
//! | `timers`, `timers/` | deadlines, retransmission timeout, keep-alives (§3.8.1, §3.8.4) |
//! | `user`, `user/` | what sockets ask: calls, options, listings (§3.9.1) |
//! | `conn` | one connection, in which all of the parts above meet |
//! | `conn/input`, `conn/input/` | SEGMENT ARRIVES, step by step (§3.10.7), and ICMP errors (§3.9.2.2) |
//! | `conn/output`, `conn/output/` | which segment is next, and writing it into a frame |
//! | `conn/expire`, `conn/user_timeout` | what deadlines do (§3.10.8) |
//! | `conn/urgent` | urgent data, both ways (§3.8.5) |
//! | `reply`, `reply/` | segments that no connection sends; how many challenge ACKs leave |
//! | `flow_table` | which lifetime a flow is in, and where |
//! | `ready` | which connection sends next |
//!
//! # Turn
//!
//! `receive` changes one connection and leaves marks; `reschedule` turns marks into a place in the ready list,
//! a wheel entry, or the connection's end; `transmit` asks whoever is first in the list for a
//! segment. An ACK is therefore owed during a batch of frames and sent once after it.
//!
//! # Invariants
//!
//! A flow is in the table exactly while one of the three slabs holds it. The wheel's entry of a connection is
//! never later than its earliest deadline. Nothing allocates per segment: rings are made with the
//! connection, recovery when data leaves after a silence, and what an idle connection does not need goes
//! back after a timeout (`recovery::held`). Segments change nothing before their checksum is known to be
//! good.

mod close;
mod congestion;
mod conn;
mod flow_table;
mod icmp;
mod open;
mod ready;
mod receive;
mod recovery;
mod reply;
mod segment;
mod send;
mod state;
mod timers;
mod user;

#[cfg(test)]
mod tests;

use addr::{FlowKey, IfIndex, Ip};
use wire::offload::TxMeta;

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::fib::{Destination, Link};
use crate::ip::Packet;
use crate::limits::Limits;
use crate::rng::Rng;
use crate::socket::{SocketError, SocketId, SocketKind};
use crate::store::drained::Drained;
use crate::store::slab::Slab;
use crate::store::waiting::NextHop;
use crate::store::wheel::Wheel;
use crate::time::Instant;

pub use crate::limits::{CongestionAlgorithm, Pacing, UnknownAlgorithm};
pub use open::listen::ListenOptions;
pub use state::State;
pub use timers::keepalive::KeepAlive;
pub use user::socket_options::TcpOption;

use close::pending_errors::PendingErrors;
use close::time_wait::{TimeWaitInit, TimeWaitOutcome, TimeWaits};
use conn::{Conn, End, Stage};
use flow_table::{FlowOwners, FlowTable, Owner};
use open::cookies::Cookies;
use open::embryos::Embryos;
use open::isn::Secrets;
use open::listen::{Listeners, conn_key};
use ready::Ready;
use reply::challenge::ChallengeAckLimit;
use segment::Segment;
use send::plan::SegmentKind;

/// All TCP state of one shard.
#[derive(Debug)]
pub struct Tcp {
    flows: FlowTable,
    conns: Slab<Conn>,
    ready: Ready,
    wheel: Wheel,
    drained: Drained,
    embryos: Embryos,
    time_waits: TimeWaits,
    listeners: Listeners,
    secrets: Secrets,
    cookies: Cookies,
    challenge_limit: ChallengeAckLimit,
    /// Connections whose application has let go.
    orphans: u32,
    /// Why connections ended.
    pending_errors: PendingErrors,
}

impl Tcp {
    pub(crate) fn new(limits: &Limits, rng: &mut Rng) -> Self {
        let conns = limits.tcp_connections as usize;
        let embryos = conns.max(limits.tcp_embryos as usize);
        Self {
            flows: FlowTable::new(conns, rng),
            conns: Slab::new(conns, conns),
            ready: Ready::default(),
            wheel: Wheel::new(conns),
            drained: Drained::default(),
            embryos: Embryos::new(embryos, limits.tcp_embryos as usize),
            time_waits: TimeWaits::new(limits),
            listeners: Listeners::new(limits.tcp_listeners as usize),
            secrets: Secrets::new(rng),
            cookies: Cookies::new(rng),
            challenge_limit: ChallengeAckLimit::default(),
            orphans: 0,
            pending_errors: PendingErrors::default(),
        }
    }

    /// A segment came in.
    #[inline]
    pub(crate) fn receive(
        &mut self,
        cx: &mut Cx<'_>,
        packet: &Packet<'_>,
    ) -> Result<(), DropReason> {
        if packet.link_multicast || packet.destination != Destination::Unicast {
            // RFC 9293 §3.9.2.3, MUST-57.
            return Err(DropReason::TcpNotUnicast);
        }
        if !packet.header.src.is_unicast() {
            // RFC 9293 §3.9.2.3, MUST-63.
            return Err(DropReason::IpMartianSource);
        }
        let seg = Segment::parse(packet)?;
        cx.stats.tcp_segments_in += 1;
        match self.lookup(&seg.key) {
            Some(Owner::Conn(index)) => {
                let Some(conn) = self.conns.at_mut(index) else {
                    return Err(DropReason::TcpNoSocket);
                };
                let outcome = conn.receive(cx, &seg);
                self.reschedule(cx, index);
                outcome
            }
            Some(Owner::Embryo(index)) => self.receive_embryo(cx, index, &seg),
            Some(Owner::TimeWait(index)) => self.receive_time_wait(cx, index, &seg),
            None => self.receive_without_owner(cx, &seg, None),
        }
    }

    fn receive_time_wait(
        &mut self,
        cx: &mut Cx<'_>,
        index: u32,
        seg: &Segment<'_>,
    ) -> Result<(), DropReason> {
        let listening = self.listeners.find(&seg.key.local).is_some();
        match self.time_waits.receive(cx, index, seg, listening) {
            TimeWaitOutcome::Keep(outcome) => outcome,
            TimeWaitOutcome::Remove(outcome) => {
                self.remove_time_wait(index);
                outcome
            }
            TimeWaitOutcome::Reopen(floor) => {
                self.remove_time_wait(index);
                self.receive_without_owner(cx, seg, Some(floor))
            }
        }
    }

    /// Fills `slot` with the next segment for `ifindex`, or with nothing if nobody has any. Looks at
    /// each waiting connection at most once.
    pub(crate) fn transmit(
        &mut self,
        cx: &mut Cx<'_>,
        ifindex: IfIndex,
        slot: &mut [u8],
    ) -> Option<TxMeta> {
        while let Some(index) = self.ready.pop(&mut self.conns, ifindex) {
            let conn = self.conns.at_mut(index)?;
            if !conn.refresh_path(cx) {
                let next_hop = conn.request_neighbor(cx);
                self.ready.park(&mut self.conns, index, next_hop);
                self.arm_wheel(index);
                continue;
            }
            conn.neighbor_requested = false;
            if conn.path.ifindex != ifindex {
                self.ready.push(conn, index);
                continue;
            }
            if conn.owes_ack_only()
                && let Some(meta) = conn.write_ack(cx, slot)
            {
                conn.on_ack_sent();
                if conn.rcv.pending_acks.is_due() {
                    self.ready.push(conn, index);
                }
                return Some(meta);
            }
            let plan = conn.plan(cx.now, slot.len());
            let meta = match &plan {
                Some(plan) => conn.write(cx, plan, slot),
                None => None,
            };
            let (Some(plan), Some(meta)) = (&plan, meta) else {
                conn.output_wanted = false;
                self.arm_wheel(index);
                continue;
            };
            conn.on_sent(plan, cx.now);
            if conn.options.not_sent > 0 {
                conn.notify_if_writable(cx);
            }
            if plan.kind == SegmentKind::Retransmit {
                cx.stats.tcp_retransmits += 1;
            }
            conn.output_wanted = conn.has_output();
            if conn.output_wanted || conn.rcv.pending_acks.is_due() {
                self.ready.push(conn, index);
            }
            self.arm_wheel(index);
            return Some(meta);
        }
        None
    }

    /// Whether `transmit` may have something for `ifindex`.
    #[inline]
    pub(crate) fn has_output(&self, ifindex: IfIndex) -> bool {
        self.ready.has(ifindex)
    }

    /// Serves every deadline up to now.
    pub(crate) fn expire(&mut self, cx: &mut Cx<'_>) {
        while let Some(index) = self.wheel.pop_due(cx.now) {
            let Some(conn) = self.conns.at_mut(index) else { continue };
            conn.wheel_deadline = Instant::FAR;
            conn.expire(cx);
            self.reschedule(cx, index);
        }
        while let Some(index) = self.drained.pop_due(cx.now) {
            if let Some(conn) = self.conns.at_mut(index) {
                conn.release_buffers();
            }
        }
        self.expire_embryos(cx);
        while let Some(index) = self.time_waits.next_expired(cx.now) {
            self.remove_time_wait(index);
        }
    }

    /// When to be called again, at the latest.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let embryos = self.embryos.next_deadline();
        let (wheel, drained) = (self.wheel.next_deadline(), self.drained.next_deadline());
        let all = [wheel, drained, embryos, self.time_waits.next_deadline()];
        all.into_iter().flatten().min()
    }

    /// Interfaces, addresses or routes changed: all who wait for a link address or a route look again.
    pub(crate) fn tables_changed(&mut self, cx: &mut Cx<'_>) {
        for index in self.ready.unpark_all() {
            self.retry_path(cx, index);
        }
    }

    /// A neighbour changed: those who wait for its link address look again.
    pub(crate) fn neighbor_changed(&mut self, cx: &mut Cx<'_>, next_hop: NextHop) {
        for index in self.ready.unpark(next_hop) {
            self.retry_path(cx, index);
        }
    }

    /// A connection that waited goes on, ends or waits once more.
    fn retry_path(&mut self, cx: &mut Cx<'_>, index: u32) {
        let Some(conn) = self.conns.at_mut(index).filter(|c| c.awaiting_neighbor) else { return };
        conn.awaiting_neighbor = false;
        let path = cx.fib.path(conn.key.remote.ip, Some(conn.key.local.ip), conn.scope);
        let connecting = conn.stage != Stage::Synchronized;
        match path.map(|path| path.link) {
            Ok(Link::None | Link::Known(_)) => conn.output_wanted = true,
            // Nobody answered; a connection that exists goes on trying until it times out.
            Ok(Link::Failed) if connecting && conn.neighbor_requested => {
                conn.fail(cx, SocketError::HostUnreachable);
            }
            Err(error) if connecting => conn.fail(cx, error),
            Ok(Link::Pending | Link::Failed) | Err(_) => {
                conn.neighbor_requested |= matches!(path, Ok(path) if path.link == Link::Pending);
                let next_hop = path.ok().map(|path| (path.ifindex, path.next_hop));
                self.ready.park(&mut self.conns, index, next_hop);
            }
        }
        self.reschedule(cx, index);
    }

    /// An address is no longer ours: what is bound to it ends (TCPF-16).
    pub(crate) fn address_removed(&mut self, cx: &mut Cx<'_>, ip: Ip) {
        let conns = self.conns.iter().filter(|(_, c)| c.key.local.ip == ip);
        let conns: Vec<u32> = conns.map(|(index, _)| index).collect();
        for index in conns {
            if let Some(conn) = self.conns.at_mut(index) {
                conn.abort(cx);
                self.reschedule(cx, index);
            }
        }
        let embryos = self.embryos.iter().filter(|(_, key, _)| key.local.ip == ip);
        let embryos: Vec<u32> = embryos.map(|(index, _, _)| index).collect();
        embryos.into_iter().for_each(|index| self.remove_embryo(index));
        let records = self.time_waits.iter().filter(|(_, t)| t.key.local.ip == ip);
        let records: Vec<u32> = records.map(|(index, _)| index).collect();
        records.into_iter().for_each(|index| self.remove_time_wait(index));
    }

    /// What became true for a socket since it was last asked; nothing if the id is dead.
    pub(crate) fn take_events(&mut self, id: SocketId) -> Option<Readiness> {
        let pending_events = match id.kind {
            SocketKind::TcpListener => &mut self.listener_mut(id)?.pending_events,
            SocketKind::TcpConnection => &mut self.conn_mut(id)?.pending_events,
            _ => return None,
        };
        Some(core::mem::take(pending_events))
    }

    #[inline]
    fn lookup(&mut self, key: &FlowKey) -> Option<Owner> {
        let flow_owners =
            FlowOwners { conns: &self.conns, embryos: &self.embryos, time_waits: &self.time_waits };
        self.flows.lookup(flow_owners, key)
    }

    fn flow_owners(&self) -> FlowOwners<'_> {
        FlowOwners { conns: &self.conns, embryos: &self.embryos, time_waits: &self.time_waits }
    }

    fn conn_mut(&mut self, id: SocketId) -> Option<&mut Conn> {
        self.conns.lookup_mut(conn_key(id)?)
    }

    /// Acts on the marks a connection was left with.
    #[inline]
    fn reschedule(&mut self, cx: &mut Cx<'_>, index: u32) {
        let Some(conn) = self.conns.at_mut(index) else { return };
        if conn.end.is_some() {
            self.finish(cx, index);
            return;
        }
        if conn.challenge_ack_wanted {
            conn.challenge_ack_wanted = false;
            let limit = cx.limits.tcp_challenge_acks_per_second;
            if self.challenge_limit.allow(cx.now, limit, cx.rng) {
                conn.rcv.pending_acks.immediate = true;
                cx.stats.tcp_challenge_acks += 1;
            }
        }
        if conn.output_wanted || conn.rcv.pending_acks.is_due() {
            self.ready.push(conn, index);
        }
        self.drained.note(&mut conn.drain, index, cx.now);
        conn.arm_wheel(&mut self.wheel, index);
    }

    /// Sees to it that the wheel wakes the connection in time.
    #[inline]
    fn arm_wheel(&mut self, index: u32) {
        if let Some(conn) = self.conns.at_mut(index) {
            conn.arm_wheel(&mut self.wheel, index);
        }
    }

    /// A connection has ended: its slot is freed, its flow goes to TIME-WAIT or out of the table.
    fn finish(&mut self, cx: &mut Cx<'_>, index: u32) {
        let Some(mut conn) = self.conns.remove(index) else { return };
        cx.memory.end(conn.memory_charged, cx.limits);
        self.wheel.clear(index);
        if conn.in_ready_list {
            self.ready.leave(&mut self.conns);
        }
        self.orphans -= u32::from(conn.orphan);
        if let Some(End::Failed(error)) = conn.end.filter(|_| !conn.orphan) {
            self.pending_errors.note(conn.id, error);
        }
        if conn.end == Some(End::TimeWait) {
            self.begin_time_wait(cx, &mut conn, index);
        } else {
            self.flows.remove(&conn.key, Owner::Conn(index));
        }
        if !conn.in_accept_queue {
            let ended = match conn.end {
                Some(End::Failed(_)) => Readiness::ERROR | Readiness::GONE,
                _ => Readiness::GONE,
            };
            cx.events.mark(conn.id, &mut conn.pending_events, ended);
        }
    }

    /// The flow goes on as a record, which sends the ACK that the connection still owed.
    fn begin_time_wait(&mut self, cx: &mut Cx<'_>, conn: &mut Conn, index: u32) {
        if let Some(oldest) = self.time_waits.oldest_if_full() {
            self.remove_time_wait(oldest);
        }
        let rest = TimeWaitInit {
            key: conn.key,
            scope: conn.scope,
            snd_nxt: conn.snd.nxt,
            rcv_nxt: conn.rcv.nxt,
            timestamps: conn.timestamps,
            window: conn.rcv.advertise_window(cx.memory.pressure()),
            scale: conn.rcv.scale,
            traffic_class: conn.options.marking.traffic_class,
            in_fin_wait_2: conn.state() == State::FinWait2,
        };
        let Some(record) = self.time_waits.insert(rest, cx.now) else {
            self.flows.remove(&conn.key, Owner::Conn(index));
            return;
        };
        self.flows.change(&conn.key, Owner::Conn(index), Owner::TimeWait(record));
        if conn.rcv.pending_acks.is_due() {
            self.time_waits.acknowledge(cx, record);
        }
    }

    fn remove_time_wait(&mut self, index: u32) {
        if let Some(record) = self.time_waits.remove(index) {
            self.flows.remove(&record.key, Owner::TimeWait(index));
        }
    }
}
