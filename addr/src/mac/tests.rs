//! Tests of `mac`.

use proptest::prelude::*;

use super::*;

fn mac(text: &str) -> Result<Mac, AddrError> {
    text.parse()
}

#[test]
fn addr_70_text_forms() {
    let expected = Ok(Mac([0x02, 0, 0, 0x77, 0xaa, 0xbf]));
    let forms =
        ["02:00:00:77:aa:bf", "02-00-00-77-AA-BF", "0200.0077.aAbF", " 02:00:00:77:aa:bf\n"];
    for text in forms {
        assert_eq!(mac(text), expected, "{text}");
    }
    let refused = [
        ("", Problem::Empty, 0),
        ("2:0:0:77:aa:bf", Problem::MissingDigits, 1),
        ("02:0:00:77:aa:bf", Problem::MissingDigits, 4),
        ("02:00-00:77:aa:bf", Problem::UnexpectedCharacter, 5),
        ("02.00.00.77.aa.bf", Problem::MissingDigits, 2),
        ("0200:0077:aabf", Problem::UnexpectedCharacter, 4),
        ("0200.0077:aabf", Problem::UnexpectedCharacter, 9),
        ("02:00:00:77:aa:bg", Problem::UnexpectedCharacter, 16),
        ("02:00:00:77:aa", Problem::TooFewParts, 14),
        ("02:00:00:77:aa:b", Problem::TooFewParts, 16),
        ("02:00:00:77:aa:bf:00", Problem::TooManyParts, 17),
        ("0200.0077.aabf.0000", Problem::TooManyParts, 14),
        ("020:0:00:77:aa:bf", Problem::MissingDigits, 3),
        ("02000077aabf", Problem::TooFewParts, 12),
        ("02:00:00:77:aa:é", Problem::UnexpectedCharacter, 15),
    ];
    for (text, problem, at) in refused {
        let error = mac(text).unwrap_err();
        assert_eq!((error.problem(), error.position()), (problem, Some(at)), "{text}");
        assert_eq!((error.kind(), error.subject()), (crate::ErrorKind::Format, Subject::Mac));
    }
}

/// ADDR-75, ADDR-76.
#[test]
fn addr_75_addr_76_group_ranges() {
    let kinds = |text: &str| {
        let mac = mac(text).unwrap();
        let node = mac.is_multicast_ip6_solicited_node();
        [mac.is_multicast_ip4(), mac.is_multicast_ip6(), node]
    };
    assert_eq!(kinds("01:00:5e:00:00:01"), [true, false, false]);
    // All of the 24 bits count, and nothing behind them.
    assert_eq!(kinds("01:00:5e:ff:ff:ff"), [true, false, false]);
    assert_eq!(kinds("01:00:5f:00:00:01"), [false; 3]);
    assert_eq!(kinds("33:33:00:00:00:01"), [false, true, false]);
    assert_eq!(kinds("33:33:ff:00:00:01"), [false, true, true]);
    assert_eq!(kinds("33:32:ff:00:00:01"), [false; 3]);
}

/// ADDR-77: no such methods, so those of this trait are found.
#[test]
fn addr_77_no_locality_helpers() {
    trait Absent {
        fn is_local(&self) -> bool {
            true
        }
        fn is_universal(&self) -> bool {
            true
        }
        fn is_locally_administered(&self) -> bool {
            true
        }
        fn oui(&self) -> bool {
            true
        }
        fn vendor(&self) -> bool {
            true
        }
    }
    impl Absent for Mac {}
    let mac = Mac::UNSPECIFIED;
    assert!(mac.is_local() && mac.is_universal() && mac.is_locally_administered());
    assert!(mac.oui() && mac.vendor());
}

/// ADDR-72, ADDR-73, ADDR-74.
#[test]
fn kinds() {
    let kinds =
        |mac: Mac| [mac.is_unicast(), mac.is_multicast(), mac.is_broadcast(), mac.is_unspecified()];
    assert_eq!(kinds(Mac([2, 0, 0, 0, 0, 1])), [true, false, false, false]);
    assert_eq!(kinds(Mac([1, 0, 0x5e, 0, 0, 1])), [false, true, false, false]);
    assert_eq!(kinds(Mac::BROADCAST), [false, false, true, false]);
    assert_eq!(kinds(Mac::UNSPECIFIED), [false, false, false, true]);
}

/// RFC 1112 §6.4, RFC 2464 §7.
#[test]
fn group_addresses() {
    let cases = [
        ("224.0.0.1", "01:00:5e:00:00:01"),
        ("239.255.255.255", "01:00:5e:7f:ff:ff"),
        ("224.128.0.1", "01:00:5e:00:00:01"),
        ("ff02::1:ffaa:bbcc", "33:33:ff:aa:bb:cc"),
        ("255.255.255.255", "ff:ff:ff:ff:ff:ff"),
    ];
    for (ip, expected) in cases {
        assert_eq!(Mac::multicast_for(ip.parse().unwrap()).to_string(), expected);
    }
}

proptest! {
    #[test]
    fn text_and_back(octets: [u8; 6]) {
        let mac = Mac(octets);
        prop_assert_eq!(mac.to_string().parse(), Ok(mac));
        prop_assert_eq!(mac.to_string().to_uppercase().replace(':', "-").parse(), Ok(mac));
    }

    #[test]
    fn any_text(text in "[0-9a-g:.-]{0,20}|\\PC{0,20}") {
        if let Err(error) = text.parse::<Mac>() {
            prop_assert!(error.position().is_some_and(|at| text.is_char_boundary(at)));
        }
    }

    #[test]
    fn other_forms_and_back(octets: [u8; 6], n in 0u64..1 << 48) {
        let mac = Mac(octets);
        prop_assert_eq!(mac.hyphenated().to_string().parse(), Ok(mac));
        prop_assert_eq!(mac.dotted().to_string().parse(), Ok(mac));
        prop_assert_eq!(Mac::from_int(mac.to_int()), Ok(mac));
        prop_assert_eq!(Mac::from_slice(&octets), Ok(mac));
        match mac.plus(n) {
            Ok(sum) => prop_assert_eq!(sum.minus(n), Ok(mac)),
            Err(_) => prop_assert!(mac.to_int() + n >= 1 << 48),
        }
    }
}
