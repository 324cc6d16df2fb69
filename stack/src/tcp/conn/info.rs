//! A connection as a listing shows it (`ss -i`).

use crate::socket::{SocketInfo, SocketKind, TcpDetail, TcpTimer};
use crate::tcp::conn::{Conn, Stage};
use crate::time::Instant;

impl Conn {
    /// Its line in a listing.
    pub(crate) fn info(&self) -> SocketInfo {
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

    /// What `ss -i` shows of it.
    pub(crate) fn detail(&self) -> TcpDetail {
        TcpDetail {
            rtt_us: self.rtt.srtt_us(),
            rttvar_us: self.rtt.rttvar_us(),
            rto_us: u32::try_from(self.rtt.rto().as_micros()).unwrap_or(u32::MAX),
            congestion: self.congestion.algorithm().name(),
            sack: self.sack,
            timestamps: self.timestamps.enabled,
            scaling: self.scaling.then_some((self.snd.scale, self.rcv.scale)),
            cwnd: self.congestion.cwnd(),
            ssthresh: self.congestion.ssthresh(),
            mss: self.snd.mss,
            in_flight: self.recovery.pipe(self.snd.outstanding()),
            send_window: self.snd.wnd,
            receive_window: self.rcv.rcv_wnd(),
            receive_mss: self.rcv.ack_policy.rcv_mss,
            receive_rtt_us: self.rcv.space.rtt_us(),
            receive_space: self.rcv.space.copied(),
            receive_buffer: self.rcv.space.limit,
            send_buffer: self.snd.space.limit,
            not_sent: self.snd.unsent(),
            retransmits: self.total_retrans.into(),
            retries: self.consecutive_rtos.max(self.probes_out),
            backoff: self.rtt.backoff().max(self.probe_backoff),
            sacked: self.recovery.sent_queue.sacked_out(),
            lost: self.recovery.sent_queue.lost_out(),
            reordering: self.recovery.reordering(),
            pacing_rate: self.pacer.rate().unwrap_or(0),
            min_rtt_us: u32::try_from(self.rtt.min_rtt().as_micros()).unwrap_or(u32::MAX),
            timer: self.timer(),
            bytes_sent: self.snd.bytes_sent,
            bytes_received: self.rcv.bytes_received,
        }
    }
}
