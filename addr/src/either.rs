//! Values of either family, and how their text is told apart.
//!
//! [`ScopedIp`] is an address of either family whose IPv6 half may have a zone. Text of "either"
//! types is tried as IPv6 first; the error is that of the family which the text looks like.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::{AddrError, Address, Ip, IpVersion, ScopedIpv6, Versioned};

/// An address of either family, with a zone where IPv6 has one.
///
/// ```
/// use addr::{ScopedIp, Versioned};
/// let ip: ScopedIp = "fe80::1%eth0".parse().unwrap();
/// assert!(ip.is_ip6());
/// let error = "10.0.0.256".parse::<ScopedIp>().unwrap_err();
/// assert_eq!(error.to_string(), "IPv4 address: number too large, at byte 7");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScopedIp {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, perhaps with a zone.
    V6(ScopedIpv6),
}

impl Versioned for ScopedIp {
    fn version(&self) -> IpVersion {
        match self {
            Self::V4(_) => IpVersion::V4,
            Self::V6(_) => IpVersion::V6,
        }
    }
}

impl fmt::Display for ScopedIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(ip) => ip.fmt(f),
            Self::V6(ip) => fmt::Display::fmt(ip, f),
        }
    }
}

impl fmt::Debug for ScopedIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScopedIp({self})")
    }
}

impl FromStr for ScopedIp {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        first_v6(text, |t| t.parse().map(Self::V6), |t| Ipv4Addr::from_text(t).map(Self::V4))
    }
}

impl From<Ipv4Addr> for ScopedIp {
    fn from(ip: Ipv4Addr) -> Self {
        Self::V4(ip)
    }
}

impl From<Ipv6Addr> for ScopedIp {
    fn from(ip: Ipv6Addr) -> Self {
        Self::V6(ip.into())
    }
}

impl From<ScopedIpv6> for ScopedIp {
    fn from(ip: ScopedIpv6) -> Self {
        Self::V6(ip)
    }
}

impl From<IpAddr> for ScopedIp {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => ip.into(),
            IpAddr::V6(ip) => ip.into(),
        }
    }
}

impl From<ScopedIp> for IpAddr {
    fn from(ip: ScopedIp) -> Self {
        match ip {
            ScopedIp::V4(ip) => ip.into(),
            ScopedIp::V6(ip) => ip.into(),
        }
    }
}

impl From<ScopedIp> for Ip {
    fn from(ip: ScopedIp) -> Self {
        IpAddr::from(ip).into()
    }
}

/// Reads text as IPv6, then as IPv4.
pub(crate) fn first_v6<T>(
    text: &str,
    six: impl FnOnce(&str) -> Result<T, AddrError>,
    four: impl FnOnce(&str) -> Result<T, AddrError>,
) -> Result<T, AddrError> {
    six(text).or_else(|of_six| {
        four(text).map_err(|of_four| if text.contains(':') { of_six } else { of_four })
    })
}

#[cfg(test)]
mod tests;
