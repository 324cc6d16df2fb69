//! What is rare: interfaces, addresses, routes, neighbours, path MTUs.
//!
//! Comes in: the administrator's verbs, ARP packets and neighbour discovery messages that the shard
//! hands over, requests of the shard, time. Goes out: frames (its own outbox), and the
//! [`Fib`] that the shard reads, whose version grows with every change that a path could show.
//!
//! The Fib is changed in place where one neighbour or path MTU changed, and built anew from
//! interfaces and routes where those did. Connected routes follow from addresses and are never
//! stored.
//!
//! Bounds: [`Limits::addresses`], [`Limits::routes`], [`Limits::neighbors`]; a full neighbour table
//! drops the entries of least use.

mod arp;
mod error;
pub(crate) mod iface;
mod list;
mod mld;
mod ndp;
pub(crate) mod neighbor;
mod neighbors;
mod pmtu;
mod route;

pub use error::ControlError;
pub use iface::InterfaceConfig;
pub use list::{AddressInfo, InterfaceInfo, NeighborInfo, RouteInfo};
pub use neighbor::NudState;
pub use route::{RouteConfig, RouteProtocol, Scope};

use addr::{Cidr, IfIndex, Ip, Mac};
use wire::offload::Medium;

use crate::control::iface::{Interface, check_address, check_config, eui64_link_local};
use crate::control::neighbor::Input;
use crate::control::neighbors::{Key, Neighbors, Step};
use crate::control::pmtu::PathMtus;
use crate::control::route::Routes;
use crate::cx::Request;
use crate::fib::Fib;
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::rng::Rng;
use crate::stats::Stats;
use crate::time::Instant;

/// The rare part of a host.
#[derive(Debug)]
pub(crate) struct Control {
    fib: Fib,
    interfaces: Vec<Interface>,
    routes: Routes,
    neighbors: Neighbors,
    path_mtus: PathMtus,
    /// Frames to send, before anything else of their interface.
    pub(crate) outbox: Outbox,
    /// What this part has counted.
    pub(crate) stats: Stats,
    rng: Rng,
    limits: Limits,
    last_ifindex: u32,
}

/// Interfaces of one host; the packet path looks through them in order.
const INTERFACES_MAX: usize = 256;

impl Control {
    pub(crate) fn new(limits: &Limits, rng: Rng) -> Self {
        let mut control = Self {
            fib: Fib::default(),
            interfaces: vec![Interface::loopback()],
            routes: Routes::default(),
            neighbors: Neighbors::new(limits.neighbors),
            path_mtus: PathMtus::default(),
            outbox: Outbox::new(limits.outbox),
            stats: Stats::default(),
            rng,
            limits: limits.clone(),
            last_ifindex: Fib::LOOPBACK.get(),
        };
        control.publish();
        control
    }

    /// The present snapshot.
    #[inline]
    pub(crate) fn fib(&self) -> &Fib {
        &self.fib
    }

    // Interfaces.

    pub(crate) fn interface_add(
        &mut self,
        now: Instant,
        config: InterfaceConfig,
    ) -> Result<IfIndex, ControlError> {
        check_config(&config)?;
        if self.interfaces.iter().any(|i| i.name == config.name) {
            return Err(ControlError::InterfaceExists(config.name));
        }
        let next = self.last_ifindex.checked_add(1).and_then(IfIndex::new);
        let ifindex = next.filter(|_| self.interfaces.len() < INTERFACES_MAX);
        let ifindex = ifindex.ok_or(ControlError::Full("interfaces"))?;
        self.last_ifindex = ifindex.get();
        let link_local = config.link_local && config.medium == Medium::Ethernet;
        let interface = Interface::new(ifindex, config);
        let automatic = (link_local && interface.has_v6()).then(|| eui64_link_local(interface.mac));
        self.interfaces.push(interface);
        self.publish();
        if let Some(cidr) = automatic {
            self.address_add(now, ifindex, cidr)?;
        }
        Ok(ifindex)
    }

    /// Removes an interface with its addresses, routes and neighbours, and returns the addresses.
    pub(crate) fn interface_del(&mut self, ifindex: IfIndex) -> Result<Vec<Ip>, ControlError> {
        if ifindex == Fib::LOOPBACK {
            return Err(ControlError::Invalid("the loopback interface stays"));
        }
        let at = self.interface(ifindex).ok_or(ControlError::NoInterface(ifindex))?;
        let interface = self.interfaces.remove(at);
        self.routes.retain(|r| r.fib.ifindex != ifindex);
        let keys: Vec<Key> =
            self.neighbors.entries().map(|(key, _)| key).filter(|(i, _)| *i == ifindex).collect();
        for key in keys {
            self.forget(key);
        }
        self.outbox.remove(ifindex);
        let gone: Vec<Ip> = interface.addresses.iter().map(|a| a.ip).collect();
        self.drop_routes_from(&gone);
        self.publish();
        Ok(gone)
    }

    // Addresses.

    pub(crate) fn address_add(
        &mut self,
        _now: Instant,
        ifindex: IfIndex,
        cidr: Cidr,
    ) -> Result<(), ControlError> {
        let at = self.interface(ifindex).ok_or(ControlError::NoInterface(ifindex))?;
        check_address(&self.interfaces[at], cidr)?;
        if self.interfaces[at].owns(cidr.ip) {
            return Err(ControlError::AddressExists(cidr.ip));
        }
        let count: usize = self.interfaces.iter().map(|i| i.addresses.len()).sum();
        if count >= self.limits.addresses {
            return Err(ControlError::Full("addresses"));
        }
        // Who was a neighbour at this address is none any more.
        self.forget((ifindex, cidr.ip));
        self.interfaces[at].addresses.push(cidr);
        let group = cidr.ip.solicited_node();
        let joined = cidr.ip.is_v6() && self.interfaces[at].join(group);
        self.publish();
        if self.interfaces[at].medium != Medium::Ethernet {
            return Ok(());
        }
        if joined {
            self.report_membership(ifindex, group, true);
        }
        match cidr.ip.as_v4() {
            Some(ip) => self.announce_arp(ifindex, ip),
            None => self.announce_nd(ifindex, cidr.ip),
        }
        Ok(())
    }

    pub(crate) fn address_del(&mut self, ifindex: IfIndex, ip: Ip) -> Result<(), ControlError> {
        let at = self.interface(ifindex).ok_or(ControlError::NoInterface(ifindex))?;
        let interface = &mut self.interfaces[at];
        let place = interface.addresses.iter().position(|a| a.ip == ip);
        interface.addresses.remove(place.ok_or(ControlError::NoAddress(ip))?);
        let group = ip.solicited_node();
        let left = ip.is_v6() && interface.leave(group);
        let last_v4 = ip.is_v4() && !interface.addresses.iter().any(|a| a.ip.is_v4());
        if left {
            self.report_membership(ifindex, group, false);
        }
        if last_v4 {
            // As Linux: without an address IPv4 is off on the interface, with its routes.
            self.routes.retain(|r| r.fib.ifindex != ifindex || r.fib.destination.ip.is_v6());
        }
        self.drop_routes_from(&[ip]);
        self.publish();
        Ok(())
    }

    // Routes.

    pub(crate) fn route_add(&mut self, route: &RouteConfig) -> Result<(), ControlError> {
        self.routes.add(route, &self.interfaces, &self.fib, self.limits.routes)?;
        self.publish();
        Ok(())
    }

    pub(crate) fn route_del(
        &mut self,
        destination: Cidr,
        gateway: Option<Ip>,
        metric: Option<u32>,
    ) -> Result<(), ControlError> {
        self.routes.remove(destination, gateway, metric)?;
        self.publish();
        Ok(())
    }

    // Neighbours.

    pub(crate) fn neighbor_add(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        ip: Ip,
        mac: Mac,
    ) -> Result<(), ControlError> {
        let at = self.interface(ifindex).ok_or(ControlError::NoInterface(ifindex))?;
        if self.interfaces[at].medium != Medium::Ethernet {
            return Err(ControlError::Invalid("the medium has no link addresses"));
        }
        if !mac.is_unicast() || !ip.is_unicast() || self.fib.is_local(ip) {
            return Err(ControlError::Invalid("not a neighbor's address"));
        }
        let key = (ifindex, ip);
        if self.neighbors.state(key) == Some(NudState::Permanent) {
            return Err(ControlError::NeighborExists(ip));
        }
        if !self.neighbors.set_permanent(now, key, mac) {
            return Err(ControlError::Full("neighbors"));
        }
        let link = Some(crate::fib::Link::Known(mac));
        self.settle(now, key, Step { solicit: None, link: Some(link) });
        Ok(())
    }

    pub(crate) fn neighbor_del(&mut self, ifindex: IfIndex, ip: Ip) -> Result<(), ControlError> {
        self.interface(ifindex).ok_or(ControlError::NoInterface(ifindex))?;
        let found = self.forget((ifindex, ip));
        found.then_some(()).ok_or(ControlError::NoNeighbor(ip))
    }

    /// Forgets every neighbour, of one interface if given, and returns how many (CTL-42).
    pub(crate) fn neighbor_flush(&mut self, ifindex: Option<IfIndex>) -> usize {
        let keys: Vec<Key> = self
            .neighbors
            .entries()
            .map(|(key, _)| key)
            .filter(|(i, _)| ifindex.is_none_or(|wanted| wanted == *i))
            .collect();
        keys.into_iter().filter(|key| self.forget(*key)).count()
    }

    // The shard's requests, and time.

    /// Does what the shard asked for.
    pub(crate) fn apply(&mut self, now: Instant, request: Request) {
        match request {
            Request::Resolve(ifindex, ip) => {
                let at = self.interface(ifindex);
                let on_link = at.is_some_and(|at| self.interfaces[at].medium == Medium::Ethernet);
                if on_link && ip.is_unicast() {
                    self.learn(now, (ifindex, ip), Input::Resolve);
                }
            }
            Request::Used(ifindex, ip) => self.update(now, (ifindex, ip), Input::Used),
            Request::Confirmed(ifindex, ip) => self.update(now, (ifindex, ip), Input::Confirmed),
            Request::PathMtu(ip, mtu) => self.lower_path_mtu(now, ip, mtu),
        }
    }

    /// Serves every deadline up to `now`.
    pub(crate) fn expire(&mut self, now: Instant) {
        // Each step moves the deadline of its entry beyond `now` or removes it, unless time has
        // jumped far ahead; then an entry goes through its states, which are few.
        while let Some(key) = self.neighbors.due(now) {
            self.update(now, key, Input::Timer);
        }
        self.neighbors.collect(now);
        self.forget_evicted();
        while let Some(ip) = self.path_mtus.expire(now) {
            self.fib.path_mtus.remove(&ip);
            self.fib.version += 1;
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        [self.neighbors.next_deadline(), self.path_mtus.next_deadline()].into_iter().flatten().min()
    }

    // Private steps.

    /// Where in the list the interface is.
    fn interface(&self, ifindex: IfIndex) -> Option<usize> {
        self.interfaces.iter().position(|i| i.ifindex == ifindex)
    }

    /// An input for an entry, which is created if need be.
    fn learn(&mut self, now: Instant, key: Key, input: Input) {
        if !key.1.is_unicast() {
            return;
        }
        let step = self.neighbors.learn(now, key, input, &mut self.rng);
        self.forget_evicted();
        self.settle(now, key, step);
    }

    /// An input for an entry if there is one.
    fn update(&mut self, now: Instant, key: Key, input: Input) {
        let step = self.neighbors.update(now, key, input, &mut self.rng);
        self.settle(now, key, step);
    }

    /// Publishes and solicits as a step of the machine asks.
    fn settle(&mut self, _now: Instant, key: Key, step: Step) {
        if let Some(link) = step.link {
            match link {
                Some(link) => self.fib.neighbors.insert(key, link),
                None => self.fib.neighbors.remove(&key),
            };
            self.fib.version += 1;
        }
        if let Some(solicit) = step.solicit {
            match key.1.as_v4() {
                Some(target) => self.solicit_arp(key.0, target, solicit),
                None => self.solicit_nd(key.0, key.1, solicit),
            }
        }
    }

    fn forget(&mut self, key: Key) -> bool {
        let found = self.neighbors.remove(key);
        if self.fib.neighbors.remove(&key).is_some() {
            self.fib.version += 1;
        }
        found
    }

    fn forget_evicted(&mut self) {
        while let Some(key) = self.neighbors.pop_evicted() {
            if self.fib.neighbors.remove(&key).is_some() {
                self.fib.version += 1;
            }
        }
    }

    fn lower_path_mtu(&mut self, now: Instant, ip: Ip, mtu: u32) {
        let Ok(path) = self.fib.path(ip, None, None) else { return };
        if path.ifindex == Fib::LOOPBACK {
            return;
        }
        if let Some((mtu, evicted)) = self.path_mtus.lower(now, ip, mtu, path.mtu) {
            evicted.map(|old| self.fib.path_mtus.remove(&old));
            self.fib.path_mtus.insert(ip, mtu);
            self.fib.version += 1;
        }
    }

    /// Routes that prefer a source which is gone go with it.
    fn drop_routes_from(&mut self, gone: &[Ip]) {
        let owned = |ip: Ip| self.interfaces.iter().any(|i| i.owns(ip));
        let lost: Vec<Ip> = gone.iter().copied().filter(|ip| !owned(*ip)).collect();
        self.routes.retain(|r| r.fib.source.is_none_or(|s| !lost.contains(&s)));
    }

    /// Builds interfaces and routes of the snapshot anew.
    fn publish(&mut self) {
        self.fib.interfaces = self.interfaces.iter().map(Interface::publish).collect();
        let routes = self.routes.all(&self.interfaces);
        self.fib.routes = routes.into_iter().map(|r| r.fib).collect();
        self.fib.index();
        self.fib.version += 1;
    }
}
