//! The half that bytes come out of.
//!
//! The reader's index runs from the chunk with the first unreleased byte as far as it has followed
//! the links. While everything it knows of is released, its last chunk is the writer's to use on,
//! to use again or to give back; the reader does not touch it before it sees more committed.

use super::chunk::{Chunk, LARGE, SMALL, Size};
use super::header::{Header, Mark, TAKEN};
use super::index::{Index, Place};
use super::{FAILED, clamp_limit, pool};
use crate::sync::{Ordering, fence};
use std::cell::Cell;
use std::ptr::{NonNull, slice_from_raw_parts};

/// The half that bytes come out of.
pub struct Reader {
    header: NonNull<Header>,
    head: u64,
    seen_tail: Cell<u64>,
}

// SAFETY: what both halves touch in the header are atomics; this half's index and chunks are plain
// memory that only this half touches, wherever it is.
unsafe impl Send for Reader {}

impl Reader {
    pub(super) fn new(header: NonNull<Header>) -> Self {
        Self { header, head: 0, seen_tail: Cell::new(0) }
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: freed by the half that leaves last.
        unsafe { self.header.as_ref() }
    }

    #[inline]
    fn index(&self) -> &Index {
        &self.header().read.index
    }

    /// How many bytes may be buffered at most.
    pub fn limit(&self) -> usize {
        self.header().write.limit() as usize
    }

    /// Moves the limit (up to [`MAX_LIMIT`](super::MAX_LIMIT)). Less than what is buffered takes
    /// nothing away, but makes no room until this half has caught up. Only one half is to do this.
    pub fn set_limit(&self, limit: usize) {
        self.header().write.set_limit(clamp_limit(limit));
    }

    /// How many bytes are there at this moment (more may come a moment later).
    pub fn len(&self) -> usize {
        (self.header().write.tail.load(Ordering::Acquire) - self.head) as usize
    }

    /// Whether there is nothing to read at this moment.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Total of bytes released since the stream was made.
    pub fn position(&self) -> u64 {
        self.head
    }

    /// The bytes that are there, in two pieces if they lie in two chunks: all of them or the first
    /// [`WHOLE`](super::WHOLE) at least.
    pub fn peek(&self) -> (&[u8], &[u8]) {
        self.peek_at(0, usize::MAX)
    }

    /// The bytes from `offset` on, `len` of them or as many as are there. A range of more than
    /// [`WHOLE`](super::WHOLE) bytes may be cut because it lies in three chunks.
    #[inline(always)]
    pub fn peek_at(&self, offset: usize, len: usize) -> (&[u8], &[u8]) {
        let (at, len) = self.cut(offset, len);
        if len == 0 {
            return (&[], &[]);
        }
        let first = self.piece(at, len);
        let second = match len - first.len() {
            0 => slice_from_raw_parts(NonNull::dangling().as_ptr(), 0),
            rest => self.piece(at + first.len() as u64, rest),
        };
        // SAFETY: `piece` gives memory that nobody writes to until `release`, which the borrow of
        // `self` excludes. The memory is initialised.
        unsafe { (&*first, &*second) }
    }

    /// Copies out the bytes from `offset` on, as many as are there and `out` takes, and returns how
    /// many. They stay.
    #[inline]
    pub fn read_at(&self, offset: usize, out: &mut [u8]) -> usize {
        let (mut at, len) = self.cut(offset, out.len());
        let mut left = &mut out[..len];
        while !left.is_empty() {
            let piece = self.piece(at, left.len());
            // SAFETY: as in `peek_at`.
            let piece = unsafe { &*piece };
            let (now, later) = left.split_at_mut(piece.len());
            now.copy_from_slice(piece);
            at += piece.len() as u64;
            left = later;
        }
        len
    }

    /// Copies out and releases as many bytes as are there and `out` takes, and returns how many.
    pub fn read(&mut self, out: &mut [u8]) -> usize {
        let n = self.read_at(0, out);
        self.release(n)
    }

    /// Gives the first `n` bytes back to the writer and returns how many (all of them, unless fewer
    /// are there).
    #[inline]
    pub fn release(&mut self, n: usize) -> usize {
        let n = n.min(self.filled(n));
        if n == 0 {
            return 0;
        }
        self.head += n as u64;
        if self.head >= self.index().edge() {
            self.give_back();
        }
        self.header().read.head.store(self.head, Ordering::Release);
        n
    }

    /// Gives everything back that is there, whatever marks there are, and returns how much that
    /// was.
    pub fn discard(&mut self) -> usize {
        let mut gone = 0;
        loop {
            match self.release(usize::MAX) {
                0 => return gone,
                n => gone += n,
            }
        }
    }

    /// Whether the next byte is the one at the mark (see
    /// [`Writer::set_mark`](super::Writer::set_mark)). Up to there bytes are there as without a
    /// mark; those behind it are there once this is true.
    pub fn at_mark(&self) -> bool {
        self.header().write.mark(self.head) == Mark::Here
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
        self.header().read.end.load(Ordering::Acquire)
    }

    /// Whether the writer is gone. Bytes it left can still be read, so look once more at an empty
    /// stream after this said `true`. A writer that left without an end broke off.
    pub fn writer_gone(&self) -> bool {
        self.header().read.writer.is_gone()
    }

    /// Announces that this half sleeps until there are bytes or an end. After `true`, look at
    /// [`Reader::is_empty`] and [`Reader::finish_requested`] once more before sleeping.
    pub fn set_waiting(&self, waiting: bool) {
        self.header().write.reader.set_waiting(waiting);
    }

    /// Whether the writer announced sleep. Ask after releasing (it costs a full fence: once a
    /// batch).
    pub fn writer_waiting(&self) -> bool {
        self.header().read.writer.is_waiting()
    }

    /// Like [`Reader::writer_waiting`], and clears the flag, so that one sleep gets one bell.
    pub fn take_writer_waiting(&self) -> bool {
        self.header().read.writer.take_waiting()
    }

    /// Gives memory back that holds nothing, if the stream is empty and its writer rests (see
    /// [`Writer::rest`](super::Writer::rest)). Cheap where bytes are left.
    #[inline]
    pub fn trim(&mut self) {
        if self.index().is_begun() && self.is_empty() {
            self.take_rested_chunk();
        }
    }

    /// Bytes of memory that the stream holds, as far as this half can tell: chunks, drained ones
    /// that wait for the writer, and tables.
    pub fn memory(&self) -> usize {
        let header = self.header();
        let tail = header.write.tail.load(Ordering::Acquire);
        let spares = header.spare_memory();
        if tail == self.head {
            let taken = header.read.rest_at.load(Ordering::Relaxed) == TAKEN;
            return spares + if taken { 0 } else { self.index().memory() };
        }
        self.look();
        let index = self.index();
        let (first, edge) = if index.is_begun() {
            ((index.edge() - index.start()) as usize, index.edge())
        } else {
            // A mark hides the first byte, which lies in a chunk that is not known yet.
            (0, self.head)
        };
        let behind = (tail.saturating_sub(edge) as usize).div_ceil(LARGE);
        let tables = if behind > 0 { SMALL } else { 0 };
        spares + first + behind * LARGE + tables
    }

    /// Whether chunks came or went that this half knows of, since it was last asked.
    #[inline]
    pub fn take_memory_changed(&mut self) -> bool {
        self.index().take_changed()
    }

    /// Gives back what waits for the writer and holds nothing.
    pub fn drop_spares(&mut self) {
        self.header().drop_spares();
        self.index().set_changed();
    }

    /// Bytes that are there as far as known; asks the writer's line only if fewer than `want` are
    /// known.
    #[inline]
    fn filled(&self, want: usize) -> usize {
        let known = (self.seen_tail.get() - self.head) as usize;
        if known >= want {
            return known;
        }
        self.look();
        (self.seen_tail.get() - self.head) as usize
    }

    /// What is there of a range: its position and length.
    #[inline]
    fn cut(&self, offset: usize, len: usize) -> (u64, usize) {
        let filled = self.filled(offset.saturating_add(len));
        let offset = offset.min(filled);
        (self.head + offset as u64, len.min(filled - offset))
    }

    /// Looks how far the writer is.
    #[inline]
    fn look(&self) {
        let tail = self.header().write.tail.load(Ordering::Acquire);
        let tail = match self.header().write.mark(self.head) {
            Mark::Ahead(ahead) => tail.min(self.head + ahead),
            Mark::None | Mark::Here => tail,
        };
        let seen = self.seen_tail.get();
        if tail == seen {
            return;
        }
        if seen == self.head {
            self.follow_restart();
        }
        self.seen_tail.set(tail);
    }

    /// There are bytes after there were none: the writer may have begun a new run of chunks.
    fn follow_restart(&self) {
        // SAFETY: more is committed than released.
        let restart = unsafe { self.header().restart() };
        if restart.at != self.head {
            return;
        }
        self.index().clear();
        let Some(chunk) = NonNull::new(restart.chunk) else {
            unreachable!("bytes are committed in memory");
        };
        // SAFETY: the chunk has committed bytes that are not released, so it is alive and ours.
        self.index().begin(self.head, unsafe { chunk.as_ref() }.size());
        self.index().set(0, chunk);
        self.index().set_changed();
    }

    /// Memory with the `len` bytes at a position, or with the first of them that lie in one chunk.
    ///
    /// The bytes are committed and not released, so the writer does not touch them; its writes are
    /// ordered before the acquire load of `tail` behind `seen_tail`. They stay until `release`.
    #[inline]
    fn piece(&self, at: u64, len: usize) -> *const [u8] {
        let Place { number, from, left } = self.index().place(at);
        let chunk = match self.index().get(number) {
            Some(chunk) => chunk,
            None => self.reach(number),
        };
        // SAFETY: chunks with committed bytes that are not released are alive, and `from + left` is
        // the chunk's size.
        unsafe { Chunk::to_read(chunk, from, len.min(left)) }
    }

    /// Follows the links to the chunk of a number, which holds a byte that is known to be
    /// committed.
    #[cold]
    fn reach(&self, number: usize) -> NonNull<Chunk> {
        let Some(mut last) = self.index().get(self.index().len().wrapping_sub(1)) else {
            unreachable!("bytes lie in chunks");
        };
        while self.index().len() <= number {
            // SAFETY: a chunk in our index that committed bytes lie behind is alive, and its link
            // was set before they were committed.
            let next = unsafe { last.as_ref() }.next();
            let Some(next) = NonNull::new(next) else {
                unreachable!("chunks are linked before bytes beyond them are committed");
            };
            self.index().set(self.index().len(), next);
            last = next;
        }
        last
    }

    /// Gives back the chunks that are wholly released, all but one that nothing is known to follow.
    #[cold]
    fn give_back(&mut self) {
        self.index().set_changed();
        while self.index().edge() <= self.head && self.index().edge() < self.seen_tail.get() {
            if self.index().len() < 2 {
                self.reach(1);
            }
            let Some(chunk) = self.index().pop_front() else { return };
            // SAFETY: the chunk is ours and alive, the writer has left it with its link.
            let left = match unsafe { chunk.as_ref() }.size() {
                Size::Large => self.header().give(chunk),
                Size::Small => Some(chunk),
            };
            if let Some(chunk) = left {
                // SAFETY: as above, and it is not used again.
                unsafe { pool::put(chunk) };
            }
        }
    }

    /// The stream is empty: takes the writer's chunk if it rests.
    fn take_rested_chunk(&mut self) {
        let rest_at = &self.header().read.rest_at;
        let here = self.head + 1;
        if rest_at.load(Ordering::Relaxed) != here {
            // The writer may announce its rest at this moment: one of the two sees what the other
            // did.
            fence(Ordering::SeqCst);
            if rest_at.load(Ordering::Relaxed) != here {
                return;
            }
        }
        // The position in the announcement makes sure that nothing was committed since it.
        if rest_at.compare_exchange(here, TAKEN, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.free_last();
            self.header().drop_spares();
        }
    }

    /// Frees the chunk with the last released byte.
    fn free_last(&mut self) {
        self.index().set_changed();
        debug_assert!(self.index().len() == 1);
        if let Some(chunk) = self.index().pop_back() {
            // SAFETY: the writer gave the chunk up and will not touch it again; all of it is
            // released.
            unsafe { pool::put(chunk) };
        }
        self.index().clear();
    }

    /// Frees what is left once the writer is gone too.
    fn free_all(&mut self) {
        self.header().write.clear_mark();
        self.look();
        let tail = self.seen_tail.get();
        if self.head < tail {
            let last = self.index().place(tail - 1).number;
            if self.index().len() <= last {
                self.reach(last);
            }
            while let Some(chunk) = self.index().pop_back() {
                // SAFETY: the chunk holds committed bytes, so the writer left it to us, the only
                // half there is.
                unsafe { pool::put(chunk) };
            }
        } else if self.header().read.rest_at.load(Ordering::Relaxed) == tail + 1 {
            self.free_last();
        }
        self.header().drop_spares();
        // SAFETY: both halves are gone, and the header came from a box.
        drop(unsafe { Box::from_raw(self.header.as_ptr()) });
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.trim();
        self.header().write.reader.leave();
        if self.header().write.halves.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.free_all();
        }
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
