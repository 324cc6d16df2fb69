//! Tests of `icmp`: quoted packets, and what both families share.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;
use crate::ip::IpEmit;

#[test]
fn quotes_tell_the_flow() {
    let packet = golden("udp4");
    let quote = Quote::parse(&packet[..28]).unwrap();
    assert_eq!((quote.src, quote.dst), (Ip::v4([10, 0, 0, 1]), Ip::v4([10, 0, 0, 2])));
    assert_eq!((quote.protocol, quote.ports()), (ip::PROTO_UDP, Some((4000, 53))));
    assert_eq!((quote.packet_len, quote.tcp_seq()), (31, None));

    let packet = golden("tcp6_sack");
    let quote = Quote::parse(&packet[..48]).unwrap();
    assert_eq!((quote.ports(), quote.tcp_seq()), (Some((443, 50000)), Some(SeqNum(7))));
    assert_eq!(quote.packet_len, 80);

    let packet = golden("icmp4_echo");
    assert_eq!(Quote::parse(&packet).unwrap().echo(), Some((7, 1)));
    let packet = golden("icmp6_echo");
    assert_eq!(Quote::parse(&packet).unwrap().echo(), Some((7, 2)));
}

#[test]
fn quotes_walk_extension_headers_without_judging_them() {
    let quote = |name| {
        let packet = golden(name);
        Quote::parse(&packet).unwrap().ports()
    };
    assert_eq!(quote("hbh_dest_udp6"), Some((1, 2)));
    assert_eq!(quote("hbh_unknown"), Some((1, 2)));
    assert_eq!(quote("rh0"), Some((1, 2)));
}

#[test]
fn later_fragments_have_no_ports() {
    for name in ["frag4", "frag6"] {
        let packet = golden(name);
        let quote = Quote::parse(&packet).unwrap();
        assert!(quote.is_later_fragment && quote.ports().is_none(), "{name}");
    }
}

#[test]
fn quotes_cut_anywhere() {
    for name in ["udp4", "tcp6_sack", "hbh_dest_udp6", "frag6", "rh0", "ip4_options"] {
        let packet = golden(name);
        for len in 0..packet.len() {
            if let Ok(quote) = Quote::parse(&packet[..len]) {
                assert_eq!(quote.ports().is_some(), quote.ports().is_some_and(|_| len >= 24));
            }
        }
    }
}

/// ICMP4-08, ICMP6-08: the whole error stays within 576 and 1280 bytes.
#[test]
fn errors_quote_what_fits() {
    let packet = [0x45; 3000];
    assert_eq!(quote(&packet, true).len() + 20 + 8, 576);
    assert_eq!(quote(&packet, false).len() + 40 + 8, 1280);
    assert_eq!(quote(&packet[..30], true).len(), 30);
}

#[test]
fn errors_are_told_from_the_rest() {
    let echo = Echo { id: 0, seq: 0, data: &[] };
    let quote = &[][..];
    assert!(Message::Unreachable { code: 0, quote }.is_error());
    assert!(Message::PacketTooBig { mtu: 0, quote }.is_error());
    assert!(!Message::EchoRequest(echo).is_error());
    assert!(Message::Other { kind: 100, code: 0, body: &[] }.is_error());
    assert!(!Message::Other { kind: 135, code: 0, body: &[] }.is_error());
}

proptest! {
    #[test]
    fn any_quote(bytes in vec(any::<u8>(), 0..120), version in prop::sample::select(vec![4u8, 6])) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = version << 4 | *first & 0xf;
        }
        if let Ok(quote) = Quote::parse(&bytes) {
            let _ = (quote.ports(), quote.tcp_seq(), quote.echo());
            prop_assert!(quote.transport.len() < bytes.len());
        }
    }

    #[test]
    fn our_own_packets_are_recognised(len in 0usize..600, ports: (u16, u16), v4: bool) {
        let ends = if v4 { ["10.0.0.1", "10.0.0.2"] } else { ["2001:db8::1", "2001:db8::2"] };
        let [src, dst] = ends.map(|text| text.parse().unwrap());
        let payload_len = 8 + len;
        let header = IpEmit { src, dst, protocol: 17, payload_len, ..IpEmit::default() };
        let mut packet = vec![0; ip::header_len(v4) + payload_len];
        let at = ip::emit(&mut packet, &header).unwrap();
        crate::udp::emit(&mut packet[at..], ports.0, ports.1, len).unwrap();
        let quote = Quote::parse(quote(&packet, v4)).unwrap();
        prop_assert_eq!((quote.src, quote.dst, quote.ports()), (src, dst, Some(ports)));
        prop_assert_eq!(quote.packet_len, packet.len());
    }
}
