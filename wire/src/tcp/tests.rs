//! Tests of `tcp`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;
use crate::offload::RxChecksum;
use crate::{ip, tcp_options};

fn segment(flags: Flags) -> Vec<u8> {
    let mut bytes = vec![0; 20];
    emit(&mut bytes, &Emit { src_port: 1, dst_port: 2, flags, ..Emit::default() }, &[]).unwrap();
    bytes
}

/// TCP-01, WIRE-07.
#[test]
fn tcp_01_header_both_ways() {
    let packet = golden("tcp4_data").split_off(14);
    let ip_header = ip::parse(&packet).unwrap();
    let segment = ip_header.payload(&packet);
    let header = parse(segment).unwrap();
    assert_eq!((header.src_port, header.dst_port), (4000, 80));
    assert_eq!((header.seq, header.ack), (SeqNum(1001), SeqNum(2001)));
    assert_eq!(header.flags, Flags::PSH | Flags::ACK);
    assert_eq!((header.window, header.urgent, header.header_len), (502, 0, 32));
    assert_eq!((header.payload, header.sequence_len()), (&b"hello"[..], 5));
    let pseudo = ip_header.pseudo_header();
    assert!(checksum_ok(pseudo, segment));

    let emit_header = Emit {
        src_port: 4000,
        dst_port: 80,
        seq: header.seq,
        ack: header.ack,
        flags: header.flags,
        window: 502,
        urgent: 0,
    };
    let mut emitted = [0; 37];
    let header_len = emit(&mut emitted, &emit_header, header.options).unwrap();
    let sum = checksum::copy_and_sum(&mut emitted[header_len..], b"hello");
    set_checksum(&mut emitted[..header_len], pseudo + sum);
    assert_eq!(emitted[..], *segment);
}

#[test]
fn every_flag_has_its_bit() {
    let all = [
        (Flags::FIN | Flags::ACK, "F."),
        (Flags::SYN, "S"),
        (Flags::RST, "R"),
        (Flags::PSH | Flags::URG, "PU"),
        (Flags::ECE | Flags::CWR | Flags::AE, "EWe"),
        (Flags::NONE, "none"),
    ];
    for (flags, letters) in all {
        assert_eq!(parse(&segment(flags)).map(|header| header.flags), Ok(flags));
        assert_eq!(flags.to_string(), letters);
    }
    assert_eq!(segment(Flags::AE)[12..14], [0x51, 0]);
    assert_eq!(segment(Flags::CWR)[12..14], [0x50, 0x80]);
}

#[test]
fn tcp_02_integrity() {
    let bytes = segment(Flags::ACK);
    for len in 0..20 {
        assert_eq!(parse(&bytes[..len]), Err(Malformed::Truncated));
    }
    let offset = |words: u8| {
        let mut bytes = segment(Flags::ACK);
        bytes[12] = words << 4;
        parse(&bytes).map(|header| header.header_len)
    };
    assert_eq!(offset(4), Err(Malformed::HeaderLength));
    assert_eq!(offset(5), Ok(20));
    assert_eq!(offset(6), Err(Malformed::HeaderLength));
    let packet = golden("tcp6_sack");
    let ip_header = ip::parse(&packet).unwrap();
    let mut segment = ip_header.payload(&packet).to_vec();
    assert!(checksum_ok(ip_header.pseudo_header(), &segment));
    segment[4] ^= 0x40;
    assert!(!checksum_ok(ip_header.pseudo_header(), &segment));
    assert_eq!(tcp_options::parse(&[8, 11, 0, 0]), Err(Malformed::Option));
}

#[test]
fn tcp_03_sanity() {
    for flags in (0..0x200).map(Flags) {
        assert_eq!(parse(&segment(flags)).map(|header| header.flags), Ok(flags), "{flags}");
    }
    for ports in [0..2, 2..4] {
        let mut bytes = segment(Flags::ACK);
        bytes[ports].fill(0);
        assert_eq!(parse(&bytes), Err(Malformed::Port));
    }
}

#[test]
fn partial_checksums_are_told_from_wrong_ones() {
    let packet = golden("tcp4_data").split_off(14);
    let ip_header = ip::parse(&packet).unwrap();
    let pseudo = ip_header.pseudo_header();
    let mut segment = ip_header.payload(&packet).to_vec();
    let judge = |trust: RxChecksum, segment: &[u8]| {
        let field = parse(segment).unwrap().checksum;
        let whole = checksum::sum(pseudo, segment);
        let verdict = trust.accepts(pseudo, field, segment);
        assert_eq!(trust.accepts_sum(pseudo, field, whole), verdict);
        verdict
    };
    assert!(judge(RxChecksum::Unverified, &segment) && judge(RxChecksum::MaybePartial, &segment));
    set_partial(&mut segment, pseudo);
    assert!(!judge(RxChecksum::Unverified, &segment));
    assert!(judge(RxChecksum::MaybePartial, &segment) && judge(RxChecksum::Partial, &segment));
    segment[16] ^= 1;
    assert!(!judge(RxChecksum::MaybePartial, &segment) && judge(RxChecksum::Valid, &segment));
}

#[test]
fn emit_refuses_what_does_not_fit() {
    assert_eq!(emit(&mut [0; 19], &Emit::default(), &[]), Err(EmitError::NoRoom));
    assert_eq!(emit(&mut [0; 80], &Emit::default(), &[1; 41]), Err(EmitError::Value));
    assert_eq!(emit(&mut [0; 80], &Emit::default(), &[1; 3]), Err(EmitError::Value));
    assert_eq!(emit(&mut [0; 80], &Emit::default(), &[1; 40]), Ok(60));
    set_checksum(&mut [0; 3], Sum::ZERO);
    set_partial(&mut [0; 3], Sum::ZERO);
}

#[test]
fn sequence_numbers_go_round() {
    let (low, high) = (SeqNum(u32::MAX - 1), SeqNum(3));
    assert!(low.lt(high) && low.le(high) && high.gt(low) && high.ge(low));
    assert!(low.le(low) && low.ge(low) && !low.lt(low) && !low.gt(low));
    assert_eq!((high - low, low - high), (5, -5));
    assert_eq!((low.max(high), low.min(high)), (high, low));
    assert_eq!(high - 5, low);
    assert!(high.is_within(low, 6) && !high.is_within(low, 5) && !low.is_within(high, 100));
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..100)) {
        if let Ok(header) = parse(&bytes) {
            prop_assert_eq!(header.header_len + header.payload.len(), bytes.len());
            prop_assert_eq!(header.header_len, HEADER_LEN + header.options.len());
        }
    }

    #[test]
    fn parse_after_emit(
        ports in (1u16.., 1u16..),
        numbers: (u32, u32, u16, u16),
        flags in (0u16..0x200).prop_map(Flags),
        words in 0usize..=10,
        seed: u32,
    ) {
        let (seq, ack, window, urgent) = numbers;
        let (seq, ack) = (SeqNum(seq), SeqNum(ack));
        let (src_port, dst_port) = ports;
        let emitted = Emit { src_port, dst_port, seq, ack, flags, window, urgent };
        let options = vec![1; words * 4];
        let mut bytes = [0; 60];
        let len = emit(&mut bytes, &emitted, &options).unwrap();
        set_checksum(&mut bytes[..len], Sum::of_u32(seed));
        let header = parse(&bytes[..len]).unwrap();
        prop_assert_eq!((header.src_port, header.dst_port), ports);
        prop_assert_eq!((header.seq, header.ack, header.flags), (seq, ack, flags));
        prop_assert_eq!((header.window, header.urgent), (window, urgent));
        prop_assert_eq!(header.options, &options[..]);
        prop_assert!(checksum_ok(Sum::of_u32(seed), &bytes[..len]));
    }
}
