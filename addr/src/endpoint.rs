//! Address with port, and the pair of them that names a flow.
//!
//! Both are compact keys (18 and 36 bytes, no padding) for hash tables; an IPv6 zone is not part of
//! an endpoint: the interface travels beside it where it matters.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::text::{parse_number, parse4, parse6, trimmed};
use crate::{AddrError, Ip, IpVersion, Problem, Subject};

/// An address and a port.
///
/// ```
/// use addr::Endpoint;
/// let endpoint: Endpoint = "[2001:db8::1]:80".parse().unwrap();
/// assert_eq!(endpoint.port, 80);
/// assert_eq!(Endpoint::new("10.0.0.1".parse().unwrap(), 443).to_string(), "10.0.0.1:443");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The address.
    pub ip: Ip,
    /// The port, host order.
    pub port: u16,
}

impl Endpoint {
    /// Joins an address and a port.
    #[inline]
    pub const fn new(ip: Ip, port: u16) -> Self {
        Self { ip, port }
    }

    /// The standard library's form; flow label and scope are zero.
    ///
    /// ```
    /// let endpoint: addr::Endpoint = "[::1]:80".parse().unwrap();
    /// assert!(endpoint.to_std().is_ipv6());
    /// ```
    #[inline]
    pub fn to_std(self) -> SocketAddr {
        SocketAddr::new(self.ip.to_std(), self.port)
    }
}

impl From<SocketAddr> for Endpoint {
    #[inline]
    fn from(address: SocketAddr) -> Self {
        Self { ip: address.ip().into(), port: address.port() }
    }
}

impl From<Endpoint> for SocketAddr {
    #[inline]
    fn from(endpoint: Endpoint) -> Self {
        endpoint.to_std()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_std(), f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Endpoint {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let (text, cut) = trimmed(text);
        text.parse::<SocketAddr>().map(Self::from).map_err(|_| {
            let (version, problem, at) = locate(text);
            AddrError::new(Subject::Endpoint, version, problem).at(cut + at)
        })
    }
}

/// Where a text that is no endpoint goes wrong.
fn locate(text: &str) -> (Option<IpVersion>, Problem, usize) {
    let (version, ip, start) = match text.strip_prefix('[') {
        Some(rest) => (Some(IpVersion::V6), rest.split(']').next().unwrap_or_default(), 1),
        None => (Some(IpVersion::V4), text.split(':').next().unwrap_or_default(), 0),
    };
    if text.is_empty() {
        return (None, Problem::Empty, 0);
    }
    let bad = if start == 1 { parse6(ip).err() } else { parse4(ip).err() };
    if let Some((problem, at)) = bad {
        return (version, problem, start + at);
    }
    let end = start + ip.len();
    let separator = if start == 1 { "]:" } else { ":" };
    let Some(port) = text[end..].strip_prefix(separator) else {
        return (version, Problem::PortMissing, end);
    };
    let (problem, at) = parse_number(port, u16::MAX).err().unwrap_or((Problem::NumberTooLarge, 0));
    (version, problem, end + separator.len() + at)
}

/// The two ends of a flow as one host sees them.
///
/// ```
/// use addr::FlowKey;
/// let key = FlowKey::new("10.0.0.1:80".parse().unwrap(), "10.0.0.2:4000".parse().unwrap());
/// assert_eq!(key.reversed().local, key.remote);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    /// Our end.
    pub local: Endpoint,
    /// The peer's end.
    pub remote: Endpoint,
}

impl FlowKey {
    /// Joins two ends.
    #[inline]
    pub const fn new(local: Endpoint, remote: Endpoint) -> Self {
        Self { local, remote }
    }

    /// The flow as the peer sees it.
    #[inline]
    pub const fn reversed(self) -> Self {
        Self { local: self.remote, remote: self.local }
    }
}

impl fmt::Display for FlowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <-> {}", self.local, self.remote)
    }
}

impl fmt::Debug for FlowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
