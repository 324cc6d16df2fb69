//! A bounded slab: values in numbered slots, with a generation per slot.
//!
//! A key names one tenant of a slot; after `remove` the slot's next tenant has another generation,
//! so an old key finds nothing. Freed slots are reused last-in first-out, which keeps a busy slab
//! in cache. Capacity is reserved at once as address space; pages are touched when slots are used.

/// Names one tenant of one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// The slab.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    len: usize,
    limit: usize,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Slab<T> {
    /// A slab of at most `limit` values; `reserve` of them are given room at once.
    pub(crate) fn new(limit: usize, reserve: usize) -> Self {
        let limit = limit.min(1 << 28);
        Self { slots: Vec::with_capacity(reserve.min(limit)), free: Vec::new(), len: 0, limit }
    }

    /// How many values are in.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing more fits.
    pub(crate) fn is_full(&self) -> bool {
        self.len >= self.limit
    }

    /// Puts in what `make` builds for its key, or nothing if the slab is full.
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Option<Key> {
        if self.is_full() {
            return None;
        }
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.slots.push(Slot { generation: 0, value: None });
                (self.slots.len() - 1) as u32
            }
        };
        let slot = &mut self.slots[index as usize];
        let key = Key { index, generation: slot.generation };
        slot.value = Some(make(key));
        self.len += 1;
        Some(key)
    }

    /// Takes out the value in slot `index`.
    pub(crate) fn remove(&mut self, index: u32) -> Option<T> {
        let slot = self.slots.get_mut(index as usize)?;
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(index);
        self.len -= 1;
        Some(value)
    }

    /// The value in slot `index`, whoever it is.
    #[inline]
    pub(crate) fn at(&self, index: u32) -> Option<&T> {
        self.slots.get(index as usize)?.value.as_ref()
    }

    /// The value in slot `index`, whoever it is.
    #[inline]
    pub(crate) fn at_mut(&mut self, index: u32) -> Option<&mut T> {
        self.slots.get_mut(index as usize)?.value.as_mut()
    }

    /// The generation of whoever is, or will be next, in slot `index`.
    pub(crate) fn generation(&self, index: u32) -> u32 {
        self.slots.get(index as usize).map_or(0, |slot| slot.generation)
    }

    /// The tenant that `key` names, if it still lives there.
    pub(crate) fn lookup(&self, key: Key) -> Option<&T> {
        let slot = self.slots.get(key.index as usize)?;
        slot.value.as_ref().filter(|_| slot.generation == key.generation)
    }

    /// The tenant that `key` names, if it still lives there.
    pub(crate) fn lookup_mut(&mut self, key: Key) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        slot.value.as_mut().filter(|_| slot.generation == key.generation)
    }

    /// Every value with its slot, in slot order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.iter_from(0)
    }

    /// The same from slot `first` on.
    pub(crate) fn iter_from(&self, first: u32) -> impl Iterator<Item = (u32, &T)> {
        let slots = self.slots.get(first as usize..).unwrap_or_default();
        (first..=u32::MAX).zip(slots).filter_map(|(i, s)| Some((i, s.value.as_ref()?)))
    }
}

#[cfg(test)]
mod tests;
