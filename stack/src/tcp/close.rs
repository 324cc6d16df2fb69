//! The end of a connection (RFC 9293 §3.6): its slot is freed, and its TIME-WAIT record or the
//! reason why it failed stays behind.

pub(super) mod pending_errors;
pub(super) mod time_wait;

use addr::Ip;

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::tcp::Tcp;
use crate::tcp::close::time_wait::{TimeWaitInit, TimeWaitOutcome};
use crate::tcp::conn::{Conn, End};
use crate::tcp::flow_table::Owner;
use crate::tcp::segment::Segment;
use crate::tcp::state::State;

impl Tcp {
    pub(super) fn receive_time_wait(
        &mut self,
        cx: &mut Cx<'_>,
        index: u32,
        seg: &Segment<'_>,
    ) -> Result<(), DropReason> {
        let listening = self.listeners.find(&seg.key.local).is_some();
        match self.time_waits.receive(cx, index, seg, listening) {
            TimeWaitOutcome::Keep(outcome) => outcome,
            TimeWaitOutcome::Remove(outcome) => {
                self.remove_time_wait(index);
                outcome
            }
            TimeWaitOutcome::Reopen(floor) => {
                self.remove_time_wait(index);
                self.receive_without_owner(cx, seg, Some(floor))
            }
        }
    }

    /// An address is no longer ours: the connections bound to it are reset, and embryos and
    /// TIME-WAIT records are dropped.
    pub(crate) fn address_removed(&mut self, cx: &mut Cx<'_>, ip: Ip) {
        let conns = self.conns.iter().filter(|(_, c)| c.key.local.ip == ip);
        let conns: Vec<u32> = conns.map(|(index, _)| index).collect();
        for index in conns {
            if let Some(conn) = self.conns.at_mut(index) {
                conn.abort(cx);
                self.reschedule(cx, index);
            }
        }
        let embryos = self.embryos.iter().filter(|(_, key, _)| key.local.ip == ip);
        let embryos: Vec<u32> = embryos.map(|(index, _, _)| index).collect();
        embryos.into_iter().for_each(|index| self.remove_embryo(index));
        let records = self.time_waits.iter().filter(|(_, t)| t.key.local.ip == ip);
        let records: Vec<u32> = records.map(|(index, _)| index).collect();
        records.into_iter().for_each(|index| self.remove_time_wait(index));
    }

    /// Whether a connection has something left to send, or a FIN that was not acknowledged.
    #[cold]
    pub(crate) fn has_unfinished(&self) -> bool {
        self.conns.iter().any(|(_, conn)| conn.state() != State::FinWait2)
    }

    /// Resets the connections that have something left to send, or a FIN that was not acknowledged:
    /// the host ends.
    #[cold]
    pub(crate) fn abort_unfinished(&mut self, cx: &mut Cx<'_>) {
        let conns = self.conns.iter().filter(|(_, conn)| conn.state() != State::FinWait2);
        let conns: Vec<u32> = conns.map(|(index, _)| index).collect();
        for index in conns {
            if let Some(conn) = self.conns.at_mut(index) {
                conn.abort(cx);
                self.reschedule(cx, index);
            }
        }
    }

    /// A connection has ended: its slot is freed, its flow goes to TIME-WAIT or out of the table.
    pub(super) fn finish(&mut self, cx: &mut Cx<'_>, index: u32) {
        let Some(mut conn) = self.conns.remove(index) else { return };
        cx.memory.end(conn.memory_charged, cx.limits);
        self.wheel.clear(index);
        if conn.in_ready_list {
            self.ready.leave(&mut self.conns);
        }
        self.orphans -= u32::from(conn.orphan);
        if let Some(End::Failed(error)) = conn.end.filter(|_| !conn.orphan) {
            self.pending_errors.note(conn.id, error);
        }
        if conn.end == Some(End::TimeWait) {
            self.begin_time_wait(cx, &mut conn, index);
        } else {
            self.flows.remove(&conn.key, Owner::Conn(index));
        }
        if !conn.in_accept_queue {
            let ended = match conn.end {
                Some(End::Failed(_)) => Readiness::ERROR | Readiness::GONE,
                _ => Readiness::GONE,
            };
            cx.events.mark(conn.id, &mut conn.pending_events, ended);
        }
    }

    /// The flow goes on as a record, which sends the ACK that the connection still owed.
    fn begin_time_wait(&mut self, cx: &mut Cx<'_>, conn: &mut Conn, index: u32) {
        if let Some(oldest) = self.time_waits.oldest_if_full() {
            self.remove_time_wait(oldest);
        }
        let rest = TimeWaitInit {
            key: conn.key,
            scope: conn.scope,
            snd_nxt: conn.snd.nxt,
            rcv_nxt: conn.rcv.nxt,
            timestamps: conn.timestamps,
            window: conn.rcv.advertise_window(cx.memory.pressure()),
            scale: conn.rcv.scale,
            traffic_class: conn.options.marking.traffic_class,
            in_fin_wait_2: conn.state() == State::FinWait2,
        };
        let Some(record) = self.time_waits.insert(rest, cx.now) else {
            self.flows.remove(&conn.key, Owner::Conn(index));
            return;
        };
        self.flows.change(&conn.key, Owner::Conn(index), Owner::TimeWait(record));
        if conn.rcv.pending_acks.is_due() {
            self.time_waits.acknowledge(cx, record);
        }
    }

    pub(super) fn remove_time_wait(&mut self, index: u32) {
        if let Some(record) = self.time_waits.remove(index) {
            self.flows.remove(&record.key, Owner::TimeWait(index));
        }
    }
}
