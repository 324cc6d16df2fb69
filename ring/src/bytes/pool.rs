//! Where empty chunks wait: a small store per thread, and a depot that threads share.
//!
//! A stack's thread takes a chunk when a segment comes and puts it back when the application has
//! read it, millions of times a second; the store is a list in last-in first-out order, so a few
//! chunks that are warm in the cache serve all connections. Where chunks wander from one thread to
//! another (the application fills them, the stack's thread gives them back), one store runs over
//! and the other dry; the depot evens that out, a whole batch under one lock. What neither has room
//! for goes back to the allocator.

use super::chunk::{Chunk, Size};
use std::ptr::NonNull;

/// A chunk that holds nothing, of any thread's.
#[inline]
pub(super) fn take(size: Size) -> NonNull<Chunk> {
    #[cfg(all(test, not(loom)))]
    TAKEN.with(|taken| taken.set(taken.get() + size.bytes() as isize));
    store::take(size).unwrap_or_else(|| Chunk::allocate(size))
}

/// Gives an empty chunk back.
///
/// # Safety
/// The caller owns the chunk and does not use it again.
#[inline]
pub(super) unsafe fn put(chunk: NonNull<Chunk>) {
    #[cfg(all(test, not(loom)))]
    // SAFETY: the chunk is alive and the caller's.
    TAKEN.with(|taken| taken.set(taken.get() - unsafe { chunk.as_ref() }.size().bytes() as isize));
    // SAFETY: as asked of the caller.
    unsafe { store::put(chunk) };
}

#[cfg(all(test, not(loom)))]
thread_local! {
    /// Bytes of memory that this thread has taken and not put back; other threads may put it back.
    pub(super) static TAKEN: std::cell::Cell<isize> = const { std::cell::Cell::new(0) };
}

/// Loom explores threads of its own, which share this thread's store without an order between
/// them: there is none then.
#[cfg(loom)]
mod store {
    use super::*;

    pub(super) fn take(_size: Size) -> Option<NonNull<Chunk>> {
        None
    }

    pub(super) unsafe fn put(chunk: NonNull<Chunk>) {
        // SAFETY: as asked of the caller.
        unsafe { Chunk::free(chunk) };
    }
}

#[cfg(not(loom))]
mod store {
    use super::*;
    use std::cell::RefCell;
    use std::sync::{Mutex, PoisonError};

    /// How many chunks move between a thread's store and the depot at a time; a store keeps at most
    /// twice as many (1.5 MiB in all). Few large ones, because those that wait in a store are out
    /// of turn: a stream from thread to thread walks through all of them, and should stay in the
    /// cache.
    const BATCH: Batches = Batches { small: 128, large: 4 };
    /// How many chunks the depot keeps (16 and 64 MiB).
    const DEPOT: Batches = Batches { small: 4096, large: 1024 };

    struct Batches {
        small: usize,
        large: usize,
    }

    impl Batches {
        const fn of(&self, size: Size) -> usize {
            match size {
                Size::Small => self.small,
                Size::Large => self.large,
            }
        }
    }

    /// Empty chunks of one size, owned, linked by their headers.
    pub(super) struct List {
        first: *mut Chunk,
        len: usize,
    }

    // SAFETY: the list owns its chunks, which are plain memory without thread affinity.
    unsafe impl Send for List {}

    impl List {
        const EMPTY: Self = Self { first: std::ptr::null_mut(), len: 0 };

        /// # Safety
        /// The caller owns the chunk and gives it up.
        unsafe fn push(&mut self, chunk: NonNull<Chunk>) {
            // SAFETY: the chunk is alive and ours.
            unsafe { chunk.as_ref() }.set_next(self.first);
            self.first = chunk.as_ptr();
            self.len += 1;
        }

        fn pop(&mut self) -> Option<NonNull<Chunk>> {
            let chunk = NonNull::new(self.first)?;
            // SAFETY: what is in the list is alive and belongs to it.
            self.first = unsafe { chunk.as_ref() }.next();
            self.len -= 1;
            Some(chunk)
        }

        /// Moves up to `n` chunks to another list.
        fn move_to(&mut self, other: &mut Self, n: usize) {
            for _ in 0..n {
                let Some(chunk) = self.pop() else { return };
                // SAFETY: just taken out, so ours.
                unsafe { other.push(chunk) };
            }
        }
    }

    impl Drop for List {
        fn drop(&mut self) {
            while let Some(chunk) = self.pop() {
                // SAFETY: just taken out, so ours, and nobody uses it again.
                unsafe { Chunk::free(chunk) };
            }
        }
    }

    struct Store {
        small: List,
        large: List,
    }

    impl Store {
        const fn new() -> Self {
            Self { small: List::EMPTY, large: List::EMPTY }
        }

        fn list(&mut self, size: Size) -> &mut List {
            match size {
                Size::Small => &mut self.small,
                Size::Large => &mut self.large,
            }
        }
    }

    thread_local! {
        static OWN: RefCell<Store> = const { RefCell::new(Store::new()) };
    }
    static SHARED: Mutex<Store> = Mutex::new(Store::new());

    #[inline]
    pub(super) fn take(size: Size) -> Option<NonNull<Chunk>> {
        // A thread that is ending has no store any more.
        OWN.try_with(|own| {
            let mut own = own.borrow_mut();
            let list = own.list(size);
            if list.len == 0 {
                refill(list, size);
            }
            list.pop()
        })
        .ok()
        .flatten()
    }

    /// # Safety
    /// As [`super::put`].
    #[inline]
    pub(super) unsafe fn put(chunk: NonNull<Chunk>) {
        // SAFETY: the chunk is alive and ours.
        let size = unsafe { chunk.as_ref() }.size();
        let kept = OWN.try_with(|own| {
            let mut own = own.borrow_mut();
            let list = own.list(size);
            if list.len >= 2 * BATCH.of(size) {
                spill(list, size);
            }
            // SAFETY: ours, says the caller.
            unsafe { list.push(chunk) };
        });
        if kept.is_err() {
            // SAFETY: ours, and the store did not take it.
            unsafe { Chunk::free(chunk) };
        }
    }

    #[cold]
    fn refill(list: &mut List, size: Size) {
        let mut depot = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        depot.list(size).move_to(list, BATCH.of(size));
    }

    #[cold]
    fn spill(list: &mut List, size: Size) {
        let mut batch = List::EMPTY;
        list.move_to(&mut batch, BATCH.of(size));
        let mut depot = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf = depot.list(size);
        let room = DEPOT.of(size).saturating_sub(shelf.len);
        batch.move_to(shelf, room);
        drop(depot);
        // What is left of the batch goes back to the allocator here, without the lock.
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn own(size: Size) -> usize {
            OWN.with(|own| own.borrow_mut().list(size).len)
        }

        #[test]
        fn a_chunk_that_was_put_back_last_is_taken_first() {
            let (a, b) = (super::super::take(Size::Large), super::super::take(Size::Large));
            // SAFETY: both are ours and not used afterwards.
            unsafe { (put(a), put(b)) };
            assert_eq!(super::super::take(Size::Large), b);
            assert_ne!(super::super::take(Size::Small), a, "sizes are not mixed");
            // SAFETY: as above.
            unsafe { put(b) };
        }

        #[test]
        fn a_thread_keeps_a_bounded_number_and_the_depot_passes_on_the_rest() {
            let depot = || SHARED.lock().unwrap().list(Size::Small).len;
            let many = 5 * BATCH.small;
            let passed_on = || {
                let chunks: Vec<_> = (0..many).map(|_| super::super::take(Size::Small)).collect();
                for chunk in chunks {
                    // SAFETY: ours, and not used afterwards.
                    unsafe { put(chunk) };
                    assert!(own(Size::Small) <= 2 * BATCH.small);
                }
                let newcomer = std::thread::spawn(|| {
                    let chunk = super::super::take(Size::Small);
                    let came = own(Size::Small);
                    // SAFETY: ours, and not used afterwards.
                    unsafe { put(chunk) };
                    came
                });
                newcomer.join().unwrap()
            };
            // The depot is one for the whole process, and other tests may empty it in between.
            let whole_batch = (0..100).any(|_| passed_on() == BATCH.small - 1);
            assert!(whole_batch, "a whole batch never came");
            assert!(depot() <= DEPOT.small);
        }
    }
}
