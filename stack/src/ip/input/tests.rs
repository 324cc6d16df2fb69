//! What IP input decides about packets for others, with forwarding off and on. What it lets in is
//! tested through the host (`host::tests::input`).

use addr::IfIndex;
use wire::icmp::{Echo, Message};

use super::*;
use crate::control::RouteConfig;
use crate::host::fixture::{Lab, MAC, PEER, US, cidr, eth, ethernet_config, icmp_frame, ip};
use crate::verdict::Verdict;

/// A host in 10.0.0.0/24 on one interface and in 192.0.2.0/24 on another, by which a route leads to
/// 198.51.100.0/24.
fn lab() -> (Lab, IfIndex) {
    let mut lab = Lab::acquainted();
    let config = ethernet_config("eth1", addr::Mac([2, 0, 0, 0, 0, 9]));
    let other = lab.host.interface_add(lab.now, config).unwrap();
    lab.host.address_add(lab.now, other, cidr("192.0.2.1/24")).unwrap();
    let route = RouteConfig::via(cidr("198.51.100.0/24"), ip("192.0.2.254"));
    lab.host.route_add(lab.now, &route).unwrap();
    (lab, other)
}

fn ping(src: Ip, dst: Ip) -> Vec<u8> {
    let message = Message::EchoRequest(Echo { id: 7, seq: 3, data: b"abc" });
    icmp_frame(src, dst, &message)
}

/// The decision about an echo request that came in by the first interface.
fn decide(
    lab: &Lab,
    forwarding: bool,
    (src, dst): (Ip, Ip),
    link_multicast: bool,
) -> Result<Decision, DropReason> {
    let mut input = IpInput { forwarding, ..IpInput::default() };
    let fib = lab.host.fib();
    let frame = ping(src, dst);
    let bytes = &frame[14..];
    let header = wire::ip::parse(bytes).unwrap();
    let packet = Candidate { header: &header, bytes, link_multicast };
    let interface = fib.interface(lab.ifindex).unwrap();
    input.decide(fib, interface, &packet).map_err(|refusal| refusal.reason)
}

/// FWD-01.
#[test]
fn a_host_that_does_not_forward_refuses_what_is_for_others() {
    let (lab, _) = lab();
    for dst in ["198.51.100.7", "192.0.2.7", "203.0.113.1", "2001:db8::7"] {
        let src = if dst.contains(':') { ip("2001:db8::2") } else { PEER };
        let decision = decide(&lab, false, (src, ip(dst)), false);
        assert_eq!(decision, Err(DropReason::IpNotOurs), "{dst}");
    }
}

/// FWD-01, FWD-04.
#[test]
fn a_router_forwards_by_its_routes() {
    let (lab, other) = lab();
    let forward = |next_hop| Ok(Decision::Forward { ifindex: other, next_hop: ip(next_hop) });
    let cases = [
        ("198.51.100.7", forward("192.0.2.254")),
        ("192.0.2.7", forward("192.0.2.7")),
        ("203.0.113.1", Err(DropReason::NoRoute)),
        // RFC 1812 §5.3.4, §4.2.2.11: broadcasts, groups, link-local and loopback addresses stay.
        ("192.0.2.1", Err(DropReason::IpNotOurs)),
        ("224.0.0.77", Err(DropReason::IpNotOurs)),
        ("169.254.3.4", Err(DropReason::IpNotOurs)),
        ("127.0.0.1", Err(DropReason::IpNotOurs)),
        ("0.0.0.0", Err(DropReason::IpNotOurs)),
        ("192.0.2.255", Err(DropReason::IpNotOurs)),
        // What is ours is ours.
        ("10.0.0.1", Ok(Decision::Deliver(Destination::Unicast))),
        ("10.0.0.255", Ok(Decision::Deliver(Destination::Broadcast))),
        ("255.255.255.255", Ok(Decision::Deliver(Destination::Broadcast))),
    ];
    for (dst, expected) in cases {
        assert_eq!(decide(&lab, true, (PEER, ip(dst)), false), expected, "{dst}");
    }
}

/// FWD-05 (RFC 4291 §2.5.6, §2.7).
#[test]
fn a_router_keeps_ipv6_packets_in_their_scope() {
    let (mut lab, other) = lab();
    lab.host.address_add(lab.now, other, cidr("2001:db8:1::1/64")).unwrap();
    let src = ip("2001:db8::2");
    let far = ip("2001:db8:1::7");
    let forward = Ok(Decision::Forward { ifindex: other, next_hop: far });
    assert_eq!(decide(&lab, true, (src, far), false), forward);
    for dst in ["fe80::7", "::1", "::", "ff02::77", "ff0e::77"] {
        let decision = decide(&lab, true, (src, ip(dst)), false);
        assert_eq!(decision, Err(DropReason::IpNotOurs), "{dst}");
    }
    let from_link = decide(&lab, true, (ip("fe80::7"), far), false);
    assert_eq!(from_link, Err(DropReason::IpNotOurs));
}

#[test]
fn a_router_refuses_bad_sources_and_what_came_to_all_at_the_link() {
    let (lab, _) = lab();
    let dst = ip("198.51.100.7");
    for src in ["0.0.0.0", "10.0.0.255", "10.0.0.1", "192.0.2.1"] {
        let decision = decide(&lab, true, (ip(src), dst), false);
        assert_eq!(decision, Err(DropReason::IpMartianSource), "{src}");
    }
    assert_eq!(decide(&lab, true, (PEER, dst), true), Err(DropReason::IpNotOurs));
    assert_eq!(decide(&lab, true, (ip("169.254.1.1"), dst), false), Err(DropReason::IpNotOurs));
}

/// STAT-06.
#[test]
fn the_host_returns_the_verdict_and_leaves_the_frame_alone() {
    let (mut lab, other) = lab();
    lab.host.first().shard.input.forwarding = true;
    let mut frame = ping(PEER, ip("198.51.100.7"));
    let before = frame.clone();
    let verdict = lab.host.receive(lab.now, lab.ifindex, Default::default(), &mut frame);
    assert_eq!(verdict, Verdict::Forward { ifindex: other, next_hop: ip("192.0.2.254") });
    assert_eq!(frame, before);
    let stats = lab.host.stats();
    assert_eq!((stats.frames_to_forward, stats.frames_delivered), (1, 0));
    assert!(stats.is_balanced());
    assert!(lab.sent().is_empty(), "nobody forwards yet, and nothing is answered");
    // The same, but for us.
    let mut frame = ping(PEER, US);
    let verdict = lab.host.receive(lab.now, lab.ifindex, Default::default(), &mut frame);
    assert_eq!(verdict, Verdict::Consumed);
    let mut frame = eth(MAC, 0x88cc, b"lldp");
    let verdict = lab.host.receive(lab.now, lab.ifindex, Default::default(), &mut frame);
    assert_eq!(verdict, Verdict::Dropped(DropReason::LinkUnknownType));
}
