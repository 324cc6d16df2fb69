//! A budget over what all connections buffer (Linux `tcp_mem`).
//!
//! Each connection has windows and buffer limits of its own; this bounds their sum, whatever the
//! number of connections and whoever does not read. Bytes of text are counted, as everywhere: those
//! received and not read, in order or not, and those written and not acknowledged. Text in order
//! costs two additions per segment; everything else counts the connection anew from its rings, so
//! that no error grows.
//!
//! | sum | what follows |
//! |---|---|
//! | below the first threshold | nothing |
//! | above the second, until below the first again | *pressure*: windows and tuning stop growing; who holds more than its share of the third is refused |
//! | above the third | text beyond a gap is thrown away (RFC 2018 §8 allows it) and refused, text in order too unless its reader has nothing to read; writers get less room; orphans that hold much are reset |
//!
//! What is refused comes again: the peer's timers see to it. A connection that ends gives its share
//! back at once, though its reader may still have bytes to read.

use crate::limits::Limits;

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

    /// Whether a connection that holds `held` bytes gets no more (Linux
    /// `__sk_mem_raise_allocated`).
    #[inline]
    pub(crate) fn refuses(&self, held: u32, limits: &Limits) -> bool {
        self.pressure && self.refuses_under_pressure(held, limits)
    }

    fn refuses_under_pressure(&self, held: u32, limits: &Limits) -> bool {
        let share = held as usize >= limits.tcp_rmem[0]
            && u64::from(held) * self.sockets >= limits.tcp_mem[2] as u64;
        share || self.is_over(limits)
    }

    #[inline]
    pub(crate) fn add(&mut self, bytes: u32, limits: &Limits) {
        self.used += u64::from(bytes);
        if self.used > limits.tcp_mem[1] as u64 {
            self.pressure = true;
        }
    }

    #[inline]
    pub(crate) fn sub(&mut self, bytes: u32, limits: &Limits) {
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
