//! The engine's side of local sockets.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use addr::Endpoint;
use client::{Bell, LocalSocket, doorbell};
use rustix::io::Errno;
use stack::socket::SocketRings;
use stack::{Limits, Readiness, SocketError, SocketId};

use super::command::{Answer, LocalCommand};
use super::handle::Handle;
use super::inline::{InlineUser, NewUser, Next};
use super::shared::{CONNECTING, READ, Shared, WROTE};
use crate::mailbox::Engines;
use crate::slab::{Key, Slab};
use crate::sockets::owner::Owner;
use crate::sockets::{Core, os_error, shard_of};

/// All local sockets of an engine.
pub(crate) struct Locals {
    sockets: Slab<Local>,
    shard: usize,
    engines: Engines,
}

struct Local {
    id: SocketId,
    user: User,
}

enum User {
    /// A thread of this process.
    Thread { bell: Bell, shared: Arc<Shared> },
    /// Code on the engine thread.
    Inline(Box<dyn InlineUser>),
    /// A listener whose connections are used on the engine thread.
    InlineListener(NewUser),
}

impl Locals {
    /// Of shard `shard`: as many as the stack has sockets at most.
    pub(crate) fn new(shard: usize, engines: Engines, limits: &Limits) -> Self {
        let most = limits.tcp_connections as usize
            + limits.tcp_listeners as usize
            + limits.udp_sockets as usize;
        Self { sockets: Slab::new(most), shard, engines }
    }

    /// Carries out a command, or hands it over to the engine where its socket has to be opened.
    pub(crate) fn run(&mut self, command: LocalCommand, core: &mut Core) {
        let home = match &command {
            LocalCommand::Connect { local, remote, .. } => {
                core.home_of_connect(local.map(Endpoint::from), Endpoint::from(*remote))
            }
            LocalCommand::Listen { local, .. } => core.home_of_listen(local.port()),
            LocalCommand::BindUdp { local, .. } => core.home_of_bind(local.port()),
            _ => self.shard,
        };
        if home != self.shard {
            return self.engines.of_shard(home).hand_over(command);
        }
        // Whoever asked waits for the answer, so sending it does not fail.
        match command {
            LocalCommand::Connect { local, remote, answer } => {
                let _ = answer.send(self.connect(local, remote, core));
            }
            LocalCommand::Listen { local, backlog, answer } => {
                let _ = answer.send(self.listen(local, backlog, core));
            }
            LocalCommand::BindUdp { local, answer } => {
                let _ = answer.send(self.bind_udp(local, core));
            }
            LocalCommand::Accept { key, answer } => match self.accept(key, core) {
                Ok(rings) => self.hand_out_at_home(rings, answer, core),
                Err(error) => {
                    let _ = answer.send(Err(error));
                }
            },
            LocalCommand::Adopt { rings, answer } => {
                let id = rings.id;
                let _ = answer.send(self.hand_out(rings, 0, core));
                core.adopt(id);
            }
            LocalCommand::AdoptInline { id, user } => self.adopt_inline(id, user, core),
            LocalCommand::ConnectUdp { key, remote, answer } => {
                let _ = answer.send(self.connect_udp(key, remote, core));
            }
            LocalCommand::SetOptions { id, options } => core.set_options(id, options.into_iter()),
            LocalCommand::SendUrgent(id) => core.send_urgent(id),
            LocalCommand::UrgentByte { id, peek, answer } => {
                let _ = answer.send(core.worker.tcp_urgent(id, peek));
            }
            LocalCommand::ShutdownRead(key) => {
                if let Some(socket) = self.sockets.find(key) {
                    core.shutdown_read(socket.id);
                }
            }
            LocalCommand::Close(key) => self.close(key, core),
        }
    }

    fn connect(
        &mut self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        core: &mut Core,
    ) -> io::Result<LocalSocket> {
        let remote = Endpoint::from(remote);
        let rings = core.connect(local.map(Endpoint::from), remote).map_err(os_error)?;
        self.hand_out(rings, CONNECTING, core)
    }

    fn listen(
        &mut self,
        local: SocketAddr,
        backlog: u32,
        core: &mut Core,
    ) -> io::Result<LocalSocket> {
        let local = Endpoint::from(local);
        let id = core.listen(local, backlog.max(1), false).map_err(os_error)?;
        let local = core.worker.local(id).unwrap_or(local);
        let (handle, doorbell) = self.admit(id, Shared::new(local, None, 0), core)?;
        let local = local.to_std();
        Ok(LocalSocket { local, remote: None, tx: None, rx: None, doorbell, handle })
    }

    fn bind_udp(&mut self, local: SocketAddr, core: &mut Core) -> io::Result<LocalSocket> {
        let rings = core.bind_udp(Endpoint::from(local)).map_err(os_error)?;
        self.hand_out(rings, 0, core)
    }

    fn accept(&mut self, key: Key, core: &mut Core) -> io::Result<SocketRings> {
        let listener = self.sockets.find(key).ok_or(Errno::BADF)?;
        Ok(core.accept(listener.id).map_err(os_error)?.ok_or(Errno::AGAIN)?)
    }

    /// Makes a socket of an accepted connection, on the engine of its shard.
    fn hand_out_at_home(
        &mut self,
        rings: SocketRings,
        answer: Answer<LocalSocket>,
        core: &mut Core,
    ) {
        if core.is_home_of(rings.id) {
            let _ = answer.send(self.hand_out(rings, 0, core));
            return;
        }
        let home = self.engines.of_shard(shard_of(rings.id));
        home.hand_over(LocalCommand::Adopt { rings, answer });
    }

    fn connect_udp(&mut self, key: Key, remote: Endpoint, core: &mut Core) -> io::Result<()> {
        let socket = self.sockets.find(key).ok_or(Errno::BADF)?;
        let User::Thread { shared, .. } = &socket.user else { return Err(Errno::BADF.into()) };
        core.connect_udp(socket.id, remote).map_err(os_error)?;
        let mut names = shared.names.lock().unwrap_or_else(PoisonError::into_inner);
        let local = core.worker.local(socket.id).unwrap_or(names.0);
        *names = (local, Some(remote));
        Ok(())
    }

    /// Opens a listener whose connections get users on the engine thread.
    ///
    /// # Errors
    /// What the stack refuses, and `NoBuffers` if there are too many sockets.
    pub(crate) fn listen_inline(
        &mut self,
        local: Endpoint,
        backlog: u32,
        new_user: NewUser,
        core: &mut Core,
    ) -> Result<(), SocketError> {
        let id = core.listen(local, backlog, false)?;
        self.insert(id, User::InlineListener(new_user), core).map(drop)
    }

    /// Opens a UDP socket with a user on the engine thread.
    ///
    /// # Errors
    /// What the stack refuses, and `NoBuffers` if there are too many sockets.
    pub(crate) fn bind_inline(
        &mut self,
        local: Endpoint,
        new_user: &NewUser,
        core: &mut Core,
    ) -> Result<(), SocketError> {
        let rings = core.bind_udp(local)?;
        self.insert(rings.id, User::Inline(new_user(rings)), core).map(drop)
    }

    fn close(&mut self, key: Key, core: &mut Core) {
        if let Some(socket) = self.sockets.remove(key) {
            core.close(socket.id);
        }
    }

    /// The engine ends.
    pub(crate) fn close_all(&mut self, core: &mut Core) {
        for key in self.sockets.keys() {
            if let Some(socket) = self.sockets.remove(key) {
                core.close(socket.id);
                if let User::Thread { bell, .. } = socket.user {
                    bell.ring();
                    bell.open();
                }
            }
        }
    }

    /// The application read or wrote, or an answer for an inline user has come.
    pub(crate) fn on_app_progress(&mut self, key: Key, core: &mut Core) {
        let Some(socket) = self.sockets.find(key) else { return };
        let User::Thread { shared, .. } = &socket.user else {
            return self.on_event(key, Readiness::NONE, core);
        };
        let progress = shared.take_progress();
        if progress & WROTE != 0 {
            core.app_wrote(socket.id);
        }
        if progress & READ != 0 {
            core.app_read(socket.id);
        }
    }

    /// The stack reported something of a socket: its user is called, or woken if it sleeps.
    pub(crate) fn on_event(&mut self, key: Key, what: Readiness, core: &mut Core) {
        let Some(Local { id, user }) = self.sockets.find_mut(key) else { return };
        match user {
            User::Thread { bell, shared } => wake(*id, bell, shared, what, core),
            User::Inline(user) => {
                if user.on_event(*id, what, core) == Next::Close {
                    self.close(key, core);
                }
            }
            User::InlineListener(_) => self.accept_inline(key, core),
        }
    }

    fn accept_inline(&mut self, listener: Key, core: &mut Core) {
        loop {
            let Some(Local { id, user }) = self.sockets.find(listener) else { return };
            let User::InlineListener(new_user) = user else { return };
            // A listener that cannot accept has nothing to accept.
            let Ok(Some(rings)) = core.accept(*id) else { return };
            let (id, user) = (rings.id, new_user(rings));
            if core.is_home_of(id) {
                self.adopt_inline(id, user, core);
            } else {
                let home = self.engines.of_shard(shard_of(id));
                home.hand_over(LocalCommand::AdoptInline { id, user });
            }
        }
    }

    fn adopt_inline(&mut self, id: SocketId, user: Box<dyn InlineUser>, core: &mut Core) {
        if let Ok(key) = self.insert(id, User::Inline(user), core) {
            core.adopt(id);
            self.on_event(key, Readiness::NONE, core);
        }
    }

    /// Makes a socket of the application's ends.
    fn hand_out(
        &mut self,
        rings: SocketRings,
        connect: i32,
        core: &mut Core,
    ) -> io::Result<LocalSocket> {
        let SocketRings { id, local, remote, tx, rx } = rings;
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
        let admitted = doorbell::pair().and_then(|(doorbell, bell)| {
            let user = User::Thread { bell, shared: shared.clone() };
            let local = Local { id, user };
            let key = self.sockets.insert(local).map_err(|_| Errno::NOBUFS)?;
            Ok((key, doorbell))
        });
        match admitted {
            Ok((key, doorbell)) => {
                core.owners.insert(id, Owner::Local(key));
                let remote = self.engines.of_shard(self.shard).clone();
                Ok((Arc::new(Handle { id, key, shared, remote }), doorbell))
            }
            Err(error) => {
                // Nobody has it yet, so nothing in it is worth an orderly end.
                core.abort(id);
                Err(error)
            }
        }
    }

    fn insert(&mut self, id: SocketId, user: User, core: &mut Core) -> Result<Key, SocketError> {
        let Ok(key) = self.sockets.insert(Local { id, user }) else {
            core.abort(id);
            return Err(SocketError::NoBuffers);
        };
        core.owners.insert(id, Owner::Local(key));
        Ok(key)
    }
}

/// Wakes an application that may sleep.
fn wake(id: SocketId, bell: &Bell, shared: &Shared, what: Readiness, core: &mut Core) {
    let over = what.has(Readiness::ERROR | Readiness::GONE);
    let error = core.worker.take_error(id).map(|error| i32::from(error.code()));
    if let Some(errno) = error {
        shared.error.store(errno, Ordering::Release);
    }
    if shared.connect.load(Ordering::Relaxed) == CONNECTING {
        let outcome = match () {
            // A connection that ended without an error was given up by ourselves.
            () if over => error.unwrap_or(Errno::CONNABORTED.raw_os_error()),
            () if what.has(Readiness::CONNECTED) => 0,
            () => return,
        };
        shared.connect.store(outcome, Ordering::Release);
        bell.open();
    }
    // Whether the application sleeps is marked in the stack's halves of the rings, out of reach
    // from here. Ringing once too often does no harm.
    if over || what.has(Readiness::READABLE | Readiness::INCOMING) {
        bell.ring();
    }
    if over || what.has(Readiness::WRITABLE) {
        bell.open();
    }
}
