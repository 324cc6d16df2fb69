//! The family-neutral view of an IP header.
//!
//! [`parse`] looks at the version nibble, checks everything the header says against the bytes, and
//! for IPv6 walks the extension headers up to the transport header or a real fragment. What
//! follows needs no family: `header_len` bytes are headers, the next `payload_len` bytes are
//! payload, anything after is link padding. [`IpHeader::check_sender`] then refuses
//! values that no correct sender uses. [`emit`] writes a header of either family.

use addr::Ip;

use crate::checksum::{self, Sum};
use crate::error::Problem;
use crate::ipv6_ext::Limits;
use crate::{EmitError, Malformed, ipv4, ipv6};

/// IPv6 hop-by-hop options.
pub const PROTO_HOP_BY_HOP: u8 = 0;
/// ICMP for IPv4.
pub const PROTO_ICMP: u8 = 1;
/// IGMP.
pub const PROTO_IGMP: u8 = 2;
/// IPv4 in IP.
pub const PROTO_IPV4: u8 = 4;
/// TCP.
pub const PROTO_TCP: u8 = 6;
/// UDP.
pub const PROTO_UDP: u8 = 17;
/// IPv6 in IP.
pub const PROTO_IPV6: u8 = 41;
/// IPv6 routing header.
pub const PROTO_ROUTING: u8 = 43;
/// IPv6 fragment header.
pub const PROTO_FRAGMENT: u8 = 44;
/// ICMP for IPv6.
pub const PROTO_ICMPV6: u8 = 58;
/// Nothing follows.
pub const PROTO_NONE: u8 = 59;
/// IPv6 destination options.
pub const PROTO_DESTINATION_OPTIONS: u8 = 60;
/// Bytes that are nobody's protocol.
pub const PROTO_RAW: u8 = 255;

/// Where a fragment lies in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// First byte, counted from the start of the fragmented part; a multiple of 8.
    pub offset: u32,
    /// More fragments follow.
    pub more: bool,
}

/// What an IP header says, without the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpHeader {
    /// Source.
    pub src: Ip,
    /// Destination.
    pub dst: Ip,
    /// What the payload is; for IPv6 the number at the end of the extension headers.
    pub protocol: u8,
    /// Where in the packet `protocol` was written: an ICMPv6 Parameter Problem points there.
    pub protocol_at: usize,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// Six bits of service, two of congestion notification.
    pub traffic_class: u8,
    /// IPv6 flow label; 0 for IPv4.
    pub flow_label: u32,
    /// Identification of the datagram; 0 for IPv6 without a fragment header.
    pub identification: u32,
    /// Set if the payload is only a part. Atomic fragments (RFC 6946) are whole and show `None`.
    pub fragment: Option<Fragment>,
    /// Routers must not fragment; always true for IPv6.
    pub dont_fragment: bool,
    /// Bytes before the payload: with options (IPv4), with extension headers walked (IPv6).
    pub header_len: usize,
    /// Bytes of payload.
    pub payload_len: usize,
}

impl IpHeader {
    /// Bytes of the packet without link padding.
    #[inline]
    pub fn total_len(&self) -> usize {
        self.header_len + self.payload_len
    }

    /// The payload within `packet`, the bytes this header was parsed from.
    #[inline]
    pub fn payload<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        packet.get(self.header_len..self.total_len()).unwrap_or_default()
    }

    /// The pseudo-header sum of this packet's transport checksum.
    #[inline]
    pub fn pseudo_header(&self) -> Sum {
        checksum::pseudo_header(self.src, self.dst, self.protocol, self.payload_len as u32)
    }

    /// Refuses a hop limit of zero and a source that cannot be one host.
    ///
    /// `loopback` says the packet came from this host's own loopback, where loopback addresses
    /// are in place. The unspecified source passes: DHCP, DAD and RS send from it.
    ///
    /// # Errors
    /// [`Malformed::ZeroHopLimit`] or [`Malformed::Source`].
    pub fn check_sender(&self, loopback: bool) -> Result<(), Malformed> {
        if self.hop_limit == 0 {
            let pointer = if self.src.is_v4() { 8 } else { 7 };
            return Err(Malformed::ZeroHopLimit { pointer });
        }
        let outside_loopback = self.src.is_loopback() && !loopback;
        let sender = self.src.is_unicast() || self.src.is_unspecified();
        if outside_loopback || !sender { Err(Malformed::Source) } else { Ok(()) }
    }

    /// The Parameter Problem for a fault that [`Self::check_sender`] found: for a source that
    /// cannot be one it points at the source field. Whether such a sender is answered at all is
    /// the caller's to decide (RFC 1122 §3.2.2 forbids it unless the source is one host).
    pub fn sender_problem(&self, why: &Malformed) -> Option<Problem> {
        match why {
            Malformed::Source => {
                let pointer = if self.src.is_v4() { 12 } else { 8 };
                Some(Problem { code: 0, pointer, even_multicast: false })
            }
            why => why.problem(),
        }
    }
}

/// Reads and checks the header of an IP packet of either family.
///
/// # Errors
/// [`Malformed::Version`] if it is neither IPv4 nor IPv6, and otherwise the first fault of the
/// header, its options or its extension headers.
///
/// ```
/// use wire::ip::{self, IpEmit};
/// let mut packet = [0u8; 28];
/// let header = IpEmit {
///     src: addr::Ip::v4([10, 0, 0, 1]),
///     dst: addr::Ip::v4([10, 0, 0, 2]),
///     protocol: ip::PROTO_UDP,
///     payload_len: 8,
///     ..IpEmit::default()
/// };
/// assert_eq!(ip::emit(&mut packet, &header), Ok(20));
/// let parsed = ip::parse(&packet).unwrap();
/// assert_eq!((parsed.src, parsed.header_len, parsed.payload_len), (header.src, 20, 8));
/// ```
#[inline(always)]
pub fn parse(packet: &[u8]) -> Result<IpHeader, Malformed> {
    parse_limited(packet, false, &Limits::DEFAULT)
}

/// The same for a frame that a device merged from several packets (a non-zero
/// [`RxMeta::gso_size`](crate::offload::RxMeta)): beyond 64 KiB its length field is zero, and the
/// length is that of the bytes.
///
/// # Errors
/// As [`parse`].
#[inline(always)]
pub fn parse_merged(packet: &[u8]) -> Result<IpHeader, Malformed> {
    parse_limited(packet, true, &Limits::DEFAULT)
}

/// The same, with the caller's limits on IPv6 extension header options (RFC 8504 §5.3).
///
/// `merged`: see [`parse_merged`].
///
/// The plain case of either family is inlined, so that a caller pays only for the fields it reads;
/// options, fragments and extension headers are calls.
///
/// # Errors
/// As [`parse`], and [`Malformed::ExtensionHeaders`] if a limit is exceeded.
#[inline(always)]
pub fn parse_limited(packet: &[u8], merged: bool, limits: &Limits) -> Result<IpHeader, Malformed> {
    match packet.first().map(|byte| byte >> 4) {
        Some(4) => ipv4::parse(packet, merged),
        Some(6) => ipv6::parse_limited(packet, merged, limits),
        Some(_) => Err(Malformed::Version),
        None => Err(Malformed::Truncated),
    }
}

/// What to write into an IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpEmit {
    /// Source; its family decides the header.
    pub src: Ip,
    /// Destination, of the same family.
    pub dst: Ip,
    /// What the payload is.
    pub protocol: u8,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// Six bits of service, two of congestion notification.
    pub traffic_class: u8,
    /// IPv4 identification.
    pub identification: u16,
    /// IPv4: routers must not fragment.
    pub dont_fragment: bool,
    /// Bytes that follow the fixed header. More than the length field holds (a frame that a
    /// device cuts) is written as zero.
    pub payload_len: usize,
    /// IPv6 flow label, 20 bits.
    pub flow_label: u32,
}

impl Default for IpEmit {
    /// Hop limit 64, don't fragment, everything else zero, IPv4.
    fn default() -> Self {
        Self {
            src: Ip::UNSPECIFIED_V4,
            dst: Ip::UNSPECIFIED_V4,
            protocol: PROTO_NONE,
            hop_limit: 64,
            traffic_class: 0,
            identification: 0,
            dont_fragment: true,
            payload_len: 0,
            flow_label: 0,
        }
    }
}

/// Bytes of a header without options or extension headers.
#[inline]
pub const fn header_len(v4: bool) -> usize {
    if v4 { ipv4::HEADER_LEN } else { ipv6::HEADER_LEN }
}

/// Writes a header to the front of `buf`, the IPv4 header checksum included.
///
/// A packet beyond 64 KiB, which only offload makes, gets the length zero, as Linux's BIG TCP has
/// it. Returns the header's length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if the addresses are
/// of two families or the flow label is too large.
#[inline(always)]
pub fn emit(buf: &mut [u8], header: &IpEmit) -> Result<usize, EmitError> {
    match (header.src.is_v4(), header.dst.is_v4()) {
        (true, true) => ipv4::emit(buf, header),
        (false, false) => ipv6::emit(buf, header),
        _ => Err(EmitError::Value),
    }
}

#[cfg(test)]
mod tests;
