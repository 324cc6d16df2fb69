//! Tests of `ip`.

use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> Ip {
    text.parse().unwrap()
}

/// The predicate holds for the first texts and not for the second.
fn split(predicate: fn(&Ip) -> bool, yes: &[&str], no: &[&str]) {
    for text in yes {
        assert!(predicate(&ip(text)), "{text}");
    }
    for text in no {
        assert!(!predicate(&ip(text)), "{text}");
    }
}

#[test]
fn one_key_for_both_families() {
    let four = Ip::v4([10, 0, 0, 1]);
    assert_eq!(four.octets(), &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1]);
    assert_eq!((four.as_v4(), four.as_v6()), (Some([10, 0, 0, 1].into()), None));
    assert_eq!((four.width(), four.unspecified()), (32, Ip::UNSPECIFIED_V4));
    let six = ip("2001:db8::1");
    assert_eq!((six.as_v4(), six.as_v6()), (None, "2001:db8::1".parse().ok()));
    assert_eq!((six.width(), six.unspecified()), (128, Ip::UNSPECIFIED_V6));
    assert!(four.same_family(&Ip::UNSPECIFIED_V4) && !four.same_family(&six));
    // Both spellings are one address.
    assert_eq!(ip("::ffff:10.0.0.1"), four);
    assert_eq!(Ip::from(IpAddr::V6(Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped())), four);
}

#[test]
fn addr_20_ipv4_text_is_strict() {
    for text in ["1.2.3", "01.2.3.4", "1.2.3.4.5", "256.1.1.1", "0x1.2.3.4", "", "1.2.3.4/32"] {
        assert!(text.parse::<Ip>().is_err(), "{text}");
    }
    assert_eq!(ip(" 1.2.3.4 "), Ip::v4([1, 2, 3, 4]));
}

#[test]
fn text_is_canonical() {
    for text in ["10.0.0.1", "::", "::1", "1:0:0:2::3", "2001:db8::ff:fe77:7777"] {
        assert_eq!(ip(text).to_string(), text);
    }
    assert_eq!(ip("1:0:0:2:0:0:0:3").to_string(), "1:0:0:2::3");
    assert_eq!(format!("{:>10}|", ip("10.0.0.1")), "  10.0.0.1|");
}

/// ADDR-22, ADDR-47.
#[test]
fn loopback() {
    let yes = ["127.0.0.1", "127.255.255.255", "::1"];
    split(Ip::is_loopback, &yes, &["126.0.0.1", "128.0.0.1", "::", "::2", "0.0.0.1"]);
}

/// ADDR-23, ADDR-48.
#[test]
fn link_local() {
    let yes = ["169.254.0.0", "169.254.255.255", "fe80::1", "febf::1"];
    split(Ip::is_link_local, &yes, &["169.253.1.1", "169.255.0.0", "fec0::1", "fe7f::1"]);
}

/// ADDR-24, ADDR-51.
#[test]
fn multicast() {
    let yes = ["224.0.0.0", "239.255.255.255", "ff00::", "ff02::1"];
    split(Ip::is_multicast, &yes, &["223.255.255.255", "240.0.0.0", "fe80::1", "255.255.255.255"]);
}

/// ADDR-25, ADDR-50.
#[test]
fn private() {
    let yes = ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "fc00::1", "fdff::1"];
    split(
        Ip::is_private,
        &yes,
        &["11.0.0.1", "172.15.0.1", "172.32.0.1", "192.169.0.1", "fe00::1"],
    );
}

#[test]
fn addr_27_limited_broadcast() {
    split(Ip::is_limited_broadcast, &["255.255.255.255"], &["255.255.255.254", "10.255.255.255"]);
}

/// For IPv6 after RFC 4291 §2.4.
#[test]
fn unicast() {
    let yes = ["1.0.0.1", "10.0.0.1", "127.0.0.1", "169.254.1.1", "223.255.255.255", "::1"];
    let no = ["0.0.0.0", "0.1.2.3", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "ff02::1"];
    split(Ip::is_unicast, &yes, &no);
    split(Ip::is_unicast, &["2001:db8::1", "fe80::1", "fc00::1", "64:ff9b::1.2.3.4"], &[]);
}

#[test]
fn addr_07_unspecified() {
    split(Ip::is_unspecified, &["0.0.0.0", "::"], &["0.0.0.1", "::1", "1.0.0.0"]);
}

/// ADDR-52, ADDR-53.
#[test]
fn well_known_groups() {
    assert_eq!((ip("ff02::1"), ip("ff02::2")), (Ip::ALL_NODES, Ip::ALL_ROUTERS));
    let no = ["ff02::1", "ff02::2:ff00:1", "ff02::1:fe00:1", "fe80::1:ff00:1"];
    split(Ip::is_solicited_node, &["ff02::1:ff00:0", "ff02::1:ffff:ffff"], &no);
    assert_eq!(ip("::").solicited_node(), ip("ff02::1:ff00:0"));
}

proptest! {
    #[test]
    fn text_and_back(octets: [u8; 16], v4: bool) {
        let ip = if v4 { Ip::v4(*octets.first_chunk().unwrap()) } else { Ip::v6(octets) };
        prop_assert_eq!(ip.to_string().parse(), Ok(ip));
        prop_assert_eq!(Ip::from(ip.to_std()), ip);
        prop_assert_eq!(Ip::from_bits(ip.to_bits()), ip);
        prop_assert_eq!(ip.is_v4(), ip.to_std().is_ipv4());
    }

    #[test]
    fn predicates_agree_with_the_standard_library(octets: [u8; 4], wide: [u8; 16]) {
        let (std4, four) = (Ipv4Addr::from(octets), Ip::v4(octets));
        prop_assert_eq!(four.is_multicast(), std4.is_multicast());
        prop_assert_eq!(four.is_link_local(), std4.is_link_local());
        prop_assert_eq!(four.is_private(), std4.is_private());
        let (std6, six) = (Ipv6Addr::from(wide), Ip::v6(wide));
        prop_assume!(six.is_v6());
        prop_assert_eq!(six.is_multicast(), std6.is_multicast());
        prop_assert_eq!(six.is_link_local(), std6.is_unicast_link_local());
        prop_assert_eq!(six.is_private(), std6.is_unique_local());
    }

    #[test]
    fn order_is_numeric_within_a_family(a: u32, b: u32) {
        let [x, y] = [a, b].map(|bits| Ip::v4(bits.to_be_bytes()));
        prop_assert_eq!(x.cmp(&y), a.cmp(&b));
    }
}
