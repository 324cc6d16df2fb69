//! Which connection sends next, and those that wait until a frame can leave at all.

use addr::IfIndex;
use wire::offload::TxMeta;

use crate::cx::Cx;
use crate::fib::Link;
use crate::socket::SocketError;
use crate::store::waiting::NextHop;
use crate::tcp::Tcp;
use crate::tcp::conn::Stage;
use crate::tcp::send::plan::SegmentKind;

impl Tcp {
    /// Fills `slot` with the next segment for `ifindex`, or with nothing if nobody has any. Looks
    /// at each waiting connection at most once.
    #[inline]
    pub(crate) fn transmit(
        &mut self,
        cx: &mut Cx<'_>,
        ifindex: IfIndex,
        slot: &mut [u8],
    ) -> Option<TxMeta> {
        while let Some(index) = self.ready.pop(&mut self.conns, ifindex) {
            let conn = self.conns.at_mut(index)?;
            if !conn.refresh_path(cx) {
                let next_hop = conn.request_neighbor(cx);
                self.ready.await_neighbor(&mut self.conns, index, next_hop);
                self.arm_wheel(index);
                continue;
            }
            conn.neighbor_requested = false;
            if conn.path.ifindex != ifindex {
                self.ready.push(conn, index);
                continue;
            }
            if conn.owes_ack_only()
                && let Some(meta) = conn.write_ack(cx, slot)
            {
                conn.on_ack_sent();
                if conn.rcv.pending_acks.is_due() {
                    self.ready.push(conn, index);
                }
                return Some(meta);
            }
            let plan = conn.plan(cx.now, slot.len());
            let meta = match &plan {
                Some(plan) => conn.write(cx, plan, slot),
                None => None,
            };
            let (Some(plan), Some(meta)) = (&plan, meta) else {
                conn.output_wanted = false;
                self.arm_wheel(index);
                continue;
            };
            conn.on_sent(plan, cx.now);
            if conn.options.not_sent > 0 {
                conn.notify_if_writable(cx);
            }
            if plan.kind == SegmentKind::Retransmit {
                cx.stats.tcp_retransmits += 1;
            }
            conn.output_wanted = conn.has_output();
            if conn.output_wanted || conn.rcv.pending_acks.is_due() {
                self.ready.push(conn, index);
            }
            self.arm_wheel(index);
            return Some(meta);
        }
        None
    }

    /// Whether `transmit` may have something for `ifindex`.
    #[inline]
    pub(crate) fn has_output(&self, ifindex: IfIndex) -> bool {
        self.ready.has(ifindex)
    }

    /// Interfaces, addresses or routes changed: all who wait for a link address or a route look
    /// again.
    pub(crate) fn tables_changed(&mut self, cx: &mut Cx<'_>) {
        for index in self.ready.take_all_waiting() {
            self.retry_path(cx, index);
        }
    }

    /// A neighbour changed: those who wait for its link address look again.
    pub(crate) fn neighbor_changed(&mut self, cx: &mut Cx<'_>, next_hop: NextHop) {
        for index in self.ready.take_waiting_for(next_hop) {
            self.retry_path(cx, index);
        }
    }

    /// A connection that waited goes on, ends or waits once more.
    fn retry_path(&mut self, cx: &mut Cx<'_>, index: u32) {
        let Some(conn) = self.conns.at_mut(index).filter(|c| c.awaiting_neighbor) else { return };
        conn.awaiting_neighbor = false;
        let path = cx.fib.path(conn.key.remote.ip, Some(conn.key.local.ip), conn.scope);
        let connecting = conn.stage != Stage::Synchronized;
        match path.map(|path| path.link) {
            Ok(Link::None | Link::Known(_)) => conn.output_wanted = true,
            // Nobody answered; a connection that exists goes on trying until it times out.
            Ok(Link::Failed) if connecting && conn.neighbor_requested => {
                conn.fail(cx, SocketError::HostUnreachable);
            }
            Err(error) if connecting => conn.fail(cx, error),
            Ok(Link::Pending | Link::Failed) | Err(_) => {
                conn.neighbor_requested |= matches!(path, Ok(path) if path.link == Link::Pending);
                let next_hop = path.ok().map(|path| (path.ifindex, path.next_hop));
                self.ready.await_neighbor(&mut self.conns, index, next_hop);
            }
        }
        self.reschedule(cx, index);
    }
}
