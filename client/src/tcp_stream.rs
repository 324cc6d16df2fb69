//! A TCP connection that reads like `std::net::TcpStream`.
//!
//! Of the daemon it is one end of a stream socketpair: reading, writing, timeouts and readiness are
//! the kernel's own. The socketpair cannot carry an error, so where it ends the daemon is asked
//! once why. In this process the bytes move through rings; see [`crate::local`].

mod option;

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send, sockopt};

use crate::daemon::{Remote, reason_of_end};
use crate::local::Local;
use crate::session::Session;
use crate::socket_request::SocketType;
use crate::stack::{Backend, LocalSocket, Stack};

/// A TCP connection.
///
/// It may be shared between threads (`&TcpStream` reads and writes, [`TcpStream::try_clone`] makes
/// another owner), and its descriptor may be given to poll, epoll or mio. Dropping the last owner
/// closes it; what was written is still sent.
///
/// ```no_run
/// use std::io::{Read, Write};
/// use client::{Stack, TcpStream};
///
/// let stack = Stack::connect(None)?;
/// let mut stream = TcpStream::connect(&stack, "10.0.1.1:7")?;
/// stream.write_all(b"hello")?;
/// let mut echo = [0; 5];
/// stream.read_exact(&mut echo)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpStream {
    data: Arc<Data>,
    peer: Option<SocketAddr>,
}

enum Data {
    Daemon(DaemonStream),
    Local(Local),
}

/// Declared in the order of their ends: first the data, then the daemon's socket.
struct DaemonStream {
    sock: UnixStream,
    remote: Remote,
    /// The reason for the end was asked for.
    end_known: AtomicBool,
    /// The socketpair's send buffer size to restore once a connect attempt has ended; 0 for none.
    send_buffer: AtomicUsize,
}

impl TcpStream {
    /// Connects to the first of the addresses that answers. Names are resolved by the system's
    /// resolver, not through the stack.
    ///
    /// # Errors
    /// The failure of the last address, as connect(2) has it; `InvalidInput` without any.
    pub fn connect(stack: &Stack, addr: impl ToSocketAddrs) -> io::Result<Self> {
        let mut last = None;
        for addr in addr.to_socket_addrs()? {
            match Self::open(stack, None, addr, None) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no address")))
    }

    /// Connects, and gives up after `timeout`.
    ///
    /// # Errors
    /// `TimedOut` after that time, EINVAL if it is zero, else as connect(2).
    pub fn connect_timeout(
        stack: &Stack,
        addr: &SocketAddr,
        timeout: Duration,
    ) -> io::Result<Self> {
        if timeout.is_zero() {
            return Err(Errno::INVAL.into());
        }
        Self::open(stack, None, *addr, Some(timeout))
    }

    /// Connects from a given local address and port; either may be unspecified.
    ///
    /// # Errors
    /// As bind(2) and connect(2).
    pub fn connect_from(stack: &Stack, local: SocketAddr, remote: SocketAddr) -> io::Result<Self> {
        Self::open(stack, Some(local), remote, None)
    }

    fn open(
        stack: &Stack,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        timeout: Option<Duration>,
    ) -> io::Result<Self> {
        let data = match stack.backend() {
            Backend::Daemon(session) => {
                let stream = DaemonStream::open(session, local, remote)?;
                stream.remote.connect(remote, timeout)?;
                Data::Daemon(stream)
            }
            Backend::Local(stack) => {
                let stream = Local::connecting(stack.tcp_connect(local, remote)?);
                stream.finish_connect(timeout)?;
                Data::Local(stream)
            }
        };
        Ok(Self { data: Arc::new(data), peer: Some(remote) })
    }

    /// Starts to connect and returns at once with a non-blocking stream, as mio wants it: when it
    /// becomes writable the attempt has ended, and [`TcpStream::take_error`] tells how.
    ///
    /// # Errors
    /// What can be told at once, such as that there is no socket left.
    pub fn connect_start(stack: &Stack, remote: SocketAddr) -> io::Result<Self> {
        let data = match stack.backend() {
            Backend::Daemon(session) => {
                Data::Daemon(DaemonStream::open(session, None, remote)?.start(remote)?)
            }
            Backend::Local(stack) => {
                let stream = Local::connecting(stack.tcp_connect(None, remote)?);
                stream.set_nonblocking(true);
                Data::Local(stream)
            }
        };
        Ok(Self { data: Arc::new(data), peer: None })
    }

    /// An accepted connection of the daemon.
    pub(crate) fn from_daemon(remote: Remote, fd: OwnedFd, peer: SocketAddr) -> Self {
        let data = Data::Daemon(DaemonStream::new(remote, fd));
        Self { data: Arc::new(data), peer: Some(peer) }
    }

    /// An accepted connection of a stack in this process.
    pub(crate) fn from_local(socket: LocalSocket) -> Self {
        let peer = socket.remote;
        Self { data: Arc::new(Data::Local(Local::new(socket))), peer }
    }

    /// Another owner of the same connection.
    ///
    /// # Errors
    /// None today; as in `std::net`.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { data: self.data.clone(), peer: self.peer })
    }

    /// Local address and port.
    ///
    /// # Errors
    /// If the stack cannot be asked.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &*self.data {
            Data::Daemon(stream) => stream.remote.local_addr(),
            Data::Local(stream) => stream.handle().local_addr(),
        }
    }

    /// The peer's address and port.
    ///
    /// # Errors
    /// `NotConnected` before the connection stands.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match (&*self.data, self.peer) {
            (_, Some(peer)) => Ok(peer),
            (Data::Daemon(stream), None) => stream.remote.peer_addr(),
            (Data::Local(stream), None) => stream.handle().peer_addr(),
        }
    }

    /// Ends one direction or both. After `Write` the peer sees the end of the stream once it has
    /// everything that was written.
    ///
    /// # Errors
    /// `NotConnected` if the connection is over.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match &*self.data {
            Data::Daemon(stream) => stream.shutdown(how),
            Data::Local(stream) => stream.shutdown(how),
        }
    }

    /// Whether reads and writes fail with `WouldBlock` instead of waiting.
    ///
    /// # Errors
    /// If the descriptor refuses.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match &*self.data {
            Data::Daemon(stream) => stream.sock.set_nonblocking(nonblocking),
            Data::Local(stream) => {
                stream.set_nonblocking(nonblocking);
                Ok(())
            }
        }
    }

    /// How long a read waits before it fails with `WouldBlock`; for ever by default.
    ///
    /// # Errors
    /// `InvalidInput` if the timeout is zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match &*self.data {
            Data::Daemon(stream) => stream.sock.set_read_timeout(timeout),
            Data::Local(stream) => stream.read_timeout().set(timeout),
        }
    }

    /// How long a write waits before it fails with `WouldBlock`; for ever by default.
    ///
    /// # Errors
    /// `InvalidInput` if the timeout is zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match &*self.data {
            Data::Daemon(stream) => stream.sock.set_write_timeout(timeout),
            Data::Local(stream) => stream.write_timeout().set(timeout),
        }
    }

    /// What [`TcpStream::set_read_timeout`] set.
    ///
    /// # Errors
    /// If the descriptor refuses.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        match &*self.data {
            Data::Daemon(stream) => stream.sock.read_timeout(),
            Data::Local(stream) => Ok(stream.read_timeout().value()),
        }
    }

    /// What [`TcpStream::set_write_timeout`] set.
    ///
    /// # Errors
    /// If the descriptor refuses.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        match &*self.data {
            Data::Daemon(stream) => stream.sock.write_timeout(),
            Data::Local(stream) => Ok(stream.write_timeout().value()),
        }
    }

    /// Reads without taking the bytes out.
    ///
    /// # Errors
    /// As reading: `WouldBlock` if it must not wait, or no longer, and nothing is there.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        match &*self.data {
            Data::Daemon(stream) => stream.read(buf, RecvFlags::PEEK),
            Data::Local(stream) => stream.read(buf, true),
        }
    }

    /// Takes the pending error (SO_ERROR).
    ///
    /// # Errors
    /// If the stack cannot be asked.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        match &*self.data {
            Data::Daemon(stream) => {
                stream.restore_send_buffer();
                stream.remote.take_error()
            }
            Data::Local(stream) => Ok(stream.take_stream_error()),
        }
    }

    /// The bare socketpair end of a daemon's connection, for code that wants an ordinary
    /// descriptor: `read`, `write`, `sendfile` work on it. The connection ends when it is closed,
    /// or with the last [`Stack`] that shares the session, so keep that. A connection that breaks
    /// off, or whose daemon ends, fails `read` with ECONNRESET once, behind what had arrived. The
    /// stream itself comes back if it has other owners or is of a stack in this process.
    ///
    /// # Errors
    /// The stream, as said above.
    pub fn into_fd(self) -> Result<OwnedFd, Self> {
        let Self { data, peer } = self;
        match Arc::try_unwrap(data) {
            Ok(Data::Daemon(mut stream)) => {
                stream.remote.detach();
                Ok(stream.sock.into())
            }
            Ok(data @ Data::Local(_)) => Err(Self { data: Arc::new(data), peer }),
            Err(data) => Err(Self { data, peer }),
        }
    }
}

impl DaemonStream {
    fn new(remote: Remote, fd: OwnedFd) -> Self {
        Self {
            sock: fd.into(),
            remote,
            end_known: AtomicBool::new(false),
            send_buffer: AtomicUsize::new(0),
        }
    }

    fn open(session: &Session, local: Option<SocketAddr>, remote: SocketAddr) -> io::Result<Self> {
        let (handle, fd) = Remote::open(session, remote, SocketType::Stream)?;
        if let Some(local) = local {
            handle.bind(local)?;
        }
        Ok(Self::new(handle, fd))
    }

    /// Fills the socketpair so that it is not writable, and starts to connect.
    fn start(self, remote: SocketAddr) -> io::Result<Self> {
        self.sock.set_nonblocking(true)?;
        // The kernel doubles what is set.
        let size = sockopt::socket_send_buffer_size(&self.sock)? / 2;
        sockopt::set_socket_send_buffer_size(&self.sock, FILL_BUFFER)?;
        self.send_buffer.store(size, Ordering::Relaxed);
        let mut fill = 0;
        // Bounded by the buffer that was just set; each byte is one the daemon has to drop. They
        // are sent one by one because the last of them stays in a kernel buffer of its own.
        while fill < FILL_BUFFER {
            match send(&self.sock, &[0], SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(n) => fill += n,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.remote.connect_start(remote, fill as u64)?;
        Ok(self)
    }

    /// After a connect attempt: the socketpair is an ordinary one again.
    fn restore_send_buffer(&self) {
        let size = self.send_buffer.swap(0, Ordering::Relaxed);
        if size != 0 {
            // A small buffer is slower and nothing worse.
            let _ = sockopt::set_socket_send_buffer_size(&self.sock, size);
        }
    }

    fn read(&self, buf: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        match recv(&self.sock, &mut *buf, flags) {
            Ok((0, _)) if buf.is_empty() => Ok(0),
            Ok((0, _)) => self.end().map(|()| 0),
            Err(Errno::CONNRESET) => self.broken_end().map(|()| 0),
            Ok((n, _)) => Ok(n),
            Err(error) => Err(error.into()),
        }
    }

    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        if self.send_buffer.load(Ordering::Relaxed) != 0 {
            return self.write_first(buf);
        }
        match send(&self.sock, buf, SendFlags::NOSIGNAL) {
            Ok(n) => Ok(n),
            Err(error @ (Errno::PIPE | Errno::CONNRESET)) => {
                self.end()?;
                Err(if error == Errno::CONNRESET { Errno::PIPE } else { error }.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The first write that succeeds after `start` proves that the attempt has ended.
    fn write_first(&self, buf: &[u8]) -> io::Result<usize> {
        let n = send(&self.sock, buf, SendFlags::NOSIGNAL)?;
        self.restore_send_buffer();
        Ok(n)
    }

    /// Why the stream ended before its end. The daemon may know it better than ECONNRESET, or may
    /// be no more.
    fn broken_end(&self) -> io::Result<()> {
        if self.end_known.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        match reason_of_end(&self.remote) {
            Err(error) if error.raw_os_error().is_some() => Err(error),
            _ => Err(Errno::CONNRESET.into()),
        }
    }

    /// Why the stream ended; an error is told once.
    fn end(&self) -> io::Result<()> {
        if self.end_known.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        reason_of_end(&self.remote)
    }

    /// The end of writing travels behind the data, through the socketpair.
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Write {
            self.end_known.store(true, Ordering::Relaxed); // by us
            self.remote.shutdown(Shutdown::Read)?;
        }
        self.sock.shutdown(how)
    }
}

impl Read for &TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &*self.data {
            Data::Daemon(stream) => stream.read(buf, RecvFlags::empty()),
            Data::Local(stream) => stream.read(buf, false),
        }
    }
}

impl Write for &TcpStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &*self.data {
            Data::Daemon(stream) => stream.write(buf),
            Data::Local(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }
}

impl Write for TcpStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// To poll. Only a daemon's stream may also be read and written by its descriptor.
impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &*self.data {
            Data::Daemon(stream) => stream.sock.as_fd(),
            Data::Local(stream) => stream.as_fd(),
        }
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("fd", &self.as_raw_fd())
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// Size of the send buffer, before the kernel doubles it, while a connect attempt goes on.
const FILL_BUFFER: usize = 4096;

#[cfg(test)]
mod tests;
