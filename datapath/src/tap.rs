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
//! `unsafe` here is the device's ioctls.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use wire::offload::{DeviceCaps, Medium, RxMeta, TxChecksum};

use crate::config::{Backend, PortConfig, PortInfo};
use crate::error::PortError;
use crate::frame::{HEADROOM, RxFrame, TxFrame, heap_frames};
use crate::interface::OsDevice;
use crate::link::PortLink;
use crate::side::PortSide;
use crate::stats::PortStats;
use crate::{edge, interface, vnet};

/// Frames in each direction unless configured.
const FRAMES: u32 = 64;
/// Most frames in each direction that may be configured: a quarter of a gigabyte.
const FRAMES_MAX: u32 = 4096;
/// The largest IP packet, and the longest Ethernet header (two tags).
const FRAME_BYTES: u32 = 65_535 + 14 + 8;
/// How long to wait for a queue whose last holder is still closing.
const BUSY_PATIENCE: Duration = Duration::from_secs(2);

/// One queue of a TAP or TUN device.
pub(crate) struct TapDevice {
    fd: OwnedFd,
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

/// A queue before it becomes a port.
type Opened = (TapDevice, PortSide, Vec<PortLink>, PortInfo);

/// Opens queues of the device, each for so many shards.
pub(crate) fn open(
    config: &PortConfig,
    backend: Backend,
    queues: u32,
    shards: usize,
) -> Result<Vec<Opened>, PortError> {
    let bad = |what| PortError::BadConfig { interface: config.name.clone(), what };
    let frames = |count: u32| if count == 0 { FRAMES * shards as u32 } else { count };
    let (rx_frames, tx_frames) = (frames(config.rx_frames), frames(config.tx_frames));
    if rx_frames.max(tx_frames) > FRAMES_MAX {
        return Err(bad("more than 4096 frames in one direction"));
    }
    if (rx_frames.min(tx_frames) as usize) < shards {
        return Err(bad("fewer frames in one direction than shards"));
    }
    let name = &config.name;
    let existed = check_existing(config, backend)?;
    let mut fds = Vec::new();
    for _ in 0..queues {
        fds.push(attach(config, backend, queues, existed)?);
    }
    if let Some(mtu) = config.mtu {
        interface::set_mtu(name, mtu)?;
    }
    if !existed {
        interface::set_up(name)?;
    }
    let facts = interface::existing(name)?;
    let medium = if backend == Backend::Tun { Medium::Ip } else { Medium::Ethernet };
    let os = OsDevice::of(name, &facts)?;
    let served = if queues > 1 { format!(" queues 0-{}", queues - 1) } else { String::new() };
    let mut ports = Vec::new();
    for (queue, (fd, vnet_wanted)) in (0..).zip(fds) {
        let (header, offloads) = if vnet_wanted { setup_header(&fd) } else { (0, 0) };
        set_offload(&fd, offloads);
        let frames = heap_frames(rx_frames + tx_frames, FRAME_BYTES);
        let (side, links) = PortSide::new(frames, rx_frames, shards);
        let info = PortInfo {
            name: name.clone(),
            os: Some(os.clone()),
            medium,
            mac: facts.mac,
            mtu: facts.mtu,
            caps: caps(header, medium),
            backend,
            mode: mode(backend, header, offloads) + &served,
            queue,
            unserved_queues: 0,
        };
        let scratch = if header == 0 { FRAME_BYTES as usize } else { 0 };
        let scratch = vec![0; scratch].into_boxed_slice();
        let device = TapDevice { fd, medium, header, stuck: None, scratch, lost: false };
        ports.push((device, side, links, info));
    }
    Ok(ports)
}

/// Whether the device exists; an error if it is of another kind, or is not there and may not be
/// created.
fn check_existing(config: &PortConfig, backend: Backend) -> Result<bool, PortError> {
    let interface = config.name.clone();
    let Some(facts) = interface::facts(&config.name)? else {
        return if config.create { Ok(false) } else { Err(PortError::NotFound { interface }) };
    };
    let (wanted, bus) =
        if backend == Backend::Tun { ("a TUN device", "tun") } else { ("a TAP device", "tap") };
    if facts.driver == "tun" && facts.bus == bus {
        return Ok(true);
    }
    let found = match (facts.driver.as_str(), facts.bus.as_str()) {
        ("tun", bus) => format!("a {} device", bus.to_uppercase()),
        ("", _) => "an interface without a driver".to_owned(),
        (driver, _) => format!("an interface of driver {driver}"),
    };
    Err(PortError::WrongKind { interface, found, wanted })
}

/// Opens one queue. Returns it, and whether frames bear the virtio header.
fn attach(
    config: &PortConfig,
    backend: Backend,
    queues: u32,
    existed: bool,
) -> Result<(OwnedFd, bool), PortError> {
    let multi_queue = queues > 1;
    let name = &config.name;
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let fd = rustix::fs::open("/dev/net/tun", flags, Mode::empty())
        .map_err(|e| PortError::from_os(name, "opening /dev/net/tun", e.into()))?;
    let kind = if backend == Backend::Tun { libc::IFF_TUN } else { libc::IFF_TAP };
    let plain = kind | libc::IFF_NO_PI;
    let many = if multi_queue { libc::IFF_MULTI_QUEUE } else { 0 };
    let mut tries = Vec::new();
    for header in [libc::IFF_VNET_HDR, 0] {
        if header == 0 || config.offload {
            tries.push(plain | header | many);
            if existed && !multi_queue {
                // Somebody may have made it for several queues; then it wants to hear that.
                tries.push(plain | header | libc::IFF_MULTI_QUEUE);
            }
        }
    }
    let mut refusal = io::Error::from_raw_os_error(libc::EINVAL);
    for flags in tries {
        match set_iff(&fd, name, flags) {
            Ok(()) => return Ok((fd, flags & libc::IFF_VNET_HDR != 0)),
            Err(e) if e.raw_os_error() == Some(libc::EINVAL) => refusal = e,
            Err(e) if e.raw_os_error() == Some(libc::EBUSY) => {
                let (interface, what) = (name.clone(), "attaching to the device");
                let holder = "another process holds it";
                return Err(PortError::Busy { interface, what, holder });
            }
            Err(e) => return Err(PortError::from_os(name, "attaching to the device", e)),
        }
    }
    if existed && multi_queue {
        let (interface, kind) = (name.clone(), if backend == Backend::Tun { "tun" } else { "tap" });
        return Err(PortError::SingleQueue { interface, queues, kind });
    }
    Err(PortError::from_os(name, "attaching to the device", refusal))
}

/// TUNSETIFF, with patience for a holder that is still closing.
fn set_iff(fd: &OwnedFd, name: &str, flags: libc::c_int) -> io::Result<()> {
    let deadline = Instant::now() + BUSY_PATIENCE;
    loop {
        let mut request = interface::request(name);
        request.ifr_ifru.ifru_flags = flags as libc::c_short;
        // SAFETY: the request reads and writes one `ifreq`.
        if unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETIFF as _, &mut request) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EBUSY) || Instant::now() >= deadline {
            return Err(error);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Agrees on the virtio header and on what the kernel may leave to us. Returns the header's length
/// and the offloads granted.
fn setup_header(fd: &OwnedFd) -> (u32, libc::c_uint) {
    let int = |request: u64, value: libc::c_int| {
        // SAFETY: these requests read one `int`.
        unsafe { libc::ioctl(fd.as_raw_fd(), request as _, &value) == 0 }
    };
    let header = if int(libc::TUNSETVNETHDRSZ, vnet::LONG as libc::c_int) {
        vnet::LONG
    } else {
        vnet::SHORT
    };
    // Refused only by kernels older than the request, where the header is in the machine's order.
    int(libc::TUNSETVNETLE, 1);
    let (csum, tso4, tso6) = (libc::TUN_F_CSUM, libc::TUN_F_TSO4, libc::TUN_F_TSO6);
    let offloads = [csum | tso4 | tso6, csum | tso4, csum]
        .into_iter()
        .find(|&offloads| set_offload(fd, offloads))
        .unwrap_or(0);
    (header as u32, offloads)
}

/// Tells the kernel what it may leave undone in frames for us. Without a header that must be
/// nothing, also where an earlier holder of the device said otherwise.
fn set_offload(fd: &OwnedFd, offloads: libc::c_uint) -> bool {
    let argument = libc::c_ulong::from(offloads);
    // SAFETY: the argument is a value, not a pointer.
    unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETOFFLOAD as _, argument) == 0 }
}

/// What may be left undone in frames for the kernel: with a header, everything, always.
fn caps(header: u32, medium: Medium) -> DeviceCaps {
    if header == 0 {
        return DeviceCaps::default();
    }
    let ethernet = if medium == Medium::Ethernet { 14 } else { 0 };
    DeviceCaps { tx_checksum: true, gso_max: 65_535 + ethernet, gso4: true, gso6: true }
}

fn mode(backend: Backend, header: u32, offloads: libc::c_uint) -> String {
    let mut mode = String::from(if backend == Backend::Tun { "tun" } else { "tap" });
    if header == 0 {
        return mode + " plain";
    }
    mode += " vnet_hdr";
    let names =
        [(libc::TUN_F_CSUM, " csum"), (libc::TUN_F_TSO4, " tso4"), (libc::TUN_F_TSO6, " tso6")];
    for (bit, name) in names {
        if offloads & bit != 0 {
            mode += name;
        }
    }
    mode
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
