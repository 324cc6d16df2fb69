//! Tests of `icmp_ext`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;
use crate::icmp::Quote;

fn ends() -> (Ip, Ip) {
    ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap())
}

/// A router's answer to a traceroute through MPLS, as another implementation writes it.
#[test]
fn golden_label_stacks_both_ways() {
    for (name, at, v4) in [("icmp4_mpls", 20, true), ("icmp6_mpls", 40, false)] {
        let packet = golden(name);
        let message = &packet[at..];
        let extended = split(message, v4).unwrap().unwrap();
        assert_eq!(extended.quote.len(), 128, "{name}");
        assert_eq!(Quote::parse(extended.quote).unwrap().ports(), Some((4000, 53)));
        let objects: Vec<_> = extended.objects.iter().collect();
        assert_eq!(objects.len(), 1);
        let labels: Vec<_> = objects[0].labels().collect();
        let label = |label, bottom| Label { label, traffic_class: 5, bottom, ttl: 1 };
        assert_eq!(labels, [label(24001, false), label(16, true)]);

        let mut emitted = vec![0; 600];
        let header = ip::parse(&packet).unwrap();
        let quote = extended.quote;
        let error = Message::TimeExceeded { code: 0, quote };
        let len = if v4 {
            emit_v4(&mut emitted, &error, &objects)
        } else {
            emit_v6(&mut emitted, header.src, header.dst, &error, &objects)
        };
        assert_eq!(&emitted[..len.unwrap()], message, "{name}");
        let parsed = if v4 {
            icmpv4::parse(message)
        } else {
            icmpv6::parse(header.src, header.dst, message)
        };
        assert!(matches!(parsed, Ok(Message::TimeExceeded { code: 0, .. })), "{name}");
    }
}

#[test]
fn messages_without_objects() {
    let packet = golden("icmp4_port");
    assert_eq!(split(&packet[20..], true), Ok(None));
    let packet = golden("icmp6_ptb");
    assert_eq!(split(&packet[40..], false), Ok(None), "has no length field");
    assert_eq!(split(&[3, 0, 0], true), Err(Malformed::Truncated));
    let mut only_length = vec![0; 8 + 128];
    (only_length[0], only_length[5]) = (icmpv4::TIME_EXCEEDED, 32);
    assert_eq!(split(&only_length, true), Ok(None));
}

#[test]
fn structures_that_do_not_hold() {
    let whole = golden("icmp4_mpls").split_off(20);
    let changed = |at: usize, value: u8| {
        let mut message = whole.clone();
        message[at] = value;
        split(&message, true).map(|extended| extended.is_some())
    };
    let structure = 8 + 128;
    assert_eq!(changed(5, 31), Err(Malformed::Length), "less than 128 bytes quoted");
    assert_eq!(changed(5, 255), Err(Malformed::Length));
    assert_eq!(changed(structure, 0x10), Err(Malformed::Version));
    assert_eq!(changed(structure + 11, 9), Err(Malformed::Checksum));
    let unsummed = |len: u8| {
        let mut message = whole.clone();
        message[structure + 2..structure + 4].fill(0);
        message[structure + 5] = len;
        split(&message, true).map(|extended| extended.is_some())
    };
    assert_eq!(unsummed(12), Ok(true), "no checksum, none wrong");
    assert_eq!([3, 11, 13].map(unsummed), [Err(Malformed::Length); 3]);
    assert_eq!(split(&whole[..structure + 3], true), Err(Malformed::Truncated));
}

/// RFC 4884 §5.5: without a length the objects stand behind 128 bytes and must have a checksum.
#[test]
fn routers_that_announce_nothing() {
    let mut message = golden("icmp4_mpls").split_off(20);
    message[5] = 0;
    assert!(split(&message, true).unwrap().is_some());
    let at = 8 + 128;
    message[at + 2..at + 4].fill(0);
    assert_eq!(split(&message, true), Ok(None));
    let long_quote = [&[icmpv4::TIME_EXCEEDED, 0, 0, 0, 0, 0, 0, 0][..], &[0x45; 500]].concat();
    assert_eq!(split(&long_quote, true), Ok(None));
}

#[test]
fn errors_with_objects_keep_their_bounds() {
    let (src, dst) = ends();
    let object = Object { class: CLASS_INTERFACE, kind: 0, data: &[7; 20] };
    let quote = &[0x60; 3000][..];
    let error = Message::Unreachable { code: 1, quote };
    let mut bytes = [0; 1500];
    let len = emit_v4(&mut bytes, &error, &[object]).unwrap();
    assert!(len + 20 <= 576 && len + 20 > 570);
    assert!(split(&bytes[..len], true).unwrap().is_some());
    assert_eq!(emit_v4(&mut bytes[..len - 1], &error, &[object]), Err(EmitError::NoRoom));
    let len = emit_v6(&mut bytes, src, dst, &error, &[object]).unwrap();
    assert!(len + 40 <= 1280 && len + 40 > 1270);
    assert!(split(&bytes[..len], false).unwrap().is_some());

    let too_big = Message::PacketTooBig { mtu: 1400, quote };
    let len = emit_v4(&mut bytes, &too_big, &[object]).unwrap();
    assert!(matches!(icmpv4::parse(&bytes[..len]), Ok(Message::PacketTooBig { mtu: 1400, .. })));
    assert_eq!(emit_v6(&mut bytes, src, dst, &too_big, &[object]), Err(EmitError::Value));
    let problem = Message::ParameterProblem { code: 0, pointer: 9, quote };
    assert!(emit_v4(&mut bytes, &problem, &[object]).is_ok());
    assert_eq!(emit_v6(&mut bytes, src, dst, &problem, &[object]), Err(EmitError::Value));
    let ragged = Object { data: &[7; 3], ..object };
    let large = Object { data: &[7; 2000], ..object };
    assert_eq!(emit_v4(&mut bytes, &error, &[ragged]), Err(EmitError::Value));
    assert_eq!(emit_v4(&mut bytes, &error, &[large]), Err(EmitError::Value));
    assert_eq!(object.labels().count(), 0);
}

proptest! {
    #[test]
    fn any_message(
        kind in prop::sample::select(vec![1u8, 3, 11, 12]),
        words in prop::sample::select(vec![0u8, 16, 32, 33]),
        body in vec(any::<u8>(), 120..200),
        v4: bool,
    ) {
        let mut message = [&[kind, 0, 0, 0, words, words, 0, 0][..], &body].concat();
        if let Some(version) = message.get_mut(8 + 128) {
            *version = 0x20;
        }
        if let Ok(Some(extended)) = split(&message, v4) {
            prop_assert!(extended.quote.len() >= QUOTE_MIN);
            prop_assert!(extended.objects.iter().count() <= 50);
        }
    }

    #[test]
    fn parse_after_emit(
        quote in vec(any::<u8>(), 0..2000),
        data in vec(any::<u8>(), 0..20),
        v4: bool,
    ) {
        let (src, dst) = ends();
        let data = data.repeat(4);
        let objects =
            [Object { class: 9, kind: 8, data: &data }, Object { class: 1, kind: 1, data: &[] }];
        let error = Message::TimeExceeded { code: 1, quote: &quote };
        let mut bytes = [0; 1300];
        let len = if v4 {
            emit_v4(&mut bytes, &error, &objects)
        } else {
            emit_v6(&mut bytes, src, dst, &error, &objects)
        };
        let extended = split(&bytes[..len.unwrap()], v4).unwrap().unwrap();
        prop_assert_eq!(extended.objects.iter().collect::<Vec<_>>(), objects);
        let kept = quote.len().min(extended.quote.len());
        prop_assert_eq!(&extended.quote[..kept], &quote[..kept]);
        prop_assert!(extended.quote[kept..].iter().all(|byte| *byte == 0));
    }
}
