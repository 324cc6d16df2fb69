//! Echo and errors (ICMPS rows).

use addr::Ip;
use wire::icmp::{Echo, Message, Quote};
use wire::ip::{IpEmit, PROTO_TCP, PROTO_UDP};
use wire::{icmpv4, icmpv6};

use crate::drop::DropReason;
use crate::event::Readiness;
use crate::host::fixture::*;
use crate::limits::Limits;
use crate::socket::SocketError;
use crate::time::Duration;

fn ping(data: &[u8]) -> Message<'_> {
    Message::EchoRequest(Echo { id: 7, seq: 3, data })
}

/// STAT-28.
#[test]
fn icmps_01_echo_is_answered_byte_for_byte() {
    let mut lab = Lab::acquainted();
    lab.receive(&icmp_frame(PEER, US, &ping(b"abc"))).unwrap();
    let frame = lab.sent_one();
    #[rustfmt::skip]
    let golden = [
        2, 0, 0, 0, 0, 2,  2, 0, 0, 0, 0, 1,  0x08, 0x00,
        0x45, 0,  0, 31,  frame[18], frame[19],  0, 0,  64, 1,  frame[24], frame[25],
        10, 0, 0, 1,  10, 0, 0, 2,
        0, 0,  0x3b, 0x93,  0, 7,  0, 3,  b'a', b'b', b'c',
    ];
    assert_eq!(frame, golden);
    parse_icmp(&frame);
    assert_eq!(lab.host.stats().icmp_echo_replies, 1);
}

#[test]
fn icmps_02_echo_v6_is_answered_from_where_it_was_sent() {
    let mut lab = Lab::acquainted();
    lab.receive(&icmp_frame(peer6(), us6(), &ping(b"abc"))).unwrap();
    let frame = lab.sent_one();
    let (header, message) = parse_icmp(&frame);
    assert_eq!((header.src, header.dst, header.hop_limit), (us6(), peer6(), 64));
    assert_eq!(message, Message::EchoReply(Echo { id: 7, seq: 3, data: b"abc" }));
    // A group is answered, from a unicast address.
    lab.receive(&icmp_frame(peer6(), Ip::ALL_NODES, &ping(b"abc"))).unwrap();
    let frame = lab.sent_one();
    let (header, _) = parse_icmp(&frame);
    assert_eq!((header.src, header.dst), (us6(), peer6()));
}

/// SYSCTL-056.
#[test]
fn icmps_01_echo_to_broadcast_or_group_is_not_answered() {
    let mut lab = Lab::acquainted();
    for dst in ["255.255.255.255", "10.0.0.255", "224.0.0.1"] {
        let header = icmp_header(PEER, ip(dst));
        let packet = packet(&header, &icmp_payload(PEER, ip(dst), &ping(b"abc")));
        let frame = eth(addr::Mac::BROADCAST, 0x0800, &packet);
        assert_eq!(lab.receive(&frame), Err(DropReason::IcmpEchoBroadcast), "{dst}");
    }
    assert!(lab.sent().is_empty());
}

#[test]
fn icmps_01_echo_of_any_size_comes_back_in_fragments() {
    for (src, dst) in [(PEER, US), (peer6(), us6())] {
        for len in [0, 1, 1452, 1472, 1473, 3000, 65_000] {
            let mut lab = Lab::acquainted();
            let data: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let message = icmp_payload(src, dst, &ping(&data));
            for frame in fragment_frames(&icmp_header(src, dst), &message, 1480, 99) {
                lab.receive(&frame).unwrap();
            }
            let frames = lab.sent();
            assert!(frames.iter().all(|f| f.len() <= 1514));
            let (header, payload) = reassemble(&frames);
            assert_eq!((header.src, header.dst), (dst, src));
            let reply = if src.is_v4() {
                icmpv4::parse(&payload).unwrap()
            } else {
                icmpv6::parse(dst, src, &payload).unwrap()
            };
            assert_eq!(reply, Message::EchoReply(Echo { id: 7, seq: 3, data: &data }));
        }
    }
}

/// ICMPS-05, UDPS-04.
#[test]
fn icmps_05_port_unreachable_quotes_the_datagram() {
    let mut lab = Lab::acquainted();
    let frame = udp_frame("10.0.0.2:4000", "10.0.0.1:9", b"hello");
    assert_eq!(lab.receive(&frame), Err(DropReason::UdpNoSocket));
    let reply = lab.sent_one();
    let (header, message) = parse_icmp(&reply);
    assert_eq!((header.src, header.dst, header.traffic_class), (US, PEER, 0xc0));
    let Message::Unreachable { code: icmpv4::CODE_PORT, quote } = message else {
        panic!("{message:?}")
    };
    assert_eq!(quote, &frame[14..]);
    let frame = udp_frame("[2001:db8::2]:4000", "[2001:db8::1]:9", b"hello");
    assert_eq!(lab.receive(&frame), Err(DropReason::UdpNoSocket));
    let reply = lab.sent_one();
    let (header, message) = parse_icmp(&reply);
    assert_eq!((header.src, header.dst), (us6(), peer6()));
    let Message::Unreachable { code: icmpv6::CODE_PORT, quote } = message else {
        panic!("{message:?}")
    };
    assert_eq!(quote, &frame[14..]);
}

#[test]
fn icmps_06_unknown_protocol_is_answered() {
    let mut lab = Lab::acquainted();
    // IPRX-08: IP in IP and IPv6 in IP are as unknown as any.
    for protocol in [200, 4, 41] {
        let header = IpEmit { protocol, ..icmp_header(PEER, US) };
        let frame = ip_frame(&header, b"whatever");
        assert_eq!(lab.receive(&frame), Err(DropReason::IpUnknownProtocol));
        let reply = lab.sent_one();
        let (_, message) = parse_icmp(&reply);
        assert!(matches!(message, Message::Unreachable { code: icmpv4::CODE_PROTOCOL, .. }));
    }
    let header = IpEmit { protocol: 200, ..icmp_header(peer6(), us6()) };
    let frame = ip_frame(&header, b"whatever");
    assert_eq!(lab.receive(&frame), Err(DropReason::IpUnknownProtocol));
    let reply = lab.sent_one();
    let (_, message) = parse_icmp(&reply);
    let Message::ParameterProblem { code: icmpv6::CODE_NEXT_HEADER, pointer: 6, quote } = message
    else {
        panic!("{message:?}")
    };
    assert_eq!(quote, &frame[14..]);
}

/// EXT-04.
#[test]
fn icmps_07_unknown_destination_option_is_answered_with_its_place() {
    let mut lab = Lab::acquainted();
    let header = IpEmit { protocol: 60, ..icmp_header(peer6(), us6()) };
    // Next header UDP, eight bytes, option 0x9e ("discard and tell") of four bytes.
    let payload = [17, 0, 0x9e, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0];
    assert_eq!(lab.receive(&ip_frame(&header, &payload)), Err(DropReason::IpMalformed));
    let reply = lab.sent_one();
    let (header, message) = parse_icmp(&reply);
    assert_eq!((header.src, header.dst), (us6(), peer6()));
    assert!(matches!(
        message,
        Message::ParameterProblem { code: icmpv6::CODE_OPTION, pointer: 42, .. }
    ));
    // ICMPS-03, IPRX-11: the same behind a hop-by-hop header and to a group: "10" is answered there
    // too, "11" only to one host. The pointer counts from the start of the packet.
    for (option, dst, answered) in [
        (0x9e, us6(), true),
        (0x9e, Ip::ALL_NODES, true),
        (0xde, us6(), true),
        (0xde, Ip::ALL_NODES, false),
    ] {
        let header = IpEmit { protocol: 0, ..icmp_header(peer6(), dst) };
        let mut payload = vec![60, 0, 1, 4, 0, 0, 0, 0, 17, 0, option, 4, 0, 0, 0, 0];
        payload.extend_from_slice(&[0, 0, 0, 0, 0, 8, 0, 0]);
        assert_eq!(lab.receive(&ip_frame(&header, &payload)), Err(DropReason::IpMalformed));
        let sent = lab.sent();
        assert_eq!(sent.len(), usize::from(answered), "{option:#x} to {dst}");
        for frame in sent {
            let (header, message) = parse_icmp(&frame);
            assert_eq!((header.src, header.dst), (us6(), peer6()));
            let Message::ParameterProblem { code, pointer, .. } = message else {
                panic!("{message:?}")
            };
            assert_eq!((code, pointer), (icmpv6::CODE_OPTION, 50));
        }
    }
}

/// ICMPS-07: a routing type, a late hop-by-hop header.
#[test]
fn icmps_07_a_faulty_ipv6_header_is_answered_with_its_place() {
    let mut lab = Lab::acquainted();
    let base = |protocol| IpEmit { protocol, ..icmp_header(peer6(), us6()) };
    let late = [58, 0, 1, 4, 0, 0, 0, 0];
    let routing = [58, 0, 0, 1, 0, 0, 0, 0];
    let echo = [128, 0, 0, 0, 0, 0, 0, 0];
    let cases: [(IpEmit, Vec<u8>, (u8, u32)); 2] = [
        (base(43), [&routing[..], &echo].concat(), (0, 42)),
        (base(60), [&[0, 0, 1, 4, 0, 0, 0, 0], &late[..], &echo].concat(), (1, 40)),
    ];
    for (header, payload, expected) in cases {
        lab.receive(&ip_frame(&header, &payload)).unwrap_err();
        let frame = lab.sent_one();
        let (_, message) = parse_icmp(&frame);
        let Message::ParameterProblem { code, pointer, .. } = message else {
            panic!("{message:?}")
        };
        assert_eq!((code, pointer), expected);
    }
}

#[test]
fn icmps_03_no_error_about_what_must_not_be_answered() {
    let mut lab = Lab::acquainted();
    // An error about an error: neither a known nor an unknown one.
    let quoted = packet(&IpEmit { protocol: 200, ..icmp_header(US, PEER) }, &[0; 8]);
    for kind in [3, 11, 12, 99] {
        let mut message = vec![kind, 0, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(&quoted);
        let sum = wire::checksum::checksum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        lab.receive(&ip_frame(&icmp_header(PEER, US), &message)).ok();
    }
    // Groups, broadcasts, sources that are not one host.
    let cases = [
        ("10.0.0.2:4000", "10.0.0.255:9"),
        ("10.0.0.2:4000", "224.0.0.1:9"),
        ("10.0.0.2:4000", "255.255.255.255:9"),
        ("0.0.0.0:4000", "255.255.255.255:9"),
        ("127.0.0.1:4000", "10.0.0.1:9"),
        ("224.0.0.9:4000", "10.0.0.1:9"),
        ("240.0.0.9:4000", "10.0.0.1:9"),
        ("10.0.0.255:4000", "10.0.0.1:9"),
        ("10.0.0.1:4000", "10.0.0.1:9"),
        ("[2001:db8::2]:4000", "[ff02::1]:9"),
        ("[::]:4000", "[ff02::1]:9"),
        ("[::1]:4000", "[2001:db8::1]:9"),
        ("[ff02::9]:4000", "[2001:db8::1]:9"),
    ];
    for (src, dst) in cases {
        lab.receive(&udp_frame(src, dst, b"x")).unwrap_err();
    }
    // By link broadcast, though the packet is for us alone.
    let unicast = udp_frame("10.0.0.2:4000", "10.0.0.1:9", b"x");
    let broadcast = eth(addr::Mac::BROADCAST, 0x0800, &unicast[14..]);
    assert_eq!(lab.receive(&broadcast), Err(DropReason::UdpNoSocket));
    // A later fragment alone cannot even be looked at.
    let frames = fragment_frames(&icmp_header(PEER, US), &[0; 64], 32, 5);
    lab.receive(&frames[1]).unwrap();
    lab.wait(Duration::from_secs(40));
    assert_eq!(lab.sent(), Vec::<Vec<u8>>::new());
    assert_eq!(lab.host.stats().dropped(DropReason::IpReassemblyTimeout), 1);
}

#[test]
fn icmps_04_errors_are_limited_for_both_families_together() {
    let limits = Limits {
        icmp_errors_per_second: 10,
        icmp_error_burst: 5,
        icmp_ratelimit: Duration::ZERO,
        ..Limits::default()
    };
    let mut lab = Lab::with(limits, ethernet_config("eth0", MAC));
    for ip in [PEER, peer6()] {
        lab.host.neighbor_add(lab.now, lab.ifindex, ip, PEER_MAC).unwrap();
    }
    let provoke = |lab: &mut Lab| {
        for _ in 0..10 {
            lab.receive(&udp_frame("10.0.0.2:4000", "10.0.0.1:9", b"x")).unwrap_err();
            lab.receive(&udp_frame("[2001:db8::2]:1", "[2001:db8::1]:9", b"x")).unwrap_err();
        }
        lab.sent().len()
    };
    // An error is charged none, one or two.
    let first = provoke(&mut lab);
    assert!((3..15).contains(&first), "{first} of a budget of 5");
    lab.now += Duration::from_millis(600);
    let second = provoke(&mut lab);
    assert!((1..15).contains(&second), "{second} after six tenths of a second");
    let refused = lab.host.stats().dropped(DropReason::IcmpRateLimited);
    assert_eq!(refused, (40 - first - second) as u64);
    // Echo replies are not errors.
    lab.receive(&icmp_frame(PEER, US, &ping(b"abc"))).unwrap();
    assert_eq!(lab.sent().len(), 1);
}

/// GAP-40.
#[test]
fn frag_02_missing_fragments_are_reported_if_the_first_was_there() {
    for (src, dst, span) in [(PEER, US, 30), (peer6(), us6(), 60)] {
        let mut lab = Lab::acquainted();
        let frames = fragment_frames(
            &icmp_header(src, dst),
            &icmp_payload(src, dst, &ping(&[7; 64])),
            32,
            5,
        );
        lab.receive(&frames[0]).unwrap();
        lab.wait(Duration::from_secs(span - 1));
        assert!(lab.sent().is_empty());
        lab.wait(Duration::from_secs(2));
        let reply = lab.sent_one();
        let (header, message) = parse_icmp(&reply);
        assert_eq!((header.src, header.dst), (dst, src));
        let Message::TimeExceeded { code: 1, quote } = message else { panic!("{message:?}") };
        assert_eq!(Quote::parse(quote).unwrap().src, src);
        assert_eq!(quote, &frames[0][14..]);
    }
}

/// An error by the peer about a datagram of ours from `port` to the peer's port 9.
fn error_about_ours(port: u16, make: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let frame = udp_frame(&format!("10.0.0.1:{port}"), "10.0.0.2:9", b"hello");
    ip_frame(&icmp_header(PEER, US), &make(&frame[14..]))
}

/// SOCK-55, GAP-62.
#[test]
fn icmps_11_refusal_reaches_only_the_connected_socket() {
    let mut lab = Lab::acquainted();
    let refusal = |quote: &[u8]| {
        let message = Message::Unreachable { code: icmpv4::CODE_PORT, quote };
        icmp_payload(PEER, US, &message)
    };
    let mut ends = lab.udp("10.0.0.1:4000");
    lab.send_to(&mut ends, "10.0.0.2:9", b"hello");
    lab.sent();
    lab.events();
    lab.receive(&error_about_ours(4000, refusal)).unwrap();
    assert_eq!(lab.host.take_error(ends.id), None, "not connected");
    lab.host.udp_connect(lab.now, ends.id, Some("10.0.0.2:9".parse().unwrap())).unwrap();
    lab.receive(&error_about_ours(4000, refusal)).unwrap();
    let events = lab.events();
    assert!(events.iter().any(|(id, what)| *id == ends.id && what.has(Readiness::ERROR)));
    assert_eq!(lab.host.take_error(ends.id), Some(SocketError::ConnectionRefused));
    assert_eq!(lab.host.take_error(ends.id), None);
    // Not hard errors: the network may recover.
    for code in [icmpv4::CODE_NETWORK, icmpv4::CODE_HOST] {
        let soft = |quote: &[u8]| icmp_payload(PEER, US, &Message::Unreachable { code, quote });
        lab.receive(&error_about_ours(4000, soft)).unwrap();
        assert_eq!(lab.host.take_error(ends.id), None);
    }
    // About a packet that is none of ours, and one too short.
    let strange = udp_frame("10.0.0.7:4000", "10.0.0.2:9", b"hello");
    let frame = ip_frame(&icmp_header(PEER, US), &refusal(&strange[14..]));
    assert_eq!(lab.receive(&frame), Err(DropReason::IcmpUnwanted));
    let cut = error_about_ours(4000, |quote| refusal(&quote[..27]));
    assert_eq!(lab.receive(&cut), Err(DropReason::IcmpUnwanted));
}

/// ICMPS-12: a connected socket is told, in both families.
/// ERR-04, ERR-05.
#[test]
fn icmps_12_a_connected_socket_hears_that_it_was_too_big() {
    for (ours, theirs, mtu) in
        [("10.0.0.1:4000", "10.0.0.2:9", 1000), ("[2001:db8::1]:4000", "[2001:db8::2]:9", 1300)]
    {
        let mut lab = Lab::acquainted();
        let ends = lab.udp(ours);
        let remote: addr::Endpoint = theirs.parse().unwrap();
        lab.host.udp_connect(lab.now, ends.id, Some(remote)).unwrap();
        let frame = udp_frame(ours, theirs, b"hello");
        let message = Message::PacketTooBig { mtu, quote: &frame[14..] };
        lab.receive(&icmp_frame(remote.ip, ends.local.ip, &message)).unwrap();
        assert_eq!(lab.host.fib().path(remote.ip, None, None).unwrap().mtu, mtu);
        assert_eq!(lab.host.take_error(ends.id), Some(SocketError::MessageTooLong));
    }
}

/// PMTU-01.
/// GAP-28, GAP-40.
#[test]
fn icmps_12_packet_too_big_lowers_the_path_and_expires() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("10.0.0.1:4000");
    let too_big = |mtu| {
        error_about_ours(4000, move |quote| {
            icmp_payload(PEER, US, &Message::PacketTooBig { mtu, quote })
        })
    };
    lab.receive(&too_big(1000)).unwrap();
    lab.send_to(&mut ends, "10.0.0.2:9", &[7; 1400]);
    let frames = lab.sent();
    assert_eq!(frames.len(), 2);
    assert!(frames.iter().all(|f| f.len() <= 14 + 1000));
    let (header, _) = parse_ip(&frames[0]);
    assert!(!header.dont_fragment);
    // Never below Linux's floor, never up.
    lab.receive(&too_big(68)).unwrap();
    assert_eq!(lab.host.fib().path(PEER, None, None).unwrap().mtu, 552);
    lab.receive(&too_big(1400)).unwrap();
    assert_eq!(lab.host.fib().path(PEER, None, None).unwrap().mtu, 552);
    assert_eq!(lab.host.fib().path(ip("10.0.0.3"), None, None).unwrap().mtu, 1500);
    lab.now += Duration::from_secs(601);
    lab.host.expire(lab.now);
    assert_eq!(lab.host.fib().path(PEER, None, None).unwrap().mtu, 1500);
    // An old router that does not say: the next plateau below the packet it refused.
    let silent = error_about_ours(4000, |quote| {
        let mut quote = quote.to_vec();
        quote[2..4].copy_from_slice(&1500u16.to_be_bytes());
        icmp_payload(PEER, US, &Message::PacketTooBig { mtu: 0, quote: &quote })
    });
    lab.receive(&silent).unwrap();
    assert_eq!(lab.host.fib().path(PEER, None, None).unwrap().mtu, 1492);
}

#[test]
fn icmps_12_nobody_believes_a_packet_too_big_without_a_socket() {
    let mut lab = Lab::acquainted();
    let frame = error_about_ours(4000, |quote| {
        icmp_payload(PEER, US, &Message::PacketTooBig { mtu: 600, quote })
    });
    lab.receive(&frame).unwrap();
    let header = IpEmit { protocol: PROTO_TCP, ..icmp_header(US, PEER) };
    let segment = packet(&header, &[0; 20]);
    let message = Message::PacketTooBig { mtu: 600, quote: &segment };
    lab.receive(&icmp_frame(PEER, US, &message)).unwrap();
    assert_eq!(lab.host.fib().path(PEER, None, None).unwrap().mtu, 1500);
    assert_eq!(header.protocol, PROTO_TCP);
    assert_ne!(PROTO_TCP, PROTO_UDP);
}

#[test]
fn icmps_09_errors_by_broadcast_or_about_other_families_are_refused() {
    let mut lab = Lab::acquainted();
    let quoted = udp_frame("10.0.0.1:4000", "10.0.0.2:9", b"hello");
    let message = Message::Unreachable { code: 3, quote: &quoted[14..] };
    let group = ip("224.0.0.1");
    let frame = ip_frame(&icmp_header(PEER, group), &icmp_payload(PEER, group, &message));
    assert_eq!(lab.receive(&frame), Err(DropReason::IcmpUnwanted));
    let frame = icmp_frame(peer6(), us6(), &message);
    assert_eq!(lab.receive(&frame), Err(DropReason::IcmpUnwanted));
    // Replies that nobody asked for, and IPv4's redirect.
    let reply = Message::EchoReply(Echo { id: 1, seq: 1, data: b"" });
    assert_eq!(lab.receive(&icmp_frame(PEER, US, &reply)), Err(DropReason::IcmpUnwanted));
    let redirect = Message::Redirect { code: 1, gateway: PEER, quote: &quoted[14..] };
    assert_eq!(lab.receive(&icmp_frame(PEER, US, &redirect)), Err(DropReason::IcmpUnwanted));
}
