//! What one thread drives: a shard, its ends of the mesh, and on shard 0 control.
//!
//! Whoever drives a worker calls, in any order, with instants that never go back:
//!
//! - [`Worker::receive`] for each frame that came in, [`Worker::receive_room`] of them at a time;
//! - [`Worker::transmit`] for each slot that is free, until it says that there is nothing to send;
//! - [`Worker::expire`] at [`Worker::next_deadline`], or whenever;
//! - [`Worker::next_event`] until there is none, to learn what changed for the sockets;
//! - the verbs of sockets, on the worker that the socket's id names, and those of the
//!   administrator, on the worker of shard 0;
//! - with several workers, [`Worker::exchange_messages`] once a turn, and a ring of the bell of
//!   each that [`Worker::take_woken`] names.
//!
//! Frames that are seen waiting before `exchange_messages` are to be handed to `receive` after it:
//! then a peer that was informed of a listener never meets a shard that has not heard of it.
//!
//! What is sent to addresses of the host never leaves it: it is taken in again during `transmit`
//! and `expire`, a bounded number of packets each time, or handed to the shard that owns it; while
//! some is left, [`Worker::next_deadline`] lies in the past.

mod admin;
mod messages;
mod sockets;

use addr::IfIndex;
use wire::offload::{RxChecksum, RxMeta, TxMeta};

use crate::control::Control;
use crate::delivery::{Delivery, LinkHeader};
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::fib::Fib;
use crate::hook::{Direction, Hook, Seen, Tap, TapConfig};
use crate::keys::Keys;
use crate::limits::Limits;
use crate::memory::Memory;
use crate::mesh::{HandedForm, HandedFrame, Mesh};
use crate::random::Random;
use crate::shard::index::{ShardIndex, ShardSet};
use crate::shard::{Received, Shard};
use crate::socket::SocketId;
use crate::steer::{Home, Steering};
use crate::time::Instant;
use crate::verdict::Verdict;

/// One shard of a host with what it needs to be driven by a thread of its own.
#[derive(Debug)]
pub struct Worker {
    /// On shard 0 alone.
    pub(crate) control: Option<Control>,
    pub(crate) shard: Shard,
    /// The shard's copy of the snapshot.
    pub(crate) fib: Fib,
    hook: Hook,
    mesh: Mesh,
    index: ShardIndex,
    steering: Steering,
    /// Where packets to ourselves are built.
    loop_slot: Vec<u8>,
}

/// Packets to ourselves taken in at a time.
const LOOPBACK_BATCH: usize = 64;
/// Attempts to fill one slot.
const TRANSMIT_ROUNDS: usize = 3;
/// Control's stream of random numbers; those of the shards have their numbers.
const CONTROL_STREAM: u64 = u64::MAX;
/// A packet of 64 KiB with the largest IPv6 header in front.
const LOOP_SLOT_LEN: usize = 65_535 + 64;

impl Worker {
    /// The workers of a host with so many shards, at least one and [`ShardIndex::COUNT_MAX`] at
    /// most.
    #[must_use]
    pub(crate) fn connect(limits: &Limits, keys: &Keys, shards: usize) -> Vec<Self> {
        let shards = shards.clamp(1, ShardIndex::COUNT_MAX);
        let mut control = Some(Control::new(limits, Random::new(keys.random, CONTROL_STREAM)));
        let steering = Steering::new(shards, keys);
        let limits = limits.share(shards);
        let meshes = Mesh::connect(shards).into_iter();
        let mut workers: Vec<Self> = ShardIndex::first(shards)
            .zip(meshes)
            .map(|(index, mesh)| Self {
                control: control.take(),
                // All have the same keys, because a flow keeps its clock and its sequence of
                // numbers, whichever shard it lives on.
                shard: Shard::new(&limits, Home { shard: index, steering }, keys),
                fib: Fib::default(),
                hook: Hook::default(),
                mesh,
                index,
                steering,
                loop_slot: Vec::new(),
            })
            .collect();
        for (worker, memory) in workers.iter_mut().zip(Memory::for_shards(shards, &limits)) {
            worker.shard.parts.memory = memory;
        }
        // The first tables: on shard 0 at once, on the others by message.
        workers[0].pass_messages(Instant::ZERO);
        for worker in &mut workers {
            worker.exchange_messages(Instant::ZERO);
        }
        workers
    }

    /// The shard.
    #[inline]
    #[must_use]
    pub fn shard(&self) -> ShardIndex {
        self.index
    }

    /// The rule that says which shard owns a frame; the same for all workers of a host.
    #[inline]
    #[must_use]
    pub fn steering(&self) -> Steering {
        self.steering
    }

    /// Takes a frame that came in by `ifindex`, or hands a copy to the worker of the shard that
    /// owns it, and says what became of it. The frame stays the caller's; nothing of it is kept.
    /// Every verdict is counted, a drop under its one reason.
    #[inline]
    pub fn receive(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        meta: RxMeta,
        frame: &mut [u8],
    ) -> Verdict {
        if !self.mesh.is_alone()
            && let Some(owner) = self.other_owner(ifindex, frame)
        {
            return self.hand_over(now, owner, ifindex, meta, frame);
        }
        self.receive_steered(now, ifindex, meta, frame)
    }

    /// The same for a frame that is known to be this shard's ([`Worker::steering`]): the owner is
    /// not looked up again. A frame of another shard's flow would be answered as one without a
    /// socket.
    #[inline]
    pub fn receive_steered(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        meta: RxMeta,
        frame: &mut [u8],
    ) -> Verdict {
        let verdict = self.take_in(now, ifindex, meta, frame);
        self.pass_messages(now);
        verdict
    }

    /// How many frames [`Worker::receive`] takes before the next [`Worker::exchange_messages`].
    /// While another worker has fallen behind the answer is 0: frames then wait in the device, and
    /// none need be dropped. (Frames that are handed in all the same wait here, up to a bound.)
    #[inline]
    #[must_use]
    pub fn receive_room(&self) -> usize {
        if self.mesh.is_alone() { usize::MAX } else { self.mesh.frame_room() }
    }

    /// Fills `slot` with the next frame for `ifindex`, or returns none. Order: neighbour
    /// resolution, replies, then TCP and UDP in turn.
    #[inline]
    pub fn transmit(&mut self, now: Instant, ifindex: IfIndex, slot: &mut [u8]) -> Option<TxMeta> {
        self.pump(now);
        // A socket that finds its neighbour unknown makes control ask for it: that is for the next
        // round.
        for _ in 0..TRANSMIT_ROUNDS {
            if !self.has_output(ifindex) {
                return None;
            }
            let meta = self.fill(now, ifindex, slot);
            self.pass_messages(now);
            if meta.is_some() {
                return meta;
            }
        }
        None
    }

    /// Whether [`Worker::transmit`] would fill a slot (it may find that it cannot after all).
    #[inline]
    #[must_use]
    pub fn has_output(&self, ifindex: IfIndex) -> bool {
        self.control.as_ref().is_some_and(|control| control.outbox().has(ifindex))
            || self.shard.has_output(ifindex)
    }

    /// Serves every deadline up to `now`.
    pub fn expire(&mut self, now: Instant) {
        if let Some(control) = &mut self.control {
            control.expire(now);
        }
        // A socket that waits for a neighbour hears of it before its own timer ends the wait.
        self.pass_messages(now);
        self.shard.expire(now, &self.fib);
        self.pass_messages(now);
        self.pump(now);
    }

    /// When [`Worker::expire`] is to be called at the latest; [`Instant::ZERO`] for at once.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let has_mail = || self.mesh.has_messages() || self.mesh.can_flush();
        if self.can_pump() || self.has_messages_to_pass() || !self.mesh.is_alone() && has_mail() {
            return Some(Instant::ZERO);
        }
        let control = self.control.as_ref().and_then(Control::next_deadline);
        [control, self.shard.next_deadline()].into_iter().flatten().min()
    }

    /// Whether [`Worker::next_event`] may have an event.
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

    /// Sets a tap, which keeps copies of all frames that pass this worker from now on; none takes
    /// it away. A tap that was set before is gone with what it kept.
    pub fn set_tap(&mut self, config: Option<TapConfig>) {
        self.hook.set_tap(config);
    }

    /// The tap, if one is set.
    #[must_use]
    pub fn tap(&self) -> Option<&Tap> {
        self.hook.tap()
    }

    /// The same, to take frames out of ([`Tap::pop`]).
    pub fn tap_mut(&mut self) -> Option<&mut Tap> {
        self.hook.tap_mut()
    }

    /// Other workers that have something to do since the last call, because they were sent a
    /// message or given room for theirs: whoever drives them is to be woken.
    #[inline]
    pub fn take_woken(&mut self) -> ShardSet {
        self.mesh.take_woken()
    }

    /// The shard that owns a frame, if it is another one.
    fn other_owner(&self, ifindex: IfIndex, frame: &[u8]) -> Option<ShardIndex> {
        let interface = self.fib.interface(ifindex)?;
        let owner = self.steering.owner(interface.medium, frame);
        (owner != self.index).then_some(owner)
    }

    /// Copies a frame into the mesh. The owner's hook will see it; ours sees it if it has no room.
    fn hand_over(
        &mut self,
        now: Instant,
        owner: ShardIndex,
        ifindex: IfIndex,
        meta: RxMeta,
        frame: &[u8],
    ) -> Verdict {
        let mut bytes = self.mesh.buffer();
        bytes.extend_from_slice(frame);
        let handed = HandedFrame { ifindex, meta, form: HandedForm::Frame, bytes };
        let verdict = match self.mesh.hand_over(owner, handed) {
            Ok(()) => Verdict::HandedOver(owner),
            Err(_) => Verdict::Dropped(DropReason::ShardBusy),
        };
        self.shard.count_received(ifindex, frame.len(), verdict);
        if verdict.drop_reason().is_some() {
            let direction = Direction::Received;
            self.hook.observe(&Seen { at: now, ifindex, direction, verdict, frame });
        }
        verdict
    }

    /// Takes a frame. The caller passes on the messages that it gave rise to
    /// ([`Worker::pass_messages`]).
    #[inline(always)]
    fn take_in(&mut self, now: Instant, ifindex: IfIndex, meta: RxMeta, frame: &[u8]) -> Verdict {
        let received = self.shard.receive(now, &self.fib, ifindex, meta, frame);
        let verdict = match received {
            Ok(Received::Consumed) => Verdict::Consumed,
            Ok(Received::Forward { ifindex, next_hop }) => Verdict::Forward { ifindex, next_hop },
            Ok(Received::ForControl(message)) => {
                let Some(control) = &mut self.control else {
                    return self.hand_over(now, ShardIndex::ZERO, ifindex, meta, frame);
                };
                let delivery = Delivery { ifindex, link: LinkHeader::of(frame), message };
                let taken = control.receive(now, &delivery);
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
    #[inline(always)]
    fn fill(&mut self, now: Instant, ifindex: IfIndex, slot: &mut [u8]) -> Option<TxMeta> {
        let stats = &mut self.shard.parts.stats;
        let control = self.control.as_mut();
        let meta = match control.and_then(|c| c.outbox_mut().pop(ifindex, slot, stats)) {
            Some(len) => TxMeta { len: len as u32, ..TxMeta::default() },
            None => self.shard.transmit(now, &self.fib, ifindex, slot)?,
        };
        self.shard.count_transmitted(ifindex, meta.len);
        let (direction, verdict) = (Direction::Transmitted, Verdict::Consumed);
        let frame = slot.get(..meta.len as usize).unwrap_or_default();
        self.hook.observe(&Seen { at: now, ifindex, direction, verdict, frame });
        Some(meta)
    }

    /// Whether a packet to ourselves can be taken in, or handed to the shard that owns it.
    #[inline]
    fn can_pump(&self) -> bool {
        self.has_output(Fib::LOOPBACK) && self.receive_room() > 0
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
            if self.receive_room() == 0 {
                self.mesh.await_frame_room();
                break;
            }
            let Some(meta) = self.fill(now, Fib::LOOPBACK, &mut slot) else { break };
            // Nothing can have damaged it, so no checksum need be finished or looked at.
            let gso_size = meta.gso.map_or(0, |gso| gso.size);
            let rx = RxMeta { checksum: RxChecksum::Valid, gso_size };
            let len = (meta.len as usize).min(slot.len());
            let owner = self.steering.packet_owner(&slot[..len]);
            if owner == self.index {
                self.take_in(now, Fib::LOOPBACK, rx, &slot[..len]);
            } else {
                self.hand_over(now, owner, Fib::LOOPBACK, rx, &slot[..len]);
            }
        }
        self.loop_slot = slot;
        self.pass_messages(now);
    }
}
