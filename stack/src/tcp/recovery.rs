//! Loss recovery: what is lost, what is sent again, and how much may be out meanwhile.
//!
//! With SACK, losses are found by RACK (`rack`), the tail is watched over by a probe (`probe`), and the
//! window comes down by PRR (`prr`); without it, duplicates show a loss and NewReno repairs one segment
//! a round trip (`reno`). A timeout takes nearly everything for lost (`time_out`) and
//! F-RTO (RFC 5682) finds out whether that was true. What turns out to have been needless is taken
//! back (`undo`).
//!
//! The phases are Linux's: *open*, *recovery* (losses were shown by deliveries) and *loss* (the timer
//! expired). `high` is SND.NXT when the phase began; acknowledgments of it end the phase. SND.NXT never
//! moves back: what is to be sent again is marked in the queue (`sent`).
//!
//! [`Conn::recover`] is told of every acknowledgment once the queue has taken it in.

mod delivered;
mod held;
mod probe;
mod prr;
mod rack;
mod reno;
mod sent;
mod undo;

use wire::tcp::SeqNum;

use crate::cx::Cx;
use crate::tcp::congestion::Ack;
use crate::tcp::conn::{Conn, Stage};
use crate::tcp::send::pacing::Window;
use crate::time::{Duration, Instant};

pub(crate) use delivered::Delivered;
pub(crate) use held::Held;
use held::Learned;
use probe::{ProbeVerdict, TailProbe};
use prr::{Progress, Prr};
use rack::Rack;
use sent::Losses;
pub(crate) use sent::SentQueue;
use undo::Undo;

/// What kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// None, or too little to act on.
    Open,
    /// Deliveries showed a loss.
    Recovery,
    /// The retransmission timer expired.
    Loss,
}

/// What the loss timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LossTimer {
    /// A segment is lost if nothing is heard of it until then.
    Reordering,
    /// A probe of the tail.
    Tail,
}

/// The state of recovery.
#[derive(Debug)]
pub(crate) struct Recovery {
    pub(crate) sent: SentQueue,
    phase: Phase,
    /// F-RTO is judging the timeout.
    judging: bool,
    /// F-RTO wants new data sent, and nothing again, before it judges.
    pub(crate) new_first: bool,
    pub(crate) loss_timer: LossTimer,
    /// The tail is to be probed.
    pub(crate) probe_due: bool,
    probe: Option<TailProbe>,
    /// SND.NXT when the phase began.
    high: SeqNum,
    /// Bytes that duplicate ACKs showed to have left the network, where SACK does not say it.
    duplicates: u32,
    /// Bytes sent again for nothing that are still under way, where SACK does not say it.
    needless: u32,
    /// How many segments a delivery may be early by and not show a loss.
    reordering: u16,
    /// Without SACK, a part of this recovery is acknowledged.
    partial: bool,
    prr: Prr,
    undo: Undo,
    rack: Rack,
}

/// One acknowledgment, as recovery sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acked {
    /// Bytes it moved SND.UNA by.
    pub(crate) advanced: u32,
    /// It brought nothing: no data, no window, no advance (RFC 5681 §2).
    pub(crate) duplicate: bool,
    /// The peer had this twice: how many bytes, up to where.
    pub(crate) twice: Option<(u32, SeqNum)>,
    /// The timestamp it echoed.
    pub(crate) echo: Option<u32>,
    /// A sample of the round trip.
    pub(crate) rtt: Option<Duration>,
}

impl Recovery {
    const fn new(una: SeqNum, rtt: Duration, learned: Learned) -> Self {
        Self {
            sent: SentQueue::new(una),
            phase: Phase::Open,
            judging: false,
            new_first: false,
            loss_timer: LossTimer::Tail,
            probe_due: false,
            probe: None,
            high: una,
            duplicates: 0,
            needless: 0,
            reordering: learned.reordering,
            partial: false,
            prr: Prr::new(),
            undo: Undo::new(),
            rack: Rack::new(una, rtt, learned),
        }
    }

    /// What stays when nothing is out any more.
    fn learned(&self) -> Learned {
        Learned { reordering: self.reordering, ..self.rack.learned() }
    }

    /// What an acknowledgment that arrives now begins from.
    #[inline]
    pub(crate) fn delivery(&self, now: Instant, min_rtt: Duration) -> Delivered {
        Delivered::new(now, self.high, self.rack.with_min_rtt(min_rtt))
    }

    /// Whether something is to be sent that is not new.
    #[inline]
    pub(crate) fn has_work(&self) -> bool {
        self.probe_due || !self.new_first && self.sent.has_waiting()
    }

    /// Whether F-RTO has not judged the timeout yet.
    #[inline]
    pub(crate) fn is_judging(&self) -> bool {
        self.judging
    }

    /// Whether nothing is being repaired.
    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Bytes believed to be in the network (RFC 6675 `pipe`), of `outstanding`.
    #[inline]
    pub(crate) fn pipe(&self, outstanding: u32) -> u32 {
        let sent = &self.sent;
        let gone = sent.sacked() + sent.lost() + self.duplicates;
        // With nothing out no timer runs: then what is there for nothing holds nothing back.
        let needless = if outstanding > 0 { self.needless } else { 0 };
        (outstanding + sent.resent() + needless).saturating_sub(gone)
    }

    /// Data left for the first time.
    #[inline]
    pub(crate) fn on_new_sent(&mut self, seq: SeqNum, end: SeqNum, size: u32, now: Instant) {
        self.sent.push(seq, end, size, now);
        if self.phase == Phase::Recovery {
            self.prr.on_sent((end - seq) as u32);
        }
    }

    /// Data left again, when our timestamp clock showed `clock`.
    pub(crate) fn on_resent(
        &mut self,
        seq: SeqNum,
        end: SeqNum,
        size: u32,
        clock: u32,
        now: Instant,
    ) {
        self.sent.on_resent(seq, end, size, now);
        let bytes = (end - seq) as u32;
        self.undo.on_resent(bytes, clock);
        self.prr.on_sent(bytes);
    }

    /// New data was to leave before anything is sent again, and there is none: there will be no
    /// judgement.
    pub(crate) fn give_up_new(&mut self, nxt: SeqNum) -> bool {
        let none = self.new_first && nxt == self.high;
        if none {
            self.new_first = false;
            self.judging = false;
        }
        none
    }

    /// A probe of the tail left; `again` says that it was the last segment once more.
    pub(crate) fn on_probe_sent(&mut self, high: SeqNum, again: bool) {
        self.probe_due = false;
        self.probe = Some(TailProbe { high, again });
    }
}

impl Conn {
    /// The queue has taken in an acknowledgment: what it means for losses and windows.
    #[inline]
    pub(crate) fn recover(&mut self, cx: &mut Cx<'_>, delivered: &Delivered, acked: &Acked) {
        let recovery = &mut *self.recovery;
        recovery.rack = delivered.rack;
        recovery.rack.follow(self.snd.una);
        if recovery.high.lt(self.snd.una) && recovery.phase == Phase::Open {
            recovery.high = self.snd.una;
        }
        if let Some(low) = delivered.reordered.filter(|_| self.sack) {
            self.on_reordering(low);
        }
        if let Some((bytes, end)) = acked.twice {
            let recovery = &mut *self.recovery;
            recovery.undo.on_duplicate_delivery(bytes, end);
            let probed = recovery.probe.is_some_and(|probe| probe.again && probe.high == end);
            if !probed {
                recovery.rack.on_duplicate_delivery(self.snd.una, self.snd.nxt);
            }
        }
        if self.recovery.probe.is_some() {
            self.judge_probe(cx, acked);
        }
        let gone = self.gone(delivered, acked);
        let quiet = self.recovery.phase == Phase::Open
            && !acked.duplicate
            && acked.twice.is_none()
            && self.recovery.sent.sacked() == 0
            && self.recovery.duplicates == 0;
        let lost = if quiet { 0 } else { self.treat(cx, delivered, acked) };
        self.adjust_window(cx, gone, acked, lost);
        let recovery = &mut *self.recovery;
        if recovery.phase == Phase::Open && recovery.sent.resent() == 0 {
            recovery.undo.forget_stamp();
        }
        self.set_loss_timer(cx.now, acked.advanced > 0);
        self.spread_what_opened(quiet);
        self.pacer.update(|| Window {
            cwnd: self.congestion.cwnd(),
            ssthresh: self.congestion.ssthresh(),
            outstanding: self.snd.outstanding(),
            srtt_us: self.rtt.srtt_us(),
        });
    }

    /// Bytes that left the network for good. Without SACK, duplicates told of some of them before.
    #[inline]
    fn gone(&self, delivered: &Delivered, acked: &Acked) -> u32 {
        let mss = self.snd.mss;
        if self.sack {
            delivered.bytes
        } else if acked.advanced > 0 {
            let known = self.recovery.duplicates + delivered.needless;
            acked.advanced.saturating_sub(known).max(mss.min(acked.advanced))
        } else if acked.duplicate {
            mss
        } else {
            0
        }
    }

    /// Something came early: how early tells what is no loss (Linux `tcp_check_sack_reordering`).
    fn on_reordering(&mut self, low: SeqNum) {
        let recovery = &mut *self.recovery;
        let distance = (recovery.sent.highest() - low).max(0) as u32;
        recovery.raise_reordering(distance, self.snd.mss);
        recovery.rack.reordered = true;
    }

    /// The phases (Linux `tcp_fastretrans_alert`). Says how many bytes were newly taken for lost.
    fn treat(&mut self, cx: &mut Cx<'_>, delivered: &Delivered, acked: &Acked) -> u32 {
        if !self.sack {
            self.count_duplicates(delivered, acked);
        }
        let una = self.snd.una;
        match self.recovery.phase {
            Phase::Open => {
                if self.recovery.undo.is_proven_by_dsack() {
                    self.undo_reduction(cx, false);
                }
            }
            Phase::Recovery if una.ge(self.recovery.high) => {
                if self.leave_recovery(cx, delivered, acked) {
                    return 0;
                }
            }
            Phase::Recovery => {
                let delayed = acked.advanced > 0
                    && (self.recovery.undo.is_delayed(acked.echo)
                        || self.filled_itself(delivered, acked));
                let partial = delayed && self.recovery.undo.is_armed();
                if partial && !self.sack {
                    self.recovery.raise_reordering(acked.advanced, self.snd.mss);
                    if self.recovery.sent.resent() > 0 {
                        // Only a retransmission's fate will tell; until then nothing more is lost.
                        return 0;
                    }
                }
                if partial && self.recovery.sent.resent() == 0
                    || self.recovery.undo.is_proven_by_dsack()
                {
                    self.undo_reduction(cx, true);
                    self.recovery.phase = Phase::Open;
                }
            }
            Phase::Loss => self.treat_timeout(cx, delivered, acked),
        }
        let losses = self.find_losses(cx, acked.advanced > 0);
        let enter = match self.recovery.phase {
            Phase::Open => self.recovery.sent.lost() > 0,
            Phase::Loss => losses.retransmissions,
            Phase::Recovery => false,
        };
        if enter {
            self.enter_recovery(cx);
        }
        losses.bytes
    }

    /// Everything out when recovery began is acknowledged. Says whether to hold on for now: without SACK,
    /// duplicates of the last hole must not start another recovery (RFC 6582 §3.2).
    fn leave_recovery(&mut self, cx: &mut Cx<'_>, delivered: &Delivered, acked: &Acked) -> bool {
        self.recovery.duplicates = 0;
        let early = self.filled_itself(delivered, acked);
        if early {
            self.recovery.raise_reordering(acked.advanced, self.snd.mss);
        }
        if early || self.recovery.undo.is_due(acked.echo) {
            self.undo_reduction(cx, false);
        }
        if self.is_held() {
            return true;
        }
        let recovery = &mut *self.recovery;
        if recovery.undo.is_armed() {
            self.congestion.set_cwnd(self.congestion.ssthresh(), self.snd.mss);
        }
        recovery.rack.on_recovered();
        self.end_trouble();
        false
    }

    /// Back to normal.
    fn end_trouble(&mut self) {
        let recovery = &mut *self.recovery;
        recovery.phase = Phase::Open;
        recovery.judging = false;
        recovery.new_first = false;
        recovery.needless = 0;
        if recovery.sent.resent() == 0 {
            recovery.undo.forget_stamp();
        }
    }

    /// After a timeout: was it true? (RFC 5682, Linux `tcp_process_loss`.)
    fn treat_timeout(&mut self, cx: &mut Cx<'_>, delivered: &Delivered, acked: &Acked) {
        let (una, nxt) = (self.snd.una, self.snd.nxt);
        let recovery = &mut *self.recovery;
        let advanced = acked.advanced > 0;
        let recovered = una.ge(recovery.high);
        if advanced && recovery.undo.is_due(acked.echo) {
            self.undo_timeout(cx);
            return;
        }
        if recovery.judging {
            recovery.new_first = false;
            // Without SACK, what a retransmission fills acknowledges what came before it too.
            let original = delivered.original && (self.sack || !delivered.resent);
            if original && recovery.undo.is_armed() {
                // Step 3.b: what was sent only once has arrived.
                self.undo_timeout(cx);
                return;
            }
            if nxt.gt(recovery.high) {
                // Step 3.a: the new data arrived and the old did not.
                recovery.judging &= delivered.newly_sacked == 0 && !acked.duplicate;
            } else if advanced && !recovered {
                // Step 2.b: send something new and see.
                recovery.high = nxt;
                let window = self.snd.usable() > 0 && self.snd.unsent() > 0;
                recovery.new_first = window;
                recovery.judging = window;
            }
        }
        if recovered {
            self.recovery.duplicates = 0;
            if !self.is_held() {
                self.end_trouble();
            }
        }
    }

    /// The timeout was needless.
    fn undo_timeout(&mut self, cx: &mut Cx<'_>) {
        self.undo_reduction(cx, true);
        // What seemed to be the delivery of a retransmission was that of an original.
        self.recovery.rack.forget();
        self.end_trouble();
        cx.stats.tcp_spurious_timeouts += 1;
    }

    /// The windows go back to what they were; with `forgive`, what was taken for lost is out again.
    fn undo_reduction(&mut self, cx: &mut Cx<'_>, forgive: bool) {
        if forgive {
            self.recovery.sent.forgive();
        }
        self.congestion.undo(cx.now);
        self.recovery.undo.disarm();
        cx.stats.tcp_undos += 1;
    }

    /// What deliveries show to be lost.
    fn find_losses(&mut self, cx: &mut Cx<'_>, advanced: bool) -> Losses {
        if self.sack {
            return self.detect(cx.now);
        }
        let bytes = self.recovery.find_reno_loss(advanced, self.snd.mss);
        Losses { bytes, ..Losses::default() }
    }

    /// Lets RACK look, and sets the timer for what it cannot say yet.
    fn detect(&mut self, now: Instant) -> Losses {
        let recovery = &mut *self.recovery;
        let beyond = recovery.sent.sacked() >= u32::from(recovery.reordering) * self.snd.mss;
        let eager = recovery.phase != Phase::Open || beyond;
        let grace = recovery.rack.grace(self.rtt.srtt().unwrap_or_default(), eager);
        let losses = recovery.sent.detect(&recovery.rack, grace, now);
        if let Some(wait) = losses.wait {
            recovery.loss_timer = LossTimer::Reordering;
            self.timers.loss = now + wait + CLOCK_SLACK;
        } else if recovery.loss_timer == LossTimer::Reordering {
            self.timers.loss = Instant::FAR;
        }
        losses
    }

    /// Losses were shown (RFC 5681 §3.2, RFC 6675 §5, RFC 8985).
    fn enter_recovery(&mut self, cx: &mut Cx<'_>) {
        let (una, mss) = (self.snd.una, self.snd.mss);
        let recovery = &mut *self.recovery;
        recovery.undo.arm(una, recovery.sent.resent());
        recovery.prr = Prr::start(self.congestion.cwnd());
        self.congestion.reduce(mss);
        recovery.high = self.snd.nxt;
        recovery.phase = Phase::Recovery;
        recovery.probe = None;
        recovery.judging = false;
        recovery.new_first = false;
        recovery.partial = false;
        cx.stats.tcp_fast_retransmits += 1;
    }

    /// The window after an acknowledgment: PRR while losses are repaired, else growth.
    #[inline]
    fn adjust_window(&mut self, cx: &Cx<'_>, gone: u32, acked: &Acked, lost: u32) {
        let recovery = &*self.recovery;
        if recovery.phase == Phase::Recovery {
            self.follow_prr(gone, acked.advanced > 0 && lost == 0);
            return;
        }
        // Forward progress: acknowledged, or delivered early on a path that reorders.
        let reorders = recovery.reordering > DUPLICATES;
        let again = !self.sack && recovery.phase == Phase::Loss && recovery.needless > 0;
        if acked.advanced > 0 || (reorders || again) && gone > 0 {
            self.grow(cx, gone, acked);
        }
        self.output |= gone > 0 && (self.recovery.new_first || self.has_work());
    }

    /// The window as PRR has it after `delivered` more bytes; `clean` as in [`Progress`].
    fn follow_prr(&mut self, delivered: u32, clean: bool) {
        let (pipe, mss) = (self.recovery.pipe(self.snd.outstanding()), self.snd.mss);
        let progress = Progress { delivered, clean, pipe, mss };
        let cwnd = self.recovery.prr.cwnd(progress, self.congestion.ssthresh());
        self.congestion.set_cwnd(cwnd, mss);
        self.output = true;
    }

    fn grow(&mut self, cx: &Cx<'_>, gone: u32, acked: &Acked) {
        let snd = &self.snd;
        self.congestion.on_ack(&Ack {
            now: cx.now,
            acked: gone,
            una: snd.una,
            nxt: snd.nxt,
            rtt: acked.rtt,
            srtt: self.rtt.srtt().unwrap_or_default(),
            mss: snd.mss,
            limited: self.congestion.is_limited(),
        });
    }

    /// An ACK came while a probe is out.
    fn judge_probe(&mut self, cx: &mut Cx<'_>, acked: &Acked) {
        let recovery = &mut *self.recovery;
        let Some(probe) = recovery.probe else { return };
        match probe.on_ack(self.snd.una, acked.duplicate, acked.twice.is_some()) {
            ProbeVerdict::Open => return,
            ProbeVerdict::Harmless => {}
            ProbeVerdict::Repaired => {
                self.congestion.reduce(self.snd.mss);
                self.congestion.set_cwnd(self.congestion.ssthresh(), self.snd.mss);
                cx.stats.tcp_tail_losses += 1;
            }
        }
        self.recovery.probe = None;
    }

    /// Sets the timer that watches over the tail, unless it watches over reordering.
    #[inline]
    pub(crate) fn set_loss_timer(&mut self, now: Instant, restart: bool) {
        let recovery = &*self.recovery;
        let watching = recovery.loss_timer == LossTimer::Reordering && recovery.sent.sacked() > 0;
        if watching && self.timers.loss != Instant::FAR {
            return;
        }
        let wanted = self.sack
            && recovery.phase == Phase::Open
            && recovery.probe.is_none()
            && recovery.sent.sacked() == 0
            && !recovery.sent.is_empty();
        if !wanted {
            self.timers.loss = Instant::FAR;
        } else if restart || self.timers.loss == Instant::FAR {
            let alone = self.snd.outstanding() <= self.snd.mss;
            let wait = probe::timeout(self.rtt.srtt(), alone);
            self.recovery.loss_timer = LossTimer::Tail;
            self.timers.loss = (now + wait).min(self.timers.retransmit);
        }
    }

    /// The loss timer expired.
    pub(crate) fn on_loss_timer(&mut self, cx: &mut Cx<'_>) {
        if self.stage != Stage::Synchronized || self.recovery.sent.is_empty() {
            return;
        }
        match self.recovery.loss_timer {
            LossTimer::Tail => {
                if self.recovery.probe.is_none() && self.recovery.phase == Phase::Open {
                    self.recovery.probe_due = true;
                    self.output = true;
                    // The probe comes in place of the timeout that may be due as well.
                    self.timers.retransmit = self.timeout_at(cx.now);
                    cx.stats.tcp_tail_probes += 1;
                }
            }
            LossTimer::Reordering => {
                let losses = self.detect(cx.now);
                if losses.bytes == 0 {
                    return;
                }
                if self.recovery.phase != Phase::Recovery {
                    self.enter_recovery(cx);
                }
                self.follow_prr(self.snd.mss, false);
            }
        }
    }

    /// The retransmission timer expired with data outstanding (RFC 6298 §5, Linux `tcp_enter_loss`).
    pub(crate) fn on_timeout(&mut self, cx: &mut Cx<'_>) {
        let (una, mss) = (self.snd.una, self.snd.mss);
        let recovery = &mut *self.recovery;
        let fresh = recovery.phase == Phase::Open;
        if recovery.sent.is_reneged() {
            recovery.sent.forget_sacks();
        }
        if fresh && recovery.duplicates + recovery.sent.sacked() >= u32::from(DUPLICATES) * mss {
            // So much was delivered early and still it came to this: that was no reordering.
            recovery.reordering = recovery.reordering.min(DUPLICATES);
        }
        let rack = self.sack.then_some(recovery.rack);
        recovery.sent.time_out(rack.as_ref(), cx.now);
        recovery.duplicates = 0;
        recovery.needless = 0;
        let first = self.retries <= 1;
        if fresh || una.ge(recovery.high) || recovery.phase == Phase::Loss && first {
            recovery.undo.arm(una, recovery.sent.resent());
            self.congestion.reduce(mss);
        }
        // A timeout in the middle of a recovery is a real one (RFC 5682 §2.1 step 1).
        recovery.judging = fresh || self.retries > 1;
        recovery.new_first = false;
        recovery.phase = Phase::Loss;
        recovery.high = self.snd.nxt;
        recovery.probe = None;
        recovery.probe_due = false;
        self.timers.loss = Instant::FAR;
        let pipe = recovery.pipe(self.snd.outstanding());
        self.congestion.on_timeout(pipe, mss);
        self.rtt.back_off();
        self.output = true;
    }

    /// Segments in flight are too large for the path: once more in smaller ones. That is no sign of
    /// congestion (Linux `tcp_simple_retransmit`).
    pub(crate) fn resegment(&mut self) {
        if !self.recovery.is_some() {
            return;
        }
        let recovery = &mut *self.recovery;
        if !recovery.sent.lose_larger(self.snd.mss) {
            return;
        }
        if recovery.phase != Phase::Loss {
            recovery.high = self.snd.nxt;
            recovery.undo.disarm();
            recovery.phase = Phase::Loss;
            recovery.judging = false;
        }
        self.output = true;
    }
}

/// RFC 5681 §3.2: the third duplicate shows a loss (TCPT-07).
const DUPLICATES: u16 = 3;
/// Linux `tcp_max_reordering`.
const REORDERING_MAX: u16 = 300;
/// For the coarseness of clocks.
const CLOCK_SLACK: Duration = Duration::from_micros(50);
