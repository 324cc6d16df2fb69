//! A UDP socket that reads like `std::net::UdpSocket`.
//!
//! Of the daemon it is one end of a datagram socketpair, in this process a pair of byte rings; in
//! both each datagram carries its address in front (see [`crate::datagram`]).

use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSlice};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ring::bytes::{Reader, Writer};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, sendmsg, sockopt};

use crate::daemon::Remote;
use crate::datagram::{self, HEADER_MAX, PACKET_MAX, RECORD_LEN};
use crate::doorbell::timeout_as_would_block;
use crate::local::{Deadline, Local, Timeout, copy_out_at};
use crate::socket_option::{
    IP_TTL, IPPROTO_IP, IPPROTO_IPV6, IPV6_UNICAST_HOPS, SO_BROADCAST, SO_RCVBUF, SOL_SOCKET,
    SocketOption,
};
use crate::socket_request::SocketType;
use crate::stack::{Backend, Stack};

/// A UDP socket. It may be shared between threads, and its descriptor may be polled.
///
/// ```no_run
/// use client::{Stack, UdpSocket};
///
/// let stack = Stack::connect(None)?;
/// let socket = UdpSocket::bind(&stack, "0.0.0.0:0")?;
/// socket.send_to(b"hello", "10.0.1.1:7")?;
/// let mut buf = [0; 1500];
/// let (len, from) = socket.recv_from(&mut buf)?;
/// println!("{len} bytes from {from}");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UdpSocket {
    data: Data,
    is_v4: bool,
    peer: Mutex<Option<SocketAddr>>,
}

enum Data {
    Daemon(DaemonSocket),
    Local(Local),
}

/// Declared in the order of their ends: first the data, then the daemon's socket.
struct DaemonSocket {
    sock: UnixDatagram,
    remote: Remote,
    nonblocking: AtomicBool,
    read_timeout: Timeout,
}

impl UdpSocket {
    /// Opens a socket on the first of the addresses that can be had; port 0 picks one.
    ///
    /// # Errors
    /// The failure of the last address: `AddrInUse` if the port is taken, `AddrNotAvailable` if
    /// the address is none of the stack; `InvalidInput` without any.
    pub fn bind(stack: &Stack, addr: impl ToSocketAddrs) -> io::Result<Self> {
        let mut last = None;
        for addr in addr.to_socket_addrs()? {
            match Self::open(stack, addr) {
                Ok(socket) => return Ok(socket),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no address")))
    }

    fn open(stack: &Stack, addr: SocketAddr) -> io::Result<Self> {
        let data = match stack.backend() {
            Backend::Daemon(session) => {
                let (remote, fd) = Remote::open(session, addr, SocketType::Dgram)?;
                remote.bind(addr)?;
                Data::Daemon(DaemonSocket {
                    sock: fd.into(),
                    remote,
                    nonblocking: AtomicBool::new(false),
                    read_timeout: Timeout::default(),
                })
            }
            Backend::Local(stack) => Data::Local(Local::new(stack.udp_bind(addr)?)),
        };
        Ok(Self { data, is_v4: addr.is_ipv4(), peer: Mutex::new(None) })
    }

    /// Fixes the peer: [`UdpSocket::send`] goes there, and datagrams of others are not received.
    ///
    /// # Errors
    /// The failure of the last address, as connect(2) has it; `InvalidInput` without any.
    pub fn connect(&self, addr: impl ToSocketAddrs) -> io::Result<()> {
        let mut last = None;
        for addr in addr.to_socket_addrs()? {
            let result = match &self.data {
                Data::Daemon(daemon) => daemon.remote.connect(addr, Some(crate::CALL_TIMEOUT)),
                Data::Local(local) => local.handle().udp_connect(addr),
            };
            match result {
                Ok(()) => {
                    *self.peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(addr);
                    return Ok(());
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no address")))
    }

    /// Sends one datagram to the first of the addresses.
    ///
    /// # Errors
    /// `InvalidInput` without address, EAFNOSUPPORT for one of the other family, EMSGSIZE if
    /// the datagram is too long, `WouldBlock` if it must not wait and there is no room.
    pub fn send_to(&self, payload: &[u8], addr: impl ToSocketAddrs) -> io::Result<usize> {
        let addr = addr.to_socket_addrs()?.next();
        let no_addr = || io::Error::new(io::ErrorKind::InvalidInput, "no address");
        self.send_datagram(payload, addr.ok_or_else(no_addr)?, false)
    }

    /// Sends one datagram to the connected peer.
    ///
    /// # Errors
    /// EDESTADDRREQ without a peer, else as [`UdpSocket::send_to`].
    pub fn send(&self, payload: &[u8]) -> io::Result<usize> {
        let peer = self.connected().ok_or(Errno::DESTADDRREQ)?;
        self.send_datagram(payload, peer, true)
    }

    /// Receives one datagram. What does not fit into `buf` is dropped.
    ///
    /// # Errors
    /// `WouldBlock` if it must not wait, or no longer, and nothing is there;
    /// `ConnectionAborted` if the daemon is gone; a pending error of the socket.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (len, from) = match &self.data {
            Data::Daemon(daemon) => daemon.recv(buf)?,
            Data::Local(local) => local.read_side(|rx| try_recv(local, rx, buf))?,
        };
        let no_sender = || io::Error::new(io::ErrorKind::InvalidData, "a datagram without sender");
        Ok((len, from.or_else(|| self.connected()).ok_or_else(no_sender)?))
    }

    /// Receives one datagram of the connected peer.
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.recv_from(buf).map(|(len, _)| len)
    }

    fn send_datagram(&self, payload: &[u8], to: SocketAddr, connected: bool) -> io::Result<usize> {
        if to.is_ipv4() != self.is_v4 {
            return Err(Errno::AFNOSUPPORT.into());
        }
        // IPv4's total length counts its own header of 20 bytes, IPv6's payload length does not.
        let max = datagram::PAYLOAD_MAX - if self.is_v4 { 20 } else { 0 };
        if payload.len() > max {
            return Err(Errno::MSGSIZE.into());
        }
        match &self.data {
            Data::Daemon(daemon) => daemon.send(payload, (!connected).then_some(to))?,
            Data::Local(local) => local.write_side(|tx| try_send(local, tx, payload, to))?,
        }
        Ok(payload.len())
    }

    fn connected(&self) -> Option<SocketAddr> {
        *self.peer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Local address and port.
    ///
    /// # Errors
    /// If the stack cannot be asked.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.data {
            Data::Daemon(daemon) => daemon.remote.local_addr(),
            Data::Local(local) => local.handle().local_addr(),
        }
    }

    /// The connected peer.
    ///
    /// # Errors
    /// `NotConnected` without one.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.connected().ok_or_else(|| Errno::NOTCONN.into())
    }

    /// Whether sending and receiving fail with `WouldBlock` instead of waiting.
    ///
    /// # Errors
    /// None today; as in `std::net`.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match &self.data {
            Data::Daemon(daemon) => {
                daemon.nonblocking.store(nonblocking, Ordering::Relaxed);
                Ok(())
            }
            Data::Local(local) => {
                local.set_nonblocking(nonblocking);
                Ok(())
            }
        }
    }

    /// How long receiving waits before it fails with `WouldBlock`; for ever by default.
    ///
    /// # Errors
    /// `InvalidInput` if the timeout is zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match &self.data {
            Data::Daemon(daemon) => daemon.read_timeout.set(timeout),
            Data::Local(local) => local.read_timeout().set(timeout),
        }
    }

    /// How long sending waits before it fails with `WouldBlock`; for ever by default.
    ///
    /// # Errors
    /// `InvalidInput` if the timeout is zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match &self.data {
            Data::Daemon(daemon) => daemon.sock.set_write_timeout(timeout),
            Data::Local(local) => local.write_timeout().set(timeout),
        }
    }

    /// Takes the pending error (SO_ERROR), such as a port unreachable that came back.
    ///
    /// # Errors
    /// If the stack cannot be asked.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        match &self.data {
            Data::Daemon(daemon) => daemon.remote.take_error(),
            Data::Local(local) => Ok(local.take_error()),
        }
    }

    /// Allows sending to broadcast addresses (SO_BROADCAST).
    ///
    /// # Errors
    /// As [`UdpSocket::set_option`].
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.set_option(SOL_SOCKET, SO_BROADCAST, broadcast.into())
    }

    /// Time to live, or hop limit, of datagrams sent.
    ///
    /// # Errors
    /// EINVAL if it is zero on an IPv4 socket.
    pub fn set_ttl(&self, ttl: u8) -> io::Result<()> {
        let (level, name) =
            if self.is_v4 { (IPPROTO_IP, IP_TTL) } else { (IPPROTO_IPV6, IPV6_UNICAST_HOPS) };
        self.set_option(level, name, ttl.into())
    }

    /// Sets an option by Linux's numbers of level and name.
    ///
    /// # Errors
    /// ENOPROTOOPT if there is no such option, EINVAL if the value is out of range.
    pub fn set_option(&self, level: i32, name: i32, value: i32) -> io::Result<()> {
        let option = SocketOption::known(level, name)?;
        match &self.data {
            // What waits to be received waits in the socketpair, so that is where a limit belongs.
            Data::Daemon(daemon) if (level, name) == (SOL_SOCKET, SO_RCVBUF) => {
                let size = usize::try_from(value).map_err(|_| Errno::INVAL)?;
                Ok(sockopt::set_socket_recv_buffer_size(&daemon.sock, size)?)
            }
            Data::Daemon(daemon) => daemon.remote.set_option(option, value),
            Data::Local(local) => local.handle().set_option(option, value),
        }
    }

    /// Reads an option by Linux's numbers of level and name.
    ///
    /// # Errors
    /// ENOPROTOOPT if there is no such option.
    pub fn option(&self, level: i32, name: i32) -> io::Result<i32> {
        let option = SocketOption::known(level, name)?;
        match &self.data {
            Data::Daemon(daemon) => daemon.remote.option(option),
            Data::Local(local) => local.handle().option(option),
        }
    }
}

impl DaemonSocket {
    fn send(&self, payload: &[u8], to: Option<SocketAddr>) -> io::Result<()> {
        let mut head = [0; HEADER_MAX];
        let len = datagram::emit(&mut head, to);
        let packet = [IoSlice::new(&head[..len]), IoSlice::new(payload)];
        let mut flags = SendFlags::NOSIGNAL;
        flags.set(SendFlags::DONTWAIT, self.nonblocking.load(Ordering::Relaxed));
        match sendmsg(&self.sock, &packet, &mut SendAncillaryBuffer::default(), flags) {
            Ok(_) => Ok(()),
            // What the kernel says of a socketpair whose other end is closed is not about UDP.
            Err(Errno::CONNREFUSED | Errno::PIPE | Errno::NOTCONN) => {
                self.remote.check_session()?;
                Err(Errno::CONNABORTED.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The next packet. Malformed ones are skipped.
    fn recv(&self, buf: &mut [u8]) -> io::Result<(usize, Option<SocketAddr>)> {
        thread_local! {
            /// The header's length is not known beforehand, so packets are received here first.
            static PACKET: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        let mut deadline = Deadline::default();
        PACKET.with_borrow_mut(|packet| {
            packet.resize(PACKET_MAX, 0);
            loop {
                match recv(&self.sock, packet.as_mut_slice(), RecvFlags::DONTWAIT) {
                    Ok((0, _)) => return Err(Errno::CONNABORTED.into()), // shut down
                    Ok((len, _)) => {
                        if let Some((from, payload)) = datagram::parse(&packet[..len]) {
                            let len = payload.len().min(buf.len());
                            buf[..len].copy_from_slice(&payload[..len]);
                            return Ok((len, from));
                        }
                    }
                    Err(Errno::AGAIN) => self.sleep(deadline.within(&self.read_timeout))?,
                    Err(error) => return Err(error.into()),
                }
            }
        })
    }

    fn sleep(&self, deadline: Option<Instant>) -> io::Result<()> {
        if self.nonblocking.load(Ordering::Relaxed) {
            self.remote.check_session()?;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.remote.wait_readable(self.sock.as_fd(), deadline).map_err(timeout_as_would_block)
    }
}

/// One record of the receiving ring.
fn try_recv(
    local: &Local,
    rx: &mut Reader,
    buf: &mut [u8],
) -> Option<io::Result<(usize, Option<SocketAddr>)>> {
    let abandoned = rx.writer_gone() || rx.finish_requested();
    let mut record = [0; RECORD_LEN];
    if copy_out_at(rx, 0, &mut record) < RECORD_LEN {
        let error = local.take_error();
        return error.or_else(|| abandoned.then(|| Errno::CONNABORTED.into())).map(Err);
    }
    let Some((len, from)) = datagram::parse_record(&record) else {
        return Some(Err(io::Error::new(io::ErrorKind::InvalidData, "a broken datagram record")));
    };
    let len = usize::from(len);
    if rx.len() < RECORD_LEN + len {
        return abandoned.then(|| Err(Errno::CONNABORTED.into()));
    }
    let room = len.min(buf.len());
    copy_out_at(rx, RECORD_LEN, &mut buf[..room]);
    rx.release(RECORD_LEN + len);
    local.handle().consumed();
    Some(Ok((room, from)))
}

/// Puts one record into the sending ring, whole or not at all.
fn try_send(
    local: &Local,
    tx: &mut Writer,
    payload: &[u8],
    to: SocketAddr,
) -> Option<io::Result<()>> {
    if let Some(error) = local.take_error() {
        return Some(Err(error));
    }
    if tx.reader_gone() {
        return Some(Err(Errno::PIPE.into()));
    }
    let total = RECORD_LEN + payload.len();
    if total > tx.limit() {
        return Some(Err(Errno::MSGSIZE.into()));
    }
    if tx.free() < total {
        return None;
    }
    let record = datagram::emit_record(payload.len() as u16, Some(to));
    tx.write_at(0, &record);
    tx.write_at(RECORD_LEN, payload);
    // One commit: the stack never sees half a record.
    tx.commit(total);
    tx.rest();
    local.handle().written();
    Some(Ok(()))
}

/// To poll. Only the methods here may read or write it.
impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.data {
            Data::Daemon(daemon) => daemon.sock.as_fd(),
            Data::Local(local) => local.as_fd(),
        }
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket")
            .field("fd", &self.as_raw_fd())
            .field("peer", &self.connected())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
