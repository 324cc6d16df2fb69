//! Tests of `error`.

use std::error::Error;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::*;

/// ADDR-120: one root; every leaf can be caught by kind, by subject and by family.
#[test]
fn addr_120_caught_by_kind_by_subject_or_by_family() {
    use ErrorKind::{Format, Sanity};
    let four = Some(IpVersion::V4);
    let six = Some(IpVersion::V6);
    let host = Ipv4Network::host(Ipv4Addr::LOCALHOST);
    let secret = [0; 15];
    let short =
        StableId { network: slash_64(), mac: Mac::default(), network_id: b"", secret: &secret };
    let cases: [(AddrError, ErrorKind, Subject, Option<IpVersion>); 15] = [
        (Ipv4Addr::from_text("1.2.3").unwrap_err(), Format, Subject::Address, four),
        (Ipv4Addr::BROADCAST.plus(1).unwrap_err(), Sanity, Subject::Address, four),
        (Ipv6Addr::from_text("1:2").unwrap_err(), Format, Subject::Address, six),
        (Ipv6Addr::LOCALHOST.multicast_mac().unwrap_err(), Sanity, Subject::Address, six),
        (Ipv4Mask::new(33).unwrap_err(), Format, Subject::Mask, four),
        (Ipv6Mask::new(129).unwrap_err(), Format, Subject::Mask, six),
        (Ipv4Wildcard::from_slice(&[1]).unwrap_err(), Format, Subject::Wildcard, four),
        (Ipv6Wildcard::from_slice(&[1]).unwrap_err(), Format, Subject::Wildcard, six),
        (Ipv4Network::from_text_strict("1.1.1.1/8").unwrap_err(), Format, Subject::Network, four),
        (host.nth(1).unwrap_err(), Sanity, Subject::Network, four),
        ("fe80::%1".parse::<Ipv6Network>().unwrap_err(), Format, Subject::Network, six),
        (
            "1.1.1.1/x".parse::<Ipv4Interface>().unwrap_err(),
            Format,
            Subject::InterfaceAddress,
            four,
        ),
        (short.address(0).unwrap_err(), Sanity, Subject::InterfaceAddress, six),
        ("x".parse::<Mac>().unwrap_err(), Format, Subject::Mac, None),
        (Mac::BROADCAST.plus(1).unwrap_err(), Sanity, Subject::Mac, None),
    ];
    for (error, kind, subject, version) in cases {
        assert_eq!((error.kind(), error.subject(), error.version()), (kind, subject, version));
        assert_eq!(error.kind(), error.problem().kind());
        let root: Box<dyn Error + Send + Sync> = Box::new(error);
        assert_eq!(root.downcast_ref::<AddrError>(), Some(&error));
    }
}

fn slash_64() -> Ipv6Network {
    "2001:db8::/64".parse().unwrap()
}

/// The message says which value, what and where.
#[test]
fn messages_say_what_and_where() {
    let message = |error: AddrError| error.to_string();
    let cases = [
        (
            Ipv4Addr::from_text("  10.0.0.256").unwrap_err(),
            "IPv4 address: number too large, at byte 9",
        ),
        ("".parse::<Ip>().unwrap_err(), "IP address: empty text, at byte 0"),
        (
            "02:00:00:00:00:0g".parse::<Mac>().unwrap_err(),
            "MAC address: unexpected character, at byte 16",
        ),
        (
            "2001:db8::1%eth0".parse::<ScopedIpv6>().unwrap_err(),
            "IPv6 address: zone not allowed here, at byte 11",
        ),
        (
            "10.0.0.0/33".parse::<Ipv4Network>().unwrap_err(),
            "IPv4 network: prefix length exceeds the address width, at byte 9",
        ),
        (
            "10.0.0.0/255.0.255.0".parse::<Ipv4Network>().unwrap_err(),
            "IPv4 network: mask is not contiguous leading ones, at byte 9",
        ),
        (
            "fe80::1%/64".parse::<Ipv6Interface>().unwrap_err(),
            "IPv6 interface address: empty zone, at byte 8",
        ),
        (
            Ipv4Addr::LOCALHOST.minus(1 << 40).unwrap_err(),
            "IPv4 address: result leaves the address range",
        ),
        ("10.0.0.1".parse::<Endpoint>().unwrap_err(), "IPv4 endpoint: no port, at byte 8"),
    ];
    for (error, expected) in cases {
        assert_eq!(message(error), expected);
    }
}
