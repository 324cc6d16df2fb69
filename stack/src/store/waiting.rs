//! Sockets that cannot send until something in the snapshot changes, found by what they wait for.
//!
//! A change of one neighbour concerns only those whose next hop it is, so each next hop has a list.
//! An entry is the slot of a socket; whoever takes entries out checks that the tenant still waits.

use std::collections::BTreeMap;

use addr::{IfIndex, Ip};

/// A neighbour: its interface and address.
pub(crate) type NextHop = (IfIndex, Ip);

/// The lists.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// By next hop; under none, those that wait for any change. Each entry has its place in the
    /// order of arrival.
    lists: BTreeMap<Option<NextHop>, Vec<(u64, u32)>>,
    len: usize,
    arrivals: u64,
}

impl Waiting {
    /// Entries in all lists.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds a slot that waits for `next_hop`, or for any change of the tables.
    pub(crate) fn insert(&mut self, next_hop: Option<NextHop>, index: u32) {
        self.lists.entry(next_hop).or_default().push((self.arrivals, index));
        self.arrivals += 1;
        self.len += 1;
    }

    /// Takes out those that wait for `next_hop`, or those that wait for nothing in particular, in
    /// order of arrival.
    pub(crate) fn take(&mut self, next_hop: Option<NextHop>) -> Vec<u32> {
        let list = self.lists.remove(&next_hop).unwrap_or_default();
        self.len -= list.len();
        list.into_iter().map(|(_, index)| index).collect()
    }

    /// Takes out all, in order of arrival.
    pub(crate) fn take_all(&mut self) -> Vec<u32> {
        self.len = 0;
        let mut all: Vec<_> = core::mem::take(&mut self.lists).into_values().flatten().collect();
        all.sort_unstable();
        all.into_iter().map(|(_, index)| index).collect()
    }

    /// Drops the slots for which `waits` does not hold, and all but one entry of each slot in a
    /// list.
    pub(crate) fn sweep(&mut self, waits: impl Fn(u32) -> bool) {
        self.lists.retain(|_, list| {
            list.retain(|(_, index)| waits(*index));
            list.sort_unstable_by_key(|(arrival, index)| (*index, *arrival));
            list.dedup_by_key(|(_, index)| *index);
            list.sort_unstable();
            !list.is_empty()
        });
        self.len = self.lists.values().map(Vec::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(last: u8) -> Option<NextHop> {
        Some((IfIndex::new(2)?, Ip::v4([10, 0, 0, last])))
    }

    #[test]
    fn each_next_hop_wakes_its_own_in_order() {
        let mut waiting = Waiting::default();
        for (at, index) in [(hop(1), 7), (hop(2), 3), (hop(1), 1), (None, 9), (hop(1), 5)] {
            waiting.insert(at, index);
        }
        assert_eq!(waiting.len(), 5);
        assert_eq!(waiting.take(hop(3)), [0; 0]);
        assert_eq!(waiting.take(hop(1)), [7, 1, 5]);
        assert_eq!(waiting.take(hop(1)), [0; 0]);
        assert_eq!(waiting.len(), 2);
        assert_eq!(waiting.take(None), [9]);
        assert_eq!(waiting.take_all(), [3]);
        assert_eq!(waiting.len(), 0);
    }

    #[test]
    fn a_sweep_leaves_one_entry_of_each_that_waits() {
        let mut waiting = Waiting::default();
        for (at, index) in [(hop(1), 1), (hop(1), 2), (hop(1), 1), (hop(2), 4), (None, 3)] {
            waiting.insert(at, index);
        }
        waiting.sweep(|index| index < 4);
        assert_eq!(waiting.len(), 3);
        assert_eq!(waiting.take_all(), [1, 2, 3]);
    }
}
