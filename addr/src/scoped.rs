//! IPv6 addresses with a zone (RFC 4007): `fe80::1%eth0`.
//!
//! A link-local address means nothing without the link. The zone is the name or number of the
//! interface, as text; it is part of equality, hash and order. Only addresses that are
//! ambiguous between links may carry one: link-local, `::1`, and multicast of a scope less than
//! global. A zone is at most 15 bytes, as long as an interface name can be, so that the value is
//! `Copy`; and it has no slash, space or control character, which no interface name has either.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use crate::text::{pad, parse6, trimmed};
use crate::{AddrError, Address, IpVersion, Ipv6Ext, Numeric, Problem, Subject, Versioned};

/// The name of the link that an address belongs to.
///
/// ```
/// use addr::Zone;
/// assert_eq!(Zone::new("eth0").unwrap().as_str(), "eth0");
/// assert!(Zone::new("").is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zone {
    // Zero padded; no name holds a zero byte, so the derived order is that of the texts.
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

impl Zone {
    /// The longest zone in bytes, which is the longest interface name.
    pub const MAX_LEN: usize = 15;

    /// A zone from its text.
    ///
    /// # Errors
    /// [`Problem::ZoneEmpty`], [`Problem::ZoneTooLong`], [`Problem::ZoneRepeated`] if there is a
    /// `%`, [`Problem::UnexpectedCharacter`] for a slash, white space or control character; each
    /// with the byte of the text.
    pub fn new(text: &str) -> Result<Self, AddrError> {
        if text.is_empty() {
            return Err(error(Problem::ZoneEmpty).at(0));
        }
        if let Some(at) = text.find('%') {
            return Err(error(Problem::ZoneRepeated).at(at));
        }
        if let Some(at) = text.find(|c: char| c == '/' || c.is_whitespace() || c.is_control()) {
            return Err(error(Problem::UnexpectedCharacter).at(at));
        }
        let mut bytes = [0; Self::MAX_LEN];
        let Some(room) = bytes.get_mut(..text.len()) else {
            return Err(error(Problem::ZoneTooLong).at(Self::MAX_LEN));
        };
        room.copy_from_slice(text.as_bytes());
        Ok(Self { bytes, len: text.len() as u8 })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({self})")
    }
}

impl FromStr for Zone {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        Self::new(text)
    }
}

/// An IPv6 address that may have a zone.
///
/// ```
/// use addr::ScopedIpv6;
/// let ip: ScopedIpv6 = "FE80:0::1%eth0".parse().unwrap();
/// assert_eq!(ip.to_string(), "fe80::1%eth0");
/// assert_eq!(ip.scope_id(), Some("eth0"));
/// assert!("2001:db8::1%eth0".parse::<ScopedIpv6>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopedIpv6 {
    ip: Ipv6Addr,
    zone: Option<Zone>,
}

impl ScopedIpv6 {
    /// Joins an address and a zone; the address must be one that can have a zone.
    ///
    /// # Errors
    /// [`Problem::ZoneNotAllowed`] if there is a zone and the address has a scope without zones.
    ///
    /// ```
    /// use addr::{ScopedIpv6, Zone};
    /// use std::net::Ipv6Addr;
    /// let zone = Zone::new("lo").unwrap();
    /// assert_eq!(ScopedIpv6::new(Ipv6Addr::LOCALHOST, Some(zone)).unwrap().to_string(), "::1%lo");
    /// ```
    pub fn new(ip: Ipv6Addr, zone: Option<Zone>) -> Result<Self, AddrError> {
        if zone.is_some() && !Self::is_zoneable(ip) {
            return Err(error(Problem::ZoneNotAllowed));
        }
        Ok(Self { ip, zone })
    }

    /// The address can have a zone: link-local, `::1`, or multicast of scope 1 to 13.
    ///
    /// ```
    /// use addr::ScopedIpv6;
    /// assert!(ScopedIpv6::is_zoneable("fe80::1".parse().unwrap()));
    /// assert!(!ScopedIpv6::is_zoneable("2001:db8::1".parse().unwrap()));
    /// ```
    pub fn is_zoneable(ip: Ipv6Addr) -> bool {
        let scope = ip.octets()[1] & 15;
        ip.is_unicast_link_local()
            || ip.is_loopback()
            || (ip.is_multicast() && (1..=13).contains(&scope))
    }

    /// The address alone.
    #[inline]
    pub const fn ip(self) -> Ipv6Addr {
        self.ip
    }

    /// The zone.
    #[inline]
    pub const fn zone(self) -> Option<Zone> {
        self.zone
    }

    /// The text of the zone.
    #[inline]
    pub fn scope_id(&self) -> Option<&str> {
        self.zone.as_ref().map(Zone::as_str)
    }

    /// The address `n` after this one; the zone stays while the result can have one.
    ///
    /// # Errors
    /// [`Problem::BeyondRange`] if there is no such address.
    ///
    /// ```
    /// use addr::ScopedIpv6;
    /// let ip: ScopedIpv6 = "::1%lo".parse().unwrap();
    /// assert_eq!(ip.plus(1).unwrap().to_string(), "::2");
    /// ```
    pub fn plus(self, n: u128) -> Result<Self, AddrError> {
        self.ip.plus(n).map(|ip| self.moved(ip))
    }

    /// The address `n` before this one; the zone stays while the result can have one.
    ///
    /// # Errors
    /// [`Problem::BeyondRange`] if there is no such address.
    ///
    /// ```
    /// let ip: addr::ScopedIpv6 = "fe80::2%eth0".parse().unwrap();
    /// assert_eq!(ip.minus(1).unwrap().to_string(), "fe80::1%eth0");
    /// ```
    pub fn minus(self, n: u128) -> Result<Self, AddrError> {
        self.ip.minus(n).map(|ip| self.moved(ip))
    }

    fn moved(self, ip: Ipv6Addr) -> Self {
        Self { ip, zone: self.zone.filter(|_| Self::is_zoneable(ip)) }
    }

    /// The number of the address, which has no zone.
    ///
    /// ```
    /// let ip: addr::ScopedIpv6 = "::1%lo".parse().unwrap();
    /// assert_eq!(ip.numeric().to_string(), "1");
    /// ```
    #[inline]
    pub fn numeric(self) -> Numeric {
        self.ip.numeric()
    }

    /// Eight groups of four digits, without the zone.
    ///
    /// ```
    /// let ip: addr::ScopedIpv6 = "::1%lo".parse().unwrap();
    /// assert_eq!(ip.exploded().to_string(), "0000:0000:0000:0000:0000:0000:0000:0001");
    /// ```
    #[inline]
    pub fn exploded(self) -> crate::Exploded {
        self.ip.exploded()
    }
}

crate::numeric::numeric_formats!(ScopedIpv6);

fn error(problem: Problem) -> AddrError {
    AddrError::new(Subject::Address, Some(IpVersion::V6), problem)
}

impl Versioned for ScopedIpv6 {
    #[inline]
    fn version(&self) -> IpVersion {
        IpVersion::V6
    }
}

impl From<Ipv6Addr> for ScopedIpv6 {
    #[inline]
    fn from(ip: Ipv6Addr) -> Self {
        Self { ip, zone: None }
    }
}

impl From<ScopedIpv6> for Ipv6Addr {
    #[inline]
    fn from(ip: ScopedIpv6) -> Self {
        ip.ip
    }
}

impl From<ScopedIpv6> for IpAddr {
    #[inline]
    fn from(ip: ScopedIpv6) -> Self {
        ip.ip.into()
    }
}

impl fmt::Display for ScopedIpv6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.zone {
            None => fmt::Display::fmt(&self.ip, f),
            Some(zone) => pad(f, format_args!("{}%{zone}", self.ip)),
        }
    }
}

impl fmt::Debug for ScopedIpv6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScopedIpv6({self})")
    }
}

impl FromStr for ScopedIpv6 {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let (text, cut) = trimmed(text);
        let (ip, zone) = match text.split_once('%') {
            Some((ip, zone)) => (ip, Some(zone)),
            None => (text, None),
        };
        let parsed = parse6(ip).map_err(|(problem, at)| error(problem).at(cut + at))?;
        let Some(zone) = zone else {
            return Ok(parsed.into());
        };
        let zone = Zone::new(zone).map_err(|error| error.shifted(cut + ip.len() + 1))?;
        Self::new(parsed, Some(zone)).map_err(|error| error.at(cut + ip.len()))
    }
}

#[cfg(test)]
mod tests;
