//! A bounded ring of bytes with one writer and one reader: the buffer between a socket and its
//! user.
//!
//! ```
//! let (mut tx, mut rx) = ring::byte_ring(4096);
//! assert_eq!(tx.write(b"hello"), 5);
//! let mut word = [0; 8];
//! assert_eq!(rx.read(&mut word), 5);
//! assert_eq!(&word[..5], b"hello");
//! tx.finish();
//! assert!(rx.is_finished());
//! ```
//!
//! Beyond a stream of bytes it carries what a socket needs: an end ([`Writer::finish`]), an error
//! that comes after the data ([`Writer::fail`]), and waiting flags for a doorbell between sleepers.
//! The writer may fill the free region in any order before it commits ([`Writer::slices_at`]),
//! which is where data that arrived out of order waits; the reader may look at bytes for as long as
//! it likes before it releases them ([`Reader::peek_at`]), which makes the ring a retransmission
//! buffer.
//!
//! A waiting half and its waker, with the writer as the waker:
//!
//! | reader | writer |
//! |---|---|
//! | `set_waiting(true)` | `write(..)` or `finish()` |
//! | look again; sleep if still nothing | `take_reader_waiting()`: ring the bell if `true` |
//! | woken: `set_waiting(false)` and from the top | |
//!
//! The waker takes the flag, so a sleeper that wakes for nothing must set it again before it sleeps
//! on.
//!
//! Requests that do not fit are cut to what fits, so no call here panics. A large ring takes no pages
//! until it is written, or takes over the memory of one that is gone (`region`); what lay there
//! before is never read.

use crate::cursor::{Head, Shared, Tail, round_up};
use crate::region::Region;
use crate::sync::{Arc, Ordering, Tracker};
use std::ptr::{NonNull, slice_from_raw_parts_mut};

#[cfg(all(test, not(loom)))]
mod tests;

/// Makes a ring of at least `capacity` bytes (rounded up to a power of two).
pub fn byte_ring(capacity: usize) -> (Writer, Reader) {
    let capacity = round_up(capacity);
    let ring = Arc::new(Ring { shared: Shared::new(), memory: Memory::new(capacity) });
    (Writer { tail: Tail::new(capacity), ring: ring.clone() }, Reader { head: Head::new(), ring })
}

/// `Flags::end`: the stream has ended in order.
const FINISHED: u32 = 1 << 16;
/// `Flags::end`: the stream has failed; the code is in the low 16 bits.
const FAILED: u32 = 1 << 17;

struct Ring {
    shared: Shared,
    memory: Memory,
}

/// The memory, addressed by stream position.
struct Memory {
    /// Taken out only when the ring goes.
    region: Option<Region>,
    base: NonNull<u8>,
    capacity: usize,
    tracker: Tracker,
}

// SAFETY: the address is that of `region`, which is plain memory without thread affinity. Only raw
// pointers are handed out; `Writer` and `Reader` turn them into references to disjoint parts, see
// there.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    fn new(capacity: usize) -> Self {
        // `round_up` makes the size at least one.
        let region = Region::new(capacity);
        let base = region.base();
        Self { region: Some(region), base, capacity, tracker: Tracker::new(capacity) }
    }

    /// Where `len` bytes from a stream position lie: one piece up to the wrap point, one after it.
    #[inline]
    fn span(&self, position: u64, len: usize) -> (*mut [u8], *mut [u8]) {
        debug_assert!(len <= self.capacity);
        let start = position as usize & (self.capacity - 1);
        let first = len.min(self.capacity - start);
        // SAFETY: `start < capacity`, so the result is inside the allocation.
        let at_start = unsafe { self.base.as_ptr().add(start) };
        (
            slice_from_raw_parts_mut(at_start, first),
            slice_from_raw_parts_mut(self.base.as_ptr(), len - first),
        )
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Some(region) = self.region.take() {
            region.retire();
        }
    }
}

/// The half that bytes go into.
pub struct Writer {
    tail: Tail,
    ring: Arc<Ring>,
}

impl Writer {
    /// How many bytes the ring holds at most.
    pub fn capacity(&self) -> usize {
        self.ring.memory.capacity
    }

    /// How many bytes fit at this moment (more may fit a moment later).
    pub fn free(&self) -> usize {
        self.tail.room_now(&self.ring.shared)
    }

    /// How many committed bytes the reader has not released at this moment.
    pub fn buffered(&self) -> usize {
        self.capacity() - self.free()
    }

    /// Total of bytes committed since the ring was made.
    pub fn position(&self) -> u64 {
        self.tail.position()
    }

    /// Copies in and commits as much of `data` as fits, and returns how much. Nothing fits once the
    /// stream has ended.
    pub fn write(&mut self, data: &[u8]) -> usize {
        if self.is_finished() {
            return 0;
        }
        let (first, second) = self.slices_at(0, data.len());
        let (a, b) = (first.len(), second.len());
        first.copy_from_slice(&data[..a]);
        second.copy_from_slice(&data[a..a + b]);
        self.commit(a + b)
    }

    /// The free bytes from `offset` beyond the committed end on, `len` of them, in two pieces if
    /// they cross the wrap point. A range beyond [`Writer::free`] is cut off there. What is put in
    /// stays until it is committed, however long that takes and whatever is committed before it.
    #[inline]
    pub fn slices_at(&mut self, offset: usize, len: usize) -> (&mut [u8], &mut [u8]) {
        let room = self.tail.room(offset.saturating_add(len), &self.ring.shared);
        let offset = offset.min(room);
        let len = len.min(room - offset);
        let position = self.tail.position() + offset as u64;
        self.ring.memory.tracker.writing(position, len);
        let (first, second) = self.ring.memory.span(position, len);
        // SAFETY: `offset + len <= room`, so both pieces are free: the reader makes references only
        // to committed bytes that it has not released, and its reads of what lay here before are
        // ordered before the acquire load of `head` behind `room`. The memory is initialised.
        // There is one writer, and the borrow of `self` keeps it from making a second
        // reference or committing. The pieces do not overlap as `len <= capacity`.
        unsafe { (&mut *first, &mut *second) }
    }

    /// Hands the first `n` free bytes to the reader and returns how many (all of them, unless `n`
    /// is more than [`Writer::free`] or the stream has ended).
    #[inline]
    pub fn commit(&mut self, n: usize) -> usize {
        let n = n.min(self.tail.room(n, &self.ring.shared));
        if n == 0 || self.is_finished() {
            return 0;
        }
        self.tail.advance(n, &self.ring.shared);
        n
    }

    /// Ends the stream in order: after the committed bytes comes the end. Does nothing after
    /// [`Writer::fail`].
    pub fn finish(&mut self) {
        let end = &self.ring.shared.flags.0.end;
        if end.load(Ordering::Relaxed) == 0 {
            end.store(FINISHED, Ordering::Release);
        }
    }

    /// Ends the stream with an error that comes after the committed bytes. The first error stays;
    /// it replaces an end in order.
    pub fn fail(&mut self, code: u16) {
        let end = &self.ring.shared.flags.0.end;
        if end.load(Ordering::Relaxed) & FAILED == 0 {
            end.store(FAILED | u32::from(code), Ordering::Release);
        }
    }

    /// Whether [`Writer::finish`] or [`Writer::fail`] was called.
    pub fn is_finished(&self) -> bool {
        self.ring.shared.flags.0.end.load(Ordering::Relaxed) != 0
    }

    /// Whether the reader is gone, so that nobody will take what is written.
    pub fn reader_gone(&self) -> bool {
        self.ring.shared.flags.0.consumer.is_gone()
    }

    /// Announces that this half sleeps until there is room. After `true`, look at [`Writer::free`]
    /// once more before sleeping.
    pub fn set_waiting(&self, waiting: bool) {
        self.ring.shared.flags.0.producer.set_waiting(waiting);
    }

    /// Whether the reader announced sleep. Ask after committing (it costs a full fence: once a
    /// batch).
    pub fn reader_waiting(&self) -> bool {
        self.ring.shared.flags.0.consumer.is_waiting()
    }

    /// Like [`Writer::reader_waiting`], and clears the flag, so that one sleep gets one bell.
    pub fn take_reader_waiting(&self) -> bool {
        self.ring.shared.flags.0.consumer.take_waiting()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.ring.shared.flags.0.producer.leave();
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("position", &self.position())
            .field("free", &self.free())
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// The half that bytes come out of.
pub struct Reader {
    head: Head,
    ring: Arc<Ring>,
}

impl Reader {
    /// How many bytes the ring holds at most.
    pub fn capacity(&self) -> usize {
        self.ring.memory.capacity
    }

    /// How many bytes are there at this moment (more may come a moment later).
    pub fn len(&self) -> usize {
        self.head.filled_now(&self.ring.shared)
    }

    /// Whether there is nothing to read at this moment.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Total of bytes released since the ring was made.
    pub fn position(&self) -> u64 {
        self.head.position()
    }

    /// All bytes that are there, in two pieces if they cross the wrap point.
    pub fn peek(&self) -> (&[u8], &[u8]) {
        self.peek_at(0, usize::MAX)
    }

    /// The bytes from `offset` on, `len` of them or as many as are there.
    #[inline]
    pub fn peek_at(&self, offset: usize, len: usize) -> (&[u8], &[u8]) {
        let filled = self.len();
        let offset = offset.min(filled);
        let len = len.min(filled - offset);
        let position = self.head.position() + offset as u64;
        self.ring.memory.tracker.reading(position, len);
        let (first, second) = self.ring.memory.span(position, len);
        // SAFETY: `offset + len <= filled`, so both pieces are committed and not released: the
        // writer makes references to free bytes only, and its writes here are ordered before the
        // acquire load of `tail` behind `len`. They stay ours until `release`, which the borrow of
        // `self` excludes.
        unsafe { (&*first, &*second) }
    }

    /// Copies out and releases as many bytes as are there and `out` takes, and returns how many.
    pub fn read(&mut self, out: &mut [u8]) -> usize {
        let (first, second) = self.peek_at(0, out.len());
        let (a, b) = (first.len(), second.len());
        out[..a].copy_from_slice(first);
        out[a..a + b].copy_from_slice(second);
        self.release(a + b)
    }

    /// Gives the first `n` bytes back to the writer and returns how many (all of them, unless fewer
    /// are there).
    #[inline]
    pub fn release(&mut self, n: usize) -> usize {
        let n = n.min(self.head.filled(n, &self.ring.shared));
        if n > 0 {
            self.head.advance(n, &self.ring.shared);
        }
        n
    }

    /// Whether the stream has ended (in order or by an error) and every byte was released.
    pub fn is_finished(&self) -> bool {
        self.finish_requested() && self.is_empty()
    }

    /// Whether the stream has ended (in order or by an error); bytes may be left to read.
    pub fn finish_requested(&self) -> bool {
        self.end() != 0
    }

    /// The error the stream ended with, once every byte before it was released.
    pub fn error(&self) -> Option<u16> {
        // The end is loaded before the length: bytes committed before the end are then seen too.
        self.pending_error().filter(|_| self.is_empty())
    }

    /// The error the stream will end with, though bytes may be left to read.
    pub fn pending_error(&self) -> Option<u16> {
        let end = self.end();
        (end & FAILED != 0).then_some(end as u16)
    }

    fn end(&self) -> u32 {
        self.ring.shared.flags.0.end.load(Ordering::Acquire)
    }

    /// Whether the writer is gone. Bytes it left can still be read, so look once more at an empty
    /// ring after this said `true`. A writer that left without an end broke off.
    pub fn writer_gone(&self) -> bool {
        self.ring.shared.flags.0.producer.is_gone()
    }

    /// Announces that this half sleeps until there are bytes or an end. After `true`, look at
    /// [`Reader::is_empty`] and [`Reader::finish_requested`] once more before sleeping.
    pub fn set_waiting(&self, waiting: bool) {
        self.ring.shared.flags.0.consumer.set_waiting(waiting);
    }

    /// Whether the writer announced sleep. Ask after releasing (it costs a full fence: once a
    /// batch).
    pub fn writer_waiting(&self) -> bool {
        self.ring.shared.flags.0.producer.is_waiting()
    }

    /// Like [`Reader::writer_waiting`], and clears the flag, so that one sleep gets one bell.
    pub fn take_writer_waiting(&self) -> bool {
        self.ring.shared.flags.0.producer.take_waiting()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.ring.shared.flags.0.consumer.leave();
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("position", &self.position())
            .field("len", &self.len())
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
