//! What one connection holds of the memory budget of all (Linux `tcp_mem`).

use ring::bytes::SMALLEST;

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::tcp::conn::Conn;

impl Conn {
    /// Text that arrived in order was buffered.
    #[inline]
    pub(crate) fn charge(&mut self, cx: &mut Cx<'_>) {
        if self.rcv.ring.take_memory_changed() {
            self.recount_received(cx);
        }
    }

    /// Acknowledged text left the send ring.
    #[inline]
    pub(crate) fn discharge(&mut self, cx: &mut Cx<'_>) {
        if self.snd.ring.take_memory_changed() {
            self.recount_written(cx);
        }
    }

    /// Recounts what the receive ring holds. It leaves the send ring alone, whose state lies
    /// elsewhere in memory, because readers call this often.
    #[inline]
    pub(crate) fn recount_received(&mut self, cx: &mut Cx<'_>) {
        self.recharge(cx, self.rcv.memory(), self.memory_charged - self.receive_memory_charged);
    }

    /// Recounts what the send ring holds.
    #[inline]
    pub(crate) fn recount_written(&mut self, cx: &mut Cx<'_>) {
        self.recharge(cx, self.receive_memory_charged, self.snd.ring.memory() as u32);
    }

    /// Recounts what both rings hold.
    pub(crate) fn recount(&mut self, cx: &mut Cx<'_>) {
        self.recharge(cx, self.rcv.memory(), self.snd.ring.memory() as u32);
    }

    #[inline]
    fn recharge(&mut self, cx: &mut Cx<'_>, received: u32, written: u32) {
        self.receive_memory_charged = received;
        let held = received + written;
        let before = core::mem::replace(&mut self.memory_charged, held);
        if held > before {
            cx.memory.add(held - before, cx.limits);
        } else if held < before {
            cx.memory.sub(before - held, cx.limits);
        }
    }

    /// Whether arriving text, `offset` bytes beyond RCV.NXT, may be buffered, and how much of it
    /// (Linux `tcp_try_rmem_schedule`).
    #[inline]
    pub(crate) fn schedule_receive_memory<'a>(
        &mut self,
        cx: &mut Cx<'_>,
        text: &'a [u8],
        offset: u32,
    ) -> Result<&'a [u8], DropReason> {
        if cx.memory.refuses(self.memory_charged, cx.limits) {
            return self.schedule_under_pressure(cx, text, offset);
        }
        Ok(text)
    }

    /// Memory is short: what holds nothing is given back, and text out of order is discarded. Text
    /// in order is accepted where it needs no more memory, and where the reader waits for it; then
    /// as much as the smallest chunk takes, so that every reader gets on and none gets much.
    #[cold]
    fn schedule_under_pressure<'a>(
        &mut self,
        cx: &mut Cx<'_>,
        text: &'a [u8],
        offset: u32,
    ) -> Result<&'a [u8], DropReason> {
        if self.rcv.has_out_of_order() {
            self.rcv.prune();
            cx.stats.tcp_pruned += 1;
        }
        self.rcv.ring.prefer_small();
        self.snd.ring.drop_spares();
        self.recount(cx);
        if !cx.memory.refuses(self.memory_charged, cx.limits) {
            return Ok(text);
        }
        if offset == 0 && self.rcv.ring.has_memory_for(0, text.len()) {
            return Ok(text);
        }
        if offset == 0 && self.rcv.ring.buffered() == 0 {
            return Ok(&text[..text.len().min(SMALLEST)]);
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
