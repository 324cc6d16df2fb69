//! Passive opens: listeners, embryos, accept queues.
//!
//! A SYN makes an embryo: a small record without rings, which answers with a SYN-ACK, repeats it with
//! back-off and gives up after a few. The ACK that completes the handshake turns it into a connection
//! in the listener's accept queue. Bounds as in Linux: the queue takes one more than the
//! backlog, a SYN is refused silently while the queue is full (the peer asks again), and so is the last ACK,
//! which leaves the embryo to ask again (TCPF-03, TCPF-04, GAP-02).

use std::collections::{BTreeMap, VecDeque};

use addr::{Endpoint, FlowKey, IfIndex, Ip};
use wire::tcp::{Flags, SeqNum};
use wire::tcp_options::{OptionWriter, Timestamps};

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::fib::Path;
use crate::socket::{Ends, SocketError, SocketId, SocketKind};
use crate::store::slab::{Key, Slab};
use crate::tcp::Tcp;
use crate::tcp::conn::{Birth, Conn};
use crate::tcp::options::{self, Offer, SynOptions};
use crate::tcp::reply::{self, Bare};
use crate::tcp::segment::Segment;
use crate::tcp::table::Owner;
use crate::tcp::timestamps::Stamps;
use crate::time::{Duration, Instant};

/// How to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// Connections that may wait to be accepted.
    pub backlog: u32,
    /// A wildcard IPv6 listener takes no IPv4 connections.
    pub only_v6: bool,
}

impl Default for ListenOptions {
    /// Linux's `SOMAXCONN`.
    fn default() -> Self {
        Self { backlog: 4096, only_v6: false }
    }
}

/// A socket that waits for connections.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) local: Endpoint,
    pub(crate) only_v6: bool,
    pub(crate) backlog: u32,
    /// Embryos of this listener.
    pub(crate) embryos: u32,
    pub(crate) queue: VecDeque<Ends>,
    pub(crate) untold: Readiness,
}

impl Listener {
    fn is_full(&self) -> bool {
        self.queue.len() > self.backlog as usize
    }
}

/// A handshake that a peer began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Embryo {
    pub(crate) key: FlowKey,
    irs: SeqNum,
    iss: SeqNum,
    /// Slot of its listener.
    listener: u32,
    scope: Option<IfIndex>,
    /// When the first SYN-ACK left, for the round-trip sample.
    since: Instant,
    offer: Offer,
    /// The window field of our SYN-ACK.
    window: u16,
    our_mss: u16,
    /// Of our timestamp clock.
    clock_offset: u32,
    /// Timeouts so far.
    retries: u8,
    /// Some SYN-ACK was sent twice, so the handshake gives no sample (Karn).
    repeated: bool,
}

const _: () = assert!(size_of::<Embryo>() <= 104);

/// All listeners, and by which address and port they are found.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) slab: Slab<Listener>,
    by_port: BTreeMap<(u16, Ip), u32>,
}

impl Listeners {
    pub(crate) fn new(limit: usize) -> Self {
        Self { slab: Slab::new(limit, 0), by_port: BTreeMap::new() }
    }

    /// The listener that takes connections to `local`: the most specific one.
    pub(crate) fn find(&self, local: &Endpoint) -> Option<u32> {
        let Endpoint { ip, port } = *local;
        let at = |ip| self.by_port.get(&(port, ip)).copied();
        at(ip).or_else(|| at(ip.unspecified())).or_else(|| {
            at(Ip::UNSPECIFIED_V6)
                .filter(|&index| self.slab.at(index).is_some_and(|l| ip.is_v6() || !l.only_v6))
        })
    }

    /// Whether a listener at `local` would meet one that is there.
    pub(crate) fn conflicts(&self, local: &Endpoint, only_v6: bool) -> bool {
        let range = (local.port, Ip::from_bits(0))..=(local.port, Ip::from_bits(u128::MAX));
        self.by_port.range(range).any(|(&(_, other), &index)| {
            let other_only_v6 = self.slab.at(index).is_some_and(|l| l.only_v6);
            let both = |wild: Ip, only_v6: bool, ip: Ip| {
                wild.is_unspecified() && (wild.same_family(&ip) || wild.is_v6() && !only_v6)
            };
            other == local.ip
                || both(other, other_only_v6, local.ip)
                || both(local.ip, only_v6, other)
        })
    }

    fn insert(&mut self, listener: Listener) -> Option<Key> {
        let place = (listener.local.port, listener.local.ip);
        let key = self.slab.insert_with(|_| listener)?;
        self.by_port.insert(place, key.index);
        Some(key)
    }

    fn remove(&mut self, index: u32) -> Option<Listener> {
        let listener = self.slab.remove(index)?;
        self.by_port.remove(&(listener.local.port, listener.local.ip));
        Some(listener)
    }
}

impl Tcp {
    /// Begins to listen.
    pub(crate) fn listen(
        &mut self,
        cx: &mut Cx<'_>,
        local: Endpoint,
        options: ListenOptions,
    ) -> Result<SocketId, SocketError> {
        let mut local = local;
        if local.ip.is_multicast() || local.ip.is_limited_broadcast() {
            return Err(SocketError::AddressNotAvailable);
        }
        if !local.ip.is_unspecified() && cx.fib.owner(local.ip).is_none() {
            return Err(SocketError::AddressNotAvailable);
        }
        if local.port == 0 {
            let any = Endpoint::new(local.ip.unspecified(), cx.rng.next_u32() as u16);
            let listeners = &self.listeners;
            let free = |port| !listeners.conflicts(&Endpoint::new(local.ip, port), options.only_v6);
            let port = self.secrets.port(cx.limits, local.ip, &any, free);
            local.port = port.ok_or(SocketError::AddressInUse)?;
        } else if self.listeners.conflicts(&local, options.only_v6) {
            return Err(SocketError::AddressInUse);
        }
        let listener = Listener {
            local,
            only_v6: options.only_v6,
            backlog: options.backlog,
            embryos: 0,
            queue: VecDeque::new(),
            untold: Readiness::NONE,
        };
        let key = self.listeners.insert(listener).ok_or(SocketError::NoBuffers)?;
        Ok(listener_id(key))
    }

    /// The next established connection.
    pub(crate) fn accept(
        &mut self,
        cx: &mut Cx<'_>,
        id: SocketId,
    ) -> Result<Option<Ends>, SocketError> {
        let listener = self.listener_mut(id).ok_or(SocketError::BadSocket)?;
        let Some(ends) = listener.queue.pop_front() else { return Ok(None) };
        match self.conn_mut(ends.id) {
            Some(conn) => {
                conn.held = false;
                let mut what = Readiness::CONNECTED | Readiness::WRITABLE;
                if conn.rcv.ring.buffered() > 0 || conn.rcv.ring.is_finished() {
                    what |= Readiness::READABLE;
                }
                conn.tell(cx, what);
            }
            // It died waiting; its end was not told to anyone yet.
            None => cx.events.mark(ends.id, &mut Readiness::default(), Readiness::GONE),
        }
        Ok(Some(ends))
    }

    /// Stops listening: embryos are forgotten, connections nobody accepted are reset.
    pub(crate) fn close_listener(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        if self.listener_mut(id).is_none() {
            return;
        }
        let Some(mut listener) = self.listeners.remove(id.index) else { return };
        let embryos = self.embryos.iter().filter(|(_, e)| e.listener == id.index);
        let embryos: Vec<u32> = embryos.map(|(index, _)| index).collect();
        for index in embryos {
            self.remove_embryo(index);
        }
        for ends in listener.queue.drain(..) {
            self.abort(cx, ends.id);
        }
        cx.events.mark(id, &mut listener.untold, Readiness::GONE);
    }

    pub(crate) fn listener_mut(&mut self, id: SocketId) -> Option<&mut Listener> {
        let key = Key { index: id.index, generation: id.generation };
        let slab = &mut self.listeners.slab;
        slab.lookup_mut(key).filter(|_| id.kind == SocketKind::TcpListener)
    }

    /// A segment for a flow that nobody owns (RFC 9293 §3.10.7.1 and §3.10.7.2; TCPF-03, TCPF-14).
    pub(crate) fn receive_new(
        &mut self,
        cx: &mut Cx<'_>,
        seg: &Segment<'_>,
        isn_floor: Option<SeqNum>,
    ) -> Result<(), DropReason> {
        let listener = self.listeners.find(&seg.key.local);
        let Some(listener) = listener.filter(|_| !seg.flags.intersects(Flags::RST | Flags::ACK))
        else {
            reply::reset_for(cx, seg);
            return Err(DropReason::TcpNoSocket);
        };
        if !seg.flags.syn() {
            return Err(DropReason::TcpBadFlags);
        }
        self.receive_syn(cx, seg, listener, isn_floor)
    }

    fn receive_syn(
        &mut self,
        cx: &mut Cx<'_>,
        seg: &Segment<'_>,
        index: u32,
        isn_floor: Option<SeqNum>,
    ) -> Result<(), DropReason> {
        let limits = cx.limits;
        let Some(listener) = self.listeners.slab.at_mut(index) else {
            return Err(DropReason::TcpNoSocket);
        };
        if listener.is_full() || listener.embryos >= limits.tcp_embryos {
            return Err(DropReason::TcpListenOverflow);
        }
        let remote = seg.key.remote;
        let scope = seg.reply_interface();
        let path = cx.fib.path(remote.ip, Some(seg.key.local.ip), scope);
        let path: Path = path.map_err(|_| DropReason::NoRoute)?;
        let v4 = remote.ip.is_v4();
        let our_mss = options::advertised_mss(path.mtu, v4);
        let iss = self.secrets.isn(&seg.key, cx.now);
        let embryo = Embryo {
            key: seg.key,
            irs: seg.seq,
            iss: isn_floor.map_or(iss, |floor| iss.max(floor)),
            listener: index,
            scope,
            since: cx.now,
            offer: Offer::parse(seg.options, v4),
            window: options::syn_window(limits.tcp_receive_buffer.next_power_of_two(), our_mss),
            our_mss,
            clock_offset: self.secrets.clock_offset(&seg.key),
            retries: 0,
            repeated: false,
        };
        let Some(key) = self.embryos.insert_with(|_| embryo) else {
            return Err(DropReason::TcpTableFull);
        };
        listener.embryos += 1;
        self.flows.insert(&seg.key, Owner::Embryo(key.index));
        self.embryo_wheel.set(key.index, cx.now + SYN_ACK_TIMEOUT);
        send_syn_ack(cx, &embryo)
    }

    /// A segment for a handshake under way: SYN-RECEIVED of a passive open (RFC 9293 §3.10.7.4;
    /// TCPF-07).
    pub(crate) fn receive_embryo(
        &mut self,
        cx: &mut Cx<'_>,
        index: u32,
        seg: &Segment<'_>,
    ) -> Result<(), DropReason> {
        let Some(&embryo) = self.embryos.at(index) else {
            return Err(DropReason::TcpNoSocket);
        };
        let nxt = embryo.irs + 1;
        let in_window = seg.seq.is_within(nxt, u32::from(embryo.window) + 1);
        if seg.flags.rst() {
            if seg.seq == nxt {
                self.remove_embryo(index);
                return Ok(());
            }
            if in_window {
                // RFC 5961 §3.2.
                send_ack(cx, &embryo)?;
            }
            return Err(DropReason::TcpBadReset);
        }
        if seg.flags.syn() {
            if seg.seq == embryo.irs && !seg.flags.ack() {
                if let Some(embryo) = self.embryos.at_mut(index) {
                    embryo.repeated = true;
                }
                return send_syn_ack(cx, &embryo);
            }
            send_ack(cx, &embryo)?;
            return Err(DropReason::TcpBadFlags);
        }
        if !seg.flags.ack() {
            return Err(DropReason::TcpBadFlags);
        }
        if seg.ack != embryo.iss + 1 {
            reply::reset_for(cx, seg);
            return Err(DropReason::TcpBadAck);
        }
        if !in_window {
            send_ack(cx, &embryo)?;
            return Err(DropReason::TcpOutOfWindow);
        }
        self.hatch(cx, index, embryo, seg)
    }

    /// The handshake is complete: the embryo becomes a connection.
    fn hatch(
        &mut self,
        cx: &mut Cx<'_>,
        index: u32,
        embryo: Embryo,
        seg: &Segment<'_>,
    ) -> Result<(), DropReason> {
        let Some(listener) = self.listeners.slab.at_mut(embryo.listener) else {
            return Err(DropReason::TcpNoSocket);
        };
        if listener.is_full() {
            return Err(DropReason::TcpListenOverflow);
        }
        let Embryo { key, scope, .. } = embryo;
        let path = cx.fib.path(key.remote.ip, Some(key.local.ip), scope);
        let path = path.map_err(|_| DropReason::NoRoute)?;
        let identification = cx.rng.next_u32() as u16;
        let flow_label = self.secrets.flow_label(&key);
        let iss = embryo.iss;
        let clock_offset = embryo.clock_offset;
        let mut halves = None;
        let inserted = self.conns.insert_with(|slot| {
            let id = conn_id(slot);
            let birth =
                Birth { id, key, scope, path, iss, identification, flow_label, clock_offset };
            let (mut conn, user) = Conn::active(birth, cx.limits, embryo.since);
            conn.hatch(cx, &embryo);
            halves = Some(user);
            conn
        });
        let (Some(slot), Some(halves)) = (inserted, halves) else {
            return Err(DropReason::TcpTableFull);
        };
        listener.queue.push_back(halves.into_ends(conn_id(slot), key.local, key.remote));
        let id =
            SocketId { kind: SocketKind::TcpListener, index: embryo.listener, ..conn_id(slot) };
        listener.embryos -= 1;
        self.embryos.remove(index);
        self.embryo_wheel.clear(index);
        self.flows.change(&key, Owner::Embryo(index), Owner::Conn(slot.index));
        self.tell_listener(cx, id);
        cx.stats.tcp_passive_opens += 1;
        let conn = self.conns.at_mut(slot.index).expect("just inserted");
        let outcome = conn.receive(cx, seg);
        self.settle(cx, slot.index);
        outcome
    }

    fn tell_listener(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        let generation = self.listeners.slab.generation(id.index);
        if let Some(listener) = self.listeners.slab.at_mut(id.index) {
            let id = SocketId { generation, ..id };
            cx.events.mark(id, &mut listener.untold, Readiness::INCOMING);
        }
    }

    /// Repeats SYN-ACKs that are due, with back-off; gives up after the limit.
    pub(crate) fn expire_embryos(&mut self, cx: &mut Cx<'_>) {
        while let Some(index) = self.embryo_wheel.pop_due(cx.now) {
            let Some(embryo) = self.embryos.at_mut(index) else { continue };
            if u32::from(embryo.retries) >= cx.limits.tcp_synack_retries {
                self.remove_embryo(index);
                continue;
            }
            embryo.retries += 1;
            embryo.repeated = true;
            let wait = SYN_ACK_TIMEOUT * (1 << embryo.retries.min(7));
            self.embryo_wheel.set(index, cx.now + wait);
            cx.stats.tcp_timeouts += 1;
            if let Err(reason) = send_syn_ack(cx, embryo) {
                cx.drop(reason);
            }
        }
    }

    pub(crate) fn remove_embryo(&mut self, index: u32) {
        let Some(embryo) = self.embryos.remove(index) else { return };
        self.embryo_wheel.clear(index);
        self.flows.remove(&embryo.key, Owner::Embryo(index));
        if let Some(listener) = self.listeners.slab.at_mut(embryo.listener) {
            listener.embryos = listener.embryos.saturating_sub(1);
        }
    }
}

impl Conn {
    /// Takes over what the embryo agreed on.
    fn hatch(&mut self, cx: &mut Cx<'_>, embryo: &Embryo) {
        self.held = true;
        self.our_mss = embryo.our_mss;
        self.rcv.nxt = embryo.irs + 1;
        self.rcv.acked = self.rcv.nxt;
        self.rcv.edge = self.rcv.nxt + u32::from(embryo.window);
        self.take_offer(cx, embryo.offer);
        self.snd.nxt = embryo.iss + 1;
        self.snd.una = self.snd.nxt;
        self.retries = embryo.retries;
        if !embryo.repeated {
            self.rtt.sample(cx.now.since(embryo.since), cx.now);
        }
        // The window is not known before the ACK that completes the handshake is processed: any
        // window it brings is newer than this one.
        self.establish(cx, embryo.irs, embryo.iss, 0);
    }
}

impl Embryo {
    /// The timestamps of an answer, if both sides have them.
    fn stamps(&self, cx: &Cx<'_>) -> Option<Timestamps> {
        let theirs = self.offer.timestamps.filter(|_| cx.limits.tcp_timestamps)?;
        let mut stamps = Stamps::new(self.clock_offset);
        stamps.agree(Some(theirs), cx.now);
        Some(stamps.option(cx.now))
    }
}

fn send_syn_ack(cx: &mut Cx<'_>, embryo: &Embryo) -> Result<(), DropReason> {
    let limit = cx.limits.tcp_receive_buffer.next_power_of_two();
    let Offer { scale, sack, timestamps, .. } = embryo.offer;
    let scale = scale.filter(|_| cx.limits.tcp_window_scaling);
    let options = SynOptions {
        mss: embryo.our_mss,
        scale: scale.map(|_| options::window_shift(limit)),
        sack: sack && cx.limits.tcp_sack,
        timestamps: embryo.stamps(cx),
    };
    debug_assert!(timestamps.is_some() || options.timestamps.is_none());
    let flags = Flags::SYN | Flags::ACK;
    send(cx, embryo, embryo.iss, flags, options.writer().finish())
}

/// Says where the handshake stands.
fn send_ack(cx: &mut Cx<'_>, embryo: &Embryo) -> Result<(), DropReason> {
    let mut options = OptionWriter::new();
    if let Some(stamps) = embryo.stamps(cx) {
        options.timestamps(stamps);
    }
    send(cx, embryo, embryo.iss + 1, Flags::ACK, options.finish())
}

fn send(
    cx: &mut Cx<'_>,
    embryo: &Embryo,
    seq: SeqNum,
    flags: Flags,
    options: &[u8],
) -> Result<(), DropReason> {
    let bare = Bare { seq, ack: embryo.irs + 1, flags, window: embryo.window };
    reply::send(cx, embryo.scope, &embryo.key, bare, options)
}

pub(crate) fn conn_id(key: Key) -> SocketId {
    let Key { index, generation } = key;
    SocketId { kind: SocketKind::TcpConnection, index, generation }
}

fn listener_id(key: Key) -> SocketId {
    let Key { index, generation } = key;
    SocketId { kind: SocketKind::TcpListener, index, generation }
}

/// Linux `TCP_TIMEOUT_INIT`.
const SYN_ACK_TIMEOUT: Duration = Duration::from_secs(1);
