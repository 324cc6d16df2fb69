//! A host: one control and one shard in step.
//!
//! This is the whole public surface of the stack. Whoever drives it calls, in any order, with
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
//! use stack::{Host, Instant, InterfaceConfig, Limits};
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
//!     link_local: false,
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
use wire::offload::{RxChecksum, RxMeta, TxMeta};

use crate::control::Control;
use crate::delivery::{Delivery, LinkHeader};
use crate::event::Readiness;
use crate::fib::Fib;
use crate::hook::{Direction, Hook, Seen, Tap, TapConfig};
use crate::limits::Limits;
use crate::rng::Rng;
use crate::shard::{Received, Shard};
use crate::socket::SocketId;
use crate::time::Instant;
use crate::verdict::Verdict;

/// A host.
#[derive(Debug)]
pub struct Host {
    control: Control,
    pub(crate) shard: Shard,
    /// The shard's copy of the snapshot.
    fib: Fib,
    hook: Hook,
    /// Where packets to ourselves are built.
    loop_slot: Vec<u8>,
}

/// Packets to ourselves taken in at a time.
const LOOPBACK_BATCH: usize = 64;
/// Rounds of requests and changes between control and shard per call; what is left waits for the
/// next.
const EXCHANGE_ROUNDS: usize = 4;
/// Attempts to fill one slot.
const TRANSMIT_ROUNDS: usize = 3;
/// A packet of 64 KiB with the largest IPv6 header in front.
const LOOP_SLOT_LEN: usize = 65_535 + 64;

impl Host {
    /// A host with a loopback interface and nothing else. The seed decides everything that is
    /// random; it must be unpredictable where strangers can send to the host.
    #[must_use]
    pub fn new(limits: Limits, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let control = Control::new(&limits, Rng::new(rng.next_u64()));
        let shard = Shard::new(&limits, rng);
        let (fib, hook) = (Fib::default(), Hook::default());
        let mut host = Self { control, shard, fib, hook, loop_slot: Vec::new() };
        host.exchange_messages(Instant::ZERO);
        host
    }

    /// Takes a frame that came in by `ifindex`, and says what became of it. The frame stays the
    /// caller's; nothing of it is kept. Every verdict is counted, a drop under its one reason.
    pub fn receive(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        meta: RxMeta,
        frame: &mut [u8],
    ) -> Verdict {
        let verdict = self.take_in(now, ifindex, meta, frame);
        self.exchange_messages(now);
        verdict
    }

    /// Fills `slot` with the next frame for `ifindex`, or returns none. Order: neighbour
    /// resolution, replies, then TCP and UDP in turn.
    pub fn transmit(&mut self, now: Instant, ifindex: IfIndex, slot: &mut [u8]) -> Option<TxMeta> {
        self.pump(now);
        // A socket that finds its neighbour unknown makes control ask for it: that is for the next
        // round.
        for _ in 0..TRANSMIT_ROUNDS {
            if !self.has_output(ifindex) {
                return None;
            }
            let meta = self.fill(now, ifindex, slot);
            self.exchange_messages(now);
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
        self.control.outbox().has(ifindex) || self.shard.has_output(ifindex)
    }

    /// Serves every deadline up to `now`.
    pub fn expire(&mut self, now: Instant) {
        self.control.expire(now);
        // Who waits for a neighbour hears of it before its own timer takes it out of the wait.
        self.exchange_messages(now);
        self.shard.expire(now, &self.fib);
        self.exchange_messages(now);
        self.pump(now);
    }

    /// When [`Host::expire`] is to be called at the latest; [`Instant::ZERO`] for at once.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.has_output(Fib::LOOPBACK) || !self.shard.parts.requests.is_empty() {
            return Some(Instant::ZERO);
        }
        let deadlines = [self.control.next_deadline(), self.shard.next_deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Whether [`Host::next_event`] may have something to tell.
    #[inline]
    #[must_use]
    pub fn has_events(&self) -> bool {
        !self.shard.parts.events.is_empty()
    }

    /// The next socket for which something changed, and what.
    #[inline]
    pub fn next_event(&mut self) -> Option<(SocketId, Readiness)> {
        loop {
            let id = self.shard.parts.events.pop()?;
            match self.shard.sockets.take_events(id) {
                None => return Some((id, Readiness::GONE)),
                Some(what) if what.is_empty() => {}
                Some(what) => return Some((id, what)),
            }
        }
    }

    /// Sets a tap, which keeps copies of all frames that pass from now on; none takes it away. A
    /// tap that was set before is gone with what it kept.
    pub fn set_tap(&mut self, config: Option<TapConfig>) {
        self.hook.set_tap(config);
    }

    /// The tap, if one is set: frames are taken out of it by [`Tap::pop`].
    pub fn tap(&mut self) -> Option<&mut Tap> {
        self.hook.tap()
    }

    /// Takes a frame; what follows from it is left to [`Host::exchange_messages`].
    fn take_in(&mut self, now: Instant, ifindex: IfIndex, meta: RxMeta, frame: &[u8]) -> Verdict {
        let received = self.shard.receive(now, &self.fib, ifindex, meta, frame);
        let verdict = match received {
            Ok(Received::Consumed) => Verdict::Consumed,
            Ok(Received::Forward { ifindex, next_hop }) => Verdict::Forward { ifindex, next_hop },
            Ok(Received::ForControl(message)) => {
                let delivery = Delivery { ifindex, link: LinkHeader::of(frame), message };
                let taken = self.control.receive(now, &delivery);
                taken.map_or_else(Verdict::Dropped, |()| Verdict::Consumed)
            }
            Err(reason) => Verdict::Dropped(reason),
        };
        self.shard.count_received(ifindex, frame.len(), verdict);
        let direction = Direction::Received;
        self.hook.observe(&Seen { at: now, ifindex, direction, verdict, frame });
        verdict
    }

    /// Fills `slot`: the one writer of frames that leave, whoever made them, loopback included.
    fn fill(&mut self, now: Instant, ifindex: IfIndex, slot: &mut [u8]) -> Option<TxMeta> {
        let meta = match self.control.outbox_mut().pop(ifindex, slot, &mut self.shard.parts.stats) {
            Some(len) => TxMeta { len: len as u32, ..TxMeta::default() },
            None => self.shard.transmit(now, &self.fib, ifindex, slot)?,
        };
        self.shard.count_transmitted(ifindex, meta.len);
        let (direction, verdict) = (Direction::Transmitted, Verdict::Consumed);
        let frame = slot.get(..meta.len as usize).unwrap_or_default();
        self.hook.observe(&Seen { at: now, ifindex, direction, verdict, frame });
        Some(meta)
    }

    /// Takes in what was sent to ourselves.
    #[inline]
    fn pump(&mut self, now: Instant) {
        if self.has_output(Fib::LOOPBACK) {
            self.take_in_own(now);
        }
    }

    fn take_in_own(&mut self, now: Instant) {
        let mut slot = core::mem::take(&mut self.loop_slot);
        slot.resize(LOOP_SLOT_LEN, 0);
        for _ in 0..LOOPBACK_BATCH {
            let Some(meta) = self.fill(now, Fib::LOOPBACK, &mut slot) else { break };
            // Nothing can have damaged it, so no checksum need be finished or looked at.
            let gso_size = meta.gso.map_or(0, |gso| gso.size);
            let rx = RxMeta { checksum: RxChecksum::Valid, gso_size };
            let len = (meta.len as usize).min(slot.len());
            self.take_in(now, Fib::LOOPBACK, rx, &slot[..len]);
        }
        self.loop_slot = slot;
        self.exchange_messages(now);
    }

    /// Passes the shard's requests to control, and control's changes of the snapshot to the shard.
    #[inline]
    fn exchange_messages(&mut self, now: Instant) {
        if !self.shard.parts.requests.is_empty() || self.control.has_updates() {
            self.exchange_until_quiet(now);
        }
    }

    fn exchange_until_quiet(&mut self, now: Instant) {
        for _ in 0..EXCHANGE_ROUNDS {
            while let Some(request) = self.shard.parts.requests.pop() {
                self.control.apply(now, request);
            }
            if !self.control.has_updates() {
                return;
            }
            while let Some(update) = self.control.next_update() {
                self.shard.apply_update(now, &mut self.fib, &update);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
