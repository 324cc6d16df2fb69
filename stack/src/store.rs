//! The containers of the packet path.
//!
//! Each is bounded, allocates when it is made (or doubles, amortised) and never per packet, and
//! gives the same order for the same inputs, so that a run replays: a slab with generations, a
//! keyed open-addressing index, a timing wheel with at most one entry per owner, sorted byte
//! ranges, and the queue of those who give memory back.

pub(crate) mod drained;
pub(crate) mod ranges;
pub(crate) mod slab;
pub(crate) mod table;
pub(crate) mod waiting;
pub(crate) mod wheel;
