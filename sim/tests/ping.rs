//! Echo across the link: a stranger with nothing but frames pings a host, over both families, after
//! making itself known by ARP or neighbor discovery as any station would.

mod lab;

use addr::{Ip, Mac};
use lab::{A, LINK, LONG, address, mac, pair};
use sim::World;
use wire::icmp::{Echo, Message};
use wire::ip::{self, IpEmit, PROTO_ICMP, PROTO_ICMPV6};
use wire::{arp, ethernet, icmpv4, icmpv6, ndp};

const STRANGER: Mac = Mac([2, 0, 0, 0, 0, 9]);

/// A frame of the stranger's around an ICMP message that `emit` writes.
fn icmp_frame(
    (src, dst, to): (Ip, Ip, Mac),
    hop_limit: u8,
    emit: impl FnOnce(&mut [u8]) -> usize,
) -> Vec<u8> {
    let mut body = [0; 1_600];
    let payload_len = emit(&mut body);
    let (protocol, ethertype) = if src.is_v4() {
        (PROTO_ICMP, ethernet::ETHERTYPE_IPV4)
    } else {
        (PROTO_ICMPV6, ethernet::ETHERTYPE_IPV6)
    };
    let header = IpEmit { src, dst, protocol, hop_limit, payload_len, ..IpEmit::default() };
    let mut frame = vec![0; 100 + payload_len];
    let mut at = ethernet::emit(&mut frame, to, STRANGER, ethertype).unwrap();
    at += ip::emit(&mut frame[at..], &header).unwrap();
    frame[at..at + payload_len].copy_from_slice(&body[..payload_len]);
    frame.truncate(at + payload_len);
    frame
}

/// Asks for host A's link address, and so tells it the stranger's.
fn introduction(v4: bool) -> Vec<u8> {
    let (ours, theirs) = (address(v4, 8), address(v4, A));
    let (Some(sender_ip), Some(target_ip)) = (ours.as_v4(), theirs.as_v4()) else {
        let group = theirs.solicited_node();
        return icmp_frame((ours, group, Mac::multicast_for(group)), 255, |buf| {
            ndp::emit_ns(buf, ours, group, theirs, Some(STRANGER), None).unwrap()
        });
    };
    let mut frame = vec![0; 60];
    let at = ethernet::emit(&mut frame, Mac::BROADCAST, STRANGER, ethernet::ETHERTYPE_ARP).unwrap();
    let request = arp::Arp {
        operation: arp::REQUEST,
        sender_mac: STRANGER,
        sender_ip,
        target_mac: Mac::UNSPECIFIED,
        target_ip,
    };
    arp::emit(&mut frame[at..], &request).unwrap();
    frame
}

/// Every echo reply sent so far to the stranger.
fn replies(world: &World, v4: bool) -> Vec<(u16, u16, Vec<u8>)> {
    let mut found = Vec::new();
    for (_, frame) in world.pcap.as_ref().unwrap().frames() {
        let link = ethernet::parse(frame).unwrap();
        let Ok(header) = ip::parse(link.payload) else { continue };
        if link.dst != STRANGER || header.src.is_v4() != v4 {
            continue;
        }
        let payload = header.payload(link.payload);
        let message = match header.protocol {
            PROTO_ICMP => icmpv4::parse(payload),
            _ => icmpv6::parse(header.src, header.dst, payload),
        };
        if let Ok(Message::EchoReply(Echo { id, seq, data })) = message {
            assert_eq!((header.src, header.dst), (address(v4, A), address(v4, 8)));
            found.push((id, seq, data.to_vec()));
        }
    }
    found
}

#[test]
fn a_host_answers_every_ping() {
    for v4 in [true, false] {
        let mut world = pair();
        let station = world.links[LINK].attach();
        world.inject(LINK, station, &introduction(v4));
        world.run(LONG, |world| world.now.millis() > 10);
        let addresses = (address(v4, 8), address(v4, A), mac(A));
        let mut expected = Vec::new();
        for seq in 0..20 {
            let data: Vec<u8> = (0..seq * 70).map(|i| i as u8).collect();
            let echo = Message::EchoRequest(Echo { id: 77, seq, data: &data });
            let frame = icmp_frame(addresses, 64, |buf| match v4 {
                true => icmpv4::emit(buf, &echo).unwrap(),
                false => icmpv6::emit(buf, addresses.0, addresses.1, &echo).unwrap(),
            });
            world.inject(LINK, station, &frame);
            expected.push((77, seq, data));
        }
        world.run(LONG, |_| false);
        assert_eq!(replies(&world, v4), expected);
        assert_eq!(world.nodes[A].host.stats().icmp_echo_replies, 20);
        assert_eq!(world.violations, [""; 0]);
    }
}

#[test]
fn a_reply_to_an_unknown_neighbour_waits_for_its_address() {
    for v4 in [true, false] {
        let mut world = pair();
        let station = world.links[LINK].attach();
        let addresses = (address(v4, 8), address(v4, A), mac(A));
        let echo = Message::EchoRequest(Echo { id: 1, seq: 2, data: b"who am I" });
        let frame = icmp_frame(addresses, 64, |buf| match v4 {
            true => icmpv4::emit(buf, &echo).unwrap(),
            false => icmpv6::emit(buf, addresses.0, addresses.1, &echo).unwrap(),
        });
        world.inject(LINK, station, &frame);
        world.run(LONG, |world| world.now.millis() > 500);
        assert_eq!(replies(&world, v4), [], "the host asks first");
        // The stranger's own question tells the host what it wants to know.
        world.inject(LINK, station, &introduction(v4));
        world.run(LONG, |_| false);
        assert_eq!(replies(&world, v4), [(1, 2, b"who am I".to_vec())]);
    }
}
