//! Sockets as a listing shows them.

use crate::socket::{SocketId, SocketInfo, SocketKind, TcpDetail, TcpTimer};
use crate::store::slab::Key;
use crate::tcp::Tcp;
use crate::tcp::conn::{Conn, Stage};
use crate::tcp::open::listen::Listener;
use crate::tcp::state::State;
use crate::time::Instant;

impl Tcp {
    /// Every listener, connection, half-open connection and TIME-WAIT record.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = SocketInfo> + '_ {
        let listeners = self.listeners.slab.iter().map(|(index, l)| {
            let generation = self.listeners.slab.generation(index);
            l.info(SocketId { kind: SocketKind::TcpListener, index, generation })
        });
        let conns = self.conns.iter().map(|(_, c)| c.info());
        let embryos = self.embryos.iter().map(|(_, key, _)| bare(State::SynReceived, key));
        let records = self.time_waits.iter().map(|(_, t)| bare(t.state(), t.key));
        listeners.chain(conns).chain(embryos).chain(records)
    }

    /// More about one connection.
    pub(crate) fn detail(&self, id: SocketId) -> Option<TcpDetail> {
        self.conn(id).map(Conn::detail)
    }

    pub(crate) fn conn(&self, id: SocketId) -> Option<&Conn> {
        let key = Key { index: id.index, generation: id.generation };
        self.conns.lookup(key).filter(|_| id.kind == SocketKind::TcpConnection)
    }

    pub(crate) fn listener(&self, id: SocketId) -> Option<&Listener> {
        let key = Key { index: id.index, generation: id.generation };
        self.listeners.slab.lookup(key).filter(|_| id.kind == SocketKind::TcpListener)
    }
}

fn bare(state: State, key: addr::FlowKey) -> SocketInfo {
    SocketInfo {
        id: None,
        kind: SocketKind::TcpConnection,
        state: state.name(),
        local: key.local,
        remote: Some(key.remote),
        recv_queue: 0,
        send_queue: 0,
        detail: None,
    }
}

impl Listener {
    fn info(&self, id: SocketId) -> SocketInfo {
        SocketInfo {
            id: Some(id),
            kind: SocketKind::TcpListener,
            state: State::Listen.name(),
            local: self.local,
            remote: None,
            recv_queue: self.queue.len(),
            send_queue: self.backlog as usize,
            detail: None,
        }
    }
}

impl Conn {
    fn info(&self) -> SocketInfo {
        SocketInfo {
            id: (!self.orphan).then_some(self.id),
            kind: SocketKind::TcpConnection,
            state: self.state().name(),
            local: self.key.local,
            remote: Some(self.key.remote),
            recv_queue: self.rcv.ring.buffered(),
            send_queue: self.snd.ring.len(),
            detail: Some(self.detail()),
        }
    }

    /// The deadline that comes next, of those that a listing names.
    fn timer(&self) -> Option<(TcpTimer, Instant)> {
        let waits = self.stage == Stage::Synchronized && self.snd.outstanding() == 0;
        let kind = if waits { TcpTimer::Probe } else { TcpTimer::Retransmit };
        let retransmit = (kind, self.timers.retransmit.min(self.timers.loss));
        let keepalive = (TcpTimer::KeepAlive, self.timers.keepalive);
        let next = if retransmit.1 <= keepalive.1 { retransmit } else { keepalive };
        (next.1 != Instant::FAR).then_some(next)
    }

    fn detail(&self) -> TcpDetail {
        TcpDetail {
            rtt_us: self.rtt.srtt_us(),
            rttvar_us: self.rtt.rttvar_us(),
            rto_us: u32::try_from(self.rtt.rto().as_micros()).unwrap_or(u32::MAX),
            congestion: self.congestion.algorithm().name(),
            sack: self.sack,
            timestamps: self.stamps.on,
            scaling: self.scaling.then_some((self.snd.scale, self.rcv.scale)),
            cwnd: self.congestion.cwnd(),
            ssthresh: self.congestion.ssthresh(),
            mss: self.snd.mss,
            in_flight: self.recovery.pipe(self.snd.outstanding()),
            send_window: self.snd.wnd,
            receive_window: self.rcv.window(),
            receive_mss: self.rcv.acks.segment,
            receive_rtt_us: self.rcv.space.rtt_us(),
            receive_space: self.rcv.space.copied(),
            receive_buffer: self.rcv.space.limit,
            send_buffer: self.snd.space.limit,
            not_sent: self.snd.unsent(),
            retransmits: self.retransmits.into(),
            retries: self.retries.max(self.probes),
            backoff: self.rtt.backoff().max(self.probe_backoff),
            sacked: self.recovery.sent.sacked(),
            lost: self.recovery.sent.lost(),
            reordering: self.recovery.reordering(),
            pacing_rate: self.pacer.rate().unwrap_or(0),
            min_rtt_us: u32::try_from(self.rtt.min().as_micros()).unwrap_or(u32::MAX),
            timer: self.timer(),
            bytes_sent: self.snd.bytes,
            bytes_received: self.rcv.bytes,
        }
    }
}
