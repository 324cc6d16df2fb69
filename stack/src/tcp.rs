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
//! | `receive`, `receive/` | receive half: reassembly, SACK, window, delayed ACKs (§3.8.6) |
//! | `timers`, `timers/` | deadlines, retransmission timeout, keep-alives (§3.8.1, §3.8.4) |
//! | `user`, `user/` | what sockets ask: calls, options, listings (§3.9.1) |
//! | `conn` | one connection, in which all of the parts above meet |
//! | `conn/input`, `conn/input/` | SEGMENT ARRIVES, step by step (§3.10.7); ICMP errors |
//! | `conn/output`, `conn/output/` | which segment is next, and writing it into a frame |
//! | `conn/recovery`, `conn/recovery/` | what acknowledgments do to windows and timers |
//! | `conn/timers`, `conn/timers/` | what deadlines do (§3.10.8) |
//! | `conn/user`, `conn/close`, `conn/socket_options` | the calls of its user (§3.10.2 to §3.10.5) |
//! | `conn/send_buffer`, `conn/memory` | room for the writer; its share of the memory budget |
//! | `conn/urgent` | urgent data, both ways (§3.8.5) |
//! | `icmp` | ICMP errors about segments of ours (§3.9.2.2) |
//! | `reply`, `reply/` | segments that no connection sends; how many challenge ACKs leave |
//! | `flow_table` | which lifetime a flow is in, and where |
//! | `transmit`, `ready` | which connection sends next, and which wait for a link address |
//!
//! # Turn
//!
//! An event changes one connection, which notes what the shard has to do for it; `reschedule` turns
//! that into a place in the ready list, an entry of the timer wheel, or the end of the connection;
//! `transmit` asks the first connection of the list for a segment. So an ACK becomes due during a
//! batch of frames and is sent once after it.
//!
//! # Invariants
//!
//! A flow is in the table exactly while one of the three slabs holds it. The wheel's entry of a
//! connection is never later than its earliest deadline. Nothing allocates per segment: rings are
//! made with the connection, recovery when data leaves after a silence, and what an idle connection
//! does not need goes back after a timeout (`recovery::lazy`). Segments change nothing before their
//! checksum is known to be good.

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
mod transmit;
mod user;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use addr::FlowKey;

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::fib::Destination;
use crate::ip::Packet;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::socket::{SocketId, SocketKind};
use crate::steer::Home;
use crate::store::drained::Drained;
use crate::store::slab::Slab;
use crate::store::wheel::Wheel;
use crate::time::Instant;

pub use crate::limits::{CongestionAlgorithm, Pacing, UnknownAlgorithm};
pub use open::listen::ListenOptions;
pub use state::State;
pub use timers::keepalive::KeepAlive;
pub use user::socket_options::TcpOption;

pub(crate) use open::message::{ListenerMessage, Outgoing};
pub(crate) use user::find_path;
#[cfg(test)]
pub(crate) use {open::message::ListenerChange, user::socket_options::SocketOptions};

use close::pending_errors::PendingErrors;
use close::time_wait::TimeWaits;
use conn::Conn;
use flow_table::{FlowOwners, FlowTable, Owner};
use open::cookies::Cookies;
use open::embryos::Embryos;
use open::isn::Secrets;
use open::listen::Listeners;
use ready::Ready;
use reply::challenge::ChallengeAckLimit;
use segment::Segment;

/// All TCP state of one shard.
#[derive(Debug)]
pub struct Tcp {
    home: Home,
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
    /// What other shards are to hear of listeners and of accepted connections.
    outgoing: VecDeque<Outgoing>,
}

impl Tcp {
    pub(crate) fn new(limits: &Limits, home: Home, keys: &Keys) -> Self {
        let conns = limits.tcp_connections as usize;
        let embryos = conns.max(limits.tcp_embryos as usize);
        Self {
            home,
            flows: FlowTable::new(conns, keys),
            conns: Slab::new(conns, conns),
            ready: Ready::default(),
            wheel: Wheel::new(conns),
            drained: Drained::default(),
            embryos: Embryos::new(embryos, limits.tcp_embryos as usize),
            time_waits: TimeWaits::new(limits),
            listeners: Listeners::new(limits.tcp_listeners as usize, home.steering.shards()),
            secrets: Secrets::new(keys),
            cookies: Cookies::new(keys),
            challenge_limit: ChallengeAckLimit::default(),
            orphans: 0,
            pending_errors: PendingErrors::default(),
            outgoing: VecDeque::new(),
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
                conn.release_buffers(cx);
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
        self.conns.lookup_mut(self.home.conn_key(id)?)
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
}
