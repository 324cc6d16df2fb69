//! ICMP for IPv4 (RFC 792, RFC 1122 §3.2.2, RFC 1191).
//!
//! ```text
//! | type | code | checksum | id, seq / unused, MTU / pointer / gateway | data or quoted packet
//! ```
//!
//! Types a host has no use for (timestamp, address mask, router discovery, source quench: RFC 6633,
//! RFC 6918 retire most) are refused like unknown ones.

use addr::Ip;

use crate::checksum::{self, Sum};
use crate::icmp::{Echo, Head, Message, put};
use crate::{EmitError, Malformed};

/// Type: echo reply.
pub const ECHO_REPLY: u8 = 0;
/// Type: destination unreachable.
pub const UNREACHABLE: u8 = 3;
/// Type: redirect.
pub const REDIRECT: u8 = 5;
/// Type: echo request.
pub const ECHO_REQUEST: u8 = 8;
/// Type: time exceeded.
pub const TIME_EXCEEDED: u8 = 11;
/// Type: parameter problem.
pub const PARAMETER_PROBLEM: u8 = 12;

/// Unreachable: network.
pub const CODE_NETWORK: u8 = 0;
/// Unreachable: host.
pub const CODE_HOST: u8 = 1;
/// Unreachable: protocol.
pub const CODE_PROTOCOL: u8 = 2;
/// Unreachable: port.
pub const CODE_PORT: u8 = 3;
/// Unreachable: fragmentation needed and forbidden; shown as [`Message::PacketTooBig`].
pub const CODE_FRAGMENTATION_NEEDED: u8 = 4;
/// Unreachable: source route failed.
pub const CODE_SOURCE_ROUTE: u8 = 5;
/// Unreachable: destination network unknown (RFC 1122 §3.2.2.1, as the codes up to 12).
pub const CODE_NETWORK_UNKNOWN: u8 = 6;
/// Unreachable: destination host unknown.
pub const CODE_HOST_UNKNOWN: u8 = 7;
/// Unreachable: source host isolated.
pub const CODE_HOST_ISOLATED: u8 = 8;
/// Unreachable: communication with the network administratively prohibited.
pub const CODE_NETWORK_PROHIBITED: u8 = 9;
/// Unreachable: communication with the host administratively prohibited.
pub const CODE_HOST_PROHIBITED: u8 = 10;
/// Unreachable: network unreachable for this type of service.
pub const CODE_NETWORK_SERVICE: u8 = 11;
/// Unreachable: host unreachable for this type of service.
pub const CODE_HOST_SERVICE: u8 = 12;
/// Unreachable: administratively prohibited (RFC 1812 §5.2.7.1, as the two that follow).
pub const CODE_PROHIBITED: u8 = 13;
/// Unreachable: host precedence violation.
pub const CODE_PRECEDENCE_VIOLATION: u8 = 14;
/// Unreachable: precedence cutoff in effect.
pub const CODE_PRECEDENCE_CUTOFF: u8 = 15;

/// Reads and checks a message: the payload of an IPv4 packet.
///
/// # Errors
/// [`Malformed::Truncated`] if there are fewer bytes than the header has, [`Malformed::Checksum`]
/// if the checksum does not hold, [`Malformed::Field`] for a type or code that is not read here.
///
/// ```
/// use wire::icmp::{Echo, Message};
/// use wire::icmpv4;
/// let ping = Message::EchoRequest(Echo { id: 7, seq: 1, data: b"abc" });
/// let mut bytes = [0; 11];
/// assert_eq!(icmpv4::emit(&mut bytes, &ping), Ok(11));
/// assert_eq!(icmpv4::parse(&bytes), Ok(ping));
/// ```
pub fn parse(message: &[u8]) -> Result<Message<'_>, Malformed> {
    let (head, rest) = message.split_first_chunk::<4>().ok_or(Malformed::Truncated)?;
    let (word, quote) = rest.split_first_chunk::<4>().ok_or(Malformed::Truncated)?;
    if !checksum::sum(Sum::ZERO, message).is_valid() {
        return Err(Malformed::Checksum);
    }
    let [kind, code, ..] = *head;
    match (kind, code) {
        (ECHO_REPLY, 0) => Ok(Message::EchoReply(Echo::read(word, quote))),
        (ECHO_REQUEST, 0) => Ok(Message::EchoRequest(Echo::read(word, quote))),
        (UNREACHABLE, CODE_FRAGMENTATION_NEEDED) => {
            let mtu = u32::from(u16::from_be_bytes([word[2], word[3]]));
            Ok(Message::PacketTooBig { mtu, quote })
        }
        (UNREACHABLE, 0..=15) => Ok(Message::Unreachable { code, quote }),
        (REDIRECT, 0..=3) => Ok(Message::Redirect { code, gateway: Ip::v4(*word), quote }),
        (TIME_EXCEEDED, 0..=1) => Ok(Message::TimeExceeded { code, quote }),
        (PARAMETER_PROBLEM, 0..=2) => {
            Ok(Message::ParameterProblem { code, pointer: u32::from(word[0]), quote })
        }
        _ => Err(Malformed::Field),
    }
}

/// Writes a message to the front of `buf`, checksum included.
///
/// Returns its length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if IPv4 has no such
/// message.
pub fn emit(buf: &mut [u8], message: &Message<'_>) -> Result<usize, EmitError> {
    let (kind, code, word, body) = match *message {
        Message::EchoReply(echo) => (ECHO_REPLY, 0, echo.word(), echo.data),
        Message::EchoRequest(echo) => (ECHO_REQUEST, 0, echo.word(), echo.data),
        Message::Unreachable { code, quote } => (UNREACHABLE, code, 0, quote),
        Message::PacketTooBig { mtu, quote } => {
            (UNREACHABLE, CODE_FRAGMENTATION_NEEDED, mtu.min(0xffff), quote)
        }
        Message::TimeExceeded { code, quote } => (TIME_EXCEEDED, code, 0, quote),
        Message::ParameterProblem { code, pointer, quote } => {
            (PARAMETER_PROBLEM, code, pointer << 24, quote)
        }
        Message::Redirect { code, gateway, quote } => match gateway.octets_v4() {
            Some(octets) => (REDIRECT, code, u32::from_be_bytes(octets), quote),
            None => return Err(EmitError::Value),
        },
        Message::Other { .. } => return Err(EmitError::Value),
    };
    put(buf, &Head { kind, code, word }, body, Sum::ZERO)
}

#[cfg(test)]
mod tests;
