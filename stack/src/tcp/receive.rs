//! The receive half: what is expected next, the window we offer, what is owed in acknowledgments.
//!
//! Text goes straight to its place in the receive ring and is committed when it is contiguous, so the
//! ring is reassembly buffer and socket buffer in one. `edge` is the highest right edge ever
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
    pub(crate) edge: SeqNum,
    /// RCV.NXT as last acknowledged.
    pub(crate) acked: SeqNum,
    /// Shift of the window we offer (RFC 7323).
    pub(crate) scale: u8,
    /// The reader wants no more: text is acknowledged and thrown away (TCPI-16).
    pub(crate) shut: bool,
    /// Where the peer's FIN is, once seen.
    pub(crate) fin: Option<SeqNum>,
    /// What is owed to the peer.
    pub(crate) owed: Owed,
    pub(crate) acks: AckPolicy,
    pub(crate) space: RcvSpace,
    /// What came out of order or twice; made when it first does.
    pub(crate) disorder: Option<Box<Disorder>>,
    pub(crate) urgent: Urgent,
    /// Bytes of text received in order.
    pub(crate) bytes: u64,
    pub(crate) ring: Writer,
}

/// What came out of order or twice, and what of it the peer is told.
#[derive(Debug, Default)]
pub(crate) struct Disorder {
    pub(crate) assembler: Assembler,
    pub(crate) sack: SackReport,
}

/// Acknowledgments owed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Owed {
    /// One ACK, at once.
    pub(crate) now: bool,
    /// Duplicate ACKs, one per segment that came out of order.
    pub(crate) duplicates: u8,
    /// Duplicate ACKs since RCV.NXT last moved.
    repeats: u8,
}

impl Owed {
    /// Whether an ACK is to leave at once.
    #[inline]
    pub(crate) fn any(self) -> bool {
        self.now || self.duplicates > 0
    }

    /// Something came out of order; `sack` says that the peer reads blocks.
    pub(crate) fn duplicate(&mut self, sack: bool) {
        if sack && self.repeats >= REPEATS {
            self.now = true;
            return;
        }
        self.duplicates = self.duplicates.saturating_add(1);
        self.repeats = self.repeats.saturating_add(1);
    }
}

/// What text in order did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
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
            edge: SeqNum(space.ssthresh),
            acked: SeqNum(0),
            scale,
            shut: false,
            fin: None,
            owed: Owed::default(),
            acks: AckPolicy::new(mss),
            space,
            disorder: None,
            urgent: Urgent::default(),
            bytes: 0,
            ring,
        }
    }

    /// The peer's SYN takes the number before `nxt`; ours offered `window`.
    pub(crate) fn start(&mut self, nxt: SeqNum, window: u32) {
        self.nxt = nxt;
        self.acked = nxt;
        self.edge = nxt + window;
        self.space.ssthresh = window;
    }

    /// The window as the peer knows it.
    #[inline]
    pub(crate) fn window(&self) -> u32 {
        (self.edge - self.nxt) as u32
    }

    /// The window as last told.
    #[inline]
    pub(crate) fn offered(&self) -> u32 {
        (self.edge - self.acked) as u32
    }

    /// Bytes that may still be buffered.
    #[inline]
    pub(crate) fn free(&self) -> u32 {
        let buffered = if self.shut { 0 } else { self.ring.buffered() as u32 };
        self.space.limit.saturating_sub(buffered)
    }

    /// The window we would offer now with so much room, if it were up to us alone: silly steps are
    /// avoided (RFC 9293 §3.8.6.2.2, MUST-39; TCPI-11), as Linux chooses it. Less than half the buffer is offered in
    /// steps of the shift, less than a segment or a sixteenth of the buffer not at all.
    fn fresh_window(&mut self, mut free: u32, pressure: bool) -> u32 {
        let limit = self.space.limit;
        let mss = self.acks.segment.min(limit);
        let unit = 1u32 << self.scale;
        if free < limit / 2 {
            if pressure {
                self.space.ssthresh = self.space.ssthresh.min(PRESSED * mss);
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
        let told = self.offered();
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
    pub(crate) fn offer(&mut self, pressure: bool) -> u16 {
        let unit = 1u32 << self.scale;
        let buffered = if self.shut { 0 } else { self.ring.buffered() as u32 };
        let free = self.space.limit.saturating_sub(buffered);
        if free < self.space.limit / 2 {
            self.acks.on_pressure();
        }
        // A window told in units is told in full, where there is room for the difference.
        let told = self.window().next_multiple_of(unit);
        let told = if told <= free.next_multiple_of(unit) { told } else { self.window() };
        let window = self.fresh_window(free, pressure).max(told);
        let room =
            if self.shut { u32::MAX } else { (self.ring.limit() as u32).saturating_sub(buffered) };
        let window = window.min(room & !(unit - 1)).min(u32::from(u16::MAX) << self.scale);
        self.edge = self.edge.max(self.nxt + window);
        u16::try_from(self.window() >> self.scale).unwrap_or(u16::MAX)
    }

    /// Whether the reader made room that is worth telling: the window at least doubles and was half
    /// closed or more (as Linux decides; TCPI-12, GAP-21).
    pub(crate) fn wants_update(&mut self, pressure: bool) -> bool {
        let now = self.window();
        if now > self.space.limit / 2 {
            return false;
        }
        let fresh = self.fresh_window(self.free(), pressure);
        fresh > 0 && fresh >= now.saturating_mul(2)
    }

    /// Text that starts at RCV.NXT.
    #[inline]
    pub(crate) fn accept(&mut self, text: &[u8]) -> Accepted {
        let awaited = self.urgent.is_awaited();
        let mut accepted = Accepted { gap: self.waits(), twice: None, urgent: false };
        let len = if self.shut {
            text.len()
        } else {
            self.ring.write_at(0, text);
            let (len, twice) = match &mut self.disorder {
                Some(disorder) => disorder.assembler.absorb(self.ring.position(), text.len()),
                None => (text.len(), None),
            };
            accepted.twice = twice.map(|span| self.numbers(span));
            self.commit(len)
        };
        accepted.urgent = awaited && !self.urgent.is_awaited();
        self.nxt += len as u32;
        self.bytes += len as u64;
        self.owed.repeats = 0;
        if let Some(disorder) = self.disorder.as_mut().filter(|_| accepted.gap) {
            disorder.sack.advance(self.nxt);
        }
        accepted
    }

    /// Text beyond RCV.NXT. Says what of it had come before, or nothing if it was not kept.
    pub(crate) fn keep(
        &mut self,
        offset: u32,
        text: &[u8],
        limit: usize,
    ) -> Option<Option<(SeqNum, SeqNum)>> {
        if self.shut {
            return None;
        }
        let disorder = self.disorder.get_or_insert_default();
        let kept = disorder.assembler.insert(&mut self.ring, offset as usize, text, limit)?;
        let Kept { range, twice, pruned } = kept;
        let (left, right) = self.numbers(range);
        let right = right + u32::from(self.fin == Some(right));
        let pruned = pruned.map(|span| self.numbers(span));
        let disorder = self.disorder.get_or_insert_default();
        disorder.sack.note(left, right);
        if let Some((left, right)) = pruned {
            disorder.sack.forget(left, right);
        }
        Some(twice.map(|span| self.numbers(span)))
    }

    /// Bytes that wait, in order or not.
    #[inline]
    pub(crate) fn buffered(&self) -> u32 {
        let waiting = self.disorder.as_ref().map_or(0, |disorder| disorder.assembler.bytes());
        (self.ring.buffered() as u64 + waiting) as u32
    }

    /// Memory is short: what came out of order has to come again (Linux `tcp_prune_ofo_queue`).
    pub(crate) fn prune(&mut self) {
        self.renege();
        self.ring.rest();
    }

    /// Whether text out of order waits.
    #[inline]
    pub(crate) fn waits(&self) -> bool {
        self.disorder.as_ref().is_some_and(|disorder| !disorder.assembler.is_empty())
    }

    /// One past the last byte that waits, as a stream position.
    pub(crate) fn waiting_end(&self) -> Option<u64> {
        self.disorder.as_ref()?.assembler.end()
    }

    /// Everything that waits must come again.
    pub(crate) fn renege(&mut self) {
        self.disorder = None;
    }

    /// What is not needed any more is given back, the ring's memory too, unless text out of order lies in
    /// it.
    pub(crate) fn tidy(&mut self) {
        let idle = |d: &Disorder| d.assembler.is_empty() && d.sack.is_empty();
        if self.disorder.as_ref().is_some_and(|disorder| idle(disorder)) {
            self.disorder = None;
        }
        if !self.waits() {
            self.ring.trim();
        }
    }

    /// The sequence numbers of stream positions beyond the contiguous text.
    fn numbers(&self, span: Span) -> (SeqNum, SeqNum) {
        let number = |position: u64| self.nxt + (position - self.ring.position()) as u32;
        (number(span.0), number(span.1))
    }

    /// Whether an ACK has more to say than RCV.NXT.
    #[inline]
    pub(crate) fn has_sack_blocks(&self) -> bool {
        self.disorder.as_ref().is_some_and(|disorder| !disorder.sack.is_empty())
    }

    /// What came out of order or twice, for the peer.
    pub(crate) fn sack_blocks(&self) -> Blocks {
        self.disorder.as_ref().map(|disorder| disorder.sack.blocks()).unwrap_or_default()
    }

    /// Notes a FIN at `seq`, unless text beyond it was received already. If something before it is missing
    /// the peer is told of it as of text, as Linux does: it need not come again.
    pub(crate) fn note_fin(&mut self, seq: SeqNum) {
        let last = self.waiting_end().map_or(0, |end| end - self.ring.position());
        if self.fin.is_some() || ((seq - self.nxt) as u32) < last as u32 {
            return;
        }
        self.fin = Some(seq);
        if seq != self.nxt && !self.shut {
            self.disorder.get_or_insert_default().sack.note_next(seq, seq + 1);
        }
    }

    /// Takes the FIN if everything before it is here.
    #[inline]
    pub(crate) fn take_fin(&mut self) -> bool {
        if self.fin != Some(self.nxt) {
            return false;
        }
        self.nxt += 1;
        self.edge = self.edge.max(self.nxt);
        if let Some(disorder) = &mut self.disorder {
            disorder.sack.advance(self.nxt);
        }
        self.owed.now = true;
        self.ring.finish();
        true
    }

    /// A segment left that acknowledged everything so far, with what there was to report.
    #[inline]
    pub(crate) fn on_ack_sent(&mut self) {
        self.acked = self.nxt;
        self.owed.now = self.disorder.as_mut().is_some_and(|disorder| disorder.sack.told());
        self.owed.duplicates = self.owed.duplicates.saturating_sub(1);
        self.acks.on_ack_sent();
    }

    /// Throws away what has not been read and takes no more.
    pub(crate) fn shut(&mut self) {
        self.shut = true;
        self.ring.finish();
        self.disorder = None;
        self.ring.rest();
    }
}

/// Duplicate ACKs that show a loss (Linux `TCP_FASTRETRANS_THRESH`).
const REPEATS: u8 = 3;
/// Segments offered at most while memory is short and the buffer more than half full, as Linux has it.
const PRESSED: u32 = 4;
