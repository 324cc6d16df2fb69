//! Which blocks our ACKs report: what arrived twice, and what is stored beyond RCV.NXT (RFC 2018,
//! RFC 2883).
//!
//! A block is a whole contiguous range, not one segment. The one that the latest segment is part of
//! comes first, and the others follow in the order in which they last changed, so that each is
//! repeated in at least three ACKs although an option holds only three beside timestamps. A DSACK
//! is sent once and before all others. Four ranges are remembered, as Linux does: an older one is
//! reported again when a segment extends it.

use core::ops::Deref;

use wire::tcp::SeqNum;
use wire::tcp_options::SackBlock;

/// What there is to report.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SackReport {
    /// Linux `selective_acks`: ranges that are stored, the most recent first.
    recent: Blocks,
    /// Linux `duplicate_sack`: what arrived twice and has not been reported, the oldest first.
    dsacks: [SackBlock; DSACKS_MAX],
    dsack_count: u8,
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
    /// The range that the latest segment is part of. It replaces every range that it covers.
    pub(crate) fn on_out_of_order(&mut self, left: SeqNum, right: SeqNum) {
        let mut all = Blocks::default();
        all.push(SackBlock { left, right });
        let others = self.recent.iter().filter(|b| b.left.lt(left) || b.right.gt(right));
        others.for_each(|block| all.push(*block));
        self.recent = all;
    }

    /// A FIN that is ahead of missing text: it extends the range before it, if that was reported
    /// lately.
    pub(crate) fn on_early_fin(&mut self, left: SeqNum, right: SeqNum) {
        let before = self.recent.iter().find(|block| block.right == left);
        self.on_out_of_order(before.map_or(left, |block| block.left), right);
    }

    /// `left..right` is discarded and must be retransmitted.
    pub(crate) fn forget(&mut self, left: SeqNum, right: SeqNum) {
        self.retain(|b| b.right.le(left) || b.left.ge(right));
    }

    /// Everything up to `nxt` is contiguous now.
    pub(crate) fn advance(&mut self, nxt: SeqNum) {
        if !self.recent.is_empty() {
            self.retain(|b| b.left.gt(nxt));
        }
    }

    /// `left..right` arrived twice. Duplicates that touch are merged, and of many the latest are
    /// reported.
    pub(crate) fn on_duplicate(&mut self, left: SeqNum, right: SeqNum) {
        if left.ge(right) {
            return;
        }
        let used = usize::from(self.dsack_count);
        let mut known = self.dsacks[..used].iter_mut();
        if let Some(block) = known.find(|b| left.le(b.right) && b.left.le(right)) {
            block.left = block.left.min(left);
            block.right = block.right.max(right);
            return;
        }
        if used == DSACKS_MAX {
            self.dsacks.rotate_left(1);
            self.dsack_count -= 1;
        }
        self.dsacks[usize::from(self.dsack_count)] = SackBlock { left, right };
        self.dsack_count += 1;
    }

    /// Whether there is nothing to report.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.recent.is_empty() && self.dsack_count == 0
    }

    /// The blocks of the next ACK, in the order they are sent.
    #[inline]
    pub(crate) fn blocks(&self) -> Blocks {
        if self.dsack_count == 0 {
            return self.recent;
        }
        let mut all = Blocks::default();
        all.push(self.dsacks[0]);
        self.recent.iter().for_each(|block| all.push(*block));
        all
    }

    /// An ACK left with the blocks. Says whether another DSACK is to be reported.
    #[inline]
    pub(crate) fn on_reported(&mut self) -> bool {
        if self.dsack_count > 0 {
            self.dsacks.rotate_left(1);
            self.dsack_count -= 1;
        }
        self.dsack_count > 0
    }

    fn retain(&mut self, keep: impl Fn(&SackBlock) -> bool) {
        let mut rest = Blocks::default();
        self.recent.iter().filter(|b| keep(b)).for_each(|block| rest.push(*block));
        self.recent = rest;
    }
}

/// The most that fits into the options (RFC 2018 §3), and what Linux remembers.
const BLOCKS: usize = 4;
/// DSACKs that are kept apart in one batch of segments.
const DSACKS_MAX: usize = 2;

#[cfg(test)]
mod tests;
