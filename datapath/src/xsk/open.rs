//! Opening AF_XDP ports: memory, sockets, frames.
//!
//! The program is attached first and passes everything, then each queue gets a region of memory and
//! a socket, and only a socket whose fill ring is full is put into the program's map. So there is
//! no moment at which a frame is taken and nobody is there.
//!
//! `unsafe` here is the library's constructor, one handle for each frame, and socket options.

use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use wire::offload::{DeviceCaps, Medium, RxChecksum, RxMeta};
use xsk_rs::config::{
    BindFlags, FrameSize, Interface, LibxdpFlags, QueueSize, SocketConfig, UmemConfig,
};
use xsk_rs::{CompQueue, FillQueue, FrameDesc, RxQueue, Socket, TxQueue, Umem};

use super::device::XskDevice;
use super::gather::{self, FRAME_SIZE, Gather};
use super::tx_state::TxState;
use crate::config::{Backend, PortConfig, PortInfo, Sharing, ZeroCopy};
use crate::error::PortError;
use crate::frame::{Frame, Memory};
use crate::interface::{self, Facts, OsDevice};
use crate::link::PortLink;
use crate::packet_ring::PacketRing;
use crate::queues;
use crate::shard_rings::BATCH;
use crate::side::PortSide;
use crate::steering::Steering;
use crate::xdp::{self, Attachment};

/// Frames in each direction unless configured: of a queue, and about so many of all together.
const FRAMES: u32 = 2048;
const FRAMES_OF_ALL: u32 = 16_384;
/// Most frames in each direction that may be configured: a quarter of a gigabyte.
const FRAMES_MAX: u32 = 65_536;
/// What fits, with two tags, into the one buffer that drivers receive into: a page without the
/// program's headroom and the kernel's own trailer. Some drivers take a little more, none with one
/// buffer much.
const MTU_MAX: u32 = 3498;
/// How many frames the kernel may send in one call, and the option to say so.
const TX_BUDGET: u32 = 256;
const XDP_MAX_TX_SKB_BUDGET: libc::c_int = 9;
/// Bytes on their way through the kernel: all frames to send, with its own overhead.
const SEND_BUFFER: libc::c_int = 16 << 20;

/// Frames that copies of group frames go into.
const HEARD_FRAMES: u32 = 32;

/// Frames to receive into, to send from, and for copies of group frames.
type FrameCounts = (u32, u32, u32);

/// A queue before it becomes a port.
type Opened = (XskDevice, PortSide, Vec<PortLink>, PortInfo);

/// Opens sockets on queues of the interface, each for so many shards.
pub(crate) fn open(
    config: &PortConfig,
    queues: u32,
    shards: usize,
) -> Result<Vec<Opened>, PortError> {
    let name = &config.name;
    let bad = |what| PortError::BadConfig { interface: name.clone(), what };
    let default = FRAMES.min((FRAMES_OF_ALL / queues).next_power_of_two());
    let frames = |count: u32| if count == 0 { default } else { count };
    let (rx_frames, tx_frames) = (frames(config.rx_frames), frames(config.tx_frames));
    if rx_frames.max(tx_frames) > FRAMES_MAX {
        return Err(bad("more than 65536 frames in one direction"));
    }
    if (rx_frames.min(tx_frames) as usize) < shards {
        return Err(bad("fewer frames in one direction than shards"));
    }
    if config.queue.saturating_add(queues) > bpf::QUEUES_MAX {
        return Err(bad("queues above 63 cannot be steered to"));
    }
    let facts = interface::existing(name)?;
    let Some(mac) = facts.mac else {
        let found = match facts.driver.as_str() {
            "" => "an interface without Ethernet".to_owned(),
            driver => format!("an interface of driver {driver} without Ethernet"),
        };
        let wanted = "one that XDP serves";
        return Err(PortError::WrongKind { interface: name.clone(), found, wanted });
    };
    let asked = config.queue + queues;
    let has = queues::rx_queues(name, &facts)?.unwrap_or(asked);
    if asked > has {
        return Err(PortError::FewQueues { interface: name.clone(), has, asked });
    }
    let mtu = mtu(config, &facts)?;
    interface::set_up(name)?;
    let (attachment, steering, mut heard) = xdp::attach(config, &facts, mac)?;
    let attachment = Arc::new(attachment);
    let os = OsDevice::of(name, &facts)?;
    let checksum = checksum(&attachment, &facts, name)?;
    let unserved_queues = has.saturating_sub(queues);
    let mut ports = Vec::new();
    for queue in config.queue..config.queue + queues {
        let heard = heard.take();
        // The kernel never has those that copies of group frames go into.
        let kept = if heard.is_some() { HEARD_FRAMES } else { 0 };
        let frames = (rx_frames, tx_frames, kept);
        let rings = Rings::open(config, queue, &attachment, &steering, frames)?;
        let info = PortInfo {
            name: name.clone(),
            os: Some(os.clone()),
            medium: Medium::Ethernet,
            mac: Some(mac),
            mtu,
            caps: DeviceCaps::default(),
            backend: Backend::Xdp,
            mode: mode(&attachment, &steering, &rings, config.queue, queues),
            queue,
            unserved_queues,
            mtu_max: MTU_MAX,
            created: false,
        };
        let attached = (attachment.clone(), steering.clone(), heard);
        let (device, side, links) = rings.into_device(attached, checksum, frames, shards);
        steering.set_socket(queue, device.as_fd().as_raw_fd())?;
        ports.push((device, side, links, info));
    }
    Ok(ports)
}

/// The largest packet that is sent: what fits one buffer. Larger ones are received.
fn mtu(config: &PortConfig, facts: &Facts) -> Result<u32, PortError> {
    let (name, max) = (&config.name, MTU_MAX);
    if let Some(mtu) = config.mtu.filter(|&mtu| mtu > max) {
        return Err(PortError::MtuTooLarge { interface: name.clone(), mtu, max });
    }
    if facts.mtu > max && config.mtu.is_none() {
        tracing::warn!("{name}: the device's mtu is {}, of which its ports send {max}", facts.mtu);
    }
    Ok(facts.mtu.min(max))
}

/// How far checksums of what arrives are finished.
///
/// A sender on this machine leaves that to the device, and a device made of software (veth,
/// macvlan, bridge and whatever sits on them) delivers what it was given. So does the generic hook,
/// where the kernel had the frame before. Neither says which frame is one of those.
fn checksum(attachment: &Attachment, facts: &Facts, name: &str) -> Result<RxChecksum, PortError> {
    let local = !attachment.driver || queues::is_made_of_software(name, facts)?;
    Ok(if local { RxChecksum::MaybePartial } else { RxChecksum::Unverified })
}

/// How the device is driven, for people; `queues` queues are open, from `first` on.
fn mode(
    attachment: &Attachment,
    steering: &Steering,
    rings: &Rings,
    first: u32,
    queues: u32,
) -> String {
    let hook = if attachment.driver { "driver" } else { "generic" };
    let copy = if rings.zero_copy { "zero_copy" } else { "copy" };
    let sharing = if steering.sharing() == Sharing::Exclusive { "exclusive" } else { "shared" };
    let served = match queues {
        1 => format!("queue {first}"),
        _ => format!("queues {first}-{}", first + queues - 1),
    };
    format!("xdp {hook} {copy} need_wakeup {sharing} {served}")
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
        frames: FrameCounts,
    ) -> Result<Self, PortError> {
        let exclusive = steering.sharing() == Sharing::Exclusive;
        let zero_copies: &[bool] = match config.zero_copy {
            ZeroCopy::Always => &[true],
            ZeroCopy::Auto if exclusive && attachment.driver => &[true, false],
            ZeroCopy::Auto | ZeroCopy::Never => &[false],
        };
        // Packets in several buffers: since Linux 6.6, with zero copy where the driver can.
        let ways = zero_copies.iter().flat_map(|&copy| [(copy, true), (copy, false)]);
        let mut refusal = None;
        for (zero_copy, multi) in ways {
            let flags = BindFlags::XDP_USE_NEED_WAKEUP
                | if zero_copy { BindFlags::XDP_ZEROCOPY } else { BindFlags::XDP_COPY }
                | if multi { BindFlags::XDP_USE_SG } else { BindFlags::empty() };
            match Self::bind_patiently(config, queue, flags, frames) {
                Ok(rings) => {
                    if !multi && !zero_copy {
                        tracing::warn!(
                            "{}: the kernel has no AF_XDP with several buffers (Linux 6.6): \
                             packets of more than {FRAME_SIZE} bytes are lost",
                            config.name
                        );
                    }
                    return Ok(rings);
                }
                Err(error) => {
                    tracing::debug!(interface = %config.name, ?flags, %error, "bind refused");
                    let busy = error.raw_os_error() == Some(libc::EBUSY);
                    refusal = Some(error);
                    if busy {
                        break;
                    }
                }
            }
        }
        let error = refusal.unwrap_or_else(|| io::Error::from_raw_os_error(libc::EINVAL));
        let (interface, what) = (config.name.clone(), "binding an AF_XDP socket");
        Err(match error.raw_os_error() {
            Some(libc::EBUSY) => {
                PortError::Busy { interface, what, holder: "another socket has the queue" }
            }
            Some(libc::EPERM | libc::EACCES) => {
                PortError::NotPermitted { interface, what, needs: "root or CAP_NET_RAW" }
            }
            _ => PortError::from_os(&interface, what, error),
        })
    }

    /// The kernel frees a queue some time after its last socket was closed.
    fn bind_patiently(
        config: &PortConfig,
        queue: u32,
        flags: BindFlags,
        frames: FrameCounts,
    ) -> io::Result<Self> {
        let deadline = Instant::now() + xdp::BUSY_PATIENCE;
        loop {
            match Self::bind(&config.name, queue, flags, frames) {
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
        flags: BindFlags,
        (rx_frames, tx_frames, kept): FrameCounts,
    ) -> io::Result<Self> {
        let ring = |frames: u32| QueueSize::new(frames.next_power_of_two()).map_err(invalid);
        let small = rx_frames + kept + tx_frames;
        let total = small + gather::BUFFERS;
        let umem = UmemConfig::builder()
            .frame_size(FrameSize::new(FRAME_SIZE).map_err(invalid)?)
            .fill_queue_size(ring(rx_frames)?)
            .comp_queue_size(ring(small)?)
            .build()
            .map_err(invalid)?;
        let count = NonZeroU32::new(total).ok_or(io::ErrorKind::InvalidInput)?;
        let (umem, descriptors) = Umem::new(umem, count, false).map_err(|e| os(&e))?;
        let socket = SocketConfig::builder()
            .rx_queue_size(ring(rx_frames)?)
            .tx_queue_size(ring(tx_frames)?)
            .libxdp_flags(LibxdpFlags::XSK_LIBXDP_FLAGS_INHIBIT_PROG_LOAD)
            .bind_flags(flags)
            .build();
        let interface: Interface = name.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: the region is not shared between sockets, and no program is loaded by the
        // library.
        let opened = unsafe { Socket::new(socket, &umem, &interface, queue) };
        let (tx, rx, rings) = opened.map_err(|e| os(&e))?;
        // The first socket on a region always gets them.
        let (fill, completion) = rings.ok_or(io::ErrorKind::Other)?;
        set_option(&tx, libc::SOL_XDP, XDP_MAX_TX_SKB_BUDGET, TX_BUDGET as libc::c_int);
        set_option(&tx, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, SEND_BUFFER);
        let zero_copy = flags.contains(BindFlags::XDP_ZEROCOPY);
        Ok(Self { umem, descriptors, rx, tx, fill, completion, zero_copy })
    }

    /// Makes the frames, gives those to receive into to the kernel, and joins them to a shard.
    fn into_device(
        self,
        (attachment, steering, heard): (Arc<Attachment>, Steering, Option<PacketRing>),
        checksum: RxChecksum,
        (rx_frames, _, kept): FrameCounts,
        shards: usize,
    ) -> (XskDevice, PortSide, Vec<PortLink>) {
        let Self { umem, mut descriptors, rx, mut tx, fill, completion, zero_copy } = self;
        // Nothing was sent yet.
        let tx_size = tx.nb_free_exact();
        let memory = Arc::new(Memory::Umem(umem.clone()));
        let count = descriptors.len();
        let first_large = count - gather::BUFFERS as usize;
        let mut frames = Vec::with_capacity(first_large);
        let mut large = Vec::new();
        for (index, descriptor) in descriptors.iter_mut().enumerate() {
            // SAFETY: the descriptor is of this region, and nobody else has seen the frame yet.
            let mut data = unsafe { umem.data_mut(descriptor) };
            data.cursor().set_pos(usize::MAX);
            let bytes = data.contents_mut();
            let size = bytes.len() as u32;
            let base = NonNull::from(bytes).cast::<u8>();
            data.cursor().set_pos(0);
            if index == first_large {
                // SAFETY: the region is one mapping, zeroed by the kernel, and buffers lie in it in
                // the order of their numbers; nobody else has those from here on.
                large = unsafe { gather::large_frames(base, index as u32, &memory) };
            }
            if index >= first_large {
                continue;
            }
            // SAFETY: the bytes are those of this frame alone, mapped and zeroed by the kernel,
            // kept alive by `memory`, and this is the frame's one handle.
            frames.push(unsafe { Frame::new(base, size, 0, index as u32, memory.clone()) });
        }
        let received = rx_frames + kept;
        let (mut side, links) = PortSide::with_large(frames, received, large, shards);
        let mut device = XskDevice {
            _attachment: attachment,
            steering,
            umem,
            rx,
            tx,
            fill,
            completion,
            with_kernel: (0..count).map(|_| None).collect(),
            taken: vec![descriptors[0]; BATCH],
            descriptors: descriptors.into_boxed_slice(),
            batch: Vec::with_capacity(BATCH),
            arrived: Vec::with_capacity(BATCH),
            filling: 0,
            sending: 0,
            tx_state: TxState::Done,
            tx_size,
            stuck: None,
            rx_meta: RxMeta { checksum, gso_size: 0 },
            zero_copy,
            gather: Gather::Idle,
            heard,
            kept: kept as usize,
        };
        device.refill(&mut side);
        (device, side, links)
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

/// Sets a socket option that is good to have: where the kernel does not know it, or refuses, the
/// port works with the kernel's own value.
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
