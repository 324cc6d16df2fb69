//! Network masks and wildcards.
//!
//! A [`Mask`] is contiguous leading ones, held as their count, so no other mask exists. A
//! [`Wildcard`] is any bit pattern, as in access lists and host masks. A mask is applied to an
//! address by `&`, a wildcard by `|`, in either order.

use std::fmt;
use std::marker::PhantomData;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::{BitAnd, BitOr};
use std::str::FromStr;

use crate::numeric::numeric_formats;
use crate::text::{pad, parse_number, trimmed};
use crate::{AddrError, Address, IpVersion, Numeric, Problem, Subject, Versioned};

/// A network mask of one family.
///
/// ```
/// use addr::Ipv4Mask;
/// use std::net::Ipv4Addr;
/// let mask: Ipv4Mask = "255.255.240.0".parse().unwrap();
/// assert_eq!((mask.to_string().as_str(), mask.prefix_len()), ("/20", 20));
/// assert_eq!(Ipv4Addr::new(10, 1, 35, 7) & mask, Ipv4Addr::new(10, 1, 32, 0));
/// assert!("255.0.255.0".parse::<Ipv4Mask>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mask<A> {
    ones: u8,
    family: PhantomData<A>,
}

/// A mask of IPv4.
pub type Ipv4Mask = Mask<Ipv4Addr>;
/// A mask of IPv6.
pub type Ipv6Mask = Mask<Ipv6Addr>;

impl<A: Address> Mask<A> {
    /// The mask of a single host: all ones.
    pub const HOST: Self = Self { ones: A::WIDTH, family: PhantomData };

    /// The mask of a prefix length.
    ///
    /// # Errors
    /// [`Problem::PrefixTooLong`] if the family has fewer bits.
    ///
    /// ```
    /// use addr::{Ipv4Mask, Ipv6Mask};
    /// assert_eq!(Ipv6Mask::new(64).unwrap().to_string(), "/64");
    /// assert!(Ipv4Mask::new(33).is_err());
    /// ```
    pub fn new(prefix_len: u8) -> Result<Self, AddrError> {
        if prefix_len > A::WIDTH {
            return Err(Self::error(Problem::PrefixTooLong));
        }
        Ok(Self { ones: prefix_len, family: PhantomData })
    }

    /// The mask whose bits a number has.
    ///
    /// # Errors
    /// [`Problem::IntegerTooLarge`] if the number has more bits than the family,
    /// [`Problem::MaskNotContiguous`] if its ones do not lead.
    ///
    /// ```
    /// use addr::{Ipv4Mask, Ipv4Wildcard};
    /// assert_eq!(Ipv4Mask::from_int(0xff00_0000).unwrap().to_string(), "/8");
    /// assert_eq!(Ipv4Wildcard::from_int(5).unwrap().to_string(), "0.0.0.5");
    /// ```
    pub fn from_int(number: u128) -> Result<Self, AddrError> {
        A::from_int(number).and_then(Self::from_address).map_err(|e| e.within(Subject::Mask))
    }

    /// The mask whose bits a buffer has, in network order and of exactly the family's length.
    ///
    /// # Errors
    /// [`Problem::WrongLength`] if there are more or fewer bytes, [`Problem::MaskNotContiguous`] if
    /// the ones do not lead.
    ///
    /// ```
    /// use addr::{Ipv4Mask, Ipv4Wildcard};
    /// assert_eq!(Ipv4Mask::from_slice(&[255, 0, 0, 0]).unwrap().to_string(), "/8");
    /// assert!(Ipv4Wildcard::from_slice(&[5]).is_err());
    /// ```
    pub fn from_slice(bytes: &[u8]) -> Result<Self, AddrError> {
        A::from_slice(bytes).and_then(Self::from_address).map_err(|e| e.within(Subject::Mask))
    }

    /// The mask whose bits an address has.
    ///
    /// # Errors
    /// [`Problem::MaskNotContiguous`] if the ones do not lead.
    ///
    /// ```
    /// use addr::Ipv4Mask;
    /// use std::net::Ipv4Addr;
    /// let mask = Ipv4Mask::from_address(Ipv4Addr::new(255, 0, 0, 0)).unwrap();
    /// assert_eq!(mask.as_address(), Ipv4Addr::new(255, 0, 0, 0));
    /// ```
    pub fn from_address(address: A) -> Result<Self, AddrError> {
        let bits = address.to_int();
        let ones = bits.count_ones() as u8;
        if bits != ones_in_front::<A>(ones) {
            return Err(Self::error(Problem::MaskNotContiguous));
        }
        Ok(Self { ones, family: PhantomData })
    }

    /// How many ones lead.
    #[inline]
    pub const fn prefix_len(self) -> u8 {
        self.ones
    }

    /// No ones at all.
    ///
    /// ```
    /// use addr::{Ipv4Mask, Ipv4Wildcard};
    /// assert!(Ipv4Mask::default().is_unspecified() && Ipv4Wildcard::default().is_unspecified());
    /// ```
    #[inline]
    pub const fn is_unspecified(self) -> bool {
        self.ones == 0
    }

    /// The mask without ones.
    #[inline]
    pub fn unspecified(self) -> Self {
        Self::default()
    }

    /// The bits.
    ///
    /// ```
    /// use addr::Ipv4Mask;
    /// let mask = Ipv4Mask::new(8).unwrap();
    /// assert_eq!((mask.to_int(), mask.hostmask().to_int()), (0xff00_0000, 0x00ff_ffff));
    /// ```
    #[inline]
    pub fn to_int(self) -> u128 {
        ones_in_front::<A>(self.ones)
    }

    /// The bits as an address, which has the bytes and the dotted text.
    #[inline]
    pub fn as_address(self) -> A {
        A::from_low_bits(self.to_int())
    }

    /// The complement: the bits of hosts.
    ///
    /// ```
    /// use addr::Ipv4Mask;
    /// assert_eq!(Ipv4Mask::new(20).unwrap().hostmask().to_string(), "0.0.15.255");
    /// ```
    #[inline]
    pub fn hostmask(self) -> Wildcard<A> {
        Wildcard(A::from_low_bits(!self.to_int()))
    }

    /// The bits as a number for the numeric format traits.
    ///
    /// ```
    /// use addr::Ipv4Mask;
    /// let mask = Ipv4Mask::new(8).unwrap();
    /// assert_eq!(format!("{:x}", mask.numeric()), "ff000000");
    /// assert_eq!(format!("{:x}", mask.hostmask().numeric()), "00ffffff");
    /// ```
    #[inline]
    pub fn numeric(self) -> Numeric {
        Numeric::new(self.to_int(), A::WIDTH)
    }

    /// Reads the decimal digits after a slash.
    pub(crate) fn read_digits(digits: &str) -> Result<Self, AddrError> {
        match parse_number(digits, u16::from(A::WIDTH)) {
            Ok(ones) => Ok(Self { ones: ones as u8, family: PhantomData }),
            Err((Problem::NumberTooLarge, at)) => Err(Self::error(Problem::PrefixTooLong).at(at)),
            Err((problem, at)) => Err(Self::error(problem).at(at)),
        }
    }

    /// Reads a dotted mask.
    pub(crate) fn read_dotted(text: &str) -> Result<Self, AddrError> {
        let address = A::read(text).map_err(|(problem, at)| Self::error(problem).at(at))?;
        Self::from_address(address).map_err(|error| error.at(0))
    }

    fn error(problem: Problem) -> AddrError {
        AddrError::new(Subject::Mask, Some(A::VERSION), problem)
    }
}

#[inline]
fn ones_in_front<A: Address>(ones: u8) -> u128 {
    A::MAX & !A::MAX.checked_shr(u32::from(ones)).unwrap_or(0)
}

impl<A> Default for Mask<A> {
    fn default() -> Self {
        Self { ones: 0, family: PhantomData }
    }
}

impl<A: Address> FromStr for Mask<A> {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let (text, cut) = trimmed(text);
        if let Some(digits) = text.strip_prefix('/') {
            return Self::read_digits(digits).map_err(|error| error.shifted(cut + 1));
        }
        match A::VERSION {
            IpVersion::V4 => Self::read_dotted(text).map_err(|error| error.shifted(cut)),
            IpVersion::V6 if text.is_empty() => Err(Self::error(Problem::Empty).at(cut)),
            IpVersion::V6 => Err(Self::error(Problem::UnexpectedCharacter).at(cut)),
        }
    }
}

impl<A: Address> fmt::Display for Mask<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        pad(f, format_args!("/{}", self.ones))
    }
}

impl<A: Address> fmt::Debug for Mask<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Mask({self})", A::VERSION.type_prefix())
    }
}

/// Any pattern of bits, one meaning "does not matter".
///
/// ```
/// use addr::Ipv4Wildcard;
/// use std::net::Ipv4Addr;
/// let wildcard: Ipv4Wildcard = "0.0.254.255".parse().unwrap();
/// assert_eq!(wildcard.count_ones(), 15);
/// assert_eq!(Ipv4Addr::new(10, 0, 1, 7) | wildcard, Ipv4Addr::new(10, 0, 255, 255));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wildcard<A>(A);

/// A wildcard of IPv4.
pub type Ipv4Wildcard = Wildcard<Ipv4Addr>;
/// A wildcard of IPv6.
pub type Ipv6Wildcard = Wildcard<Ipv6Addr>;

impl<A: Address> Wildcard<A> {
    /// The wildcard whose bits an address has.
    ///
    /// ```
    /// use addr::Ipv4Wildcard;
    /// use std::net::Ipv4Addr;
    /// let wildcard = Ipv4Wildcard::new(Ipv4Addr::new(0, 0, 0, 255));
    /// assert_eq!(wildcard.as_address(), Ipv4Addr::new(0, 0, 0, 255));
    /// ```
    pub const fn new(bits: A) -> Self {
        Self(bits)
    }

    /// The wildcard whose bits a number has.
    ///
    /// # Errors
    /// [`Problem::IntegerTooLarge`](crate::Problem::IntegerTooLarge) if the number has more bits
    /// than the family.
    pub fn from_int(number: u128) -> Result<Self, AddrError> {
        A::from_int(number).map(Self).map_err(|error| error.within(Subject::Wildcard))
    }

    /// The wildcard whose bits a buffer has, in network order and of exactly the family's length.
    ///
    /// # Errors
    /// [`Problem::WrongLength`](crate::Problem::WrongLength) if there are more or fewer bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, AddrError> {
        A::from_slice(bytes).map(Self).map_err(|error| error.within(Subject::Wildcard))
    }

    /// How many bits do not matter.
    ///
    /// ```
    /// assert_eq!(addr::Ipv4Wildcard::from_int(5).unwrap().count_ones(), 2);
    /// ```
    #[inline]
    pub fn count_ones(self) -> u8 {
        self.to_int().count_ones() as u8
    }

    /// Every bit matters.
    #[inline]
    pub fn is_unspecified(self) -> bool {
        self == Self::default()
    }

    /// The wildcard without ones.
    #[inline]
    pub fn unspecified(self) -> Self {
        Self::default()
    }

    /// The bits.
    #[inline]
    pub fn to_int(self) -> u128 {
        self.0.to_int()
    }

    /// The bits as an address, which has the bytes.
    #[inline]
    pub const fn as_address(self) -> A {
        self.0
    }

    /// The bits as a number for the numeric format traits.
    #[inline]
    pub fn numeric(self) -> Numeric {
        self.0.numeric()
    }
}

impl<A: Address> Default for Wildcard<A> {
    fn default() -> Self {
        Self(A::ZERO)
    }
}

impl<A: Address> FromStr for Wildcard<A> {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        A::from_text(text).map(Self).map_err(|error| error.within(Subject::Wildcard))
    }
}

impl<A: Address> fmt::Display for Wildcard<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<A: Address> fmt::Debug for Wildcard<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Wildcard({self})", A::VERSION.type_prefix())
    }
}

numeric_formats!(@A: Address Mask<A>, @A: Address Wildcard<A>);

impl<A: Address> Versioned for Mask<A> {
    #[inline]
    fn version(&self) -> IpVersion {
        A::VERSION
    }
}

impl<A: Address> Versioned for Wildcard<A> {
    #[inline]
    fn version(&self) -> IpVersion {
        A::VERSION
    }
}

macro_rules! operators {
    ($($address:ty),*) => { $(
        impl BitAnd<Mask<$address>> for $address {
            type Output = $address;
            #[inline]
            fn bitand(self, mask: Mask<$address>) -> $address {
                Self::from_low_bits(self.to_int() & mask.to_int())
            }
        }
        impl BitAnd<$address> for Mask<$address> {
            type Output = $address;
            #[inline]
            fn bitand(self, address: $address) -> $address {
                address & self
            }
        }
        impl BitOr<Wildcard<$address>> for $address {
            type Output = $address;
            #[inline]
            fn bitor(self, wildcard: Wildcard<$address>) -> $address {
                Self::from_low_bits(self.to_int() | wildcard.to_int())
            }
        }
        impl BitOr<$address> for Wildcard<$address> {
            type Output = $address;
            #[inline]
            fn bitor(self, address: $address) -> $address {
                address | self
            }
        }
    )* };
}

operators!(Ipv4Addr, Ipv6Addr);

#[cfg(test)]
mod tests;
