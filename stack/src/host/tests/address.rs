//! Address records: states, lifetimes, what they allow.

use addr::{Cidr, Ip, Mac};
use wire::arp;
use wire::ethernet;

use crate::control::{AddressConfig, AddressFlags, AddressOrigin, AddressState, ControlError};
use crate::drop::DropReason;
use crate::host::fixture::*;
use crate::time::Duration;

const SECOND: Ip = Ip::v4([10, 0, 0, 9]);
const LEASE: Duration = Duration::from_secs(100);

fn second() -> AddressConfig {
    AddressConfig::new(cidr("10.0.0.9/24"))
}

fn second6() -> AddressConfig {
    AddressConfig::new(cidr("2001:db8::9/64"))
}

fn record(lab: &Lab, ip: Ip) -> Option<crate::control::InterfaceAddress> {
    lab.host.addresses().into_iter().map(|a| a.address).find(|a| a.ip() == ip)
}

fn source(lab: &Lab, to: &str) -> Ip {
    lab.host.fib().path(ip(to), None, None).unwrap().source
}

/// CTL-20: a plain address lasts and is the administrator's.
#[test]
fn a_plain_address_is_permanent_and_static() {
    let lab = Lab::new();
    let plain = record(&lab, US).unwrap();
    assert_eq!((plain.origin, plain.state), (AddressOrigin::Static, AddressState::Preferred));
    assert_eq!((plain.valid_until, plain.preferred_until), (None, None));
    let origins: Vec<&str> = lab.host.addresses().iter().map(|a| a.address.origin.name()).collect();
    assert_eq!(origins, ["kernel_lo", "kernel_lo", "static", "kernel_ll", "static"]);
}

/// RA-06, RFC 4862 §5.5.4: deprecated at the end of the preferred lifetime, gone at that of the
/// valid one.
#[test]
fn lifetimes_end_through_the_timer_queue() {
    let mut lab = Lab::new();
    let start = lab.now;
    for lease in [second(), second6()] {
        let lease = lease.origin(AddressOrigin::Dhcp).valid_for(LEASE).preferred_for(LEASE / 2);
        lab.host.address_add(lab.now, lab.ifindex, lease).unwrap();
    }
    lab.sent();
    assert_eq!(lab.host.next_deadline(), Some(start + LEASE / 2));
    lab.wait(LEASE / 2);
    let states = |lab: &Lab| [SECOND, ip("2001:db8::9")].map(|ip| record(lab, ip).map(|a| a.state));
    assert_eq!(states(&lab), [Some(AddressState::Deprecated); 2]);
    assert_eq!(lab.host.next_deadline(), Some(start + LEASE));
    lab.wait(LEASE / 2);
    assert_eq!(states(&lab), [None; 2]);
    assert!(!lab.host.fib().is_local(SECOND));
    let group = ip("2001:db8::9").solicited_node();
    assert!(!lab.host.interfaces()[1].groups.contains(&group), "left with the address");
    assert_eq!(lab.host.next_deadline(), None);
}

#[test]
fn a_connection_ends_with_the_lifetime_of_its_address() {
    let mut lab = Lab::new();
    lab.host.address_add(lab.now, lab.ifindex, second().valid_for(LEASE)).unwrap();
    let fib = lab.host.fib();
    let path = fib.path(PEER, Some(SECOND), None).unwrap();
    assert_eq!(path.source, SECOND);
    lab.wait(LEASE);
    assert_eq!(record(&lab, SECOND), None);
    assert_eq!(lab.host.fib().owner(SECOND).map(|i| i.ifindex), None);
}

/// A renewed lease replaces the lifetimes, and makes a deprecated address preferred again.
#[test]
fn replace_renews() {
    let mut lab = Lab::new();
    let lease = second().valid_for(LEASE).preferred_for(LEASE / 2);
    lab.host.address_replace(lab.now, lab.ifindex, lease).unwrap();
    assert_eq!(lab.sent().len(), 1, "assigned and announced");
    lab.wait(LEASE * 3 / 4);
    lab.host.address_replace(lab.now, lab.ifindex, lease).unwrap();
    assert_eq!(lab.sent().len(), 0, "nothing new for the link");
    let renewed = record(&lab, SECOND).unwrap();
    assert_eq!(
        (renewed.state, renewed.valid_until),
        (AddressState::Preferred, Some(lab.now + LEASE))
    );
    lab.host.address_replace(lab.now, lab.ifindex, second()).unwrap();
    assert_eq!(record(&lab, SECOND).unwrap().valid_until, None);
    assert_eq!(lab.host.next_deadline(), None, "no timer is left");
    let again = lab.host.address_add(lab.now, lab.ifindex, second());
    assert_eq!(again, Err(ControlError::AddressExists(SECOND)));
}

#[test]
fn lifetimes_that_make_no_sense_are_refused() {
    let mut lab = Lab::new();
    let none = second().valid_for(Duration::ZERO);
    let longer = second().valid_for(LEASE).preferred_for(LEASE * 2);
    for config in [none, longer] {
        let refused = lab.host.address_add(lab.now, lab.ifindex, config);
        assert!(matches!(refused, Err(ControlError::Invalid(_))), "{refused:?}");
        assert_eq!(record(&lab, SECOND), None);
    }
}

/// SRC-02, RFC 6724 §5 rule 3, and rule 7 for temporary addresses.
#[test]
fn source_selection_avoids_deprecated_and_prefers_temporary() {
    let mut lab = Lab::new();
    let far = "2001:db8::9";
    let near = record(&lab, us6()).unwrap().cidr;
    lab.host.address_add(lab.now, lab.ifindex, cidr("2001:db8:1::1/64")).unwrap();
    assert_eq!(source(&lab, far), us6(), "the longest common prefix");
    let deprecated = AddressConfig::new(near).preferred_for(Duration::ZERO);
    lab.host.address_replace(lab.now, lab.ifindex, deprecated).unwrap();
    assert_eq!(source(&lab, far), ip("2001:db8:1::1"));
    let temporary = AddressConfig::new(cidr("2001:db8:2::1/64")).flags(AddressFlags::TEMPORARY);
    lab.host.address_add(lab.now, lab.ifindex, temporary).unwrap();
    assert_eq!(source(&lab, far), ip("2001:db8:2::1"));
}

/// RFC 4862 §5.4, RFC 5227 §2.1: neither a source nor answered for, until it is assigned.
#[test]
fn tentative_and_duplicated_addresses_are_not_ours() {
    for state in [AddressState::Tentative, AddressState::Duplicated] {
        let mut lab = Lab::acquainted();
        for config in [second(), second6()] {
            lab.host.address_add(lab.now, lab.ifindex, config.state(state)).unwrap();
        }
        // DAD-08: the state is there to be seen.
        assert_eq!(record(&lab, SECOND).map(|a| a.state), Some(state));
        assert_eq!(record(&lab, ip("2001:db8::9")).map(|a| a.state), Some(state));
        // RFC 4862 §5.4.2: the group is joined before the verification.
        assert!(lab.host.interfaces()[1].groups.contains(&ip("2001:db8::9").solicited_node()));
        lab.sent();
        assert_eq!(lab.host.fib().owner(SECOND).map(|i| i.ifindex), None);
        let request = arp_frame(Mac::BROADCAST, &arp_from_peer(arp::REQUEST, PEER, SECOND));
        lab.receive(&request).ok();
        assert_eq!(lab.sent().len(), 0, "no ARP reply");
        let datagram = udp_frame("10.0.0.2:9", "10.0.0.9:9", b"x");
        assert_eq!(lab.receive(&datagram), Err(DropReason::IpNotOurs));
        assert_eq!((source(&lab, "10.0.0.7"), source(&lab, "2001:db8::8")), (US, us6()));
        // Verified, it is announced and answers.
        for config in [second(), second6()] {
            lab.host.address_replace(lab.now, lab.ifindex, config).unwrap();
        }
        assert_eq!(lab.sent().len(), 2);
        lab.receive(&request).unwrap();
        let reply = lab.sent_one();
        assert_eq!(ethernet::parse(&reply).unwrap().ethertype, ethernet::ETHERTYPE_ARP);
    }
}

#[test]
fn an_address_without_a_prefix_route_implies_none() {
    let mut lab = Lab::new();
    let lone: Cidr = cidr("192.0.2.1/24");
    let config = AddressConfig::new(lone).flags(AddressFlags::NO_PREFIX_ROUTE);
    lab.host.address_add(lab.now, lab.ifindex, config).unwrap();
    assert!(lab.host.fib().path(ip("192.0.2.2"), None, None).is_err());
    assert!(lab.host.fib().is_local(lone.ip));
}
