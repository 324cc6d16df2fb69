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
        assert_eq!(parse(&[2; HEADER_LEN][..len]), Err(Malformed::Truncated));
    }
    assert!(parse(&[2; HEADER_LEN]).is_ok_and(|frame| frame.payload.is_empty()));
}

#[test]
fn source_must_be_one_station() {
    for src in [Mac::UNSPECIFIED, Mac::BROADCAST, Mac([1, 0, 0x5e, 0, 0, 1])] {
        let mut bytes = [0; 14];
        emit(&mut bytes, B, src, ETHERTYPE_ARP);
        assert_eq!(parse(&bytes), Err(Malformed::Source));
    }
}

#[test]
fn one_vlan_tag_is_peeled() {
    let bytes = golden("vlan_tcp_syn");
    let frame = parse(&bytes).unwrap();
    assert_eq!((frame.vlan, frame.ethertype, frame.header_len), (Some(7), ETHERTYPE_IPV4, 18));
    assert_eq!(frame.payload, &bytes[18..]);
    assert_eq!(parse(&bytes[..17]), Err(Malformed::Truncated));
}

#[test]
fn lengths_show_as_small_types() {
    let mut bytes = [0; 60];
    emit(&mut bytes, B, A, 46);
    assert!(parse(&bytes).is_ok_and(|frame| frame.ethertype < ETHERTYPE_MIN));
}

#[test]
fn emit_needs_room() {
    assert_eq!(emit(&mut [0; 13], B, A, ETHERTYPE_ARP), 0);
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..64)) {
        if let Ok(frame) = parse(&bytes) {
            prop_assert_eq!(frame.header_len + frame.payload.len(), bytes.len());
        }
    }

    #[test]
    fn parse_after_emit(dst: [u8; 6], mut src: [u8; 6], ethertype in 0x0600u16..) {
        prop_assume!(ethertype != ETHERTYPE_VLAN);
        src[0] = src[0] & 0xfe | 2;
        let mut bytes = [0; 14];
        emit(&mut bytes, Mac(dst), Mac(src), ethertype);
        let frame = parse(&bytes).unwrap();
        prop_assert_eq!((frame.dst, frame.src, frame.ethertype), (Mac(dst), Mac(src), ethertype));
    }
}
