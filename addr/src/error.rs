//! The error of this crate: what was wrong with which kind of value, and where.
//!
//! An [`AddrError`] can be caught by kind ([`ErrorKind`]: malformed input, or well-formed input
//! that makes no sense here), by the value concerned ([`Subject`]), by family, or by the exact
//! [`Problem`]. For text it also knows the byte at which the trouble starts. It is a small `Copy`
//! value; the offending text stays in the caller's hand.

use std::error::Error;
use std::fmt;

use crate::IpVersion;

/// The error of the text parsers: an [`AddrError`] of kind [`ErrorKind::Format`].
pub type ParseError = AddrError;

/// Whether the input was malformed or merely impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The input does not denote a value of the type.
    Format,
    /// The values are fine, what was asked of them is not.
    Sanity,
}

/// The kind of value that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// An IP address.
    Address,
    /// A network mask.
    Mask,
    /// A wildcard (host) mask.
    Wildcard,
    /// A network.
    Network,
    /// An address with its network.
    InterfaceAddress,
    /// A link-layer address.
    Mac,
    /// An address with a port.
    Endpoint,
}

macro_rules! problems {
    ($($kind:ident { $($(#[doc = $doc:literal])* $name:ident = $text:literal,)* })*) => {
        /// What exactly was wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Problem { $($($(#[doc = $doc])* $name,)*)* }

        impl Problem {
            /// The kind of error that this is.
            ///
            /// ```
            /// use addr::{ErrorKind, Problem};
            /// assert_eq!(Problem::LeadingZero.kind(), ErrorKind::Format);
            /// assert_eq!(Problem::NotMulticast.kind(), ErrorKind::Sanity);
            /// ```
            pub const fn kind(self) -> ErrorKind {
                match self { $($(Self::$name => ErrorKind::$kind,)*)* }
            }
        }

        impl fmt::Display for Problem {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $($(Self::$name => $text,)*)* })
            }
        }
    };
}

problems! {
    Format {
        /// No text at all.
        Empty = "empty text",
        /// A character that cannot stand at this place.
        UnexpectedCharacter = "unexpected character",
        /// Digits are missing between separators, or before or after one.
        MissingDigits = "digits missing",
        /// A decimal number starts with a zero.
        LeadingZero = "leading zero",
        /// A number or group exceeds what its place holds.
        NumberTooLarge = "number too large",
        /// The text ends too early.
        TooFewParts = "too few parts",
        /// The text goes on where it should end.
        TooManyParts = "too many parts",
        /// `::` stands twice, or where no group is left out.
        MisplacedGap = "misplaced `::`",
        /// The port is missing.
        PortMissing = "no port",
        /// An integer does not fit the type.
        IntegerTooLarge = "integer out of range",
        /// A byte buffer is not exactly as long as the type.
        WrongLength = "wrong number of bytes",
        /// The prefix is longer than the family has bits.
        PrefixTooLong = "prefix length exceeds the address width",
        /// The ones of a mask do not lead.
        MaskNotContiguous = "mask is not contiguous leading ones",
        /// A network in strict form has host bits.
        HostBitsSet = "host bits are set",
        /// `%` without a zone.
        ZoneEmpty = "empty zone",
        /// More than one `%`.
        ZoneRepeated = "second `%`",
        /// The zone is longer than an interface name can be.
        ZoneTooLong = "zone too long",
        /// The address has no zone, by its scope or because networks have none.
        ZoneNotAllowed = "zone not allowed here",
    }
    Sanity {
        /// Address arithmetic left the range of the family.
        BeyondRange = "result leaves the address range",
        /// Only multicast addresses have a group MAC.
        NotMulticast = "not a multicast address",
        /// Only unicast and unspecified addresses have a solicited-node group.
        NotUnicast = "not a unicast address",
        /// The type has no such format code.
        FormatCode = "unknown format code",
        /// The network has no address of this index.
        IndexOutOfRange = "index out of range",
        /// The prefix length or difference leads nowhere.
        PrefixDifference = "prefix length or difference not possible here",
        /// The network does not contain the other.
        NotContained = "network not contained",
        /// Values of both families where one is needed.
        MixedVersions = "mixed IP versions",
        /// The address lies outside the network.
        OutsideNetwork = "address outside the network",
        /// Interface identifiers need a `/64`.
        NotSlash64 = "prefix length is not 64",
        /// Fewer than 16 bytes of secret.
        SecretTooShort = "secret shorter than 16 bytes",
        /// Every identifier tried is reserved.
        NoIdentifier = "no usable interface identifier found",
    }
}

/// Why a value could not be made or used.
///
/// ```
/// use addr::{ErrorKind, Ipv4Network, IpVersion, Problem, Subject};
/// let error = "10.0.0.0/08".parse::<Ipv4Network>().unwrap_err();
/// assert_eq!(error.to_string(), "IPv4 network: leading zero, at byte 9");
/// assert_eq!(error.kind(), ErrorKind::Format);
/// assert_eq!(error.subject(), Subject::Network);
/// assert_eq!(error.version(), Some(IpVersion::V4));
/// assert_eq!((error.problem(), error.position()), (Problem::LeadingZero, Some(9)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddrError {
    problem: Problem,
    subject: Subject,
    version: Option<IpVersion>,
    at: Option<usize>,
}

impl AddrError {
    pub(crate) const fn new(
        subject: Subject,
        version: Option<IpVersion>,
        problem: Problem,
    ) -> Self {
        Self { problem, subject, version, at: None }
    }

    /// The same at a byte of the text.
    pub(crate) const fn at(mut self, byte: usize) -> Self {
        self.at = Some(byte);
        self
    }

    /// The text began `by` bytes into the one that the caller gave.
    pub(crate) fn shifted(mut self, by: usize) -> Self {
        self.at = self.at.map(|at| at + by);
        self
    }

    /// The failed part belongs to a larger value.
    pub(crate) const fn within(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// Malformed, or impossible.
    pub const fn kind(&self) -> ErrorKind {
        self.problem.kind()
    }

    /// What exactly was wrong.
    pub const fn problem(&self) -> Problem {
        self.problem
    }

    /// The kind of value concerned.
    pub const fn subject(&self) -> Subject {
        self.subject
    }

    /// The family concerned, where there is one.
    pub const fn version(&self) -> Option<IpVersion> {
        self.version
    }

    /// The byte of the text at which the trouble starts.
    pub const fn position(&self) -> Option<usize> {
        self.at
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Address => "address",
            Self::Mask => "mask",
            Self::Wildcard => "wildcard",
            Self::Network => "network",
            Self::InterfaceAddress => "interface address",
            Self::Mac => "MAC address",
            Self::Endpoint => "endpoint",
        })
    }
}

impl fmt::Display for AddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.version, self.subject) {
            (Some(version), subject) => write!(f, "{version} {subject}")?,
            (None, Subject::Address) => f.write_str("IP address")?,
            (None, subject) => write!(f, "{subject}")?,
        }
        write!(f, ": {}", self.problem)?;
        self.at.map_or(Ok(()), |at| write!(f, ", at byte {at}"))
    }
}

impl Error for AddrError {}

#[cfg(test)]
mod tests;
