//! One flow between the real TCP and a peer that does one thing at a time.
//!
//! The peer knows only what it saw on the wire: what it sends next, and what we have sent. All its
//! segments are built from these two numbers, so the same event means the same in every state.

use addr::Endpoint;
use wire::offload::RxMeta;
use wire::tcp::{Flags, SeqNum};

use crate::event::Readiness;
use crate::icmp::{IcmpError, IcmpErrorKind};
use crate::limits::Limits;
use crate::socket::{SocketError, SocketId, SocketKind, SocketRings};
use crate::tcp::conn::{Conn, Stage};
use crate::tcp::state::{OurFin, TheirFin};
use crate::tcp::tests::harness::*;
use crate::time::Duration;

/// Something that can happen to a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    Listen,
    Connect,
    Accept,
    Write,
    Read,
    ShutdownRead,
    ShutdownWrite,
    Close,
    CloseListener,
    Abort,
    AddressRemoved,
    Syn,
    SynAgain,
    SynAck,
    Ack,
    AckOfUnsent,
    Data,
    OldData,
    Fin,
    FinAck,
    FinAhead,
    FinAgain,
    RstExact,
    RstInWindow,
    RstOutside,
    Icmp,
    Silence,
}

impl Event {
    pub(super) const ALL: [Self; 27] = [
        Self::Listen,
        Self::Connect,
        Self::Accept,
        Self::Write,
        Self::Read,
        Self::ShutdownRead,
        Self::ShutdownWrite,
        Self::Close,
        Self::CloseListener,
        Self::Abort,
        Self::AddressRemoved,
        Self::Syn,
        Self::SynAgain,
        Self::SynAck,
        Self::Ack,
        Self::AckOfUnsent,
        Self::Data,
        Self::OldData,
        Self::Fin,
        Self::FinAck,
        Self::FinAhead,
        Self::FinAgain,
        Self::RstExact,
        Self::RstInWindow,
        Self::RstOutside,
        Self::Icmp,
        Self::Silence,
    ];

    /// What it is called in the snapshot and in the diagram.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Listen => "passive open",
            Self::Connect => "active open",
            Self::Accept => "accept",
            Self::Write => "write",
            Self::Read => "read",
            Self::ShutdownRead => "shutdown(read)",
            Self::ShutdownWrite => "shutdown(write)",
            Self::Close => "close",
            Self::CloseListener => "close listener",
            Self::Abort => "abort",
            Self::AddressRemoved => "address removed",
            Self::Syn => "new SYN",
            Self::SynAgain => "SYN again",
            Self::SynAck => "SYN+ACK",
            Self::Ack => "ACK of all",
            Self::AckOfUnsent => "ACK of the unsent",
            Self::Data => "data",
            Self::OldData => "old data",
            Self::Fin => "FIN",
            Self::FinAck => "FIN+ACK of all",
            Self::FinAhead => "FIN after a gap",
            Self::FinAgain => "FIN again",
            Self::RstExact => "RST exact",
            Self::RstInWindow => "RST in window",
            Self::RstOutside => "RST outside",
            Self::Icmp => "ICMP error",
            Self::Silence => "silence",
        }
    }
}

/// What an event led to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Outcome {
    /// The state's name once the event was taken in, before anything was sent for it.
    pub(super) taken: &'static str,
    /// The state's name in the end.
    pub(super) name: &'static str,
    /// The state in the end, with all facts.
    pub(super) state: String,
    pub(super) sent: String,
    pub(super) told: String,
}

/// The flow.
pub(super) struct World {
    host: Host,
    ours: Endpoint,
    theirs: Endpoint,
    listener: Option<SocketId>,
    /// What the application holds, as long as there is a connection behind it.
    ends: Option<SocketRings>,
    /// What the peer sends next.
    seq: SeqNum,
    /// Up to where we have sent.
    sent: SeqNum,
}

impl World {
    pub(super) fn new() -> Self {
        let limits = Limits {
            tcp_connections: 4,
            tcp_embryos: 4,
            tcp_time_wait: 4,
            tcp_receive_buffer: 1 << 14,
            tcp_send_buffer: 1 << 14,
            ..Limits::default()
        };
        let host = Host::with("10.0.0.1", limits, Default::default());
        let ours = Endpoint::new(host.ip, 80);
        let theirs = Endpoint::new("10.0.0.2".parse().unwrap(), 4000);
        Self { host, ours, theirs, listener: None, ends: None, seq: IRS, sent: SeqNum(0) }
    }

    fn flow(&self) -> Option<&Conn> {
        self.host.tcp.conns.iter().map(|(_, conn)| conn).next()
    }

    /// RFC 9293's name for where the flow is.
    pub(super) fn name(&self) -> &'static str {
        let flow = self.host.tcp.sockets().find(|s| s.remote == Some(self.theirs));
        let nobody = if self.listener.is_some() { "LISTEN" } else { "CLOSED" };
        flow.map_or(nobody, |s| s.state)
    }

    /// The name, and every fact that can make a difference to what happens next.
    pub(super) fn state(&self) -> String {
        let mut state = self.name().to_owned();
        let mut add = |fact: &str, holds: bool| {
            if holds {
                state.push_str(", ");
                state.push_str(fact);
            }
        };
        let Some(conn) = self.flow() else {
            // A record, which only an orphan leaves behind before its time.
            add("closed", self.name() == "FIN-WAIT-2");
            add("listening", self.listener.is_some() && self.name() != "LISTEN");
            return state;
        };
        let synchronized = conn.stage == Stage::Synchronized;
        let fin = u32::from(conn.fins.ours == OurFin::Sent);
        let unacked = if synchronized { conn.snd.outstanding() - fin } else { 0 };
        let early = conn.stage == Stage::SynReceived && conn.fins.ours != OurFin::Open;
        add("SYN to be acknowledged", early);
        add("unaccepted", conn.in_accept_queue);
        add("closed", conn.orphan);
        add("shut for reading", conn.rcv.is_shut_down && !conn.orphan);
        add("FIN to come", conn.needs_fin());
        add("data to be acknowledged", unacked > 0 || !conn.snd.ring.is_empty());
        add("unread data", conn.rcv.ring.buffered() > 0);
        let gap = conn.rcv.fin_seq.is_some() && conn.fins.theirs == TheirFin::Open;
        add("peer's FIN after a gap", gap);
        state
    }

    /// Whether the event can happen here at all.
    pub(super) fn can(&self, event: Event) -> bool {
        let writable = self.ends.as_ref().is_some_and(|ends| !ends.tx.is_finished());
        match event {
            Event::Listen => self.listener.is_none() && self.flow().is_none(),
            Event::Accept => self.flow().is_some_and(|conn| conn.in_accept_queue),
            // A connection that was accepted has nothing to do with its listener any more.
            Event::CloseListener => {
                self.listener.is_some() && self.flow().is_none_or(|conn| conn.in_accept_queue)
            }
            Event::Write | Event::ShutdownWrite => writable,
            Event::Read | Event::ShutdownRead | Event::Close | Event::Abort => self.ends.is_some(),
            _ => true,
        }
    }

    /// Lets the event happen, some time after the one before.
    pub(super) fn apply(&mut self, event: Event) -> Outcome {
        let before = self.host.pass(Duration::from_millis(700));
        before.iter().for_each(|(_, seg)| self.note(seg));
        self.host.events();
        let mut called = String::new();
        let mut out = Vec::new();
        match event {
            Event::Silence => {
                out = self.host.pass(Duration::from_secs(3600));
            }
            event => self.happen(event, &mut called),
        }
        let taken = self.name();
        let now = self.host.now;
        out.extend(self.host.drain().into_iter().map(|seg| (now, seg)));
        out.iter().for_each(|(_, seg)| self.note(seg));
        self.host.tcp.check();
        let told = self.told(called);
        if self.ends.as_ref().is_some_and(|ends| self.host.tcp.conn(ends.id).is_none()) {
            self.ends = None;
        }
        let (name, state) = (self.name(), self.state());
        Outcome { taken, name, state, sent: flags(out.iter().map(|(_, seg)| seg.flags)), told }
    }

    /// The peer sees a segment of ours.
    fn note(&mut self, seg: &Seg) {
        if seg.flags.rst() {
            return;
        }
        let len = seg.data.len() as u32;
        let end = seg.seq + len + u32::from(seg.flags.syn()) + u32::from(seg.flags.fin());
        self.sent = if seg.flags.syn() { end } else { self.sent.max(end) };
        if seg.flags.ack() {
            self.seq = seg.ack;
        }
    }

    fn happen(&mut self, event: Event, called: &mut String) {
        let id = self.ends.as_ref().map(|ends| ends.id);
        match event {
            Event::Listen => self.listener = Some(self.host.listen(80, 8)),
            Event::Connect => {
                let (ours, theirs) = (self.ours, self.theirs);
                match self.host.act(|tcp, cx| tcp.connect(cx, Some(ours), theirs)) {
                    Ok(ends) => self.ends = Some(ends),
                    Err(error) => *called = format!("{error:?}"),
                }
            }
            Event::Accept => self.ends = self.host.accept(self.listener.unwrap()),
            Event::CloseListener => {
                let listener = self.listener.take().unwrap();
                self.host.act(|tcp, cx| tcp.close(cx, listener));
            }
            Event::AddressRemoved => {
                let ip = self.ours.ip;
                self.host.act(|tcp, cx| tcp.address_removed(cx, ip));
            }
            Event::Icmp => self.icmp(),
            Event::Close => {
                self.host.act(|tcp, cx| tcp.close(cx, id.unwrap()));
                self.ends = None;
            }
            Event::Abort => self.host.act(|tcp, cx| tcp.abort(cx, id.unwrap())),
            Event::ShutdownRead => self.host.act(|tcp, cx| tcp.shutdown_read(cx, id.unwrap())),
            Event::Write | Event::ShutdownWrite => {
                let tx = &mut self.ends.as_mut().unwrap().tx;
                match event {
                    Event::Write => assert_eq!(tx.write(b"w"), 1),
                    _ => tx.finish(),
                }
                self.host.act(|tcp, cx| tcp.app_wrote(cx, id.unwrap()));
            }
            Event::Read => {
                self.ends.as_mut().unwrap().rx.release(usize::MAX);
                self.host.act(|tcp, cx| tcp.app_read(cx, id.unwrap()));
            }
            event => {
                let packet = self.segment(event).packet(self.theirs, self.ours);
                // Why it went no further is other tests' business.
                self.host.receive(&packet, RxMeta::default()).ok();
            }
        }
    }

    /// The segment the peer sends.
    fn segment(&self, event: Event) -> Seg {
        let (seq, all) = (self.seq, self.sent);
        // What the peer has acknowledged so far.
        let old = self.flow().map_or(all, |conn| conn.snd.una);
        let opening = matches!(self.name(), "SYN-SENT" | "CLOSED" | "LISTEN");
        match event {
            Event::Syn => Seg::new(SYN, seq + 10, SeqNum(0)),
            Event::SynAgain => Seg::new(SYN, seq - 1, SeqNum(0)),
            Event::SynAck => Seg::new(SYN_ACK, if opening { seq } else { seq - 1 }, all),
            Event::Ack => Seg::new(ACK, seq, all),
            Event::AckOfUnsent => Seg::new(ACK, seq, all + 1000),
            Event::Data => Seg::new(PSH, seq, old).data(b"d"),
            Event::OldData => Seg::new(PSH, seq - 1, old).data(b"o"),
            Event::Fin => Seg::new(FIN, seq, old),
            Event::FinAck => Seg::new(FIN, seq, all),
            Event::FinAhead => Seg::new(FIN, seq + 1, old),
            Event::FinAgain => Seg::new(FIN, seq - 1, old),
            Event::RstExact => Seg::new(RST | ACK, seq, all),
            Event::RstInWindow => Seg::new(RST, seq + 10, SeqNum(0)),
            Event::RstOutside => Seg::new(RST, seq + (1 << 30), SeqNum(0)),
            event => unreachable!("{event:?} is no segment"),
        }
    }

    /// A hard error about the oldest segment out.
    fn icmp(&mut self) {
        let seq = self.flow().map_or(self.sent - 1, |conn| conn.snd.una);
        let mut quote = [0; 8];
        quote[..2].copy_from_slice(&self.ours.port.to_be_bytes());
        quote[2..4].copy_from_slice(&self.theirs.port.to_be_bytes());
        quote[4..].copy_from_slice(&seq.0.to_be_bytes());
        let (src, dst) = (self.ours.ip, self.theirs.ip);
        let kind = IcmpErrorKind::PortUnreachable;
        let error = IcmpError { kind, src, dst, protocol: 6, transport: &quote };
        self.host.act(|tcp, cx| tcp.icmp_error(cx, &error));
    }

    /// What the application heard.
    fn told(&mut self, called: String) -> String {
        let mut words: Vec<String> = Vec::new();
        words.extend((!called.is_empty()).then_some(called));
        for (id, what) in self.host.events() {
            let listener = id.kind == SocketKind::TcpListener;
            for (bit, word) in READINESS {
                if what.has(bit) {
                    words.push(if listener { format!("listener {word}") } else { word.into() });
                }
            }
        }
        let error = self.ends.as_ref().and_then(|ends| ends.rx.error());
        if let Some(code) = error {
            let error = SocketError::ALL.iter().find(|error| error.code() == code);
            words.push(format!("{:?}", error.expect("a code of ours")));
        }
        if words.is_empty() { "-".into() } else { words.join(" ") }
    }
}

/// Segments by their flags; runs of the same are one.
fn flags(sent: impl Iterator<Item = Flags>) -> String {
    let names = [
        (Flags::SYN, "SYN"),
        (Flags::FIN, "FIN"),
        (Flags::RST, "RST"),
        (Flags::PSH, "PSH"),
        (Flags::ACK, "ACK"),
    ];
    let mut words: Vec<String> = Vec::new();
    for flags in sent {
        let set = names.iter().filter(|(flag, _)| flags.intersects(*flag));
        words.push(set.map(|(_, name)| *name).collect::<Vec<_>>().join("+"));
    }
    words.dedup();
    if words.is_empty() { "-".into() } else { words.join(" ") }
}

const READINESS: [(Readiness, &str); 6] = [
    (Readiness::CONNECTED, "connected"),
    (Readiness::READABLE, "readable"),
    (Readiness::WRITABLE, "writable"),
    (Readiness::INCOMING, "incoming"),
    (Readiness::ERROR, "error"),
    (Readiness::GONE, "gone"),
];
