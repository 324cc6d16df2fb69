//! The application's halves of a socket's byte rings.

use addr::Endpoint;
use ring::bytes::{Reader, Writer};

use crate::socket::SocketId;

/// The application's side of a connection or of a datagram socket.
#[derive(Debug)]
pub struct SocketRings {
    /// The socket.
    pub id: SocketId,
    /// Its own address and port.
    pub local: Endpoint,
    /// The peer's, if it has one.
    pub remote: Option<Endpoint>,
    /// What is to be sent is written here; `finish()` on it asks for a FIN after the data.
    /// Tell the stack by [`crate::Host::app_wrote`].
    pub tx: Writer,
    /// What was received is read here; finished at the peer's FIN, failed at an error (the code is
    /// [`SocketError::code`](super::SocketError::code)). Tell the stack of space by
    /// [`crate::Host::app_read`].
    pub rx: Reader,
}
