//! What both families of `core::net` addresses share and the standard library lacks.
//!
//! [`Address`] is implemented by `Ipv4Addr` and `Ipv6Addr` alone. It gives them checked
//! constructors and arithmetic with errors that say why, the numeric formats, the group MAC and
//! the reverse pointer, and it is what masks, networks and interface addresses are generic over,
//! so that each of them exists once for both families. Bits are counted from the low end of a
//! `u128`.
//!
//! Predicates are named so that they do not meet the standard library's, which has (or will have)
//! some of the same names with other meanings.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::net::IpAddr;

use crate::text::trimmed;
use crate::{AddrError, Ip, IpVersion, Mac, Numeric, Problem, ReversePointer, Subject, Versioned};

mod family;

mod sealed {
    pub trait Sealed {}
    impl Sealed for std::net::Ipv4Addr {}
    impl Sealed for std::net::Ipv6Addr {}
}

/// An address of one family.
///
/// ```
/// use addr::Address;
/// use std::net::{Ipv4Addr, Ipv6Addr};
/// let ip = Ipv4Addr::from_text(" 10.0.0.1 ").unwrap();
/// assert_eq!(ip.plus(255).unwrap(), Ipv4Addr::new(10, 0, 1, 0));
/// assert!(Ipv4Addr::UNSPECIFIED.minus(1).is_err());
/// assert_eq!(Ipv6Addr::from_int(1).unwrap(), Ipv6Addr::LOCALHOST);
/// assert_eq!(Ipv4Addr::from_slice(&[127, 0, 0, 1]).unwrap(), Ipv4Addr::LOCALHOST);
/// assert_eq!(ip.reverse_pointer().to_string(), "1.0.0.10.in-addr.arpa");
/// ```
pub trait Address:
    sealed::Sealed + Versioned + Copy + Ord + Hash + Debug + Display + Into<IpAddr> + 'static
{
    /// The family.
    const VERSION: IpVersion;
    /// Bits of an address, and the longest prefix: 32 or 128.
    const WIDTH: u8 = Self::VERSION.width();
    /// The last address of the family as a number.
    const MAX: u128 = u128::MAX >> (128 - Self::WIDTH as u32);
    /// The all-zero address.
    const ZERO: Self;

    /// The form that an interface address keeps: with a zone where the family has zones.
    type Scoped: Copy + Ord + Hash + Debug + Display + From<Self> + Into<Self>;

    /// The address as a number.
    fn to_int(self) -> u128;

    /// The address of the low bits of a number; higher bits are cut off.
    fn from_low_bits(bits: u128) -> Self;

    /// Reads exactly an address, without whitespace around it and without a zone.
    #[doc(hidden)]
    fn read(text: &str) -> Result<Self, (Problem, usize)>;

    /// Reads the form of interface addresses; whitespace around it is no part of it.
    #[doc(hidden)]
    fn read_scoped(text: &str) -> Result<Self::Scoped, AddrError>;

    /// The least sorted list of networks that covers these, as `(address, prefix length)`.
    #[doc(hidden)]
    fn aggregate(networks: &[(Self, u8)]) -> Vec<(Self, u8)>;

    /// The address can name one host of a known scope: global, private, link-local or loopback.
    ///
    /// ```
    /// use addr::Address;
    /// use std::net::Ipv4Addr;
    /// assert!(Ipv4Addr::LOCALHOST.is_scoped_unicast());
    /// assert!(!Ipv4Addr::BROADCAST.is_scoped_unicast());
    /// ```
    fn is_scoped_unicast(self) -> bool;

    /// The MAC address of a multicast group (RFC 1112 §6.4, RFC 2464 §7).
    ///
    /// # Errors
    /// [`Problem::NotMulticast`] if the address is no multicast group.
    ///
    /// ```
    /// use addr::Address;
    /// use std::net::Ipv4Addr;
    /// let mac = Ipv4Addr::new(224, 129, 2, 3).multicast_mac().unwrap();
    /// assert_eq!(mac.to_string(), "01:00:5e:01:02:03");
    /// assert!(Ipv4Addr::LOCALHOST.multicast_mac().is_err());
    /// ```
    fn multicast_mac(self) -> Result<Mac, AddrError> {
        let ip: IpAddr = self.into();
        if ip.is_multicast() {
            Ok(Mac::multicast_for(Ip::from(ip)))
        } else {
            Err(Self::error(Problem::NotMulticast))
        }
    }

    /// The all-zero address of the same family.
    #[inline]
    fn unspecified(self) -> Self {
        Self::ZERO
    }

    /// The address of a number in the family's range.
    ///
    /// # Errors
    /// [`Problem::IntegerTooLarge`] if the number has more bits than the family.
    fn from_int(number: u128) -> Result<Self, AddrError> {
        if number > Self::MAX {
            return Err(Self::error(Problem::IntegerTooLarge));
        }
        Ok(Self::from_low_bits(number))
    }

    /// The address of bytes in network order, exactly as many as the family has.
    ///
    /// # Errors
    /// [`Problem::WrongLength`] if there are more or fewer bytes.
    fn from_slice(bytes: &[u8]) -> Result<Self, AddrError> {
        if bytes.len() * 8 != usize::from(Self::WIDTH) {
            return Err(Self::error(Problem::WrongLength));
        }
        Ok(Self::from_low_bits(bytes.iter().fold(0, |bits, &byte| bits << 8 | u128::from(byte))))
    }

    /// Reads an address as strictly as `inet_pton`; whitespace around it is no part of it.
    ///
    /// # Errors
    /// An error of kind [`ErrorKind::Format`](crate::ErrorKind::Format) that names the [`Problem`]
    /// and the byte of the text, if the text is no address of the family.
    fn from_text(text: &str) -> Result<Self, AddrError> {
        let (text, cut) = trimmed(text);
        Self::read(text).map_err(|(problem, at)| Self::error(problem).at(cut + at))
    }

    /// The address `n` after this one.
    ///
    /// # Errors
    /// [`Problem::BeyondRange`] if there is no such address in the family.
    fn plus(self, n: u128) -> Result<Self, AddrError> {
        let sum = self.to_int().checked_add(n).filter(|&sum| sum <= Self::MAX);
        sum.map(Self::from_low_bits).ok_or(Self::error(Problem::BeyondRange))
    }

    /// The address `n` before this one.
    ///
    /// # Errors
    /// [`Problem::BeyondRange`] if there is no such address in the family.
    fn minus(self, n: u128) -> Result<Self, AddrError> {
        let difference = self.to_int().checked_sub(n);
        difference.map(Self::from_low_bits).ok_or(Self::error(Problem::BeyondRange))
    }

    /// The number, with its binary and hexadecimal forms.
    #[inline]
    fn numeric(self) -> Numeric {
        Numeric::new(self.to_int(), Self::WIDTH)
    }

    /// The name under which reverse DNS knows the address.
    #[inline]
    fn reverse_pointer(self) -> ReversePointer {
        ReversePointer(self.into())
    }

    #[doc(hidden)]
    fn error(problem: Problem) -> AddrError {
        AddrError::new(Subject::Address, Some(Self::VERSION), problem)
    }
}

#[cfg(test)]
mod tests;
