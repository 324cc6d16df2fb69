//! Which of the two IP families a value belongs to.
//!
//! [`Versioned`] asks the same three questions of every IP value: addresses, masks, wildcards,
//! networks and interface addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 or IPv6.
///
/// ```
/// use addr::IpVersion;
/// assert_eq!(IpVersion::V6 as u8, 6);
/// assert_eq!(IpVersion::V4.to_string(), "IPv4");
/// assert_eq!(IpVersion::V4.width(), 32);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum IpVersion {
    /// 32-bit addresses.
    V4 = 4,
    /// 128-bit addresses.
    V6 = 6,
}

impl IpVersion {
    /// Bits of an address, which is also the longest prefix: 32 or 128.
    #[inline]
    pub const fn width(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    /// How type names of the family begin.
    pub(crate) const fn type_prefix(self) -> &'static str {
        match self {
            Self::V4 => "Ipv4",
            Self::V6 => "Ipv6",
        }
    }
}

impl fmt::Display for IpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// The family of an IP value.
///
/// ```
/// use addr::{IpVersion, Ipv6Network, Versioned};
/// use std::net::Ipv4Addr;
/// assert!(Ipv4Addr::LOCALHOST.is_ip4());
/// let network: Ipv6Network = "2001:db8::/32".parse().unwrap();
/// assert_eq!((network.version(), network.max_prefixlen()), (IpVersion::V6, 128));
/// ```
pub trait Versioned {
    /// The family.
    fn version(&self) -> IpVersion;

    /// The value belongs to IPv4.
    #[inline]
    fn is_ip4(&self) -> bool {
        self.version() == IpVersion::V4
    }

    /// The value belongs to IPv6.
    #[inline]
    fn is_ip6(&self) -> bool {
        self.version() == IpVersion::V6
    }

    /// The longest prefix of the family: 32 or 128.
    #[inline]
    fn max_prefixlen(&self) -> u8 {
        self.version().width()
    }
}

impl Versioned for Ipv4Addr {
    #[inline]
    fn version(&self) -> IpVersion {
        IpVersion::V4
    }
}

impl Versioned for Ipv6Addr {
    #[inline]
    fn version(&self) -> IpVersion {
        IpVersion::V6
    }
}

impl Versioned for IpAddr {
    #[inline]
    fn version(&self) -> IpVersion {
        if self.is_ipv4() { IpVersion::V4 } else { IpVersion::V6 }
    }
}
