//! The two ends of a device as the bare responder uses them: frames in, frames out.
//!
//! On TAP a frame is one read or one write, with a virtio header in front that carries unfinished
//! checksums and 64 KiB TCP frames. On AF_XDP it is an entry of a ring, sent in bursts. The halves
//! are separate so that a frame can be answered while it is still in the receive buffer.
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use crate::frame::TRANSPORT;
use crate::os::readable;
use crate::program::Attached;
use crate::tap::{self, VNET_LEN};
use crate::xsk::{Descriptor, FRAME, FRAMES, Memory, Ring, Xsk, frame_of, kick_send};

/// Frames taken from the device at once.
const BATCH: u32 = 64;
/// The largest frame with its virtio header.
const BUFFER: usize = 70_000;
/// Offset of the checksum field in a TCP header.
const TCP_CHECKSUM: u16 = 16;
const VIRTIO_NEEDS_CHECKSUM: u8 = 1;
const VIRTIO_TCPV4: u8 = 1;

/// What the device may finish for the sender of a frame.
#[derive(Clone, Copy, Default)]
pub struct Unfinished {
    /// The TCP checksum field holds only the pseudo-header's sum.
    pub checksum: bool,
    /// Payload of a segment, when the frame is to be cut into several.
    pub segment: Option<u16>,
}

/// Where frames come from.
pub enum Receiver {
    /// A TAP queue.
    Tap {
        /// The queue.
        file: Arc<File>,
        /// The frame being looked at.
        buffer: Vec<u8>,
    },
    /// An AF_XDP socket.
    Xsk {
        /// Received packets.
        rx: Ring<Descriptor>,
        /// Frames going back to be filled.
        fill: Ring<u64>,
        /// Where their bytes are.
        memory: Memory,
        /// The socket.
        fd: Arc<OwnedFd>,
        /// What redirects frames to it.
        _program: Option<Attached>,
    },
}

/// Where frames go.
pub enum Sender {
    /// A TAP queue.
    Tap {
        /// The queue.
        file: Arc<File>,
        /// The frame being built.
        buffer: Vec<u8>,
    },
    /// An AF_XDP socket.
    Xsk {
        /// Packets to send.
        tx: Ring<Descriptor>,
        /// Frames that were sent.
        completion: Ring<u64>,
        /// Where their bytes are.
        memory: Memory,
        /// The socket.
        fd: Arc<OwnedFd>,
        /// Frames to send from.
        free: Vec<u64>,
        /// Submitted since the kernel was last called.
        pending: u32,
    },
}

/// Opens the TAP device `name` with virtio headers.
pub fn open_tap(name: &str) -> io::Result<(Receiver, Sender)> {
    let file = Arc::new(tap::attach(name, true)?);
    let buffer = vec![0; BUFFER];
    let sender = Sender::Tap { file: file.clone(), buffer: buffer.clone() };
    Ok((Receiver::Tap { file, buffer }, sender))
}

/// Opens queue 0 of the interface `name`.
pub fn open_xsk(name: &str) -> io::Result<(Receiver, Sender)> {
    let Xsk { fd, memory, rx, fill, tx, completion, program } = Xsk::open(name, true)?;
    let receiver = Receiver::Xsk { rx, fill, memory, fd: fd.clone(), _program: program };
    Ok((receiver, Sender::Xsk { tx, completion, memory, fd, free: Xsk::send_frames(), pending: 0 }))
}

impl Receiver {
    /// Hands the frames that are there, a batch at most, to `handle`; returns how many.
    pub fn receive(&mut self, mut handle: impl FnMut(&mut [u8])) -> usize {
        match self {
            Self::Tap { file, buffer } => {
                for count in 0..BATCH as usize {
                    match (&**file).read(buffer) {
                        Ok(len) if len > VNET_LEN => handle(&mut buffer[VNET_LEN..len]),
                        Ok(_) => {}
                        Err(_) => return count,
                    }
                }
                BATCH as usize
            }
            Self::Xsk { rx, fill, memory, .. } => {
                let count = rx.ready(BATCH);
                if count == 0 {
                    return 0;
                }
                fill.room(count);
                for _ in 0..count {
                    let packet = rx.take();
                    // SAFETY: the frame came out of the receive ring and is not in the fill ring
                    // before `submit` below, after the last use of the slice.
                    handle(unsafe { memory.bytes(packet.addr, packet.len as usize) });
                    fill.put(frame_of(packet.addr));
                }
                rx.release();
                fill.submit();
                count as usize
            }
        }
    }

    /// Sleeps until a frame is there, or for `timeout`.
    pub fn wait(&self, timeout: Duration) {
        match self {
            Self::Tap { file, .. } => readable(&**file, timeout),
            Self::Xsk { fd, .. } => readable(&**fd, timeout),
        };
    }
}

impl Sender {
    /// Has `build` write a frame and sends it; false when there was no room, and nothing was built
    /// or it was lost.
    pub fn send(&mut self, unfinished: Unfinished, build: impl FnOnce(&mut [u8]) -> usize) -> bool {
        match self {
            Self::Tap { file, buffer } => {
                let len = build(&mut buffer[VNET_LEN..]);
                virtio_header(&mut buffer[..VNET_LEN], unfinished);
                (&**file).write(&buffer[..VNET_LEN + len]).is_ok()
            }
            Self::Xsk { tx, memory, fd, free, pending, completion } => {
                if free.is_empty() || tx.room(1) == 0 {
                    kick_send(fd);
                    *pending = 0;
                    reap(completion, free);
                    if tx.room(1) == 0 {
                        return false;
                    }
                }
                let Some(addr) = free.pop() else { return false };
                // SAFETY: a free frame is in no ring, and this is the only slice of it.
                let len = build(unsafe { memory.bytes(addr, FRAME as usize) });
                tx.put(Descriptor { addr, len: len as u32, options: 0 });
                tx.submit();
                *pending += 1;
                if *pending >= BATCH {
                    kick_send(fd);
                    *pending = 0;
                }
                true
            }
        }
    }

    /// Has the kernel send what [`Sender::send`] left in the ring.
    pub fn flush(&mut self) {
        if let Self::Xsk { fd, pending, completion, free, tx, .. } = self {
            // A call may leave packets behind; then not all frames have come back.
            let unsent = tx.need_wakeup() && free.len() < (FRAMES / 2) as usize;
            if *pending > 0 || unsent {
                kick_send(fd);
                *pending = 0;
            }
            reap(completion, free);
        }
    }

    /// Whether segmentation and checksums are the kernel's work here.
    pub fn offloads(&self) -> bool {
        matches!(self, Self::Tap { .. })
    }
}

fn reap(completion: &mut Ring<u64>, free: &mut Vec<u64>) {
    let count = completion.ready(u32::MAX);
    for _ in 0..count {
        free.push(frame_of(completion.take()));
    }
    if count > 0 {
        completion.release();
    }
}

fn virtio_header(header: &mut [u8], unfinished: Unfinished) {
    header.fill(0);
    if unfinished.checksum {
        header[0] = VIRTIO_NEEDS_CHECKSUM;
        header[6..8].copy_from_slice(&(TRANSPORT as u16).to_le_bytes());
        header[8..10].copy_from_slice(&TCP_CHECKSUM.to_le_bytes());
    }
    if let Some(size) = unfinished.segment {
        header[1] = VIRTIO_TCPV4;
        header[2..4].copy_from_slice(&(TRANSPORT as u16 + 20).to_le_bytes());
        header[4..6].copy_from_slice(&size.to_le_bytes());
    }
}
