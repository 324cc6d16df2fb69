//! What a socket is to the world outside the stack: an id, two ring halves, an error.

use addr::Endpoint;
use ring::bytes::{Reader, Writer};

use crate::time::Instant;

/// The kind of table a [`SocketId`] points into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SocketKind {
    /// A TCP socket that waits for connections.
    TcpListener,
    /// A TCP connection.
    TcpConnection,
    /// A UDP socket.
    Udp,
}

/// Names one socket of a host. The generation makes a reused slot a different socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId {
    /// Which table.
    pub kind: SocketKind,
    /// Slot in that table.
    pub index: u32,
    /// Which tenant of the slot.
    pub generation: u32,
}

/// The application's side of a connection or of a datagram socket.
#[derive(Debug)]
pub struct Ends {
    /// The socket.
    pub id: SocketId,
    /// Its own address and port.
    pub local: Endpoint,
    /// The peer's, if it has one.
    pub remote: Option<Endpoint>,
    /// What is to be sent is written here; `finish()` on it asks for a FIN after the data.
    /// Tell the stack by [`crate::Host::sent`].
    pub tx: Writer,
    /// What was received is read here; finished at the peer's FIN, failed at an error (the code is
    /// [`SocketError::code`]). Tell the stack of space by [`crate::Host::consumed`].
    pub rx: Reader,
}

/// One socket as a listing shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketInfo {
    /// The socket; none for what has left its socket behind (half-open, TIME-WAIT).
    pub id: Option<SocketId>,
    /// Name of its state, as `ss` spells it.
    pub state: &'static str,
    /// Its own address and port.
    pub local: Endpoint,
    /// The peer's, if it has one.
    pub remote: Option<Endpoint>,
    /// Bytes received and not yet read; connections to accept for a listener.
    pub recv_queue: usize,
    /// Bytes written and not yet acknowledged; the backlog for a listener.
    pub send_queue: usize,
    /// More about a TCP connection.
    pub detail: Option<TcpDetail>,
}

/// What a listing shows of a TCP connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpDetail {
    /// Smoothed round-trip time, microseconds; 0 before the first sample.
    pub rtt_us: u32,
    /// Its variation, microseconds.
    pub rttvar_us: u32,
    /// Retransmission timeout, microseconds.
    pub rto_us: u32,
    /// The congestion control in use.
    pub congestion: &'static str,
    /// Whether losses are told by SACK.
    pub sack: bool,
    /// Whether segments carry timestamps.
    pub timestamps: bool,
    /// The shifts of the peer's and of our window, if windows are scaled.
    pub scaling: Option<(u8, u8)>,
    /// Congestion window, bytes.
    pub cwnd: u32,
    /// Slow start threshold, bytes.
    pub ssthresh: u32,
    /// Largest segment sent, bytes of data.
    pub mss: u32,
    /// Bytes in flight.
    pub in_flight: u32,
    /// The peer's window, bytes.
    pub send_window: u32,
    /// Our window, bytes.
    pub receive_window: u32,
    /// Size of the peer's full segments, as far as seen.
    pub receive_mss: u32,
    /// Round trip as the receiver sees it, microseconds; 0 before the first sample.
    pub receive_rtt_us: u32,
    /// Bytes read in the round trip that last counted for tuning.
    pub receive_space: u32,
    /// Bytes that may wait to be read.
    pub receive_buffer: u32,
    /// Bytes that may wait to be acknowledged.
    pub send_buffer: u32,
    /// Bytes written and never sent.
    pub not_sent: u32,
    /// Segments sent again over the life of the connection.
    pub retransmits: u64,
    /// Timeouts in a row, or probes in a row without an answer.
    pub retries: u8,
    /// How often the timeout, or the probe's interval, has doubled.
    pub backoff: u8,
    /// Bytes that the peer has beyond a gap, as its SACKs say.
    pub sacked: u32,
    /// Bytes taken for lost.
    pub lost: u32,
    /// Segments that a delivery may be early by without a loss.
    pub reordering: u32,
    /// Bytes a second at which data leaves; 0 if it is not paced.
    pub pacing_rate: u64,
    /// Least round trip of the last minutes, microseconds; 0 before the first sample.
    pub min_rtt_us: u32,
    /// The deadline that comes next.
    pub timer: Option<(TcpTimer, Instant)>,
    /// Bytes of data sent, first time only.
    pub bytes_sent: u64,
    /// Bytes of data received in order.
    pub bytes_received: u64,
}

/// What a TCP connection waits for, as `ss -o` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpTimer {
    /// Retransmission, or what may come before it.
    Retransmit,
    /// A probe of a closed window.
    Probe,
    /// A probe of a silent peer, or the end of an orphan's FIN-WAIT-2.
    KeepAlive,
}

impl TcpTimer {
    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retransmit => "on",
            Self::Probe => "persist",
            Self::KeepAlive => "keepalive",
        }
    }
}

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
}

impl SocketError {
    /// Every error, in the order of [`Self::code`].
    pub const ALL: [Self; 15] = [
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
        }
    }
}
