//! Keeps an interface of the stack in step with the kernel's device behind it.
//!
//! The kernel says that something changed; the device is then asked how it stands, and the stack is
//! informed. The MTU follows as far as the ports' buffers can carry it, and the name follows too. A
//! device that is gone counts as down.
//!
//! As on Linux, the stack removes the routes over a link that goes down, and ends IPv6 where the
//! MTU falls below 1280. Whoever configured them puts them back: what the configuration named and
//! the stack still had, this does.

use std::os::fd::{AsFd, BorrowedFd};

use addr::{Cidr, IfIndex, Mac};
use datapath::{Backend, DeviceFacts, DeviceState, OsDevice, PortInfo};
use stack::RouteConfig;
use stack::control::{
    AddressConfig, AddressOrigin, ControlError, InterfaceAddress, LinkChange, RouteProtocol,
};

use super::reopen::Reopener;
use crate::config::Interface;
use crate::sockets::Core;
use crate::sockets::poller::Token;

/// Follows one device.
pub(crate) struct DeviceFollower {
    name: String,
    ifindex: IfIndex,
    device: OsDevice,
    /// The device's link address is the stack's too, and nobody chose another.
    follows_mac: bool,
    /// Largest MTU that the ports can carry, or that was configured.
    mtu_max: u32,
    /// Routes and IPv6 addresses of the configuration, which the stack lost with the link or with
    /// IPv6.
    lost_routes: Vec<RouteConfig>,
    lost_addresses: Vec<Cidr>,
    state: DeviceState,
    last: Option<DeviceFacts>,
    configured_mtu: Option<u32>,
    reopener: Reopener,
}

/// Smallest MTU of an IPv6 link (RFC 8200 §5).
const MTU_MIN_V6: u32 = 1280;

impl DeviceFollower {
    /// The follower of an interface's device; none if no kernel device is behind its ports.
    pub(crate) fn new(
        ifindex: IfIndex,
        interface: &Interface,
        info: &PortInfo,
        reopener: Reopener,
    ) -> Option<Self> {
        let device = info.os.clone()?;
        // A TAP was given its MTU when it was opened; an XDP device keeps its own.
        let configured_mtu = interface.port.mtu.filter(|_| info.backend == Backend::Xdp);
        Some(Self {
            name: info.name.clone(),
            ifindex,
            device,
            follows_mac: info.backend == Backend::Xdp && interface.mac.is_none(),
            mtu_max: configured_mtu.map_or(info.mtu_max, |mtu| mtu.min(info.mtu_max)),
            lost_routes: Vec::new(),
            lost_addresses: Vec::new(),
            state: DeviceState::Up,
            last: None,
            configured_mtu,
            reopener,
        })
    }

    /// The interface's number.
    pub(crate) fn ifindex(&self) -> IfIndex {
        self.ifindex
    }

    /// The device was opened again, or one that took its place.
    pub(crate) fn on_opened(&mut self, info: &PortInfo, core: &mut Core) {
        self.reopener.has_arrived();
        let Some(device) = info.os.clone() else { return };
        core.poller.remove(&*self);
        self.device = device;
        self.mtu_max = self.configured_mtu.map_or(info.mtu_max, |mtu| mtu.min(info.mtu_max));
        if let Err(error) = core.poller.add_input(&*self, Token::Devices) {
            tracing::warn!("{}: its changes cannot be watched: {error}", self.name);
        }
        tracing::info!("{}: opened again: {}", self.name, info.mode);
    }

    /// Whether the kernel reported a change since the last call.
    pub(crate) fn take_changed(&self) -> bool {
        self.device.take_changed()
    }

    /// Asks the device how it stands and tells the stack what is different.
    pub(crate) fn follow(&mut self, core: &mut Core) {
        self.follow_name(core);
        let facts = self.device.facts();
        let state = facts.map_or_else(|| self.device.state(), |facts| facts.state);
        if state == DeviceState::Gone {
            self.seek();
        }
        if state == self.state && (facts.is_none() || facts == self.last) {
            return;
        }
        let before = std::mem::replace(&mut self.state, state);
        let was_followed = self.last.is_some();
        if facts.is_some() {
            self.last = facts;
        }
        let mtu = facts.map(|facts| self.clamp(facts.mtu));
        self.note_what_goes(core, state, mtu);
        let up = !matches!(state, DeviceState::Down | DeviceState::Gone);
        // A device that is down says nothing of its carrier.
        let carrier = up.then_some(state != DeviceState::NoCarrier);
        let mac: Option<Mac> = facts.and_then(|facts| facts.mac).filter(|_| self.follows_mac);
        let previous = core.worker.fib().interface(self.ifindex).map(|i| i.mtu);
        let change = LinkChange { up: Some(up), carrier, mtu, mac };
        if let Err(error) = core.worker.link_set(core.now, self.ifindex, &change) {
            tracing::warn!("{}: {error}", self.name);
        }
        if before != state || (!was_followed && state != DeviceState::Up) {
            tracing::info!("{}: the link is {}", self.name, state_name(state));
        }
        if mtu.is_some() && mtu != previous {
            tracing::info!("{}: mtu {}", self.name, mtu.unwrap_or_default());
        }
        if up && carrier == Some(true) {
            self.restore(core);
        }
    }

    /// Has a device that is gone opened again, if it is back or the stack made it: under the name
    /// that it had last, or else the configured one.
    fn seek(&self) {
        let names = [self.name.as_str(), self.reopener.configured_name()];
        if self.reopener.makes_it() {
            self.reopener.start(names[1]);
        } else if let Some(name) = names.into_iter().find(|name| self.device.has_sibling(name)) {
            self.reopener.start(name);
        }
    }

    /// Takes over a new name.
    fn follow_name(&mut self, core: &mut Core) {
        let Some(name) = self.device.name().filter(|name| *name != self.name) else { return };
        tracing::info!("{}: renamed to {name}", self.name);
        match core.worker.link_rename(core.now, self.ifindex, &name) {
            Ok(()) => self.name = name,
            Err(error) => tracing::warn!("{}: {error}", self.name),
        }
    }

    /// As much of the device's MTU as the ports can carry.
    fn clamp(&self, mtu: u32) -> u32 {
        if mtu > self.mtu_max && self.last.is_some_and(|last| last.mtu != mtu) {
            let (name, most) = (&self.name, self.mtu_max);
            tracing::warn!("{name}: the device's mtu is {mtu}, of which its ports carry {most}");
        }
        mtu.min(self.mtu_max)
    }

    /// Notes what the stack is about to lose of what was configured.
    fn note_what_goes(&mut self, core: &Core, state: DeviceState, mtu: Option<u32>) {
        let down = matches!(state, DeviceState::Down | DeviceState::Gone);
        let ends_v6 = mtu.is_some_and(|mtu| mtu < MTU_MIN_V6);
        if down || ends_v6 {
            let routes = core.worker.routes().unwrap_or_default();
            let ours = routes.into_iter().filter(|route| {
                let family = down || route.destination.ip.is_v6();
                route.ifindex == self.ifindex && route.protocol == RouteProtocol::Boot && family
            });
            self.lost_routes.extend(ours.map(|route| RouteConfig {
                destination: route.destination,
                gateway: route.gateway,
                ifindex: Some(route.ifindex),
                metric: Some(route.metric),
                source: route.source,
                protocol: route.protocol,
            }));
        }
        if ends_v6 {
            let addresses = core.worker.addresses().unwrap_or_default().into_iter();
            let ours = addresses.filter(|a| a.ifindex == self.ifindex && is_configured(&a.address));
            self.lost_addresses.extend(ours.map(|a| a.address.cidr));
        }
    }

    /// Puts back what was configured and lost. What is not possible yet waits for the next time.
    fn restore(&mut self, core: &mut Core) {
        for cidr in std::mem::take(&mut self.lost_addresses) {
            let config = AddressConfig::new(cidr);
            match core.worker.address_add(core.now, self.ifindex, config) {
                Ok(()) | Err(ControlError::AddressExists(_)) => {}
                Err(ControlError::Invalid(_)) => self.lost_addresses.push(cidr),
                Err(error) => tracing::warn!("{}: address {cidr}: {error}", self.name),
            }
        }
        for route in std::mem::take(&mut self.lost_routes) {
            match core.worker.route_add(core.now, &route) {
                Ok(()) | Err(ControlError::RouteExists(_)) => {}
                Err(ControlError::InvalidGateway(_)) => self.lost_routes.push(route),
                Err(error) => {
                    tracing::warn!("{}: route {}: {error}", self.name, route.destination);
                }
            }
        }
    }
}

/// Whether somebody assigned an IPv6 address for good.
fn is_configured(address: &InterfaceAddress) -> bool {
    let lasting = address.valid_until.is_none() && address.preferred_until.is_none();
    address.ip().is_v6() && address.origin == AddressOrigin::Static && lasting
}

impl AsFd for DeviceFollower {
    /// Readable when the kernel tells of a change.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.monitor()
    }
}

const fn state_name(state: DeviceState) -> &'static str {
    match state {
        DeviceState::Up => "up",
        DeviceState::NoCarrier => "up without a carrier",
        DeviceState::Down => "down",
        DeviceState::Moved => "in another network namespace",
        DeviceState::Gone => "gone",
    }
}
