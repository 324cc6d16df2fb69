//! The fifth step of segment arrival: the ACK field (RFC 9293 §3.10.7.4, RFC 5961 §5).
//!
//! An ACK may release data from the send ring, give a sample of the round trip, open the congestion
//! window, repair a loss, acknowledge our FIN, and change the peer's window. Each is one function
//! here or in the part that it concerns.

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::tcp::conn::{Conn, End};
use crate::tcp::recovery::{AckSummary, Delivered, Dsack};
use crate::tcp::segment::Segment;
use crate::tcp::state::{OurFin, State};
use crate::time::{Duration, Instant};
use wire::tcp::SeqNum;
use wire::tcp_options::SackBlock;

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
        if seg.ack.gt(nxt) || seg.ack.lt(una) && self.is_too_old(seg.ack) {
            self.challenge(cx);
            return Err(DropReason::TcpBadAck);
        }
        self.last_received_at = cx.now;
        self.soft_error = None;
        self.probes_out = 0;
        let says_more = self.sack && !seg.sack.is_empty();
        if seg.ack.lt(una) && !says_more {
            // A later ACK overtook this one, but its text may still be new.
            return Ok(());
        }
        let window = u32::from(seg.window) << self.snd.scale;
        let duplicate = self.is_duplicate(seg, window);
        let changed = seg.ack.ge(una) && self.snd.update_window(seg.seq, seg.ack, window);
        self.process_delivery(cx, seg, duplicate);
        if self.snd.wnd == 0 {
            // The peer answers and only has no room, so it is not silent. For an orphan it counts
            // as silent, because nobody waits for its data (as in Linux).
            if !self.orphan {
                self.consecutive_rtos = 0;
            }
        } else if changed {
            self.probe_backoff = 0;
            if self.snd.outstanding() == 0 {
                self.note_progress();
            }
        }
        // A duplicate ACK cannot open the window, so there is nothing to send: a connection that
        // only receives need not look for output.
        if changed || duplicate || says_more || seg.ack != una {
            self.output_wanted |= self.has_output();
        }
        Ok(())
    }

    /// RFC 5961 §5.2: an ACK older than one window is not acceptable. Nor is one of numbers that
    /// were never acknowledged because they were never sent (Linux `bytes_acked`): a peer that
    /// offers a large window would else let an outsider guess half of it before the first byte.
    #[cold]
    fn is_too_old(&self, ack: SeqNum) -> bool {
        let fin = u64::from(self.fins.ours == OurFin::Acked);
        let acked = self.snd.ring.position() + fin;
        let most = acked.min(self.snd.max_wnd.min(MAX_WINDOW).into());
        (self.snd.una - ack).unsigned_abs() > most as u32
    }

    /// RFC 5681 §2: a duplicate ACK acknowledges nothing new, carries no data and leaves the window
    /// as it was while something is outstanding. While F-RTO decides by duplicate ACKs, the window
    /// may differ: some peers open it with text that is out of order.
    #[inline]
    fn is_duplicate(&self, seg: &Segment<'_>, window: u32) -> bool {
        seg.ack == self.snd.una
            && self.snd.una != self.snd.nxt
            && seg.len() == 0
            && (window == self.snd.wnd || !self.sack && self.recovery.is_frto_undecided())
    }

    /// Takes in what the peer acknowledges and sacks: the queue of sent data first, then the round
    /// trip, the timers and recovery.
    #[inline]
    fn process_delivery(&mut self, cx: &mut Cx<'_>, seg: &Segment<'_>, is_dupack: bool) {
        let una = self.snd.una;
        let newly_acked = (seg.ack - una).max(0) as u32;
        let blocks = self.sack && !seg.sack.is_empty();
        // Without recovery state nothing is outstanding, nor was lately.
        if newly_acked == 0 && !is_dupack && !blocks || !self.recovery.is_active() {
            return;
        }
        let mut delivered = self.recovery.begin_delivery(cx.now, self.rtt.min_rtt());
        let dsack = if blocks { self.process_sack_blocks(seg, &mut delivered) } else { None };
        if newly_acked > 0 {
            self.recovery.sent_queue.on_ack(seg.ack, &mut delivered);
            self.on_una_advanced(cx, seg.ack);
        }
        let ts_ecr = seg.timestamps.filter(|_| self.timestamps.enabled).map(|stamps| stamps.echo);
        let rtt = self.update_rtt(cx, &delivered, newly_acked, ts_ecr);
        if newly_acked > 0 && !self.keeps_rto(newly_acked) {
            self.restart_retransmit_timer(cx);
        }
        let ack = AckSummary { newly_acked, is_dupack, dsack, ts_ecr, rtt };
        self.process_recovery(cx, &delivered, &ack);
    }

    /// SACK blocks (RFC 2018 §5). A first block below the ACK field, or within the second block, is
    /// a DSACK (RFC 2883 §4), which is returned.
    fn process_sack_blocks(
        &mut self,
        seg: &Segment<'_>,
        delivered: &mut Delivered,
    ) -> Option<Dsack> {
        let (una, nxt) = (self.snd.una, self.snd.nxt);
        let mut dsack = None;
        let mut blocks = [SackBlock::default(); 4];
        let mut count = 0;
        let second = seg.sack.iter().nth(1);
        for (at, block) in seg.sack.iter().enumerate() {
            let SackBlock { left, right } = block;
            if left.ge(right) || right.gt(nxt) {
                continue;
            }
            let within = second.is_some_and(|s| s.left.le(left) && right.le(s.right));
            if at == 0 && (left.lt(seg.ack) || within) {
                let len = (right - left) as u32;
                // Older than anything that could have been sent dsack lately is not believed.
                dsack = (len <= self.snd.max_wnd.max(self.snd.mss)).then_some(Dsack { len, right });
                continue;
            }
            if left.ge(una)
                && left.ge(seg.ack)
                && let Some(place) = blocks.get_mut(count)
            {
                *place = block;
                count += 1;
            }
        }
        // The blocks are sorted, so that their order of recency does not look like reordering.
        blocks[..count].sort_unstable_by_key(|block| (block.left - una) as u32);
        for block in &blocks[..count] {
            self.recovery.sent_queue.on_sack(*block, delivered);
        }
        dsack
    }

    /// Takes a sample of the round trip: from the send time of data that was never retransmitted
    /// and is delivered now, else from the echoed timestamp (RFC 7323 §4.1). Returns the round trip
    /// of the last such segment, for congestion control.
    #[inline]
    fn update_rtt(
        &mut self,
        cx: &mut Cx<'_>,
        delivered: &Delivered,
        newly_acked: u32,
        ts_ecr: Option<u32>,
    ) -> Option<Duration> {
        let first = if delivered.retrans_data_acked { None } else { delivered.first_ackt };
        if let Some(sent) = first.or(delivered.first_sackt) {
            self.rtt.sample(cx.now.since(sent), cx.now);
        } else if let Some(ts_ecr) = ts_ecr.filter(|&ts_ecr| newly_acked > 0 && ts_ecr != 0) {
            let ticks = self.timestamps.clock(cx.now).wrapping_sub(ts_ecr);
            if ticks < STAMP_AGE_MAX {
                self.rtt.sample(Duration::from_millis(u64::from(ticks.max(1))), cx.now);
            }
        }
        let last = if delivered.retrans_data_acked { None } else { delivered.last_ackt };
        last.or(delivered.first_sackt).map(|sent| cx.now.since(sent))
    }

    /// SND.UNA advances to `ack`: data leaves the send ring, and our FIN may be acknowledged.
    #[inline]
    fn on_una_advanced(&mut self, cx: &mut Cx<'_>, ack: SeqNum) {
        let acked = (ack - self.snd.una) as u32;
        let fin = self.fins.ours == OurFin::Sent && ack == self.snd.nxt;
        let data = acked - u32::from(fin);
        self.snd.una = ack;
        self.note_send_buffer_full();
        self.snd.ring.release(data as usize);
        if self.snd.ring.is_empty() {
            self.drain.want();
        }
        self.snd.up = self.snd.up.max(ack);
        self.note_progress();
        self.consecutive_rtos = 0;
        self.confirm_neighbor(cx);
        if data > 0 {
            self.discharge(cx);
            self.check_send_space(cx);
        }
        if fin {
            self.on_fin_acked();
        }
    }

    /// Whether the retransmission timer keeps running although SND.UNA moved by `newly_acked`
    /// bytes.
    #[inline]
    fn keeps_rto(&mut self, newly_acked: u32) -> bool {
        let (snd, ssthresh) = (self.snd_vars(), self.congestion.ssthresh());
        self.recovery.keeps_rto(&snd, newly_acked, ssthresh)
    }

    /// RFC 6298 §5.2 and §5.3. A peer that reneged is detected soon (Linux
    /// `tcp_check_sack_reneging`).
    #[inline]
    fn restart_retransmit_timer(&mut self, cx: &Cx<'_>) {
        self.timers.retransmit = if self.snd.una == self.snd.nxt {
            Instant::FAR
        } else if self.recovery.sent_queue.is_reneged() {
            cx.now + self.rtt.srtt().unwrap_or_default().max(RENEGE_WAIT)
        } else {
            cx.now + self.rtt.rto()
        };
    }

    /// Our FIN is acknowledged.
    pub(crate) fn on_fin_acked(&mut self) {
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
/// RFC 7323 §4.1: an echo older than this, milliseconds, gives no sample of the round trip.
const STAMP_AGE_MAX: u32 = 1 << 22;
/// Linux `tcp_check_sack_reneging`.
const RENEGE_WAIT: Duration = Duration::from_millis(10);
