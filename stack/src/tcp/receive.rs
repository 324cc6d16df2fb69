//! The receive half: what is expected next, which window is offered, which acknowledgments are due.
//!
//! Text goes straight to its place in the receive ring and is committed when it is contiguous, so
//! the ring is reassembly buffer and socket buffer in one. `rcv_adv` is the highest right edge ever
//! offered. It never moves back (RFC 9293 §3.8.6.2.1, MUST-34 to 36, are about a peer that shrinks
//! its window), and everything below it fits into the ring, because only the reader's progress
//! moves it. `rcv_space` decides how much may be buffered and offered.
//!
//! Acknowledgments are due, not sent: a batch of segments notes what it wants, and the next
//! transmit sends one ACK for all. Duplicate ACKs are counted, since the peer counts them too. A
//! peer that reads SACK blocks needs three to see a loss and after that only the latest blocks,
//! which is how Linux compresses them (`tcp_comp_sack_nr`).

pub(super) mod ack_policy;
pub(super) mod assembler;
pub(super) mod rcv_space;
pub(super) mod sack;
pub(super) mod urgent;

use ring::bytes::Writer;
use wire::tcp::SeqNum;

use crate::drop::DropReason;
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
    /// BSD `rcv_adv`: RCV.NXT + RCV.WND, the highest right edge ever offered.
    pub(crate) rcv_adv: SeqNum,
    /// RFC 7323 `Last.ACK.sent`: RCV.NXT as last acknowledged.
    pub(crate) last_ack_sent: SeqNum,
    /// RFC 7323 `Rcv.Wind.Shift`: the shift of the window that we offer.
    pub(crate) scale: u8,
    /// The reader has shut the socket down for reading: text is acknowledged and discarded, as in
    /// Linux.
    pub(crate) is_shut_down: bool,
    /// The sequence number of the peer's FIN, once it was seen.
    pub(crate) fin_seq: Option<SeqNum>,
    /// The acknowledgments that are due.
    pub(crate) pending_acks: PendingAcks,
    pub(crate) ack_policy: AckPolicy,
    pub(crate) space: RcvSpace,
    /// What arrived out of order or twice; allocated when that first happens.
    pub(crate) out_of_order: Option<Box<OutOfOrder>>,
    pub(crate) urgent: Urgent,
    /// Bytes of text that were received in order.
    pub(crate) bytes_received: u64,
    pub(crate) ring: Writer,
}

/// Text that arrived out of order or twice, and what of it is reported to the peer.
#[derive(Debug, Default)]
pub(crate) struct OutOfOrder {
    pub(crate) assembler: Assembler,
    pub(crate) sack: SackReport,
}

/// Acknowledgments that are due.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PendingAcks {
    /// One ACK is to be sent at once.
    pub(crate) immediate: bool,
    /// Duplicate ACKs to be sent, one for each segment that arrived out of order.
    pub(crate) dup_acks: u8,
    /// Linux `dup_ack_counter`: duplicate ACKs since RCV.NXT last advanced.
    dup_ack_counter: u8,
}

impl PendingAcks {
    /// Whether an ACK is to be sent at once.
    #[inline]
    pub(crate) fn is_due(self) -> bool {
        self.immediate || self.dup_acks > 0
    }

    /// A segment arrived out of order; `sack` says that the peer reads SACK blocks.
    pub(crate) fn on_out_of_order(&mut self, sack: bool) {
        if sack && self.dup_ack_counter >= DUP_ACK_THRESHOLD {
            self.immediate = true;
            return;
        }
        self.dup_acks = self.dup_acks.saturating_add(1);
        self.dup_ack_counter = self.dup_ack_counter.saturating_add(1);
    }
}

/// What appending text to the stream led to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AppendedText {
    /// Text out of order was or is stored behind it.
    pub(crate) gap: bool,
    /// The part of it that had arrived before.
    pub(crate) duplicate: Option<(SeqNum, SeqNum)>,
    /// The urgent byte that was announced has arrived.
    pub(crate) urgent: bool,
}

impl RecvHalf {
    /// A receive half that has offered `space.ssthresh` bytes in its SYN.
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

    /// The peer's SYN has the number before `nxt`; our SYN offered `window` bytes.
    pub(crate) fn start(&mut self, nxt: SeqNum, window: u32) {
        self.nxt = nxt;
        self.last_ack_sent = nxt;
        self.rcv_adv = nxt + window;
        self.space.ssthresh = window;
    }

    /// RCV.WND, the window as the peer knows it.
    #[inline]
    pub(crate) fn rcv_wnd(&self) -> u32 {
        (self.rcv_adv - self.nxt) as u32
    }

    /// The window that the last ACK advertised.
    #[inline]
    pub(crate) fn advertised_window(&self) -> u32 {
        (self.rcv_adv - self.last_ack_sent) as u32
    }

    /// How many more bytes may be buffered.
    #[inline]
    pub(crate) fn free(&self) -> u32 {
        let buffered = if self.is_shut_down { 0 } else { self.ring.buffered() as u32 };
        self.space.limit.saturating_sub(buffered)
    }

    /// The window to offer if `free` bytes may be buffered (Linux `__tcp_select_window`). It avoids
    /// the silly window syndrome (RFC 9293 §3.8.6.2.2, MUST-39): if less than half the buffer is
    /// free the window is offered in steps of the shift, and less than a segment or a sixteenth of
    /// the buffer is not offered at all.
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
        // Without scaling, the window is a number of whole segments and moves by one at least.
        let advertised = self.advertised_window();
        let whole = if advertised > free || free - advertised >= mss {
            free - free % mss.max(1)
        } else if mss == limit && free > advertised + limit / 2 {
            free
        } else {
            advertised
        };
        whole.min(u16::MAX.into())
    }

    /// Advances `rcv_adv`, and returns the window field of a segment that leaves now. `pressure`
    /// says that memory is short.
    #[inline]
    pub(crate) fn advertise_window(&mut self, pressure: bool) -> u16 {
        let unit = 1u32 << self.scale;
        let buffered = if self.is_shut_down { 0 } else { self.ring.buffered() as u32 };
        let free = self.space.limit.saturating_sub(buffered);
        if free < self.space.limit / 2 {
            self.ack_policy.exit_quick();
        }
        // A window that was advertised in units of the shift is advertised in full, if there is
        // room for the difference.
        let promised = self.rcv_wnd().next_multiple_of(unit);
        let fits = promised <= free.next_multiple_of(unit);
        let promised = if fits { promised } else { self.rcv_wnd() };
        let window = self.select_window(free, pressure).max(promised);
        let room = if self.is_shut_down {
            u32::MAX
        } else {
            (self.ring.limit() as u32).saturating_sub(buffered)
        };
        let window = window.min(room & !(unit - 1)).min(u32::from(u16::MAX) << self.scale);
        self.rcv_adv = self.rcv_adv.max(self.nxt + window);
        u16::try_from(self.rcv_wnd() >> self.scale).unwrap_or(u16::MAX)
    }

    /// Whether the reader made room that is worth a window update: the window at least doubles and
    /// was no more than half open (Linux `tcp_cleanup_rbuf`).
    pub(crate) fn wants_window_update(&mut self, pressure: bool) -> bool {
        let now = self.rcv_wnd();
        if now > self.space.limit / 2 {
            return false;
        }
        let fresh = self.select_window(self.free(), pressure);
        fresh > 0 && fresh >= now.saturating_mul(2)
    }

    /// Appends text that starts at RCV.NXT.
    #[inline]
    pub(crate) fn append(&mut self, text: &[u8]) -> AppendedText {
        let awaited = self.urgent.is_awaited();
        let mut appended =
            AppendedText { gap: self.has_out_of_order(), duplicate: None, urgent: false };
        let len = if self.is_shut_down {
            text.len()
        } else {
            self.ring.write_at(0, text);
            let (len, duplicate) = match &mut self.out_of_order {
                Some(out_of_order) => {
                    out_of_order.assembler.absorb(self.ring.position(), text.len())
                }
                None => (text.len(), None),
            };
            appended.duplicate = duplicate.map(|span| self.seq_range(span));
            self.commit(len)
        };
        appended.urgent = awaited && !self.urgent.is_awaited();
        self.nxt += len as u32;
        self.bytes_received += len as u64;
        self.pending_acks.dup_ack_counter = 0;
        if let Some(out_of_order) = self.out_of_order.as_mut().filter(|_| appended.gap) {
            out_of_order.sack.advance(self.nxt);
        }
        appended
    }

    /// Stores text that starts `offset` bytes beyond RCV.NXT, in at most `limit` separate ranges.
    /// Returns the part of it that had arrived before.
    ///
    /// # Errors
    ///
    /// [`DropReason::TcpOutOfOrderFull`] if the text was not stored.
    pub(crate) fn store_out_of_order(
        &mut self,
        offset: u32,
        text: &[u8],
        limit: usize,
    ) -> Result<Option<(SeqNum, SeqNum)>, DropReason> {
        if self.is_shut_down {
            return Err(DropReason::TcpOutOfOrderFull);
        }
        let out_of_order = self.out_of_order.get_or_insert_default();
        let kept = out_of_order.assembler.insert(&mut self.ring, offset as usize, text, limit);
        let kept = kept.ok_or(DropReason::TcpOutOfOrderFull)?;
        let Kept { range, duplicate, pruned } = kept;
        let (left, right) = self.seq_range(range);
        let right = right + u32::from(self.fin_seq == Some(right));
        let pruned = pruned.map(|span| self.seq_range(span));
        let out_of_order = self.out_of_order.get_or_insert_default();
        out_of_order.sack.on_out_of_order(left, right);
        if let Some((left, right)) = pruned {
            out_of_order.sack.forget(left, right);
        }
        Ok(duplicate.map(|span| self.seq_range(span)))
    }

    /// Bytes of memory that it holds (Linux `sk_rmem_alloc`): that of the ring, and the list of
    /// what arrived out of order.
    #[inline]
    pub(crate) fn memory(&self) -> u32 {
        let list =
            self.out_of_order.as_ref().map_or(0, |out_of_order| out_of_order.assembler.memory());
        (self.ring.memory() + list) as u32
    }

    /// Memory is short: discards what arrived out of order, so that the peer must retransmit it
    /// (Linux `tcp_prune_ofo_queue`).
    pub(crate) fn prune(&mut self) {
        self.renege();
        self.ring.forget_placed();
    }

    /// Whether text is stored out of order.
    #[inline]
    pub(crate) fn has_out_of_order(&self) -> bool {
        self.out_of_order.as_ref().is_some_and(|out_of_order| !out_of_order.assembler.is_empty())
    }

    /// One past the last byte that is stored out of order, as a stream position.
    pub(crate) fn out_of_order_end(&self) -> Option<u64> {
        self.out_of_order.as_ref()?.assembler.end()
    }

    /// Discards what is stored out of order, although it may have been sacked (RFC 2018 §8).
    pub(crate) fn renege(&mut self) {
        self.out_of_order = None;
    }

    /// Frees what is not needed any more, the memory of the ring included unless text out of order
    /// lies in it.
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

    /// Whether an ACK has SACK blocks to report.
    #[inline]
    pub(crate) fn has_sack_blocks(&self) -> bool {
        self.out_of_order.as_ref().is_some_and(|out_of_order| !out_of_order.sack.is_empty())
    }

    /// The SACK blocks of an ACK that leaves now.
    pub(crate) fn sack_blocks(&self) -> Blocks {
        self.out_of_order
            .as_ref()
            .map(|out_of_order| out_of_order.sack.blocks())
            .unwrap_or_default()
    }

    /// Notes a FIN at `seq`, unless text beyond it was received already. If something before it is
    /// missing, the FIN is reported in a SACK block like text, as Linux does, so that it need not
    /// be retransmitted.
    pub(crate) fn note_fin(&mut self, seq: SeqNum) {
        let last = self.out_of_order_end().map_or(0, |end| end - self.ring.position());
        if self.fin_seq.is_some() || ((seq - self.nxt) as u32) < last as u32 {
            return;
        }
        self.fin_seq = Some(seq);
        if seq != self.nxt && !self.is_shut_down {
            self.out_of_order.get_or_insert_default().sack.on_early_fin(seq, seq + 1);
        }
    }

    /// Takes the FIN if everything before it has arrived.
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

    /// A segment left that acknowledged everything so far and reported what there was to report.
    #[inline]
    pub(crate) fn on_ack_sent(&mut self) {
        self.last_ack_sent = self.nxt;
        self.pending_acks.immediate =
            self.out_of_order.as_mut().is_some_and(|out_of_order| out_of_order.sack.on_reported());
        self.pending_acks.dup_acks = self.pending_acks.dup_acks.saturating_sub(1);
        self.ack_policy.on_ack_sent();
    }

    /// The socket is shut down for reading: discards what has not been read and accepts no more.
    pub(crate) fn shut_down(&mut self) {
        self.is_shut_down = true;
        self.ring.finish();
        self.out_of_order = None;
        self.ring.rest();
    }
}

/// Linux `TCP_FASTRETRANS_THRESH`: duplicate ACKs that show a loss.
const DUP_ACK_THRESHOLD: u8 = 3;
/// Segments offered at most while memory is short and the buffer more than half full (Linux).
const PRESSURE_SEGMENTS: u32 = 4;
