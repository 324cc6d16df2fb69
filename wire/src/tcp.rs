//! The TCP header (RFC 9293 §3.1) and sequence arithmetic.
//!
//! ```text
//! |          source port          |       destination port        |
//! |                        sequence number                        |
//! |                    acknowledgment number                      |
//! | offset|0 0 0|A C E U A P R S F|            window             |
//! |           checksum            |        urgent pointer         |
//! |                   options, up to 40 bytes ...                 |
//! ```
//!
//! Parsing checks lengths and the flag combinations nobody sends in earnest; the checksum is
//! verified while the payload is copied, and options are read by [`crate::tcp_options`].

use std::fmt;
use std::ops::{Add, AddAssign, BitOr, BitOrAssign, Sub};

use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::checksum::{self, Sum};
use crate::{EmitError, Malformed};

/// Bytes of a header without options.
pub const HEADER_LEN: usize = 20;
/// Bytes of the options area at most.
pub const OPTIONS_MAX: usize = 40;
/// Where in the header the checksum is.
pub const CHECKSUM_OFFSET: usize = 16;

/// A sequence number: a place on a circle of 2^32 (RFC 9293 §3.4).
///
/// Comparisons hold for numbers less than 2^31 apart, and are methods rather than operators because
/// they do not order the whole circle.
///
/// ```
/// use wire::tcp::SeqNum;
/// let before = SeqNum(0xffff_fff0);
/// let after = before + 0x20;
/// assert_eq!(after, SeqNum(0x10));
/// assert!(before.lt(after));
/// assert_eq!(after - before, 0x20);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SeqNum(pub u32);

impl SeqNum {
    /// How far `self` lies behind `from`, negative if before it.
    #[inline]
    pub const fn distance(self, from: Self) -> i32 {
        self.0.wrapping_sub(from.0) as i32
    }

    /// Before `other`.
    #[inline]
    pub const fn lt(self, other: Self) -> bool {
        self.distance(other) < 0
    }

    /// Before `other` or equal.
    #[inline]
    pub const fn le(self, other: Self) -> bool {
        self.distance(other) <= 0
    }

    /// After `other`.
    #[inline]
    pub const fn gt(self, other: Self) -> bool {
        self.distance(other) > 0
    }

    /// After `other` or equal.
    #[inline]
    pub const fn ge(self, other: Self) -> bool {
        self.distance(other) >= 0
    }

    /// The later of two.
    #[inline]
    pub const fn max(self, other: Self) -> Self {
        if self.ge(other) { self } else { other }
    }

    /// The earlier of two.
    #[inline]
    pub const fn min(self, other: Self) -> Self {
        if self.le(other) { self } else { other }
    }

    /// Inside `start..start + len`.
    #[inline]
    pub const fn is_within(self, start: Self, len: u32) -> bool {
        self.0.wrapping_sub(start.0) < len
    }
}

impl Add<u32> for SeqNum {
    type Output = Self;

    #[inline]
    fn add(self, len: u32) -> Self {
        Self(self.0.wrapping_add(len))
    }
}

impl AddAssign<u32> for SeqNum {
    #[inline]
    fn add_assign(&mut self, len: u32) {
        *self = *self + len;
    }
}

impl Sub<u32> for SeqNum {
    type Output = Self;

    #[inline]
    fn sub(self, len: u32) -> Self {
        Self(self.0.wrapping_sub(len))
    }
}

impl Sub for SeqNum {
    type Output = i32;

    #[inline]
    fn sub(self, from: Self) -> i32 {
        self.distance(from)
    }
}

impl fmt::Display for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A set of header flags.
///
/// ```
/// use wire::tcp::Flags;
/// let flags = Flags::SYN | Flags::ACK;
/// assert!(flags.contains(Flags::ACK) && !flags.intersects(Flags::FIN | Flags::RST));
/// assert_eq!(flags.to_string(), "S.");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(pub u16);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// No more data from the sender.
    pub const FIN: Self = Self(0x001);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(0x002);
    /// Reset the connection.
    pub const RST: Self = Self(0x004);
    /// Push.
    pub const PSH: Self = Self(0x008);
    /// The acknowledgment field counts.
    pub const ACK: Self = Self(0x010);
    /// The urgent pointer counts.
    pub const URG: Self = Self(0x020);
    /// ECN echo.
    pub const ECE: Self = Self(0x040);
    /// Congestion window reduced.
    pub const CWR: Self = Self(0x080);
    /// Accurate ECN (once the nonce sum).
    pub const AE: Self = Self(0x100);

    /// Has every flag of `other`.
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Has some flag of `other`.
    #[inline]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The flags of both.
    #[inline]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The flags that are not in `other`.
    #[inline]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// FIN is set.
    #[inline]
    pub const fn fin(self) -> bool {
        self.contains(Self::FIN)
    }

    /// SYN is set.
    #[inline]
    pub const fn syn(self) -> bool {
        self.contains(Self::SYN)
    }

    /// RST is set.
    #[inline]
    pub const fn rst(self) -> bool {
        self.contains(Self::RST)
    }

    /// ACK is set.
    #[inline]
    pub const fn ack(self) -> bool {
        self.contains(Self::ACK)
    }
}

impl BitOr for Flags {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl BitOrAssign for Flags {
    #[inline]
    fn bitor_assign(&mut self, other: Self) {
        *self = self.union(other);
    }
}

impl fmt::Display for Flags {
    /// tcpdump's letters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETTERS: [(Flags, &str); 9] = [
            (Flags::FIN, "F"),
            (Flags::SYN, "S"),
            (Flags::RST, "R"),
            (Flags::PSH, "P"),
            (Flags::ACK, "."),
            (Flags::URG, "U"),
            (Flags::ECE, "E"),
            (Flags::CWR, "W"),
            (Flags::AE, "e"),
        ];
        if *self == Self::NONE {
            return f.write_str("none");
        }
        let set = LETTERS.iter().filter(|(flag, _)| self.contains(*flag));
        set.clone().try_for_each(|(_, letter)| f.write_str(letter))
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Layout {
    src_port: U16,
    dst_port: U16,
    seq: U32,
    ack: U32,
    offset_flags: U16,
    window: U16,
    checksum: U16,
    urgent: U16,
}

/// A received segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Source port, never 0.
    pub src_port: u16,
    /// Destination port, never 0.
    pub dst_port: u16,
    /// Number of the first byte, or of the SYN.
    pub seq: SeqNum,
    /// Next number the sender expects, if ACK is set.
    pub ack: SeqNum,
    /// The flags.
    pub flags: Flags,
    /// Window as written, unscaled.
    pub window: u16,
    /// The checksum field.
    pub checksum: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// The options area.
    pub options: &'a [u8],
    /// Bytes before the payload.
    pub header_len: usize,
    /// The data.
    pub payload: &'a [u8],
}

impl Header<'_> {
    /// Sequence numbers the segment takes: its data, SYN and FIN.
    #[inline]
    pub fn sequence_len(&self) -> u32 {
        let controls = u32::from(self.flags.syn()) + u32::from(self.flags.fin());
        (self.payload.len() as u32).wrapping_add(controls)
    }
}

/// Reads and checks a segment: the payload of an IP packet. The checksum is not looked at. Flags
/// that exclude each other are the state machine's to judge (RFC 9293 §3.10.7).
///
/// # Errors
/// [`Malformed::Truncated`] if there are fewer than 20 bytes, [`Malformed::HeaderLength`] if the
/// data offset is below 5 or beyond the segment, [`Malformed::Port`] if a port is zero.
#[inline]
pub fn parse(segment: &[u8]) -> Result<Header<'_>, Malformed> {
    let (layout, _) = Layout::ref_from_prefix(segment).map_err(|_| Malformed::Truncated)?;
    let offset_flags = layout.offset_flags.get();
    let header_len = usize::from(offset_flags >> 12) * 4;
    if header_len < HEADER_LEN {
        return Err(Malformed::HeaderLength);
    }
    let (header, payload) = segment.split_at_checked(header_len).ok_or(Malformed::HeaderLength)?;
    let flags = Flags(offset_flags & 0x1ff);
    let (src_port, dst_port) = (layout.src_port.get(), layout.dst_port.get());
    if src_port == 0 || dst_port == 0 {
        return Err(Malformed::Port);
    }
    Ok(Header {
        src_port,
        dst_port,
        seq: SeqNum(layout.seq.get()),
        ack: SeqNum(layout.ack.get()),
        flags,
        window: layout.window.get(),
        checksum: layout.checksum.get(),
        urgent: layout.urgent.get(),
        options: &header[HEADER_LEN..],
        header_len,
        payload,
    })
}

/// What to write into a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Emit {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Number of the first byte, or of the SYN.
    pub seq: SeqNum,
    /// Next number expected.
    pub ack: SeqNum,
    /// The flags.
    pub flags: Flags,
    /// Window, scaled already.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
}

/// Writes a header with checksum 0 and `options` to the front of `buf`.
///
/// `options` is what [`OptionWriter`](crate::tcp_options::OptionWriter) made: whole words, at
/// most 40 bytes. Returns the header's length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if `options` or the
/// flags do not fit.
///
/// ```
/// use wire::tcp::{self, Emit, Flags, SeqNum};
/// let emit = Emit { src_port: 4000, dst_port: 80, flags: Flags::SYN, ..Emit::default() };
/// let mut segment = [0; 20];
/// assert_eq!(tcp::emit(&mut segment, &emit, &[]), Ok(20));
/// assert_eq!(tcp::parse(&segment).unwrap().flags, Flags::SYN);
/// ```
#[inline]
pub fn emit(buf: &mut [u8], emit: &Emit, options: &[u8]) -> Result<usize, EmitError> {
    emit_with(buf, emit, options, |_| 0)
}

/// The same with the checksum field, which `checksum` makes of the sum of the header.
///
/// # Errors
/// As [`emit`].
///
/// ```
/// use wire::checksum::Sum;
/// use wire::tcp::{self, Emit};
/// let mut segment = [0; 20];
/// tcp::emit_with(&mut segment, &Emit::default(), &[], Sum::finish).unwrap();
/// assert!(tcp::checksum_ok(Sum::ZERO, &segment));
/// ```
#[inline]
pub fn emit_with(
    buf: &mut [u8],
    emit: &Emit,
    options: &[u8],
    checksum: impl FnOnce(Sum) -> u16,
) -> Result<usize, EmitError> {
    let header_len = HEADER_LEN + options.len();
    if options.len() > OPTIONS_MAX || !options.len().is_multiple_of(4) || emit.flags.0 > 0x1ff {
        return Err(EmitError::Value);
    }
    let buf = buf.get_mut(..header_len).ok_or(EmitError::NoRoom)?;
    let offset_flags = (header_len as u16 / 4) << 12 | emit.flags.0;
    // Summed from the fields: to read back what was just written takes longer than to write it.
    let sum = Sum::of_u16(emit.src_port)
        + Sum::of_u16(emit.dst_port)
        + Sum::of_u32(emit.seq.0)
        + Sum::of_u32(emit.ack.0)
        + Sum::of_u16(offset_flags)
        + Sum::of_u16(emit.window)
        + Sum::of_u16(emit.urgent);
    let sum = if options.is_empty() { sum } else { checksum::sum(sum, options) };
    let layout = Layout {
        src_port: emit.src_port.into(),
        dst_port: emit.dst_port.into(),
        seq: emit.seq.0.into(),
        ack: emit.ack.0.into(),
        offset_flags: offset_flags.into(),
        window: emit.window.into(),
        checksum: checksum(sum).into(),
        urgent: emit.urgent.into(),
    };
    layout.write_to_prefix(buf).map_err(|_| EmitError::NoRoom)?;
    if !options.is_empty() {
        buf[HEADER_LEN..].copy_from_slice(options);
    }
    Ok(header_len)
}

/// The checksum over the whole `segment` holds.
#[inline]
pub fn checksum_ok(pseudo: Sum, segment: &[u8]) -> bool {
    checksum::sum(pseudo, segment).is_valid()
}

/// Fills in the checksum of `header` (its field zero, options included), given the sum of pseudo
/// header and payload.
#[inline]
pub fn set_checksum(header: &mut [u8], rest: Sum) {
    let checksum = checksum::sum(rest, header).finish();
    if let Some(field) = header.get_mut(CHECKSUM_OFFSET..CHECKSUM_OFFSET + 2) {
        field.copy_from_slice(&checksum.to_be_bytes());
    }
}

/// Leaves the checksum of `header` to the device: the field gets the pseudo-header sum.
#[inline]
pub fn set_partial(header: &mut [u8], pseudo: Sum) {
    if let Some(field) = header.get_mut(CHECKSUM_OFFSET..CHECKSUM_OFFSET + 2) {
        field.copy_from_slice(&pseudo.fold().to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
