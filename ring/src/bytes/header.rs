//! What both halves of a stream see: two cache lines, which are all that an idle stream holds.
//!
//! A field lies on the line of the half that touches it for every write or read; what the opposite
//! half polls but seldom changes lies with who polls it. So the line with `tail` also has the flag
//! "reader waits", which the writer looks at after a batch, and the line with `head` has the end of
//! the stream, which the reader asks for. Each half's index lies on its line too, so that the
//! halves themselves are small; nobody else looks at it while the half is there.

use super::chunk::{Chunk, LARGE};
use super::index::Index;
use super::pool;
use crate::cursor::Presence;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, UnsafeCell};
use std::ptr::{NonNull, null_mut};

/// Drained chunks that wait for the writer in the header itself.
const SPARES: usize = if cfg!(loom) { 1 } else { 2 };

/// `ReadLine::rest_at`: the writer may write.
pub(super) const AWAKE: u64 = 0;
/// `ReadLine::rest_at`: the reader took the writer's chunk while it rested.
pub(super) const TAKEN: u64 = u64::MAX;

/// What both halves see.
#[repr(C)]
pub(super) struct Header {
    pub(super) write: WriteLine,
    pub(super) read: ReadLine,
}

/// What the writer touches for every write.
#[repr(C, align(64))]
pub(super) struct WriteLine {
    /// Total of bytes committed.
    pub(super) tail: AtomicU64,
    /// Most bytes that may be buffered, in the lower half; the [mark](Mark) in the upper.
    limit: AtomicU64,
    restart: UnsafeCell<Restart>,
    /// Halves that are left.
    pub(super) halves: AtomicU32,
    pub(super) reader: Presence,
    /// The writer's.
    pub(super) index: Index,
}

/// What the reader touches for every read.
#[repr(C, align(64))]
pub(super) struct ReadLine {
    /// Total of bytes released.
    pub(super) head: AtomicU64,
    /// [`AWAKE`], [`TAKEN`], or one more than the tail at which the writer rests.
    pub(super) rest_at: AtomicU64,
    spares: [AtomicPtr<Chunk>; SPARES],
    /// Whether and how the stream has ended.
    pub(super) end: AtomicU32,
    pub(super) writer: Presence,
    /// The reader's.
    pub(super) index: Index,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Header>() == 128);

/// Where a stream that was empty went on, in a chunk that nothing links to.
#[derive(Clone, Copy)]
pub(super) struct Restart {
    pub(super) at: u64,
    pub(super) chunk: *mut Chunk,
}

/// Where the mark lies, seen from a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// There is none, or it is behind.
    None,
    /// Right there.
    Here,
    /// So many bytes ahead.
    Ahead(u64),
}

impl WriteLine {
    /// Most bytes that may be buffered.
    #[inline]
    pub(super) fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed) & LIMIT
    }

    /// Moves the limit. The mark stays.
    pub(super) fn set_limit(&self, limit: u64) {
        self.change(|old| old & !LIMIT | limit);
    }

    /// Puts the mark at a position. A store of `tail` that follows publishes it.
    pub(super) fn set_mark(&self, position: u64) {
        self.change(|old| old & LIMIT | MARKED | (position & POSITION) << POSITION_SHIFT);
    }

    /// Takes the mark away.
    pub(super) fn clear_mark(&self) {
        self.change(|old| old & LIMIT);
    }

    /// Where the mark lies, seen from `position`. Positions are told apart by their lower bits,
    /// which is enough because limits are small; one that was passed is taken away when that is
    /// seen.
    #[inline]
    pub(super) fn mark(&self, position: u64) -> Mark {
        let word = self.limit.load(Ordering::Relaxed);
        if word & MARKED == 0 {
            return Mark::None;
        }
        match ((word & !MARKED) >> POSITION_SHIFT).wrapping_sub(position) & POSITION {
            0 => Mark::Here,
            ahead if ahead <= POSITION / 2 => Mark::Ahead(ahead),
            _ => {
                // Unless the writer has put it elsewhere meanwhile.
                let bare = word & LIMIT;
                let order = Ordering::Relaxed;
                let _ = self.limit.compare_exchange(word, bare, order, order);
                Mark::None
            }
        }
    }

    fn change(&self, change: impl Fn(u64) -> u64) {
        let order = Ordering::Relaxed;
        let mut old = self.limit.load(order);
        while let Err(now) = self.limit.compare_exchange(old, change(old), order, order) {
            old = now;
        }
    }
}

/// In [`WriteLine::limit`]: the limit.
const LIMIT: u64 = (1 << POSITION_SHIFT) - 1;
/// There is a mark.
const MARKED: u64 = 1 << 63;
const POSITION_SHIFT: u32 = 32;
/// As many bits of a position as there is room for.
const POSITION: u64 = (1 << 31) - 1;

const _: () = assert!((super::MAX_LIMIT as u64) < POSITION / 4);

impl Header {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            write: WriteLine {
                tail: AtomicU64::new(0),
                limit: AtomicU64::new(limit as u64),
                restart: UnsafeCell::new(Restart { at: 0, chunk: null_mut() }),
                halves: AtomicU32::new(2),
                reader: Presence::new(),
                index: Index::new(),
            },
            read: ReadLine {
                head: AtomicU64::new(0),
                rest_at: AtomicU64::new(AWAKE),
                spares: std::array::from_fn(|_| AtomicPtr::new(null_mut())),
                end: AtomicU32::new(0),
                writer: Presence::new(),
                index: Index::new(),
            },
        }
    }

    /// Where the stream last went on.
    ///
    /// # Safety
    /// The caller is the writer, or a reader that has seen more committed than it has released.
    pub(super) unsafe fn restart(&self) -> Restart {
        self.write.restart.with(|restart| {
            // SAFETY: only the writer changes it, and only while everything is released; a reader
            // that has bytes left saw a tail that was stored later.
            unsafe { *restart }
        })
    }

    /// Notes where the stream goes on.
    ///
    /// # Safety
    /// The caller is the writer and has seen everything released that it ever committed.
    pub(super) unsafe fn set_restart(&self, to: Restart) {
        self.write.restart.with_mut(|restart| {
            // SAFETY: the reader does not look until it sees a tail that was stored later; that it
            // looked the last time happened before it released what it saw.
            unsafe { *restart = to };
        });
    }

    /// Leaves a drained large chunk for the writer; gives it back if there are enough.
    pub(super) fn give(&self, chunk: NonNull<Chunk>) -> Option<NonNull<Chunk>> {
        for spare in &self.read.spares {
            // Only the reader fills a slot, so an empty one stays empty until the store.
            if spare.load(Ordering::Relaxed).is_null() {
                spare.store(chunk.as_ptr(), Ordering::Release);
                return None;
            }
        }
        Some(chunk)
    }

    /// Bytes of memory of the drained chunks that wait here.
    pub(super) fn spare_memory(&self) -> usize {
        let waiting = |spare: &&AtomicPtr<Chunk>| !spare.load(Ordering::Relaxed).is_null();
        self.read.spares.iter().filter(waiting).count() * LARGE
    }

    /// Gives the drained chunks that wait here back.
    pub(super) fn drop_spares(&self) {
        while let Some(spare) = self.take_spare() {
            // SAFETY: a spare belongs to who takes it.
            unsafe { pool::put(spare) };
        }
    }

    /// A drained large chunk that waits here.
    pub(super) fn take_spare(&self) -> Option<NonNull<Chunk>> {
        self.read.spares.iter().find_map(|spare| {
            if spare.load(Ordering::Relaxed).is_null() {
                return None;
            }
            NonNull::new(spare.swap(null_mut(), Ordering::AcqRel))
        })
    }
}
