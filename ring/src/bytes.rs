//! A stream of bytes with one writer and one reader and a limit on what is buffered: what lies
//! between a socket and its user.
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
//! it likes before it releases them ([`Reader::peek_at`]), which makes the stream a retransmission
//! buffer.
//!
//! # Memory
//!
//! The limit costs nothing: it may be moved at any time ([`Writer::set_limit`],
//! [`Reader::set_limit`]), and memory comes in chunks as bytes come. A run of chunks begins with a
//! small one if little is written, and goes on with large ones. A chunk that the reader has drained
//! goes to a spare slot, from which the writer takes its next one; a steady stream so turns over a
//! few chunks that stay in the cache. What is too much goes to a pool.
//!
//! When everything is read, the chunk that the writer is in still stands. It goes back to the pool
//! when the writer says so ([`Writer::trim`]), or, if the writer has announced that it rests
//! ([`Writer::rest`]), when the reader says so ([`Reader::trim`]). Then the stream is a header of
//! two cache lines.
//!
//! | chunk | belongs to |
//! |---|---|
//! | ends before the committed end | the reader, from the store of `tail` that passed its end |
//! | with the committed end, bytes unread | both: each touches its side of the committed end only |
//! | with the committed end, all read | the writer; the reader may claim it from one that rests |
//! | behind the committed end | the writer |
//! | spare | who takes it |
//!
//! The writer links a chunk to the next one before it commits a byte there. Where the stream went
//! on after it was empty without a link, the writer notes position and chunk in the header; the
//! reader looks there whenever it finds bytes after there were none.
//!
//! # Sleeping
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
//! Requests that do not fit are cut to what fits, so no call here panics.

mod chunk;
mod header;
mod index;
mod pool;
mod reader;
mod writer;

#[cfg(all(test, not(loom)))]
mod tests;

pub use reader::Reader;
pub use writer::Writer;

use std::ptr::NonNull;

/// Makes a stream that buffers at most `limit` bytes (at least one, at most [`MAX_LIMIT`]).
pub fn byte_ring(limit: usize) -> (Writer, Reader) {
    let header = Box::new(header::Header::new(clamp_limit(limit) as usize));
    let header = NonNull::from(Box::leak(header));
    (Writer::new(header), Reader::new(header))
}

/// A range of so many bytes, or fewer, never lies in more than two pieces.
pub const WHOLE: usize = chunk::LARGE;

/// Bytes of a stream in its smallest memory.
pub const SMALLEST: usize = chunk::SMALL;

/// Most bytes that any stream may buffer: what an index has entries for, less one for a small chunk
/// at the front and one for a start in the midst of a chunk.
pub const MAX_LIMIT: usize = (chunk::TABLE - 2) * chunk::LARGE;

/// `ReadLine::end`: the stream has ended in order.
const FINISHED: u32 = 1 << 16;
/// `ReadLine::end`: the stream has failed; the code is in the low 16 bits.
const FAILED: u32 = 1 << 17;

fn clamp_limit(limit: usize) -> u64 {
    limit.clamp(1, MAX_LIMIT) as u64
}
