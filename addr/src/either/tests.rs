//! Tests of `either`.

use super::*;
use crate::{IpInterface, IpNetwork, Problem};

#[test]
fn either_family_by_its_text() {
    let ip = |text: &str| text.parse::<ScopedIp>();
    assert_eq!(ip(" 10.0.0.1 "), Ok(Ipv4Addr::new(10, 0, 0, 1).into()));
    assert_eq!(ip("::ffff:10.0.0.1").unwrap().version(), IpVersion::V6);
    assert_eq!(ip("fe80::1%eth0").unwrap().to_string(), "fe80::1%eth0");
    assert_eq!(IpAddr::from(ip("::1%lo").unwrap()), IpAddr::V6(Ipv6Addr::LOCALHOST));
    assert_eq!(Ip::from(ip("10.0.0.1").unwrap()), Ip::v4([10, 0, 0, 1]));
    assert_eq!(ScopedIp::from(IpAddr::V6(Ipv6Addr::LOCALHOST)), Ipv6Addr::LOCALHOST.into());
    assert_eq!(format!("{:?}", ip("::1%lo").unwrap()), "ScopedIp(::1%lo)");
}

/// The error is about the family that the text looks like.
#[test]
fn errors_are_of_the_likely_family() {
    let cases = [
        ("10.0.0", IpVersion::V4, Problem::TooFewParts),
        ("host", IpVersion::V4, Problem::UnexpectedCharacter),
        ("fe80::1%", IpVersion::V6, Problem::ZoneEmpty),
        ("1:2", IpVersion::V6, Problem::TooFewParts),
    ];
    for (text, version, problem) in cases {
        let error = text.parse::<ScopedIp>().unwrap_err();
        assert_eq!((error.version(), error.problem()), (Some(version), problem), "{text}");
    }
    let error = "10.0.0.0/33".parse::<IpNetwork>().unwrap_err();
    assert_eq!((error.version(), error.problem()), (Some(IpVersion::V4), Problem::PrefixTooLong));
    let error = "::1/129".parse::<IpInterface>().unwrap_err();
    assert_eq!((error.version(), error.problem()), (Some(IpVersion::V6), Problem::PrefixTooLong));
}
