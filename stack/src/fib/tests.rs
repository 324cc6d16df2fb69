//! Lookups (FIB rows).

use super::*;
use crate::host::fixture::{cidr, ip};

fn set_neighbor(fib: &mut Fib, to: &str, link: Option<Link>) {
    fib.apply(&FibUpdate::Neighbor { ifindex: ifindex(2), ip: ip(to), link });
}

fn set_path_mtu(fib: &mut Fib, to: &str, mtu: u32) {
    fib.apply(&FibUpdate::PathMtu { ip: ip(to), mtu: Some(mtu) });
}

fn ifindex(n: u32) -> IfIndex {
    IfIndex::new(n).unwrap()
}

fn interface(n: u32, medium: Medium, addresses: &[&str]) -> FibInterface {
    FibInterface {
        ifindex: ifindex(n),
        medium,
        mac: Mac([2, 0, 0, 0, 0, n as u8]),
        mtu: 1500,
        state: LinkState::RUNNING,
        control_protocols: ControlProtocols::NONE,
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
    let tables = FibTables::new(
        5,
        vec![
            interface(1, Medium::Ip, &["127.0.0.1/8", "::1/128"]),
            interface(2, Medium::Ethernet, &["10.0.0.1/24", "fe80::1/64", "2001:db8::1/64"]),
            interface(3, Medium::Ip, &["10.1.0.1/24", "fe80::2/64"]),
        ],
        vec![
            route("10.0.0.0/24", None, 2, 0),
            route("10.1.0.0/24", None, 3, 0),
            route("10.9.0.0/16", Some("10.0.0.7"), 2, 0),
            route("10.9.0.0/16", Some("10.1.0.7"), 3, 9),
            route("0.0.0.0/0", Some("10.1.0.9"), 3, 0),
            route("fe80::/64", None, 2, 256),
            route("fe80::/64", None, 3, 256),
            route("2001:db8::/64", None, 2, 256),
        ],
    );
    let mut fib = Fib::default();
    fib.apply(&FibUpdate::Tables(Arc::new(tables)));
    set_neighbor(&mut fib, "10.0.0.7", Some(Link::Known(Mac([2; 6]))));
    set_neighbor(&mut fib, "10.0.0.8", Some(Link::Failed));
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
        assert!(fib.is_current(path.stamp));
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
    fib.edit_tables(|tables| tables.routes.retain(|r| r.destination.prefix != 0));
    let none = Err(SocketError::NetworkUnreachable);
    assert_eq!(oif(&fib, "255.255.255.255", None, None), none, "IPv4: which of two?");
    assert_eq!(oif(&fib, "255.255.255.255", Some("10.0.0.1"), None), Ok(2));
    fib.edit_tables(|tables| drop(tables.interfaces.pop()));
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
    set_path_mtu(&mut fib, "192.0.2.1", 1400);
    set_path_mtu(&mut fib, "192.0.2.2", 9000);
    let mtu = |to: &str| fib.path(ip(to), None, None).unwrap().mtu;
    assert_eq!((mtu("192.0.2.1"), mtu("192.0.2.2"), mtu("192.0.2.3")), (1400, 1500, 1500));
}

/// IPRX-01, IPRX-02, IPRX-05, LO-03.
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

#[test]
fn a_path_holds_until_something_it_was_read_from_changes() {
    let mut fib = fib();
    let far = |fib: &Fib| fib.path(ip("10.9.1.1"), None, None).unwrap();
    let path = far(&fib);
    // Others' neighbours and destinations, as far as they share no counter.
    set_neighbor(&mut fib, "10.0.0.99", Some(Link::Failed));
    set_path_mtu(&mut fib, "192.0.2.1", 1400);
    assert!(fib.is_current(path.stamp));
    // Its next hop.
    set_neighbor(&mut fib, "10.0.0.7", Some(Link::Known(Mac([4; 6]))));
    assert!(!fib.is_current(path.stamp));
    let path = far(&fib);
    assert_eq!(path.link, Link::Known(Mac([4; 6])));
    set_neighbor(&mut fib, "10.0.0.7", None);
    assert!(!fib.is_current(path.stamp));
    let path = far(&fib);
    assert_eq!(path.link, Link::Pending);
    // Its destination.
    set_path_mtu(&mut fib, "10.9.1.1", 1400);
    assert!(!fib.is_current(path.stamp));
    let path = far(&fib);
    assert_eq!(path.mtu, 1400);
    // The tables.
    fib.edit_tables(|tables| tables.routes.truncate(1));
    assert!(!fib.is_current(path.stamp));
}

#[test]
fn a_change_concerns_few_paths() {
    let mut fib = fib();
    let peers = (0..=u16::MAX).map(|n| {
        let [a, b] = n.to_be_bytes();
        Ip::v4([10, 9, a, b])
    });
    let stamps: Vec<Stamp> = peers.map(|ip| fib.stamp(ip, ip)).collect();
    set_neighbor(&mut fib, "10.9.7.7", Some(Link::Failed));
    let stale = stamps.iter().filter(|stamp| !fib.is_current(**stamp)).count();
    assert!((1..=128).contains(&stale), "64 of 65,536 on average: {stale}");
}

#[test]
fn updates_one_by_one_come_to_the_same_as_a_snapshot() {
    let mut ours = fib();
    let mut theirs = ours.clone();
    let path = theirs.path(ip("10.9.1.1"), None, None).unwrap();
    set_neighbor(&mut ours, "10.0.0.7", None);
    set_neighbor(&mut ours, "10.0.0.9", Some(Link::Known(Mac([8; 6]))));
    set_path_mtu(&mut ours, "192.0.2.1", 1300);
    ours.edit_tables(|tables| tables.interfaces[1].mtu = 1400);
    theirs.apply(&FibUpdate::Snapshot(Arc::new(ours.clone())));
    assert!(!theirs.is_current(path.stamp));
    assert_eq!((theirs.version, &theirs.neighbors), (ours.version, &ours.neighbors));
    assert!(Arc::ptr_eq(ours.tables(), theirs.tables()));
    let mtu = |fib: &Fib| fib.path(ip("192.0.2.1"), None, None).unwrap().mtu;
    assert_eq!((mtu(&ours), mtu(&theirs)), (1300, 1300));
}
