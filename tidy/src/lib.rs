//! Checks that the tree keeps its promises: the parity ledger and the habits of the code.
//!
//! [`ledger`] counts which rows of the parity specification are cited by tests and keeps
//! `docs/parity.md`. [`habits`] looks at every source file: a header that says what it is for, no
//! leftovers, `unsafe` only where the design names it, crates depending only downwards. Both run
//! under `cargo test`, so that they are not a matter for reviews.

#![forbid(unsafe_code)]

pub mod habits;
pub mod ledger;
mod tree;

pub use tree::root;
