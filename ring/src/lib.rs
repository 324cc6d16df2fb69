//! Lock-free rings between one producer and one consumer: the only concurrency in the stack.
//!
//! [`spsc`] carries values (frame handles, commands, events), [`bytes`] carries a byte stream with
//! an end, an error and a doorbell protocol. Both are the same two counters underneath (`cursor`).
//!
//! Who owns what in a ring of values. The producer alone writes `tail`, the consumer alone writes
//! `head`; both only grow, and `head <= tail <= head + capacity` always. The slots `head..tail`
//! belong to the consumer, all others to the producer. Ownership of a slot passes on by a release
//! store of the counter and the acquire load of it on the other side: whatever was done to the slot
//! before the store is visible after the load. Each half keeps its own counter in a plain field and
//! remembers the opposite one, so it touches the other side's cache line only when what it
//! remembers is not enough. A stream of bytes has the same two counters; its memory comes and goes
//! in chunks, see [`bytes`].
//!
//! Sleeping. A half that finds nothing to do may set its waiting flag and look again; the opposite
//! half reads the flag after it has moved its counter. Both sides put a sequentially consistent
//! fence between their store and their load, so at least one of them sees what the other did:
//! either the sleeper finds the work, or the worker finds the flag and rings the bell.
//!
//! `unsafe` in this crate is in `spsc`, about slot ownership, and in `bytes`, about chunks. The
//! same code runs under loom: `RUSTFLAGS="--cfg loom" cargo test -p ring --release loom`.

pub mod bytes;
mod cursor;
pub mod spsc;
mod sync;

pub use bytes::{Reader, Writer, byte_ring};
pub use spsc::{Consumer, Producer, channel};
