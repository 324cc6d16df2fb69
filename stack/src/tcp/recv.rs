//! The receive half: what is expected next, the window we offer, what is owed in acknowledgments.
//!
//! Text goes straight to its place in the receive ring and is committed when it is contiguous, so the
//! ring is reassembly buffer and socket buffer in one. `edge` is the highest right edge ever
//! offered; it never moves back (RFC 9293 §3.8.6.2.1, MUST-34...36 are about the peer that does), and
//! everything below it fits into the ring, because only the reader's progress moves it.
//!
//! Acknowledgments are owed, not sent: a batch of segments marks what it wants and the next transmit
//! sends one ACK for all. Duplicate ACKs are counted, since the peer counts them too.

use ring::bytes::Writer;
use wire::tcp::SeqNum;
use wire::tcp_options::SackBlock;

use crate::tcp::assembler::Assembler;
use crate::time::Instant;

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
    /// Size of the peer's full segments, as far as seen.
    pub(crate) segment: u32,
    /// When text last came.
    pub(crate) last_text: Instant,
    /// Bytes of text received in order.
    pub(crate) bytes: u64,
    pub(crate) ring: Writer,
    pub(crate) assembler: Assembler,
}

/// Acknowledgments owed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Owed {
    /// One ACK, at once.
    pub(crate) now: bool,
    /// Duplicate ACKs, one per segment that came out of order.
    pub(crate) duplicates: u8,
    /// Segments still to be acknowledged at once rather than delayed: the start of a connection,
    /// where the peer's window is small (Linux's quick-ack mode).
    pub(crate) quick: u8,
    /// The application answers what it gets: its data will carry the ACK.
    pub(crate) interactive: bool,
}

impl Owed {
    /// Whether an ACK is to leave at once.
    #[inline]
    pub(crate) fn any(self) -> bool {
        self.now || self.duplicates > 0
    }
}

/// What to do about an ACK after text came in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckWish {
    Now,
    Delayed,
}

impl RecvHalf {
    /// A half that expects `nxt` first and has offered `window` bytes in its SYN.
    pub(crate) fn new(nxt: SeqNum, window: u32, scale: u8, segment: u32, ring: Writer) -> Self {
        Self {
            nxt,
            edge: nxt + window,
            acked: nxt,
            scale,
            shut: false,
            fin: None,
            owed: Owed { quick: QUICK, ..Owed::default() },
            segment: segment.min(SEGMENT_START),
            last_text: Instant::ZERO,
            bytes: 0,
            ring,
            assembler: Assembler::default(),
        }
    }

    /// The window as the peer knows it.
    #[inline]
    pub(crate) fn window(&self) -> u32 {
        (self.edge - self.nxt) as u32
    }

    /// The right edge we would offer now. It moves only by a worthwhile step: a segment or half the
    /// buffer (RFC 9293 §3.8.6.2.2, MUST-39: receiver's silly window avoidance).
    pub(crate) fn fresh_edge(&self, mss: u32) -> SeqNum {
        let capacity = self.ring.limit() as u32;
        let room = if self.shut { capacity } else { self.ring.free() as u32 };
        let unit = !((1u32 << self.scale) - 1);
        let limit = u32::from(u16::MAX) << self.scale;
        let edge = self.nxt + (room & unit).min(limit);
        let step = mss.min(capacity / 2).max(1);
        if edge - self.edge >= step as i32 { edge } else { self.edge }
    }

    /// Moves the edge, and returns the window field for a segment that leaves now.
    #[inline]
    pub(crate) fn offer(&mut self, mss: u32) -> u16 {
        self.edge = self.fresh_edge(mss);
        u16::try_from(self.window() >> self.scale).unwrap_or(u16::MAX)
    }

    /// Whether the reader made room that is worth telling: the window at least doubles and was half
    /// closed or more (as Linux decides; GAP-21).
    pub(crate) fn wants_update(&self, mss: u32) -> bool {
        let now = self.window();
        if u64::from(now) * 2 > self.ring.limit() as u64 {
            return false;
        }
        let fresh = (self.fresh_edge(mss) - self.nxt) as u32;
        fresh > now && fresh >= now.saturating_mul(2)
    }

    /// Text that starts at RCV.NXT. Returns how much became contiguous and how to acknowledge.
    #[inline]
    pub(crate) fn accept(&mut self, text: &[u8], size: u32, now: Instant) -> AckWish {
        let filled_gap = !self.assembler.is_empty();
        let len = if self.shut {
            text.len()
        } else {
            self.ring.write_at(0, text);
            let len = self.assembler.absorb(self.ring.position(), text.len());
            self.ring.commit(len)
        };
        self.nxt += len as u32;
        self.bytes += len as u64;
        self.last_text = now;
        self.segment = self.segment.max(size);
        // RFC 5681 §4.2: at least every second full segment, and at once when a gap closes.
        let waiting = (self.nxt - self.acked) as u32;
        if filled_gap || waiting > self.segment || self.is_quick() {
            AckWish::Now
        } else {
            AckWish::Delayed
        }
    }

    /// Text beyond RCV.NXT. Says whether it was kept; a duplicate ACK is owed either way (RFC 5681
    /// §4.2).
    pub(crate) fn keep(&mut self, offset: usize, text: &[u8], limit: usize) -> bool {
        self.owed.duplicates = self.owed.duplicates.saturating_add(1);
        self.owed.quick = self.owed.quick.max(QUICK);
        !self.shut && self.assembler.insert(&mut self.ring, offset, text, limit)
    }

    /// Whether an ACK has more to say than RCV.NXT.
    #[inline]
    pub(crate) fn has_sack_blocks(&self) -> bool {
        !self.assembler.is_empty()
    }

    /// What came out of order, for the peer (RFC 2018 §4): the blocks and how many there are.
    pub(crate) fn sack_blocks(&self) -> ([SackBlock; 4], usize) {
        let mut blocks = [SackBlock::default(); 4];
        let mut count = 0;
        let seq = |position: u64| self.nxt + (position - self.ring.position()) as u32;
        for (block, (start, end)) in blocks.iter_mut().zip(self.assembler.iter()) {
            *block = SackBlock { left: seq(start), right: seq(end) };
            count += 1;
        }
        (blocks, count)
    }

    /// Notes a FIN at `seq`, unless text beyond it was received already.
    pub(crate) fn note_fin(&mut self, seq: SeqNum) {
        let last = self.assembler.end().map_or(0, |end| end - self.ring.position());
        if self.fin.is_none() && (seq - self.nxt) as u32 >= last as u32 {
            self.fin = Some(seq);
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
        self.owed.now = true;
        self.ring.finish();
        true
    }

    /// A segment left that acknowledged everything so far.
    #[inline]
    pub(crate) fn on_ack_sent(&mut self, carried_data: bool, now: Instant) {
        let covered = (self.nxt - self.acked) as u32;
        self.acked = self.nxt;
        self.owed.now = false;
        self.owed.duplicates = self.owed.duplicates.saturating_sub(1);
        let segments = covered.div_ceil(self.segment.max(1)).min(u32::from(u8::MAX)) as u8;
        self.owed.quick = self.owed.quick.saturating_sub(segments);
        if carried_data && now.since(self.last_text) < super::timers::DELAYED_ACK {
            self.owed.interactive = true;
        }
    }

    /// Throws away what has not been read and takes no more.
    pub(crate) fn shut(&mut self) {
        self.shut = true;
        self.ring.finish();
        self.assembler.clear();
        self.ring.rest();
    }

    /// The reader has read: a ring that is empty gives its memory back, unless text out of order
    /// lies in it.
    #[inline]
    pub(crate) fn trim(&mut self) {
        if self.assembler.is_empty() {
            self.ring.trim();
        }
    }

    #[inline]
    fn is_quick(&self) -> bool {
        self.owed.quick > 0 && !self.owed.interactive
    }
}

/// Segments acknowledged at once at the start (Linux `TCP_MAX_QUICKACKS`).
const QUICK: u8 = 16;
/// First guess at the size of the peer's segments (Linux `TCP_MSS_DEFAULT`).
const SEGMENT_START: u32 = 536;
