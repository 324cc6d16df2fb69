//! What a stack is made of: its interfaces, its threads, its bounds.

use addr::{Cidr, Ip, Mac};
pub use datapath::Backend;
use datapath::PortConfig;
pub use stack::Limits;

pub use crate::engine::Pace;

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
}

impl Interface {
    /// The interface called `name`, without addresses. A TAP or TUN device that does not exist is
    /// created.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let port = PortConfig { create: true, ..PortConfig::new(name) };
        Self { port, addresses: Vec::new(), gateways: Vec::new(), mac: None }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.port.name
    }

    /// The kind of device; found out by itself unless told.
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Self {
        self.port.backend = backend;
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

    /// Largest IP packet; the device's unless told.
    #[must_use]
    pub fn mtu(mut self, mtu: u32) -> Self {
        self.port.mtu = Some(mtu);
        self
    }

    /// The stack's own link address there. Unless told: the NIC's for XDP, for TAP one made from
    /// the name.
    #[must_use]
    pub fn mac(mut self, mac: Mac) -> Self {
        self.mac = Some(mac);
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
    /// A thread for each port and one for the stack, with rings in between.
    Split,
}

/// The link address of a stack on a TAP device that was given none (LIFE-10).
///
/// `tap` and one hexadecimal digit give that digit six times (`tap7`: `02:00:00:77:77:77`). Longer
/// numbers have no room there, so any other name gives 02 and 40 bits of its hash.
#[must_use]
pub fn default_mac(name: &str) -> Mac {
    let digit = name.strip_prefix("tap").and_then(|rest| {
        let mut chars = rest.chars();
        let digit = chars.next()?.to_digit(16)?;
        chars.next().is_none().then_some(digit as u8)
    });
    if let Some(digit) = digit {
        let twice = digit << 4 | digit;
        return Mac([2, 0, 0, twice, twice, twice]);
    }
    let [a, b, c, d, e, ..] = addr::HashKey::new(0, 0).hash_bytes(name.as_bytes()).to_be_bytes();
    Mac([2, a, b, c, d, e])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn life_10_default_mac_is_always_valid_and_local() {
        assert_eq!(default_mac("tap7").to_string(), "02:00:00:77:77:77");
        assert_eq!(default_mac("tapa").to_string(), "02:00:00:aa:aa:aa");
        for name in ["tap12", "tap", "lan0", "tapé"] {
            let mac = default_mac(name);
            assert!(mac.is_unicast() && mac.0[0] == 2, "{name}: {mac}");
        }
        assert_ne!(default_mac("tap11"), default_mac("tap1"));
    }
}
