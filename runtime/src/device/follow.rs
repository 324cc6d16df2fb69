//! Keeps an interface of the stack in step with the kernel's device behind it.
//!
//! The kernel says that something changed; the device is then asked how it stands, and the stack is
//! informed of what is different. The MTU follows only as far as the frames that the ports were
//! opened with can carry it. A device that is gone counts as down.

use std::os::fd::{AsFd, BorrowedFd};

use addr::{IfIndex, Mac};
use datapath::{Backend, DeviceFacts, DeviceState, OsDevice, PortInfo};
use stack::RouteConfig;
use stack::control::LinkChange;

use crate::config::Interface;
use crate::sockets::Core;

/// Follows one device.
pub(crate) struct DeviceFollower {
    name: String,
    ifindex: IfIndex,
    device: OsDevice,
    /// The device's link address is the stack's too, and nobody chose another.
    follows_mac: bool,
    /// Largest MTU that the ports can carry.
    mtu_max: u32,
    /// Routes of the configuration: the stack removes them when the link goes down, as Linux does,
    /// and whoever configured them puts them back.
    routes: Vec<RouteConfig>,
    /// The link went down since they were added.
    routes_missing: bool,
    last: Option<DeviceFacts>,
}

/// Largest IP packet, bytes.
const MTU_LIMIT: u32 = 65_535;

impl DeviceFollower {
    /// The follower of an interface's device; none if no kernel device is behind its ports.
    pub(crate) fn new(
        ifindex: IfIndex,
        interface: &Interface,
        info: &PortInfo,
        routes: Vec<RouteConfig>,
    ) -> Option<Self> {
        let device = info.os.clone()?;
        // Ports that take large segments have room for any packet.
        let room = if info.caps.gso_max > 0 { MTU_LIMIT } else { info.mtu };
        Some(Self {
            name: info.name.clone(),
            ifindex,
            device,
            follows_mac: info.backend == Backend::Xdp && interface.mac.is_none(),
            mtu_max: interface.port.mtu.filter(|_| info.backend == Backend::Xdp).unwrap_or(room),
            routes,
            routes_missing: false,
            last: None,
        })
    }

    /// Whether the kernel reported a change since the last call.
    pub(crate) fn take_changed(&self) -> bool {
        self.device.take_changed()
    }

    /// Asks the device how it stands and tells the stack what is different.
    pub(crate) fn follow(&mut self, core: &mut Core) {
        let facts = self.device.facts();
        let gone = DeviceFacts { state: DeviceState::Gone, mtu: self.mtu_max, mac: None };
        let facts = facts.unwrap_or(gone);
        let last = self.last.replace(facts);
        if last == Some(facts) {
            return;
        }
        let up = matches!(facts.state, DeviceState::Up | DeviceState::NoCarrier);
        // A device that is down says nothing of its carrier.
        let carrier = up.then_some(facts.state == DeviceState::Up);
        let mac: Option<Mac> = facts.mac.filter(|_| self.follows_mac);
        let is_new = |mtu: &u32| last.is_some_and(|last| last.mtu != *mtu);
        let mtu = Some(facts.mtu).filter(is_new).map(|mtu| {
            if mtu > self.mtu_max {
                tracing::warn!("{}: mtu {mtu} is more than its ports carry", self.name);
            }
            mtu.min(self.mtu_max)
        });
        let change = LinkChange { up: Some(up), carrier, mtu, mac };
        if let Err(error) = core.worker.link_set(core.now, self.ifindex, &change) {
            tracing::warn!("{}: {error}", self.name);
        }
        if last.is_some_and(|last| last.state != facts.state) || facts.state != DeviceState::Up {
            tracing::info!("{}: the link is {}", self.name, state_name(facts.state));
        }
        if let Some(mtu) = mtu {
            tracing::info!("{}: mtu {mtu}", self.name);
        }
        self.routes_missing |= !up;
        if facts.state == DeviceState::Up && std::mem::take(&mut self.routes_missing) {
            self.restore_routes(core);
        }
    }

    fn restore_routes(&self, core: &mut Core) {
        for route in &self.routes {
            if let Err(error) = core.worker.route_add(core.now, route) {
                tracing::warn!("{}: route {}: {error}", self.name, route.destination);
            }
        }
    }
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
        DeviceState::Gone => "gone",
    }
}
