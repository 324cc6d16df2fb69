//! How a connection ends from our side: CLOSE, ABORT, and failure (RFC 9293 §3.10.4, §3.10.5).

use wire::tcp::Flags;

use crate::cx::Cx;
use crate::socket::SocketError;
use crate::tcp::conn::{Conn, End, Stage};
use crate::tcp::reply::{self, BareSegment};
use crate::tcp::state::{State, TheirFin};
use crate::time::Duration;

impl Conn {
    /// The application lets go. Unread data turns the close into a reset (RFC 2525 §2.17), and so does no
    /// time to linger.
    pub(crate) fn close(&mut self, cx: &mut Cx<'_>) {
        self.orphan = true;
        if self.stage == Stage::SynSent {
            self.end = Some(End::Closed);
            return;
        }
        if self.rcv.ring.buffered() > 0 || self.options.reset_on_close {
            self.abort(cx);
            return;
        }
        self.rcv.shut_down();
        self.output_wanted = true;
        self.retire(cx);
    }

    /// Resets the connection (RFC 9293 §3.10.5; TCPF-15).
    pub(crate) fn abort(&mut self, cx: &mut Cx<'_>) {
        self.send_reset(cx);
        self.fail(cx, SocketError::ConnectionAborted);
    }

    /// Sends a RST where the peer may still have a connection.
    pub(crate) fn send_reset(&self, cx: &mut Cx<'_>) {
        if self.stage == Stage::SynSent || self.state() == State::Closed {
            return;
        }
        let flags = Flags::RST | Flags::ACK;
        let marking = self.options.marking;
        let bare = BareSegment { seq: self.snd.nxt, ack: self.rcv.nxt, flags, window: 0, marking };
        reply::reset(cx, self.scope, &self.key, bare);
    }

    /// Ends the connection with an error. A reader who has the peer's FIN already has all there is
    /// to read, so no error replaces it.
    pub(crate) fn fail(&mut self, cx: &mut Cx<'_>, error: SocketError) {
        if self.end.is_some() {
            return;
        }
        if self.fins.theirs == TheirFin::Open {
            self.rcv.ring.fail(error.code());
        }
        cx.stats.tcp_aborted += 1;
        self.end = Some(End::Failed(error));
    }

    /// An orphan in FIN-WAIT-2 needs no more than a TIME-WAIT record does (as Linux has it; GAP-24). All
    /// records wait equally long, so one that the user gave a time of its own stays a connection for it.
    pub(crate) fn retire(&mut self, cx: &mut Cx<'_>) {
        if !self.orphan || self.end.is_some() {
            return;
        }
        if self.stage != Stage::Synchronized || self.state() != State::FinWait2 {
            return;
        }
        match self.options.fin_timeout {
            None => self.end = Some(End::TimeWait),
            Some(0) => self.abort(cx),
            Some(_) if self.awaits_fin => {}
            Some(wait) => {
                self.awaits_fin = true;
                // Not before a lost FIN could have come again (Linux `tcp_fin_time`).
                let least = self.rtt.rto().saturating_mul(7) / 2;
                self.timers.keepalive = cx.now + Duration::from_millis(wait.into()).max(least);
            }
        }
    }
}
