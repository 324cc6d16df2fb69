//! Extension objects of ICMP errors (RFC 4884, RFC 4950, RFC 5837).
//!
//! ```text
//! | ICMP header with a length field | quoted packet, padded to that length |
//! | version 2, reserved | checksum | object | object ...
//! object: | length, 2 bytes | class | type | data, whole words ... |
//! ```
//!
//! The length counts 32-bit words in ICMPv4 (byte 5) and 64-bit words in ICMPv6 (byte 4); the
//! quoted packet has at least 128 bytes then. Routers older than RFC 4884 put the objects behind
//! exactly 128 bytes and leave the length zero; those are believed only with a sound checksum.
//! [`split`] parts a received message, [`emit_v4`] and [`emit_v6`] write one.

use addr::Ip;

use crate::checksum::{self, Sum};
use crate::icmp::{HEADER_LEN as ICMP_LEN, Message};
use crate::{EmitError, Malformed, icmpv4, icmpv6, ip, ipv4, ipv6};

/// Bytes of the header in front of the objects.
pub const HEADER_LEN: usize = 4;
/// Bytes in front of an object's data.
pub const OBJECT_LEN: usize = 4;
/// Bytes of quoted packet in front of objects, at least.
pub const QUOTE_MIN: usize = 128;

/// Class: MPLS labels (RFC 4950).
pub const CLASS_MPLS: u8 = 1;
/// Class: an interface of the router (RFC 5837).
pub const CLASS_INTERFACE: u8 = 2;
/// Class: the interface asked about (RFC 8335).
pub const CLASS_INTERFACE_QUERY: u8 = 3;

const VERSION: u8 = 2;

/// One object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object<'a> {
    /// What it is about.
    pub class: u8,
    /// Which form, by class.
    pub kind: u8,
    /// By class and form.
    pub data: &'a [u8],
}

/// One entry of an MPLS label stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The label, 20 bits.
    pub label: u32,
    /// Traffic class, 3 bits.
    pub traffic_class: u8,
    /// The last entry.
    pub bottom: bool,
    /// Time to live.
    pub ttl: u8,
}

impl<'a> Object<'a> {
    /// The labels of an MPLS object, outermost first; none of any other.
    pub fn labels(&self) -> impl Iterator<Item = Label> + use<'a> {
        let data = if (self.class, self.kind) == (CLASS_MPLS, 1) { self.data } else { &[] };
        let (entries, _) = data.as_chunks::<4>();
        entries.iter().map(|entry| {
            let word = u32::from_be_bytes(*entry);
            Label {
                label: word >> 12,
                traffic_class: (word >> 9 & 7) as u8,
                bottom: word & 0x100 != 0,
                ttl: word as u8,
            }
        })
    }
}

/// Objects whose chain was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Objects<'a> {
    bytes: &'a [u8],
}

impl<'a> Objects<'a> {
    /// Checks header, checksum and chain of an extension structure. A checksum of zero means none.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] if there are fewer bytes than the header has,
    /// [`Malformed::Version`] unless the version is 2, [`Malformed::Checksum`] if the checksum does
    /// not hold, [`Malformed::Length`] if an object runs over the bytes.
    pub fn parse(structure: &'a [u8]) -> Result<Self, Malformed> {
        let ([version, _, a, b], bytes) =
            structure.split_first_chunk::<HEADER_LEN>().ok_or(Malformed::Truncated)?;
        if version >> 4 != VERSION {
            return Err(Malformed::Version);
        }
        if (*a, *b) != (0, 0) && !checksum::sum(Sum::ZERO, structure).is_valid() {
            return Err(Malformed::Checksum);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let (_, after) = object(rest).ok_or(Malformed::Length)?;
            rest = after;
        }
        Ok(Self { bytes })
    }

    /// The objects in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = Object<'a>> + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (object, after) = object(rest)?;
            rest = after;
            Some(object)
        })
    }
}

/// The first object, and what follows it.
fn object(bytes: &[u8]) -> Option<(Object<'_>, &[u8])> {
    let &[a, b, class, kind, ..] = bytes else { return None };
    let len = usize::from(u16::from_be_bytes([a, b]));
    let (whole, rest) = bytes.split_at_checked(len)?;
    Some((Object { class, kind, data: whole.get(OBJECT_LEN..)? }, rest))
}

/// A message parted into the packet it quotes and its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended<'a> {
    /// The quoted packet, perhaps padded with zeros.
    pub quote: &'a [u8],
    /// The objects.
    pub objects: Objects<'a>,
}

/// Parts a whole ICMP message whose checksum was checked; `None` if it carries no objects.
///
/// # Errors
/// [`Malformed::Truncated`] if there are fewer bytes than the ICMP header has,
/// [`Malformed::Length`] if the declared length of the quote is below 128 bytes or beyond the
/// message, and what [`Objects::parse`] reports.
///
/// ```
/// use wire::icmp::Message;
/// use wire::icmp_ext::{self, Object};
/// let error = Message::TimeExceeded { code: 0, quote: &[0x45; 40] };
/// let object = Object { class: 1, kind: 1, data: &[0, 1, 0x01, 64] };
/// let mut bytes = [0; 200];
/// let len = icmp_ext::emit_v4(&mut bytes, &error, &[object]).unwrap();
/// let extended = icmp_ext::split(&bytes[..len], true).unwrap().unwrap();
/// assert_eq!(extended.quote.len(), 128);
/// assert_eq!(extended.objects.iter().next(), Some(object));
/// ```
pub fn split(message: &[u8], v4: bool) -> Result<Option<Extended<'_>>, Malformed> {
    let ([kind, _, _, _, v6_words, v4_words, ..], body) =
        message.split_first_chunk::<ICMP_LEN>().ok_or(Malformed::Truncated)?;
    let declared = match (v4, *kind) {
        (true, icmpv4::UNREACHABLE | icmpv4::TIME_EXCEEDED | icmpv4::PARAMETER_PROBLEM) => {
            usize::from(*v4_words) * 4
        }
        (false, icmpv6::UNREACHABLE | icmpv6::TIME_EXCEEDED) => usize::from(*v6_words) * 8,
        _ => return Ok(None),
    };
    if declared == 0 {
        return Ok(unannounced(body));
    }
    if declared < QUOTE_MIN {
        return Err(Malformed::Length);
    }
    let (quote, structure) = body.split_at_checked(declared).ok_or(Malformed::Length)?;
    // RFC 4884 §3: a length without a structure is only a length.
    if structure.is_empty() {
        return Ok(None);
    }
    Ok(Some(Extended { quote, objects: Objects::parse(structure)? }))
}

/// RFC 4884 §5.5: what routers sent before there was a length.
fn unannounced(body: &[u8]) -> Option<Extended<'_>> {
    let (quote, structure) = body.split_at_checked(QUOTE_MIN)?;
    let has_checksum = structure.get(2..4)? != [0, 0];
    let objects = Objects::parse(structure).ok().filter(|_| has_checksum)?;
    Some(Extended { quote, objects })
}

/// Writes an ICMPv4 error with objects to the front of `buf`, checksums included.
///
/// The quoted packet is cut or padded so that the whole stays within 576 bytes. Returns the length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if the message has
/// no length field or the objects do not fit.
pub fn emit_v4(
    buf: &mut [u8],
    message: &Message<'_>,
    objects: &[Object<'_>],
) -> Result<usize, EmitError> {
    let (plan, cut) = Plan::new(message, objects, true).ok_or(EmitError::Value)?;
    let buf = buf.get_mut(..plan.len()).ok_or(EmitError::NoRoom)?;
    icmpv4::emit(buf, &cut)?;
    plan.finish(buf, objects);
    buf[5] = (plan.quote_len / 4) as u8;
    buf[2..4].fill(0);
    let checksum = checksum::checksum(buf);
    buf[2..4].copy_from_slice(&checksum.to_be_bytes());
    Ok(buf.len())
}

/// Writes an ICMPv6 error with objects to the front of `buf`, checksums included.
///
/// As [`emit_v4`]; the whole stays within 1280 bytes.
///
/// # Errors
/// As [`emit_v4`].
pub fn emit_v6(
    buf: &mut [u8],
    src: Ip,
    dst: Ip,
    message: &Message<'_>,
    objects: &[Object<'_>],
) -> Result<usize, EmitError> {
    let (plan, cut) = Plan::new(message, objects, false).ok_or(EmitError::Value)?;
    let buf = buf.get_mut(..plan.len()).ok_or(EmitError::NoRoom)?;
    icmpv6::emit(buf, src, dst, &cut)?;
    plan.finish(buf, objects);
    buf[4] = (plan.quote_len / 8) as u8;
    icmpv6::set_checksum(buf, src, dst);
    Ok(buf.len())
}

/// Where the pieces of a message go.
struct Plan {
    /// Bytes of the packet that are quoted.
    quoted: usize,
    /// Bytes of the quote with its padding.
    quote_len: usize,
    /// Bytes of the objects.
    objects_len: usize,
}

impl Plan {
    /// Also returns the message with its quote cut.
    fn new<'a>(
        message: &Message<'a>,
        objects: &[Object<'_>],
        v4: bool,
    ) -> Option<(Self, Message<'a>)> {
        let (whole, unit) = if v4 { (ipv4::MTU_MIN, 4) } else { (ipv6::MTU_MIN, 8) };
        let sound = objects.iter().all(|object| object.data.len().is_multiple_of(4));
        let objects_len = objects.iter().map(|object| OBJECT_LEN + object.data.len()).sum();
        let fixed = ip::header_len(v4) + ICMP_LEN + HEADER_LEN;
        let room = whole.checked_sub(fixed)?.checked_sub(objects_len)? / unit * unit;
        if room < QUOTE_MIN || !sound {
            return None;
        }
        let cut = |quote: &'a [u8]| &quote[..quote.len().min(room)];
        let (message, quote) = match *message {
            Message::Unreachable { code, quote } => {
                (Message::Unreachable { code, quote: cut(quote) }, cut(quote))
            }
            Message::TimeExceeded { code, quote } => {
                (Message::TimeExceeded { code, quote: cut(quote) }, cut(quote))
            }
            Message::PacketTooBig { mtu, quote } if v4 => {
                (Message::PacketTooBig { mtu, quote: cut(quote) }, cut(quote))
            }
            Message::ParameterProblem { code, pointer, quote } if v4 => {
                (Message::ParameterProblem { code, pointer, quote: cut(quote) }, cut(quote))
            }
            _ => return None,
        };
        let quote_len = quote.len().max(QUOTE_MIN).next_multiple_of(unit);
        Some((Self { quoted: quote.len(), quote_len, objects_len }, message))
    }

    fn len(&self) -> usize {
        ICMP_LEN + self.quote_len + HEADER_LEN + self.objects_len
    }

    /// Writes what follows the quote.
    fn finish(&self, buf: &mut [u8], objects: &[Object<'_>]) {
        let (message, structure) = buf.split_at_mut(ICMP_LEN + self.quote_len);
        message[ICMP_LEN + self.quoted..].fill(0);
        structure[..HEADER_LEN].copy_from_slice(&[VERSION << 4, 0, 0, 0]);
        let mut at = HEADER_LEN;
        for object in objects {
            let len = OBJECT_LEN + object.data.len();
            let [a, b] = (len as u16).to_be_bytes();
            structure[at..at + OBJECT_LEN].copy_from_slice(&[a, b, object.class, object.kind]);
            structure[at + OBJECT_LEN..at + len].copy_from_slice(object.data);
            at += len;
        }
        let checksum = match checksum::checksum(structure) {
            // Zero would say that there is none.
            0 => 0xffff,
            checksum => checksum,
        };
        structure[2..4].copy_from_slice(&checksum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
