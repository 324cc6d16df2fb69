//! A socket of the daemon: the handle that names it and the calls about it.
//!
//! The data of such a socket moves over a socketpair that the public types hold themselves; here
//! is what goes over the session. Dropping a [`Remote`] closes the daemon's socket, so it must be
//! dropped after the data end: the daemon then finds the end of the stream behind the last byte.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::call::{
    AcceptArgs, Accepted, ConnectStartArgs, ListenArgs, Name, Opened, OptionArgs, OptionValue,
    ShutdownArgs, SocketArgs, SocketCall, UrgentArgs, verb,
};
use crate::doorbell;
use crate::session::{CALL_TIMEOUT, Session};
use crate::socket_option::{SO_ERROR, SOL_SOCKET};

/// A socket of the daemon.
#[derive(Debug)]
pub(crate) struct Remote {
    session: Session,
    handle: u32,
    detached: bool,
}

impl Remote {
    /// Opens a socket of the family of `addr`; with it comes our end of its socketpair.
    pub(crate) fn open(
        session: &Session,
        addr: SocketAddr,
        kind: &str,
    ) -> io::Result<(Self, OwnedFd)> {
        let args = SocketArgs { family: if addr.is_ipv4() { 4 } else { 6 }, kind: kind.into() };
        let call = SocketCall::new(verb::SOCKET, None, &args);
        let (value, fd) = session.socket_call(&call, Some(CALL_TIMEOUT))?;
        let opened: Opened = parse(verb::SOCKET, value)?;
        let remote = Self::new(session, opened.handle);
        Ok((remote, fd.ok_or_else(|| no_fd(verb::SOCKET))?))
    }

    fn new(session: &Session, handle: u32) -> Self {
        Self { session: session.clone(), handle, detached: false }
    }

    pub(crate) fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.call(verb::BIND, &Name::from(addr)).map(drop)
    }

    /// Waits until the connection stands, was refused, or `timeout` has passed.
    pub(crate) fn connect(&self, addr: SocketAddr, timeout: Option<Duration>) -> io::Result<()> {
        let call = SocketCall::new(verb::CONNECT, Some(self.handle), &Name::from(addr));
        self.session.socket_call(&call, timeout)?;
        Ok(())
    }

    /// Starts to connect; `fill` bytes lie in the socketpair for the daemon to take out.
    pub(crate) fn connect_start(&self, addr: SocketAddr, fill: u64) -> io::Result<()> {
        let name = Name::from(addr);
        let args = ConnectStartArgs { address: name.address, port: name.port, fill };
        self.call(verb::CONNECT_START, &args).map(drop)
    }

    /// Starts to listen; the descriptor is readable while a connection waits.
    pub(crate) fn listen(&self, backlog: u32) -> io::Result<OwnedFd> {
        let call = SocketCall::new(verb::LISTEN, Some(self.handle), &ListenArgs { backlog });
        let (_, fd) = self.session.socket_call(&call, Some(CALL_TIMEOUT))?;
        fd.ok_or_else(|| no_fd(verb::LISTEN))
    }

    /// The next connection, `WouldBlock` when there is none.
    pub(crate) fn accept(&self) -> io::Result<(Self, OwnedFd, SocketAddr)> {
        let args = AcceptArgs { blocking: false };
        let call = SocketCall::new(verb::ACCEPT, Some(self.handle), &args);
        let (value, fd) = self.session.socket_call(&call, Some(CALL_TIMEOUT))?;
        let accepted: Accepted = parse(verb::ACCEPT, value)?;
        let remote = Self::new(&self.session, accepted.handle);
        let fd = fd.ok_or_else(|| no_fd(verb::ACCEPT))?;
        let name = Name { address: accepted.address, port: accepted.port };
        Ok((remote, fd, SocketAddr::try_from(&name)?))
    }

    /// Waits until `fd` is readable, and no longer than the session lives.
    pub(crate) fn wait_readable(
        &self,
        fd: BorrowedFd<'_>,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        let session = self.session.watch_fd();
        let mut fds = [
            PollFd::from_borrowed_fd(fd, PollFlags::IN),
            PollFd::from_borrowed_fd(session, PollFlags::RDHUP),
        ];
        doorbell::wait_any(&mut fds, deadline)?;
        if fds[0].revents().is_empty() {
            return Err(lost());
        }
        Ok(())
    }

    /// Whether the daemon is still there to send and receive what goes over a datagram socketpair:
    /// unlike a stream it does not end with its peer.
    pub(crate) fn check_session(&self) -> io::Result<()> {
        if self.session.is_lost() { Err(lost()) } else { Ok(()) }
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => "rd",
            Shutdown::Write => "wr",
            Shutdown::Both => "rdwr",
        };
        self.call(verb::SHUTDOWN, &ShutdownArgs { how: how.into() }).map(drop)
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.name(verb::GETSOCKNAME)
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.name(verb::GETPEERNAME)
    }

    pub(crate) fn set_option(&self, level: i32, name: i32, value: i32) -> io::Result<()> {
        let value = Some(OptionValue::Number(value));
        self.call(verb::SETSOCKOPT, &OptionArgs { level, name, value }).map(drop)
    }

    pub(crate) fn send_urgent(&self, byte: u8) -> io::Result<()> {
        self.call(verb::SEND_URGENT, &UrgentArgs { byte }).map(drop)
    }

    pub(crate) fn set_option_name(&self, level: i32, name: i32, value: &str) -> io::Result<()> {
        let value = Some(OptionValue::Name(value.to_owned()));
        self.call(verb::SETSOCKOPT, &OptionArgs { level, name, value }).map(drop)
    }

    pub(crate) fn option_name(&self, level: i32, name: i32) -> io::Result<String> {
        let value = self.call(verb::GETSOCKOPT, &OptionArgs { level, name, value: None })?;
        parse(verb::GETSOCKOPT, value)
    }

    pub(crate) fn option(&self, level: i32, name: i32) -> io::Result<i32> {
        let value = self.call(verb::GETSOCKOPT, &OptionArgs { level, name, value: None })?;
        parse(verb::GETSOCKOPT, value)
    }

    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        let errno = self.option(SOL_SOCKET, SO_ERROR)?;
        Ok((errno != 0).then(|| io::Error::from_raw_os_error(errno)))
    }

    /// Leaves the daemon's socket open when this is dropped. It then closes with the data end.
    pub(crate) fn detach(&mut self) {
        self.detached = true;
    }

    fn name(&self, verb: &str) -> io::Result<SocketAddr> {
        let name: Name = parse(verb, self.call(verb, &())?)?;
        SocketAddr::try_from(&name)
    }

    fn call<T: Serialize>(&self, verb: &str, args: &T) -> io::Result<Value> {
        let call = SocketCall::new(verb, Some(self.handle), args);
        Ok(self.session.socket_call(&call, Some(CALL_TIMEOUT))?.0)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if !self.detached {
            self.session.post(&SocketCall::new(verb::CLOSE, Some(self.handle), &()));
        }
    }
}

/// The error behind the end of a data stream: the socketpair itself says only that it ended.
/// `Ok` when it ended in order.
pub(crate) fn reason_of_end(remote: &Remote) -> io::Result<()> {
    match remote.take_error() {
        Ok(None) => Ok(()),
        Ok(Some(error)) => Err(error),
        // A socket that the daemon has forgotten has no error left to tell.
        Err(error) if error.raw_os_error() == Some(Errno::BADF.raw_os_error()) => Ok(()),
        Err(error) => Err(error),
    }
}

fn parse<T: DeserializeOwned>(verb: &str, value: Value) -> io::Result<T> {
    serde_json::from_value(value).map_err(|error| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{verb}: bad answer: {error}"))
    })
}

fn lost() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "lost the connection to the daemon")
}

fn no_fd(verb: &str) -> io::Error {
    let text = format!("{verb}: the daemon sent no file descriptor");
    io::Error::new(io::ErrorKind::InvalidData, text)
}
