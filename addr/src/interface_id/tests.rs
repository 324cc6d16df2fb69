//! Tests of `interface_id`.

use proptest::prelude::*;

use super::*;
use crate::{ErrorKind, Subject};

const MAC: Mac = Mac([0x02, 0, 0, 0x77, 0x77, 0x77]);

fn net(text: &str) -> Ipv6Network {
    text.parse().unwrap()
}

fn refused(error: AddrError, problem: Problem) {
    assert_eq!((error.kind(), error.problem()), (ErrorKind::Sanity, problem));
    assert_eq!(error.subject(), Subject::InterfaceAddress);
}

/// ADDR-115, VEC-01.
#[test]
fn addr_115_eui64() {
    let made = |text, mac| Ipv6Interface::from_eui64(net(text), mac).map(|made| made.to_string());
    assert_eq!(made("2001:db8::/64", MAC).as_deref(), Ok("2001:db8::ff:fe77:7777/64"));
    let universal = Mac([0x00, 0x11, 0x22, 0x33, 0x44, 0x55]);
    assert_eq!(made("fe80::/64", universal).as_deref(), Ok("fe80::211:22ff:fe33:4455/64"));
    for text in ["2001:db8::/63", "2001:db8::/65", "::/0", "::1/128"] {
        refused(made(text, MAC).unwrap_err(), Problem::NotSlash64);
    }
}

/// ADDR-116, VEC-02, VEC-03, VEC-04.
#[test]
fn addr_116_stable() {
    let secret: Vec<u8> = (0..16).collect();
    let input =
        |network, secret| StableId { network: net(network), mac: MAC, network_id: b"", secret };
    let made = |network, counter| {
        let (address, used) =
            Ipv6Interface::from_rfc7217(&input(network, &secret), counter).unwrap();
        assert_eq!(used, counter);
        address.to_string()
    };
    assert_eq!(made("2001:db8::/64", 0), "2001:db8::8d76:970e:298a:6981/64");
    assert_eq!(made("2001:db8::/64", 1), "2001:db8::1509:91ae:6504:3715/64");
    assert_eq!(made("fe80::/64", 0), "fe80::a7b5:8f47:2532:27e/64");

    refused(input("2001:db8::/48", &secret).address(0).unwrap_err(), Problem::NotSlash64);
    refused(input("2001:db8::/64", &secret[..15]).address(0).unwrap_err(), Problem::SecretTooShort);
    let other = StableId { network_id: b"cafe", ..input("2001:db8::/64", &secret) };
    assert_ne!(other.address(0).unwrap().0.to_string(), made("2001:db8::/64", 0));
    // SHA-256 by Python's hashlib over the same octets: a name, a counter, a longer secret.
    let longer: Vec<u8> = (0..32).collect();
    let long = StableId { secret: &longer, ..other };
    let shown = [other, long].map(|id| id.address(2).unwrap().0.to_string());
    assert_eq!(shown[0], "2001:db8::1d06:3d1a:bb01:82f7/64");
    assert_eq!(shown[1], "2001:db8::d7b0:dcf8:1da1:6295/64");
    assert!(!format!("{other:?}").contains("secret:"));
}

/// ADDR-116: what the reference leaves out; a reserved identifier counts as a conflict.
#[test]
fn addr_116_reserved_identifiers_are_passed_over() {
    let ids = [0, 0xfdff_ffff_ffff_ffff, 0x0200_5eff_fe00_5213, 42];
    let made = first_free(0, |counter| InterfaceId(ids[usize::from(counter)]));
    assert_eq!(made, Ok((InterfaceId(42), 3)));
    assert_eq!(first_free(255, |_| InterfaceId(7)), Ok((InterfaceId(7), 255)));
    refused(first_free(250, |_| InterfaceId(0)).unwrap_err(), Problem::NoIdentifier);
}

/// ADDR-117.
#[test]
fn addr_117_temporary() {
    let network = net("2001:db8::/64");
    let mut given = Vec::from([5, 0xfdff_ffff_ffff_ff80, 0x0200_5eff_fe12_3456, 0]);
    let made = Ipv6Interface::from_rfc8981_temp(network, || given.pop().unwrap());
    assert_eq!(made.unwrap().to_string(), "2001:db8::5/64");
    let mut asked = 0;
    let none = Ipv6Interface::from_rfc8981_temp(network, || {
        asked += 1;
        0
    });
    refused(none.unwrap_err(), Problem::NoIdentifier);
    assert_eq!(asked, 10);
    let wrong = Ipv6Interface::from_rfc8981_temp(net("2001:db8::/80"), || 1);
    refused(wrong.unwrap_err(), Problem::NotSlash64);
}

/// The registry of RFC 5453 at the ends of its ranges.
#[test]
fn addr_117_reserved_identifiers() {
    let reserved = [
        0,
        0x0200_5eff_fe00_0000,
        0x0200_5eff_fe00_5213,
        0x0200_5eff_feff_ffff,
        0xfdff_ffff_ffff_ff80,
        0xfdff_ffff_ffff_ffff,
    ];
    let free = [
        1,
        0x0200_5eff_fdff_ffff,
        0x0200_5eff_ff00_0000,
        0xfdff_ffff_ffff_ff7f,
        0xfe00_0000_0000_0000,
        u64::MAX,
    ];
    assert!(reserved.iter().all(|&id| InterfaceId(id).is_reserved()));
    assert!(free.iter().all(|&id| !InterfaceId(id).is_reserved()));
}

proptest! {
    #[test]
    fn identifiers_keep_the_network(octets: [u8; 6], high: u64, random: u64) {
        let first = Ipv6Addr::from_bits(u128::from(high) << 64);
        let network = Ipv6Network::with_prefix(first, 64).unwrap();
        let made = Ipv6Interface::from_eui64(network, Mac(octets)).unwrap();
        prop_assert_eq!(made.network(), network);
        let bytes = (InterfaceId::from(made.ip()).0 ^ 2 << 56).to_be_bytes();
        prop_assert_eq!([&bytes[..3], &bytes[5..]].concat(), octets);
        prop_assert_eq!(&bytes[3..5], [0xff, 0xfe]);
        if let Ok(made) = Ipv6Interface::from_rfc8981_temp(network, || random) {
            prop_assert_eq!(made.network(), network);
            prop_assert_eq!(InterfaceId::from(made.ip()), InterfaceId(random));
        }
    }
}
