//! An address with a prefix length: an interface address, or a network.
//!
//! The same type serves both: `10.0.1.7/24` keeps its host bits, [`Cidr::network`] clears them.
//! The prefix counts bits of the address's own family; [`Cidr::bits128`] counts them in the
//! 16-byte key, which is what longest-prefix tables use.

use std::fmt;
use std::str::FromStr;

use crate::text::{parse_number, trimmed};
use crate::{AddrError, Ip, Problem, Subject, Versioned};

/// An address and a prefix length in bits of its family.
///
/// ```
/// use addr::{Cidr, Ip};
/// let cidr: Cidr = "10.0.1.7/24".parse().unwrap();
/// assert!(cidr.contains("10.0.1.200".parse().unwrap()));
/// assert_eq!(cidr.network().to_string(), "10.0.1.0/24");
/// assert_eq!(cidr.broadcast(), Some(Ip::v4([10, 0, 1, 255])));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    /// The address, host bits kept.
    pub ip: Ip,
    /// Prefix length in bits of the family: 0..=32 or 0..=128.
    pub prefix: u8,
}

impl Cidr {
    /// Joins an address and a prefix length; the prefix must fit the family.
    ///
    /// # Errors
    /// [`Problem::PrefixTooLong`] if the prefix has more bits than the address.
    ///
    /// ```
    /// use addr::{Cidr, Ip};
    /// assert!(Cidr::new(Ip::v4([10, 0, 0, 1]), 33).is_err());
    /// ```
    pub fn new(ip: Ip, prefix: u8) -> Result<Self, AddrError> {
        if prefix > ip.width() {
            return Err(AddrError::new(
                Subject::InterfaceAddress,
                Some(ip.version()),
                Problem::PrefixTooLong,
            ));
        }
        Ok(Self { ip, prefix })
    }

    /// The address alone: `/32` or `/128`.
    ///
    /// ```
    /// use addr::{Cidr, Ip};
    /// assert_eq!(Cidr::host(Ip::v4([10, 0, 0, 1])).prefix, 32);
    /// ```
    pub fn host(ip: Ip) -> Self {
        Self { ip, prefix: ip.width() }
    }

    /// `0.0.0.0/0` or `::/0`.
    ///
    /// ```
    /// use addr::Cidr;
    /// assert_eq!(Cidr::default_route(false).to_string(), "::/0");
    /// ```
    pub fn default_route(v4: bool) -> Self {
        let ip = if v4 { Ip::UNSPECIFIED_V4 } else { Ip::UNSPECIFIED_V6 };
        Self { ip, prefix: 0 }
    }

    /// Prefix length counted in the 16-byte key: 96 more for IPv4.
    ///
    /// ```
    /// let cidr: addr::Cidr = "10.0.0.0/8".parse().unwrap();
    /// assert_eq!(cidr.bits128(), 104);
    /// ```
    #[inline]
    pub fn bits128(&self) -> u8 {
        let before = if self.ip.is_v4() { 96 } else { 0 };
        self.prefix.saturating_add(before).min(128)
    }

    /// The mask over the 16-byte key.
    #[inline]
    fn mask(&self) -> u128 {
        match self.bits128() {
            0 => 0,
            bits => u128::MAX << (128 - u32::from(bits)),
        }
    }

    /// `ip` is of the same family and inside the prefix.
    #[inline]
    pub fn contains(&self, ip: Ip) -> bool {
        // The family must be compared because `::/0` would cover every mapped key.
        (self.ip.to_bits() ^ ip.to_bits()) & self.mask() == 0 && self.ip.same_family(&ip)
    }

    /// The same prefix with host bits cleared.
    #[inline]
    pub fn network(&self) -> Self {
        Self { ip: Ip::from_bits(self.ip.to_bits() & self.mask()), prefix: self.prefix }
    }

    /// The directed broadcast address: IPv4 up to `/30`; `/31` (RFC 3021), `/32` and IPv6 have
    /// none.
    pub fn broadcast(&self) -> Option<Ip> {
        (self.ip.is_v4() && self.prefix < 31)
            .then(|| Ip::from_bits(self.ip.to_bits() | !self.mask()))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::text::pad(f, format_args!("{}/{}", self.ip, self.prefix))
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Cidr {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let (text, cut) = trimmed(text);
        let (address, digits) = match text.split_once('/') {
            Some((address, digits)) => (address, Some(digits)),
            None => (text, None),
        };
        let ip: Ip = address
            .parse()
            .map_err(|error: AddrError| error.within(Subject::InterfaceAddress).shifted(cut))?;
        let Some(digits) = digits else {
            return Ok(Self::host(ip));
        };
        let at = cut + address.len() + 1;
        let prefix = parse_number(digits, u16::from(ip.width())).map_err(|(problem, inside)| {
            let problem = match problem {
                Problem::NumberTooLarge => Problem::PrefixTooLong,
                other => other,
            };
            AddrError::new(Subject::InterfaceAddress, Some(ip.version()), problem).at(at + inside)
        })?;
        Ok(Self { ip, prefix: prefix as u8 })
    }
}

#[cfg(test)]
mod tests;
