//! What one connection holds of the memory budget of all (Linux `tcp_mem`).

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::tcp::conn::Conn;

impl Conn {
    /// Text that arrived in order was buffered.
    #[inline]
    pub(crate) fn charge(&mut self, cx: &mut Cx<'_>, bytes: u32) {
        self.memory_charged += bytes;
        self.receive_memory_charged += bytes;
        cx.memory.add(bytes, cx.limits);
    }

    /// Acknowledged text left the send ring.
    #[inline]
    pub(crate) fn discharge(&mut self, cx: &mut Cx<'_>, bytes: u32) {
        let bytes = bytes.min(self.memory_charged - self.receive_memory_charged);
        self.memory_charged -= bytes;
        cx.memory.sub(bytes, cx.limits);
    }

    /// Recounts what the receive ring holds. It leaves the send ring alone, whose state lies
    /// elsewhere in memory, because readers call this often.
    #[inline]
    pub(crate) fn recount_received(&mut self, cx: &mut Cx<'_>) {
        self.recharge(cx, self.memory_charged - self.receive_memory_charged);
    }

    /// Recounts what both rings hold.
    pub(crate) fn recount(&mut self, cx: &mut Cx<'_>) {
        self.recharge(cx, self.snd.ring.len() as u32);
    }

    #[inline]
    fn recharge(&mut self, cx: &mut Cx<'_>, written: u32) {
        self.receive_memory_charged = self.rcv.buffered();
        let held = self.receive_memory_charged + written;
        let before = core::mem::replace(&mut self.memory_charged, held);
        if held >= before {
            cx.memory.add(held - before, cx.limits);
        } else {
            cx.memory.sub(before - held, cx.limits);
        }
    }

    /// Whether arriving text may be buffered (Linux `tcp_try_rmem_schedule`). If not, text out of
    /// order is discarded first to make room. Text that the reader waits for is accepted in any
    /// case.
    #[inline]
    pub(crate) fn schedule_receive_memory(
        &mut self,
        cx: &mut Cx<'_>,
        in_order: bool,
    ) -> Result<(), DropReason> {
        if cx.memory.refuses(self.memory_charged, cx.limits) {
            return self.prune_receive_memory(cx, in_order);
        }
        Ok(())
    }

    #[cold]
    fn prune_receive_memory(&mut self, cx: &mut Cx<'_>, in_order: bool) -> Result<(), DropReason> {
        if self.rcv.has_out_of_order() {
            self.rcv.prune();
            self.recount(cx);
            cx.stats.tcp_pruned += 1;
        }
        let awaited = in_order && self.rcv.ring.buffered() == 0;
        if awaited || !cx.memory.refuses(self.memory_charged, cx.limits) {
            return Ok(());
        }
        self.rcv.pending_acks.immediate = true;
        Err(DropReason::TcpMemory)
    }

    /// The application wrote: if memory is short, it gets less room for more until the limit is
    /// tuned again (Linux `sk_stream_moderate_sndbuf`).
    pub(crate) fn moderate_send_buffer(&mut self, cx: &Cx<'_>) {
        if cx.memory.refuses(self.memory_charged, cx.limits) {
            let least = cx.limits.tcp_wmem[0] as u32;
            self.snd.space.moderate((self.snd.ring.len() as u32 / 2).max(least));
            self.apply_send_limit();
        }
    }

    /// Whether this is an orphan that holds memory which other connections need (Linux
    /// `tcp_out_of_memory`).
    pub(crate) fn is_orphan_out_of_memory(&self, cx: &Cx<'_>) -> bool {
        self.orphan && cx.memory.is_over(cx.limits) && self.snd.ring.len() > cx.limits.tcp_wmem[0]
    }
}
