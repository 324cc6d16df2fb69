//! IPv6 extension headers (RFC 8200 §4).
//!
//! [`walk`] follows the chain from the fixed header to the transport header, or to the data of a
//! real fragment. Hop-by-hop options count only as the first header; elsewhere the number is left
//! standing as the protocol, which nobody serves, so that the answer is "unrecognized next header"
//! as for any other number. Unknown options act by their top two bits. The walk is bounded: headers
//! per packet and options per header have a limit ([`Limits`]; RFC 8504 §5.3 asks for such), and
//! every step consumes bytes. A first fragment must hold the whole chain (RFC 7112).

use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::ip::{self, Fragment, IPV6_HEADER_LEN as HEADER_LEN};
use crate::{EmitError, Malformed, tcp, udp};

pub use crate::ipv6_options::{
    ExtOption, Known, OPTION_CALIPSO, OPTION_JUMBO, OPTION_PAD1, OPTION_PADN, OPTION_ROUTER_ALERT,
    OPTION_TUNNEL_LIMIT, Options, OptionsWriter, options,
};

/// Extension headers walked in one packet; correct senders use at most six (RFC 8200 §4.1).
pub const HEADERS_MAX: usize = 8;
/// Octets of an ICMPv6 header (RFC 4443 §2.1), which a first fragment must hold.
const ICMPV6_HEADER_LEN: usize = 8;
/// Bytes of a fragment header.
pub const FRAGMENT_LEN: usize = 8;
/// Bytes of the hop-by-hop header that [`emit_router_alert`] writes.
pub const ROUTER_ALERT_LEN: usize = 8;

/// How many options one header may have: anything beyond is a burden, not a message.
///
/// Zero means no limit. The header's own length bounds the walk all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Options other than padding.
    pub options: u16,
    /// Bytes of padding, Pad1 and PadN together.
    pub pad_bytes: u16,
    /// Options of types not known here.
    pub unknown_options: u16,
}

impl Limits {
    /// What an ordinary host accepts.
    pub const DEFAULT: Self = Self { options: 16, pad_bytes: 16, unknown_options: 2 };
    /// No limit but the length of the header.
    pub const NONE: Self = Self { options: 0, pad_bytes: 0, unknown_options: 0 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a walk found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// What follows the chain.
    pub protocol: u8,
    /// Where in the packet that number stands.
    pub protocol_at: usize,
    /// Bytes of fixed header and chain.
    pub header_len: usize,
    /// Set for a real fragment.
    pub fragment: Option<Fragment>,
    /// Identification of the fragment header, else 0.
    pub identification: u32,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct FragmentLayout {
    next_header: u8,
    reserved: u8,
    offset_more: U16,
    identification: U32,
}

/// Walks the chain of `packet` (fixed header included, padding cut off), of which `first` is the
/// first number.
///
/// `merged`: a device joined several packets and may say so with a jumbo payload option, which no
/// ordinary packet may carry here.
///
/// # Errors
/// The first fault of the chain: a header that runs over the packet, a header or option in a
/// forbidden place, too many of them, or an option that demands that the packet be discarded.
#[inline]
pub fn walk(packet: &[u8], first: u8, merged: bool) -> Result<Chain, Malformed> {
    walk_limited(packet, first, merged, &Limits::DEFAULT)
}

/// The same, with the caller's limits on options.
///
/// # Errors
/// As [`walk`].
#[inline]
pub fn walk_limited(
    packet: &[u8],
    first: u8,
    merged: bool,
    limits: &Limits,
) -> Result<Chain, Malformed> {
    match first {
        // Nearly every packet: nothing to walk.
        ip::PROTO_TCP | ip::PROTO_UDP | ip::PROTO_ICMPV6 => Ok(Chain::new(first)),
        _ => follow(packet, first, merged, limits),
    }
}

#[cold]
fn follow(packet: &[u8], first: u8, merged: bool, limits: &Limits) -> Result<Chain, Malformed> {
    let mut chain = Chain::new(first);
    chain.follow(packet, merged, limits).map(|()| chain)
}

/// Walks the chain of a packet that may be cut short, believing nothing: for the packets ICMP
/// errors quote. It ends where the bytes end, where a fragment begins, or at the transport header.
///
/// # Errors
/// [`Malformed::ExtensionHeaders`] if there are more headers than are walked.
pub fn skip(packet: &[u8], first: u8) -> Result<Chain, Malformed> {
    let mut chain = Chain::new(first);
    for _ in 0..=HEADERS_MAX {
        let rest = packet.get(chain.header_len..).unwrap_or_default();
        match (chain.protocol, rest) {
            (
                ip::PROTO_HOP_BY_HOP | ip::PROTO_DESTINATION_OPTIONS | ip::PROTO_ROUTING,
                &[next, units, ..],
            ) => chain.advance(next, (usize::from(units) + 1) * 8),
            (ip::PROTO_FRAGMENT, &[next, _, a, b, ..]) => {
                let field = u16::from_be_bytes([a, b]);
                if let Some(identification) = rest.get(4..).and_then(<[u8]>::first_chunk) {
                    chain.identification = u32::from_be_bytes(*identification);
                }
                chain.advance(next, FRAGMENT_LEN);
                let (offset, more) = (u32::from(field & !7), field & 1 == 1);
                if offset != 0 || more {
                    chain.fragment = Some(Fragment { offset, more });
                }
                if offset != 0 {
                    return Ok(chain);
                }
            }
            _ => return Ok(chain),
        }
    }
    Err(Malformed::ExtensionHeaders)
}

impl Chain {
    #[inline]
    fn new(first: u8) -> Self {
        Self {
            protocol: first,
            protocol_at: 6,
            header_len: HEADER_LEN,
            fragment: None,
            identification: 0,
        }
    }

    fn follow(&mut self, packet: &[u8], merged: bool, limits: &Limits) -> Result<(), Malformed> {
        for count in 0..=HEADERS_MAX {
            match self.protocol {
                ip::PROTO_HOP_BY_HOP if count == 0 => self.options(packet, true, merged, limits)?,
                ip::PROTO_DESTINATION_OPTIONS => self.options(packet, false, merged, limits)?,
                ip::PROTO_ROUTING => self.routing(packet)?,
                ip::PROTO_FRAGMENT => {
                    if self.fragment(packet)? {
                        return Ok(());
                    }
                }
                _ => return Ok(()),
            }
        }
        Err(Malformed::ExtensionHeaders)
    }

    /// The header at the current place: next header, length in 8-byte units less one, data.
    fn header<'a>(&self, packet: &'a [u8]) -> Result<&'a [u8], Malformed> {
        let rest = packet.get(self.header_len..).ok_or(Malformed::Truncated)?;
        let [_, units, ..] = *rest else { return Err(Malformed::Truncated) };
        rest.get(..(usize::from(units) + 1) * 8).ok_or(Malformed::HeaderLength)
    }

    fn advance(&mut self, next: u8, len: usize) {
        self.protocol = next;
        self.protocol_at = self.header_len;
        self.header_len += len;
    }

    fn options(
        &mut self,
        packet: &[u8],
        hbh: bool,
        merged: bool,
        limits: &Limits,
    ) -> Result<(), Malformed> {
        let header = self.header(packet)?;
        let mut count = Count { pad_bytes: header.len() - 2, ..Count::default() };
        for option in options(header) {
            let (at, option) = option?;
            let here = self.header_len + at;
            let known = match option.known()? {
                Known::PadN(_) => continue,
                Known::RouterAlert(_) | Known::Calipso(_) => hbh,
                Known::TunnelLimit(_) => !hbh,
                // RFC 2675 §3: the pointer is to the length in the option.
                Known::Jumbo(..=0xffff) if hbh => {
                    return Err(Malformed::OptionValue { pointer: pointer(here + 2) });
                }
                Known::Jumbo(_) => hbh && merged,
                Known::Unknown => false,
            };
            count.add(&option, known);
            if !known {
                unknown_option(option.kind, here)?;
            }
        }
        if count.exceeds(limits) {
            return Err(Malformed::ExtensionHeaders);
        }
        self.advance(header[0], header.len());
        Ok(())
    }

    /// RFC 8200 §4.4: without segments left it is skipped; with some, no type is served here.
    /// RFC 5095: type 0 is refused (deviates: also without segments left, nobody has use for it).
    fn routing(&mut self, packet: &[u8]) -> Result<(), Malformed> {
        let header = self.header(packet)?;
        let (kind, segments_left) = (header[2], header[3]);
        if kind == 0 || segments_left != 0 {
            return Err(Malformed::Routing { pointer: pointer(self.header_len + 2) });
        }
        self.advance(header[0], header.len());
        Ok(())
    }

    /// Returns whether the packet is a real fragment, where the walk ends.
    fn fragment(&mut self, packet: &[u8]) -> Result<bool, Malformed> {
        let at = self.header_len;
        let rest = packet.get(at..).ok_or(Malformed::Truncated)?;
        let (layout, data) =
            FragmentLayout::ref_from_prefix(rest).map_err(|_| Malformed::Truncated)?;
        let (offset, more) =
            (u32::from(layout.offset_more.get() & !7), layout.offset_more.get() & 1 == 1);
        self.identification = layout.identification.get();
        self.advance(layout.next_header, FRAGMENT_LEN);
        if offset == 0 && !more {
            return Ok(false);
        }
        // RFC 8200 §4.5: the answers point at the payload length and at the offset.
        if (more && !data.len().is_multiple_of(8)) || data.is_empty() {
            return Err(Malformed::Fragment { pointer: 4 });
        }
        if offset as usize + data.len() > 65535 {
            return Err(Malformed::Fragment { pointer: pointer(at + 2) });
        }
        if offset == 0 {
            self.complete(packet)?;
        }
        self.fragment = Some(Fragment { offset, more });
        Ok(true)
    }

    /// RFC 7112 §5: a first fragment holds every header up to the transport header, whole;
    /// otherwise no filter could judge it. `self` is left where it is.
    fn complete(mut self, packet: &[u8]) -> Result<(), Malformed> {
        for _ in 0..=HEADERS_MAX {
            let least = match self.protocol {
                ip::PROTO_HOP_BY_HOP | ip::PROTO_DESTINATION_OPTIONS | ip::PROTO_ROUTING => {
                    let header = self.header(packet).map_err(|_| Malformed::IncompleteChain)?;
                    self.advance(header[0], header.len());
                    continue;
                }
                ip::PROTO_TCP => tcp::HEADER_LEN,
                ip::PROTO_UDP => udp::HEADER_LEN,
                ip::PROTO_ICMPV6 => ICMPV6_HEADER_LEN,
                ip::PROTO_NONE => 0,
                _ => 1,
            };
            let whole = packet.len() >= self.header_len + least;
            return if whole { Ok(()) } else { Err(Malformed::IncompleteChain) };
        }
        Err(Malformed::ExtensionHeaders)
    }
}

/// What [`Limits`] bounds.
#[derive(Default)]
struct Count {
    options: usize,
    pad_bytes: usize,
    unknown: usize,
}

impl Count {
    /// `pad_bytes` begins as the whole area; what no option takes is padding.
    fn add(&mut self, option: &ExtOption<'_>, known: bool) {
        self.options += 1;
        self.pad_bytes = self.pad_bytes.saturating_sub(2 + option.data.len());
        self.unknown += usize::from(!known);
    }

    fn exceeds(&self, limits: &Limits) -> bool {
        let over = |count: usize, limit: u16| limit != 0 && count > usize::from(limit);
        over(self.options, limits.options)
            || over(self.pad_bytes, limits.pad_bytes)
            || over(self.unknown, limits.unknown_options)
    }
}

fn pointer(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// RFC 8200 §4.2: the top two bits of an unknown option say what to do.
fn unknown_option(kind: u8, at: usize) -> Result<(), Malformed> {
    match kind >> 6 {
        0 => Ok(()),
        1 => Err(Malformed::DiscardOption),
        action => {
            Err(Malformed::UnknownOption { pointer: pointer(at), even_multicast: action == 2 })
        }
    }
}

/// Writes a hop-by-hop header with the MLD router alert (RFC 2711) to the front of `buf`.
///
/// Returns its length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short.
pub fn emit_router_alert(buf: &mut [u8], next_header: u8) -> Result<usize, EmitError> {
    let header = [next_header, 0, OPTION_ROUTER_ALERT, 2, 0, 0, OPTION_PADN, 0];
    header.write_to_prefix(buf).map_err(|_| EmitError::NoRoom)?;
    Ok(ROUTER_ALERT_LEN)
}

/// A routing header (RFC 8200 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routing<'a> {
    /// What follows it.
    pub next_header: u8,
    /// The kind of route.
    pub kind: u8,
    /// Nodes still to visit.
    pub segments_left: u8,
    /// By kind; with the four bytes before it whole 8-byte units.
    pub data: &'a [u8],
}

/// Reads a routing header, of which `header` is all bytes. Whether it may be followed is not
/// judged.
///
/// # Errors
/// [`Malformed::Truncated`] if there are fewer than four bytes, [`Malformed::HeaderLength`] if the
/// length field exceeds the bytes.
pub fn parse_routing(header: &[u8]) -> Result<Routing<'_>, Malformed> {
    let [next_header, units, kind, segments_left, ..] = *header else {
        return Err(Malformed::Truncated);
    };
    let len = (usize::from(units) + 1) * 8;
    let data = header.get(4..len).ok_or(Malformed::HeaderLength)?;
    Ok(Routing { next_header, kind, segments_left, data })
}

/// Writes a routing header to the front of `buf`; returns its length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if the data is too
/// long or no whole number of units.
pub fn emit_routing(buf: &mut [u8], routing: &Routing<'_>) -> Result<usize, EmitError> {
    let len = 4 + routing.data.len();
    let units = (len / 8).checked_sub(1).and_then(|units| u8::try_from(units).ok());
    let units = units.filter(|_| len.is_multiple_of(8)).ok_or(EmitError::Value)?;
    let Some((head, data)) = buf.get_mut(..len).and_then(|buf| buf.split_at_mut_checked(4)) else {
        return Err(EmitError::NoRoom);
    };
    head.copy_from_slice(&[routing.next_header, units, routing.kind, routing.segments_left]);
    data.copy_from_slice(routing.data);
    Ok(len)
}

/// One extension header of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtHeader<'a> {
    /// Its protocol number.
    pub protocol: u8,
    /// Its bytes, next-header byte first.
    pub bytes: &'a [u8],
}

/// The extension headers of a packet that was parsed: `packet` is its bytes, `header_len` what
/// parsing found.
pub fn headers(packet: &[u8], header_len: usize) -> impl Iterator<Item = ExtHeader<'_>> {
    let mut protocol = packet.get(6).copied().unwrap_or(ip::PROTO_NONE);
    let mut rest = packet.get(HEADER_LEN..header_len).unwrap_or_default();
    std::iter::from_fn(move || {
        let [next, units, ..] = *rest else { return None };
        let len = match protocol {
            ip::PROTO_FRAGMENT => FRAGMENT_LEN,
            _ => (usize::from(units) + 1) * 8,
        };
        let (bytes, after) = rest.split_at_checked(len)?;
        let header = ExtHeader { protocol, bytes };
        (protocol, rest) = (next, after);
        Some(header)
    })
}

/// Writes a fragment header to the front of `buf`; returns its length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if the offset is no
/// multiple of eight below 65536.
pub fn emit_fragment(
    buf: &mut [u8],
    next_header: u8,
    fragment: Fragment,
    id: u32,
) -> Result<usize, EmitError> {
    if !fragment.offset.is_multiple_of(8) || fragment.offset > 0xffff {
        return Err(EmitError::Value);
    }
    let layout = FragmentLayout {
        next_header,
        reserved: 0,
        offset_more: (fragment.offset as u16 | u16::from(fragment.more)).into(),
        identification: id.into(),
    };
    layout.write_to_prefix(buf).map_err(|_| EmitError::NoRoom)?;
    Ok(FRAGMENT_LEN)
}

#[cfg(test)]
mod tests;
