//! A listening TCP socket that reads like `std::net::TcpListener`.
//!
//! The daemon answers `listen` with an eventfd that is readable while a connection waits. Accepting
//! waits on that descriptor, here and not in the daemon, and then asks for the connection: other
//! calls of the same session are not held up. In this process the doorbell does the same.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::daemon::Remote;
use crate::doorbell::timeout_as_would_block;
use crate::local::Local;
use crate::socket_option::SocketOption;
use crate::socket_request::SocketType;
use crate::stack::{Backend, Stack};
use crate::tcp_stream::TcpStream;

/// Connections that may wait to be accepted, unless asked for otherwise.
pub const BACKLOG: u32 = 128;

/// A TCP socket that accepts connections. Several threads may accept.
///
/// ```no_run
/// use client::{Stack, TcpListener};
///
/// let stack = Stack::connect(None)?;
/// let listener = TcpListener::bind(&stack, "0.0.0.0:80")?;
/// for stream in listener.incoming() {
///     println!("{}", stream?.peer_addr()?);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpListener(Kind);

enum Kind {
    Daemon(DaemonListener),
    Local(Local),
}

struct DaemonListener {
    ready: OwnedFd,
    remote: Remote,
    nonblocking: AtomicBool,
}

impl TcpListener {
    /// Listens on the first of the addresses that can be had; port 0 picks one.
    ///
    /// # Errors
    /// The failure of the last address: `AddrInUse` if the port is taken, `AddrNotAvailable` if
    /// the address is none of the stack; `InvalidInput` without any.
    pub fn bind(stack: &Stack, addr: impl ToSocketAddrs) -> io::Result<Self> {
        let mut last = None;
        for addr in addr.to_socket_addrs()? {
            match Self::bind_backlog(stack, addr, BACKLOG) {
                Ok(listener) => return Ok(listener),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no address")))
    }

    /// Listens with a given limit of connections that wait to be accepted.
    ///
    /// # Errors
    /// `AddrInUse` if the port is taken, `AddrNotAvailable` if the address is none of the
    /// stack.
    pub fn bind_backlog(stack: &Stack, addr: SocketAddr, backlog: u32) -> io::Result<Self> {
        Ok(Self(match stack.backend() {
            Backend::Daemon(session) => {
                // A listener moves no data: its socketpair end is closed at once.
                let (remote, _) = Remote::open(session, addr, SocketType::Stream)?;
                remote.bind(addr)?;
                let ready = remote.listen(backlog)?;
                Kind::Daemon(DaemonListener { ready, remote, nonblocking: AtomicBool::new(false) })
            }
            Backend::Local(stack) => Kind::Local(Local::new(stack.tcp_listen(addr, backlog)?)),
        }))
    }

    /// The next connection and its peer.
    ///
    /// # Errors
    /// `WouldBlock` if it must not wait and there is none, `ConnectionAborted` if the daemon is
    /// gone.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match &self.0 {
            Kind::Daemon(listener) => listener.accept(),
            Kind::Local(listener) => {
                let socket = listener.accept()?;
                let stream = TcpStream::from_local(socket);
                let peer = stream.peer_addr()?;
                Ok((stream, peer))
            }
        }
    }

    /// Connections one after another, without end.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming(self)
    }

    /// Local address and port.
    ///
    /// # Errors
    /// If the stack cannot be asked.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Kind::Daemon(listener) => listener.remote.local_addr(),
            Kind::Local(listener) => listener.handle().local_addr(),
        }
    }

    /// Whether accepting fails with `WouldBlock` instead of waiting.
    ///
    /// # Errors
    /// None today; as in `std::net`.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match &self.0 {
            Kind::Daemon(listener) => listener.nonblocking.store(nonblocking, Ordering::Relaxed),
            Kind::Local(listener) => listener.set_nonblocking(nonblocking),
        }
        Ok(())
    }

    /// Takes the pending error (SO_ERROR).
    ///
    /// # Errors
    /// If the stack cannot be asked.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        match &self.0 {
            Kind::Daemon(listener) => listener.remote.take_error(),
            Kind::Local(listener) => Ok(listener.take_error()),
        }
    }

    /// Sets an option by Linux's numbers of level and name.
    ///
    /// # Errors
    /// ENOPROTOOPT if there is no such option, EINVAL if the value is out of range.
    pub fn set_option(&self, level: i32, name: i32, value: i32) -> io::Result<()> {
        let option = SocketOption::known(level, name)?;
        match &self.0 {
            Kind::Daemon(listener) => listener.remote.set_option(option, value),
            Kind::Local(listener) => listener.handle().set_option(option, value),
        }
    }

    /// Reads an option by Linux's numbers of level and name.
    ///
    /// # Errors
    /// ENOPROTOOPT if there is no such option.
    pub fn option(&self, level: i32, name: i32) -> io::Result<i32> {
        let option = SocketOption::known(level, name)?;
        match &self.0 {
            Kind::Daemon(listener) => listener.remote.option(option),
            Kind::Local(listener) => listener.handle().option(option),
        }
    }
}

impl DaemonListener {
    fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let mut pause = Duration::from_millis(1);
        loop {
            let nonblocking = self.nonblocking.load(Ordering::Relaxed);
            let deadline = nonblocking.then(Instant::now);
            self.remote
                .wait_readable(self.ready.as_fd(), deadline)
                .map_err(timeout_as_would_block)?;
            match self.remote.accept() {
                Ok((remote, fd, peer)) => {
                    return Ok((TcpStream::from_daemon(remote, fd, peer), peer));
                }
                // Another thread was faster, or the connection is gone already. The pause is for
                // an eventfd that stays readable all the same.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !nonblocking => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// See [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a>(&'a TcpListener);

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.accept().map(|(stream, _)| stream))
    }
}

/// Readable while a connection waits; for polling only.
impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.0 {
            Kind::Daemon(listener) => listener.ready.as_fd(),
            Kind::Local(listener) => listener.as_fd(),
        }
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener").field("fd", &self.as_raw_fd()).finish_non_exhaustive()
    }
}

/// Longest pause between two looks at a listener that says it is ready and is not.
const PAUSE_MAX: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
