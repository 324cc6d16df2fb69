//! Users of sockets that run on the engine thread.
//!
//! Such a user has the application's halves of the rings and works on them when it is called: when
//! the stack reports something of its socket, and when an answer that it asked for has come. It
//! never waits, and does in one call what it can.

use stack::socket::SocketRings;
use stack::{Readiness, SocketId};

use crate::sockets::Core;

/// Whether a user goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Until it is called again.
    Wait,
    /// Its socket is to be closed.
    Close,
}

/// A user on the engine thread.
pub(crate) trait InlineUser: Send {
    /// Does what can be done without waiting. `what` is what the stack reports, and
    /// [`Readiness::NONE`] at the first call and when an answer has come.
    fn on_event(&mut self, id: SocketId, what: Readiness, core: &mut Core) -> Next;
}

/// Makes the user of a connection that was accepted.
pub(crate) type NewUser = Box<dyn Fn(SocketRings) -> Box<dyn InlineUser> + Send>;
