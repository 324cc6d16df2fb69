//! Every neighbour of every interface, both families: the table with its timers and its bound.
//!
//! At the bound, FAILED, STALE and least recently used entries give way, in that order; PERMANENT
//! ones never. Above an eighth of it, FAILED and long unused STALE entries are collected every 30 s
//! (Linux `gc_thresh1`, `gc_interval`). What an entry's change means for the snapshot is published
//! at once, and the solicitation it asks for is sent at once.

use std::collections::BTreeMap;

use addr::{IfIndex, Ip, Mac};

use crate::control::cx::ControlCx;
use crate::control::event::{ControlEvent, NeighborRecord};
use crate::control::neighbor::machine::{Input, Neighbor, NudState, Solicit, Timing};
use crate::control::neighbor::{arp, nd};
use crate::control::timers::TimerId;
use crate::fib::Link;
use crate::time::{Duration, Instant};

/// Names an entry.
pub(crate) type Key = (IfIndex, Ip);

/// The table.
#[derive(Debug)]
pub(crate) struct Neighbors {
    entries: BTreeMap<Key, Neighbor>,
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
    pub(crate) fn update(&mut self, cx: &mut ControlCx, key: Key, input: Input) {
        let old = self.entries.get(&key).map(record);
        self.step(cx, key, input, old);
    }

    /// One step of an entry, recorded as a change from `old`.
    fn step(&mut self, cx: &mut ControlCx, key: Key, input: Input, old: Option<NeighborRecord>) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let before = entry.link();
        let solicit = entry.apply(cx.now, input, &self.timing, &mut cx.rng);
        cx.timers.set(timer(key), entry.deadline);
        let after = entry.link();
        push_event(cx, key, old, Some(record(entry)));
        if after != before {
            cx.publisher.neighbor(key, after);
        }
        if let Some(solicit) = solicit {
            speak(cx, key, solicit);
        }
    }

    /// The same, creating the entry. Without room (all are permanent) nothing happens.
    pub(crate) fn learn(&mut self, cx: &mut ControlCx, key: Key, input: Input) {
        if !key.1.is_unicast() {
            return;
        }
        if self.has(key) {
            self.update(cx, key, input);
        } else if self.insert(cx, key, Neighbor::new(cx.now)) {
            self.step(cx, key, input, None);
        }
    }

    /// Sets an entry that nothing but the administrator changes. Returns whether there was room.
    pub(crate) fn set_permanent(&mut self, cx: &mut ControlCx, key: Key, mac: Mac) -> bool {
        self.remove(cx, key);
        let mut entry = Neighbor::new(cx.now);
        entry.state = NudState::Permanent;
        entry.mac = mac;
        let new = record(&entry);
        let inserted = self.insert(cx, key, entry);
        if inserted {
            push_event(cx, key, None, Some(new));
            cx.publisher.neighbor(key, Some(Link::Known(mac)));
        }
        inserted
    }

    pub(crate) fn state(&self, key: Key) -> Option<NudState> {
        self.entries.get(&key).map(|e| e.state)
    }

    /// The link address to send to, if it is known.
    pub(crate) fn mac(&self, key: Key) -> Option<Mac> {
        self.entries.get(&key)?.mac()
    }

    /// Forgets an entry; returns whether there was one.
    pub(crate) fn remove(&mut self, cx: &mut ControlCx, key: Key) -> bool {
        let gone = self.entries.remove(&key);
        let found = gone.is_some();
        if let Some(entry) = gone {
            push_event(cx, key, Some(record(&entry)), None);
            cx.timers.cancel(timer(key));
            cx.publisher.neighbor(key, None);
            self.arm_collection(cx);
        }
        found
    }

    /// Forgets every entry, of one interface if given; returns how many.
    pub(crate) fn flush(&mut self, cx: &mut ControlCx, ifindex: Option<IfIndex>) -> usize {
        let wanted = |key: &&Key| ifindex.is_none_or(|wanted| wanted == key.0);
        let keys: Vec<Key> = self.entries.keys().filter(wanted).copied().collect();
        self.evict(cx, keys)
    }

    /// Forgets what was learned on an interface that lost its carrier (Linux `neigh_carrier_down`).
    pub(crate) fn flush_learned(&mut self, cx: &mut ControlCx, ifindex: IfIndex) {
        let learned = |key: Key, e: &Neighbor| key.0 == ifindex && e.state != NudState::Permanent;
        let found = self.entries.iter().filter(|(key, e)| learned(**key, e)).map(|(key, _)| *key);
        let keys: Vec<Key> = found.collect();
        self.evict(cx, keys);
    }

    /// Above an eighth of the bound, drops FAILED entries and STALE ones long unused.
    pub(crate) fn collect(&mut self, cx: &mut ControlCx) {
        if cx.now >= self.next_collection && self.entries.len() > self.collection_floor() {
            self.next_collection = cx.now + COLLECTION_INTERVAL;
            let stale = self.timing.gc_stale;
            let unused = |e: &Neighbor| match e.state {
                NudState::Failed => true,
                NudState::Stale => cx.now.since(e.used) > stale,
                _ => false,
            };
            let found = self.entries.iter().filter(|(_, e)| unused(e)).map(|(key, _)| *key);
            let gone: Vec<Key> = found.collect();
            self.evict(cx, gone);
        }
        self.arm_collection(cx);
    }

    fn arm_collection(&mut self, cx: &mut ControlCx) {
        let above = self.entries.len() > self.collection_floor();
        cx.timers.set(TimerId::NeighborGc, above.then_some(self.next_collection));
    }

    fn collection_floor(&self) -> usize {
        self.capacity / 8
    }

    /// Adds an entry, making room if need be. Returns whether there was room.
    fn insert(&mut self, cx: &mut ControlCx, key: Key, entry: Neighbor) -> bool {
        self.make_room(cx);
        let room = self.entries.len() < self.capacity;
        if room {
            self.entries.insert(key, entry);
            self.arm_collection(cx);
        }
        room
    }

    /// At the bound, an eighth of the entries gives way at once, so that a flood of strangers costs
    /// one scan per that many.
    fn make_room(&mut self, cx: &mut ControlCx) {
        if self.entries.len() < self.capacity {
            return;
        }
        let mut candidates: Vec<(u8, Instant, Key)> = self
            .entries
            .iter()
            .filter_map(|(key, e)| {
                let rank = match e.state {
                    NudState::Failed => 0,
                    NudState::Stale if cx.now.since(e.used) > self.timing.gc_stale => 1,
                    NudState::Stale => 2,
                    NudState::Incomplete => 3,
                    NudState::Reachable | NudState::Delay | NudState::Probe => 4,
                    NudState::Permanent => return None,
                };
                Some((rank, e.used, *key))
            })
            .collect();
        candidates.sort_unstable();
        candidates.truncate((self.capacity / 8).max(1));
        self.evict(cx, candidates.into_iter().map(|(_, _, key)| key).collect());
    }

    fn evict(&mut self, cx: &mut ControlCx, keys: Vec<Key>) -> usize {
        keys.into_iter().filter(|key| self.remove(cx, *key)).count()
    }
}

const fn timer((ifindex, ip): Key) -> TimerId {
    TimerId::Neighbor(ifindex, ip)
}

fn record(entry: &Neighbor) -> NeighborRecord {
    NeighborRecord { state: entry.state, mac: entry.mac(), is_router: entry.is_router }
}

/// Records an event for the readers if anything changed.
fn push_event(
    cx: &mut ControlCx,
    (ifindex, ip): Key,
    old: Option<NeighborRecord>,
    new: Option<NeighborRecord>,
) {
    if old != new {
        cx.events.push(ControlEvent::Neighbor { ifindex, ip, old, new });
    }
}

/// Sends the solicitation that an entry asks for.
fn speak(cx: &mut ControlCx, (ifindex, ip): Key, solicit: Solicit) {
    match ip.as_v4() {
        Some(target) => arp::solicit(cx, ifindex, target, solicit),
        None => nd::solicit(cx, ifindex, ip, solicit),
    }
}

#[cfg(test)]
mod tests;
