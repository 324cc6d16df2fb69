//! A packet socket with a ring in shared memory (`TPACKET_V2`): the stack's copy of frames that the
//! kernel is to have as well.
//!
//! An XDP program can give a frame to one of two. What is for a group or for all belongs to the
//! kernel and to the stack, so the program passes it, and the kernel hands a copy to this socket.
//! Its filter (`hear` in `bpf/src/xdp.c`) accepts what the stack is a member of, nothing of a VLAN
//! and nothing that is sent; what the program redirects never comes here, on neither hook, because
//! packet sockets are served behind it.
//!
//! To see whether there is a frame costs a look at memory, so a port can do it in every turn.
//!
//! `unsafe` here is the socket's options and its ring: the kernel and this process pass each slot
//! back and forth by the status word at its front.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use libc::{TP_STATUS_CSUM_VALID, TP_STATUS_CSUMNOTREADY, TP_STATUS_KERNEL, TP_STATUS_USER};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::net::sockopt::socket_error;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use wire::offload::{RxChecksum, RxMeta};

use crate::frame::RxFrame;
use crate::side::PortSide;

/// Frames that wait, at most.
const SLOTS: usize = 128;
/// Bytes of a slot: a frame of the largest MTU with the kernel's header in front.
const SLOT_BYTES: usize = 4096;
/// Bytes that the kernel allocates in one piece.
const BLOCK_BYTES: usize = 8 * SLOT_BYTES;
/// Every protocol, as on the wire.
const ALL_PROTOCOLS: u16 = (libc::ETH_P_ALL as u16).to_be();

/// The socket and its ring.
pub(crate) struct PacketRing {
    socket: OwnedFd,
    slots: NonNull<u8>,
    next: usize,
    /// Frames that the kernel had no slot for, as far as it was asked: it forgets with each answer.
    dropped: AtomicU64,
}

// SAFETY: the mapping belongs to this value alone, and may be used and unmapped on any thread.
unsafe impl Send for PacketRing {}
// SAFETY: nothing of the mapping is touched through `&PacketRing` but status words, atomically.
unsafe impl Sync for PacketRing {}

impl PacketRing {
    /// Opens the ring on an interface. `filter` is called before the first frame can come.
    ///
    /// # Errors
    /// The operating system's, or that of `filter`.
    pub(crate) fn open(
        ifindex: u32,
        filter: impl FnOnce(BorrowedFd<'_>) -> io::Result<()>,
    ) -> io::Result<Self> {
        // Of protocol 0: it receives nothing until it is bound.
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)?;
        let version = libc::tpacket_versions::TPACKET_V2 as libc::c_int;
        set_option(&socket, libc::PACKET_VERSION, &version)?;
        // Older kernels (before 4.20) ask the filter instead.
        let _ = set_option(&socket, libc::PACKET_IGNORE_OUTGOING, &1);
        let ring = libc::tpacket_req {
            tp_block_size: BLOCK_BYTES as libc::c_uint,
            tp_block_nr: (SLOTS * SLOT_BYTES / BLOCK_BYTES) as libc::c_uint,
            tp_frame_size: SLOT_BYTES as libc::c_uint,
            tp_frame_nr: SLOTS as libc::c_uint,
        };
        set_option(&socket, libc::PACKET_RX_RING, &ring)?;
        filter(socket.as_fd())?;
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: a new mapping where the kernel likes, of the socket's ring, which is that long.
        let slots =
            unsafe { mmap(ptr::null_mut(), SLOTS * SLOT_BYTES, access, flags, &socket, 0) }?;
        let slots = NonNull::new(slots.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let ring = Self { socket, slots, next: 0, dropped: AtomicU64::new(0) };
        bind(&ring.socket, ifindex)?;
        Ok(ring)
    }

    /// Whether a frame waits.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        self.status().load(Ordering::Acquire) & TP_STATUS_USER != 0
    }

    /// Hands up to `budget` frames to the shards, as long as there are buffers to copy them into.
    /// Returns how many.
    #[cold]
    pub(crate) fn receive(
        &mut self,
        side: &mut PortSide,
        budget: usize,
        steer: &mut impl FnMut(&[u8], &RxMeta) -> usize,
    ) -> usize {
        let mut received = 0;
        while received < budget && !side.is_holding() && self.is_ready() {
            let Some(mut frame) = side.rx_pool.pop() else { break };
            received += 1;
            match self.copy(frame.buffer_mut()) {
                Some((len, meta)) => {
                    frame.set_len(len);
                    side.deliver(RxFrame { frame, meta }, steer);
                }
                None => {
                    side.stats.rx_errors += 1;
                    side.recycle(frame);
                }
            }
            self.status().store(TP_STATUS_KERNEL, Ordering::Release);
            self.next = (self.next + 1) % SLOTS;
        }
        received
    }

    /// Copies the frame that waits, and says how long it is and what the kernel knows of its
    /// checksum. None if it is not whole, or does not fit.
    fn copy(&self, out: &mut [u8]) -> Option<(usize, RxMeta)> {
        // SAFETY: the slot is ours (its status says so), and begins with this header.
        let header = unsafe { self.slot().cast::<libc::tpacket2_hdr>().read() };
        let (start, len) = (usize::from(header.tp_mac), header.tp_snaplen as usize);
        if header.tp_len != header.tp_snaplen || start + len > SLOT_BYTES {
            return None;
        }
        let out = out.get_mut(..len)?;
        // SAFETY: `start + len` lies within the slot, which nobody else touches, and `out` is as
        // long and elsewhere.
        unsafe {
            ptr::copy_nonoverlapping(self.slot().as_ptr().add(start), out.as_mut_ptr(), len);
        }
        let checksum = if header.tp_status & TP_STATUS_CSUMNOTREADY != 0 {
            RxChecksum::Partial
        } else if header.tp_status & TP_STATUS_CSUM_VALID != 0 {
            RxChecksum::Valid
        } else {
            RxChecksum::Unverified
        };
        Some((len, RxMeta { checksum, gso_size: 0 }))
    }

    /// The slot that is filled next.
    fn slot(&self) -> NonNull<u8> {
        // SAFETY: there are `SLOTS` slots in the mapping, and `next` is below that.
        unsafe { self.slots.add(self.next * SLOT_BYTES) }
    }

    /// The status word of that slot.
    fn status(&self) -> &AtomicU32 {
        // SAFETY: the slot begins with that word, aligned, in memory that lives as long as this
        // value; kernel and process only use it atomically.
        unsafe { AtomicU32::from_ptr(self.slot().cast().as_ptr()) }
    }

    /// Frames that were lost because all slots were full. Costs a system call.
    pub(crate) fn dropped(&self) -> u64 {
        let mut stats = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
        let mut len = size_of_val(&stats) as libc::socklen_t;
        // SAFETY: the option is one `tpacket_stats`, which the call fills in.
        let answer = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut stats).cast(),
                &raw mut len,
            )
        };
        let new = if answer == 0 { u64::from(stats.tp_drops) } else { 0 };
        self.dropped.fetch_add(new, Ordering::Relaxed) + new
    }

    /// Forgets that the interface was down, of which the descriptor would go on telling.
    pub(crate) fn clear_error(&self) {
        let _ = socket_error(&self.socket);
    }
}

impl AsFd for PacketRing {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for PacketRing {
    fn drop(&mut self) {
        // SAFETY: mapped in `open` with this length, and unmapped once; nothing points into it.
        let unmapped = unsafe { munmap(self.slots.as_ptr().cast(), SLOTS * SLOT_BYTES) };
        debug_assert!(unmapped.is_ok());
    }
}

/// Sets an option of packet sockets.
pub(crate) fn set_option<T>(socket: &impl AsRawFd, name: libc::c_int, value: &T) -> io::Result<()> {
    // SAFETY: the call reads as many bytes as the value has; the callers pair option and type.
    let answer = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            name,
            ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Binds a packet socket to every protocol of one interface.
fn bind(socket: &OwnedFd, ifindex: u32) -> io::Result<()> {
    // SAFETY: plain data, for which all zero bits are a value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = ALL_PROTOCOLS;
    address.sll_ifindex = ifindex as libc::c_int;
    // SAFETY: the address is one `sockaddr_ll`, which the call only reads.
    let answer = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of_val(&address) as libc::socklen_t,
        )
    };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
