//! Opening a TAP or TUN device: attaching queues, agreeing on the virtio header.
//!
//! A device that was made with `multi_queue` takes in any process that may use it, and spreads its
//! flows over the queues of all. Two users on one device would each miss part of every exchange, so
//! after attaching its own queues a user counts those that there are: if somebody else has one, it
//! lets go and gives up.
//!
//! `unsafe` here is the device's ioctls.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{Mode, OFlags};
use wire::offload::{DeviceCaps, Medium};

use super::TapDevice;
use crate::config::{Backend, PortConfig, PortInfo};
use crate::error::PortError;
use crate::frame::heap_frames;
use crate::interface::{self, OsDevice};
use crate::link::PortLink;
use crate::side::PortSide;
use crate::{queues, vnet};

/// Frames in each direction unless configured.
const FRAMES: u32 = 64;
/// Most frames in each direction that may be configured: a quarter of a gigabyte.
const FRAMES_MAX: u32 = 4096;
/// The largest IP packet, and the longest Ethernet header (two tags).
const FRAME_BYTES: u32 = MTU_MAX + 14 + 8;
/// The largest IP packet.
const MTU_MAX: u32 = 65_535;
/// How long to wait for a queue whose last holder is still closing.
const BUSY_PATIENCE: Duration = Duration::from_secs(2);

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
    let fds = attach_alone(config, backend, queues, existed)?;
    if let Some(mtu) = config.mtu {
        interface::set_mtu(name, mtu)?;
    }
    if !existed {
        interface::set_up(name)?;
    }
    let facts = interface::existing(name)?;
    let medium = if backend == Backend::Tun { Medium::Ip } else { Medium::Ethernet };
    let fds: Vec<_> = fds.into_iter().map(|(fd, header)| (Arc::new(fd), header)).collect();
    let os = OsDevice::of(name, &facts)?.with_queue(&fds[0].0);
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
            // Every buffer has room for the largest IP packet.
            mtu_max: MTU_MAX,
            created: !existed,
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

/// Opens queues of a device that nobody else has a queue of. Returns each, and whether its frames
/// bear the virtio header.
fn attach_alone(
    config: &PortConfig,
    backend: Backend,
    queues: u32,
    existed: bool,
) -> Result<Vec<(OwnedFd, bool)>, PortError> {
    let deadline = Instant::now() + BUSY_PATIENCE;
    loop {
        let mut fds = Vec::new();
        for _ in 0..queues {
            fds.push(attach(config, backend, queues, existed)?);
        }
        let present = queues::attached_queues(&config.name)?;
        if present.is_none_or(|present| present <= queues) {
            return Ok(fds);
        }
        drop(fds);
        if Instant::now() >= deadline {
            break;
        }
        // The other may be on its way out, or be at this very point: then one is to come first.
        let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let jitter = clock.map_or(0, |clock| clock.subsec_nanos() / 64 % 50);
        thread::sleep(Duration::from_millis(10 + u64::from(jitter)));
    }
    Err(PortError::Busy {
        interface: config.name.clone(),
        what: "attaching to the device",
        holder: "another user has queues of it, and would get part of the flows",
    })
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
