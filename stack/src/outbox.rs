//! Small packets that no socket owns, waiting for a transmit slot: RSTs, echo replies, ICMP errors,
//! ARP, neighbour discovery. Complete frames, bounded per interface.
//!
//! A frame whose next hop is still being resolved waits until the snapshot knows the link
//! address or knows that there is none: a few per neighbour (RFC 1122 §2.3.2.2 wants at least
//! one), the oldest gives way. Sockets keep no frames here: they wait themselves.

use std::collections::VecDeque;

use addr::{IfIndex, Ip};

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
    unresolved: VecDeque<Unresolved>,
    spare: Vec<Vec<u8>>,
    capacity: usize,
}

/// A frame, complete but for the destination's link address.
#[derive(Debug)]
struct Unresolved {
    ifindex: IfIndex,
    next_hop: Ip,
    since: Instant,
    frame: Vec<u8>,
}

/// Unresolved frames over all neighbours; echo floods from strangers must not fill memory.
const UNRESOLVED_MAX: usize = 256;
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
            spare: Vec::new(),
            capacity,
        }
    }

    /// Queues a frame of `len` bytes for `ifindex`; `fill` writes it.
    pub(crate) fn push(
        &mut self,
        ifindex: IfIndex,
        len: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<(), DropReason> {
        if self.queue(ifindex).len() >= self.capacity {
            return Err(DropReason::OutboxFull);
        }
        let frame = self.filled(len, fill);
        self.queue(ifindex).push_back(frame);
        self.queued += 1;
        Ok(())
    }

    /// Keeps an Ethernet frame until the link address of `next_hop` is known, at most
    /// `per_neighbor` of them. Returns how many gave way, older ones first.
    pub(crate) fn push_unresolved(
        &mut self,
        to: (IfIndex, Ip),
        per_neighbor: usize,
        now: Instant,
        len: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> u64 {
        let (ifindex, next_hop) = to;
        if per_neighbor == 0 {
            return 1;
        }
        let mut gone = 0;
        let same = |p: &Unresolved| p.ifindex == ifindex && p.next_hop == next_hop;
        let waiting = self.unresolved.iter().filter(|p| same(p)).count();
        let oldest = if waiting >= per_neighbor {
            self.unresolved.iter().position(same)
        } else if self.unresolved.len() >= UNRESOLVED_MAX {
            Some(0)
        } else {
            None
        };
        if let Some(unresolved) = oldest.and_then(|at| self.unresolved.remove(at)) {
            self.recycle(unresolved.frame);
            gone += 1;
        }
        let frame = self.filled(len, fill);
        self.unresolved.push_back(Unresolved { ifindex, next_hop, since: now, frame });
        gone
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
        if self.unresolved.iter().any(|p| (p.ifindex, p.next_hop) == next_hop) {
            self.retry_unresolved(fib, now, stats);
        }
    }

    /// Queues the frames whose neighbour is now known; drops those whose neighbour failed.
    pub(crate) fn retry_unresolved(&mut self, fib: &Fib, now: Instant, stats: &mut Stats) {
        for _ in 0..self.unresolved.len() {
            let Some(mut unresolved) = self.unresolved.pop_front() else { return };
            let known = fib.neighbor(unresolved.ifindex, unresolved.next_hop);
            match known.unwrap_or(Link::Pending) {
                Link::Known(mac) if self.queue(unresolved.ifindex).len() < self.capacity => {
                    unresolved.frame[..6].copy_from_slice(&mac.0);
                    self.queue(unresolved.ifindex).push_back(unresolved.frame);
                    self.queued += 1;
                }
                Link::Pending if now.since(unresolved.since) < RESOLUTION_TIME_MAX => {
                    self.unresolved.push_back(unresolved);
                }
                Link::Known(_) => {
                    stats.drop(DropReason::OutboxFull);
                    self.recycle(unresolved.frame);
                }
                Link::None | Link::Pending | Link::Failed => {
                    stats.drop(DropReason::NeighborFailed);
                    self.recycle(unresolved.frame);
                }
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
        self.unresolved.retain(|p| p.ifindex != ifindex);
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
