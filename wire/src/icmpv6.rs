//! ICMP for IPv6 (RFC 4443).
//!
//! ```text
//! | type | code | checksum | id, seq / unused / MTU / pointer | data or quoted packet
//! ```
//!
//! The checksum covers a pseudo header, so the addresses go in. Types that are not errors or
//! echoes come out as [`Message::Other`], for [`crate::ndp`] and for whoever counts unknown ones.

use addr::Ip;

use crate::checksum::{self, Sum};
use crate::icmp::{Echo, HEADER_LEN, Head, Message, put};
use crate::ip::PROTO_ICMPV6;
use crate::{EmitError, Malformed};

/// Type: destination unreachable.
pub const UNREACHABLE: u8 = 1;
/// Type: packet too big.
pub const PACKET_TOO_BIG: u8 = 2;
/// Type: time exceeded.
pub const TIME_EXCEEDED: u8 = 3;
/// Type: parameter problem.
pub const PARAMETER_PROBLEM: u8 = 4;
/// Type: echo request.
pub const ECHO_REQUEST: u8 = 128;
/// Type: echo reply.
pub const ECHO_REPLY: u8 = 129;

/// Unreachable: no route.
pub const CODE_NO_ROUTE: u8 = 0;
/// Unreachable: administratively prohibited.
pub const CODE_PROHIBITED: u8 = 1;
/// Unreachable: beyond the scope of the source.
pub const CODE_BEYOND_SCOPE: u8 = 2;
/// Unreachable: address.
pub const CODE_ADDRESS: u8 = 3;
/// Unreachable: port.
pub const CODE_PORT: u8 = 4;
/// Unreachable: source failed policy.
pub const CODE_POLICY: u8 = 5;
/// Unreachable: reject route.
pub const CODE_REJECT_ROUTE: u8 = 6;
/// Unreachable: error in the source routing header (RFC 6550 §20.18).
pub const CODE_SOURCE_ROUTING_HEADER: u8 = 7;

/// Parameter problem: erroneous field.
pub const CODE_FIELD: u8 = 0;
/// Parameter problem: unrecognized next header.
pub const CODE_NEXT_HEADER: u8 = 1;
/// Parameter problem: unrecognized option.
pub const CODE_OPTION: u8 = 2;
/// Parameter problem: the first fragment lacks part of the header chain (RFC 7112).
pub const CODE_INCOMPLETE_CHAIN: u8 = 3;

/// Reads and checks a message: the payload of an IPv6 packet from `src` to `dst`.
///
/// # Errors
/// [`Malformed::Truncated`] if there are fewer bytes than the header has, [`Malformed::Checksum`]
/// if the checksum does not hold, [`Malformed::Field`] for a code that its type does not have.
///
/// ```
/// use wire::icmp::Message;
/// use wire::icmpv6;
/// let (src, dst) = ("fe80::1".parse().unwrap(), "fe80::2".parse().unwrap());
/// let too_big = Message::PacketTooBig { mtu: 1280, quote: b"quoted" };
/// let mut bytes = [0; 14];
/// assert_eq!(icmpv6::emit(&mut bytes, src, dst, &too_big), Ok(14));
/// assert_eq!(icmpv6::parse(src, dst, &bytes), Ok(too_big));
/// ```
#[inline]
pub fn parse(src: Ip, dst: Ip, message: &[u8]) -> Result<Message<'_>, Malformed> {
    let (head, body) = message.split_first_chunk::<4>().ok_or(Malformed::Truncated)?;
    if !checksum::sum(pseudo(src, dst, message.len()), message).is_valid() {
        return Err(Malformed::Checksum);
    }
    let [kind, code, ..] = *head;
    let Some((word, quote)) = body.split_first_chunk::<4>() else {
        let is_known = matches!(kind, 1..=4 | 128..=129);
        return if is_known { Err(Malformed::Truncated) } else { other(kind, code, body) };
    };
    let number = u32::from_be_bytes(*word);
    match (kind, code) {
        // Codes 7 (RFC 6554) and 8 (RFC 8883) included.
        (UNREACHABLE, 0..=8) => Ok(Message::Unreachable { code, quote }),
        // RFC 4443 §3.2: the receiver ignores the code.
        (PACKET_TOO_BIG, _) => Ok(Message::PacketTooBig { mtu: number, quote }),
        (TIME_EXCEEDED, 0..=1) => Ok(Message::TimeExceeded { code, quote }),
        // Codes 4 to 10: RFC 8754, RFC 8883.
        (PARAMETER_PROBLEM, 0..=10) => {
            Ok(Message::ParameterProblem { code, pointer: number, quote })
        }
        (ECHO_REQUEST, 0) => Ok(Message::EchoRequest(Echo::read(word, quote))),
        (ECHO_REPLY, 0) => Ok(Message::EchoReply(Echo::read(word, quote))),
        (1..=4 | ECHO_REQUEST | ECHO_REPLY, _) => Err(Malformed::Field),
        _ => other(kind, code, body),
    }
}

#[inline]
fn other(kind: u8, code: u8, body: &[u8]) -> Result<Message<'_>, Malformed> {
    Ok(Message::Other { kind, code, body })
}

#[inline]
fn pseudo(src: Ip, dst: Ip, len: usize) -> Sum {
    checksum::pseudo_header(src, dst, PROTO_ICMPV6, len as u32)
}

/// Writes a message to the front of `buf`, checksum included.
///
/// Returns its length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if IPv6 has no such
/// message; the body of [`Message::Other`] must have at least four bytes.
pub fn emit(buf: &mut [u8], src: Ip, dst: Ip, message: &Message<'_>) -> Result<usize, EmitError> {
    let (kind, code, word, body) = match *message {
        Message::EchoReply(echo) => (ECHO_REPLY, 0, echo.word(), echo.data),
        Message::EchoRequest(echo) => (ECHO_REQUEST, 0, echo.word(), echo.data),
        Message::Unreachable { code, quote } => (UNREACHABLE, code, 0, quote),
        Message::PacketTooBig { mtu, quote } => (PACKET_TOO_BIG, 0, mtu, quote),
        Message::TimeExceeded { code, quote } => (TIME_EXCEEDED, code, 0, quote),
        Message::ParameterProblem { code, pointer, quote } => {
            (PARAMETER_PROBLEM, code, pointer, quote)
        }
        Message::Redirect { .. } => return Err(EmitError::Value),
        Message::Other { kind, code, body } => match body.split_first_chunk::<4>() {
            Some((word, body)) => (kind, code, u32::from_be_bytes(*word), body),
            None => return Err(EmitError::Value),
        },
    };
    let sum = pseudo(src, dst, HEADER_LEN + body.len());
    put(buf, &Head { kind, code, word }, body, sum)
}

/// Computes and writes the checksum of a whole message built by hand (neighbor discovery, MLD, raw
/// sockets). Shorter ones than four bytes have no field and stay as they are.
pub fn set_checksum(message: &mut [u8], src: Ip, dst: Ip) {
    if message.len() < 4 {
        return;
    }
    message[2..4].fill(0);
    let checksum = checksum::sum(pseudo(src, dst, message.len()), message).finish();
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
}

#[cfg(test)]
mod tests;
