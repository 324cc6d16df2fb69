//! What changed for a socket, reported at most once per socket between two calls of its user.
//!
//! A socket keeps the bits that were not reported yet (its pending events); the queue carries its
//! id while any bit is set. The queue is therefore never longer than there are sockets.

use std::collections::VecDeque;

use crate::socket::SocketId;

/// A set of things that became true for a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness(u8);

impl Readiness {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// The handshake is complete.
    pub const CONNECTED: Self = Self(1);
    /// Data, an end of stream or an error can be read.
    pub const READABLE: Self = Self(2);
    /// There is room to write.
    pub const WRITABLE: Self = Self(4);
    /// A listener has a connection to accept.
    pub const INCOMING: Self = Self(8);
    /// The connection ended with an error, which the receive ring carries.
    pub const ERROR: Self = Self(16);
    /// The stack holds nothing of this socket any more: the id is dead.
    pub const GONE: Self = Self(32);
    /// An urgent byte came.
    pub const URGENT: Self = Self(64);

    /// Whether any bit of `other` is set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether no bit is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl core::ops::BitOr for Readiness {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::ops::BitOrAssign for Readiness {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// Sockets with pending events, oldest first.
#[derive(Debug, Default)]
pub(crate) struct EventQueue(VecDeque<SocketId>);

impl EventQueue {
    pub(crate) fn with_capacity(sockets: usize) -> Self {
        Self(VecDeque::with_capacity(sockets))
    }

    /// Adds `what` to the socket's `pending_events` and queues the socket if it had none.
    #[inline]
    pub(crate) fn mark(&mut self, id: SocketId, pending_events: &mut Readiness, what: Readiness) {
        if pending_events.is_empty() {
            self.0.push_back(id);
        }
        *pending_events |= what;
    }

    pub(crate) fn pop(&mut self) -> Option<SocketId> {
        self.0.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
