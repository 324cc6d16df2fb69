//! What the shard knows of the network around it: an immutable snapshot that control publishes.
//!
//! A lookup answers with a [`Path`]: interface, source, next hop, link address, size limits. Users
//! keep the path and look again when the snapshot's version has moved or the path has aged, which
//! is also how control learns that a neighbour is in use.
//!
//! A destination of our own is reached by the loopback interface ([`Fib::LOOPBACK`]): its paths
//! have no link address, and the host hands what is sent there back to its own input.

mod address;

pub use address::{AddressFlags, AddressOrigin, AddressState, InterfaceAddress};

use core::ops::Deref;
use std::collections::BTreeMap;

use addr::{Cidr, IfIndex, Ip, Mac};
use wire::offload::{DeviceCaps, Medium};

use crate::ip::source;
use crate::socket::SocketError;

/// An interface as the shard sees it.
#[derive(Clone, Debug)]
pub struct FibInterface {
    /// Its number.
    pub ifindex: IfIndex,
    /// Ethernet or bare IP.
    pub medium: Medium,
    /// Our own link address.
    pub mac: Mac,
    /// Largest IP packet.
    pub mtu: u32,
    /// What the device does for us.
    pub caps: DeviceCaps,
    /// Addresses in assignment order.
    pub addresses: Vec<InterfaceAddress>,
    /// Multicast groups joined (all-nodes and solicited-node groups included), sorted.
    pub groups: Vec<Ip>,
}

impl FibInterface {
    /// Whether the group `ip` was joined here.
    #[must_use]
    pub fn has_group(&self, ip: Ip) -> bool {
        self.groups.binary_search(&ip).is_ok()
    }
}

/// A route. Connected routes are entries like any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FibRoute {
    /// Destination prefix.
    pub destination: Cidr,
    /// Next hop, or none where the destination is on the link.
    pub gateway: Option<Ip>,
    /// Interface.
    pub ifindex: IfIndex,
    /// Lower wins among equal prefixes.
    pub metric: u32,
    /// Preferred source.
    pub source: Option<Ip>,
}

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
    /// Version of the snapshot that gave it.
    pub version: u64,
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

/// Whose a destination address is, seen from the interface a packet came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// An address of ours.
    Unicast,
    /// The limited broadcast address or a subnet's.
    Broadcast,
    /// A group that was joined.
    Multicast,
    /// Somebody else's.
    Foreign,
}

/// The snapshot.
#[derive(Clone, Debug, Default)]
pub struct Fib {
    /// Grows by one with every change.
    pub version: u64,
    /// Interfaces in index order.
    pub interfaces: Vec<FibInterface>,
    /// Routes, longest prefix first, then lowest metric, then on-link before gateway, then oldest.
    pub routes: Vec<FibRoute>,
    /// Link addresses; an absent entry is unknown.
    pub neighbors: BTreeMap<(IfIndex, Ip), Link>,
    /// Path MTUs that routers told us of, where smaller than the interface's.
    pub path_mtus: BTreeMap<Ip, u32>,
    /// Every assigned address with its interface, sorted: the index that input looks into.
    pub(crate) locals: Vec<(Ip, IfIndex)>,
    /// Every directed broadcast address with its interface, sorted.
    pub(crate) broadcasts: Vec<(Ip, IfIndex)>,
}

impl Fib {
    /// The loopback interface, which every host has.
    pub const LOOPBACK: IfIndex = match IfIndex::new(1) {
        Some(index) => index,
        None => unreachable!(),
    };

    /// Builds the index over the interfaces' addresses. Call after changing them.
    pub fn index(&mut self) {
        self.locals.clear();
        self.broadcasts.clear();
        for interface in &mut self.interfaces {
            interface.groups.sort_unstable();
            for address in interface.addresses.iter().filter(|a| a.is_assigned()) {
                self.locals.push((address.ip(), interface.ifindex));
                let broadcast =
                    address.cidr.broadcast().filter(|_| interface.ifindex != Self::LOOPBACK);
                self.broadcasts.extend(broadcast.map(|ip| (ip, interface.ifindex)));
            }
        }
        self.locals.sort_unstable();
        self.broadcasts.sort_unstable();
    }

    /// The interface numbered `ifindex`.
    #[must_use]
    pub fn interface(&self, ifindex: IfIndex) -> Option<&FibInterface> {
        self.interfaces.iter().find(|i| i.ifindex == ifindex)
    }

    /// The interface that owns `ip`, if any does. All of 127.0.0.0/8 is the loopback interface's.
    #[must_use]
    pub fn owner(&self, ip: Ip) -> Option<&FibInterface> {
        if ip.is_loopback() {
            return self.interface(Self::LOOPBACK);
        }
        let has = |i: &FibInterface| i.addresses.iter().any(|a| a.ip() == ip && a.is_assigned());
        self.interfaces.iter().find(|i| has(i))
    }

    /// Whether `ip` is an address of this host (indexed; for every packet).
    #[must_use]
    pub fn is_local(&self, ip: Ip) -> bool {
        let at = self.locals.partition_point(|(local, _)| *local < ip);
        self.locals.get(at).is_some_and(|(local, _)| *local == ip) || ip.is_loopback()
    }

    /// Whether `ip` is the directed broadcast address of a subnet of `ifindex`, or of any
    /// interface.
    #[must_use]
    pub fn is_broadcast(&self, ifindex: Option<IfIndex>, ip: Ip) -> bool {
        let at = self.broadcasts.partition_point(|(broadcast, _)| *broadcast < ip);
        let same = self.broadcasts[at..].iter().take_while(|(broadcast, _)| *broadcast == ip);
        same.into_iter().any(|(_, i)| ifindex.is_none_or(|wanted| wanted == *i))
    }

    /// Whose `destination` is, for a packet that came in by `interface`.
    ///
    /// The host model is strong on links and weak on the loopback path (IPRX-05): an address of
    /// another interface is foreign on this one.
    #[must_use]
    pub fn classify(&self, interface: &FibInterface, destination: Ip) -> Destination {
        if destination.is_multicast() {
            let joined = interface.has_group(destination);
            return if joined { Destination::Multicast } else { Destination::Foreign };
        }
        if interface.ifindex == Self::LOOPBACK {
            let ours = self.is_local(destination);
            return if ours { Destination::Unicast } else { Destination::Foreign };
        }
        if self.locals.binary_search(&(destination, interface.ifindex)).is_ok() {
            Destination::Unicast
        } else if destination.is_limited_broadcast()
            || self.is_broadcast(Some(interface.ifindex), destination)
        {
            Destination::Broadcast
        } else {
            Destination::Foreign
        }
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
            None => source::select(self, interface, next_hop, destination)
                .ok_or(SocketError::AddressNotAvailable)?,
        };
        let mtu = match self.path_mtus.get(&destination) {
            Some(&mtu) => interface.mtu.min(mtu),
            None => interface.mtu,
        };
        Ok(self.path_by(interface, source, next_hop, self.link(interface, next_hop), mtu))
    }

    /// The route to `destination`, by `oif` if given: the first that fits, as they are sorted.
    #[must_use]
    pub fn route(&self, destination: Ip, oif: Option<IfIndex>) -> Option<&FibRoute> {
        self.routes.iter().find(|r| {
            r.destination.contains(destination) && oif.is_none_or(|wanted| wanted == r.ifindex)
        })
    }

    fn path_to_self(&self, destination: Ip, source: Option<Ip>) -> Result<Path, SocketError> {
        let interface = self.interface(Self::LOOPBACK).ok_or(SocketError::NetworkUnreachable)?;
        let source = source.unwrap_or(match destination {
            ip if ip.is_v4() && ip.is_loopback() => Ip::v4([127, 0, 0, 1]),
            ip => ip,
        });
        Ok(self.path_by(interface, source, destination, Link::None, interface.mtu))
    }

    fn path_by(
        &self,
        interface: &FibInterface,
        source: Ip,
        next_hop: Ip,
        link: Link,
        mtu: u32,
    ) -> Path {
        let hop = Hop {
            version: self.version,
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
        // FIB-09: without a route, what is meant for the link goes to the interface named, to the
        // source's, or to the only one.
        let mut links = self.interfaces.iter().filter(|i| i.ifindex != Self::LOOPBACK);
        let interface = match oif {
            Some(oif) => self.interface(oif),
            None => source.and_then(|s| self.owner(s)).or_else(|| {
                let first = links.next()?;
                (links.next().is_none() || destination.is_v6()).then_some(first)
            }),
        };
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
