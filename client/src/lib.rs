//! Talking to a stack: sockets on it, and its control plane.
//!
//! A stack runs either as the daemon `pytcp-xdp` or inside this process; [`Stack`] stands for
//! both. On it people open [`TcpStream`], [`TcpListener`] and [`UdpSocket`], which read like their
//! namesakes in `std::net`, and ask for or change links, addresses, routes and neighbors with the
//! requests of [`admin`].
//!
//! To the daemon there is one AF_UNIX connection, a [`Session`]: frames of [`frame`] with the
//! JSON bodies of [`call`]. A TCP socket of the daemon is one end of a stream socketpair, so the
//! kernel's own `read`, `write` and `poll` work on it; a UDP socket is a datagram socketpair whose
//! packets carry the small header of [`datagram`]. In one process bytes go through the rings of
//! the `ring` crate and a [`doorbell`] that `poll` understands; [`stack`] holds the traits by
//! which the embedding runtime offers that.
#![forbid(unsafe_code)]

pub mod admin;
mod argument;
pub mod call;
mod daemon;
pub mod datagram;
pub mod doorbell;
mod error_body;
#[cfg(test)]
mod fake;
pub mod frame;
mod local;
mod path;
mod session;
pub mod socket_option;
pub mod socket_request;
pub mod stack;
mod tcp_listener;
mod tcp_stream;
mod udp_socket;

pub use doorbell::{Bell, Doorbell};
pub use path::default_path;
pub use session::{CALL_TIMEOUT, CallError, Session};
pub use stack::{LocalSocket, LocalStack, SocketHandle, Stack};
pub use tcp_listener::{BACKLOG, Incoming, TcpListener};
pub use tcp_stream::TcpStream;
pub use udp_socket::UdpSocket;
