//! What both halves of a stream see: two cache lines, which are all that an idle stream holds.
//!
//! A field lies on the line of the half that touches it for every write or read; what the opposite
//! half polls but seldom changes lies with who polls it. So the line with `tail` also has the flag
//! "reader waits", which the writer looks at after a batch, and the line with `head` has the end of
//! the stream, which the reader asks for. Each half's index lies on its line too, so that the halves
//! themselves are small; nobody else looks at it while the half is there.

use super::chunk::Chunk;
use super::index::Index;
use crate::cursor::Presence;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, UnsafeCell};
use std::ptr::{NonNull, null_mut};

/// Drained chunks that wait for the writer in the header itself.
const SPARES: usize = if cfg!(loom) { 1 } else { 2 };

/// `ReadLine::parked`: the writer may write.
pub(super) const AWAKE: u64 = 0;
/// `ReadLine::parked`: the reader took the writer's chunk while it rested.
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
    /// Most bytes that may be buffered.
    pub(super) limit: AtomicU64,
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
    pub(super) parked: AtomicU64,
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
                parked: AtomicU64::new(AWAKE),
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
