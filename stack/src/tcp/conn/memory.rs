//! What one connection holds of the memory budget of all (Linux `tcp_mem`).

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::tcp::conn::Conn;

impl Conn {
    /// Text in order was buffered.
    #[inline]
    pub(crate) fn charge(&mut self, cx: &mut Cx<'_>, bytes: u32) {
        self.charged += bytes;
        self.charged_received += bytes;
        cx.memory.add(bytes, cx.limits);
    }

    /// Text was acknowledged and left the send ring.
    #[inline]
    pub(crate) fn discharge(&mut self, cx: &mut Cx<'_>, bytes: u32) {
        let bytes = bytes.min(self.charged - self.charged_received);
        self.charged -= bytes;
        cx.memory.sub(bytes, cx.limits);
    }

    /// Counts anew what the receive ring holds. A reader comes by often, and need not wait for the send
    /// ring, which is somewhere else in memory.
    #[inline]
    pub(crate) fn recount_received(&mut self, cx: &mut Cx<'_>) {
        self.recharge(cx, self.charged - self.charged_received);
    }

    /// Counts anew what both rings hold.
    pub(crate) fn recount(&mut self, cx: &mut Cx<'_>) {
        self.recharge(cx, self.snd.ring.len() as u32);
    }

    #[inline]
    fn recharge(&mut self, cx: &mut Cx<'_>, written: u32) {
        self.charged_received = self.rcv.buffered();
        let held = self.charged_received + written;
        let before = core::mem::replace(&mut self.charged, held);
        if held >= before {
            cx.memory.add(held - before, cx.limits);
        } else {
            cx.memory.sub(before - held, cx.limits);
        }
    }

    /// Whether text that came may be buffered. If not, what waits beyond a gap makes room first; text that
    /// the reader waits for is taken in any case.
    #[inline]
    pub(crate) fn admit(&mut self, cx: &mut Cx<'_>, in_order: bool) -> Result<(), DropReason> {
        if cx.memory.refuses(self.charged, cx.limits) {
            return self.admit_at_last(cx, in_order);
        }
        Ok(())
    }

    #[cold]
    fn admit_at_last(&mut self, cx: &mut Cx<'_>, in_order: bool) -> Result<(), DropReason> {
        if self.rcv.waits() {
            self.rcv.prune();
            self.recount(cx);
            cx.stats.tcp_pruned += 1;
        }
        let awaited = in_order && self.rcv.ring.buffered() == 0;
        if awaited || !cx.memory.refuses(self.charged, cx.limits) {
            return Ok(());
        }
        self.rcv.owed.now = true;
        Err(DropReason::TcpMemory)
    }

    /// The application wrote: where memory is short it gets less room for more (Linux
    /// `sk_stream_moderate_sndbuf`), until it is tuned again.
    pub(crate) fn moderate(&mut self, cx: &Cx<'_>) {
        if cx.memory.refuses(self.charged, cx.limits) {
            let least = cx.limits.tcp_wmem[0] as u32;
            self.snd.space.moderate((self.snd.ring.len() as u32 / 2).max(least));
            self.apply_send_limit();
        }
    }

    /// Whether an orphan holds memory that the living need (Linux `tcp_out_of_memory`).
    pub(crate) fn is_a_burden(&self, cx: &Cx<'_>) -> bool {
        self.orphan && cx.memory.is_over(cx.limits) && self.snd.ring.len() > cx.limits.tcp_wmem[0]
    }
}
