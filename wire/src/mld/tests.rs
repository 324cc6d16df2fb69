//! Tests of `mld`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;
use crate::icmp::Message as Icmp;
use crate::ip;
use crate::membership::{BLOCK, Sources, TO_EXCLUDE};

fn group() -> Ip {
    "ff05::1:3".parse().unwrap()
}

fn source(last: u8) -> [u8; 16] {
    let mut octets = [0; 16];
    (octets[0], octets[1], octets[2], octets[3], octets[15]) = (0x20, 0x01, 0x0d, 0xb8, last);
    octets
}

/// Parses the message of a golden packet, emits it again, and compares.
fn both_ways(name: &str, check: impl FnOnce(Message<'_>)) {
    let packet = golden(name);
    let header = ip::parse(&packet).unwrap();
    let bytes = header.payload(&packet);
    let Ok(Icmp::Other { kind, body, .. }) = icmpv6::parse(header.src, header.dst, bytes) else {
        panic!("{name}");
    };
    let message = parse(&header, kind, body).unwrap();
    check(message);
    let mut emitted = vec![0; bytes.len()];
    assert_eq!(emit(&mut emitted, header.src, header.dst, &message), Ok(bytes.len()), "{name}");
    assert_eq!(emitted, bytes, "{name}");
    assert_eq!(
        emit(&mut emitted[1..], header.src, header.dst, &message),
        Err(EmitError::NoRoom),
        "{name}: no room"
    );
}

fn with_hop_limit(kind: u8, body: &[u8], hop_limit: u8) -> Result<Message<'_>, Malformed> {
    let packet = golden("mld_report1");
    let header = IpHeader { hop_limit, ..ip::parse(&packet).unwrap() };
    parse(&header, kind, body)
}

fn parsed(kind: u8, body: &[u8]) -> Result<Message<'_>, Malformed> {
    with_hop_limit(kind, body, 1)
}

/// MLD-01: the length tells the version; the declared sources are there.
#[test]
fn mld_01_queries() {
    both_ways("mld_query1", |message| {
        let any = Ip::UNSPECIFIED_V6;
        assert_eq!(message, Message::QueryV1 { max_response_ms: 10_000, group: any });
    });
    both_ways("mld_query2", |message| {
        let Message::QueryV2 { max_response_ms, group: asked, tail } = message else {
            panic!("{message:?}")
        };
        assert_eq!((max_response_ms, asked), (32_768, group()));
        assert_eq!((tail.suppress, tail.robustness, tail.interval_s), (true, 2, 125));
        assert_eq!(tail.sources.iter().collect::<Vec<_>>(), [Ip::v6(source(1)), Ip::v6(source(2))]);
    });
    let body = [&[0, 1, 0, 0][..], group().octets(), &[2, 125, 0, 1], &source(1)].concat();
    for len in 0..=body.len() {
        let parsed = parsed(QUERY, &body[..len]);
        match len {
            0..20 => assert_eq!(parsed, Err(Malformed::Truncated)),
            20 => assert!(matches!(parsed, Ok(Message::QueryV1 { .. }))),
            21..40 => assert_eq!(parsed, Err(Malformed::Length), "{len}"),
            _ => assert!(matches!(parsed, Ok(Message::QueryV2 { .. }))),
        }
    }
    assert!(with_hop_limit(QUERY, &body, 64).is_ok(), "the caller asks that of queries");
    assert_eq!((LEN, QUERY_V2_LEN), (24, 28));
}

#[test]
fn mld_02_version_1_reports_and_done() {
    both_ways("mld_report1", |message| assert_eq!(message, Message::ReportV1 { group: group() }));
    both_ways("mld_done", |message| assert_eq!(message, Message::Done { group: group() }));
    let body = |group: Ip| [&[0; 4][..], group.octets()].concat();
    for kind in [REPORT_V1, DONE] {
        let asked = body(group());
        assert_eq!(with_hop_limit(kind, &asked, 255), Err(Malformed::HopLimit));
        assert_eq!(parsed(kind, &asked[..19]), Err(Malformed::Truncated));
        let unicast = body(Ip::v6(source(1)));
        assert_eq!(parsed(kind, &unicast), Err(Malformed::Destination));
        let mapped = body(Ip::v4([224, 0, 0, 1]));
        assert_eq!(parsed(kind, &mapped), Err(Malformed::MappedAddress));
    }
}

#[test]
fn mld_03_version_2_reports() {
    both_ways("mld_report2", |message| {
        let Message::ReportV2(records) = message else { panic!("{message:?}") };
        let sources = [source(1)];
        let first =
            Record { kind: TO_EXCLUDE, group: group(), sources: Sources::new(&[]), aux: &[] };
        let second =
            Record { kind: BLOCK, sources: Sources::new(&sources), aux: &[1, 2, 3, 4], ..first };
        assert_eq!(records.iter().collect::<Vec<_>>(), [first, second]);
    });
    let record = [&[4, 0, 0, 0][..], group().octets()].concat();
    let report = |count: u8, tail: &[u8]| [&[0, 0, 0, count][..], &record, tail].concat();
    assert!(parsed(REPORT_V2, &report(1, &[])).is_ok());
    assert_eq!(parsed(REPORT_V2, &report(1, &[0])), Err(Malformed::Length));
    assert_eq!(parsed(REPORT_V2, &report(2, &[])), Err(Malformed::Length));
    // RFC 3810 §5.2.12: a record of a type nobody knows spoils nothing.
    let mut unknown = report(1, &[]);
    for kind in 1..=7 {
        unknown[4] = kind;
        let Ok(Message::ReportV2(records)) = parsed(REPORT_V2, &unknown) else { panic!("{kind}") };
        let record = records.iter().next().unwrap();
        assert_eq!((record.kind, record.kind_name().is_some()), (kind, kind < 7));
    }
    assert_eq!(with_hop_limit(REPORT_V2, &report(1, &[]), 2), Err(Malformed::HopLimit));
    assert_eq!(parsed(200, &report(1, &[])), Err(Malformed::Field));
}

/// MLD-04: queries of both versions are built and read back.
/// DIFF-07.
#[test]
fn mld_04_queries_are_built() {
    let sources = [source(9)];
    let tail = QueryTail {
        robustness: 2,
        interval_s: 125,
        sources: Sources::new(&sources),
        suppress: false,
    };
    let (src, dst) = ("fe80::1".parse().unwrap(), Ip::ALL_NODES);
    for query in [
        Message::QueryV1 { max_response_ms: 10_000, group: Ip::UNSPECIFIED_V6 },
        Message::QueryV2 { max_response_ms: 10_000, group: group(), tail },
    ] {
        let mut bytes = [0; 64];
        let len = emit(&mut bytes, src, dst, &query).unwrap();
        let message = icmpv6::parse(src, dst, &bytes[..len]).unwrap();
        let Icmp::Other { kind: QUERY, body, .. } = message else { panic!("{message:?}") };
        assert_eq!(parsed(QUERY, body), Ok(query));
    }
    let wrong = Message::Done { group: Ip::v4([224, 0, 0, 1]) };
    assert_eq!(emit(&mut [0; 64], src, dst, &wrong), Err(EmitError::Value));
}

/// VEC-19: the reference's decodings of response codes.
#[test]
fn vec_19_response_codes() {
    let decoded = [10_000, 32_767, 32_768, 65_535].map(decode_response);
    assert_eq!(decoded, [10_000, 32_767, 32_768, 8_387_584]);
    assert!((0..=0xffff).all(|code| encode_response(decode_response(code)) == code));
    assert_eq!((encode_response(8_387_585), encode_response(u32::MAX)), (0xffff, 0xffff));
}

proptest! {
    #[test]
    fn any_body(kind in prop::sample::select(vec![130u8, 131, 132, 143]),
                body in vec(prop::sample::select(vec![0u8, 1, 2, 4, 0x20, 0xff]), 0..100)) {
        let (src, dst) = ("fe80::1".parse().unwrap(), Ip::ALL_NODES);
        if let Ok(message) = parsed(kind, &body) {
            let mut emitted = [0; 120];
            let len = emit(&mut emitted, src, dst, &message).unwrap();
            prop_assert!((4..=body.len() + 4).contains(&len));
            prop_assert_eq!(parsed(kind, &emitted[4..len]), Ok(message));
        }
    }
}
