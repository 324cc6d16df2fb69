//! One socket of a client: what is known of it whatever its kind, and its state.

use addr::Endpoint;

use super::client_end::ClientEnd;
use super::client_id::ClientId;
use super::datagram::Datagram;
use super::listener::Listener;
use super::quota::Admission;
use super::stream::{Connecting, Stream};
use crate::option::Options;

/// One socket of a client.
pub(crate) struct Bridge {
    pub(super) client: ClientId,
    pub(super) handle: u32,
    /// Tells this bridge from others that had the handle before or have it later.
    pub(super) serial: u64,
    /// It counts as one of its client's sockets as long as it is there.
    pub(super) _admission: Admission,
    /// Whether it was opened for IPv6.
    pub(super) v6: bool,
    /// What `bind` named.
    pub(super) local: Option<Endpoint>,
    /// The error that SO_ERROR takes.
    pub(super) error: Option<i32>,
    pub(super) options: Options,
    pub(super) state: State,
}

pub(super) enum State {
    /// A stream socket that neither connects nor listens yet; our end of its socketpair.
    Fresh(ClientEnd),
    Connecting(Connecting),
    Stream(Stream),
    Listener(Listener),
    Datagram(Datagram),
    /// The connection is over; the handle lives on for its error.
    Over {
        local: Endpoint,
        remote: Option<Endpoint>,
    },
}

impl Bridge {
    pub(super) fn local_name(&self) -> Option<Endpoint> {
        match &self.state {
            State::Fresh(_) => self.local,
            State::Connecting(connecting) => Some(connecting.names().0),
            State::Stream(stream) => Some(stream.names().0),
            State::Listener(listener) => Some(listener.local),
            State::Datagram(datagram) => datagram.local(),
            State::Over { local, .. } => Some(*local),
        }
    }

    pub(super) fn remote_name(&self) -> Option<Endpoint> {
        match &self.state {
            State::Stream(stream) => stream.names().1,
            State::Datagram(datagram) => datagram.remote(),
            State::Over { remote, .. } => *remote,
            State::Fresh(_) | State::Connecting(_) | State::Listener(_) => None,
        }
    }
}

/// The state of a bridge whose connection is over.
pub(super) fn over(local: Endpoint) -> State {
    State::Over { local, remote: None }
}
