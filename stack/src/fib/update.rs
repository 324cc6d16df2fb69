//! One change of the snapshot, as control tells it to every copy.

use std::sync::Arc;

use addr::{IfIndex, Ip};

use crate::fib::{Fib, FibTables, Link};

/// A change of a [`Fib`].
#[derive(Clone, Debug)]
pub enum FibUpdate {
    /// Interfaces, addresses or routes changed: these are the present ones.
    Tables(Arc<FibTables>),
    /// One neighbour changed.
    Neighbor {
        /// Its interface.
        ifindex: IfIndex,
        /// Its address.
        ip: Ip,
        /// What is known of its link address now; none if nothing.
        link: Option<Link>,
    },
    /// The path MTU towards one destination changed.
    PathMtu {
        /// The destination.
        ip: Ip,
        /// The path MTU, bytes; none if it is the interface's again.
        mtu: Option<u32>,
    },
    /// Everything, for a copy that has missed changes.
    Snapshot(Arc<Fib>),
}
