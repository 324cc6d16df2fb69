//! Every neighbour of every interface, both families: the table with its timers and its bound.
//!
//! At the bound, FAILED, STALE and least recently used entries give way, in that order; PERMANENT
//! ones never (NUD-13). Above an eighth of it, FAILED and long unused STALE entries are collected
//! every 30 s (Linux `gc_thresh1`, `gc_interval`).

use std::collections::{BTreeMap, BTreeSet};

use addr::{IfIndex, Ip, Mac};

use crate::control::neighbor::{Input, Neighbor, NudState, Solicit, Timing};
use crate::fib::Link;
use crate::rng::Rng;
use crate::time::{Duration, Instant};

/// Names an entry.
pub(crate) type Key = (IfIndex, Ip);

/// What a step of the table asks its owner to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// Send a solicitation.
    pub(crate) solicit: Option<Solicit>,
    /// The snapshot is to say this now.
    pub(crate) link: Option<Option<Link>>,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Neighbors {
    entries: BTreeMap<Key, Neighbor>,
    /// One item per entry with a deadline.
    deadlines: BTreeSet<(Instant, Key)>,
    /// Entries that gave way and that the snapshot still names.
    evicted: Vec<Key>,
    capacity: usize,
    next_collection: Instant,
    timing: Timing,
}

/// How often unused entries are looked for (Linux `gc_interval`).
const COLLECTION_INTERVAL: Duration = Duration::from_secs(30);

impl Neighbors {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            evicted: Vec::new(),
            capacity: capacity.max(1),
            next_collection: Instant::ZERO,
            timing: Timing::default(),
        }
    }

    /// Whether an entry exists.
    pub(crate) fn has(&self, key: Key) -> bool {
        self.entries.contains_key(&key)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (Key, &Neighbor)> {
        self.entries.iter().map(|(key, entry)| (*key, entry))
    }

    /// Gives `input` to an entry that exists; does nothing for one that does not.
    pub(crate) fn update(&mut self, now: Instant, key: Key, input: Input, rng: &mut Rng) -> Step {
        match self.entries.get_mut(&key) {
            Some(entry) => {
                let (link, deadline) = (entry.link(), entry.deadline);
                let solicit = entry.apply(now, input, &self.timing, rng);
                let (after, next) = (entry.link(), entry.deadline);
                self.reschedule(key, deadline, next);
                Step { solicit, link: (after != link).then_some(after) }
            }
            None => Step::default(),
        }
    }

    /// The same, creating the entry. Without room (all are permanent) nothing happens.
    pub(crate) fn learn(&mut self, now: Instant, key: Key, input: Input, rng: &mut Rng) -> Step {
        if !self.has(key) {
            self.make_room(now);
            if self.entries.len() >= self.capacity {
                return Step::default();
            }
            self.entries.insert(key, Neighbor::new(now));
        }
        self.update(now, key, input, rng)
    }

    /// Sets an entry that nothing but the administrator changes (NUD-10). Returns whether there was
    /// room.
    pub(crate) fn set_permanent(&mut self, now: Instant, key: Key, mac: Mac) -> bool {
        self.remove(key);
        self.make_room(now);
        if self.entries.len() >= self.capacity {
            return false;
        }
        let mut entry = Neighbor::new(now);
        entry.state = NudState::Permanent;
        entry.mac = mac;
        self.entries.insert(key, entry);
        true
    }

    pub(crate) fn state(&self, key: Key) -> Option<NudState> {
        self.entries.get(&key).map(|e| e.state)
    }

    /// The link address to send to, if it is known.
    pub(crate) fn mac(&self, key: Key) -> Option<Mac> {
        self.entries.get(&key)?.mac()
    }

    pub(crate) fn remove(&mut self, key: Key) -> bool {
        let Some(entry) = self.entries.remove(&key) else { return false };
        self.reschedule(key, entry.deadline, None);
        true
    }

    /// The next entry whose deadline has passed.
    pub(crate) fn due(&self, now: Instant) -> Option<Key> {
        self.deadlines.first().filter(|(at, _)| *at <= now).map(|(_, key)| *key)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let collection =
            (self.entries.len() > self.collection_floor()).then_some(self.next_collection);
        let timer = self.deadlines.first().map(|(at, _)| *at);
        [timer, collection].into_iter().flatten().min()
    }

    /// NUD-13: above an eighth of the bound, drops FAILED entries and STALE ones long unused.
    pub(crate) fn collect(&mut self, now: Instant) {
        if now < self.next_collection || self.entries.len() <= self.collection_floor() {
            return;
        }
        self.next_collection = now + COLLECTION_INTERVAL;
        let stale = self.timing.gc_stale;
        let gone: Vec<Key> = self
            .entries
            .iter()
            .filter(|(_, e)| match e.state {
                NudState::Failed => true,
                NudState::Stale => now.since(e.used) > stale,
                _ => false,
            })
            .map(|(key, _)| *key)
            .collect();
        self.evict(gone.into_iter());
    }

    fn collection_floor(&self) -> usize {
        self.capacity / 8
    }

    /// At the bound, an eighth of the entries gives way at once, so that a flood of strangers costs
    /// one scan per that many.
    fn make_room(&mut self, now: Instant) {
        if self.entries.len() < self.capacity {
            return;
        }
        let mut candidates: Vec<(u8, Instant, Key)> = self
            .entries
            .iter()
            .filter_map(|(key, e)| {
                let rank = match e.state {
                    NudState::Failed => 0,
                    NudState::Stale if now.since(e.used) > self.timing.gc_stale => 1,
                    NudState::Stale => 2,
                    NudState::Incomplete => 3,
                    NudState::Reachable | NudState::Delay | NudState::Probe => 4,
                    NudState::Permanent => return None,
                };
                Some((rank, e.used, *key))
            })
            .collect();
        candidates.sort_unstable();
        let share = (self.capacity / 8).max(1);
        self.evict(candidates.into_iter().take(share).map(|(_, _, key)| key));
    }

    fn evict(&mut self, keys: impl Iterator<Item = Key>) {
        for key in keys {
            self.remove(key);
            self.evicted.push(key);
        }
    }

    /// An entry that gave way; the snapshot is to forget it.
    pub(crate) fn pop_evicted(&mut self) -> Option<Key> {
        self.evicted.pop()
    }

    fn reschedule(&mut self, key: Key, before: Option<Instant>, after: Option<Instant>) {
        if before == after {
            return;
        }
        if let Some(at) = before {
            self.deadlines.remove(&(at, key));
        }
        if let Some(at) = after {
            self.deadlines.insert((at, key));
        }
    }
}

#[cfg(test)]
mod tests;
