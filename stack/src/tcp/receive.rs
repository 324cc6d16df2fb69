//! The receive half: what is expected next, the window we offer, what is owed in acknowledgments.
//!
//! Text goes straight to its place in the receive ring and is committed when it is contiguous, so the
//! ring is reassembly buffer and socket buffer in one. `rcv_adv` is the highest right edge ever
//! offered; it never moves back (RFC 9293 §3.8.6.2.1, MUST-34...36 are about the peer that does), and
//! everything below it fits into the ring, because only the reader's progress moves it. How much may
//! be buffered and offered is `rcv_space`'s business.
//!
//! Acknowledgments are owed, not sent: a batch of segments marks what it wants and the next transmit
//! sends one ACK for all. Duplicate ACKs are counted, since the peer counts them too; one that reads SACK
//! blocks needs three to see a loss and after that only the latest blocks, which is how Linux
//! compresses them (`tcp_comp_sack`).

pub(super) mod ack_policy;
pub(super) mod assembler;
pub(super) mod rcv_space;
pub(super) mod sack;
pub(super) mod urgent;

use ring::bytes::Writer;
use wire::tcp::SeqNum;

use crate::tcp::receive::ack_policy::AckPolicy;
use crate::tcp::receive::assembler::{Assembler, Kept, Span};
use crate::tcp::receive::rcv_space::RcvSpace;
use crate::tcp::receive::sack::{Blocks, SackReport};
use crate::tcp::receive::urgent::Urgent;

/// The receive half.
#[derive(Debug)]
pub(crate) struct RecvHalf {
    /// RCV.NXT.
    pub(crate) nxt: SeqNum,
    /// RCV.NXT + RCV.WND, the highest ever offered.
    pub(crate) rcv_adv: SeqNum,
    /// RCV.NXT as last acknowledged.
    pub(crate) last_ack_sent: SeqNum,
    /// Shift of the window we offer (RFC 7323).
    pub(crate) scale: u8,
    /// The reader wants no more: text is acknowledged and thrown away (TCPI-16).
    pub(crate) is_shut_down: bool,
    /// Where the peer's FIN is, once seen.
    pub(crate) fin_seq: Option<SeqNum>,
    /// What is owed to the peer.
    pub(crate) pending_acks: PendingAcks,
    pub(crate) ack_policy: AckPolicy,
    pub(crate) space: RcvSpace,
    /// What came out of order or twice; made when it first does.
    pub(crate) out_of_order: Option<Box<OutOfOrder>>,
    pub(crate) urgent: Urgent,
    /// Bytes of text received in order.
    pub(crate) bytes_received: u64,
    pub(crate) ring: Writer,
}

/// What came out of order or twice, and what of it the peer is told.
#[derive(Debug, Default)]
pub(crate) struct OutOfOrder {
    pub(crate) assembler: Assembler,
    pub(crate) sack: SackReport,
}

/// Acknowledgments owed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PendingAcks {
    /// One ACK, at once.
    pub(crate) immediate: bool,
    /// Duplicate ACKs, one per segment that came out of order.
    pub(crate) dup_acks: u8,
    /// Duplicate ACKs since RCV.NXT last moved.
    dup_ack_counter: u8,
}

impl PendingAcks {
    /// Whether an ACK is to leave at once.
    #[inline]
    pub(crate) fn is_due(self) -> bool {
        self.immediate || self.dup_acks > 0
    }

    /// Something came out of order; `sack` says that the peer reads blocks.
    pub(crate) fn on_out_of_order(&mut self, sack: bool) {
        if sack && self.dup_ack_counter >= DUP_ACK_THRESHOLD {
            self.immediate = true;
            return;
        }
        self.dup_acks = self.dup_acks.saturating_add(1);
        self.dup_ack_counter = self.dup_ack_counter.saturating_add(1);
    }
}

/// What text in order did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AppendedText {
    /// Text out of order waited for it, or still waits.
    pub(crate) gap: bool,
    /// The part of it that had come before.
    pub(crate) twice: Option<(SeqNum, SeqNum)>,
    /// The urgent byte that was announced is here.
    pub(crate) urgent: bool,
}

impl RecvHalf {
    /// A half that has offered `space.ssthresh` bytes in its SYN.
    pub(crate) fn new(scale: u8, mss: u32, space: RcvSpace, ring: Writer) -> Self {
        Self {
            nxt: SeqNum(0),
            rcv_adv: SeqNum(space.ssthresh),
            last_ack_sent: SeqNum(0),
            scale,
            is_shut_down: false,
            fin_seq: None,
            pending_acks: PendingAcks::default(),
            ack_policy: AckPolicy::new(mss),
            space,
            out_of_order: None,
            urgent: Urgent::default(),
            bytes_received: 0,
            ring,
        }
    }

    /// The peer's SYN takes the number before `nxt`; ours offered `window`.
    pub(crate) fn start(&mut self, nxt: SeqNum, window: u32) {
        self.nxt = nxt;
        self.last_ack_sent = nxt;
        self.rcv_adv = nxt + window;
        self.space.ssthresh = window;
    }

    /// The window as the peer knows it.
    #[inline]
    pub(crate) fn rcv_wnd(&self) -> u32 {
        (self.rcv_adv - self.nxt) as u32
    }

    /// The window as last told.
    #[inline]
    pub(crate) fn advertised_window(&self) -> u32 {
        (self.rcv_adv - self.last_ack_sent) as u32
    }

    /// Bytes that may still be buffered.
    #[inline]
    pub(crate) fn free(&self) -> u32 {
        let buffered = if self.is_shut_down { 0 } else { self.ring.buffered() as u32 };
        self.space.limit.saturating_sub(buffered)
    }

    /// The window we would offer now with so much room, if it were up to us alone: silly steps are
    /// avoided (RFC 9293 §3.8.6.2.2, MUST-39; TCPI-11), as Linux chooses it. Less than half the buffer is offered in
    /// steps of the shift, less than a segment or a sixteenth of the buffer not at all.
    fn select_window(&mut self, mut free: u32, pressure: bool) -> u32 {
        let limit = self.space.limit;
        let mss = self.ack_policy.rcv_mss.min(limit);
        let unit = 1u32 << self.scale;
        if free < limit / 2 {
            if pressure {
                self.space.ssthresh = self.space.ssthresh.min(PRESSURE_SEGMENTS * mss);
            }
            free &= !(unit - 1);
            if free < limit / 16 || free < mss {
                return 0;
            }
        }
        free = free.min(self.space.ssthresh);
        if self.scale > 0 {
            return free.next_multiple_of(unit);
        }
        // Whole segments, and no step of less than one.
        let told = self.advertised_window();
        let whole = if told > free || free - told >= mss {
            free - free % mss.max(1)
        } else if mss == limit && free > told + limit / 2 {
            free
        } else {
            told
        };
        whole.min(u16::MAX.into())
    }

    /// Moves the edge, and returns the window field for a segment that leaves now; `pressure` says that
    /// memory is short.
    #[inline]
    pub(crate) fn advertise_window(&mut self, pressure: bool) -> u16 {
        let unit = 1u32 << self.scale;
        let buffered = if self.is_shut_down { 0 } else { self.ring.buffered() as u32 };
        let free = self.space.limit.saturating_sub(buffered);
        if free < self.space.limit / 2 {
            self.ack_policy.exit_quick();
        }
        // A window told in units is told in full, where there is room for the difference.
        let told = self.rcv_wnd().next_multiple_of(unit);
        let told = if told <= free.next_multiple_of(unit) { told } else { self.rcv_wnd() };
        let window = self.select_window(free, pressure).max(told);
        let room = if self.is_shut_down {
            u32::MAX
        } else {
            (self.ring.limit() as u32).saturating_sub(buffered)
        };
        let window = window.min(room & !(unit - 1)).min(u32::from(u16::MAX) << self.scale);
        self.rcv_adv = self.rcv_adv.max(self.nxt + window);
        u16::try_from(self.rcv_wnd() >> self.scale).unwrap_or(u16::MAX)
    }

    /// Whether the reader made room that is worth telling: the window at least doubles and was half
    /// closed or more (as Linux decides; TCPI-12, GAP-21).
    pub(crate) fn wants_window_update(&mut self, pressure: bool) -> bool {
        let now = self.rcv_wnd();
        if now > self.space.limit / 2 {
            return false;
        }
        let fresh = self.select_window(self.free(), pressure);
        fresh > 0 && fresh >= now.saturating_mul(2)
    }

    /// Text that starts at RCV.NXT.
    #[inline]
    pub(crate) fn append(&mut self, text: &[u8]) -> AppendedText {
        let awaited = self.urgent.is_awaited();
        let mut accepted =
            AppendedText { gap: self.has_out_of_order(), twice: None, urgent: false };
        let len = if self.is_shut_down {
            text.len()
        } else {
            self.ring.write_at(0, text);
            let (len, twice) = match &mut self.out_of_order {
                Some(out_of_order) => {
                    out_of_order.assembler.absorb(self.ring.position(), text.len())
                }
                None => (text.len(), None),
            };
            accepted.twice = twice.map(|span| self.seq_range(span));
            self.commit(len)
        };
        accepted.urgent = awaited && !self.urgent.is_awaited();
        self.nxt += len as u32;
        self.bytes_received += len as u64;
        self.pending_acks.dup_ack_counter = 0;
        if let Some(out_of_order) = self.out_of_order.as_mut().filter(|_| accepted.gap) {
            out_of_order.sack.advance(self.nxt);
        }
        accepted
    }

    /// Text beyond RCV.NXT. Says what of it had come before, or nothing if it was not kept.
    pub(crate) fn store_out_of_order(
        &mut self,
        offset: u32,
        text: &[u8],
        limit: usize,
    ) -> Option<Option<(SeqNum, SeqNum)>> {
        if self.is_shut_down {
            return None;
        }
        let out_of_order = self.out_of_order.get_or_insert_default();
        let kept = out_of_order.assembler.insert(&mut self.ring, offset as usize, text, limit)?;
        let Kept { range, twice, pruned } = kept;
        let (left, right) = self.seq_range(range);
        let right = right + u32::from(self.fin_seq == Some(right));
        let pruned = pruned.map(|span| self.seq_range(span));
        let out_of_order = self.out_of_order.get_or_insert_default();
        out_of_order.sack.note(left, right);
        if let Some((left, right)) = pruned {
            out_of_order.sack.forget(left, right);
        }
        Some(twice.map(|span| self.seq_range(span)))
    }

    /// Bytes that wait, in order or not.
    #[inline]
    pub(crate) fn buffered(&self) -> u32 {
        let waiting =
            self.out_of_order.as_ref().map_or(0, |out_of_order| out_of_order.assembler.bytes());
        (self.ring.buffered() as u64 + waiting) as u32
    }

    /// Memory is short: what came out of order has to come again (Linux `tcp_prune_ofo_queue`).
    pub(crate) fn prune(&mut self) {
        self.renege();
        self.ring.rest();
    }

    /// Whether text out of order waits.
    #[inline]
    pub(crate) fn has_out_of_order(&self) -> bool {
        self.out_of_order.as_ref().is_some_and(|out_of_order| !out_of_order.assembler.is_empty())
    }

    /// One past the last byte that waits, as a stream position.
    pub(crate) fn out_of_order_end(&self) -> Option<u64> {
        self.out_of_order.as_ref()?.assembler.end()
    }

    /// Everything that waits must come again.
    pub(crate) fn renege(&mut self) {
        self.out_of_order = None;
    }

    /// What is not needed any more is given back, the ring's memory too, unless text out of order lies in
    /// it.
    pub(crate) fn free_unused(&mut self) {
        let idle = |d: &OutOfOrder| d.assembler.is_empty() && d.sack.is_empty();
        if self.out_of_order.as_ref().is_some_and(|out_of_order| idle(out_of_order)) {
            self.out_of_order = None;
        }
        if !self.has_out_of_order() {
            self.ring.trim();
        }
    }

    /// The sequence numbers of stream positions beyond the contiguous text.
    fn seq_range(&self, span: Span) -> (SeqNum, SeqNum) {
        let number = |position: u64| self.nxt + (position - self.ring.position()) as u32;
        (number(span.0), number(span.1))
    }

    /// Whether an ACK has more to say than RCV.NXT.
    #[inline]
    pub(crate) fn has_sack_blocks(&self) -> bool {
        self.out_of_order.as_ref().is_some_and(|out_of_order| !out_of_order.sack.is_empty())
    }

    /// What came out of order or twice, for the peer.
    pub(crate) fn sack_blocks(&self) -> Blocks {
        self.out_of_order
            .as_ref()
            .map(|out_of_order| out_of_order.sack.blocks())
            .unwrap_or_default()
    }

    /// Notes a FIN at `seq`, unless text beyond it was received already. If something before it is missing
    /// the peer is told of it as of text, as Linux does: it need not come again.
    pub(crate) fn note_fin(&mut self, seq: SeqNum) {
        let last = self.out_of_order_end().map_or(0, |end| end - self.ring.position());
        if self.fin_seq.is_some() || ((seq - self.nxt) as u32) < last as u32 {
            return;
        }
        self.fin_seq = Some(seq);
        if seq != self.nxt && !self.is_shut_down {
            self.out_of_order.get_or_insert_default().sack.note_next(seq, seq + 1);
        }
    }

    /// Takes the FIN if everything before it is here.
    #[inline]
    pub(crate) fn take_fin(&mut self) -> bool {
        if self.fin_seq != Some(self.nxt) {
            return false;
        }
        self.nxt += 1;
        self.rcv_adv = self.rcv_adv.max(self.nxt);
        if let Some(out_of_order) = &mut self.out_of_order {
            out_of_order.sack.advance(self.nxt);
        }
        self.pending_acks.immediate = true;
        self.ring.finish();
        true
    }

    /// A segment left that acknowledged everything so far, with what there was to report.
    #[inline]
    pub(crate) fn on_ack_sent(&mut self) {
        self.last_ack_sent = self.nxt;
        self.pending_acks.immediate =
            self.out_of_order.as_mut().is_some_and(|out_of_order| out_of_order.sack.told());
        self.pending_acks.dup_acks = self.pending_acks.dup_acks.saturating_sub(1);
        self.ack_policy.on_ack_sent();
    }

    /// Throws away what has not been read and takes no more.
    pub(crate) fn shut_down(&mut self) {
        self.is_shut_down = true;
        self.ring.finish();
        self.out_of_order = None;
        self.ring.rest();
    }
}

/// Duplicate ACKs that show a loss (Linux `TCP_FASTRETRANS_THRESH`).
const DUP_ACK_THRESHOLD: u8 = 3;
/// Segments offered at most while memory is short and the buffer more than half full, as Linux has it.
const PRESSURE_SEGMENTS: u32 = 4;
