//! IPv6 extension headers (RFC 8200 §4).
//!
//! [`walk`] follows the chain from the fixed header to the transport header, or to the data of a real
//! fragment. Hop-by-hop options count only as the first header; elsewhere the number is left
//! standing as the protocol, which nobody serves, so that the answer is "unrecognized next
//! header" as for any other number. Unknown options act by their top two bits. The walk is
//! bounded: headers and options per packet have a limit (RFC 8504 §5.3 asks for such limits), and
//! every step consumes bytes.

use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::Malformed;
use crate::ip::{self, Fragment};
use crate::ipv6::HEADER_LEN;

/// Extension headers walked in one packet; correct senders use at most six (RFC 8200 §4.1).
pub const HEADERS_MAX: usize = 8;
/// Options other than padding in one header (RFC 8504 §5.3 suggests 8).
pub const OPTIONS_MAX: usize = 8;
/// Bytes of a fragment header.
pub const FRAGMENT_LEN: usize = 8;
/// Bytes of the hop-by-hop header that [`emit_router_alert`] writes.
pub const ROUTER_ALERT_LEN: usize = 8;

/// Option: one byte of padding.
pub const OPTION_PAD1: u8 = 0;
/// Option: padding.
pub const OPTION_PADN: u8 = 1;
/// Option: limit of nested tunnels.
pub const OPTION_TUNNEL_LIMIT: u8 = 4;
/// Option: every router must look (RFC 2711).
pub const OPTION_ROUTER_ALERT: u8 = 5;
/// Option: security label (RFC 5570).
pub const OPTION_CALIPSO: u8 = 7;
/// Option: payload beyond 64 KiB (RFC 2675).
pub const OPTION_JUMBO: u8 = 0xc2;

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
#[inline]
pub fn walk(packet: &[u8], first: u8, merged: bool) -> Result<Chain, Malformed> {
    let mut chain = Chain {
        protocol: first,
        protocol_at: 6,
        header_len: HEADER_LEN,
        fragment: None,
        identification: 0,
    };
    match first {
        // Nearly every packet: nothing to walk.
        ip::PROTO_TCP | ip::PROTO_UDP | ip::PROTO_ICMPV6 => Ok(chain),
        _ => chain.follow(packet, merged).map(|()| chain),
    }
}

/// Walks the chain of a packet that may be cut short, believing nothing: for the packets ICMP errors
/// quote. It ends where the bytes end, where a fragment begins, or at the transport header.
pub fn skip(packet: &[u8], first: u8) -> Result<Chain, Malformed> {
    let mut chain = Chain {
        protocol: first,
        protocol_at: 6,
        header_len: HEADER_LEN,
        fragment: None,
        identification: 0,
    };
    for _ in 0..=HEADERS_MAX {
        let rest = packet.get(chain.header_len..).unwrap_or_default();
        match (chain.protocol, rest) {
            (
                ip::PROTO_HOP_BY_HOP | ip::PROTO_DESTINATION_OPTIONS | ip::PROTO_ROUTING,
                &[next, units, ..],
            ) => chain.advance(next, (usize::from(units) + 1) * 8),
            (ip::PROTO_FRAGMENT, &[next, _, a, b, ..]) => {
                let field = u16::from_be_bytes([a, b]);
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
    fn follow(&mut self, packet: &[u8], merged: bool) -> Result<(), Malformed> {
        for count in 0..=HEADERS_MAX {
            match self.protocol {
                ip::PROTO_HOP_BY_HOP if count == 0 => self.options(packet, true, merged)?,
                ip::PROTO_DESTINATION_OPTIONS => self.options(packet, false, merged)?,
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

    fn options(&mut self, packet: &[u8], hbh: bool, merged: bool) -> Result<(), Malformed> {
        let header = self.header(packet)?;
        let mut counted = 0;
        for option in (Options { header, at: 2 }) {
            let (at, option) = option?;
            let known = match option.kind {
                OPTION_PADN => continue,
                OPTION_ROUTER_ALERT => hbh && option.data.len() == 2,
                OPTION_CALIPSO => hbh,
                OPTION_TUNNEL_LIMIT => !hbh && option.data.len() == 1,
                OPTION_JUMBO => hbh && merged,
                _ => false,
            };
            counted += 1;
            if counted > OPTIONS_MAX {
                return Err(Malformed::ExtensionHeaders);
            }
            if !known {
                unknown_option(option.kind, self.header_len + at)?;
            }
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
        self.fragment = Some(Fragment { offset, more });
        Ok(true)
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

/// One option of a hop-by-hop or destination options header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtOption<'a> {
    /// The type byte.
    pub kind: u8,
    /// What follows the length byte.
    pub data: &'a [u8],
}

/// Iterator over the options of a header: each with its offset in the header; Pad1 is skipped.
///
/// Yields an error and ends at the first option that does not fit.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    header: &'a [u8],
    at: usize,
}

/// The options of a hop-by-hop or destination options header.
pub fn options(header: &[u8]) -> Options<'_> {
    Options { header, at: 2 }
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<(usize, ExtOption<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = self.at;
            match *self.header.get(at..)? {
                [] => return None,
                [OPTION_PAD1, ..] => self.at += 1,
                [kind, len, ref rest @ ..] if usize::from(len) <= rest.len() => {
                    self.at += 2 + usize::from(len);
                    return Some(Ok((at, ExtOption { kind, data: &rest[..usize::from(len)] })));
                }
                _ => {
                    self.at = self.header.len();
                    return Some(Err(Malformed::Option));
                }
            }
        }
    }
}

/// Writes a hop-by-hop header with the MLD router alert (RFC 2711) to the front of `buf`.
///
/// Returns its length, or 0 if `buf` is too short.
pub fn emit_router_alert(buf: &mut [u8], next_header: u8) -> usize {
    let header = [next_header, 0, OPTION_ROUTER_ALERT, 2, 0, 0, OPTION_PADN, 0];
    header.write_to_prefix(buf).map_or(0, |()| ROUTER_ALERT_LEN)
}

/// Writes a fragment header to the front of `buf`; returns its length, or 0 if `buf` is too short.
pub fn emit_fragment(buf: &mut [u8], next_header: u8, fragment: Fragment, id: u32) -> usize {
    let layout = FragmentLayout {
        next_header,
        reserved: 0,
        offset_more: (fragment.offset as u16 & !7 | u16::from(fragment.more)).into(),
        identification: id.into(),
    };
    layout.write_to_prefix(buf).map_or(0, |()| FRAGMENT_LEN)
}

#[cfg(test)]
mod tests;
