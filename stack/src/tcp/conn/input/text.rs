//! What a segment's text does beyond being taken: what it says of duplicates, of the peer's segments, of the
//! round trip, and what waits for a gap to close (RFC 9293 §3.10.7.4, seventh; TCPI-06, TCPI-07).

use wire::tcp::SeqNum;

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::tcp::conn::Conn;
use crate::tcp::receive::ack_policy::Arrival;
use crate::tcp::segment::Segment;

impl Conn {
    /// Text beyond RCV.NXT: kept if it fits, and answered with a duplicate ACK either way (RFC 5681
    /// §4.2).
    pub(crate) fn queue_out_of_order(
        &mut self,
        cx: &mut Cx<'_>,
        text: &[u8],
        offset: u32,
    ) -> Result<(), DropReason> {
        self.rcv.pending_acks.on_out_of_order(self.sack);
        self.rcv.ack_policy.on_out_of_order();
        self.schedule_receive_memory(cx, false)?;
        let Some(twice) =
            self.rcv.store_out_of_order(offset, text, cx.limits.tcp_out_of_order_ranges)
        else {
            return Err(DropReason::TcpOutOfOrderFull);
        };
        if let Some((left, right)) = twice {
            self.report_dsack(left, right);
        }
        self.recount(cx);
        if self.sack {
            // Else the sender would not see a duplicate: that has the window of the ACK before.
            self.grow_window_after(cx, text.len() as u32);
        }
        Ok(())
    }

    /// What text in order says of the peer and of the path.
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

    /// Text came, so that more may be offered.
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

    /// The segment is all old: the peer has missed our ACK, and is told what came twice.
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

    /// `left..right` came although it was here (RFC 2883).
    pub(crate) fn report_dsack(&mut self, left: SeqNum, right: SeqNum) {
        if self.sack {
            self.rcv.out_of_order.get_or_insert_default().sack.duplicate(left, right);
            // Once that is told, it may be looked at for the last time.
            self.drain.want();
        }
    }
}
