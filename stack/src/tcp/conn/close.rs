//! How a connection ends from our side: CLOSE, ABORT, and failure (RFC 9293 §3.10.4, §3.10.5).

use wire::tcp::Flags;

use crate::cx::Cx;
use crate::socket::SocketError;
use crate::tcp::conn::{Conn, End, Stage};
use crate::tcp::reply::{self, BareSegment};
use crate::tcp::state::{State, TheirFin};
use crate::time::Duration;

impl Conn {
    /// The application closes the connection. Unread data turns the close into a reset (RFC 2525
    /// §2.17), and so does a linger time of zero.
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
        self.recount(cx);
        self.output_wanted = true;
        self.retire(cx);
    }

    /// Resets the connection (RFC 9293 §3.10.5).
    pub(crate) fn abort(&mut self, cx: &mut Cx<'_>) {
        self.send_reset(cx);
        self.fail(cx, SocketError::ConnectionAborted);
    }

    /// Sends a RST if the peer may have a connection.
    pub(crate) fn send_reset(&self, cx: &mut Cx<'_>) {
        if self.stage == Stage::SynSent || self.state() == State::Closed {
            return;
        }
        let flags = Flags::RST | Flags::ACK;
        let marking = self.options.marking;
        let bare = BareSegment { seq: self.snd.nxt, ack: self.rcv.nxt, flags, window: 0, marking };
        // There are no more of these than connections, however many end at once.
        cx.outbox.make_room_for_one();
        reply::reset(cx, self.scope, &self.key, bare);
    }

    /// Ends the connection with an error. A reader who has the peer's FIN already has all there is
    /// to read, so no error replaces the end of the stream.
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

    /// An orphan in FIN-WAIT-2 needs no more than a TIME-WAIT record does (Linux `tcp_time_wait`
    /// with `TCP_FIN_WAIT2`). All records wait equally long, so a connection with a `TCP_LINGER2`
    /// of its own stays a connection for that time.
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
                // Linux `tcp_fin_time`: long enough for a lost FIN to be retransmitted.
                let least = self.rtt.rto().saturating_mul(7) / 2;
                self.timers.keepalive = cx.now + Duration::from_millis(wait.into()).max(least);
            }
        }
    }
}
