//! What leaves and with which header: source, hop limit, pieces (IPTX, FRAG rows).

use addr::{Cidr, Ip};
use wire::ip::PROTO_UDP;

use crate::RouteConfig;
use crate::fib::Link;
use crate::host::fixture::*;
use crate::socket::SocketError;

/// IPTX-01: a socket outlives its address, its datagrams do not.
#[test]
fn iptx_01_nothing_leaves_from_an_address_that_is_gone() {
    let mut lab = Lab::acquainted();
    lab.host.address_add(lab.now, lab.ifindex, cidr("10.0.0.9/24")).unwrap();
    let mut ends = lab.udp("10.0.0.9:9");
    lab.sent();
    lab.send_to(&mut ends, "10.0.0.2:7", b"x");
    assert_eq!(parse_ip(&lab.sent_one()).0.src, ip("10.0.0.9"));
    lab.host.address_del(lab.now, lab.ifindex, ip("10.0.0.9")).unwrap();
    lab.send_to(&mut ends, "10.0.0.2:7", b"x");
    assert!(lab.sent().is_empty());
}

/// IPTX-03: a wildcard socket's source is chosen, and without one to choose nothing leaves.
/// SOCK-63.
/// DIFF-18.
#[test]
fn iptx_03_an_unspecified_source_is_chosen() {
    let mut lab = Lab::acquainted();
    let (mut v4, mut v6) = (lab.udp("0.0.0.0:9"), lab.udp("[::]:10"));
    lab.send_to(&mut v4, "10.0.0.2:7", b"x");
    assert_eq!(parse_ip(&lab.sent_one()).0.src, US);
    for (to, source) in [("[2001:db8::2]:7", us6()), ("[ff02::9]:7", ip("fe80::ff:fe00:1"))] {
        lab.send_to(&mut v6, to, b"x");
        assert_eq!(parse_ip(&lab.sent_one()).0.src, source);
    }
    lab.host.address_del(lab.now, lab.ifindex, US).unwrap();
    let on_link =
        RouteConfig { ifindex: Some(lab.ifindex), ..RouteConfig::new(cidr("10.0.0.0/24")) };
    lab.host.route_add(lab.now, &on_link).unwrap();
    lab.send_to(&mut v4, "10.0.0.2:7", b"x");
    assert_eq!(lab.host.take_error(v4.id), Some(SocketError::AddressNotAvailable));
    assert!(lab.sent().is_empty());
}

#[test]
fn iptx_04_nothing_goes_to_the_unspecified_address() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("[::]:9");
    for to in ["0.0.0.0:7", "[::]:7"] {
        lab.send_to(&mut ends, to, b"x");
        assert!(lab.sent().is_empty());
        lab.host.take_error(ends.id).expect("the sender is told");
    }
}

/// IPTX-06, IPTX-07: the default of both families.
/// SYSCTL-093.
#[test]
fn iptx_06_iptx_07_the_hop_limit_is_64() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("[::]:9");
    for to in ["10.0.0.2:7", "[2001:db8::2]:7"] {
        lab.send_to(&mut ends, to, b"x");
        assert_eq!(parse_ip(&lab.sent_one()).0.hop_limit, 64);
    }
}

/// IPTX-11: the lowest address of a subnet is a host's (Linux since 5.14), the highest is all's.
#[test]
fn iptx_11_the_network_address_is_a_neighbours() {
    let lab = Lab::new();
    let link = |to: &str| lab.host.fib().path(ip(to), None, None).unwrap().link;
    assert_eq!(link("10.0.0.0"), Link::Pending);
    for all in ["10.0.0.255", "255.255.255.255"] {
        assert_eq!(link(all), Link::Known(addr::Mac::BROADCAST));
    }
    assert_eq!(link("224.1.2.3"), Link::Known(addr::Mac([1, 0, 0x5e, 1, 2, 3])));
    assert_eq!(link("ff02::1:3"), Link::Known(addr::Mac([0x33, 0x33, 0, 1, 0, 3])));
}

/// FRAG-10, FRAG-11: each datagram has an identification of its own, each piece fits the MTU and
/// carries the datagram's hop limit.
#[test]
fn frag_10_frag_11_a_large_ipv6_datagram_is_cut() {
    for mtu in [1280, 1500] {
        let mut config = ethernet_config("eth0", MAC);
        config.mtu = mtu;
        let mut lab = Lab::with(crate::Limits::default(), config);
        lab.host.neighbor_add(lab.now, lab.ifindex, peer6(), PEER_MAC).unwrap();
        let mut ends = lab.udp("[::]:9");
        let mut ids = Vec::new();
        for _ in 0..8 {
            lab.send_to(&mut ends, "[2001:db8::2]:7", &[7; 4000]);
            let frames = lab.sent();
            let pieces = if mtu == 1500 { 3 } else { 4 };
            assert_eq!(frames.len(), pieces);
            for frame in &frames {
                assert!(frame.len() <= 14 + mtu as usize);
                assert_eq!(parse_ip(frame).0.hop_limit, 64);
            }
            let (header, payload) = reassemble(&frames);
            assert_eq!((header.protocol, payload.len()), (PROTO_UDP, 4008));
            ids.push(header.identification);
        }
        let steps: Vec<u32> = ids.windows(2).map(|w| w[1].wrapping_sub(w[0])).collect();
        assert!(steps.iter().all(|step| *step != 0), "{ids:?}");
        assert!(steps.iter().any(|step| *step > 0xffff), "no counter: {ids:?}");
    }
}

/// FIB-12: a sender that named its interface uses that interface's routes only.
#[test]
fn fib_12_only_routes_of_the_named_interface_count() {
    let mut lab = Lab::new();
    let other = ethernet_config("eth1", addr::Mac([2, 0, 0, 0, 1, 1]));
    let eth1 = lab.host.interface_add(lab.now, other).unwrap();
    lab.host.address_add(lab.now, eth1, cidr("10.1.0.1/24")).unwrap();
    let far: Cidr = cidr("192.0.2.0/24");
    lab.host.route_add(lab.now, &RouteConfig::via(far, PEER)).unwrap();
    let hop = |lab: &Lab, oif| lab.host.fib().path(Ip::v4([192, 0, 2, 9]), None, Some(oif));
    assert_eq!(hop(&lab, lab.ifindex).unwrap().next_hop, PEER);
    assert_eq!(hop(&lab, eth1).unwrap_err(), SocketError::NetworkUnreachable);
    let worse = RouteConfig { metric: Some(9), ..RouteConfig::via(far, ip("10.1.0.2")) };
    lab.host.route_add(lab.now, &worse).unwrap();
    assert_eq!(hop(&lab, eth1).unwrap().next_hop, ip("10.1.0.2"));
    assert_eq!(hop(&lab, lab.ifindex).unwrap().next_hop, PEER);
}
