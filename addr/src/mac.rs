//! A 48-bit link-layer address.
//!
//! Text is lower-case colon form; input may also use hyphens or the dotted form of three
//! four-digit groups, in any letter case. A multicast IP address maps to its group MAC
//! (RFC 1112 §6.4, RFC 2464 §7).

use std::fmt::{self, Write as _};
use std::str::FromStr;

use crate::numeric::numeric_formats;
use crate::text::{Buffer, pad, trimmed};
use crate::{AddrError, Ip, Numeric, Problem, Subject, Versioned};

/// A 48-bit Ethernet address.
///
/// ```
/// use addr::Mac;
/// let mac: Mac = "02-00-00-AB-CD-EF".parse().unwrap();
/// assert_eq!(mac.to_string(), "02:00:00:ab:cd:ef");
/// assert!(mac.is_unicast());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// All ones.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// All zeros.
    pub const UNSPECIFIED: Self = Self([0; 6]);

    /// All zeros: no address.
    ///
    /// ```
    /// assert!(addr::Mac([0; 6]).is_unspecified());
    /// ```
    #[inline]
    pub fn is_unspecified(&self) -> bool {
        *self == Self::UNSPECIFIED
    }

    /// All ones.
    ///
    /// ```
    /// assert!(addr::Mac([255; 6]).is_broadcast());
    /// ```
    #[inline]
    pub fn is_broadcast(&self) -> bool {
        *self == Self::BROADCAST
    }

    /// The group bit is set and it is not the broadcast address.
    ///
    /// ```
    /// assert!(addr::Mac([1, 0, 0x5e, 0, 0, 1]).is_multicast());
    /// ```
    #[inline]
    pub fn is_multicast(&self) -> bool {
        self.0[0] & 1 == 1 && !self.is_broadcast()
    }

    /// One station: the group bit is clear and it is not all zeros.
    ///
    /// ```
    /// assert!(addr::Mac([2, 0, 0, 0, 0, 1]).is_unicast());
    /// ```
    #[inline]
    pub fn is_unicast(&self) -> bool {
        self.0[0] & 1 == 0 && !self.is_unspecified()
    }

    /// The group address that carries packets to a multicast `ip`.
    ///
    /// For any other address it is the low bits all the same; ask [`Ip::is_multicast`] first.
    /// The limited broadcast address gives [`Mac::BROADCAST`].
    ///
    /// ```
    /// use addr::{Ip, Mac};
    /// assert_eq!(Mac::multicast_for(Ip::v4([224, 129, 2, 3])).to_string(), "01:00:5e:01:02:03");
    /// assert_eq!(Mac::multicast_for(Ip::ALL_NODES).to_string(), "33:33:00:00:00:01");
    /// ```
    pub fn multicast_for(ip: Ip) -> Self {
        let [.., a, b, c, d] = *ip.octets();
        if ip.is_limited_broadcast() {
            Self::BROADCAST
        } else if ip.is_v4() {
            Self([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        } else {
            Self([0x33, 0x33, a, b, c, d])
        }
    }

    /// In the range of IPv4 groups, `01:00:5e` (compared over 24 bits).
    ///
    /// ```
    /// use addr::Mac;
    /// assert!(Mac([0x01, 0, 0x5e, 0, 0, 1]).is_multicast_ip4());
    /// ```
    #[inline]
    pub fn is_multicast_ip4(&self) -> bool {
        self.0.starts_with(&[0x01, 0x00, 0x5e])
    }

    /// In the range of IPv6 groups, `33:33`.
    ///
    /// ```
    /// assert!(addr::Mac([0x33, 0x33, 0, 0, 0, 1]).is_multicast_ip6());
    /// ```
    #[inline]
    pub fn is_multicast_ip6(&self) -> bool {
        self.0.starts_with(&[0x33, 0x33])
    }

    /// In the range of solicited-node groups, `33:33:ff`.
    ///
    /// ```
    /// use addr::{Ip, Mac};
    /// let ip: Ip = "2001:db8::1".parse().unwrap();
    /// assert!(Mac::multicast_for(ip.solicited_node()).is_multicast_ip6_solicited_node());
    /// ```
    #[inline]
    pub fn is_multicast_ip6_solicited_node(&self) -> bool {
        self.0.starts_with(&[0x33, 0x33, 0xff])
    }

    /// All zeros, like the constant.
    ///
    /// ```
    /// use addr::Mac;
    /// assert_eq!(Mac::BROADCAST.unspecified(), Mac::UNSPECIFIED);
    /// ```
    #[inline]
    pub const fn unspecified(self) -> Self {
        Self::UNSPECIFIED
    }

    /// The address of a 48-bit number.
    ///
    /// # Errors
    /// [`Problem::IntegerTooLarge`] if the number has more than 48 bits.
    ///
    /// ```
    /// use addr::Mac;
    /// assert_eq!(Mac::from_int(0x0200_0000_0001).unwrap().to_string(), "02:00:00:00:00:01");
    /// assert!(Mac::from_int(1 << 48).is_err());
    /// ```
    pub fn from_int(number: u64) -> Result<Self, AddrError> {
        match number.to_be_bytes() {
            [0, 0, a, b, c, d, e, f] => Ok(Self([a, b, c, d, e, f])),
            _ => Err(error(Problem::IntegerTooLarge)),
        }
    }

    /// The address of exactly six bytes.
    ///
    /// # Errors
    /// [`Problem::WrongLength`] if there are more or fewer bytes.
    ///
    /// ```
    /// use addr::Mac;
    /// assert_eq!(Mac::from_slice(&[255; 6]), Ok(Mac::BROADCAST));
    /// assert!(Mac::from_slice(&[255; 7]).is_err());
    /// ```
    pub fn from_slice(bytes: &[u8]) -> Result<Self, AddrError> {
        bytes.try_into().map(Self).map_err(|_| error(Problem::WrongLength))
    }

    /// The 48 bits as a number.
    ///
    /// ```
    /// assert_eq!(addr::Mac([0, 0, 0, 0, 1, 2]).to_int(), 258);
    /// ```
    #[inline]
    pub const fn to_int(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }

    /// The address `n` after this one.
    ///
    /// # Errors
    /// [`Problem::BeyondRange`] if there is no such address.
    ///
    /// ```
    /// use addr::Mac;
    /// assert_eq!(Mac::UNSPECIFIED.plus(256).unwrap().to_string(), "00:00:00:00:01:00");
    /// assert!(Mac::BROADCAST.plus(1).is_err());
    /// ```
    pub fn plus(self, n: u64) -> Result<Self, AddrError> {
        let sum = self.to_int().checked_add(n).and_then(|sum| Self::from_int(sum).ok());
        sum.ok_or(error(Problem::BeyondRange))
    }

    /// The address `n` before this one.
    ///
    /// # Errors
    /// [`Problem::BeyondRange`] if there is no such address.
    ///
    /// ```
    /// use addr::Mac;
    /// assert!(Mac::UNSPECIFIED.minus(1).is_err());
    /// ```
    pub fn minus(self, n: u64) -> Result<Self, AddrError> {
        let difference = self.to_int().checked_sub(n).and_then(|left| Self::from_int(left).ok());
        difference.ok_or(error(Problem::BeyondRange))
    }

    /// The number for the numeric format traits.
    ///
    /// ```
    /// assert_eq!(format!("{:#x}", addr::Mac([255; 6]).numeric()), "0xffffffffffff");
    /// ```
    #[inline]
    pub const fn numeric(self) -> Numeric {
        Numeric::new(self.to_int() as u128, 48)
    }

    /// The text with hyphens.
    ///
    /// ```
    /// use addr::Mac;
    /// let mac = Mac([2, 0, 0, 0x77, 0x77, 0x77]);
    /// assert_eq!(mac.hyphenated().to_string(), "02-00-00-77-77-77");
    /// assert_eq!(mac.dotted().to_string(), "0200.0077.7777");
    /// ```
    #[inline]
    pub const fn hyphenated(self) -> MacText {
        MacText { mac: self, group: 2, separator: b'-' }
    }

    /// The text in three groups with dots between.
    ///
    /// ```
    /// assert_eq!(addr::Mac([2, 0, 0, 0, 0, 1]).dotted().to_string(), "0200.0000.0001");
    /// ```
    #[inline]
    pub const fn dotted(self) -> MacText {
        MacText { mac: self, group: 4, separator: b'.' }
    }
}

impl Ip {
    /// The MAC address of a multicast group.
    ///
    /// # Errors
    /// [`Problem::NotMulticast`] if the address is no multicast group.
    ///
    /// ```
    /// use addr::Ip;
    /// assert_eq!(Ip::ALL_NODES.multicast_mac().unwrap().to_string(), "33:33:00:00:00:01");
    /// assert!(Ip::LIMITED_BROADCAST.multicast_mac().is_err());
    /// ```
    pub fn multicast_mac(&self) -> Result<Mac, AddrError> {
        if !self.is_multicast() {
            let version = Some(self.version());
            return Err(AddrError::new(Subject::Address, version, Problem::NotMulticast));
        }
        Ok(Mac::multicast_for(*self))
    }
}

numeric_formats!(Mac);

fn error(problem: Problem) -> AddrError {
    AddrError::new(Subject::Mac, None, problem)
}

/// Another text form of a MAC address; made by [`Mac::hyphenated`] and [`Mac::dotted`].
///
/// ```
/// let text = addr::Mac::BROADCAST.dotted();
/// assert_eq!(format!("{text:>16}"), "  ffff.ffff.ffff");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacText {
    mac: Mac,
    group: usize,
    separator: u8,
}

impl fmt::Display for MacText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Buffer::new();
        for digit in 0..12 {
            if digit > 0 && digit % self.group == 0 {
                text.write_char(self.separator as char)?;
            }
            let byte = self.mac.0[digit / 2];
            write!(text, "{:x}", if digit % 2 == 0 { byte >> 4 } else { byte & 15 })?;
        }
        f.pad(text.as_str())
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        pad(f, format_args!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}"))
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mac({self})")
    }
}

impl From<[u8; 6]> for Mac {
    fn from(octets: [u8; 6]) -> Self {
        Self(octets)
    }
}

impl From<Mac> for [u8; 6] {
    fn from(mac: Mac) -> Self {
        mac.0
    }
}

impl FromStr for Mac {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let (text, cut) = trimmed(text);
        read(text.as_bytes()).map_err(|(problem, at)| error(problem).at(cut + at))
    }
}

fn read(text: &[u8]) -> Result<Mac, (Problem, usize)> {
    if text.is_empty() {
        return Err((Problem::Empty, 0));
    }
    let (separator, group) = match (text.get(2), text.get(4)) {
        (Some(&separator @ (b':' | b'-')), _) => (separator, 2),
        (_, Some(b'.')) => (b'.', 4),
        _ => {
            let at = text.iter().position(|byte| !byte.is_ascii_hexdigit());
            return Err(match at {
                // Single digits before a colon or hyphen, or two before a dot.
                Some(at @ ..=3) if b":-.".contains(&text[at]) => (Problem::MissingDigits, at),
                Some(at) => (Problem::UnexpectedCharacter, at),
                None => (Problem::TooFewParts, text.len()),
            });
        }
    };
    let whole = 12 + 12 / group - 1;
    let mut octets = [0; 6];
    let mut digits = 0;
    for (at, &byte) in text.iter().enumerate() {
        if at == whole {
            return Err((Problem::TooManyParts, at));
        }
        if at % (group + 1) == group {
            if byte != separator {
                return Err((Problem::UnexpectedCharacter, at));
            }
            continue;
        }
        let Some(nibble) = (byte as char).to_digit(16) else {
            let missing = byte == separator;
            let problem =
                if missing { Problem::MissingDigits } else { Problem::UnexpectedCharacter };
            return Err((problem, at));
        };
        octets[digits / 2] = octets[digits / 2] << 4 | nibble as u8;
        digits += 1;
    }
    if text.len() < whole {
        return Err((Problem::TooFewParts, text.len()));
    }
    Ok(Mac(octets))
}

#[cfg(test)]
mod tests;
