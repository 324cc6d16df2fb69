//! A listening socket of a client.
//!
//! The client gets an eventfd that is readable exactly while a connection waits. To know
//! that without asking the stack twice, one accepted connection is held ready here; requests that
//! wait for one are served first.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use addr::Endpoint;
use rustix::event::{EventfdFlags, eventfd};
use stack::SocketId;
use stack::socket::SocketRings;

use super::client_end::ClientEnd;
use super::reply::Reply;
use crate::sockets::Core;

/// A socket that listens.
pub(super) struct Listener {
    id: SocketId,
    pub(super) local: Endpoint,
    event: OwnedFd,
    raised: bool,
    next: Option<SocketRings>,
    waiters: VecDeque<Reply>,
    /// Our end of the socketpair that came with `socket`. It carries nothing, and lives so that the
    /// client's end does not look as if it were over.
    _end: ClientEnd,
}

impl Listener {
    pub(super) fn new(id: SocketId, local: Endpoint, end: ClientEnd) -> rustix::io::Result<Self> {
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let waiters = VecDeque::new();
        Ok(Self { id, local, event, raised: false, next: None, waiters, _end: end })
    }

    pub(super) fn id(&self) -> SocketId {
        self.id
    }

    /// Requests that wait for a connection.
    pub(super) fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// The client's descriptor.
    pub(super) fn event(&self) -> rustix::io::Result<OwnedFd> {
        rustix::io::fcntl_dupfd_cloexec(&self.event, 0)
    }

    /// Asks the stack for a connection unless one is held, and sets the eventfd.
    pub(super) fn look(&mut self, core: &mut Core) {
        if self.next.is_none() {
            // A listener that the stack no longer knows has nothing to accept.
            self.next = core.accept(self.id).ok().flatten();
        }
        self.signal();
    }

    /// A connection for the oldest request that waits.
    pub(super) fn serve(&mut self, core: &mut Core) -> Option<(SocketRings, Reply)> {
        let reply = self.waiters.pop_front()?;
        match self.take(core) {
            Some(rings) => Some((rings, reply)),
            None => {
                self.waiters.push_front(reply);
                None
            }
        }
    }

    /// A connection, if one waits.
    pub(super) fn take(&mut self, core: &mut Core) -> Option<SocketRings> {
        self.look(core);
        let rings = self.next.take();
        self.look(core);
        rings
    }

    /// Lets a request wait for a connection.
    pub(super) fn wait(&mut self, reply: Reply) {
        self.waiters.push_back(reply);
    }

    /// Closes the listener. The connection that was held for the next request comes back; it may
    /// live on any shard.
    pub(super) fn close(&mut self, core: &mut Core) -> Option<SocketRings> {
        core.close(self.id);
        self.next.take()
    }

    fn signal(&mut self) {
        let wanted = self.next.is_some();
        if wanted == self.raised {
            return;
        }
        self.raised = wanted;
        // The client shares the counter and may have read it: neither call can block, and either
        // outcome leaves the counter as wanted.
        let mut count = [0; 8];
        let _ = match wanted {
            true => rustix::io::write(&self.event, &1u64.to_ne_bytes()),
            false => rustix::io::read(&self.event, &mut count),
        };
    }
}
