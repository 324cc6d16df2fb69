//! What a listing shows of a socket.

use addr::Endpoint;

use crate::socket::{SocketId, SocketKind};
use crate::time::Instant;

/// One socket as a listing shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketInfo {
    /// The socket; none for what has left its socket behind (half-open, TIME-WAIT).
    pub id: Option<SocketId>,
    /// What it is, or was part of.
    pub kind: SocketKind,
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
    /// Whether losses are reported by SACK.
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
