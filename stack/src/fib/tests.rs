//! Lookups (FIB rows).

use super::*;
use crate::host::fixture::{cidr, ip};

fn ifindex(n: u32) -> IfIndex {
    IfIndex::new(n).unwrap()
}

fn interface(n: u32, medium: Medium, addresses: &[&str]) -> FibInterface {
    FibInterface {
        ifindex: ifindex(n),
        medium,
        mac: Mac([2, 0, 0, 0, 0, n as u8]),
        mtu: 1500,
        caps: DeviceCaps::default(),
        addresses: addresses.iter().map(|a| cidr(a).into()).collect(),
        groups: vec![Ip::ALL_NODES],
    }
}

fn route(destination: &str, gateway: Option<&str>, oif: u32, metric: u32) -> FibRoute {
    let (destination, gateway) = (cidr(destination), gateway.map(ip));
    FibRoute { destination, gateway, ifindex: ifindex(oif), metric, source: None }
}

/// Two links and the loopback interface.
fn fib() -> Fib {
    let mut fib = Fib {
        version: 5,
        interfaces: vec![
            interface(1, Medium::Ip, &["127.0.0.1/8", "::1/128"]),
            interface(2, Medium::Ethernet, &["10.0.0.1/24", "fe80::1/64", "2001:db8::1/64"]),
            interface(3, Medium::Ip, &["10.1.0.1/24", "fe80::2/64"]),
        ],
        routes: vec![
            route("10.0.0.0/24", None, 2, 0),
            route("10.1.0.0/24", None, 3, 0),
            route("10.9.0.0/16", Some("10.0.0.7"), 2, 0),
            route("10.9.0.0/16", Some("10.1.0.7"), 3, 9),
            route("0.0.0.0/0", Some("10.1.0.9"), 3, 0),
            route("fe80::/64", None, 2, 256),
            route("fe80::/64", None, 3, 256),
            route("2001:db8::/64", None, 2, 256),
        ],
        ..Fib::default()
    };
    fib.neighbors.insert((ifindex(2), ip("10.0.0.7")), Link::Known(Mac([2; 6])));
    fib.neighbors.insert((ifindex(2), ip("10.0.0.8")), Link::Failed);
    fib.index();
    fib
}

#[test]
fn fib_04_longest_prefix_then_metric() {
    let fib = fib();
    let table = [
        ("10.0.0.7", 2, "10.0.0.7", Link::Known(Mac([2; 6]))),
        ("10.0.0.8", 2, "10.0.0.8", Link::Failed),
        ("10.0.0.9", 2, "10.0.0.9", Link::Pending),
        ("10.9.1.1", 2, "10.0.0.7", Link::Known(Mac([2; 6]))),
        ("10.1.0.200", 3, "10.1.0.200", Link::None),
        ("192.0.2.1", 3, "10.1.0.9", Link::None),
        ("2001:db8::9", 2, "2001:db8::9", Link::Pending),
        ("10.0.0.255", 2, "10.0.0.255", Link::Known(Mac::BROADCAST)),
        ("224.1.2.3", 3, "224.1.2.3", Link::None),
    ];
    for (destination, oif, next_hop, link) in table {
        let path = fib.path(ip(destination), None, None).unwrap();
        let got = (path.ifindex, path.next_hop, path.link);
        assert_eq!(got, (ifindex(oif), ip(next_hop), link), "{destination}");
        assert_eq!(path.version, 5);
    }
    let by = fib.path(ip("10.9.1.1"), None, Some(ifindex(3))).unwrap();
    assert_eq!((by.ifindex, by.next_hop), (ifindex(3), ip("10.1.0.7")));
}

#[test]
fn fib_11_no_route() {
    let fib = fib();
    let unreachable = |to: &str| fib.path(ip(to), None, None).unwrap_err();
    assert_eq!(unreachable("2001:db8:9::1"), SocketError::NetworkUnreachable);
    assert_eq!(unreachable("0.0.0.0"), SocketError::NetworkUnreachable);
    assert_eq!(unreachable("::"), SocketError::NetworkUnreachable);
    let from_loopback = fib.path(ip("10.0.0.9"), Some(ip("127.0.0.1")), None);
    assert_eq!(from_loopback.unwrap_err(), SocketError::InvalidArgument);
}

#[test]
fn fib_09_link_scoped_destinations_need_no_route() {
    let mut fib = fib();
    let oif = |fib: &Fib, to: &str, source: Option<&str>, oif: Option<u32>| {
        fib.path(ip(to), source.map(ip), oif.map(ifindex)).map(|p| p.ifindex.get())
    };
    assert_eq!(oif(&fib, "ff02::1", None, None), Ok(2), "IPv6: the first link");
    assert_eq!(oif(&fib, "ff02::1", None, Some(3)), Ok(3));
    assert_eq!(oif(&fib, "ff02::1", Some("fe80::2"), None), Ok(3));
    assert_eq!(oif(&fib, "fe80::9", Some("fe80::2"), None), Ok(3));
    fib.routes.retain(|r| r.destination.prefix != 0);
    let none = Err(SocketError::NetworkUnreachable);
    assert_eq!(oif(&fib, "255.255.255.255", None, None), none, "IPv4: which of two?");
    assert_eq!(oif(&fib, "255.255.255.255", Some("10.0.0.1"), None), Ok(2));
    fib.interfaces.pop();
    assert_eq!(oif(&fib, "224.0.0.5", None, None), Ok(2));
    let path = fib.path(ip("224.0.0.5"), None, None).unwrap();
    assert_eq!(path.link, Link::Known(Mac::multicast_for(ip("224.0.0.5"))));
}

#[test]
fn iptx_10_own_destinations_go_by_the_loopback_interface() {
    let fib = fib();
    for (to, source) in [
        ("10.0.0.1", "10.0.0.1"),
        ("10.1.0.1", "10.1.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.9.9.9", "127.0.0.1"),
        ("::1", "::1"),
        ("fe80::1", "fe80::1"),
    ] {
        let path = fib.path(ip(to), None, None).unwrap();
        assert_eq!((path.ifindex, path.source, path.link), (Fib::LOOPBACK, ip(source), Link::None));
        assert!(path.is_usable());
    }
    let path = fib.path(ip("10.1.0.1"), Some(ip("10.0.0.1")), None).unwrap();
    assert_eq!(path.source, ip("10.0.0.1"));
}

#[test]
fn path_mtus_only_lower() {
    let mut fib = fib();
    fib.path_mtus.insert(ip("192.0.2.1"), 1400);
    fib.path_mtus.insert(ip("192.0.2.2"), 9000);
    let mtu = |to: &str| fib.path(ip(to), None, None).unwrap().mtu;
    assert_eq!((mtu("192.0.2.1"), mtu("192.0.2.2"), mtu("192.0.2.3")), (1400, 1500, 1500));
}

#[test]
fn iprx_01_02_05_classification() {
    let fib = fib();
    let table = [
        (2, "10.0.0.1", Destination::Unicast),
        (2, "10.1.0.1", Destination::Foreign),
        (2, "10.0.0.255", Destination::Broadcast),
        (2, "10.1.0.255", Destination::Foreign),
        (2, "255.255.255.255", Destination::Broadcast),
        (2, "ff02::1", Destination::Multicast),
        (2, "ff02::2", Destination::Foreign),
        (2, "127.0.0.1", Destination::Foreign),
        (2, "10.0.0.2", Destination::Foreign),
        (1, "10.0.0.1", Destination::Unicast),
        (1, "10.1.0.1", Destination::Unicast),
        (1, "127.5.5.5", Destination::Unicast),
        (1, "::1", Destination::Unicast),
        (1, "10.0.0.2", Destination::Foreign),
        (1, "10.0.0.255", Destination::Foreign),
    ];
    for (oif, destination, expected) in table {
        let interface = fib.interface(ifindex(oif)).unwrap();
        assert_eq!(fib.classify(interface, ip(destination)), expected, "{oif} {destination}");
    }
}
