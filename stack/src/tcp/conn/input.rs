//! A segment arrives for a synchronized connection: RFC 9293 §3.10.7.4, step by step.
//!
//! 0. [`check_timestamp`](Conn::check_timestamp)
//! 1. [`check_sequence`](Conn::check_sequence) 2. [`process_reset`](Conn::process_reset)
//! 3. (security: none) 4. SYN: challenge 5. [`process_ack`](Conn::process_ack)
//! 6. [`process_urgent`](Conn::process_urgent) 7. [`process_text`](Conn::process_text)
//! 8. [`process_fin`](Conn::process_fin).
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

    /// Before all: is the segment from an earlier turn of the sequence numbers (RFC 7323 §5.3 R1,
    /// TCPI-05)? A RST has no say in that, and a segment without a timestamp is let through: the RFC
    /// would drop it, but middleboxes strip options and Linux lives with it.
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

    /// A bare ACK that says nothing new, sent within one RTO of what overtook it, is no reason for
    /// an answer (Linux `tcp_disordered_ack`).
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

    /// Answers a segment that fits nowhere with where we stand. Only segments without text can make
    /// two hosts answer each other for ever, so only those are counted.
    fn answer_unacceptable(&mut self, cx: &Cx<'_>, seg: &Segment<'_>) {
        if seg.flags.syn() {
            self.challenge(cx);
        } else if seg.len() > 0 || self.may_send_out_of_window_ack(cx.now) {
            self.schedule_dup_ack(seg);
        }
    }

    /// First: is the segment in the window? As Linux asks it: it ends at or after what we last
    /// acknowledged and starts at or before the edge, so that ACKs pass a closed window
    /// (MUST-66) and reordered ones are not answered (TCPI-01).
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

    /// Some hosts send a FIN and then a RST with the same number (Linux `tcp_reset_check`).
    fn is_reset_after_fin(&self, seg: &Segment<'_>) -> bool {
        self.fins.theirs != TheirFin::Open && seg.seq == self.rcv.nxt - 1
    }

    /// The right edge of the text that came out of order.
    fn highest_received(&self) -> Option<SeqNum> {
        let end = self.rcv.out_of_order_end()?;
        Some(self.rcv.nxt + (end - self.rcv.ring.position()) as u32)
    }

    /// Second: a RST counts only exactly at RCV.NXT, or at the end of what our SACKs told the peer
    /// has arrived; elsewhere in the window it is challenged (RFC 5961 §3.2; TCPI-02).
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

    /// Wants a challenge ACK (RFC 5961 §7; TCPI-04): at most one in half a second from here, and as
    /// many as the [host's budget](crate::tcp::challenge) allows.
    pub(crate) fn challenge(&mut self, cx: &Cx<'_>) {
        self.challenge_ack_wanted |= self.may_send_out_of_window_ack(cx.now);
    }

    /// Whether a segment that fits nowhere may be answered: at most one in half a second, so that
    /// two hosts do not answer each other for ever.
    fn may_send_out_of_window_ack(&mut self, now: Instant) -> bool {
        let may = now >= self.next_challenge_at;
        if may {
            self.next_challenge_at = now + CHALLENGE_INTERVAL;
        }
        may
    }

    /// Seventh and eighth: text, then FIN.
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
            // The window is closed: the sender wants to know where it stands.
            self.rcv.pending_acks.immediate = true;
            return Err(DropReason::TcpOutOfWindow);
        }
        if offset > 0 {
            return self.queue_out_of_order(cx, text, offset);
        }
        self.schedule_receive_memory(cx, true)?;
        let accepted = self.rcv.append(text);
        if accepted.gap {
            self.recount(cx);
        } else if !self.rcv.is_shut_down {
            self.charge(cx, text.len() as u32);
        }
        if let Some((left, right)) = accepted.twice {
            self.report_dsack(left, right);
        }
        self.on_data_received(cx, seg, text.len() as u32);
        self.schedule_ack(cx, accepted.gap);
        if accepted.urgent {
            self.notify(cx, Readiness::URGENT);
        }
        if !self.rcv.is_shut_down {
            self.notify(cx, Readiness::READABLE);
        }
        Ok(())
    }

    /// The part of a segment's text that is new and fits the window, and how far beyond RCV.NXT it
    /// starts. Nothing if all of it is old (TCPI-07).
    #[inline]
    fn trim<'a>(&mut self, seg: &Segment<'a>) -> Option<(&'a [u8], u32)> {
        if seg.payload.is_empty() {
            return None;
        }
        let ahead = seg.seq - self.rcv.nxt;
        let old = if ahead < 0 { ahead.unsigned_abs() as usize } else { 0 };
        if old >= seg.payload.len() || self.fins.theirs != TheirFin::Open {
            // Sent again: the peer has missed our ACK.
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

    /// Text for an application that is gone is data lost: reset (RFC 9293 §3.6.1; Linux
    /// `TCPAbortOnData`).
    fn abort_on_data(&mut self, cx: &mut Cx<'_>, seg: &Segment<'_>) -> Result<(), DropReason> {
        reply::reset_for(cx, seg);
        self.fail(cx, SocketError::ConnectionAborted);
        Err(DropReason::TcpReaderGone)
    }

    /// Eighth: notes where the peer's FIN is. It may be ahead of text that is still missing (TCPF-09).
    fn process_fin(&mut self, seg: &Segment<'_>) {
        let fin: SeqNum = seg.seq + seg.payload.len() as u32;
        if fin.lt(self.rcv.nxt) {
            // Sent again.
            self.rcv.pending_acks.immediate = true;
        } else if fin.le(self.rcv.rcv_adv) {
            self.rcv.note_fin(fin);
            if seg.payload.is_empty() && fin != self.rcv.nxt {
                self.rcv.pending_acks.on_out_of_order(self.sack);
            }
        }
    }

    /// Takes the peer's FIN once everything before it is here.
    #[inline]
    fn take_fin(&mut self, cx: &mut Cx<'_>) {
        if !self.rcv.take_fin() {
            return;
        }
        self.fins.receive();
        self.notify(cx, Readiness::READABLE);
        if self.state() == State::TimeWait {
            self.end = Some(End::TimeWait);
        }
    }
}

/// Clocks of one peer may be read on several of its processors (Linux `TCP_PAWS_WINDOW`).
const PAWS_SLACK: i32 = 1;
/// Linux `tcp_invalid_ratelimit`.
const CHALLENGE_INTERVAL: Duration = Duration::from_millis(500);
