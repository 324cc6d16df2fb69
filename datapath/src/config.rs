//! What a port is asked to be ([`PortConfig`]) and what it turned out to be ([`PortInfo`]).
//!
//! The defaults suit a single interface of a small machine; each number says what it costs.
//! Everything is decided when the port is opened and never changes afterwards, except the steering
//! of an XDP port.

use addr::Mac;
use wire::offload::{DeviceCaps, Medium};

use crate::interface::OsDevice;

/// Which kind of device serves the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// An existing TAP or TUN device as itself, any other existing interface by XDP. Where there
    /// is none yet, a TUN if its name begins with `tun`, else a TAP.
    #[default]
    Auto,
    /// A TAP device: Ethernet frames over a file descriptor.
    Tap,
    /// A TUN device: IP packets over a file descriptor.
    Tun,
    /// An AF_XDP socket on a queue of an interface.
    Xdp,
    /// The end of a pair of ports joined in memory ([`crate::pair`]); cannot be opened by name.
    Pair,
}

/// Which frames of an interface an XDP port takes away from the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    /// Shared if the kernel has an address of its own there (other than a link-local one), so that
    /// starting the stack on a machine's only interface does not cut the machine off; otherwise
    /// exclusive.
    #[default]
    Auto,
    /// Everything that arrives on the queue.
    Exclusive,
    /// Only what is for our addresses and groups; the rest goes to the kernel.
    Shared,
}

/// Whether a driver may be asked to receive straight into our memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZeroCopy {
    /// Tried on an exclusive port. On a shared one every frame left to the kernel would be copied
    /// out.
    #[default]
    Auto,
    /// Never tried.
    Never,
    /// Demanded: the port does not open without.
    Always,
}

/// How to open a port.
#[derive(Clone, Debug)]
pub struct PortConfig {
    /// The interface's name.
    pub name: String,
    /// The kind of device.
    pub backend: Backend,
    /// The MTU to give a TAP or TUN device; `None` leaves it as it is. An XDP port never changes
    /// it.
    pub mtu: Option<u32>,
    /// Whether to ask a TAP or TUN device for the virtio header, which carries segmentation and
    /// checksum offload. Refused quietly where the kernel lacks it ([`PortInfo::caps`] tells).
    pub offload: bool,
    /// Whether a TAP or TUN device that does not exist is created. It goes when the port is
    /// dropped.
    pub create: bool,
    /// XDP: the receive queue to take, the first one where several are opened.
    pub queue: u32,
    /// Frames to receive into, of each queue, 0 for the default of the backend (TAP: 64 of 64 KiB
    /// for each shard, XDP: 2048 of 4 KiB). More do not make it faster once they no longer fit into
    /// the cache.
    pub rx_frames: u32,
    /// Frames to send from, 0 for the default of the backend (as for receiving).
    pub tx_frames: u32,
    /// XDP: which frames are taken away from the kernel.
    pub sharing: Sharing,
    /// XDP: whether zero copy is tried.
    pub zero_copy: ZeroCopy,
    /// XDP: go straight to the generic hook, without trying the driver's.
    pub generic: bool,
}

impl PortConfig {
    /// The defaults, for the interface called `name`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

impl Default for PortConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            backend: Backend::Auto,
            mtu: None,
            offload: true,
            create: true,
            queue: 0,
            rx_frames: 0,
            tx_frames: 0,
            sharing: Sharing::Auto,
            zero_copy: ZeroCopy::Auto,
            generic: false,
        }
    }
}

/// What an opened port is.
#[derive(Clone, Debug)]
pub struct PortInfo {
    /// The interface's name.
    pub name: String,
    /// The kernel's device behind it; a pair has none.
    pub os: Option<OsDevice>,
    /// Whether frames start with an Ethernet header.
    pub medium: Medium,
    /// The device's own address. For XDP this is the stack's address too; for TAP it belongs to the
    /// kernel's side of the wire, and the stack needs one of its own. A TUN device has none.
    pub mac: Option<Mac>,
    /// The MTU, without the Ethernet header.
    pub mtu: u32,
    /// What the stack may leave to the device.
    pub caps: DeviceCaps,
    /// The backend it got.
    pub backend: Backend,
    /// How it got it, for people: `tap vnet_hdr tso4 tso6`, `xdp driver copy need_wakeup shared`.
    pub mode: String,
    /// Which queue of the device this is, from 0; for XDP the number of the receive queue.
    pub queue: u32,
    /// Receive queues of the device that no port of this opening serves; for XDP only. What the
    /// device puts there reaches the kernel and not the stack.
    pub unserved_queues: u32,
    /// The largest MTU that the port's buffers can carry, should the device's grow.
    pub mtu_max: u32,
    /// This opening made the device, which goes with the port.
    pub created: bool,
}
