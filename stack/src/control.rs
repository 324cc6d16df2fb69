//! The control plane: interfaces, addresses, routes, neighbours, path MTUs.
//!
//! Comes in: the administrator's verbs, ARP packets and neighbour discovery messages that the shard
//! hands over, requests of the shard, time. Goes out: frames (its own outbox), and the
//! changes of the [`Fib`](crate::fib::Fib) that the shards read.
//!
//! Control is a set of machines, each in a folder of its own, and this file wires them: it hands
//! each input to its machine together with a shared context. All timers are in one queue
//! (`timers`); all writing of the snapshot is in `publish`.
//!
//! Connected routes follow from addresses and are never stored.
//!
//! Bounds: [`Limits::addresses`], [`Limits::routes`], [`Limits::neighbors`]; a full neighbour table
//! drops the entries of least use.

mod address;
mod cx;
mod error;
mod event;
mod interface;
mod link;
mod link_local;
mod list;
mod membership;
mod neighbor;
mod path_mtu;
mod publish;
mod route;
mod timers;

pub use crate::fib::{AddressFlags, AddressOrigin, AddressState, InterfaceAddress, LinkState};
pub use address::AddressConfig;
pub use error::ControlError;
pub use event::{ControlEvent, EventCursor, LinkRecord, NeighborRecord, Notice};
pub use interface::InterfaceConfig;
pub use link::LinkChange;
pub use link_local::AddrGenMode;
pub use list::{AddressInfo, InterfaceInfo, NeighborInfo, RouteInfo};
pub use neighbor::machine::NudState;
pub use route::{RouteConfig, RouteProtocol, Scope};

use addr::{Cidr, IfIndex, Ip, Mac};
use wire::offload::Medium;

use crate::control::address::Effect;
use crate::control::cx::ControlCx;
use crate::control::interface::Interface;
use crate::control::membership::mld;
use crate::control::neighbor::machine::Input;
use crate::control::neighbor::table::Neighbors;
use crate::control::neighbor::{arp, arp_input, nd, nd_input};
use crate::control::path_mtu::PathMtus;
use crate::control::route::Routes;
use crate::control::timers::TimerId;
use crate::cx::Request;
use crate::delivery::{ControlMessage, Delivery};
use crate::drop::DropReason;
#[cfg(test)]
use crate::fib::ControlProtocols;
use crate::fib::FibUpdate;
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::stats::Stats;
use crate::time::Instant;

/// The control plane of a host.
#[derive(Debug)]
pub(crate) struct Control {
    cx: ControlCx,
    routes: Routes,
    neighbors: Neighbors,
    path_mtus: PathMtus,
}

impl Control {
    pub(crate) fn new(limits: &Limits, rng: Random) -> Self {
        let mut control = Self {
            cx: ControlCx::new(limits, rng),
            routes: Routes::default(),
            neighbors: Neighbors::new(limits.neighbors),
            path_mtus: PathMtus::default(),
        };
        control.publish();
        control
    }

    /// The next change of the snapshot that the shards have not been sent.
    pub(crate) fn next_update(&mut self) -> Option<FibUpdate> {
        self.cx.publisher.next_update()
    }

    /// Whether there is one.
    #[inline]
    pub(crate) fn has_updates(&self) -> bool {
        self.cx.publisher.has_updates()
    }

    /// Frames to send, before anything else of their interface.
    #[inline]
    pub(crate) fn outbox(&self) -> &Outbox {
        &self.cx.outbox
    }

    /// The same, to take frames out.
    #[inline]
    pub(crate) fn outbox_mut(&mut self) -> &mut Outbox {
        &mut self.cx.outbox
    }

    /// What this part has counted.
    pub(crate) fn stats(&self) -> &Stats {
        &self.cx.stats
    }

    #[cfg(test)]
    pub(crate) fn stats_mut(&mut self) -> &mut Stats {
        &mut self.cx.stats
    }

    // Interfaces.

    pub(crate) fn interface_add(
        &mut self,
        now: Instant,
        config: InterfaceConfig,
    ) -> Result<IfIndex, ControlError> {
        let interface = self.cx.interfaces.add(config)?;
        let (ifindex, has_v6) = (interface.ifindex, interface.has_v6());
        self.publish();
        if has_v6 {
            self.start_v6(now, ifindex)?;
        }
        Ok(ifindex)
    }

    /// Removes an interface with its addresses, routes and neighbours.
    pub(crate) fn interface_del(&mut self, ifindex: IfIndex) -> Result<(), ControlError> {
        let interface = self.cx.interfaces.remove(ifindex)?;
        self.routes.retain(|r| r.fib.ifindex != ifindex);
        self.neighbors.flush(&mut self.cx, Some(ifindex));
        self.cx.outbox.remove(ifindex);
        let gone: Vec<Ip> = interface.addresses.iter().map(InterfaceAddress::ip).collect();
        gone.iter().for_each(|ip| self.cx.timers.cancel(TimerId::Address(ifindex, *ip)));
        self.drop_routes_from(&gone);
        self.publish();
        Ok(())
    }

    /// Changes the state, MTU or link address of an interface.
    pub(crate) fn link_set(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        change: &LinkChange,
    ) -> Result<(), ControlError> {
        self.cx.now = now;
        let Some(effect) = link::set(&mut self.cx, ifindex, change)? else { return Ok(()) };
        let (before, after) = (effect.before, effect.after);
        if (before.up && !after.up) || effect.mac_changed {
            self.neighbors.flush(&mut self.cx, Some(ifindex));
        } else if before.carrier && !after.carrier {
            self.neighbors.flush_learned(&mut self.cx, ifindex);
        }
        if before.up && !after.up {
            self.routes.retain(|r| r.fib.ifindex != ifindex);
        }
        if !after.is_running() {
            self.cx.outbox.remove(ifindex);
        }
        if effect.had_v6 && !effect.has_v6 {
            self.stop_v6(ifindex);
        }
        self.publish();
        match (before.is_running(), after.is_running()) {
            (false, true) => self.announce_all(ifindex),
            (true, false) => self.announce_taken_over(ifindex),
            _ => {}
        }
        if effect.has_v6 && !effect.had_v6 {
            self.start_v6(now, ifindex)?;
        }
        Ok(())
    }

    /// Gives an interface another name.
    pub(crate) fn link_rename(&mut self, ifindex: IfIndex, name: &str) -> Result<(), ControlError> {
        self.cx.interfaces.rename(ifindex, name)
    }

    // Addresses.

    pub(crate) fn address_add(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        config: &AddressConfig,
    ) -> Result<(), ControlError> {
        self.cx.now = now;
        let effect = address::add(&mut self.cx, ifindex, config)?;
        self.on_address(ifindex, &effect);
        Ok(())
    }

    pub(crate) fn address_replace(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        config: &AddressConfig,
    ) -> Result<(), ControlError> {
        self.cx.now = now;
        let effect = address::replace(&mut self.cx, ifindex, config)?;
        self.on_address(ifindex, &effect);
        Ok(())
    }

    pub(crate) fn address_del(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        ip: Ip,
    ) -> Result<(), ControlError> {
        self.cx.now = now;
        let effect = address::del(&mut self.cx, ifindex, ip)?;
        self.on_address(ifindex, &effect);
        Ok(())
    }

    // Routes.

    pub(crate) fn route_add(&mut self, route: &RouteConfig) -> Result<(), ControlError> {
        let cx = &self.cx;
        self.routes.add(route, &cx.interfaces, cx.fib(), cx.limits.routes)?;
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
        self.cx.now = now;
        if self.cx.interfaces.named(ifindex)?.medium != Medium::Ethernet {
            return Err(ControlError::Invalid("the medium has no link addresses"));
        }
        if !mac.is_unicast() || !ip.is_unicast() || self.cx.fib().is_local(ip) {
            return Err(ControlError::Invalid("not a neighbor's address"));
        }
        let key = (ifindex, ip);
        if self.neighbors.state(key) == Some(NudState::Permanent) {
            return Err(ControlError::NeighborExists(ip));
        }
        let room = self.neighbors.set_permanent(&mut self.cx, key, mac);
        room.then_some(()).ok_or(ControlError::Full("neighbors"))
    }

    pub(crate) fn neighbor_del(&mut self, ifindex: IfIndex, ip: Ip) -> Result<(), ControlError> {
        self.cx.interfaces.named(ifindex)?;
        let found = self.neighbors.remove(&mut self.cx, (ifindex, ip));
        found.then_some(()).ok_or(ControlError::NoNeighbor(ip))
    }

    /// Forgets every neighbour, of one interface if given, and returns how many.
    pub(crate) fn neighbor_flush(&mut self, ifindex: Option<IfIndex>) -> usize {
        self.neighbors.flush(&mut self.cx, ifindex)
    }

    // What the shard hands over, and time.

    /// Takes a message that a shard hands over.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        delivery: &Delivery<'_>,
    ) -> Result<(), DropReason> {
        let Self { cx, neighbors, .. } = self;
        cx.now = now;
        let ifindex = delivery.ifindex;
        match &delivery.message {
            ControlMessage::Arp(packet) => {
                arp_input::receive(neighbors, cx, ifindex, delivery.link.dst, packet)
            }
            ControlMessage::NeighborDiscovery(message)
            | ControlMessage::RouterDiscovery(message) => {
                nd_input::receive(neighbors, cx, ifindex, message)
            }
            // No machine registers for these, so they end as they would without control.
            ControlMessage::Mld(_) => Err(DropReason::IcmpUnwanted),
            ControlMessage::Igmp(_) => Err(DropReason::IpUnknownProtocol),
            ControlMessage::Dhcpv4(_) | ControlMessage::Dhcpv6(_) => Err(DropReason::UdpNoSocket),
        }
    }

    /// Lets the messages of these protocols come here.
    #[cfg(test)]
    pub(crate) fn register(&mut self, ifindex: IfIndex, protocols: ControlProtocols) {
        self.cx.interfaces.named(ifindex).unwrap().control_protocols = protocols;
        self.publish();
    }

    /// Does what the shard asked for.
    pub(crate) fn apply(&mut self, now: Instant, request: Request) {
        let Self { cx, neighbors, path_mtus, .. } = self;
        cx.now = now;
        match request {
            Request::Resolve(ifindex, ip) => {
                let interface = cx.interfaces.get(ifindex);
                if interface.is_some_and(|i| i.medium == Medium::Ethernet) {
                    neighbors.learn(cx, (ifindex, ip), Input::Resolve);
                }
            }
            Request::Used(ifindex, ip) => neighbors.update(cx, (ifindex, ip), Input::Used),
            Request::Confirmed(ifindex, ip) => {
                neighbors.update(cx, (ifindex, ip), Input::Confirmed);
            }
            Request::PathMtu(ip, mtu) => path_mtus.lower(cx, ip, mtu),
        }
    }

    /// Serves every deadline up to `now`.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.cx.now = now;
        // Each step moves its timer beyond `now` or stops it, unless time has jumped far ahead;
        // then a machine goes through its states, which are few.
        while let Some(id) = self.cx.timers.expire(now) {
            let Self { cx, neighbors, path_mtus, .. } = self;
            match id {
                TimerId::Neighbor(ifindex, ip) => {
                    neighbors.update(cx, (ifindex, ip), Input::Timer);
                }
                TimerId::NeighborGc => neighbors.collect(cx),
                TimerId::PathMtu => path_mtus.expire(cx),
                TimerId::Address(ifindex, ip) => self.on_lifetime(ifindex, ip),
            }
        }
    }

    #[inline]
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.cx.timers.next_deadline()
    }

    // Events.

    /// A reader of all changes from now on.
    pub(crate) fn events(&mut self) -> EventCursor {
        self.cx.events.cursor()
    }

    /// What a reader finds next.
    pub(crate) fn next_event(&self, cursor: &mut EventCursor) -> Option<Notice<'_>> {
        self.cx.events.next(cursor)
    }

    // Lists.

    /// Interfaces in index order; the traffic is the shard's to fill in.
    pub(crate) fn list_interfaces(&self) -> Vec<InterfaceInfo> {
        list::interfaces(&self.cx)
    }

    /// Addresses by interface, in assignment order, IPv4 first.
    pub(crate) fn list_addresses(&self) -> Vec<AddressInfo> {
        list::addresses(&self.cx)
    }

    /// Routes, connected ones included, IPv4 first, each family in the order of lookup.
    pub(crate) fn list_routes(&self) -> Vec<RouteInfo> {
        list::routes(&self.cx, &self.routes)
    }

    /// Neighbours by interface and address.
    pub(crate) fn list_neighbors(&self, now: Instant) -> Vec<NeighborInfo> {
        list::neighbors(&self.cx, &self.neighbors, now)
    }

    // Private steps.

    /// A lifetime of an address ended.
    fn on_lifetime(&mut self, ifindex: IfIndex, ip: Ip) {
        let Some(effect) = address::expire(&mut self.cx, ifindex, ip) else { return };
        self.on_address(ifindex, &effect);
    }

    /// Does what the change of an address implies for neighbours, routes, groups and the link.
    fn on_address(&mut self, ifindex: IfIndex, effect: &Effect) {
        let Some(ip) = effect.new.or(effect.old).map(|record| record.ip()) else { return };
        if effect.old.is_none() {
            // The address is ours now, so drop any neighbour entry for it.
            self.neighbors.remove(&mut self.cx, (ifindex, ip));
        }
        if effect.new.is_none() {
            self.drop_routes_without(ifindex, ip);
        }
        self.publish();
        if let Some(joined) = effect.group {
            mld::report(&mut self.cx, ifindex, ip.solicited_node(), joined);
        }
        if effect.is_assigned_now() {
            self.announce(ifindex, ip);
        }
    }

    /// IPv6 is possible on the interface from now on.
    fn start_v6(&mut self, now: Instant, ifindex: IfIndex) -> Result<(), ControlError> {
        let interface = self.cx.interfaces.named(ifindex)?;
        interface.join_if_absent(Ip::ALL_NODES);
        let automatic = interface.addr_gen_mode.link_local(interface.mac);
        self.publish();
        match automatic {
            Some(cidr) => {
                let config = AddressConfig::new(cidr).origin(AddressOrigin::KernelLinkLocal);
                self.address_add(now, ifindex, &config)
            }
            None => Ok(()),
        }
    }

    /// IPv6 is not possible on the interface any more (Linux `addrconf_ifdown`): its addresses and
    /// routes go.
    fn stop_v6(&mut self, ifindex: IfIndex) {
        self.routes.retain(|r| r.fib.ifindex != ifindex || r.fib.destination.ip.is_v4());
        let Ok(interface) = self.cx.interfaces.named(ifindex) else { return };
        interface.leave(Ip::ALL_NODES);
        let own: Vec<Ip> = interface.addresses.iter().map(InterfaceAddress::ip).collect();
        for ip in own.into_iter().filter(Ip::is_v6) {
            if let Ok(effect) = address::del(&mut self.cx, ifindex, ip) {
                self.on_address(ifindex, &effect);
            }
        }
    }

    /// Tells a link that runs again which groups and addresses are here.
    fn announce_all(&mut self, ifindex: IfIndex) {
        let Some(interface) = self.cx.interfaces.get(ifindex) else { return };
        let groups: Vec<Ip> = interface.groups().collect();
        let own: Vec<Ip> = interface.assigned().map(|a| a.ip).collect();
        groups.into_iter().for_each(|group| mld::report(&mut self.cx, ifindex, group, true));
        own.into_iter().for_each(|ip| self.announce(ifindex, ip));
    }

    /// Tells the links that have taken over addresses of an interface which does not run any more.
    /// Linux leaves it to its neighbors to find out; a bond announces, as this does.
    fn announce_taken_over(&mut self, ifindex: IfIndex) {
        let Some(interface) = self.cx.interfaces.get(ifindex) else { return };
        let lost: Vec<Ip> = interface.assigned().map(|a| a.ip).collect();
        let others = self.cx.interfaces.iter().map(|i| i.ifindex);
        let others: Vec<IfIndex> = others.filter(|i| *i != ifindex).collect();
        for taker in others {
            for &ip in &lost {
                if self.cx.answers_for(taker, ip) {
                    if ip.is_v6() {
                        mld::report(&mut self.cx, taker, ip.solicited_node(), true);
                    }
                    self.announce(taker, ip);
                }
            }
        }
    }

    /// Tells an Ethernet that an address is here.
    fn announce(&mut self, ifindex: IfIndex, ip: Ip) {
        let cx = &mut self.cx;
        if cx.interfaces.get(ifindex).is_none_or(|i| i.medium != Medium::Ethernet) {
            return;
        }
        match ip.as_v4() {
            Some(ip) => arp::announce(cx, ifindex, ip),
            None => nd::announce(cx, ifindex, ip),
        }
    }

    /// Removes the routes that need an address which is gone.
    fn drop_routes_without(&mut self, ifindex: IfIndex, gone: Ip) {
        let interface = self.cx.interfaces.get(ifindex);
        let has_v4 = interface.is_some_and(|i| i.addresses.iter().any(|a| a.ip().is_v4()));
        if gone.is_v4() && !has_v4 {
            // As Linux: without an address IPv4 is off on the interface, with its routes.
            self.routes.retain(|r| r.fib.ifindex != ifindex || r.fib.destination.ip.is_v6());
        }
        self.drop_routes_from(&[gone]);
    }

    /// Routes that prefer a source which is gone go with it.
    fn drop_routes_from(&mut self, gone: &[Ip]) {
        let interfaces = &self.cx.interfaces;
        let lost: Vec<Ip> = gone.iter().copied().filter(|ip| !interfaces.owns(*ip)).collect();
        self.routes.retain(|r| r.fib.source.is_none_or(|s| !lost.contains(&s)));
    }

    /// Builds interfaces and routes of the snapshot anew.
    fn publish(&mut self) {
        let interfaces = self.cx.interfaces.iter().map(Interface::publish).collect();
        let all = self.routes.all(&self.cx.interfaces).into_iter().map(|r| r.fib);
        let routes = all.filter(|r| self.cx.is_running(r.ifindex)).collect();
        let ControlCx { publisher, events, .. } = &mut self.cx;
        publisher.tables(events, interfaces, routes);
    }
}
