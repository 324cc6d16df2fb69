//! A hierarchical timing wheel with at most one entry per owner.
//!
//! Owners are small numbers (slab slots). Nine levels of 64 slots over a tick of 32.768 µs cover
//! every [`Instant`], so there is no horizon. An entry sits in a doubly linked list through its
//! slot: setting and clearing cost the same few writes whatever the number of timers, and memory is
//! exactly one node per owner.
//!
//! Deadlines are rounded up to a tick, so nothing fires early. An owner whose deadline moves later
//! need not tell: it is woken at the old time and sets the entry again (lazy healing).

use crate::time::Instant;

/// The wheel.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// Every tick before this one has been served.
    tick: u64,
    /// First owner of each slot's list.
    heads: Box<[u32; LEVELS * SLOTS]>,
    /// Slots in use, one bit each.
    used: [u64; LEVELS],
    nodes: Vec<Node>,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    tick: u64,
    next: u32,
    prev: u32,
    /// Index into `heads`, or [`NOWHERE`].
    slot: u32,
}

const TICK_SHIFT: u32 = 15;
const LEVEL_SHIFT: u32 = 6;
const SLOTS: usize = 1 << LEVEL_SHIFT;
const LEVELS: usize = 9;
const _: () = assert!(LEVELS as u32 * LEVEL_SHIFT + TICK_SHIFT >= u64::BITS);
const NONE: u32 = u32::MAX;
const NOWHERE: u32 = u32::MAX;

impl Wheel {
    /// An empty wheel with room for `owners` before it first grows.
    pub(crate) fn new(owners: usize) -> Self {
        Self {
            tick: 0,
            heads: Box::new([NONE; LEVELS * SLOTS]),
            used: [0; LEVELS],
            nodes: Vec::with_capacity(owners),
            len: 0,
        }
    }

    /// How many owners have a deadline.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Gives `owner` the deadline `at` in place of the one it had.
    pub(crate) fn set(&mut self, owner: u32, at: Instant) {
        if owner as usize >= self.nodes.len() {
            let idle = Node { tick: 0, next: NONE, prev: NONE, slot: NOWHERE };
            self.nodes.resize(owner as usize + 1, idle);
        }
        self.clear(owner);
        let tick = at.nanos().saturating_add((1 << TICK_SHIFT) - 1) >> TICK_SHIFT;
        self.nodes[owner as usize].tick = tick.max(self.tick);
        self.link(owner);
        self.len += 1;
    }

    /// Takes away the owner's deadline, if it has one.
    pub(crate) fn clear(&mut self, owner: u32) {
        if self.nodes.get(owner as usize).is_some_and(|n| n.slot != NOWHERE) {
            self.unlink(owner);
            self.len -= 1;
        }
    }

    /// Takes out one owner whose deadline has come, or `None` once all are served.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<u32> {
        let now_tick = now.nanos() >> TICK_SHIFT;
        loop {
            let (level, tick) = self.earliest()?;
            if tick > now_tick {
                self.tick = self.tick.max(now_tick);
                return None;
            }
            self.tick = self.tick.max(tick);
            let slot = level * SLOTS + slot_of(level, self.tick);
            let owner = self.heads[slot];
            if level == 0 {
                self.unlink(owner);
                self.len -= 1;
                return Some(owner);
            }
            self.spread(slot);
        }
    }

    /// When to look again: no deadline is earlier. It may be a moment at which entries only move to
    /// a finer level.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let (_, tick) = self.earliest()?;
        Some(Instant::from_nanos(tick.saturating_mul(1 << TICK_SHIFT)))
    }

    /// The level and first tick of the earliest slot in use.
    fn earliest(&self) -> Option<(usize, u64)> {
        let mut best: Option<(usize, u64)> = None;
        for level in 0..LEVELS {
            if self.used[level] == 0 {
                continue;
            }
            let shift = LEVEL_SHIFT * level as u32;
            let here = self.tick >> shift;
            let position = (here % SLOTS as u64) as u32;
            let ahead = self.used[level].rotate_right(position).trailing_zeros();
            let start = ((here + u64::from(ahead)) << shift).max(self.tick);
            // On a tie the coarser level goes first, so that its entries come down in time.
            if best.is_none_or(|(_, tick)| start <= tick) {
                best = Some((level, start));
            }
        }
        best
    }

    /// Moves every entry of a coarse slot to where it belongs now.
    fn spread(&mut self, slot: usize) {
        let mut owner = self.heads[slot];
        self.heads[slot] = NONE;
        self.used[slot / SLOTS] &= !(1 << (slot % SLOTS));
        while owner != NONE {
            let next = self.nodes[owner as usize].next;
            self.nodes[owner as usize].slot = NOWHERE;
            self.link(owner);
            owner = next;
        }
    }

    fn link(&mut self, owner: u32) {
        let tick = self.nodes[owner as usize].tick.max(self.tick);
        // The level is that of the highest group of bits in which the deadline differs from now.
        let differing = tick ^ self.tick;
        let top = 63 - (differing | 1).leading_zeros();
        let level = (top / LEVEL_SHIFT) as usize;
        let slot = level * SLOTS + slot_of(level, tick);
        let head = self.heads[slot];
        if head != NONE {
            self.nodes[head as usize].prev = owner;
        }
        let node = &mut self.nodes[owner as usize];
        *node = Node { next: head, prev: NONE, slot: slot as u32, ..*node };
        self.heads[slot] = owner;
        self.used[slot / SLOTS] |= 1 << (slot % SLOTS);
    }

    fn unlink(&mut self, owner: u32) {
        let Node { next, prev, slot, .. } = self.nodes[owner as usize];
        let slot = slot as usize;
        if next != NONE {
            self.nodes[next as usize].prev = prev;
        }
        if prev == NONE {
            self.heads[slot] = next;
            if next == NONE {
                self.used[slot / SLOTS] &= !(1 << (slot % SLOTS));
            }
        } else {
            self.nodes[prev as usize].next = next;
        }
        self.nodes[owner as usize].slot = NOWHERE;
    }
}

fn slot_of(level: usize, tick: u64) -> usize {
    (tick >> (LEVEL_SHIFT * level as u32)) as usize % SLOTS
}

#[cfg(test)]
mod tests;
