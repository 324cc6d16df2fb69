//! Tests of `igmp`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;
use crate::membership::{ALLOW, Sources, TO_EXCLUDE};
use crate::{ip, ipv4};

const GROUP: Ip = Ip::v4([239, 1, 1, 1]);

fn summed(mut message: Vec<u8>) -> Vec<u8> {
    message[2..4].fill(0);
    let checksum = checksum::checksum(&message);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    message
}

/// Parses the message of a golden packet, emits it again, and compares.
fn both_ways(name: &str, check: impl FnOnce(Message<'_>)) {
    let packet = golden(name);
    let header = ip::parse(&packet).unwrap();
    assert_eq!((header.protocol, header.hop_limit), (ip::PROTO_IGMP, 1), "{name}");
    let message = header.payload(&packet);
    let parsed = parse(message).unwrap();
    check(parsed);
    let mut emitted = vec![0; message.len()];
    assert_eq!(emit(&mut emitted, &parsed), Ok(message.len()), "{name}");
    assert_eq!(emitted, message, "{name}");
    assert_eq!(emit(&mut emitted[1..], &parsed), Err(EmitError::NoRoom), "{name}: no room");
}

#[test]
fn igmp_01_integrity() {
    let message = summed(vec![QUERY, 0, 0, 0, 0, 0, 0, 0]);
    for len in 0..8 {
        assert_eq!(parse(&message[..len]), Err(Malformed::Truncated));
    }
    assert!(parse(&message).is_ok());
    let mut corrupt = message;
    corrupt[7] ^= 1;
    assert_eq!(parse(&corrupt), Err(Malformed::Checksum));
}

/// IGMP-02: the length and the code tell the version.
#[test]
fn igmp_02_versions_of_a_query() {
    both_ways("igmp_query1", |message| {
        assert_eq!(message, Message::QueryV1 { group: Ip::UNSPECIFIED_V4 });
    });
    both_ways("igmp_query2", |message| {
        assert_eq!(message, Message::QueryV2 { max_response_ds: 100, group: GROUP });
    });
    for len in 8..16 {
        let query =
            summed(vec![QUERY, 9, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0, 9, 9, 9, 9][..len].to_vec());
        let parsed = parse(&query);
        match len {
            8 => assert!(matches!(parsed, Ok(Message::QueryV2 { .. }))),
            9..=11 => assert_eq!(parsed, Err(Malformed::Length), "{len}"),
            _ => assert!(matches!(parsed, Ok(Message::QueryV3 { .. })), "trailing bytes pass"),
        }
    }
    let missing = summed(vec![QUERY, 9, 0, 0, 239, 1, 1, 1, 2, 125, 0, 2, 10, 0, 0, 1]);
    assert_eq!(parse(&missing), Err(Malformed::Length), "a declared source is not there");
}

/// IGMP-03: codes above 127 are floating.
#[test]
fn igmp_03_fields_of_a_version_3_query() {
    both_ways("igmp_query3", |message| {
        let Message::QueryV3 { max_response_ds, group, tail } = message else {
            panic!("{message:?}")
        };
        assert_eq!((max_response_ds, group), (248, GROUP));
        assert_eq!((tail.suppress, tail.robustness, tail.interval_s), (true, 2, 992));
        let sources: Vec<_> = tail.sources.iter().collect();
        assert_eq!(sources, [Ip::v4([10, 0, 0, 1]), Ip::v4([10, 0, 0, 2])]);
    });
    let tail = QueryTail { robustness: 9, interval_s: 99_999, ..QueryTail::default() };
    let mut bytes = [0; 12];
    emit(&mut bytes, &Message::QueryV3 { max_response_ds: 40_000, group: GROUP, tail }).unwrap();
    assert_eq!((bytes[1], bytes[8], bytes[9]), (0xff, 0, 0xff), "clamped; robustness unsaid");
}

#[test]
fn igmp_04_reports_of_versions_1_and_2() {
    both_ways("igmp_report1", |message| assert_eq!(message, Message::ReportV1 { group: GROUP }));
    both_ways("igmp_report2", |message| assert_eq!(message, Message::ReportV2 { group: GROUP }));
    both_ways("igmp_leave", |message| assert_eq!(message, Message::Leave { group: GROUP }));
    for kind in [REPORT_V1, REPORT_V2, LEAVE] {
        let unicast = summed(vec![kind, 0, 0, 0, 10, 0, 0, 1]);
        let refused = parse(&unicast).unwrap_err();
        assert_eq!(refused, Malformed::Destination);
        assert_eq!(refused.class(), crate::error::Class::Sanity);
    }
}

#[test]
fn igmp_05_version_3_reports() {
    both_ways("igmp_report3", |message| {
        let Message::ReportV3(records) = message else { panic!("{message:?}") };
        let found: Vec<_> = records.iter().collect();
        let first = Record { kind: TO_EXCLUDE, group: GROUP, sources: Sources::new(&[]), aux: &[] };
        let sources = [[10, 0, 0, 1], [10, 0, 0, 2]];
        let group = Ip::v4([239, 1, 1, 2]);
        let second =
            Record { kind: ALLOW, group, sources: Sources::new(&sources), aux: &[1, 2, 3, 4] };
        assert_eq!(found, [first, second]);
    });
    let message = golden("igmp_report3").split_off(24);
    // RFC 3376 §4.2.12: a record of a type nobody knows spoils nothing.
    for kind in 1..=7 {
        let mut other = message.clone();
        other[8] = kind;
        let other = summed(other);
        let Ok(Message::ReportV3(records)) = parse(&other) else { panic!("{kind}") };
        let record = records.iter().next().unwrap();
        assert_eq!((record.kind, record.kind_name().is_some()), (kind, kind < 7));
    }
    let longer = summed([&message[..], &[0; 4]].concat());
    assert_eq!(parse(&longer), Err(Malformed::Length), "bytes behind the records");
    let shorter = summed(message[..message.len() - 4].to_vec());
    assert_eq!(parse(&shorter), Err(Malformed::Length), "aux data missing");
    let mut more = message.clone();
    more[7] = 3;
    assert_eq!(parse(&summed(more)), Err(Malformed::Length), "a record missing");
}

#[test]
fn igmp_06_unknown_types() {
    for kind in [0, 0x10, 0x13, 0x21, 0xff] {
        let refused = parse(&summed(vec![kind, 0, 0, 0, 0, 0, 0, 0])).unwrap_err();
        assert_eq!(refused, Malformed::Field);
        assert_eq!(refused.class(), crate::error::Class::Sanity);
    }
}

/// IGMP-07: queries of each version are built and read back.
/// DIFF-07.
#[test]
fn igmp_07_queries_are_built() {
    let sources = [[10, 0, 0, 1]];
    let tail = QueryTail {
        suppress: false,
        robustness: 2,
        interval_s: 125,
        sources: Sources::new(&sources),
    };
    for query in [
        Message::QueryV1 { group: Ip::UNSPECIFIED_V4 },
        Message::QueryV2 { max_response_ds: 100, group: Ip::UNSPECIFIED_V4 },
        Message::QueryV3 { max_response_ds: 100, group: GROUP, tail },
    ] {
        let mut bytes = [0; 16];
        let len = emit(&mut bytes, &query).unwrap();
        assert_eq!(parse(&bytes[..len]), Ok(query));
    }
    let mut bytes = [0; 8];
    emit(&mut bytes, &Message::QueryV2 { max_response_ds: 0, group: GROUP }).unwrap();
    assert_eq!(bytes[1], 1, "zero would be version 1");
    assert_eq!(emit(&mut bytes, &Message::Leave { group: Ip::ALL_NODES }), Err(EmitError::Value));
}

/// The packet around a report: TTL 1 and router alert.
#[test]
fn reports_carry_the_router_alert() {
    let packet = golden("igmp_report3");
    assert_eq!(packet[20..24], ipv4::ROUTER_ALERT);
}

proptest! {
    #[test]
    fn any_message(kind in prop::sample::select(vec![0x11u8, 0x12, 0x16, 0x17, 0x22, 0x30]),
                   rest in vec(prop::sample::select(vec![0u8, 1, 2, 9, 224, 255]), 7..60)) {
        let message = summed([&[kind][..], &rest].concat());
        if let Ok(parsed) = parse(&message) {
            let mut emitted = [0; 80];
            let len = emit(&mut emitted, &parsed).unwrap();
            prop_assert!(len <= message.len());
            prop_assert_eq!(parse(&emitted[..len]), Ok(parsed));
        }
    }

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..40)) {
        let _ = parse(&bytes);
    }
}
