//! Text of networks.
//!
//! Both families read `address/length` and a bare address. IPv4 also reads a dotted mask after the
//! slash, and after one space a dotted mask or a slash with a length. An IPv6 network has no zone.

use std::fmt;
use std::str::FromStr;

use super::{IpNetwork, Network};
use crate::text::{pad, trimmed};
use crate::{AddrError, Address, IpVersion, Mask, Problem, Subject};

/// The address text, the mask text with its place, and the mask.
pub(crate) type Parts<'a, A> = (&'a str, Option<Mask<A>>);

/// Splits address and mask. Positions in errors count from the start of `text`.
pub(crate) fn split<A: Address>(text: &str, subject: Subject) -> Result<Parts<'_, A>, AddrError> {
    let four = A::VERSION == IpVersion::V4;
    if let Some(space) = text.find(' ').filter(|_| four) {
        let rest = &text[space + 1..];
        let mask = rest.strip_prefix('/').map_or_else(
            || Mask::read_dotted(rest),
            |digits| Mask::read_digits(digits).map_err(|error| error.shifted(1)),
        );
        let mask = mask.map_err(|error| error.within(subject).shifted(space + 1))?;
        return Ok((&text[..space], Some(mask)));
    }
    let Some(slash) = text.find('/') else {
        return Ok((text, None));
    };
    let rest = &text[slash + 1..];
    let mask =
        if four && rest.contains('.') { Mask::read_dotted(rest) } else { Mask::read_digits(rest) };
    let mask = mask.map_err(|error| error.within(subject).shifted(slash + 1))?;
    Ok((&text[..slash], Some(mask)))
}

impl<A: Address> Network<A> {
    /// Reads a network whose host bits must be clear.
    ///
    /// # Errors
    /// What parsing the ordinary form reports, and [`Problem::HostBitsSet`] if there are host bits.
    ///
    /// ```
    /// use addr::Ipv4Network;
    /// assert!(Ipv4Network::from_text_strict("10.0.0.0/255.0.0.0").is_ok());
    /// let error = Ipv4Network::from_text_strict("10.0.0.1/8").unwrap_err();
    /// assert_eq!(error.to_string(), "IPv4 network: host bits are set, at byte 0");
    /// ```
    pub fn from_text_strict(text: &str) -> Result<Self, AddrError> {
        let (address, mask, cut) = Self::read(text)?;
        Self::strict(address, mask).map_err(|error| error.at(cut))
    }

    fn read(text: &str) -> Result<(A, Mask<A>, usize), AddrError> {
        let (text, cut) = trimmed(text);
        let fail = |problem, at| Self::error(problem).at(cut + at);
        let (address, mask) =
            split::<A>(text, Subject::Network).map_err(|error| error.shifted(cut))?;
        if let Some(percent) = address.find('%').filter(|_| A::VERSION == IpVersion::V6) {
            return Err(fail(Problem::ZoneNotAllowed, percent));
        }
        let address = A::read(address).map_err(|(problem, at)| fail(problem, at))?;
        Ok((address, mask.unwrap_or(Mask::HOST), cut))
    }
}

impl<A: Address> FromStr for Network<A> {
    type Err = AddrError;

    /// Host bits are cleared.
    fn from_str(text: &str) -> Result<Self, AddrError> {
        Self::read(text).map(|(address, mask, _)| Self::new(address, mask))
    }
}

impl<A: Address> fmt::Display for Network<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        pad(f, format_args!("{}{}", self.address, self.mask))
    }
}

impl fmt::Display for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(network) => network.fmt(f),
            Self::V6(network) => network.fmt(f),
        }
    }
}

impl fmt::Debug for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(network) => fmt::Debug::fmt(network, f),
            Self::V6(network) => fmt::Debug::fmt(network, f),
        }
    }
}

impl FromStr for IpNetwork {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        crate::either::first_v6(text, |t| t.parse().map(Self::V6), |t| t.parse().map(Self::V4))
    }
}
