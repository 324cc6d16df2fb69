//! Why a socket call fails or a connection ends: the errno values of Linux that a stack can give.

/// Why a socket call failed or a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SocketError {
    /// The address and port are taken.
    #[error("address already in use")]
    AddressInUse,
    /// The address is none of this host's.
    #[error("cannot assign requested address")]
    AddressNotAvailable,
    /// The peer refused the connection.
    #[error("connection refused")]
    ConnectionRefused,
    /// The peer reset the connection.
    #[error("connection reset by peer")]
    ConnectionReset,
    /// The connection was aborted on this side.
    #[error("software caused connection abort")]
    ConnectionAborted,
    /// The peer did not answer in time.
    #[error("connection timed out")]
    TimedOut,
    /// The next hop does not answer.
    #[error("no route to host")]
    HostUnreachable,
    /// No route leads there.
    #[error("network is unreachable")]
    NetworkUnreachable,
    /// The socket is not in a state that allows the call.
    #[error("invalid argument")]
    InvalidArgument,
    /// A table or a port range is exhausted.
    #[error("no buffer space available")]
    NoBuffers,
    /// No such socket (any more).
    #[error("bad socket")]
    BadSocket,
    /// The socket has no peer.
    #[error("transport endpoint is not connected")]
    NotConnected,
    /// The socket has a peer already.
    #[error("transport endpoint is already connected")]
    AlreadyConnected,
    /// The datagram is longer than the family allows.
    #[error("message too long")]
    MessageTooLong,
    /// The writing side was shut down.
    #[error("broken pipe")]
    BrokenPipe,
    /// A filter or a policy on the way refuses.
    #[error("permission denied")]
    PermissionDenied,
    /// Some header field of what we sent is wrong, the far end says.
    #[error("protocol error")]
    Protocol,
    /// The peer has no such protocol.
    #[error("protocol not available")]
    ProtocolNotAvailable,
    /// A source route on the way failed.
    #[error("operation not supported")]
    NotSupported,
    /// A router does not know the host.
    #[error("host is down")]
    HostDown,
    /// A router says that our host is isolated.
    #[error("machine is not on the network")]
    NotOnNetwork,
}

impl SocketError {
    /// Every error, in the order of [`Self::code`].
    pub const ALL: [Self; 21] = [
        Self::AddressInUse,
        Self::AddressNotAvailable,
        Self::ConnectionRefused,
        Self::ConnectionReset,
        Self::ConnectionAborted,
        Self::TimedOut,
        Self::HostUnreachable,
        Self::NetworkUnreachable,
        Self::InvalidArgument,
        Self::NoBuffers,
        Self::BadSocket,
        Self::NotConnected,
        Self::AlreadyConnected,
        Self::MessageTooLong,
        Self::BrokenPipe,
        Self::PermissionDenied,
        Self::Protocol,
        Self::ProtocolNotAvailable,
        Self::NotSupported,
        Self::HostDown,
        Self::NotOnNetwork,
    ];

    /// Linux's errno for it, which is also how it travels through a ring.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::AddressInUse => 98,
            Self::AddressNotAvailable => 99,
            Self::ConnectionRefused => 111,
            Self::ConnectionReset => 104,
            Self::ConnectionAborted => 103,
            Self::TimedOut => 110,
            Self::HostUnreachable => 113,
            Self::NetworkUnreachable => 101,
            Self::InvalidArgument => 22,
            Self::NoBuffers => 105,
            Self::BadSocket => 9,
            Self::NotConnected => 107,
            Self::AlreadyConnected => 106,
            Self::MessageTooLong => 90,
            Self::BrokenPipe => 32,
            Self::PermissionDenied => 13,
            Self::Protocol => 71,
            Self::ProtocolNotAvailable => 92,
            Self::NotSupported => 95,
            Self::HostDown => 112,
            Self::NotOnNetwork => 64,
        }
    }
}
