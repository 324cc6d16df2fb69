//! A bare AF_XDP socket in copy mode: frame memory, four rings, nothing on top.
//!
//! The limits, the bare responder and smoltcp's device all stand on this, so they share its cost
//! and its faults. A receiver keeps the lower half of the frames circulating between fill and
//! receive ring; a sender takes from the upper half and gets frames back by the completion ring.
//! Who holds a frame's address owns its bytes; the kernel's word for that is the ring it was taken
//! from. `unsafe` maps the shared memory and follows it.
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::os::{failed, readable};
use crate::program::{Attached, interface_index, redirect};

/// Bytes of a frame; a received packet starts somewhere inside it.
pub const FRAME: u64 = 4096;
/// Frames of the socket: half to receive into, half to send from.
pub const FRAMES: u64 = 8192;
const RING: u32 = 2048;
/// Packets a send call may take; the default of 32 costs more calls.
const SEND_BUDGET: u32 = 256;
const BUSY_TRIES: u32 = 200;

const XDP_MMAP_OFFSETS: i32 = 1;
const XDP_RX_RING: i32 = 2;
const XDP_TX_RING: i32 = 3;
const XDP_UMEM_REG: i32 = 4;
const XDP_UMEM_FILL_RING: i32 = 5;
const XDP_UMEM_COMPLETION_RING: i32 = 6;
const XDP_MAX_TX_SKB_BUDGET: i32 = 9;
const XDP_COPY: u16 = 2;
const XDP_USE_NEED_WAKEUP: u16 = 8;
const RING_NEED_WAKEUP: u32 = 1;

/// One packet in a receive or send ring.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Descriptor {
    /// Offset of its first byte in the frame memory.
    pub addr: u64,
    /// Its length.
    pub len: u32,
    /// Flags; none are used here.
    pub options: u32,
}

#[repr(C)]
#[derive(Default)]
struct RingOffsets {
    producer: u64,
    consumer: u64,
    entries: u64,
    flags: u64,
}

#[repr(C)]
#[derive(Default)]
struct Offsets {
    rx: RingOffsets,
    tx: RingOffsets,
    fill: RingOffsets,
    completion: RingOffsets,
}

#[repr(C)]
struct MemoryRegistration {
    addr: u64,
    len: u64,
    chunk: u32,
    headroom: u32,
    flags: u32,
    tx_metadata_len: u32,
}

#[repr(C)]
struct SocketAddress {
    family: u16,
    flags: u16,
    ifindex: u32,
    queue: u32,
    shared_fd: u32,
}

/// One ring shared with the kernel. Either we produce and it consumes, or the other way round.
pub struct Ring<T> {
    producer: *const AtomicU32,
    consumer: *const AtomicU32,
    flags: *const AtomicU32,
    entries: *mut T,
    size: u32,
    produced: u32,
    consumed: u32,
}

impl<T: Copy> Ring<T> {
    fn map(fd: BorrowedFd<'_>, at: &RingOffsets, size: u32, page: libc::off_t) -> io::Result<Self> {
        let len = at.entries as usize + size as usize * size_of::<T>();
        // SAFETY: a new shared mapping of the kernel's ring; nothing of ours is replaced. It stays
        // mapped until the process ends.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_POPULATE,
                fd.as_raw_fd(),
                page,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(failed("map a ring", io::Error::last_os_error()));
        }
        let base = base.cast::<u8>();
        // SAFETY: the kernel said at which offsets of this mapping the four parts lie, aligned.
        unsafe {
            Ok(Self {
                producer: base.add(at.producer as usize).cast(),
                consumer: base.add(at.consumer as usize).cast(),
                flags: base.add(at.flags as usize).cast(),
                entries: base.add(at.entries as usize).cast(),
                size,
                produced: 0,
                consumed: 0,
            })
        }
    }

    /// Whether the kernel waits to be called before it looks at this ring again.
    pub fn need_wakeup(&self) -> bool {
        // SAFETY: `flags` points into a mapping that is never unmapped.
        unsafe { (*self.flags).load(Ordering::Relaxed) & RING_NEED_WAKEUP != 0 }
    }

    /// Producing: free slots, looking at the kernel's index only when fewer than `want` are known.
    pub fn room(&mut self, want: u32) -> u32 {
        let free = self.size - self.produced.wrapping_sub(self.consumed);
        if free >= want {
            return free;
        }
        // SAFETY: `consumer` points into a mapping that is never unmapped.
        self.consumed = unsafe { (*self.consumer).load(Ordering::Acquire) };
        self.size - self.produced.wrapping_sub(self.consumed)
    }

    /// Producing: writes one entry. Call only when [`Ring::room`] said there is space.
    pub fn put(&mut self, entry: T) {
        let slot = (self.produced & (self.size - 1)) as usize;
        // SAFETY: `slot` is below the ring's size, and not yet the kernel's to read.
        unsafe { *self.entries.add(slot) = entry };
        self.produced = self.produced.wrapping_add(1);
    }

    /// Producing: hands what was put to the kernel.
    pub fn submit(&mut self) {
        // SAFETY: `producer` points into a mapping that is never unmapped.
        unsafe { (*self.producer).store(self.produced, Ordering::Release) };
    }

    /// Consuming: entries there, at most `max`.
    pub fn ready(&mut self, max: u32) -> u32 {
        let mut there = self.produced.wrapping_sub(self.consumed);
        if there == 0 {
            // SAFETY: `producer` points into a mapping that is never unmapped.
            self.produced = unsafe { (*self.producer).load(Ordering::Acquire) };
            there = self.produced.wrapping_sub(self.consumed);
        }
        there.min(max)
    }

    /// Consuming: reads one entry. Call only when [`Ring::ready`] said there is one.
    pub fn take(&mut self) -> T {
        let slot = (self.consumed & (self.size - 1)) as usize;
        // SAFETY: `slot` is below the ring's size, and the kernel published it before `ready`.
        let entry = unsafe { *self.entries.add(slot) };
        self.consumed = self.consumed.wrapping_add(1);
        entry
    }

    /// Consuming: gives what was taken back to the kernel.
    pub fn release(&mut self) {
        // SAFETY: `consumer` points into a mapping that is never unmapped.
        unsafe { (*self.consumer).store(self.consumed, Ordering::Release) };
    }
}

/// The frame memory. Copies refer to the same bytes, which live until the process ends.
#[derive(Clone, Copy)]
pub struct Memory(*mut u8);

impl Memory {
    fn map() -> io::Result<Self> {
        // SAFETY: a new private mapping; nothing of ours is replaced.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                (FRAMES * FRAME) as usize,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(failed("map frame memory", io::Error::last_os_error()));
        }
        Ok(Self(base.cast()))
    }

    /// The bytes at `addr`.
    ///
    /// # Safety
    /// The caller owns the frame that `addr` lies in (it took it from a ring, or never gave it
    /// away), and keeps no other slice of it.
    pub unsafe fn bytes(&self, addr: u64, len: usize) -> &'static mut [u8] {
        assert!(addr.saturating_add(len as u64) <= FRAMES * FRAME, "descriptor out of range");
        // SAFETY: in range of a mapping that is never unmapped; not aliased, says the caller.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(addr as usize), len) }
    }
}

/// The socket, as its parts; receive and send side may go separate ways in one thread.
pub struct Xsk {
    /// The socket's descriptor.
    pub fd: Arc<OwnedFd>,
    /// Frame memory.
    pub memory: Memory,
    /// Received packets.
    pub rx: Ring<Descriptor>,
    /// Frames to receive into.
    pub fill: Ring<u64>,
    /// Packets to send.
    pub tx: Ring<Descriptor>,
    /// Frames that were sent.
    pub completion: Ring<u64>,
    /// What redirects frames to this socket.
    pub program: Option<Attached>,
}

impl Xsk {
    /// Opens queue 0 of `interface`; with `receive` its frames are redirected here.
    pub fn open(interface: &str, receive: bool) -> io::Result<Self> {
        let ifindex = interface_index(interface)?;
        // SAFETY: plain system call; a descriptor nobody else owns comes back.
        let raw = unsafe { libc::socket(libc::AF_XDP, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if raw < 0 {
            return Err(failed("AF_XDP socket", io::Error::last_os_error()));
        }
        // SAFETY: `raw` was just opened and is owned by nobody else.
        let fd = unsafe { OwnedFd::from_raw_fd(raw) };
        let memory = Memory::map()?;
        let registration = MemoryRegistration {
            addr: memory.0 as u64,
            len: FRAMES * FRAME,
            chunk: FRAME as u32,
            headroom: 0,
            flags: 0,
            tx_metadata_len: 0,
        };
        set(&fd, XDP_UMEM_REG, &registration)?;
        set(&fd, XDP_UMEM_FILL_RING, &(RING * 2))?;
        set(&fd, XDP_UMEM_COMPLETION_RING, &(RING * 2))?;
        set(&fd, XDP_RX_RING, &RING)?;
        set(&fd, XDP_TX_RING, &RING)?;
        let at = offsets(&fd)?;
        let mut socket = Self {
            memory,
            rx: Ring::map(fd.as_fd(), &at.rx, RING, 0)?,
            tx: Ring::map(fd.as_fd(), &at.tx, RING, 0x8000_0000)?,
            fill: Ring::map(fd.as_fd(), &at.fill, RING * 2, 0x1_0000_0000)?,
            completion: Ring::map(fd.as_fd(), &at.completion, RING * 2, 0x1_8000_0000)?,
            fd: Arc::new(fd),
            program: None,
        };
        // Older kernels refuse this one; then a call takes 32.
        let _ = set(&socket.fd, XDP_MAX_TX_SKB_BUDGET, &SEND_BUDGET);
        if receive {
            for frame in 0..FRAMES / 2 {
                socket.fill.put(frame * FRAME);
            }
            socket.fill.submit();
        }
        bind(&socket.fd, ifindex)?;
        if receive {
            socket.program = Some(redirect(ifindex, 0, socket.fd.as_fd())?);
        }
        Ok(socket)
    }

    /// The frames that a sender starts with.
    pub fn send_frames() -> Vec<u64> {
        (FRAMES / 2..FRAMES).map(|frame| frame * FRAME).collect()
    }
}

/// The frame that an address lies in.
pub fn frame_of(addr: u64) -> u64 {
    addr & !(FRAME - 1)
}

/// Has the kernel send what was submitted; what it cannot take now stays in the ring.
pub fn kick_send(fd: &OwnedFd) {
    // SAFETY: an empty message; no memory is passed.
    unsafe {
        libc::sendto(fd.as_raw_fd(), std::ptr::null(), 0, libc::MSG_DONTWAIT, std::ptr::null(), 0)
    };
}

/// Waits until a packet was received, or for `timeout`.
pub fn wait_receive(fd: &OwnedFd, timeout: Duration) -> bool {
    readable(fd, timeout)
}

fn set<T>(fd: &OwnedFd, option: i32, value: &T) -> io::Result<()> {
    // SAFETY: `value` is valid for its size, and each option used takes exactly its type.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_XDP,
            option,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if result < 0 {
        return Err(failed(&format!("AF_XDP option {option}"), io::Error::last_os_error()));
    }
    Ok(())
}

fn offsets(fd: &OwnedFd) -> io::Result<Offsets> {
    let mut offsets = Offsets::default();
    let mut len = size_of::<Offsets>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes, the size of `offsets`.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_XDP,
            XDP_MMAP_OFFSETS,
            (&raw mut offsets).cast(),
            &raw mut len,
        )
    };
    if result < 0 || len as usize != size_of::<Offsets>() {
        return Err(failed("AF_XDP ring offsets", io::Error::last_os_error()));
    }
    Ok(offsets)
}

fn bind(fd: &OwnedFd, ifindex: u32) -> io::Result<()> {
    let address = SocketAddress {
        family: libc::AF_XDP as u16,
        flags: XDP_COPY | XDP_USE_NEED_WAKEUP,
        ifindex,
        queue: 0,
        shared_fd: 0,
    };
    // The kernel gives a queue back some time after its last socket closed.
    for tries in 0.. {
        let len = size_of::<SocketAddress>() as libc::socklen_t;
        // SAFETY: `address` is a sockaddr_xdp of `len` bytes.
        if unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), len) } == 0 {
            break;
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EBUSY) || tries == BUSY_TRIES {
            return Err(failed("bind AF_XDP", error));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
