//! The family-neutral view of an IP header.
//!
//! [`parse`] looks at the version nibble, checks everything the header says against the bytes, and
//! for IPv6 walks the extension headers up to the transport header or a real fragment. What
//! follows needs no family: `header_len` bytes are headers, the next `payload_len` bytes are
//! payload, anything after is link padding. [`IpHeader::check_sender`] then refuses
//! values that no correct sender uses. [`emit`] writes a header of either family.

mod header;
mod protocol;

use crate::ipv6_ext::Limits;
use crate::{EmitError, Malformed, ipv4, ipv6};

pub use header::{Fragment, IpEmit, IpHeader};
pub(crate) use header::{IPV4_HEADER_LEN, IPV6_HEADER_LEN};
pub use protocol::{
    PROTO_DESTINATION_OPTIONS, PROTO_FRAGMENT, PROTO_HOP_BY_HOP, PROTO_ICMP, PROTO_ICMPV6,
    PROTO_IGMP, PROTO_IPV4, PROTO_IPV6, PROTO_NONE, PROTO_RAW, PROTO_ROUTING, PROTO_TCP, PROTO_UDP,
};

/// Reads and checks the header of an IP packet of either family.
///
/// # Errors
/// [`Malformed::Version`] if it is neither IPv4 nor IPv6, and otherwise the first fault of the
/// header, its options or its extension headers.
///
/// ```
/// use wire::ip::{self, IpEmit};
/// let mut packet = [0u8; 28];
/// let header = IpEmit {
///     src: addr::Ip::v4([10, 0, 0, 1]),
///     dst: addr::Ip::v4([10, 0, 0, 2]),
///     protocol: ip::PROTO_UDP,
///     payload_len: 8,
///     ..IpEmit::default()
/// };
/// assert_eq!(ip::emit(&mut packet, &header), Ok(20));
/// let parsed = ip::parse(&packet).unwrap();
/// assert_eq!((parsed.src, parsed.header_len, parsed.payload_len), (header.src, 20, 8));
/// ```
#[inline(always)]
pub fn parse(packet: &[u8]) -> Result<IpHeader, Malformed> {
    parse_limited(packet, false, &Limits::DEFAULT)
}

/// The same for a frame that a device merged from several packets (a non-zero
/// [`RxMeta::gso_size`](crate::offload::RxMeta)): beyond 64 KiB its length field is zero, and the
/// length is that of the bytes.
///
/// # Errors
/// As [`parse`].
#[inline(always)]
pub fn parse_merged(packet: &[u8]) -> Result<IpHeader, Malformed> {
    parse_limited(packet, true, &Limits::DEFAULT)
}

/// The same, with the caller's limits on IPv6 extension header options (RFC 8504 §5.3).
///
/// `merged`: see [`parse_merged`].
///
/// The plain case of either family is inlined, so that a caller pays only for the fields it reads;
/// options, fragments and extension headers are calls.
///
/// # Errors
/// As [`parse`], and [`Malformed::ExtensionHeaders`] if a limit is exceeded.
#[inline(always)]
pub fn parse_limited(packet: &[u8], merged: bool, limits: &Limits) -> Result<IpHeader, Malformed> {
    match packet.first().map(|byte| byte >> 4) {
        Some(4) => ipv4::parse(packet, merged),
        Some(6) => ipv6::parse_limited(packet, merged, limits),
        Some(_) => Err(Malformed::Version),
        None => Err(Malformed::Truncated),
    }
}

/// Bytes of a header without options or extension headers.
#[inline]
pub const fn header_len(v4: bool) -> usize {
    if v4 { ipv4::HEADER_LEN } else { ipv6::HEADER_LEN }
}

/// Writes a header to the front of `buf`, the IPv4 header checksum included.
///
/// A packet beyond 64 KiB, which only offload makes, gets the length zero, as Linux's BIG TCP has
/// it. Returns the header's length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if the addresses are
/// of two families or the flow label is too large.
#[inline(always)]
pub fn emit(buf: &mut [u8], header: &IpEmit) -> Result<usize, EmitError> {
    match (header.src.is_v4(), header.dst.is_v4()) {
        (true, true) => ipv4::emit(buf, header),
        (false, false) => ipv6::emit(buf, header),
        _ => Err(EmitError::Value),
    }
}

#[cfg(test)]
mod tests;
