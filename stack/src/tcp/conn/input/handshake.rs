//! The handshake of an active open: SYN-SENT and, where SYNs cross, SYN-RECEIVED.
//!
//! RFC 9293 §3.10.7.3 and the SYN-RECEIVED parts of §3.10.7.4, in their order. A passive open has
//! no connection before its handshake is complete; see `listen`.

use wire::tcp::{Flags, SeqNum};
use wire::tcp_options::Timestamps;

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::socket::SocketError;
use crate::tcp::congestion::Congestion;
use crate::tcp::conn::{Conn, Stage};
use crate::tcp::open::embryos::Handshake;
use crate::tcp::recovery::LazyRecovery;
use crate::tcp::reply;
use crate::tcp::segment::Segment;
use crate::tcp::segment::options::{self, PeerSynOptions, SynOptions};
use crate::tcp::state::OurFin;
use crate::tcp::user::socket_options::SocketOptions;
use crate::time::{Duration, Instant};

/// Linux `TCP_TIMEOUT_MIN`: two ticks of a clock of 250 Hz.
const TIMEOUT_MIN: Duration = Duration::from_millis(8);

impl Conn {
    /// A segment in SYN-SENT (RFC 9293 §3.10.7.3).
    pub(crate) fn receive_syn_sent(
        &mut self,
        cx: &mut Cx<'_>,
        seg: &Segment<'_>,
    ) -> Result<(), DropReason> {
        // First step: an ACK of anything but our SYN belongs to another connection.
        let acked = seg.flags.ack() && seg.ack.gt(self.snd.una) && seg.ack.le(self.snd.nxt);
        if seg.flags.ack() && !acked {
            self.repeat_syn_soon(cx.now);
            reply::reset_for(cx, seg);
            return Err(DropReason::TcpBadAck);
        }
        // So does an echo of a timestamp that we did not send (Linux).
        let alien = |stamps: Timestamps| {
            !self.timestamps.is_own_echo(stamps.echo, self.last_received_at, cx.now)
        };
        if acked && cx.limits.tcp_timestamps && seg.timestamps.is_some_and(alien) {
            reply::reset_for(cx, seg);
            return Err(DropReason::TcpPaws);
        }
        // Second step: only a RST that acknowledges our SYN refuses it, whatever its sequence
        // number.
        if seg.flags.rst() {
            if !acked {
                return Err(DropReason::TcpBadReset);
            }
            self.fail(cx, SocketError::ConnectionRefused);
            return Ok(());
        }
        // Fourth step: the SYN.
        if !seg.flags.syn() {
            return Err(DropReason::TcpBadFlags);
        }
        self.accept_syn(cx, seg);
        self.last_received_at = cx.now;
        if !acked {
            // SYNs crossed. The peer will retransmit its data, if there is any.
            self.stage = Stage::SynReceived;
            self.syn_pending = true;
            self.output_wanted = true;
            self.timers.retransmit = cx.now + self.rtt.rto();
            return Ok(());
        }
        self.snd.una = seg.ack;
        let window = u32::from(seg.window);
        self.establish(cx, seg.seq, seg.ack, window);
        self.rcv.pending_acks.immediate = true;
        // The SYN-ACK may carry text and a FIN.
        let rest = Segment { seq: seg.seq + 1, flags: seg.flags.without(Flags::SYN), ..*seg };
        self.process_text(cx, &rest)
    }

    /// The peer holds an old connection of this flow, which our RST is about to end: the first SYN
    /// need not wait out its timeout (Linux `tcp_rcv_synsent_state_process`).
    fn repeat_syn_soon(&mut self, now: Instant) {
        if self.consecutive_rtos == 0 && !self.syn_pending {
            self.timers.retransmit = self.timers.retransmit.min(now + TIMEOUT_MIN);
        }
    }

    /// A segment in SYN-RECEIVED after SYNs crossed (RFC 9293 §3.5, figure 8).
    pub(crate) fn receive_syn_received(
        &mut self,
        cx: &mut Cx<'_>,
        seg: &Segment<'_>,
    ) -> Result<(), DropReason> {
        self.check_timestamp(cx, seg)?;
        self.check_sequence(cx, seg)?;
        if seg.flags.rst() {
            return self.process_reset(cx, seg);
        }
        let again = seg.flags.syn() && seg.seq + 1 == self.rcv.nxt;
        if seg.flags.syn() && !again {
            self.challenge(cx);
            return Err(DropReason::TcpBadFlags);
        }
        if !seg.flags.ack() {
            // The peer retransmitted its SYN, so it has not seen our SYN-ACK.
            self.syn_pending |= again;
            self.output_wanted |= again;
            return if again { Ok(()) } else { Err(DropReason::TcpBadFlags) };
        }
        if seg.ack.le(self.snd.una) || seg.ack.gt(self.snd.nxt) {
            reply::reset_for(cx, seg);
            return Err(DropReason::TcpBadAck);
        }
        self.snd.una = seg.ack;
        // The window of a SYN is not scaled.
        let scale = if again { 0 } else { self.snd.scale };
        let fin_sent = self.snd.last_sent_at;
        self.establish(cx, seg.seq, seg.ack, u32::from(seg.window) << scale);
        if self.fins.ours == OurFin::Sent {
            self.track_early_fin(fin_sent);
        }
        if again {
            self.rcv.pending_acks.immediate = true;
        } else if self.end.is_none() {
            self.process_text(cx, seg)?;
        }
        self.retire(cx);
        Ok(())
    }

    /// Our FIN left before our SYN was acknowledged: either it is acknowledged with the SYN, or it
    /// is tracked like any other sent segment.
    fn track_early_fin(&mut self, sent: Instant) {
        let (una, nxt) = (self.snd.una, self.snd.nxt);
        if una == nxt {
            self.on_fin_acked();
            return;
        }
        self.track_new_data(una, nxt, self.snd.mss, sent);
        self.timers.retransmit = self.timeout_at(self.last_received_at);
    }

    /// Takes in the peer's SYN: its sequence number and options.
    pub(crate) fn accept_syn(&mut self, cx: &Cx<'_>, seg: &Segment<'_>) {
        let peer_options = PeerSynOptions::parse(seg.options, self.key.remote.ip.is_v4());
        self.accept_peer_options(cx, peer_options);
        self.rcv.start(seg.seq + 1, self.rcv.rcv_wnd());
    }

    /// Takes up the options of the peer's SYN: one is in use only if both sides offered it (RFC
    /// 7323 §2.2, §3.2, RFC 2018 §2).
    pub(crate) fn accept_peer_options(&mut self, cx: &Cx<'_>, peer_options: PeerSynOptions) {
        self.sack = peer_options.sack && cx.limits.tcp_sack;
        self.timestamps
            .negotiate(peer_options.timestamps.filter(|_| cx.limits.tcp_timestamps), cx.now);
        match peer_options.scale.filter(|_| cx.limits.tcp_window_scaling) {
            Some(shift) => {
                self.snd.scale = shift;
                self.scaling = true;
            }
            None => {
                self.scaling = false;
                self.snd.scale = 0;
                self.rcv.scale = 0;
            }
        }
        self.peer_mss = peer_options.mss;
        self.update_mss();
    }

    /// Our SYN is acknowledged: the connection is open.
    pub(crate) fn establish(&mut self, cx: &mut Cx<'_>, seq: SeqNum, ack: SeqNum, window: u32) {
        self.stage = Stage::Synchronized;
        self.syn_pending = false;
        let snd = &mut self.snd;
        snd.nxt = snd.nxt.max(ack);
        snd.wnd = window;
        snd.max_wnd = window;
        snd.wl1 = seq;
        snd.wl2 = ack;
        snd.snd_sml = ack;
        snd.last_sent_at = cx.now;
        if self.consecutive_rtos > 0 {
            self.rtt.after_lost_syn();
        } else if self.syn_sent_at != Instant::FAR {
            self.rtt.sample(cx.now.since(self.syn_sent_at), cx.now);
        }
        // One lost SYN may be a spurious timeout, which Linux does not punish.
        let algorithm = self.congestion.algorithm();
        self.congestion = Congestion::new(algorithm, self.snd.mss, self.consecutive_rtos > 1);
        self.recovery = LazyRecovery::new();
        self.consecutive_rtos = 0;
        self.timers.retransmit = Instant::FAR;
        self.last_received_at = cx.now;
        let widest = u32::from(u16::MAX) << self.rcv.scale;
        self.rcv.space.start(u32::from(self.adv_mss), widest, cx.now);
        self.expand_send_buffer(cx);
        self.start_keepalive();
        self.output_wanted |= self.has_output();
        self.confirm_neighbor(cx);
        self.notify(cx, Readiness::CONNECTED | Readiness::WRITABLE);
    }

    /// The options of our SYN or SYN-ACK.
    pub(crate) fn syn_options(&self, cx: &Cx<'_>) -> SynOptions {
        // If SYNs crossed, our SYN-ACK carries what both sides offered.
        let first = self.stage == Stage::SynSent;
        let scaling = if first { cx.limits.tcp_window_scaling } else { self.scaling };
        let stamps = if first { cx.limits.tcp_timestamps } else { self.timestamps.enabled };
        SynOptions {
            mss: self.adv_mss,
            scale: scaling.then_some(self.rcv.scale),
            sack: self.sack,
            timestamps: stamps.then(|| self.timestamps.option(cx.now)),
        }
    }

    /// Takes over what the handshake of an embryo or a SYN cookie negotiated.
    pub(crate) fn complete_passive_open(
        &mut self,
        cx: &mut Cx<'_>,
        handshake: &Handshake,
        options: &SocketOptions,
    ) {
        let Handshake { irs, iss, peer_options, retries, .. } = *handshake;
        self.in_accept_queue = true;
        self.inherit(options, cx.limits);
        let window =
            options::first_window(cx.limits, self.adv_mss, peer_options.timestamps.is_some());
        self.rcv.start(irs + 1, options.bound_window(window).into());
        self.accept_peer_options(cx, peer_options);
        self.snd.nxt = iss + 1;
        self.snd.una = self.snd.nxt;
        self.consecutive_rtos = retries;
        if let Some(since) = handshake.syn_ack_sent_at.filter(|_| !handshake.syn_ack_retransmitted)
        {
            self.rtt.sample(cx.now.since(since), cx.now);
        }
        // The peer's window is known only once the ACK that completes the handshake is processed:
        // any window it carries is newer than this one.
        self.establish(cx, irs, iss, 0);
    }
}
