//! Why a frame ended here.
//!
//! One enum is the error type of every input function, the counter, the label in traces and the
//! thing a test asserts. A reason names the layer, then the cause.

use wire::error::Malformed;

macro_rules! drop_reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// Why a received frame, or a packet to be sent, went no further.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(usize)]
        pub enum DropReason { $($(#[doc = $doc])+ $variant,)+ }

        impl DropReason {
            /// Every reason, in counter order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name under which it is counted and shown.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// A sentence for people.
            #[must_use]
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+),)+ }
            }
        }
    };
}

drop_reasons! {
    /// The frame is shorter than its link header or its tag is cut off.
    LinkMalformed = "link_malformed",
    /// The frame is for another station.
    LinkNotOurs = "link_not_ours",
    /// The frame came by an interface that does not exist (any more).
    LinkUnknownInterface = "link_unknown_interface",
    /// The frame came by an interface that is down, or was to leave by one.
    LinkDown = "link_down",
    /// The frame is for a VLAN, none of which is configured.
    LinkVlan = "link_vlan",
    /// No protocol of ours has this EtherType.
    LinkUnknownType = "link_unknown_type",
    /// The ARP packet is malformed or not for Ethernet and IPv4.
    ArpMalformed = "arp_malformed",
    /// The ARP packet asks for or tells of nothing that concerns us.
    ArpNotOurs = "arp_not_ours",
    /// Another station claims an address of ours.
    AddressConflict = "address_conflict",
    /// The IP header is malformed or its checksum is wrong.
    IpMalformed = "ip_malformed",
    /// The destination is no address of this host.
    IpNotOurs = "ip_not_ours",
    /// The source cannot be a source (multicast, broadcast, loopback, our own).
    IpMartianSource = "ip_martian_source",
    /// The packet demands a source route.
    IpSourceRoute = "ip_source_route",
    /// No protocol of ours has this number; answered with an ICMP error.
    IpUnknownProtocol = "ip_unknown_protocol",
    /// A fragment was refused: overlap, overflow or no room.
    IpFragmentRefused = "ip_fragment_refused",
    /// A datagram's fragments did not all arrive in time.
    IpReassemblyTimeout = "ip_reassembly_timeout",
    /// The ICMP message is malformed or its checksum is wrong.
    IcmpMalformed = "icmp_malformed",
    /// The ICMP message is of a kind that nobody here wants.
    IcmpUnwanted = "icmp_unwanted",
    /// A neighbour discovery message breaks RFC 4861's validity rules (hop limit, code, options).
    NdInvalid = "nd_invalid",
    /// The neighbour discovery message concerns nothing of ours.
    NdNotOurs = "nd_not_ours",
    /// The echo request came by broadcast or multicast.
    IcmpEchoBroadcast = "icmp_echo_broadcast",
    /// The UDP header is malformed or its checksum is wrong.
    UdpMalformed = "udp_malformed",
    /// The UDP datagram came over IPv6 without a checksum.
    UdpZeroChecksum = "udp_zero_checksum",
    /// No UDP socket has this port; answered with port unreachable.
    UdpNoSocket = "udp_no_socket",
    /// The UDP socket's receive ring has no room.
    UdpBufferFull = "udp_buffer_full",
    /// The TCP header is malformed.
    TcpMalformed = "tcp_malformed",
    /// The TCP checksum is wrong.
    TcpChecksum = "tcp_checksum",
    /// No TCP socket wants this segment; answered with RST unless it was one.
    TcpNoSocket = "tcp_no_socket",
    /// The segment came by broadcast or multicast.
    TcpNotUnicast = "tcp_not_unicast",
    /// The listener's queues are full.
    TcpListenOverflow = "tcp_listen_overflow",
    /// The segment lies outside the receive window; answered with an ACK.
    TcpOutOfWindow = "tcp_out_of_window",
    /// The segment's timestamp is older than one seen before (PAWS); answered with an ACK.
    TcpPaws = "tcp_paws",
    /// The segment acknowledges what was never sent, or lies too far back.
    TcpBadAck = "tcp_bad_ack",
    /// The segment has none of the flags its state demands.
    TcpBadFlags = "tcp_bad_flags",
    /// A RST that is not exactly where RFC 5961 demands it.
    TcpBadReset = "tcp_bad_reset",
    /// Out-of-order text for which there is no room.
    TcpOutOfOrderFull = "tcp_out_of_order_full",
    /// Text for which all connections together have no memory left; the peer sends it again.
    TcpMemory = "tcp_memory",
    /// Text for a connection whose reader is gone; answered with RST.
    TcpReaderGone = "tcp_reader_gone",
    /// The connection table is full.
    TcpTableFull = "tcp_table_full",
    /// The packet is larger than the path takes and must not be fragmented.
    PacketTooBig = "packet_too_big",
    /// The loopback queue is full.
    LoopbackFull = "loopback_full",
    /// No route leads to the destination of a reply.
    NoRoute = "no_route",
    /// The next hop of a reply does not answer.
    NeighborFailed = "neighbor_failed",
    /// A bounded queue of replies is full.
    OutboxFull = "outbox_full",
    /// The shard that owns the frame's flow has fallen too far behind to be handed more.
    ShardBusy = "shard_busy",
    /// An ICMP error was not sent: the rate limit is reached.
    IcmpRateLimited = "icmp_rate_limited",
}

impl DropReason {
    /// Whether the bytes themselves were at fault.
    #[must_use]
    pub const fn is_malformed(self) -> bool {
        matches!(
            self,
            Self::LinkMalformed
                | Self::ArpMalformed
                | Self::IpMalformed
                | Self::IcmpMalformed
                | Self::NdInvalid
                | Self::UdpMalformed
                | Self::UdpZeroChecksum
                | Self::TcpMalformed
                | Self::TcpChecksum
        )
    }
}

impl From<Malformed> for DropReason {
    fn from(_: Malformed) -> Self {
        Self::IpMalformed
    }
}
