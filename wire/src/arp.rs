//! Address resolution for IPv4 over Ethernet (RFC 826, RFC 5227).
//!
//! ```text
//!  0      2      4  5  6         8            14           18           24           28
//!  | 1    | 0800 |6 |4 | operation | sender MAC | sender IP  | target MAC | target IP  |
//! ```
//!
//! One fixed layout; anything else that ARP could carry is not ours to answer.

use std::net::Ipv4Addr;

use addr::Mac;
use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{EmitError, Malformed};

/// Bytes of a packet.
pub const LEN: usize = 28;
/// Operation: who has the target address?
pub const REQUEST: u16 = 1;
/// Operation: the sender has it.
pub const REPLY: u16 = 2;

const HARDWARE_ETHERNET: u16 = 1;
const PROTOCOL_IPV4: u16 = 0x0800;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Layout {
    hardware: U16,
    protocol: U16,
    hardware_len: u8,
    protocol_len: u8,
    operation: U16,
    sender_mac: [u8; 6],
    sender_ip: [u8; 4],
    target_mac: [u8; 6],
    target_ip: [u8; 4],
}

/// A request or a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// [`REQUEST`] or [`REPLY`].
    pub operation: u16,
    /// Who sent it.
    pub sender_mac: Mac,
    /// The sender's address; unspecified in a probe.
    pub sender_ip: Ipv4Addr,
    /// The receiver; anything in a request.
    pub target_mac: Mac,
    /// The address asked for, or the receiver's.
    pub target_ip: Ipv4Addr,
}

/// Reads and checks a packet; trailing padding is ignored.
///
/// # Errors
/// [`Malformed::Truncated`] if there are fewer bytes than the packet has, [`Malformed::Field`]
/// unless it is a request or reply about IPv4 over Ethernet, [`Malformed::Source`] or
/// [`Malformed::Destination`] if the sender or the target cannot be one host.
///
/// ```
/// use wire::arp::{self, Arp};
/// let request = Arp {
///     operation: arp::REQUEST,
///     sender_mac: addr::Mac([2, 0, 0, 0, 0, 1]),
///     sender_ip: [10, 0, 0, 1].into(),
///     target_mac: addr::Mac::UNSPECIFIED,
///     target_ip: [10, 0, 0, 2].into(),
/// };
/// let mut bytes = [0; arp::LEN];
/// arp::emit(&mut bytes, &request).unwrap();
/// assert_eq!(arp::parse(&bytes), Ok(request));
/// ```
pub fn parse(packet: &[u8]) -> Result<Arp, Malformed> {
    let (layout, _) = Layout::ref_from_prefix(packet).map_err(|_| Malformed::Truncated)?;
    let ours = layout.hardware.get() == HARDWARE_ETHERNET
        && layout.protocol.get() == PROTOCOL_IPV4
        && layout.hardware_len == 6
        && layout.protocol_len == 4;
    if !ours {
        return Err(Malformed::Field);
    }
    let arp = Arp {
        operation: layout.operation.get(),
        sender_mac: Mac(layout.sender_mac),
        sender_ip: layout.sender_ip.into(),
        target_mac: Mac(layout.target_mac),
        target_ip: layout.target_ip.into(),
    };
    check(&arp).map(|()| arp)
}

/// Values no correct sender uses.
fn check(arp: &Arp) -> Result<(), Malformed> {
    let (sender, target) = (arp.sender_ip, arp.target_ip);
    if !matches!(arp.operation, REQUEST | REPLY) {
        return Err(Malformed::Field);
    }
    let bad_sender = sender.is_loopback()
        || sender.is_multicast()
        || sender.is_broadcast()
        || (sender.is_unspecified() && arp.operation == REPLY);
    if bad_sender || !arp.sender_mac.is_unicast() {
        return Err(Malformed::Source);
    }
    if target.is_multicast() || target.is_broadcast() {
        return Err(Malformed::Destination);
    }
    Ok(())
}

/// Writes a packet to the front of `buf`; returns its length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short.
pub fn emit(buf: &mut [u8], arp: &Arp) -> Result<usize, EmitError> {
    let layout = Layout {
        hardware: HARDWARE_ETHERNET.into(),
        protocol: PROTOCOL_IPV4.into(),
        hardware_len: 6,
        protocol_len: 4,
        operation: arp.operation.into(),
        sender_mac: arp.sender_mac.0,
        sender_ip: arp.sender_ip.octets(),
        target_mac: arp.target_mac.0,
        target_ip: arp.target_ip.octets(),
    };
    layout.write_to_prefix(buf).map_err(|_| EmitError::NoRoom)?;
    Ok(LEN)
}

#[cfg(test)]
mod tests;
