//! Establishing a connection (RFC 9293 §3.5): listeners and the handshakes that peers begin.
//!
//! | file | idea |
//! |---|---|
//! | `isn` | initial sequence numbers and what else must not be guessed |
//! | `listen` | listeners and their accept queues |
//! | `passive` | from a SYN to a connection in the accept queue |
//! | `embryos` | the table of half-open connections |
//! | `totals` | what is counted of a listener over all shards |
//! | `cookies` | handshakes without state |

pub(super) mod cookies;
pub(super) mod embryos;
pub(super) mod isn;
pub(super) mod listen;
pub(crate) mod message;
mod passive;
mod replica;
mod totals;
