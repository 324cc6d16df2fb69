//! Whether a path that someone keeps still holds.
//!
//! A path is read from the tables, from the neighbour entry of its next hop and from the path MTU
//! of its destination. Each neighbour and path MTU belongs by a hash of its address to one of some
//! hundred counters, which a change of it increments. A [`Stamp`] notes the counters of a path: a
//! changed neighbour makes those look again whose paths share its counter, which are nearly only
//! its own. A packet costs two reads of one small array.

use addr::Ip;

/// Counters; a power of two. They take 4 KiB, and of ten thousand neighbours ten share one.
const COUNTERS: usize = 1024;

/// What a path was read from, as of when it was looked up.
///
/// Counters wrap around after 2^32 changes. A path is looked up again after a second in any case,
/// so a stamp that is valid by such an accident does no harm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    tables: u32,
    /// Sum of the two counters below: it changes with either.
    keys: u32,
    next_hop: u16,
    destination: u16,
}

/// The counters of one copy of the snapshot.
#[derive(Clone, Debug)]
pub(super) struct Generations {
    tables: u32,
    keys: Box<[u32; COUNTERS]>,
}

impl Default for Generations {
    fn default() -> Self {
        Self { tables: 1, keys: Box::new([0; COUNTERS]) }
    }
}

impl Generations {
    #[inline]
    pub(super) fn tables_version(&self) -> u32 {
        self.tables
    }

    /// Interfaces, addresses or routes changed: no path holds.
    pub(super) fn tables_changed(&mut self) {
        self.tables = self.tables.wrapping_add(1);
    }

    /// The neighbour or the path MTU of `ip` changed.
    pub(super) fn changed(&mut self, ip: Ip) {
        let counter = &mut self.keys[usize::from(counter_of(ip))];
        *counter = counter.wrapping_add(1);
    }

    #[inline]
    pub(super) fn is_current(&self, stamp: Stamp) -> bool {
        stamp.tables == self.tables && stamp.keys == self.sum(stamp.next_hop, stamp.destination)
    }

    pub(super) fn stamp(&self, next_hop: Ip, destination: Ip) -> Stamp {
        let (next_hop, destination) = (counter_of(next_hop), counter_of(destination));
        let keys = self.sum(next_hop, destination);
        Stamp { tables: self.tables, keys, next_hop, destination }
    }

    #[inline]
    fn sum(&self, next_hop: u16, destination: u16) -> u32 {
        let at = |index: u16| self.keys[usize::from(index) % COUNTERS];
        at(next_hop).wrapping_add(at(destination))
    }
}

/// The counter of an address (Fibonacci hashing). Whoever finds addresses that share a counter
/// gains only that some paths are looked up more often, so no key is needed.
fn counter_of(ip: Ip) -> u16 {
    let bits = ip.to_bits();
    let folded = (bits >> 64) as u64 ^ bits as u64;
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as u16
}

const _: () = assert!(COUNTERS == 1 << (64 - 54));
