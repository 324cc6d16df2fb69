//! Links that go down and come back, and that change MTU and link address.

use addr::{IfIndex, Ip, Mac};
use wire::arp;
use wire::ethernet;
use wire::offload::Medium;

use crate::control::{ControlError, InterfaceConfig, LinkChange, LinkState, RouteConfig};
use crate::drop::DropReason;
use crate::fib::Fib;
use crate::host::fixture::*;
use crate::socket::SocketError;

const DOWN: LinkChange = LinkChange { up: Some(false), carrier: None, mtu: None, mac: None };
const UP: LinkChange = LinkChange { up: Some(true), carrier: None, mtu: None, mac: None };
const NO_CARRIER: LinkChange = LinkChange { up: None, carrier: Some(false), mtu: None, mac: None };
const CARRIER: LinkChange = LinkChange { up: None, carrier: Some(true), mtu: None, mac: None };

impl Lab {
    fn set(&mut self, change: LinkChange) {
        self.host.link_set(self.now, self.ifindex, &change).unwrap();
    }

    fn reaches(&self, to: &str) -> Result<Ip, SocketError> {
        self.host.fib().path(ip(to), None, None).map(|path| path.source)
    }
}

fn mtu(mtu: u32) -> LinkChange {
    LinkChange { mtu: Some(mtu), ..LinkChange::default() }
}

fn arp_request() -> Vec<u8> {
    arp_frame(Mac::BROADCAST, &arp_from_peer(arp::REQUEST, PEER, US))
}

/// Neither sends nor answers, and reaches nobody; up again, it says so and works.
/// MLDS-07.
#[test]
fn a_link_that_is_down_is_silent_and_deaf() {
    for (off, on) in [(DOWN, UP), (NO_CARRIER, CARRIER)] {
        let mut lab = Lab::new();
        let mut socket = lab.udp("10.0.0.1:9");
        lab.set(off);
        assert_eq!(lab.reaches("10.0.0.2"), Err(SocketError::NetworkUnreachable));
        assert_eq!(lab.reaches("224.0.0.5"), Err(SocketError::NetworkUnreachable));
        assert_eq!(lab.reaches("10.0.0.1"), Ok(US), "ourselves are still here");
        lab.send_to(&mut socket, "10.0.0.2:9", b"lost");
        lab.host.address_add(lab.now, lab.ifindex, cidr("10.0.0.9/24")).unwrap();
        assert_eq!(lab.sent().len(), 0);
        assert!(!lab.host.has_output(lab.ifindex));
        if off.up == Some(false) {
            assert_eq!(lab.receive(&arp_request()), Err(DropReason::LinkDown));
        }
        lab.set(on);
        let announced = lab.sent();
        // A report for the one solicited-node group, and four addresses.
        assert_eq!(announced.len(), 5, "{announced:?}");
        lab.receive(&arp_request()).unwrap();
        assert_eq!(lab.sent().len(), 1);
        assert_eq!(lab.reaches("10.0.0.2"), Ok(US));
    }
}

/// What waits for a slot when the link goes down is not sent when it comes back.
#[test]
fn what_waits_is_dropped() {
    let mut lab = Lab::new();
    lab.receive(&arp_request()).unwrap();
    assert!(lab.host.has_output(lab.ifindex));
    lab.set(DOWN);
    assert!(!lab.host.has_output(lab.ifindex));
    assert_eq!(lab.sent().len(), 0);
}

/// As Linux: going down removes the routes that were added; losing the carrier does not.
#[test]
fn routes_follow_the_link() {
    let mut lab = Lab::new();
    let default = RouteConfig::via(cidr("0.0.0.0/0"), PEER);
    lab.host.route_add(lab.now, &default).unwrap();
    let is_linkdown = |lab: &Lab| -> Vec<bool> {
        let listed = lab.host.routes().into_iter();
        listed.filter(|r| r.destination.prefix == 0).map(|r| r.is_linkdown).collect()
    };
    lab.set(NO_CARRIER);
    assert_eq!(lab.reaches("192.0.2.1"), Err(SocketError::NetworkUnreachable));
    assert_eq!(is_linkdown(&lab), [true]);
    lab.set(CARRIER);
    assert_eq!((lab.reaches("192.0.2.1"), is_linkdown(&lab)), (Ok(US), vec![false]));
    lab.set(DOWN);
    assert!(lab.host.routes().is_empty());
    lab.set(UP);
    assert_eq!(lab.reaches("192.0.2.1"), Err(SocketError::NetworkUnreachable));
    assert_eq!((lab.reaches("10.0.0.2"), lab.reaches("2001:db8::2")), (Ok(US), Ok(us6())));
}

/// A second interface on the same subnet takes over.
#[test]
fn another_interface_takes_over() {
    let mut lab = Lab::new();
    let second = ethernet_config("eth1", Mac([2, 0, 0, 0, 1, 1]));
    let eth1 = lab.host.interface_add(lab.now, second).unwrap();
    lab.host.address_add(lab.now, eth1, cidr("10.0.0.7/24")).unwrap();
    assert_eq!(lab.reaches("10.0.0.2"), Ok(US));
    lab.set(NO_CARRIER);
    assert_eq!(lab.reaches("10.0.0.2"), Ok(ip("10.0.0.7")));
}

/// As Linux, measured with two links to one bridge: a connection of an address whose link went down
/// (or lost its carrier, where such routes are ignored) goes on by the other link, which then
/// answers for the address. Link-local addresses stay with their link.
#[test]
fn addresses_of_a_link_that_is_down_are_answered_by_another_of_the_subnet() {
    for (off, on) in [(DOWN, UP), (NO_CARRIER, CARRIER)] {
        let mut lab = Lab::new();
        let other = Mac([2, 0, 0, 0, 1, 1]);
        let eth1 = lab.host.interface_add(lab.now, ethernet_config("eth1", other)).unwrap();
        for own in ["10.0.0.7/24", "2001:db8::7/64"] {
            lab.host.address_add(lab.now, eth1, cidr(own)).unwrap();
        }
        let tun = InterfaceConfig { medium: Medium::Ip, ..ethernet_config("tun0", MAC) };
        let tun = lab.host.interface_add(lab.now, tun).unwrap();
        lab.host.address_add(lab.now, tun, cidr("172.16.0.1/24")).unwrap();
        let answers = |lab: &Lab, by, to: &str| lab.host.fib().answers_for(by, ip(to));
        let mut socket = lab.udp("10.0.0.1:9");
        for _ in 0..2 {
            frames_of(&mut lab.host, lab.now, eth1);
            assert!(!answers(&lab, eth1, "10.0.0.1") && answers(&lab, lab.ifindex, "10.0.0.1"));
            lab.set(off);
            let told = frames_of(&mut lab.host, lab.now, eth1);
            assert_eq!(told.len(), 3, "ARP, MLD report and advertisement: {told:?}");
            assert!(told.iter().all(|frame| ethernet::parse(frame).unwrap().src == other));
            assert!(answers(&lab, eth1, "10.0.0.1") && answers(&lab, eth1, "2001:db8::1"));
            assert!(!answers(&lab, eth1, "fe80::ff:fe00:1"), "it stays with its link");
            assert!(!answers(&lab, tun, "10.0.0.1"), "another subnet");
            assert_eq!(by_other_link(&mut lab, eth1, &arp_request())[0][6..12], other.0);
            let mut frame = udp_frame("10.0.0.2:9", "10.0.0.1:9", b"by the other link");
            frame[..6].copy_from_slice(&other.0);
            assert!(by_other_link(&mut lab, eth1, &frame).is_empty());
            let datagram = read_datagram(&mut socket).expect("it is delivered");
            assert_eq!(datagram.1, b"by the other link");
            // The answer leaves there, from the same address.
            lab.send_to(&mut socket, "10.0.0.2:9", b"answer");
            let sent = frames_of(&mut lab.host, lab.now, eth1);
            let (header, _) = parse_ip(&sent[0]);
            assert_eq!((header.src, header.dst), (US, PEER));
            lab.set(on);
        }
        assert!(!answers(&lab, eth1, "10.0.0.1"), "its own link runs again");
    }
}

/// What leaves by `ifindex` when `frame`, which is not refused, comes in there.
fn by_other_link(lab: &mut Lab, ifindex: IfIndex, frame: &[u8]) -> Vec<Vec<u8>> {
    let verdict = lab.host.receive(lab.now, ifindex, Default::default(), &mut frame.to_vec());
    assert_eq!(verdict.drop_reason(), None);
    frames_of(&mut lab.host, lab.now, ifindex)
}

/// `ip link set NAME name OTHER`.
#[test]
fn a_link_is_renamed() {
    let mut lab = Lab::new();
    lab.host.interface_add(lab.now, ethernet_config("eth1", PEER_MAC)).unwrap();
    lab.host.link_rename(lab.now, lab.ifindex, "lan").unwrap();
    lab.host.link_rename(lab.now, lab.ifindex, "lan").unwrap();
    assert_eq!(lab.host.interfaces()[1].name, "lan");
    assert!(lab.host.addresses().iter().any(|a| a.interface == "lan"));
    let refused = lab.host.link_rename(lab.now, lab.ifindex, "eth1");
    assert_eq!(refused, Err(ControlError::InterfaceExists("eth1".into())));
    assert!(lab.host.link_rename(lab.now, lab.ifindex, "a b").is_err());
    assert!(lab.host.link_rename(lab.now, Fib::LOOPBACK, "lo1").is_err());
}

/// Linux `neigh_ifdown`, `neigh_carrier_down`, `neigh_changeaddr`.
#[test]
fn neighbors_are_forgotten() {
    let known = |lab: &Lab| lab.host.neighbors(lab.now).len();
    let other = LinkChange { mac: Some(Mac([2, 0, 0, 0, 9, 9])), ..LinkChange::default() };
    for (change, left) in [(DOWN, 0), (NO_CARRIER, 2), (other, 0)] {
        let mut lab = Lab::acquainted();
        let stranger = arp_from_peer(arp::REQUEST, ip("10.0.0.3"), US);
        lab.receive(&arp_frame(Mac::BROADCAST, &stranger)).unwrap();
        assert_eq!(known(&lab), 3);
        lab.set(change);
        assert_eq!(known(&lab), left, "{change:?}");
    }
}

/// Paths follow at once; a changed link address is not announced (Linux `arp_notify` 0).
/// CTL-02, CTL-10, CTL-11.
#[test]
fn mtu_and_link_address_change_at_run_time() {
    let mut lab = Lab::new();
    let mac = Mac([2, 0, 0, 0, 9, 9]);
    lab.set(mtu(1300));
    lab.set(LinkChange { mac: Some(mac), ..LinkChange::default() });
    assert_eq!(lab.sent().len(), 0);
    let path = lab.host.fib().path(PEER, None, None).unwrap();
    assert_eq!((path.mtu, path.mac), (1300, mac));
    let info = lab.host.interfaces().pop().unwrap();
    assert_eq!((info.mtu, info.mac, info.state), (1300, Some(mac), LinkState::RUNNING));
    assert_eq!(lab.receive(&arp_frame(MAC, &arp_from_peer(arp::REQUEST, PEER, US))), {
        Err(DropReason::LinkNotOurs)
    });
    lab.receive(&arp_request()).unwrap();
    let reply = lab.sent_one();
    assert_eq!(ethernet::parse(&reply).unwrap().src, mac);
}

/// Linux `addrconf_ifdown` below `IPV6_MIN_MTU`.
#[test]
fn an_mtu_below_1280_ends_ipv6() {
    let mut lab = Lab::new();
    lab.set(mtu(1279));
    lab.sent();
    let v6 = |lab: &Lab| {
        let all = lab.host.addresses().into_iter().filter(|a| a.ifindex == lab.ifindex);
        all.map(|a| a.address.cidr).filter(|a| a.ip.is_v6()).collect::<Vec<_>>()
    };
    assert_eq!(v6(&lab), []);
    assert_eq!(lab.reaches("2001:db8::2"), Err(SocketError::NetworkUnreachable));
    assert!(lab.host.interfaces()[1].groups.iter().all(Ip::is_v4));
    lab.set(mtu(1280));
    assert_eq!(v6(&lab), [cidr("fe80::ff:fe00:1/64")]);
    assert_eq!(lab.reaches("10.0.0.2"), Ok(US));
}

/// CTL-10.
#[test]
fn what_makes_no_link_is_refused() {
    let mut lab = Lab::new();
    let group = LinkChange { mac: Some(Mac::BROADCAST), ..LinkChange::default() };
    for change in [mtu(67), mtu(65_536), group] {
        let refused = lab.host.link_set(lab.now, lab.ifindex, &change);
        assert!(matches!(refused, Err(ControlError::Invalid(_))), "{refused:?}");
    }
    let loopback = lab.host.link_set(lab.now, Fib::LOOPBACK, &DOWN);
    assert!(matches!(loopback, Err(ControlError::Invalid(_))));
    let none = IfIndex::new(99).unwrap();
    assert_eq!(lab.host.link_set(lab.now, none, &UP), Err(ControlError::NoInterface(none)));
}
