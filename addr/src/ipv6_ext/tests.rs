//! Tests of `ipv6_ext`, and of what the standard library answers for IPv6.

use proptest::prelude::*;

use super::*;
use crate::{Address, ErrorKind, FormatCode, Ip};

fn ip(text: &str) -> Ipv6Addr {
    Ipv6Addr::from_text(text).unwrap()
}

/// The predicate holds for the first texts and not for the second.
fn split(predicate: impl Fn(&Ipv6Addr) -> bool, yes: &[&str], no: &[&str]) {
    for text in yes {
        assert!(predicate(&ip(text)), "{text}");
    }
    for text in no {
        assert!(!predicate(&ip(text)), "{text}");
    }
}

/// ADDR-42, VEC-22.
#[test]
fn addr_42_exploded() {
    let full = "2001:0db8:0000:0000:0000:0000:0000:0001";
    assert_eq!(ip("2001:db8::1").exploded().to_string(), full);
    assert_eq!(ip("2001:db8::1").format_code("ex").as_deref(), Ok(full));
    let zoned: crate::ScopedIpv6 = "fe80::1%eth0".parse().unwrap();
    let full = "fe80:0000:0000:0000:0000:0000:0000:0001";
    assert_eq!(zoned.format_code("ex").as_deref(), Ok(full));
}

/// ADDR-47, ADDR-48, ADDR-49, ADDR-50, ADDR-51.
#[test]
fn addr_47_addr_48_addr_49_addr_50_addr_51_scopes() {
    split(Ipv6Addr::is_loopback, &["::1"], &["::", "::2", "::ffff:127.0.0.1", "1::1"]);
    split(Ipv6Addr::is_unicast_link_local, &["fe80::", "febf:ffff::1"], &["fe7f::1", "fec0::1"]);
    let global = |ip: &Ipv6Addr| ip.is_global_scope();
    split(global, &["2000::", "3fff:ffff::1", "2001:db8::1", "2002::1"], &["1fff::1", "4000::"]);
    split(|ip| Ip::from(*ip).is_global(), &["2606::1"], &["fd00::1", "::1", "ff0e::1"]);
    split(Ipv6Addr::is_unique_local, &["fc00::", "fdff:ffff::1"], &["fbff::1", "fe00::"]);
    split(Ipv6Addr::is_multicast, &["ff00::", "ffff::1"], &["feff::1", "::1"]);
}

/// ADDR-52, ADDR-53.
#[test]
fn addr_52_addr_53_well_known_groups() {
    split(|ip| ip.is_all_nodes(), &["ff02::1"], &["ff02::2", "ff01::1", "ff05::1"]);
    split(|ip| ip.is_all_routers(), &["ff02::2"], &["ff02::1", "ff05::2"]);
    split(
        |ip| ip.is_solicited_node(),
        &["ff02::1:ff00:0", "ff02::1:ffff:ffff"],
        &["ff02::1:fe00:1", "ff02::2:ff00:1", "ff05::1:ff00:1", "ff02::1:1:ff00:1"],
    );
}

/// ADDR-54.
#[test]
fn addr_54_solicited_node() {
    let group = |text: &str| ip(text).solicited_node().map(|ip| ip.to_string());
    assert_eq!(group("2001:db8::12:3456").as_deref(), Ok("ff02::1:ff12:3456"));
    assert_eq!(group("fe80::abcd:ef01:2345:6789").as_deref(), Ok("ff02::1:ff45:6789"));
    assert_eq!(group("::").as_deref(), Ok("ff02::1:ff00:0"));
    for text in ["ff02::1", "4000::1", "::ffff:1.2.3.4"] {
        let error = ip(text).solicited_node().unwrap_err();
        assert_eq!((error.kind(), error.problem()), (ErrorKind::Sanity, Problem::NotUnicast));
    }
}

/// ADDR-55, ADDR-56.
#[test]
fn addr_55_addr_56_documentation_and_reserved() {
    let documentation = ["2001:db8::", "2001:db8:ffff:ffff::1", "3fff::", "3fff:fff:ffff::1"];
    let none = ["2001:db7:ffff::1", "2001:db9::", "3fff:1000::", "3ffe:ffff::1"];
    split(|ip| ip.is_documentation_block(), &documentation, &none);
    split(|ip| ip.is_reserved_block(), &documentation, &none);
    let yes = [
        "64:ff9b::",
        "64:ff9b::ffff:ffff",
        "64:ff9b:1::",
        "64:ff9b:1:ffff::1",
        "100::",
        "100::ffff:ffff:ffff:ffff",
        "100:0:0:1::",
        "100:0:0:1:ffff::",
        "2001::",
        "2001:1ff:ffff::",
        "2002::",
        "2002:ffff::1",
        "2620:4f:8000::",
        "2620:4f:8000:ffff::1",
        "5f00::",
        "5f00:ffff::",
        "::ffff:0:0",
        "::ffff:255.255.255.255",
    ];
    let no = [
        "64:ff9b::1:0:0",
        "64:ff9b:2::",
        "64:ff9a:ffff::",
        "100:0:0:2::",
        "ff::1",
        "2001:200::",
        "2000:ffff::",
        "2003::",
        "2620:4f:8001::",
        "2620:4f:7fff::",
        "5f01::",
        "5eff::",
        "::1",
        "::fffe:ffff:ffff",
        "::1:0:0:0",
        "fe80::1",
        "2606:4700::1",
    ];
    split(|ip| ip.is_reserved_block(), &yes, &no);
    split(|ip| Ip::from(*ip).is_reserved(), &yes[..16], &no);
}

/// ADDR-57.
#[test]
fn addr_57_mapped() {
    assert_eq!(ip("::ffff:1.2.3.4").to_ipv4_mapped(), Some(Ipv4Addr::new(1, 2, 3, 4)));
    assert_eq!(Ipv4Addr::new(1, 2, 3, 4).to_ipv6_mapped(), ip("::ffff:102:304"));
    split(
        |ip| ip.is_mapped_ipv4(),
        &["::ffff:0:0", "::ffff:1.2.3.4"],
        &["::1.2.3.4", "::fffe:1.2.3.4", "::1:ffff:1.2.3.4"],
    );
    assert_eq!(ip("::1.2.3.4").to_ipv4_mapped(), None);
}

/// ADDR-58, ADDR-59.
#[test]
fn addr_58_addr_59_tunnels() {
    assert_eq!(ip("2002:102:304::9").sixtofour(), Some(Ipv4Addr::new(1, 2, 3, 4)));
    assert_eq!(ip("2003:102:304::").sixtofour(), None);
    let teredo = ip("2001:0:4136:e378:8000:63bf:3fff:fdd2").teredo();
    assert_eq!(teredo, Some((Ipv4Addr::new(65, 54, 227, 120), Ipv4Addr::new(192, 0, 2, 45))));
    assert_eq!(ip("2001:1:4136:e378:8000:63bf:3fff:fdd2").teredo(), None);
}

/// ADDR-60.
#[test]
fn addr_60_group_mac() {
    let mac = |text: &str| ip(text).multicast_mac().map(|mac| mac.to_string());
    assert_eq!(mac("ff02::1").as_deref(), Ok("33:33:00:00:00:01"));
    assert_eq!(mac("ff02::1:ff12:3456").as_deref(), Ok("33:33:ff:12:34:56"));
    for text in ["fe80::1", "::", "::ffff:224.0.0.1"] {
        let error = ip(text).multicast_mac().unwrap_err();
        assert_eq!((error.kind(), error.problem()), (ErrorKind::Sanity, Problem::NotMulticast));
    }
}

/// ADDR-61.
#[test]
fn addr_61_reverse_pointer() {
    let name = ip("2001:db8::567:89ab").reverse_pointer().to_string();
    let expected = "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
    assert_eq!(name, expected);
}

proptest! {
    /// The other way round: the name read from the end is the exploded text.
    #[test]
    fn reverse_pointers_spell_the_address(bits: u128) {
        let ip = Ipv6Addr::from_bits(bits);
        let name = ip.reverse_pointer().to_string();
        let nibbles: String = name.strip_suffix(".ip6.arpa").unwrap().split('.').rev().collect();
        prop_assert_eq!(nibbles, ip.exploded().to_string().replace(':', ""));
        prop_assert_eq!(Ipv6Addr::from_text(&ip.exploded().to_string()), Ok(ip));
    }

    #[test]
    fn groups_match_their_predicates(bits: u128) {
        let unicast = Ipv6Addr::from_bits(bits >> 3 | 1 << 125);
        let group = unicast.solicited_node().unwrap();
        prop_assert!(group.is_solicited_node());
        prop_assert_eq!(Ip::from(group), Ip::from(unicast).solicited_node());
        prop_assert!(group.multicast_mac().unwrap().is_multicast_ip6_solicited_node());
    }
}
