//! What a user may set on a socket, as Linux's socket options name it.
//!
//! A listener's settings are those its connections start with (TCPF-05): all of them, as in Linux, where
//! a child is a copy of its listener.

use core::ops::Deref;

use crate::cx::Cx;
use crate::limits::Limits;
use crate::tcp::congestion::CongestionAlgorithm;
use crate::tcp::conn::{Conn, Stage};
use crate::tcp::send::pacing::Pacing;
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
    /// How long data may go unacknowledged, or a window stay closed, before the connection is given up
    /// (`TCP_USER_TIMEOUT`); zero leaves it to the count of retransmissions.
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
    /// What closing does with what was not sent (`SO_LINGER`): zero throws it away and resets. That a
    /// close waits is up to whoever calls it.
    Linger(Option<Duration>),
    /// Leave urgent data in the stream (`SO_OOBINLINE`).
    OobInline(bool),
    /// Routers that a packet may pass (`IP_TTL`, `IPV6_UNICAST_HOPS`); none for the default.
    HopLimit(Option<u8>),
    /// How routers are to treat packets (`IP_TOS`, `IPV6_TCLASS`). The two bits of ECN are TCP's own.
    TrafficClass(u8),
    /// How long an orphan waits for the peer's FIN (`TCP_LINGER2`); none leaves it to the limits, zero
    /// resets instead of waiting.
    FinTimeout(Option<Duration>),
}

/// The options of a socket. One that nobody has set anything on holds no memory for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice(Option<Box<Settings>>);

impl Choice {
    /// Takes an option.
    pub(crate) fn set(&mut self, option: TcpOption) {
        self.0.get_or_insert_default().set(option);
    }
}

impl Deref for Choice {
    type Target = Settings;

    #[inline]
    fn deref(&self) -> &Settings {
        static DEFAULT: Settings = Settings::new();
        self.0.as_deref().unwrap_or(&DEFAULT)
    }
}

/// What can be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
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
    pub(crate) marks: Marks,
    /// Milliseconds; none leaves it to the limits.
    pub(crate) fin_timeout: Option<u32>,
}

/// What the IP header of a segment says beside where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) hop_limit: u8,
    pub(crate) traffic_class: u8,
}

impl Marks {
    pub(crate) const DEFAULT: Self = Self { hop_limit: HOP_LIMIT, traffic_class: 0 };
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

impl Settings {
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
            marks: Marks::DEFAULT,
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
            TcpOption::HopLimit(hops) => self.marks.hop_limit = hops.unwrap_or(HOP_LIMIT).max(1),
            TcpOption::TrafficClass(class) => self.marks.traffic_class = class & !ECN,
            TcpOption::FinTimeout(span) => self.fin_timeout = span.map(millis),
        }
    }
}

impl Settings {
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

impl Conn {
    /// Starts with a listener's settings.
    pub(crate) fn inherit(&mut self, settings: &Choice, limits: &Limits) {
        self.settings = settings.clone();
        self.our_mss = settings.bound_mss(self.our_mss);
        if let Some(algorithm) = settings.congestion {
            self.congestion.set_algorithm(algorithm);
        }
        self.apply_buffers(limits);
        self.set_oob_inline(settings.oob_inline);
        if let Some(pacing) = settings.pacing {
            self.pacer.set(pacing, self.snd.bytes, self.snd.mss);
        }
    }

    /// Sets an option.
    pub(crate) fn set_option(&mut self, cx: &mut Cx<'_>, option: TcpOption) {
        self.settings.set(option);
        match option {
            TcpOption::NoDelay(_) | TcpOption::Cork(_) => self.app_wrote(cx),
            TcpOption::QuickAck(on) => self.rcv.owed.now |= self.rcv.acks.set_quick(on),
            TcpOption::Congestion(algorithm) => self.congestion.set_algorithm(algorithm),
            TcpOption::Pacing(pacing) => {
                self.pacer.set(pacing, self.snd.bytes, self.snd.mss);
                self.app_wrote(cx);
            }
            TcpOption::KeepAlive(_) => self.set_keepalive(),
            TcpOption::MaxSegment(_) => self.apply_max_segment(),
            TcpOption::ReceiveBuffer(_) | TcpOption::SendBuffer(_) => {
                self.apply_buffers(cx.limits);
                self.app_read(cx);
            }
            TcpOption::NotSentLowWater(_) => self.look_for_room(cx),
            TcpOption::OobInline(on) => self.set_oob_inline(on),
            TcpOption::UserTimeout(_)
            | TcpOption::Linger(_)
            | TcpOption::HopLimit(_)
            | TcpOption::TrafficClass(_)
            | TcpOption::FinTimeout(_) => {}
        }
    }

    /// Buffers of a size that the user set are not tuned.
    fn apply_buffers(&mut self, limits: &Limits) {
        if self.settings.receive_buffer > 0 {
            self.rcv.space.fix(self.settings.receive_buffer, limits);
        }
        if self.settings.send_buffer > 0 {
            self.snd.space.fix(self.settings.send_buffer, limits);
            self.apply_send_limit();
        }
    }

    /// A largest segment is told in our SYN, if that has not left, and kept to in any case.
    pub(crate) fn apply_max_segment(&mut self) {
        if self.stage == Stage::SynSent && self.syn_owed {
            self.our_mss = self.settings.bound_mss(self.our_mss);
        }
        self.update_mss();
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
