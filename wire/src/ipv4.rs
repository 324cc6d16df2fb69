//! The IPv4 header (RFC 791).
//!
//! ```text
//!  0                   1                   2                   3
//! |version|  hlen | DSCP    | ECN |          total length         |
//! |        identification         |0|D|M|    fragment offset      |
//! |      TTL      |   protocol    |        header checksum        |
//! |                            source                             |
//! |                          destination                          |
//! |                 options, up to 40 bytes ...                   |
//! ```
//!
//! The header length, the total length and the checksum must hold; options must form a chain that
//! ends inside the header. DF on a fragment is accepted: nothing forbids it (RFC 6864 §4.1
//! counts such datagrams as ordinary fragments), and senders do it.

use addr::Ip;
use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::checksum::{self, Sum};
use crate::ip::{Fragment, IPV4_HEADER_LEN, IpEmit, IpHeader};
use crate::{EmitError, Malformed, ipv4_options};

pub use crate::ipv4_options::{
    Ipv4Option, OPTION_END, OPTION_LOOSE_SOURCE_ROUTE, OPTION_NOP, OPTION_ROUTER_ALERT,
    OPTION_STRICT_SOURCE_ROUTE, OPTIONS_MAX, OptionWriter, Options, ROUTER_ALERT, options,
};

/// Bytes of a header without options.
pub const HEADER_LEN: usize = IPV4_HEADER_LEN;
/// Packet size every host must accept (RFC 1122 §3.3.2).
pub const MTU_MIN: usize = 576;

/// Largest payload of a packet without options.
pub const PAYLOAD_MAX: usize = 65535 - HEADER_LEN;

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET_MASK: u16 = 0x1fff;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Layout {
    version_hlen: u8,
    traffic_class: u8,
    total_len: U16,
    identification: U16,
    flags_offset: U16,
    ttl: u8,
    protocol: u8,
    checksum: U16,
    src: [u8; 4],
    dst: [u8; 4],
}

/// Reads and checks a header.
///
/// `merged`: a device joined several packets; a total length of zero then means all bytes.
///
/// # Errors
/// The first fault of the header: [`Malformed::Truncated`], [`Malformed::Version`],
/// [`Malformed::HeaderLength`], [`Malformed::Length`], [`Malformed::Checksum`], or one of an option
/// or of the fragment fields.
#[inline(always)]
pub fn parse(packet: &[u8], merged: bool) -> Result<IpHeader, Malformed> {
    let (layout, _) = Layout::ref_from_prefix(packet).map_err(|_| Malformed::Truncated)?;
    if layout.version_hlen >> 4 != 4 {
        return Err(Malformed::Version);
    }
    let header_len = usize::from(layout.version_hlen & 0xf) * 4;
    let total_len = match usize::from(layout.total_len.get()) {
        0 if merged => packet.len(),
        len => len,
    };
    if header_len < HEADER_LEN {
        return Err(Malformed::HeaderLength);
    }
    if total_len < header_len || total_len > packet.len() {
        return Err(Malformed::Length);
    }
    // The sum of a length that the compiler knows is five instructions.
    if header_len > HEADER_LEN {
        check_long(&packet[..header_len])?;
    } else if !checksum::sum(Sum::ZERO, layout.as_bytes()).is_valid() {
        return Err(Malformed::Checksum);
    }
    let payload_len = total_len - header_len;
    let flags_offset = layout.flags_offset.get();
    let fragment = match flags_offset & (MORE_FRAGMENTS | OFFSET_MASK) {
        0 => None,
        _ => Some(fragment(flags_offset, payload_len)?),
    };
    Ok(IpHeader {
        src: Ip::v4(layout.src),
        dst: Ip::v4(layout.dst),
        protocol: layout.protocol,
        protocol_at: 9,
        hop_limit: layout.ttl,
        traffic_class: layout.traffic_class,
        flow_label: 0,
        identification: u32::from(layout.identification.get()),
        fragment,
        dont_fragment: flags_offset & DONT_FRAGMENT != 0,
        header_len,
        payload_len,
    })
}

/// Checksum and options of a header that has some; rare, and kept out of callers.
#[cold]
fn check_long(header: &[u8]) -> Result<(), Malformed> {
    if !checksum::sum(Sum::ZERO, header).is_valid() {
        return Err(Malformed::Checksum);
    }
    ipv4_options::check(header)
}

#[cold]
fn fragment(flags_offset: u16, payload_len: usize) -> Result<Fragment, Malformed> {
    let offset = u32::from(flags_offset & OFFSET_MASK) * 8;
    let more = flags_offset & MORE_FRAGMENTS != 0;
    let ragged = more && !payload_len.is_multiple_of(8);
    let beyond = offset as usize + payload_len > PAYLOAD_MAX;
    if ragged || beyond || payload_len == 0 {
        return Err(Malformed::Length);
    }
    Ok(Fragment { offset, more })
}

/// Writes a header without options to the front of `buf`, checksum included.
///
/// Returns its length.
///
/// # Errors
/// As [`emit_with`].
#[inline(always)]
pub fn emit(buf: &mut [u8], header: &IpEmit) -> Result<usize, EmitError> {
    write(buf, header, None, &[])
}

/// Writes a header of a fragment, or with options, or both.
///
/// `header.payload_len` counts the bytes behind the options. Options are padded to four bytes.
/// Returns the header's length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if the addresses are
/// not IPv4, the options are too long, or a fragment's offset is no multiple of eight below 65536.
#[inline]
pub fn emit_with(
    buf: &mut [u8],
    header: &IpEmit,
    fragment: Option<Fragment>,
    options: &[u8],
) -> Result<usize, EmitError> {
    write(buf, header, fragment, options)
}

/// Inlined, so that a header without options pays for neither options nor fragments.
#[inline(always)]
fn write(
    buf: &mut [u8],
    header: &IpEmit,
    fragment: Option<Fragment>,
    options: &[u8],
) -> Result<usize, EmitError> {
    let header_len = HEADER_LEN + options.len().next_multiple_of(4);
    if options.len() > OPTIONS_MAX {
        return Err(EmitError::Value);
    }
    let buf = buf.get_mut(..header_len).ok_or(EmitError::NoRoom)?;
    let (Some(src), Some(dst)) = (header.src.octets_v4(), header.dst.octets_v4()) else {
        return Err(EmitError::Value);
    };
    let mut flags_offset = if header.dont_fragment { DONT_FRAGMENT } else { 0 };
    if let Some(fragment) = fragment {
        if !fragment.offset.is_multiple_of(8) || fragment.offset > 0xffff {
            return Err(EmitError::Value);
        }
        let more = if fragment.more { MORE_FRAGMENTS } else { 0 };
        flags_offset = more | (fragment.offset / 8) as u16 & OFFSET_MASK;
    }
    let version_hlen = 0x40 | (header_len / 4) as u8;
    let total_len = u16::try_from(header_len + header.payload_len).unwrap_or(0);
    // Summed from the fields: to read back what was just written takes longer than to write it.
    let sum = Sum::of_u16(u16::from_be_bytes([version_hlen, header.traffic_class]))
        + Sum::of_u16(total_len)
        + Sum::of_u16(header.identification)
        + Sum::of_u16(flags_offset)
        + Sum::of_u16(u16::from_be_bytes([header.hop_limit, header.protocol]))
        + Sum::of_u32(u32::from_be_bytes(src))
        + Sum::of_u32(u32::from_be_bytes(dst));
    let sum = if options.is_empty() { sum } else { checksum::sum(sum, options) };
    let layout = Layout {
        version_hlen,
        traffic_class: header.traffic_class,
        total_len: total_len.into(),
        identification: header.identification.into(),
        flags_offset: flags_offset.into(),
        ttl: header.hop_limit,
        protocol: header.protocol,
        checksum: sum.finish().into(),
        src,
        dst,
    };
    layout.write_to_prefix(buf).map_err(|_| EmitError::NoRoom)?;
    if let Some((area, padding)) = buf[HEADER_LEN..].split_at_mut_checked(options.len()) {
        area.copy_from_slice(options);
        padding.fill(OPTION_END);
    }
    Ok(header_len)
}

#[cfg(test)]
mod tests;
