//! One host's TCP with everything it borrows, a peer that is written by hand, and two hosts joined
//! by a link in virtual time.
//!
//! The link is bare IP, so nothing here is about neighbours. Frames are parsed and built with the
//! same code as outside.

use std::collections::VecDeque;

use addr::{Cidr, Endpoint, IfIndex, Ip};
use wire::ip;
use wire::offload::{DeviceCaps, Medium, RxChecksum, RxMeta, TxChecksum, TxMeta};
use wire::tcp::{Flags, SeqNum};

use crate::cx::{Cx, Request, Requests};
use crate::drop::DropReason;
use crate::event::{EventQueue, Readiness};
use crate::fib::{ControlProtocols, Destination, Fib, FibInterface, FibRoute, LinkState};
pub(super) use crate::fixture::Seg;
use crate::ip::Packet;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::memory::Memory;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::socket::{SocketError, SocketId, SocketRings};
use crate::stats::Stats;
use crate::steer::Home;
use crate::tcp::Tcp;
use crate::tcp::conn::Conn;
use crate::tcp::open::listen::ListenOptions;
use crate::tcp::state::State;
use crate::time::{Duration, Instant};

pub(super) const IFINDEX: IfIndex = match IfIndex::new(2) {
    Some(index) => index,
    None => unreachable!(),
};
/// Where test time begins: late enough that nothing underflows.
pub(super) const START: Instant = Instant::from_millis(1_000_000);

/// TCP and what it borrows.
pub(super) struct Host {
    pub(super) now: Instant,
    pub(super) tcp: Tcp,
    pub(super) limits: Limits,
    pub(super) fib: Fib,
    pub(super) stats: Stats,
    pub(super) memory: Memory,
    pub(super) ip: Ip,
    rng: Random,
    outbox: Outbox,
    requests: Requests,
    events: EventQueue,
}

/// A frame that left a host.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) bytes: Vec<u8>,
    pub(super) meta: TxMeta,
}

impl Frame {
    /// The segment in the frame; its checksum must hold.
    pub(super) fn seg(&self) -> Seg {
        Seg::parse(&self.bytes, self.meta.checksum).2
    }

    /// How the device at the other end hands it up.
    pub(super) fn rx_meta(&self) -> RxMeta {
        let checksum = match self.meta.checksum {
            TxChecksum::Complete => RxChecksum::Unverified,
            TxChecksum::Partial { .. } => RxChecksum::Partial,
        };
        RxMeta { checksum, gso_size: self.meta.gso.map_or(0, |gso| gso.size) }
    }
}

impl Host {
    pub(super) fn new(ip: &str) -> Self {
        Self::with(ip, Limits { tcp_connections: 64, ..Limits::default() }, DeviceCaps::default())
    }

    pub(super) fn with(ip: &str, limits: Limits, caps: DeviceCaps) -> Self {
        let ip: Ip = ip.parse().unwrap();
        let address = Cidr::new(ip, if ip.is_v4() { 24 } else { 64 }).unwrap();
        let interface = FibInterface {
            ifindex: IFINDEX,
            medium: Medium::Ip,
            mac: addr::Mac::UNSPECIFIED,
            mtu: 1500,
            state: LinkState::RUNNING,
            control_protocols: ControlProtocols::NONE,
            caps,
            addresses: vec![address.into()],
            groups: Vec::new(),
        };
        let route = FibRoute {
            destination: Cidr::new(ip.unspecified(), 0).unwrap(),
            gateway: None,
            ifindex: IFINDEX,
            metric: 0,
            source: None,
        };
        let mut fib = Fib::default();
        fib.edit_tables(|tables| {
            tables.interfaces.push(interface);
            tables.routes.push(route);
        });
        // What a test writes, it writes in one go.
        let limits = Limits { tcp_wmem: [4_096, 1 << 20, 4 << 20], ..limits };
        let keys = Keys::from_seed(ip.octets()[15].into());
        let tcp = Tcp::new(&limits, Home::SINGLE, &keys);
        let outbox = Outbox::new(limits.outbox);
        Self {
            now: START,
            tcp,
            limits,
            fib,
            stats: Stats::default(),
            memory: Memory::default(),
            ip,
            rng: Random::new(keys.random, 0),
            outbox,
            requests: Requests::default(),
            events: EventQueue::with_capacity(16),
        }
    }

    /// Lets `act` work on TCP with its context.
    pub(super) fn act<T>(&mut self, act: impl FnOnce(&mut Tcp, &mut Cx<'_>) -> T) -> T {
        let mut cx = Cx {
            now: self.now,
            rng: &mut self.rng,
            fib: &self.fib,
            limits: &self.limits,
            outbox: &mut self.outbox,
            requests: &mut self.requests,
            events: &mut self.events,
            stats: &mut self.stats,
            memory: &mut self.memory,
        };
        let result = act(&mut self.tcp, &mut cx);
        self.tcp.check_memory(&self.memory);
        result
    }

    pub(super) fn listen(&mut self, port: u16, backlog: u32) -> SocketId {
        let local = Endpoint::new(self.ip, port);
        let options = ListenOptions { backlog, only_v6: false };
        self.act(|tcp, cx| tcp.listen(cx, local, options)).unwrap()
    }

    pub(super) fn accept(&mut self, listener: SocketId) -> Option<SocketRings> {
        self.act(|tcp, cx| tcp.accept(cx, listener)).unwrap()
    }

    pub(super) fn connect(&mut self, remote: Endpoint) -> Result<SocketRings, SocketError> {
        self.act(|tcp, cx| tcp.connect(cx, None, remote))
    }

    /// Takes in one packet.
    pub(super) fn receive(&mut self, bytes: &[u8], meta: RxMeta) -> Result<(), DropReason> {
        let header = ip::parse(bytes).unwrap();
        let packet = Packet {
            ifindex: IFINDEX,
            meta,
            link_multicast: false,
            destination: Destination::Unicast,
            payload: header.payload(bytes),
            header,
            whole: bytes,
        };
        self.act(|tcp, cx| tcp.receive(cx, &packet))
    }

    /// The next frame that wants to leave.
    pub(super) fn transmit(&mut self) -> Option<Frame> {
        let mut slot = vec![0; 70_000];
        if let Some(len) = self.outbox.pop(IFINDEX, &mut slot, &mut self.stats) {
            slot.truncate(len);
            return Some(Frame { bytes: slot, meta: TxMeta::default() });
        }
        let meta = self.act(|tcp, cx| tcp.transmit(cx, IFINDEX, &mut slot))?;
        slot.truncate(meta.len as usize);
        Some(Frame { bytes: slot, meta })
    }

    /// Everything that wants to leave now.
    pub(super) fn drain(&mut self) -> Vec<Seg> {
        core::iter::from_fn(|| self.transmit()).map(|frame| frame.seg()).collect()
    }

    /// Advances to `now` and serves the timers.
    pub(super) fn expire(&mut self, now: Instant) {
        assert!(now >= self.now);
        self.now = now;
        self.act(|tcp, cx| tcp.expire(cx));
    }

    /// Lets `span` pass, serving timers as they come. Frames are collected with their times.
    pub(super) fn pass(&mut self, span: Duration) -> Vec<(Instant, Seg)> {
        let end = self.now + span;
        let mut out = Vec::new();
        loop {
            let now = self.now;
            out.extend(self.drain().into_iter().map(|seg| (now, seg)));
            match self.tcp.next_deadline().filter(|at| *at <= end) {
                // Entries may have to move to a finer level of the wheel first.
                Some(at) => self.expire(at.max(self.now)),
                None => break,
            }
        }
        self.now = end;
        out
    }

    /// What was told since the last look.
    pub(super) fn events(&mut self) -> Vec<(SocketId, Readiness)> {
        let mut out = Vec::new();
        while let Some(id) = self.events.pop() {
            out.push((id, self.tcp.take_events(id).unwrap_or(Readiness::GONE)));
        }
        out
    }

    pub(super) fn requests(&mut self) -> Vec<Request> {
        core::iter::from_fn(|| self.requests.pop()).collect()
    }

    pub(super) fn state(&self, id: SocketId) -> State {
        self.tcp.state(id).unwrap_or(State::Closed)
    }

    pub(super) fn conn(&self, id: SocketId) -> &Conn {
        self.tcp.conn(id).expect("connection lives")
    }

    pub(super) fn dropped(&self, reason: DropReason) -> u64 {
        self.stats.dropped(reason)
    }
}

/// A host and a peer that is written by hand. `seq` is what the peer sends next, `ack` what it has
/// received.
pub(super) struct Lab {
    pub(super) host: Host,
    pub(super) ours: Endpoint,
    pub(super) theirs: Endpoint,
    pub(super) seq: SeqNum,
    pub(super) ack: SeqNum,
}

pub(super) const IRS: SeqNum = SeqNum(0xffff_ff00);
pub(super) const FIN: Flags = Flags(Flags::FIN.0 | Flags::ACK.0);
pub(super) const RST: Flags = Flags::RST;
pub(super) const SYN: Flags = Flags::SYN;
pub(super) const ACK: Flags = Flags::ACK;
pub(super) const PSH: Flags = Flags(Flags::PSH.0 | Flags::ACK.0);
pub(super) const SYN_ACK: Flags = Flags(Flags::SYN.0 | Flags::ACK.0);
/// MSS 1000, window shift 7.
pub(super) const SYN_OPTIONS: [u8; 8] = [2, 4, 3, 232, 1, 3, 3, 7];

/// MSS 1000, SACK, timestamps, window shift 7, the way Linux lays them out.
pub(super) const FULL_OPTIONS: [u8; 20] =
    [2, 4, 3, 232, 4, 2, 8, 10, 0, 1, 134, 160, 0, 0, 0, 0, 1, 3, 3, 7];
/// The timestamp in it.
pub(super) const THEIR_CLOCK: u32 = 100_000;

impl Lab {
    pub(super) fn new() -> Self {
        Self::with(Host::new("10.0.0.1"))
    }

    pub(super) fn with(host: Host) -> Self {
        let ours = Endpoint::new(host.ip, 80);
        let theirs = Endpoint::new("10.0.0.2".parse().unwrap(), 4000);
        Self { host, ours, theirs, seq: IRS, ack: SeqNum(0) }
    }

    /// Hands the host a segment from the peer.
    pub(super) fn send(&mut self, seg: &Seg) -> Result<(), DropReason> {
        let packet = seg.packet(self.theirs, self.ours);
        self.host.receive(&packet, RxMeta::default())
    }

    /// A segment at the peer's present numbers.
    pub(super) fn seg(&self, flags: Flags) -> Seg {
        let ack = if flags.ack() { self.ack } else { SeqNum(0) };
        Seg::new(flags, self.seq, ack)
    }

    /// The one segment the host sends now.
    pub(super) fn one(&mut self) -> Seg {
        let mut all = self.host.drain();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    pub(super) fn none(&mut self) {
        let all = self.host.drain();
        assert!(all.is_empty(), "{all:?}");
    }

    /// A passive open up to the last ACK. The peer's SYN has `options`.
    pub(super) fn accept(&mut self, options: &[u8]) -> SocketRings {
        let listener = self.host.listen(80, 8);
        self.send(&self.seg(SYN).options(options)).unwrap();
        let syn_ack = self.one();
        assert_eq!(syn_ack.flags, SYN_ACK);
        (self.seq, self.ack) = (self.seq + 1, syn_ack.seq + 1);
        self.send(&self.seg(ACK)).unwrap();
        self.host.accept(listener).expect("a connection to accept")
    }

    /// An open connection with all options. The peer's clock has not moved since its SYN.
    pub(super) fn stamped() -> (Self, SocketRings) {
        Self::new().open(&FULL_OPTIONS)
    }

    /// An open connection in ESTABLISHED whose events are read.
    pub(super) fn established() -> (Self, SocketRings) {
        Self::new().open(&SYN_OPTIONS)
    }

    pub(super) fn open(mut self, options: &[u8]) -> (Self, SocketRings) {
        let ends = self.accept(options);
        self.none();
        self.host.events();
        assert_eq!(self.host.state(ends.id), State::Established);
        (self, ends)
    }

    /// Lets the host send what the application wrote, and returns it.
    pub(super) fn write(&mut self, ends: &mut SocketRings, data: &[u8]) -> Vec<Seg> {
        assert_eq!(ends.tx.write(data), data.len());
        let id = ends.id;
        self.host.act(|tcp, cx| tcp.app_wrote(cx, id));
        self.host.drain()
    }

    /// The peer acknowledges everything up to `ack`.
    pub(super) fn ack(&mut self, ack: SeqNum) -> Vec<Seg> {
        self.ack = ack;
        self.send(&self.seg(ACK)).unwrap();
        self.host.drain()
    }

    pub(super) fn close(&mut self, ends: &SocketRings) {
        let id = ends.id;
        self.host.act(|tcp, cx| tcp.close(cx, id));
    }

    pub(super) fn state(&self, ends: &SocketRings) -> State {
        self.host.state(ends.id)
    }
}

/// Two hosts and the link between them.
pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) hosts: [Host; 2],
    wires: [VecDeque<(Instant, Frame)>; 2],
    pub(super) delay: Duration,
    pub(super) fate: Box<dyn FnMut(&mut Random) -> Fate>,
    rng: Random,
    pub(super) frames: u64,
}

/// What the link does to a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fate {
    pub(super) copies: u8,
    /// Extra delay, so that others overtake it.
    pub(super) late: Duration,
}

pub(super) const DELIVERED: Fate = Fate { copies: 1, late: Duration::ZERO };

impl Pair {
    pub(super) fn new(a: Host, b: Host) -> Self {
        Self {
            now: START,
            hosts: [a, b],
            wires: Default::default(),
            delay: Duration::from_millis(5),
            fate: Box::new(|_| DELIVERED),
            rng: Random::of_test(99),
            frames: 0,
        }
    }

    pub(super) fn v4() -> Self {
        Self::new(Host::new("10.0.0.1"), Host::new("10.0.0.2"))
    }

    /// Moves to the next arrival or deadline; says whether there was one before `end`.
    pub(super) fn step(&mut self, end: Instant) -> bool {
        for from in 0..2 {
            while let Some(frame) = self.hosts[from].transmit() {
                frame.seg();
                self.frames += 1;
                let fate = (self.fate)(&mut self.rng);
                for _ in 0..fate.copies {
                    let at = self.now + self.delay + fate.late;
                    let wire = &mut self.wires[1 - from];
                    let place = wire.partition_point(|(t, _)| *t <= at);
                    wire.insert(place, (at, frame.clone()));
                }
            }
        }
        let arrivals = self.wires.iter().filter_map(|w| Some(w.front()?.0));
        let deadlines = self.hosts.iter().filter_map(|h| h.tcp.next_deadline());
        let Some(next) = arrivals.chain(deadlines).min().filter(|t| *t <= end) else {
            return false;
        };
        self.now = self.now.max(next);
        for (host, wire) in self.hosts.iter_mut().zip(&mut self.wires) {
            host.expire(self.now);
            while wire.front().is_some_and(|(at, _)| *at <= self.now) {
                let (_, frame) = wire.pop_front().unwrap();
                // What the stack makes of it is its business; that it survives is ours.
                let _ = host.receive(&frame.bytes, frame.rx_meta());
            }
            host.tcp.check();
        }
        true
    }

    /// Runs until nothing is left to happen before `span` has passed.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.step(end) {}
        self.now = end;
        self.hosts.iter_mut().for_each(|h| h.expire(end));
    }

    /// Opens a connection from the first host to the second.
    pub(super) fn open(&mut self) -> (SocketRings, SocketRings) {
        let listener = self.hosts[1].listen(80, 8);
        let remote = Endpoint::new(self.hosts[1].ip, 80);
        let client = self.hosts[0].connect(remote).unwrap();
        for _ in 0..10_000 {
            if let Some(server) = self.hosts[1].accept(listener) {
                return (client, server);
            }
            assert!(self.step(Instant::FAR), "nothing left to happen");
        }
        panic!("no connection");
    }
}
