//! What a connection sends next, if anything.
//!
//! [`plan`](Conn::plan) decides one segment (or one run of full segments that the device cuts):
//! first what is to be sent again, then new data and our FIN, then probes, then a bare ACK.
//! [`on_sent`](Conn::on_sent) is called once it is in the frame. The decision is limited by the
//! peer's window, the congestion window, Nagle's and the sender's silly-window rules and the frame.

mod emit;
mod path;

use wire::tcp::{Flags, SeqNum};

use crate::tcp::congestion::Sent;
use crate::tcp::conn::{Conn, Probe, Stage};
use crate::tcp::send::nagle;
use crate::tcp::send::plan::{SegmentKind, SegmentPlan};
use crate::tcp::state::{OurFin, State};
use crate::time::Instant;

impl Conn {
    /// The next segment, for a frame of `slot` bytes.
    pub(crate) fn plan(&mut self, now: Instant, slot: usize) -> Option<SegmentPlan> {
        if self.stage != Stage::Synchronized {
            return self.plan_handshake();
        }
        // How much data fits into the frame, header and options considered.
        let room = self.frame_room(slot);
        self.plan_tail_loss_probe(room)
            .or_else(|| self.plan_data(now, room))
            .or_else(|| self.plan_probe(room))
            .or_else(|| self.plan_ack())
    }

    /// What is to be sent again and what is new, when pacing lets it leave.
    fn plan_data(&mut self, now: Instant, room: u32) -> Option<SegmentPlan> {
        match self.pacer.budget(now, self.mss_now()) {
            Ok(burst) => {
                let room = room.min(burst);
                self.plan_retransmit(room)
                    .or_else(|| self.plan_new(now, room))
                    .or_else(|| self.plan_retransmit_after_frto(room))
            }
            Err(at) => {
                if self.has_output() {
                    self.timers.pacing = at;
                }
                None
            }
        }
    }

    fn plan_handshake(&self) -> Option<SegmentPlan> {
        if self.syn_pending {
            let crossed = self.stage == Stage::SynReceived;
            let ack = if crossed { Flags::ACK } else { Flags::NONE };
            let flags = Flags::SYN | ack;
            return Some(SegmentPlan {
                kind: SegmentKind::Syn,
                seq: self.snd.una,
                offset: 0,
                len: 0,
                flags,
            });
        }
        if self.stage == Stage::SynSent {
            return None;
        }
        // Data waits until the peer has acknowledged our SYN, and a FIN behind it; a FIN alone need
        // not (RFC 9293 §3.10.4).
        if self.needs_fin() && self.snd.ring.is_empty() {
            let flags = Flags::FIN | Flags::ACK;
            return Some(SegmentPlan {
                kind: SegmentKind::New,
                seq: self.snd.nxt,
                offset: 0,
                len: 0,
                flags,
            });
        }
        self.plan_ack()
    }

    /// A probe of the tail (RFC 8985 §7.3): the next new segment, whatever the congestion window,
    /// or the last one once more.
    fn plan_tail_loss_probe(&mut self, room: u32) -> Option<SegmentPlan> {
        if !self.recovery.tlp_due {
            return None;
        }
        let mss = self.mss_now().min(room);
        let fin = self.needs_fin();
        let unsent = if self.fins.ours == OurFin::Open { self.snd.unsent() } else { 0 };
        let len = unsent.min(mss);
        if len > 0 && len <= self.snd.usable() {
            return Some(self.new_data(len, len == unsent, fin));
        }
        let Some(last) = self.recovery.sent_queue.tail() else {
            self.recovery.tlp_due = false;
            return None;
        };
        let fin = u32::from(self.fins.ours == OurFin::Sent && last.end_seq == self.snd.nxt);
        let (seq, data) = last.last_segment(fin > 0);
        let whole = if data <= mss { data + fin } else { mss };
        Some(self.retransmission(seq, whole))
    }

    /// What recovery wants sent again, as far as the congestion window goes. The first segment
    /// ignores the peer's window: if that closed behind our back, the segment is a probe.
    fn plan_retransmit(&mut self, room: u32) -> Option<SegmentPlan> {
        if self.recovery.frto_send_new || !self.recovery.sent_queue.has_retransmit() {
            return None;
        }
        let mss = self.mss_now();
        let open =
            self.congestion.cwnd().saturating_sub(self.recovery.pipe(self.snd.outstanding()));
        if open == 0 {
            return None;
        }
        // Windows are counted in segments here: what is left of one is one.
        let most = open.next_multiple_of(mss);
        let (seq, len) = self.recovery.sent_queue.next_retransmit(most)?;
        let window = self.snd.wnd.saturating_sub((seq - self.snd.una) as u32);
        let window = if seq == self.snd.una { window.max(mss) } else { window };
        let fits = fit_to_frame(len.min(window), room, mss);
        (fits > 0).then(|| self.retransmission(seq, fits))
    }

    /// F-RTO wanted new data first and there was none.
    fn plan_retransmit_after_frto(&mut self, room: u32) -> Option<SegmentPlan> {
        if !self.recovery.frto_send_new || !self.recovery.give_up_frto(self.snd.nxt) {
            return None;
        }
        self.plan_retransmit(room)
    }

    /// `len` numbers from `seq` on once more, our FIN among them if it is there.
    fn retransmission(&self, seq: SeqNum, len: u32) -> SegmentPlan {
        let offset = (seq - self.snd.una) as u32;
        let sent_fin = self.fins.ours == OurFin::Sent;
        let data = self.snd.outstanding() - u32::from(sent_fin) - offset;
        let mut flags = Flags::ACK;
        if len >= data {
            flags |= Flags::PSH;
            if sent_fin && len > data {
                flags |= Flags::FIN;
            }
        }
        let len = len.min(data);
        SegmentPlan { kind: SegmentKind::Retransmit, seq, offset, len, flags }
    }

    /// Data never sent, and our FIN behind the last of it.
    fn plan_new(&mut self, now: Instant, room: u32) -> Option<SegmentPlan> {
        if self.fins.ours != OurFin::Open {
            return None;
        }
        // The end before the data: what was written before the end is then seen too.
        let fin = self.needs_fin();
        let unsent = self.snd.unsent();
        if unsent == 0 && !fin {
            return None;
        }
        let idle = self.snd.una == self.snd.nxt;
        if idle {
            let idleness = now.since(self.snd.last_sent_at);
            self.congestion.on_idle(idleness, self.rtt.rto(), self.snd.mss);
        }
        let len = fit_to_frame(self.sendable(unsent, fin), room, self.mss_now());
        if len == 0 && unsent > 0 {
            if self.snd.cwnd_limited {
                self.validate_cwnd(now);
            }
            if idle && self.timers.retransmit == Instant::FAR {
                // Only the peer's window or a cork can hold an idle connection back.
                let window_probe = self.rtt.rto_backed_off(self.probe_backoff);
                let wait = nagle::override_timeout(&self.snd, &self.options, window_probe);
                self.timers.retransmit = now + wait;
            }
            return None;
        }
        Some(self.new_data(len, len == unsent, fin))
    }

    fn new_data(&self, len: u32, all: bool, fin: bool) -> SegmentPlan {
        let mut flags = Flags::ACK;
        if all && len > 0 {
            flags |= Flags::PSH;
        }
        if all && fin {
            flags |= Flags::FIN;
        }
        let offset = self.snd.outstanding();
        SegmentPlan { kind: SegmentKind::New, seq: self.snd.nxt, offset, len, flags }
    }

    /// How much of `unsent` bytes may leave: both windows, whole segments where more follows, Nagle
    /// in Minshall's form for the rest (RFC 9293 §3.7.4), and no silly small segments into
    /// a small window (§3.8.6.2.1).
    fn sendable(&mut self, unsent: u32, fin: bool) -> u32 {
        let mss = self.mss_now();
        let usable = self.snd.usable();
        let pipe = self.recovery.pipe(self.snd.outstanding());
        let open = self.congestion.cwnd().saturating_sub(pipe);
        let allowed = usable.min(open);
        self.snd.cwnd_limited = open < usable.min(unsent);
        if unsent <= allowed {
            let tail = unsent % mss;
            let hold = tail > 0 && !fin && nagle::delays_small_segment(&self.snd, &self.options);
            return if hold { unsent - tail } else { unsent };
        }
        if allowed >= mss {
            return allowed - allowed % mss;
        }
        let worthwhile = usable > 0 && usable <= open && usable >= self.snd.max_wnd / 2;
        if worthwhile { usable } else { 0 }
    }

    /// A probe that a timer asked for. A small window is filled by what fits (the override timeout
    /// of RFC 9293 §3.8.6.2.1); a closed one, or a silent peer, is asked with an old sequence
    /// number, which every TCP answers (RFC 9293 §3.8.6.1 allows it, Linux does it).
    fn plan_probe(&mut self, room: u32) -> Option<SegmentPlan> {
        let probe = self.probe_wanted?;
        let len = self.snd.usable().min(self.snd.unsent()).min(self.mss_now()).min(room);
        if probe == Probe::Window && len > 0 && self.fins.ours == OurFin::Open {
            return Some(self.new_data(len, false, false));
        }
        let seq = self.snd.una - 1;
        Some(SegmentPlan { kind: SegmentKind::Probe, seq, offset: 0, len: 0, flags: Flags::ACK })
    }

    #[inline]
    fn plan_ack(&self) -> Option<SegmentPlan> {
        self.rcv.pending_acks.is_due().then(|| SegmentPlan::ack(self.snd.nxt))
    }

    /// Whether there is nothing to send but an ACK, which is all that someone sends who only
    /// receives.
    #[inline]
    pub(crate) fn owes_ack_only(&self) -> bool {
        !self.output_wanted && self.stage == Stage::Synchronized && self.rcv.pending_acks.is_due()
    }

    /// The planned segment is in its frame.
    #[inline]
    pub(crate) fn on_sent(&mut self, plan: &SegmentPlan, now: Instant) {
        let end = plan.seq + plan.len + u32::from(plan.flags.fin());
        match plan.kind {
            SegmentKind::Syn => self.on_syn_sent(now),
            SegmentKind::New => self.on_new_sent(plan, end, now),
            SegmentKind::Retransmit => self.on_retransmitted(plan, end, now),
            SegmentKind::Probe => self.probe_wanted = None,
            SegmentKind::Ack => {}
        }
        if plan.len > 0 {
            self.pacer.on_sent(plan.len, self.mss_now(), now);
        }
        if plan.flags.ack() {
            self.on_ack_sent();
        }
    }

    /// A segment with an ACK is in its frame.
    #[inline]
    pub(crate) fn on_ack_sent(&mut self) {
        self.rcv.on_ack_sent();
        self.timers.delayed_ack = Instant::FAR;
    }

    fn on_syn_sent(&mut self, now: Instant) {
        self.syn_pending = false;
        self.snd.nxt = self.snd.una + 1;
        self.snd.last_sent_at = now;
        if self.syn_sent_at == Instant::FAR {
            self.syn_sent_at = now;
        } else {
            self.total_retrans = self.total_retrans.saturating_add(1);
        }
        self.start_retransmit_timer(now);
    }

    fn on_new_sent(&mut self, plan: &SegmentPlan, end: SeqNum, now: Instant) {
        if self.stage != Stage::Synchronized {
            // A FIN behind a SYN that is not acknowledged: the SYN's timer watches over both.
            (self.snd.nxt, self.snd.last_sent_at) = (end, now);
            self.fins.send();
            return;
        }
        if self.snd.una == self.snd.nxt {
            // Whatever the timer was for before: from now it is for this.
            self.timers.retransmit = self.timeout_at(now);
        }
        let mss = self.mss_now();
        self.probe_wanted = None;
        self.probe_backoff = 0;
        self.rcv.ack_policy.on_data_sent(now);
        self.snd.nxt = end;
        self.snd.bytes_sent += u64::from(plan.len);
        self.snd.last_sent_at = now;
        if !plan.len.is_multiple_of(mss) {
            self.snd.snd_sml = end;
        }
        self.track_new_data(plan.seq, end, mss, now);
        self.validate_cwnd(now);
        if plan.flags.fin() {
            self.fins.send();
            debug_assert_ne!(self.state(), State::Closed);
        }
        self.on_tracked_data_sent(false, now);
    }

    fn on_retransmitted(&mut self, plan: &SegmentPlan, end: SeqNum, now: Instant) {
        let (mss, clock) = (self.mss_now(), self.timestamps.clock(now));
        self.recovery.on_retransmit(plan.seq, end, mss, clock, now);
        self.total_retrans = self.total_retrans.saturating_add(1);
        self.snd.last_sent_at = now;
        if plan.seq == self.snd.una && !self.recovery.keeps_rto_on_retransmit(self.sack) {
            self.timers.retransmit = self.timeout_at(now);
        }
        self.start_retransmit_timer(now);
        self.on_tracked_data_sent(true, now);
    }

    /// A segment left: if the tail was to be probed, it was the probe.
    fn on_tracked_data_sent(&mut self, again: bool, now: Instant) {
        if self.recovery.tlp_due {
            self.recovery.on_tlp_sent(self.snd.nxt, again);
            self.timers.retransmit = self.timeout_at(now);
        }
        self.restart_loss_probe(now);
    }

    /// Tells congestion control how much of its window is used.
    fn validate_cwnd(&mut self, now: Instant) {
        let snd = &self.snd;
        let full = self.recovery.pipe(snd.outstanding()) + snd.mss > self.congestion.cwnd();
        self.congestion.on_sent(&Sent {
            now,
            una: snd.una,
            nxt: snd.nxt,
            limited: snd.cwnd_limited || full,
            rto: self.rtt.rto(),
            mss: snd.mss,
            open: self.recovery.is_open() && snd.ring.len() < snd.ring.limit(),
        });
    }

    fn start_retransmit_timer(&mut self, now: Instant) {
        if self.timers.retransmit == Instant::FAR {
            self.timers.retransmit = self.timeout_at(now);
        }
    }
}

/// What fits into the frame, cut to whole segments if something is left over.
#[inline]
fn fit_to_frame(len: u32, room: u32, mss: u32) -> u32 {
    if len <= room {
        len
    } else if room >= mss {
        room - room % mss
    } else {
        room
    }
}
