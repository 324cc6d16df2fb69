//! The verbs of the administrator, and the lists that show their effect.
//!
//! Those of control are for the worker of shard 0; any other refuses them
//! ([`ControlError::NotHere`]).

use addr::{Cidr, IfIndex, Ip, Mac};

use crate::control::{
    AddressConfig, AddressInfo, Control, ControlError, EventCursor, InterfaceConfig, InterfaceInfo,
    LinkChange, NeighborInfo, Notice, RouteConfig, RouteInfo,
};
use crate::fib::Fib;
use crate::socket::{ListPlace, SocketInfo};
use crate::stats::{LinkCounters, Stats};
use crate::time::Instant;
use crate::worker::Worker;

impl Worker {
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
        self.with_control(now, |control| control.interface_add(now, config))
    }

    /// Removes an interface with its addresses, routes and neighbours; connections from its
    /// addresses are aborted.
    ///
    /// # Errors
    /// If there is no such interface.
    pub fn interface_del(&mut self, now: Instant, ifindex: IfIndex) -> Result<(), ControlError> {
        self.with_control(now, |control| control.interface_del(ifindex))
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
        self.with_control(now, |control| control.link_set(now, ifindex, change))
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
        self.with_control(now, |control| control.link_rename(ifindex, name))
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
        self.with_control(now, |control| control.address_add(now, ifindex, &address.into()))
    }

    /// Gives an address of the interface new lifetimes, state and properties, or assigns it if it
    /// is not there (`ip address replace`).
    ///
    /// # Errors
    /// As [`Worker::address_add`], but an address that is assigned already is none.
    pub fn address_replace(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        address: impl Into<AddressConfig>,
    ) -> Result<(), ControlError> {
        self.with_control(now, |control| control.address_replace(now, ifindex, &address.into()))
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
        self.with_control(now, |control| control.address_del(now, ifindex, ip))
    }

    /// Adds a route.
    ///
    /// # Errors
    /// If one with this destination and metric exists, or the gateway is not a neighbour.
    pub fn route_add(&mut self, now: Instant, route: &RouteConfig) -> Result<(), ControlError> {
        self.with_control(now, |control| control.route_add(route))
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
        self.with_control(now, |control| control.route_del(destination, gateway, metric))
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
        self.with_control(now, |control| control.neighbor_add(now, ifindex, ip, mac))
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
        self.with_control(now, |control| control.neighbor_del(ifindex, ip))
    }

    /// Forgets every neighbour, of one interface if given; returns how many.
    ///
    /// # Errors
    /// If control is not here.
    pub fn neighbor_flush(
        &mut self,
        now: Instant,
        ifindex: Option<IfIndex>,
    ) -> Result<usize, ControlError> {
        self.with_control(now, |control| Ok(control.neighbor_flush(ifindex)))
    }

    /// Every interface in index order, with what this shard has counted of its traffic.
    ///
    /// # Errors
    /// If control is not here.
    pub fn interfaces(&self) -> Result<Vec<InterfaceInfo>, ControlError> {
        let mut all = self.control()?.list_interfaces();
        all.iter_mut().for_each(|info| info.counters = self.link_counters(info.ifindex));
        Ok(all)
    }

    /// What this shard has counted of an interface's traffic.
    #[must_use]
    pub fn link_counters(&self, ifindex: IfIndex) -> LinkCounters {
        self.shard.counted(ifindex)
    }

    /// Every address, by interface.
    ///
    /// # Errors
    /// If control is not here.
    pub fn addresses(&self) -> Result<Vec<AddressInfo>, ControlError> {
        Ok(self.control()?.list_addresses())
    }

    /// Every route, in the order of lookup, IPv4 first.
    ///
    /// # Errors
    /// If control is not here.
    pub fn routes(&self) -> Result<Vec<RouteInfo>, ControlError> {
        Ok(self.control()?.list_routes())
    }

    /// Every neighbour, by interface.
    ///
    /// # Errors
    /// If control is not here.
    pub fn neighbors(&self, now: Instant) -> Result<Vec<NeighborInfo>, ControlError> {
        Ok(self.control()?.list_neighbors(now))
    }

    /// Every socket of this shard.
    #[must_use]
    pub fn sockets(&self) -> Vec<SocketInfo> {
        let all = self.shard.sockets.list_from(ListPlace::default());
        all.map(|(_, info)| info).collect()
    }

    /// A page of that list: at most `max` sockets from the place `from` on, which is 0 or what the
    /// page before it returned. The second value is where the next page begins, if there is more.
    /// A socket that lives all the while stands on exactly one page.
    #[must_use]
    pub fn sockets_page(&self, from: u64, max: usize) -> (Vec<SocketInfo>, Option<u64>) {
        let mut rest = self.shard.sockets.list_from(ListPlace::from_number(from));
        let page = rest.by_ref().take(max).map(|(_, info)| info).collect();
        (page, rest.next().map(|(place, _)| place.to_number()))
    }

    /// What this shard has counted so far, and control if it is here.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = self.shard.parts.stats.clone();
        if let Some(control) = &self.control {
            stats.merge(control.stats());
        }
        stats.tcp_memory = self.shard.parts.memory.used();
        stats
    }

    /// The present snapshot of interfaces, routes and neighbours.
    #[must_use]
    pub fn fib(&self) -> &Fib {
        &self.fib
    }

    /// A reader of what changes from now on: links, addresses, routes, neighbours, groups. Readers
    /// do not disturb each other.
    ///
    /// # Errors
    /// If control is not here.
    pub fn control_events(&mut self) -> Result<EventCursor, ControlError> {
        Ok(self.control.as_mut().ok_or(ControlError::NotHere)?.events())
    }

    /// What the reader finds next; none if it has seen everything, or control is not here.
    #[must_use]
    pub fn next_control_event(&self, cursor: &mut EventCursor) -> Option<Notice<'_>> {
        self.control.as_ref()?.next_event(cursor)
    }

    fn control(&self) -> Result<&Control, ControlError> {
        self.control.as_ref().ok_or(ControlError::NotHere)
    }

    fn with_control<R>(
        &mut self,
        now: Instant,
        call: impl FnOnce(&mut Control) -> Result<R, ControlError>,
    ) -> Result<R, ControlError> {
        let result = call(self.control.as_mut().ok_or(ControlError::NotHere)?);
        self.pass_messages(now);
        result
    }
}
