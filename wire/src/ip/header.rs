//! What an IP header says and what is to be written into one, without the family.

use addr::Ip;

use super::protocol::PROTO_NONE;
use crate::Malformed;
use crate::checksum::{self, Sum};
use crate::error::Problem;

/// Bytes of an IPv4 header without options.
pub(crate) const IPV4_HEADER_LEN: usize = 20;
/// Bytes of the fixed IPv6 header.
pub(crate) const IPV6_HEADER_LEN: usize = 40;

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

impl IpEmit {
    /// The pseudo-header sum of this packet's transport checksum.
    #[inline]
    pub fn pseudo_header(&self) -> Sum {
        checksum::pseudo_header(self.src, self.dst, self.protocol, self.payload_len as u32)
    }
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
