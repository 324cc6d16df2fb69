//! The engine's side of the sockets that threads of this process use.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use addr::Endpoint;
use client::{Bell, LocalSocket, doorbell};
use rustix::io::Errno;
use stack::socket::SocketRings;
use stack::{Limits, Readiness, SocketId};

use super::handle::Handle;
use super::{CONNECTING, READ, Shared, WROTE};
use crate::engine::Core;
use crate::engine::mailbox::Remote;
use crate::engine::owner::Owner;
use crate::engine::slab::{Key, Slab};
use crate::engine::sockets::os_error;

/// All local sockets of an engine.
pub(crate) struct Locals {
    sockets: Slab<Local>,
    remote: Remote,
}

struct Local {
    id: SocketId,
    bell: Bell,
    shared: Arc<Shared>,
}

impl Locals {
    /// As many as the stack has sockets at most.
    pub(crate) fn new(remote: Remote, limits: &Limits) -> Self {
        let most = limits.tcp_connections as usize
            + limits.tcp_listeners as usize
            + limits.udp_sockets as usize;
        Self { sockets: Slab::new(most), remote }
    }

    pub(super) fn connect(
        &mut self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        core: &mut Core,
    ) -> io::Result<LocalSocket> {
        let remote = Endpoint::from(remote);
        let ends = core.connect(local.map(Endpoint::from), remote).map_err(os_error)?;
        self.hand_out(ends, CONNECTING, core)
    }

    pub(super) fn listen(
        &mut self,
        local: SocketAddr,
        backlog: u32,
        core: &mut Core,
    ) -> io::Result<LocalSocket> {
        let local = Endpoint::from(local);
        let id = core.listen(local, backlog.max(1), false).map_err(os_error)?;
        let local = core.host.local(id).unwrap_or(local);
        let (handle, doorbell) = self.admit(id, Shared::new(local, None, 0), core)?;
        let local = local.to_std();
        Ok(LocalSocket { local, remote: None, tx: None, rx: None, doorbell, handle })
    }

    pub(super) fn bind_udp(
        &mut self,
        local: SocketAddr,
        core: &mut Core,
    ) -> io::Result<LocalSocket> {
        let ends = core.bind_udp(Endpoint::from(local)).map_err(os_error)?;
        self.hand_out(ends, 0, core)
    }

    pub(super) fn accept(&mut self, key: Key, core: &mut Core) -> io::Result<LocalSocket> {
        let listener = self.sockets.find(key).ok_or(Errno::BADF)?;
        let ends = core.accept(listener.id).map_err(os_error)?.ok_or(Errno::AGAIN)?;
        self.hand_out(ends, 0, core)
    }

    pub(super) fn connect_udp(
        &mut self,
        key: Key,
        remote: Endpoint,
        core: &mut Core,
    ) -> io::Result<()> {
        let socket = self.sockets.find(key).ok_or(Errno::BADF)?;
        core.connect_udp(socket.id, remote).map_err(os_error)?;
        let mut names = socket.shared.names.lock().unwrap_or_else(PoisonError::into_inner);
        let local = core.host.local(socket.id).unwrap_or(names.0);
        *names = (local, Some(remote));
        Ok(())
    }

    pub(super) fn shutdown_read(&mut self, key: Key, core: &mut Core) {
        if let Some(socket) = self.sockets.find(key) {
            core.shutdown_read(socket.id);
        }
    }

    pub(super) fn close(&mut self, key: Key, core: &mut Core) {
        if let Some(socket) = self.sockets.remove(key) {
            core.close(socket.id);
        }
    }

    /// The engine ends.
    pub(crate) fn close_all(&mut self, core: &mut Core) {
        for key in self.sockets.keys() {
            if let Some(socket) = self.sockets.remove(key) {
                core.close(socket.id);
                socket.bell.ring();
                socket.bell.open();
            }
        }
    }

    /// The application read or wrote.
    pub(crate) fn attend(&mut self, key: Key, core: &mut Core) {
        let Some(socket) = self.sockets.find(key) else { return };
        let done = socket.shared.take();
        if done & WROTE != 0 {
            core.app_wrote(socket.id);
        }
        if done & READ != 0 {
            core.app_read(socket.id);
        }
    }

    /// The stack told of a socket: the application is woken if it sleeps.
    pub(crate) fn on_event(&mut self, key: Key, what: Readiness, core: &mut Core) {
        let Some(socket) = self.sockets.find(key) else { return };
        let over = what.has(Readiness::ERROR | Readiness::GONE);
        let error = core.host.take_error(socket.id).map(|error| i32::from(error.code()));
        if let Some(errno) = error {
            socket.shared.error.store(errno, Ordering::Release);
        }
        if socket.shared.connect.load(Ordering::Relaxed) == CONNECTING {
            let outcome = match () {
                // One without an error was given up by ourselves.
                () if over => error.unwrap_or(Errno::CONNABORTED.raw_os_error()),
                () if what.has(Readiness::CONNECTED) => 0,
                () => return,
            };
            socket.shared.connect.store(outcome, Ordering::Release);
            socket.bell.open();
        }
        // Whether the application sleeps is marked in the stack's halves of the rings, out of reach
        // from here. Ringing once too often does no harm.
        if over || what.has(Readiness::READABLE | Readiness::INCOMING) {
            socket.bell.ring();
        }
        if over || what.has(Readiness::WRITABLE) {
            socket.bell.open();
        }
    }

    /// Makes a socket of the application's ends.
    fn hand_out(
        &mut self,
        ends: SocketRings,
        connect: i32,
        core: &mut Core,
    ) -> io::Result<LocalSocket> {
        let SocketRings { id, local, remote, tx, rx } = ends;
        let (handle, doorbell) = self.admit(id, Shared::new(local, remote, connect), core)?;
        let (local, remote) = (local.to_std(), remote.map(Endpoint::to_std));
        Ok(LocalSocket { local, remote, tx: Some(tx), rx: Some(rx), doorbell, handle })
    }

    fn admit(
        &mut self,
        id: SocketId,
        shared: Arc<Shared>,
        core: &mut Core,
    ) -> io::Result<(Arc<Handle>, doorbell::Doorbell)> {
        let bells = doorbell::pair();
        let admitted = bells.and_then(|(doorbell, bell)| {
            let local = Local { id, bell, shared: shared.clone() };
            let key = self.sockets.insert(local).map_err(|_| Errno::NOBUFS)?;
            Ok((key, doorbell))
        });
        match admitted {
            Ok((key, doorbell)) => {
                core.owners.insert(id, Owner::Local(key));
                let remote = self.remote.clone();
                Ok((Arc::new(Handle { id, key, shared, remote }), doorbell))
            }
            Err(error) => {
                // Nobody has it yet, so nothing in it is worth an orderly end.
                core.abort(id);
                Err(error)
            }
        }
    }
}
