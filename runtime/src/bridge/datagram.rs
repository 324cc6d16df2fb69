//! A UDP socket between the stack and one end of a datagram socketpair.
//!
//! On the socketpair each packet has the header of [`client::datagram`]; in the socket's rings it
//! is a record. A packet from the client is taken only when the send ring has room for the largest
//! one, so that a full ring stops the client at its own socketpair. Malformed packets are dropped.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use addr::{Endpoint, Ip};
use client::datagram::{HEADER_MAX, RECORD_LEN, emit, emit_record, parse, parse_record};
use ring::bytes::{Reader, Writer};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, sendmsg};
use stack::SocketError;
use stack::socket::SocketRings;
use stack::udp::RECORD_MAX;

use super::status::Status;
use crate::sockets::Core;
use crate::sockets::poller::Ready;

/// A UDP socket of a client.
pub(super) struct Datagram {
    fd: OwnedFd,
    /// The stack's socket, once bound: by `bind`, `connect` or the first packet.
    rings: Option<SocketRings>,
    remote: Option<Endpoint>,
    readable: bool,
    writable: bool,
    hangup: bool,
    /// Whether the bridge owns the stack's socket in the engine's eyes.
    pub(super) adopted: bool,
}

impl Datagram {
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self {
            fd,
            rings: None,
            remote: None,
            readable: true,
            writable: true,
            hangup: false,
            adopted: false,
        }
    }

    pub(super) fn rings(&self) -> Option<&SocketRings> {
        self.rings.as_ref()
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    pub(super) fn local(&self) -> Option<Endpoint> {
        self.rings.as_ref().map(|rings| rings.local)
    }

    pub(super) fn remote(&self) -> Option<Endpoint> {
        self.remote
    }

    /// Opens the stack's socket.
    pub(super) fn bind(&mut self, local: Endpoint, core: &mut Core) -> Result<(), SocketError> {
        if self.rings.is_some() {
            return Err(SocketError::InvalidArgument);
        }
        self.rings = Some(core.bind_udp(local)?);
        Ok(())
    }

    /// Fixes the peer.
    pub(super) fn connect(
        &mut self,
        remote: Endpoint,
        v6: bool,
        core: &mut Core,
    ) -> Result<(), SocketError> {
        if self.rings.is_none() {
            self.bind(unspecified(v6), core)?;
        }
        let Some(rings) = &mut self.rings else { return Err(SocketError::BadSocket) };
        core.connect_udp(rings.id, remote)?;
        if let Some(local) = core.worker.local(rings.id) {
            rings.local = local;
        }
        self.remote = Some(remote);
        Ok(())
    }

    /// The stack reported something of the socket.
    pub(super) fn on_event(&mut self, core: &mut Core, scratch: &mut [u8]) -> Status {
        self.pump_in(core, scratch);
        self.pump_out(core);
        self.status(core)
    }

    /// The socketpair became ready.
    pub(super) fn on_ready(
        &mut self,
        ready: Ready,
        core: &mut Core,
        v6: bool,
        scratch: &mut [u8],
    ) -> Status {
        self.readable |= ready.readable;
        self.writable |= ready.writable;
        self.hangup |= ready.hangup;
        if self.readable && self.rings.is_none() && self.has_packet() {
            // A failure leaves the packets where they are; the next one tries again.
            let _ = self.bind(unspecified(v6), core);
        }
        self.pump_in(core, scratch);
        self.pump_out(core);
        self.status(core)
    }

    /// Over once the client's end is closed and everything it left is read.
    fn status(&self, core: &mut Core) -> Status {
        if !self.hangup || self.readable {
            return Status::Open;
        }
        if let Some(rings) = &self.rings {
            core.close(rings.id);
        }
        Status::Closed
    }

    /// What the client left in the socketpair is still sent, as far as the ring has room.
    pub(super) fn close(&mut self, core: &mut Core, v6: bool, scratch: &mut [u8]) {
        self.readable = true;
        if self.rings.is_none() && self.has_packet() {
            let _ = self.bind(unspecified(v6), core);
        }
        self.pump_in(core, scratch);
        if let Some(rings) = &self.rings {
            core.close(rings.id);
        }
    }

    /// Whether a packet waits. Empty ones, which are malformed, are taken away.
    fn has_packet(&self) -> bool {
        let first = |flags| recv(&self.fd, &mut [0u8; 1][..], RecvFlags::DONTWAIT | flags);
        loop {
            match first(RecvFlags::PEEK) {
                Ok((1.., _)) => return true,
                Ok((0, _)) if !is_shut_down(&self.fd) => drop(first(RecvFlags::empty())),
                Ok(_) | Err(_) => return false,
            }
        }
    }

    /// Client to network.
    fn pump_in(&mut self, core: &mut Core, scratch: &mut [u8]) {
        let Some(rings) = &mut self.rings else { return };
        let mut moved = false;
        while self.readable && has_room(&mut rings.tx) {
            match recv(&self.fd, &mut *scratch, RecvFlags::DONTWAIT) {
                // An empty packet is malformed, unless it stands for the end of a pair that was
                // shut down.
                Ok((0, _)) => self.readable = !is_shut_down(&self.fd),
                Ok((n, _)) => {
                    if let Some((addr, payload)) = parse(&scratch[..n]) {
                        moved |= put(&mut rings.tx, addr, self.remote, payload);
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.readable = false,
                Err(_) => {
                    self.readable = false;
                    self.hangup = true;
                }
            }
        }
        if moved {
            rings.tx.rest();
            core.app_wrote(rings.id);
        }
    }

    /// Network to client.
    fn pump_out(&mut self, core: &mut Core) {
        let Some(rings) = &mut self.rings else { return };
        let mut moved = false;
        while self.writable {
            let Some((len, addr)) = head(&rings.rx) else { break };
            let mut header = [0; HEADER_MAX];
            let header_len = emit(&mut header, addr);
            let (first, second) = rings.rx.peek_at(RECORD_LEN, len);
            let slices =
                [IoSlice::new(&header[..header_len]), IoSlice::new(first), IoSlice::new(second)];
            let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            match sendmsg(&self.fd, &slices, &mut SendAncillaryBuffer::default(), flags) {
                Err(Errno::AGAIN) => {
                    self.writable = false;
                    break;
                }
                Err(Errno::INTR) => continue,
                // This is how a datagram pair reports that its other end is closed; epoll does not.
                Err(Errno::CONNREFUSED) => self.hangup = true,
                // Delivered, or wanted by nobody.
                Ok(_) | Err(_) => {}
            }
            rings.rx.release(RECORD_LEN + len);
            moved = true;
        }
        if moved {
            core.app_read(rings.id);
        }
    }
}

/// Whether nothing more will come from the other end.
fn is_shut_down(fd: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::RDHUP)];
    let asked = poll(&mut fds, Some(&Timespec::default()));
    asked.is_err() || !fds[0].revents().is_empty()
}

/// The unspecified address of a family, any port.
pub(super) fn unspecified(v6: bool) -> Endpoint {
    Endpoint::new(if v6 { Ip::UNSPECIFIED_V6 } else { Ip::UNSPECIFIED_V4 }, 0)
}

/// Whether the largest packet fits. If not, the stack reports when there is room, by the same
/// measure: a larger one here would leave a ring that is neither full there nor free here.
fn has_room(tx: &mut Writer) -> bool {
    tx.free() >= RECORD_MAX.min(tx.limit())
}

/// Puts one whole record into the ring, and returns whether there was one.
fn put(
    tx: &mut Writer,
    addr: Option<SocketAddr>,
    remote: Option<Endpoint>,
    payload: &[u8],
) -> bool {
    let Some(addr) = addr.or(remote.map(Endpoint::to_std)) else { return false };
    let Ok(len) = u16::try_from(payload.len()) else { return false };
    let record = emit_record(len, Some(addr));
    if tx.free() < record.len() + payload.len() {
        return false;
    }
    crate::sockets::record::put(tx, &record, payload);
    true
}

/// Payload length and address of the oldest record.
fn head(rx: &Reader) -> Option<(usize, Option<SocketAddr>)> {
    let record = crate::sockets::record::head(rx)?;
    // The stack writes no other records.
    let (len, addr) = parse_record(&record)?;
    Some((usize::from(len), addr))
}
