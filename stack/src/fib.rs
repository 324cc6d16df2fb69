//! What the shard knows of the network around it: an immutable snapshot that control publishes.
//!
//! A lookup answers with a [`Path`]: interface, source, next hop, link address, size limits. Users
//! keep the path with its [`Stamp`] and look again when something that the path was read from has
//! changed ([`Fib::is_current`]) or the path has aged, which is also how control learns that a
//! neighbour is in use.
//!
//! A destination of our own is reached by the loopback interface ([`Fib::LOOPBACK`]): its paths
//! have no link address, and the host hands what is sent there back to its own input.

pub(crate) mod address;
pub(crate) mod control_protocols;
pub(crate) mod link_state;

use core::ops::Deref;
use std::collections::BTreeMap;
use std::sync::Arc;

use addr::{IfIndex, Ip, Mac};
use wire::offload::{DeviceCaps, Medium};

use crate::ip::source;
use crate::socket::SocketError;

mod stamp;
pub(crate) mod tables;
mod update;

pub use address::{AddressFlags, AddressOrigin, AddressState, InterfaceAddress};
pub use control_protocols::ControlProtocols;
pub use link_state::LinkState;
pub use stamp::Stamp;
pub use tables::{Destination, FibInterface, FibRoute, FibTables};
pub use update::FibUpdate;

use stamp::Generations;

/// What is known of the next hop's link address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The medium has no link addresses.
    None,
    /// Known.
    Known(Mac),
    /// Asked for, not yet known.
    Pending,
    /// It does not answer.
    Failed,
}

/// How to reach a destination.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// What its frames need.
    pub hop: Hop,
    /// Source address to use.
    pub source: Ip,
    /// The neighbour the frame goes to.
    pub next_hop: Ip,
}

impl Deref for Path {
    type Target = Hop;

    #[inline]
    fn deref(&self) -> &Hop {
        &self.hop
    }
}

/// What frames to the next hop need: of a path, the part that a connection keeps.
#[derive(Clone, Copy, Debug)]
pub struct Hop {
    /// What it was read from.
    pub stamp: Stamp,
    /// Outgoing interface.
    pub ifindex: IfIndex,
    /// Ethernet or bare IP.
    pub medium: Medium,
    /// The next hop's link address.
    pub link: Link,
    /// Our link address on that interface.
    pub mac: Mac,
    /// Largest IP packet: the interface's MTU, or less where a router said so.
    pub mtu: u32,
    /// What the device does for us.
    pub caps: DeviceCaps,
}

impl Hop {
    /// Whether a frame can be written now.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        matches!(self.link, Link::None | Link::Known(_))
    }
}

/// The snapshot that one shard reads; its [`FibTables`] read as its own.
///
/// Control has a copy and every shard has one. A change reaches a copy as a [`FibUpdate`]:
/// interfaces and routes are shared between the copies, a neighbour or a path MTU is patched, so
/// that no change copies a table of neighbours.
#[derive(Clone, Debug, Default)]
pub struct Fib {
    /// Grows by one with every change.
    pub version: u64,
    tables: Arc<FibTables>,
    /// Link addresses; an absent entry is unknown.
    pub(crate) neighbors: BTreeMap<(IfIndex, Ip), Link>,
    /// Path MTUs that routers reported, where smaller than the interface's.
    path_mtus: BTreeMap<Ip, u32>,
    generations: Generations,
}

impl Deref for Fib {
    type Target = FibTables;

    #[inline]
    fn deref(&self) -> &FibTables {
        &self.tables
    }
}

impl Fib {
    /// The loopback interface, which every host has.
    pub const LOOPBACK: IfIndex = tables::LOOPBACK;

    /// The parts that change rarely, to be shared.
    #[must_use]
    pub fn tables(&self) -> &Arc<FibTables> {
        &self.tables
    }

    /// Names the present tables: differs from what it was before they changed.
    #[inline]
    pub(crate) fn tables_version(&self) -> u32 {
        self.generations.tables_version()
    }

    /// What is known of a neighbour.
    #[must_use]
    pub fn neighbor(&self, ifindex: IfIndex, ip: Ip) -> Option<Link> {
        self.neighbors.get(&(ifindex, ip)).copied()
    }

    /// The path MTU that a router reported, bytes.
    #[must_use]
    pub fn path_mtu(&self, destination: Ip) -> Option<u32> {
        self.path_mtus.get(&destination).copied()
    }

    /// Whether what was looked up under this stamp would be found again.
    #[inline]
    #[must_use]
    pub fn is_current(&self, stamp: Stamp) -> bool {
        self.generations.is_current(stamp)
    }

    /// The stamp of a path by `next_hop` to `destination`, as of now.
    pub(crate) fn stamp(&self, next_hop: Ip, destination: Ip) -> Stamp {
        self.generations.stamp(next_hop, destination)
    }

    /// Takes a change over.
    pub fn apply(&mut self, update: &FibUpdate) {
        match update {
            FibUpdate::Tables(tables) => {
                self.tables = Arc::clone(tables);
                self.generations.tables_changed();
            }
            &FibUpdate::Neighbor { ifindex, ip, link } => {
                match link {
                    Some(link) => self.neighbors.insert((ifindex, ip), link),
                    None => self.neighbors.remove(&(ifindex, ip)),
                };
                self.generations.changed(ip);
            }
            &FibUpdate::PathMtu { ip, mtu } => {
                match mtu {
                    Some(mtu) => self.path_mtus.insert(ip, mtu),
                    None => self.path_mtus.remove(&ip),
                };
                self.generations.changed(ip);
            }
            FibUpdate::Snapshot(whole) => {
                self.tables = Arc::clone(&whole.tables);
                self.neighbors.clone_from(&whole.neighbors);
                self.path_mtus.clone_from(&whole.path_mtus);
                // Any path may differ, which is what a change of the tables means to its users.
                self.generations.tables_changed();
                self.version = whole.version;
                return;
            }
        }
        self.version += 1;
    }

    /// Changes the tables in place.
    #[cfg(test)]
    pub(crate) fn edit_tables(&mut self, edit: impl FnOnce(&mut FibTables)) {
        let tables = Arc::make_mut(&mut self.tables);
        edit(tables);
        tables.reindex();
        tables.version += 1;
        self.generations.tables_changed();
        self.version += 1;
    }

    /// The path to `destination`, from `source` if given, out of `oif` if given.
    ///
    /// # Errors
    /// [`SocketError::NetworkUnreachable`] where no route fits;
    /// [`SocketError::AddressNotAvailable`] where no address of the family can be the source;
    /// [`SocketError::InvalidArgument`] where a loopback source would leave the host.
    pub fn path(
        &self,
        destination: Ip,
        source: Option<Ip>,
        oif: Option<IfIndex>,
    ) -> Result<Path, SocketError> {
        if destination.is_unspecified() {
            return Err(SocketError::NetworkUnreachable);
        }
        if self.is_local(destination) {
            return self.path_to_self(destination, source);
        }
        if source.is_some_and(|s| s.is_loopback()) {
            return Err(SocketError::InvalidArgument);
        }
        let (interface, next_hop, preferred) = self.next_hop(destination, source, oif)?;
        // A preferred source serves only while it is assigned.
        let preferred = preferred.filter(|source| self.is_local(*source));
        let source = match source.or(preferred) {
            Some(source) => source,
            None => source::select(&self.tables, interface, next_hop, destination)
                .ok_or(SocketError::AddressNotAvailable)?,
        };
        let mtu = match self.path_mtus.get(&destination) {
            Some(&mtu) => interface.mtu.min(mtu),
            None => interface.mtu,
        };
        let link = self.link(interface, next_hop);
        Ok(self.path_by(interface, source, (next_hop, link), destination, mtu))
    }

    fn path_to_self(&self, destination: Ip, source: Option<Ip>) -> Result<Path, SocketError> {
        let interface = self.interface(Self::LOOPBACK).ok_or(SocketError::NetworkUnreachable)?;
        let source = source.unwrap_or(match destination {
            ip if ip.is_v4() && ip.is_loopback() => Ip::v4([127, 0, 0, 1]),
            ip => ip,
        });
        let itself = (destination, Link::None);
        Ok(self.path_by(interface, source, itself, destination, interface.mtu))
    }

    fn path_by(
        &self,
        interface: &FibInterface,
        source: Ip,
        (next_hop, link): (Ip, Link),
        destination: Ip,
        mtu: u32,
    ) -> Path {
        let hop = Hop {
            stamp: self.stamp(next_hop, destination),
            ifindex: interface.ifindex,
            medium: interface.medium,
            link,
            mac: interface.mac,
            mtu,
            caps: interface.caps,
        };
        Path { hop, source, next_hop }
    }

    /// Interface, next hop and preferred source towards a destination that is not ours.
    fn next_hop(
        &self,
        destination: Ip,
        source: Option<Ip>,
        oif: Option<IfIndex>,
    ) -> Result<(&FibInterface, Ip, Option<Ip>), SocketError> {
        // A link-local source names its link.
        let oif = oif.or_else(|| {
            let source = source.filter(|s| s.is_v6() && s.is_link_local())?;
            self.owner(source).map(|i| i.ifindex)
        });
        let to_many = destination.is_multicast() || destination.is_limited_broadcast();
        // No unicast route says where an IPv6 group is: each link has its own.
        let routed = destination.is_v4() || !destination.is_multicast();
        if let Some(route) = routed.then(|| self.route(destination, oif)).flatten() {
            let interface = self.interface(route.ifindex).ok_or(SocketError::NetworkUnreachable)?;
            let next_hop = match route.gateway {
                Some(gateway) if !to_many => gateway,
                _ => destination,
            };
            return Ok((interface, next_hop, route.source));
        }
        if !to_many {
            return Err(SocketError::NetworkUnreachable);
        }
        // Without a route, a packet for all at the link goes to the interface named, to the
        // source's, or to the only one.
        let link = |i: &&FibInterface| i.ifindex != Self::LOOPBACK && i.state.is_running();
        let mut links = self.interfaces.iter().filter(link);
        let interface = match oif {
            Some(oif) => self.interface(oif),
            None => source.and_then(|s| self.owner(s)).or_else(|| {
                let first = links.next()?;
                (links.next().is_none() || destination.is_v6()).then_some(first)
            }),
        };
        let interface = interface.filter(|i| i.state.is_running());
        Ok((interface.ok_or(SocketError::NetworkUnreachable)?, destination, None))
    }

    fn link(&self, interface: &FibInterface, next_hop: Ip) -> Link {
        if interface.medium == Medium::Ip {
            return Link::None;
        }
        if next_hop.is_multicast() || next_hop.is_limited_broadcast() {
            return Link::Known(Mac::multicast_for(next_hop));
        }
        if self.is_broadcast(Some(interface.ifindex), next_hop) {
            return Link::Known(Mac::BROADCAST);
        }
        self.neighbors.get(&(interface.ifindex, next_hop)).copied().unwrap_or(Link::Pending)
    }
}

#[cfg(test)]
mod tests;
