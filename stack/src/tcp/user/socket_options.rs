//! What a user may set on a socket, as Linux's socket options name it.
//!
//! The connections of a listener start with all of its options, as in Linux, where a child is a
//! copy of its listener.

use core::ops::Deref;

use crate::limits::{CongestionAlgorithm, Pacing};
use crate::tcp::timers::keepalive::{KeepAlive, Times};
use crate::time::Duration;

/// A socket option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpOption {
    /// Send small segments at once (`TCP_NODELAY`).
    NoDelay(bool),
    /// Send no small segments for a while (`TCP_CORK`).
    Cork(bool),
    /// Acknowledge at once, or leave it to answers; until the traffic shows otherwise
    /// (`TCP_QUICKACK`). Not inherited.
    QuickAck(bool),
    /// How the congestion window follows the path (`TCP_CONGESTION`).
    Congestion(CongestionAlgorithm),
    /// Whether what is sent is spread out (`SO_MAX_PACING_RATE`).
    Pacing(Pacing),
    /// Probe a silent peer (`SO_KEEPALIVE` with its times), or not.
    KeepAlive(Option<KeepAlive>),
    /// How long data may go unacknowledged, or a window stay closed, before the connection is given
    /// up (`TCP_USER_TIMEOUT`); zero leaves it to the count of retransmissions.
    UserTimeout(Duration),
    /// Largest segment, in both directions (`TCP_MAXSEG`).
    MaxSegment(u16),
    /// Bytes received that may wait to be read (`SO_RCVBUF`, of which Linux takes half for its
    /// overhead; ours has none). Turns tuning off.
    ReceiveBuffer(usize),
    /// Bytes written that may wait to be acknowledged (`SO_SNDBUF`). Turns tuning off.
    SendBuffer(usize),
    /// Tell that there is room only while fewer bytes than this were never sent
    /// (`TCP_NOTSENT_LOWAT`); zero for no such bound.
    NotSentLowWater(usize),
    /// What closing does with what was not sent (`SO_LINGER`): zero throws it away and resets. That
    /// a close waits is up to whoever calls it.
    Linger(Option<Duration>),
    /// Leave urgent data in the stream (`SO_OOBINLINE`).
    OobInline(bool),
    /// Routers that a packet may pass (`IP_TTL`, `IPV6_UNICAST_HOPS`); none for the default.
    HopLimit(Option<u8>),
    /// How routers are to treat packets (`IP_TOS`, `IPV6_TCLASS`). The two bits of ECN are TCP's
    /// own.
    TrafficClass(u8),
    /// How long an orphan waits for the peer's FIN (`TCP_LINGER2`); none leaves it to the limits,
    /// zero resets instead of waiting.
    FinTimeout(Option<Duration>),
}

/// The options of a socket. One that nobody has set anything on holds no memory for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SocketOptions(Option<Box<OptionValues>>);

impl SocketOptions {
    /// Takes an option.
    pub(crate) fn set(&mut self, option: TcpOption) {
        self.0.get_or_insert_default().set(option);
    }
}

impl Deref for SocketOptions {
    type Target = OptionValues;

    #[inline]
    fn deref(&self) -> &OptionValues {
        static DEFAULT: OptionValues = OptionValues::new();
        self.0.as_deref().unwrap_or(&DEFAULT)
    }
}

/// What can be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionValues {
    pub(crate) nodelay: bool,
    pub(crate) cork: bool,
    pub(crate) oob_inline: bool,
    /// Closing resets.
    pub(crate) reset_on_close: bool,
    /// None leaves it to the limits.
    pub(crate) congestion: Option<CongestionAlgorithm>,
    pub(crate) pacing: Option<Pacing>,
    pub(crate) keepalive: Times,
    /// Milliseconds; 0 for none.
    pub(crate) user_timeout: u32,
    /// 0 for none.
    pub(crate) max_segment: u16,
    /// Bytes; 0 leaves it to tuning.
    pub(crate) receive_buffer: u32,
    pub(crate) send_buffer: u32,
    /// Bytes; 0 for none.
    pub(crate) not_sent: u32,
    pub(crate) marking: IpMarking,
    /// Milliseconds; none leaves it to the limits.
    pub(crate) fin_timeout: Option<u32>,
}

/// The IP header fields of a segment that the user may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IpMarking {
    pub(crate) hop_limit: u8,
    pub(crate) traffic_class: u8,
}

impl IpMarking {
    pub(crate) const DEFAULT: Self = Self { hop_limit: HOP_LIMIT, traffic_class: 0 };
}

impl Default for OptionValues {
    fn default() -> Self {
        Self::new()
    }
}

impl OptionValues {
    /// What Linux starts with.
    const fn new() -> Self {
        Self {
            nodelay: false,
            cork: false,
            oob_inline: false,
            reset_on_close: false,
            congestion: None,
            pacing: None,
            keepalive: Times::OFF,
            user_timeout: 0,
            max_segment: 0,
            receive_buffer: 0,
            send_buffer: 0,
            not_sent: 0,
            marking: IpMarking::DEFAULT,
            fin_timeout: None,
        }
    }

    fn set(&mut self, option: TcpOption) {
        match option {
            TcpOption::NoDelay(on) => self.nodelay = on,
            TcpOption::Cork(on) => self.cork = on,
            TcpOption::QuickAck(_) => {}
            TcpOption::Congestion(algorithm) => self.congestion = Some(algorithm),
            TcpOption::Pacing(pacing) => self.pacing = Some(pacing),
            TcpOption::KeepAlive(keepalive) => self.keepalive = keepalive.into(),
            TcpOption::UserTimeout(span) => self.user_timeout = millis(span),
            TcpOption::MaxSegment(mss) => self.max_segment = mss,
            TcpOption::ReceiveBuffer(bytes) => self.receive_buffer = bound(bytes),
            TcpOption::SendBuffer(bytes) => self.send_buffer = bound(bytes),
            TcpOption::NotSentLowWater(bytes) => self.not_sent = clamp(bytes),
            TcpOption::Linger(span) => self.reset_on_close = span.is_some_and(|s| s.is_zero()),
            TcpOption::OobInline(on) => self.oob_inline = on,
            TcpOption::HopLimit(hops) => self.marking.hop_limit = hops.unwrap_or(HOP_LIMIT).max(1),
            TcpOption::TrafficClass(class) => self.marking.traffic_class = class & !ECN,
            TcpOption::FinTimeout(span) => self.fin_timeout = span.map(millis),
        }
    }
}

impl OptionValues {
    /// The MSS to advertise, where the path would take `mss`.
    pub(crate) fn bound_mss(&self, mss: u16) -> u16 {
        if self.max_segment == 0 { mss } else { mss.min(self.max_segment) }
    }

    /// The window of a SYN that would be `window`.
    pub(crate) fn bound_window(&self, window: u16) -> u16 {
        let most = u16::try_from(self.receive_buffer).unwrap_or(u16::MAX);
        if most == 0 { window } else { window.min(most) }
    }
}

/// A buffer of no bytes would hold a connection up for ever (Linux `SOCK_MIN_RCVBUF`).
fn bound(bytes: usize) -> u32 {
    clamp(bytes).max(BUFFER_MIN)
}

fn clamp(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

const BUFFER_MIN: u32 = 2048;
/// Linux `ip_default_ttl`, `hop_limit`.
const HOP_LIMIT: u8 = 64;
/// RFC 3168 §5.
const ECN: u8 = 3;
