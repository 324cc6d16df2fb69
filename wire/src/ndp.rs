//! Neighbor discovery (RFC 4861): the bodies of five ICMPv6 types and their options.
//!
//! ```text
//! | type | code 0 | checksum | 4 bytes by type | target, destination or timers | options ...
//! option: | type | length in 8-byte units, never 0 | data ...
//! ```
//!
//! [`parse`] checks what RFC 4861 §6.1, §7.1 and §8.1 demand before a message may have any effect:
//! hop limit 255 (no router passed it on), code 0, addresses, and that every option fits.
//! Options are read on demand from the checked bytes; of an option with a wrong length for its
//! type nothing is believed.

use addr::{Ip, Mac};

use crate::checksum;
use crate::ip::{IpHeader, PROTO_ICMPV6};
use crate::{EmitError, Malformed};

pub use crate::ndp_options::{NdpOption, OptionWriter, Options, Preference};

/// Type: router solicitation.
pub const ROUTER_SOLICITATION: u8 = 133;
/// Type: router advertisement.
pub const ROUTER_ADVERTISEMENT: u8 = 134;
/// Type: neighbor solicitation.
pub const NEIGHBOR_SOLICITATION: u8 = 135;
/// Type: neighbor advertisement.
pub const NEIGHBOR_ADVERTISEMENT: u8 = 136;
/// Type: redirect.
pub const REDIRECT: u8 = 137;
/// The only hop limit of valid messages.
pub const HOP_LIMIT: u8 = 255;

/// A neighbor discovery message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Is there a router?
    RouterSolicitation {
        /// Source link-layer address, if any.
        options: Options<'a>,
    },
    /// A router, its prefixes and its parameters.
    RouterAdvertisement(RouterAdvertisement<'a>),
    /// Who has `target`?
    NeighborSolicitation {
        /// The address asked for.
        target: Ip,
        /// Source link-layer address, nonce.
        options: Options<'a>,
    },
    /// `target` is here.
    NeighborAdvertisement(NeighborAdvertisement<'a>),
    /// A better first hop.
    Redirect {
        /// The better hop; the destination itself if it is on the link.
        target: Ip,
        /// For packets to here.
        destination: Ip,
        /// Target link-layer address, the packet that caused it.
        options: Options<'a>,
    },
}

/// The parameters a router announces. Zero means unspecified except in `lifetime_s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouterAdvertisement<'a> {
    /// Hop limit to send with.
    pub hop_limit: u8,
    /// Addresses by DHCPv6.
    pub managed: bool,
    /// Other configuration by DHCPv6.
    pub other: bool,
    /// Default router preference (RFC 4191).
    pub preference: Preference,
    /// Seconds for which it is a default router; 0: it is none.
    pub lifetime_s: u16,
    /// Milliseconds for which a neighbor counts as reachable.
    pub reachable_ms: u32,
    /// Milliseconds between solicitations.
    pub retransmit_ms: u32,
    /// Prefixes, MTU, routes, name servers.
    pub options: Options<'a>,
}

/// The answer to a neighbor solicitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighborAdvertisement<'a> {
    /// The address announced.
    pub target: Ip,
    /// The sender is a router.
    pub router: bool,
    /// It answers a solicitation.
    pub solicited: bool,
    /// It replaces a known link-layer address.
    pub override_flag: bool,
    /// Target link-layer address.
    pub options: Options<'a>,
}

/// Reads and checks a message: `kind`, `code` and `body` of an
/// [`icmp::Message::Other`](crate::icmp::Message::Other) in a packet with this `header`.
///
/// # Errors
/// [`Malformed::HopLimit`] if the hop limit is not 255, [`Malformed::Field`] for a type or code
/// that is not read here, [`Malformed::Truncated`] if the body is too short, [`Malformed::Option`]
/// if an option is malformed, [`Malformed::Source`] or [`Malformed::Destination`] if an address
/// does not fit the message (RFC 4861 §6.1, §7.1, §8.1).
#[inline]
pub fn parse<'a>(
    header: &IpHeader,
    kind: u8,
    code: u8,
    body: &'a [u8],
) -> Result<Message<'a>, Malformed> {
    if header.hop_limit != HOP_LIMIT {
        return Err(Malformed::HopLimit);
    }
    if code != 0 {
        return Err(Malformed::Field);
    }
    let (flags, rest) = body.split_first_chunk::<4>().ok_or(Malformed::Truncated)?;
    match kind {
        ROUTER_SOLICITATION => router_solicitation(header, rest),
        ROUTER_ADVERTISEMENT => router_advertisement(header, *flags, rest),
        NEIGHBOR_SOLICITATION => neighbor_solicitation(header, rest),
        NEIGHBOR_ADVERTISEMENT => neighbor_advertisement(header, flags[0], rest),
        REDIRECT => redirect(header, rest),
        _ => Err(Malformed::Field),
    }
}

/// RFC 4861 §6.1.1.
fn router_solicitation<'a>(header: &IpHeader, rest: &'a [u8]) -> Result<Message<'a>, Malformed> {
    let options = Options::parse(rest)?;
    if header.src.is_unspecified() && options.source_mac().is_some() {
        return Err(Malformed::Option);
    }
    if !header.src.is_unicast() && !header.src.is_unspecified() {
        return Err(Malformed::Source);
    }
    if header.dst != Ip::ALL_ROUTERS && !header.dst.is_unicast() {
        return Err(Malformed::Destination);
    }
    Ok(Message::RouterSolicitation { options })
}

/// RFC 4861 §6.1.2.
fn router_advertisement<'a>(
    header: &IpHeader,
    [hop_limit, flags, l0, l1]: [u8; 4],
    rest: &'a [u8],
) -> Result<Message<'a>, Malformed> {
    let ([a, b, c, d, e, f, g, h], rest) =
        rest.split_first_chunk::<8>().ok_or(Malformed::Truncated)?;
    if !header.src.is_link_local() {
        return Err(Malformed::Source);
    }
    if header.dst != Ip::ALL_NODES && !header.dst.is_unicast() {
        return Err(Malformed::Destination);
    }
    Ok(Message::RouterAdvertisement(RouterAdvertisement {
        hop_limit,
        managed: flags & 0x80 != 0,
        other: flags & 0x40 != 0,
        preference: Preference::from_bits(flags >> 3),
        lifetime_s: u16::from_be_bytes([l0, l1]),
        reachable_ms: u32::from_be_bytes([*a, *b, *c, *d]),
        retransmit_ms: u32::from_be_bytes([*e, *f, *g, *h]),
        options: Options::parse(rest)?,
    }))
}

/// RFC 4861 §7.1.1.
fn neighbor_solicitation<'a>(header: &IpHeader, rest: &'a [u8]) -> Result<Message<'a>, Malformed> {
    let (target, rest) = address(rest)?;
    let options = Options::parse(rest)?;
    let group = target.solicited_node();
    if !target.is_unicast() {
        return Err(Malformed::Field);
    }
    if header.dst != group && header.dst != target {
        return Err(Malformed::Destination);
    }
    if header.src.is_unspecified() {
        if header.dst != group {
            return Err(Malformed::Destination);
        }
        if options.source_mac().is_some() {
            return Err(Malformed::Option);
        }
    } else if !header.src.is_unicast() {
        return Err(Malformed::Source);
    }
    Ok(Message::NeighborSolicitation { target, options })
}

/// RFC 4861 §7.1.2.
#[inline]
fn neighbor_advertisement<'a>(
    header: &IpHeader,
    flags: u8,
    rest: &'a [u8],
) -> Result<Message<'a>, Malformed> {
    let (target, rest) = address(rest)?;
    let solicited = flags & 0x40 != 0;
    if !target.is_unicast() {
        return Err(Malformed::Field);
    }
    if !header.src.is_unicast() {
        return Err(Malformed::Source);
    }
    if header.dst.is_multicast() && (solicited || header.dst != Ip::ALL_NODES) {
        return Err(Malformed::Destination);
    }
    Ok(Message::NeighborAdvertisement(NeighborAdvertisement {
        target,
        router: flags & 0x80 != 0,
        solicited,
        override_flag: flags & 0x20 != 0,
        options: Options::parse(rest)?,
    }))
}

/// RFC 4861 §8.1.
fn redirect<'a>(header: &IpHeader, rest: &'a [u8]) -> Result<Message<'a>, Malformed> {
    let (target, rest) = address(rest)?;
    let (destination, rest) = address(rest)?;
    if !header.src.is_link_local() {
        return Err(Malformed::Source);
    }
    if destination.is_multicast() || !(target.is_link_local() || target == destination) {
        return Err(Malformed::Field);
    }
    Ok(Message::Redirect { target, destination, options: Options::parse(rest)? })
}

#[inline]
fn address(bytes: &[u8]) -> Result<(Ip, &[u8]), Malformed> {
    let (octets, rest) = bytes.split_first_chunk::<16>().ok_or(Malformed::Truncated)?;
    let ip = Ip::v6(*octets);
    if ip.is_v4() { Err(Malformed::MappedAddress) } else { Ok((ip, rest)) }
}

/// Writes the ICMPv6 message to the front of `buf`, checksum included. Send it with hop limit 255.
///
/// Returns its length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short.
///
/// ```
/// use wire::{icmp, icmpv6, ndp};
/// let (src, dst) = ("fe80::1".parse().unwrap(), addr::Ip::ALL_ROUTERS);
/// let mut bytes = [0; 16];
/// assert_eq!(ndp::emit_rs(&mut bytes, src, dst, Some(addr::Mac([2, 0, 0, 0, 0, 1]))), Ok(16));
/// let message = icmpv6::parse(src, dst, &bytes).unwrap();
/// assert!(matches!(message, icmp::Message::Other { kind: ndp::ROUTER_SOLICITATION, .. }));
/// ```
#[inline]
pub fn emit(buf: &mut [u8], src: Ip, dst: Ip, message: &Message<'_>) -> Result<usize, EmitError> {
    match message {
        Message::RouterSolicitation { options } => {
            put(buf, (src, dst), [ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0], options.bytes())
        }
        Message::RouterAdvertisement(ra) => {
            let mut fixed = [0; 16];
            fixed[0] = ROUTER_ADVERTISEMENT;
            fixed[4] = ra.hop_limit;
            fixed[5] =
                u8::from(ra.managed) << 7 | u8::from(ra.other) << 6 | ra.preference.bits() << 3;
            fixed[6..8].copy_from_slice(&ra.lifetime_s.to_be_bytes());
            fixed[8..12].copy_from_slice(&ra.reachable_ms.to_be_bytes());
            fixed[12..16].copy_from_slice(&ra.retransmit_ms.to_be_bytes());
            put(buf, (src, dst), fixed, ra.options.bytes())
        }
        Message::NeighborSolicitation { target, options } => {
            put(buf, (src, dst), targeted(NEIGHBOR_SOLICITATION, 0, *target), options.bytes())
        }
        Message::NeighborAdvertisement(na) => {
            let flags = u8::from(na.router) << 7
                | u8::from(na.solicited) << 6
                | u8::from(na.override_flag) << 5;
            let fixed = targeted(NEIGHBOR_ADVERTISEMENT, flags, na.target);
            put(buf, (src, dst), fixed, na.options.bytes())
        }
        Message::Redirect { target, destination, options } => {
            let mut fixed = [0; 40];
            fixed[..24].copy_from_slice(&targeted(REDIRECT, 0, *target));
            fixed[24..].copy_from_slice(destination.octets());
            put(buf, (src, dst), fixed, options.bytes())
        }
    }
}

/// Type, flags and target.
#[inline]
fn targeted(kind: u8, flags: u8, target: Ip) -> [u8; 24] {
    let mut fixed = [0; 24];
    fixed[0] = kind;
    fixed[4] = flags;
    fixed[8..].copy_from_slice(target.octets());
    fixed
}

/// Fixed part, options, checksum. The length of the former is known to the compiler, which makes
/// its copy and its sum a few instructions.
#[inline]
fn put<const N: usize>(
    buf: &mut [u8],
    (src, dst): (Ip, Ip),
    mut fixed: [u8; N],
    options: &[u8],
) -> Result<usize, EmitError> {
    let len = N + options.len();
    let Some((head, tail)) = buf.get_mut(..len).and_then(|buf| buf.split_first_chunk_mut::<N>())
    else {
        return Err(EmitError::NoRoom);
    };
    let pseudo = checksum::pseudo_header(src, dst, PROTO_ICMPV6, len as u32);
    let rest = checksum::copy_and_sum(tail, options);
    let checksum = checksum::sum(pseudo + rest, &fixed).finish();
    fixed[2..4].copy_from_slice(&checksum.to_be_bytes());
    *head = fixed;
    Ok(len)
}

/// Writes a router solicitation; `mac` must be `None` if `src` is unspecified.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short.
pub fn emit_rs(buf: &mut [u8], src: Ip, dst: Ip, mac: Option<Mac>) -> Result<usize, EmitError> {
    let mut writer = OptionWriter::<8>::new();
    if let Some(mac) = mac {
        writer.put(&NdpOption::SourceMac(mac));
    }
    emit(buf, src, dst, &Message::RouterSolicitation { options: writer.options() })
}

/// Writes a neighbor solicitation; `mac` must be `None` if `src` is unspecified. The nonce lets a
/// prober recognise its own solicitation looped back (RFC 7527).
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short.
pub fn emit_ns(
    buf: &mut [u8],
    src: Ip,
    dst: Ip,
    target: Ip,
    mac: Option<Mac>,
    nonce: Option<&[u8; 6]>,
) -> Result<usize, EmitError> {
    let mut writer = OptionWriter::<16>::new();
    if let Some(mac) = mac {
        writer.put(&NdpOption::SourceMac(mac));
    }
    if let Some(nonce) = nonce {
        writer.put(&NdpOption::Nonce(nonce));
    }
    emit(buf, src, dst, &Message::NeighborSolicitation { target, options: writer.options() })
}

/// Writes a neighbor advertisement; `na.options` is replaced by `mac` as the target's address.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short.
#[inline]
pub fn emit_na(
    buf: &mut [u8],
    src: Ip,
    dst: Ip,
    na: &NeighborAdvertisement<'_>,
    mac: Option<Mac>,
) -> Result<usize, EmitError> {
    let mut writer = OptionWriter::<8>::new();
    if let Some(mac) = mac {
        writer.put(&NdpOption::TargetMac(mac));
    }
    let na = NeighborAdvertisement { options: writer.options(), ..*na };
    emit(buf, src, dst, &Message::NeighborAdvertisement(na))
}

#[cfg(test)]
mod tests;
