//! One namespace, one device, one daemon: the setting of most tests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{Daemon, Namespace};

/// The kernel's IPv4 address in a laboratory.
pub const HOST_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 1, 1));
/// The kernel's IPv6 address.
pub const HOST_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1));
/// Our IPv4 address.
pub const STACK_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 1, 7));
/// Our IPv6 address.
pub const STACK_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 7));

/// An address family to run a test in.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Ours.
    pub stack: IpAddr,
    /// The kernel's.
    pub host: IpAddr,
    /// Largest UDP payload that is not fragmented at MTU 1500.
    pub udp_max: usize,
}

/// Both families.
pub const FAMILIES: [Family; 2] = [
    Family { stack: STACK_V4, host: HOST_V4, udp_max: 1472 },
    Family { stack: STACK_V6, host: HOST_V6, udp_max: 1452 },
];

/// How the daemon meets the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A TAP device.
    Tap,
    /// A TUN device: no Ethernet.
    Tun,
    /// AF_XDP on one end of a veth pair, the kernel's address on the other.
    Xdp,
}

impl Backend {
    /// The interface that the daemon opens.
    #[must_use]
    pub const fn device(self) -> &'static str {
        match self {
            Self::Tap => "tap7",
            Self::Tun => "tun7",
            Self::Xdp => "veth7",
        }
    }

    /// The interface that carries the kernel's address.
    #[must_use]
    pub const fn host_device(self) -> &'static str {
        match self {
            Self::Tap => "tap7",
            Self::Tun => "tun7",
            Self::Xdp => "host7",
        }
    }
}

/// A namespace with the daemon running in it.
#[derive(Debug)]
pub struct Lab {
    /// The daemon.
    pub daemon: Daemon,
    /// Where both live.
    pub space: Namespace,
    /// Over what they meet.
    pub backend: Backend,
}

impl Lab {
    /// A laboratory over `backend` with the demo services.
    #[must_use]
    pub fn start(label: &str, backend: Backend) -> Self {
        Self::with(label, backend, &[])
    }

    /// The same with more arguments for the daemon.
    #[must_use]
    pub fn with(label: &str, backend: Backend, more: &[&str]) -> Self {
        Self::with_queues(label, backend, 1, more)
    }

    /// The same on a device with so many queues.
    #[must_use]
    pub fn with_queues(label: &str, backend: Backend, queues: u32, more: &[&str]) -> Self {
        let space = Self::wire_queues(label, backend, queues);
        let mut args = vec!["--iface", backend.device()];
        if backend == Backend::Xdp {
            args.extend(["--backend", "xdp"]);
        }
        args.extend(["--address", "10.0.1.7/24", "--address", "2001:db8:0:1::7/64", "--demo"]);
        args.extend(more);
        let daemon = Daemon::start(&space, &args);
        Self { daemon, space, backend }
    }

    /// Only the namespace and the device with the kernel's addresses.
    #[must_use]
    pub fn wire(label: &str, backend: Backend) -> Namespace {
        Self::wire_queues(label, backend, 1)
    }

    /// The same with a device that has so many queues.
    #[must_use]
    pub fn wire_queues(label: &str, backend: Backend, queues: u32) -> Namespace {
        let space = Namespace::new(label);
        let multi = if queues > 1 { "multi_queue" } else { "" };
        let number = format!("numrxqueues {queues} numtxqueues {queues}");
        match backend {
            Backend::Tap => drop(space.ip(&format!("tuntap add tap7 mode tap {multi}"))),
            Backend::Tun => drop(space.ip(&format!("tuntap add tun7 mode tun {multi}"))),
            Backend::Xdp => {
                space.ip(&format!("link add host7 {number} type veth peer name veth7 {number}"));
                space.ip("link set veth7 up");
            }
        }
        let device = backend.host_device();
        space.ip(&format!("address add 10.0.1.1/24 dev {device}"));
        space.ip(&format!("address add 2001:db8:0:1::1/64 dev {device} nodad"));
        space.ip(&format!("link set {device} up"));
        space
    }

    /// Frame counts and, for AF_XDP, verdicts of the daemon's link.
    ///
    /// # Panics
    /// Where `ctl` does not show the link.
    #[must_use]
    pub fn link(&self) -> serde_json::Value {
        let links = self.daemon.records("link");
        let name = self.backend.device();
        links.into_iter().find(|l| l["name"] == name).expect("the link is listed")
    }
}
