//! Places in the list of all sockets of a shard, so that the list can be had in pages.

/// A place in the list: a table of sockets and a slot in it. Slots do not move, so a socket that
/// lives while the list is read in pages stands on exactly one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListPlace {
    /// Number of the table, in the order of the list.
    table: u32,
    slot: u32,
}

impl ListPlace {
    /// Listeners of TCP.
    pub(crate) const LISTENERS: u32 = 0;
    /// Connections of TCP.
    pub(crate) const CONNECTIONS: u32 = 1;
    /// Half-open connections of TCP.
    pub(crate) const EMBRYOS: u32 = 2;
    /// TIME-WAIT records of TCP.
    pub(crate) const TIME_WAITS: u32 = 3;
    /// Sockets of UDP.
    pub(crate) const UDP: u32 = 4;

    /// The place of slot `slot` of table `table`.
    pub(crate) const fn new(table: u32, slot: u32) -> Self {
        Self { table, slot }
    }

    /// The first slot of `table` that does not stand before this place.
    pub(crate) fn first_slot(self, table: u32) -> u32 {
        match table.cmp(&self.table) {
            // No table has so many slots.
            core::cmp::Ordering::Less => u32::MAX,
            core::cmp::Ordering::Equal => self.slot,
            core::cmp::Ordering::Greater => 0,
        }
    }

    /// As one number, for callers to whom it means nothing.
    pub(crate) fn to_number(self) -> u64 {
        u64::from(self.table) << 32 | u64::from(self.slot)
    }

    /// The place that was made this number.
    pub(crate) fn from_number(number: u64) -> Self {
        Self { table: (number >> 32) as u32, slot: number as u32 }
    }
}
