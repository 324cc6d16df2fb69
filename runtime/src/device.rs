//! Makes a device an interface of the stack: its ports go to the threads that step them, and every
//! engine gets its end of each queue.

pub(crate) mod follow;
pub(crate) mod reopen;
pub(crate) mod wiring;

use addr::{Cidr, IfIndex};
use datapath::{OpenPort, PortInfo};
use stack::control::RouteProtocol;
use stack::{AddrGenMode, InterfaceConfig, RouteConfig};
use wire::offload::Medium;

use crate::config::Interface;
use crate::default_mac::{default_mac, link_local_secret};
use crate::device::follow::DeviceFollower;
use crate::device::reopen::Reopener;
use crate::device::wiring::Wiring;
use crate::engine::Engine;
use crate::late::LateThreads;
use crate::port::thread::PortThread;
use crate::running::{Opened, StartError};
use crate::sockets::poller::Token;

/// The engines that get the device, and how its ports are stepped.
pub(crate) struct Assembly<'a> {
    /// In the order of their shards.
    pub(crate) all: &'a mut [Engine],
    pub(crate) wiring: &'a Wiring,
    /// Where threads go that start later.
    pub(crate) late: &'a LateThreads,
    /// The threads that step ports in the split layout.
    pub(crate) port_threads: Vec<PortThread>,
}

impl Assembly<'_> {
    /// Makes the open queues of a device an interface.
    ///
    /// # Errors
    /// Where the stack refuses an address, a gateway, the MTU or the MAC, or where the queues are
    /// not joined to as many shards as there are.
    pub(crate) fn add(
        &mut self,
        interface: &Interface,
        ports: Vec<OpenPort>,
    ) -> Result<Opened, StartError> {
        let shards = self.all.len();
        let refused = |what: String, why: String| StartError::Refused {
            interface: interface.name().to_string(),
            what,
            why,
        };
        if ports.is_empty() || ports.iter().any(|(_, links, _)| links.len() != shards) {
            let why = format!("each must be joined to {shards} shards");
            return Err(refused("queues".into(), why));
        }
        let info = ports[0].2.clone();
        if interface.mac.is_some() && info.medium == Medium::Ip {
            return Err(refused("mac".into(), "the medium has no link addresses".into()));
        }
        // An XDP port leaves the device's MTU as it is, so it can only be less.
        if let Some(mtu) = interface.port.mtu.filter(|mtu| *mtu > info.mtu) {
            return Err(refused(format!("mtu {mtu}"), format!("the device's is {}", info.mtu)));
        }
        let ifindex = self.add_interface(interface, &info)?;
        let opened = Opened {
            name: info.name.clone(),
            mode: info.mode.clone(),
            queues: ports.len(),
            unserved_queues: info.unserved_queues,
            addresses: interface.addresses.clone(),
        };
        let earlier = self.port_threads.len();
        let wired = self.wiring.wire(ifindex, ports, earlier);
        self.port_threads.extend(wired.threads);
        for (engine, end) in self.all.iter_mut().zip(wired.ends) {
            engine.ports.push(end);
        }
        let arrivals = self.all.iter().map(|engine| engine.arrivals.clone()).collect();
        let (device, wiring) = ((ifindex, &info), (self.wiring, earlier));
        let reopener = Reopener::new(interface, device, wiring, arrivals, self.late.clone());
        if let Some(mut follower) = DeviceFollower::new(ifindex, interface, &info, reopener) {
            let first = &mut self.all[0];
            first.core.poller.add_input(&follower, Token::Devices)?;
            follower.follow(&mut first.core);
            first.followers.push(follower);
        }
        Ok(opened)
    }

    /// Tells the control plane, which the first engine has. Returns the interface's number.
    fn add_interface(
        &mut self,
        interface: &Interface,
        info: &PortInfo,
    ) -> Result<IfIndex, StartError> {
        let refused = |what: String, why: String| StartError::Refused {
            interface: interface.name().to_string(),
            what,
            why,
        };
        let core = &mut self.all[0].core;
        let (now, worker) = (core.now, &mut core.worker);
        let ifindex = worker
            .interface_add(now, interface_config(interface, info))
            .map_err(|why| refused("interface".into(), why.to_string()))?;
        for address in &interface.addresses {
            worker
                .address_add(now, ifindex, *address)
                .map_err(|why| refused(format!("address {address}"), why.to_string()))?;
        }
        for gateway in &interface.gateways {
            let route = RouteConfig {
                ifindex: Some(ifindex),
                protocol: RouteProtocol::Boot,
                ..RouteConfig::via(Cidr::default_route(gateway.is_v4()), *gateway)
            };
            worker
                .route_add(now, &route)
                .map_err(|why| refused(format!("gateway {gateway}"), why.to_string()))?;
        }
        Ok(ifindex)
    }
}

/// The description of an interface for the control plane.
fn interface_config(interface: &Interface, info: &PortInfo) -> InterfaceConfig {
    let device = info.mac.filter(|_| info.backend == datapath::Backend::Xdp);
    let mac = interface.mac.or(device).unwrap_or_else(|| default_mac(&info.name));
    InterfaceConfig {
        name: info.name.clone(),
        medium: info.medium,
        mac,
        mtu: interface.port.mtu.unwrap_or(info.mtu),
        caps: info.caps,
        // The kernel has the device's own link address too, and makes its address from that.
        link_local: match device {
            Some(own) if own == mac => AddrGenMode::StablePrivacy(link_local_secret(&info.name)),
            _ => AddrGenMode::Eui64,
        },
    }
}
