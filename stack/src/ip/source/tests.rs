//! Source selection (SRC rows).

use addr::IfIndex;
use wire::offload::{DeviceCaps, Medium};

use super::*;
use crate::fib::{ControlProtocols, Fib, LinkState};
use crate::host::fixture::{cidr, ip};

fn interface(n: u32, addresses: &[&str]) -> FibInterface {
    FibInterface {
        ifindex: IfIndex::new(n).unwrap(),
        medium: Medium::Ethernet,
        mac: addr::Mac([2, 0, 0, 0, 0, n as u8]),
        mtu: 1500,
        state: LinkState::RUNNING,
        control_protocols: ControlProtocols::NONE,
        caps: DeviceCaps::default(),
        addresses: addresses.iter().map(|a| cidr(a).into()).collect(),
        groups: Vec::new(),
    }
}

fn fib_of(interfaces: Vec<FibInterface>) -> Fib {
    let mut fib = Fib::default();
    fib.edit_tables(|tables| tables.interfaces = interfaces);
    fib
}

fn pick(addresses: &[&str], next_hop: &str, destination: &str) -> Option<Ip> {
    let interface = interface(2, addresses);
    let fib = fib_of(vec![interface.clone()]);
    select(&fib, &interface, ip(next_hop), ip(destination))
}

#[test]
fn src_01_v4_by_next_hop_then_scope_then_order() {
    let addresses = ["169.254.1.1/16", "10.0.0.1/24", "10.1.0.1/24"];
    assert_eq!(pick(&addresses, "10.1.0.9", "192.0.2.1"), Some(ip("10.1.0.1")));
    assert_eq!(pick(&addresses, "192.0.2.1", "192.0.2.1"), Some(ip("10.0.0.1")));
    assert_eq!(pick(&addresses, "169.254.9.9", "169.254.9.9"), Some(ip("169.254.1.1")));
    assert_eq!(pick(&["169.254.1.1/16"], "192.0.2.1", "192.0.2.1"), Some(ip("169.254.1.1")));
    assert_eq!(pick(&["2001:db8::1/64"], "192.0.2.1", "192.0.2.1"), None);
}

#[test]
fn src_02_v6_by_the_rules_of_rfc_6724() {
    let table: [(&[&str], &str, &str); 9] = [
        // Rule 1: the destination itself.
        (&["2001:db8::1/64", "2001:db8::2/64"], "2001:db8::2", "2001:db8::2"),
        // Rule 2: RFC 6724 §10.1, the appropriate scope.
        (&["2001:db8:3::1/64", "fe80::1/64"], "2001:db8:1::1", "2001:db8:3::1"),
        (&["2001:db8:3::1/64", "fe80::1/64"], "ff05::1", "2001:db8:3::1"),
        (&["fe80::1/64", "2001:db8::1/64"], "fe80::2", "fe80::1"),
        (&["2001:db8::1/64", "fe80::1/64"], "ff02::1", "fe80::1"),
        // Rule 6: same label: 6to4 with 6to4, unique local with unique local.
        (&["2002:c633:6401::1/48", "2001:db8:1::1/64"], "2002:c633:6401:f::2", "2002:c633:6401::1"),
        (&["2001:db8:1::1/64", "fd00::1/64"], "fd01::2", "fd00::1"),
        // Rule 8: longest common prefix, no longer than the subnet's.
        (&["2001:db8:1::1/64", "2001:db8:3::1/64"], "2001:db8:1:f::2", "2001:db8:1::1"),
        // The first of equals.
        (&["2001:db8::5/64", "2001:db8::1/64"], "2001:db8::2", "2001:db8::5"),
    ];
    for (addresses, destination, expected) in table {
        assert_eq!(pick(addresses, destination, destination), Some(ip(expected)), "{destination}");
    }
}

#[test]
fn an_interface_without_an_address_borrows_a_global_one() {
    let (bare, other) = (interface(2, &[]), interface(3, &["169.254.1.1/16", "10.1.0.1/24"]));
    let fib = fib_of(vec![bare.clone(), other]);
    let far = ip("192.0.2.1");
    assert_eq!(select(&fib, &bare, far, far), Some(ip("10.1.0.1")));
    assert_eq!(select(&fib, &bare, ip("2001:db8::9"), ip("2001:db8::9")), None);
}

/// The best there is, though its scope is smaller than the destination's, as on Linux.
#[test]
fn src_02_a_source_of_smaller_scope_is_better_than_none() {
    assert_eq!(pick(&["fe80::1/64"], "2001:db8::9", "2001:db8::9"), Some(ip("fe80::1")));
    assert_eq!(pick(&[], "2001:db8::9", "2001:db8::9"), None);
}

/// RFC 6724 §5 rule 3 holds among the addresses of other interfaces, too.
#[test]
fn a_borrowed_address_is_the_best_of_those_that_there_are() {
    let bare = interface(2, &[]);
    let mut old = interface(3, &["2001:db8:1::1/64", "fe80::3/64"]);
    old.addresses[0].state = AddressState::Deprecated;
    let fib = fib_of(vec![bare.clone(), old, interface(4, &["2001:db8:2::1/64"])]);
    let far = ip("2001:db8:1::9");
    assert_eq!(select(&fib, &bare, far, far), Some(ip("2001:db8:2::1")));
}

/// SRC-03: the labels of RFC 6724 §2.1. Precedences order destinations, which is the resolver's
/// matter.
#[test]
fn src_03_the_policy_table() {
    let table = [
        ("::1", 0),
        ("::7", 3),
        ("2001::1", 5),
        ("2002::1", 2),
        ("3ffe::1", 12),
        ("fec0::1", 11),
        ("feff::1", 11),
        ("fc00::1", 13),
        ("fdff::1", 13),
        ("fe80::1", 1),
        ("2001:1::1", 1),
        ("2001:db8::1", 1),
        ("3fff::1", 1),
        ("ff02::1", 1),
    ];
    for (text, expected) in table {
        assert_eq!(label(ip(text)), expected, "{text}");
    }
}
