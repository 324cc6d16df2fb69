//! Address values: what the stack compares, hashes, prints and stores.
//!
//! The public surface of the project speaks `std::net` types; inside, an address is one
//! 16-byte key for both families ([`Ip`]: IPv4 in its IPv4-mapped form), so that tables, flow
//! keys and state machines exist once. The family is asked for only where header bytes are
//! read or written. Everything here is a plain value: `Copy`, no state, and no allocation except
//! where a `String` or a `Vec` is the result.
//!
//! Keys of the stack:
//! - [`Mac`]: a 48-bit link-layer address.
//! - [`Ip`]: an address of either family; [`Cidr`]: the same with a prefix length.
//! - [`Endpoint`] and [`FlowKey`]: address with port, and the pair that names a flow.
//! - [`IfIndex`]: an interface of this stack.
//! - [`HashKey`]: the secret of a keyed hash, so that outsiders cannot aim at one bucket.
//!
//! Values of people, configuration and control, each once for both families:
//! - [`Address`], [`Ipv4Ext`], [`Ipv6Ext`]: what `Ipv4Addr` and `Ipv6Addr` lack.
//! - [`ScopedIpv6`]: an IPv6 address with a [`Zone`]; [`ScopedIp`]: that or IPv4.
//! - [`Mask`] and [`Wildcard`]; [`Network`] and [`Interface`], which is an address in its network;
//!   [`IpNetwork`] and [`IpInterface`] where the family is not known.
//! - [`InterfaceId`] and [`StableId`]: EUI-64, RFC 7217 and RFC 8981 identifiers.
//! - [`Numeric`] for the numeric format traits, [`FormatCode`] for codes known at run time only.
//! - [`AddrError`]: what was wrong, with which kind of value, and where in the text.
#![forbid(unsafe_code)]

mod address;
pub mod arg;
mod cidr;
mod either;
mod endpoint;
mod error;
mod format_code;
mod hash_key;
mod if_index;
mod interface;
mod interface_id;
mod ip;
mod ipv4_ext;
mod ipv6_ext;
mod mac;
mod mask;
mod network;
mod numeric;
mod reverse_pointer;
mod scoped;
#[cfg(feature = "serde")]
mod serde_text;
mod text;
mod version;

pub use address::Address;
pub use cidr::Cidr;
pub use either::ScopedIp;
pub use endpoint::{Endpoint, FlowKey};
pub use error::{AddrError, ErrorKind, ParseError, Problem, Subject};
pub use format_code::{FormatCode, Slashed};
pub use hash_key::HashKey;
pub use if_index::IfIndex;
pub use interface::{Interface, IpInterface, Ipv4Interface, Ipv6Interface};
pub use interface_id::{InterfaceId, StableId};
pub use ip::Ip;
pub use ipv4_ext::Ipv4Ext;
pub use ipv6_ext::{Exploded, Ipv6Ext};
pub use mac::{Mac, MacText};
pub use mask::{Ipv4Mask, Ipv4Wildcard, Ipv6Mask, Ipv6Wildcard, Mask, Wildcard};
pub use network::{Addresses, Excluded, IpNetwork, Ipv4Network, Ipv6Network, Network, Subnets};
pub use numeric::Numeric;
pub use reverse_pointer::ReversePointer;
pub use scoped::{ScopedIpv6, Zone};
pub use version::{IpVersion, Versioned};
