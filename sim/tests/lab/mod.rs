//! Two hosts and a link, with nothing left to chance.

// Each test binary uses its own part of this.
#![allow(dead_code)]

use addr::{Cidr, Endpoint, Ip, Mac};
use sim::World;
use sim::app::{App, Outcome, StreamPlan};
use sim::link::LinkConfig;
use sim::node::PortConfig;
use sim::pcap::Pcap;
use sim::scenario::small_limits;
use stack::time::Duration;
use stack::{Instant, Limits};
use wire::offload::DeviceCaps;
use wire::tcp::Header;
use wire::{ethernet, ip};

/// The first host.
pub const A: usize = 0;
/// The second host.
pub const B: usize = 1;
/// The link between them.
pub const LINK: usize = 0;
/// Long enough for anything that ends.
pub const LONG: Duration = Duration::from_secs(7_200);

/// The address of the nth host.
pub fn address(v4: bool, host: usize) -> Ip {
    let last = host as u8 + 1;
    if v4 {
        return Ip::v4([10, 0, 0, last]);
    }
    Ip::v6([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last])
}

/// The link address of the nth host.
pub fn mac(host: usize) -> Mac {
    Mac([2, 0, 0, 0, 0, host as u8 + 1])
}

/// The endpoint of the nth host.
pub fn endpoint(v4: bool, host: usize, port: u16) -> Endpoint {
    Endpoint::new(address(v4, host), port)
}

/// A world of two hosts, each with addresses of both families, captured.
pub fn pair() -> World {
    pair_with(LinkConfig::default(), [small_limits(), small_limits()])
}

/// The same over another link and with other limits.
pub fn pair_with(link: LinkConfig, limits: [Limits; 2]) -> World {
    pair_with_seed(7, link, limits)
}

/// The same with other chances.
pub fn pair_with_seed(seed: u64, link: LinkConfig, limits: [Limits; 2]) -> World {
    let mut world = World::new(seed, false);
    world.pcap = Some(Pcap::default());
    world.add_link(link);
    for (host, limits) in limits.into_iter().enumerate() {
        let node = world.add_host(["a", "b"][host], limits);
        plug(&mut world, node);
    }
    world
}

/// Gives the nth host a port on the link.
pub fn plug(world: &mut World, host: usize) {
    let port = PortConfig {
        mac: mac(host),
        mtu: 1_500,
        caps: DeviceCaps::default(),
        addresses: vec![
            Cidr::new(address(true, host), 24).unwrap(),
            Cidr::new(address(false, host), 64).unwrap(),
        ],
    };
    world.plug(host, LINK, &port);
}

/// Host `host` knows host `other`'s link address for good.
pub fn introduce(world: &mut World, host: usize, other: usize) {
    world.with_host(host, |node, now| {
        let ifindex = node.ports[0].ifindex;
        for v4 in [true, false] {
            let ip = address(v4, other);
            node.host.neighbor_add(now, ifindex, ip, mac(other)).unwrap();
        }
    });
}

/// A plan that sends `bytes` to `remote`.
pub fn sending(remote: Endpoint, bytes: u64) -> StreamPlan {
    StreamPlan { remote: Some(remote), send: (bytes, 1), retries: 0, ..StreamPlan::default() }
}

/// Where an application is.
pub fn app(world: &World, node: usize, index: usize) -> &App {
    &world.nodes[node].apps[index]
}

/// How an application ended.
pub fn outcome(world: &World, node: usize, index: usize) -> Option<Outcome> {
    app(world, node, index).outcome()
}

/// Every TCP segment sent so far: when, from which port, and what `look` makes of it.
pub fn segments<T>(
    world: &World,
    mut look: impl FnMut(Instant, &Header<'_>) -> Option<T>,
) -> Vec<T> {
    let pcap = world.pcap.as_ref().unwrap();
    let mut found = Vec::new();
    for (at, frame) in pcap.frames() {
        let packet = ethernet::parse(frame).unwrap().payload;
        let Ok(header) = ip::parse(packet) else { continue };
        if header.protocol == ip::PROTO_TCP {
            let segment = wire::tcp::parse(header.payload(packet)).unwrap();
            found.extend(look(at, &segment));
        }
    }
    found
}
