//! The memory of byte rings, and a small store of it per thread.
//!
//! Fresh memory comes zeroed from the allocator and stays unmapped until it is first written. A
//! connection that lives for a few packets would then spend most of its life on page faults, or on
//! zeroing what the allocator recycles. So a thread keeps the large regions that it lets go, up to
//! [`KEPT_BYTES`], and hands them out again as they are: bytes of an earlier stream are initialised
//! memory, and no reader sees a byte that was not committed in its own stream.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::ptr::NonNull;

/// Regions below this size are not worth keeping.
const KEPT_FROM: usize = 64 << 10;
/// Most bytes that one thread keeps.
const KEPT_BYTES: usize = 64 << 20;

/// Initialised memory of a fixed size, owned.
pub(crate) struct Region {
    base: NonNull<u8>,
    capacity: usize,
}

// SAFETY: a region is plain initialised memory without thread affinity, and hands out nothing but its
// address.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept { regions: Vec::new(), bytes: 0 }) };
}

/// What a thread has let go and not yet given back to the allocator.
struct Kept {
    regions: Vec<Region>,
    bytes: usize,
}

impl Region {
    /// Memory of `capacity` bytes, which is at least one.
    pub(crate) fn new(capacity: usize) -> Self {
        Self::kept(capacity).unwrap_or_else(|| Self::fresh(capacity))
    }

    /// Gives the memory back, to this thread's store where there is room.
    pub(crate) fn retire(self) {
        if self.capacity < KEPT_FROM {
            return;
        }
        // A thread that is ending has no store any more: the region is then freed with the closure.
        let _ = KEPT.try_with(|kept| {
            let kept = &mut *kept.borrow_mut();
            if kept.bytes + self.capacity <= KEPT_BYTES {
                kept.bytes += self.capacity;
                kept.regions.push(self);
            }
        });
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn kept(capacity: usize) -> Option<Self> {
        if capacity < KEPT_FROM {
            return None;
        }
        let find = |kept: &RefCell<Kept>| {
            let kept = &mut *kept.borrow_mut();
            let at = kept.regions.iter().rposition(|region| region.capacity == capacity)?;
            kept.bytes -= capacity;
            Some(kept.regions.swap_remove(at))
        };
        KEPT.try_with(find).ok().flatten()
    }

    fn fresh(capacity: usize) -> Self {
        let layout = Self::layout(capacity);
        // SAFETY: the caller asks for at least one byte.
        let base = unsafe { alloc_zeroed(layout) };
        let Some(base) = NonNull::new(base) else { handle_alloc_error(layout) };
        Self { base, capacity }
    }

    /// Alignment 16 is what `calloc` gives; more would make the allocator zero (and so touch) the
    /// pages by hand.
    fn layout(capacity: usize) -> Layout {
        Layout::from_size_align(capacity, 16).expect("a ring's size is bounded")
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: allocated in `fresh` with this very layout, and freed once.
        unsafe { dealloc(self.base.as_ptr(), Self::layout(self.capacity)) };
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn kept_bytes() -> usize {
        KEPT.with(|kept| kept.borrow().bytes)
    }

    #[test]
    fn a_large_region_is_handed_out_again() {
        let region = Region::new(KEPT_FROM);
        let base = region.base();
        region.retire();
        assert_eq!(kept_bytes(), KEPT_FROM);
        let other = Region::new(2 * KEPT_FROM);
        assert_ne!(other.base(), base, "sizes are not mixed");
        assert_eq!(Region::new(KEPT_FROM).base(), base);
    }

    #[test]
    fn a_thread_keeps_a_bounded_number_of_bytes() {
        let regions: Vec<Region> =
            (0..KEPT_BYTES / (1 << 20) + 8).map(|_| Region::new(1 << 20)).collect();
        regions.into_iter().for_each(Region::retire);
        assert_eq!(kept_bytes(), KEPT_BYTES);
    }

    #[test]
    fn small_regions_go_back_at_once() {
        Region::new(4096).retire();
        assert_eq!(kept_bytes(), 0);
    }
}
