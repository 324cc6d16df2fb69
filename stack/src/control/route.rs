//! Routes: what the administrator added, and what the addresses imply.
//!
//! Connected routes are not stored: they follow from the interfaces' addresses each time, so they
//! can neither be forgotten nor left behind. Like Linux, one route per destination and metric; a
//! gateway must be a neighbour on the interface that leads to it.

use addr::{Cidr, IfIndex, Ip};

use crate::control::error::ControlError;
use crate::control::interface::{Interface, Interfaces};
use crate::fib::{AddressFlags, Fib, FibRoute, InterfaceAddress};

/// Who made a route (rtnetlink's `RTPROT_*`, with its numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteProtocol {
    /// A router's redirect.
    Redirect,
    /// Implied by an address.
    Kernel,
    /// Configured at start.
    Boot,
    /// Added by the administrator.
    Static,
    /// A router advertisement.
    Ra,
    /// A DHCP lease.
    Dhcp,
}

impl RouteProtocol {
    /// The name as `ip route` prints it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redirect => "redirect",
            Self::Kernel => "kernel",
            Self::Boot => "boot",
            Self::Static => "static",
            Self::Ra => "ra",
            Self::Dhcp => "dhcp",
        }
    }
}

/// How far a destination or address reaches (rtnetlink's `RT_SCOPE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Anywhere.
    Global,
    /// This link.
    Link,
    /// This host.
    Host,
}

impl Scope {
    /// The name as `ip` prints it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Link => "link",
            Self::Host => "host",
        }
    }

    /// The scope of an address.
    #[must_use]
    pub fn of(ip: Ip) -> Self {
        if ip.is_loopback() {
            Self::Host
        } else if ip.is_link_local() {
            Self::Link
        } else {
            Self::Global
        }
    }
}

/// A route to be added.
#[derive(Clone, Copy, Debug)]
pub struct RouteConfig {
    /// Destination prefix, host bits zero.
    pub destination: Cidr,
    /// Next hop; none where the destination is on the link.
    pub gateway: Option<Ip>,
    /// Interface; found by the gateway if not given.
    pub ifindex: Option<IfIndex>,
    /// Lower wins; Linux's default (IPv4 0, IPv6 1024) if not given.
    pub metric: Option<u32>,
    /// Preferred source, an address of this host.
    pub source: Option<Ip>,
    /// Who makes it.
    pub protocol: RouteProtocol,
}

impl RouteConfig {
    /// A static route to `destination`, everything else to be filled in.
    #[must_use]
    pub const fn new(destination: Cidr) -> Self {
        Self {
            destination,
            gateway: None,
            ifindex: None,
            metric: None,
            source: None,
            protocol: RouteProtocol::Static,
        }
    }

    /// A static route to `destination` by `gateway`.
    #[must_use]
    pub const fn via(destination: Cidr, gateway: Ip) -> Self {
        let mut route = Self::new(destination);
        route.gateway = Some(gateway);
        route
    }
}

/// A route with what only listings show.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) fib: FibRoute,
    pub(crate) protocol: RouteProtocol,
}

impl Route {
    pub(crate) fn scope(&self) -> Scope {
        if self.fib.gateway.is_some() || self.fib.destination.ip.is_v6() {
            Scope::Global
        } else {
            Scope::Link
        }
    }
}

/// The routes that somebody added.
#[derive(Debug, Default)]
pub(crate) struct Routes(Vec<Route>);

/// Metrics Linux gives to IPv6 routes: of addresses, and where none was asked for.
const METRIC_V6_CONNECTED: u32 = 256;
const METRIC_V6_DEFAULT: u32 = 1024;

impl Routes {
    /// Checks and adds a route.
    pub(crate) fn add(
        &mut self,
        config: &RouteConfig,
        interfaces: &Interfaces,
        fib: &Fib,
        limit: usize,
    ) -> Result<(), ControlError> {
        let destination = config.destination;
        check_families(config)?;
        if destination.prefix > destination.ip.width() || destination.network() != destination {
            return Err(ControlError::Invalid("destination has host bits set"));
        }
        if destination.ip.is_multicast() && destination.prefix > 0 {
            return Err(ControlError::Invalid("multicast destination"));
        }
        if let Some(ifindex) = config.ifindex {
            interfaces.get(ifindex).ok_or(ControlError::NoInterface(ifindex))?;
        }
        if let Some(source) = config.source.filter(|s| !fib.is_local(*s)) {
            return Err(ControlError::NoAddress(source));
        }
        let ifindex = match config.gateway {
            Some(gateway) => gateway_interface(gateway, config.ifindex, fib)?,
            None => config.ifindex.ok_or(ControlError::DeviceRequired(destination))?,
        };
        let default_metric = if destination.ip.is_v4() { 0 } else { METRIC_V6_DEFAULT };
        let metric = config.metric.unwrap_or(default_metric);
        let same = |r: &Route| r.fib.destination == destination && r.fib.metric == metric;
        if self.0.iter().any(same) {
            return Err(ControlError::RouteExists(destination));
        }
        if self.0.len() >= limit {
            return Err(ControlError::Full("routes"));
        }
        let (gateway, source) = (config.gateway, config.source);
        let fib = FibRoute { destination, gateway, ifindex, metric, source };
        self.0.push(Route { fib, protocol: config.protocol });
        Ok(())
    }

    /// Removes the first route that fits.
    pub(crate) fn remove(
        &mut self,
        destination: Cidr,
        gateway: Option<Ip>,
        metric: Option<u32>,
    ) -> Result<(), ControlError> {
        let fits = |r: &Route| {
            r.fib.destination == destination
                && gateway.is_none_or(|g| r.fib.gateway == Some(g))
                && metric.is_none_or(|m| r.fib.metric == m)
        };
        let at = self.0.iter().position(fits).ok_or(ControlError::NoRoute(destination))?;
        self.0.remove(at);
        Ok(())
    }

    /// Forgets routes for which `gone` holds.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Route) -> bool) {
        self.0.retain(keep);
    }

    /// Every route, connected ones of interfaces that are up included, in the order of lookup:
    /// longest prefix, lowest metric, on-link before gateway, oldest.
    pub(crate) fn all(&self, interfaces: &Interfaces) -> Vec<Route> {
        let mut all: Vec<Route> = Vec::with_capacity(self.0.len() + 8);
        let link = |i: &&Interface| i.ifindex != Fib::LOOPBACK && i.state.up;
        for interface in interfaces.iter().filter(link) {
            for address in &interface.addresses {
                if let Some(route) = connected(interface.ifindex, address) {
                    let same = |r: &Route| {
                        r.fib.destination == route.fib.destination
                            && r.fib.ifindex == route.fib.ifindex
                    };
                    if !all.iter().any(same) {
                        all.push(route);
                    }
                }
            }
        }
        all.extend(self.0.iter().cloned());
        all.sort_by_key(|r| {
            let longest = 128 - r.fib.destination.bits128();
            (longest, r.fib.metric, r.fib.gateway.is_some())
        });
        all
    }
}

/// The route that an address implies: to its subnet, and in IPv4 from it. An IPv6 prefix is on the
/// link whatever becomes of the address in it (RFC 4861 §5.1); an IPv4 address that is not assigned
/// implies nothing (RFC 5227 §2.1).
fn connected(ifindex: IfIndex, address: &InterfaceAddress) -> Option<Route> {
    let Cidr { ip, prefix } = address.cidr;
    let v4 = ip.is_v4();
    let is_host = prefix == ip.width();
    let no_route = address.flags.has(AddressFlags::NO_PREFIX_ROUTE);
    if is_host || no_route || (v4 && !address.is_assigned()) {
        return None;
    }
    let fib = FibRoute {
        destination: address.cidr.network(),
        gateway: None,
        ifindex,
        metric: if v4 { 0 } else { METRIC_V6_CONNECTED },
        source: v4.then_some(ip),
    };
    Some(Route { fib, protocol: RouteProtocol::Kernel })
}

fn check_families(config: &RouteConfig) -> Result<(), ControlError> {
    let family = config.destination.ip;
    let agrees = |ip: Option<Ip>| ip.is_none_or(|ip| ip.same_family(&family));
    if agrees(config.gateway) && agrees(config.source) {
        Ok(())
    } else {
        Err(ControlError::Invalid("address families differ"))
    }
}

/// The interface by which `gateway` is a neighbour: on a connected subnet, or link-local on a named
/// interface.
fn gateway_interface(
    gateway: Ip,
    ifindex: Option<IfIndex>,
    fib: &Fib,
) -> Result<IfIndex, ControlError> {
    let invalid = ControlError::InvalidGateway(gateway);
    if !gateway.is_unicast() || fib.is_local(gateway) {
        return Err(invalid);
    }
    if gateway.is_v6() && gateway.is_link_local() {
        let links = || fib.interfaces.iter().filter(|i| i.ifindex != Fib::LOOPBACK);
        let only = links().next().filter(|_| links().count() == 1).map(|i| i.ifindex);
        return ifindex.or(only).ok_or(invalid);
    }
    match fib.route(gateway, ifindex) {
        Some(route) if route.gateway.is_none() => {
            let broadcast = fib.is_broadcast(Some(route.ifindex), gateway);
            if broadcast { Err(invalid) } else { Ok(route.ifindex) }
        }
        _ => Err(invalid),
    }
}
