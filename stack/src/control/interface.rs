//! Interfaces with their addresses and groups.
//!
//! An interface is what a port is to the stack: a name, a medium, a link address and limits. Its
//! addresses stay in assignment order, which source selection goes by. Groups are counted, because
//! two addresses may share a solicited-node group.

use std::collections::BTreeMap;

use addr::{Cidr, IfIndex, Ip, Mac};
use wire::offload::{DeviceCaps, Medium};

use crate::control::error::ControlError;
use crate::control::link_local::AddrGenMode;
use crate::fib::{AddressOrigin, ControlProtocols, Fib, FibInterface, InterfaceAddress, LinkState};

/// What an interface is made from.
#[derive(Clone, Debug)]
pub struct InterfaceConfig {
    /// Its name, unique in the host.
    pub name: String,
    /// Ethernet or bare IP.
    pub medium: Medium,
    /// Our own link address; ignored on a bare IP medium.
    pub mac: Mac,
    /// Largest IP packet, 68 to 65535; IPv6 needs 1280 or more.
    pub mtu: u32,
    /// What the device does for us.
    pub caps: DeviceCaps,
    /// How the IPv6 link-local address is made; none on a bare IP medium.
    pub link_local: AddrGenMode,
}

/// An interface.
#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) ifindex: IfIndex,
    pub(crate) name: String,
    pub(crate) medium: Medium,
    pub(crate) mac: Mac,
    pub(crate) mtu: u32,
    pub(crate) state: LinkState,
    pub(crate) caps: DeviceCaps,
    /// How an IPv6 link-local address is made whenever IPv6 starts here.
    pub(crate) addr_gen_mode: AddrGenMode,
    /// The protocols whose messages control wants.
    pub(crate) control_protocols: ControlProtocols,
    pub(crate) addresses: Vec<InterfaceAddress>,
    groups: BTreeMap<Ip, u32>,
}

/// The interfaces of a host, in index order.
#[derive(Debug)]
pub(crate) struct Interfaces {
    list: Vec<Interface>,
    last: u32,
}

/// Interfaces of one host; the packet path looks through them in order.
const INTERFACES_MAX: usize = 256;

impl Default for Interfaces {
    /// The loopback interface alone.
    fn default() -> Self {
        Self { list: vec![Interface::loopback()], last: Fib::LOOPBACK.get() }
    }
}

impl Interfaces {
    /// Adds an interface and numbers it.
    pub(crate) fn add(&mut self, config: InterfaceConfig) -> Result<&Interface, ControlError> {
        check_config(&config)?;
        if self.iter().any(|i| i.name == config.name) {
            return Err(ControlError::InterfaceExists(config.name));
        }
        let next = self.last.checked_add(1).and_then(IfIndex::new);
        let ifindex = next.filter(|_| self.list.len() < INTERFACES_MAX);
        let ifindex = ifindex.ok_or(ControlError::Full("interfaces"))?;
        self.last = ifindex.get();
        self.list.push(Interface::new(ifindex, config));
        Ok(&self.list[self.list.len() - 1])
    }

    /// Removes an interface.
    pub(crate) fn remove(&mut self, ifindex: IfIndex) -> Result<Interface, ControlError> {
        if ifindex == Fib::LOOPBACK {
            return Err(ControlError::Invalid("the loopback interface stays"));
        }
        let at = self.list.iter().position(|i| i.ifindex == ifindex);
        Ok(self.list.remove(at.ok_or(ControlError::NoInterface(ifindex))?))
    }

    /// Gives an interface another name.
    pub(crate) fn rename(&mut self, ifindex: IfIndex, name: &str) -> Result<(), ControlError> {
        check_name(name)?;
        if ifindex == Fib::LOOPBACK {
            return Err(ControlError::Invalid("the loopback interface keeps its name"));
        }
        if self.iter().any(|i| i.name == name && i.ifindex != ifindex) {
            return Err(ControlError::InterfaceExists(name.to_string()));
        }
        self.named(ifindex)?.name = name.to_string();
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Interface> {
        self.list.iter()
    }

    pub(crate) fn get(&self, ifindex: IfIndex) -> Option<&Interface> {
        self.list.iter().find(|i| i.ifindex == ifindex)
    }

    /// The interface that an administrator named.
    pub(crate) fn named(&mut self, ifindex: IfIndex) -> Result<&mut Interface, ControlError> {
        let found = self.list.iter_mut().find(|i| i.ifindex == ifindex);
        found.ok_or(ControlError::NoInterface(ifindex))
    }

    /// Whether any interface has the address.
    pub(crate) fn owns(&self, ip: Ip) -> bool {
        self.iter().any(|i| i.owns(ip))
    }

    /// The name of an interface; empty if there is none.
    pub(crate) fn name(&self, ifindex: IfIndex) -> String {
        self.get(ifindex).map(|i| i.name.clone()).unwrap_or_default()
    }
}

/// Smallest MTU of an IPv6 link (RFC 8200 §5).
pub(crate) const MTU_MIN_V6: u32 = 1280;
/// Smallest MTU of an IPv4 link (RFC 791 §3.1).
const MTU_MIN_V4: u32 = 68;
/// Largest packet that a length field can say.
pub(crate) const MTU_MAX: u32 = 65_535;
/// Linux's IFNAMSIZ less the terminating zero.
const NAME_MAX: usize = 15;

/// Every IPv4 host of a link (RFC 1112 §4).
const ALL_HOSTS: Ip = Ip::v4([224, 0, 0, 1]);

impl Interface {
    pub(crate) fn new(ifindex: IfIndex, config: InterfaceConfig) -> Self {
        let mut interface = Self {
            ifindex,
            name: config.name,
            medium: config.medium,
            mac: match config.medium {
                Medium::Ethernet => config.mac,
                Medium::Ip => Mac::UNSPECIFIED,
            },
            mtu: config.mtu,
            state: LinkState::RUNNING,
            caps: config.caps,
            addr_gen_mode: match config.medium {
                Medium::Ethernet => config.link_local,
                Medium::Ip => AddrGenMode::None,
            },
            control_protocols: ControlProtocols::NONE,
            addresses: Vec::new(),
            groups: BTreeMap::new(),
        };
        interface.join(ALL_HOSTS);
        if interface.has_v6() {
            interface.join(Ip::ALL_NODES);
        }
        interface
    }

    /// The interface that every host has, `lo` as Linux calls it.
    pub(crate) fn loopback() -> Self {
        let caps = DeviceCaps { tx_checksum: true, ..DeviceCaps::default() };
        let mut interface = Self::new(
            Fib::LOOPBACK,
            InterfaceConfig {
                name: "lo".into(),
                medium: Medium::Ip,
                mac: Mac::UNSPECIFIED,
                mtu: MTU_MAX,
                caps,
                link_local: AddrGenMode::None,
            },
        );
        let v6 = Ip::from_bits(1);
        for (ip, prefix) in [(Ip::v4([127, 0, 0, 1]), 8), (v6, 128)] {
            let record = InterfaceAddress::from(Cidr { ip, prefix });
            let origin = AddressOrigin::KernelLoopback;
            interface.addresses.push(InterfaceAddress { origin, ..record });
        }
        interface
    }

    /// Whether IPv6 can run here at all.
    pub(crate) fn has_v6(&self) -> bool {
        self.mtu >= MTU_MIN_V6
    }

    /// Whether the address is on record here, in whatever state.
    pub(crate) fn owns(&self, ip: Ip) -> bool {
        self.addresses.iter().any(|a| a.ip() == ip)
    }

    /// The addresses that may be sources and are answered for.
    pub(crate) fn assigned(&self) -> impl Iterator<Item = Cidr> {
        self.addresses.iter().filter(|a| a.is_assigned()).map(|a| a.cidr)
    }

    /// The subnet of ours that holds `ip`.
    pub(crate) fn subnet_of(&self, ip: Ip) -> Option<Cidr> {
        self.assigned().find(|a| a.contains(ip))
    }

    /// The link-local IPv6 address, if one is assigned.
    pub(crate) fn link_local(&self) -> Option<Ip> {
        self.assigned().map(|a| a.ip).find(|ip| ip.is_v6() && ip.is_link_local())
    }

    /// Joins a group; returns whether it is new here.
    pub(crate) fn join(&mut self, group: Ip) -> bool {
        let members = self.groups.entry(group).or_insert(0);
        *members += 1;
        *members == 1
    }

    /// Joins a group that nobody here has joined.
    pub(crate) fn join_if_absent(&mut self, group: Ip) {
        self.groups.entry(group).or_insert(1);
    }

    /// Leaves a group once; returns whether nobody here wants it any more.
    pub(crate) fn leave(&mut self, group: Ip) -> bool {
        match self.groups.get_mut(&group) {
            Some(members) if *members > 1 => {
                *members -= 1;
                false
            }
            Some(_) => self.groups.remove(&group).is_some(),
            None => false,
        }
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = Ip> {
        self.groups.keys().copied()
    }

    pub(crate) fn publish(&self) -> FibInterface {
        FibInterface {
            ifindex: self.ifindex,
            medium: self.medium,
            mac: self.mac,
            mtu: self.mtu,
            state: self.state,
            control_protocols: self.control_protocols,
            caps: self.caps,
            addresses: self.addresses.clone(),
            groups: self.groups().collect(),
        }
    }
}

/// Refuses configurations that make no interface.
pub(crate) fn check_config(config: &InterfaceConfig) -> Result<(), ControlError> {
    check_name(&config.name)?;
    check_mtu(config.mtu)?;
    match config.medium {
        Medium::Ethernet => check_mac(config.mac),
        Medium::Ip => Ok(()),
    }
}

/// Refuses what cannot be an interface's name.
fn check_name(name: &str) -> Result<(), ControlError> {
    if name.is_empty() || name.len() > NAME_MAX || name.contains(['/', ' ', '\0']) {
        return Err(ControlError::Invalid("not an interface name"));
    }
    Ok(())
}

/// Refuses what cannot be an MTU.
pub(crate) fn check_mtu(mtu: u32) -> Result<(), ControlError> {
    let possible = (MTU_MIN_V4..=MTU_MAX).contains(&mtu);
    possible.then_some(()).ok_or(ControlError::Invalid("mtu out of range 68..65535"))
}

/// Refuses what cannot be our own link address.
pub(crate) fn check_mac(mac: Mac) -> Result<(), ControlError> {
    mac.is_unicast().then_some(()).ok_or(ControlError::Invalid("link address is not unicast"))
}

/// Refuses what cannot be an address of an interface.
pub(crate) fn check_address(interface: &Interface, cidr: Cidr) -> Result<(), ControlError> {
    let ip = cidr.ip;
    if cidr.prefix > ip.width() {
        return Err(ControlError::Invalid("prefix length exceeds the address width"));
    }
    if ip.is_loopback() && interface.ifindex != Fib::LOOPBACK {
        return Err(ControlError::Invalid("loopback address on a link"));
    }
    if !ip.is_unicast() {
        return Err(ControlError::Invalid("not a unicast address"));
    }
    if ip.is_v6() && !interface.has_v6() {
        return Err(ControlError::Invalid("mtu below 1280: no IPv6 here"));
    }
    let subnet = ip.is_v4() && cidr.prefix < 31;
    if subnet && (cidr.broadcast() == Some(ip) || (cidr.network().ip == ip && cidr.prefix > 0)) {
        return Err(ControlError::Invalid("network or broadcast address of its own subnet"));
    }
    Ok(())
}
