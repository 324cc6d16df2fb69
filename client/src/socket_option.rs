//! Linux's numbers of the socket levels and options that the typed methods use. They travel as
//! they are, so that clients in any language can use their platform's constants.

/// Level of options of every socket.
pub const SOL_SOCKET: i32 = 1;
/// Level of IPv4 options.
pub const IPPROTO_IP: i32 = 0;
/// Level of IPv6 options.
pub const IPPROTO_IPV6: i32 = 41;
/// Level of TCP options.
pub const IPPROTO_TCP: i32 = 6;

/// Pending error, taken by reading it.
pub const SO_ERROR: i32 = 4;
/// Allow broadcasts.
pub const SO_BROADCAST: i32 = 6;
/// Receive buffer size.
pub const SO_RCVBUF: i32 = 8;
/// Probe an idle connection.
pub const SO_KEEPALIVE: i32 = 9;
/// Send small segments at once.
pub const TCP_NODELAY: i32 = 1;
/// Congestion control, by name.
pub const TCP_CONGESTION: i32 = 13;
/// Time to live of packets sent.
pub const IP_TTL: i32 = 2;
/// Hop limit of packets sent.
pub const IPV6_UNICAST_HOPS: i32 = 16;
