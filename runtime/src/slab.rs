//! Numbered places for things that come and go, with a tenant count so that a late message to an
//! earlier tenant of a place is not taken for one to the present tenant.

/// Names one thing in a [`Slab`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) slot: u32,
    /// Which tenant of the slot; 24 bits, so that it fits beside the slot in an epoll token.
    pub(crate) tenant: u32,
}

/// Things by [`Key`].
pub(crate) struct Slab<T> {
    slots: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
    limit: usize,
}

impl<T> Slab<T> {
    /// An empty slab for at most `limit` things.
    pub(crate) fn new(limit: usize) -> Self {
        Self { slots: Vec::new(), free: Vec::new(), limit }
    }

    /// Puts a thing in, or gives it back if there are `limit` already.
    pub(crate) fn insert(&mut self, thing: T) -> Result<Key, T> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None if self.slots.len() < self.limit => {
                self.slots.push((0, None));
                (self.slots.len() - 1) as u32
            }
            None => return Err(thing),
        };
        let place = &mut self.slots[slot as usize];
        place.1 = Some(thing);
        Ok(Key { slot, tenant: place.0 })
    }

    pub(crate) fn find(&self, key: Key) -> Option<&T> {
        let (tenant, thing) = self.slots.get(key.slot as usize)?;
        thing.as_ref().filter(|_| *tenant == key.tenant)
    }

    pub(crate) fn find_mut(&mut self, key: Key) -> Option<&mut T> {
        let (tenant, thing) = self.slots.get_mut(key.slot as usize)?;
        thing.as_mut().filter(|_| *tenant == key.tenant)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let (tenant, thing) = self.slots.get_mut(key.slot as usize)?;
        if *tenant != key.tenant {
            return None;
        }
        let thing = thing.take()?;
        *tenant = (*tenant + 1) & 0xff_ffff;
        self.free.push(key.slot);
        Some(thing)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.len() == self.free.len()
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        let occupied = |(slot, (tenant, thing)): (usize, &(u32, Option<T>))| {
            thing.as_ref().map(|_| Key { slot: slot as u32, tenant: *tenant })
        };
        self.slots.iter().enumerate().filter_map(occupied).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_taken_again_does_not_answer_to_the_old_key() {
        let mut slab = Slab::new(1);
        let first = slab.insert('a').unwrap();
        assert_eq!(slab.insert('b'), Err('b'));
        assert_eq!(slab.remove(first), Some('a'));
        let second = slab.insert('c').unwrap();
        assert_eq!((slab.find(first), slab.find(second)), (None, Some(&'c')));
        assert_eq!((slab.remove(first), slab.keys()), (None, vec![second]));
    }
}
