//! Interface addresses: an address that keeps its host bits, and the network it lies in.
//!
//! The IPv6 form may keep a zone on its address; its network never has one. How interface
//! identifiers are made from MAC addresses, secrets and chance is in `interface_id`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::network::text_parts;
use crate::text::{pad, trimmed};
use crate::{AddrError, Address, Cidr, IpVersion, Mask, Network, Problem, Subject, Versioned};

/// An address of one family and the network it lies in.
///
/// ```
/// use addr::{Ipv4Interface, Ipv6Interface};
/// let interface: Ipv4Interface = "10.0.1.7/24".parse().unwrap();
/// assert_eq!(interface.address().to_string(), "10.0.1.7");
/// assert_eq!(interface.network().to_string(), "10.0.1.0/24");
/// let zoned: Ipv6Interface = "fe80::1%eth0/64".parse().unwrap();
/// assert_eq!(zoned.to_string(), "fe80::1%eth0/64");
/// assert_eq!(zoned.network().to_string(), "fe80::/64");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interface<A: Address> {
    // For equal addresses a longer mask never gives a lower network, so the derived order is that
    // of (address, network).
    address: A::Scoped,
    mask: Mask<A>,
}

/// An interface address of IPv4.
pub type Ipv4Interface = Interface<Ipv4Addr>;
/// An interface address of IPv6.
pub type Ipv6Interface = Interface<Ipv6Addr>;

impl<A: Address> Interface<A> {
    /// Joins an address and a mask; the network follows.
    ///
    /// ```
    /// use addr::{Ipv4Interface, Ipv4Mask};
    /// use std::net::Ipv4Addr;
    /// let interface = Ipv4Interface::new(Ipv4Addr::LOCALHOST, Ipv4Mask::new(8).unwrap());
    /// assert_eq!(interface.to_string(), "127.0.0.1/8");
    /// ```
    pub fn new(address: impl Into<A::Scoped>, mask: Mask<A>) -> Self {
        Self { address: address.into(), mask }
    }

    /// Joins an address and the network that it lies in.
    ///
    /// # Errors
    /// [`Problem::OutsideNetwork`] if the network does not contain the address.
    ///
    /// ```
    /// use addr::{Ipv4Interface, Problem};
    /// use std::net::Ipv4Addr;
    /// let network = "10.0.0.0/8".parse().unwrap();
    /// let error = Ipv4Interface::in_network(Ipv4Addr::LOCALHOST, network).unwrap_err();
    /// assert_eq!(error.problem(), Problem::OutsideNetwork);
    /// ```
    pub fn in_network(
        address: impl Into<A::Scoped>,
        network: Network<A>,
    ) -> Result<Self, AddrError> {
        let address = address.into();
        let plain: A = address.into();
        if !network.contains(plain) {
            return Err(Self::error(Problem::OutsideNetwork));
        }
        Ok(Self { address, mask: network.mask() })
    }

    /// The address, with its zone if it has one.
    ///
    /// ```
    /// let interface: addr::Ipv6Interface = "fe80::1%eth0/64".parse().unwrap();
    /// assert_eq!(interface.address().scope_id(), Some("eth0"));
    /// ```
    #[inline]
    pub const fn address(self) -> A::Scoped {
        self.address
    }

    /// The address without a zone.
    ///
    /// ```
    /// let interface: addr::Ipv6Interface = "fe80::1%eth0/64".parse().unwrap();
    /// assert_eq!(interface.ip().to_string(), "fe80::1");
    /// ```
    #[inline]
    pub fn ip(self) -> A {
        self.address.into()
    }

    /// The mask.
    ///
    /// ```
    /// let interface: addr::Ipv4Interface = "10.0.1.7/24".parse().unwrap();
    /// assert_eq!(interface.mask().to_string(), "/24");
    /// ```
    #[inline]
    pub const fn mask(self) -> Mask<A> {
        self.mask
    }

    /// The length of the prefix.
    #[inline]
    pub const fn prefix_len(self) -> u8 {
        self.mask.prefix_len()
    }

    /// The network, which has no zone.
    #[inline]
    pub fn network(self) -> Network<A> {
        Network::new(self.ip(), self.mask)
    }

    pub(crate) fn error(problem: Problem) -> AddrError {
        AddrError::new(Subject::InterfaceAddress, Some(A::VERSION), problem)
    }
}

impl<A: Address> Versioned for Interface<A> {
    #[inline]
    fn version(&self) -> IpVersion {
        A::VERSION
    }
}

impl<A: Address> FromStr for Interface<A> {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let (text, cut) = trimmed(text);
        let subject = Subject::InterfaceAddress;
        let (address, mask) = text_parts::<A>(text, subject).map_err(|error| error.shifted(cut))?;
        // Space inside, which the address reader would take for space around, is not allowed.
        if let Some(at) = address.find(char::is_whitespace) {
            return Err(Self::error(Problem::UnexpectedCharacter).at(cut + at));
        }
        let address =
            A::read_scoped(address).map_err(|error| error.within(subject).shifted(cut))?;
        Ok(Self { address, mask: mask.unwrap_or(Mask::HOST) })
    }
}

impl<A: Address> fmt::Display for Interface<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        pad(f, format_args!("{}{}", self.address, self.mask))
    }
}

impl<A: Address> fmt::Debug for Interface<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Interface({self})", A::VERSION.type_prefix())
    }
}

impl From<Ipv4Interface> for Ipv4Addr {
    fn from(interface: Ipv4Interface) -> Self {
        interface.ip()
    }
}

impl From<Ipv6Interface> for Ipv6Addr {
    fn from(interface: Ipv6Interface) -> Self {
        interface.ip()
    }
}

impl<A: Address> From<Interface<A>> for IpAddr {
    fn from(interface: Interface<A>) -> Self {
        interface.ip().into()
    }
}

/// The zone is dropped. An IPv4-mapped address is IPv4 there, which leaves no room for a prefix
/// of less than 96 bits.
impl<A: Address> TryFrom<Interface<A>> for Cidr {
    type Error = AddrError;

    fn try_from(interface: Interface<A>) -> Result<Self, AddrError> {
        let ip: crate::Ip = interface.ip().into().into();
        let prefix = interface.prefix_len().checked_sub(A::WIDTH - ip.width());
        let prefix = prefix.ok_or(Interface::<A>::error(Problem::PrefixTooLong))?;
        Ok(Self { ip, prefix })
    }
}

/// An interface address of either family.
///
/// ```
/// use addr::{IpInterface, Versioned};
/// let interface: IpInterface = "10.0.1.7/24".parse().unwrap();
/// assert!(interface.is_ip4());
/// assert_eq!(interface.prefix_len(), 24);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum IpInterface {
    /// An interface address of IPv4.
    V4(Ipv4Interface),
    /// An interface address of IPv6.
    V6(Ipv6Interface),
}

impl IpInterface {
    /// The address without a zone.
    pub fn ip(self) -> IpAddr {
        match self {
            Self::V4(interface) => interface.ip().into(),
            Self::V6(interface) => interface.ip().into(),
        }
    }

    /// The length of the prefix.
    pub fn prefix_len(self) -> u8 {
        match self {
            Self::V4(interface) => interface.prefix_len(),
            Self::V6(interface) => interface.prefix_len(),
        }
    }

    /// The network.
    pub fn network(self) -> crate::IpNetwork {
        match self {
            Self::V4(interface) => interface.network().into(),
            Self::V6(interface) => interface.network().into(),
        }
    }
}

impl Versioned for IpInterface {
    fn version(&self) -> IpVersion {
        match self {
            Self::V4(_) => IpVersion::V4,
            Self::V6(_) => IpVersion::V6,
        }
    }
}

impl fmt::Display for IpInterface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(interface) => interface.fmt(f),
            Self::V6(interface) => interface.fmt(f),
        }
    }
}

impl fmt::Debug for IpInterface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(interface) => fmt::Debug::fmt(interface, f),
            Self::V6(interface) => fmt::Debug::fmt(interface, f),
        }
    }
}

impl FromStr for IpInterface {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        crate::either::first_v6(text, |t| t.parse().map(Self::V6), |t| t.parse().map(Self::V4))
    }
}

impl From<Ipv4Interface> for IpInterface {
    fn from(interface: Ipv4Interface) -> Self {
        Self::V4(interface)
    }
}

impl From<Ipv6Interface> for IpInterface {
    fn from(interface: Ipv6Interface) -> Self {
        Self::V6(interface)
    }
}

impl From<IpInterface> for IpAddr {
    fn from(interface: IpInterface) -> Self {
        interface.ip()
    }
}

#[cfg(test)]
mod tests;
