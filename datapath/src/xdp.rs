//! Loading the steering program and attaching it to an interface.
//!
//! It is attached by a link that the process holds: when the process dies, however it dies, the
//! kernel detaches the program and the interface is its own again. The driver's hook is tried
//! first, then the generic one, which works on any interface and is slower.

mod bound;

use std::error::Error;
use std::io;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use addr::Mac;
use aya::programs::links::FdLink;
use aya::programs::{SocketFilter, Xdp, XdpMode};
use aya::{Ebpf, EbpfLoader};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::config::{PortConfig, Sharing};
use crate::error::PortError;
use crate::interface::{self, Facts};
use crate::packet_ring::PacketRing;
use crate::steering::{Steering, loader_error};

/// How long to wait for an earlier holder that is still going.
pub(crate) const BUSY_PATIENCE: Duration = Duration::from_secs(2);
/// Between tries.
pub(crate) const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// The program on an interface. Detached on drop.
pub(crate) struct Attachment {
    _link: ProgramLink,
    /// On the driver's hook, not the generic one.
    pub(crate) driver: bool,
}

/// What keeps the program attached, held and not looked at.
enum ProgramLink {
    Bound(#[expect(dead_code, reason = "it is attached until this is closed")] OwnedFd),
    Plain(#[expect(dead_code, reason = "it is attached until this is closed")] FdLink),
}

/// The program on an interface, what steers it, and where frames are heard that the kernel gets as
/// well.
pub(crate) type Attached = (Attachment, Steering, Option<PacketRing>);

/// Loads the program and attaches it. It passes everything until sockets and addresses are set.
pub(crate) fn attach(config: &PortConfig, facts: &Facts, mac: Mac) -> Result<Attached, PortError> {
    let name = &config.name;
    let sharing = match config.sharing {
        Sharing::Auto if interface::kernel_has_address(name)? => Sharing::Shared,
        Sharing::Auto => Sharing::Exclusive,
        chosen => chosen,
    };
    // Kernels before 5.11 count maps against this limit.
    let _ = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None });
    let mut ebpf = EbpfLoader::new()
        .btf(None)
        .load(bpf::PROGRAM)
        .map_err(|e| refused(name, "loading the XDP program", &e))?;
    let maps = bound::maps(&ebpf).map_err(|e| PortError::from_os(name, "sharing maps", e))?;
    let steering = Steering::new(name, facts.ifindex, sharing, mac, &mut ebpf)?;
    let heard = match sharing {
        Sharing::Shared => Some(hear(config, facts, &mut ebpf)?),
        Sharing::Auto | Sharing::Exclusive => None,
    };
    let bound = if config.generic { None } else { attach_bound(name, facts.ifindex, &maps)? };
    let attachment = match bound {
        Some(attachment) => attachment,
        None => attach_program(config, facts, &mut ebpf)?,
    };
    Ok((attachment, steering, heard))
}

/// Opens the packet socket of a port that shares its interface, with the program's filter on it.
fn hear(config: &PortConfig, facts: &Facts, ebpf: &mut Ebpf) -> Result<PacketRing, PortError> {
    let (name, what) = (&config.name, "loading the filter of the packet socket");
    let filter: &mut SocketFilter = ebpf
        .program_mut(bpf::FILTER_NAME)
        .ok_or_else(|| loader_error(name, what, &"it is not in the object"))?
        .try_into()
        .map_err(|e| loader_error(name, what, &e))?;
    filter.load().map_err(|e| refused(name, what, &e))?;
    PacketRing::open(facts.ifindex, |socket| {
        filter.attach(socket).map(drop).map_err(io::Error::other)
    })
    .map_err(|e| PortError::from_os(name, "opening a packet socket", e))
}

/// Attaches the program that asks the driver for tags; none where that cannot be.
fn attach_bound(
    name: &str,
    ifindex: u32,
    maps: &[(String, OwnedFd)],
) -> Result<Option<Attachment>, PortError> {
    let object = match bound::load(ifindex, maps) {
        Ok(object) => object,
        Err(error) => {
            tracing::debug!(interface = %name, "no tags beside frames are seen: {error:#}");
            return Ok(None);
        }
    };
    let deadline = Instant::now() + BUSY_PATIENCE;
    loop {
        match bound::attach(&object, ifindex) {
            Ok(link) => {
                return Ok(Some(Attachment { _link: ProgramLink::Bound(link), driver: true }));
            }
            Err(e) if is_busy(&e) && Instant::now() < deadline => thread::sleep(BUSY_PAUSE),
            Err(e) if is_busy(&e) => return Err(busy(name)),
            Err(error) => {
                tracing::debug!(interface = %name, "no tags beside frames are seen: {error}");
                return Ok(None);
            }
        }
    }
}

/// Another program is on the interface.
fn busy(name: &str) -> PortError {
    let (what, holder) = ("attaching the XDP program", "another XDP program is attached");
    PortError::Busy { interface: name.to_owned(), what, holder }
}

fn attach_program(
    config: &PortConfig,
    facts: &Facts,
    ebpf: &mut Ebpf,
) -> Result<Attachment, PortError> {
    let (name, what) = (&config.name, "attaching the XDP program");
    let program: &mut Xdp = ebpf
        .program_mut(bpf::PROGRAM_NAME)
        .ok_or_else(|| loader_error(name, what, &"it is not in the object"))?
        .try_into()
        .map_err(|e| loader_error(name, what, &e))?;
    program.load().map_err(|e| refused(name, "loading the XDP program", &e))?;
    let modes: &[XdpMode] =
        if config.generic { &[XdpMode::Skb] } else { &[XdpMode::Driver, XdpMode::Skb] };
    let mut last = None;
    for &mode in modes {
        let deadline = Instant::now() + BUSY_PATIENCE;
        let error = loop {
            match program.attach_to_if_index(facts.ifindex, mode) {
                Ok(id) => {
                    let link = program.take_link(id).map_err(|e| loader_error(name, what, &e))?;
                    let link = FdLink::try_from(link).map_err(|_| {
                        // A program attached otherwise would outlive us.
                        loader_error(name, what, &"the kernel has no links for XDP (Linux 5.9)")
                    })?;
                    let driver = mode == XdpMode::Driver;
                    return Ok(Attachment { _link: ProgramLink::Plain(link), driver });
                }
                Err(e) if is_busy(&e) && Instant::now() < deadline => thread::sleep(BUSY_PAUSE),
                Err(e) => break e,
            }
        };
        if is_busy(&error) {
            return Err(busy(name));
        }
        if mode == XdpMode::Driver {
            tracing::warn!(
                "{name}: the driver has no hook for XDP ({}): the generic one is slower, and does \
                 not see VLAN tags that lie beside frames",
                reason(&error)
            );
        }
        last = Some(error);
    }
    Err(match last {
        Some(error) => refused(name, what, &error),
        None => loader_error(name, what, &"no hook to try"),
    })
}

/// What the kernel said, or else the loader.
fn reason(error: &(dyn Error + 'static)) -> String {
    os_error(error).map_or_else(|| error.to_string(), |answer| answer.to_string())
}

/// The kernel's answer somewhere below an error of the loader.
pub(crate) fn os_error(error: &(dyn Error + 'static)) -> Option<io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(code) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return Some(io::Error::from_raw_os_error(code));
        }
        next = error.source();
    }
    None
}

fn is_busy(error: &(dyn Error + 'static)) -> bool {
    let code = os_error(error).and_then(|e| e.raw_os_error());
    // The second says that a program is attached by the other hook.
    matches!(code, Some(libc::EBUSY | libc::EEXIST))
}

fn refused(interface: &str, what: &'static str, error: &(dyn Error + 'static)) -> PortError {
    match os_error(error) {
        Some(e) if matches!(e.raw_os_error(), Some(libc::EPERM | libc::EACCES)) => {
            PortError::NotPermitted {
                interface: interface.to_owned(),
                what,
                needs: "root or CAP_BPF and CAP_NET_ADMIN",
            }
        }
        Some(e) if what.starts_with("attaching") => PortError::from_os(interface, what, e),
        _ => loader_error(interface, what, &error),
    }
}
