//! From a stream position to the chunk it lies in, in constant time.
//!
//! Each half of a stream has its own index of the chunks it may touch, numbered from the front. The
//! front chunk may be small; all behind it are large and follow each other without a gap, so one
//! number (where the front ends) and a shift find the chunk of any position. Entries may be empty:
//! text that came far ahead of its time lies in a chunk of its own.
//!
//! One chunk needs no memory but the index itself. With a second one the index takes a small chunk
//! from the pool for a table, and gives it back when one is left.

use super::chunk::{Chunk, LARGE, SMALL, Size, TABLE};
use super::pool;
use std::cell::Cell;
use std::ptr::{NonNull, null_mut};

/// Which chunks lie where. Only the half that owns it touches it, also through `&self`.
pub(super) struct Index {
    /// Where the front chunk ends.
    edge: Cell<u64>,
    /// The front chunk if it is no table, else the table's.
    root: Cell<*mut Chunk>,
    /// Entry of the front chunk in the table.
    turn: Cell<u16>,
    /// Entries, from the front to the last that is not empty.
    len: Cell<u16>,
    /// Entries that are not empty.
    chunks: Cell<u16>,
    front: Cell<Size>,
    /// [`SPILLED`] and [`CHANGED`].
    flags: Cell<u8>,
}

/// In [`Index::flags`]: the root is a table.
const SPILLED: u8 = 1;
/// In [`Index::flags`]: chunks came or went since that was last asked.
const CHANGED: u8 = 2;

/// Where a position lies.
pub(super) struct Place {
    /// Number of the chunk, counted from the front.
    pub(super) number: usize,
    /// Offset of the position in it.
    pub(super) from: usize,
    /// Bytes from there to the chunk's end.
    pub(super) left: usize,
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            edge: Cell::new(0),
            root: Cell::new(null_mut()),
            turn: Cell::new(0),
            len: Cell::new(0),
            chunks: Cell::new(0),
            front: Cell::new(Size::Small),
            flags: Cell::new(0),
        }
    }

    /// Entries.
    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.len.get())
    }

    /// Where the front chunk ends; zero without one.
    #[inline]
    pub(super) fn edge(&self) -> u64 {
        self.edge.get()
    }

    /// Begins anew: the front is to be of that size and starts at `position`. The index is empty.
    pub(super) fn begin(&self, position: u64, front: Size) {
        debug_assert!(self.len() == 0 && !self.is_spilled());
        self.edge.set(position + front.bytes() as u64);
        self.front.set(front);
    }

    fn is_spilled(&self) -> bool {
        self.flags.get() & SPILLED != 0
    }

    /// Notes that chunks came or went.
    pub(super) fn set_changed(&self) {
        self.flags.set(self.flags.get() | CHANGED);
    }

    /// Whether chunks came or went since that was last asked.
    #[inline]
    pub(super) fn take_changed(&self) -> bool {
        let flags = self.flags.get();
        if flags & CHANGED == 0 {
            return false;
        }
        self.flags.set(flags & !CHANGED);
        true
    }

    /// Where the front chunk starts.
    pub(super) fn start(&self) -> u64 {
        self.edge.get() - self.front.get().bytes() as u64
    }

    /// Bytes of memory of the chunks that it has, and of its table.
    pub(super) fn memory(&self) -> usize {
        let front = self.get(0).is_some();
        let behind = usize::from(self.chunks.get()) - usize::from(front);
        let table = if self.is_spilled() { SMALL } else { 0 };
        let front = if front { self.front.get().bytes() } else { 0 };
        front + behind * LARGE + table
    }

    /// Whether it was begun and not cleared.
    #[inline]
    pub(super) fn is_begun(&self) -> bool {
        self.edge.get() != 0
    }

    /// The size that the chunk of a number has.
    pub(super) fn size_of(&self, number: usize) -> Size {
        if number == 0 { self.front.get() } else { Size::Large }
    }

    /// Where a position lies that is not before the front chunk.
    #[inline]
    pub(super) fn place(&self, position: u64) -> Place {
        let edge = self.edge.get();
        if position < edge {
            let left = (edge - position) as usize;
            return Place { number: 0, from: self.front.get().bytes() - left, left };
        }
        let beyond = (position - edge) as usize;
        let from = beyond % LARGE;
        Place { number: 1 + beyond / LARGE, from, left: LARGE - from }
    }

    /// The chunk of a number, if there is one.
    #[inline]
    pub(super) fn get(&self, number: usize) -> Option<NonNull<Chunk>> {
        if number >= self.len() {
            return None;
        }
        let root = self.root.get();
        if !self.is_spilled() {
            return NonNull::new(root);
        }
        // SAFETY: the entry is inside the table, all entries up to `len` were set.
        NonNull::new(unsafe { *self.entry(number) })
    }

    /// Puts a chunk at a number, with empty entries before it where there are none yet.
    pub(super) fn set(&self, number: usize, chunk: NonNull<Chunk>) {
        debug_assert!(self.is_begun() && number < TABLE);
        if self.get(number).is_none() {
            self.chunks.set(self.chunks.get() + 1);
        }
        if number == 0 && !self.is_spilled() {
            self.root.set(chunk.as_ptr());
            self.len.set(1);
            return;
        }
        if !self.is_spilled() {
            self.spill();
        }
        for empty in self.len()..number {
            // SAFETY: inside the table, which is ours.
            unsafe { *self.entry(empty) = null_mut() };
        }
        // SAFETY: as above.
        unsafe { *self.entry(number) = chunk.as_ptr() };
        self.len.set(self.len.get().max(number as u16 + 1));
    }

    /// Takes the front entry out; the chunk behind it, which is there, becomes the front.
    pub(super) fn pop_front(&self) -> Option<NonNull<Chunk>> {
        debug_assert!(self.len() > 1);
        let chunk = self.get(0);
        self.chunks.set(self.chunks.get() - u16::from(chunk.is_some()));
        self.turn.set((self.turn.get() + 1) % TABLE as u16);
        self.len.set(self.len.get() - 1);
        self.front.set(Size::Large);
        self.edge.set(self.edge.get() + LARGE as u64);
        self.gather();
        chunk
    }

    /// Takes the last entry out.
    pub(super) fn pop_back(&self) -> Option<NonNull<Chunk>> {
        let last = self.len().checked_sub(1)?;
        let chunk = self.get(last);
        self.chunks.set(self.chunks.get() - u16::from(chunk.is_some()));
        self.len.set(last as u16);
        self.gather();
        chunk
    }

    /// Gives the table back if it has no more than one entry.
    fn gather(&self) {
        if self.len() > 1 || !self.is_spilled() {
            return;
        }
        let front = self.get(0).map_or(null_mut(), NonNull::as_ptr);
        self.flags.set(self.flags.get() & !SPILLED);
        let table = self.root.replace(front);
        // SAFETY: spilled, the root was a table of ours, and it is forgotten.
        unsafe { pool::put(NonNull::new_unchecked(table)) };
    }

    /// Forgets every chunk; who owns them is not its business.
    pub(super) fn clear(&self) {
        self.len.set(0);
        self.chunks.set(0);
        self.gather();
        self.root.set(null_mut());
        self.edge.set(0);
    }

    #[cold]
    fn spill(&self) {
        let table = pool::take(Size::Small);
        let front = self.root.replace(table.as_ptr());
        self.flags.set(self.flags.get() | SPILLED);
        self.turn.set(0);
        // SAFETY: inside the table, which is ours.
        unsafe { *self.entry(0) = front };
    }

    /// The entry of a number.
    ///
    /// # Safety
    /// the index is spilled. What is read was set before.
    #[inline]
    unsafe fn entry(&self, number: usize) -> *mut *mut Chunk {
        // SAFETY: spilled, the root is a small chunk that this index owns, never null, and
        // the sum is taken modulo the table's length.
        unsafe {
            let table = Chunk::table(NonNull::new_unchecked(self.root.get()));
            table.add((usize::from(self.turn.get()) + number) % TABLE)
        }
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn positions_lie_in_a_small_front_and_large_chunks_behind() {
        let index = Index::new();
        index.begin(100, Size::Small);
        let (small, large) = (Size::Small.bytes() as u64, LARGE as u64);
        let place = |position: u64| {
            let Place { number, from, left } = index.place(position);
            (number, from, left)
        };
        assert_eq!(place(100), (0, 0, small as usize));
        assert_eq!(place(100 + small - 1), (0, small as usize - 1, 1));
        assert_eq!(place(100 + small), (1, 0, LARGE));
        assert_eq!(place(100 + small + large), (2, 0, LARGE));
        assert_eq!(place(100 + small + 3 * large - 1), (3, LARGE - 1, 1));
    }

    #[test]
    fn entries_may_be_empty_and_the_table_goes_round() {
        let index = Index::new();
        index.begin(0, Size::Large);
        let chunks: Vec<_> = (0..4).map(|_| Chunk::allocate(Size::Small)).collect();
        index.set(0, chunks[0]);
        index.set(3, chunks[3]);
        assert_eq!((index.len(), index.get(1), index.get(3)), (4, None, Some(chunks[3])));
        for _ in 0..3 * TABLE {
            index.set(1, chunks[1]);
            assert!(index.pop_front().is_some());
            index.set(1, chunks[2]);
            assert_eq!((index.get(0), index.get(1)), (Some(chunks[1]), Some(chunks[2])));
            while index.len() > 1 {
                index.pop_back();
            }
        }
        assert_eq!(index.edge(), (3 * TABLE as u64 + 1) * LARGE as u64);
        index.clear();
        assert_eq!((index.len(), index.get(0), index.is_begun()), (0, None, false));
        // SAFETY: ours, and forgotten by the index.
        chunks.into_iter().for_each(|chunk| unsafe { Chunk::free(chunk) });
    }
}
