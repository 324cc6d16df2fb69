//! An index from a hash to a small number: open addressing over (tag, id) pairs of eight bytes.
//!
//! The table knows no keys: whoever owns the values compares them through a closure, and only for
//! entries whose 32-bit tag agrees. Probing is linear, deletion shifts the run back, so there are
//! no tombstones and a miss ends at the first empty slot. It doubles at half load.

/// The index.
#[derive(Debug)]
pub(crate) struct Table {
    slots: Box<[Slot]>,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    tag: u32,
    /// One more than the id; zero is an empty slot, so that fresh memory needs no writing.
    id_plus_one: u32,
}

const EMPTY: Slot = Slot { tag: 0, id_plus_one: 0 };

impl Table {
    /// A table with room for `expected` ids before it first grows.
    pub(crate) fn new(expected: usize) -> Self {
        let capacity = (expected * 2).next_power_of_two().max(16);
        Self { slots: vec![EMPTY; capacity].into_boxed_slice(), len: 0 }
    }

    /// How many ids are in.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The id under `hash` for which `is_it` holds.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = tag(hash);
        let mask = self.slots.len() - 1;
        let mut at = tag as usize & mask;
        loop {
            let slot = self.slots[at];
            let id = slot.id_plus_one.checked_sub(1)?;
            if slot.tag == tag && is_it(id) {
                return Some(id);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds `id` under `hash`. The caller has made sure that it is not in. `id` is below
    /// `u32::MAX`.
    pub(crate) fn insert(&mut self, hash: u64, id: u32) {
        if (self.len + 1) * 2 > self.slots.len() {
            self.grow();
        }
        place(&mut self.slots, Slot { tag: tag(hash), id_plus_one: id.wrapping_add(1) });
        self.len += 1;
    }

    /// Takes out `id`, which was put in under `hash`; says whether it was there.
    pub(crate) fn remove(&mut self, hash: u64, id: u32) -> bool {
        let mask = self.slots.len() - 1;
        let mut at = tag(hash) as usize & mask;
        loop {
            match self.slots[at].id_plus_one.checked_sub(1) {
                None => return false,
                Some(found) if found == id && self.slots[at].tag == tag(hash) => break,
                Some(_) => at = (at + 1) & mask,
            }
        }
        self.close_gap(at);
        self.len -= 1;
        true
    }

    /// Puts `new` in the place of `old` under `hash`.
    pub(crate) fn replace(&mut self, hash: u64, old: u32, new: u32) {
        self.remove(hash, old);
        self.insert(hash, new);
    }

    /// Moves later entries of the run back over the hole at `hole`.
    fn close_gap(&mut self, mut hole: usize) {
        let mask = self.slots.len() - 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let slot = self.slots[at];
            if slot.id_plus_one == 0 {
                break;
            }
            let home = slot.tag as usize & mask;
            // The entry may move to the hole only if its home does not lie between them.
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                self.slots[hole] = slot;
                hole = at;
            }
        }
        self.slots[hole] = EMPTY;
    }

    fn grow(&mut self) {
        let mut larger = vec![EMPTY; self.slots.len() * 2].into_boxed_slice();
        for &slot in self.slots.iter().filter(|s| s.id_plus_one != 0) {
            place(&mut larger, slot);
        }
        self.slots = larger;
    }
}

fn place(slots: &mut [Slot], slot: Slot) {
    let mask = slots.len() - 1;
    let mut at = slot.tag as usize & mask;
    while slots[at].id_plus_one != 0 {
        at = (at + 1) & mask;
    }
    slots[at] = slot;
}

#[inline]
fn tag(hash: u64) -> u32 {
    hash as u32
}

#[cfg(test)]
mod tests;
