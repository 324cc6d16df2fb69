//! Tests of `udp`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;
use crate::ip;

#[test]
fn golden_datagrams_both_ways() {
    for name in ["udp4", "udp6"] {
        let packet = golden(name);
        let ip_header = ip::parse(&packet).unwrap();
        let datagram = ip_header.payload(&packet);
        let header = parse(datagram).unwrap();
        assert_eq!((header.src_port, header.dst_port, header.payload), (4000, 53, &b"abc"[..]));
        let pseudo = ip_header.pseudo_header();
        assert_eq!(check(&header, datagram, pseudo, RxChecksum::Unverified, false), Ok(()));
        let mut emitted = *b"........abc";
        assert_eq!(emit(&mut emitted, 4000, 53, 3), Ok(8));
        set_checksum(&mut emitted[..8], checksum::sum(pseudo, b"abc"));
        assert_eq!(emitted[..], *datagram);
    }
}

#[test]
fn udp_01_integrity() {
    let datagram = golden("udp4").split_off(20);
    for len in 0..8 {
        assert_eq!(parse(&datagram[..len]), Err(Malformed::Truncated));
    }
    for len in [0, 7, 10, 12] {
        let mut wrong = datagram.clone();
        wrong[5] = len;
        assert_eq!(parse(&wrong), Err(Malformed::Length), "{len}");
    }
}

#[test]
fn udp_02_udp_03_checksum_on_receipt() {
    let packet = golden("udp6");
    let ip_header = ip::parse(&packet).unwrap();
    let mut datagram = ip_header.payload(&packet).to_vec();
    let pseudo = ip_header.pseudo_header();
    let judge = |datagram: &[u8], trust, zero_allowed| {
        check(&parse(datagram).unwrap(), datagram, pseudo, trust, zero_allowed)
    };
    datagram[10] ^= 1;
    assert_eq!(judge(&datagram, RxChecksum::Unverified, true), Err(Malformed::Checksum));
    assert_eq!(judge(&datagram, RxChecksum::MaybePartial, true), Err(Malformed::Checksum));
    assert_eq!(judge(&datagram, RxChecksum::Valid, false), Ok(()));
    datagram[6..8].fill(0);
    assert_eq!(judge(&datagram, RxChecksum::Unverified, true), Ok(()));
    assert_eq!(judge(&datagram, RxChecksum::Unverified, false), Err(Malformed::ZeroChecksum));
    set_partial(&mut datagram, pseudo);
    assert_eq!(judge(&datagram, RxChecksum::MaybePartial, false), Ok(()));
    assert_eq!(judge(&datagram, RxChecksum::Partial, false), Ok(()));
    assert_eq!(judge(&datagram, RxChecksum::Unverified, false), Err(Malformed::Checksum));
}

#[test]
fn udp_04_only_the_destination_port_must_be_set() {
    let mut datagram = golden("udp4").split_off(20);
    datagram[..2].fill(0);
    assert_eq!(parse(&datagram).map(|header| header.src_port), Ok(0));
    datagram[2..4].fill(0);
    assert_eq!(parse(&datagram), Err(Malformed::Port));
}

/// UDP-05: a computed zero is sent as all ones; a header left alone says "no checksum".
#[test]
fn udp_05_a_computed_zero_is_sent_as_ones() {
    let mut header = [0; 8];
    emit(&mut header, 1, 2, 0).unwrap();
    assert_eq!(parse(&header).map(|header| header.checksum), Ok(0));
    let rest = Sum::of_u16(checksum::checksum(&header));
    set_checksum(&mut header, rest);
    assert_eq!(header[6..], [0xff, 0xff]);
}

#[test]
fn emit_refuses_what_does_not_fit() {
    assert_eq!(emit(&mut [0; 7], 1, 2, 0), Err(EmitError::NoRoom));
    assert_eq!(emit(&mut [0; 8], 1, 2, 65528), Err(EmitError::Value));
    assert_eq!(emit(&mut [0; 8], 1, 2, 65527), Ok(8));
    set_checksum(&mut [0; 3], Sum::ZERO);
    set_partial(&mut [0; 3], Sum::ZERO);
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..64)) {
        if let Ok(header) = parse(&bytes) {
            prop_assert_eq!(header.payload.len() + HEADER_LEN, bytes.len());
        }
    }

    #[test]
    fn parse_after_emit(src: u16, dst in 1u16.., payload in vec(any::<u8>(), 0..100), seed: u32) {
        let mut bytes = vec![0; 8];
        emit(&mut bytes, src, dst, payload.len()).unwrap();
        bytes.extend(&payload);
        let pseudo = Sum::of_u32(seed);
        set_checksum(&mut bytes[..8], checksum::sum(pseudo, &payload));
        let header = parse(&bytes).unwrap();
        prop_assert_eq!((header.src_port, header.dst_port), (src, dst));
        prop_assert_eq!(header.payload, &payload[..]);
        prop_assert_eq!(check(&header, &bytes, pseudo, RxChecksum::Unverified, false), Ok(()));
    }
}
