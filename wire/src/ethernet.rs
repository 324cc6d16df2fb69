//! Ethernet II and 802.3 frames, up to two VLAN tags peeled (IEEE 802.3 §3, 802.1Q §9).
//!
//! ```text
//!  0            6            12     14 (18 with a tag, 22 with two)
//!  | destination | source     | type | payload, perhaps padded to 46 bytes
//! ```
//!
//! Values of the type field up to 1500 are 802.3 lengths of an LLC header and its data
//! ([`Frame::length_payload`], [`crate::llc`]); no Ethernet II protocol matches them. Values
//! between 1500 and 0x600 mean nothing (IEEE 802.3 §3.2.6). Padding behind an Ethernet II payload
//! is the network layer's to trim.

use addr::Mac;
use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{EmitError, Malformed};

/// Bytes of a header without a tag.
pub const HEADER_LEN: usize = 14;
/// Bytes of a VLAN tag.
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
/// An 802.1ad service tag follows.
pub const ETHERTYPE_SERVICE_VLAN: u16 = 0x88a8;
/// Bytes that are nobody's protocol; never sent in earnest.
pub const ETHERTYPE_RAW: u16 = 0xffff;
/// Smallest value of the type field that is a type and not a length.
pub const ETHERTYPE_MIN: u16 = 0x0600;
/// Largest length of an 802.3 payload, LLC header included.
pub const LENGTH_MAX: u16 = 1500;
/// Bytes of an 802.3 frame at most, header included.
pub const LENGTH_FRAME_MAX: usize = HEADER_LEN + LENGTH_MAX as usize;
/// VLAN tags peeled from one frame.
pub const TAGS_MAX: usize = 2;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Layout {
    dst: [u8; 6],
    src: [u8; 6],
    ethertype: U16,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct TagLayout {
    control: U16,
    ethertype: U16,
}

/// A VLAN tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// [`ETHERTYPE_VLAN`] or [`ETHERTYPE_SERVICE_VLAN`].
    pub ethertype: u16,
    /// Priority, 0 to 7.
    pub priority: u8,
    /// May be dropped first.
    pub drop_eligible: bool,
    /// VLAN identifier, 12 bits; 0 in a tag that carries only the priority.
    pub id: u16,
}

impl Tag {
    /// An 802.1Q tag with priority 0.
    pub const fn new(id: u16) -> Self {
        Self { ethertype: ETHERTYPE_VLAN, priority: 0, drop_eligible: false, id }
    }

    fn read(ethertype: u16, control: u16) -> Self {
        Self {
            ethertype,
            priority: (control >> 13) as u8,
            drop_eligible: control & 0x1000 != 0,
            id: control & 0x0fff,
        }
    }

    fn control(self) -> Option<u16> {
        let fits = self.id <= 0x0fff && self.priority <= 7;
        let drop_eligible = u16::from(self.drop_eligible) << 12;
        fits.then(|| u16::from(self.priority) << 13 | drop_eligible | self.id)
    }
}

/// A received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Destination.
    pub dst: Mac,
    /// Source.
    pub src: Mac,
    /// Type of the payload (behind the tags if there were any); at most 1500 an 802.3 length.
    pub ethertype: u16,
    /// The VLAN: the identifier of the outermost tag that has one; 0 if there are only priority
    /// tags, which means the untagged network.
    pub vlan: Option<u16>,
    /// The tags, outermost first.
    pub tags: [Option<Tag>; TAGS_MAX],
    /// Everything behind the header, padding included.
    pub payload: &'a [u8],
    /// Bytes before the payload: 14, 18 or 22.
    pub header_len: usize,
}

impl Frame<'_> {
    /// An 802.3 frame: the payload begins with an LLC header.
    #[inline]
    pub fn is_length(&self) -> bool {
        self.ethertype < ETHERTYPE_MIN
    }
}

impl<'a> Frame<'a> {
    /// The payload of an 802.3 frame, its padding cut off: short frames are padded to 60 bytes on
    /// any real wire, so bytes beyond the length are no fault, and missing ones are.
    ///
    /// # Errors
    /// [`Malformed::Field`] if the field is an Ethertype, [`Malformed::Length`] if it exceeds the
    /// payload.
    ///
    /// ```
    /// use wire::ethernet;
    /// let mut bytes = [0; 60];
    /// let (dst, src) = (addr::Mac::BROADCAST, addr::Mac([2, 0, 0, 0, 0, 1]));
    /// ethernet::emit_length(&mut bytes, dst, src, 3).unwrap();
    /// assert_eq!(ethernet::parse(&bytes).unwrap().length_payload().map(<[u8]>::len), Ok(3));
    /// ```
    pub fn length_payload(&self) -> Result<&'a [u8], Malformed> {
        if self.ethertype > LENGTH_MAX {
            return Err(Malformed::Field);
        }
        self.payload.get(..usize::from(self.ethertype)).ok_or(Malformed::Length)
    }
}

/// Reads a frame.
///
/// # Errors
/// [`Malformed::Truncated`] if there are fewer bytes than the header with its tags has,
/// [`Malformed::Source`] if the source address is not unicast.
///
/// ```
/// let mut frame = [0u8; 60];
/// let src = addr::Mac([2, 0, 0, 0, 0, 1]);
/// wire::ethernet::emit(&mut frame, addr::Mac::BROADCAST, src, 0x0806).unwrap();
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
        tags: [None; TAGS_MAX],
        payload,
        header_len: HEADER_LEN,
    };
    if matches!(parsed.ethertype, ETHERTYPE_VLAN | ETHERTYPE_SERVICE_VLAN) {
        parsed.peel()?;
    }
    Ok(parsed)
}

impl Frame<'_> {
    /// Takes the tags off. A third one stays, as the payload's type.
    fn peel(&mut self) -> Result<(), Malformed> {
        let mut vlan = 0;
        for slot in 0..TAGS_MAX {
            if !matches!(self.ethertype, ETHERTYPE_VLAN | ETHERTYPE_SERVICE_VLAN) {
                break;
            }
            let (layout, payload) =
                TagLayout::ref_from_prefix(self.payload).map_err(|_| Malformed::Truncated)?;
            let tag = Tag::read(self.ethertype, layout.control.get());
            if vlan == 0 {
                vlan = tag.id;
            }
            self.tags[slot] = Some(tag);
            self.ethertype = layout.ethertype.get();
            self.payload = payload;
            self.header_len += VLAN_LEN;
        }
        self.vlan = Some(vlan);
        Ok(())
    }
}

/// Writes a header with VLAN tags, outermost first; returns its length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if a tag cannot be
/// written.
///
/// ```
/// use wire::ethernet::{self, Tag};
/// let (dst, src) = (addr::Mac::BROADCAST, addr::Mac([2, 0, 0, 0, 0, 1]));
/// let mut bytes = [0; 18];
/// assert_eq!(ethernet::emit_tagged(&mut bytes, dst, src, &[Tag::new(7)], 0x0800), Ok(18));
/// assert_eq!(ethernet::parse(&bytes).unwrap().vlan, Some(7));
/// ```
pub fn emit_tagged(
    buf: &mut [u8],
    dst: Mac,
    src: Mac,
    tags: &[Tag],
    ethertype: u16,
) -> Result<usize, EmitError> {
    let outer = tags.first().map_or(ethertype, |tag| tag.ethertype);
    let mut at = emit(buf, dst, src, outer)?;
    for (index, tag) in tags.iter().enumerate() {
        let inner = tags.get(index + 1).map_or(ethertype, |tag| tag.ethertype);
        let control = tag.control().ok_or(EmitError::Value)?;
        let layout = TagLayout { control: control.into(), ethertype: inner.into() };
        let room = buf.get_mut(at..).ok_or(EmitError::NoRoom)?;
        layout.write_to_prefix(room).map_err(|_| EmitError::NoRoom)?;
        at += VLAN_LEN;
    }
    Ok(at)
}

/// Writes an 802.3 header in front of `payload_len` bytes of LLC header and data; returns its
/// length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if the payload is too
/// long.
pub fn emit_length(
    buf: &mut [u8],
    dst: Mac,
    src: Mac,
    payload_len: usize,
) -> Result<usize, EmitError> {
    match u16::try_from(payload_len) {
        Ok(len) if len <= LENGTH_MAX => emit(buf, dst, src, len),
        _ => Err(EmitError::Value),
    }
}

/// Writes a header to the front of `buf`; returns its length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short.
#[inline]
pub fn emit(buf: &mut [u8], dst: Mac, src: Mac, ethertype: u16) -> Result<usize, EmitError> {
    let header = Layout { dst: dst.0, src: src.0, ethertype: ethertype.into() };
    header.write_to_prefix(buf).map_err(|_| EmitError::NoRoom)?;
    Ok(HEADER_LEN)
}

#[cfg(test)]
mod tests;
