//! Wire formats: parse, validate, assemble, print. No state, no allocation, no panic.
//!
//! One file a protocol. A parser takes bytes from the network and returns a view into them or
//! says why they are not a header ([`Malformed`]); it never panics and never loops, whatever the
//! bytes. An emitter writes a header into a lent slice and returns its length, or says that the
//! slice is too short ([`EmitError`]). Transport checksums are separate from parsing, because the
//! receiver sums the payload while copying it and because devices hand over finished, partial or
//! unknown sums ([`offload`]).
//!
//! Above IP everything is family-neutral: [`ip::parse`] gives one header view for both, with
//! extension headers walked; [`icmp::Message`] is one enum for both ICMPs; [`membership`] is what
//! IGMP and MLD share. [`display`] prints any packet as one line in tcpdump's words.
#![forbid(unsafe_code)]

pub mod arp;
pub mod checksum;
pub mod dhcpv4;
pub mod dhcpv4_options;
pub mod dhcpv6;
pub mod dhcpv6_options;
pub mod display;
pub mod dns;
pub mod error;
pub mod ethernet;
mod filled;
pub mod icmp;
pub mod icmp_ext;
pub mod icmpv4;
pub mod icmpv6;
pub mod igmp;
pub mod ip;
pub mod ipv4;
pub mod ipv4_options;
pub mod ipv6;
pub mod ipv6_ext;
pub mod ipv6_options;
mod kind_len;
pub mod llc;
pub mod membership;
pub mod mld;
pub mod ndp;
pub mod ndp_options;
pub mod offload;
pub mod search_list;
pub mod tcp;
pub mod tcp_options;
pub mod tracker;
pub mod udp;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod fixture_apps;

#[cfg(test)]
mod tests;

pub use error::{EmitError, Malformed};
