//! Segments for flows without a connection: passive opens, and strays.
//!
//! LISTEN (RFC 9293 §3.10.7.2) and the SYN-RECEIVED part of §3.10.7.4 for embryos, with Linux's
//! order of checks. A SYN makes an embryo, which answers with a SYN-ACK, repeats it with back-off
//! and gives up after a few. The ACK that completes the handshake makes a connection in the
//! listener's accept queue.
//!
//! Bounds as in Linux: the accept queue takes one more than the backlog;
//! while it is full SYNs are refused silently (the peer asks again), and so is the last ACK, which
//! leaves the embryo to ask again. When there are as many embryos as the queue could take, the next
//! SYN is answered with a cookie and forgotten.

use addr::IfIndex;
use wire::tcp::{Flags, SeqNum};
use wire::tcp_options::{OptionWriter, Timestamps};

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::fib::Path;
use crate::tcp::Tcp;
use crate::tcp::conn::{Conn, ConnInit};
use crate::tcp::flow_table::Owner;
use crate::tcp::open::cookies::CookieOptions;
use crate::tcp::open::embryos::Handshake;
use crate::tcp::reply::{self, BareSegment};
use crate::tcp::segment::Segment;
use crate::tcp::segment::options::{self, PeerSynOptions, SynOptions};
use crate::tcp::segment::timestamps::TimestampState;
use crate::tcp::user::socket_options::IpMarking;

/// Our half of a handshake, which follows from the path, the listener's options and the limits.
#[derive(Clone, Copy, Debug)]
struct LocalHandshake {
    mss: u16,
    /// The window field of our SYN-ACK.
    window: u16,
    /// RFC 7323 TSval of our SYN-ACK.
    ts_val: u32,
    marking: IpMarking,
}

impl Tcp {
    /// A segment for a flow that nobody owns (RFC 9293 §3.10.7.1 and §3.10.7.2).
    pub(crate) fn receive_without_owner(
        &mut self,
        cx: &mut Cx<'_>,
        seg: &Segment<'_>,
        isn_floor: Option<SeqNum>,
    ) -> Result<(), DropReason> {
        let listener = self.listeners.find(&seg.key.local).filter(|_| !seg.flags.rst());
        let Some(listener) = listener else {
            reply::reset_for(cx, seg);
            return Err(DropReason::TcpNoSocket);
        };
        if seg.flags.ack() {
            return self.receive_cookie(cx, seg, listener);
        }
        // Linux takes no SYN that closes at once.
        if !seg.flags.syn() || seg.flags.fin() {
            return Err(DropReason::TcpBadFlags);
        }
        self.receive_syn(cx, seg, listener, isn_floor)
    }

    fn receive_syn(
        &mut self,
        cx: &mut Cx<'_>,
        seg: &Segment<'_>,
        index: u32,
        isn_floor: Option<SeqNum>,
    ) -> Result<(), DropReason> {
        let Some(listener) = self.listeners.slab.at(index) else {
            return Err(DropReason::TcpNoSocket);
        };
        if listener.is_full() {
            return Err(DropReason::TcpListenOverflow);
        }
        // A flow that was in TIME-WAIT is known to be real, and its ISN is not a cookie's to
        // choose.
        let crowded = listener.is_crowded(cx.limits) && isn_floor.is_none();
        let iss = self.secrets.isn(&seg.key, cx.now);
        let mut handshake = Handshake {
            key: seg.key,
            scope: seg.reply_interface(),
            listener: index,
            irs: seg.seq,
            iss: isn_floor.map_or(iss, |floor| iss.max(floor)),
            peer_options: PeerSynOptions::parse(seg.options, seg.key.remote.ip.is_v4())
                .limited_by(cx.limits),
            syn_ack_sent_at: Some(cx.now),
            retries: 0,
            syn_ack_retransmitted: false,
        };
        let ours = self.local_handshake(cx, &handshake)?;
        if crowded || self.embryos.is_full() {
            return self.send_cookie(cx, &mut handshake, ours);
        }
        let Some(embryo) = self.embryos.insert(&handshake, cx.now) else {
            return Err(DropReason::TcpTableFull);
        };
        if let Some(listener) = self.listeners.slab.at_mut(index) {
            listener.add_embryo();
        }
        self.flows.insert(&seg.key, Owner::Embryo(embryo));
        send_syn_ack(cx, &handshake, ours)
    }

    /// Answers a SYN without remembering it (RFC 4987 §3.6).
    fn send_cookie(
        &mut self,
        cx: &mut Cx<'_>,
        handshake: &mut Handshake,
        ours: LocalHandshake,
    ) -> Result<(), DropReason> {
        let listener = self.listeners.slab.at_mut(handshake.listener);
        let Some(listener) = listener.filter(|_| cx.limits.tcp_syncookies) else {
            return Err(DropReason::TcpListenOverflow);
        };
        listener.cookies_at = Some(cx.now);
        let Handshake { key, irs, .. } = *handshake;
        handshake.iss = self.cookies.make(&key, irs, handshake.peer_options.mss, cx.now);
        let peer_options = &mut handshake.peer_options;
        let offset = self.secrets.clock_offset(&key);
        let mut ours = ours;
        if peer_options.timestamps.is_some() {
            let carried =
                CookieOptions { scale: peer_options.scale, sack: peer_options.sack, ecn: false };
            let clock = carried.into_ts_val(ours.ts_val.wrapping_sub(offset));
            ours.ts_val = clock.wrapping_add(offset);
        } else {
            // Nothing would remember them.
            (peer_options.scale, peer_options.sack) = (None, false);
        }
        cx.stats.tcp_syncookies_sent += 1;
        send_syn_ack(cx, handshake, ours)
    }

    /// An ACK for a listener: a stray, or the cookie of a handshake that we did not remember.
    fn receive_cookie(
        &mut self,
        cx: &mut Cx<'_>,
        seg: &Segment<'_>,
        index: u32,
    ) -> Result<(), DropReason> {
        let listener = self.listeners.slab.at(index).filter(|_| !seg.flags.syn());
        let Some(listener) = listener.filter(|l| l.expects_cookies(cx)) else {
            reply::reset_for(cx, seg);
            return Err(DropReason::TcpNoSocket);
        };
        let (irs, iss) = (seg.seq - 1, seg.ack - 1);
        let Some(mss) = self.cookies.check(&seg.key, irs, iss, cx.now) else {
            cx.stats.tcp_syncookies_failed += 1;
            reply::reset_for(cx, seg);
            return Err(DropReason::TcpBadAck);
        };
        cx.stats.tcp_syncookies_received += 1;
        if listener.is_full() {
            return Err(DropReason::TcpListenOverflow);
        }
        let echoed = seg.timestamps.map(|stamps| {
            let clock = stamps.echo.wrapping_sub(self.secrets.clock_offset(&seg.key));
            CookieOptions::from_ts_val(clock)
        });
        let handshake = Handshake {
            key: seg.key,
            scope: seg.reply_interface(),
            listener: index,
            irs,
            iss,
            peer_options: PeerSynOptions {
                mss,
                scale: echoed.and_then(|carried| carried.scale),
                sack: echoed.is_some_and(|carried| carried.sack),
                timestamps: seg.timestamps,
            }
            .limited_by(cx.limits),
            syn_ack_sent_at: None,
            retries: 0,
            syn_ack_retransmitted: false,
        };
        self.complete_passive_open(cx, None, &handshake, seg)
    }

    /// A segment for a half-open connection: SYN-RECEIVED of a passive open (RFC 9293 §3.10.7.4).
    pub(crate) fn receive_embryo(
        &mut self,
        cx: &mut Cx<'_>,
        index: u32,
        seg: &Segment<'_>,
    ) -> Result<(), DropReason> {
        let Some(embryo) = self.embryos.get(index) else {
            return Err(DropReason::TcpNoSocket);
        };
        let ours = self.local_handshake(cx, &embryo)?;
        let old =
            seg.timestamps.zip(embryo.peer_options.timestamps).is_some_and(|(stamps, recent)| {
                SeqNum(stamps.value).lt(SeqNum(recent.value)) && !seg.flags.rst()
            });
        let bare_syn = seg.flags.syn() && !seg.flags.intersects(Flags::ACK | Flags::RST);
        if bare_syn && seg.seq == embryo.irs && !old {
            // The SYN was retransmitted, so our SYN-ACK may be lost.
            if self.embryos.may_send_out_of_window_ack(index, cx.now) {
                self.embryos.note_syn_ack_retransmitted(index);
                return send_syn_ack(cx, &embryo, ours);
            }
            return Ok(());
        }
        if seg.flags.ack() && seg.ack != embryo.iss + 1 {
            reply::reset_for(cx, seg);
            return Err(DropReason::TcpBadAck);
        }
        let nxt = embryo.irs + 1;
        if old || !is_in_window(seg, nxt, u32::from(ours.window)) {
            if seg.flags.rst() {
                return Err(DropReason::TcpBadReset);
            }
            if self.embryos.may_send_out_of_window_ack(index, cx.now) {
                send_ack(cx, &embryo, ours)?;
            }
            return Err(if old { DropReason::TcpPaws } else { DropReason::TcpOutOfWindow });
        }
        if let Some(stamps) = seg.timestamps.filter(|_| seg.seq.le(nxt)) {
            self.embryos.note_timestamp(index, stamps.value);
        }
        if seg.flags.rst() && seg.seq == nxt {
            self.remove_embryo(index);
            return Ok(());
        }
        if seg.flags.intersects(Flags::RST | Flags::SYN) {
            // RFC 5961 §3.2 and §4.2.
            let limit = cx.limits.tcp_challenge_acks_per_second;
            if self.embryos.may_send_out_of_window_ack(index, cx.now)
                && self.challenge_limit.allow(cx.now, limit, cx.rng)
            {
                cx.stats.tcp_challenge_acks += 1;
                send_ack(cx, &embryo, ours)?;
            }
            let reset = seg.flags.rst();
            return Err(if reset { DropReason::TcpBadReset } else { DropReason::TcpBadFlags });
        }
        if !seg.flags.ack() {
            return Err(DropReason::TcpBadFlags);
        }
        let embryo = self.embryos.get(index).unwrap_or(embryo);
        self.complete_passive_open(cx, Some(index), &embryo, seg)
    }

    /// The handshake is complete: a connection in the accept queue.
    fn complete_passive_open(
        &mut self,
        cx: &mut Cx<'_>,
        embryo: Option<u32>,
        handshake: &Handshake,
        seg: &Segment<'_>,
    ) -> Result<(), DropReason> {
        let listener = self.listeners.slab.at_mut(handshake.listener);
        let Some(listener) = listener else { return Err(DropReason::TcpNoSocket) };
        if listener.is_full() {
            return Err(DropReason::TcpListenOverflow);
        }
        let Handshake { key, scope, iss, .. } = *handshake;
        let path = cx.fib.path(key.remote.ip, Some(key.local.ip), scope);
        let path: Path = path.map_err(|_| DropReason::NoRoute)?;
        let identification = cx.rng.next_u32() as u16;
        let flow_label = self.secrets.flow_label(&key);
        let clock_offset = self.secrets.clock_offset(&key);
        let options = listener.options.clone();
        let home = self.home;
        let mut halves = None;
        let inserted = self.conns.insert_with(|slot| {
            let id = home.conn_id(slot);
            let birth =
                ConnInit { id, key, scope, path, iss, identification, flow_label, clock_offset };
            let (mut conn, user) = Conn::active(birth, cx.limits, cx.now);
            conn.complete_passive_open(cx, handshake, &options);
            halves = Some(user);
            conn
        });
        let (Some(slot), Some(halves)) = (inserted, halves) else {
            return Err(DropReason::TcpTableFull);
        };
        let rings = halves.into_rings(home.conn_id(slot), key.local, key.remote);
        self.enqueue_accepted(cx, handshake.listener, rings);
        if let Some(index) = embryo {
            self.remove_embryo(index);
        }
        self.flows.insert(&key, Owner::Conn(slot.index));
        cx.memory.begin();
        cx.stats.tcp_passive_opens += 1;
        let Some(conn) = self.conns.at_mut(slot.index) else { return Ok(()) };
        let outcome = conn.receive(cx, seg);
        self.reschedule(cx, slot.index);
        outcome
    }

    /// Repeats SYN-ACKs that are due, with back-off; gives up after the limit.
    pub(crate) fn expire_embryos(&mut self, cx: &mut Cx<'_>) {
        while let Some(index) = self.embryos.expired(cx.now) {
            let Some(embryo) = self.embryos.get(index) else { return };
            let listener = self.listeners.slab.at_mut(embryo.listener);
            let limit = listener.as_ref().map_or(0, |l| l.syn_ack_retries(cx.limits));
            if u32::from(embryo.retries) >= limit {
                self.remove_embryo(index);
                continue;
            }
            if let Some(listener) = listener.filter(|_| embryo.retries == 0) {
                listener.young = listener.young.saturating_sub(1);
            }
            self.embryos.retry(index);
            cx.stats.tcp_timeouts += 1;
            let sent =
                self.local_handshake(cx, &embryo).and_then(|ours| send_syn_ack(cx, &embryo, ours));
            if let Err(reason) = sent {
                cx.drop(reason);
            }
        }
    }

    pub(crate) fn remove_embryo(&mut self, index: u32) {
        let Some(embryo) = self.embryos.remove(index) else { return };
        self.flows.remove(&embryo.key, Owner::Embryo(index));
        if let Some(listener) = self.listeners.slab.at_mut(embryo.listener) {
            listener.remove_embryo(embryo.retries == 0);
        }
    }

    fn local_handshake(
        &self,
        cx: &Cx<'_>,
        handshake: &Handshake,
    ) -> Result<LocalHandshake, DropReason> {
        let Handshake { key, scope, peer_options, .. } = handshake;
        let path = cx.fib.path(key.remote.ip, Some(key.local.ip), *scope);
        let path: Path = path.map_err(|_| DropReason::NoRoute)?;
        let listener = self.listeners.slab.at(handshake.listener);
        let options = listener.map(|l| *l.options).unwrap_or_default();
        let mss = options.bound_mss(options::advertised_mss(path.mtu, key.remote.ip.is_v4()));
        let window = options::first_window(cx.limits, mss, peer_options.timestamps.is_some());
        let window = options.bound_window(window);
        let ts_val = TimestampState::new(self.secrets.clock_offset(key)).clock(cx.now);
        Ok(LocalHandshake { mss, window, ts_val, marking: options.marking })
    }
}

fn send_syn_ack(
    cx: &mut Cx<'_>,
    handshake: &Handshake,
    ours: LocalHandshake,
) -> Result<(), DropReason> {
    let Handshake { peer_options, iss, .. } = *handshake;
    let options = SynOptions {
        mss: ours.mss,
        scale: peer_options.scale.map(|_| options::our_shift(cx.limits)),
        sack: peer_options.sack,
        timestamps: stamps(peer_options, ours),
    };
    let flags = Flags::SYN | Flags::ACK;
    send(cx, handshake, ours, (iss, flags), &options.writer())
}

/// Says where the handshake stands.
fn send_ack(
    cx: &mut Cx<'_>,
    handshake: &Handshake,
    ours: LocalHandshake,
) -> Result<(), DropReason> {
    let mut options = OptionWriter::new();
    if let Some(stamps) = stamps(handshake.peer_options, ours) {
        options.timestamps(stamps);
    }
    send(cx, handshake, ours, (handshake.iss + 1, Flags::ACK), &options)
}

/// The timestamps of an answer, if both sides have them.
fn stamps(peer_options: PeerSynOptions, ours: LocalHandshake) -> Option<Timestamps> {
    peer_options.timestamps.map(|theirs| Timestamps { value: ours.ts_val, echo: theirs.value })
}

fn send(
    cx: &mut Cx<'_>,
    handshake: &Handshake,
    ours: LocalHandshake,
    (seq, flags): (SeqNum, Flags),
    options: &OptionWriter,
) -> Result<(), DropReason> {
    let LocalHandshake { window, marking, .. } = ours;
    let bare = BareSegment { seq, ack: handshake.irs + 1, flags, window, marking };
    let oif: Option<IfIndex> = handshake.scope;
    reply::send(cx, oif, &handshake.key, bare, options.finish())
}

/// Whether some of a segment lies in a window, or an empty one at its edge (RFC 9293 §3.4).
fn is_in_window(seg: &Segment<'_>, nxt: SeqNum, window: u32) -> bool {
    let edge = nxt + window;
    seg.seq == nxt || seg.end().gt(nxt) && seg.seq.lt(edge) || seg.len() == 0 && seg.seq == edge
}
