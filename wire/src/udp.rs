//! UDP (RFC 768, RFC 8200 §8.1).
//!
//! ```text
//! | source port | destination port | length | checksum | data
//! ```
//!
//! Eight bytes of header. A checksum of zero means none: fine over IPv4, refused over IPv6 unless
//! the receiving port asked for it (RFC 6936), which the receiver decides. A computed zero is sent
//! as 0xffff.

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::checksum::{self, Sum};
use crate::offload::RxChecksum;
use crate::{EmitError, Malformed};

/// Bytes of a header.
pub const HEADER_LEN: usize = 8;
/// Where in the header the checksum is.
pub const CHECKSUM_OFFSET: usize = 6;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Layout {
    src_port: U16,
    dst_port: U16,
    len: U16,
    checksum: U16,
}

/// A received datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Source port; 0 if the sender wants no answer.
    pub src_port: u16,
    /// Destination port, never 0.
    pub dst_port: u16,
    /// The length field: header and payload.
    pub len: u16,
    /// The checksum field; 0 for none.
    pub checksum: u16,
    /// The data.
    pub payload: &'a [u8],
}

/// Reads and checks a datagram: the payload of an IP packet. The checksum is not looked at.
///
/// The length field must agree with the bytes; zero, as merged frames beyond 64 KiB carry it,
/// means all of them.
///
/// # Errors
/// [`Malformed::Truncated`] if there are fewer bytes than the header has, [`Malformed::Length`] if
/// the length field contradicts them, [`Malformed::Port`] if the destination port is zero.
///
/// ```
/// use wire::udp;
/// let mut datagram = *b"........hello";
/// assert_eq!(udp::emit(&mut datagram, 4000, 53, 5), Ok(8));
/// let header = udp::parse(&datagram).unwrap();
/// assert_eq!((header.src_port, header.dst_port, header.payload), (4000, 53, &b"hello"[..]));
/// ```
#[inline]
pub fn parse(datagram: &[u8]) -> Result<Header<'_>, Malformed> {
    let (layout, payload) = Layout::ref_from_prefix(datagram).map_err(|_| Malformed::Truncated)?;
    let len = layout.len.get();
    let agrees = usize::from(len) == datagram.len() || (len == 0 && datagram.len() > 65535);
    if !agrees {
        return Err(Malformed::Length);
    }
    if layout.dst_port.get() == 0 {
        return Err(Malformed::Port);
    }
    Ok(Header {
        src_port: layout.src_port.get(),
        dst_port: layout.dst_port.get(),
        len,
        checksum: layout.checksum.get(),
        payload,
    })
}

/// Judges the checksum of a whole `datagram` that was parsed as `header`.
///
/// A field of zero passes if `zero_allowed`: always over IPv4, over IPv6 only where the receiving
/// port asked for it.
///
/// # Errors
/// [`Malformed::ZeroChecksum`] if the field is zero and must not be, [`Malformed::Checksum`] if the
/// checksum does not hold.
#[inline]
pub fn check(
    header: &Header<'_>,
    datagram: &[u8],
    pseudo: Sum,
    trust: RxChecksum,
    zero_allowed: bool,
) -> Result<(), Malformed> {
    match header.checksum {
        0 if zero_allowed => Ok(()),
        0 => Err(Malformed::ZeroChecksum),
        field if trust.accepts(pseudo, field, datagram) => Ok(()),
        _ => Err(Malformed::Checksum),
    }
}

/// Writes a header with checksum 0 to the front of `buf`; returns its length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if the payload is too
/// long.
#[inline]
pub fn emit(
    buf: &mut [u8],
    src_port: u16,
    dst_port: u16,
    payload_len: usize,
) -> Result<usize, EmitError> {
    let len = u16::try_from(HEADER_LEN + payload_len).map_err(|_| EmitError::Value)?;
    let layout = Layout {
        src_port: src_port.into(),
        dst_port: dst_port.into(),
        len: len.into(),
        checksum: 0.into(),
    };
    layout.write_to_prefix(buf).map_err(|_| EmitError::NoRoom)?;
    Ok(HEADER_LEN)
}

/// Fills in the checksum of `header` (its field zero), given the sum of pseudo header and payload.
#[inline]
pub fn set_checksum(header: &mut [u8], rest: Sum) {
    let Some(header) = header.get_mut(..HEADER_LEN) else { return };
    let checksum = match checksum::sum(rest, header).finish() {
        0 => 0xffff,
        checksum => checksum,
    };
    header[CHECKSUM_OFFSET..].copy_from_slice(&checksum.to_be_bytes());
}

/// Leaves the checksum of `header` to the device: the field gets the pseudo-header sum.
#[inline]
pub fn set_partial(header: &mut [u8], pseudo: Sum) {
    if let Some(field) = header.get_mut(CHECKSUM_OFFSET..HEADER_LEN) {
        field.copy_from_slice(&pseudo.fold().to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
