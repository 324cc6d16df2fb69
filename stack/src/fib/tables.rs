//! What changes rarely: interfaces with their addresses and groups, and routes, with the indices
//! over them.
//!
//! Control builds them anew at each change and shares one copy with all shards.

use addr::{Cidr, IfIndex, Ip, Mac};
use wire::offload::{DeviceCaps, Medium};

use crate::fib::address::InterfaceAddress;
use crate::fib::control_protocols::ControlProtocols;
use crate::fib::link_state::LinkState;

/// Number of the loopback interface, which every host has.
pub(crate) const LOOPBACK: IfIndex = match IfIndex::new(1) {
    Some(index) => index,
    None => unreachable!(),
};

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
    /// Whether it can carry frames.
    pub state: LinkState,
    /// The protocols whose messages go to control.
    pub control_protocols: ControlProtocols,
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

/// Interfaces and routes, indexed.
#[derive(Clone, Debug, Default)]
pub struct FibTables {
    /// Grows by one with every change of these tables.
    pub version: u64,
    /// Interfaces in index order.
    pub interfaces: Vec<FibInterface>,
    /// Routes over interfaces that run, longest prefix first, then lowest metric, then on-link
    /// before gateway, then oldest.
    pub routes: Vec<FibRoute>,
    /// Every assigned address with the interfaces that answer for it, sorted: the index that input
    /// looks into.
    pub(crate) locals: Vec<(Ip, IfIndex)>,
    /// Every directed broadcast address with its interface, sorted.
    broadcasts: Vec<(Ip, IfIndex)>,
}

impl FibTables {
    /// The tables of these interfaces and routes, which are in the order that the fields state.
    #[must_use]
    pub fn new(version: u64, interfaces: Vec<FibInterface>, routes: Vec<FibRoute>) -> Self {
        let mut tables = Self { version, interfaces, routes, ..Self::default() };
        tables.index();
        tables
    }

    /// Builds the indices over the interfaces' addresses and groups.
    fn index(&mut self) {
        self.locals.clear();
        self.broadcasts.clear();
        for interface in &mut self.interfaces {
            interface.groups.sort_unstable();
            for address in interface.addresses.iter().filter(|a| a.is_assigned()) {
                self.locals.push((address.ip(), interface.ifindex));
                let broadcast = address.cidr.broadcast().filter(|_| interface.ifindex != LOOPBACK);
                self.broadcasts.extend(broadcast.map(|ip| (ip, interface.ifindex)));
            }
        }
        self.take_over();
        self.locals.sort_unstable();
        // Two interfaces that do not run may have the same address.
        self.locals.dedup();
        self.broadcasts.sort_unstable();
    }

    /// Lets interfaces that run answer for addresses in their subnets whose own interface does not
    /// run: connections of such an address go on by another link, as they do on Linux, whose host
    /// model is weak.
    fn take_over(&mut self) {
        for (ip, taker) in self.to_take_over() {
            self.locals.push((ip, taker));
            let found = self.interfaces.iter_mut().find(|i| i.ifindex == taker);
            if let Some(interface) = found.filter(|i| ip.is_v6() && i.medium == Medium::Ethernet) {
                interface.groups.push(ip.solicited_node());
                interface.groups.sort_unstable();
                interface.groups.dedup();
            }
        }
    }

    /// Addresses of interfaces that do not run, each with an interface that can take it over.
    fn to_take_over(&self) -> Vec<(Ip, IfIndex)> {
        let links = || self.interfaces.iter().filter(|i| i.ifindex != LOOPBACK);
        let mut found = Vec::new();
        for idle in links().filter(|i| !i.state.is_running()) {
            let own = idle.addresses.iter().filter(|a| a.is_assigned()).map(InterfaceAddress::ip);
            for ip in own.filter(|ip| !ip.is_link_local()) {
                let takes = |i: &&FibInterface| {
                    let mut own = i.addresses.iter().filter(|a| a.is_assigned());
                    i.state.is_running() && own.any(|a| a.cidr.contains(ip) && a.ip() != ip)
                };
                found.extend(links().filter(takes).map(|taker| (ip, taker.ifindex)));
            }
        }
        found
    }

    /// The addresses that are answered for on an interface: those assigned to it, and those that it
    /// has taken over from an interface that does not run.
    pub fn answered_on(&self, ifindex: IfIndex) -> impl Iterator<Item = Ip> {
        self.locals.iter().filter(move |(_, by)| *by == ifindex).map(|(ip, _)| *ip)
    }

    /// Whether `ip` is answered for on an interface.
    #[must_use]
    pub fn answers_for(&self, ifindex: IfIndex, ip: Ip) -> bool {
        self.locals.binary_search(&(ip, ifindex)).is_ok()
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
            return self.interface(LOOPBACK);
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

    /// Whether `ip` is a group or a broadcast address, of whichever interface.
    #[must_use]
    pub fn is_to_many(&self, ip: Ip) -> bool {
        ip.is_multicast() || ip.is_limited_broadcast() || self.is_broadcast(None, ip)
    }

    /// Whose `destination` is, for a packet that came in by `interface`.
    ///
    /// The host model is strong on links and weak on the loopback path (RFC 1122 §3.3.4.2): an
    /// address of another interface is foreign on this one, unless that interface does not run and
    /// this one has a subnet with the address in it.
    #[must_use]
    pub fn classify(&self, interface: &FibInterface, destination: Ip) -> Destination {
        if destination.is_multicast() {
            let joined = interface.has_group(destination);
            return if joined { Destination::Multicast } else { Destination::Foreign };
        }
        if interface.ifindex == LOOPBACK {
            let ours = self.is_local(destination);
            return if ours { Destination::Unicast } else { Destination::Foreign };
        }
        if self.answers_for(interface.ifindex, destination) {
            Destination::Unicast
        } else if destination.is_limited_broadcast()
            || self.is_broadcast(Some(interface.ifindex), destination)
        {
            Destination::Broadcast
        } else {
            Destination::Foreign
        }
    }

    /// The route to `destination`, by `oif` if given: the first that fits, as they are sorted.
    #[must_use]
    pub fn route(&self, destination: Ip, oif: Option<IfIndex>) -> Option<&FibRoute> {
        self.routes.iter().find(|r| {
            r.destination.contains(destination) && oif.is_none_or(|wanted| wanted == r.ifindex)
        })
    }

    /// Builds the indices again after a test changed a table in place.
    #[cfg(test)]
    pub(crate) fn reindex(&mut self) {
        self.index();
    }
}
