//! A TCP connection between the stack and one end of a stream socketpair.
//!
//! Towards the network `readv(2)` fills the send ring's free bytes, towards the client `sendmsg(2)`
//! takes the receive ring's bytes; nothing is copied in between. The descriptor is watched by
//! edges, so the pump remembers which direction is ready until there is nothing to move.
//!
//! | happens | becomes |
//! |---|---|
//! | client shuts down writing | FIN after what it wrote |
//! | peer's FIN | end of stream after what it sent |
//! | peer's urgent byte | a byte sent with MSG_OOB, in its place |
//! | client closes its end, everything read | FIN; later data is answered by RST |
//! | client closes its end, data unread | RST (RFC 2525 §2.17, as Linux does) |
//! | RST, timeout | what arrived before, then ECONNRESET ([`ClientEnd`]) |
//! | the same after the peer's FIN | the client's writing fails: nothing it wrote arrives any more |
//! | both FINs | the end of stream; the handle stays until it is closed |
//! | `close`, or the client died | what lies in the socketpair is still sent, then as if closed |
//! | the daemon ends, in order or killed | as after a RST, unless the peer's FIN came before |

use std::io::IoSlice;
use std::os::fd::OwnedFd;

use addr::Endpoint;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use stack::socket::SocketRings;
use stack::{Readiness, SocketId};

use super::client_end::ClientEnd;
use super::reply::Reply;
use super::status::Status;
use crate::sockets::Core;
use crate::sockets::poller::Ready;

/// A connection with both ways open as far as is known.
pub(super) struct Stream {
    end: ClientEnd,
    rings: SocketRings,
    readable: bool,
    writable: bool,
    /// The client's end of stream lies behind what can be read.
    ended: bool,
    /// The client's end is closed, or both directions are over.
    hangup: bool,
    /// The client will write no more: our FIN is asked for.
    input_over: bool,
    /// The peer will send no more, and the client knows.
    output_over: bool,
    /// The client will read no more.
    reader_gone: bool,
    /// Only what lies in the socketpair is still to be sent.
    closing: bool,
    /// Why the connection is gone. The receive ring does not say so where the peer's FIN came
    /// first, because nothing of the peer's is missing then.
    failure: Option<u16>,
}

impl Stream {
    pub(super) fn new(end: ClientEnd, rings: SocketRings) -> Self {
        Self {
            end,
            rings,
            readable: true,
            writable: true,
            ended: false,
            hangup: false,
            input_over: false,
            output_over: false,
            reader_gone: false,
            closing: false,
            failure: None,
        }
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        self.end.fd()
    }

    pub(super) fn into_end(self) -> ClientEnd {
        self.end
    }

    pub(super) fn rings(&self) -> &SocketRings {
        &self.rings
    }

    pub(super) fn names(&self) -> (Endpoint, Option<Endpoint>) {
        (self.rings.local, self.rings.remote)
    }

    /// The stack reported something of the connection.
    pub(super) fn on_event(&mut self, what: Readiness, core: &mut Core) -> Status {
        if what.has(Readiness::GONE) {
            let error = core.worker.take_error(self.rings.id);
            // Without an error it ended as both sides wanted.
            self.failure = error.map(stack::SocketError::code);
        }
        self.pump(core)
    }

    /// The socketpair became ready.
    pub(super) fn on_ready(&mut self, ready: Ready, core: &mut Core) -> Status {
        self.note(ready);
        self.pump(core)
    }

    fn note(&mut self, ready: Ready) {
        self.readable |= ready.readable;
        self.writable |= ready.writable;
        self.ended |= ready.ended;
        self.hangup |= ready.hangup;
    }

    /// The client lets go of the socket.
    pub(super) fn close(&mut self, core: &mut Core) -> Status {
        self.closing = true;
        self.readable = true;
        self.pump(core)
    }

    /// The client shut down a direction by the verb instead of on its socketpair end.
    pub(super) fn shutdown(&mut self, read: bool, write: bool, core: &mut Core) -> Status {
        if read {
            self.reader_gone = true;
            core.shutdown_read(self.rings.id);
        }
        if write && !self.input_over {
            self.readable = true;
            let status = self.pump(core);
            if status != Status::Open {
                return status;
            }
            self.end_input(core);
        }
        self.pump(core)
    }

    /// What the client left in the socketpair is sent, and behind it an urgent byte.
    pub(super) fn send_urgent(&mut self, byte: u8, core: &mut Core) -> (Result<(), Errno>, Status) {
        self.readable = true;
        let status = self.pump(core);
        if status != Status::Open || self.input_over {
            return (Err(Errno::PIPE), status);
        }
        // What is left did not fit: the byte must not overtake it.
        if self.readable || self.rings.tx.free() == 0 {
            return (Err(Errno::AGAIN), status);
        }
        self.rings.tx.write(&[byte]);
        self.rings.tx.rest();
        core.send_urgent(self.rings.id);
        (Ok(()), status)
    }

    /// Passes the urgent byte on to the client as one (MSG_OOB), so that its socketpair knows the
    /// mark, and returns whether what lies behind may follow.
    fn pass_urgent(&mut self, core: &mut Core) -> bool {
        // It is taken once. None is left if it is in line.
        let Ok(Some(byte)) = core.worker.tcp_urgent(self.rings.id, true) else { return true };
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT | SendFlags::OOB;
        match rustix::net::send(self.end.fd(), &[byte], flags) {
            Err(Errno::AGAIN) => {
                self.writable = false;
                return false;
            }
            Err(Errno::INTR) => return false,
            // Delivered, or to nobody.
            Ok(_) | Err(_) => {}
        }
        let _ = core.worker.tcp_urgent(self.rings.id, false);
        true
    }

    /// Moves what can be moved, both ways, and returns what becomes of the bridge.
    pub(super) fn pump(&mut self, core: &mut Core) -> Status {
        if (self.closing || self.hangup && !self.output_over) && self.has_failed() {
            // No user is left who could learn of the error.
            core.close(self.rings.id);
            return Status::Closed;
        }
        if let Some(status) = self.pump_out(core).or_else(|| self.pump_in(core)) {
            return status;
        }
        if self.closing && !self.readable && !self.input_over {
            // Everything the client left behind is in the ring.
            self.end_input(core);
        }
        if self.input_over && (self.closing || self.hangup) {
            return self.end_in_order(core);
        }
        Status::Open
    }

    /// Client to network.
    fn pump_in(&mut self, core: &mut Core) -> Option<Status> {
        let mut moved = 0;
        // After an error the client's data stays where it is: nobody would get it.
        while self.readable && !self.input_over && !self.has_failed() {
            let waiting = self.end.waiting();
            if waiting == 0 {
                self.readable = false;
                if self.ended {
                    self.end_input(core);
                }
                break;
            }
            let len = self.rings.tx.free().min(waiting).min(ring::bytes::WHOLE);
            if len == 0 {
                break;
            }
            match self.end.take(&mut self.rings.tx, len, waiting) {
                Ok(n) => {
                    moved += n;
                    // All that there was: whatever comes is reported, an end was perhaps already.
                    self.readable = n < waiting || self.ended || self.closing;
                }
                Err(Errno::INTR) => {}
                Err(_) => self.readable = false,
            }
        }
        let status = (self.hangup && !self.closing && self.end.was_reset()).then(|| {
            core.abort(self.rings.id);
            Status::Closed
        });
        // What room was taken for and did not come is forgotten.
        self.rings.tx.rest();
        if moved > 0 {
            core.app_wrote(self.rings.id);
        }
        status
    }

    /// Both directions are over, or the client has let go of the socket.
    fn end_in_order(&mut self, core: &mut Core) -> Status {
        core.close(self.rings.id);
        if !self.output_over {
            return Status::Closed;
        }
        self.end.finish();
        match self.closing {
            true => Status::Closed,
            // The client's end looks the same whether it is closed or only shut down, so the
            // handle stays.
            false => Status::Disconnected(None),
        }
    }

    fn end_input(&mut self, core: &mut Core) {
        self.input_over = true;
        self.readable = false;
        self.rings.tx.finish();
        core.app_wrote(self.rings.id);
    }

    /// Network to client.
    fn pump_out(&mut self, core: &mut Core) -> Option<Status> {
        let mut moved = 0;
        while self.writable && !self.closing {
            if self.rings.rx.at_mark() && !self.reader_gone && !self.pass_urgent(core) {
                continue;
            }
            let (first, second) = self.rings.rx.peek();
            let available = first.len() + second.len();
            if available == 0 {
                break;
            }
            if self.reader_gone {
                moved += self.rings.rx.release(available);
                continue;
            }
            match send(self.end.fd(), first, second) {
                Ok(n) => {
                    moved += self.rings.rx.release(n);
                }
                Err(Errno::AGAIN) => self.writable = false,
                Err(Errno::INTR) => {}
                // The client closed its end: what could not be handed over makes the close a RST.
                Err(_) if self.is_closed() => break,
                // It only reads no more. As in Linux, what comes is thrown away.
                Err(_) => self.reader_gone = true,
            }
        }
        if moved > 0 {
            core.app_read(self.rings.id);
        }
        self.end_output(core)
    }

    /// Passes on the end of the peer's stream, once all before it is passed on.
    fn end_output(&mut self, core: &mut Core) -> Option<Status> {
        if !self.rings.rx.is_finished() {
            return None;
        }
        let unread = self.rings.rx.error().filter(|_| !self.output_over);
        if let Some(code) = unread.or(self.failure) {
            core.close(self.rings.id);
            return Some(Status::Disconnected(Some(i32::from(code))));
        }
        if !self.output_over {
            self.output_over = true;
            // The other end may be closed already.
            let _ = rustix::net::shutdown(self.end.fd(), rustix::net::Shutdown::Write);
        }
        None
    }

    /// Whether the connection ended with an error, so that nothing more can be sent.
    fn has_failed(&self) -> bool {
        self.failure.is_some() || self.rings.rx.pending_error().is_some()
    }

    /// Whether the client's end is closed. poll may know it before epoll reports the edge.
    fn is_closed(&mut self) -> bool {
        let mut fds = [PollFd::new(self.end.fd(), PollFlags::empty())];
        let polled = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        self.hangup |= polled.is_ok() && fds[0].revents().contains(PollFlags::HUP);
        self.hangup
    }
}

fn send(fd: &OwnedFd, first: &[u8], second: &[u8]) -> rustix::io::Result<usize> {
    let slices = [IoSlice::new(first), IoSlice::new(second)];
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(fd, &slices, &mut SendAncillaryBuffer::default(), flags)
}

/// A connection on its way.
pub(super) struct Connecting {
    stream: Stream,
    waiter: Waiter,
}

/// Who waits for the outcome.
pub(super) enum Waiter {
    /// The request that started it.
    Reply(Reply),
    /// The client's `poll`: so many bytes lie in the socketpair to make it not writable.
    Fill(u64),
}

/// How an attempt ended.
pub(super) enum Outcome {
    Connected,
    Failed(u16),
}

impl Connecting {
    pub(super) fn new(end: ClientEnd, rings: SocketRings, waiter: Waiter) -> Self {
        Self { stream: Stream::new(end, rings), waiter }
    }

    pub(super) fn names(&self) -> (Endpoint, Option<Endpoint>) {
        self.stream.names()
    }

    pub(super) fn id(&self) -> SocketId {
        self.stream.rings.id
    }

    /// The outcome of the attempt, if what the stack reported ends it.
    pub(super) fn outcome(&self, what: Readiness) -> Option<Outcome> {
        if let Some(code) = self.stream.rings.rx.pending_error() {
            return Some(Outcome::Failed(code));
        }
        if what.has(Readiness::CONNECTED) {
            return Some(Outcome::Connected);
        }
        what.has(Readiness::ERROR | Readiness::GONE)
            .then_some(Outcome::Failed(stack::SocketError::ConnectionAborted.code()))
    }

    /// The client no longer wants it.
    pub(super) fn cancel(&mut self, core: &mut Core) {
        core.abort(self.stream.rings.id);
    }

    /// Takes it apart; the filling bytes are out of the socketpair then.
    pub(super) fn finish(mut self) -> (Stream, Option<Reply>) {
        match self.waiter {
            Waiter::Reply(reply) => (self.stream, Some(reply)),
            Waiter::Fill(bytes) => {
                self.stream.end.drop_bytes(bytes);
                (self.stream, None)
            }
        }
    }
}
