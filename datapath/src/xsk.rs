//! AF_XDP: frames in memory that the kernel fills and empties, with four rings between it and us.
//!
//! A frame that the kernel has is parked: its handle lies in a slot under the frame's number until the
//! kernel names that number again, in the receive ring or in the completion ring. So a number that the
//! kernel should not have is noticed (there is no handle in the slot) instead of believed, and the account
//! of frames is a count of slots.
//!
//! Always with NEED_WAKEUP: the kernel says when it wants a system call. In copy mode that is after every
//! batch to send, one call for up to 256 frames; receiving needs none.
//!
//! Frames are cut and finished at the edge: AF_XDP has no offloads. A piece needs a buffer of its own, so
//! one large frame may wait half cut for more of them.
//!
//! `unsafe` here is the rings' contracts: a frame is given to the kernel only while its handle is parked,
//! so nobody else touches it; and handles are made once for each frame of the region.

use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use wire::offload::{DeviceCaps, Medium, RxChecksum, RxMeta, TxChecksum};
use xsk_rs::config::{
    BindFlags, FrameSize, Interface, LibxdpFlags, QueueSize, SocketConfig, UmemConfig,
};
use xsk_rs::{CompQueue, FillQueue, FrameDesc, RxQueue, Socket, TxQueue, Umem};

use crate::config::{Backend, PortConfig, PortInfo, Sharing, ZeroCopy};
use crate::edge;
use crate::error::PortError;
use crate::frame::{Frame, Memory, RxFrame, TxFrame};
use crate::interface::{self, Facts};
use crate::link::{PortLink, Side, join};
use crate::port::PortStats;
use crate::steering::Steering;
use crate::xdp::{self, Attachment};

/// Bytes of a frame of the region: a page.
const FRAME_SIZE: u32 = 4096;
/// Frames in each direction unless configured.
const FRAMES: u32 = 2048;
/// Most frames in each direction that may be configured: a quarter of a gigabyte.
const FRAMES_MAX: u32 = 65_536;
/// What fits, with two tags, into the one buffer that drivers receive into: a page without the program's
/// headroom and the kernel's own trailer. Some drivers take a little more, none with one buffer much.
const MTU_MAX: u32 = 3498;
/// Descriptors moved at a time.
const BATCH: usize = 64;
/// How many frames the kernel may send in one call, and the option to say so.
const TX_BUDGET: u32 = 256;
const XDP_MAX_TX_SKB_BUDGET: libc::c_int = 9;
/// Bytes on their way through the kernel: all frames to send, with its own overhead.
const SEND_BUFFER: libc::c_int = 16 << 20;

/// A socket on one queue.
pub(crate) struct XskDevice {
    // Before the rings, so that on drop the program is detached before the socket goes.
    _attachment: Arc<Attachment>,
    steering: Steering,
    umem: Umem,
    rx: RxQueue,
    tx: TxQueue,
    fill: FillQueue,
    completion: CompQueue,
    /// Frames that the kernel has, by number.
    parked: Box<[Option<Frame>]>,
    /// The descriptor of each frame.
    descriptors: Box<[FrameDesc]>,
    /// Descriptors of one batch. Emptied within each call.
    batch: Vec<FrameDesc>,
    arrived: Vec<RxFrame>,
    /// Frames with the kernel to receive into, and to send.
    filling: u32,
    sending: u32,
    /// The kernel has frames to send and wants another call.
    unfinished: bool,
    /// A frame that waits for buffers for its remaining pieces.
    stuck: Option<(TxFrame, usize)>,
    rx_meta: RxMeta,
}

/// Opens sockets on queues of the interface.
pub(crate) fn open(
    config: &PortConfig,
    queues: u32,
) -> Result<Vec<(XskDevice, Side, PortLink, PortInfo)>, PortError> {
    let name = &config.name;
    let bad = |what| PortError::BadConfig { interface: name.clone(), what };
    let frames = |count: u32| if count == 0 { FRAMES } else { count };
    let (rx_frames, tx_frames) = (frames(config.rx_frames), frames(config.tx_frames));
    if rx_frames.max(tx_frames) > FRAMES_MAX {
        return Err(bad("more than 65536 frames in one direction"));
    }
    if config.queue.saturating_add(queues) > bpf::QUEUES_MAX {
        return Err(bad("queues above 63 cannot be steered to"));
    }
    let facts = interface::existing(name)?;
    let Some(mac) = facts.mac else {
        let found = "not an Ethernet interface".to_owned();
        return Err(PortError::WrongKind { interface: name.clone(), found, wanted: "one" });
    };
    if facts.mtu > MTU_MAX {
        let (interface, mtu) = (name.clone(), facts.mtu);
        return Err(PortError::MtuTooLarge { interface, mtu, max: MTU_MAX });
    }
    interface::set_up(name)?;
    let (attachment, steering) = xdp::attach(config, &facts, mac)?;
    let attachment = Arc::new(attachment);
    let mut ports = Vec::new();
    for queue in config.queue..config.queue + queues {
        let rings = Rings::open(config, queue, &attachment, &steering, rx_frames, tx_frames)?;
        let info = PortInfo {
            name: name.clone(),
            os_ifindex: facts.ifindex,
            medium: Medium::Ethernet,
            mac: Some(mac),
            mtu: facts.mtu,
            caps: DeviceCaps::default(),
            backend: Backend::Xdp,
            mode: mode(&attachment, &steering, &rings, queue),
        };
        let attached = (attachment.clone(), steering.clone());
        let (device, side, link) = rings.into_device(attached, &facts, rx_frames);
        steering.set_socket(queue, device.as_fd().as_raw_fd())?;
        ports.push((device, side, link, info));
    }
    Ok(ports)
}

fn mode(attachment: &Attachment, steering: &Steering, rings: &Rings, queue: u32) -> String {
    let hook = if attachment.driver { "driver" } else { "generic" };
    let copy = if rings.zero_copy { "zero_copy" } else { "copy" };
    let sharing = if steering.sharing() == Sharing::Exclusive { "exclusive" } else { "shared" };
    format!("xdp {hook} {copy} need_wakeup {sharing} queue {queue}")
}

/// A bound socket and its memory.
struct Rings {
    umem: Umem,
    descriptors: Vec<FrameDesc>,
    rx: RxQueue,
    tx: TxQueue,
    fill: FillQueue,
    completion: CompQueue,
    zero_copy: bool,
}

impl Rings {
    /// Binds a socket, without copying if that is wanted and possible.
    fn open(
        config: &PortConfig,
        queue: u32,
        attachment: &Attachment,
        steering: &Steering,
        rx_frames: u32,
        tx_frames: u32,
    ) -> Result<Self, PortError> {
        let exclusive = steering.sharing() == Sharing::Exclusive;
        let ways: &[bool] = match config.zero_copy {
            ZeroCopy::Always => &[true],
            ZeroCopy::Auto if exclusive && attachment.driver => &[true, false],
            ZeroCopy::Auto | ZeroCopy::Never => &[false],
        };
        let mut refusal = None;
        for &zero_copy in ways {
            match Self::bind_patiently(config, queue, zero_copy, rx_frames, tx_frames) {
                Ok(rings) => return Ok(rings),
                Err(error) => {
                    tracing::debug!(interface = %config.name, zero_copy, %error, "bind refused");
                    refusal = Some(error);
                }
            }
        }
        let error = refusal.unwrap_or_else(|| io::Error::from_raw_os_error(libc::EINVAL));
        let (interface, what) = (config.name.clone(), "binding an AF_XDP socket");
        Err(match error.raw_os_error() {
            Some(libc::EBUSY) => {
                PortError::Busy { interface, what, holder: "another socket has the queue" }
            }
            Some(libc::EINVAL) => {
                PortError::BadConfig { interface, what: "there is no such receive queue" }
            }
            Some(libc::EPERM | libc::EACCES) => {
                PortError::NotPermitted { interface, what, needs: "CAP_NET_RAW" }
            }
            _ => PortError::from_os(&interface, what, error),
        })
    }

    /// The kernel frees a queue some time after its last socket was closed.
    fn bind_patiently(
        config: &PortConfig,
        queue: u32,
        zero_copy: bool,
        rx_frames: u32,
        tx_frames: u32,
    ) -> io::Result<Self> {
        let deadline = Instant::now() + xdp::BUSY_PATIENCE;
        loop {
            match Self::bind(&config.name, queue, zero_copy, rx_frames, tx_frames) {
                Err(e) if e.raw_os_error() == Some(libc::EBUSY) && Instant::now() < deadline => {
                    thread::sleep(xdp::BUSY_PAUSE);
                }
                done => return done,
            }
        }
    }

    fn bind(
        name: &str,
        queue: u32,
        zero_copy: bool,
        rx_frames: u32,
        tx_frames: u32,
    ) -> io::Result<Self> {
        let ring = |frames: u32| QueueSize::new(frames.next_power_of_two()).map_err(invalid);
        let total = rx_frames + tx_frames;
        let umem = UmemConfig::builder()
            .frame_size(FrameSize::new(FRAME_SIZE).map_err(invalid)?)
            .fill_queue_size(ring(rx_frames)?)
            .comp_queue_size(ring(total)?)
            .build()
            .map_err(invalid)?;
        let count = NonZeroU32::new(total).ok_or(io::ErrorKind::InvalidInput)?;
        let (umem, descriptors) = Umem::new(umem, count, false).map_err(|e| os(&e))?;
        let copy = if zero_copy { BindFlags::XDP_ZEROCOPY } else { BindFlags::XDP_COPY };
        let socket = SocketConfig::builder()
            .rx_queue_size(ring(rx_frames)?)
            .tx_queue_size(ring(tx_frames)?)
            .libxdp_flags(LibxdpFlags::XSK_LIBXDP_FLAGS_INHIBIT_PROG_LOAD)
            .bind_flags(copy | BindFlags::XDP_USE_NEED_WAKEUP)
            .build();
        let interface: Interface = name.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: the region is not shared between sockets, and no program is loaded by the library.
        let opened = unsafe { Socket::new(socket, &umem, &interface, queue) };
        let (tx, rx, rings) = opened.map_err(|e| os(&e))?;
        // The first socket on a region always gets them.
        let (fill, completion) = rings.ok_or(io::ErrorKind::Other)?;
        set_option(&tx, libc::SOL_XDP, XDP_MAX_TX_SKB_BUDGET, TX_BUDGET as libc::c_int);
        set_option(&tx, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, SEND_BUFFER);
        Ok(Self { umem, descriptors, rx, tx, fill, completion, zero_copy })
    }

    /// Makes the frames, gives those to receive into to the kernel, and joins them to a shard.
    fn into_device(
        self,
        (attachment, steering): (Arc<Attachment>, Steering),
        facts: &Facts,
        rx_frames: u32,
    ) -> (XskDevice, Side, PortLink) {
        let Self { umem, mut descriptors, rx, tx, fill, completion, .. } = self;
        let memory = Arc::new(Memory::Umem(umem.clone()));
        let mut frames = Vec::with_capacity(descriptors.len());
        for (index, descriptor) in descriptors.iter_mut().enumerate() {
            // SAFETY: the descriptor is of this region, and nobody else has seen the frame yet.
            let mut data = unsafe { umem.data_mut(descriptor) };
            data.cursor().set_pos(usize::MAX);
            let bytes = data.contents_mut();
            let size = bytes.len() as u32;
            let base = NonNull::from(bytes).cast::<u8>();
            data.cursor().set_pos(0);
            // SAFETY: the bytes are those of this frame alone, mapped and zeroed by the kernel, kept alive
            // by `memory`, and this is the frame's one handle.
            frames.push(unsafe { Frame::new(base, size, 0, index as u32, memory.clone()) });
        }
        let (mut side, link) = join(frames, rx_frames);
        let count = descriptors.len();
        // A sender on the other end of a veth leaves its sums to a device that does not exist.
        let checksum =
            if facts.driver == "veth" { RxChecksum::MaybePartial } else { RxChecksum::Unverified };
        let mut device = XskDevice {
            _attachment: attachment,
            steering,
            umem,
            rx,
            tx,
            fill,
            completion,
            parked: (0..count).map(|_| None).collect(),
            descriptors: descriptors.into_boxed_slice(),
            batch: Vec::with_capacity(BATCH),
            arrived: Vec::with_capacity(BATCH),
            filling: 0,
            sending: 0,
            unfinished: false,
            stuck: None,
            rx_meta: RxMeta { checksum, gso_size: 0 },
        };
        device.refill(&mut side);
        (device, side, link)
    }
}

/// A number that the library refuses.
fn invalid<E>(_: E) -> io::Error {
    io::Error::from_raw_os_error(libc::EINVAL)
}

/// The kernel's answer in an error of the library.
fn os(error: &(dyn std::error::Error + 'static)) -> io::Error {
    xdp::os_error(error).unwrap_or_else(|| io::Error::other(error.to_string()))
}

/// Sets a socket option that is good to have: where the kernel does not know it, or refuses, the port
/// works with the kernel's own value.
fn set_option(tx: &TxQueue, level: libc::c_int, name: libc::c_int, value: libc::c_int) {
    // SAFETY: the option is one `int`, which the call only reads.
    unsafe {
        libc::setsockopt(
            tx.fd().as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        );
    }
}

impl AsFd for XskDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor is open for as long as the queue, which outlives the borrow.
        unsafe { BorrowedFd::borrow_raw(self.rx.fd().as_raw_fd()) }
    }
}

impl XskDevice {
    pub(crate) fn steering(&mut self) -> &mut Steering {
        &mut self.steering
    }

    /// Whether the kernel stopped in the middle of sending.
    pub(crate) fn wants_write(&self) -> bool {
        self.unfinished || self.stuck.is_some()
    }

    /// Frames with the kernel to receive into.
    pub(crate) fn filling(&self) -> u32 {
        self.filling
    }

    /// Frames with the kernel to send, or held back half sent.
    pub(crate) fn sending(&self) -> u32 {
        self.sending + u32::from(self.stuck.is_some())
    }

    /// Frames the kernel dropped for want of a buffer or a ring slot.
    pub(crate) fn dropped(&self) -> u64 {
        self.rx.fd().xdp_statistics().map_or(0, |s| s.rx_dropped() + s.rx_ring_full())
    }

    /// Which frame the kernel means by an address in the region.
    #[inline]
    fn unpark(&mut self, address: usize) -> Option<Frame> {
        self.parked.get_mut(address / FRAME_SIZE as usize)?.take()
    }

    /// Takes up to `budget` frames from the receive ring, and fills the fill ring.
    pub(crate) fn receive(
        &mut self,
        side: &mut Side,
        stats: &mut PortStats,
        budget: usize,
    ) -> usize {
        let mut received = 0;
        while received < budget {
            let want = BATCH.min(budget - received);
            self.batch.resize(want, self.descriptors[0]);
            // SAFETY: the queue and the descriptors are of one region.
            let taken = unsafe { self.rx.consume(&mut self.batch) };
            if taken == 0 {
                break;
            }
            for i in 0..taken {
                self.accept(self.batch[i], side, stats);
            }
            side.deliver_batch(&mut self.arrived.drain(..));
            received += taken;
            if taken < want {
                break;
            }
        }
        self.refill(side);
        if self.fill.needs_wakeup() {
            stats.syscalls += 1;
            // What comes of it is seen in the rings.
            let _ = recv(self.as_fd(), &mut [0u8; 0][..], RecvFlags::DONTWAIT);
        }
        received
    }

    /// One descriptor of the receive ring.
    #[inline]
    fn accept(&mut self, descriptor: FrameDesc, side: &mut Side, stats: &mut PortStats) {
        let Some(mut frame) = self.unpark(descriptor.addr()) else {
            stats.rx_errors += 1;
            return;
        };
        self.filling -= 1;
        let expected = self.descriptors[frame.index() as usize].addr();
        let len = descriptor.lengths().data();
        // A program in front of ours may have moved the start, but not before the region it may use.
        let start = descriptor.addr().checked_sub(expected);
        let start = start.filter(|&start| start + len <= frame.capacity());
        let Some(start) = start.filter(|_| !descriptor.has_more_frames()) else {
            stats.rx_errors += 1;
            side.recycle(frame);
            return;
        };
        frame.reset(start as u32);
        frame.set_len(len);
        stats.rx_packets += 1;
        stats.rx_bytes += len as u64;
        self.arrived.push(RxFrame { frame, meta: self.rx_meta });
    }

    /// Gives every free frame to receive into to the kernel.
    fn refill(&mut self, side: &mut Side) {
        while !side.rx_pool.is_empty() {
            let room = self.fill.nb_free(BATCH as u32) as usize;
            self.batch.clear();
            for _ in 0..room.min(BATCH) {
                let Some(frame) = side.rx_pool.pop() else { break };
                let index = frame.index() as usize;
                self.batch.push(self.descriptors[index]);
                self.parked[index] = Some(frame);
            }
            if self.batch.is_empty() {
                break;
            }
            // SAFETY: frames of this region whose handles are parked, so that nobody else touches them;
            // there is room for all of them.
            let given = unsafe { self.fill.produce(&self.batch) };
            debug_assert_eq!(given, self.batch.len());
            self.filling += given as u32;
        }
    }

    /// Takes back what was sent, and sends up to `budget` frames.
    pub(crate) fn transmit(
        &mut self,
        side: &mut Side,
        stats: &mut PortStats,
        budget: usize,
    ) -> usize {
        self.complete(side, stats);
        let mut sent = 0;
        while sent < budget {
            let room = BATCH.min(budget - sent).min(self.tx.nb_free(BATCH as u32) as usize);
            self.batch.clear();
            while self.batch.len() < room {
                let next = self.stuck.take().or_else(|| side.next_to_send().map(|f| (f, 0)));
                let Some((frame, piece)) = next else { break };
                self.prepare(frame, piece, side, stats);
                if self.stuck.is_some() {
                    break;
                }
            }
            if self.batch.is_empty() {
                break;
            }
            // SAFETY: frames of this region whose handles are parked, so that nobody else touches them;
            // there is room for all of them.
            let given = unsafe { self.tx.produce(&self.batch) };
            debug_assert_eq!(given, self.batch.len());
            self.sending += given as u32;
            self.unfinished = true;
            sent += given;
            if self.stuck.is_some() {
                break;
            }
        }
        if self.unfinished {
            self.kick(stats);
        }
        sent
    }

    /// Takes back the frames the kernel has sent.
    fn complete(&mut self, side: &mut Side, stats: &mut PortStats) {
        while self.sending > 0 {
            self.batch.resize(BATCH, self.descriptors[0]);
            // SAFETY: the queue and the descriptors are of one region.
            let taken = unsafe { self.completion.consume(&mut self.batch) };
            for i in 0..taken {
                match self.unpark(self.batch[i].addr()) {
                    Some(frame) => {
                        self.sending = self.sending.saturating_sub(1);
                        side.recycle(frame);
                    }
                    None => stats.tx_errors += 1,
                }
            }
            if taken < BATCH {
                break;
            }
        }
    }

    /// Finishes a frame, or cuts it from `piece` on, and puts what comes of it into the batch.
    fn prepare(&mut self, mut tx: TxFrame, piece: usize, side: &mut Side, stats: &mut PortStats) {
        if !side.owns(&tx.frame) {
            // Another port's memory, which this socket cannot send from.
            stats.tx_errors += 1;
            return;
        }
        if tx.meta.gso.is_some() {
            return self.cut(tx, piece, side, stats);
        }
        if let TxChecksum::Partial { start, offset } = tx.meta.checksum
            && !edge::finish(tx.frame.bytes_mut(), start, offset)
        {
            stats.tx_errors += 1;
            return side.recycle(tx.frame);
        }
        if tx.frame.start() != 0 {
            tx.frame.compact();
        }
        self.park_to_send(tx.frame, stats);
    }

    /// Cuts a frame into buffers of their own, as many as the batch has room for.
    fn cut(&mut self, tx: TxFrame, piece: usize, side: &mut Side, stats: &mut PortStats) {
        let pieces = tx.meta.gso.map_or(1, |gso| edge::pieces(tx.frame.len(), &gso));
        for number in piece..pieces {
            let room = self.batch.len() < BATCH
                && self.tx.nb_free(BATCH as u32) as usize > self.batch.len();
            let Some(mut frame) = room.then(|| side.tx_pool.pop()).flatten() else {
                self.stuck = Some((tx, number));
                return;
            };
            let (medium, out) = (Medium::Ethernet, frame.buffer_mut());
            let Some(len) = edge::piece(tx.frame.bytes(), &tx.meta, medium, number, out) else {
                stats.tx_errors += 1;
                side.recycle(frame);
                break;
            };
            frame.set_len(len);
            self.park_to_send(frame, stats);
        }
        side.recycle(tx.frame);
    }

    /// Puts a finished frame into the batch.
    #[inline]
    fn park_to_send(&mut self, frame: Frame, stats: &mut PortStats) {
        let index = frame.index() as usize;
        let mut descriptor = self.descriptors[index];
        // SAFETY: the descriptor is of this region, and we hold the frame's handle; only the length is set.
        unsafe { self.umem.data_mut(&mut descriptor) }.cursor().set_pos(frame.len());
        stats.tx_packets += 1;
        stats.tx_bytes += frame.len() as u64;
        self.batch.push(descriptor);
        self.parked[index] = Some(frame);
    }

    /// Asks the kernel to send, if it wants to be asked.
    fn kick(&mut self, stats: &mut PortStats) {
        if !self.tx.needs_wakeup() {
            self.unfinished = false;
            return;
        }
        stats.syscalls += 1;
        self.unfinished = match send(self.as_fd(), &[], SendFlags::DONTWAIT) {
            // Not all of it, this time.
            Err(Errno::AGAIN | Errno::BUSY | Errno::NOBUFS | Errno::INTR) => true,
            // All of it; or the interface is down, and the frames wait in the ring for the next turn that
            // has something to send.
            Ok(_) | Err(_) => false,
        };
    }
}
