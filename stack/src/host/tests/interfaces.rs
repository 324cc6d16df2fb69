//! Several interfaces under one table of sockets and routes (MIF rows).

use addr::{Endpoint, IfIndex, Mac};
use wire::icmp::{Echo, Message};
use wire::offload::{Medium, RxChecksum, RxMeta};

use crate::fib::Fib;
use crate::host::fixture::*;
use crate::socket::SocketError;
use crate::udp::UdpOptions;
use crate::{InterfaceConfig, RouteConfig};

const MAC1: Mac = Mac([2, 0, 0, 0, 1, 1]);
const PEER_MAC1: Mac = Mac([2, 0, 0, 0, 1, 2]);
/// From port 9 to port 9.
const SYN: [u8; 20] = [0, 9, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0];

/// The lab with a second interface in 10.1.0.0/24 and 2001:db8:1::/64.
fn two_links() -> (Lab, IfIndex) {
    let mut lab = Lab::acquainted();
    let eth1 = lab.host.interface_add(lab.now, ethernet_config("eth1", MAC1)).unwrap();
    for own in ["10.1.0.1/24", "2001:db8:1::1/64"] {
        lab.host.address_add(lab.now, eth1, cidr(own)).unwrap();
    }
    for peer in ["10.1.0.2", "2001:db8:1::2"] {
        lab.host.neighbor_add(lab.now, eth1, ip(peer), PEER_MAC1).unwrap();
    }
    lab.sent();
    frames_of(&mut lab.host, lab.now, eth1);
    (lab, eth1)
}

/// A frame of the fixture's as the second interface gets it.
fn to_eth1(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[..6].copy_from_slice(&MAC1.0);
    frame
}

impl Lab {
    fn receive_on(&mut self, ifindex: IfIndex, frame: &[u8]) {
        let meta = RxMeta { checksum: RxChecksum::Valid, gso_size: 0 };
        self.host.receive(self.now, ifindex, meta, &mut frame.to_vec());
    }
}

fn ping() -> Message<'static> {
    Message::EchoRequest(Echo { id: 7, seq: 3, data: b"abc" })
}

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

#[test]
fn mif_01_a_wildcard_socket_hears_every_interface() {
    let (mut lab, eth1) = two_links();
    let mut ends = lab.udp("0.0.0.0:9");
    lab.receive(&udp_frame("10.0.0.2:7", "10.0.0.1:9", b"first")).unwrap();
    lab.receive_on(eth1, &to_eth1(&udp_frame("10.1.0.2:7", "10.1.0.1:9", b"second")));
    assert_eq!(read_datagram(&mut ends), Some((endpoint("10.0.0.2:7"), b"first".to_vec())));
    assert_eq!(read_datagram(&mut ends), Some((endpoint("10.1.0.2:7"), b"second".to_vec())));
}

#[test]
fn mif_02_a_bind_address_is_of_any_interface() {
    let (mut lab, _) = two_links();
    for own in ["10.0.0.1:9", "10.1.0.1:9", "127.0.0.1:9", "[2001:db8:1::1]:9"] {
        lab.udp(own);
    }
    for foreign in ["10.0.0.2:9", "10.1.0.2:9", "192.0.2.1:9", "[2001:db8::7]:9"] {
        let refused = lab.host.udp_bind(lab.now, endpoint(foreign), UdpOptions::default());
        assert_eq!(refused.unwrap_err(), SocketError::AddressNotAvailable, "{foreign}");
    }
}

/// MIF-03, MIF-04: each datagram of one socket leaves by its own route, from an address there.
/// Where the socket is bound, its address is the source on whichever interface the route leads to.
/// ARCH-04.
#[test]
fn mif_03_mif_04_the_route_chooses_interface_and_source() {
    let (mut lab, eth1) = two_links();
    let mut ends = lab.udp("[::]:9");
    let cases = [
        ("10.0.0.2:7", lab.ifindex, "10.0.0.1"),
        ("10.1.0.2:7", eth1, "10.1.0.1"),
        ("[2001:db8::2]:7", lab.ifindex, "2001:db8::1"),
        ("[2001:db8:1::2]:7", eth1, "2001:db8:1::1"),
    ];
    for (to, oif, source) in cases {
        lab.send_to(&mut ends, to, b"x");
        let by = [lab.ifindex, eth1].map(|i| frames_of(&mut lab.host, lab.now, i));
        let (sent, other) = if oif == eth1 { (&by[1], &by[0]) } else { (&by[0], &by[1]) };
        assert_eq!((sent.len(), other.len()), (1, 0), "{to}");
        assert_eq!(parse_ip(&sent[0]).0.src, ip(source));
    }
    let mut bound = lab.udp("10.0.0.1:10");
    lab.send_to(&mut bound, "10.1.0.2:7", b"x");
    let frame = frames_of(&mut lab.host, lab.now, eth1).pop().unwrap();
    assert_eq!(parse_ip(&frame).0.src, US);
}

/// MIF-06, NUD-01, ARCH-03: one address may be two neighbours, and each interface joins groups of
/// its own.
#[test]
fn mif_06_nud_01_neighbours_and_groups_are_an_interfaces_own() {
    let (mut lab, eth1) = two_links();
    let (peer, mac) = (ip("fe80::2"), |lab: &Lab, ifindex| {
        let all = lab.host.neighbors(lab.now).into_iter();
        all.filter(|n| n.ip == ip("fe80::2") && n.ifindex == ifindex).map(|n| n.mac).next()
    });
    lab.host.neighbor_add(lab.now, lab.ifindex, peer, PEER_MAC).unwrap();
    assert_eq!((mac(&lab, lab.ifindex), mac(&lab, eth1)), (Some(Some(PEER_MAC)), None));
    lab.host.neighbor_add(lab.now, eth1, peer, PEER_MAC1).unwrap();
    let both = (mac(&lab, lab.ifindex), mac(&lab, eth1));
    assert_eq!(both, (Some(Some(PEER_MAC)), Some(Some(PEER_MAC1))));
    lab.host.neighbor_del(lab.now, eth1, peer).unwrap();
    assert_eq!((mac(&lab, lab.ifindex), mac(&lab, eth1)), (Some(Some(PEER_MAC)), None));
    let groups = |lab: &Lab, n: usize| lab.host.interfaces()[n].groups.clone();
    let added = ip("2001:db8::5:6");
    lab.host.address_add(lab.now, eth1, cidr("2001:db8::5:6/64")).unwrap();
    assert!(groups(&lab, 2).contains(&added.solicited_node()));
    assert!(!groups(&lab, 1).contains(&added.solicited_node()));
}

/// MIF-06, ARCH-03: traffic is counted where it passes.
#[test]
fn counters_are_an_interfaces_own() {
    let (mut lab, eth1) = two_links();
    let counters = |lab: &Lab| [1, 2].map(|n| lab.host.interfaces()[n].counters);
    let before = counters(&lab);
    let question = icmp_frame(ip("10.1.0.2"), ip("10.1.0.1"), &ping());
    lab.receive_on(eth1, &to_eth1(&question));
    assert_eq!(frames_of(&mut lab.host, lab.now, eth1).len(), 1);
    let after = counters(&lab);
    assert_eq!(after[0], before[0]);
    let [grown, had] = [&after[1], &before[1]].map(|c| (c.rx_packets, c.tx_packets));
    assert_eq!(grown, (had.0 + 1, had.1 + 1));
}

#[test]
fn mif_08_of_two_interfaces_on_one_network_the_first_is_used() {
    let (mut lab, eth1) = two_links();
    lab.host.address_add(lab.now, eth1, cidr("10.0.0.7/24")).unwrap();
    let path = lab.host.fib().path(PEER, None, None).unwrap();
    assert_eq!((path.ifindex, path.source), (lab.ifindex, US));
}

/// MIF-05: to a sender on the link the answer leaves where the question came in; to one that is
/// farther away it takes the route, as on Linux.
#[test]
fn mif_05_replies_leave_where_the_question_came_in() {
    let (mut lab, eth1) = two_links();
    lab.host.route_add(lab.now, &RouteConfig::via(cidr("198.51.100.0/24"), PEER)).unwrap();
    let own = ip("10.1.0.1");
    let ping = ping();
    for (from, expected) in [("10.1.0.2", [0, 3]), ("198.51.100.7", [3, 0])] {
        let datagram = udp_frame(&format!("{from}:7"), "10.1.0.1:9", b"x");
        let header =
            wire::ip::IpEmit { protocol: wire::ip::PROTO_TCP, ..icmp_header(ip(from), own) };
        let segment = ip_frame(&header, &SYN);
        for frame in [icmp_frame(ip(from), own, &ping), datagram, segment] {
            lab.receive_on(eth1, &to_eth1(&frame));
        }
        let by = [lab.ifindex, eth1].map(|i| frames_of(&mut lab.host, lab.now, i).len());
        assert_eq!(by, expected, "{from}");
    }
}

/// FIB-13, LO-01, ARCH-05: numbers count from one, and the loopback interface is there first.
/// CTL-01, CTL-02, CTL-05.
/// DIFF-01.
#[test]
fn fib_13_lo_01_the_loopback_interface_is_number_one() {
    let (mut lab, eth1) = two_links();
    let all = lab.host.interfaces();
    let numbers: Vec<(u32, &str)> = all.iter().map(|i| (i.ifindex.get(), &*i.name)).collect();
    assert_eq!(numbers, [(1, "lo"), (2, "eth0"), (3, "eth1")]);
    assert_eq!(eth1.get(), 3);
    assert_eq!((all[0].ifindex, all[0].mtu), (Fib::LOOPBACK, 65_535));
    assert_eq!((all[0].is_loopback, all[0].mac), (true, None));
    assert_eq!(
        (all[1].is_loopback, all[1].medium, all[1].mac),
        (false, Medium::Ethernet, Some(MAC))
    );
    let tun = InterfaceConfig { medium: Medium::Ip, ..ethernet_config("tun0", MAC1) };
    lab.host.interface_add(lab.now, tun).unwrap();
    let tun = lab.host.interfaces().pop().unwrap();
    assert_eq!((tun.is_loopback, tun.medium, tun.mac), (false, Medium::Ip, None));
    let own = lab.host.addresses().into_iter().filter(|a| a.ifindex == Fib::LOOPBACK);
    let own: Vec<_> = own.map(|a| a.address.cidr).collect();
    assert_eq!(own, [cidr("127.0.0.1/8"), cidr("::1/128")]);
}

/// LIFE-05: what hangs on an interface goes with it, and nothing of the others.
#[test]
fn an_interface_goes_with_all_that_hangs_on_it() {
    let (mut lab, eth1) = two_links();
    let far = RouteConfig::via(cidr("198.51.100.0/24"), ip("10.1.0.2"));
    lab.host.route_add(lab.now, &far).unwrap();
    let connect = |lab: &mut Lab, to: &str| {
        lab.host.tcp_connect(lab.now, None, endpoint(to)).map(|ends| ends.id)
    };
    let kept = connect(&mut lab, "10.0.0.2:80").unwrap();
    let gone = connect(&mut lab, "10.1.0.2:80").unwrap();
    lab.events();
    lab.host.interface_del(lab.now, eth1).unwrap();
    assert!(lab.host.addresses().iter().all(|address| address.ifindex != eth1));
    assert!(lab.host.neighbors(lab.now).iter().all(|neighbor| neighbor.ifindex != eth1));
    assert!(lab.host.routes().iter().all(|route| route.ifindex != eth1));
    assert!(lab.host.interfaces().iter().all(|interface| interface.ifindex != eth1));
    let ended: Vec<_> = lab.events().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ended, [gone]);
    assert_eq!(connect(&mut lab, "10.1.0.2:80"), Err(SocketError::NetworkUnreachable));
    assert!(lab.host.local(kept).is_some());
}

/// ICMPS-08: an interface without an address says nothing of what it refuses.
#[test]
fn icmps_08_an_error_needs_an_address_of_ours() {
    let mut lab = Lab::new();
    let bare = lab.host.interface_add(lab.now, ethernet_config("eth1", MAC1)).unwrap();
    frames_of(&mut lab.host, lab.now, bare);
    for frame in [
        udp_frame("10.9.0.2:7", "10.9.0.1:9", b"x"),
        udp_frame("[2001:db8:9::2]:7", "[2001:db8:9::1]:9", b"x"),
    ] {
        lab.receive_on(bare, &to_eth1(&frame));
    }
    assert!(frames_of(&mut lab.host, lab.now, bare).is_empty() && lab.sent().is_empty());
}
