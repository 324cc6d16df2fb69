//! Frames: move-only handles of the buffers of a port's memory.
//!
//! A port cuts one region of memory into equal buffers and makes one [`Frame`] for each, once. From
//! then on a handle only moves: into the receive ring, to the shard, back through the return ring,
//! into a slot of the port while the kernel holds the buffer. Whoever has the handle, and nobody
//! else, may touch the bytes; so at any time each buffer is in exactly one of the places that
//! [`FrameAccount`] counts, and the sum is the number of buffers. A handle that is dropped takes
//! its buffer out of circulation until the port is reopened, and the account shows it as held by
//! the stack.
//!
//! A handle keeps the region alive, so a shard may outlive its port. The region of an AF_XDP port
//! also keeps its queue: that can be opened again when the last handle is gone.
//!
//! `unsafe` here is about one thing: the bytes behind a handle belong to its holder.

use std::alloc::{Layout, handle_alloc_error};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
use std::fmt;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use wire::offload::{RxMeta, TxMeta};

/// Bytes before the frame in each buffer of ordinary memory: room for a device header in front of
/// it.
pub(crate) const HEADROOM: u32 = 64;

/// Cache lines that hold the headers of most frames.
#[cfg(target_arch = "x86_64")]
const HEADER_LINES: usize = 2;

/// A move-only handle of one buffer of a port.
pub struct Frame {
    /// The first byte of the buffer.
    base: NonNull<u8>,
    /// Bytes of the buffer.
    size: u32,
    /// Where in the buffer the frame starts; at most `size`.
    start: u32,
    /// Bytes of the frame; at most `size - start`.
    len: u32,
    /// Which buffer of the region.
    index: u32,
    /// The region, kept alive. Never looked at.
    memory: Arc<Memory>,
}

// SAFETY: the pointer is to memory that `memory` keeps alive and that may be freed on any thread,
// and the holder of a frame is the only one to touch its bytes, whichever thread that is.
unsafe impl Send for Frame {}
// SAFETY: through `&Frame` the bytes can only be read.
unsafe impl Sync for Frame {}

impl Frame {
    /// Makes the handle of buffer `index`.
    ///
    /// # Safety `size` bytes at `base` lie in `memory`, are initialised, and belong to nobody else
    /// for as long as the handle is not with the kernel: there is one handle for each buffer.
    pub(crate) unsafe fn new(
        base: NonNull<u8>,
        size: u32,
        start: u32,
        index: u32,
        memory: Arc<Memory>,
    ) -> Self {
        debug_assert!(start <= size);
        Self { base, size, start, len: size - start, index, memory }
    }

    /// The frame's bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `start + len <= size`, and the buffer is ours (see `new`).
        unsafe {
            slice::from_raw_parts(self.base.as_ptr().add(self.start as usize), self.len as usize)
        }
    }

    /// The frame's bytes, to write. A free frame comes with `len() == capacity()`, so this is all
    /// that may be written; call [`Frame::set_len`] after that.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: `start + len <= size`, and the buffer is ours alone (see `new`).
        unsafe {
            slice::from_raw_parts_mut(
                self.base.as_ptr().add(self.start as usize),
                self.len as usize,
            )
        }
    }

    /// Everything from the start of the frame to the end of its buffer, whatever the length is.
    #[inline]
    pub fn buffer_mut(&mut self) -> &mut [u8] {
        let room = self.capacity();
        // SAFETY: `start + capacity == size`, and the buffer is ours alone (see `new`).
        unsafe { slice::from_raw_parts_mut(self.base.as_ptr().add(self.start as usize), room) }
    }

    /// Bytes of the frame.
    #[inline]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether the frame has no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The most bytes the frame can have.
    #[inline]
    pub fn capacity(&self) -> usize {
        (self.size - self.start) as usize
    }

    /// Sets how many bytes the frame has; at most the capacity counts.
    #[inline]
    pub fn set_len(&mut self, len: usize) {
        self.len = len.min(self.capacity()) as u32;
    }

    /// Begins to fetch the headers into the cache: whoever wrote them did so on another core.
    #[inline]
    pub(crate) fn prefetch(&self) {
        #[cfg(target_arch = "x86_64")]
        for line in 0..HEADER_LINES {
            let at = self.base.as_ptr().wrapping_add(self.start as usize + 64 * line);
            // SAFETY: a hint, which reads nothing and cannot fault.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast_const().cast()) };
        }
    }

    /// Which buffer of the port's memory this is.
    #[inline]
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// The region the buffer is in.
    #[inline]
    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// Where in its buffer the frame starts.
    #[inline]
    pub(crate) fn start(&self) -> u32 {
        self.start
    }

    /// Moves the start, and makes the frame as long as it can be. Out of range counts as the end.
    #[inline]
    pub(crate) fn reset(&mut self, start: u32) {
        self.start = start.min(self.size);
        self.len = self.size - self.start;
    }

    /// Moves the bytes to the start of the buffer.
    pub(crate) fn compact(&mut self) {
        let (from, len) = (self.start as usize, self.len());
        self.reset(0);
        self.buffer_mut().copy_within(from..from + len, 0);
        self.set_len(len);
    }

    /// The `len` bytes before the frame, if its buffer has as many, together with the frame.
    #[inline]
    pub(crate) fn with_prefix_mut(&mut self, len: u32) -> Option<&mut [u8]> {
        let start = self.start.checked_sub(len)?;
        // SAFETY: `start + len + self.len <= size`, and the buffer is ours alone (see `new`).
        Some(unsafe {
            slice::from_raw_parts_mut(
                self.base.as_ptr().add(start as usize),
                (len + self.len) as usize,
            )
        })
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("index", &self.index)
            .field("start", &self.start)
            .field("len", &self.len)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// A frame that arrived.
#[derive(Debug)]
pub struct RxFrame {
    /// The bytes.
    pub frame: Frame,
    /// What the device said about them.
    pub meta: RxMeta,
}

/// A frame to send. The port sends [`Frame::len`] bytes.
#[derive(Debug)]
pub struct TxFrame {
    /// The bytes.
    pub frame: Frame,
    /// What is left to the device, or to the edge if the device cannot.
    pub meta: TxMeta,
}

/// Where the buffers of a port are. `total` is always the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameAccount {
    /// All buffers of the port.
    pub total: u32,
    /// With the kernel, to receive into.
    pub fill: u32,
    /// Received, and waiting for the shard.
    pub rx: u32,
    /// With the shard, or lost by it.
    pub stack: u32,
    /// Waiting to be sent.
    pub tx: u32,
    /// Given to the kernel to send, and not yet reported as sent.
    pub completion: u32,
    /// Free: with the port, or waiting in the ring of free frames, or on the way home.
    pub free: u32,
}

impl FrameAccount {
    /// Whether every buffer is accounted for.
    pub fn is_conserved(&self) -> bool {
        let Self { total, fill, rx, stack, tx, completion, free } = *self;
        fill + rx + stack + tx + completion + free == total
    }
}

/// What keeps a port's buffers alive.
pub(crate) enum Memory {
    /// Ordinary memory.
    Heap(#[expect(dead_code, reason = "held for its drop")] Slab),
    /// The memory an AF_XDP socket shares with the kernel.
    Umem(#[expect(dead_code, reason = "held for its drop")] xsk_rs::Umem),
}

/// Zeroed memory, given by the kernel page by page as it is touched.
pub(crate) struct Slab {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the slab itself only frees the memory; access is by frames.
unsafe impl Send for Slab {}
// SAFETY: as above, there is nothing to do with a `&Slab`.
unsafe impl Sync for Slab {}

impl Slab {
    fn new(len: usize) -> Self {
        let len = len.max(1);
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping where the kernel likes, of nobody else's memory.
        let base = unsafe { mmap_anonymous(ptr::null_mut(), len, access, MapFlags::PRIVATE) };
        let Some(base) = base.ok().and_then(|base| NonNull::new(base.cast())) else {
            // As any allocation that fails.
            handle_alloc_error(Layout::from_size_align(len, 1).unwrap_or(Layout::new::<u8>()));
        };
        Self { base, len }
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length, and unmapped once; no frame is left, because
        // each keeps the slab.
        let unmapped = unsafe { munmap(self.base.as_ptr().cast(), self.len) };
        debug_assert!(unmapped.is_ok());
    }
}

/// Cuts ordinary memory into `count` frames that can hold `capacity` bytes each, with [`HEADROOM`].
///
/// Buffers are an odd number of cache lines apart, so that the headers of many frames do not
/// compete for the same few sets of a cache.
pub(crate) fn heap_frames(count: u32, capacity: u32) -> Vec<Frame> {
    let lines = (HEADROOM + capacity).div_ceil(64) | 1;
    let size = lines * 64;
    let slab = Slab::new(count as usize * size as usize);
    let first = slab.base;
    let memory = Arc::new(Memory::Heap(slab));
    (0..count)
        .map(|index| {
            // SAFETY: `count` buffers of `size` bytes fit into the slab, which is zeroed and kept
            // alive by `memory`; they do not overlap, and each gets one handle.
            unsafe {
                let base = first.add(index as usize * size as usize);
                Frame::new(base, size, HEADROOM, index, memory.clone())
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_do_not_overlap_and_hold_what_they_promise() {
        let mut frames = heap_frames(8, 1514);
        for (i, frame) in frames.iter_mut().enumerate() {
            assert!(frame.capacity() >= 1514);
            assert_eq!(frame.len(), frame.capacity());
            frame.buffer_mut().fill(i as u8 + 1);
            assert!(frame.with_prefix_mut(HEADROOM).is_some());
            assert!(frame.with_prefix_mut(HEADROOM + 1).is_none());
        }
        for (i, frame) in frames.iter().enumerate() {
            assert!(frame.bytes().iter().all(|&b| b == i as u8 + 1));
        }
    }

    #[test]
    fn lengths_and_starts_are_clamped_to_the_buffer() {
        let mut frame = heap_frames(1, 100).pop().unwrap();
        let capacity = frame.capacity();
        frame.set_len(usize::MAX);
        assert_eq!(frame.len(), capacity);
        frame.reset(u32::MAX);
        assert_eq!((frame.len(), frame.capacity()), (0, 0));
        frame.reset(HEADROOM);
        assert_eq!(frame.len(), capacity);
    }

    #[test]
    fn a_frame_outlives_the_pool_it_came_from() {
        let mut frames = heap_frames(4, 64);
        let mut frame = frames.pop().unwrap();
        drop(frames);
        frame.bytes_mut().fill(7);
        assert!(frame.bytes().iter().all(|&b| b == 7));
    }

    #[test]
    fn a_handle_is_half_a_cache_line() {
        assert_eq!(size_of::<Frame>(), 32);
    }
}
