//! How the shards of a host are named.

/// The number of a shard, from 0 on. Shard 0 is the one beside control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardIndex(u8);

impl ShardIndex {
    /// The shard that every host has.
    pub const ZERO: Self = Self(0);
    /// Shards that a host may have.
    pub const COUNT_MAX: usize = 64;

    /// The shard of this number; none beyond [`Self::COUNT_MAX`].
    #[must_use]
    pub const fn new(number: usize) -> Option<Self> {
        if number < Self::COUNT_MAX { Some(Self(number as u8)) } else { None }
    }

    /// The number.
    #[inline]
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }

    /// The first `count` shards, [`Self::COUNT_MAX`] of them at most.
    pub fn first(count: usize) -> impl Iterator<Item = Self> {
        (0..count).map_while(Self::new)
    }
}

/// A set of shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardSet(u64);

impl ShardSet {
    /// No shard.
    pub const EMPTY: Self = Self(0);

    /// Adds a shard.
    pub fn insert(&mut self, shard: ShardIndex) {
        self.0 |= 1 << shard.0;
    }

    /// Whether a shard is in it.
    #[must_use]
    pub const fn contains(self, shard: ShardIndex) -> bool {
        self.0 & 1 << shard.0 != 0
    }

    /// Whether no shard is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The shards in it, lowest first.
    pub fn iter(self) -> impl Iterator<Item = ShardIndex> {
        ShardIndex::first(ShardIndex::COUNT_MAX).filter(move |shard| self.contains(*shard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let mut set = ShardSet::EMPTY;
        assert!(set.is_empty());
        for number in [63, 0, 5, 5] {
            set.insert(ShardIndex::new(number).unwrap());
        }
        assert_eq!(set.iter().map(ShardIndex::get).collect::<Vec<_>>(), [0, 5, 63]);
        assert_eq!(ShardIndex::new(64), None);
    }
}
