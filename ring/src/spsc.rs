//! A bounded ring of values with one producer and one consumer.
//!
//! ```
//! let (mut tx, mut rx) = ring::channel::<u32>(4);
//! assert_eq!(tx.push(7), Ok(()));
//! assert_eq!(rx.pop(), Some(7));
//! assert_eq!(rx.pop(), None);
//! drop(tx);
//! assert!(rx.is_abandoned());
//! ```
//!
//! Batches cost one counter store however long they are. Values that nobody took are dropped with
//! the second half. See the crate's documentation for who owns which slot.

use crate::cursor::{Head, Shared, Tail, round_up};
use crate::sync::{Arc, UnsafeCell};
use std::mem::MaybeUninit;

#[cfg(all(test, not(loom)))]
mod tests;

/// Makes a ring of at least `capacity` values (rounded up to a power of two).
pub fn channel<T>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    let capacity = round_up(capacity);
    let slots = (0..capacity).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect();
    let ring = Arc::new(Ring { shared: Shared::new(), slots });
    (
        Producer { tail: Tail::new(capacity), ring: ring.clone() },
        Consumer { head: Head::new(), ring },
    )
}

struct Ring<T> {
    shared: Shared,
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
}

// SAFETY: the slots are the only part that is not already shareable. A slot is written by the
// holder of the one `Producer` while it is free and moved out by the holder of the one `Consumer`
// while it is filled, and the counters order the two; so a value only ever moves from one thread to
// another, which `T: Send` allows. No `&T` is ever made from a shared ring.
unsafe impl<T: Send> Sync for Ring<T> {}
// SAFETY: as above; dropping the ring on another thread drops values of `T: Send` there.
unsafe impl<T: Send> Send for Ring<T> {}

impl<T> Ring<T> {
    #[inline(always)]
    fn slot(&self, position: u64) -> &UnsafeCell<MaybeUninit<T>> {
        &self.slots[position as usize & (self.slots.len() - 1)]
    }

    /// Puts a value into a slot.
    ///
    /// # Safety
    /// The caller is the producer and the slot at `position` is free.
    #[inline(always)]
    unsafe fn fill(&self, position: u64, value: T) {
        self.slot(position).with_mut(|slot| {
            // SAFETY: the slot is free, so the consumer does not look at it, and there is but one
            // producer; the pointer is to a live element of `slots`.
            unsafe { (*slot).write(value) };
        });
    }

    /// Moves the value out of a slot.
    ///
    /// # Safety
    /// The caller is the consumer (or alone with the ring), the slot at `position` is filled, and
    /// the slot counts as free afterwards.
    #[inline(always)]
    unsafe fn empty(&self, position: u64) -> T {
        self.slot(position).with(|slot| {
            // SAFETY: the slot is filled, so it holds a value whose writing happened before the
            // counter was seen, and the producer leaves it alone until it is released.
            unsafe { (*slot).assume_init_read() }
        })
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        let (head, tail) = self.shared.remains();
        for position in head..tail {
            // SAFETY: both halves are gone, and `head..tail` are the slots filled and never
            // emptied.
            drop(unsafe { self.empty(position) });
        }
    }
}

/// The half that puts values in.
pub struct Producer<T> {
    tail: Tail,
    ring: Arc<Ring<T>>,
}

impl<T> Producer<T> {
    /// Puts one value in.
    ///
    /// # Errors
    /// The value itself, if the ring is full.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), T> {
        if self.tail.room(1, &self.ring.shared) == 0 {
            return Err(value);
        }
        // SAFETY: we are the producer, and there is room, so the slot at our own position is free.
        unsafe { self.ring.fill(self.tail.position(), value) };
        self.tail.advance(1, &self.ring.shared);
        Ok(())
    }

    /// Puts in as many values as there is room for and returns how many. The iterator is not asked
    /// for a value that would not fit.
    pub fn push_batch(&mut self, values: &mut impl Iterator<Item = T>) -> usize {
        let room = self.tail.room(self.ring.slots.len(), &self.ring.shared);
        let mut filled = 0;
        while filled < room {
            let Some(value) = values.next() else { break };
            // SAFETY: we are the producer, and `filled < room`, so this slot is free. Should the
            // iterator panic later, the slot was never handed over and its value is merely leaked.
            unsafe { self.ring.fill(self.tail.position() + filled as u64, value) };
            filled += 1;
        }
        if filled > 0 {
            self.tail.advance(filled, &self.ring.shared);
        }
        filled
    }

    /// How many values fit at this moment (more may fit a moment later).
    pub fn free(&self) -> usize {
        self.tail.room_now(&self.ring.shared)
    }

    /// How many values the ring holds at most.
    pub fn capacity(&self) -> usize {
        self.ring.slots.len()
    }

    /// Whether the consumer is gone, so that nobody will take what is pushed.
    pub fn is_abandoned(&self) -> bool {
        self.ring.shared.flags.0.consumer.is_gone()
    }

    /// Takes the oldest value back after the consumer is gone, so that what nobody will take is not
    /// lost with the ring. `None` while the consumer exists, or when nothing is left.
    pub fn take_back(&mut self) -> Option<T> {
        let ring = Arc::get_mut(&mut self.ring)?;
        let (head, tail) = ring.shared.remains();
        if head == tail {
            return None;
        }
        // SAFETY: the consumer's half is gone, because we hold the only reference, so we are alone
        // with the ring; the slot at `head` is filled, and the next line makes it a free one.
        let value = unsafe { ring.empty(head) };
        ring.shared.set_head(head + 1);
        Some(value)
    }

    /// Announces that this half sleeps until there is room. After `true`, look at
    /// [`Producer::free`] once more before sleeping.
    pub fn set_waiting(&self, waiting: bool) {
        self.ring.shared.flags.0.producer.set_waiting(waiting);
    }

    /// Whether the consumer announced sleep. Ask after pushing (it costs a full fence: once a
    /// batch).
    pub fn consumer_waiting(&self) -> bool {
        self.ring.shared.flags.0.consumer.is_waiting()
    }

    /// Like [`Producer::consumer_waiting`], and clears the flag, so that one sleep gets one bell.
    pub fn take_consumer_waiting(&self) -> bool {
        self.ring.shared.flags.0.consumer.take_waiting()
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.ring.shared.flags.0.producer.leave();
    }
}

impl<T> std::fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").field("free", &self.free()).finish_non_exhaustive()
    }
}

/// The half that takes values out.
pub struct Consumer<T> {
    head: Head,
    ring: Arc<Ring<T>>,
}

impl<T> Consumer<T> {
    /// Takes the oldest value.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        if self.head.filled(1, &self.ring.shared) == 0 {
            return None;
        }
        // SAFETY: we are the consumer, the slot at our own position is filled, and the next line
        // gives it back to the producer.
        let value = unsafe { self.ring.empty(self.head.position()) };
        self.head.advance(1, &self.ring.shared);
        Some(value)
    }

    /// Takes up to `max` values, appends them to `out` and returns how many. Does not allocate if
    /// `out` has room for them.
    pub fn pop_batch(&mut self, out: &mut Vec<T>, max: usize) -> usize {
        let take = self.head.filled(max, &self.ring.shared).min(max);
        if take == 0 {
            return 0;
        }
        out.reserve(take);
        for i in 0..take as u64 {
            // SAFETY: we are the consumer and `take` slots from our position are filled. Nothing
            // can panic between here and `advance`, because `out` has room, so none is read twice.
            out.push(unsafe { self.ring.empty(self.head.position() + i) });
        }
        self.head.advance(take, &self.ring.shared);
        take
    }

    /// How many values are there at this moment (more may come a moment later).
    pub fn len(&self) -> usize {
        self.head.filled_now(&self.ring.shared)
    }

    /// Whether there is nothing to take at this moment.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values the ring holds at most.
    pub fn capacity(&self) -> usize {
        self.ring.slots.len()
    }

    /// Whether the producer is gone. Values it left can still be taken, so look once more at an
    /// empty ring after this said `true`.
    pub fn is_abandoned(&self) -> bool {
        self.ring.shared.flags.0.producer.is_gone()
    }

    /// Announces that this half sleeps until there are values. After `true`, look at
    /// [`Consumer::is_empty`] once more before sleeping.
    pub fn set_waiting(&self, waiting: bool) {
        self.ring.shared.flags.0.consumer.set_waiting(waiting);
    }

    /// Whether the producer announced sleep. Ask after taking (it costs a full fence: once a
    /// batch).
    pub fn producer_waiting(&self) -> bool {
        self.ring.shared.flags.0.producer.is_waiting()
    }

    /// Like [`Consumer::producer_waiting`], and clears the flag, so that one sleep gets one bell.
    pub fn take_producer_waiting(&self) -> bool {
        self.ring.shared.flags.0.producer.take_waiting()
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.ring.shared.flags.0.consumer.leave();
    }
}

impl<T> std::fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").field("len", &self.len()).finish_non_exhaustive()
    }
}
