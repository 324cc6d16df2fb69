//! A 48-bit link-layer address.
//!
//! Text is lower-case colon form; input may also use hyphens or the dotted form of three
//! four-digit groups, in any letter case. A multicast IP address maps to its group MAC
//! (RFC 1112 §6.4, RFC 2464 §7).

use std::fmt;
use std::str::FromStr;

use crate::{Ip, ParseError};

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
    #[inline]
    pub fn is_unspecified(&self) -> bool {
        *self == Self::UNSPECIFIED
    }

    /// All ones.
    #[inline]
    pub fn is_broadcast(&self) -> bool {
        *self == Self::BROADCAST
    }

    /// The group bit is set and it is not the broadcast address.
    #[inline]
    pub fn is_multicast(&self) -> bool {
        self.0[0] & 1 == 1 && !self.is_broadcast()
    }

    /// One station: the group bit is clear and it is not all zeros.
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
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim().as_bytes();
        let (separator, group) = match text.len() {
            17 => (text[2], 2),
            14 => (text[4], 4),
            _ => return Err(ParseError::Mac),
        };
        let known: &[u8] = if group == 2 { b":-" } else { b"." };
        if !known.contains(&separator) {
            return Err(ParseError::Mac);
        }
        let mut octets = [0; 6];
        let mut digits = 0;
        for (at, &byte) in text.iter().enumerate() {
            if at % (group + 1) == group {
                if byte != separator {
                    return Err(ParseError::Mac);
                }
                continue;
            }
            let Some(nibble) = (byte as char).to_digit(16) else {
                return Err(ParseError::Mac);
            };
            octets[digits / 2] = octets[digits / 2] << 4 | nibble as u8;
            digits += 1;
        }
        Ok(Self(octets))
    }
}

#[cfg(test)]
mod tests;
