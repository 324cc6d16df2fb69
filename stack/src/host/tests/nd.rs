//! Neighbour discovery with the peer (NDS and ND rows).

use addr::{Ip, Mac};
use wire::icmp::Message;
use wire::ip::IpEmit;
use wire::ndp::{self, NeighborAdvertisement};
use wire::offload::Medium;

use crate::control::{InterfaceConfig, LinkChange, NudState};
use crate::drop::DropReason;
use crate::host::fixture::*;
use crate::limits::Limits;
use crate::time::Duration;

fn nd_header(src: Ip, dst: Ip) -> IpEmit {
    IpEmit { hop_limit: 255, ..icmp_header(src, dst) }
}

fn solicitation(src: Ip, dst: Ip, target: Ip, mac: Option<Mac>) -> Vec<u8> {
    let mut buf = [0; 64];
    let len = ndp::emit_ns(&mut buf, src, dst, target, mac, None).unwrap();
    ip_frame(&nd_header(src, dst), &buf[..len])
}

fn advertisement(dst: Ip, target: Ip, mac: Option<Mac>, flags: (bool, bool, bool)) -> Vec<u8> {
    let (router, solicited, override_flag) = flags;
    let na = NeighborAdvertisement {
        target,
        router,
        solicited,
        override_flag,
        options: ndp::Options::default(),
    };
    let mut buf = [0; 64];
    let len = ndp::emit_na(&mut buf, target, dst, &na, mac).unwrap();
    ip_frame(&nd_header(target, dst), &buf[..len])
}

/// The advertisement in a frame: destination, target, flags (R, S, O), target link address.
fn parse_na(frame: &[u8]) -> (Ip, Ip, (bool, bool, bool), Option<Mac>) {
    let (header, message) = parse_icmp(frame);
    let Message::Other { kind, code, body } = message else { panic!("{message:?}") };
    let ndp::Message::NeighborAdvertisement(na) = ndp::parse(&header, kind, code, body).unwrap()
    else {
        panic!("not an advertisement")
    };
    let flags = (na.router, na.solicited, na.override_flag);
    (header.dst, na.target, flags, na.options.target_mac())
}

fn state_of(lab: &Lab, ip: Ip) -> Option<(NudState, Option<Mac>, bool)> {
    let found = lab.host.neighbors(lab.now).into_iter().find(|n| n.ip == ip);
    found.map(|n| (n.state, n.mac, n.is_router))
}

#[test]
fn nds_01_solicitation_is_answered_and_its_sender_learned() {
    let mut lab = Lab::new();
    let group = us6().solicited_node();
    lab.receive(&solicitation(peer6(), group, us6(), Some(PEER_MAC))).unwrap();
    let frame = lab.sent_one();
    assert_eq!(parse_na(&frame), (peer6(), us6(), (false, true, true), Some(MAC)));
    assert_eq!(frame[..6], PEER_MAC.0);
    assert_eq!(frame[14 + 7], 255);
    assert_eq!(state_of(&lab, peer6()), Some((NudState::Stale, Some(PEER_MAC), false)));
}

#[test]
fn nds_01_duplicate_address_probe_is_answered_to_all_nodes() {
    let mut lab = Lab::new();
    let group = us6().solicited_node();
    lab.receive(&solicitation(Ip::UNSPECIFIED_V6, group, us6(), None)).unwrap();
    let frame = lab.sent_one();
    assert_eq!(parse_na(&frame), (Ip::ALL_NODES, us6(), (false, false, true), Some(MAC)));
    assert_eq!(frame[..6], [0x33, 0x33, 0, 0, 0, 1]);
    assert!(lab.host.neighbors(lab.now).is_empty());
}

#[test]
fn nds_01_unicast_probe_of_a_known_neighbour_is_answered() {
    let mut lab = Lab::acquainted();
    lab.receive(&solicitation(peer6(), us6(), us6(), None)).unwrap();
    assert_eq!(parse_na(&lab.sent_one()).0, peer6());
    // Of an unknown one it starts resolution instead.
    let mut lab = Lab::new();
    lab.receive(&solicitation(peer6(), us6(), us6(), None)).unwrap();
    let frame = lab.sent_one();
    let (header, _) = parse_icmp(&frame);
    assert_eq!(header.dst, peer6().solicited_node());
}

#[test]
fn nds_01_unknown_target_is_dropped() {
    let mut lab = Lab::new();
    // Shares the solicited-node group with ours.
    let other = ip("2001:db8:1::1");
    let frame = solicitation(peer6(), other.solicited_node(), other, Some(PEER_MAC));
    assert_eq!(lab.receive(&frame), Err(DropReason::NdNotOurs));
    assert!(lab.sent().is_empty());
}

/// STAT-15.
#[test]
fn nd_01_validity_rules() {
    let mut lab = Lab::new();
    let group = us6().solicited_node();
    let good = solicitation(peer6(), group, us6(), Some(PEER_MAC));
    // A router passed it on.
    let mut far = good.clone();
    far[14 + 7] = 254;
    assert_eq!(lab.receive(&far), Err(DropReason::NdInvalid));
    // An option of length zero, and one beyond the end.
    for len in [0, 2] {
        let mut buf = [0; 32];
        ndp::emit_ns(&mut buf, peer6(), group, us6(), Some(PEER_MAC), None).unwrap();
        buf[25] = len;
        wire::icmpv6::set_checksum(&mut buf, peer6(), group);
        let frame = ip_frame(&nd_header(peer6(), group), &buf);
        assert_eq!(lab.receive(&frame), Err(DropReason::NdInvalid), "length {len}");
    }
    // ND-04: an unspecified source has no link address, and asks the group.
    let unspecified = Ip::UNSPECIFIED_V6;
    let frame = solicitation(unspecified, group, us6(), Some(PEER_MAC));
    assert_eq!(lab.receive(&frame), Err(DropReason::NdInvalid));
    let frame = solicitation(unspecified, us6(), us6(), None);
    assert_eq!(lab.receive(&frame), Err(DropReason::IpMartianSource));
    // ND-05: a solicited advertisement is not for everyone.
    let frame = advertisement(Ip::ALL_NODES, peer6(), Some(PEER_MAC), (false, true, true));
    assert_eq!(lab.receive(&frame), Err(DropReason::NdInvalid));
    // A bad checksum.
    let mut bad = good;
    *bad.last_mut().unwrap() ^= 1;
    assert_eq!(lab.receive(&bad), Err(DropReason::IcmpMalformed));
    assert_eq!(lab.host.stats().nd_in, 0);
    assert!(lab.sent().is_empty());
}

#[test]
fn nds_02_advertisement_for_an_unknown_neighbour_makes_no_entry() {
    let mut lab = Lab::new();
    let frame = advertisement(us6(), peer6(), Some(PEER_MAC), (false, true, true));
    assert_eq!(lab.receive(&frame), Err(DropReason::NdNotOurs));
    assert!(lab.host.neighbors(lab.now).is_empty());
}

/// NDS-03, GAP-08.
#[test]
fn nds_02_flags_decide_what_an_advertisement_changes() {
    let mut lab = Lab::new();
    let mut ends = lab.udp("[::]:0");
    lab.send_to(&mut ends, "[2001:db8::2]:9", b"hello");
    let frame = lab.sent_one();
    let (header, _) = parse_icmp(&frame);
    assert_eq!((header.src, header.dst), (us6(), peer6().solicited_node()));
    lab.receive(&advertisement(us6(), peer6(), Some(PEER_MAC), (true, true, true))).unwrap();
    assert_eq!(state_of(&lab, peer6()), Some((NudState::Reachable, Some(PEER_MAC), true)));
    assert_eq!(lab.sent().len(), 1, "the datagram that waited");
    // Without the override flag another address makes it doubtful and no more.
    let other = Mac([2, 0, 0, 0, 0, 9]);
    lab.receive(&advertisement(us6(), peer6(), Some(other), (false, true, false))).unwrap();
    assert_eq!(state_of(&lab, peer6()), Some((NudState::Stale, Some(PEER_MAC), true)));
    lab.receive(&advertisement(us6(), peer6(), Some(other), (false, false, true))).unwrap();
    assert_eq!(state_of(&lab, peer6()), Some((NudState::Stale, Some(other), false)));
}

#[test]
fn nds_02_advertisement_of_our_address_is_a_conflict() {
    let mut lab = Lab::new();
    let na = NeighborAdvertisement {
        target: us6(),
        router: false,
        solicited: false,
        override_flag: true,
        options: ndp::Options::default(),
    };
    let mut buf = [0; 64];
    let len = ndp::emit_na(&mut buf, peer6(), Ip::ALL_NODES, &na, Some(PEER_MAC)).unwrap();
    let frame = ip_frame(&nd_header(peer6(), Ip::ALL_NODES), &buf[..len]);
    assert_eq!(lab.receive(&frame), Err(DropReason::AddressConflict));
}

#[test]
fn nds_04_router_messages_are_counted_and_left_alone() {
    let mut lab = Lab::new();
    let router = ip("fe80::99");
    let ra = ndp::Message::RouterAdvertisement(ndp::RouterAdvertisement {
        lifetime_s: 1800,
        ..Default::default()
    });
    let mut buf = [0; 64];
    let len = ndp::emit(&mut buf, router, Ip::ALL_NODES, &ra).unwrap();
    let frame = ip_frame(&nd_header(router, Ip::ALL_NODES), &buf[..len]);
    assert_eq!(lab.receive(&frame), Err(DropReason::NdNotOurs));
    assert_eq!(lab.host.stats().nd_in, 1);
    // A solicitation is for routers: their group is not ours, and one that comes all the same is
    // counted and no more.
    let rs = ndp::Message::RouterSolicitation { options: ndp::Options::default() };
    for (dst, reason) in
        [(Ip::ALL_ROUTERS, DropReason::LinkNotOurs), (us6(), DropReason::NdNotOurs)]
    {
        let len = ndp::emit(&mut buf, peer6(), dst, &rs).unwrap();
        let frame = ip_frame(&nd_header(peer6(), dst), &buf[..len]);
        assert_eq!(lab.receive(&frame), Err(reason));
        assert_eq!(lab.host.stats().dropped(reason), 1 + u64::from(dst == us6()), "{dst}");
    }
    assert_eq!(lab.host.stats().nd_in, 2);
    assert!(lab.sent().is_empty());
    assert!(lab.host.routes().iter().all(|r| r.destination.prefix != 0));
}

#[test]
fn nds_06_neighbour_discovery_in_fragments_is_refused() {
    let mut lab = Lab::new();
    let group = us6().solicited_node();
    let mut buf = [0; 32];
    ndp::emit_ns(&mut buf, peer6(), group, us6(), Some(PEER_MAC), None).unwrap();
    let header = IpEmit { protocol: wire::ip::PROTO_FRAGMENT, ..nd_header(peer6(), group) };
    let mut results = Vec::new();
    for (offset, more) in [(0, true), (16, false)] {
        let mut payload = vec![0; 8];
        let fragment = wire::ip::Fragment { offset: offset as u32, more };
        wire::ipv6_ext::emit_fragment(&mut payload, 58, fragment, 1).unwrap();
        payload.extend_from_slice(&buf[offset..offset + 16]);
        results.push(lab.receive(&ip_frame(&header, &payload)));
    }
    assert_eq!(results, [Ok(()), Err(DropReason::NdInvalid)]);
    assert!(lab.sent().is_empty());
}

/// CTL-21, MLDS-01, MLDS-02, MLDS-07, DAD-05.
#[test]
fn address_add_joins_reports_and_announces() {
    let mut lab = Lab::new();
    let added = ip("2001:db8::5:6");
    lab.host.address_add(lab.now, lab.ifindex, cidr("2001:db8::5:6/64")).unwrap();
    let interface = lab.host.interfaces().into_iter().find(|i| i.ifindex == lab.ifindex).unwrap();
    assert!(interface.groups.contains(&added.solicited_node()));
    let frames = lab.sent();
    assert_eq!(frames.len(), 2);
    let (report, message) = parse_icmp(&frames[0]);
    assert_eq!((report.dst, report.hop_limit), (ip("ff02::16"), 1));
    // A hop-by-hop header with a router alert for MLD (RFC 2711) and two octets of padding.
    assert_eq!((frames[0][14 + 6], &frames[0][54..62]), (0, &[58, 0, 5, 2, 0, 0, 1, 0][..]));
    assert!(report.src.is_link_local());
    let Message::Other { kind: 143, body, .. } = message else { panic!("{message:?}") };
    assert_eq!(body[8..], *added.solicited_node().octets());
    assert_eq!(parse_na(&frames[1]), (Ip::ALL_NODES, added, (false, false, true), Some(MAC)));
    lab.host.address_del(lab.now, lab.ifindex, added).unwrap();
    let interface = lab.host.interfaces().into_iter().find(|i| i.ifindex == lab.ifindex).unwrap();
    assert!(!interface.groups.contains(&added.solicited_node()));
}

#[test]
fn adr6_03_link_local_address_by_eui_64() {
    let lab = Lab::new();
    let addresses: Vec<_> = lab.host.addresses().into_iter().map(|a| a.address.cidr).collect();
    assert!(addresses.contains(&cidr("fe80::ff:fe00:1/64")), "{addresses:?}");
}

/// Nothing of Ethernet leaves by a device of bare IP packets, whatever is heard or changes there. A
/// neighbor that asks whether we live gets the answer that Linux gives on such a device: an
/// advertisement without a link address, with the override flag clear.
/// ADR6-02, IPTX-12.
#[test]
fn a_bare_ip_medium_sees_nothing_of_ethernet() {
    let config = InterfaceConfig { medium: Medium::Ip, ..ethernet_config("tun0", MAC) };
    let mut lab = Lab::with(Limits::default(), config);
    let group = us6().solicited_node();
    for mac in [None, Some(PEER_MAC)] {
        lab.receive(&solicitation(peer6(), us6(), us6(), mac)[14..]).unwrap();
        let frame = lab.sent_one();
        let header = wire::ip::parse(&frame).unwrap();
        assert_eq!((header.src, header.dst), (us6(), peer6()));
        assert_eq!((header.hop_limit, header.total_len()), (255, frame.len()));
        let framed = eth(MAC, wire::ethernet::ETHERTYPE_IPV6, &frame);
        assert_eq!(parse_na(&framed), (peer6(), us6(), (false, true, false), None));
        for frame in [
            solicitation(peer6(), group, us6(), mac),
            solicitation(Ip::UNSPECIFIED_V6, group, us6(), None),
            advertisement(us6(), peer6(), mac, (true, true, true)),
            advertisement(Ip::ALL_NODES, us6(), mac, (false, false, true)),
        ] {
            assert!(lab.receive(&frame[14..]).is_err());
        }
    }
    lab.host.address_add(lab.now, lab.ifindex, cidr("2001:db8::77/64")).unwrap();
    for up in [false, true] {
        let change = LinkChange { up: Some(up), ..LinkChange::default() };
        lab.host.link_set(lab.now, lab.ifindex, &change).unwrap();
    }
    lab.wait(Duration::from_secs(30));
    assert!(lab.sent().is_empty());
    assert!(lab.host.neighbors(lab.now).is_empty());
}
