//! Which packets are messages of a protocol that control speaks on their interface.
//!
//! Only looked at where the interface has such a protocol. A DHCP answer goes to an address that is
//! not ours yet, so this is asked before the destination is judged.

use wire::icmp::Message;
use wire::ip::{PROTO_ICMPV6, PROTO_UDP};
use wire::{icmpv6, mld, udp};

use crate::delivery::{ControlMessage, Icmpv6, Payload};
use crate::fib::ControlProtocols;
use crate::ip::Packet;
use crate::udp::verify;

/// RFC 2131 §4.1.
const DHCPV4_CLIENT_PORT: u16 = 68;
/// RFC 8415 §7.2.
const DHCPV6_CLIENT_PORT: u16 = 546;
/// The IP protocol number of IGMP (RFC 3376 §4).
const PROTO_IGMP: u8 = 2;

/// The message for control in `packet`, if it is one of `protocols` and its checksum holds. What is
/// damaged is left to those who count damage.
#[cold]
#[inline(never)]
pub(super) fn message<'a>(
    protocols: ControlProtocols,
    packet: &Packet<'a>,
) -> Option<ControlMessage<'a>> {
    let header = packet.header;
    if header.fragment.is_some() {
        return None;
    }
    match (header.protocol, header.src.is_v4()) {
        (PROTO_UDP, v4) => {
            let datagram = udp::parse(packet.payload).ok()?;
            let (protocol, port) = match v4 {
                true => (ControlProtocols::DHCPV4, DHCPV4_CLIENT_PORT),
                false => (ControlProtocols::DHCPV6, DHCPV6_CLIENT_PORT),
            };
            if !protocols.has(protocol) || datagram.dst_port != port {
                return None;
            }
            verify(packet, &datagram).ok()?;
            let payload = Payload { header, bytes: datagram.payload };
            Some(match v4 {
                true => ControlMessage::Dhcpv4(payload),
                false => ControlMessage::Dhcpv6(payload),
            })
        }
        (PROTO_IGMP, true) if protocols.has(ControlProtocols::IGMP) => {
            Some(ControlMessage::Igmp(Payload { header, bytes: packet.payload }))
        }
        (PROTO_ICMPV6, false) if protocols.has(ControlProtocols::MLD) => {
            match icmpv6::parse(header.src, header.dst, packet.payload).ok()? {
                Message::Other { kind, code, body } if is_mld(kind) => {
                    Some(ControlMessage::Mld(Icmpv6 { header, kind, code, body }))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_mld(kind: u8) -> bool {
    matches!(kind, mld::QUERY | mld::REPORT_V1 | mld::DONE | mld::REPORT_V2)
}
