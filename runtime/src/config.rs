//! What a stack is made of: its interfaces, its threads, its bounds.

use std::time::Duration;

use addr::{Cidr, Ip, Mac};
use datapath::PortConfig;
pub use datapath::{Backend, Sharing};
pub use stack::Limits;

/// One interface of a stack.
///
/// ```
/// use runtime::Interface;
///
/// let lan = Interface::new("tap7")
///     .address("10.0.1.7/24".parse().unwrap())
///     .gateway("10.0.1.1".parse().unwrap());
/// assert_eq!(lan.name(), "tap7");
/// ```
#[derive(Clone, Debug)]
pub struct Interface {
    pub(crate) port: PortConfig,
    pub(crate) addresses: Vec<Cidr>,
    pub(crate) gateways: Vec<Ip>,
    pub(crate) mac: Option<Mac>,
    pub(crate) queues: Option<u32>,
}

impl Interface {
    /// The interface called `name`, without addresses. A TAP or TUN device that does not exist is
    /// created.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let port = PortConfig { create: true, ..PortConfig::new(name) };
        Self { port, addresses: Vec::new(), gateways: Vec::new(), mac: None, queues: None }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.port.name
    }

    /// The kind of device. The default is found out from the device.
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Self {
        self.port.backend = backend;
        self
    }

    /// XDP: which frames are taken away from the kernel. The default depends on whether the
    /// kernel has an address there.
    #[must_use]
    pub fn sharing(mut self, sharing: Sharing) -> Self {
        self.port.sharing = sharing;
        self
    }

    /// One more address of the stack there.
    #[must_use]
    pub fn address(mut self, address: Cidr) -> Self {
        self.addresses.push(address);
        self
    }

    /// A default route by way of `gateway`; one for each family.
    #[must_use]
    pub fn gateway(mut self, gateway: Ip) -> Self {
        self.gateways.push(gateway);
        self
    }

    /// Largest IP packet. The default is the device's.
    #[must_use]
    pub fn mtu(mut self, mtu: u32) -> Self {
        self.port.mtu = Some(mtu);
        self
    }

    /// The stack's own link address there. The default is the NIC's for XDP, and for TAP the one of
    /// [`crate::default_mac`].
    #[must_use]
    pub fn mac(mut self, mac: Mac) -> Self {
        self.mac = Some(mac);
        self
    }

    /// How many queues of the device are opened. The default is all that it has for XDP, and one
    /// for each shard of a TAP or TUN device that can have several.
    #[must_use]
    pub fn queues(mut self, queues: u32) -> Self {
        self.queues = Some(queues);
        self
    }

    /// How the port is opened in all detail. Its name becomes the interface's.
    #[must_use]
    pub fn port(mut self, port: PortConfig) -> Self {
        self.port = port;
        self
    }
}

/// Which threads do the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// One thread steps the ports and the stack: least work for a frame.
    #[default]
    Fused,
    /// A thread for each port and one for each shard, with rings in between.
    Split,
}

/// How long a thread looks for work before it sleeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Sleeps as soon as there is nothing to do.
    #[default]
    Sleep,
    /// Looks for this long after the last work, then sleeps.
    Linger(Duration),
    /// Never sleeps.
    Spin,
}

/// The bounds of a stack on this machine: what TCP may buffer in all follows from its memory, in
/// Linux's shares (`tcp_mem`).
#[must_use]
pub(crate) fn default_limits() -> Limits {
    let info = rustix::system::sysinfo();
    let bytes = info.totalram * u64::from(info.mem_unit.max(1));
    Limits { tcp_mem: budget(bytes), ..Limits::default() }
}

/// A sixteenth, with three quarters of it and half as much again beside it.
fn budget(memory: u64) -> [usize; 3] {
    let pressure =
        usize::try_from(memory / 16).unwrap_or(usize::MAX).clamp(BUDGET_MIN, usize::MAX / 2);
    let low = pressure / 4 * 3;
    [low, pressure, low * 2]
}

/// Linux's 128 pages.
const BUDGET_MIN: usize = 128 * 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_has_linuxs_shares() {
        assert_eq!(budget(8 << 30), Limits::default().tcp_mem);
        assert_eq!(budget(0), [98_304 * 4, 131_072 * 4, 196_608 * 4]);
        assert!(default_limits().tcp_mem[0] >= budget(0)[0]);
    }
}
