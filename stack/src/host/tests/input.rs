//! What is let in (ETH, IP4, IP6, IPRX rows).

use addr::{Ip, Mac};
use wire::icmp::{Echo, Message};
use wire::ip::IpEmit;
use wire::offload::Medium;

use crate::control::InterfaceConfig;
use crate::drop::DropReason;
use crate::host::fixture::*;
use crate::limits::Limits;
use crate::verdict::Verdict;

fn ping(src: Ip, dst: Ip) -> Vec<u8> {
    let message = Message::EchoRequest(Echo { id: 7, seq: 3, data: b"abc" });
    icmp_frame(src, dst, &message)
}

/// STAT-02.
#[test]
fn eth_15_destination_filter() {
    let mut lab = Lab::acquainted();
    let frame = ping(PEER, US);
    let cases = [
        (MAC, Ok(())),
        (Mac::BROADCAST, Ok(())),
        (Mac([2, 0, 0, 0, 0, 9]), Err(DropReason::LinkNotOurs)),
        (Mac::multicast_for(ip("224.0.0.1")), Ok(())),
        (Mac::multicast_for(ip("224.0.0.77")), Err(DropReason::LinkNotOurs)),
        (Mac::multicast_for(us6().solicited_node()), Ok(())),
        (Mac::multicast_for(ip("ff02::77")), Err(DropReason::LinkNotOurs)),
    ];
    for (mac, expected) in cases {
        assert_eq!(lab.receive(&eth(mac, 0x0800, &frame[14..])), expected, "{mac}");
    }
}

#[test]
fn eth_16_priority_tags_are_peeled_and_other_vlans_refused() {
    let mut lab = Lab::acquainted();
    let plain = ping(PEER, US);
    let tagged = |control: u16| {
        let mut frame = plain[..12].to_vec();
        frame.extend_from_slice(&[0x81, 0]);
        frame.extend_from_slice(&control.to_be_bytes());
        frame.extend_from_slice(&plain[12..]);
        frame
    };
    lab.receive(&tagged(5 << 13)).unwrap();
    assert_eq!(lab.sent().len(), 1);
    assert_eq!(lab.receive(&tagged(5 << 13 | 7)), Err(DropReason::LinkVlan));
    assert_eq!(lab.receive(&tagged(0)[..16]), Err(DropReason::LinkMalformed));
}

#[test]
fn eth_02_bad_frames() {
    let mut lab = Lab::acquainted();
    let good = ping(PEER, US);
    assert_eq!(lab.receive(&good[..13]), Err(DropReason::LinkMalformed));
    assert_eq!(lab.receive(&[]), Err(DropReason::LinkMalformed));
    for src in [Mac::BROADCAST, Mac::UNSPECIFIED, Mac([1, 0, 0x5e, 0, 0, 1])] {
        let mut bad = good.clone();
        bad[6..12].copy_from_slice(&src.0);
        assert_eq!(lab.receive(&bad), Err(DropReason::LinkMalformed));
    }
    assert_eq!(lab.receive(&eth(MAC, 0x88cc, b"lldp")), Err(DropReason::LinkUnknownType));
    assert_eq!(lab.receive(&eth(MAC, 0x0100, &[0; 60])), Err(DropReason::LinkUnknownType));
    assert_eq!(lab.receive(&eth(MAC, 0x86dd, &good[14..])), Err(DropReason::IpMalformed));
    assert_eq!(lab.receive(&eth(MAC, 0x0800, &[])), Err(DropReason::IpMalformed));
}

#[test]
fn gap_72_link_padding_is_trimmed() {
    let mut lab = Lab::acquainted();
    for (src, dst) in [(PEER, US), (peer6(), us6())] {
        let mut frame = ping(src, dst);
        frame.resize(frame.len() + 30, 0x55);
        lab.receive(&frame).unwrap();
        let reply = lab.sent_one();
        let (_, message) = parse_icmp(&reply);
        assert_eq!(message, Message::EchoReply(Echo { id: 7, seq: 3, data: b"abc" }));
    }
}

/// IPRX-01, IPRX-02, ARCH-07.
#[test]
fn iprx_01_02_only_our_destinations() {
    let mut lab = Lab::acquainted();
    for dst in ["10.0.0.3", "192.0.2.1", "0.0.0.0", "127.0.0.1", "224.0.0.9"] {
        let frame = eth(MAC, 0x0800, &ping(PEER, ip(dst))[14..]);
        assert_eq!(lab.receive(&frame), Err(DropReason::IpNotOurs), "{dst}");
    }
    for dst in ["2001:db8::3", "::", "::1", "ff02::77", "fe80::1"] {
        let frame = eth(MAC, 0x86dd, &ping(peer6(), ip(dst))[14..]);
        assert_eq!(lab.receive(&frame), Err(DropReason::IpNotOurs), "{dst}");
    }
    assert!(lab.sent().is_empty());
}

#[test]
fn iprx_05_an_address_of_another_interface_is_foreign() {
    let mut lab = Lab::acquainted();
    let config = ethernet_config("eth1", Mac([2, 0, 0, 0, 1, 1]));
    let other = lab.host.interface_add(lab.now, config).unwrap();
    lab.host.address_add(lab.now, other, cidr("10.1.0.1/24")).unwrap();
    let frame = ping(PEER, ip("10.1.0.1"));
    assert_eq!(lab.receive(&frame), Err(DropReason::IpNotOurs));
}

#[test]
fn ip4_04_iprx_04_martian_sources() {
    let mut lab = Lab::acquainted();
    let martians = [
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "10.0.0.255",
        "10.0.0.1",
        "::",
        "::1",
        "ff02::1",
        "2001:db8::1",
    ];
    for src in martians {
        let src = ip(src);
        let frame = ping(src, if src.is_v4() { US } else { us6() });
        assert_eq!(lab.receive(&frame), Err(DropReason::IpMartianSource), "{src}");
    }
    assert!(lab.sent().is_empty());
}

#[test]
fn ip4_02_03_damaged_headers() {
    let mut lab = Lab::acquainted();
    let good = ping(PEER, US);
    for at in [14, 16, 22, 24, 26] {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        assert_eq!(lab.receive(&bad), Err(DropReason::IpMalformed), "byte {at}");
    }
    for len in 15..good.len() {
        assert_eq!(lab.receive(&good[..len]), Err(DropReason::IpMalformed), "length {len}");
    }
    let header = IpEmit { hop_limit: 0, ..icmp_header(PEER, US) };
    assert_eq!(lab.receive(&ip_frame(&header, &[0; 8])), Err(DropReason::IpMalformed));
    let reply = lab.sent_one();
    let (_, message) = parse_icmp(&reply);
    assert!(matches!(message, Message::ParameterProblem { code: 0, pointer: 8, .. }));
}

/// SYSCTL-091.
#[test]
fn iprx_03_source_routes_are_refused_and_other_options_are_not() {
    let mut lab = Lab::acquainted();
    let message = icmp_payload(PEER, US, &Message::EchoRequest(Echo { id: 1, seq: 1, data: b"" }));
    let with_options = |options: &[u8]| {
        let header = IpEmit { payload_len: message.len(), ..icmp_header(PEER, US) };
        let mut packet = vec![0; 60];
        let len = wire::ipv4::emit_with(&mut packet, &header, None, options).unwrap();
        packet.truncate(len);
        packet.extend_from_slice(&message);
        eth(MAC, 0x0800, &packet)
    };
    for kind in [131, 137] {
        let frame = with_options(&[kind, 7, 4, 10, 0, 0, 9, 0]);
        assert_eq!(lab.receive(&frame), Err(DropReason::IpSourceRoute));
    }
    // Record route and router alert are harmless.
    lab.receive(&with_options(&[7, 7, 4, 0, 0, 0, 0, 0])).unwrap();
    lab.receive(&with_options(&[148, 4, 0, 0])).unwrap();
    assert_eq!(lab.sent().len(), 2);
}

#[test]
fn iprx_09_extension_headers_are_walked() {
    let mut lab = Lab::acquainted();
    let message =
        icmp_payload(peer6(), us6(), &Message::EchoRequest(Echo { id: 1, seq: 1, data: b"" }));
    let header = |protocol| IpEmit { protocol, ..icmp_header(peer6(), us6()) };
    let mut chain = vec![60, 0, 1, 4, 0, 0, 0, 0];
    chain.extend_from_slice(&[58, 0, 1, 4, 0, 0, 0, 0]);
    chain.extend_from_slice(&message);
    lab.receive(&ip_frame(&header(0), &chain)).unwrap();
    assert_eq!(lab.sent().len(), 1);
    // Hop-by-hop only first; a routing header of type 0 never; "no next header" is the end.
    let late = [&[0, 0, 1, 4, 0, 0, 0, 0], &chain[..]].concat();
    assert_eq!(lab.receive(&ip_frame(&header(60), &late)), Err(DropReason::IpUnknownProtocol));
    let routing = [&[58, 0, 0, 1, 0, 0, 0, 0], &message[..]].concat();
    assert_eq!(lab.receive(&ip_frame(&header(43), &routing)), Err(DropReason::IpMalformed));
    assert_eq!(lab.sent().len(), 2, "both are answered with a parameter problem");
    assert_eq!(lab.receive(&ip_frame(&header(59), b"")), Ok(()));
    assert!(lab.sent().is_empty());
}

/// IPRX-10, RFC 8504 §5.3: so many options, octets of padding and unknown options of a header are
/// processed; with one more it is dropped.
/// EXT-11.
#[test]
fn iprx_10_options_of_a_header_are_bounded() {
    let mut lab = Lab::acquainted();
    let message =
        icmp_payload(peer6(), us6(), &Message::EchoRequest(Echo { id: 1, seq: 1, data: b"" }));
    // Tunnel limits, and unknown options that may be skipped.
    let (known, unknown) = (&[4, 1, 9][..], &[0x1e, 2, 0, 0][..]);
    let pad = |len: usize| [&[1, len as u8 - 2][..], &vec![0; len - 2]].concat();
    let seven = [&pad(7), known, &pad(7), known].concat();
    let cases: [(u8, Vec<u8>, bool); 8] = [
        (60, [known.repeat(16), pad(6)].concat(), true),
        (60, [known.repeat(17), pad(3)].concat(), false),
        (0, [&seven[..], &pad(2)].concat(), true),
        (0, [&seven[..], &pad(3), known, unknown].concat(), false),
        (60, [unknown.repeat(2), pad(6)].concat(), true),
        (60, [unknown.repeat(3), pad(2)].concat(), false),
        (0, [unknown.repeat(2), pad(6)].concat(), true),
        (0, [unknown.repeat(3), pad(2)].concat(), false),
    ];
    for (protocol, options, taken) in cases {
        let mut chain = vec![58, (options.len() / 8) as u8];
        chain.extend(&options);
        assert!(chain.len().is_multiple_of(8));
        chain.extend(&message);
        let header = IpEmit { protocol, ..icmp_header(peer6(), us6()) };
        let got = lab.receive(&ip_frame(&header, &chain));
        let expected = if taken { Ok(()) } else { Err(DropReason::IpMalformed) };
        assert_eq!(got, expected, "{protocol}: {options:?}");
        assert_eq!(lab.sent().len(), usize::from(taken), "nobody is told");
    }
}

/// FRAG-06: an atomic fragment is whole (RFC 6946), and waits for nothing.
#[test]
fn frag_06_an_atomic_fragment_is_answered_at_once() {
    let mut lab = Lab::acquainted();
    let message = Message::EchoRequest(Echo { id: 1, seq: 1, data: b"abc" });
    let payload = icmp_payload(peer6(), us6(), &message);
    let header = icmp_header(peer6(), us6());
    // A fragment of the same name waits, and stays out of it.
    lab.receive(&fragment_frame(&header, &[7; 8], (0, true), 5)).unwrap();
    lab.receive(&fragment_frame(&header, &payload, (0, false), 5)).unwrap();
    let reply = lab.sent_one();
    let (_, message) = parse_icmp(&reply);
    assert_eq!(message, Message::EchoReply(Echo { id: 1, seq: 1, data: b"abc" }));
}

/// FRAG-07: a datagram that would be longer than any is none.
#[test]
fn frag_07_a_fragment_beyond_the_largest_datagram_is_refused() {
    for (src, dst) in [(PEER, US), (peer6(), us6())] {
        let mut lab = Lab::acquainted();
        let header = icmp_header(src, dst);
        lab.receive(&fragment_frame(&header, &[8; 1480], (0, true), 5)).unwrap();
        let beyond = fragment_frame(&header, &[8; 1480], (65_528, false), 5);
        lab.receive(&beyond).unwrap_err();
        lab.wait(crate::time::Duration::from_secs(61));
        let stats = lab.host.stats();
        assert_eq!((stats.icmp_echo_replies, stats.is_balanced()), (0, true));
    }
}

#[test]
fn mapped_addresses_on_the_wire_are_refused() {
    let mut lab = Lab::acquainted();
    let mut frame = ping(peer6(), us6());
    frame[14 + 8..14 + 24].copy_from_slice(PEER.octets());
    assert_eq!(lab.receive(&frame), Err(DropReason::IpMalformed));
    assert!(lab.sent().is_empty());
}

/// ARCH-05.
/// IPTX-12.
#[test]
fn a_bare_ip_medium_needs_no_neighbours() {
    let config = InterfaceConfig { medium: Medium::Ip, ..ethernet_config("tun0", MAC) };
    let mut lab = Lab::with(Limits::default(), config);
    for (src, dst) in [(PEER, US), (peer6(), us6())] {
        lab.receive(&ping(src, dst)[14..]).unwrap();
        let reply = lab.sent_one();
        let header = wire::ip::parse(&reply).unwrap();
        assert_eq!((header.src, header.dst), (dst, src));
    }
    assert!(lab.host.neighbors(lab.now).is_empty());
    assert_eq!(lab.receive(&[]), Err(DropReason::IpMalformed));
}

#[test]
fn frames_of_an_unknown_interface_are_counted() {
    let mut lab = Lab::new();
    let ifindex = addr::IfIndex::new(77).unwrap();
    let result = lab.host.receive(lab.now, ifindex, Default::default(), &mut [0; 60]);
    let expected = Verdict::Dropped(DropReason::LinkUnknownInterface);
    assert_eq!(result, expected);
    assert!(lab.host.stats().is_balanced());
}

#[test]
fn iprx_08_igmp_is_not_complained_about() {
    let mut lab = Lab::acquainted();
    let header = IpEmit { protocol: 2, hop_limit: 1, ..icmp_header(PEER, ip("224.0.0.1")) };
    let frame = ip_frame(&header, &[0x11, 0, 0xee, 0xff, 0, 0, 0, 0]);
    assert_eq!(lab.receive(&frame), Err(DropReason::IpUnknownProtocol));
    assert!(lab.sent().is_empty());
}

/// ICMP4-07, ICMP6-07: messages of unknown types and codes are dropped under their own counter, and
/// nobody is told.
/// STAT-13, STAT-14.
#[test]
fn unknown_icmp_messages_are_counted() {
    let mut lab = Lab::acquainted();
    let mut expected = 0;
    for (kind, code) in [(1, 0), (42, 0), (3, 16), (11, 2), (12, 3)] {
        let mut message = [kind, code, 0, 0, 0, 0, 0, 0];
        let checksum = wire::checksum::checksum(&message);
        message[2..4].copy_from_slice(&checksum.to_be_bytes());
        let frame = ip_frame(&icmp_header(PEER, US), &message);
        assert_eq!(lab.receive(&frame), Err(DropReason::IcmpUnwanted), "{kind}/{code}");
        expected += 1;
    }
    for (kind, code) in [(200, 0), (127, 3), (1, 9), (3, 2), (4, 11)] {
        let mut message = [kind, code, 0, 0, 0, 0, 0, 0];
        wire::icmpv6::set_checksum(&mut message, peer6(), us6());
        let frame = ip_frame(&icmp_header(peer6(), us6()), &message);
        assert_eq!(lab.receive(&frame), Err(DropReason::IcmpUnwanted), "{kind}/{code}");
        expected += 1;
    }
    assert_eq!(lab.host.stats().dropped(DropReason::IcmpUnwanted), expected);
    assert!(lab.sent().is_empty());
}
