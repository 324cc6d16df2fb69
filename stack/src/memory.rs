//! A budget over what all connections buffer (Linux `tcp_mem`).
//!
//! Each connection has windows and buffer limits of its own; this bounds their sum, whatever the
//! number of connections and whoever does not read. What is counted is memory, not text (Linux
//! `truesize`): the chunks of both byte rings, drained ones that wait, and the list of what arrived
//! out of order. So a byte far ahead of its time costs the chunk that it lies in. A connection is
//! counted anew when its chunks change, which a segment seldom does.
//!
//! | sum | what follows |
//! |---|---|
//! | below the first threshold | nothing |
//! | above the second, until below the first again | *pressure*: windows and tuning stop growing; who holds more than its share of the third is refused |
//! | above the third | text beyond a gap is thrown away (RFC 2018 §8 allows it) and refused; text in order too if it needs more memory, unless its reader has nothing to read, who gets as much as the smallest chunk takes; writers get less room; orphans that hold much are reset |
//!
//! So the sum passes the third threshold by no more than a chunk for each shard, and the smallest
//! one for each connection. What is refused comes again: the peer's timers see to it. A connection
//! that ends gives its share back at once, though its reader may still have bytes to read.
//!
//! All shards of a host share the budget. Each keeps its own sum and writes it into a place that
//! the others read: once a turn, and when it has changed by more than a small part of the first
//! threshold. So the sum is off by no more than that part for each shard, and nothing is shared per
//! packet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::Limits;
use crate::shard::index::ShardIndex;

/// What connections hold.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Bytes on this shard.
    used: u64,
    /// Connections on this shard.
    sockets: u64,
    /// The same of all other shards, as last seen.
    others_used: u64,
    others_sockets: u64,
    pressure: bool,
    /// None where there is but one shard.
    shared: Option<Shared>,
}

/// The sums of all shards.
#[derive(Clone, Debug)]
struct Shared {
    sums: Arc<[Sums]>,
    shard: ShardIndex,
    /// Bytes of this shard, as last written.
    written: u64,
    /// Change of that sum that may stay untold.
    part: u64,
}

/// What one shard writes and the others read. Alone in its cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Sums {
    used: AtomicU64,
    sockets: AtomicU64,
}

impl Memory {
    /// The parts of one budget for so many shards, in order.
    pub(crate) fn for_shards(shards: usize, limits: &Limits) -> Vec<Self> {
        if shards <= 1 {
            return vec![Self::default()];
        }
        let sums: Arc<[Sums]> = (0..shards).map(|_| Sums::default()).collect();
        let part = (limits.tcp_mem[0] / (PARTS * shards)).max(1) as u64;
        let share = |shard| Shared { sums: Arc::clone(&sums), shard, written: 0, part };
        ShardIndex::first(shards)
            .map(|shard| Self { shared: Some(share(shard)), ..Self::default() })
            .collect()
    }

    /// Tells the other shards what this one holds, and looks at what they hold.
    #[cold]
    pub(crate) fn exchange(&mut self, limits: &Limits) {
        let Some(shared) = &mut self.shared else { return };
        shared.written = self.used;
        (self.others_used, self.others_sockets) = (0, 0);
        for (sums, shard) in shared.sums.iter().zip(ShardIndex::first(shared.sums.len())) {
            // Sums only: no other memory is read because of them, so no order is needed.
            if shard == shared.shard {
                sums.used.store(self.used, Ordering::Relaxed);
                sums.sockets.store(self.sockets, Ordering::Relaxed);
            } else {
                self.others_used += sums.used.load(Ordering::Relaxed);
                self.others_sockets += sums.sockets.load(Ordering::Relaxed);
            }
        }
        if self.total() > limits.tcp_mem[1] as u64 {
            self.pressure = true;
        } else if self.total() <= limits.tcp_mem[0] as u64 {
            self.pressure = false;
        }
    }

    /// Bytes that the connections of all shards hold, as far as known here.
    #[inline]
    fn total(&self) -> u64 {
        self.used + self.others_used
    }

    /// Exchanges the sums if this shard's has changed by more than the others may be left without.
    #[inline(always)]
    fn exchange_if_due(&mut self, limits: &Limits) {
        if let Some(shared) = &self.shared
            && self.used.abs_diff(shared.written) >= shared.part
        {
            self.exchange(limits);
        }
    }

    /// Bytes that the connections of this shard hold.
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
        self.total() > limits.tcp_mem[2] as u64
    }

    /// Whether a connection that holds `held` bytes gets no more (Linux
    /// `__sk_mem_raise_allocated`).
    #[inline]
    pub(crate) fn refuses(&self, held: u32, limits: &Limits) -> bool {
        self.pressure && self.refuses_under_pressure(held, limits)
    }

    fn refuses_under_pressure(&self, held: u32, limits: &Limits) -> bool {
        let share = held as usize >= limits.tcp_rmem[0]
            && u64::from(held) * (self.sockets + self.others_sockets) >= limits.tcp_mem[2] as u64;
        share || self.is_over(limits)
    }

    #[inline]
    pub(crate) fn add(&mut self, bytes: u32, limits: &Limits) {
        self.used += u64::from(bytes);
        if self.total() > limits.tcp_mem[1] as u64 {
            self.pressure = true;
        }
        self.exchange_if_due(limits);
    }

    #[inline]
    pub(crate) fn sub(&mut self, bytes: u32, limits: &Limits) {
        self.used = self.used.saturating_sub(bytes.into());
        if self.total() <= limits.tcp_mem[0] as u64 {
            self.pressure = false;
        }
        self.exchange_if_due(limits);
    }

    /// Others hold so much.
    #[cfg(test)]
    pub(crate) fn set_others(&mut self, bytes: u64, limits: &Limits) {
        self.others_used = bytes;
        self.sub(0, limits);
        self.add(0, limits);
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

/// A shard may be silent about this part of its share of the first threshold.
const PARTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { tcp_mem: [1_000, 2_000, 3_000], tcp_rmem: [100, 200, 300], ..Limits::default() }
    }

    #[test]
    fn shards_share_one_budget() {
        let limits = limits();
        let mut parts = Memory::for_shards(2, &limits);
        let (a, b) = parts.split_at_mut(1);
        let (a, b) = (&mut a[0], &mut b[0]);
        a.begin();
        b.begin();
        a.add(1_500, &limits);
        b.add(600, &limits);
        assert!(b.pressure(), "2100 in all, though a shard alone holds less than the threshold");
        a.exchange(&limits);
        assert!(a.pressure());
        a.add(1_000, &limits);
        b.exchange(&limits);
        assert!(a.is_over(&limits) && b.is_over(&limits));
        assert!(b.refuses(1_500, &limits), "its share is half, because there are two connections");
        a.end(2_500, &limits);
        b.exchange(&limits);
        assert!(!b.pressure() && !b.is_over(&limits));
        assert_eq!((a.used(), b.used()), (0, 600));
    }
}
