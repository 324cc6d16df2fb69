//! A budget over what all connections buffer (Linux `tcp_mem`).
//!
//! Each connection has windows and buffer limits of its own; this bounds their sum, whatever the number
//! of connections and whoever does not read. Bytes of text are counted, as everywhere: those received and
//! not read, in order or not, and those written and not acknowledged. Text in order costs two additions
//! per segment; everything else counts the connection anew from its rings, so that no error grows.
//!
//! | sum | what follows |
//! |---|---|
//! | below the first threshold | nothing |
//! | above the second, until below the first again | *pressure*: windows and tuning stop growing; who holds more than its share of the third is refused |
//! | above the third | text beyond a gap is thrown away (RFC 2018 §8 allows it) and refused, text in order too unless its reader has nothing to read; writers get less room; orphans that hold much are reset |
//!
//! What is refused comes again: the peer's timers see to it. A connection that ends gives its share back
//! at once, though its reader may still have bytes to read.

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::limits::Limits;
use crate::tcp::conn::Conn;

/// What connections hold.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Bytes.
    used: u64,
    /// Connections.
    sockets: u64,
    pressure: bool,
}

impl Memory {
    /// Bytes that all connections hold.
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// Whether nothing should grow.
    #[inline]
    pub(crate) fn pressure(&self) -> bool {
        self.pressure
    }

    /// Whether the last threshold is passed.
    #[inline]
    pub(crate) fn is_over(&self, limits: &Limits) -> bool {
        self.used > limits.tcp_mem[2] as u64
    }

    /// Whether a connection that holds `held` bytes gets no more (Linux `__sk_mem_raise_allocated`).
    #[inline]
    fn refuses(&self, held: u32, limits: &Limits) -> bool {
        self.pressure && self.refuses_under_pressure(held, limits)
    }

    fn refuses_under_pressure(&self, held: u32, limits: &Limits) -> bool {
        let share = held as usize >= limits.tcp_rmem[0]
            && u64::from(held) * self.sockets >= limits.tcp_mem[2] as u64;
        share || self.is_over(limits)
    }

    #[inline]
    fn add(&mut self, bytes: u32, limits: &Limits) {
        self.used += u64::from(bytes);
        if self.used > limits.tcp_mem[1] as u64 {
            self.pressure = true;
        }
    }

    #[inline]
    fn sub(&mut self, bytes: u32, limits: &Limits) {
        self.used = self.used.saturating_sub(bytes.into());
        if self.used <= limits.tcp_mem[0] as u64 {
            self.pressure = false;
        }
    }

    /// A connection begins.
    pub(crate) fn begin(&mut self) {
        self.sockets += 1;
    }

    /// A connection ends that held so much.
    pub(crate) fn end(&mut self, held: u32, limits: &Limits) {
        self.sockets -= 1;
        self.sub(held, limits);
    }
}

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
