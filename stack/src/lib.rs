//! The protocols, sans-IO: Ethernet to TCP for one host.
//!
//! A [`Host`] is fed frames and instants and asked for frames and deadlines; it owns no clock, no
//! thread, no socket of the operating system and no source of randomness. Five verbs make the
//! machine: [`Host::receive`] (a frame came in), the socket and administration verbs (a command),
//! [`Host::expire`] (time passed), [`Host::transmit`] (fill one lent slice with the next frame),
//! [`Host::next_deadline`] (when to be called again). What changed for the sockets is read from
//! [`Host::next_event`]. The same inputs always give the same outputs, so that a whole network
//! replays from a seed.
//!
//! Inside, a shard owns what a core touches for every packet (TCP, UDP, echo), and [`control`]
//! owns what is rare (neighbours, routes, addresses). Control publishes an immutable [`fib::Fib`]
//! that the shard reads; the shard asks control through a bounded list of requests.
//!
//! Application data moves through [`ring::bytes`] rings: the stack holds one half of each, whoever
//! uses the socket the other. The ring a socket sends from is also its retransmission buffer.

#![forbid(unsafe_code)]

pub mod control;
mod cx;
mod delivery;
pub mod drop;
pub mod event;
pub mod fib;
#[cfg(test)]
mod fixture;
pub mod hook;
pub mod host;
mod icmp;
mod ip;
pub mod keys;
pub mod limits;
mod memory;
mod mesh;
mod outbox;
mod random;
pub mod rng;
mod shard;
pub mod socket;
pub mod stats;
pub mod steer;
mod store;
pub mod tcp;
pub mod time;
pub mod udp;
pub mod verdict;
pub mod worker;
mod written;

pub use control::{AddrGenMode, ControlError, InterfaceConfig, RouteConfig};
pub use drop::DropReason;
pub use event::Readiness;
pub use host::Host;
pub use keys::Keys;
pub use limits::Limits;
pub use shard::index::{ShardIndex, ShardSet};
pub use socket::{SocketError, SocketId};
pub use time::Instant;
pub use verdict::Verdict;
pub use worker::Worker;
