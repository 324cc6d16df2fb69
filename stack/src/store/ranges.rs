//! Sorted disjoint half-open ranges of stream positions, bounded in number.
//!
//! Adding a range melts it with every range it touches. The list is short (mostly a few, hundreds
//! at most) and kept in one vector, which is allocated when the first range comes.

/// The ranges.
#[derive(Debug, Default)]
pub(crate) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// None.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether there is none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of memory that they take.
    pub(crate) fn memory(&self) -> usize {
        self.0.capacity() * size_of::<(u64, u64)>()
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The lowest range.
    pub(crate) fn first(&self) -> Option<(u64, u64)> {
        self.0.first().copied()
    }

    /// One past the highest position in any range.
    pub(crate) fn end(&self) -> Option<u64> {
        self.0.last().map(|r| r.1)
    }

    /// Every range, lowest first.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }

    /// Whether every position of `start..end` is in.
    #[cfg(test)]
    pub(crate) fn covers(&self, start: u64, end: u64) -> bool {
        self.0.iter().any(|r| r.0 <= start && end <= r.1)
    }

    /// The lowest part of `start..end` that is in already.
    pub(crate) fn overlap(&self, start: u64, end: u64) -> Option<(u64, u64)> {
        let first = self.0.partition_point(|r| r.1 <= start);
        let (left, right) = *self.0.get(first)?;
        (left < end && start < end).then(|| (left.max(start), right.min(end)))
    }

    /// Adds `start..end`, which is not empty, and returns the range it is part of now. Returns
    /// nothing, and changes nothing, if that would need more than `limit` ranges.
    pub(crate) fn insert(&mut self, start: u64, end: u64, limit: usize) -> Option<(u64, u64)> {
        debug_assert!(start < end);
        let from = self.0.partition_point(|r| r.1 < start);
        let to = self.0.partition_point(|r| r.0 <= end);
        if from == to {
            if self.0.len() >= limit {
                return None;
            }
            self.0.insert(from, (start, end));
            return Some((start, end));
        }
        let melted = (self.0[from].0.min(start), self.0[to - 1].1.max(end));
        self.0[from] = melted;
        self.0.drain(from + 1..to);
        Some(melted)
    }

    /// Takes the highest range out.
    pub(crate) fn pop(&mut self) -> Option<(u64, u64)> {
        self.0.pop()
    }

    /// The first part of `from..to` that is not in.
    #[inline]
    pub(crate) fn next_gap(&self, from: u64, to: u64) -> Option<(u64, u64)> {
        let (mut from, mut at) = (from, 0);
        if !self.0.is_empty() {
            at = self.0.partition_point(|r| r.1 <= from);
            if let Some(range) = self.0.get(at).filter(|r| r.0 <= from) {
                from = range.1;
                at += 1;
            }
        }
        let end = self.0.get(at).map_or(to, |r| r.0.min(to));
        (from < to).then_some((from, end))
    }

    /// Forgets everything below `position`.
    pub(crate) fn remove_below(&mut self, position: u64) {
        let gone = self.0.partition_point(|r| r.1 <= position);
        self.0.drain(..gone);
        if let Some(first) = self.0.first_mut() {
            first.0 = first.0.max(position);
        }
    }

    /// Moves every range down by one position. None starts at zero.
    pub(crate) fn move_down(&mut self) {
        for (start, end) in &mut self.0 {
            debug_assert!(*start > 0);
            (*start, *end) = (*start - 1, *end - 1);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Gives memory back that only many ranges need. There is none.
    pub(crate) fn shrink(&mut self) {
        debug_assert!(self.is_empty());
        if self.0.capacity() > FEW {
            self.0 = Vec::new();
        }
    }
}

/// Ranges whose memory is kept for the next time.
const FEW: usize = 4;

#[cfg(test)]
mod tests;
