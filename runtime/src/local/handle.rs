//! The application's way to the engine for one local socket.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use addr::Endpoint;
use client::socket_option::SocketOption;
use client::{LocalSocket, SocketHandle};
use rustix::io::Errno;
use stack::SocketId;

use super::command::LocalCommand;
use super::shared::{CONNECTING, READ, Shared, WROTE};
use crate::mailbox::Remote;
use crate::option::Options;
use crate::slab::Key;
use crate::sockets::os_error;

/// Names a local socket to its engine.
pub(super) struct Handle {
    pub(super) id: SocketId,
    pub(super) key: Key,
    pub(super) shared: Arc<Shared>,
    pub(super) remote: Remote,
}

impl Handle {
    fn names(&self) -> MutexGuard<'_, (Endpoint, Option<Endpoint>)> {
        self.shared.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_options(
        &self,
        change: impl FnOnce(&mut Options) -> Result<(), Errno>,
    ) -> io::Result<()> {
        let mut options = self.shared.options.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *options;
        change(&mut options)?;
        let (id, after) = (self.id, *options);
        if after != before {
            let options = after.changes(before).collect();
            self.remote.post(LocalCommand::SetOptions { id, options });
        }
        Ok(())
    }
}

impl SocketHandle for Handle {
    fn connect_result(&self) -> Option<io::Result<()>> {
        match self.shared.connect.load(Ordering::Acquire) {
            CONNECTING => None,
            0 => Some(Ok(())),
            errno => Some(Err(io::Error::from_raw_os_error(errno))),
        }
    }

    fn written(&self) {
        if self.shared.note_progress(WROTE) {
            self.remote.app_progress(self.id);
        }
    }

    fn consumed(&self) {
        if self.shared.note_progress(READ) {
            self.remote.app_progress(self.id);
        }
    }

    fn shutdown(&self, how: Shutdown) {
        if how != Shutdown::Write {
            self.remote.post(LocalCommand::ShutdownRead(self.key));
        }
        if how != Shutdown::Read {
            self.written();
        }
    }

    fn close(&self) {
        self.remote.post(LocalCommand::Close(self.key));
    }

    fn accept(&self) -> io::Result<LocalSocket> {
        let key = self.key;
        self.remote.ask(|answer| LocalCommand::Accept { key, answer })?
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.names().0.to_std())
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.names().1.map(Endpoint::to_std).ok_or_else(|| Errno::NOTCONN.into())
    }

    fn set_option(&self, option: SocketOption, value: i32) -> io::Result<()> {
        if !self.id.kind.is_stream() && Options::is_of_streams(option) {
            return Err(Errno::NOPROTOOPT.into());
        }
        self.change_options(|options| options.set(option, value))
    }

    fn urged(&self) {
        self.remote.post(LocalCommand::SendUrgent(self.id));
    }

    fn urgent_byte(&self, peek: bool) -> io::Result<u8> {
        let id = self.id;
        let byte = self.remote.ask(|answer| LocalCommand::UrgentByte { id, peek, answer })?;
        byte.map_err(os_error)?.ok_or_else(|| Errno::AGAIN.into())
    }

    fn set_option_name(&self, option: SocketOption, value: &str) -> io::Result<()> {
        self.change_options(|options| options.set_name(option, value))
    }

    fn option_name(&self, option: SocketOption) -> io::Result<String> {
        let options = self.shared.options.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(options.name(option).ok_or(Errno::NOPROTOOPT)?.to_owned())
    }

    fn option(&self, option: SocketOption) -> io::Result<i32> {
        if option == SocketOption::Error {
            return Ok(self.shared.error.swap(0, Ordering::AcqRel));
        }
        let options = self.shared.options.lock().unwrap_or_else(PoisonError::into_inner);
        options.value(option).ok_or_else(|| Errno::NOPROTOOPT.into())
    }

    fn take_error(&self) -> Option<io::Error> {
        match self.shared.error.swap(0, Ordering::AcqRel) {
            0 => None,
            errno => Some(io::Error::from_raw_os_error(errno)),
        }
    }

    fn udp_connect(&self, remote: SocketAddr) -> io::Result<()> {
        let (key, remote) = (self.key, Endpoint::from(remote));
        self.remote.ask(|answer| LocalCommand::ConnectUdp { key, remote, answer })?
    }
}
