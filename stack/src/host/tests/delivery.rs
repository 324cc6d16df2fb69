//! What a shard hands to control, by protocol.

use addr::{Ip, Mac};
use wire::icmp::Message;
use wire::ip::IpEmit;
use wire::offload::RxMeta;
use wire::{arp, mld};

use crate::delivery::{ControlMessage, LinkHeader};
use crate::drop::DropReason;
use crate::fib::ControlProtocols;
use crate::host::fixture::*;
use crate::shard::Received;

const ALL: [ControlProtocols; 4] = [
    ControlProtocols::DHCPV4,
    ControlProtocols::DHCPV6,
    ControlProtocols::IGMP,
    ControlProtocols::MLD,
];

impl Lab {
    /// What the shard alone makes of a frame: the name of the message for control, with its bytes.
    fn handed_over(&mut self, frame: &[u8]) -> Result<Option<(&'static str, Vec<u8>)>, DropReason> {
        let worker = self.host.first();
        let received =
            worker.shard.receive(self.now, &worker.fib, self.ifindex, RxMeta::default(), frame)?;
        let Received::ForControl(message) = received else { return Ok(None) };
        Ok(Some(match message {
            ControlMessage::Arp(packet) => ("arp", packet.to_vec()),
            ControlMessage::NeighborDiscovery(m) => ("neighbor", m.body.to_vec()),
            ControlMessage::RouterDiscovery(m) => ("router", m.body.to_vec()),
            ControlMessage::Mld(m) => {
                assert_eq!((m.kind, m.code, m.header.dst), (mld::QUERY, 0, Ip::ALL_NODES));
                ("mld", m.body.to_vec())
            }
            ControlMessage::Igmp(p) => {
                assert_eq!(p.header.dst, ip("224.0.0.1"));
                ("igmp", p.bytes.to_vec())
            }
            ControlMessage::Dhcpv4(p) => {
                assert!(p.header.src.is_v4());
                ("dhcpv4", p.bytes.to_vec())
            }
            ControlMessage::Dhcpv6(p) => {
                assert!(p.header.src.is_v6());
                ("dhcpv6", p.bytes.to_vec())
            }
        }))
    }

    fn register(&mut self, protocols: ControlProtocols) {
        self.host.first().control.as_mut().unwrap().register(self.ifindex, protocols);
        self.host.expire(self.now);
    }
}

fn igmp_query() -> Vec<u8> {
    let header = IpEmit { src: PEER, dst: ip("224.0.0.1"), protocol: 2, ..IpEmit::default() };
    ip_frame(&header, &[0x11, 0, 0xee, 0xff, 0, 0, 0, 0])
}

fn mld_query() -> Vec<u8> {
    let (src, dst) = (ip("fe80::2"), Ip::ALL_NODES);
    let mut message = [0; mld::LEN];
    let query = mld::Message::QueryV1 { max_response_ms: 1000, group: Ip::UNSPECIFIED_V6 };
    mld::emit(&mut message, src, dst, &query).unwrap();
    ip_frame(&icmp_header(src, dst), &message)
}

/// A frame to us with a datagram to an address that is not ours.
fn offer(to: &str) -> Vec<u8> {
    let mut frame = udp_frame("10.0.0.2:67", to, b"offer");
    frame[..6].copy_from_slice(&MAC.0);
    frame
}

/// RFC 2131 §4.1: the answer may go to the address that is only being offered.
/// IPRX-01.
#[test]
fn a_dhcp_answer_reaches_control_before_the_address_is_ours() {
    let mut lab = Lab::new();
    let answers = [offer("10.0.0.99:68"), offer("255.255.255.255:68"), offer("10.0.0.1:68")];
    let today = [DropReason::IpNotOurs, DropReason::UdpNoSocket, DropReason::UdpNoSocket];
    for (frame, reason) in answers.iter().zip(today) {
        assert_eq!(lab.handed_over(frame).unwrap_err(), reason, "nobody registered");
    }
    lab.register(ControlProtocols::DHCPV4);
    for frame in &answers {
        assert_eq!(lab.handed_over(frame), Ok(Some(("dhcpv4", b"offer".to_vec()))));
    }
    assert_eq!(lab.handed_over(&offer("10.0.0.99:67")), Err(DropReason::IpNotOurs));
    let mut damaged = offer("10.0.0.99:68");
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(lab.handed_over(&damaged), Err(DropReason::IpNotOurs));
}

#[test]
fn each_protocol_goes_to_control_only_where_it_is_registered() {
    let dhcpv6 = udp_frame("[2001:db8::2]:547", "[2001:db8::1]:546", b"reply");
    let messages = [offer("10.0.0.1:68"), dhcpv6, igmp_query(), mld_query()];
    let names = ["dhcpv4", "dhcpv6", "igmp", "mld"];
    for registered in ALL {
        let mut lab = Lab::new();
        lab.register(registered);
        for ((frame, name), protocol) in messages.iter().zip(names).zip(ALL) {
            let handed = lab.handed_over(frame).ok().flatten().map(|(name, _)| name);
            assert_eq!(handed, (protocol == registered).then_some(name), "{registered:?}");
        }
    }
}

#[test]
fn neighbors_and_routers_are_told_apart() {
    let mut lab = Lab::new();
    let request = arp_frame(Mac::BROADCAST, &arp_from_peer(arp::REQUEST, PEER, US));
    assert_eq!(lab.handed_over(&request).unwrap().unwrap().0, "arp");
    let link = LinkHeader { src: PEER_MAC, dst: Mac::BROADCAST };
    assert_eq!(LinkHeader::of(&request), link);
    for (kind, name) in [(133, "router"), (134, "router"), (135, "neighbor"), (136, "neighbor")] {
        let body = [0; 20];
        let message = Message::Other { kind, code: 0, body: &body };
        let frame = icmp_frame(ip("fe80::2"), ip("2001:db8::1"), &message);
        assert_eq!(lab.handed_over(&frame).unwrap().unwrap().0, name);
    }
}
