//! A host: all its workers driven in one thread.
//!
//! For embedding without threads, for tests and for simulation. With one shard, which is what
//! [`Host::new`] makes, it behaves as its only [`Worker`] does; with several every call ends when
//! no worker has a message for another, so that a run is as deterministic as with one.
//! [`Host::into_workers`] gives the workers to threads. Whoever drives it calls, in any order, with
//! instants that never go back:
//!
//! - [`Host::receive`] for each frame that came in;
//! - [`Host::transmit`] for each slot that is free, until it says that there is nothing to send;
//! - [`Host::expire`] at [`Host::next_deadline`], or whenever;
//! - [`Host::next_event`] until there is none, to learn what changed for the sockets;
//! - the verbs of sockets and of the administrator.
//!
//! What the host sends to its own addresses never leaves it: it is taken in again during `transmit`
//! and `expire`, a bounded number of packets each time; while some is left, [`Host::next_deadline`]
//! lies in the past.
//!
//! ```
//! use stack::{Host, Instant, AddrGenMode, InterfaceConfig, Limits};
//! use wire::offload::{DeviceCaps, Medium};
//!
//! let now = Instant::ZERO;
//! let mut host = Host::new(Limits::default(), 1);
//! let config = InterfaceConfig {
//!     name: "tap7".into(),
//!     medium: Medium::Ethernet,
//!     mac: addr::Mac([2, 0, 0, 0, 0, 7]),
//!     mtu: 1500,
//!     caps: DeviceCaps::default(),
//!     link_local: AddrGenMode::None,
//! };
//! let tap = host.interface_add(now, config).unwrap();
//! host.address_add(now, tap, "10.0.0.1/24".parse::<addr::Cidr>().unwrap()).unwrap();
//! let mut slot = [0; 1514];
//! let announcement = host.transmit(now, tap, &mut slot).unwrap();
//! assert_eq!(announcement.len, 42);
//! ```

mod admin;
mod sockets;

use addr::IfIndex;
use wire::offload::{RxMeta, TxMeta};

use crate::event::Readiness;
use crate::hook::{Tap, TapConfig, TapFrame};
use crate::keys::Keys;
use crate::limits::Limits;
use crate::shard::index::ShardIndex;
use crate::socket::SocketId;
use crate::time::Instant;
use crate::verdict::Verdict;
use crate::worker::Worker;

/// A host.
#[derive(Debug)]
pub struct Host {
    /// At least one.
    workers: Vec<Worker>,
    /// Whose turn it is next to take a frame, to fill a slot and to open a socket.
    turns: Turns,
}

/// A worker for each thing that workers do in turn.
#[derive(Clone, Copy, Debug, Default)]
struct Turns {
    receive: usize,
    transmit: usize,
    open: usize,
}

/// Rounds of messages between workers per call. Two suffice for what one call gives rise to, unless
/// packets to ourselves go back and forth; what is left is passed on by the next call.
const EXCHANGE_ROUNDS: usize = 16;
/// Attempts to fill one slot.
const TRANSMIT_ROUNDS: usize = 3;

impl Host {
    /// A host with a loopback interface and nothing else. The keys decide everything that is
    /// random; a seed will do in their place where no stranger can send to the host.
    #[must_use]
    pub fn new(limits: Limits, keys: impl Into<Keys>) -> Self {
        Self::with_shards(limits, keys, 1)
    }

    /// The same with several shards, at least one and [`ShardIndex::COUNT_MAX`] at most.
    #[must_use]
    pub fn with_shards(limits: Limits, keys: impl Into<Keys>, shards: usize) -> Self {
        Self { workers: Worker::connect(&limits, &keys.into(), shards), turns: Turns::default() }
    }

    /// The workers, to be driven by a thread each. The one of shard 0 comes first.
    #[must_use]
    pub fn into_workers(self) -> Vec<Worker> {
        self.workers
    }

    /// How many shards it has.
    #[inline]
    #[must_use]
    pub fn shards(&self) -> usize {
        self.workers.len()
    }

    /// The worker of a shard, to look at.
    #[must_use]
    pub fn worker(&self, shard: ShardIndex) -> Option<&Worker> {
        self.workers.get(shard.get())
    }

    /// Takes a frame that came in by `ifindex`, and says what became of it. The frame stays the
    /// caller's; nothing of it is kept. Every verdict is counted, a drop under its one reason. With
    /// several shards the workers take frames in turn, whoever owns them.
    #[inline]
    pub fn receive(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        meta: RxMeta,
        frame: &mut [u8],
    ) -> Verdict {
        if self.workers.len() == 1 {
            return self.workers[0].receive(now, ifindex, meta, frame);
        }
        self.turns.receive = self.next_turn(self.turns.receive);
        let verdict = self.workers[self.turns.receive].receive(now, ifindex, meta, frame);
        self.exchange_messages(now);
        verdict
    }

    /// Fills `slot` with the next frame for `ifindex`, or returns none. Order: neighbour
    /// resolution, replies, then TCP and UDP in turn.
    #[inline]
    pub fn transmit(&mut self, now: Instant, ifindex: IfIndex, slot: &mut [u8]) -> Option<TxMeta> {
        if self.workers.len() == 1 {
            return self.workers[0].transmit(now, ifindex, slot);
        }
        // As within a worker: what one finds it needs of another is for the next round.
        for _ in 0..TRANSMIT_ROUNDS {
            if !self.has_output(ifindex) {
                return None;
            }
            let meta = self.transmit_in_turn(now, ifindex, slot);
            self.exchange_messages(now);
            if meta.is_some() {
                return meta;
            }
        }
        None
    }

    fn transmit_in_turn(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        slot: &mut [u8],
    ) -> Option<TxMeta> {
        for _ in 0..self.workers.len() {
            self.turns.transmit = self.next_turn(self.turns.transmit);
            let meta = self.workers[self.turns.transmit].transmit(now, ifindex, slot);
            if meta.is_some() {
                return meta;
            }
        }
        None
    }

    /// Whether [`Host::transmit`] would fill a slot (it may find that it cannot after all).
    #[inline]
    #[must_use]
    pub fn has_output(&self, ifindex: IfIndex) -> bool {
        self.workers.iter().any(|worker| worker.has_output(ifindex))
    }

    /// Serves every deadline up to `now`.
    pub fn expire(&mut self, now: Instant) {
        self.workers.iter_mut().for_each(|worker| worker.expire(now));
        self.exchange_messages(now);
    }

    /// When [`Host::expire`] is to be called at the latest; [`Instant::ZERO`] for at once.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.workers.iter().filter_map(Worker::next_deadline).min()
    }

    /// Whether [`Host::next_event`] may have an event.
    #[inline]
    #[must_use]
    pub fn has_events(&self) -> bool {
        self.workers.iter().any(Worker::has_events)
    }

    /// The next socket for which something changed, and what.
    #[inline]
    pub fn next_event(&mut self) -> Option<(SocketId, Readiness)> {
        self.workers.iter_mut().find_map(Worker::next_event)
    }

    /// Sets a tap, which keeps copies of all frames that pass from now on; none takes it away. A
    /// tap that was set before is gone with what it kept. With several shards each has one.
    pub fn set_tap(&mut self, config: Option<TapConfig>) {
        self.workers.iter_mut().for_each(|worker| worker.set_tap(config));
    }

    /// Takes the oldest frame out of the shards' taps; of frames of one instant, that of the first
    /// shard.
    pub fn next_tapped(&mut self) -> Option<TapFrame> {
        let oldest_at = |worker: &Worker| worker.tap().and_then(Tap::oldest_at);
        let taps = self.workers.iter_mut().filter(|worker| oldest_at(worker).is_some());
        taps.min_by_key(|worker| oldest_at(worker))?.tap_mut()?.pop()
    }

    /// Frames that the taps had no room for since they were set.
    #[must_use]
    pub fn tap_missed(&self) -> u64 {
        self.workers.iter().filter_map(Worker::tap).map(Tap::missed).sum()
    }

    /// Lets every worker take the messages of the others until there are none.
    #[inline]
    fn exchange_messages(&mut self, now: Instant) {
        if self.workers.len() > 1 {
            self.exchange_until_quiet(now);
        }
    }

    fn exchange_until_quiet(&mut self, now: Instant) {
        for _ in 0..EXCHANGE_ROUNDS {
            let mut messages = 0;
            for worker in &mut self.workers {
                messages += worker.exchange_messages(now);
            }
            let woken = self.workers.iter_mut().any(|worker| !worker.take_woken().is_empty());
            if messages == 0 && !woken {
                return;
            }
        }
    }

    fn next_turn(&self, turn: usize) -> usize {
        if turn + 1 < self.workers.len() { turn + 1 } else { 0 }
    }

    /// The worker of a shard; the first for a shard that is not there, where a socket of that shard
    /// is not found.
    #[inline]
    fn worker_mut(&mut self, shard: ShardIndex) -> &mut Worker {
        let at = if shard.get() < self.workers.len() { shard.get() } else { 0 };
        &mut self.workers[at]
    }

    /// Calls `call` with the worker of a shard, then lets all workers exchange messages.
    #[inline]
    fn on<R>(&mut self, now: Instant, shard: ShardIndex, call: impl FnOnce(&mut Worker) -> R) -> R {
        let result = call(self.worker_mut(shard));
        self.exchange_messages(now);
        result
    }

    #[cfg(test)]
    pub(crate) fn first(&mut self) -> &mut Worker {
        &mut self.workers[0]
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
