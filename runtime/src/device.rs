//! Makes a device an interface of the stack: its ports go to the threads that step them, and every
//! engine gets its end of each queue.

pub(crate) mod follow;

use std::sync::Arc;

use addr::{Cidr, IfIndex};
use datapath::{OpenPort, PortInfo};
use stack::control::RouteProtocol;
use stack::{InterfaceConfig, RouteConfig};
use wire::offload::Medium;

use crate::config::{Interface, Layout, Pace, default_mac};
use crate::device::follow::DeviceFollower;
use crate::engine::Engine;
use crate::mailbox::Engines;
use crate::port::PortEnd;
use crate::port::handle::PortThreadHandle;
use crate::port::queue::{PortDriver, Queue};
use crate::port::steer::Steer;
use crate::port::thread::PortThread;
use crate::running::{Opened, StartError};
use crate::sockets::poller::Token;

/// The engines that get the device, and how its ports are stepped.
pub(crate) struct Assembly<'a> {
    /// In the order of their shards.
    pub(crate) all: &'a mut [Engine],
    pub(crate) engines: &'a Engines,
    pub(crate) layout: Layout,
    pub(crate) pace: Pace,
    /// The threads that step ports in the split layout.
    pub(crate) port_threads: Vec<PortThread>,
}

/// Opens the queues of an interface's device, for `shards` shards.
///
/// # Errors
/// Where the device cannot be opened so.
pub(crate) fn open(interface: &Interface, shards: usize) -> Result<Vec<OpenPort>, StartError> {
    let queues = match interface.queues {
        Some(queues) => queues,
        None => datapath::default_queues(&interface.port, shards)?,
    };
    let mut ports = datapath::open_queues(&interface.port, queues, shards)?;
    for (_, _, info) in &mut ports {
        info.name = interface.name().to_string();
    }
    Ok(ports)
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
        mut ports: Vec<OpenPort>,
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
        let (ifindex, routes) = self.add_interface(interface, &info)?;
        if let Some(mut follower) = DeviceFollower::new(ifindex, interface, &info, routes) {
            let first = &mut self.all[0];
            first.core.poller.add_input(&follower, Token::Devices)?;
            follower.follow(&mut first.core);
            first.followers.push(follower);
        }
        let mut steering = ports[0].0.control().cloned();
        if let (Some(steering), Some(mac)) = (&mut steering, interface.mac) {
            steering.set_mac(mac)?;
        }
        let opened = Opened {
            name: info.name.clone(),
            mode: info.mode.clone(),
            queues: ports.len(),
            unserved_queues: info.unserved_queues,
            addresses: interface.addresses.clone(),
        };
        let (ends, threads) = self.queues(ports);
        for (shard, queues) in ends.into_iter().enumerate() {
            let end = PortEnd::new(ifindex, info.clone(), queues, shard);
            let end = match shard {
                0 => end.with_steering(steering.take()).with_threads(threads.clone()),
                _ => end,
            };
            self.all[shard].ports.push(end);
        }
        Ok(opened)
    }

    /// Tells the control plane, which the first engine has. Returns the interface's number and the
    /// routes by its gateways.
    fn add_interface(
        &mut self,
        interface: &Interface,
        info: &PortInfo,
    ) -> Result<(IfIndex, Vec<RouteConfig>), StartError> {
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
        let mut routes = Vec::new();
        for gateway in &interface.gateways {
            let route = RouteConfig {
                ifindex: Some(ifindex),
                protocol: RouteProtocol::Boot,
                ..RouteConfig::via(Cidr::default_route(gateway.is_v4()), *gateway)
            };
            worker
                .route_add(now, &route)
                .map_err(|why| refused(format!("gateway {gateway}"), why.to_string()))?;
            routes.push(route);
        }
        Ok((ifindex, routes))
    }

    /// Each engine's ends of the queues, and the handles of the threads that step the ports.
    fn queues(&mut self, ports: Vec<OpenPort>) -> (Vec<Vec<Queue>>, Vec<Arc<PortThreadHandle>>) {
        let shards = self.all.len();
        let mut ends: Vec<Vec<Queue>> = (0..shards).map(|_| Vec::new()).collect();
        let mut threads = Vec::new();
        for (number, (port, links, info)) in ports.into_iter().enumerate() {
            let backend = info.backend;
            let steer = Steer::new(self.all[0].core.worker.steering(), info.medium);
            let mut fused = None;
            let thread = match self.layout {
                Layout::Fused => {
                    fused = Some(Box::new(port));
                    None
                }
                Layout::Split => {
                    let thread =
                        PortThread::new(port, &info, self.pace, self.engines.clone(), steer);
                    let handle = thread.handle();
                    self.port_threads.push(thread);
                    threads.push(handle.clone());
                    Some(handle)
                }
            };
            // The engine that steps the port in the fused layout.
            let home = number % shards;
            for (shard, link) in links.into_iter().enumerate() {
                let driver = match &thread {
                    Some(handle) => PortDriver::Thread(handle.clone()),
                    None => match fused.take_if(|_| shard == home) {
                        Some(port) => PortDriver::Here(port),
                        None => PortDriver::Engine(self.engines.of_shard(home).clone()),
                    },
                };
                ends[shard].push(Queue::new(link, driver, backend, self.engines.clone(), steer));
            }
        }
        (ends, threads)
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
        link_local: info.medium == Medium::Ethernet,
    }
}
