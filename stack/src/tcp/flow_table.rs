//! The flow table: which of the three lifetimes a flow is in, and where.
//!
//! One keyed index for connections, embryos and TIME-WAIT records. Segments come in runs of one
//! flow, so the flow found last is looked at first.

use addr::{FlowKey, HashKey};

use crate::keys::Keys;
use crate::store::slab::Slab;
use crate::store::table::Table;
use crate::tcp::close::time_wait::TimeWaits;
use crate::tcp::conn::Conn;
use crate::tcp::open::embryos::Embryos;

/// Who owns a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Conn(u32),
    Embryo(u32),
    TimeWait(u32),
}

impl Owner {
    const SHIFT: u32 = 30;

    const fn pack(self) -> u32 {
        match self {
            Self::Conn(index) => index,
            Self::Embryo(index) => 1 << Self::SHIFT | index,
            Self::TimeWait(index) => 2 << Self::SHIFT | index,
        }
    }

    const fn unpack(id: u32) -> Self {
        let index = id & ((1 << Self::SHIFT) - 1);
        match id >> Self::SHIFT {
            0 => Self::Conn(index),
            1 => Self::Embryo(index),
            _ => Self::TimeWait(index),
        }
    }
}

/// The index. The values live in the three slabs, which every lookup is given.
#[derive(Debug)]
pub(crate) struct FlowTable {
    hash: HashKey,
    table: Table,
    /// The connection found last.
    last: Option<(FlowKey, u32)>,
}

/// Where the values live.
#[derive(Clone, Copy)]
pub(crate) struct FlowOwners<'a> {
    pub(crate) conns: &'a Slab<Conn>,
    pub(crate) embryos: &'a Embryos,
    pub(crate) time_waits: &'a TimeWaits,
}

impl FlowOwners<'_> {
    #[inline]
    fn owns(&self, owner: Owner, key: &FlowKey) -> bool {
        match owner {
            Owner::Conn(index) => self.conns.at(index).is_some_and(|c| c.key == *key),
            Owner::Embryo(index) => self.embryos.is(index, key),
            Owner::TimeWait(index) => self.time_waits.at(index).is_some_and(|t| t.key == *key),
        }
    }
}

impl FlowTable {
    pub(crate) fn new(expected: usize, keys: &Keys) -> Self {
        Self { hash: keys.flows, table: Table::new(expected), last: None }
    }

    /// How many flows there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Who owns `key`. Remembers a connection for the next call.
    #[inline]
    pub(crate) fn lookup(&mut self, flow_owners: FlowOwners<'_>, key: &FlowKey) -> Option<Owner> {
        if let Some((last, index)) = &self.last
            && last == key
        {
            return Some(Owner::Conn(*index));
        }
        let owner = self.find(flow_owners, key)?;
        if let Owner::Conn(index) = owner {
            self.last = Some((*key, index));
        }
        Some(owner)
    }

    /// Who owns `key`, without remembering it.
    pub(crate) fn find(&self, flow_owners: FlowOwners<'_>, key: &FlowKey) -> Option<Owner> {
        let is_it = |id| flow_owners.owns(Owner::unpack(id), key);
        self.table.find(self.hash.hash_flow(key), is_it).map(Owner::unpack)
    }

    /// Enters a flow that is not in.
    pub(crate) fn insert(&mut self, key: &FlowKey, owner: Owner) {
        self.table.insert(self.hash.hash_flow(key), owner.pack());
    }

    /// Takes a flow out.
    pub(crate) fn remove(&mut self, key: &FlowKey, owner: Owner) {
        self.last = self.last.filter(|(last, _)| last != key);
        let found = self.table.remove(self.hash.hash_flow(key), owner.pack());
        debug_assert!(found, "every owner is in the table");
    }

    /// A flow goes from one lifetime to the next.
    pub(crate) fn change(&mut self, key: &FlowKey, old: Owner, new: Owner) {
        self.last = self.last.filter(|(last, _)| last != key);
        self.table.replace(self.hash.hash_flow(key), old.pack(), new.pack());
    }
}
