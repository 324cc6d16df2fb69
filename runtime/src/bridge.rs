//! Bridges: sockets of the stack that other processes use through one end of a socketpair.
//!
//! All of it runs on the engine thread. A client is one control connection of the daemon with its
//! table of handles; a bridge is one socket: fresh, connecting, a [`stream`], a [`listener`], a
//! [`datagram`] socket, or over. Bytes go straight between the socketpair and the socket's rings;
//! the only buffers are those two, so back-pressure goes from the network to the other process and
//! back without any counting here.
//!
//! A bridge moves when its descriptor became ready (edge-triggered), when the stack reports
//! something of its socket (both in [`events`]), or when a request says so ([`verbs`]). An answer
//! leaves by a [`reply::Reply`], which never blocks the engine.
//!
//! | file | holds |
//! |---|---|
//! | `state` | one socket of a client |
//! | `table`, `quota` | clients and handles; how a bridge ends; how many there may be |
//! | `moving` | bridges that have to go to another shard |
//! | `stream`, `listener`, `datagram` | one kind of socket each |
//! | `pair`, `client_end` | socketpairs; the one of a stream, and how its end is told to be clean or broken |
//! | `connect`, `accept`, `option` | the verbs that need more than one step, and the options |
//! | `verbs`, `events` | what is to be done, by request and by event |
//! | `command`, `request`, `reply` | how a request comes, is read and is answered |

mod accept;
mod client_end;
pub(crate) mod client_id;
pub(crate) mod command;
mod connect;
mod datagram;
mod events;
mod listener;
mod moving;
mod option;
mod pair;
pub(crate) mod quota;
pub(crate) mod reply;
mod request;
mod state;
mod status;
mod stream;
mod table;
mod verbs;

pub(crate) use self::table::Bridges;

#[cfg(test)]
mod tests;
