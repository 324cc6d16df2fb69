//! What a shard hands to control: messages of the protocols that control speaks.

use addr::{IfIndex, Mac};
use wire::ethernet;
use wire::ip::IpHeader;

/// A message for control, with what its machine needs to know of the frame around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery<'a> {
    /// The interface that it came in by.
    pub(crate) ifindex: IfIndex,
    /// Its link header.
    pub(crate) link: LinkHeader,
    pub(crate) message: ControlMessage<'a>,
}

/// Link addresses of a frame; both unspecified on a medium without any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkHeader {
    pub(crate) src: Mac,
    pub(crate) dst: Mac,
}

impl LinkHeader {
    /// The link header of a frame. A frame of a medium without link addresses has none, and what
    /// stands there instead is of no use to the protocols that run on such a medium.
    pub(crate) fn of(frame: &[u8]) -> Self {
        let parsed = ethernet::parse(frame);
        let (src, dst) = parsed.map_or_else(|_| Default::default(), |f| (f.src, f.dst));
        Self { src, dst }
    }
}

/// A message by its protocol.
#[cfg_attr(not(test), expect(dead_code, reason = "no machine of MLD, IGMP or DHCP reads them yet"))]
#[derive(Clone, Copy, Debug)]
pub(crate) enum ControlMessage<'a> {
    /// An ARP packet (RFC 826).
    Arp(&'a [u8]),
    /// A neighbour solicitation or advertisement (RFC 4861 §7).
    NeighborDiscovery(Icmpv6<'a>),
    /// A router solicitation or advertisement, or a redirect (RFC 4861 §6, §8).
    RouterDiscovery(Icmpv6<'a>),
    /// A message of multicast listener discovery (RFC 3810).
    Mld(Icmpv6<'a>),
    /// An IGMP message behind its IP header (RFC 3376).
    Igmp(Payload<'a>),
    /// The payload of a datagram to the DHCPv4 client port (RFC 2131).
    Dhcpv4(Payload<'a>),
    /// The payload of a datagram to the DHCPv6 client port (RFC 8415).
    Dhcpv6(Payload<'a>),
}

/// An ICMPv6 message whose checksum holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Icmpv6<'a> {
    pub(crate) header: IpHeader,
    pub(crate) kind: u8,
    pub(crate) code: u8,
    /// What follows the checksum.
    pub(crate) body: &'a [u8],
}

/// Bytes and the IP header before them.
#[cfg_attr(not(test), expect(dead_code, reason = "no machine of IGMP or DHCP reads them yet"))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payload<'a> {
    pub(crate) header: IpHeader,
    pub(crate) bytes: &'a [u8],
}
