//! Protocol numbers (IANA): the IPv4 Protocol field, the IPv6 Next Header field.

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
