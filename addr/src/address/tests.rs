//! Tests of `address`: what the common rules ask of every type of the crate.

use std::marker::PhantomData;
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::*;

/// ADDR-01.
#[test]
fn addr_01_every_type_is_there() {
    assert_eq!((size_of::<Ipv4Addr>(), size_of::<Ipv6Addr>(), size_of::<Mac>()), (4, 16, 6));
    assert_eq!((IpVersion::V4 as u8, IpVersion::V6 as u8), (4, 6));
    assert_eq!((Ipv4Addr::WIDTH / 8, Ipv6Addr::WIDTH / 8), (4, 16));
    assert_eq!((Ipv4Addr::MAX, Ipv6Addr::MAX), (u128::from(u32::MAX), u128::MAX));
    fn value<T: Copy + Eq + Hash + Display>() {}
    value::<Mac>();
    value::<Ipv4Mask>();
    value::<Ipv6Mask>();
    value::<Ipv4Wildcard>();
    value::<Ipv6Wildcard>();
    value::<Ipv4Network>();
    value::<Ipv6Network>();
    value::<Ipv4Interface>();
    value::<Ipv6Interface>();
    // What stands where no family is known.
    value::<Ip>();
    value::<ScopedIp>();
    value::<IpNetwork>();
    value::<IpInterface>();
    value::<ScopedIpv6>();
    // One type each stands above both families of masks, wildcards, networks and interfaces.
    fn parents<A: Address>(_: Mask<A>, _: Wildcard<A>, _: Network<A>, _: Interface<A>) {}
    let _ = (parents::<Ipv4Addr>, parents::<Ipv6Addr>);
}

/// ADDR-02: from nothing, from the same type, from a number, bytes and text.
#[test]
fn addr_02_constructors() {
    assert_eq!((Ipv4Mask::default().to_int(), Ipv6Wildcard::default().to_int()), (0, 0));
    assert_eq!((Mac::default(), Ipv4Addr::ZERO), (Mac::UNSPECIFIED, Ipv4Addr::UNSPECIFIED));

    assert_eq!(Ipv4Addr::from_int(0x0a00_0001), Ok(Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(Ipv6Addr::from_int(u128::MAX), Ok(Ipv6Addr::from([255; 16])));
    assert_eq!(Ipv4Mask::from_int(0xffff_0000), Ipv4Mask::new(16));
    assert_eq!(Ipv6Wildcard::from_int(5), "::5".parse());
    assert_eq!(Mac::from_int(1), Ok(Mac([0, 0, 0, 0, 0, 1])));

    assert_eq!(Ipv4Addr::from_slice(&[1, 2, 3, 4]), Ok(Ipv4Addr::new(1, 2, 3, 4)));
    assert_eq!(Ipv6Addr::from_slice(&[0; 16]), Ok(Ipv6Addr::UNSPECIFIED));
    assert_eq!(Ipv6Mask::from_slice(&[255; 16]), Ok(Ipv6Mask::HOST));
    assert_eq!(Ipv4Wildcard::from_slice(&[0, 0, 1, 1]), "0.0.1.1".parse());

    assert_eq!(Ipv4Addr::from_text("\t1.2.3.4\r\n"), Ok(Ipv4Addr::new(1, 2, 3, 4)));
    assert_eq!(Ipv6Addr::from_text(" ::1 "), Ok(Ipv6Addr::LOCALHOST));
    assert_eq!(" /24\n".parse(), Ipv4Mask::new(24));
    assert_eq!(" 0.0.0.255 ".parse::<Ipv4Wildcard>().unwrap().count_ones(), 8);
    assert_eq!(" fe80::1%lo ".parse::<ScopedIpv6>().unwrap().to_string(), "fe80::1%lo");

    let refused = [
        Ipv4Addr::from_int(1 << 32).unwrap_err(),
        Ipv4Addr::from_slice(&[0; 16]).unwrap_err(),
        Ipv6Addr::from_slice(&[0; 4]).unwrap_err(),
        Ipv4Addr::from_slice(&[]).unwrap_err(),
        Ipv6Addr::from_text("1.2.3.4").unwrap_err(),
        Ipv4Addr::from_text("1.2.3.4/32").unwrap_err(),
        Ipv4Mask::from_int(1 << 32).unwrap_err(),
        Ipv4Wildcard::from_int(1 << 32).unwrap_err(),
        Mac::from_int(1 << 48).unwrap_err(),
        Mac::from_slice(&[0; 5]).unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Format, "{error}");
    }
}

/// Tells at compile time, by method lookup, which operators two types have.
struct Probe<A, B>(PhantomData<(A, B)>);

trait Without {
    fn compares(&self) -> bool {
        false
    }
    fn orders(&self) -> bool {
        false
    }
    fn subtracts(&self) -> bool {
        false
    }
    fn ands(&self) -> bool {
        false
    }
    fn ors(&self) -> bool {
        false
    }
}
impl<A, B> Without for &Probe<A, B> {}

macro_rules! with {
    ($($name:ident $method:ident $bound:path;)*) => { $(
        trait $name {
            fn $method(&self) -> bool {
                true
            }
        }
        impl<A: $bound, B> $name for Probe<A, B> {}
    )* };
}
with! {
    WithEq compares PartialEq<B>;
    WithOrd orders PartialOrd<B>;
    WithSub subtracts std::ops::Sub<B>;
    WithAnd ands std::ops::BitAnd<B>;
    WithOr ors std::ops::BitOr<B>;
}

macro_rules! probe {
    ($method:ident: $($a:ty, $b:ty;)*) => {
        [$((&Probe::<$a, $b>(PhantomData)).$method()),*]
    };
}

/// ADDR-03, ADDR-04: only values of one type compare, and they order by number.
#[test]
#[allow(clippy::needless_borrow)]
fn addr_03_addr_04_only_like_compares_with_like() {
    let own = probe!(compares:
        Ipv4Addr, Ipv4Addr; Ipv6Addr, Ipv6Addr; Mac, Mac; Ipv4Mask, Ipv4Mask;
        Ipv6Wildcard, Ipv6Wildcard; Ipv4Network, Ipv4Network; Ipv6Interface, Ipv6Interface;);
    assert!(own.iter().all(|&yes| yes));
    let mixed = probe!(compares:
        Ipv4Addr, Ipv6Addr; Ipv4Addr, Ipv4Mask; Ipv4Mask, Ipv4Wildcard; Ipv4Mask, Ipv6Mask;
        Ipv6Addr, ScopedIpv6; Ipv4Network, Ipv6Network; Ipv4Network, Ipv4Interface;
        Ipv4Wildcard, Ipv4Addr; Mac, Ipv4Addr; Ipv4Interface, Ipv6Interface;);
    assert!(mixed.iter().all(|&yes| !yes));
    let ordered = probe!(orders:
        Ipv4Addr, Ipv4Addr; ScopedIpv6, ScopedIpv6; Mac, Mac; Ipv4Network, Ipv4Network;);
    assert!(ordered.iter().all(|&yes| yes));
    let unordered = probe!(orders:
        Ipv4Addr, Ipv6Addr; Ipv4Mask, Ipv6Mask; Ipv4Mask, Ipv4Wildcard; Ipv4Addr, Mac;
        Ipv4Network, Ipv6Network; IpNetwork, IpNetwork; ScopedIp, ScopedIp;);
    assert!(unordered.iter().all(|&yes| !yes));
    // Equal bits in two families are two values where both may stand.
    assert_ne!(ScopedIp::from(Ipv4Addr::UNSPECIFIED), ScopedIp::from(Ipv6Addr::UNSPECIFIED));
    assert_ne!(IpNetwork::from(Ipv4Network::default()), IpNetwork::from(Ipv6Network::default()));
}

/// ADDR-05: number, bytes, text; the debug form names the type.
#[test]
fn addr_05_conversions() {
    assert_eq!(Ipv4Addr::new(10, 0, 0, 1).to_int(), 0x0a00_0001);
    assert_eq!(Ipv6Addr::LOCALHOST.to_int(), 1);
    assert_eq!(Mac([1, 2, 3, 4, 5, 6]).to_int(), 0x0102_0304_0506);
    let mask = Ipv4Mask::new(9).unwrap();
    assert_eq!((mask.to_int(), mask.as_address().octets()), (0xff80_0000, [255, 128, 0, 0]));
    let debug: [(&dyn Debug, &str); 9] = [
        (&Mac([2, 0, 0, 0, 0, 1]), "Mac(02:00:00:00:00:01)"),
        (&mask, "Ipv4Mask(/9)"),
        (&Ipv6Mask::HOST, "Ipv6Mask(/128)"),
        (&mask.hostmask(), "Ipv4Wildcard(0.127.255.255)"),
        (&"10.0.0.0/8".parse::<Ipv4Network>().unwrap(), "Ipv4Network(10.0.0.0/8)"),
        (&"::1%lo/128".parse::<Ipv6Interface>().unwrap(), "Ipv6Interface(::1%lo/128)"),
        (&"::1%lo".parse::<ScopedIpv6>().unwrap(), "ScopedIpv6(::1%lo)"),
        (&"::/0".parse::<IpNetwork>().unwrap(), "Ipv6Network(::/0)"),
        (&"1.1.1.1/1".parse::<IpInterface>().unwrap(), "Ipv4Interface(1.1.1.1/1)"),
    ];
    for (value, expected) in debug {
        assert_eq!(format!("{value:?}"), expected);
    }
}

/// ADDR-06.
#[test]
#[allow(clippy::needless_borrow)]
fn addr_06_offsets_stay_in_range() {
    let ip = Ipv4Addr::new(10, 0, 0, 255);
    assert_eq!(ip.plus(1), Ok(Ipv4Addr::new(10, 0, 1, 0)));
    assert_eq!(ip.minus(0x0a00_00ff), Ok(Ipv4Addr::UNSPECIFIED));
    assert_eq!(Ipv6Addr::UNSPECIFIED.plus(u128::MAX), Ok(Ipv6Addr::from([255; 16])));
    let left = [
        Ipv4Addr::BROADCAST.plus(1).unwrap_err(),
        Ipv4Addr::UNSPECIFIED.minus(1).unwrap_err(),
        Ipv4Addr::LOCALHOST.plus(u128::MAX).unwrap_err(),
        Ipv6Addr::LOCALHOST.plus(u128::MAX).unwrap_err(),
        Ipv6Addr::LOCALHOST.minus(2).unwrap_err(),
        Mac::BROADCAST.plus(1).unwrap_err(),
        Mac::BROADCAST.plus(u64::MAX).unwrap_err(),
        Mac::UNSPECIFIED.minus(1).unwrap_err(),
    ];
    for error in left {
        assert_eq!((error.kind(), error.problem()), (ErrorKind::Sanity, Problem::BeyondRange));
    }
    let differences = probe!(subtracts:
        Ipv4Addr, Ipv4Addr; Ipv6Addr, Ipv6Addr; ScopedIpv6, ScopedIpv6; Mac, Mac;);
    assert!(differences.iter().all(|&yes| !yes));
    assert_eq!(probe!(subtracts: u32, u32;), [true]);
}

/// ADDR-83, ADDR-87: masks and wildcards meet addresses of their own family only.
#[test]
#[allow(clippy::needless_borrow)]
fn addr_83_addr_87_operators_exist_within_a_family_only() {
    let ands = probe!(ands:
        Ipv4Addr, Ipv4Mask; Ipv4Mask, Ipv4Addr; Ipv6Addr, Ipv6Mask; Ipv6Mask, Ipv6Addr;);
    let ors = probe!(ors:
        Ipv4Addr, Ipv4Wildcard; Ipv4Wildcard, Ipv4Addr; Ipv6Addr, Ipv6Wildcard;
        Ipv6Wildcard, Ipv6Addr;);
    assert!(ands.iter().chain(&ors).all(|&yes| yes));
    let ands = probe!(ands:
        Ipv4Addr, Ipv6Mask; Ipv6Addr, Ipv4Mask; Ipv4Mask, Ipv4Mask; Ipv4Mask, u32;
        Ipv4Addr, Ipv4Wildcard;);
    let ors = probe!(ors: Ipv4Addr, Ipv6Wildcard; Ipv4Addr, Ipv4Mask; Ipv4Wildcard, u32;);
    assert!(ands.iter().chain(&ors).all(|&yes| !yes));
}

/// ADDR-07, ADDR-12.
#[test]
fn addr_07_addr_12_unspecified_and_width() {
    assert_eq!(Ipv4Addr::LOCALHOST.unspecified(), Ipv4Addr::UNSPECIFIED);
    assert_eq!(Ipv6Addr::LOCALHOST.unspecified(), Ipv6Addr::UNSPECIFIED);
    assert!(Ipv4Addr::ZERO.is_unspecified() && !Ipv6Addr::LOCALHOST.is_unspecified());
    assert_eq!(Mac::BROADCAST.unspecified(), Mac::UNSPECIFIED);
    assert!(Ipv4Mask::HOST.unspecified().is_unspecified() && !Ipv6Mask::HOST.is_unspecified());
    let wildcard: Ipv6Wildcard = "::5".parse().unwrap();
    assert!(wildcard.unspecified().is_unspecified() && !wildcard.is_unspecified());

    assert_eq!((Ipv4Addr::LOCALHOST.max_prefixlen(), Ipv4Mask::HOST.max_prefixlen()), (32, 32));
    assert_eq!((Ipv6Addr::LOCALHOST.max_prefixlen(), wildcard.max_prefixlen()), (128, 128));
}

/// ADDR-13: global, private, link-local and loopback addresses are unicast, nothing else is.
#[test]
fn addr_13_unicast() {
    let unicast = |text: &str| match text.parse::<IpAddr>().unwrap() {
        IpAddr::V4(ip) => ip.is_scoped_unicast(),
        IpAddr::V6(ip) => ip.is_scoped_unicast(),
    };
    let yes = [
        "1.0.0.1",
        "8.8.8.8",
        "10.0.0.1",
        "127.0.0.1",
        "169.254.1.1",
        "223.255.255.255",
        // Addresses of hosts, though not global ones.
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "::1",
        "2001:db8::1",
        "3fff::1",
        "fd00::1",
        "fe80::1",
    ];
    let no = [
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::2",
        "ff02::1",
        "4000::1",
        "64:ff9b::1",
        "::ffff:1.2.3.4",
    ];
    for text in yes {
        assert!(unicast(text), "{text}");
    }
    for text in no {
        assert!(!unicast(text), "{text}");
    }
}

/// ADDR-14.
#[test]
fn addr_14_versions() {
    let mask = Ipv4Mask::HOST;
    let four: [&dyn Versioned; 10] = [
        &Ipv4Addr::LOCALHOST,
        &IpAddr::V4(Ipv4Addr::LOCALHOST),
        &Ip::UNSPECIFIED_V4,
        &ScopedIp::V4(Ipv4Addr::LOCALHOST),
        &mask,
        &mask.hostmask(),
        &Ipv4Network::default(),
        &IpNetwork::V4(Ipv4Network::default()),
        &Ipv4Interface::new(Ipv4Addr::LOCALHOST, mask),
        &IpInterface::V4(Ipv4Interface::new(Ipv4Addr::LOCALHOST, mask)),
    ];
    for value in four {
        assert_eq!((value.version(), value.is_ip4(), value.is_ip6()), (IpVersion::V4, true, false));
    }
    let mask = Ipv6Mask::HOST;
    let local = Ipv6Addr::LOCALHOST;
    let six: [&dyn Versioned; 10] = [
        &local,
        &ScopedIpv6::from(local),
        &IpAddr::V6(local),
        &Ip::UNSPECIFIED_V6,
        &mask,
        &mask.hostmask(),
        &Ipv6Network::default(),
        &IpNetwork::V6(Ipv6Network::default()),
        &Ipv6Interface::new(local, mask),
        &IpInterface::V6(Ipv6Interface::new(local, mask)),
    ];
    for value in six {
        assert_eq!((value.version(), value.is_ip4(), value.is_ip6()), (IpVersion::V6, false, true));
    }
}

proptest! {
    #[test]
    fn numbers_bytes_and_text_agree(bits: u128) {
        let (four, six) = (Ipv4Addr::from_bits(bits as u32), Ipv6Addr::from_bits(bits));
        prop_assert_eq!(Ipv4Addr::from_int(four.to_int()), Ok(four));
        prop_assert_eq!(Ipv6Addr::from_int(six.to_int()), Ok(six));
        prop_assert_eq!(Ipv4Addr::from_slice(&four.octets()), Ok(four));
        prop_assert_eq!(Ipv6Addr::from_slice(&six.octets()), Ok(six));
        prop_assert_eq!(Ipv4Addr::from_text(&four.to_string()), Ok(four));
        prop_assert_eq!(Ipv6Addr::from_text(&six.to_string()), Ok(six));
    }

    /// ADDR-04: the order is that of the numbers.
    #[test]
    fn order_is_numeric(a: u128, b: u128) {
        let [x, y] = [a, b].map(Ipv6Addr::from_bits);
        prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        let [x, y] = [a, b].map(|bits| Mac::from_int(bits as u64 >> 16).unwrap());
        prop_assert_eq!(x.cmp(&y), x.to_int().cmp(&y.to_int()));
        let [x, y] = [a, b].map(|bits| Ipv4Wildcard::from_int(bits >> 96).unwrap());
        prop_assert_eq!(x.cmp(&y), x.to_int().cmp(&y.to_int()));
        let [x, y] = [a, b].map(|bits| Ipv6Mask::new((bits % 129) as u8).unwrap());
        prop_assert_eq!(x.cmp(&y), x.to_int().cmp(&y.to_int()));
    }

    #[test]
    fn offsets_go_there_and_back(a: u32, n in 0u128..=1 << 33) {
        let ip = Ipv4Addr::from_bits(a);
        match ip.plus(n) {
            Ok(sum) => prop_assert_eq!(sum.minus(n), Ok(ip)),
            Err(_) => prop_assert!(u128::from(a) + n > u128::from(u32::MAX)),
        }
    }
}
