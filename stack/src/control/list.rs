//! What `ctl` lists: plain records of interfaces, addresses, routes and neighbours.

use addr::{Cidr, IfIndex, Ip, Mac};
use wire::offload::{DeviceCaps, Medium};

use crate::control::cx::ControlCx;
use crate::control::interface::Interface;
use crate::control::neighbor::machine::NudState;
use crate::control::neighbor::table::Neighbors;
use crate::control::route::{RouteProtocol, Routes, Scope};
use crate::fib::{Fib, InterfaceAddress, LinkState};
use crate::stats::LinkCounters;
use crate::time::{Duration, Instant};

/// An interface as listed.
#[derive(Clone, Debug)]
pub struct InterfaceInfo {
    /// Its number.
    pub ifindex: IfIndex,
    /// Its name.
    pub name: String,
    /// Ethernet or bare IP.
    pub medium: Medium,
    /// Our own link address, where the medium has such.
    pub mac: Option<Mac>,
    /// Largest IP packet.
    pub mtu: u32,
    /// Whether it can carry frames.
    pub state: LinkState,
    /// What the device does for us.
    pub caps: DeviceCaps,
    /// It is the loopback interface, which has no port.
    pub is_loopback: bool,
    /// Multicast groups joined.
    pub groups: Vec<Ip>,
    /// Traffic.
    pub counters: LinkCounters,
}

/// An address as listed.
#[derive(Clone, Debug)]
pub struct AddressInfo {
    /// Its interface.
    pub ifindex: IfIndex,
    /// The interface's name.
    pub interface: String,
    /// The record of the address.
    pub address: InterfaceAddress,
    /// How far it is known.
    pub scope: Scope,
}

/// A route as listed.
#[derive(Clone, Debug)]
pub struct RouteInfo {
    /// Destination prefix.
    pub destination: Cidr,
    /// Next hop, if it is not on the link.
    pub gateway: Option<Ip>,
    /// Outgoing interface.
    pub ifindex: IfIndex,
    /// The interface's name.
    pub interface: String,
    /// Lower wins.
    pub metric: u32,
    /// Who made it.
    pub protocol: RouteProtocol,
    /// How far it reaches.
    pub scope: Scope,
    /// Preferred source.
    pub source: Option<Ip>,
    /// Its interface has no carrier, so that it does not match (Linux `RTNH_F_LINKDOWN`).
    pub is_linkdown: bool,
}

/// A neighbour as listed.
#[derive(Clone, Debug)]
pub struct NeighborInfo {
    /// Its interface.
    pub ifindex: IfIndex,
    /// The interface's name.
    pub interface: String,
    /// Its address.
    pub ip: Ip,
    /// Its link address, if known.
    pub mac: Option<Mac>,
    /// Reachability.
    pub state: NudState,
    /// It says it is a router.
    pub is_router: bool,
    /// Since its last use.
    pub used: Duration,
    /// Since its last confirmation; none if there was none.
    pub confirmed: Option<Duration>,
}

/// Interfaces in index order; the traffic is the shard's to fill in.
pub(crate) fn interfaces(cx: &ControlCx) -> Vec<InterfaceInfo> {
    let info = |i: &Interface| InterfaceInfo {
        ifindex: i.ifindex,
        name: i.name.clone(),
        medium: i.medium,
        mac: (i.medium == Medium::Ethernet).then_some(i.mac),
        mtu: i.mtu,
        state: i.state,
        caps: i.caps,
        is_loopback: i.ifindex == Fib::LOOPBACK,
        groups: i.groups().collect(),
        counters: LinkCounters::default(),
    };
    cx.interfaces.iter().map(info).collect()
}

/// Addresses by interface, in assignment order, IPv4 first.
pub(crate) fn addresses(cx: &ControlCx) -> Vec<AddressInfo> {
    let mut all = Vec::new();
    for interface in cx.interfaces.iter() {
        let mut sorted = interface.addresses.clone();
        sorted.sort_by_key(|a| a.ip().is_v6());
        all.extend(sorted.into_iter().map(|address| AddressInfo {
            ifindex: interface.ifindex,
            interface: interface.name.clone(),
            address,
            scope: Scope::of(address.ip()),
        }));
    }
    all
}

/// Routes, connected ones included, IPv4 first, each family in the order of lookup.
pub(crate) fn routes(cx: &ControlCx, routes: &Routes) -> Vec<RouteInfo> {
    let mut all = routes.all(&cx.interfaces);
    all.sort_by_key(|r| r.fib.destination.ip.is_v6());
    all.into_iter()
        .map(|route| RouteInfo {
            destination: route.fib.destination,
            gateway: route.fib.gateway,
            ifindex: route.fib.ifindex,
            interface: cx.interfaces.name(route.fib.ifindex),
            metric: route.fib.metric,
            protocol: route.protocol,
            scope: route.scope(),
            source: route.fib.source,
            is_linkdown: !cx.is_running(route.fib.ifindex),
        })
        .collect()
}

/// Neighbours by interface and address.
pub(crate) fn neighbors(cx: &ControlCx, table: &Neighbors, now: Instant) -> Vec<NeighborInfo> {
    table
        .entries()
        .map(|((ifindex, ip), entry)| NeighborInfo {
            ifindex,
            interface: cx.interfaces.name(ifindex),
            ip,
            mac: entry.mac(),
            state: entry.state,
            is_router: entry.is_router,
            used: now.since(entry.used),
            confirmed: entry.confirmed.map(|at| now.since(at)),
        })
        .collect()
}
