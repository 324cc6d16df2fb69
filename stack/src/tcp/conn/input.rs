//! A segment arrives for a synchronized connection: RFC 9293 §3.10.7.4, step by step.
//!
//! * PAWS before all: [`check_timestamp`](Conn::check_timestamp)
//! * first: [`check_sequence`](Conn::check_sequence)
//! * second: [`process_reset`](Conn::process_reset)
//! * third (security): nothing
//! * fourth: a SYN is challenged
//! * fifth: [`process_ack`](Conn::process_ack)
//! * sixth: [`process_urgent`](Conn::process_urgent)
//! * seventh and eighth: [`process_text`](Conn::process_text), which also takes the FIN
//!
//! RFC 5961 decides about RST, SYN and the range of ACKs. Nothing is changed before a segment has
//! passed the checks of its step.

mod ack;
mod handshake;
mod icmp;
mod text;

use wire::tcp::{Flags, SeqNum};

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::socket::SocketError;
use crate::tcp::conn::{Conn, End, Stage};
use crate::tcp::reply;
use crate::tcp::segment::Segment;
use crate::tcp::state::{State, TheirFin};
use crate::time::{Duration, Instant};

impl Conn {
    /// A segment of this flow.
    #[inline]
    pub(crate) fn receive(&mut self, cx: &mut Cx<'_>, seg: &Segment<'_>) -> Result<(), DropReason> {
        match self.stage {
            Stage::Synchronized => self.receive_synchronized(cx, seg),
            Stage::SynSent => self.receive_syn_sent(cx, seg),
            Stage::SynReceived => self.receive_syn_received(cx, seg),
        }
    }

    fn receive_synchronized(
        &mut self,
        cx: &mut Cx<'_>,
        seg: &Segment<'_>,
    ) -> Result<(), DropReason> {
        self.check_timestamp(cx, seg)?;
        self.check_sequence(cx, seg)?;
        if seg.flags.intersects(Flags::RST | Flags::SYN) {
            if seg.flags.rst() {
                return self.process_reset(cx, seg);
            }
            self.challenge(cx);
            return Err(DropReason::TcpBadFlags);
        }
        self.process_ack(cx, seg)?;
        if let Some(stamps) = seg.timestamps.filter(|_| self.timestamps.enabled) {
            self.timestamps.update(stamps, seg.seq, self.rcv.last_ack_sent, cx.now);
        }
        if self.end.is_some() {
            return Ok(());
        }
        if seg.flags.intersects(Flags::URG) || self.rcv.urgent.is_awaited() {
            self.process_urgent(cx, seg);
        }
        let outcome = self.process_text(cx, seg);
        if self.orphan {
            self.retire(cx);
        }
        outcome
    }

    /// RFC 7323 §5.3 R1 (PAWS): drops a segment from an earlier turn of the sequence numbers. A RST
    /// is exempt, and a segment without a timestamp passes: the RFC would drop it, but middleboxes
    /// strip options and Linux accepts it.
    #[inline]
    pub(crate) fn check_timestamp(
        &mut self,
        cx: &Cx<'_>,
        seg: &Segment<'_>,
    ) -> Result<(), DropReason> {
        if let Some(stamps) = seg.timestamps
            && self.timestamps.enabled
            && self.timestamps.paws_rejects(stamps.value, PAWS_SLACK, cx.now)
            && !seg.flags.rst()
            && !self.is_disordered_ack(seg, stamps.value)
        {
            self.answer_unacceptable(cx, seg);
            return Err(DropReason::TcpPaws);
        }
        Ok(())
    }

    /// A bare duplicate ACK, sent within one RTO of the segment that overtook it, is not answered
    /// (Linux `tcp_disordered_ack`).
    fn is_disordered_ack(&self, seg: &Segment<'_>, value: u32) -> bool {
        let window = u32::from(seg.window) << self.snd.scale;
        let behind = SeqNum(self.timestamps.ts_recent) - SeqNum(value);
        seg.flags.ack()
            && seg.len() == 0
            && seg.seq == self.rcv.nxt
            && seg.ack == self.snd.una
            && window == self.snd.wnd
            && behind.unsigned_abs()
                <= u32::try_from(self.rtt.rto().as_millis()).unwrap_or(u32::MAX)
    }

    /// Answers an unacceptable segment with an ACK (RFC 9293 §3.10.7.4). Only segments without text
    /// can make two hosts answer each other for ever, so only those are rate-limited.
    #[cold]
    fn answer_unacceptable(&mut self, cx: &Cx<'_>, seg: &Segment<'_>) {
        // Nothing that a host would send (Linux drops it before all checks).
        if !seg.flags.intersects(Flags::ACK | Flags::SYN) {
            return;
        }
        if seg.flags.syn() {
            self.challenge(cx);
        } else if seg.len() > 0 || self.may_send_out_of_window_ack(cx.now) {
            self.schedule_dup_ack(seg);
        }
    }

    /// First step: is the segment in the window? As in Linux (`tcp_sequence`), it must end at or
    /// after what we last acknowledged and start at or before RCV.NXT + RCV.WND, so that ACKs pass
    /// a closed window (MUST-66) and reordered ones are not answered.
    #[inline]
    pub(crate) fn check_sequence(
        &mut self,
        cx: &mut Cx<'_>,
        seg: &Segment<'_>,
    ) -> Result<(), DropReason> {
        if seg.end().ge(self.rcv.last_ack_sent) && seg.seq.le(self.rcv.rcv_adv) {
            return Ok(());
        }
        if !seg.flags.rst() {
            self.answer_unacceptable(cx, seg);
        } else if self.is_reset_after_fin(seg) {
            return Ok(());
        }
        Err(DropReason::TcpOutOfWindow)
    }

    /// Some hosts send a FIN and then a RST with the same sequence number (Linux
    /// `tcp_reset_check`).
    fn is_reset_after_fin(&self, seg: &Segment<'_>) -> bool {
        self.fins.theirs != TheirFin::Open && seg.seq == self.rcv.nxt - 1
    }

    /// The right edge of the text that arrived out of order.
    fn highest_received(&self) -> Option<SeqNum> {
        let end = self.rcv.out_of_order_end()?;
        Some(self.rcv.nxt + (end - self.rcv.ring.position()) as u32)
    }

    /// Second step: a RST is accepted only at RCV.NXT exactly, or at the right edge of what our
    /// SACK blocks report; elsewhere in the window it is challenged (RFC 5961 §3.2).
    pub(crate) fn process_reset(
        &mut self,
        cx: &mut Cx<'_>,
        seg: &Segment<'_>,
    ) -> Result<(), DropReason> {
        let exact = seg.seq == self.rcv.nxt
            || self.is_reset_after_fin(seg)
            || self.sack && self.highest_received() == Some(seg.seq);
        if !exact {
            if seg.seq.gt(self.rcv.nxt) {
                self.challenge(cx);
            }
            return Err(DropReason::TcpBadReset);
        }
        let error = match self.state() {
            State::SynReceived => SocketError::ConnectionRefused,
            State::CloseWait => SocketError::BrokenPipe,
            _ => SocketError::ConnectionReset,
        };
        self.fail(cx, error);
        Ok(())
    }

    /// Requests a challenge ACK (RFC 5961 §7): at most one in half a second from this connection,
    /// and as many as the [host's limit](crate::tcp::reply::challenge) allows.
    pub(crate) fn challenge(&mut self, cx: &Cx<'_>) {
        self.challenge_ack_wanted |= self.may_send_out_of_window_ack(cx.now);
    }

    /// Whether an unacceptable segment may be answered: at most one in half a second, so that two
    /// hosts do not answer each other for ever (Linux `tcp_oow_rate_limited`).
    fn may_send_out_of_window_ack(&mut self, now: Instant) -> bool {
        let may = now >= self.next_challenge_at;
        if may {
            self.next_challenge_at = now + CHALLENGE_INTERVAL;
        }
        may
    }

    /// Seventh and eighth steps: text, then FIN.
    #[inline]
    pub(crate) fn process_text(
        &mut self,
        cx: &mut Cx<'_>,
        seg: &Segment<'_>,
    ) -> Result<(), DropReason> {
        if seg.payload.is_empty() && !seg.flags.fin() {
            return Ok(());
        }
        let outcome = self.accept_text(cx, seg);
        if self.end.is_none() {
            if seg.flags.fin() {
                self.process_fin(seg);
            }
            self.take_fin(cx);
        }
        outcome
    }

    fn accept_text(&mut self, cx: &mut Cx<'_>, seg: &Segment<'_>) -> Result<(), DropReason> {
        let Some((text, offset)) = self.trim(seg) else {
            return Ok(());
        };
        if self.orphan {
            return self.abort_on_data(cx, seg);
        }
        if text.is_empty() {
            // The window is closed, and the sender probes it.
            self.rcv.pending_acks.immediate = true;
            return Err(DropReason::TcpOutOfWindow);
        }
        if offset > 0 {
            return self.queue_out_of_order(cx, text, offset);
        }
        let text = self.schedule_receive_memory(cx, text, 0)?;
        let appended = self.rcv.append(text);
        if appended.gap {
            self.recount(cx);
        } else if !self.rcv.is_shut_down {
            self.charge(cx);
        }
        if let Some((left, right)) = appended.duplicate {
            self.report_dsack(left, right);
        }
        self.on_data_received(cx, seg, text.len() as u32);
        self.schedule_ack(cx, appended.gap);
        if appended.urgent {
            self.notify(cx, Readiness::URGENT);
        }
        if !self.rcv.is_shut_down {
            self.notify(cx, Readiness::READABLE);
        }
        Ok(())
    }

    /// The part of the text that is new and fits the window, and how far beyond RCV.NXT it starts.
    /// None if all of it is old.
    #[inline]
    fn trim<'a>(&mut self, seg: &Segment<'a>) -> Option<(&'a [u8], u32)> {
        if seg.payload.is_empty() {
            return None;
        }
        let ahead = seg.seq - self.rcv.nxt;
        let old = if ahead < 0 { ahead.unsigned_abs() as usize } else { 0 };
        if old >= seg.payload.len() || self.fins.theirs != TheirFin::Open {
            // The text was retransmitted, so the peer has missed our ACK.
            self.schedule_dup_ack(seg);
            return None;
        }
        if old > 0 {
            self.report_dsack(seg.seq, self.rcv.nxt);
        }
        let offset = ahead.max(0) as u32;
        let last = self.rcv.fin_seq.unwrap_or(self.rcv.rcv_adv).min(self.rcv.rcv_adv);
        let room = ((last - self.rcv.nxt) as u32).saturating_sub(offset) as usize;
        let text = &seg.payload[old..];
        Some((&text[..text.len().min(room)], offset))
    }

    /// Text for an orphan is lost, so the connection is reset (RFC 9293 §3.6.1; Linux
    /// `TCPAbortOnData`).
    fn abort_on_data(&mut self, cx: &mut Cx<'_>, seg: &Segment<'_>) -> Result<(), DropReason> {
        reply::reset_for(cx, seg);
        self.fail(cx, SocketError::ConnectionAborted);
        Err(DropReason::TcpReaderGone)
    }

    /// Eighth step: notes where the peer's FIN is, which may be ahead of text that is still
    /// missing.
    fn process_fin(&mut self, seg: &Segment<'_>) {
        let fin: SeqNum = seg.seq + seg.payload.len() as u32;
        if fin.lt(self.rcv.nxt) {
            // The FIN was retransmitted.
            self.rcv.pending_acks.immediate = true;
        } else if fin.le(self.rcv.rcv_adv) {
            self.rcv.note_fin(fin);
            if seg.payload.is_empty() && fin != self.rcv.nxt {
                self.rcv.pending_acks.on_out_of_order(self.sack);
            }
        }
    }

    /// Takes the peer's FIN once everything before it has arrived.
    #[inline]
    fn take_fin(&mut self, cx: &mut Cx<'_>) {
        if !self.rcv.take_fin() {
            return;
        }
        self.fins.receive(self.needs_fin());
        self.notify(cx, Readiness::READABLE);
        if self.state() == State::TimeWait {
            self.end = Some(End::TimeWait);
        }
    }
}

/// Linux `TCP_PAWS_WINDOW`: the clock of one peer may be read on several of its processors.
const PAWS_SLACK: i32 = 1;
/// Linux `tcp_invalid_ratelimit`.
const CHALLENGE_INTERVAL: Duration = Duration::from_millis(500);
