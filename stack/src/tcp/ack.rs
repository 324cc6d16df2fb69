//! The fifth step of segment arrival: the ACK field (RFC 9293 §3.10.7.4, RFC 5961 §5).
//!
//! An ACK may free ring space, take a sample of the round trip, open the congestion window, repair a
//! loss, complete our FIN, and change the peer's window. Each is one function here or in the part
//! it concerns.

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::tcp::conn::{Conn, End};
use crate::tcp::segment::Segment;
use crate::tcp::state::{OurFin, State};
use crate::time::Instant;
use wire::tcp::SeqNum;

impl Conn {
    /// Fifth: the ACK field.
    #[inline]
    pub(crate) fn process_ack(
        &mut self,
        cx: &mut Cx<'_>,
        seg: &Segment<'_>,
    ) -> Result<(), DropReason> {
        if !seg.flags.ack() {
            return Err(DropReason::TcpBadFlags);
        }
        let (una, nxt) = (self.snd.una, self.snd.nxt);
        // RFC 5961 §5: neither what was never sent nor what is a window ago (TCPI-03).
        let oldest = una - self.snd.max_wnd.min(MAX_WINDOW);
        if seg.ack.gt(nxt) || seg.ack.lt(oldest) {
            self.challenge(cx);
            return Err(DropReason::TcpBadAck);
        }
        self.heard = cx.now;
        self.probes = 0;
        if seg.ack.lt(una) {
            // Overtaken by a later one; its text may still be new.
            return Ok(());
        }
        let window = u32::from(seg.window) << self.snd.scale;
        let duplicate = self.is_duplicate(seg, window);
        let changed = self.snd.update_window(seg.seq, seg.ack, window);
        if seg.ack.gt(una) {
            self.advance(cx, seg.ack);
        } else if duplicate {
            self.on_duplicate_ack(cx);
        }
        if self.snd.wnd == 0 {
            // The peer answers, it only has no room: that is no silence.
            self.retries = 0;
        } else if changed {
            self.probe_backoff = 0;
        }
        self.output |= self.has_work();
        Ok(())
    }

    /// RFC 5681 §2: a duplicate acknowledges nothing new, carries nothing, leaves the window as it
    /// was, while something is outstanding.
    #[inline]
    fn is_duplicate(&self, seg: &Segment<'_>, window: u32) -> bool {
        seg.ack == self.snd.una
            && self.snd.una != self.snd.nxt
            && seg.len() == 0
            && window == self.snd.wnd
    }

    /// New numbers are acknowledged.
    #[inline]
    fn advance(&mut self, cx: &mut Cx<'_>, ack: SeqNum) {
        let flight = self.recovery.flight(&self.snd);
        let acked = (ack - self.snd.una) as u32;
        let fin = self.fins.ours == OurFin::Sent && ack == self.snd.nxt;
        let data = acked - u32::from(fin);
        self.snd.una = ack;
        self.snd.ring.release(data as usize);
        self.rtt.on_ack(ack, cx.now);
        self.retries = 0;
        self.on_progress(acked, flight);
        self.timers.retransmit =
            if self.snd.una == self.snd.nxt { Instant::FAR } else { cx.now + self.rtt.rto() };
        self.confirm_neighbor(cx);
        if data > 0 {
            self.tell(cx, Readiness::WRITABLE);
        }
        if fin {
            self.on_fin_acked();
        }
    }

    /// Our FIN is acknowledged.
    fn on_fin_acked(&mut self) {
        self.fins.acknowledge();
        match self.state() {
            State::Closed => self.end = Some(End::Closed),
            State::TimeWait => self.end = Some(End::TimeWait),
            _ => {}
        }
    }
}

/// Largest window there can be (RFC 7323 §2.3).
const MAX_WINDOW: u32 = 1 << 30;
