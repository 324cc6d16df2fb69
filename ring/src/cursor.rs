//! The pair of counters under a ring of values, and the flags beside them.
//!
//! [`Shared`] is what both halves see: `tail` on a line only the producer writes, `head` on a line
//! only the consumer writes, and a third line for what changes rarely (gone, waiting), so that
//! polling a flag does not take the other side's counter line away from it. [`Tail`] and [`Head`]
//! are each half's private view: its own counter and the opposite one as last seen. A stale view
//! errs on the safe side, because the opposite counter only grows: the producer believes there is
//! less room, the consumer believes there is less to take.
//!
//! Counters are 64 bits and start at zero, which lasts for ever.

use crate::sync::{AtomicBool, AtomicU64, Ordering, fence};

/// Two cache lines, because adjacent lines are fetched in pairs on common processors.
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

/// What both halves of a ring see.
pub(crate) struct Shared {
    tail: Padded<AtomicU64>,
    head: Padded<AtomicU64>,
    pub(crate) flags: Padded<Flags>,
}

/// State that changes a few times in the life of a ring.
pub(crate) struct Flags {
    pub(crate) producer: Presence,
    pub(crate) consumer: Presence,
}

/// What one half tells the other about itself.
pub(crate) struct Presence {
    gone: AtomicBool,
    waiting: AtomicBool,
}

impl Presence {
    pub(crate) fn new() -> Self {
        Self { gone: AtomicBool::new(false), waiting: AtomicBool::new(false) }
    }

    pub(crate) fn leave(&self) {
        self.gone.store(true, Ordering::Release);
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Announces that this half is about to sleep (or no longer is). After `true` the caller must
    /// look at the ring once more before it sleeps; the fence orders that look after the
    /// announcement. An exchange and not a store, because both halves write this flag: every write
    /// then follows the one before it, and an announcement cannot be taken for one that was
    /// answered already.
    pub(crate) fn set_waiting(&self, waiting: bool) {
        self.waiting.swap(waiting, Ordering::AcqRel);
        if waiting {
            fence(Ordering::SeqCst);
        }
    }

    /// Whether the opposite half announced sleep. The fence orders this after whatever the caller
    /// stored before, which is the other half of the argument in the crate's documentation.
    pub(crate) fn is_waiting(&self) -> bool {
        fence(Ordering::SeqCst);
        self.waiting.load(Ordering::Relaxed)
    }

    /// Like [`Presence::is_waiting`], and clears the flag, so that one sleep gets one bell.
    pub(crate) fn take_waiting(&self) -> bool {
        self.is_waiting() && self.waiting.swap(false, Ordering::AcqRel)
    }
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            tail: Padded(AtomicU64::new(0)),
            head: Padded(AtomicU64::new(0)),
            flags: Padded(Flags { producer: Presence::new(), consumer: Presence::new() }),
        }
    }

    /// Moves the consumer's counter, for a producer that is alone with the ring.
    pub(crate) fn set_head(&mut self, head: u64) {
        self.head.0.store(head, Ordering::Release);
    }

    /// Both counters, for the one who drops the ring and is alone with it.
    pub(crate) fn remains(&self) -> (u64, u64) {
        (self.head.0.load(Ordering::Acquire), self.tail.0.load(Ordering::Acquire))
    }
}

/// The producer's view.
pub(crate) struct Tail {
    position: u64,
    seen_head: u64,
    capacity: u64,
}

impl Tail {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { position: 0, seen_head: 0, capacity: capacity as u64 }
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Free slots now, from the consumer's own counter.
    pub(crate) fn room_now(&self, shared: &Shared) -> usize {
        let head = shared.head.0.load(Ordering::Acquire);
        (self.capacity - (self.position - head)) as usize
    }

    /// Free slots as far as known; asks the consumer's line only if fewer than `want` are known.
    #[inline]
    pub(crate) fn room(&mut self, want: usize, shared: &Shared) -> usize {
        let known = (self.capacity - (self.position - self.seen_head)) as usize;
        if known >= want {
            return known;
        }
        self.seen_head = shared.head.0.load(Ordering::Acquire);
        (self.capacity - (self.position - self.seen_head)) as usize
    }

    /// Hands `n` slots to the consumer. The caller has made sure that `n` is not more than the
    /// room.
    #[inline]
    pub(crate) fn advance(&mut self, n: usize, shared: &Shared) {
        self.position += n as u64;
        shared.tail.0.store(self.position, Ordering::Release);
    }
}

/// The consumer's view.
pub(crate) struct Head {
    position: u64,
    seen_tail: u64,
}

impl Head {
    pub(crate) fn new() -> Self {
        Self { position: 0, seen_tail: 0 }
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Filled slots now, from the producer's own counter.
    pub(crate) fn filled_now(&self, shared: &Shared) -> usize {
        let tail = shared.tail.0.load(Ordering::Acquire);
        (tail - self.position) as usize
    }

    /// Filled slots as far as known; asks the producer's line only if fewer than `want` are known.
    #[inline]
    pub(crate) fn filled(&mut self, want: usize, shared: &Shared) -> usize {
        let known = (self.seen_tail - self.position) as usize;
        if known >= want {
            return known;
        }
        self.seen_tail = shared.tail.0.load(Ordering::Acquire);
        (self.seen_tail - self.position) as usize
    }

    /// Hands `n` slots back to the producer. The caller has made sure that so many are filled.
    #[inline]
    pub(crate) fn advance(&mut self, n: usize, shared: &Shared) {
        self.position += n as u64;
        shared.head.0.store(self.position, Ordering::Release);
    }
}

/// A size a ring can have: a power of two, at least one.
pub(crate) fn round_up(capacity: usize) -> usize {
    capacity.clamp(1, 1 << (usize::BITS - 2)).next_power_of_two()
}
