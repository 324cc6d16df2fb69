//! Tests of `error`: the two classes, and what answers a fault.

use super::*;
use crate::fixture::golden;
use crate::{arp, ip, ipv4, tcp, udp};

/// WIRE-02: one root, two branches, and the message names branch and protocol.
#[test]
fn wire_02_faults_have_a_class_and_say_where() {
    let all = [
        (Malformed::Truncated, Class::Integrity),
        (Malformed::Version, Class::Integrity),
        (Malformed::HeaderLength, Class::Integrity),
        (Malformed::Length, Class::Integrity),
        (Malformed::Checksum, Class::Integrity),
        (Malformed::ZeroChecksum, Class::Integrity),
        (Malformed::Option, Class::Integrity),
        (Malformed::OptionValue { pointer: 20 }, Class::Integrity),
        (Malformed::IncompleteChain, Class::Integrity),
        (Malformed::ExtensionHeaders, Class::Integrity),
        (Malformed::Routing { pointer: 42 }, Class::Integrity),
        (Malformed::MappedAddress, Class::Sanity),
        (Malformed::DiscardOption, Class::Sanity),
        (Malformed::Fragment { pointer: 4 }, Class::Sanity),
        (Malformed::UnknownOption { pointer: 42, even_multicast: false }, Class::Sanity),
        (Malformed::ZeroHopLimit { pointer: 8 }, Class::Sanity),
        (Malformed::HopLimit, Class::Sanity),
        (Malformed::Source, Class::Sanity),
        (Malformed::Destination, Class::Sanity),
        (Malformed::Port, Class::Sanity),
        (Malformed::Field, Class::Sanity),
    ];
    for (why, class) in all {
        assert_eq!(why.class(), class, "{why}");
        let line = why.found_in("IPv4").to_string();
        let marker = class.to_string().to_uppercase();
        assert_eq!(line, format!("[{marker} ERROR][IPv4] {why}"));
        let as_error: &dyn Error = &why;
        assert!(!as_error.to_string().is_empty());
    }
}

/// WIRE-01: bytes that fail both ways fail the structural check; values are looked at only after.
#[test]
fn wire_01_integrity_comes_before_sanity() {
    let mut packet = golden("udp4");
    packet[8] = 0;
    assert_eq!(ip::parse(&packet), Err(Malformed::Checksum), "TTL 0, checksum not fixed");
    packet[10..12].fill(0);
    let checksum = crate::checksum::checksum(&packet[..20]);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    let header = ip::parse(&packet).unwrap();
    assert_eq!(header.check_sender(false), Err(Malformed::ZeroHopLimit { pointer: 8 }));

    let mut datagram = golden("udp4").split_off(20);
    datagram[2..6].fill(0);
    assert_eq!(udp::parse(&datagram), Err(Malformed::Length), "length 0 and port 0");
    let mut segment = [0; 20];
    segment[12] = 0x40;
    assert_eq!(tcp::parse(&segment), Err(Malformed::HeaderLength), "offset 16 and port 0");
    assert_eq!(arp::parse(&[0; 27]), Err(Malformed::Truncated));
}

/// WIRE-03, IP4-04, IP6-03: pointers count from the front of the IP packet, whichever header was at
/// fault.
#[test]
fn wire_03_pointers_of_parameter_problems() {
    let problem = |why: Malformed| why.problem().map(|problem| (problem.code, problem.pointer));
    assert_eq!(problem(Malformed::ZeroHopLimit { pointer: 7 }), Some((0, 7)));
    assert_eq!(problem(Malformed::Routing { pointer: 42 }), Some((0, 42)));
    assert_eq!(problem(Malformed::OptionValue { pointer: 20 }), Some((0, 20)));
    assert_eq!(problem(Malformed::IncompleteChain), Some((3, 0)));
    let unknown = Malformed::UnknownOption { pointer: 50, even_multicast: true };
    assert_eq!(problem(unknown), Some((2, 50)));
    assert!(unknown.problem().is_some_and(|problem| problem.even_multicast));
    assert_eq!(problem(Malformed::Checksum), None);
    let packet = golden("udp4");
    let header = ipv4::parse(&packet, false).unwrap();
    let blamed = header.sender_problem(&Malformed::Source).unwrap();
    assert_eq!((blamed.code, blamed.pointer), (0, 12));
    let header = ip::parse(&golden("udp6")).unwrap();
    assert_eq!(header.sender_problem(&Malformed::Source).map(|p| p.pointer), Some(8));
    assert_eq!(header.sender_problem(&Malformed::Checksum), None);
    let zero = Malformed::ZeroHopLimit { pointer: 7 };
    assert_eq!(header.sender_problem(&zero), zero.problem());
}
