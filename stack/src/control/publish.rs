//! The snapshot that shards read, and the only place that changes it.
//!
//! Control works on a copy of its own; every change of that copy is also a [`FibUpdate`] for the
//! copies of the shards. A neighbour or a path MTU is a change of one key; interfaces and routes
//! are replaced as a whole, with the indices over them.

use std::collections::VecDeque;
use std::sync::Arc;

use addr::{IfIndex, Ip};

use crate::control::event::EventLog;
use crate::fib::{Fib, FibInterface, FibRoute, FibTables, FibUpdate, Link};

/// The snapshot, as its writer sees it.
#[derive(Debug, Default)]
pub(crate) struct Publisher {
    fib: Fib,
    /// Changes that the shards have not been sent.
    updates: VecDeque<FibUpdate>,
}

impl Publisher {
    /// The present snapshot.
    #[inline]
    pub(crate) fn fib(&self) -> &Fib {
        &self.fib
    }

    /// Replaces interfaces and routes. Routes come in the order of lookup.
    /// What is different about them is recorded in `events`.
    pub(crate) fn tables(
        &mut self,
        events: &mut EventLog,
        interfaces: Vec<FibInterface>,
        routes: Vec<FibRoute>,
    ) {
        let tables = FibTables::new(self.fib.tables().version + 1, interfaces, routes);
        events.compare(self.fib.tables(), &tables);
        self.emit(FibUpdate::Tables(Arc::new(tables)));
    }

    /// Says what is known of a neighbour's link address; none while nothing is known.
    pub(crate) fn neighbor(&mut self, (ifindex, ip): (IfIndex, Ip), link: Option<Link>) {
        if self.fib.neighbor(ifindex, ip) != link {
            self.emit(FibUpdate::Neighbor { ifindex, ip, link });
        }
    }

    /// Says how large packets to a destination may be; none for as large as the interface takes.
    pub(crate) fn path_mtu(&mut self, ip: Ip, mtu: Option<u32>) {
        if self.fib.path_mtu(ip) != mtu {
            self.emit(FibUpdate::PathMtu { ip, mtu });
        }
    }

    /// The next change that the shards have not been sent.
    pub(crate) fn next_update(&mut self) -> Option<FibUpdate> {
        self.updates.pop_front()
    }

    /// Whether there is one.
    #[inline]
    pub(crate) fn has_updates(&self) -> bool {
        !self.updates.is_empty()
    }

    fn emit(&mut self, update: FibUpdate) {
        self.fib.apply(&update);
        self.updates.push_back(update);
    }
}
