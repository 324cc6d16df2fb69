//! Tests of `ipv4`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;
use crate::ip;

/// Computes the header checksum again after a change.
fn fixed(mut packet: Vec<u8>) -> Vec<u8> {
    let header_len = (usize::from(packet[0] & 0xf) * 4).min(packet.len());
    packet[10..12].fill(0);
    let checksum = checksum::checksum(&packet[..header_len]);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet
}

fn changed(name: &str, at: usize, value: u8) -> Result<IpHeader, Malformed> {
    let mut packet = golden(name);
    packet[at] = value;
    parse(&fixed(packet), false)
}

#[test]
fn ip4_01_fields_of_a_golden_packet() {
    let packet = golden("tcp4_data").split_off(14);
    let header = parse(&packet, false).unwrap();
    let expected = IpHeader {
        src: Ip::v4([10, 0, 0, 1]),
        dst: Ip::v4([10, 0, 0, 2]),
        protocol: ip::PROTO_TCP,
        protocol_at: 9,
        hop_limit: 64,
        traffic_class: 0,
        flow_label: 0,
        identification: 1,
        fragment: None,
        dont_fragment: true,
        header_len: 20,
        payload_len: 37,
    };
    assert_eq!(header, expected);
    let mut emitted = [0; 20];
    let emit_header = IpEmit {
        src: header.src,
        dst: header.dst,
        protocol: header.protocol,
        identification: 1,
        payload_len: 37,
        ..IpEmit::default()
    };
    assert_eq!(emit(&mut emitted, &emit_header), Ok(20));
    assert_eq!(emitted[..], packet[..20]);
}

#[test]
fn ip4_02_integrity() {
    let packet = golden("udp4");
    for len in 0..20 {
        assert_eq!(parse(&packet[..len], false), Err(Malformed::Truncated));
    }
    assert_eq!(changed("udp4", 0, 0x65), Err(Malformed::Version));
    assert_eq!(changed("udp4", 0, 0x44), Err(Malformed::HeaderLength));
    assert_eq!(changed("udp4", 0, 0x4f), Err(Malformed::Length), "header beyond the packet");
    assert_eq!(changed("udp4", 3, 19), Err(Malformed::Length), "total below header");
    assert_eq!(changed("udp4", 3, 32), Err(Malformed::Length), "total beyond the bytes");
    let mut corrupt = packet.clone();
    corrupt[8] ^= 1;
    assert_eq!(parse(&corrupt, false), Err(Malformed::Checksum));
    let padded = [&packet[..], &[0; 15]].concat();
    assert_eq!(parse(&padded, false), parse(&packet, false), "link padding is trimmed");
    assert_eq!(parse(&padded, false).unwrap().payload_len, 11);
}

#[test]
fn ip4_07_the_option_chain_must_end_inside_the_header() {
    let with = |options: [u8; 4]| {
        let mut packet = golden("ip4_options");
        packet[20..24].copy_from_slice(&options);
        parse(&fixed(packet), false).map(|header| header.header_len)
    };
    assert_eq!(with([148, 4, 0, 0]), Ok(24));
    assert_eq!(with([0, 99, 0, 0]), Ok(24), "nothing counts behind the end");
    assert_eq!(with([1, 1, 1, 1]), Ok(24));
    assert_eq!(with([1, 7, 0, 0]), Err(Malformed::Option), "length zero");
    assert_eq!(with([7, 1, 0, 0]), Err(Malformed::Option), "length one");
    assert_eq!(with([7, 5, 0, 0]), Err(Malformed::Option), "too long");
    assert_eq!(with([1, 1, 1, 7]), Err(Malformed::Option), "no length");
}

#[test]
fn ip4_13_router_alert_both_ways() {
    let packet = golden("ip4_options");
    let found: Vec<_> = options(&packet[..24]).collect();
    assert_eq!(found, [Ok(Ipv4Option { kind: OPTION_ROUTER_ALERT, data: &[0, 0] })]);
    let header = IpEmit {
        src: Ip::v4([10, 0, 0, 1]),
        dst: Ip::v4([224, 0, 0, 22]),
        protocol: ip::PROTO_IGMP,
        hop_limit: 1,
        identification: 6,
        dont_fragment: false,
        payload_len: 16,
        ..IpEmit::default()
    };
    let mut emitted = [0; 24];
    assert_eq!(emit_with(&mut emitted, &header, None, &ROUTER_ALERT), Ok(24));
    assert_eq!(emitted[..], packet[..24]);
}

/// IP4-14, IP4-15: kept as they are, with the copy flag told.
#[test]
fn unknown_options_are_kept_and_tell_whether_they_are_copied() {
    let header = [&[0x46; 20][..], &[0x9e, 4, 7, 8, 1, 0x1e, 3, 9]].concat();
    let found: Vec<_> = options(&header).map(Result::unwrap).collect();
    assert_eq!(found[0], Ipv4Option { kind: 0x9e, data: &[7, 8] });
    assert_eq!(found[1], Ipv4Option { kind: 0x1e, data: &[9] });
    assert_eq!([found[0].is_copied(), found[1].is_copied()], [true, false]);
}

#[test]
fn ip4_16_fragments_both_ways() {
    let packet = golden("frag4");
    let header = parse(&packet, false).unwrap();
    assert_eq!(header.fragment, Some(Fragment { offset: 1480, more: true }));
    assert_eq!((header.identification, header.dont_fragment), (0xbeef, false));
    let emit_header = IpEmit {
        src: header.src,
        dst: header.dst,
        protocol: ip::PROTO_UDP,
        identification: 0xbeef,
        dont_fragment: true,
        payload_len: 16,
        ..IpEmit::default()
    };
    let mut emitted = [0; 20];
    emit_with(&mut emitted, &emit_header, header.fragment, &[]).unwrap();
    assert_eq!(emitted[..], packet[..20], "DF is not written on fragments");
}

#[test]
fn impossible_fragments() {
    let flags = |high: u8, low: u8, len: u8| {
        let mut packet = golden("frag4");
        (packet[6], packet[7], packet[3]) = (high, low, len);
        parse(&fixed(packet), false).map(|header| header.fragment)
    };
    assert_eq!(flags(0x20, 0, 36), Ok(Some(Fragment { offset: 0, more: true })));
    assert_eq!(flags(0x20, 0, 35), Err(Malformed::Length), "not a multiple of eight");
    assert_eq!(flags(0x00, 1, 35), Ok(Some(Fragment { offset: 8, more: false })));
    assert_eq!(flags(0x1f, 0xff, 36), Err(Malformed::Length), "beyond 64 KiB");
    assert_eq!(flags(0x20, 0, 20), Err(Malformed::Length), "empty");
    assert!(flags(0x60, 1, 36).is_ok(), "DF on a fragment is harmless");
}

/// IP4-05: DF together with MF or an offset is taken; senders of such fragments are legal (RFC 6864
/// §4.1), and nothing is gained by losing their packets.
#[test]
fn ip4_05_dont_fragment_on_fragments() {
    let golden = golden("frag4");
    for high in [0x60, 0x40] {
        let mut packet = golden.clone();
        (packet[6], packet[7], packet[3]) = (high, 1, 36);
        let header = parse(&fixed(packet), false).unwrap();
        assert!(header.dont_fragment && header.fragment.is_some());
        assert_eq!(header.check_sender(false), Ok(()));
    }
}

/// IP4-06: TTL 64, 576 bytes for every host, 65515 bytes of payload.
#[test]
fn ip4_06_defaults() {
    assert_eq!((IpEmit::default().hop_limit, MTU_MIN, PAYLOAD_MAX), (64, 576, 65515));
    let header = IpEmit { payload_len: PAYLOAD_MAX, ..IpEmit::default() };
    let mut bytes = vec![0; 65535];
    emit(&mut bytes, &header).unwrap();
    assert_eq!(parse(&bytes, false).map(|header| header.payload_len), Ok(PAYLOAD_MAX));
}

/// WIRE-12: an offset is thirteen bits of eight bytes.
#[test]
fn offsets_that_cannot_be_written() {
    let emit = |offset| {
        let fragment = Fragment { offset, more: true };
        emit_with(&mut [0; 20], &IpEmit::default(), Some(fragment), &[])
    };
    assert_eq!(
        (emit(65528), emit(65536), emit(12)),
        (Ok(20), Err(EmitError::Value), Err(EmitError::Value))
    );
}

#[test]
fn emit_refuses_what_does_not_fit() {
    let header = IpEmit::default();
    assert_eq!(emit(&mut [0; 19], &header), Err(EmitError::NoRoom));
    assert_eq!(emit_with(&mut [0; 80], &header, None, &[1; 41]), Err(EmitError::Value));
    assert_eq!(emit_with(&mut [0; 24], &header, None, &[1; 3]), Ok(24));
}

proptest! {
    #[test]
    fn any_options(area in vec(any::<u8>(), 40)) {
        let mut packet = golden("udp4");
        packet[0] = 0x4f;
        packet[3] = 60;
        packet.truncate(20);
        packet.extend(area);
        let options = options(&packet);
        prop_assert!(options.clone().count() <= 20);
        let known = |option: Result<Ipv4Option<'_>, _>| option.is_ok_and(|o| o.known().is_some());
        let sound = options.clone().all(known);
        prop_assert_eq!(parse(&fixed(packet.clone()), false).is_ok(), sound);
    }
}
