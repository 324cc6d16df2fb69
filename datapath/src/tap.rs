//! TAP and TUN: a device of the kernel whose other end is a file descriptor.
//!
//! One read is one frame, one write is one frame. With the virtio header in front ([`crate::vnet`])
//! a frame may be up to 64 KiB of one TCP connection, its checksum unfinished, in both directions:
//! that is what makes a TAP fast, because the price is per system call. Buffers therefore hold 64
//! KiB, and there are few, used last in, first out, so that they stay in the cache. The header is
//! read and written in front of the frame in its own buffer: one plain `read` or `write`, nothing
//! is copied twice.
//!
//! A device that exists is used as it is (a persistent one belongs to somebody else's
//! configuration); one that we create is set up, and goes with the last descriptor.
//!
mod open;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use wire::offload::{Medium, RxMeta, TxChecksum};

use crate::frame::{HEADROOM, RxFrame, TxFrame};
use crate::side::PortSide;
use crate::stats::PortStats;
use crate::{edge, vnet};

pub(crate) use open::open;

/// One queue of a TAP or TUN device.
pub(crate) struct TapDevice {
    fd: Arc<OwnedFd>,
    medium: Medium,
    /// Bytes of the virtio header, 0 without.
    header: u32,
    /// A frame that the device had no room for, and its next piece.
    stuck: Option<(TxFrame, usize)>,
    /// Where pieces are cut to. Empty if the device cuts.
    scratch: Box<[u8]>,
    lost: bool,
}

/// What became of a frame.
enum Outcome {
    Sent,
    Refused,
    Dropped,
    /// No room; go on with this piece.
    Stuck(usize),
}

impl AsFd for TapDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl TapDevice {
    /// Whether a frame waits for the device to have room.
    pub(crate) fn wants_write(&self) -> bool {
        self.stuck.is_some()
    }

    /// Whether the device has gone.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Frames that the device itself holds back.
    pub(crate) fn held(&self) -> u32 {
        u32::from(self.stuck.is_some())
    }

    /// Reads up to `budget` frames.
    pub(crate) fn receive(
        &mut self,
        side: &mut PortSide,
        budget: usize,
        steer: &mut impl FnMut(&[u8], &RxMeta) -> usize,
    ) -> usize {
        let mut received = 0;
        while received < budget && !side.is_holding() {
            // Without a buffer frames wait in the device's own queue.
            let Some(mut frame) = side.rx_pool.pop() else { break };
            frame.reset(HEADROOM);
            let Some(buffer) = frame.with_prefix_mut(self.header) else { break };
            side.stats.syscalls += 1;
            let n = match rustix::io::read(&self.fd, &mut *buffer) {
                Ok(n) => n,
                Err(Errno::INTR) => {
                    side.rx_pool.push(frame);
                    continue;
                }
                Err(e) => {
                    self.lost |= e == Errno::BADFD;
                    side.rx_pool.push(frame);
                    break;
                }
            };
            received += 1;
            let header = self.header as usize;
            let meta = if header == 0 {
                Some(Default::default())
            } else {
                buffer[..n.min(header)].get(..header).and_then(vnet::parse)
            };
            let Some(meta) = meta.filter(|_| n > header) else {
                side.stats.rx_errors += 1;
                side.rx_pool.push(frame);
                continue;
            };
            frame.set_len(n - header);
            side.deliver(RxFrame { frame, meta }, steer);
        }
        received
    }

    /// Writes up to `budget` frames.
    pub(crate) fn transmit(&mut self, side: &mut PortSide, budget: usize) -> usize {
        let mut sent = 0;
        while sent < budget {
            let next = self.stuck.take().or_else(|| side.next_to_send().map(|frame| (frame, 0)));
            let Some((mut frame, piece)) = next else { break };
            match self.send(&mut frame, piece, &mut side.stats) {
                Outcome::Stuck(piece) => {
                    self.stuck = Some((frame, piece));
                    break;
                }
                Outcome::Sent => {
                    side.stats.tx_packets += 1;
                    side.stats.tx_bytes += frame.frame.len() as u64;
                }
                Outcome::Refused => side.stats.tx_errors += 1,
                Outcome::Dropped => side.stats.tx_dropped += 1,
            }
            sent += 1;
            side.recycle(frame.frame);
        }
        sent
    }

    fn send(&mut self, tx: &mut TxFrame, piece: usize, stats: &mut PortStats) -> Outcome {
        if self.header > 0 {
            let Some(bytes) = tx.frame.with_prefix_mut(self.header) else {
                return Outcome::Refused;
            };
            vnet::emit(&mut bytes[..self.header as usize], &tx.meta);
            return self.write(bytes, stats).unwrap_or(Outcome::Stuck(0));
        }
        let Some(gso) = tx.meta.gso else {
            if let TxChecksum::Partial { start, offset } = tx.meta.checksum {
                if !edge::finish(tx.frame.bytes_mut(), start, offset) {
                    return Outcome::Refused;
                }
                tx.meta.checksum = TxChecksum::Complete;
            }
            return self.write(tx.frame.bytes(), stats).unwrap_or(Outcome::Stuck(0));
        };
        for number in piece..edge::pieces(tx.frame.len(), &gso) {
            let mut scratch = std::mem::take(&mut self.scratch);
            let cut = edge::piece(tx.frame.bytes(), &tx.meta, self.medium, number, &mut scratch);
            let outcome = cut.map(|len| self.write(&scratch[..len], stats));
            self.scratch = scratch;
            match outcome {
                Some(Some(Outcome::Sent)) => {}
                Some(Some(other)) => return other,
                Some(None) => return Outcome::Stuck(number),
                None => return Outcome::Refused,
            }
        }
        Outcome::Sent
    }

    /// Writes one frame; `None` if there is no room.
    fn write(&mut self, bytes: &[u8], stats: &mut PortStats) -> Option<Outcome> {
        loop {
            stats.syscalls += 1;
            return match rustix::io::write(&self.fd, bytes) {
                Ok(_) => Some(Outcome::Sent),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN | Errno::NOBUFS) => None,
                // The interface is down, or has no carrier.
                Err(Errno::IO | Errno::NETDOWN) => Some(Outcome::Dropped),
                Err(Errno::BADFD) => {
                    self.lost = true;
                    Some(Outcome::Dropped)
                }
                Err(_) => Some(Outcome::Refused),
            };
        }
    }
}
