//! Networks: an address whose host bits are clear, and a mask.
//!
//! One type serves both families. A network is a value; everything that lists addresses or smaller
//! networks is a lazy iterator over a range of numbers (`ranges`), so that asking `::/0` for its
//! hosts costs nothing until they are taken, and skipping or counting costs nothing at all. The
//! relations between networks are here too; making lists of networks smaller is in `summary`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{AddrError, Address, IpVersion, Mask, Problem, Subject, Versioned, Wildcard};

mod convert;
mod ranges;
mod summary;
mod text;

pub use ranges::{Addresses, Subnets};
pub use summary::Excluded;
pub(crate) use text::split as text_parts;

/// A network of one family.
///
/// ```
/// use addr::{Ipv4Network, Ipv6Network};
/// let network: Ipv4Network = "10.0.1.7/24".parse().unwrap();
/// assert_eq!(network.to_string(), "10.0.1.0/24");
/// assert_eq!(network.broadcast().to_string(), "10.0.1.255");
/// assert_eq!(network.hosts().next_back().unwrap().to_string(), "10.0.1.254");
/// let all: Ipv6Network = "::/0".parse().unwrap();
/// assert_eq!(all.addresses().nth(1 << 40).unwrap().to_string(), "::100:0:0");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network<A> {
    address: A,
    mask: Mask<A>,
}

/// A network of IPv4.
pub type Ipv4Network = Network<Ipv4Addr>;
/// A network of IPv6.
pub type Ipv6Network = Network<Ipv6Addr>;

impl<A: Address> Network<A> {
    /// The network of this mask that holds the address: host bits are cleared.
    ///
    /// ```
    /// use addr::{Ipv4Mask, Ipv4Network};
    /// use std::net::Ipv4Addr;
    /// let mask = Ipv4Mask::new(8).unwrap();
    /// let network = Ipv4Network::new(Ipv4Addr::new(10, 1, 2, 3), mask);
    /// assert_eq!(network.to_string(), "10.0.0.0/8");
    /// assert!(Ipv4Network::strict(Ipv4Addr::new(10, 1, 2, 3), mask).is_err());
    /// ```
    pub fn new(address: A, mask: Mask<A>) -> Self {
        Self { address: A::from_low_bits(address.to_int() & mask.to_int()), mask }
    }

    /// The same, but host bits must be clear already.
    ///
    /// # Errors
    /// [`Problem::HostBitsSet`] if the address has bits that the mask leaves to hosts.
    ///
    /// ```
    /// use addr::{Ipv4Mask, Ipv4Network};
    /// use std::net::Ipv4Addr;
    /// let mask = Ipv4Mask::new(8).unwrap();
    /// assert!(Ipv4Network::strict(Ipv4Addr::new(10, 0, 0, 0), mask).is_ok());
    /// assert!(Ipv4Network::strict(Ipv4Addr::new(10, 0, 0, 1), mask).is_err());
    /// ```
    pub fn strict(address: A, mask: Mask<A>) -> Result<Self, AddrError> {
        let network = Self::new(address, mask);
        if network.address != address {
            return Err(Self::error(Problem::HostBitsSet));
        }
        Ok(network)
    }

    /// The network of this prefix length that holds the address.
    ///
    /// # Errors
    /// [`Problem::PrefixTooLong`] if the prefix has more bits than the family.
    ///
    /// ```
    /// use addr::Ipv4Network;
    /// use std::net::Ipv4Addr;
    /// assert!(Ipv4Network::with_prefix(Ipv4Addr::LOCALHOST, 8).is_ok());
    /// assert!(Ipv4Network::with_prefix(Ipv4Addr::LOCALHOST, 33).is_err());
    /// ```
    pub fn with_prefix(address: A, prefix_len: u8) -> Result<Self, AddrError> {
        let mask = Mask::new(prefix_len).map_err(|error| error.within(Subject::Network))?;
        Ok(Self::new(address, mask))
    }

    /// The network of one address.
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    /// assert_eq!(addr::Ipv4Network::host(Ipv4Addr::LOCALHOST).to_string(), "127.0.0.1/32");
    /// ```
    pub fn host(address: A) -> Self {
        Self { address, mask: Mask::HOST }
    }

    /// The first address.
    #[inline]
    pub const fn address(self) -> A {
        self.address
    }

    /// The mask.
    #[inline]
    pub const fn mask(self) -> Mask<A> {
        self.mask
    }

    /// The bits that tell addresses of the network apart.
    ///
    /// ```
    /// let network: addr::Ipv4Network = "10.0.0.0/8".parse().unwrap();
    /// assert_eq!(network.hostmask().to_string(), "0.255.255.255");
    /// ```
    #[inline]
    pub fn hostmask(self) -> Wildcard<A> {
        self.mask.hostmask()
    }

    /// The length of the prefix.
    #[inline]
    pub const fn prefix_len(self) -> u8 {
        self.mask.prefix_len()
    }

    /// The last address.
    ///
    /// ```
    /// use addr::Ipv6Network;
    /// let network: Ipv6Network = "2001:db8::/126".parse().unwrap();
    /// assert_eq!(network.last().to_string(), "2001:db8::3");
    /// ```
    #[inline]
    pub fn last(self) -> A {
        A::from_low_bits(self.address.to_int() | self.hostmask().to_int())
    }

    /// How many addresses there are; none when the number, 2^128 of `::/0`, exceeds the type.
    ///
    /// ```
    /// use addr::{Ipv4Network, Ipv6Network};
    /// assert_eq!(Ipv4Network::default().num_addresses(), Some(1 << 32));
    /// assert_eq!(Ipv6Network::default().num_addresses(), None);
    /// ```
    pub fn num_addresses(self) -> Option<u128> {
        self.hostmask().to_int().checked_add(1)
    }

    /// Every address, ascending.
    ///
    /// ```
    /// let network: addr::Ipv4Network = "10.0.0.0/8".parse().unwrap();
    /// assert_eq!(network.addresses().count(), 1 << 24);
    /// ```
    #[inline]
    pub fn addresses(self) -> Addresses<A> {
        Addresses::new(self.address.to_int(), self.hostmask().to_int())
    }

    /// The address of an index: from the front, or below zero from the end (-1 is the last).
    ///
    /// # Errors
    /// [`Problem::IndexOutOfRange`] if the network has fewer addresses.
    ///
    /// ```
    /// use addr::Ipv4Network;
    /// let network: Ipv4Network = "10.0.0.0/24".parse().unwrap();
    /// assert_eq!(network.nth(1).unwrap().to_string(), "10.0.0.1");
    /// assert_eq!(network.nth(-1).unwrap().to_string(), "10.0.0.255");
    /// assert!(network.nth(256).is_err());
    /// ```
    pub fn nth(self, index: i128) -> Result<A, AddrError> {
        let distance = if index < 0 { index.unsigned_abs() - 1 } else { index.unsigned_abs() };
        if distance > self.hostmask().to_int() {
            return Err(Self::error(Problem::IndexOutOfRange));
        }
        let (first, last) = (self.address.to_int(), self.last().to_int());
        Ok(A::from_low_bits(if index < 0 { last - distance } else { first + distance }))
    }

    /// The addresses that hosts may have, ascending.
    ///
    /// IPv4 leaves out the first and the last, except of `/31` (RFC 3021) and `/32`. IPv6 leaves
    /// out the first, the subnet-router anycast address (RFC 4291 §2.6.1), except of `/127` and
    /// `/128`.
    ///
    /// ```
    /// use addr::Ipv6Network;
    /// let network: Ipv6Network = "2001:db8::/126".parse().unwrap();
    /// let hosts: Vec<_> = network.hosts().map(|ip| ip.to_string()).collect();
    /// assert_eq!(hosts, ["2001:db8::1", "2001:db8::2", "2001:db8::3"]);
    /// ```
    pub fn hosts(self) -> Addresses<A> {
        let (first, count_less_one) = (self.address.to_int(), self.hostmask().to_int());
        match A::VERSION {
            _ if count_less_one <= 1 => self.addresses(),
            IpVersion::V4 => Addresses::new(first + 1, count_less_one - 2),
            IpVersion::V6 => Addresses::new(first + 1, count_less_one - 1),
        }
    }

    /// The two halves; a single address gives itself.
    ///
    /// ```
    /// use addr::Ipv4Network;
    /// let network: Ipv4Network = "10.0.0.0/8".parse().unwrap();
    /// let halves: Vec<_> = network.halves().map(|half| half.to_string()).collect();
    /// assert_eq!(halves, ["10.0.0.0/9", "10.128.0.0/9"]);
    /// ```
    pub fn halves(self) -> Subnets<A> {
        self.split(if self.mask == Mask::HOST { 0 } else { 1 })
    }

    /// The parts with a prefix longer by `difference`; a single address gives itself.
    ///
    /// # Errors
    /// [`Problem::PrefixDifference`] if the difference is 0 or leads beyond the width of the
    /// family.
    ///
    /// ```
    /// let network: addr::Ipv6Network = "2001:db8::/32".parse().unwrap();
    /// assert_eq!(network.subnets_by(2).unwrap().count(), 4);
    /// ```
    pub fn subnets_by(self, difference: u8) -> Result<Subnets<A>, AddrError> {
        if self.mask == Mask::HOST {
            return Ok(self.split(0));
        }
        if difference < 1 || difference > A::WIDTH - self.prefix_len() {
            return Err(Self::error(Problem::PrefixDifference));
        }
        Ok(self.split(difference))
    }

    /// The parts with this longer prefix; a single address gives itself.
    ///
    /// # Errors
    /// [`Problem::PrefixDifference`] if the prefix is not longer than that of the network or
    /// exceeds the width of the family; a single address never fails.
    ///
    /// ```
    /// use addr::Ipv4Network;
    /// let network: Ipv4Network = "10.0.0.0/8".parse().unwrap();
    /// assert_eq!(network.subnets(16).unwrap().count(), 256);
    /// assert!(network.subnets(8).is_err());
    /// ```
    pub fn subnets(self, prefix_len: u8) -> Result<Subnets<A>, AddrError> {
        // A prefix that is not longer is a difference of none, which is refused.
        self.subnets_by(prefix_len.saturating_sub(self.prefix_len()))
    }

    fn split(self, difference: u8) -> Subnets<A> {
        let mask = Mask::new(self.prefix_len() + difference).unwrap_or(Mask::HOST);
        Subnets::new(self, mask)
    }

    /// The network whose half this is; `/0` gives itself.
    ///
    /// ```
    /// use addr::Ipv4Network;
    /// let network: Ipv4Network = "10.128.0.0/9".parse().unwrap();
    /// assert_eq!(network.parent().to_string(), "10.0.0.0/8");
    /// ```
    pub fn parent(self) -> Self {
        let mask = Mask::new(self.prefix_len().saturating_sub(1)).unwrap_or_default();
        Self::new(self.address, mask)
    }

    /// The network around this with a prefix shorter by `difference`; `/0` gives itself.
    ///
    /// # Errors
    /// [`Problem::PrefixDifference`] if the difference is 0 or more than the prefix length.
    ///
    /// ```
    /// let network: addr::Ipv6Network = "2001:db8::/32".parse().unwrap();
    /// assert_eq!(network.supernet_by(16).unwrap().to_string(), "2001::/16");
    /// ```
    pub fn supernet_by(self, difference: u8) -> Result<Self, AddrError> {
        if self.prefix_len() == 0 {
            return Ok(self);
        }
        match self.prefix_len().checked_sub(difference) {
            Some(prefix_len) if difference > 0 => Self::with_prefix(self.address, prefix_len),
            _ => Err(Self::error(Problem::PrefixDifference)),
        }
    }

    /// The network around this with a shorter prefix; `/0` gives itself.
    ///
    /// # Errors
    /// [`Problem::PrefixDifference`] if the prefix is not shorter than that of the network; the
    /// network of prefix length 0 never fails.
    ///
    /// ```
    /// use addr::Ipv4Network;
    /// let network: Ipv4Network = "10.1.0.0/16".parse().unwrap();
    /// assert_eq!(network.supernet(8).unwrap().to_string(), "10.0.0.0/8");
    /// assert!(network.supernet(17).is_err());
    /// ```
    pub fn supernet(self, prefix_len: u8) -> Result<Self, AddrError> {
        self.supernet_by(self.prefix_len().saturating_sub(prefix_len))
    }

    /// The address, or that of an interface address, lies inside; a zone does not matter.
    ///
    /// ```
    /// use addr::{Ipv6Network, ScopedIpv6};
    /// let network: Ipv6Network = "fe80::/64".parse().unwrap();
    /// assert!(network.contains("fe80::1%eth0".parse::<ScopedIpv6>().unwrap()));
    /// ```
    pub fn contains(self, address: impl Into<A>) -> bool {
        (address.into().to_int() ^ self.address.to_int()) & self.mask.to_int() == 0
    }

    /// The two have an address in common.
    ///
    /// ```
    /// use addr::Ipv4Network;
    /// let [a, b]: [Ipv4Network; 2] = ["10.0.0.0/8", "10.1.0.0/16"].map(|t| t.parse().unwrap());
    /// assert!(a.overlaps(b) && b.subnet_of(a) && a.supernet_of(b) && !a.subnet_of(b));
    /// ```
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.address) || other.contains(self.address)
    }

    /// Every address of this lies in the other.
    ///
    /// ```
    /// use addr::{IpNetwork, Ipv4Network};
    /// let [a, b]: [Ipv4Network; 2] = ["10.0.0.0/8", "10.1.0.0/16"].map(|t| t.parse().unwrap());
    /// assert!(b.subnet_of(a) && IpNetwork::from(b).subnet_of(a.into()));
    /// ```
    pub fn subnet_of(self, other: Self) -> bool {
        other.contains(self.address) && other.mask <= self.mask
    }

    /// Every address of the other lies in this.
    ///
    /// ```
    /// use addr::{IpNetwork, Ipv4Network};
    /// let [a, b]: [Ipv4Network; 2] = ["10.0.0.0/8", "10.1.0.0/16"].map(|t| t.parse().unwrap());
    /// assert!(a.supernet_of(b) && IpNetwork::from(a).supernet_of(b.into()));
    /// ```
    pub fn supernet_of(self, other: Self) -> bool {
        other.subnet_of(self)
    }

    fn error(problem: Problem) -> AddrError {
        AddrError::new(Subject::Network, Some(A::VERSION), problem)
    }
}

impl Ipv4Network {
    /// The directed broadcast address: the last one.
    ///
    /// ```
    /// let network: addr::Ipv4Network = "10.0.0.0/30".parse().unwrap();
    /// assert_eq!(network.broadcast(), network.last());
    /// ```
    #[inline]
    pub fn broadcast(self) -> Ipv4Addr {
        self.last()
    }
}

/// Every address there is: `0.0.0.0/0` or `::/0`.
impl<A: Address> Default for Network<A> {
    fn default() -> Self {
        Self { address: A::ZERO, mask: Mask::default() }
    }
}

impl<A: Address> Versioned for Network<A> {
    #[inline]
    fn version(&self) -> IpVersion {
        A::VERSION
    }
}

impl<A: Address> fmt::Debug for Network<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Network({self})", A::VERSION.type_prefix())
    }
}

impl<A: Address> From<A> for Network<A> {
    fn from(address: A) -> Self {
        Self::host(address)
    }
}

/// A network of either family.
///
/// ```
/// use addr::{IpNetwork, Versioned};
/// let network: IpNetwork = "2001:db8::/32".parse().unwrap();
/// assert!(network.is_ip6());
/// assert!(!network.overlaps("0.0.0.0/0".parse().unwrap()));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum IpNetwork {
    /// A network of IPv4.
    V4(Ipv4Network),
    /// A network of IPv6.
    V6(Ipv6Network),
}

impl IpNetwork {
    /// The first address.
    pub fn address(self) -> IpAddr {
        match self {
            Self::V4(network) => network.address().into(),
            Self::V6(network) => network.address().into(),
        }
    }

    /// The length of the prefix.
    pub fn prefix_len(self) -> u8 {
        match self {
            Self::V4(network) => network.prefix_len(),
            Self::V6(network) => network.prefix_len(),
        }
    }

    /// The address is of the same family and inside.
    ///
    /// ```
    /// let network: addr::IpNetwork = "::/0".parse().unwrap();
    /// assert!(!network.contains(std::net::Ipv4Addr::LOCALHOST));
    /// ```
    pub fn contains(self, address: impl Into<IpAddr>) -> bool {
        match (self, address.into()) {
            (Self::V4(network), IpAddr::V4(ip)) => network.contains(ip),
            (Self::V6(network), IpAddr::V6(ip)) => network.contains(ip),
            _ => false,
        }
    }

    /// The two are of one family and have an address in common.
    pub fn overlaps(self, other: Self) -> bool {
        match (self, other) {
            (Self::V4(a), Self::V4(b)) => a.overlaps(b),
            (Self::V6(a), Self::V6(b)) => a.overlaps(b),
            _ => false,
        }
    }

    /// The two are of one family and every address of this lies in the other.
    pub fn subnet_of(self, other: Self) -> bool {
        match (self, other) {
            (Self::V4(a), Self::V4(b)) => a.subnet_of(b),
            (Self::V6(a), Self::V6(b)) => a.subnet_of(b),
            _ => false,
        }
    }

    /// The two are of one family and every address of the other lies in this.
    pub fn supernet_of(self, other: Self) -> bool {
        other.subnet_of(self)
    }
}

#[cfg(test)]
mod tests;
