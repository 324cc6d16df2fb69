//! One connection: its parts and how it begins.
//!
//! A connection lives from our SYN (active open) or from the ACK that completes a handshake
//! (passive open; before that it is an embryo) until it is closed, reset, timed out, or handed to
//! the TIME-WAIT table. What happens in between is one folder per event below `conn/`: `input`
//! (SEGMENT ARRIVES), `output`, `timers`, `user`, `close`. None of those files touches anything but
//! the connection and [`Cx`]. What the shard has to do next (queue the connection for output, arm
//! its timer, remove it) is left in a few fields.
//!
//! The parts, such as `receive`, `send`, `recovery`, `congestion` and `timers`, do not know `Conn`:
//! they take what they need as arguments.

mod close;
mod delayed_ack;
mod info;
mod input;
mod memory;
mod output;
mod recovery;
mod send_buffer;
mod socket_options;
mod timers;
mod urgent;
mod user;

use addr::{Endpoint, FlowKey, IfIndex};
use ring::bytes::{Reader, Writer, byte_ring};
use wire::tcp::SeqNum;

use crate::cx::Cx;
use crate::event::Readiness;
use crate::fib::{Hop, Path};
use crate::limits::Limits;
use crate::socket::{SocketError, SocketId, SocketRings};
use crate::store::drained::Drain;
use crate::store::wheel::Wheel;
use crate::tcp::congestion::Congestion;
use crate::tcp::receive::RecvHalf;
use crate::tcp::receive::rcv_space::RcvSpace;
use crate::tcp::recovery::LazyRecovery;
use crate::tcp::segment::options;
use crate::tcp::segment::timestamps::{TIMESTAMPS_LEN, TimestampState};
use crate::tcp::send::SendHalf;
use crate::tcp::send::pacing::Pacer;
use crate::tcp::send::snd_space::SndSpace;
use crate::tcp::state::{Fins, OurFin, State};
use crate::tcp::timers::Timers;
use crate::tcp::timers::rtt::Rtt;
use crate::tcp::user::socket_options::SocketOptions;
use crate::time::Instant;

/// How far the handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// We sent a SYN.
    SynSent,
    /// SYNs crossed (simultaneous open) and ours is not acknowledged. If our FIN left all the same,
    /// the state is called FIN-WAIT-1.
    SynReceived,
    /// Both SYNs are acknowledged.
    Synchronized,
}

/// Why a connection leaves the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was closed in order.
    Closed,
    /// It was closed in order and our FIN was the first: the flow goes to the TIME-WAIT table,
    /// perhaps before the peer's FIN arrives.
    TimeWait,
    /// It failed.
    Failed(SocketError),
}

/// Why the peer is probed with a segment without data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Window probe (RFC 9293 §3.8.6.1): the peer's window was closed.
    Window,
    /// Keep-alive probe (RFC 9293 §3.8.4): the peer was silent.
    Alive,
}

/// A connection.
///
/// Fields are grouped by use: the first group is read for every segment, the second for every
/// segment sent, the last rarely.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) key: FlowKey,
    pub(crate) stage: Stage,
    pub(crate) fins: Fins,
    /// There may be something to send.
    pub(crate) output_wanted: bool,
    /// It is in the list of connections with something to send.
    pub(crate) in_ready_list: bool,
    /// It waits for the link address of its next hop.
    pub(crate) awaiting_neighbor: bool,
    /// Linux `SOCK_DEAD`: the application has closed it.
    pub(crate) orphan: bool,
    /// An orphan in FIN-WAIT-2 waits for the peer's FIN by the keep-alive timer (`TCP_LINGER2`).
    pub(crate) awaits_fin: bool,
    /// It waits in the accept queue of a listener.
    pub(crate) in_accept_queue: bool,
    /// RFC 5961 §7: a challenge ACK is to be sent if the shard's limit allows it.
    pub(crate) challenge_ack_wanted: bool,
    /// Our SYN or SYN-ACK is to be sent.
    pub(crate) syn_pending: bool,
    pub(crate) drain: Drain,
    /// When our SYN first left; [`Instant::FAR`] if it has not.
    pub(crate) syn_sent_at: Instant,
    pub(crate) probe_wanted: Option<Probe>,
    pub(crate) pending_events: Readiness,
    pub(crate) end: Option<End>,
    /// When the shard's timer wheel wakes it.
    pub(crate) wheel_deadline: Instant,
    pub(crate) timers: Timers,
    pub(crate) rcv: RecvHalf,
    pub(crate) snd: SendHalf,
    pub(crate) recovery: LazyRecovery,
    pub(crate) congestion: Congestion,
    pub(crate) pacer: Pacer,
    pub(crate) rtt: Rtt,
    /// Both sides permitted SACK (RFC 2018).
    pub(crate) sack: bool,
    /// Both sides offered window scaling (RFC 7323 §2).
    pub(crate) scaling: bool,
    pub(crate) timestamps: TimestampState,

    /// The path to the peer. The link address of the next hop is looked up when a frame is written.
    pub(crate) path: Hop,
    /// When the route was last looked up.
    pub(crate) path_looked_up_at: Instant,
    /// When forward progress may next confirm the neighbour as reachable (RFC 4861 §7.3.1).
    pub(crate) next_confirm_at: Instant,
    /// The IPv4 identification of the next packet.
    pub(crate) identification: u16,
    pub(crate) flow_label: u32,

    pub(crate) id: SocketId,
    /// The interface to which a link-local address binds it.
    pub(crate) scope: Option<IfIndex>,
    /// The path MTU as ICMP errors reported it; `u32::MAX` if none did.
    pub(crate) path_mtu: u32,
    /// Linux `tp->advmss`: the MSS that we advertised.
    pub(crate) adv_mss: u16,
    /// Linux `rx_opt.mss_clamp`: the MSS that the peer advertised.
    pub(crate) peer_mss: u16,
    /// Linux `sk_err_soft`: the last ICMP error since the peer was heard. It is the reason if the
    /// connection times out.
    pub(crate) soft_error: Option<SocketError>,
    /// The link address of the next hop was requested and is not known yet.
    pub(crate) neighbor_requested: bool,
    /// Linux `icsk_retransmits`: retransmission timeouts in a row without progress.
    pub(crate) consecutive_rtos: u8,
    /// Linux `icsk_probes_out`: probes in a row without an answer.
    pub(crate) probes_out: u8,
    /// Linux `icsk_backoff` of window probes: how often the probe interval has doubled.
    pub(crate) probe_backoff: u8,
    pub(crate) options: SocketOptions,
    /// When a timer first fired without progress since; [`Instant::FAR`] if none did.
    pub(crate) stall_began_at: Instant,
    /// Linux `rcv_tstamp`: when an acceptable ACK last arrived.
    pub(crate) last_received_at: Instant,
    /// When the next challenge ACK may leave (RFC 5961 §7).
    pub(crate) next_challenge_at: Instant,
    /// Linux `total_retrans`: segments retransmitted.
    pub(crate) total_retrans: u32,
    /// Linux `sk_forward_alloc`: bytes that it takes of the memory budget of all connections.
    pub(crate) memory_charged: u32,
    /// Bytes of those that lie in the receive ring.
    pub(crate) receive_memory_charged: u32,
}

/// What a new connection starts from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnInit {
    pub(crate) id: SocketId,
    pub(crate) key: FlowKey,
    pub(crate) scope: Option<IfIndex>,
    pub(crate) path: Path,
    pub(crate) iss: SeqNum,
    pub(crate) identification: u16,
    pub(crate) flow_label: u32,
    pub(crate) clock_offset: u32,
}

/// The application's halves of the rings.
pub(crate) struct UserHalves {
    pub(crate) tx: Writer,
    pub(crate) rx: Reader,
}

impl UserHalves {
    pub(crate) fn into_rings(self, id: SocketId, local: Endpoint, remote: Endpoint) -> SocketRings {
        SocketRings { id, local, remote: Some(remote), tx: self.tx, rx: self.rx }
    }
}

impl Conn {
    /// A connection that is to send a SYN.
    pub(crate) fn active(birth: ConnInit, limits: &Limits, now: Instant) -> (Self, UserHalves) {
        let snd_space = SndSpace::new(limits);
        let (tx, stack_tx) = byte_ring(snd_space.limit as usize);
        let (stack_rx, rx) = byte_ring(limits.tcp_receive_buffer);
        let v4 = birth.key.remote.ip.is_v4();
        let our_mss = options::advertised_mss(birth.path.mtu, v4);
        let scale = if limits.tcp_window_scaling { options::our_shift(limits) } else { 0 };
        let window = u32::from(options::first_window(limits, our_mss, false));
        let space = RcvSpace::new(limits, window);
        let mss = options::send_mss(our_mss, birth.path.mtu, v4);
        let mut conn = Self {
            key: birth.key,
            stage: Stage::SynSent,
            fins: Fins::default(),
            output_wanted: true,
            in_ready_list: false,
            awaiting_neighbor: false,
            orphan: false,
            awaits_fin: false,
            in_accept_queue: false,
            challenge_ack_wanted: false,
            syn_pending: true,
            drain: Drain::None,
            syn_sent_at: Instant::FAR,
            probe_wanted: None,
            pending_events: Readiness::NONE,
            end: None,
            wheel_deadline: Instant::FAR,
            timers: Timers::new(),
            rcv: RecvHalf::new(scale, u32::from(our_mss), space, stack_rx),
            snd: SendHalf::new(birth.iss, mss, snd_space, stack_tx),
            recovery: LazyRecovery::new(),
            congestion: Congestion::new(limits.tcp_congestion, mss, false),
            pacer: Pacer::new(limits.tcp_pacing),
            rtt: Rtt::new(),
            sack: limits.tcp_sack,
            scaling: limits.tcp_window_scaling,
            timestamps: TimestampState::new(birth.clock_offset),
            path: birth.path.hop,
            path_looked_up_at: now,
            next_confirm_at: now,
            identification: birth.identification,
            flow_label: birth.flow_label,
            id: birth.id,
            scope: birth.scope,
            path_mtu: u32::MAX,
            adv_mss: our_mss,
            peer_mss: our_mss,
            soft_error: None,
            neighbor_requested: false,
            consecutive_rtos: 0,
            probes_out: 0,
            probe_backoff: 0,
            options: SocketOptions::default(),
            stall_began_at: Instant::FAR,
            last_received_at: now,
            next_challenge_at: Instant::ZERO,
            total_retrans: 0,
            memory_charged: 0,
            receive_memory_charged: 0,
        };
        conn.timers.retransmit = now + conn.rtt.rto();
        (conn, UserHalves { tx, rx })
    }

    /// The name of its state in RFC 9293 §3.3.2.
    pub(crate) fn state(&self) -> State {
        match self.stage {
            Stage::SynSent => State::SynSent,
            Stage::SynReceived if self.fins.ours == OurFin::Open => State::SynReceived,
            Stage::Synchronized if self.needs_fin() => self.fins.state_once_closed(),
            Stage::SynReceived | Stage::Synchronized => self.fins.state(),
        }
    }

    /// Notifies the application of an event. While nobody has accepted the connection it does not:
    /// whoever accepts it starts by looking at its state.
    #[inline]
    pub(crate) fn notify(&mut self, cx: &mut Cx<'_>, what: Readiness) {
        if !self.in_accept_queue && !self.orphan {
            cx.events.mark(self.id, &mut self.pending_events, what);
        }
    }

    /// Whether our FIN is to follow the data.
    #[inline]
    pub(crate) fn needs_fin(&self) -> bool {
        self.fins.ours == OurFin::Open && (self.orphan || self.snd.ring.finish_requested())
    }

    /// Whether there may be something to send.
    #[inline]
    pub(crate) fn has_output(&self) -> bool {
        self.syn_pending
            || self.recovery.has_output()
            || self.snd.ring.len() as u32 > self.snd.outstanding()
            || self.needs_fin()
    }

    /// Arms the timer wheel, which knows the connection by `index`, so that it wakes the connection
    /// in time.
    #[inline]
    pub(crate) fn arm_wheel(&mut self, wheel: &mut Wheel, index: u32) {
        let due = self.timers.earliest();
        if due < self.wheel_deadline {
            self.wheel_deadline = due;
            wheel.set(index, due);
        }
    }

    /// The rings ran empty a while ago: frees the memory of what is empty still.
    pub(crate) fn release_buffers(&mut self, cx: &mut Cx<'_>) {
        self.drain = Drain::None;
        self.rcv.free_unused();
        self.snd.ring.trim();
        self.recount(cx);
    }

    /// Derives the segment size from the MSS option of the peer and the path MTU (Linux
    /// `tcp_sync_mss`).
    pub(crate) fn update_mss(&mut self) {
        let v4 = self.key.remote.ip.is_v4();
        let mtu = self.path.mtu.min(self.path_mtu);
        let stamps = if self.timestamps.enabled { TIMESTAMPS_LEN } else { 0 };
        let theirs = self.options.bound_mss(self.peer_mss);
        let mss = options::send_mss(theirs, mtu, v4) - stamps;
        if mss != self.snd.mss {
            self.snd.mss = mss;
            self.congestion.on_mss(mss);
        }
    }
}

const _: () = assert!(size_of::<Conn>() <= 680);
