//! The text of a segment beyond its bytes (RFC 9293 §3.10.7.4, seventh step): duplicates, the
//! estimates of the receiver, and text that arrives out of order.

use wire::tcp::SeqNum;

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::tcp::conn::Conn;
use crate::tcp::receive::ack_policy::Arrival;
use crate::tcp::segment::Segment;

impl Conn {
    /// Text beyond RCV.NXT: it is stored if there is room, and answered with a duplicate ACK either
    /// way (RFC 5681 §4.2; Linux `tcp_data_queue_ofo`).
    pub(crate) fn queue_out_of_order(
        &mut self,
        cx: &mut Cx<'_>,
        text: &[u8],
        offset: u32,
    ) -> Result<(), DropReason> {
        self.rcv.pending_acks.on_out_of_order(self.sack);
        self.rcv.ack_policy.on_out_of_order();
        let text = self.schedule_receive_memory(cx, text, offset)?;
        let duplicate =
            self.rcv.store_out_of_order(offset, text, cx.limits.tcp_out_of_order_ranges)?;
        if let Some((left, right)) = duplicate {
            self.report_dsack(left, right);
        }
        self.recount(cx);
        if self.sack {
            // Without SACK the window must not change, or the sender would not count the ACK as a
            // duplicate.
            self.grow_window_after(cx, text.len() as u32);
        }
        Ok(())
    }

    /// Text arrived in order: updates the estimates of the peer's segment size and of the round
    /// trip (Linux `tcp_event_data_recv`).
    #[inline]
    pub(crate) fn on_data_received(&mut self, cx: &Cx<'_>, seg: &Segment<'_>, len: u32) {
        let mss = u32::from(self.adv_mss);
        let window = self.rcv.advertised_window();
        let rto = self.rtt.rto();
        self.rcv.ack_policy.on_data(Arrival::of(seg), mss, window, rto, cx.now);
        self.rcv.space.time_window(self.rcv.nxt, window, cx.now);
        if let Some(stamps) = seg.timestamps.filter(|_| self.timestamps.enabled)
            && seg.size >= self.rcv.ack_policy.rcv_mss
        {
            let ticks = self.timestamps.clock(cx.now).wrapping_sub(stamps.echo);
            self.rcv.space.time_echo(stamps.echo, ticks);
        }
        self.grow_window_after(cx, len);
    }

    /// Text arrived, so that a larger window may be offered (Linux `tcp_grow_window`).
    #[inline]
    fn grow_window_after(&mut self, cx: &Cx<'_>, len: u32) {
        let rcv = &mut self.rcv;
        if rcv.space.ssthresh < rcv.space.limit && !cx.memory.pressure() {
            let free = rcv.free();
            if rcv.space.grow_window(len, u32::from(self.adv_mss), free) {
                rcv.ack_policy.on_window_growth();
            }
        }
    }

    /// The segment is all old: the peer has missed our ACK, and learns from a DSACK what arrived
    /// duplicate (Linux `tcp_send_dupack`).
    pub(crate) fn schedule_dup_ack(&mut self, seg: &Segment<'_>) {
        let end = seg.seq + seg.payload.len() as u32;
        let nxt = self.rcv.nxt;
        if seg.seq.lt(nxt) && !seg.payload.is_empty() {
            let window = self.rcv.advertised_window();
            self.rcv.ack_policy.on_duplicate(window);
            self.report_dsack(seg.seq, if end.gt(nxt) { nxt } else { end });
        }
        self.rcv.pending_acks.immediate = true;
    }

    /// `left..right` arrived duplicate: the next ACK carries a DSACK (RFC 2883).
    pub(crate) fn report_dsack(&mut self, left: SeqNum, right: SeqNum) {
        if self.sack {
            self.rcv.out_of_order.get_or_insert_default().sack.on_duplicate(left, right);
            // Once that is reported, the state for it may be freed.
            self.drain.want();
        }
    }
}
