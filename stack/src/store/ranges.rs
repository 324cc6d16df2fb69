//! Sorted disjoint half-open ranges of stream positions, bounded in number.
//!
//! Adding a range melts it with every range it touches. The list is short (tens at most) and kept
//! in one vector, which is allocated when the first range comes and then kept.

/// The ranges.
#[derive(Debug, Default)]
pub(crate) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Whether there is none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
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
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }

    /// Whether every position of `start..end` is in.
    #[cfg(test)]
    pub(crate) fn covers(&self, start: u64, end: u64) -> bool {
        self.0.iter().any(|r| r.0 <= start && end <= r.1)
    }

    /// Adds `start..end`. Returns `false`, and changes nothing, if that would need more than `limit`
    /// ranges.
    pub(crate) fn insert(&mut self, start: u64, end: u64, limit: usize) -> bool {
        if start >= end {
            return true;
        }
        let from = self.0.partition_point(|r| r.1 < start);
        let to = self.0.partition_point(|r| r.0 <= end);
        if from == to {
            if self.0.len() >= limit {
                return false;
            }
            self.0.insert(from, (start, end));
            return true;
        }
        let melted = (self.0[from].0.min(start), self.0[to - 1].1.max(end));
        self.0[from] = melted;
        self.0.drain(from + 1..to);
        true
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

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests;
