//! Small packets that no socket owns, waiting for a transmit slot: RSTs, echo replies, ICMP errors,
//! ARP, neighbour discovery. Complete frames, bounded per interface.
//!
//! A frame whose next hop is still being resolved waits until the snapshot knows the link
//! address or knows that there is none: so many bytes per neighbour, the oldest frame gives way
//! (RFC 1122 §2.3.2.2 wants at least one kept, Linux counts bytes). Datagrams wait here too, so
//! that one silent neighbour does not hold up its socket; a TCP connection has one peer and waits
//! itself.

use std::collections::VecDeque;

use addr::{IfIndex, Mac};

use crate::drop::DropReason;
use crate::fib::{Fib, Link};
use crate::stats::Stats;
use crate::store::waiting::NextHop;
use crate::time::{Duration, Instant};

/// Frames ready to leave, per interface.
#[derive(Debug)]
pub(crate) struct Outbox {
    queues: Vec<(IfIndex, VecDeque<Vec<u8>>)>,
    /// Frames in all queues: most looks find none.
    queued: usize,
    /// In the order in which the first frame for each came.
    unresolved: VecDeque<Unresolved>,
    /// What the unresolved frames cost together.
    unresolved_bytes: usize,
    spare: Vec<Vec<u8>>,
    capacity: usize,
    /// Frames that may be queued beyond that; one less after each that leaves.
    extra: usize,
}

/// Frames for one neighbour, complete but for the destination's link address.
#[derive(Debug)]
struct Unresolved {
    next_hop: NextHop,
    /// When the first of them came.
    since: Instant,
    /// What they cost together.
    bytes: usize,
    frames: VecDeque<Vec<u8>>,
}

/// Neighbours that frames wait for; floods from strangers must not fill memory.
const UNRESOLVED_NEIGHBORS_MAX: usize = 256;
/// What the frames for all neighbours may cost together.
const UNRESOLVED_BYTES_MAX: usize = 4 << 20;
/// What a frame costs beside its bytes: its allocation and its place in the queue. Linux charges
/// a small frame 768 bytes of `unres_qlen_bytes`.
const FRAME_OVERHEAD: usize = 256;
/// Resolution ends in about three seconds either way; an older frame missed its end.
const RESOLUTION_TIME_MAX: Duration = Duration::from_secs(10);
/// Buffers larger than this are not kept for reuse.
const SPARE_BYTES_MAX: usize = 4096;

impl Outbox {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            queues: Vec::new(),
            queued: 0,
            unresolved: VecDeque::new(),
            unresolved_bytes: 0,
            spare: Vec::new(),
            capacity,
            extra: 0,
        }
    }

    /// Makes room for one frame beyond the capacity, which bounds what strangers make us send. For
    /// frames whose number is bounded elsewhere.
    #[cold]
    pub(crate) fn make_room_for_one(&mut self) {
        self.extra += 1;
    }

    /// Queues a frame of `len` bytes for `ifindex`; `fill` writes it.
    pub(crate) fn push(
        &mut self,
        ifindex: IfIndex,
        len: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<(), DropReason> {
        if self.queue(ifindex).len() >= self.capacity + self.extra {
            return Err(DropReason::OutboxFull);
        }
        let frame = self.filled(len, fill);
        self.queue(ifindex).push_back(frame);
        self.queued += 1;
        Ok(())
    }

    /// Keeps an Ethernet frame until the link address of `next_hop` is known. The frames for it
    /// cost at most `bytes_max`. Returns how many gave way, older ones first.
    pub(crate) fn push_unresolved(
        &mut self,
        next_hop: NextHop,
        bytes_max: usize,
        now: Instant,
        len: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> u64 {
        let cost = len + FRAME_OVERHEAD;
        if cost > bytes_max.min(UNRESOLVED_BYTES_MAX) {
            return 1;
        }
        let mut gone = 0;
        while self.unresolved_bytes + cost > UNRESOLVED_BYTES_MAX {
            gone += self.drop_first(0);
        }
        let mut known = self.find(next_hop);
        while let Some(at) = known.filter(|&at| self.unresolved[at].bytes + cost > bytes_max) {
            gone += self.drop_first(at);
            known = self.find(next_hop);
        }
        let at = known.unwrap_or_else(|| {
            if self.unresolved.len() >= UNRESOLVED_NEIGHBORS_MAX {
                gone += self.drop_neighbor(0);
            }
            let new = Unresolved { next_hop, since: now, bytes: 0, frames: VecDeque::new() };
            self.unresolved.push_back(new);
            self.unresolved.len() - 1
        });
        let frame = self.filled(len, fill);
        let unresolved = &mut self.unresolved[at];
        unresolved.bytes += cost;
        unresolved.frames.push_back(frame);
        self.unresolved_bytes += cost;
        gone
    }

    /// Where the frames for `next_hop` are.
    fn find(&self, next_hop: NextHop) -> Option<usize> {
        self.unresolved.iter().position(|u| u.next_hop == next_hop)
    }

    /// Drops the oldest frame for the neighbour at `at`, and the neighbour after its last. Returns
    /// how many frames that were.
    fn drop_first(&mut self, at: usize) -> u64 {
        let Some(unresolved) = self.unresolved.get_mut(at) else { return 0 };
        let Some(frame) = unresolved.frames.pop_front() else { return 0 };
        let cost = frame.len() + FRAME_OVERHEAD;
        unresolved.bytes -= cost;
        self.unresolved_bytes -= cost;
        if unresolved.frames.is_empty() {
            self.unresolved.remove(at);
        }
        self.recycle(frame);
        1
    }

    /// Drops all frames for the neighbour at `at`. Returns how many they were.
    fn drop_neighbor(&mut self, at: usize) -> u64 {
        let Some(unresolved) = self.unresolved.remove(at) else { return 0 };
        self.unresolved_bytes -= unresolved.bytes;
        let count = unresolved.frames.len() as u64;
        unresolved.frames.into_iter().for_each(|frame| self.recycle(frame));
        count
    }

    /// The same as [`Self::retry_unresolved`] after a change of one neighbour: nothing to do unless
    /// a frame is for it.
    pub(crate) fn neighbor_changed(
        &mut self,
        next_hop: NextHop,
        fib: &Fib,
        now: Instant,
        stats: &mut Stats,
    ) {
        if self.find(next_hop).is_some() {
            self.retry_unresolved(fib, now, stats);
        }
    }

    /// Queues the frames whose neighbour is now known; drops those whose neighbour failed.
    pub(crate) fn retry_unresolved(&mut self, fib: &Fib, now: Instant, stats: &mut Stats) {
        let mut at = 0;
        while let Some(Unresolved { next_hop: (ifindex, ip), since, .. }) = self.unresolved.get(at)
        {
            let (ifindex, young) = (*ifindex, now.since(*since) < RESOLUTION_TIME_MAX);
            match fib.neighbor(ifindex, *ip).unwrap_or(Link::Pending) {
                Link::Known(mac) => self.release(at, ifindex, mac, stats),
                Link::Pending if young => at += 1,
                Link::None | Link::Pending | Link::Failed => {
                    let gone = self.drop_neighbor(at);
                    stats.drop_many(DropReason::NeighborFailed, gone);
                }
            }
        }
    }

    /// The neighbour at `at` is at `mac`: its frames are ready to leave.
    fn release(&mut self, at: usize, ifindex: IfIndex, mac: Mac, stats: &mut Stats) {
        let Some(unresolved) = self.unresolved.remove(at) else { return };
        self.unresolved_bytes -= unresolved.bytes;
        // They were counted already, so that the bound of small replies is not theirs.
        let room = self.capacity.max(unresolved.frames.len());
        for mut frame in unresolved.frames {
            if self.queue(ifindex).len() < room {
                frame[..6].copy_from_slice(&mac.0);
                self.queue(ifindex).push_back(frame);
                self.queued += 1;
            } else {
                stats.drop(DropReason::OutboxFull);
                self.recycle(frame);
            }
        }
    }

    /// Copies the oldest frame for `ifindex` into `slot` and returns its length. A frame longer
    /// than the slot cannot leave by this device: it is dropped, and the next one is tried.
    #[inline]
    pub(crate) fn pop(
        &mut self,
        ifindex: IfIndex,
        slot: &mut [u8],
        stats: &mut Stats,
    ) -> Option<usize> {
        if self.queued == 0 { None } else { self.pop_first(ifindex, slot, stats) }
    }

    fn pop_first(&mut self, ifindex: IfIndex, slot: &mut [u8], stats: &mut Stats) -> Option<usize> {
        loop {
            let (_, queue) = self.queues.iter_mut().find(|(i, _)| *i == ifindex)?;
            let frame = queue.pop_front()?;
            self.queued -= 1;
            self.extra = self.extra.saturating_sub(1);
            let len = frame.len();
            let fits = len <= slot.len();
            if fits {
                slot[..len].copy_from_slice(&frame);
            }
            self.recycle(frame);
            if fits {
                return Some(len);
            }
            stats.drop(DropReason::PacketTooBig);
        }
    }

    #[inline]
    pub(crate) fn has(&self, ifindex: IfIndex) -> bool {
        self.queued > 0 && self.queues.iter().any(|(i, q)| *i == ifindex && !q.is_empty())
    }

    /// Forgets what waits for an interface that is going away.
    pub(crate) fn remove(&mut self, ifindex: IfIndex) {
        let gone = self.queues.iter().filter(|(i, _)| *i == ifindex).map(|(_, q)| q.len());
        self.queued -= gone.sum::<usize>();
        self.queues.retain(|(i, _)| *i != ifindex);
        self.unresolved.retain(|u| u.next_hop.0 != ifindex);
        self.unresolved_bytes = self.unresolved.iter().map(|u| u.bytes).sum();
    }

    fn queue(&mut self, ifindex: IfIndex) -> &mut VecDeque<Vec<u8>> {
        let slot = match self.queues.iter().position(|(i, _)| *i == ifindex) {
            Some(slot) => slot,
            None => {
                self.queues.push((ifindex, VecDeque::new()));
                self.queues.len() - 1
            }
        };
        &mut self.queues[slot].1
    }

    fn filled(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut frame = self.spare.pop().unwrap_or_default();
        frame.clear();
        frame.resize(len, 0);
        fill(&mut frame);
        frame
    }

    fn recycle(&mut self, frame: Vec<u8>) {
        if self.spare.len() < self.capacity && frame.capacity() <= SPARE_BYTES_MAX {
            self.spare.push(frame);
        }
    }
}

#[cfg(test)]
mod tests;
