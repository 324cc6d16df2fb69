//! Sending to neighbours that must be found first (NUD rows, end to end).

use addr::Mac;
use wire::arp::{REPLY, REQUEST};
use wire::ethernet;
use wire::icmp::{Echo, Message};

use crate::control::NudState;
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::host::fixture::*;
use crate::time::Duration;

fn kinds(frames: &[Vec<u8>]) -> Vec<&'static str> {
    frames
        .iter()
        .map(|frame| match ethernet::parse(frame).unwrap().ethertype {
            ethernet::ETHERTYPE_ARP if frame[..6] == Mac::BROADCAST.0 => "broadcast arp",
            ethernet::ETHERTYPE_ARP => "unicast arp",
            _ => "ip",
        })
        .collect()
}

fn state(lab: &Lab) -> NudState {
    lab.host.neighbors(lab.now).into_iter().find(|n| n.ip == PEER).unwrap().state
}

/// NUD-02, NUD-09: what waits leaves in order as soon as the answer is learned.
/// CTL-43.
#[test]
fn nud_02_a_datagram_waits_for_the_answer() {
    let mut lab = Lab::new();
    let mut ends = lab.udp("10.0.0.1:4000");
    lab.send_to(&mut ends, "10.0.0.2:9", b"one");
    lab.send_to(&mut ends, "10.0.0.2:9", b"two");
    assert_eq!(kinds(&lab.sent()), ["broadcast arp"]);
    assert_eq!(state(&lab), NudState::Incomplete);
    lab.receive(&arp_frame(MAC, &arp_from_peer(REPLY, PEER, US))).unwrap();
    let frames = lab.sent();
    assert_eq!(kinds(&frames), ["ip", "ip"]);
    assert_eq!(frames[0][..6], PEER_MAC.0);
    assert_eq!(&frames[0][42..], b"one");
    assert_eq!(state(&lab), NudState::Reachable);
}

/// NUD-07, NUD-08: a failed entry asks for nothing until somebody wants it again.
#[test]
fn nud_07_gap_41_silence_ends_after_three_requests_and_the_next_datagram_asks_anew() {
    let mut lab = Lab::new();
    let mut ends = lab.udp("10.0.0.1:4000");
    lab.send_to(&mut ends, "10.0.0.2:9", b"lost");
    let mut requests = lab.sent().len();
    lab.wait(Duration::from_millis(2950));
    requests += lab.sent().len();
    assert_eq!(requests, 3);
    assert_eq!(lab.host.take_error(ends.id), None);
    lab.events();
    lab.wait(Duration::from_millis(100));
    assert_eq!(state(&lab), NudState::Failed);
    // Linux tells nobody but the error queue (IP_RECVERR), not even a connected socket.
    assert_eq!(lab.host.take_error(ends.id), None);
    assert!(!lab.events().iter().any(|(id, what)| *id == ends.id && what.has(Readiness::ERROR)));
    assert_eq!(lab.host.stats().dropped(DropReason::NeighborFailed), 1);
    // The next one asks anew.
    lab.sent();
    lab.wait(Duration::from_secs(2));
    assert!(lab.sent().is_empty());
    lab.send_to(&mut ends, "10.0.0.2:9", b"found");
    assert!(kinds(&lab.sent()).contains(&"broadcast arp"));
    lab.receive(&arp_frame(MAC, &arp_from_peer(REPLY, PEER, US))).unwrap();
    assert_eq!(kinds(&lab.sent()), ["ip"]);
}

/// Who is answered once the neighbour is known, after `count` echo requests came before.
fn echoes_before_resolution(lab: &mut Lab, count: u16) -> Vec<u16> {
    for seq in 0..count {
        let ping = Message::EchoRequest(Echo { id: 1, seq, data: b"" });
        lab.receive(&icmp_frame(PEER, US, &ping)).unwrap();
    }
    assert_eq!(kinds(&lab.sent()), ["broadcast arp"]);
    lab.receive(&arp_frame(MAC, &arp_from_peer(REPLY, PEER, US))).unwrap();
    let frames = lab.sent();
    assert!(frames.iter().all(|f| f[..6] == PEER_MAC.0));
    let seq = |frame: &Vec<u8>| match parse_icmp(frame).1 {
        Message::EchoReply(echo) => echo.seq,
        other => panic!("{other:?}"),
    };
    frames.iter().map(seq).collect()
}

#[test]
fn nud_11_replies_wait_for_a_neighbour_within_a_bound_of_bytes() {
    // As many as Linux answers.
    let mut lab = Lab::new();
    assert_eq!(echoes_before_resolution(&mut lab, 60), (0..60).collect::<Vec<_>>());
    // Beyond the bound the oldest give way.
    let limits = crate::Limits { neighbor_queue_bytes: 1_000, ..crate::Limits::default() };
    let mut lab = Lab::with(limits, ethernet_config("eth0", MAC));
    assert_eq!(echoes_before_resolution(&mut lab, 5), [2, 3, 4]);
    assert_eq!(lab.host.stats().dropped(DropReason::NeighborFailed), 2);
}

#[test]
fn a_neighbour_that_does_not_answer_holds_up_no_datagram_to_others() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("10.0.0.1:4000");
    // More than are taken out of the socket at a time, to more than one silent neighbour.
    for n in 0..300 {
        lab.send_to(&mut ends, &format!("10.0.0.{}:9", 100 + n % 20), b"lost");
    }
    lab.send_to(&mut ends, "10.0.0.2:9", b"found");
    let frames = lab.sent();
    let found = frames.iter().filter(|f| f.ends_with(b"found")).count();
    assert_eq!((found, kinds(&frames).len()), (1, 21));
    lab.wait(Duration::from_secs(4));
    assert_eq!(lab.host.take_error(ends.id), None);
    assert_eq!(lab.host.stats().dropped(DropReason::NeighborFailed), 300);
}

#[test]
fn a_datagram_in_fragments_waits_for_its_neighbour_as_a_whole() {
    let mut lab = Lab::new();
    let mut ends = lab.udp("10.0.0.1:4000");
    let payload: Vec<u8> = (0..4_000u32).map(|n| n as u8).collect();
    lab.send_to(&mut ends, "10.0.0.2:9", &payload);
    assert_eq!(kinds(&lab.sent()), ["broadcast arp"]);
    lab.receive(&arp_frame(MAC, &arp_from_peer(REPLY, PEER, US))).unwrap();
    let frames = lab.sent();
    assert_eq!(frames.len(), 3);
    let whole: Vec<u8> = frames.iter().flat_map(|f| f[34..].to_vec()).collect();
    assert_eq!(whole[8..], payload);
    // All carry one identification, and only the last says that none follows.
    assert!(frames.iter().all(|f| f[18..20] == frames[0][18..20]));
    assert_eq!(frames.iter().map(|f| f[20] >> 5).collect::<Vec<_>>(), [1, 1, 0]);
}

/// STAT-22, STAT-90.
#[test]
fn nud_11_replies_to_a_silent_neighbour_are_dropped_in_the_end() {
    let mut lab = Lab::new();
    let ping = Message::EchoRequest(Echo { id: 1, seq: 1, data: b"" });
    lab.receive(&icmp_frame(PEER, US, &ping)).unwrap();
    lab.wait(Duration::from_secs(4));
    assert_eq!(lab.host.stats().dropped(DropReason::NeighborFailed), 1);
    assert!(kinds(&lab.sent()).iter().all(|kind| *kind == "broadcast arp"));
}

/// NUD-03, NUD-05, NUD-06.
/// SYSCTL-119.
#[test]
fn nud_03_05_06_a_stale_neighbour_in_use_is_probed_and_confirmed() {
    let mut lab = Lab::new();
    // It spoke first: STALE.
    lab.receive(&arp_frame(Mac::BROADCAST, &arp_from_peer(REQUEST, PEER, US))).unwrap();
    lab.sent();
    let mut ends = lab.udp("10.0.0.1:4000");
    lab.send_to(&mut ends, "10.0.0.2:9", b"x");
    assert_eq!(kinds(&lab.sent()), ["ip"]);
    assert_eq!(state(&lab), NudState::Delay);
    lab.wait(Duration::from_millis(4900));
    assert!(lab.sent().is_empty());
    lab.wait(Duration::from_millis(200));
    assert_eq!((state(&lab), kinds(&lab.sent())), (NudState::Probe, vec!["unicast arp"]));
    lab.receive(&arp_frame(MAC, &arp_from_peer(REPLY, PEER, US))).unwrap();
    assert_eq!(state(&lab), NudState::Reachable);
    // NUD-04: unused, it goes STALE between 15 and 45 seconds later.
    lab.wait(Duration::from_secs(14));
    assert_eq!(state(&lab), NudState::Reachable);
    lab.wait(Duration::from_secs(32));
    assert_eq!(state(&lab), NudState::Stale);
    assert!(lab.sent().is_empty());
}

/// SYSCTL-127.
#[test]
fn nud_06_a_neighbour_that_left_fails_after_three_probes() {
    let mut lab = Lab::new();
    lab.receive(&arp_frame(Mac::BROADCAST, &arp_from_peer(REQUEST, PEER, US))).unwrap();
    let mut ends = lab.udp("10.0.0.1:4000");
    lab.send_to(&mut ends, "10.0.0.2:9", b"x");
    lab.sent();
    lab.wait(Duration::from_millis(8_100));
    assert_eq!(kinds(&lab.sent()), ["unicast arp"; 3]);
    assert_eq!(state(&lab), NudState::Failed);
}

#[test]
fn nud_10_permanent_entries_are_not_learned_over_nor_aged() {
    let mut lab = Lab::acquainted();
    let mut liar = arp_from_peer(REQUEST, PEER, US);
    liar.sender_mac = Mac([2, 0, 0, 0, 0, 9]);
    lab.receive(&arp_frame(Mac::BROADCAST, &liar)).unwrap();
    lab.wait(Duration::from_secs(100));
    let neighbor = lab.host.neighbors(lab.now).into_iter().find(|n| n.ip == PEER).unwrap();
    assert_eq!((neighbor.state, neighbor.mac), (NudState::Permanent, Some(PEER_MAC)));
}

#[test]
fn nud_13_strangers_cannot_fill_the_table() {
    let limits = crate::Limits { neighbors: 64, ..crate::Limits::default() };
    let mut lab = Lab::with(limits, ethernet_config("eth0", MAC));
    lab.host.address_add(lab.now, lab.ifindex, cidr("10.9.0.1/16")).unwrap();
    lab.host.neighbor_add(lab.now, lab.ifindex, PEER, PEER_MAC).unwrap();
    for n in 0..2000u32 {
        let [.., a, b] = n.to_be_bytes();
        let stranger = addr::Ip::v4([10, 9, 100 + a, b]);
        let target = ip("10.9.0.1");
        lab.receive(&arp_frame(Mac::BROADCAST, &arp_from_peer(REQUEST, stranger, target))).ok();
        assert!(lab.host.neighbors(lab.now).len() <= 64);
        lab.now += Duration::from_millis(1);
    }
    assert_eq!(state(&lab), NudState::Permanent);
    assert!(lab.host.fib().neighbors.len() <= 64);
}

#[test]
fn fib_routes_by_gateway_resolve_the_gateway() {
    let mut lab = Lab::new();
    let route = crate::RouteConfig::via(cidr("0.0.0.0/0"), PEER);
    lab.host.route_add(lab.now, &route).unwrap();
    let mut ends = lab.udp("0.0.0.0:0");
    lab.send_to(&mut ends, "192.0.2.7:9", b"far");
    let request = lab.sent_one();
    let arp = wire::arp::parse(&request[14..]).unwrap();
    assert_eq!(addr::Ip::from(arp.target_ip), PEER);
    lab.receive(&arp_frame(MAC, &arp_from_peer(REPLY, PEER, US))).unwrap();
    let frame = lab.sent_one();
    assert_eq!(frame[..6], PEER_MAC.0);
    assert_eq!(parse_ip(&frame).0.dst, ip("192.0.2.7"));
}
