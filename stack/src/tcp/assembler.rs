//! Text that came out of order.
//!
//! The bytes themselves already lie in the receive ring, at their place beyond the committed end; here is
//! only which of them are there. Positions are the ring's stream positions, so they do not wrap.

use ring::bytes::Writer;

use crate::store::ranges::Ranges;

/// Which bytes beyond the contiguous text are there.
#[derive(Debug, Default)]
pub(crate) struct Assembler(Ranges);

impl Assembler {
    /// Whether nothing waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges that wait, lowest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter()
    }

    /// One past the last byte that waits, as a stream position.
    pub(crate) fn end(&self) -> Option<u64> {
        self.0.end()
    }

    /// Puts `text` into the ring `offset` bytes beyond its committed end. Says `false`, and keeps
    /// nothing, if there would be more than `limit` separate ranges.
    pub(crate) fn insert(
        &mut self,
        ring: &mut Writer,
        offset: usize,
        text: &[u8],
        limit: usize,
    ) -> bool {
        let start = ring.position() + offset as u64;
        if !self.0.insert(start, start + text.len() as u64, limit) {
            return false;
        }
        ring.write_at(offset, text);
        true
    }

    /// The contiguous text is about to grow by `len` bytes: by how many in all, with what waited
    /// right behind it.
    #[inline]
    pub(crate) fn absorb(&mut self, position: u64, len: usize) -> usize {
        let mut end = position + len as u64;
        if self.0.is_empty() {
            return len;
        }
        while let Some((start, stop)) = self.0.first().filter(|r| r.0 <= end) {
            debug_assert!(start >= position);
            end = end.max(stop);
            self.0.remove_below(stop);
        }
        (end - position) as usize
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
