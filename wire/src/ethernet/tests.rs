//! Tests of `ethernet`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;

const A: Mac = Mac([2, 0, 0, 0, 0, 1]);
const B: Mac = Mac([2, 0, 0, 0, 0, 2]);

#[test]
fn eth_01_fields_of_a_plain_frame() {
    let bytes = golden("tcp4_data");
    let frame = parse(&bytes).unwrap();
    assert_eq!((frame.dst, frame.src, frame.ethertype), (B, A, ETHERTYPE_IPV4));
    assert_eq!((frame.vlan, frame.header_len), (None, 14));
    assert_eq!(frame.payload, &bytes[14..]);
}

#[test]
fn eth_01_shorter_than_a_header() {
    for len in 0..HEADER_LEN {
        assert_eq!(parse(&[8; HEADER_LEN][..len]), Err(Malformed::Truncated));
    }
    assert!(parse(&[8; HEADER_LEN]).is_ok_and(|frame| frame.payload.is_empty()));
}

/// ETH-02, ETH-05: the source is one station, in either kind of frame.
#[test]
fn eth_02_eth_05_source_must_be_one_station() {
    for ethertype in [ETHERTYPE_ARP, 0] {
        for src in [Mac::UNSPECIFIED, Mac::BROADCAST, Mac([1, 0, 0x5e, 0, 0, 1])] {
            let mut bytes = [0; 14];
            emit(&mut bytes, B, src, ethertype).unwrap();
            assert_eq!(parse(&bytes), Err(Malformed::Source));
        }
    }
}

/// ETH-16: the reference has no VLANs; here up to two tags are peeled.
#[test]
fn eth_16_one_vlan_tag_is_peeled() {
    let bytes = golden("vlan_tcp_syn");
    let frame = parse(&bytes).unwrap();
    assert_eq!((frame.vlan, frame.ethertype, frame.header_len), (Some(7), ETHERTYPE_IPV4, 18));
    let tag = Tag { priority: 3, ..Tag::new(7) };
    assert_eq!((frame.tags, frame.payload), ([Some(tag), None], &bytes[18..]));
    assert_eq!(parse(&bytes[..17]), Err(Malformed::Truncated));
    let mut emitted = [0; 18];
    assert_eq!(emit_tagged(&mut emitted, B, A, &[tag], ETHERTYPE_IPV4), Ok(18));
    assert_eq!(emitted[..], bytes[..18]);
}

#[test]
fn two_vlan_tags_are_peeled() {
    let bytes = golden("qinq_udp");
    let frame = parse(&bytes).unwrap();
    let service =
        Tag { ethertype: ETHERTYPE_SERVICE_VLAN, priority: 5, drop_eligible: true, id: 100 };
    let customer = Tag { priority: 3, ..Tag::new(7) };
    assert_eq!(frame.tags, [Some(service), Some(customer)]);
    assert_eq!((frame.vlan, frame.ethertype, frame.header_len), (Some(100), ETHERTYPE_IPV4, 22));
    let mut emitted = [0; 22];
    assert_eq!(emit_tagged(&mut emitted, B, A, &[service, customer], ETHERTYPE_IPV4), Ok(22));
    assert_eq!(emitted[..], bytes[..22]);
    assert_eq!(parse(&bytes[..21]), Err(Malformed::Truncated));
    for room in 0..22 {
        let mut short = vec![0; room];
        assert_eq!(
            emit_tagged(&mut short, B, A, &[service, customer], ETHERTYPE_IPV4),
            Err(EmitError::NoRoom)
        );
    }
    // WIRE-12: an identifier has twelve bits, a priority three.
    for tag in [Tag { id: 0x1000, ..customer }, Tag { priority: 8, ..customer }] {
        assert_eq!(emit_tagged(&mut [0; 18], B, A, &[tag], ETHERTYPE_IPV4), Err(EmitError::Value));
    }
}

/// A priority tag in front of a VLAN does not make it the untagged network.
#[test]
fn the_vlan_is_the_first_that_has_a_number() {
    let vlan = |ids: &[u16]| {
        let tags: Vec<_> = ids.iter().map(|id| Tag::new(*id)).collect();
        let mut bytes = [0; 40];
        emit_tagged(&mut bytes, B, A, &tags, ETHERTYPE_IPV4).unwrap();
        let frame = parse(&bytes).unwrap();
        (frame.vlan, frame.ethertype)
    };
    assert_eq!(vlan(&[0]), (Some(0), ETHERTYPE_IPV4));
    assert_eq!(vlan(&[0, 9]), (Some(9), ETHERTYPE_IPV4));
    assert_eq!(vlan(&[8, 9]), (Some(8), ETHERTYPE_IPV4));
    assert_eq!(vlan(&[7, 8, 9]), (Some(7), ETHERTYPE_VLAN), "a third tag stays");
}

/// ETH-03, ETH-04, ETH-06: up to 1500 the field is a length, from 0x600 a type, between nothing.
#[test]
fn eth_03_eth_04_eth_06_lengths() {
    let padded = golden("llc_stp");
    assert_eq!(padded.len(), FRAME_MIN);
    let frame = parse(&padded).unwrap();
    assert!(frame.is_length());
    assert_eq!(frame.ethertype, 38);
    assert_eq!(frame.length_payload(), Ok(&padded[14..52]), "padding is trimmed");
    let cut = parse(&padded[..51]).unwrap();
    assert_eq!(cut.length_payload(), Err(Malformed::Length));
    let with = |field: u16, len: usize| {
        let mut bytes = vec![0; HEADER_LEN + len];
        emit(&mut bytes, B, A, field).unwrap();
        parse(&bytes).unwrap().length_payload().map(<[u8]>::len)
    };
    assert_eq!(with(1500, 1500), Ok(1500));
    assert_eq!(with(1500, 1499), Err(Malformed::Length));
    for nothing in [1501, 1514, 1515, 0x5ff] {
        assert_eq!(with(nothing, 1600), Err(Malformed::Field), "{nothing}");
    }
    let mut typed = [8; 60];
    emit(&mut typed, B, A, ETHERTYPE_MIN).unwrap();
    assert!(parse(&typed).is_ok_and(|frame| !frame.is_length() && frame.payload.len() == 46));
    assert_eq!(with(0, 46), Ok(0));
    assert_eq!(LENGTH_FRAME_MAX, 1514);
}

/// ETH-14: 802.3 headers can be written, up to the longest payload.
#[test]
fn eth_14_length_headers_are_written() {
    let golden = golden("llc_stp");
    let frame = parse(&golden).unwrap();
    let mut bytes = [0; 14];
    assert_eq!(emit_length(&mut bytes, frame.dst, frame.src, 38), Ok(14));
    assert_eq!(bytes[..], golden[..14]);
    assert_eq!(emit_length(&mut bytes, B, A, 1500), Ok(14));
    assert_eq!(emit_length(&mut bytes, B, A, 1501), Err(EmitError::Value));
    assert_eq!(emit_length(&mut bytes, B, A, 70_000), Err(EmitError::Value));
    assert_eq!(emit_length(&mut bytes[..13], B, A, 1), Err(EmitError::NoRoom));
}

/// WIRE-09: the types known.
#[test]
fn wire_09_ethertypes() {
    let known = [ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_RAW];
    assert_eq!(known, [0x0806, 0x0800, 0x86dd, 0xffff]);
}

#[test]
fn emit_needs_room() {
    assert_eq!(emit(&mut [0; 13], B, A, ETHERTYPE_ARP), Err(EmitError::NoRoom));
}

proptest! {
    #[test]
    fn any_bytes(
        mut bytes in vec(any::<u8>(), 0..64),
        field in prop::sample::select(vec![9u16, 46, 0x5ff, 0x8100, 0x88a8, 0x0800]),
    ) {
        if let Some(room) = bytes.get_mut(12..14) {
            room.copy_from_slice(&field.to_be_bytes());
        }
        if let Ok(frame) = parse(&bytes) {
            prop_assert_eq!(frame.header_len + frame.payload.len(), bytes.len());
            if let Ok(payload) = frame.length_payload() {
                prop_assert_eq!(payload.len(), usize::from(frame.ethertype));
            }
        }
    }

    #[test]
    fn parse_after_emit(dst: [u8; 6], mut src: [u8; 6], ethertype in 0x0600u16..) {
        prop_assume!(!matches!(ethertype, ETHERTYPE_VLAN | ETHERTYPE_SERVICE_VLAN));
        src[0] = src[0] & 0xfe | 2;
        let mut bytes = [0; 14];
        emit(&mut bytes, Mac(dst), Mac(src), ethertype).unwrap();
        let frame = parse(&bytes).unwrap();
        prop_assert_eq!((frame.dst, frame.src, frame.ethertype), (Mac(dst), Mac(src), ethertype));
    }
}
