//! Tests of `ipv4_ext`, and of what the standard library answers for IPv4.

use proptest::prelude::*;

use super::*;
use crate::{AddrError, Address, ErrorKind, FormatCode, Problem};

fn ip(text: &str) -> Ipv4Addr {
    Ipv4Addr::from_text(text).unwrap()
}

/// The predicate holds for the first texts and not for the second.
fn split(predicate: impl Fn(&Ipv4Addr) -> bool, yes: &[&str], no: &[&str]) {
    for text in yes {
        assert!(predicate(&ip(text)), "{text}");
    }
    for text in no {
        assert!(!predicate(&ip(text)), "{text}");
    }
}

/// ADDR-20, and the dotted quads of VEC-24.
#[test]
fn addr_20_text_is_strict() {
    assert_eq!(ip("0.0.0.0"), Ipv4Addr::UNSPECIFIED);
    assert_eq!(ip(" 255.255.255.255 "), Ipv4Addr::BROADCAST);
    let refused = [
        "",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "1.2.3.04",
        "1.2.3.00",
        "0x1.2.3.4",
        "256.0.0.0",
        "1.2.3.-4",
        "1.2.3.+4",
        "1.2.3.4.",
        ".1.2.3.4",
        "1..3.4",
        "1.2.3.4/32",
        "1.2.3.4%lo",
        "1.2.3. 4",
        "16909060",
        "::1.2.3.4",
        "１.2.3.4",
    ];
    for text in refused {
        let error = Ipv4Addr::from_text(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Format, "{text}");
        assert!(error.position().is_some(), "{text}");
    }
}

/// ADDR-21.
#[test]
fn addr_21_text_is_a_dotted_quad() {
    assert_eq!(ip("10.0.0.1").to_string(), "10.0.0.1");
    assert_eq!(ip("10.0.0.1").format_code("ex").as_deref(), Ok("10.0.0.1"));
}

/// ADDR-22, ADDR-23, ADDR-24, ADDR-25.
#[test]
fn addr_22_addr_23_addr_24_addr_25_ranges_of_the_standard_library() {
    split(
        Ipv4Addr::is_loopback,
        &["127.0.0.0", "127.255.255.255"],
        &["126.255.255.255", "128.0.0.0"],
    );
    split(
        Ipv4Addr::is_link_local,
        &["169.254.0.0", "169.254.255.255"],
        &["169.253.255.255", "169.255.0.0"],
    );
    split(
        Ipv4Addr::is_multicast,
        &["224.0.0.0", "239.255.255.255"],
        &["223.255.255.255", "240.0.0.0"],
    );
    split(
        Ipv4Addr::is_private,
        &[
            "10.0.0.0",
            "10.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.0",
            "192.168.255.255",
        ],
        &[
            "9.255.255.255",
            "11.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
        ],
    );
}

/// ADDR-26, ADDR-27, ADDR-28.
#[test]
fn addr_26_addr_27_addr_28_reserved_broadcast_and_invalid() {
    let reserved = |ip: &Ipv4Addr| ip.is_reserved_block();
    split(reserved, &["240.0.0.0", "255.255.255.254"], &["239.255.255.255", "255.255.255.255"]);
    split(Ipv4Addr::is_broadcast, &["255.255.255.255"], &["255.255.255.254", "10.255.255.255"]);
    let invalid = |ip: &Ipv4Addr| ip.is_this_network();
    split(invalid, &["0.0.0.1", "0.255.255.255"], &["0.0.0.0", "1.0.0.0"]);
}

/// ADDR-29; the reference takes documentation, shared and benchmark ranges for global.
#[test]
fn addr_29_global() {
    let yes = [
        "1.0.0.0",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.0",
        "192.0.0.9",
        "192.0.0.10",
        "192.0.1.0",
        "192.0.3.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.101.0",
        "203.0.112.255",
        "223.255.255.255",
    ];
    let no = [
        "0.0.0.0",
        "0.0.0.1",
        "10.1.1.1",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "169.254.1.1",
        "172.20.1.1",
        "192.0.0.8",
        "192.0.0.11",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
    ];
    split(|ip| ip.is_global_scope(), &yes, &no);
    split(|ip| crate::Ip::from(*ip).is_global(), &yes, &no);
    split(
        |ip| ip.is_shared_block(),
        &["100.64.0.0", "100.127.255.255"],
        &["100.63.1.1", "100.128.0.0"],
    );
    split(
        |ip| ip.is_benchmarking_block(),
        &["198.18.0.0", "198.19.1.1"],
        &["198.17.1.1", "198.20.1.1"],
    );
}

/// ADDR-30.
#[test]
fn addr_30_group_mac() {
    let mac = |text: &str| ip(text).multicast_mac().map(|mac| mac.to_string());
    assert_eq!(mac("224.0.0.1").as_deref(), Ok("01:00:5e:00:00:01"));
    assert_eq!(mac("239.255.255.255").as_deref(), Ok("01:00:5e:7f:ff:ff"));
    assert_eq!(mac("224.128.2.3"), mac("225.0.2.3"));
    for text in ["10.0.0.1", "240.0.0.1", "255.255.255.255", "0.0.0.0"] {
        let error: AddrError = ip(text).multicast_mac().unwrap_err();
        assert_eq!((error.kind(), error.problem()), (ErrorKind::Sanity, Problem::NotMulticast));
        assert!(crate::Ip::from(ip(text)).multicast_mac().is_err());
    }
}

/// ADDR-31.
#[test]
fn addr_31_reverse_pointer() {
    assert_eq!(ip("192.0.2.10").reverse_pointer().to_string(), "10.2.0.192.in-addr.arpa");
    assert_eq!(
        crate::Ip::v4([192, 0, 2, 10]).reverse_pointer(),
        ip("192.0.2.10").reverse_pointer()
    );
}

proptest! {
    /// Every address is in exactly one of the ranges that the rows name, or in one of the four that
    /// are unicast without being global.
    #[test]
    fn ranges_share_nothing(bits: u32) {
        let ip = Ipv4Addr::from_bits(bits);
        let ranges = [
            ip.is_unspecified(),
            ip.is_this_network(),
            ip.is_loopback(),
            ip.is_link_local(),
            ip.is_multicast(),
            ip.is_private(),
            ip.is_reserved_block(),
            ip.is_broadcast(),
            ip.is_global_scope(),
        ];
        let count = ranges.iter().filter(|&&yes| yes).count();
        prop_assert!(count == 1 || (count == 0 && ip.is_scoped_unicast()));
    }
}
