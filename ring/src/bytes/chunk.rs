//! The memory of byte streams: chunks of two sizes.
//!
//! A chunk is a small header and initialised bytes behind it, in one allocation. Small chunks hold
//! what a conversation of short messages needs, large ones what a stream needs; a small one also
//! serves as the table of an [`index`](super::index). Bytes an earlier owner left behind are
//! initialised memory like any other, and no reader sees a byte that was not committed in its own
//! stream, so nothing is cleared between owners.
//!
//! A chunk has one owner at a time, who alone touches it: the pool, a spare slot, the writer (from
//! when it was taken until its last byte is committed and its link is set), then the reader.

use crate::sync::{AtomicPtr, Leak, Ordering, Tracker};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::{NonNull, slice_from_raw_parts_mut};

/// The two sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Small,
    Large,
}

/// Bytes of a stream in a small chunk: two or three segments of Ethernet's size.
pub(super) const SMALL: usize = if cfg!(loom) {
    1
} else if cfg!(test) {
    8
} else {
    4096
};
/// Bytes of a stream in a large chunk: a whole GSO segment lies in two at most.
pub(super) const LARGE: usize = if cfg!(loom) {
    2
} else if cfg!(test) {
    32
} else {
    64 << 10
};
/// Pointers that fit into a small chunk used as a table.
pub(super) const TABLE: usize = if cfg!(loom) { 16 } else { 512 };

const _: () = assert!(LARGE.is_power_of_two() && TABLE.is_power_of_two() && SMALL <= LARGE);

impl Size {
    /// Bytes of a stream that it holds.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Small => SMALL,
            Self::Large => LARGE,
        }
    }

    const fn layout(self) -> Layout {
        let table = TABLE * size_of::<*mut Chunk>();
        let bytes = match self {
            Self::Small if SMALL < table => table,
            size => size.bytes(),
        };
        // Not aligned beyond what `calloc` gives, or the allocator would clear fresh pages by hand
        // and so touch them.
        match Layout::from_size_align(DATA + bytes, ALIGN) {
            Ok(layout) => layout,
            Err(_) => panic!("a chunk is not that large"),
        }
    }
}

/// The header of a chunk.
#[repr(C, align(16))]
pub(super) struct Chunk {
    /// The chunk that follows in the stream, or in a pool's list. Each owner hands the chunk on by
    /// a release operation of its own; that this is an atomic is only so that the header can be
    /// shared.
    next: AtomicPtr<Self>,
    size: Size,
    tracker: Tracker,
    _leak: Leak,
}

const ALIGN: usize = align_of::<Chunk>();
/// Where the bytes begin.
const DATA: usize = size_of::<Chunk>();

impl Chunk {
    /// Fresh memory.
    pub(super) fn allocate(size: Size) -> NonNull<Self> {
        let layout = size.layout();
        // SAFETY: the layout is not empty, it begins with a header.
        let base = unsafe { alloc_zeroed(layout) };
        let Some(chunk) = NonNull::new(base.cast::<Self>()) else { handle_alloc_error(layout) };
        let header = Self {
            next: AtomicPtr::new(std::ptr::null_mut()),
            size,
            tracker: Tracker::new(size.bytes()),
            _leak: Leak::new(),
        };
        // SAFETY: freshly allocated with room and alignment for a header.
        unsafe { chunk.write(header) };
        chunk
    }

    /// Gives the memory back to the allocator.
    ///
    /// # Safety
    /// The caller owns the chunk, which came from [`Chunk::allocate`], and nobody uses it again.
    pub(super) unsafe fn free(chunk: NonNull<Self>) {
        // SAFETY: the chunk is alive and ours, so its header is initialised.
        let layout = unsafe { chunk.as_ref() }.size.layout();
        // SAFETY: as above; the header is dropped once, and the memory was allocated with this
        // very layout.
        unsafe {
            chunk.drop_in_place();
            dealloc(chunk.as_ptr().cast(), layout);
        }
    }

    pub(super) fn size(&self) -> Size {
        self.size
    }

    pub(super) fn next(&self) -> *mut Self {
        self.next.load(Ordering::Relaxed)
    }

    pub(super) fn set_next(&self, next: *mut Self) {
        self.next.store(next, Ordering::Relaxed);
    }

    /// `len` bytes from `from` on, which somebody is about to write.
    ///
    /// # Safety
    /// The chunk is alive and `from + len` is within its size.
    #[inline]
    pub(super) unsafe fn to_write(chunk: NonNull<Self>, from: usize, len: usize) -> *mut [u8] {
        // SAFETY: alive, says the caller; headers are never mutably borrowed.
        unsafe { chunk.as_ref() }.tracker.writing(from, len);
        // SAFETY: as asked of the caller.
        unsafe { Self::bytes(chunk, from, len) }
    }

    /// `len` bytes from `from` on, which somebody is about to read.
    ///
    /// # Safety
    /// The chunk is alive and `from + len` is within its size.
    #[inline]
    pub(super) unsafe fn to_read(chunk: NonNull<Self>, from: usize, len: usize) -> *const [u8] {
        // SAFETY: alive, says the caller; headers are never mutably borrowed.
        unsafe { chunk.as_ref() }.tracker.reading(from, len);
        // SAFETY: as asked of the caller.
        unsafe { Self::bytes(chunk, from, len) }
    }

    #[inline]
    unsafe fn bytes(chunk: NonNull<Self>, from: usize, len: usize) -> *mut [u8] {
        // SAFETY: the bytes lie `DATA` behind the start of an allocation with at least
        // `DATA + from + len` bytes, says the caller.
        let start = unsafe { chunk.as_ptr().cast::<u8>().add(DATA + from) };
        slice_from_raw_parts_mut(start, len)
    }

    /// The bytes of a small chunk as a table of [`TABLE`] pointers, whatever they hold.
    ///
    /// # Safety
    /// The chunk is alive, small, and the caller owns it.
    #[inline]
    pub(super) unsafe fn table(chunk: NonNull<Self>) -> *mut *mut Self {
        // SAFETY: a small chunk has room for the table (`Size::layout`), and `DATA` is a multiple
        // of the header's alignment, which is more than a pointer's.
        unsafe { chunk.as_ptr().cast::<u8>().add(DATA).cast() }
    }
}
