//! Our end of a stream socketpair, and the byte in it that stays unread so that a sudden end is no
//! clean one.
//!
//! A client reads its end like any stream: data, then the end of it. The kernel tells a clean end
//! from a broken one by what the other side left behind: where that is closed with data unread,
//! `recv` returns what is there and then fails with ECONNRESET, as on a TCP socket after a RST. The
//! kernel closes our end the same way when the daemon is killed. So one byte of what the client
//! wrote stays in the pair, though it has long been taken; it is removed only when the end is to be
//! a clean one. A new pair begins with a byte of ours.
//!
//! The kernel counts the buffer in which a byte lies as used space of the client, whose end polls
//! as writable only while a quarter of its send buffer is used at most. So the byte is kept only
//! where its buffer must be a small one ([`KEPT_BATCH_MAX`]): a client that has just written much
//! has no such byte until it writes little again.

use std::io::IoSliceMut;
use std::os::fd::OwnedFd;

use ring::Writer;
use rustix::io::{Errno, ioctl_fionread, read, readv};
use rustix::net::{RecvFlags, SendFlags, SocketType, recv, send, sockopt};

use super::pair::pair;

/// Most bytes whose last one is kept. The kernel's buffer of so many takes 2,304 bytes with what
/// belongs to it (`truesize`), less than a quarter of the send buffer of a client that sets
/// SO_SNDBUF to 5,000 (the kernel doubles it). The default is 21 times that.
const KEPT_BATCH_MAX: usize = 1024;

/// Our end.
#[derive(Debug)]
pub(super) struct ClientEnd {
    fd: OwnedFd,
    /// The first byte in it was taken already.
    keeps_byte: bool,
    /// What waits may be the rest of a large buffer.
    is_rest: bool,
}

impl ClientEnd {
    /// Makes a socketpair; the second descriptor is the client's.
    ///
    /// # Errors
    /// If there is no room for descriptors.
    pub(super) fn open() -> rustix::io::Result<(Self, OwnedFd)> {
        let (fd, theirs) = pair(SocketType::STREAM)?;
        let keeps_byte = send(&theirs, &[0], SendFlags::DONTWAIT)? == 1;
        Ok((Self { fd, keeps_byte, is_rest: false }, theirs))
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// How many bytes of the client were not taken yet.
    pub(super) fn waiting(&self) -> usize {
        // A pair that is not connected any more has none.
        let all = ioctl_fionread(&self.fd).unwrap_or_default();
        usize::try_from(all).unwrap_or(usize::MAX).saturating_sub(self.keeps_byte.into())
    }

    /// Moves the first `len` of `waiting` bytes into the ring, which must have room for them, and
    /// returns how many were moved; fewer if the ring gives no memory for more.
    ///
    /// # Errors
    /// As `recv`; EINTR if nothing was moved because of a signal.
    pub(super) fn take(
        &mut self,
        ring: &mut Writer,
        len: usize,
        waiting: usize,
    ) -> rustix::io::Result<usize> {
        let keep = len == waiting && len <= KEPT_BATCH_MAX && !self.is_rest;
        let (first, second) = ring.slices_at(0, len - usize::from(keep));
        let mut before = [0];
        let mut slices = [
            IoSliceMut::new(&mut before[..usize::from(self.keeps_byte)]),
            IoSliceMut::new(first),
            IoSliceMut::new(second),
        ];
        let mut moved = 0;
        if slices.iter().any(|slice| !slice.is_empty()) {
            moved = readv(&self.fd, &mut slices)? - usize::from(self.keeps_byte);
            self.keeps_byte = false;
            ring.commit(moved);
        }
        if keep && moved + 1 == len {
            let (last, _) = ring.slices_at(0, 1);
            if let (1.., _) = recv(&self.fd, last, RecvFlags::PEEK | RecvFlags::DONTWAIT)? {
                self.keeps_byte = true;
                moved += ring.commit(1);
            }
        }
        self.is_rest = moved < waiting;
        Ok(moved)
    }

    /// Drops the first `count` bytes of the client, or as many as there are. The last of them is
    /// the one that stays.
    pub(super) fn drop_bytes(&mut self, count: u64) {
        let mut block = [0u8; 4096];
        let mut left = count - u64::from(count > 0 && !self.keeps_byte);
        while left > 0 {
            let part = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match read(&self.fd, &mut block[..part]) {
                Ok(0) => return,
                Ok(n) => left -= n as u64,
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
        self.keeps_byte |= count > 0;
    }

    /// Makes the end clean: once this is closed, the client's end has ended in order.
    pub(super) fn finish(&mut self) {
        if self.keeps_byte {
            self.keeps_byte = false;
            // Without a byte there is nothing to take.
            let _ = read(&self.fd, &mut [0u8; 1]);
        }
    }

    /// Whether the client closed its end with data unread, or that is not known any more because it
    /// was asked before.
    pub(super) fn was_reset(&self) -> bool {
        matches!(sockopt::socket_error(&self.fd), Ok(Err(Errno::CONNRESET)))
    }
}

#[cfg(test)]
mod tests;
