//! Address values: what the stack compares, hashes, prints and stores.
//!
//! The public surface of the project speaks `std::net` types; inside, an address is one
//! 16-byte key for both families ([`Ip`]: IPv4 in its IPv4-mapped form), so that tables, flow
//! keys and state machines exist once. The family is asked for only where header bytes are
//! read or written. Everything here is a plain value: `Copy`, no allocation except in `Display`
//! to a `String`, no state.
//!
//! - [`Mac`]: a 48-bit link-layer address.
//! - [`Ip`]: an address of either family; [`Cidr`]: the same with a prefix length.
//! - [`Endpoint`] and [`FlowKey`]: address with port, and the pair that names a flow.
//! - [`IfIndex`]: an interface of this stack.
//! - [`HashKey`]: the secret of a keyed hash, so that outsiders cannot aim at one bucket.
#![forbid(unsafe_code)]

mod cidr;
mod endpoint;
mod error;
mod hash_key;
mod if_index;
mod ip;
mod mac;

pub use cidr::Cidr;
pub use endpoint::{Endpoint, FlowKey};
pub use error::ParseError;
pub use hash_key::HashKey;
pub use if_index::IfIndex;
pub use ip::Ip;
pub use mac::Mac;
