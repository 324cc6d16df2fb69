//! Tests of `ipv6`.

use super::*;
use crate::fixture::golden;
use crate::ip;

#[test]
fn ip6_01_fields_both_ways() {
    let packet = golden("tcp6_sack");
    let header = parse(&packet, false).unwrap();
    let expected = IpHeader {
        src: "2001:db8::1".parse().unwrap(),
        dst: "2001:db8::2".parse().unwrap(),
        protocol: ip::PROTO_TCP,
        protocol_at: 6,
        hop_limit: 64,
        traffic_class: 2,
        flow_label: 0x12345,
        identification: 0,
        fragment: None,
        dont_fragment: true,
        header_len: 40,
        payload_len: 40,
    };
    assert_eq!(header, expected);
    let emit_header = IpEmit {
        src: header.src,
        dst: header.dst,
        protocol: header.protocol,
        traffic_class: 2,
        payload_len: 40,
        flow_label: 0x12345,
        ..IpEmit::default()
    };
    let mut emitted = [0; 40];
    assert_eq!(emit(&mut emitted, &emit_header), Ok(40));
    assert_eq!(emitted[..], packet[..40]);
    assert_eq!(emit(&mut emitted[..39], &emit_header), Err(EmitError::NoRoom));
}

#[test]
fn ip6_02_integrity() {
    let packet = golden("udp6");
    for len in 0..40 {
        assert_eq!(parse(&packet[..len], false), Err(Malformed::Truncated));
    }
    assert_eq!(parse(&packet[..50], false), Err(Malformed::Length));
    let mut version = packet.clone();
    version[0] = 0x40;
    assert_eq!(parse(&version, false), Err(Malformed::Version));
    let padded = [&packet[..], &[0; 9]].concat();
    assert_eq!(parse(&padded, false), parse(&packet, false), "link padding is trimmed");
}

#[test]
fn mapped_addresses_do_not_pass_for_ipv4() {
    for at in [8, 24] {
        let mut packet = golden("udp6");
        packet[at..at + 16].copy_from_slice(Ip::v4([10, 0, 0, 1]).octets());
        assert_eq!(parse(&packet, false), Err(Malformed::MappedAddress));
    }
}

#[test]
fn an_empty_payload_is_a_packet() {
    let mut packet = golden("udp6");
    (packet[5], packet[6]) = (0, ip::PROTO_NONE);
    let header = parse(&packet, false).unwrap();
    assert_eq!((header.protocol, header.payload_len), (ip::PROTO_NONE, 0));
}
