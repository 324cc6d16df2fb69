//! A socket of the daemon: the handle that names it and the calls about it.
//!
//! The data of such a socket moves over a socketpair that the public types hold themselves; here
//! is what goes over the session. Dropping a [`Remote`] closes the daemon's socket, so it must be
//! dropped after the data end: the daemon then finds the end of the stream behind the last byte.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use addr::IpVersion;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::call::{Accepted, Name, Opened, OptionValue, verb};
use crate::doorbell;
use crate::session::{CALL_TIMEOUT, Session};
use crate::socket_option::SocketOption;
use crate::socket_request::{SocketRequest, SocketType, SocketVerb};

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
        kind: SocketType,
    ) -> io::Result<(Self, OwnedFd)> {
        let family = if addr.is_ipv4() { IpVersion::V4 } else { IpVersion::V6 };
        let request = SocketRequest::Socket { family, kind };
        let (value, fd) = session.socket_call(&request, Some(CALL_TIMEOUT))?;
        let opened: Opened = parse(verb::SOCKET, value)?;
        let remote = Self::new(session, opened.handle);
        Ok((remote, fd.ok_or_else(|| no_fd(verb::SOCKET))?))
    }

    fn new(session: &Session, handle: u32) -> Self {
        Self { session: session.clone(), handle, detached: false }
    }

    pub(crate) fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.call(SocketVerb::Bind(addr)).map(drop)
    }

    /// Waits until the connection stands, was refused, or `timeout` has passed.
    pub(crate) fn connect(&self, addr: SocketAddr, timeout: Option<Duration>) -> io::Result<()> {
        self.session.socket_call(&self.on(SocketVerb::Connect(addr)), timeout)?;
        Ok(())
    }

    /// Starts to connect; `fill` bytes lie in the socketpair for the daemon to take out.
    pub(crate) fn connect_start(&self, remote: SocketAddr, fill: u64) -> io::Result<()> {
        self.call(SocketVerb::ConnectStart { remote, fill }).map(drop)
    }

    /// Starts to listen; the descriptor is readable while a connection waits.
    pub(crate) fn listen(&self, backlog: u32) -> io::Result<OwnedFd> {
        let (_, fd) = self.call(SocketVerb::Listen { backlog })?;
        fd.ok_or_else(|| no_fd(verb::LISTEN))
    }

    /// The next connection, `WouldBlock` when there is none.
    pub(crate) fn accept(&self) -> io::Result<(Self, OwnedFd, SocketAddr)> {
        let (value, fd) = self.call(SocketVerb::Accept { blocking: false })?;
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
        self.call(SocketVerb::Shutdown(how)).map(drop)
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.name(SocketVerb::GetSockName)
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.name(SocketVerb::GetPeerName)
    }

    pub(crate) fn send_urgent(&self, byte: u8) -> io::Result<()> {
        self.call(SocketVerb::SendUrgent { byte }).map(drop)
    }

    pub(crate) fn set_option(&self, option: SocketOption, value: i32) -> io::Result<()> {
        let value = OptionValue::Number(value);
        self.call(SocketVerb::SetSockOpt { option, value }).map(drop)
    }

    pub(crate) fn set_option_name(&self, option: SocketOption, value: &str) -> io::Result<()> {
        let value = OptionValue::Name(value.to_owned());
        self.call(SocketVerb::SetSockOpt { option, value }).map(drop)
    }

    pub(crate) fn option_name(&self, option: SocketOption) -> io::Result<String> {
        parse(verb::GETSOCKOPT, self.call(SocketVerb::GetSockOpt { option })?.0)
    }

    pub(crate) fn option(&self, option: SocketOption) -> io::Result<i32> {
        parse(verb::GETSOCKOPT, self.call(SocketVerb::GetSockOpt { option })?.0)
    }

    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        let errno = self.option(SocketOption::Error)?;
        Ok((errno != 0).then(|| io::Error::from_raw_os_error(errno)))
    }

    /// Leaves the daemon's socket open when this is dropped. It then closes with the data end.
    pub(crate) fn detach(&mut self) {
        self.detached = true;
    }

    fn name(&self, verb: SocketVerb) -> io::Result<SocketAddr> {
        let verb_name = verb.name();
        let name: Name = parse(verb_name, self.call(verb)?.0)?;
        SocketAddr::try_from(&name)
    }

    fn on(&self, verb: SocketVerb) -> SocketRequest {
        SocketRequest::On { handle: self.handle, verb }
    }

    fn call(&self, verb: SocketVerb) -> io::Result<(Value, Option<OwnedFd>)> {
        Ok(self.session.socket_call(&self.on(verb), Some(CALL_TIMEOUT))?)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if !self.detached {
            self.session.post(&self.on(SocketVerb::Close));
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
