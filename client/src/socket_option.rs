//! Linux's numbers of socket levels and options, as `include/uapi` has them: the one place where
//! they stand. They travel as they are, so that clients in any language can use their platform's
//! constants.

use std::io;

use rustix::io::Errno;

/// Level of options of every socket.
pub const SOL_SOCKET: i32 = 1;
/// Level of IPv4 options.
pub const IPPROTO_IP: i32 = 0;
/// Level of TCP options.
pub const IPPROTO_TCP: i32 = 6;
/// Level of IPv6 options.
pub const IPPROTO_IPV6: i32 = 41;

/// Allow a bind to an address in use.
pub const SO_REUSEADDR: i32 = 2;
/// `SOCK_STREAM` or `SOCK_DGRAM`; read only.
pub const SO_TYPE: i32 = 3;
/// Pending error as an errno, taken by reading it.
pub const SO_ERROR: i32 = 4;
/// Allow broadcasts.
pub const SO_BROADCAST: i32 = 6;
/// Send buffer size, bytes.
pub const SO_SNDBUF: i32 = 7;
/// Receive buffer size, bytes.
pub const SO_RCVBUF: i32 = 8;
/// Probe an idle connection.
pub const SO_KEEPALIVE: i32 = 9;
/// Leave the urgent byte in the stream.
pub const SO_OOBINLINE: i32 = 10;
/// Seconds that a close waits for data to be acknowledged.
pub const SO_LINGER: i32 = 13;
/// Allow several sockets at one address and port.
pub const SO_REUSEPORT: i32 = 15;
/// Whether the socket listens; read only.
pub const SO_ACCEPTCONN: i32 = 30;
/// The protocol number; read only.
pub const SO_PROTOCOL: i32 = 38;
/// The address family; read only.
pub const SO_DOMAIN: i32 = 39;
/// Most bytes a second that leave.
pub const SO_MAX_PACING_RATE: i32 = 47;

/// Send small segments at once.
pub const TCP_NODELAY: i32 = 1;
/// Largest segment, bytes of data.
pub const TCP_MAXSEG: i32 = 2;
/// Send full segments only.
pub const TCP_CORK: i32 = 3;
/// Seconds of silence before the first keep-alive probe.
pub const TCP_KEEPIDLE: i32 = 4;
/// Seconds between keep-alive probes.
pub const TCP_KEEPINTVL: i32 = 5;
/// Keep-alive probes without an answer that end a connection.
pub const TCP_KEEPCNT: i32 = 6;
/// Seconds in FIN-WAIT-2 once nobody holds the socket.
pub const TCP_LINGER2: i32 = 8;
/// Acknowledge at once.
pub const TCP_QUICKACK: i32 = 12;
/// Congestion control, by name.
pub const TCP_CONGESTION: i32 = 13;
/// Milliseconds that data may wait for its acknowledgement.
pub const TCP_USER_TIMEOUT: i32 = 18;
/// Unsent bytes below which the socket is writable.
pub const TCP_NOTSENT_LOWAT: i32 = 25;

/// Type of service of packets sent.
pub const IP_TOS: i32 = 1;
/// Time to live of packets sent.
pub const IP_TTL: i32 = 2;
/// Hop limit of packets sent.
pub const IPV6_UNICAST_HOPS: i32 = 16;
/// A wildcard socket takes no IPv4.
pub const IPV6_V6ONLY: i32 = 26;
/// Traffic class of packets sent.
pub const IPV6_TCLASS: i32 = 67;

macro_rules! socket_options {
    ($($variant:ident = ($level:ident, $name:ident),)*) => {
        /// An option that sockets of the stack have, by the name that Linux gives it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum SocketOption {
            $(#[doc = concat!("[`", stringify!($name), "`] of [`", stringify!($level), "`].")]
            $variant,)*
        }

        impl SocketOption {
            /// The option that has Linux's numbers `level` and `name`.
            pub fn from_linux(level: i32, name: i32) -> Option<Self> {
                match (level, name) {
                    $(($level, $name) => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The same for a caller who gave the numbers.
            ///
            /// # Errors
            /// ENOPROTOOPT if there is no such option.
            pub(crate) fn known(level: i32, name: i32) -> io::Result<Self> {
                Self::from_linux(level, name).ok_or_else(|| Errno::NOPROTOOPT.into())
            }

            /// Linux's numbers of level and name.
            pub fn to_linux(self) -> (i32, i32) {
                match self {
                    $(Self::$variant => ($level, $name),)*
                }
            }
        }
    };
}

socket_options! {
    ReuseAddr = (SOL_SOCKET, SO_REUSEADDR),
    Type = (SOL_SOCKET, SO_TYPE),
    Error = (SOL_SOCKET, SO_ERROR),
    Broadcast = (SOL_SOCKET, SO_BROADCAST),
    SendBuffer = (SOL_SOCKET, SO_SNDBUF),
    ReceiveBuffer = (SOL_SOCKET, SO_RCVBUF),
    KeepAlive = (SOL_SOCKET, SO_KEEPALIVE),
    OobInline = (SOL_SOCKET, SO_OOBINLINE),
    Linger = (SOL_SOCKET, SO_LINGER),
    ReusePort = (SOL_SOCKET, SO_REUSEPORT),
    AcceptConn = (SOL_SOCKET, SO_ACCEPTCONN),
    Protocol = (SOL_SOCKET, SO_PROTOCOL),
    Domain = (SOL_SOCKET, SO_DOMAIN),
    MaxPacingRate = (SOL_SOCKET, SO_MAX_PACING_RATE),
    NoDelay = (IPPROTO_TCP, TCP_NODELAY),
    MaxSegment = (IPPROTO_TCP, TCP_MAXSEG),
    Cork = (IPPROTO_TCP, TCP_CORK),
    KeepIdle = (IPPROTO_TCP, TCP_KEEPIDLE),
    KeepInterval = (IPPROTO_TCP, TCP_KEEPINTVL),
    KeepCount = (IPPROTO_TCP, TCP_KEEPCNT),
    Linger2 = (IPPROTO_TCP, TCP_LINGER2),
    QuickAck = (IPPROTO_TCP, TCP_QUICKACK),
    Congestion = (IPPROTO_TCP, TCP_CONGESTION),
    UserTimeout = (IPPROTO_TCP, TCP_USER_TIMEOUT),
    NotSentLowWater = (IPPROTO_TCP, TCP_NOTSENT_LOWAT),
    Tos = (IPPROTO_IP, IP_TOS),
    Ttl = (IPPROTO_IP, IP_TTL),
    UnicastHops = (IPPROTO_IPV6, IPV6_UNICAST_HOPS),
    V6Only = (IPPROTO_IPV6, IPV6_V6ONLY),
    TrafficClass = (IPPROTO_IPV6, IPV6_TCLASS),
}
