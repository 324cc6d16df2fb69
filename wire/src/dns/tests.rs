//! Tests of `dns`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture_apps::{all, golden};

fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

/// A message of one question whose name is `name`, then `more`.
fn asking(name: &[u8], more: &[u8]) -> Vec<u8> {
    [&[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], name, &[0, 1, 0, 1], more].concat()
}

/// A response whose only record, an answer of the root, is of type `kind`.
fn answering(kind: u16, data: &[u8]) -> Vec<u8> {
    let head = [0, 7, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0];
    let len = data.len() as u16;
    [&head[..], &kind.to_be_bytes(), &[0, 1, 0, 0, 0, 60], &len.to_be_bytes(), data].concat()
}

/// DNS-01, DNS-03, DNS-04, DNS-07: messages as another implementation writes them.
#[test]
fn lines_of_golden_messages() {
    for (name, bytes, line) in all('d') {
        let message = parse(&bytes).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(message.to_string(), line.unwrap(), "{name}");
    }
}

#[test]
fn dns_01_the_header() {
    let bytes = golden("dns_truncated");
    let expected = Header {
        id: 4660,
        response: true,
        opcode: 0,
        authoritative: false,
        truncated: true,
        recursion_desired: true,
        recursion_available: false,
        z: 2,
        rcode: ResponseCode::NoError,
    };
    assert_eq!(parse(&bytes).unwrap().header, expected);
    for len in 0..HEADER_LEN {
        assert_eq!(parse(&bytes[..len]), Err(Malformed::Truncated));
    }
    for flags in 0..=u16::MAX {
        assert_eq!(Header::from_flags(1, flags).flags(), flags);
    }
    let empty = [0; HEADER_LEN];
    assert_eq!(parse(&empty).unwrap().questions().count(), 0);
}

#[test]
fn dns_02_pointers_are_followed_backwards_only() {
    let bytes = golden("dns_compressed");
    let message = parse(&bytes).unwrap();
    let mut answers = message.answers();
    let (alias, address) = (answers.next().unwrap(), answers.next().unwrap());
    assert_eq!(alias.name, name("WWW.example.com").name());
    assert_eq!(alias.data, RecordData::Cname(name("web.example.com").name()));
    assert_eq!(address.name, name("web.example.com").name());
    assert_eq!((alias.ttl_s, address.ttl_s), (300, 60));
    // To itself, to the run it ends, forwards, beyond the end.
    for target in [12, 13, 14, 40, 255] {
        assert_eq!(parse(&asking(&[0xc0, target], &[])), Err(Malformed::Length), "{target}");
        let bytes = asking(&[1, b'a', 0xc0, target], &[]);
        assert_eq!(parse(&bytes), Err(Malformed::Length), "{target}");
    }
    // Into the header is odd, but ends.
    assert!(parse(&asking(&[1, b'a', 0xc0, 8], &[])).is_ok());
}

#[test]
fn dns_02_chains_of_pointers_are_bounded() {
    let chain = |count: usize| {
        let mut bytes = vec![0; 16];
        for at in 0..count {
            let target = if at == 0 { 0 } else { 14 + 2 * at } as u16 | 0xc000;
            bytes.extend(target.to_be_bytes());
        }
        bytes
    };
    let bytes = chain(127);
    assert!(Name::parse(&bytes, bytes.len() - 2).is_ok());
    let bytes = chain(128);
    assert_eq!(Name::parse(&bytes, bytes.len() - 2), Err(Malformed::Length));
}

#[test]
fn dns_02_labels_and_names_have_limits() {
    let labels = |count: usize, len: u8| {
        let mut bytes = Vec::new();
        for _ in 0..count {
            bytes.push(len);
            bytes.extend(vec![b'a'; len.into()]);
        }
        bytes
    };
    let longest = [labels(3, 63), labels(1, 61), vec![0]].concat();
    assert_eq!(longest.len(), NAME_MAX);
    assert!(parse(&asking(&longest, &[])).is_ok());
    let too_long = [labels(3, 63), labels(1, 62), vec![0]].concat();
    assert_eq!(parse(&asking(&too_long, &[])), Err(Malformed::Length));
    assert!(parse(&asking(&[labels(127, 1), vec![0]].concat(), &[])).is_ok());
    assert_eq!(parse(&asking(&[labels(128, 1), vec![0]].concat(), &[])), Err(Malformed::Length));
    for reserved in 0x40..0xc0 {
        let mut bytes = asking(&[0], &[0; 300]);
        bytes[12] = reserved;
        assert_eq!(parse(&bytes), Err(Malformed::Length), "{reserved:#x}");
    }
    for cut in [&[3, b'a'][..], &[1, b'a'], &[0xc0], &[]] {
        let bytes = [&asking(&[], &[])[..12], cut].concat();
        assert_eq!(parse(&bytes), Err(Malformed::Truncated), "{cut:?}");
    }
    let bytes = [&asking(&[], &[])[..12], &[0, 0, 1, 0]].concat();
    assert_eq!(parse(&bytes), Err(Malformed::Truncated));
}

#[test]
fn dns_03_every_type() {
    let bytes = golden("dns_all");
    let message = parse(&bytes).unwrap();
    let (ns1, mail, www) =
        (name("ns1.example.com"), name("mail.example.com"), name("www.example.com"));
    let admin = name("admin.example.com");
    let soa = Soa {
        mname: ns1.name(),
        rname: admin.name(),
        serial: 2024010101,
        refresh_s: 7200,
        retry_s: 900,
        expire_s: 1209600,
        minimum_s: 300,
    };
    let text = Strings::parse(b"\x0bv=spf1 -all\x05\"two\"").unwrap();
    let expected = [
        RecordData::Ns(ns1.name()),
        RecordData::Mx { preference: 10, exchange: mail.name() },
        RecordData::Txt(text),
        RecordData::Soa(soa),
        RecordData::Ptr(www.name()),
    ];
    let found: Vec<_> = message.answers().collect();
    for ((record, data), ttl) in found.iter().zip(expected).zip(1..) {
        assert_eq!((record.data, record.ttl_s, record.class), (data, ttl, CLASS_IN));
    }
    assert!(matches!(found[5].data, RecordData::Unknown { kind: 33, data } if data.len() > 6));
    let bytes = golden("dns_aaaa");
    let address = parse(&bytes).unwrap().answers().next().unwrap().data;
    assert_eq!(address, RecordData::Aaaa("2001:db8::1".parse().unwrap()));
    let bytes = golden("dns_chaos");
    let record = parse(&bytes).unwrap().answers().next().unwrap();
    assert_eq!(record.class, CLASS_CH);
    let mapped = answering(TYPE_AAAA, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4]);
    let record = parse(&mapped).unwrap().answers().next().unwrap();
    assert_eq!(record.data, RecordData::Aaaa("::ffff:1.2.3.4".parse().unwrap()));
}

#[test]
fn dns_03_data_that_does_not_fit() {
    let wrong: &[(u16, &[u8])] = &[
        (TYPE_A, &[1, 2, 3]),
        (TYPE_A, &[1, 2, 3, 4, 5]),
        (TYPE_AAAA, &[0; 15]),
        (TYPE_NS, &[]),
        (TYPE_NS, &[1, b'a', 0, 0]),
        (TYPE_CNAME, &[1, b'a']),
        (TYPE_PTR, &[0xc0, 0xff]),
        (TYPE_MX, &[0, 1]),
        (TYPE_MX, &[0]),
        (TYPE_TXT, &[]),
        (TYPE_TXT, &[2, b'a']),
        (TYPE_SOA, &[0; 21]),
        (TYPE_SOA, &[0; 23]),
    ];
    for (kind, data) in wrong {
        assert_eq!(parse(&answering(*kind, data)), Err(Malformed::Length), "{kind} {data:?}");
        // In the authority section only the structure counts.
        let mut bytes = answering(*kind, data);
        (bytes[7], bytes[9]) = (0, 1);
        let message = parse(&bytes).unwrap();
        let expected = RecordData::Unknown { kind: *kind, data };
        assert_eq!(message.authority().next().unwrap().data, expected);
    }
    assert!(parse(&answering(TYPE_SOA, &[0; 22])).is_ok());
    assert!(parse(&answering(999, &[])).is_ok());
}

#[test]
fn dns_04_sections() {
    let bytes = golden("dns_all");
    let message = parse(&bytes).unwrap();
    let kinds = |records: &mut dyn Iterator<Item = Record<'_>>| {
        records.map(|record| record.data.kind()).collect::<Vec<_>>()
    };
    assert_eq!(message.questions().count(), 1);
    assert_eq!(kinds(&mut message.answers()), [2, 15, 16, 6, 12, 33]);
    assert_eq!(kinds(&mut message.authority()), [TYPE_NS]);
    assert_eq!(kinds(&mut message.additional()), [TYPE_A, TYPE_OPT]);
    let edns = message.edns().unwrap();
    assert_eq!((edns.udp_len, edns.dnssec_ok, edns.version), (4096, true, 0));
    assert_eq!((edns.rcode_high, edns.options), (0, &[][..]));
    let bytes = golden("dns_nxdomain");
    let message = parse(&bytes).unwrap();
    assert_eq!(message.answers().count(), 0);
    let Some(Record { data: RecordData::Soa(soa), ttl_s: 60, .. }) = message.authority().next()
    else {
        panic!("an authority")
    };
    assert_eq!(soa.minimum_s, 5);
    assert_eq!(message.edns(), None);
    // More records counted than there are.
    for at in [5, 7, 9, 11] {
        let mut bytes = golden("dns_all");
        bytes[at] += 1;
        assert!(parse(&bytes).is_err(), "{at}");
    }
}

#[test]
fn dns_05_nothing_behind_the_last_record() {
    for (name, mut bytes, _) in all('d') {
        bytes.push(0);
        assert_eq!(parse(&bytes), Err(Malformed::Field), "{name}");
        bytes.truncate(bytes.len() - 2);
        assert!(parse(&bytes).is_err(), "{name}");
    }
}

/// DIFF-07.
#[test]
fn dns_06_queries() {
    let www = name("www.example.com");
    let mut bytes = [0; UDP_LEN_MAX];
    let a = Question::new(www.name(), TYPE_A);
    let len = query(&mut bytes, 4660, &[a]);
    assert_eq!(bytes[..len], golden("dns_query_a"));
    let len = query(&mut bytes, 4660, &[Question::new(www.name(), TYPE_AAAA)]);
    assert_eq!(bytes[..len], golden("dns_query_aaaa"));
    let other = name("a.example");
    let both = [TYPE_A, TYPE_AAAA].map(|kind| Question::new(other.name(), kind));
    let len = query(&mut bytes, 1, &both);
    assert_eq!(bytes[..len], golden("dns_query_two"));
    assert_eq!(query(&mut bytes, 1, &[]), 0);
    assert_eq!(query(&mut bytes[..32], 1, &[a]), 0);
    assert_eq!(query(&mut bytes[..33], 1, &[a]), 33);
    let mut writer =
        Writer::new(&mut bytes, Header { id: 4661, recursion_desired: true, ..Header::default() });
    assert!(writer.question(&a) && writer.edns(1232));
    assert!(!writer.question(&a), "questions come first");
    let len = writer.finish().unwrap();
    let edns = parse(&bytes[..len]).unwrap().edns().unwrap();
    assert_eq!((len, edns.udp_len, edns.dnssec_ok), (44, 1232, false));
}

#[test]
fn dns_07_response_codes() {
    let named = [
        (0, ResponseCode::NoError),
        (1, ResponseCode::FormErr),
        (2, ResponseCode::ServFail),
        (3, ResponseCode::NxDomain),
        (4, ResponseCode::NotImp),
        (5, ResponseCode::Refused),
        (6, ResponseCode::Other(6)),
        (15, ResponseCode::Other(15)),
    ];
    for (bits, code) in named {
        assert_eq!((ResponseCode::from_bits(bits), code.bits()), (code, bits));
    }
    assert_eq!(parse(&golden("dns_nxdomain")).unwrap().header.rcode, ResponseCode::NxDomain);
    assert_eq!(parse(&golden("dns_servfail")).unwrap().header.rcode, ResponseCode::ServFail);
}

#[test]
fn responses_are_matched_with_their_query() {
    let bytes = golden("dns_a");
    let message = parse(&bytes).unwrap();
    let (www, web) = (name("wWw.Example.com"), name("web.example.com"));
    let asked = Question::new(www.name(), TYPE_A);
    assert!(message.answers_to(4660, &asked));
    assert!(!message.answers_to(4661, &asked));
    assert!(!message.answers_to(4660, &Question { kind: TYPE_AAAA, ..asked }));
    assert!(!message.answers_to(4660, &Question { name: web.name(), ..asked }));
    let bytes = golden("dns_query_a");
    assert!(!parse(&bytes).unwrap().answers_to(4660, &asked), "a query answers nothing");
}

#[test]
fn names_of_text() {
    for (text, shown) in [
        (".", "."),
        ("com", "com."),
        ("a.b.", "a.b."),
        ("a\\.b.c", "a\\.b.c."),
        ("\\097\\000", "a\\000."),
        ("\\\\", "\\\\."),
        ("ä", "\\195\\164."),
    ] {
        assert_eq!(name(text).to_string(), shown);
        assert_eq!(name(shown), name(text));
    }
    for (text, why) in [
        ("", NotAName::EmptyLabel),
        ("..", NotAName::EmptyLabel),
        (".a", NotAName::EmptyLabel),
        ("a..b", NotAName::EmptyLabel),
        ("a\\", NotAName::Escape),
        ("\\25", NotAName::Escape),
        ("\\256", NotAName::Escape),
    ] {
        assert_eq!(text.parse::<NameBuf>(), Err(why), "{text}");
    }
    let label = "a".repeat(63);
    assert_eq!(format!("{label}a").parse::<NameBuf>(), Err(NotAName::LongLabel));
    let (longest, longer) = (format!("{label}.{label}.{label}."), "a".repeat(61));
    assert_eq!(name(&format!("{longest}{longer}")).name().encoded_len(), NAME_MAX);
    assert_eq!(name(&format!("{longest}{longer}.")).name().encoded_len(), NAME_MAX);
    for end in ["a", "a.", "aa", "a.b"] {
        let text = format!("{longest}{longer}{end}");
        assert_eq!(text.parse::<NameBuf>(), Err(NotAName::LongName), "{end}");
    }
    assert_eq!(Name::ROOT.encoded_len(), 1);
    assert_eq!(NameBuf::from(name("a.b").name()), name("A.B"));
}

#[test]
fn lists_of_names() {
    let names = |bytes: &[u8]| {
        name_list(bytes).map(|name| name.map(|name| name.to_string())).collect::<Vec<_>>()
    };
    assert!(names(&[]).is_empty());
    assert!(names(&[0, 0, 0]).is_empty());
    assert_eq!(names(&[1, b'a', 0, 0, 0, 0]), [Ok("a.".to_string())]);
    let broken = names(&[1, b'a', 0, 1, b'b', 9]);
    assert_eq!(broken, [Ok("a.".to_string()), Err(Malformed::Truncated)]);
    assert_eq!(names(&[0xc0, 0]), [Err(Malformed::Length)]);
}

fn names() -> impl Strategy<Value = NameBuf> {
    let label = vec(any::<u8>(), 1..=63);
    vec(label, 0..8).prop_map(|labels| {
        let mut bytes = Vec::new();
        for label in labels.into_iter().filter(|label| !label.is_empty()) {
            if bytes.len() + label.len() + 2 <= NAME_MAX {
                bytes.push(label.len() as u8);
                bytes.extend(label);
            }
        }
        bytes.push(0);
        Name::parse(&bytes, 0).unwrap().0.into()
    })
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200), counts: [u8; 4]) {
        let mut message = bytes;
        for (at, count) in [4, 6, 8, 10].into_iter().zip(counts) {
            if let Some([high, low]) = message.get_mut(at..at + 2) {
                (*high, *low) = (0, count % 4);
            }
        }
        if let Ok(message) = parse(&message) {
            let _ = message.to_string();
            let _ = (message.authority().count(), message.additional().count(), message.edns());
        }
    }

    #[test]
    fn damaged(
        pick: prop::sample::Index,
        hits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let all = all('d');
        let mut bytes = pick.get(&all).1.clone();
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(message) = parse(&bytes) {
            let _ = message.to_string();
            prop_assert_eq!(message.answers().count(), usize::from(message.answers.count));
        }
    }

    #[test]
    fn text_of_a_name_reads_back(name in names()) {
        let text = name.to_string();
        prop_assert_eq!(text.parse::<NameBuf>(), Ok(name));
    }

    #[test]
    fn parse_after_emit(
        id: u16, flags: u16, name in names(), target in names(), numbers: [u32; 5], class: u16,
        text in vec(any::<u8>(), 0..=255), preference: u16, ips: ([u8; 4], [u8; 16]),
        kind in 256u16..,
    ) {
        let (name, target) = (name.name(), target.name());
        let [serial, refresh_s, retry_s, expire_s, minimum_s] = numbers;
        let (mname, rname) = (name, target);
        let soa = Soa { mname, rname, serial, refresh_s, retry_s, expire_s, minimum_s };
        let strings = [&[text.len() as u8][..], &text, &[0]].concat();
        let all = [
            RecordData::A(ips.0.into()),
            RecordData::Aaaa(ips.1.into()),
            RecordData::Ns(target),
            RecordData::Cname(target),
            RecordData::Ptr(target),
            RecordData::Mx { preference, exchange: target },
            RecordData::Soa(soa),
            RecordData::Txt(Strings::parse(&strings).unwrap()),
            RecordData::Unknown { kind, data: &text },
        ];
        let records = all.map(|data| Record { name, class, ttl_s: serial, data });
        let question = Question { name, kind, class };
        let header = Header::from_flags(id, flags);
        let mut bytes = [0; 16384];
        let mut writer = Writer::new(&mut bytes, header);
        prop_assert!(writer.question(&question));
        prop_assert!(records.iter().all(|record| writer.answer(record)));
        prop_assert!(records.iter().all(|record| writer.authority(record)));
        prop_assert!(records.iter().all(|record| writer.additional(record)));
        let len = writer.finish().unwrap();
        let message = parse(&bytes[..len]).unwrap();
        prop_assert_eq!(message.header, header);
        prop_assert_eq!(message.questions().collect::<Vec<_>>(), [question]);
        prop_assert_eq!(message.answers().collect::<Vec<_>>(), records);
        prop_assert_eq!(message.authority().collect::<Vec<_>>(), records);
        prop_assert_eq!(message.additional().collect::<Vec<_>>(), records);
    }
}
