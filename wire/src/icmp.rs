//! ICMP without the family: messages, and the packets they quote.
//!
//! Both ICMPs say the same few things with different numbers. [`Message`] is what they say; the
//! numbers are in [`crate::icmpv4`] and [`crate::icmpv6`], which parse and emit it. An error
//! quotes the packet that caused it, cut short: [`Quote::parse`] finds out whose it was,
//! without believing more of it than is there.

use addr::Ip;

use crate::checksum::{self, Sum};
use crate::tcp::SeqNum;
use crate::{EmitError, Malformed, ip, ipv4, ipv6, ipv6_ext};

/// Bytes before the body or the quoted packet.
pub const HEADER_LEN: usize = 8;

/// What an ICMP message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Please answer.
    EchoRequest(Echo<'a>),
    /// The answer.
    EchoReply(Echo<'a>),
    /// The packet could not be delivered; the code is the family's.
    Unreachable {
        /// Why.
        code: u8,
        /// The packet that caused it.
        quote: &'a [u8],
    },
    /// The packet exceeds a link on the way.
    PacketTooBig {
        /// The link's MTU; 0 from IPv4 routers that do not say (RFC 1191 §5).
        mtu: u32,
        /// The packet that caused it.
        quote: &'a [u8],
    },
    /// Hop limit (code 0) or reassembly time (code 1) ran out.
    TimeExceeded {
        /// Which of the two.
        code: u8,
        /// The packet that caused it.
        quote: &'a [u8],
    },
    /// A field of the packet is wrong.
    ParameterProblem {
        /// In what way; the code is the family's.
        code: u8,
        /// Byte of the packet at fault.
        pointer: u32,
        /// The packet that caused it.
        quote: &'a [u8],
    },
    /// IPv4 only: a better first hop (IPv6 has it in neighbor discovery).
    Redirect {
        /// For network or host, with or without service type.
        code: u8,
        /// The better hop.
        gateway: Ip,
        /// The packet that caused it.
        quote: &'a [u8],
    },
    /// IPv6 only: neighbor discovery, multicast listener discovery, or unknown.
    Other {
        /// The type.
        kind: u8,
        /// The code.
        code: u8,
        /// Everything behind the checksum.
        body: &'a [u8],
    },
}

/// The body of an echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo<'a> {
    /// Names the asking program.
    pub id: u16,
    /// Counts its requests.
    pub seq: u16,
    /// Anything; comes back.
    pub data: &'a [u8],
}

impl<'a> Echo<'a> {
    pub(crate) fn read(body: &'a [u8; 4], data: &'a [u8]) -> Self {
        let [a, b, c, d] = *body;
        Self { id: u16::from_be_bytes([a, b]), seq: u16::from_be_bytes([c, d]), data }
    }

    pub(crate) fn word(&self) -> u32 {
        u32::from(self.id) << 16 | u32::from(self.seq)
    }
}

impl Message<'_> {
    /// It reports an error, and so must never be answered with one (RFC 1122 §3.2.2).
    pub fn is_error(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::PacketTooBig { .. }
            | Self::TimeExceeded { .. }
            | Self::ParameterProblem { .. }
            | Self::Redirect { .. } => true,
            Self::EchoRequest(_) | Self::EchoReply(_) => false,
            Self::Other { kind, .. } => *kind < 128,
        }
    }
}

/// As much of `packet` as an error may quote: the whole answer stays within 576 bytes for IPv4
/// (RFC 1812 §4.3.2.3) and 1280 for IPv6 (RFC 4443 §2.4 c).
pub fn quote(packet: &[u8], v4: bool) -> &[u8] {
    let whole = if v4 { ipv4::MTU_MIN } else { ipv6::MTU_MIN };
    let room = whole - ip::header_len(v4) - HEADER_LEN;
    &packet[..packet.len().min(room)]
}

/// What is left of a quoted packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote<'a> {
    /// Who sent it: us, if the error is meant for us.
    pub src: Ip,
    /// Where it went.
    pub dst: Ip,
    /// What it carried.
    pub protocol: u8,
    /// It was a later fragment, whose `transport` has no header.
    pub is_later_fragment: bool,
    /// Length of the packet as it said itself.
    pub packet_len: usize,
    /// What is left of its payload.
    pub transport: &'a [u8],
}

impl<'a> Quote<'a> {
    /// Reads a quoted packet. Lengths and checksum are not believed: it is cut, and routers
    /// change it on the way.
    ///
    /// # Errors
    /// [`Malformed::Version`] if it is not an IP packet, [`Malformed::Truncated`] or
    /// [`Malformed::HeaderLength`] if it was cut within its headers, [`Malformed::MappedAddress`]
    /// if an IPv6 address is an IPv4-mapped one.
    pub fn parse(quote: &'a [u8]) -> Result<Self, Malformed> {
        match quote.first().map(|byte| byte >> 4) {
            Some(4) => Self::parse_v4(quote),
            Some(6) => Self::parse_v6(quote),
            Some(_) => Err(Malformed::Version),
            None => Err(Malformed::Truncated),
        }
    }

    fn parse_v4(quote: &'a [u8]) -> Result<Self, Malformed> {
        let fixed: &[u8; 20] = quote.first_chunk().ok_or(Malformed::Truncated)?;
        let [first, _, l0, l1, _, _, f0, f1, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] =
            *fixed;
        let header_len = usize::from(first & 0xf) * 4;
        if header_len < ipv4::HEADER_LEN {
            return Err(Malformed::HeaderLength);
        }
        Ok(Self {
            src: Ip::v4([s0, s1, s2, s3]),
            dst: Ip::v4([d0, d1, d2, d3]),
            protocol,
            is_later_fragment: u16::from_be_bytes([f0, f1]) & 0x1fff != 0,
            packet_len: usize::from(u16::from_be_bytes([l0, l1])),
            transport: quote.get(header_len..).ok_or(Malformed::Truncated)?,
        })
    }

    fn parse_v6(quote: &'a [u8]) -> Result<Self, Malformed> {
        let (fixed, _) = quote.split_first_chunk::<40>().ok_or(Malformed::Truncated)?;
        let (Some(src), Some(dst)) = (fixed[8..].first_chunk(), fixed[24..].first_chunk()) else {
            return Err(Malformed::Truncated);
        };
        let (src, dst) = (Ip::v6(*src), Ip::v6(*dst));
        if src.is_v4() || dst.is_v4() {
            return Err(Malformed::MappedAddress);
        }
        let skipped = ipv6_ext::skip(quote, fixed[6])?;
        Ok(Self {
            src,
            dst,
            protocol: skipped.protocol,
            is_later_fragment: skipped.fragment.is_some_and(|fragment| fragment.offset != 0),
            packet_len: ipv6::HEADER_LEN + usize::from(u16::from_be_bytes([fixed[4], fixed[5]])),
            transport: quote.get(skipped.header_len..).ok_or(Malformed::Truncated)?,
        })
    }

    /// Source and destination port, for protocols that begin with them.
    pub fn ports(&self) -> Option<(u16, u16)> {
        let has_ports = matches!(self.protocol, ip::PROTO_TCP | ip::PROTO_UDP);
        let [a, b, c, d] = *self.transport.first_chunk()?;
        (has_ports && !self.is_later_fragment)
            .then(|| (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
    }

    /// The sequence number of a TCP segment: only a sender on the path knows it (RFC 5927 §4.1).
    pub fn tcp_seq(&self) -> Option<SeqNum> {
        let word = self.transport.get(4..)?.first_chunk()?;
        (self.protocol == ip::PROTO_TCP && !self.is_later_fragment)
            .then(|| SeqNum(u32::from_be_bytes(*word)))
    }

    /// Identifier and sequence number of an echo request.
    pub fn echo(&self) -> Option<(u16, u16)> {
        let [kind, _, _, _, a, b, c, d] = *self.transport.first_chunk()?;
        let is_echo = matches!((self.protocol, kind), (ip::PROTO_ICMP, 8) | (58, 128));
        (is_echo && !self.is_later_fragment)
            .then(|| (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
    }
}

/// Type, code and the word behind the checksum.
pub(crate) struct Head {
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) word: u32,
}

/// Writes a message and its checksum to the front of `buf`; `pseudo` is the sum of the pseudo
/// header, if the family has one. Returns the length.
pub(crate) fn put(
    buf: &mut [u8],
    head: &Head,
    body: &[u8],
    pseudo: Sum,
) -> Result<usize, EmitError> {
    let len = HEADER_LEN + body.len();
    let Some((header, room)) =
        buf.get_mut(..len).and_then(|buf| buf.split_first_chunk_mut::<HEADER_LEN>())
    else {
        return Err(EmitError::NoRoom);
    };
    let [a, b, c, d] = head.word.to_be_bytes();
    *header = [head.kind, head.code, 0, 0, a, b, c, d];
    let sum = checksum::sum(pseudo + checksum::copy_and_sum(room, body), header);
    header[2..4].copy_from_slice(&sum.finish().to_be_bytes());
    Ok(len)
}

#[cfg(test)]
mod tests;
