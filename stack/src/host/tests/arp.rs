//! ARP with the peer (ARPS rows).

use addr::{Ip, Mac};
use wire::arp::{REPLY, REQUEST};
use wire::ethernet;

use crate::control::NudState;
use crate::drop::DropReason;
use crate::host::fixture::*;
use crate::time::Duration;

fn state_of(lab: &Lab, ip: Ip) -> Option<(NudState, Option<Mac>)> {
    lab.host.neighbors(lab.now).into_iter().find(|n| n.ip == ip).map(|n| (n.state, n.mac))
}

#[test]
fn arps_05_request_is_answered_byte_for_byte() {
    let mut lab = Lab::new();
    lab.receive(&arp_frame(Mac::BROADCAST, &arp_from_peer(REQUEST, PEER, US))).unwrap();
    #[rustfmt::skip]
    let golden = [
        2, 0, 0, 0, 0, 2,  2, 0, 0, 0, 0, 1,  0x08, 0x06,
        0, 1,  0x08, 0,  6, 4,  0, 2,
        2, 0, 0, 0, 0, 1,  10, 0, 0, 1,
        2, 0, 0, 0, 0, 2,  10, 0, 0, 2,
    ];
    assert_eq!(lab.sent_one(), golden);
    assert_eq!(state_of(&lab, PEER), Some((NudState::Stale, Some(PEER_MAC))));
}

/// ARPS-01: what a request says, to all while the neighbour is unknown and to it alone later.
/// ARPS-02.
#[test]
fn arps_01_request_byte_for_byte() {
    let mut lab = Lab::new();
    let mut ends = lab.udp("0.0.0.0:0");
    lab.send_to(&mut ends, "10.0.0.2:9", b"x");
    #[rustfmt::skip]
    let golden = [
        255, 255, 255, 255, 255, 255,  2, 0, 0, 0, 0, 1,  0x08, 0x06,
        0, 1,  0x08, 0,  6, 4,  0, 1,
        2, 0, 0, 0, 0, 1,  10, 0, 0, 1,
        0, 0, 0, 0, 0, 0,  10, 0, 0, 2,
    ];
    assert_eq!(lab.sent_one(), golden);
    lab.receive(&arp_frame(MAC, &arp_from_peer(REPLY, PEER, US))).unwrap();
    lab.sent();
    // Long unused it is STALE; then used, it is probed after five seconds.
    lab.wait(Duration::from_secs(50));
    lab.send_to(&mut ends, "10.0.0.2:9", b"x");
    lab.sent();
    lab.wait(Duration::from_millis(5100));
    let probe = lab.sent_one();
    assert_eq!((&probe[..6], &probe[6..]), (&PEER_MAC.0[..], &golden[6..]));
}

/// ARPS-09: neither another host's address nor a link address is answered for.
#[test]
fn arps_09_no_proxy_and_no_reverse_arp() {
    let mut lab = Lab::new();
    let other = arp_frame(Mac::BROADCAST, &arp_from_peer(REQUEST, PEER, ip("10.0.0.9")));
    assert_eq!(lab.receive(&other), Err(DropReason::ArpNotOurs));
    let reverse = eth(Mac::BROADCAST, 0x8035, &other[14..]);
    assert_eq!(lab.receive(&reverse), Err(DropReason::LinkUnknownType));
    assert!(lab.sent().is_empty());
}

#[test]
fn arps_05_probe_is_answered_and_nothing_learned() {
    let mut lab = Lab::new();
    let probe = arp_from_peer(REQUEST, Ip::UNSPECIFIED_V4, US);
    lab.receive(&arp_frame(Mac::BROADCAST, &probe)).unwrap();
    let reply = lab.sent_one();
    let reply = wire::arp::parse(&reply[14..]).unwrap();
    assert_eq!((reply.operation, reply.sender_mac), (REPLY, MAC));
    assert!(lab.host.neighbors(lab.now).is_empty());
}

#[test]
fn arps_03_our_own_frame_come_back_is_dropped() {
    let mut lab = Lab::new();
    for (operation, sender) in [(REQUEST, US), (REQUEST, Ip::UNSPECIFIED_V4), (REPLY, US)] {
        let mut arp = arp_from_peer(operation, sender, PEER);
        arp.sender_mac = MAC;
        let result = lab.receive(&arp_frame(Mac::BROADCAST, &arp));
        assert_eq!(result, Err(DropReason::ArpNotOurs));
    }
    assert!(lab.sent().is_empty());
}

#[test]
fn arps_04_gratuitous_request_updates_but_is_never_answered() {
    let mut lab = Lab::new();
    let gratuitous = arp_frame(Mac::BROADCAST, &arp_from_peer(REQUEST, PEER, PEER));
    assert_eq!(lab.receive(&gratuitous), Err(DropReason::ArpNotOurs));
    assert!(lab.host.neighbors(lab.now).is_empty(), "arp_accept 0: no entry is made");
    let mut old = arp_from_peer(REQUEST, PEER, US);
    old.sender_mac = Mac([2, 0, 0, 0, 0, 9]);
    lab.receive(&arp_frame(Mac::BROADCAST, &old)).unwrap();
    lab.sent();
    lab.receive(&gratuitous).unwrap();
    assert_eq!(state_of(&lab, PEER), Some((NudState::Stale, Some(PEER_MAC))));
    assert!(lab.sent().is_empty());
}

/// SYSCTL-001.
#[test]
fn arps_07_only_senders_of_our_subnet_are_learned() {
    let mut lab = Lab::new();
    let stranger = arp_from_peer(REQUEST, ip("192.0.2.7"), US);
    lab.receive(&arp_frame(Mac::BROADCAST, &stranger)).unwrap();
    assert_eq!(lab.sent().len(), 1);
    assert!(lab.host.neighbors(lab.now).is_empty());
    // Not asked for, not for us.
    let other = arp_from_peer(REQUEST, PEER, ip("10.0.0.9"));
    let result = lab.receive(&arp_frame(Mac::BROADCAST, &other));
    assert_eq!(result, Err(DropReason::ArpNotOurs));
    let reply = arp_frame(MAC, &arp_from_peer(REPLY, PEER, US));
    assert_eq!(lab.receive(&reply), Err(DropReason::ArpNotOurs));
    assert!(lab.host.neighbors(lab.now).is_empty());
}

/// ACD-06: a frame of another link address that claims ours.
#[test]
fn another_owner_of_our_address_is_a_conflict() {
    let mut lab = Lab::new();
    for operation in [REQUEST, REPLY] {
        let frame = arp_frame(Mac::BROADCAST, &arp_from_peer(operation, US, US));
        assert_eq!(lab.receive(&frame), Err(DropReason::AddressConflict));
    }
    assert!(lab.sent().is_empty());
}

#[test]
fn locktime_the_first_of_two_replies_wins() {
    let mut lab = Lab::new();
    let mut ends = lab.udp("10.0.0.1:0");
    lab.send_to(&mut ends, "10.0.0.2:9", b"x");
    lab.sent();
    lab.receive(&arp_frame(MAC, &arp_from_peer(REPLY, PEER, US))).unwrap();
    let mut proxy = arp_from_peer(REPLY, PEER, US);
    proxy.sender_mac = Mac([2, 0, 0, 0, 0, 9]);
    lab.receive(&arp_frame(MAC, &proxy)).unwrap();
    assert_eq!(state_of(&lab, PEER), Some((NudState::Reachable, Some(PEER_MAC))));
    lab.wait(Duration::from_secs(2));
    lab.receive(&arp_frame(MAC, &proxy)).unwrap();
    assert_eq!(state_of(&lab, PEER), Some((NudState::Reachable, Some(proxy.sender_mac))));
}

/// STAT-04.
#[test]
fn arp_03_malformed_packets_are_dropped() {
    let mut lab = Lab::new();
    let good = arp_frame(MAC, &arp_from_peer(REQUEST, PEER, US));
    for (at, value) in [(15, 9), (17, 1), (18, 7), (19, 16), (21, 3), (28, 224)] {
        let mut bad = good.clone();
        bad[at] = value;
        assert_eq!(lab.receive(&bad), Err(DropReason::ArpMalformed), "byte {at}");
    }
    let cut = &good[..good.len() - 1];
    assert_eq!(lab.receive(cut), Err(DropReason::ArpMalformed));
    assert_eq!(lab.host.stats().arp_in, 0);
    assert!(lab.sent().is_empty());
}

/// ACD-04.
#[test]
fn address_add_announces_by_arp() {
    let mut lab = Lab::new();
    lab.host.address_add(lab.now, lab.ifindex, cidr("10.0.0.5/24")).unwrap();
    let frame = lab.sent_one();
    assert_eq!(ethernet::parse(&frame).unwrap().dst, Mac::BROADCAST);
    let arp = wire::arp::parse(&frame[14..]).unwrap();
    assert_eq!((arp.operation, arp.sender_mac), (REQUEST, MAC));
    assert_eq!(
        (Ip::from(arp.sender_ip), Ip::from(arp.target_ip)),
        (ip("10.0.0.5"), ip("10.0.0.5"))
    );
}
