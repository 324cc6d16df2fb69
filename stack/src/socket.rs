//! Sockets: how one is named, what its user holds of it, what a listing shows, why a call fails.
//!
//! `kinds` is the one file that knows which kinds there are and dispatches by them. A new kind
//! (raw, ping, packet) is a variant of [`SocketKind`], a field and an arm there, and a folder of
//! its own.

mod detail;
mod error;
mod id;
mod kinds;
mod place;
mod rings;

pub use detail::{SocketInfo, TcpDetail, TcpTimer};
pub use error::SocketError;
pub use id::{SocketId, SocketKind};
pub(crate) use kinds::Sockets;
pub(crate) use place::ListPlace;
pub use rings::SocketRings;
