//! Urgent data as Linux has it, which is how sockets know it: one byte, out of band (RFC 6093).
//!
//! The urgent pointer names the byte after the urgent one (RFC 6093 §2.2 is about those who meant
//! the other; Linux's `tcp_stdurg` is 0). A pointer that runs ahead announces the byte; when its
//! segment comes it is set aside and reported as [`Readiness::URGENT`](crate::Readiness::URGENT).
//! There is one at a time: a later pointer replaces it, an older one is ignored. Unless the user
//! wants it in line, the byte is no part of the stream, so it is taken out when the text around it
//! becomes contiguous: what lies behind it moves down by one. Text that waits beyond a gap moves
//! too if it is little, and is given up if it is much, so that a peer can not buy a copy of a whole
//! window with one byte. The place where the byte was is the *mark*, where reading stops once, so
//! that a reader can tell what came before it.

use wire::tcp::SeqNum;

use crate::tcp::receive::RecvHalf;

/// Urgent data of the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Urgent {
    pub(crate) byte: UrgentByte,
    /// Its sequence number.
    pub(crate) seq: SeqNum,
    /// It is in the stream, or will be.
    pub(crate) inline: bool,
}

/// Where the urgent byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UrgentByte {
    /// None was announced.
    #[default]
    None,
    /// Announced, not here.
    Announced,
    /// Here.
    Here(u8),
    /// The user has it.
    Taken,
}

impl Urgent {
    /// Whether a pointer was seen whose byte was not.
    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        self.byte == UrgentByte::Announced
    }

    /// Whether the byte at `start..end` is to be taken out of the stream, and where it is.
    #[inline]
    fn hole(&self, start: SeqNum, len: usize) -> Option<usize> {
        if self.byte == UrgentByte::None || self.inline {
            return None;
        }
        let at = (self.seq - start) as u32 as usize;
        (at < len).then_some(at)
    }
}

impl RecvHalf {
    /// Commits `len` contiguous bytes, all but the urgent one. Says how many numbers that is.
    #[inline]
    pub(crate) fn commit(&mut self, len: usize) -> usize {
        match self.urgent.hole(self.nxt, len) {
            None => self.ring.commit(len),
            Some(at) => self.commit_around(at, len),
        }
    }

    /// The byte lies `at` bytes into the `len` contiguous ones.
    fn commit_around(&mut self, at: usize, len: usize) -> usize {
        let waiting =
            self.out_of_order_end().map_or(len, |end| (end - self.ring.position()) as usize);
        let moved = if waiting - at <= MOVED_MOST { waiting } else { len };
        if moved < waiting {
            self.renege();
        }
        if let Some(out_of_order) = &mut self.out_of_order {
            out_of_order.assembler.move_down();
        }
        if let Some(byte) = self.ring.slices_at(at, 1).0.first().copied()
            && self.urgent.is_awaited()
        {
            self.urgent.byte = UrgentByte::Here(byte);
        }
        for from in (at..moved.saturating_sub(1)).step_by(STEP - 1) {
            let (first, second) = self.ring.slices_at(from, STEP.min(moved - from));
            move_down(first, second);
        }
        self.ring.commit(len - 1) + 1
    }

    /// The stream position of the mark, if there is one at or before RCV.NXT.
    pub(crate) fn mark(&self) -> Option<u64> {
        let fin = i32::from(self.fin_seq.is_some_and(|fin| fin.lt(self.nxt)));
        let beyond = self.nxt - self.urgent.seq - fin;
        if self.urgent.byte == UrgentByte::None || beyond < 0 {
            return None;
        }
        let behind = if self.urgent.inline { beyond } else { (beyond - 1).max(0) };
        self.ring.position().checked_sub(u64::from(behind.unsigned_abs()))
    }
}

/// Moves bytes that lie in two pieces down by one, over the first of them.
fn move_down(first: &mut [u8], second: &mut [u8]) {
    if !first.is_empty() {
        first.copy_within(1.., 0);
    }
    if let (Some(last), Some(next)) = (first.last_mut(), second.first()) {
        *last = *next;
        second.copy_within(1.., 0);
    }
}

/// Bytes moved at once: no more than a ring hands out in two pieces.
const STEP: usize = 4096;
/// Bytes beyond a gap that are moved for an urgent one.
const MOVED_MOST: usize = 64 << 10;
