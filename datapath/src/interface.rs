//! Facts about interfaces, asked of the kernel by ioctl.
//!
//! Not from `/sys`: that shows the network namespace it was mounted in, and a thread may be in
//! another.
//!
//! `unsafe` here is the ioctls: each passes one structure that outlives the call and that the
//! kernel fills within its size.

mod monitor;

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use addr::Mac;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::error::PortError;
use crate::rtnetlink::{LinkAsker, tx_dropped};
use monitor::LinkMonitor;

pub(crate) const SIOCETHTOOL: libc::c_ulong = 0x8946;
const ETHTOOL_GDRVINFO: u32 = 3;
/// Ethernet, as `sa_family` of a hardware address.
const ARPHRD_ETHER: u16 = 1;

/// What the kernel says about an interface.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) ifindex: u32,
    pub(crate) mtu: u32,
    /// `None` unless it is an Ethernet device.
    pub(crate) mac: Option<Mac>,
    /// The driver's name, empty if it has none (loopback).
    pub(crate) driver: String,
    /// What the driver says it sits on; for the `tun` driver `tap` or `tun`.
    pub(crate) bus: String,
}

/// Refuses what the kernel would refuse, before it is passed on.
pub(crate) fn check_name(name: &str) -> Result<(), PortError> {
    let bad = |b: u8| b == b'/' || b == b':' || b == 0 || b.is_ascii_whitespace();
    let dots = name == "." || name == "..";
    // A percent sign would make the kernel choose a number.
    if name.is_empty()
        || name.len() >= libc::IFNAMSIZ
        || dots
        || name.bytes().any(bad)
        || name.contains('%')
    {
        return Err(PortError::BadName { name: name.to_owned() });
    }
    Ok(())
}

/// A request about the interface called `name`, which [`check_name`] has passed.
pub(crate) fn request(name: &str) -> libc::ifreq {
    // SAFETY: `ifreq` is plain data, for which all zero bits are a value.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, from) in request.ifr_name[..libc::IFNAMSIZ - 1].iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request
}

/// How the kernel sees a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// Frames pass.
    Up,
    /// Set up, but nobody is at the other end.
    NoCarrier,
    /// Set down.
    Down,
    /// In another network namespace, with frames passing as before: a TAP or TUN device that was
    /// moved. What becomes of it there is not seen from here.
    Moved,
    /// Deleted, or moved to another network namespace without its port.
    Gone,
}

/// The kernel's device behind a port.
#[derive(Clone, Debug)]
pub struct OsDevice {
    ifindex: u32,
    /// Of the network namespace where the port was opened, wherever its user runs.
    asker: Arc<Asker>,
    monitor: Arc<LinkMonitor>,
    /// A queue of a TAP or TUN device, as long as its port is open.
    queue: Weak<OwnedFd>,
    /// To ask for counters of the device, and what was counted when the port was opened.
    counters: Arc<Mutex<LinkAsker>>,
    tx_dropped_before: u64,
}

/// What the kernel says of a device at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceFacts {
    /// Whether frames pass.
    pub state: DeviceState,
    /// Largest packet, without the Ethernet header, bytes.
    pub mtu: u32,
    /// The device's own link address, if it is an Ethernet device.
    pub mac: Option<Mac>,
}

impl OsDevice {
    pub(crate) fn of(name: &str, facts: &Facts) -> Result<Self, PortError> {
        let asker = Asker::new().map_err(|e| PortError::from_os(name, "opening a socket", e))?;
        let monitor = LinkMonitor::new();
        let monitor = monitor.map_err(|e| PortError::from_os(name, "watching links", e))?;
        let counters = LinkAsker::new();
        let counters = counters.map_err(|e| PortError::from_os(name, "opening a socket", e))?;
        let before = counters.ask(facts.ifindex).ok().and_then(|said| tx_dropped(&said));
        Ok(Self {
            ifindex: facts.ifindex,
            counters: Arc::new(Mutex::new(counters)),
            tx_dropped_before: before.unwrap_or(0),
            asker: Arc::new(asker),
            monitor: Arc::new(monitor),
            queue: Weak::new(),
        })
    }

    /// The same, of a TAP or TUN device with this queue.
    pub(crate) fn with_queue(self, queue: &Arc<OwnedFd>) -> Self {
        Self { queue: Arc::downgrade(queue), ..self }
    }

    /// The kernel's index of it, in the network namespace where the port was opened.
    #[must_use]
    pub fn ifindex(&self) -> u32 {
        self.ifindex
    }

    /// Becomes readable when something about a link of its network namespace changed.
    #[must_use]
    pub fn monitor(&self) -> BorrowedFd<'_> {
        self.monitor.as_fd()
    }

    /// Whether anything about any link changed since the last call.
    #[must_use]
    pub fn take_changed(&self) -> bool {
        self.monitor.take_changed()
    }

    /// Frames that the kernel gave to the device and that it dropped, since the port was opened:
    /// for a TAP or TUN device those that found its queue full. None if it is gone. Costs two
    /// system calls.
    #[must_use]
    pub fn queue_drops(&self) -> Option<u64> {
        let asker = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let now = asker.ask(self.ifindex).ok().and_then(|said| tx_dropped(&said))?;
        Some(now.saturating_sub(self.tx_dropped_before))
    }

    /// What it is called now; none if it is not in its network namespace any more.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let question = self.named().ok()?;
        let name = question.ifr_name.iter().take_while(|&&c| c != 0).map(|&c| c as u8).collect();
        String::from_utf8(name).ok()
    }

    /// Whether its network namespace has a device called `name`.
    #[must_use]
    pub fn has_sibling(&self, name: &str) -> bool {
        check_name(name).is_ok()
            && self.asker.ask(libc::SIOCGIFINDEX as _, &mut request(name)).is_ok()
    }

    /// A question about it, whatever it is called by now.
    fn named(&self) -> io::Result<libc::ifreq> {
        let mut question = request("");
        question.ifr_ifru.ifru_ifindex = self.ifindex as libc::c_int;
        self.asker.ask(libc::SIOCGIFNAME as _, &mut question)?;
        Ok(question)
    }

    /// How it stands now, with MTU and address: four system calls. None if it is not in its network
    /// namespace any more.
    #[must_use]
    pub fn facts(&self) -> Option<DeviceFacts> {
        let mut question = self.named().ok()?;
        self.asker.ask(libc::SIOCGIFMTU as _, &mut question).ok()?;
        // SAFETY: SIOCGIFMTU filled in this member.
        let mtu = unsafe { question.ifr_ifru.ifru_mtu } as u32;
        self.asker.ask(libc::SIOCGIFHWADDR as _, &mut question).ok()?;
        // SAFETY: SIOCGIFHWADDR filled in this member.
        let mac = ethernet_address(unsafe { &question.ifr_ifru.ifru_hwaddr });
        Some(DeviceFacts { state: self.state(), mtu, mac })
    }

    /// How it stands now: two system calls.
    #[must_use]
    pub fn state(&self) -> DeviceState {
        let answer = self.named().and_then(|mut question| {
            self.asker.ask(libc::SIOCGIFFLAGS as _, &mut question)?;
            Ok(question)
        });
        let Ok(question) = answer else {
            let attached = self.queue.upgrade().is_some_and(|queue| is_attached(&queue));
            return if attached { DeviceState::Moved } else { DeviceState::Gone };
        };
        // SAFETY: SIOCGIFFLAGS filled in this member.
        let flags = libc::c_int::from(unsafe { question.ifr_ifru.ifru_flags });
        match (flags & libc::IFF_UP != 0, flags & libc::IFF_RUNNING != 0) {
            (false, _) => DeviceState::Down,
            (true, false) => DeviceState::NoCarrier,
            (true, true) => DeviceState::Up,
        }
    }
}

/// Whether a TAP or TUN device is behind a queue's descriptor, in whatever network namespace.
fn is_attached(queue: &OwnedFd) -> bool {
    let mut question = request("");
    // SAFETY: the request fills in one `ifreq`.
    unsafe { libc::ioctl(queue.as_raw_fd(), libc::TUNGETIFF as _, &mut question) == 0 }
}

/// A socket to ask with.
#[derive(Debug)]
pub(crate) struct Asker(OwnedFd);

impl Asker {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        Ok(Self(socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None)?))
    }

    pub(crate) fn ask(&self, what: libc::c_ulong, request: &mut libc::ifreq) -> io::Result<()> {
        // SAFETY: these requests read and write one `ifreq`, and the one that points elsewhere
        // (SIOCETHTOOL) points to a live structure of the size its command implies.
        let answer = unsafe { libc::ioctl(self.0.as_raw_fd(), what as _, request) };
        if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// Everything about the interface, or `None` if there is no such.
pub(crate) fn facts(name: &str) -> Result<Option<Facts>, PortError> {
    let os = |what| move |e| PortError::from_os(name, what, e);
    let asker = Asker::new().map_err(os("opening a socket"))?;
    let mut question = request(name);
    match asker.ask(libc::SIOCGIFINDEX as _, &mut question) {
        Ok(()) => {}
        Err(e) if e.raw_os_error() == Some(libc::ENODEV) => return Ok(None),
        Err(e) => return Err(os("looking it up")(e)),
    }
    // SAFETY: SIOCGIFINDEX filled in this member.
    let ifindex = unsafe { question.ifr_ifru.ifru_ifindex } as u32;

    let mut question = request(name);
    asker.ask(libc::SIOCGIFMTU as _, &mut question).map_err(os("reading its MTU"))?;
    // SAFETY: SIOCGIFMTU filled in this member.
    let mtu = unsafe { question.ifr_ifru.ifru_mtu } as u32;

    let mut question = request(name);
    asker.ask(libc::SIOCGIFHWADDR as _, &mut question).map_err(os("reading its address"))?;
    // SAFETY: SIOCGIFHWADDR filled in this member.
    let mac = ethernet_address(unsafe { &question.ifr_ifru.ifru_hwaddr });

    let (driver, bus) = driver(&asker, name);
    Ok(Some(Facts { ifindex, mtu, mac, driver, bus }))
}

/// A hardware address, if it is one of Ethernet.
fn ethernet_address(hardware: &libc::sockaddr) -> Option<Mac> {
    let octets: [u8; 6] = std::array::from_fn(|i| hardware.sa_data[i] as u8);
    (hardware.sa_family == ARPHRD_ETHER).then_some(Mac(octets))
}

/// As [`facts`], for an interface that must be there.
pub(crate) fn existing(name: &str) -> Result<Facts, PortError> {
    facts(name)?.ok_or_else(|| PortError::NotFound { interface: name.to_owned() })
}

/// The kernel's `struct ethtool_drvinfo`.
#[repr(C)]
struct DriverInfo {
    cmd: u32,
    driver: [u8; 32],
    version: [u8; 32],
    firmware: [u8; 32],
    bus: [u8; 32],
    rom: [u8; 32],
    reserved: [u8; 12],
    counts: [u32; 5],
}

/// Driver and bus; both empty where the driver does not say.
fn driver(asker: &Asker, name: &str) -> (String, String) {
    let mut info = DriverInfo {
        cmd: ETHTOOL_GDRVINFO,
        driver: [0; 32],
        version: [0; 32],
        firmware: [0; 32],
        bus: [0; 32],
        rom: [0; 32],
        reserved: [0; 12],
        counts: [0; 5],
    };
    let mut question = request(name);
    question.ifr_ifru.ifru_data = (&raw mut info).cast();
    if asker.ask(SIOCETHTOOL, &mut question).is_err() {
        return (String::new(), String::new());
    }
    (text(&info.driver), text(&info.bus))
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Sets the MTU.
pub(crate) fn set_mtu(name: &str, mtu: u32) -> Result<(), PortError> {
    let os = |e| PortError::from_os(name, "setting its MTU", e);
    let mut order = request(name);
    order.ifr_ifru.ifru_mtu = i32::try_from(mtu).unwrap_or(i32::MAX);
    Asker::new().and_then(|asker| asker.ask(libc::SIOCSIFMTU as _, &mut order)).map_err(os)
}

/// Sets the interface up.
pub(crate) fn set_up(name: &str) -> Result<(), PortError> {
    let os = |e| PortError::from_os(name, "setting it up", e);
    let asker = Asker::new().map_err(os)?;
    let mut order = request(name);
    asker.ask(libc::SIOCGIFFLAGS as _, &mut order).map_err(os)?;
    // SAFETY: SIOCGIFFLAGS filled in this member.
    let flags = unsafe { order.ifr_ifru.ifru_flags };
    order.ifr_ifru.ifru_flags = flags | libc::IFF_UP as libc::c_short;
    asker.ask(libc::SIOCSIFFLAGS as _, &mut order).map_err(os)
}

/// Whether the kernel has an address on the interface that it did not make up itself (link-local).
pub(crate) fn kernel_has_address(name: &str) -> Result<bool, PortError> {
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: the call stores the head of a list, which is freed below.
    if unsafe { libc::getifaddrs(&mut list) } < 0 {
        return Err(PortError::from_os(name, "listing addresses", io::Error::last_os_error()));
    }
    let mut found = false;
    let mut next = list;
    while !next.is_null() {
        // SAFETY: a non-null element of the list, which lives until it is freed.
        let entry = unsafe { &*next };
        // SAFETY: the name of an element is a string of the list.
        let label = unsafe { std::ffi::CStr::from_ptr(entry.ifa_name) };
        if label.to_bytes() == name.as_bytes() && !entry.ifa_addr.is_null() {
            // SAFETY: the address of an element, when there is one, is as long as its family says.
            found |= unsafe { is_chosen(entry.ifa_addr) };
        }
        next = entry.ifa_next;
    }
    // SAFETY: the list came from `getifaddrs`, and nothing of it is used from here on.
    unsafe { libc::freeifaddrs(list) };
    Ok(found)
}

/// Whether somebody chose this address: any but link-local ones.
///
/// # Safety
/// `address` points to a socket address as long as its family says.
unsafe fn is_chosen(address: *const libc::sockaddr) -> bool {
    // SAFETY: every socket address starts with its family.
    match i32::from(unsafe { (*address).sa_family }) {
        libc::AF_INET => {
            // SAFETY: the family says what it is (and the caller how long).
            let v4 = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            v4.sin_addr.s_addr.to_ne_bytes()[..2] != [169, 254]
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
            let [a, b, ..] = v6.sin6_addr.s6_addr;
            !(a == 0xfe && b & 0xc0 == 0x80)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_kernel_would_refuse_are_refused() {
        for name in ["", ".", "..", "a/b", "a:1", "a b", "tap%d", "a\0b", "0123456789abcdef"] {
            let refused = check_name(name);
            assert!(matches!(refused, Err(PortError::BadName { .. })), "{name:?}: {refused:?}");
        }
        for name in ["tap0", "eth0.100", "0123456789abcde", "veth-a_b"] {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn loopback_is_there_and_is_not_ethernet() {
        let lo = existing("lo").expect("every namespace has a loopback");
        assert!(lo.ifindex >= 1);
        assert!(lo.mtu >= 1280);
        assert_eq!(lo.driver, "");
    }

    #[test]
    fn a_missing_interface_is_not_found() {
        assert!(facts("pyx-nosuch").expect("asking is allowed").is_none());
        let missing = existing("pyx-nosuch").expect_err("there is none");
        assert_eq!(missing.to_string(), "pyx-nosuch: no such interface");
    }
}
