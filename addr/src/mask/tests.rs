//! Tests of `mask`.

use proptest::prelude::*;

use super::*;
use crate::ErrorKind;

/// ADDR-80: leading ones, by whatever way a mask is made.
#[test]
fn addr_80_masks_are_contiguous() {
    for bits in [1u32, 0xff00_ff00, 0x7fff_ffff, 0xffff_fffd] {
        let ip = Ipv4Addr::from_bits(bits);
        let made = [
            Ipv4Mask::from_int(bits.into()),
            Ipv4Mask::from_slice(&ip.octets()),
            Ipv4Mask::from_address(ip),
            ip.to_string().parse(),
        ];
        for error in made.map(Result::unwrap_err) {
            assert_eq!(error.problem(), Problem::MaskNotContiguous);
        }
    }
    let gap = Ipv6Addr::from_bits(u128::MAX << 64 | 1);
    let made = [
        Ipv6Mask::from_int(gap.to_bits()),
        Ipv6Mask::from_slice(&gap.octets()),
        Ipv6Mask::from_address(gap),
    ];
    for error in made.map(Result::unwrap_err) {
        assert_eq!(error.problem(), Problem::MaskNotContiguous);
    }
    assert!(Ipv6Mask::from_int(1).is_err() && Ipv6Mask::from_int(u128::MAX << 64).is_ok());
}

/// ADDR-81.
#[test]
fn addr_81_mask_text() {
    let ones = |text: &str| text.parse::<Ipv4Mask>().map(Mask::prefix_len);
    for (text, expected) in
        [("/0", 0), ("/32", 32), ("0.0.0.0", 0), ("255.255.255.0", 24), ("255.255.255.255", 32)]
    {
        assert_eq!(ones(text), Ok(expected), "{text}");
    }
    let refused = [
        "",
        "/",
        "24",
        "/033",
        "/01",
        "/00",
        "/33",
        "/-1",
        "/+1",
        "/ 1",
        "//1",
        "/1.0",
        "255.255.255",
        "255.255.255.0/24",
        "/255.0.0.0",
        "0.0.0.255",
    ];
    for text in refused {
        let error = ones(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Format, "{text}");
        assert!(error.position().is_some(), "{text}");
    }
    let ones = |text: &str| text.parse::<Ipv6Mask>().map(Mask::prefix_len);
    assert_eq!((ones("/0"), ones("/64"), ones("/128")), (Ok(0), Ok(64), Ok(128)));
    for text in ["", "64", "/129", "/064", "ffff::", "255.0.0.0"] {
        assert!(ones(text).is_err(), "{text}");
    }
}

/// ADDR-82.
#[test]
fn addr_82_masks_print_their_length() {
    let mask: Ipv4Mask = "255.255.240.0".parse().unwrap();
    assert_eq!((mask.to_string().as_str(), mask.prefix_len()), ("/20", 20));
    assert_eq!(Ipv6Mask::default().to_string(), "/0");
    assert_eq!(format!("{mask:>5}|"), "  /20|");
}

/// ADDR-83.
#[test]
fn addr_83_mask_and_address() {
    let (ip, mask) = (Ipv4Addr::new(10, 1, 2, 3), Ipv4Mask::new(16).unwrap());
    assert_eq!((ip & mask, mask & ip), (Ipv4Addr::new(10, 1, 0, 0), Ipv4Addr::new(10, 1, 0, 0)));
    let (ip, mask) = ("2001:db8::1".parse::<Ipv6Addr>().unwrap(), Ipv6Mask::new(32).unwrap());
    assert_eq!((ip & mask, mask & ip), ("2001:db8::".parse().unwrap(), ip & mask));
}

/// ADDR-84, ADDR-85, ADDR-86.
#[test]
fn addr_84_addr_85_addr_86_wildcards_are_any_bits() {
    let wildcard: Ipv4Wildcard = " 0.255.0.5 ".parse().unwrap();
    assert_eq!((wildcard.to_string().as_str(), wildcard.count_ones()), ("0.255.0.5", 10));
    assert_eq!(Ipv4Wildcard::from_int(0x00ff_0005), Ok(wildcard));
    assert_eq!(Ipv4Wildcard::from_slice(&[0, 255, 0, 5]), Ok(wildcard));
    let wildcard: Ipv6Wildcard = "::f0f:0:1".parse().unwrap();
    assert_eq!((wildcard.to_string().as_str(), wildcard.count_ones()), ("::f0f:0:1", 9));
    for text in ["/24", "0.0.0", "", "::1", "1.2.3.4/8"] {
        assert!(text.parse::<Ipv4Wildcard>().is_err(), "{text}");
    }
    assert!("fe80::1%lo".parse::<Ipv6Wildcard>().is_err());
}

/// ADDR-87.
#[test]
fn addr_87_wildcard_or_address() {
    let (ip, wildcard) = (Ipv4Addr::new(10, 1, 2, 3), Ipv4Wildcard::from_int(0xff).unwrap());
    assert_eq!((ip | wildcard, wildcard | ip), (Ipv4Addr::new(10, 1, 2, 255), ip | wildcard));
    let (ip, wildcard) = (Ipv6Addr::LOCALHOST, Ipv6Wildcard::from_int(6).unwrap());
    assert_eq!((ip | wildcard, wildcard | ip), (Ipv6Addr::from_bits(7), Ipv6Addr::from_bits(7)));
}

/// ADDR-88: whatever one makes them from, the error is one of format.
#[test]
fn addr_88_masks_and_wildcards_have_format_errors_only() {
    let errors = [
        Ipv4Mask::new(33).unwrap_err(),
        Ipv6Mask::new(255).unwrap_err(),
        Ipv4Mask::from_int(u128::MAX).unwrap_err(),
        Ipv4Mask::from_slice(&[255; 3]).unwrap_err(),
        "x".parse::<Ipv4Mask>().unwrap_err(),
        Ipv4Wildcard::from_int(u128::MAX).unwrap_err(),
        Ipv6Wildcard::from_slice(&[255; 3]).unwrap_err(),
        "x".parse::<Ipv6Wildcard>().unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Format, "{error}");
        assert!(matches!(error.subject(), Subject::Mask | Subject::Wildcard));
    }
}

proptest! {
    #[test]
    fn every_form_gives_the_mask(ones in 0u8..=128) {
        let mask = Ipv6Mask::new(ones).unwrap();
        prop_assert_eq!(mask.to_int().leading_ones(), u32::from(ones));
        prop_assert_eq!(Ipv6Mask::from_int(mask.to_int()), Ok(mask));
        prop_assert_eq!(Ipv6Mask::from_slice(&mask.as_address().octets()), Ok(mask));
        prop_assert_eq!(mask.to_string().parse(), Ok(mask));
        prop_assert_eq!(mask.hostmask().to_int(), !mask.to_int());
        let Ok(mask) = Ipv4Mask::new(ones) else {
            prop_assert!(ones > 32);
            return Ok(());
        };
        prop_assert_eq!(mask.as_address().to_string().parse(), Ok(mask));
        prop_assert_eq!(mask.hostmask().count_ones(), 32 - ones);
    }

    /// A dotted text is a mask exactly when the ipnet crate finds a prefix in it.
    #[test]
    fn contiguity_as_ipnet_sees_it(any: u32, shift in 0u32..=31, is_mask: bool) {
        let bits = if is_mask { u32::MAX << shift } else { any };
        let ip = Ipv4Addr::from_bits(bits);
        let ours = Ipv4Mask::from_address(ip).map(Mask::prefix_len).ok();
        prop_assert_eq!(ours, ipnet::ipv4_mask_to_prefix(ip).ok());
    }
}
