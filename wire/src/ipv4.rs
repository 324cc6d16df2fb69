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

use crate::Malformed;
use crate::checksum::{self, Sum};
use crate::ip::{Fragment, IpEmit, IpHeader};

/// Bytes of a header without options.
pub const HEADER_LEN: usize = 20;
/// Bytes of the options area at most.
pub const OPTIONS_MAX: usize = 40;
/// Packet size every host must accept (RFC 1122 §3.3.2).
pub const MTU_MIN: usize = 576;

/// The option that asks every router to look (RFC 2113): IGMP carries it.
pub const ROUTER_ALERT: [u8; 4] = [148, 4, 0, 0];

/// Option: end of list.
pub const OPTION_END: u8 = 0;
/// Option: no operation.
pub const OPTION_NOP: u8 = 1;
/// Option: loose source route.
pub const OPTION_LOOSE_SOURCE_ROUTE: u8 = 131;
/// Option: strict source route.
pub const OPTION_STRICT_SOURCE_ROUTE: u8 = 137;
/// Option: router alert.
pub const OPTION_ROUTER_ALERT: u8 = 148;

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
#[inline]
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
    let header = packet.get(..header_len).ok_or(Malformed::HeaderLength)?;
    if !checksum::sum(Sum::ZERO, header).is_valid() {
        return Err(Malformed::Checksum);
    }
    if header_len > HEADER_LEN && options(header).any(|option| option.is_err()) {
        return Err(Malformed::Option);
    }
    let payload_len = total_len - header_len;
    let flags_offset = layout.flags_offset.get();
    Ok(IpHeader {
        src: Ip::v4(layout.src),
        dst: Ip::v4(layout.dst),
        protocol: layout.protocol,
        protocol_at: 9,
        hop_limit: layout.ttl,
        traffic_class: layout.traffic_class,
        flow_label: 0,
        identification: u32::from(layout.identification.get()),
        fragment: fragment(flags_offset, payload_len)?,
        dont_fragment: flags_offset & DONT_FRAGMENT != 0,
        header_len,
        payload_len,
    })
}

#[inline]
fn fragment(flags_offset: u16, payload_len: usize) -> Result<Option<Fragment>, Malformed> {
    if flags_offset & (MORE_FRAGMENTS | OFFSET_MASK) == 0 {
        return Ok(None);
    }
    let offset = u32::from(flags_offset & OFFSET_MASK) * 8;
    let more = flags_offset & MORE_FRAGMENTS != 0;
    let ragged = more && !payload_len.is_multiple_of(8);
    let beyond = offset as usize + payload_len > 65535 - HEADER_LEN;
    if ragged || beyond || payload_len == 0 {
        return Err(Malformed::Length);
    }
    Ok(Some(Fragment { offset, more }))
}

/// One option: its type and its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Option<'a> {
    /// The type byte; its top bit says the option goes into every fragment.
    pub kind: u8,
    /// What follows the length byte.
    pub data: &'a [u8],
}

impl Ipv4Option<'_> {
    /// The option is copied into every fragment (RFC 791 §3.1).
    pub fn is_copied(&self) -> bool {
        self.kind & 0x80 != 0
    }
}

/// The options of a header (the bytes up to its header length); padding is skipped.
///
/// Yields an error and ends at the first option that does not fit.
pub fn options(header: &[u8]) -> Options<'_> {
    Options { rest: header.get(HEADER_LEN..).unwrap_or_default() }
}

/// Iterator over options.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<Ipv4Option<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match *self.rest {
                [] | [OPTION_END, ..] => return None,
                [OPTION_NOP, ref rest @ ..] => self.rest = rest,
                [kind, len, ..] if len >= 2 && usize::from(len) <= self.rest.len() => {
                    let (option, rest) = self.rest.split_at(usize::from(len));
                    self.rest = rest;
                    return Some(Ok(Ipv4Option { kind, data: &option[2..] }));
                }
                _ => {
                    self.rest = &[];
                    return Some(Err(Malformed::Option));
                }
            }
        }
    }
}

/// Writes a header without options to the front of `buf`, checksum included.
///
/// Returns its length, or 0 if `buf` is too short.
#[inline]
pub fn emit(buf: &mut [u8], header: &IpEmit) -> usize {
    emit_with(buf, header, None, &[])
}

/// Writes a header of a fragment, or with options, or both.
///
/// `header.payload_len` counts the bytes behind the options. Options are padded to four bytes.
/// Returns the header's length, or 0 if `buf` or the header cannot hold it.
#[inline]
pub fn emit_with(
    buf: &mut [u8],
    header: &IpEmit,
    fragment: Option<Fragment>,
    options: &[u8],
) -> usize {
    let header_len = HEADER_LEN + options.len().next_multiple_of(4);
    let Some(buf) = buf.get_mut(..header_len).filter(|_| options.len() <= OPTIONS_MAX) else {
        return 0;
    };
    let (Some(src), Some(dst)) = (header.src.octets_v4(), header.dst.octets_v4()) else {
        return 0;
    };
    let mut flags_offset = if header.dont_fragment { DONT_FRAGMENT } else { 0 };
    if let Some(fragment) = fragment {
        let more = if fragment.more { MORE_FRAGMENTS } else { 0 };
        flags_offset = more | (fragment.offset / 8) as u16 & OFFSET_MASK;
    }
    let layout = Layout {
        version_hlen: 0x40 | (header_len / 4) as u8,
        traffic_class: header.traffic_class,
        total_len: u16::try_from(header_len + header.payload_len).unwrap_or(0).into(),
        identification: header.identification.into(),
        flags_offset: flags_offset.into(),
        ttl: header.hop_limit,
        protocol: header.protocol,
        checksum: 0.into(),
        src,
        dst,
    };
    if layout.write_to_prefix(buf).is_err() {
        return 0;
    }
    if let Some((area, padding)) = buf[HEADER_LEN..].split_at_mut_checked(options.len()) {
        area.copy_from_slice(options);
        padding.fill(OPTION_END);
    }
    let checksum = checksum::checksum(buf);
    buf[10..12].copy_from_slice(&checksum.to_be_bytes());
    header_len
}

#[cfg(test)]
mod tests;
