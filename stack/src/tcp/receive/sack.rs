//! Which blocks our ACKs report: what came twice, and what waits beyond RCV.NXT (RFC 2018, RFC 2883;
//! TCPI-08).
//!
//! A block is a whole contiguous range, not one segment. The one that the latest segment fell into comes
//! first, the others follow in the order they last changed, so that each is repeated in at least
//! three ACKs although an option holds only three beside timestamps. A duplicate is told once and
//! before all others. Four ranges are remembered, as Linux remembers them: an older one is told again
//! when a segment touches it.

use core::ops::Deref;

use wire::tcp::SeqNum;
use wire::tcp_options::SackBlock;

/// What there is to report.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SackReport {
    /// Ranges that wait, the latest first.
    recent: Blocks,
    /// What came twice and has not been told, the oldest first.
    twice: [SackBlock; TWICE],
    twice_len: u8,
}

/// The blocks of one option.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Blocks {
    list: [SackBlock; BLOCKS],
    len: u8,
}

impl Blocks {
    fn push(&mut self, block: SackBlock) {
        if let Some(slot) = self.list.get_mut(usize::from(self.len)) {
            *slot = block;
            self.len += 1;
        }
    }
}

impl Deref for Blocks {
    type Target = [SackBlock];

    fn deref(&self) -> &[SackBlock] {
        self.list.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl SackReport {
    /// The range that the latest segment fell into. It takes in every range it covers.
    pub(crate) fn note(&mut self, left: SeqNum, right: SeqNum) {
        let mut all = Blocks::default();
        all.push(SackBlock { left, right });
        let others = self.recent.iter().filter(|b| b.left.lt(left) || b.right.gt(right));
        others.for_each(|block| all.push(*block));
        self.recent = all;
    }

    /// The same for what may lie right behind a range that was told lately.
    pub(crate) fn note_next(&mut self, left: SeqNum, right: SeqNum) {
        let before = self.recent.iter().find(|block| block.right == left);
        self.note(before.map_or(left, |block| block.left), right);
    }

    /// `left..right` is thrown away: it must be sent again.
    pub(crate) fn forget(&mut self, left: SeqNum, right: SeqNum) {
        self.retain(|b| b.right.le(left) || b.left.ge(right));
    }

    /// Everything up to `nxt` is contiguous now.
    pub(crate) fn advance(&mut self, nxt: SeqNum) {
        if !self.recent.is_empty() {
            self.retain(|b| b.left.gt(nxt));
        }
    }

    /// `left..right` came although it was here. Duplicates that touch are one, and of many the latest
    /// are told.
    pub(crate) fn duplicate(&mut self, left: SeqNum, right: SeqNum) {
        if left.ge(right) {
            return;
        }
        let used = usize::from(self.twice_len);
        let mut known = self.twice[..used].iter_mut();
        if let Some(block) = known.find(|b| left.le(b.right) && b.left.le(right)) {
            block.left = block.left.min(left);
            block.right = block.right.max(right);
            return;
        }
        if used == TWICE {
            self.twice.rotate_left(1);
            self.twice_len -= 1;
        }
        self.twice[usize::from(self.twice_len)] = SackBlock { left, right };
        self.twice_len += 1;
    }

    /// Whether there is nothing to report.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.recent.is_empty() && self.twice_len == 0
    }

    /// The blocks of the next ACK, in the order they are sent.
    #[inline]
    pub(crate) fn blocks(&self) -> Blocks {
        if self.twice_len == 0 {
            return self.recent;
        }
        let mut all = Blocks::default();
        all.push(self.twice[0]);
        self.recent.iter().for_each(|block| all.push(*block));
        all
    }

    /// An ACK left with the blocks. Says whether a duplicate is still to be told.
    #[inline]
    pub(crate) fn told(&mut self) -> bool {
        if self.twice_len > 0 {
            self.twice.rotate_left(1);
            self.twice_len -= 1;
        }
        self.twice_len > 0
    }

    fn retain(&mut self, keep: impl Fn(&SackBlock) -> bool) {
        let mut rest = Blocks::default();
        self.recent.iter().filter(|b| keep(b)).for_each(|block| rest.push(*block));
        self.recent = rest;
    }
}

/// The most an option area takes (RFC 2018 §3), and what Linux remembers.
const BLOCKS: usize = 4;
/// Duplicates of one batch of segments that are told apart.
const TWICE: usize = 2;

#[cfg(test)]
mod tests;
