//! Tests of `icmpv6`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;
use crate::icmp::Quote;
use crate::ip;

fn ends() -> (Ip, Ip) {
    ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap())
}

/// Parses the message of a golden packet, emits it again, and compares.
fn both_ways(name: &str, check: impl FnOnce(Message<'_>)) {
    let packet = golden(name);
    let header = ip::parse(&packet).unwrap();
    let message = header.payload(&packet);
    let parsed = parse(header.src, header.dst, message).unwrap();
    check(parsed);
    let mut emitted = vec![0; message.len()];
    assert_eq!(emit(&mut emitted, header.src, header.dst, &parsed), Ok(message.len()), "{name}");
    assert_eq!(emitted, message, "{name}");
    assert_eq!(
        emit(&mut emitted[1..], header.src, header.dst, &parsed),
        Err(EmitError::NoRoom),
        "{name}: no room"
    );
}

fn parsed(kind: u8, code: u8, body: &[u8]) -> Result<(), Malformed> {
    let (src, dst) = ends();
    let mut bytes = [&[kind, code, 0, 0], body].concat();
    set_checksum(&mut bytes, src, dst);
    parse(src, dst, &bytes).map(drop)
}

/// ICMP6-01, WIRE-07.
#[test]
fn icmp6_01_integrity() {
    let packet = golden("icmp6_echo");
    let (src, dst) = ends();
    for len in 0..4 {
        assert_eq!(parse(src, dst, &packet[40..40 + len]), Err(Malformed::Truncated));
    }
    for kind in [1, 2, 3, 4, ECHO_REQUEST, ECHO_REPLY] {
        assert_eq!(parsed(kind, 0, &[0; 3]), Err(Malformed::Truncated), "{kind}");
        assert_eq!(parsed(kind, 0, &[0; 4]), Ok(()), "{kind}");
    }
    assert_eq!(parse(src, src, &packet[40..]), Err(Malformed::Checksum), "pseudo header");
    let mut corrupt = packet.clone();
    corrupt[50] ^= 4;
    assert_eq!(parse(src, dst, &corrupt[40..]), Err(Malformed::Checksum));
}

#[test]
fn icmp6_02_unreachable() {
    both_ways("icmp6_unreach", |message| {
        let Message::Unreachable { code: CODE_PORT, quote } = message else {
            panic!("{message:?}")
        };
        let quote = Quote::parse(quote).unwrap();
        assert_eq!((quote.ports(), quote.tcp_seq().unwrap().0), (Some((4000, 80)), 77));
    });
    let named = [
        CODE_NO_ROUTE,
        CODE_PROHIBITED,
        CODE_BEYOND_SCOPE,
        CODE_ADDRESS,
        CODE_PORT,
        CODE_POLICY,
        CODE_REJECT_ROUTE,
        CODE_SOURCE_ROUTING_HEADER,
    ];
    assert!(named.into_iter().eq(0..=7));
    assert!(named.into_iter().all(|code| parsed(UNREACHABLE, code, &[0; 4]).is_ok()));
}

#[test]
fn icmp6_03_packet_too_big() {
    both_ways("icmp6_ptb", |message| {
        assert!(matches!(message, Message::PacketTooBig { mtu: 1280, .. }));
    });
}

#[test]
fn icmp6_04_time_exceeded() {
    both_ways("icmp6_time", |message| {
        assert!(matches!(message, Message::TimeExceeded { code: 0, .. }));
    });
    assert!(parsed(TIME_EXCEEDED, 1, &[0; 4]).is_ok());
}

#[test]
fn icmp6_05_parameter_problem() {
    both_ways("icmp6_param", |message| {
        let expected = (CODE_NEXT_HEADER, 6);
        let Message::ParameterProblem { code, pointer, .. } = message else { panic!() };
        assert_eq!((code, pointer), expected);
    });
    let named = [CODE_FIELD, CODE_NEXT_HEADER, CODE_OPTION, CODE_INCOMPLETE_CHAIN];
    assert!(named.into_iter().eq(0..=3));
    assert!(named.into_iter().all(|code| parsed(PARAMETER_PROBLEM, code, &[0; 4]).is_ok()));
}

#[test]
fn icmp6_06_echo() {
    both_ways("icmp6_echo", |message| {
        assert_eq!(message, Message::EchoRequest(Echo { id: 7, seq: 2, data: b"ping!" }));
    });
    assert!(parsed(ECHO_REPLY, 0, &[0; 4]).is_ok());
    assert_eq!(parsed(ECHO_REQUEST, 1, &[0; 4]), Err(Malformed::Field));
    assert_eq!(parsed(ECHO_REPLY, 1, &[0; 4]), Err(Malformed::Field));
}

#[test]
fn icmp6_07_unknown_types_and_codes() {
    let (src, dst) = ends();
    for kind in [0, 5, 100, 127, 130, 200, 255] {
        let mut bytes = [kind, 9, 0, 0, 1, 2];
        set_checksum(&mut bytes, src, dst);
        let other = Message::Other { kind, code: 9, body: &[1, 2] };
        assert_eq!(parse(src, dst, &bytes), Ok(other));
    }
    for (kind, code) in [(1, 9), (3, 2), (4, 11)] {
        assert_eq!(parsed(kind, code, &[0; 4]), Err(Malformed::Field), "{kind}/{code}");
    }
}

#[test]
fn what_ipv6_says_elsewhere() {
    let (src, dst) = ends();
    let redirect = Message::Redirect { code: 0, gateway: dst, quote: &[] };
    assert_eq!(emit(&mut [0; 64], src, dst, &redirect), Err(EmitError::Value));
    set_checksum(&mut [0; 3], src, dst);
}

proptest! {
    #[test]
    fn any_message(kind in prop::sample::select(vec![1u8, 2, 3, 4, 128, 129, 135]), code in 0u8..12,
                   body in vec(any::<u8>(), 0..100)) {
        let (src, dst) = ends();
        let mut bytes = [&[kind, code, 0, 0], &body[..]].concat();
        set_checksum(&mut bytes, src, dst);
        if let Ok(parsed) = parse(src, dst, &bytes) {
            let mut emitted = [0; 104];
            let written = emit(&mut emitted, src, dst, &parsed);
            prop_assert!(written == Ok(bytes.len()) || body.len() < 4);
            if let Ok(len) = written {
                prop_assert_eq!(parse(src, dst, &emitted[..len]), Ok(parsed));
            }
        }
    }

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..64)) {
        let (src, dst) = ends();
        let _ = parse(src, dst, &bytes);
    }
}
