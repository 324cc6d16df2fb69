//! Who owns what, for flows, fragments, errors and for bytes that make no sense.

use proptest::prelude::*;

use wire::icmp::{Echo, Message};
use wire::ip::{Fragment, IpEmit, PROTO_DESTINATION_OPTIONS, PROTO_FRAGMENT};

use super::*;
use crate::host::fixture::{eth, icmp_payload, packet};

fn steering(shards: usize) -> Steering {
    Steering::new(shards, &Keys::from_seed(9))
}

fn endpoint(v4: bool) -> impl Strategy<Value = Endpoint> {
    (any::<[u8; 4]>(), any::<u16>()).prop_map(move |([a, b, c, d], port)| {
        let mut octets = [0; 16];
        octets[0] = 0x20;
        octets[12..].copy_from_slice(&[a, b, c, d]);
        let ip = if v4 { Ip::v4([a, b, c, d]) } else { Ip::v6(octets) };
        Endpoint::new(ip, port)
    })
}

fn flow() -> impl Strategy<Value = FlowKey> {
    let ends = any::<bool>().prop_flat_map(|v4| (endpoint(v4), endpoint(v4)));
    ends.prop_map(|(local, remote)| FlowKey::new(local, remote))
}

/// A packet from `src` to `dst` that begins with the two ports.
fn ip_packet(src: Endpoint, dst: Endpoint, protocol: u8, payload_len: usize) -> Vec<u8> {
    let mut payload = vec![0; payload_len.max(4)];
    payload[..2].copy_from_slice(&src.port.to_be_bytes());
    payload[2..4].copy_from_slice(&dst.port.to_be_bytes());
    let payload_len = payload.len();
    let header = IpEmit { src: src.ip, dst: dst.ip, protocol, payload_len, ..IpEmit::default() };
    packet(&header, &payload)
}

/// The same packet with an IPv6 extension header of `protocol` in front of its payload.
fn with_extension(packet: &[u8], protocol: u8, header: [u8; 8]) -> Vec<u8> {
    let mut extended = packet[..40].to_vec();
    let mut header = header;
    header[0] = packet[6];
    extended[6] = protocol;
    extended.extend_from_slice(&header);
    extended.extend_from_slice(&packet[40..]);
    let len = (extended.len() - 40) as u16;
    extended[4..6].copy_from_slice(&len.to_be_bytes());
    extended
}

proptest! {
    #[test]
    fn both_directions_of_a_connection_have_one_owner(flow in flow(), shards in 2..9usize) {
        let steering = steering(shards);
        let FlowKey { local, remote } = flow;
        let home = steering.home_of_flow(&flow);
        prop_assert_eq!(home, steering.home_of_flow(&flow.reversed()));
        prop_assert!(home.get() < shards);
        for (src, dst) in [(local, remote), (remote, local)] {
            let packet = ip_packet(src, dst, PROTO_TCP, 20);
            prop_assert_eq!(steering.packet_owner(&packet), home);
            let ethertype = if src.ip.is_v4() { 0x0800u16 } else { 0x86dd };
            let frame = eth(addr::Mac([2; 6]), ethertype, &packet);
            prop_assert_eq!(steering.owner(Medium::Ethernet, &frame), home);
            // A priority tag (VLAN 0) changes nothing.
            let mut tagged = frame[..12].to_vec();
            tagged.extend_from_slice(&[0x81, 0, 0, 0]);
            tagged.extend_from_slice(&frame[12..]);
            prop_assert_eq!(steering.owner(Medium::Ethernet, &tagged), home);
            if !src.ip.is_v4() {
                let options = with_extension(&packet, PROTO_DESTINATION_OPTIONS, [0; 8]);
                prop_assert_eq!(steering.packet_owner(&options), home);
                let atomic = with_extension(&packet, PROTO_FRAGMENT, [0; 8]);
                prop_assert_eq!(steering.packet_owner(&atomic), home);
            }
        }
    }

    #[test]
    fn an_error_goes_where_the_flow_lives_that_it_quotes(
        flow in flow(),
        router in any::<[u8; 4]>(),
        cut in 28..60usize,
    ) {
        let steering = steering(5);
        let FlowKey { local, remote } = flow;
        let v4 = local.ip.is_v4();
        let router = if v4 { Ip::v4(router) } else { remote.ip };
        for (protocol, home) in [
            (PROTO_TCP, steering.home_of_flow(&flow)),
            (PROTO_UDP, steering.home_of_port(local.port)),
        ] {
            let ours = ip_packet(local, remote, protocol, 40);
            let quote = &ours[..ours.len().min(cut + if v4 { 0 } else { 20 })];
            for message in [
                Message::Unreachable { code: 1, quote },
                Message::TimeExceeded { code: 0, quote },
                Message::ParameterProblem { code: 0, pointer: 6, quote },
            ] {
                let payload = icmp_payload(router, local.ip, &message);
                let protocol = if v4 { PROTO_ICMP } else { PROTO_ICMPV6 };
                let (src, dst, payload_len) = (router, local.ip, payload.len());
                let header = IpEmit { src, dst, protocol, payload_len, ..IpEmit::default() };
                prop_assert_eq!(steering.packet_owner(&packet(&header, &payload)), home);
            }
        }
    }

    #[test]
    fn all_fragments_of_a_datagram_have_one_owner(
        flow in flow(),
        identification in any::<u32>(),
        offsets in prop::collection::vec(0..8_000u32, 1..6),
    ) {
        let steering = steering(7);
        let whole = ip_packet(flow.remote, flow.local, PROTO_UDP, 64);
        let owner = |offset: u32, more: bool| {
            let fragment = if flow.local.ip.is_v4() {
                let mut bytes = whole.clone();
                bytes[4..6].copy_from_slice(&(identification as u16).to_be_bytes());
                let field = offset as u16 | if more { MORE_FRAGMENTS } else { 0 };
                bytes[6..8].copy_from_slice(&field.to_be_bytes());
                bytes
            } else {
                let mut header = [0; 8];
                let fragment = Fragment { offset: offset * 8, more };
                ipv6_ext::emit_fragment(&mut header, PROTO_UDP, fragment, identification).ok();
                with_extension(&whole, PROTO_FRAGMENT, header)
            };
            steering.packet_owner(&fragment)
        };
        let first = owner(0, true);
        for offset in offsets {
            prop_assert_eq!(owner(offset + 1, true), first);
            prop_assert_eq!(owner(offset + 1, false), first);
        }
    }

    #[test]
    fn any_bytes_have_an_owner(bytes in prop::collection::vec(any::<u8>(), 0..120), ip in 4..7u8) {
        let steering = steering(3);
        prop_assert!(steering.owner(Medium::Ethernet, &bytes).get() < 3);
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = *first & 0xf | ip << 4;
        }
        prop_assert!(steering.owner(Medium::Ip, &bytes).get() < 3);
        // One shard does not look at all.
        prop_assert_eq!(Steering::SINGLE.packet_owner(&bytes), ShardIndex::ZERO);
    }
}

#[test]
fn flows_and_ports_spread_evenly() {
    for shards in [2, 3, 4, 7] {
        let steering = steering(shards);
        let mut flows = vec![0usize; shards];
        let mut ports = vec![0usize; shards];
        for port in 1..=u16::MAX {
            let local = Endpoint::new(Ip::v4([10, 0, 0, 1]), 80);
            let remote = Endpoint::new(Ip::v4([10, 0, 0, 2]), port);
            flows[steering.home_of_flow(&FlowKey::new(local, remote)).get()] += 1;
            ports[steering.home_of_port(port).get()] += 1;
        }
        let fair = 65_535 / shards;
        for count in flows.iter().chain(&ports) {
            assert!(count.abs_diff(fair) < fair / 20, "{flows:?} {ports:?}");
        }
    }
}

#[test]
fn control_hears_what_is_its_own_on_shard_zero() {
    let steering = steering(64);
    let (us, group) = (Ip::v4([10, 0, 0, 1]), Ip::ALL_NODES);
    for port in [DHCP_CLIENT, DHCPV6_CLIENT] {
        assert_eq!(steering.home_of_port(port), ShardIndex::ZERO);
    }
    for kind in [130u8, 131, 132, 133, 134, 135, 136, 137, 143] {
        let header = IpEmit {
            src: Ip::v6([0x20; 16]),
            dst: group,
            protocol: PROTO_ICMPV6,
            payload_len: 24,
            ..IpEmit::default()
        };
        let mut payload = [0; 24];
        payload[0] = kind;
        assert_eq!(steering.packet_owner(&packet(&header, &payload)), ShardIndex::ZERO);
    }
    let igmp = IpEmit { src: us, dst: us, protocol: 2, payload_len: 8, ..IpEmit::default() };
    assert_eq!(steering.packet_owner(&packet(&igmp, &[0; 8])), ShardIndex::ZERO);
    let arp = eth(addr::Mac::BROADCAST, 0x0806, &[0; 28]);
    assert_eq!(steering.owner(Medium::Ethernet, &arp), ShardIndex::ZERO);
}

#[test]
fn a_question_and_its_answer_go_by_the_pair_of_addresses() {
    let steering = steering(64);
    let (a, b) = (Ip::v4([10, 0, 0, 1]), Ip::v4([10, 0, 0, 2]));
    let owner = |src, dst, message: Message<'_>| {
        let payload = icmp_payload(src, dst, &message);
        let (protocol, payload_len) = (PROTO_ICMP, payload.len());
        let header = IpEmit { src, dst, protocol, payload_len, ..IpEmit::default() };
        steering.packet_owner(&packet(&header, &payload))
    };
    let echo = Echo { id: 1, seq: 2, data: b"data" };
    let there = owner(a, b, Message::EchoRequest(echo));
    assert_eq!(there, owner(b, a, Message::EchoReply(echo)));
}
