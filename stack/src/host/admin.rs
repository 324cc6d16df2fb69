//! The verbs of the administrator, which are the first worker's, and the lists and counters of
//! all workers.

use addr::{Cidr, IfIndex, Ip, Mac};

use crate::control::{
    AddressConfig, AddressInfo, ControlError, EventCursor, InterfaceConfig, InterfaceInfo,
    LinkChange, NeighborInfo, Notice, RouteConfig, RouteInfo,
};
use crate::fib::Fib;
use crate::host::Host;
use crate::shard::index::ShardIndex;
use crate::socket::SocketInfo;
use crate::stats::{LinkCounters, Stats};
use crate::time::Instant;
use crate::worker::Worker;

impl Host {
    /// Adds an interface; its number is the next unused one. The loopback interface is there
    /// already.
    ///
    /// # Errors
    /// If the name is taken or the configuration makes no sense.
    pub fn interface_add(
        &mut self,
        now: Instant,
        config: InterfaceConfig,
    ) -> Result<IfIndex, ControlError> {
        self.on(now, ShardIndex::ZERO, |worker| worker.interface_add(now, config))
    }

    /// Removes an interface with its addresses, routes and neighbours; connections from its
    /// addresses are aborted.
    ///
    /// # Errors
    /// If there is no such interface.
    pub fn interface_del(&mut self, now: Instant, ifindex: IfIndex) -> Result<(), ControlError> {
        self.on(now, ShardIndex::ZERO, |worker| worker.interface_del(now, ifindex))
    }

    /// Changes the state, MTU or link address of an interface, as its device reports them or the
    /// administrator wants them.
    ///
    /// An interface that is down takes in no frame and sends none. The routes over it that somebody
    /// added are removed and its neighbours forgotten, as on Linux; its addresses stay and are
    /// announced when it runs again. Without a carrier, routes stay but do not match.
    ///
    /// # Errors
    /// If there is no such interface, it is the loopback interface, the MTU is out of range, or the
    /// link address is not unicast.
    pub fn link_set(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        change: &LinkChange,
    ) -> Result<(), ControlError> {
        self.on(now, ShardIndex::ZERO, |worker| worker.link_set(now, ifindex, change))
    }

    /// Gives an interface another name; nothing else about it changes.
    ///
    /// # Errors
    /// If there is no such interface, it is the loopback interface, or the name is none or another
    /// interface's.
    pub fn link_rename(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        name: &str,
    ) -> Result<(), ControlError> {
        self.on(now, ShardIndex::ZERO, |worker| worker.link_rename(now, ifindex, name))
    }

    /// Assigns an address and announces it on the link. A [`Cidr`] alone makes a permanent address;
    /// an [`AddressConfig`] says more.
    ///
    /// # Errors
    /// If it is assigned already, is no host's address, its lifetimes make no sense (RFC 4862
    /// §5.5.3), or there is no such interface.
    pub fn address_add(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        address: impl Into<AddressConfig>,
    ) -> Result<(), ControlError> {
        let address = address.into();
        self.on(now, ShardIndex::ZERO, |worker| worker.address_add(now, ifindex, address))
    }

    /// Gives an address of the interface new lifetimes, state and properties, or assigns it if it
    /// is not there (`ip address replace`).
    ///
    /// # Errors
    /// As [`Host::address_add`], but an address that is assigned already is none.
    pub fn address_replace(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        address: impl Into<AddressConfig>,
    ) -> Result<(), ControlError> {
        let address = address.into();
        self.on(now, ShardIndex::ZERO, |worker| worker.address_replace(now, ifindex, address))
    }

    /// Takes an address away; connections from it are aborted.
    ///
    /// # Errors
    /// If it is not assigned there.
    pub fn address_del(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        ip: Ip,
    ) -> Result<(), ControlError> {
        self.on(now, ShardIndex::ZERO, |worker| worker.address_del(now, ifindex, ip))
    }

    /// Adds a route.
    ///
    /// # Errors
    /// If one with this destination and metric exists, or the gateway is not a neighbour.
    pub fn route_add(&mut self, now: Instant, route: &RouteConfig) -> Result<(), ControlError> {
        self.on(now, ShardIndex::ZERO, |worker| worker.route_add(now, route))
    }

    /// Removes the first route to `destination`, by that gateway and with that metric if given.
    ///
    /// # Errors
    /// If there is none.
    pub fn route_del(
        &mut self,
        now: Instant,
        destination: Cidr,
        gateway: Option<Ip>,
        metric: Option<u32>,
    ) -> Result<(), ControlError> {
        self.on(now, ShardIndex::ZERO, |worker| worker.route_del(now, destination, gateway, metric))
    }

    /// Sets the link address of a neighbour for good.
    ///
    /// # Errors
    /// If it has a permanent entry, or the medium has no link addresses.
    pub fn neighbor_add(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        ip: Ip,
        mac: Mac,
    ) -> Result<(), ControlError> {
        self.on(now, ShardIndex::ZERO, |worker| worker.neighbor_add(now, ifindex, ip, mac))
    }

    /// Forgets a neighbour.
    ///
    /// # Errors
    /// If it has no entry.
    pub fn neighbor_del(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        ip: Ip,
    ) -> Result<(), ControlError> {
        self.on(now, ShardIndex::ZERO, |worker| worker.neighbor_del(now, ifindex, ip))
    }

    /// Forgets every neighbour, of one interface if given; returns how many.
    pub fn neighbor_flush(&mut self, now: Instant, ifindex: Option<IfIndex>) -> usize {
        let first = ShardIndex::ZERO;
        self.on(now, first, |worker| worker.neighbor_flush(now, ifindex)).unwrap_or_default()
    }

    /// A reader of what changes from now on: links, addresses, routes, neighbours, groups. Readers
    /// do not disturb each other.
    pub fn control_events(&mut self) -> EventCursor {
        // Control is always at the first worker.
        self.workers[0].control_events().unwrap_or_default()
    }

    /// What the reader finds next; none if it has seen everything.
    #[must_use]
    pub fn next_control_event(&self, cursor: &mut EventCursor) -> Option<Notice<'_>> {
        self.workers[0].next_control_event(cursor)
    }

    /// Every interface with its traffic, in index order.
    #[must_use]
    pub fn interfaces(&self) -> Vec<InterfaceInfo> {
        let mut all = self.workers[0].interfaces().unwrap_or_default();
        for info in &mut all {
            info.counters = LinkCounters::default();
            for worker in &self.workers {
                info.counters += worker.link_counters(info.ifindex);
            }
        }
        all
    }

    /// Every address, by interface.
    #[must_use]
    pub fn addresses(&self) -> Vec<AddressInfo> {
        self.workers[0].addresses().unwrap_or_default()
    }

    /// Every route, in the order of lookup, IPv4 first.
    #[must_use]
    pub fn routes(&self) -> Vec<RouteInfo> {
        self.workers[0].routes().unwrap_or_default()
    }

    /// Every neighbour, by interface.
    #[must_use]
    pub fn neighbors(&self, now: Instant) -> Vec<NeighborInfo> {
        self.workers[0].neighbors(now).unwrap_or_default()
    }

    /// Every socket.
    #[must_use]
    pub fn sockets(&self) -> Vec<SocketInfo> {
        self.workers.iter().flat_map(Worker::sockets).collect()
    }

    /// What all shards have counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        self.workers.iter().for_each(|worker| stats.merge(&worker.stats()));
        stats
    }

    /// The present snapshot of interfaces, routes and neighbours.
    #[must_use]
    pub fn fib(&self) -> &Fib {
        self.workers[0].fib()
    }
}
