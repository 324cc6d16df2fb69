//! The IPv6 header (RFC 8200 §3).
//!
//! ```text
//!  0                   1                   2                   3
//! |version| traffic class |             flow label                |
//! |         payload length        |  next header  |   hop limit   |
//! |                    source, 16 bytes                           |
//! |                    destination, 16 bytes                      |
//! ```
//!
//! Extension headers are walked as part of parsing ([`crate::ipv6_ext`]). IPv4-mapped addresses are
//! refused: they are the inner form of IPv4 addresses here, and a packet that carries them would
//! otherwise pass for IPv4 (RFC 6890 gives them no use on the wire).

use addr::Ip;
use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::ip::{IPV6_HEADER_LEN, IpEmit, IpHeader};
use crate::ipv6_ext::Limits;
use crate::{EmitError, Malformed, ipv6_ext};

/// Bytes of the fixed header.
pub const HEADER_LEN: usize = IPV6_HEADER_LEN;
/// Smallest MTU of a link (RFC 8200 §5).
pub const MTU_MIN: usize = 1280;
/// Bytes of payload at most; more would be a jumbogram, and none is sent.
pub const PAYLOAD_MAX: usize = 65535;
/// Largest flow label: 20 bits.
pub const FLOW_LABEL_MAX: u32 = 0x000f_ffff;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Layout {
    version_class_label: U32,
    payload_len: U16,
    next_header: u8,
    hop_limit: u8,
    src: [u8; 16],
    dst: [u8; 16],
}

/// Reads and checks a header with its extension headers.
///
/// `merged`: a device joined several packets; a payload length of zero then means all bytes.
/// Otherwise bytes beyond the payload length are link padding.
///
/// # Errors
/// The first fault of the header: [`Malformed::Truncated`], [`Malformed::Version`],
/// [`Malformed::Length`], [`Malformed::MappedAddress`], or one that [`ipv6_ext::walk`] reports.
#[inline]
pub fn parse(packet: &[u8], merged: bool) -> Result<IpHeader, Malformed> {
    parse_limited(packet, merged, &Limits::DEFAULT)
}

/// The same, with the caller's limits on the options of extension headers.
///
/// # Errors
/// As [`parse`], and [`Malformed::ExtensionHeaders`] if a limit is exceeded.
#[inline(always)]
pub fn parse_limited(packet: &[u8], merged: bool, limits: &Limits) -> Result<IpHeader, Malformed> {
    let (layout, rest) = Layout::ref_from_prefix(packet).map_err(|_| Malformed::Truncated)?;
    let first_word = layout.version_class_label.get();
    if first_word >> 28 != 6 {
        return Err(Malformed::Version);
    }
    let len = match usize::from(layout.payload_len.get()) {
        0 if merged => rest.len(),
        len => len,
    };
    let packet = packet.get(..HEADER_LEN + len).ok_or(Malformed::Length)?;
    let (src, dst) = (Ip::v6(layout.src), Ip::v6(layout.dst));
    if src.is_v4() || dst.is_v4() {
        return Err(Malformed::MappedAddress);
    }
    let chain = ipv6_ext::walk_limited(packet, layout.next_header, merged, limits)?;
    Ok(IpHeader {
        src,
        dst,
        protocol: chain.protocol,
        protocol_at: chain.protocol_at,
        hop_limit: layout.hop_limit,
        traffic_class: (first_word >> 20) as u8,
        flow_label: first_word & FLOW_LABEL_MAX,
        identification: chain.identification,
        fragment: chain.fragment,
        dont_fragment: true,
        header_len: chain.header_len,
        payload_len: packet.len() - chain.header_len,
    })
}

/// Writes a fixed header to the front of `buf`.
///
/// With extension headers, `protocol` is the first of them and `payload_len` counts them. Returns
/// the header's length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if the flow label is
/// too large.
#[inline]
pub fn emit(buf: &mut [u8], header: &IpEmit) -> Result<usize, EmitError> {
    if header.flow_label > FLOW_LABEL_MAX {
        return Err(EmitError::Value);
    }
    let class = u32::from(header.traffic_class) << 20;
    let layout = Layout {
        version_class_label: (6 << 28 | class | header.flow_label).into(),
        payload_len: u16::try_from(header.payload_len).unwrap_or(0).into(),
        next_header: header.protocol,
        hop_limit: header.hop_limit,
        src: *header.src.octets(),
        dst: *header.dst.octets(),
    };
    layout.write_to_prefix(buf).map_err(|_| EmitError::NoRoom)?;
    Ok(HEADER_LEN)
}

#[cfg(test)]
mod tests;
