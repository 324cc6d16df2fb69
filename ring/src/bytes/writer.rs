//! The half that bytes go into.
//!
//! The writer's index runs from the chunk with the committed end to the last one that something was
//! placed in. It is empty, or has only what was placed and not committed, exactly while no chunk
//! holds a byte for the reader.

use super::chunk::{Chunk, LARGE, SMALL, Size};
use super::header::{AWAKE, Header, Restart, TAKEN};
use super::index::{Index, Place};
use super::{FAILED, FINISHED, clamp_limit, pool};
use crate::sync::{Ordering, fence};
use std::ptr::{NonNull, null_mut, slice_from_raw_parts_mut};

/// The half that bytes go into.
pub struct Writer {
    header: NonNull<Header>,
    tail: u64,
    seen_head: u64,
    /// The reader may take the chunk that holds the committed end.
    resting: bool,
    /// The stream has ended.
    ended: bool,
    /// The stream needed more than a small chunk when it last held memory.
    grown: bool,
    /// What the run of chunks began with.
    first: Size,
}

// SAFETY: what both halves touch in the header are atomics; this half's index and chunks are plain
// memory that only this half touches, wherever it is.
unsafe impl Send for Writer {}

impl Writer {
    pub(super) fn new(header: NonNull<Header>) -> Self {
        Self {
            header,
            tail: 0,
            seen_head: 0,
            resting: false,
            ended: false,
            grown: false,
            first: Size::Small,
        }
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: freed by the half that leaves last.
        unsafe { self.header.as_ref() }
    }

    #[inline]
    fn index(&self) -> &Index {
        &self.header().write.index
    }

    /// How many bytes may be buffered at most.
    pub fn limit(&self) -> usize {
        self.header().write.limit() as usize
    }

    /// Moves the limit (up to [`MAX_LIMIT`](super::MAX_LIMIT)). Less than what is buffered takes
    /// nothing away, but makes no room until the reader has caught up. Only one half is to do this.
    pub fn set_limit(&self, limit: usize) {
        self.header().write.set_limit(clamp_limit(limit));
    }

    /// Puts a mark before the byte at a position that is not committed yet: a reader that has not
    /// come there sees no byte behind it until it has released all before it. There is one mark; a
    /// new one takes its place.
    pub fn set_mark(&self, position: u64) {
        self.header().write.set_mark(position);
    }

    /// How many bytes fit at this moment (more may fit a moment later).
    pub fn free(&self) -> usize {
        self.room_from(self.head())
    }

    /// How many committed bytes the reader has not released at this moment.
    pub fn buffered(&self) -> usize {
        (self.tail - self.head()) as usize
    }

    /// Total of bytes committed since the stream was made.
    pub fn position(&self) -> u64 {
        self.tail
    }

    /// Copies in and commits as much of `data` as fits, and returns how much. Nothing fits once the
    /// stream has ended.
    pub fn write(&mut self, data: &[u8]) -> usize {
        if self.ended {
            return 0;
        }
        let n = self.write_at(0, data);
        self.commit(n)
    }

    /// Copies `data` to `offset` beyond the committed end without committing it, as far as there is
    /// room, and returns how much. See [`Writer::slices_at`].
    #[inline]
    pub fn write_at(&mut self, offset: usize, data: &[u8]) -> usize {
        let (mut at, len) = self.cut(offset, data.len());
        let mut left = &data[..len];
        while !left.is_empty() {
            let piece = self.piece(at, left.len());
            let (now, later) = left.split_at(piece.len());
            // SAFETY: `piece` gives memory of ours alone, and no other reference to it is alive.
            unsafe { &mut *piece }.copy_from_slice(now);
            at += now.len() as u64;
            left = later;
        }
        len
    }

    /// The free bytes from `offset` beyond the committed end on, `len` of them, in two pieces if
    /// they lie in two chunks. A range beyond [`Writer::free`] is cut off there, and one of more
    /// than [`WHOLE`](super::WHOLE) bytes may be cut because it lies in three. What is put in stays
    /// until it is committed, however long that takes and whatever is committed before it; only
    /// [`Writer::trim`] and [`Writer::rest`] forget it.
    #[inline]
    pub fn slices_at(&mut self, offset: usize, len: usize) -> (&mut [u8], &mut [u8]) {
        let (at, len) = self.cut(offset, len);
        if len == 0 {
            return (&mut [], &mut []);
        }
        let first = self.piece(at, len);
        let second = match len - first.len() {
            0 => slice_from_raw_parts_mut(NonNull::dangling().as_ptr(), 0),
            rest => self.piece(at + first.len() as u64, rest),
        };
        // SAFETY: `piece` gives memory that no one but this writer touches, and the borrow of
        // `self` keeps it from making a second reference or committing. The pieces lie in
        // different chunks. The memory is initialised.
        unsafe { (&mut *first, &mut *second) }
    }

    /// Hands the first `n` free bytes to the reader and returns how many (all of them, unless `n`
    /// is more than [`Writer::free`] or the stream has ended).
    #[inline]
    pub fn commit(&mut self, n: usize) -> usize {
        let n = n.min(self.room(n));
        if n == 0 || self.ended {
            return 0;
        }
        let tail = self.tail + n as u64;
        if tail > self.index().edge() || self.resting || self.index().get(0).is_none() {
            self.link(tail);
        }
        self.tail = tail;
        self.header().write.tail.store(tail, Ordering::Release);
        n
    }

    /// Ends the stream in order: after the committed bytes comes the end. Does nothing after
    /// [`Writer::fail`].
    pub fn finish(&mut self) {
        if !self.ended {
            self.end(FINISHED);
        }
    }

    /// Ends the stream with an error that comes after the committed bytes. The first error stays;
    /// it replaces an end in order.
    pub fn fail(&mut self, code: u16) {
        if self.header().read.end.load(Ordering::Relaxed) & FAILED == 0 {
            self.end(FAILED | u32::from(code));
        }
    }

    fn end(&mut self, end: u32) {
        self.ended = true;
        self.header().read.end.store(end, Ordering::Release);
    }

    /// Whether [`Writer::finish`] or [`Writer::fail`] was called.
    pub fn is_finished(&self) -> bool {
        self.ended
    }

    /// Whether the reader is gone, so that nobody will take what is written.
    pub fn reader_gone(&self) -> bool {
        self.header().write.reader.is_gone()
    }

    /// Announces that this half sleeps until there is room. After `true`, look at [`Writer::free`]
    /// once more before sleeping.
    pub fn set_waiting(&self, waiting: bool) {
        self.header().read.writer.set_waiting(waiting);
    }

    /// Whether the reader announced sleep. Ask after committing (it costs a full fence: once a
    /// batch).
    pub fn reader_waiting(&self) -> bool {
        self.header().write.reader.is_waiting()
    }

    /// Like [`Writer::reader_waiting`], and clears the flag, so that one sleep gets one bell.
    pub fn take_reader_waiting(&self) -> bool {
        self.header().write.reader.take_waiting()
    }

    /// Gives all memory back if the stream is empty at this moment; what was put in and not
    /// committed is then forgotten. Cheap, also when there is nothing to give.
    #[inline]
    pub fn trim(&mut self) {
        if self.index().is_begun() && self.head() == self.tail {
            self.release_memory();
        }
    }

    /// Like [`Writer::trim`], and if the stream is not empty allows the reader to give the memory
    /// back once it is ([`Reader::trim`](super::Reader::trim)). For a writer that may be still for
    /// a long time; the next write takes the memory up again if it is still there. What was put in
    /// and not committed is forgotten.
    pub fn rest(&mut self) {
        self.trim();
        if !self.index().is_begun() {
            return;
        }
        if !self.resting {
            self.begin_rest();
        }
        // The reader may have looked between our look at `head` and the announcement; one of the
        // two sees what the other did.
        fence(Ordering::SeqCst);
        self.trim();
    }

    /// Whether this half has chunks, as far as it knows.
    pub fn holds_memory(&self) -> bool {
        self.index().is_begun() && self.header().read.rest_at.load(Ordering::Relaxed) != TAKEN
    }

    /// Bytes of memory that the stream holds, as far as this half can tell: chunks with what was
    /// put in, drained ones that wait, and tables. Never less than it is.
    pub fn memory(&self) -> usize {
        let header = self.header();
        if !self.index().is_begun() || header.read.rest_at.load(Ordering::Relaxed) == TAKEN {
            return header.spare_memory();
        }
        self.index().memory() + self.handed_on_memory() + header.spare_memory()
    }

    /// Bytes of memory of the chunks before the front, which the reader gives back.
    fn handed_on_memory(&self) -> usize {
        // SAFETY: this is the writer.
        let begun = unsafe { self.header().restart() }.at;
        let start = self.index().start();
        // A reader that stands at the end of a chunk may still have it.
        let from = self.head().saturating_sub(1).max(begun);
        if from >= start {
            return 0;
        }
        let first_end = begun + self.first.bytes() as u64;
        let (first, from) =
            if from < first_end { (self.first.bytes(), first_end) } else { (0, from) };
        let behind = ((start - from) as usize).div_ceil(LARGE);
        // The reader has a table, for it has more than one chunk.
        first + behind * LARGE + SMALL
    }

    /// Whether chunks came or went that this half knows of, since it was last asked.
    #[inline]
    pub fn take_memory_changed(&mut self) -> bool {
        self.index().take_changed()
    }

    /// Whether `len` bytes from `offset` beyond the committed end on have their memory already.
    pub fn has_memory_for(&self, offset: usize, len: usize) -> bool {
        let index = self.index();
        if !index.is_begun() || self.resting || len == 0 {
            return false;
        }
        let place = |offset: usize| index.place(self.tail + offset as u64).number;
        (place(offset)..=place(offset + len - 1)).all(|number| index.get(number).is_some())
    }

    /// Forgets what was put in beyond the chunk with the committed end.
    pub fn forget_placed(&mut self) {
        self.drop_placed();
    }

    /// Memory is short: gives back what holds nothing, and begins the next run of chunks with the
    /// smallest, whatever the last one needed.
    pub fn prefer_small(&mut self) {
        self.header().drop_spares();
        self.index().set_changed();
        self.trim();
        self.grown = false;
    }

    #[inline]
    fn head(&self) -> u64 {
        self.header().read.head.load(Ordering::Acquire)
    }

    #[inline]
    fn room_from(&self, head: u64) -> usize {
        let limit = self.header().write.limit();
        limit.saturating_sub(self.tail - head) as usize
    }

    /// Free bytes as far as known; asks the reader's line only if fewer than `want` are known.
    #[inline]
    fn room(&mut self, want: usize) -> usize {
        let known = self.room_from(self.seen_head);
        if known >= want {
            return known;
        }
        self.seen_head = self.head();
        self.room_from(self.seen_head)
    }

    /// What there is room for of a range beyond the committed end: its position and length.
    #[inline]
    fn cut(&mut self, offset: usize, len: usize) -> (u64, usize) {
        let room = self.room(offset.saturating_add(len));
        let offset = offset.min(room);
        (self.tail + offset as u64, len.min(room - offset))
    }

    /// Memory for the `len` bytes at a position, or for the first of them that lie in one chunk.
    ///
    /// The result is for this half alone: the position is not before the committed end, so the
    /// reader does not touch it; what lay there before was drained and given up by whoever had it.
    /// It is valid until the next call of `commit`, `trim`, `rest` or drop.
    #[inline]
    fn piece(&mut self, at: u64, len: usize) -> *mut [u8] {
        let Place { number, from, left } = self.index().place(at);
        match self.index().get(number) {
            Some(chunk) if !self.resting => {
                // SAFETY: chunks in the index of a writer that is not resting are alive, and
                // `from + left` is the chunk's size.
                unsafe { Chunk::to_write(chunk, from, len.min(left)) }
            }
            _ => self.fresh_piece(at, len),
        }
    }

    /// The same, where there is no memory yet.
    #[cold]
    fn fresh_piece(&mut self, at: u64, len: usize) -> *mut [u8] {
        self.prepare((at - self.tail) as usize + len);
        let Place { number, from, left } = self.index().place(at);
        let chunk = self.ensure(number);
        // SAFETY: alive and large enough, as in `piece`.
        unsafe { Chunk::to_write(chunk, from, len.min(left)) }
    }

    /// Takes the memory up again after a rest; begins a new run of chunks if there is none, or if
    /// the stream ran empty at the very end of the last chunk. `need` bytes are to be put in.
    fn prepare(&mut self, need: usize) {
        if self.resting {
            self.end_rest();
        }
        if !self.index().is_begun() {
            self.begin(need, None);
        } else if self.tail == self.index().edge() && self.index().len() == 1 {
            self.seen_head = self.head();
            if self.seen_head == self.tail {
                // The reader has drained this chunk and does not touch it before it sees more, so
                // it can be used again from its beginning.
                let drained = self.index().pop_back();
                self.index().clear();
                self.begin(need, drained);
            }
        }
    }

    /// Begins a run of chunks at the committed end. Everything is released.
    fn begin(&mut self, need: usize, drained: Option<NonNull<Chunk>>) {
        self.grown |= drained.is_some();
        // A limit that a small chunk reaches makes no use of a large one.
        let small = need <= SMALL && (!self.grown || self.limit() <= SMALL);
        let size = if small { Size::Small } else { Size::Large };
        self.first = size;
        self.index().begin(self.tail, size);
        // SAFETY: this is the writer, and `tail` is released: the index was cleared because of
        // that.
        unsafe { self.header().set_restart(Restart { at: self.tail, chunk: null_mut() }) };
        let Some(drained) = drained else { return };
        // SAFETY: the chunk was the writer's and drained.
        if unsafe { drained.as_ref() }.size() == size {
            self.set(0, drained);
        } else {
            // SAFETY: as above, and it is not used again.
            unsafe { pool::put(drained) };
        }
    }

    /// The chunk of a number, fetched if there is none.
    fn ensure(&mut self, number: usize) -> NonNull<Chunk> {
        if let Some(chunk) = self.index().get(number) {
            return chunk;
        }
        let chunk = match self.index().size_of(number) {
            Size::Small => pool::take(Size::Small),
            Size::Large => self.header().take_spare().unwrap_or_else(|| pool::take(Size::Large)),
        };
        self.set(number, chunk);
        chunk
    }

    fn set(&mut self, number: usize, chunk: NonNull<Chunk>) {
        self.index().set_changed();
        self.index().set(number, chunk);
        if number == 0 {
            // A front is missing only before the first byte of a run is committed: later ones were
            // linked when they became the front.
            let restart = Restart { at: self.tail, chunk: chunk.as_ptr() };
            // SAFETY: this is the writer, and nothing was committed since the run began, which was
            // when everything was released.
            unsafe { self.header().set_restart(restart) };
        }
    }

    /// Makes the chunks up to a new committed end ready for the reader: each has memory and is
    /// linked from the one before it. Those that end before it are the reader's from then on.
    #[cold]
    fn link(&mut self, tail: u64) {
        self.index().set_changed();
        self.prepare((tail - self.tail) as usize);
        let mut front = self.ensure(0);
        while tail > self.index().edge() {
            let next = self.ensure(1);
            // SAFETY: chunks in the index are alive and ours; the reader follows the link once it
            // sees a tail beyond this chunk.
            unsafe { front.as_ref() }.set_next(next.as_ptr());
            self.index().pop_front();
            front = next;
        }
    }

    /// Frees every chunk behind the front, where nothing is committed.
    fn drop_placed(&mut self) {
        self.index().set_changed();
        while self.index().len() > 1 {
            if let Some(chunk) = self.index().pop_back() {
                // SAFETY: nothing in it is committed, so it is ours alone.
                unsafe { pool::put(chunk) };
            }
        }
    }

    fn begin_rest(&mut self) {
        self.drop_placed();
        self.resting = true;
        // Hands the front chunk over as it is.
        self.header().read.rest_at.store(self.tail + 1, Ordering::Release);
    }

    fn end_rest(&mut self) {
        self.resting = false;
        if self.header().read.rest_at.swap(AWAKE, Ordering::AcqRel) == TAKEN {
            self.note_size();
            self.index().clear();
        }
    }

    /// The stream is empty: all chunks go.
    #[cold]
    fn release_memory(&mut self) {
        if self.resting {
            self.end_rest();
        }
        self.note_size();
        while self.index().len() > 0 {
            if let Some(chunk) = self.index().pop_back() {
                // SAFETY: everything committed is released, so the reader touches no chunk before
                // it sees a new run; the last one is ours again.
                unsafe { pool::put(chunk) };
            }
        }
        self.index().clear();
        self.header().drop_spares();
        self.index().set_changed();
        // There is nothing left for the reader to take, and so it knows that.
        self.resting = true;
        self.header().read.rest_at.store(TAKEN, Ordering::Release);
    }

    /// Remembers what the run of chunks needed that ends here.
    fn note_size(&mut self) {
        if self.index().is_begun() {
            // SAFETY: this is the writer.
            let begun = unsafe { self.header().restart() }.at;
            self.grown = self.tail - begun > SMALL as u64;
        }
    }

    /// Frees what is left once the reader is gone too.
    fn free_all(&mut self) {
        if self.resting {
            self.end_rest();
        }
        let head = self.head();
        if head < self.tail {
            // SAFETY: this is the writer.
            let restart = unsafe { self.header().restart() };
            // The reader is gone, so its index is ours to look at.
            let theirs = self.header().read.index.get(0).map_or(null_mut(), NonNull::as_ptr);
            let mut next = if restart.at == head { restart.chunk } else { theirs };
            let front = self.index().get(0);
            while let Some(chunk) = NonNull::new(next).filter(|chunk| Some(*chunk) != front) {
                // SAFETY: the chunks from the reader's front to ours are linked, alive, and were
                // the reader's, who is gone.
                unsafe {
                    next = chunk.as_ref().next();
                    pool::put(chunk);
                }
            }
        }
        self.release_memory();
        // SAFETY: both halves are gone, and the header came from a box.
        drop(unsafe { Box::from_raw(self.header.as_ptr()) });
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.rest();
        self.header().read.writer.leave();
        if self.header().write.halves.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.free_all();
        }
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
