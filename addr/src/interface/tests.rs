//! Tests of `interface`.

use proptest::prelude::*;

use super::*;
use crate::{ErrorKind, FormatCode, Ipv4Mask, Ipv6Mask, Zone};

fn if4(text: &str) -> Ipv4Interface {
    text.parse().unwrap()
}

fn if6(text: &str) -> Ipv6Interface {
    text.parse().unwrap()
}

/// ADDR-110.
#[test]
fn addr_110_address_and_network() {
    let interface = if4("10.0.1.7/24");
    assert_eq!((interface.address(), interface.ip()), (Ipv4Addr::new(10, 0, 1, 7), interface.ip()));
    assert_eq!(interface.network().to_string(), "10.0.1.0/24");
    assert_eq!((interface.prefix_len(), interface.to_string().as_str()), (24, "10.0.1.7/24"));
    for text in
        ["10.0.1.7/255.255.255.0", "10.0.1.7 255.255.255.0", "10.0.1.7 /24", " 10.0.1.7/24\n"]
    {
        assert_eq!(if4(text), interface, "{text}");
    }
    assert_eq!(
        (if4("10.0.1.7").to_string(), if6("::5").to_string()),
        ("10.0.1.7/32".into(), "::5/128".into())
    );
    for text in [
        "",
        "/24",
        "10.0.1.7/",
        "10.0.1.7/33",
        "10.0.1.7/024",
        "10.0.1.7/8/8",
        "10.0.1.7  /8",
        "10.0.1/8",
        "::1/64",
    ] {
        let error = text.parse::<Ipv4Interface>().unwrap_err();
        assert_eq!(
            (error.kind(), error.subject()),
            (ErrorKind::Format, Subject::InterfaceAddress),
            "{text}"
        );
    }
    for text in ["::1/129", "::1 /64", "::1/ffff::", "1.2.3.4/8", "::1/64/64"] {
        assert!(text.parse::<Ipv6Interface>().is_err(), "{text}");
    }
}

/// ADDR-111, ADDR-112.
#[test]
fn addr_111_addr_112_from_pairs() {
    let network = "10.0.1.0/24".parse().unwrap();
    let inside = Ipv4Interface::in_network(Ipv4Addr::new(10, 0, 1, 7), network);
    assert_eq!(inside, Ok(if4("10.0.1.7/24")));
    let error = Ipv4Interface::in_network(Ipv4Addr::new(10, 0, 2, 7), network).unwrap_err();
    assert_eq!((error.kind(), error.problem()), (ErrorKind::Sanity, Problem::OutsideNetwork));
    let made = Ipv4Interface::new(Ipv4Addr::new(10, 0, 1, 7), Ipv4Mask::new(24).unwrap());
    assert_eq!((made, made.network(), made.mask()), (if4("10.0.1.7/24"), network, network.mask()));
}

/// ADDR-113.
#[test]
fn addr_113_zones_stay_on_the_address() {
    let interface = if6("fe80::1%eth0/64");
    assert_eq!(interface.address().zone(), Zone::new("eth0").ok());
    assert_eq!(interface.to_string(), "fe80::1%eth0/64");
    assert_eq!(interface.network().to_string(), "fe80::/64");
    assert_ne!(interface, if6("fe80::1/64"));
    let network = "fe80::/64".parse().unwrap();
    assert_eq!(Ipv6Interface::in_network(interface.address(), network), Ok(interface));
    assert_eq!(Ipv6Interface::new(interface.address(), Ipv6Mask::new(64).unwrap()), interface);
    for (text, at) in [("2001:db8::1%eth0/64", 11), ("fe80::1%/64", 8), ("fe80::1%a%b/64", 9)] {
        assert_eq!(text.parse::<Ipv6Interface>().unwrap_err().position(), Some(at), "{text}");
    }
}

/// ADDR-114.
#[test]
fn addr_114_order_and_formats() {
    let sorted = ["9.9.9.9/32", "10.0.0.1/0", "10.0.0.1/8", "10.0.0.1/24", "10.0.0.2/8"];
    assert!(sorted.map(if4).is_sorted_by(|a, b| a < b));
    let code = |code| if4("10.0.1.7/24").format_code(code);
    assert_eq!(code("").as_deref(), Ok("10.0.1.7/24"));
    assert_eq!(code("pl").as_deref(), Ok("10.0.1.7/24"));
    assert_eq!(code("nm").as_deref(), Ok("10.0.1.7/255.255.255.0"));
    assert_eq!(code("hm").as_deref(), Ok("10.0.1.7/0.0.0.255"));
    assert_eq!(code(">12s").as_deref(), Ok(" 10.0.1.7/24"));
    let zoned = if6("fe80::1%e/64");
    assert_eq!(zoned.format_code("hm").as_deref(), Ok("fe80::1%e/::ffff:ffff:ffff:ffff"));
    for unknown in ["x", "d", "ex", "hy", "PL", "nms!"] {
        let error = code(unknown).unwrap_err();
        assert_eq!((error.kind(), error.subject()), (ErrorKind::Sanity, Subject::InterfaceAddress));
    }
}

#[test]
fn conversions() {
    let cidr = Cidr::try_from(if6("fe80::1%eth0/64")).unwrap();
    assert_eq!(cidr.to_string(), "fe80::1/64");
    assert_eq!(Cidr::try_from(if4("10.0.1.7/24")), Ok("10.0.1.7/24".parse().unwrap()));
    assert_eq!(Cidr::try_from(if6("::ffff:1.2.3.4/100")).unwrap().to_string(), "1.2.3.4/4");
    assert!(Cidr::try_from(if6("::ffff:1.2.3.4/64")).is_err());
    let either: IpInterface = if4("10.0.1.7/24").into();
    assert_eq!((either.ip(), either.prefix_len()), (IpAddr::from([10, 0, 1, 7]), 24));
    assert_eq!(either.network().to_string(), "10.0.1.0/24");
    assert_eq!("10.0.1.7/24".parse(), Ok(either));
    assert_eq!("fe80::1%e/64".parse(), Ok(IpInterface::from(if6("fe80::1%e/64"))));
}

proptest! {
    #[test]
    fn text_and_back(bits: u128, len in 0u8..=128) {
        let ip = Ipv6Addr::from_bits(bits);
        let interface = Ipv6Interface::new(ip, Ipv6Mask::new(len).unwrap());
        prop_assert_eq!(interface.to_string().parse(), Ok(interface));
        prop_assert_eq!(Ipv6Interface::in_network(ip, interface.network()), Ok(interface));
        prop_assert!(interface.network().contains(interface));
        let ipnet: ipnet::Ipv6Net = interface.to_string().parse().unwrap();
        prop_assert_eq!(ipnet.trunc().to_string(), interface.network().to_string());
    }

    /// ADDR-114: the derived order is that of (address, network).
    #[test]
    fn addr_114_order_is_address_then_network(a: u8, b: u8, m in 0u8..=32, n in 0u8..=32) {
        let make = |last: u8, len| {
            Ipv4Interface::new(Ipv4Addr::new(10, 0, 0, last / 64), Ipv4Mask::new(len).unwrap())
        };
        let (x, y) = (make(a, m), make(b, n));
        let by_rule = (x.address(), x.network()).cmp(&(y.address(), y.network()));
        prop_assert_eq!(x.cmp(&y), by_rule);
    }
}
