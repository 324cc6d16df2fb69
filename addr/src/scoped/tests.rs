//! Tests of `scoped`.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::{ErrorKind, FormatCode};

fn ip(text: &str) -> ScopedIpv6 {
    text.parse().unwrap()
}

/// ADDR-40, VEC-24.
#[test]
fn addr_40_text() {
    let cases = [
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("2001:DB8::A", "2001:db8::a"),
        ("::", "::"),
        ("::1.2.3.4", "::102:304"),
        ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("ff02::1%e", "ff02::1%e"),
        ("::1%lo", "::1%lo"),
    ];
    for (text, expected) in cases {
        assert_eq!(ip(text).to_string(), expected);
        assert_eq!(ip(&format!(" {text}\n")), ip(text));
    }
    let refused = [
        "",
        "%",
        "%eth0",
        "1",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3",
        "12345::",
        "g::",
        ":1::",
        "1::2:",
        "::1.2.3",
        "::01.2.3.4",
        "1.2.3.4",
        "[::1]",
        "::1/128",
        "fe80:: 1",
        "2001:db8::1%eth0",
        "ff0e::1%e",
    ];
    for text in refused {
        let error = text.parse::<ScopedIpv6>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Format, "{text}");
        assert!(error.position().is_some_and(|at| at <= text.len()), "{text}");
    }
}

/// ADDR-41, VEC-23.
#[test]
fn addr_41_text_is_canonical() {
    let cases = [
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4"),
        ("::FFFF:1.2.3.4", "::ffff:1.2.3.4"),
        ("::ffff:102:304", "::ffff:1.2.3.4"),
        ("FE80::ABCD%Eth0", "fe80::abcd%Eth0"),
    ];
    for (text, expected) in cases {
        assert_eq!(ip(text).to_string(), expected);
    }
    assert_eq!(format!("{:>14}|{:<8}|", ip("fe80::1%eth0"), ip("::1")), "  fe80::1%eth0|::1     |");
}

/// ADDR-43.
#[test]
fn addr_43_where_a_zone_may_stand() {
    for text in ["fe80::", "febf::1", "::1", "ff01::1", "ff02::1", "ff0d::1", "ff32::1"] {
        assert_eq!(ip(&format!("{text}%z")).scope_id(), Some("z"));
        assert!(ScopedIpv6::new(ip(text).ip(), Zone::new("z").ok()).is_ok());
    }
    for text in ["::", "::2", "fec0::1", "fc00::1", "2001:db8::1", "ff00::1", "ff0e::1", "ff0f::1"]
    {
        let error = format!("{text}%z").parse::<ScopedIpv6>().unwrap_err();
        assert_eq!(
            (error.problem(), error.position()),
            (Problem::ZoneNotAllowed, Some(text.len()))
        );
        assert!(ScopedIpv6::new(ip(text).ip(), Zone::new("z").ok()).is_err());
        assert!(ScopedIpv6::new(ip(text).ip(), None).is_ok());
    }
    let cases = [
        ("fe80::1%", Problem::ZoneEmpty, 8),
        ("fe80::1%a%b", Problem::ZoneRepeated, 9),
        ("fe80::1%%", Problem::ZoneRepeated, 8),
        ("fe80::1%a/b", Problem::UnexpectedCharacter, 9),
        ("fe80::1%a b", Problem::UnexpectedCharacter, 9),
        ("fe80::1%abcdefghijklmnop", Problem::ZoneTooLong, 23),
    ];
    for (text, problem, at) in cases {
        let error = text.parse::<ScopedIpv6>().unwrap_err();
        assert_eq!((error.problem(), error.position()), (problem, Some(at)), "{text}");
        assert_eq!(error.kind(), ErrorKind::Format);
    }
    assert_eq!(ip("fe80::1%abcdefghijklmno").scope_id(), Some("abcdefghijklmno"));
}

/// ADDR-44.
#[test]
fn addr_44_a_zone_counts() {
    let texts = ["::1", "::1%a", "::1%aa", "::1%b", "fe80::1", "fe80::1%a", "fe80::2"];
    let values = texts.map(ip);
    assert!(values.is_sorted_by(|a, b| a < b));
    assert_eq!(HashSet::from(values).len(), values.len());
    let copy = values[1];
    assert_eq!((copy, copy.scope_id()), (ip("::1%a"), Some("a")));
    // Number and bytes know no zone.
    let again = ScopedIpv6::from(Ipv6Addr::from_int(copy.ip().to_int()).unwrap());
    assert_eq!((again, again.zone()), (ip("::1"), None));
    assert_eq!(ScopedIpv6::from(Ipv6Addr::from(copy)), ip("::1"));
    assert_eq!(format!("{copy:x}"), format!("{:x}", again));
}

/// ADDR-45.
#[test]
fn addr_45_offsets_keep_the_zone_where_it_may_stand() {
    assert_eq!(ip("fe80::1%e").plus(5), Ok(ip("fe80::6%e")));
    assert_eq!(ip("::1%lo").plus(1), Ok(ip("::2")));
    assert_eq!(ip("::1%lo").minus(1), Ok(ip("::")));
    assert_eq!(ip("fe80::%e").minus(1), Ok(ip("fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff")));
    assert_eq!(ip("::1%lo").minus(2).unwrap_err().kind(), ErrorKind::Sanity);
}

/// ADDR-46.
#[test]
fn addr_46_scope_id() {
    assert_eq!(ip("fe80::1%eth0").scope_id(), Some("eth0"));
    assert_eq!(ip("fe80::1%2").zone().unwrap().to_string(), "2");
    assert_eq!(ip("fe80::1").scope_id(), None);
    assert_eq!(
        ip("fe80::1%eth0").format_code("x").unwrap(),
        ip("fe80::1").format_code("x").unwrap()
    );
}

proptest! {
    #[test]
    fn text_and_back(bits: u128, zone in proptest::option::of("[a-z0-9._é-]{1,7}")) {
        let zone = zone.map(|zone| Zone::new(&zone).unwrap());
        for bits in [bits, bits >> 10 | 0xfe80 << 112] {
            let plain = Ipv6Addr::from_bits(bits);
            match ScopedIpv6::new(plain, zone) {
                Ok(ip) => prop_assert_eq!(ip.to_string().parse(), Ok(ip)),
                Err(_) => prop_assert!(!ScopedIpv6::is_zoneable(plain)),
            }
        }
    }

    #[test]
    fn zones_order_as_their_texts(a in "[a-c]{1,4}", b in "[a-c]{1,4}") {
        let [x, y] = [&a, &b].map(|text| Zone::new(text).unwrap());
        prop_assert_eq!(x.cmp(&y), a.cmp(&b));
    }

    #[test]
    fn any_text(text in "(fe80::1)?[%a:0-9 /é]{0,20}") {
        if let Err(error) = text.parse::<ScopedIpv6>() {
            prop_assert!(error.position().is_some_and(|at| text.is_char_boundary(at)));
        }
    }
}
