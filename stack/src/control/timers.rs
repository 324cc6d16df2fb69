//! The one timer queue of control: every machine arms and cancels its timers here.
//!
//! A timer is named by a [`TimerId`], so that arming it again moves it. A machine that keeps an
//! order of its own (path MTUs all live equally long) arms one timer for the first of them. Timers
//! fire in the order of their instants, and by id where those are equal, so that the same inputs
//! always give the same outputs.
//!
//! The heap is healed lazily: moving or cancelling a timer leaves its old entry behind, which is
//! thrown away when it comes to the top. The entry at the top is always valid, so that
//! [`Timers::next_deadline`] is exact. When the left-behind entries outnumber the armed timers, the
//! heap is built anew; it is therefore never longer than twice the number of timers, which the
//! bounds of the machines limit.

use core::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use addr::{IfIndex, Ip};

use crate::time::Instant;

/// Which timer of which machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerId {
    /// The state of a neighbour must change (RFC 4861 §7.3.2).
    Neighbor(IfIndex, Ip),
    /// Unused neighbours are to be collected (Linux `gc_interval`).
    NeighborGc,
    /// A lifetime of an address ends (RFC 4862 §5.5.4).
    Address(IfIndex, Ip),
    /// The oldest path MTU has to be forgotten (RFC 8201 §5.3).
    PathMtu,
}

/// Armed timers.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    armed: BTreeMap<TimerId, Instant>,
    heap: BinaryHeap<Reverse<(Instant, TimerId)>>,
}

/// Entries that a heap may hold before it is worth building it anew.
const HEAP_SLACK: usize = 64;

impl Timers {
    /// Lets `id` fire at `at`, and not at any instant it was armed for before.
    pub(crate) fn arm(&mut self, id: TimerId, at: Instant) {
        if self.armed.insert(id, at) == Some(at) {
            return;
        }
        self.heap.push(Reverse((at, id)));
        self.heal();
    }

    /// Stops a timer; does nothing if it is not armed.
    pub(crate) fn cancel(&mut self, id: TimerId) {
        if self.armed.remove(&id).is_some() {
            self.heal();
        }
    }

    /// Arms the timer where there is a deadline, else stops it.
    pub(crate) fn set(&mut self, id: TimerId, deadline: Option<Instant>) {
        match deadline {
            Some(at) => self.arm(id, at),
            None => self.cancel(id),
        }
    }

    /// When the next timer fires.
    #[inline]
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// The next timer that is due. It is no longer armed.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<TimerId> {
        let Reverse((at, id)) = *self.heap.peek()?;
        if at > now {
            return None;
        }
        self.cancel(id);
        Some(id)
    }

    /// How many are armed.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.armed.len()
    }

    /// When a timer fires, if it is armed.
    #[cfg(test)]
    pub(crate) fn armed_for(&self, id: TimerId) -> Option<Instant> {
        self.armed.get(&id).copied()
    }

    /// Throws away left-behind entries at the top, or all of them if they are the most.
    fn heal(&mut self) {
        if self.heap.len() > 2 * self.armed.len() + HEAP_SLACK {
            self.heap = self.armed.iter().map(|(id, at)| Reverse((*at, *id))).collect();
            return;
        }
        while let Some(Reverse((at, id))) = self.heap.peek() {
            if self.armed.get(id) == Some(at) {
                return;
            }
            self.heap.pop();
        }
    }
}

#[cfg(test)]
mod tests;
