//! What a connection sends next, if anything.
//!
//! [`plan`](Conn::plan) decides one segment (or one run of full segments that the device cuts):
//! first what is to be sent again, then new data and our FIN, then probes, then a bare ACK.
//! [`on_sent`](Conn::on_sent) is told once it is in the frame. The decision is limited by the peer's
//! window, the congestion window, Nagle's and the sender's silly-window rules and the frame.

use wire::tcp::{Flags, SeqNum};

use crate::tcp::conn::{Conn, Probe, Stage};
use crate::tcp::state::{OurFin, State};
use crate::time::Instant;

/// One segment to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) seq: SeqNum,
    /// Where in the send ring the data starts.
    pub(crate) offset: u32,
    /// Bytes of data.
    pub(crate) len: u32,
    pub(crate) flags: Flags,
}

/// What sort of segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Our SYN or SYN-ACK.
    Syn,
    /// Data or a FIN that were never sent.
    New,
    /// Data or a FIN once more.
    Again,
    /// A probe without data.
    Probe,
    /// A bare ACK.
    Ack,
}

impl Conn {
    /// The next segment. `room` is how much data fits into the frame, header and options
    /// considered.
    pub(crate) fn plan(&mut self, now: Instant, room: u32) -> Option<Plan> {
        if self.stage != Stage::Synchronized {
            return self.plan_handshake();
        }
        self.plan_again(room)
            .or_else(|| self.plan_new(now, room))
            .or_else(|| self.plan_probe(room))
            .or_else(|| self.plan_ack())
    }

    fn plan_handshake(&self) -> Option<Plan> {
        if self.syn_owed {
            let crossed = self.stage == Stage::SynReceived;
            let ack = if crossed { Flags::ACK } else { Flags::NONE };
            let flags = Flags::SYN | ack;
            return Some(Plan { kind: Kind::Syn, seq: self.snd.una, offset: 0, len: 0, flags });
        }
        self.plan_ack().filter(|_| self.stage == Stage::SynReceived)
    }

    /// What recovery wants sent again. The first segment ignores the peer's window: if that closed
    /// behind our back, the segment is a probe.
    fn plan_again(&mut self, room: u32) -> Option<Plan> {
        let (una, mss) = (self.snd.una, self.mss_now());
        let (seq, allowed) = match self.recovery.resend {
            _ if self.recovery.first => (una, mss),
            Some(seq) => {
                let cwnd = self.congestion.cwnd();
                (seq, cwnd.saturating_sub(self.recovery.flight(&self.snd)))
            }
            None => return None,
        };
        let fin = self.fins.ours == OurFin::Sent;
        let left = self.snd.outstanding() - u32::from(fin) - (seq - una) as u32;
        let window = self.snd.wnd.saturating_sub((seq - una) as u32);
        let window = if seq == una { window.max(mss) } else { window };
        let allowed = allowed.min(window);
        let mut len = left.min(allowed);
        if len < left {
            len -= len % mss;
        }
        let len = fit(len, room, mss);
        if len == 0 && left > 0 {
            return None;
        }
        let mut flags = Flags::ACK;
        if len == left {
            flags |= Flags::PSH;
            if fin {
                flags |= Flags::FIN;
            }
        }
        Some(Plan { kind: Kind::Again, seq, offset: (seq - una) as u32, len, flags })
    }

    /// Data never sent, and our FIN behind the last of it.
    fn plan_new(&mut self, now: Instant, room: u32) -> Option<Plan> {
        if self.fins.ours != OurFin::Open || self.recovery.resend.is_some() {
            return None;
        }
        // The end before the data: what was written before the end is then seen too.
        let fin = self.wants_fin();
        let unsent = self.snd.unsent();
        if unsent == 0 && !fin {
            return None;
        }
        let idle = self.snd.una == self.snd.nxt;
        if idle && now.since(self.snd.last_sent) > self.rtt.rto() {
            self.congestion.on_idle(self.snd.mss);
        }
        let len = fit(self.sendable(unsent, fin), room, self.mss_now());
        if len == 0 && unsent > 0 {
            if idle && self.timers.retransmit == Instant::FAR {
                // Only the peer's window can hold an idle connection back.
                self.timers.retransmit = now + self.rtt.rto_after(self.probe_backoff);
            }
            return None;
        }
        Some(self.new_data(len, len == unsent, fin))
    }

    fn new_data(&self, len: u32, all: bool, fin: bool) -> Plan {
        let mut flags = Flags::ACK;
        if all && len > 0 {
            flags |= Flags::PSH;
        }
        if all && fin {
            flags |= Flags::FIN;
        }
        let offset = self.snd.outstanding();
        Plan { kind: Kind::New, seq: self.snd.nxt, offset, len, flags }
    }

    /// How much of `unsent` bytes may leave: both windows, whole segments where more follows, Nagle
    /// in Minshall's form for the rest (RFC 9293 §3.7.4, TCPO-07), and no silly small segments into
    /// a small window (§3.8.6.2.1).
    fn sendable(&mut self, unsent: u32, fin: bool) -> u32 {
        let mss = self.mss_now();
        let usable = self.snd.usable();
        let cwnd = self.congestion.cwnd() + self.recovery.allowance(mss);
        let open = cwnd.saturating_sub(self.recovery.flight(&self.snd));
        let allowed = usable.min(open);
        self.snd.limited = open < usable.min(unsent);
        if unsent <= allowed {
            let tail = unsent % mss;
            let hold = tail > 0 && !fin && !self.snd.nodelay && self.snd.has_small_outstanding();
            return if hold { unsent - tail } else { unsent };
        }
        if allowed >= mss {
            return allowed - allowed % mss;
        }
        let worthwhile = usable > 0 && usable <= open && usable >= self.snd.max_wnd / 2;
        if worthwhile { usable } else { 0 }
    }

    /// A probe that a timer asked for. A small window is filled by what fits (the override timeout
    /// of RFC 9293 §3.8.6.2.1); a closed one, or a silent peer, is asked with an old sequence number,
    /// which every TCP answers (RFC 9293 §3.8.6.1 allows it, Linux does it).
    fn plan_probe(&mut self, room: u32) -> Option<Plan> {
        let probe = self.probe?;
        let len = self.snd.usable().min(self.snd.unsent()).min(self.mss_now()).min(room);
        if probe == Probe::Window && len > 0 && self.fins.ours == OurFin::Open {
            return Some(self.new_data(len, false, false));
        }
        let seq = self.snd.una - 1;
        Some(Plan { kind: Kind::Probe, seq, offset: 0, len: 0, flags: Flags::ACK })
    }

    fn plan_ack(&self) -> Option<Plan> {
        let plan =
            Plan { kind: Kind::Ack, seq: self.snd.nxt, offset: 0, len: 0, flags: Flags::ACK };
        self.rcv.owed.any().then_some(plan)
    }

    /// The planned segment is in its frame.
    pub(crate) fn on_sent(&mut self, plan: &Plan, now: Instant) {
        let end = plan.seq + plan.len + u32::from(plan.flags.fin());
        match plan.kind {
            Kind::Syn => self.on_syn_sent(now),
            Kind::New => self.on_new_sent(plan, end, now),
            Kind::Again => {
                self.recovery.on_resent(end, self.snd.nxt);
                self.rtt.forget();
                self.retransmits += 1;
                self.snd.last_sent = now;
                self.start_retransmit_timer(now);
            }
            Kind::Probe => self.probe = None,
            Kind::Ack => {}
        }
        if plan.flags.ack() {
            self.rcv.on_ack_sent(plan.len > 0, now);
            self.timers.delayed_ack = Instant::FAR;
        }
    }

    fn on_syn_sent(&mut self, now: Instant) {
        self.syn_owed = false;
        self.snd.nxt = self.snd.una + 1;
        self.snd.last_sent = now;
        if self.retries == 0 {
            self.rtt.start(self.snd.nxt, now);
        } else {
            self.retransmits += 1;
        }
        self.start_retransmit_timer(now);
    }

    fn on_new_sent(&mut self, plan: &Plan, end: SeqNum, now: Instant) {
        if self.snd.una == self.snd.nxt {
            // Whatever the timer was for before: from now it is for this.
            self.timers.retransmit = now + self.rtt.rto();
        }
        self.probe = None;
        self.snd.nxt = end;
        self.snd.bytes += u64::from(plan.len);
        self.snd.last_sent = now;
        if !plan.len.is_multiple_of(self.mss_now()) {
            self.snd.small = end;
        }
        self.rtt.start(end, now);
        if plan.flags.fin() {
            self.fins.send();
            debug_assert_ne!(self.state(), State::Closed);
        }
    }

    fn start_retransmit_timer(&mut self, now: Instant) {
        if self.timers.retransmit == Instant::FAR {
            self.timers.retransmit = now + self.rtt.rto();
        }
    }
}

/// What fits into the frame, cut to whole segments if something is left over.
#[inline]
fn fit(len: u32, room: u32, mss: u32) -> u32 {
    if len <= room {
        len
    } else if room >= mss {
        room - room % mss
    } else {
        room
    }
}
