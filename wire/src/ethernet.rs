//! Ethernet II frames, with one 802.1Q tag peeled (IEEE 802.3 §3, 802.1Q §9).
//!
//! ```text
//!  0            6            12     14 (18 with a tag)
//!  | destination | source     | type | payload, perhaps padded to 46 bytes
//! ```
//!
//! Values of the type field below 0x600 are 802.3 lengths; the frame is returned all the same with
//! that number, and no Ethernet II protocol matches it. Padding is the network layer's to trim.

use addr::Mac;
use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::Malformed;

/// Bytes of a header without a tag.
pub const HEADER_LEN: usize = 14;
/// Bytes of an 802.1Q tag.
pub const VLAN_LEN: usize = 4;
/// Bytes of the shortest frame, without the frame check sequence.
pub const FRAME_MIN: usize = 60;

/// IPv4.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// ARP.
pub const ETHERTYPE_ARP: u16 = 0x0806;
/// IPv6.
pub const ETHERTYPE_IPV6: u16 = 0x86dd;
/// An 802.1Q tag follows.
pub const ETHERTYPE_VLAN: u16 = 0x8100;
/// Smallest value of the type field that is a type and not a length.
pub const ETHERTYPE_MIN: u16 = 0x0600;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Layout {
    dst: [u8; 6],
    src: [u8; 6],
    ethertype: U16,
}

#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Tag {
    control: U16,
    ethertype: U16,
}

/// A received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Destination.
    pub dst: Mac,
    /// Source.
    pub src: Mac,
    /// Type of the payload (behind the tag if there was one); below 0x600 an 802.3 length.
    pub ethertype: u16,
    /// VLAN identifier of the tag; 0 is a priority tag and means the untagged network.
    pub vlan: Option<u16>,
    /// Everything behind the header, padding included.
    pub payload: &'a [u8],
    /// Bytes before the payload: 14 or 18.
    pub header_len: usize,
}

/// Reads a frame.
///
/// ```
/// let mut frame = [0u8; 60];
/// wire::ethernet::emit(&mut frame, addr::Mac::BROADCAST, addr::Mac([2, 0, 0, 0, 0, 1]), 0x0806);
/// let frame = wire::ethernet::parse(&frame).unwrap();
/// assert!(frame.dst.is_broadcast());
/// assert_eq!(frame.payload.len(), 46);
/// ```
#[inline]
pub fn parse(frame: &[u8]) -> Result<Frame<'_>, Malformed> {
    let (header, payload) = Layout::ref_from_prefix(frame).map_err(|_| Malformed::Truncated)?;
    let src = Mac(header.src);
    if !src.is_unicast() {
        return Err(Malformed::Source);
    }
    let mut parsed = Frame {
        dst: Mac(header.dst),
        src,
        ethertype: header.ethertype.get(),
        vlan: None,
        payload,
        header_len: HEADER_LEN,
    };
    if parsed.ethertype == ETHERTYPE_VLAN {
        let (tag, payload) = Tag::ref_from_prefix(payload).map_err(|_| Malformed::Truncated)?;
        parsed.ethertype = tag.ethertype.get();
        parsed.vlan = Some(tag.control.get() & 0x0fff);
        parsed.payload = payload;
        parsed.header_len += VLAN_LEN;
    }
    Ok(parsed)
}

/// Writes a header to the front of `buf`; returns its length, or 0 if `buf` is too short.
#[inline]
pub fn emit(buf: &mut [u8], dst: Mac, src: Mac, ethertype: u16) -> usize {
    let header = Layout { dst: dst.0, src: src.0, ethertype: ethertype.into() };
    header.write_to_prefix(buf).map_or(0, |()| HEADER_LEN)
}

#[cfg(test)]
mod tests;
