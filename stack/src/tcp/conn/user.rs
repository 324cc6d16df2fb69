//! What the user of a connection does: it wrote, it read, it reads no more (RFC 9293 §3.10.2,
//! §3.10.3).

use crate::cx::Cx;
use crate::event::Readiness;
use crate::tcp::conn::{Conn, Stage};
use crate::tcp::state::TheirFin;

impl Conn {
    /// The application wrote, or finished writing.
    pub(crate) fn app_wrote(&mut self, cx: &mut Cx<'_>) {
        self.recount_written(cx);
        self.moderate_send_buffer(cx);
        self.note_send_buffer_full();
        self.output_wanted |= self.stage != Stage::SynSent && self.has_output();
    }

    /// The application read: more may be buffered. The peer gets a window update if the window grew
    /// by a worthwhile step, or if an ACK was delayed for an answer that will not come (Linux
    /// `tcp_cleanup_rbuf`).
    pub(crate) fn app_read(&mut self, cx: &mut Cx<'_>) {
        self.recount_received(cx);
        let left = self.rcv.ring.buffered();
        let read = (self.rcv.ring.position() - left as u64) as u32;
        if left == 0 {
            self.drain.want();
        }
        if !cx.memory.pressure() {
            self.rcv.space.on_read(read, u32::from(self.adv_mss), cx.now);
        }
        if self.stage == Stage::Synchronized && self.fins.theirs == TheirFin::Open {
            let waiting = (self.rcv.nxt - self.rcv.last_ack_sent) as u32;
            if self.rcv.ack_policy.on_app_read(waiting, left)
                || self.rcv.wants_window_update(cx.memory.pressure())
            {
                self.rcv.pending_acks.immediate = true;
            }
        }
    }

    /// The application reads no more (`shutdown` with `SHUT_RD`).
    pub(crate) fn shutdown_read(&mut self, cx: &mut Cx<'_>) {
        self.rcv.shut_down();
        self.recount_received(cx);
        self.notify(cx, Readiness::READABLE);
    }
}
