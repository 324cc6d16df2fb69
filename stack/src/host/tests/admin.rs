//! The administrator's verbs (CTL, FIB rows).

use addr::Mac;
use wire::offload::Medium;

use crate::control::{ControlError, NudState, RouteProtocol, Scope};
use crate::host::fixture::*;
use crate::limits::Limits;
use crate::tcp::ListenOptions;
use crate::udp::UdpOptions;
use crate::{Host, InterfaceConfig, RouteConfig};

/// LIFE-03, GAP-68.
#[test]
fn fib_13_lo_01_interfaces_are_numbered_and_named() {
    let mut lab = Lab::new();
    let names: Vec<String> = lab.host.interfaces().into_iter().map(|i| i.name).collect();
    assert_eq!(names, ["lo", "eth0"]);
    for name in ["eth0", "lo"] {
        let result = lab.host.interface_add(lab.now, ethernet_config(name, MAC));
        assert_eq!(result, Err(ControlError::InterfaceExists(name.into())));
    }
    let second = lab.host.interface_add(lab.now, ethernet_config("eth1", MAC)).unwrap();
    lab.host.interface_del(lab.now, second).unwrap();
    assert_eq!(lab.host.interface_del(lab.now, second), Err(ControlError::NoInterface(second)));
    let third = lab.host.interface_add(lab.now, ethernet_config("eth1", MAC)).unwrap();
    assert!(third > second, "numbers are not used again");
    let lo = crate::fib::Fib::LOOPBACK;
    assert!(matches!(lab.host.interface_del(lab.now, lo), Err(ControlError::Invalid(_))));
}

/// LIFE-04.
#[test]
fn bad_interfaces_are_refused() {
    let mut host = Host::new(Limits::default(), 1);
    let now = crate::Instant::ZERO;
    let good = ethernet_config("eth0", MAC);
    let bad = [
        InterfaceConfig { name: String::new(), ..good.clone() },
        InterfaceConfig { name: "a-name-beyond-limits".into(), ..good.clone() },
        InterfaceConfig { name: "a b".into(), ..good.clone() },
        InterfaceConfig { mtu: 67, ..good.clone() },
        InterfaceConfig { mtu: 65_536, ..good.clone() },
        InterfaceConfig { mac: Mac::BROADCAST, ..good.clone() },
        InterfaceConfig { mac: Mac::UNSPECIFIED, ..good.clone() },
    ];
    for config in bad {
        assert!(matches!(host.interface_add(now, config), Err(ControlError::Invalid(_))));
    }
    // Too small for IPv6: none of it is set up.
    let small = host.interface_add(now, InterfaceConfig { mtu: 1279, ..good }).unwrap();
    let info = host.interfaces().pop().unwrap();
    assert!(info.groups.iter().all(|g| g.is_v4()));
    assert!(host.address_add(now, small, cidr("2001:db8::1/64")).is_err());
}

/// CTL-23, CTL-24.
#[test]
fn ctl_20_24_addresses() {
    let mut lab = Lab::new();
    let (now, eth0) = (lab.now, lab.ifindex);
    let host = &mut lab.host;
    let exists = host.address_add(now, eth0, cidr("10.0.0.1/16"));
    assert_eq!(exists, Err(ControlError::AddressExists(US)));
    assert_eq!(
        exists.unwrap_err().to_string(),
        "File exists: address 10.0.0.1 is already assigned"
    );
    for bad in [
        "0.0.0.0/0",
        "224.0.0.1/4",
        "127.0.0.2/8",
        "10.0.5.0/24",
        "10.0.5.255/24",
        "::/64",
        "ff02::1/64",
        "::1/128",
        "255.255.255.255/32",
    ] {
        let result = host.address_add(now, eth0, cidr(bad));
        assert!(matches!(result, Err(ControlError::Invalid(_))), "{bad}");
    }
    // Point to point: both addresses of a /31 are hosts (RFC 3021).
    host.address_add(now, eth0, cidr("10.5.0.0/31")).unwrap();
    host.address_add(now, eth0, cidr("10.6.0.0/32")).unwrap();
    let none = addr::IfIndex::new(99).unwrap();
    let unknown = host.address_add(now, none, cidr("10.0.1.1/24"));
    assert_eq!(unknown, Err(ControlError::NoInterface(none)));
    let listed = host.addresses();
    let of_eth0: Vec<_> = listed.iter().filter(|a| a.ifindex == eth0).collect();
    assert_eq!(of_eth0[0].address.cidr, cidr("10.0.0.1/24"));
    assert_eq!(of_eth0[0].scope, Scope::Global);
    assert!(of_eth0.iter().any(|a| a.scope == Scope::Link));
    let v4: Vec<String> =
        of_eth0.iter().map(|a| a.address.cidr.to_string()).filter(|a| !a.contains(':')).collect();
    assert_eq!(v4, ["10.0.0.1/24", "10.5.0.0/31", "10.6.0.0/32"], "as they came");
    assert!(of_eth0.is_sorted_by_key(|a| a.address.ip().is_v6()), "IPv4 first");
    let missing = host.address_del(now, eth0, PEER);
    assert_eq!(missing, Err(ControlError::NoAddress(PEER)));
    host.address_del(now, eth0, US).unwrap();
    assert!(host.fib().path(PEER, None, None).is_err());
}

/// FIB-05, FIB-06, FIB-09: of connected networks, of what is added, of gateways.
/// FIB-02, CTL-30, CTL-31, CTL-32.
/// DIFF-20.
#[test]
fn fib_03_04_05_06_routes() {
    let mut lab = Lab::new();
    let (now, eth0) = (lab.now, lab.ifindex);
    let host = &mut lab.host;
    let default = RouteConfig::via(cidr("0.0.0.0/0"), PEER);
    host.route_add(now, &default).unwrap();
    let again = host.route_add(now, &default);
    assert_eq!(again, Err(ControlError::RouteExists(cidr("0.0.0.0/0"))));
    host.route_add(now, &RouteConfig { metric: Some(5), ..default }).unwrap();
    let far = host.route_add(now, &RouteConfig::via(cidr("10.9.0.0/16"), ip("192.0.2.1")));
    assert_eq!(far.unwrap_err().to_string(), "Nexthop has invalid gateway: 192.0.2.1");
    for gateway in [US, ip("10.0.0.255"), ip("224.0.0.1")] {
        let route = RouteConfig::via(cidr("10.9.0.0/16"), gateway);
        assert_eq!(host.route_add(now, &route), Err(ControlError::InvalidGateway(gateway)));
    }
    let bare = host.route_add(now, &RouteConfig::new(cidr("10.9.0.0/16")));
    assert_eq!(bare, Err(ControlError::DeviceRequired(cidr("10.9.0.0/16"))));
    let host_bits = host.route_add(now, &RouteConfig::via(cidr("10.9.0.1/16"), PEER));
    assert!(matches!(host_bits, Err(ControlError::Invalid(_))));
    let mixed = host.route_add(now, &RouteConfig::via(cidr("10.9.0.0/16"), peer6()));
    assert!(matches!(mixed, Err(ControlError::Invalid(_))));
    let on_link = RouteConfig { ifindex: Some(eth0), ..RouteConfig::new(cidr("10.9.0.0/16")) };
    host.route_add(now, &on_link).unwrap();
    let v6 = RouteConfig { ifindex: Some(eth0), ..RouteConfig::via(cidr("::/0"), ip("fe80::2")) };
    host.route_add(now, &v6).unwrap();
    let listed: Vec<(String, RouteProtocol, Scope, u32)> = host
        .routes()
        .into_iter()
        .map(|r| (r.destination.to_string(), r.protocol, r.scope, r.metric))
        .collect();
    let expected = [
        ("10.0.0.0/24", RouteProtocol::Kernel, Scope::Link, 0),
        ("10.9.0.0/16", RouteProtocol::Static, Scope::Link, 0),
        ("0.0.0.0/0", RouteProtocol::Static, Scope::Global, 0),
        ("0.0.0.0/0", RouteProtocol::Static, Scope::Global, 5),
        ("fe80::/64", RouteProtocol::Kernel, Scope::Global, 256),
        ("2001:db8::/64", RouteProtocol::Kernel, Scope::Global, 256),
        ("::/0", RouteProtocol::Static, Scope::Global, 1024),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(d, p, s, m)| ((*d).to_owned(), *p, *s, *m)).collect();
    assert_eq!(listed, expected);
    let connected = &host.routes()[0];
    assert_eq!((connected.source, connected.ifindex), (Some(US), eth0));
    let path = |host: &Host, to: &str| host.fib().path(ip(to), None, None).unwrap().next_hop;
    assert_eq!(path(host, "10.9.1.1"), ip("10.9.1.1"));
    assert_eq!(path(host, "192.0.2.1"), PEER);
    assert_eq!(path(host, "2001:db8:9::1"), ip("fe80::2"));
    host.route_del(now, cidr("0.0.0.0/0"), None, None).unwrap();
    host.route_del(now, cidr("0.0.0.0/0"), Some(PEER), Some(5)).unwrap();
    let gone = host.route_del(now, cidr("0.0.0.0/0"), None, None);
    assert_eq!(gone, Err(ControlError::NoRoute(cidr("0.0.0.0/0"))));
}

/// FIB-07, FIB-10.
#[test]
fn routes_go_with_what_they_hang_on() {
    let mut lab = Lab::new();
    let (now, eth0) = (lab.now, lab.ifindex);
    lab.host.address_add(now, eth0, cidr("10.1.0.1/24")).unwrap();
    let source =
        RouteConfig { source: Some(ip("10.1.0.1")), ..RouteConfig::via(cidr("10.8.0.0/16"), PEER) };
    lab.host.route_add(now, &source).unwrap();
    let listed = lab.host.routes();
    let shown = listed.iter().find(|r| r.destination == cidr("10.8.0.0/16")).unwrap();
    assert_eq!((shown.source, shown.scope), (Some(ip("10.1.0.1")), Scope::Global));
    let foreign = RouteConfig { source: Some(PEER), ..RouteConfig::via(cidr("10.7.0.0/16"), PEER) };
    assert_eq!(lab.host.route_add(now, &foreign), Err(ControlError::NoAddress(PEER)));
    assert_eq!(lab.host.fib().path(ip("10.8.1.1"), None, None).unwrap().source, ip("10.1.0.1"));
    lab.host.address_del(now, eth0, ip("10.1.0.1")).unwrap();
    assert!(lab.host.fib().path(ip("10.8.1.1"), None, None).is_err());
    lab.host.route_add(now, &RouteConfig::via(cidr("0.0.0.0/0"), PEER)).unwrap();
    lab.host.address_del(now, eth0, US).unwrap();
    assert!(lab.host.routes().iter().all(|r| r.destination.ip.is_v6()));
    lab.host.interface_del(now, eth0).unwrap();
    assert!(lab.host.routes().is_empty());
    assert_eq!(lab.host.addresses().len(), 2, "the loopback interface's");
}

/// FIB-01, FIB-03: every field of a route is listed as it was given, whoever made it.
#[test]
fn fib_01_fib_03_a_route_keeps_its_fields() {
    use RouteProtocol::{Boot, Dhcp, Ra, Redirect, Static};
    let mut lab = Lab::new();
    for (n, protocol) in [Redirect, Boot, Static, Ra, Dhcp].into_iter().enumerate() {
        let destination = addr::Cidr::new(addr::Ip::v4([10, 20 + n as u8, 0, 0]), 16).unwrap();
        let route = RouteConfig {
            destination,
            gateway: Some(PEER),
            ifindex: Some(lab.ifindex),
            metric: Some(7),
            source: Some(US),
            protocol,
        };
        lab.host.route_add(lab.now, &route).unwrap();
        let all = lab.host.routes();
        let listed = all.iter().find(|r| r.destination == destination).unwrap();
        assert_eq!((listed.gateway, listed.ifindex), (Some(PEER), lab.ifindex));
        assert_eq!((listed.metric, listed.source), (7, Some(US)));
        assert_eq!((listed.protocol, listed.scope), (protocol, Scope::Global));
    }
}

/// NUD-14.
/// CTL-41, CTL-42.
#[test]
fn ctl_40_43_neighbours() {
    let mut lab = Lab::new();
    let (now, eth0) = (lab.now, lab.ifindex);
    let host = &mut lab.host;
    host.neighbor_add(now, eth0, PEER, PEER_MAC).unwrap();
    let again = host.neighbor_add(now, eth0, PEER, PEER_MAC);
    assert_eq!(again, Err(ControlError::NeighborExists(PEER)));
    let listed = host.neighbors(now);
    assert_eq!((listed[0].state, listed[0].mac), (NudState::Permanent, Some(PEER_MAC)));
    assert_eq!(listed[0].interface, "eth0");
    for (ip, mac) in [(US, PEER_MAC), (PEER, Mac::BROADCAST), (ip("224.0.0.1"), PEER_MAC)] {
        assert!(matches!(host.neighbor_add(now, eth0, ip, mac), Err(ControlError::Invalid(_))));
    }
    host.neighbor_del(now, eth0, PEER).unwrap();
    assert_eq!(host.neighbor_del(now, eth0, PEER), Err(ControlError::NoNeighbor(PEER)));
    host.neighbor_add(now, eth0, PEER, PEER_MAC).unwrap();
    host.neighbor_add(now, eth0, peer6(), PEER_MAC).unwrap();
    assert_eq!(host.neighbor_flush(now, Some(eth0)), 2);
    assert!(host.neighbors(now).is_empty() && host.fib().neighbors.is_empty());
    let tun = InterfaceConfig { medium: Medium::Ip, ..ethernet_config("tun0", MAC) };
    let tun = host.interface_add(now, tun).unwrap();
    let result = host.neighbor_add(now, tun, ip("10.3.0.1"), PEER_MAC);
    assert!(matches!(result, Err(ControlError::Invalid(_))));
}

/// CTL-70, STAT-35.
#[test]
fn ctl_08_traffic_is_counted_per_interface() {
    let mut lab = Lab::acquainted();
    let before = lab.host.interfaces()[1].counters;
    let frame = udp_frame("10.0.0.2:7", "10.0.0.1:9", b"hello");
    lab.receive(&frame).unwrap_err();
    lab.receive(&frame[..20]).unwrap_err();
    let sent = lab.sent_one();
    let after = lab.host.interfaces()[1].counters;
    assert_eq!(after.rx_packets - before.rx_packets, 2);
    assert_eq!(after.rx_bytes - before.rx_bytes, frame.len() as u64 + 20);
    assert_eq!((after.rx_dropped, after.rx_errors), (before.rx_dropped + 1, before.rx_errors + 1));
    assert_eq!(after.tx_packets - before.tx_packets, 1);
    assert_eq!(after.tx_bytes - before.tx_bytes, sent.len() as u64);
    let sockets = lab.host.sockets();
    assert!(sockets.is_empty());
    let ends = lab.udp("10.0.0.1:9");
    lab.receive(&frame).unwrap();
    let info = lab.host.sockets()[0];
    assert_eq!((info.id, info.state, info.recv_queue), (Some(ends.id), "UNCONN", 24 + 5));
}

#[test]
fn limits_hold() {
    let limits = Limits { addresses: 6, routes: 2, ..Limits::default() };
    let mut lab = Lab::with(limits, ethernet_config("eth0", MAC));
    lab.host.address_add(lab.now, lab.ifindex, cidr("10.0.0.9/24")).unwrap();
    let full = lab.host.address_add(lab.now, lab.ifindex, cidr("10.0.0.10/24"));
    assert_eq!(full, Err(ControlError::Full("addresses")));
    for n in 0..3u8 {
        let destination = addr::Cidr::new(addr::Ip::v4([10, 20 + n, 0, 0]), 16).unwrap();
        let result = lab.host.route_add(lab.now, &RouteConfig::via(destination, PEER));
        assert_eq!(result.is_ok(), n < 2);
    }
}

/// A list in pages has every socket that lives all the while exactly once.
#[test]
fn sockets_are_listed_in_pages() {
    let mut lab = Lab::new();
    let now = lab.now;
    let any = |port| addr::Endpoint { ip: addr::Ip::UNSPECIFIED_V4, port };
    for port in 1..=3 {
        lab.host.tcp_listen(now, any(port), ListenOptions::default()).unwrap();
    }
    let udp: Vec<_> = (1..=4)
        .map(|port| lab.host.udp_bind(now, any(port), UdpOptions::default()).unwrap().id)
        .collect();
    let mut worker = lab.host.into_workers().remove(0);
    let all = worker.sockets();
    assert_eq!(all.len(), 7);
    for max in [1, 2, 3, 7, 100] {
        let (mut listed, mut from) = (Vec::new(), Some(0));
        while let Some(place) = from {
            let (page, next) = worker.sockets_page(place, max);
            assert!(page.len() <= max);
            listed.extend(page.into_iter().map(|info| info.id));
            from = next;
        }
        assert_eq!(listed, all.iter().map(|info| info.id).collect::<Vec<_>>());
    }
    let (page, next) = worker.sockets_page(0, 5);
    worker.close(now, udp[0]);
    let (rest, last) = worker.sockets_page(next.unwrap(), 5);
    assert_eq!((page.len(), rest.len(), last), (5, 2, None));
    assert_eq!(rest[1].id, Some(udp[3]));
    assert_eq!(worker.sockets_page(u64::MAX, 5), (Vec::new(), None));
}
