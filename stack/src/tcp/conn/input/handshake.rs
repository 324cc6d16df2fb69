//! The handshake of an active open: SYN-SENT and, where SYNs cross, SYN-RECEIVED.
//!
//! RFC 9293 §3.10.7.3 and the SYN-RECEIVED parts of §3.10.7.4, in their order. A passive open has no
//! connection before its handshake is complete; see `listen`.

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
use crate::tcp::segment::options::{self, Offer, SynOptions};
use crate::tcp::state::OurFin;
use crate::tcp::user::socket_options::Choice;
use crate::time::Instant;

impl Conn {
    /// A segment in SYN-SENT (TCPF-06).
    pub(crate) fn receive_syn_sent(
        &mut self,
        cx: &mut Cx<'_>,
        seg: &Segment<'_>,
    ) -> Result<(), DropReason> {
        // First: an ACK of anything but our SYN is a stray's.
        let acked = seg.flags.ack() && seg.ack.gt(self.snd.una) && seg.ack.le(self.snd.nxt);
        if seg.flags.ack() && !acked {
            reply::reset_for(cx, seg);
            return Err(DropReason::TcpBadAck);
        }
        // An echo of a clock that we did not show is a stray's too (Linux).
        let alien = |stamps: Timestamps| !self.stamps.is_ours(stamps.echo, self.heard, cx.now);
        if acked && cx.limits.tcp_timestamps && seg.timestamps.is_some_and(alien) {
            reply::reset_for(cx, seg);
            return Err(DropReason::TcpPaws);
        }
        // Second: only a RST that acknowledges our SYN refuses it, whatever its sequence number.
        if seg.flags.rst() {
            if !acked {
                return Err(DropReason::TcpBadReset);
            }
            self.fail(cx, SocketError::ConnectionRefused);
            return Ok(());
        }
        // Fourth: the SYN.
        if !seg.flags.syn() {
            return Err(DropReason::TcpBadFlags);
        }
        self.take_syn(cx, seg);
        self.heard = cx.now;
        if !acked {
            // SYNs crossed. The peer's data, if any, comes again.
            self.stage = Stage::SynReceived;
            self.syn_owed = true;
            self.output = true;
            self.timers.retransmit = cx.now + self.rtt.rto();
            return Ok(());
        }
        self.snd.una = seg.ack;
        let window = u32::from(seg.window);
        self.establish(cx, seg.seq, seg.ack, window);
        self.rcv.owed.now = true;
        // What else the SYN-ACK brought.
        let rest = Segment { seq: seg.seq + 1, flags: seg.flags.without(Flags::SYN), ..*seg };
        self.process_text(cx, &rest)
    }

    /// A segment in SYN-RECEIVED after SYNs crossed (RFC 9293 §3.5, figure 8; TCPF-07).
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
            // The peer's SYN once more: it has not seen our SYN-ACK.
            self.syn_owed |= again;
            self.output |= again;
            return if again { Ok(()) } else { Err(DropReason::TcpBadFlags) };
        }
        if seg.ack.le(self.snd.una) || seg.ack.gt(self.snd.nxt) {
            reply::reset_for(cx, seg);
            return Err(DropReason::TcpBadAck);
        }
        self.snd.una = seg.ack;
        // The window of a SYN is not scaled.
        let scale = if again { 0 } else { self.snd.scale };
        let fin_sent = self.snd.last_sent;
        self.establish(cx, seg.seq, seg.ack, u32::from(seg.window) << scale);
        if self.fins.ours == OurFin::Sent {
            self.watch_early_fin(fin_sent);
        }
        if again {
            self.rcv.owed.now = true;
        } else if self.end.is_none() {
            self.process_text(cx, seg)?;
        }
        self.retire(cx);
        Ok(())
    }

    /// Our FIN left before our SYN was acknowledged: from now on it is like any other, or acknowledged
    /// with the SYN.
    fn watch_early_fin(&mut self, sent: Instant) {
        let (una, nxt) = (self.snd.una, self.snd.nxt);
        if una == nxt {
            self.on_fin_acked();
            return;
        }
        self.track_new_data(una, nxt, self.snd.mss, sent);
        self.timers.retransmit = self.timeout_at(self.heard);
    }

    /// The peer's SYN: its sequence number and options.
    pub(crate) fn take_syn(&mut self, cx: &Cx<'_>, seg: &Segment<'_>) {
        let offer = Offer::parse(seg.options, self.key.remote.ip.is_v4());
        self.take_offer(cx, offer);
        self.rcv.start(seg.seq + 1, self.rcv.window());
    }

    /// What the peer's SYN offered: an option works only if both sides offered it (RFC 7323 §2.2, §3.2,
    /// RFC 2018 §2).
    pub(crate) fn take_offer(&mut self, cx: &Cx<'_>, offer: Offer) {
        self.sack = offer.sack && cx.limits.tcp_sack;
        self.stamps.agree(offer.timestamps.filter(|_| cx.limits.tcp_timestamps), cx.now);
        match offer.scale.filter(|_| cx.limits.tcp_window_scaling) {
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
        self.their_mss = offer.mss;
        self.update_mss();
    }

    /// Our SYN is acknowledged: the connection is open.
    pub(crate) fn establish(&mut self, cx: &mut Cx<'_>, seq: SeqNum, ack: SeqNum, window: u32) {
        self.stage = Stage::Synchronized;
        self.syn_owed = false;
        let snd = &mut self.snd;
        snd.nxt = snd.nxt.max(ack);
        snd.wnd = window;
        snd.max_wnd = window;
        snd.wl1 = seq;
        snd.wl2 = ack;
        snd.small = ack;
        snd.last_sent = cx.now;
        if self.retries > 0 {
            self.rtt.after_lost_syn();
        } else if self.syn_sent != Instant::FAR {
            self.rtt.sample(cx.now.since(self.syn_sent), cx.now);
        }
        // One lost SYN may be a spurious timeout; Linux lets it pass.
        let algorithm = self.congestion.algorithm();
        self.congestion = Congestion::new(algorithm, self.snd.mss, self.retries > 1);
        self.recovery = LazyRecovery::new();
        self.retries = 0;
        self.timers.retransmit = Instant::FAR;
        self.heard = cx.now;
        let widest = u32::from(u16::MAX) << self.rcv.scale;
        self.rcv.space.start(u32::from(self.our_mss), widest, cx.now);
        self.widen(cx);
        self.start_keepalive();
        self.output |= self.has_work();
        self.confirm_neighbor(cx);
        self.tell(cx, Readiness::CONNECTED | Readiness::WRITABLE);
    }

    /// Options of our SYN or SYN-ACK.
    pub(crate) fn syn_options(&self, cx: &Cx<'_>) -> SynOptions {
        // A crossed SYN is answered with what both sides know.
        let first = self.stage == Stage::SynSent;
        let scaling = if first { cx.limits.tcp_window_scaling } else { self.scaling };
        let stamps = if first { cx.limits.tcp_timestamps } else { self.stamps.on };
        SynOptions {
            mss: self.our_mss,
            scale: scaling.then_some(self.rcv.scale),
            sack: self.sack,
            timestamps: stamps.then(|| self.stamps.option(cx.now)),
        }
    }

    /// Takes over what the handshake agreed on.
    pub(crate) fn hatch(&mut self, cx: &mut Cx<'_>, handshake: &Handshake, settings: &Choice) {
        let Handshake { irs, iss, offer, retries, .. } = *handshake;
        self.held = true;
        self.inherit(settings, cx.limits);
        let window = options::first_window(cx.limits, self.our_mss, offer.timestamps.is_some());
        self.rcv.start(irs + 1, settings.bound_window(window).into());
        self.take_offer(cx, offer);
        self.snd.nxt = iss + 1;
        self.snd.una = self.snd.nxt;
        self.retries = retries;
        if let Some(since) = handshake.since.filter(|_| !handshake.repeated) {
            self.rtt.sample(cx.now.since(since), cx.now);
        }
        // The window is not known before the ACK that completes the handshake is processed: any
        // window it brings is newer than this one.
        self.establish(cx, irs, iss, 0);
    }
}
