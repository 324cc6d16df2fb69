//! The doorbell of a socket in this process: readiness that `poll` understands.
//!
//! Bytes of a local socket move through rings in memory, which `poll` and `epoll` cannot watch. So
//! each socket has an AF_UNIX stream socketpair on the side. The application polls its end, the
//! [`Doorbell`]; the stack has the [`Bell`]:
//!
//! - A byte in the doorbell, put there by [`Bell::ring`], makes it readable: there is data, end of
//!   stream, an error, or a connection to accept.
//! - The doorbell is writable unless the application has filled it towards the bell, which it does
//!   when its write would block; [`Bell::open`] takes those bytes out.
//!
//! Neither happens while data flows. Only where the application's read or write would block it
//! silences or fills the doorbell, sets the waiting flag of its ring half and looks at the ring
//! once more. The stack, after it has changed a ring, takes that flag (`take_reader_waiting`,
//! `take_writer_waiting`) and rings or opens only if it was set: one sleep, one bell. What holds at
//! rest, and makes readiness level-triggered: the reader's flag is set or a byte is in the
//! doorbell; the writer's flag is set or the doorbell is writable. Ringing once too often does no
//! harm, clearing a flag without ringing does.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair, sockopt,
};

/// The stack's end. Clones ring the same doorbell.
#[derive(Clone, Debug)]
pub struct Bell(Arc<OwnedFd>);

/// The application's end. It holds a [`Bell`] too, to ring itself when it finds that it has taken
/// a byte out too early.
#[derive(Debug)]
pub struct Doorbell {
    fd: OwnedFd,
    bell: Bell,
}

/// Makes both ends. They start at rest: nothing to read, writable.
///
/// ```
/// let (doorbell, bell) = client::doorbell::pair()?;
/// bell.ring();
/// assert!(doorbell.is_rung());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// If there is no descriptor left.
pub fn pair() -> io::Result<(Doorbell, Bell)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (fd, stack) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // The kernel raises this to its minimum, so that one write fills it.
    sockopt::set_socket_send_buffer_size(&fd, 1)?;
    let bell = Bell(Arc::new(stack));
    Ok((Doorbell { fd, bell: bell.clone() }, bell))
}

impl Bell {
    /// Makes the doorbell readable. Never blocks.
    pub fn ring(&self) {
        // A full buffer means that it is readable already; a closed doorbell hears nothing.
        let _ = send(&*self.0, &[1], SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    }

    /// Makes the doorbell writable. Never blocks.
    pub fn open(&self) {
        drain(self.0.as_fd());
    }
}

impl Doorbell {
    /// Whether a byte is waiting.
    pub fn is_rung(&self) -> bool {
        let mut byte = [0u8; 1];
        matches!(recv(&self.fd, &mut byte[..], RecvFlags::PEEK | RecvFlags::DONTWAIT), Ok((1.., _)))
    }

    /// The other end.
    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Takes all bytes out: not readable until the next ring.
    pub(crate) fn silence(&self) {
        drain(self.fd.as_fd());
    }

    /// Fills it: not writable until the bell is opened.
    pub(crate) fn fill(&self) {
        let block = [0u8; 4096];
        // A short count or EAGAIN says full. The bound is for a kernel with a larger minimum.
        for _ in 0..64 {
            match send(&self.fd, &block, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(n) if n == block.len() => {}
                Err(Errno::INTR) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }
}

impl AsFd for Doorbell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn drain(fd: BorrowedFd<'_>) {
    let mut buf = [0u8; 4096];
    // Bounded because the other end could go on writing.
    for _ in 0..64 {
        match recv(fd, &mut buf[..], RecvFlags::DONTWAIT) {
            Ok((n, _)) if n == buf.len() => {}
            Err(Errno::INTR) => {}
            Ok(_) | Err(_) => return,
        }
    }
}

/// Waits until one of `events` is on, an error shows, or `deadline` has passed (`TimedOut`).
pub(crate) fn wait(
    fd: BorrowedFd<'_>,
    events: PollFlags,
    deadline: Option<Instant>,
) -> io::Result<()> {
    wait_any(&mut [PollFd::from_borrowed_fd(fd, events)], deadline)
}

/// The same for several descriptors; which are ready stands in `fds`.
pub(crate) fn wait_any(fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<()> {
    loop {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = left.and_then(timespec);
        match poll(fds, timeout.as_ref()) {
            Ok(0) if left.is_some_and(|left| left.is_zero()) => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// A timeout of a socket is `WouldBlock`, as in Linux.
pub(crate) fn timeout_as_would_block(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::TimedOut => io::ErrorKind::WouldBlock.into(),
        _ => error,
    }
}

/// `None`, for ever, when the time is too long to say.
fn timespec(time: Duration) -> Option<Timespec> {
    Timespec::try_from(time).ok()
}

#[cfg(test)]
mod tests;
