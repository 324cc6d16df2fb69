//! Tests of `cidr`.

use proptest::prelude::*;

use super::*;

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

fn ip(text: &str) -> Ip {
    text.parse().unwrap()
}

#[test]
fn text_forms() {
    assert_eq!(cidr("10.0.1.7/24"), Cidr::new(ip("10.0.1.7"), 24).unwrap());
    assert_eq!(cidr("10.0.1.7"), Cidr::host(ip("10.0.1.7")));
    assert_eq!((cidr("10.0.1.7").prefix, cidr("::1").prefix), (32, 128));
    assert_eq!(cidr("::/0"), Cidr::default_route(false));
    assert_eq!(cidr("0.0.0.0/0"), Cidr::default_route(true));
    let refused = [
        ("10.0.0.0/08", Problem::LeadingZero, 9),
        ("10.0.0.0/", Problem::MissingDigits, 9),
        ("10.0.0.0/+8", Problem::UnexpectedCharacter, 9),
        ("10.0.0.0/8/8", Problem::UnexpectedCharacter, 10),
        ("10.0.0.0/256", Problem::PrefixTooLong, 9),
        (" 10.0.0.0/33", Problem::PrefixTooLong, 10),
        ("::/129", Problem::PrefixTooLong, 3),
        ("10.0.0/8", Problem::TooFewParts, 6),
        ("", Problem::Empty, 0),
    ];
    for (text, problem, at) in refused {
        let error = text.parse::<Cidr>().unwrap_err();
        assert_eq!((error.problem(), error.position()), (problem, Some(at)), "{text}");
    }
    assert_eq!(Cidr::new(ip("10.0.0.1"), 33).unwrap_err().problem(), Problem::PrefixTooLong);
}

#[test]
fn containment_stays_in_the_family() {
    assert!(cidr("10.0.1.7/24").contains(ip("10.0.1.255")));
    assert!(!cidr("10.0.1.7/24").contains(ip("10.0.2.0")));
    assert!(cidr("0.0.0.0/0").contains(ip("1.2.3.4")) && !cidr("0.0.0.0/0").contains(ip("::1")));
    assert!(cidr("::/0").contains(ip("::1")) && !cidr("::/0").contains(ip("1.2.3.4")));
    assert!(cidr("2001:db8::/32").contains(ip("2001:db8:ffff::1")));
    assert!(!cidr("10.0.0.1/32").contains(ip("10.0.0.2")));
}

#[test]
fn networks_and_broadcasts() {
    assert_eq!(cidr("10.0.1.7/24").network(), cidr("10.0.1.0/24"));
    assert_eq!(cidr("10.0.1.7/0").network(), cidr("0.0.0.0/0"));
    assert_eq!(cidr("2001:db8::5/64").network(), cidr("2001:db8::/64"));
    assert_eq!(cidr("10.0.1.7/24").broadcast(), Some(ip("10.0.1.255")));
    assert_eq!(cidr("10.0.1.7/30").broadcast(), Some(ip("10.0.1.7")));
    for text in ["10.0.1.7/31", "10.0.1.7/32", "2001:db8::/64"] {
        assert_eq!(cidr(text).broadcast(), None, "{text}");
    }
}

#[test]
fn bits_of_the_key() {
    assert_eq!((cidr("10.0.0.0/8").bits128(), cidr("::/8").bits128()), (104, 8));
    assert_eq!((cidr("0.0.0.0/0").bits128(), cidr("::/0").bits128()), (96, 0));
}

#[test]
fn impossible_prefixes_built_by_hand_do_no_harm() {
    let wrong = Cidr { ip: ip("10.0.0.1"), prefix: 255 };
    assert!(wrong.contains(wrong.ip) && wrong.network().ip == wrong.ip);
    assert_eq!((wrong.bits128(), wrong.broadcast()), (128, None));
}

proptest! {
    #[test]
    fn text_and_back(octets: [u8; 16], prefix in 0u8..=128, v4: bool) {
        let ip = if v4 { Ip::v4(*octets.first_chunk().unwrap()) } else { Ip::v6(octets) };
        let Ok(cidr) = Cidr::new(ip, prefix) else {
            prop_assert!(prefix > ip.width());
            return Ok(());
        };
        prop_assert_eq!(cidr.to_string().parse(), Ok(cidr));
        prop_assert!(cidr.contains(ip) && cidr.network().contains(ip));
        prop_assert_eq!(cidr.network().network(), cidr.network());
        prop_assert!(cidr.broadcast().is_none_or(|last| cidr.contains(last)));
    }
}
