//! The snapshot that shards read, and the only place that changes it.
//!
//! One neighbour or path MTU is patched in place; interfaces and routes are replaced as a whole,
//! with the indices over them. Every change that a path could show makes the version grow by one.

use addr::{IfIndex, Ip};

use crate::fib::{Fib, FibInterface, FibRoute, Link};

/// The snapshot, as its writer sees it.
#[derive(Debug, Default)]
pub(crate) struct Publisher {
    fib: Fib,
}

impl Publisher {
    /// The present snapshot.
    #[inline]
    pub(crate) fn fib(&self) -> &Fib {
        &self.fib
    }

    /// Replaces interfaces and routes. Routes come in the order of lookup.
    pub(crate) fn tables(&mut self, interfaces: Vec<FibInterface>, routes: Vec<FibRoute>) {
        self.fib.interfaces = interfaces;
        self.fib.routes = routes;
        self.fib.index();
        self.fib.version += 1;
    }

    /// Says what is known of a neighbour's link address; none while nothing is known.
    pub(crate) fn neighbor(&mut self, key: (IfIndex, Ip), link: Option<Link>) {
        let before = match link {
            Some(link) => self.fib.neighbors.insert(key, link),
            None => self.fib.neighbors.remove(&key),
        };
        if before != link {
            self.fib.version += 1;
        }
    }

    /// Says how large packets to a destination may be; none for as large as the interface takes.
    pub(crate) fn path_mtu(&mut self, destination: Ip, mtu: Option<u32>) {
        let before = match mtu {
            Some(mtu) => self.fib.path_mtus.insert(destination, mtu),
            None => self.fib.path_mtus.remove(&destination),
        };
        if before != mtu {
            self.fib.version += 1;
        }
    }
}
