//! Text that arrived out of order.
//!
//! The bytes themselves already lie in the receive ring, at their place beyond the committed end.
//! Here is only which of them have arrived. Positions are the stream positions of the ring, so they
//! do not wrap.
//!
//! Bounded twice: bytes by the window, since nothing is stored that was not offered, and ranges by
//! `Limits`. At that limit the furthest range gives way to a nearer one, as Linux prunes its queue,
//! because the reader waits for the nearer one; text beyond all others is refused.

use ring::bytes::Writer;

use crate::store::ranges::Ranges;

/// A range of stream positions.
pub(crate) type Span = (u64, u64);

/// Which bytes beyond the contiguous text have arrived.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    ranges: Ranges,
}

/// How text out of order was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The range it is part of.
    pub(crate) range: Span,
    /// The lowest part of it that had arrived before.
    pub(crate) duplicate: Option<Span>,
    /// A range that was discarded for it.
    pub(crate) pruned: Option<Span>,
}

impl Assembler {
    /// Whether nothing is stored.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Bytes of memory of the list itself.
    pub(crate) fn memory(&self) -> usize {
        self.ranges.memory()
    }

    /// One past the last byte that is stored, as a stream position.
    pub(crate) fn end(&self) -> Option<u64> {
        self.ranges.end()
    }

    /// Writes `text`, which is not empty, into the ring `offset` bytes beyond its committed end.
    /// Stores nothing, and returns none, if that would make more than `limit` separate ranges.
    pub(crate) fn insert(
        &mut self,
        ring: &mut Writer,
        offset: usize,
        text: &[u8],
        limit: usize,
    ) -> Option<Kept> {
        let start = ring.position() + offset as u64;
        let end = start + text.len() as u64;
        let duplicate = self.ranges.overlap(start, end);
        let mut pruned = None;
        let range = match self.ranges.insert(start, end, limit) {
            Some(range) => range,
            None if self.ranges.end().is_some_and(|last| end < last) => {
                pruned = self.ranges.pop();
                self.ranges.insert(start, end, limit)?
            }
            None => return None,
        };
        ring.write_at(offset, text);
        Some(Kept { range, duplicate, pruned })
    }

    /// The contiguous text is about to grow by `len` bytes: returns by how many it grows with what
    /// is stored right behind it, and the lowest part that had arrived before.
    #[inline]
    pub(crate) fn absorb(&mut self, position: u64, len: usize) -> (usize, Option<Span>) {
        let mut end = position + len as u64;
        if self.ranges.is_empty() {
            return (len, None);
        }
        let duplicate = self.ranges.overlap(position, end);
        while let Some((start, stop)) = self.ranges.first().filter(|r| r.0 <= end) {
            debug_assert!(start >= position);
            end = end.max(stop);
            self.ranges.remove_below(stop);
        }
        if self.ranges.is_empty() {
            self.ranges.shrink();
        }
        ((end - position) as usize, duplicate)
    }

    /// Everything lies one byte lower from now on, since the urgent byte left the stream.
    pub(crate) fn move_down(&mut self) {
        self.ranges.move_down();
    }
}
