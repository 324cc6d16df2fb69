//! A peer that speaks just enough TCP to get into a conversation, and then behaves badly.
//!
//! It never loses anything, so whatever it does not do it does not do on purpose. Most kinds do
//! their harm and then go on properly, so that the conversation can be expected to end with every
//! byte in place; the others must be got rid of.

use addr::Endpoint;
use wire::tcp::{Flags, SeqNum};
use wire::tcp_options::{OptionWriter, SackBlock, Timestamps};

use crate::fixture::Seg;
use crate::rng::Rng;
use crate::time::Duration;

/// What is wrong with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    SilentInHandshake,
    SilentAfterHandshake,
    RandomResets,
    ShrinksWindow,
    ZeroWindowForLong,
    ZeroWindowForEver,
    AcksTheUnsent,
    AcksOldData,
    OneBytePieces,
    OverlapsTheSame,
    OverlapsOtherBytes,
    SackNonsense,
    ClockBackwards,
    FinBeforeData,
    BeyondTheWindow,
    ForgetsAndReturns,
    SynFlood,
    ClosesAtOnceWithUs,
    NeverCloses,
}

impl Kind {
    pub(super) const ALL: [Self; 19] = [
        Self::SilentInHandshake,
        Self::SilentAfterHandshake,
        Self::RandomResets,
        Self::ShrinksWindow,
        Self::ZeroWindowForLong,
        Self::ZeroWindowForEver,
        Self::AcksTheUnsent,
        Self::AcksOldData,
        Self::OneBytePieces,
        Self::OverlapsTheSame,
        Self::OverlapsOtherBytes,
        Self::SackNonsense,
        Self::ClockBackwards,
        Self::FinBeforeData,
        Self::BeyondTheWindow,
        Self::ForgetsAndReturns,
        Self::SynFlood,
        Self::ClosesAtOnceWithUs,
        Self::NeverCloses,
    ];

    /// Whether both sides must get all that the other wrote, and its end.
    pub(super) fn completes(self) -> bool {
        !matches!(
            self,
            Self::SilentInHandshake
                | Self::SilentAfterHandshake
                | Self::RandomResets
                | Self::ZeroWindowForEver
                | Self::ForgetsAndReturns
                | Self::SynFlood
                | Self::NeverCloses
        )
    }
}

/// Bytes that a peer sends.
pub(super) const PEER_LEN: usize = 3000;
/// Bytes that it is sent.
pub(super) const HOST_LEN: usize = 4000;
/// When the conversation begins, after the handshakes of all.
pub(super) const TALK: Duration = Duration::from_secs(2);

/// What a peer wants: a segment sent after a while, or to be woken.
pub(super) enum Wish {
    Send(Duration, Seg),
    Wake(Duration, Alarm),
}

/// Why a peer wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    Open,
    Talk,
    Again,
    WindowOpens,
    Return,
    Flood,
}

pub(super) struct Peer {
    pub(super) kind: Kind,
    pub(super) us: Endpoint,
    pub(super) it: Endpoint,
    pub(super) number: u64,
    iss: SeqNum,
    /// What the host has acknowledged.
    acked: SeqNum,
    rcv: SeqNum,
    /// Bytes received.
    pub(super) got: usize,
    /// All of them were right.
    pub(super) intact: bool,
    pub(super) fin_seen: bool,
    open: bool,
    gone: bool,
    window: u16,
    /// The host's timestamp, to be echoed, and ours.
    echo: u32,
    clock: u32,
    rounds: u32,
}

/// What stands at `offset` of stream `number`.
pub(super) fn byte(number: u64, offset: usize) -> u8 {
    (number.wrapping_mul(31) as usize ^ offset.wrapping_mul(7) ^ (offset >> 8)) as u8
}

pub(super) fn bytes(number: u64, offset: usize, len: usize) -> Vec<u8> {
    (offset..offset + len).map(|at| byte(number, at)).collect()
}

const ACK: Flags = Flags::ACK;
const FIN: Flags = Flags(Flags::FIN.0 | Flags::ACK.0);
const SYN_ACK: Flags = Flags(Flags::SYN.0 | Flags::ACK.0);
const NOW: Duration = Duration::ZERO;
/// How long a window stays closed: not so long that an application that has let go is given up.
const LONG: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_millis(700);

impl Peer {
    pub(super) fn new(kind: Kind, us: Endpoint, it: Endpoint, number: u64, rng: &mut Rng) -> Self {
        let iss = SeqNum(rng.next_u32());
        Self {
            kind,
            us,
            it,
            number,
            iss,
            acked: iss,
            rcv: SeqNum(0),
            got: 0,
            intact: true,
            fin_seen: false,
            open: false,
            gone: false,
            window: 0xffff,
            echo: 0,
            clock: 1000,
            rounds: 0,
        }
    }

    fn data_start(&self) -> SeqNum {
        self.iss + 1
    }

    /// One past our FIN.
    fn end(&self) -> SeqNum {
        self.data_start() + PEER_LEN as u32 + u32::from(self.closes())
    }

    fn closes(&self) -> bool {
        self.kind != Kind::NeverCloses
    }

    fn seg(&self, flags: Flags, seq: SeqNum) -> Seg {
        let ack = if flags.ack() { self.rcv } else { SeqNum(0) };
        let mut options = OptionWriter::new();
        if flags.syn() {
            options.mss(1460);
        }
        match self.kind {
            Kind::ClockBackwards => {
                options.timestamps(Timestamps { value: self.clock, echo: self.echo });
            }
            Kind::SackNonsense if flags.syn() => {
                options.sack_permitted();
            }
            _ => {}
        }
        let options = options.finish().to_vec();
        Seg { wnd: self.window, options, ..Seg::new(flags, seq, ack) }
    }

    fn text(&self, offset: usize, len: usize) -> Seg {
        let seg = self.seg(ACK, self.data_start() + offset as u32);
        Seg { data: bytes(self.number, offset, len), ..seg }
    }

    fn fin(&self) -> Seg {
        self.seg(FIN, self.data_start() + PEER_LEN as u32)
    }

    /// What we send next if all is sent.
    fn ack(&self) -> Seg {
        let seq = if self.rounds > 0 { self.end() } else { self.data_start() };
        self.seg(ACK, seq)
    }

    /// A segment of the host's.
    pub(super) fn receive(&mut self, seg: &Seg, rng: &mut Rng, out: &mut Vec<Wish>) {
        if seg.flags.rst() {
            self.gone = true;
            return;
        }
        if self.gone {
            // Whoever has forgotten everything resets what comes.
            if self.kind == Kind::ForgetsAndReturns {
                let rst = Seg { ack: SeqNum(0), ..self.seg(Flags::RST, seg.ack) };
                out.push(Wish::Send(NOW, rst));
            }
            return;
        }
        if let Some(value) = seg.stamped().map(|stamps| stamps.value) {
            self.echo = value;
        }
        if seg.flags.syn() {
            self.receive_syn(seg, out);
        } else if self.open {
            if seg.flags.ack() && seg.ack.gt(self.acked) && seg.ack.le(self.end()) {
                self.acked = seg.ack;
            }
            self.receive_text(seg, rng, out);
        } else if seg.flags.ack() && seg.ack == self.data_start() {
            self.open = true;
            self.acked = seg.ack;
        }
    }

    fn receive_syn(&mut self, seg: &Seg, out: &mut Vec<Wish>) {
        self.rcv = seg.seq + 1;
        if matches!(self.kind, Kind::SilentInHandshake | Kind::SynFlood) {
            return;
        }
        if seg.flags.ack() {
            self.open = true;
            self.acked = seg.ack;
            out.push(Wish::Send(NOW, self.seg(ACK, self.data_start())));
        } else {
            out.push(Wish::Send(NOW, self.seg(SYN_ACK, self.iss)));
        }
    }

    fn receive_text(&mut self, seg: &Seg, rng: &mut Rng, out: &mut Vec<Wish>) {
        if self.kind == Kind::SilentAfterHandshake {
            return;
        }
        let len = seg.data.len() as u32;
        let fin = u32::from(seg.flags.fin());
        if self.window == 0 && len > 0 {
            // No room: say so again.
            out.push(Wish::Send(NOW, self.ack()));
            return;
        }
        let old = (self.rcv - seg.seq).max(0) as usize;
        if seg.seq.le(self.rcv) && (seg.seq + len + fin).gt(self.rcv) {
            for &b in seg.data.get(old..).unwrap_or_default() {
                self.intact &= b == byte(!self.number, self.got);
                self.got += 1;
            }
            self.rcv = seg.seq + len + fin;
            self.fin_seen |= seg.flags.fin();
        }
        if len > 0 || fin > 0 || seg.seq.lt(self.rcv) {
            self.answer(rng, out);
        }
    }

    /// Acknowledges, each kind in its own way.
    fn answer(&mut self, rng: &mut Rng, out: &mut Vec<Wish>) {
        let mut ack = self.ack();
        match self.kind {
            Kind::AcksTheUnsent => {
                let wild = Seg { ack: self.rcv + 100_000 + rng.below(1 << 20), ..ack.clone() };
                out.push(Wish::Send(NOW, wild));
            }
            Kind::AcksOldData => {
                for back in [1, 1000, 100_000, 1 << 30] {
                    out.push(Wish::Send(NOW, Seg { ack: self.rcv - back, ..ack.clone() }));
                }
            }
            Kind::ShrinksWindow => {
                self.window = match self.window {
                    0xffff => 2000,
                    2000 => 500,
                    500 => 1,
                    _ => 0xffff,
                };
                ack.wnd = self.window;
            }
            Kind::SackNonsense => {
                let at = self.rcv;
                let blocks = [
                    SackBlock { left: at + 500, right: at + 100 },
                    SackBlock { left: at - 5000, right: at + 5000 },
                    SackBlock { left: at + rng.below(9000), right: at + 9000 },
                ];
                let mut options = OptionWriter::new();
                options.sack(&blocks);
                out.push(Wish::Send(
                    NOW,
                    Seg { options: options.finish().to_vec(), ..ack.clone() },
                ));
            }
            Kind::RandomResets if rng.below(3) == 0 => {
                let ahead = [0, 1 + rng.below(1000), 1 << 30][rng.below(3) as usize];
                let rst = self.seg(Flags::RST, ack.seq + ahead);
                self.gone |= ahead == 0;
                out.push(Wish::Send(NOW, rst));
                return;
            }
            _ => {}
        }
        out.push(Wish::Send(NOW, ack));
    }

    pub(super) fn wake(&mut self, alarm: Alarm, rng: &mut Rng, out: &mut Vec<Wish>) {
        match alarm {
            Alarm::Open => out.push(Wish::Send(NOW, self.seg(Flags::SYN, self.iss))),
            Alarm::WindowOpens => {
                self.window = 0xffff;
                out.push(Wish::Send(NOW, self.ack()));
            }
            Alarm::Return => {
                self.gone = false;
                self.rcv = SeqNum(0);
                out.push(Wish::Send(NOW, self.seg(Flags::SYN, self.iss)));
            }
            Alarm::Flood => self.flood(rng, out),
            Alarm::Talk if self.kind == Kind::SynFlood => self.flood(rng, out),
            _ if self.gone || !self.open => {}
            Alarm::Talk => self.talk(rng, out),
            Alarm::Again => self.again(out),
        }
    }

    fn flood(&mut self, rng: &mut Rng, out: &mut Vec<Wish>) {
        self.rounds += 1;
        for _ in 0..3 {
            out.push(Wish::Send(NOW, self.seg(Flags::SYN, SeqNum(rng.next_u32()))));
        }
        if self.rounds < 20 {
            out.push(Wish::Wake(Duration::from_millis(100), Alarm::Flood));
        }
    }

    /// The conversation: all our data and our FIN, in a way.
    fn talk(&mut self, rng: &mut Rng, out: &mut Vec<Wish>) {
        let mut segs = vec![self.text(0, 1000), self.text(1000, 1000), self.text(2000, 1000)];
        match self.kind {
            Kind::SilentAfterHandshake => return,
            Kind::ZeroWindowForLong | Kind::ZeroWindowForEver => {
                self.window = 0;
                segs.iter_mut().for_each(|seg| seg.wnd = 0);
                if self.kind == Kind::ZeroWindowForLong {
                    out.push(Wish::Wake(LONG, Alarm::WindowOpens));
                }
            }
            Kind::OneBytePieces => {
                segs = (0..200).map(|at| self.text(at, 1)).collect();
                for last in (1..segs.len()).rev() {
                    segs.swap(last, rng.below(last as u32 + 1) as usize);
                }
            }
            Kind::OverlapsTheSame => {
                segs = (0..11).map(|at| self.text(at * 250, 500)).collect();
                segs.extend((0..11).rev().map(|at| self.text(at * 250 + 100, 400)));
            }
            Kind::OverlapsOtherBytes => {
                // What came first stays, in order or not.
                let mut forged = self.text(500, 500);
                forged.data.iter_mut().for_each(|b| *b ^= 0xff);
                let mut ahead = self.text(1500, 500);
                ahead.data.iter_mut().for_each(|b| *b ^= 0xff);
                segs = vec![
                    self.text(0, 1000),
                    forged,
                    self.text(1500, 1500),
                    ahead,
                    self.text(1000, 500),
                ];
            }
            Kind::ClockBackwards => {
                let good = self.clock;
                self.clock = good - 500;
                segs = vec![self.text(0, 1000), self.text(1000, 1000)];
                self.clock = good;
            }
            Kind::FinBeforeData => {
                segs.reverse();
                segs.insert(0, self.fin());
            }
            Kind::BeyondTheWindow => {
                let far = self.text(0, 1000);
                for ahead in [1 << 17, 1 << 20, 1 << 30] {
                    segs.insert(0, Seg { seq: far.seq + ahead, ..far.clone() });
                }
            }
            Kind::ForgetsAndReturns => {
                self.gone = true;
                self.open = false;
                self.iss = SeqNum(rng.next_u32());
                out.push(Wish::Send(NOW, self.seg(Flags::SYN, self.iss)));
                out.push(Wish::Wake(Duration::from_secs(1), Alarm::Return));
                out.push(Wish::Wake(Duration::from_secs(3), Alarm::Again));
                return;
            }
            _ => {}
        }
        if self.closes() && self.kind != Kind::FinBeforeData {
            segs.push(self.fin());
        }
        self.rounds = 1;
        out.extend(segs.into_iter().map(|seg| Wish::Send(NOW, seg)));
        out.push(Wish::Wake(AGAIN, Alarm::Again));
    }

    /// Sends again what the host has not acknowledged, properly now.
    fn again(&mut self, out: &mut Vec<Wish>) {
        self.rounds += 1;
        self.clock += 1000;
        if self.acked == self.end() || self.rounds > 30 {
            return;
        }
        let done = ((self.acked - self.data_start()).max(0) as usize).min(PEER_LEN);
        for at in (done..PEER_LEN).step_by(1000) {
            out.push(Wish::Send(NOW, self.text(at, (PEER_LEN - at).min(1000))));
        }
        if self.closes() {
            out.push(Wish::Send(NOW, self.fin()));
        }
        out.push(Wish::Wake(AGAIN, Alarm::Again));
    }
}
