//! Tests of `icmpv4`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;
use crate::icmp::Quote;

/// Parses the message of a golden packet, emits it again, and compares.
fn both_ways(name: &str, check: impl FnOnce(Message<'_>)) {
    let packet = golden(name);
    let message = &packet[20..];
    let parsed = parse(message).unwrap();
    check(parsed);
    let mut emitted = vec![0; message.len()];
    assert_eq!(emit(&mut emitted, &parsed), Ok(message.len()), "{name}");
    assert_eq!(emitted, message, "{name}");
    assert_eq!(emit(&mut emitted[1..], &parsed), Err(EmitError::NoRoom), "{name}: no room");
}

/// The body with type and code in front and a sound checksum.
fn message(kind: u8, code: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = [&[kind, code, 0, 0], body].concat();
    let checksum = checksum::checksum(&bytes);
    bytes[2..4].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

#[test]
fn icmp4_01_integrity() {
    let packet = golden("icmp4_echo");
    for len in 0..8 {
        assert_eq!(parse(&packet[20..20 + len]), Err(Malformed::Truncated));
    }
    let mut corrupt = packet.clone();
    corrupt[30] ^= 4;
    assert_eq!(parse(&corrupt[20..]), Err(Malformed::Checksum));
}

#[test]
fn icmp4_02_echo() {
    both_ways("icmp4_echo", |message| {
        assert_eq!(message, Message::EchoRequest(Echo { id: 7, seq: 1, data: b"ping!" }));
    });
    let reply = message(ECHO_REPLY, 0, &[0, 7, 0, 1]);
    assert_eq!(parse(&reply), Ok(Message::EchoReply(Echo { id: 7, seq: 1, data: &[] })));
    for kind in [ECHO_REPLY, ECHO_REQUEST] {
        assert_eq!(parse(&message(kind, 1, &[0; 4])), Err(Malformed::Field));
    }
}

#[test]
fn icmp4_03_unreachable() {
    both_ways("icmp4_port", |message| {
        let Message::Unreachable { code: CODE_PORT, quote } = message else {
            panic!("{message:?}")
        };
        assert_eq!(Quote::parse(quote).unwrap().ports(), Some((4000, 53)));
    });
    both_ways("icmp4_frag", |message| {
        assert!(matches!(message, Message::PacketTooBig { mtu: 1400, .. }));
    });
    let named = [
        CODE_NETWORK,
        CODE_HOST,
        CODE_PROTOCOL,
        CODE_PORT,
        CODE_FRAGMENTATION_NEEDED,
        CODE_SOURCE_ROUTE,
        CODE_NETWORK_UNKNOWN,
        CODE_HOST_UNKNOWN,
        CODE_HOST_ISOLATED,
        CODE_NETWORK_PROHIBITED,
        CODE_HOST_PROHIBITED,
        CODE_NETWORK_SERVICE,
        CODE_HOST_SERVICE,
        CODE_PROHIBITED,
        CODE_PRECEDENCE_VIOLATION,
        CODE_PRECEDENCE_CUTOFF,
    ];
    assert!(named.into_iter().eq(0..=15));
    for code in named.into_iter().filter(|code| *code != CODE_FRAGMENTATION_NEEDED) {
        let expected = Message::Unreachable { code, quote: b"q" };
        assert_eq!(parse(&message(UNREACHABLE, code, &[0, 0, 0, 0, b'q'])), Ok(expected));
        assert!(expected.is_error());
    }
}

#[test]
fn icmp4_04_redirect() {
    both_ways("icmp4_redirect", |message| {
        let Message::Redirect { code: 1, gateway, .. } = message else { panic!("{message:?}") };
        assert_eq!(gateway, Ip::v4([10, 0, 0, 253]));
    });
    for code in 0..=3 {
        let expected = Message::Redirect { code, gateway: Ip::v4([10, 0, 0, 1]), quote: b"q" };
        assert_eq!(parse(&message(REDIRECT, code, &[10, 0, 0, 1, b'q'])), Ok(expected));
    }
    assert_eq!(parse(&message(REDIRECT, 4, &[0; 4])), Err(Malformed::Field));
}

#[test]
fn icmp4_05_time_exceeded() {
    for code in [0, 1] {
        let expected = Message::TimeExceeded { code, quote: &[] };
        assert_eq!(parse(&message(TIME_EXCEEDED, code, &[0; 4])), Ok(expected));
    }
}

#[test]
fn icmp4_06_parameter_problem() {
    both_ways("icmp4_param", |message| {
        assert!(matches!(message, Message::ParameterProblem { code: 0, pointer: 20, .. }));
    });
    for code in 0..=2 {
        let expected = Message::ParameterProblem { code, pointer: 255, quote: b"q" };
        let bytes = message(PARAMETER_PROBLEM, code, &[255, 9, 9, 9, b'q']);
        assert_eq!(parse(&bytes), Ok(expected), "eight bits");
    }
}

#[test]
fn icmp4_07_unknown_types_and_codes() {
    let unknown = [(1, 0), (4, 0), (9, 0), (13, 0), (17, 0), (255, 0), (3, 16), (11, 2), (12, 3)];
    for (kind, code) in unknown {
        assert_eq!(parse(&message(kind, code, &[0; 4])), Err(Malformed::Field), "{kind}/{code}");
    }
}

/// ICMP4-09: types no host needs any more are refused as unknown ones are.
#[test]
fn icmp4_09_types_not_served() {
    for kind in [13, 14, 17, 18, 9, 10, 4] {
        assert_eq!(parse(&message(kind, 0, &[0; 16])), Err(Malformed::Field), "{kind}");
    }
}

#[test]
fn what_ipv4_cannot_say() {
    assert_eq!(
        emit(&mut [0; 64], &Message::Other { kind: 135, code: 0, body: &[0; 4] }),
        Err(EmitError::Value)
    );
    let redirect = Message::Redirect { code: 0, gateway: Ip::ALL_NODES, quote: &[] };
    assert_eq!(emit(&mut [0; 64], &redirect), Err(EmitError::Value));
}

proptest! {
    #[test]
    fn any_message(kind in prop::sample::select(vec![0u8, 3, 5, 8, 11, 12, 42]), code in 0u8..18,
                   body in vec(any::<u8>(), 0..100)) {
        if let Ok(parsed) = parse(&message(kind, code, &body)) {
            let mut emitted = [0; 104];
            let len = emit(&mut emitted, &parsed).unwrap();
            prop_assert_eq!(len, body.len() + 4);
            prop_assert_eq!(parse(&emitted[..len]), Ok(parsed));
        }
    }

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..64)) {
        let _ = parse(&bytes);
    }
}
