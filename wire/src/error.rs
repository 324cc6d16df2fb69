//! Why bytes are not a header, and why a header cannot be written.
//!
//! One small enum for all protocols: the caller knows which parser it called. Two groups: the
//! bytes contradict themselves (integrity), or they are well-formed and carry values that no
//! correct sender uses (sanity): [`Malformed::class`]. Some faults in IP headers are worth an ICMP
//! Parameter Problem; those carry where it points ([`Malformed::problem`]).

use std::error::Error;
use std::fmt;

/// Why bytes are not a valid header of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// Fewer bytes than the header needs.
    Truncated,
    /// The version field is not the protocol's.
    Version,
    /// A header length field is below the minimum or beyond the bytes.
    HeaderLength,
    /// A total or payload length field contradicts the bytes.
    Length,
    /// The checksum does not hold.
    Checksum,
    /// A UDP checksum of zero over IPv6.
    ZeroChecksum,
    /// An option runs over its area or has an impossible length.
    Option,
    /// An IP option whose own fields contradict each other.
    OptionValue {
        /// Byte of the packet at fault.
        pointer: u16,
    },
    /// A first fragment that ends before the transport header does (RFC 7112).
    IncompleteChain,
    /// An IPv4-mapped address inside an IPv6 header.
    MappedAddress,
    /// More extension headers or options than are walked, or one in a forbidden place.
    ExtensionHeaders,
    /// An IPv6 option whose type asks for silent discard.
    DiscardOption,
    /// A fragment whose length or offset is impossible.
    Fragment {
        /// Byte of the packet at fault.
        pointer: u16,
    },
    /// An IPv6 option whose type asks for discard and an answer.
    UnknownOption {
        /// Byte of the packet at fault.
        pointer: u16,
        /// The answer is wanted even if the destination is multicast.
        even_multicast: bool,
    },
    /// A routing header that must not be processed.
    Routing {
        /// Byte of the packet at fault.
        pointer: u16,
    },
    /// The hop limit is zero.
    ZeroHopLimit {
        /// Byte of the packet at fault.
        pointer: u16,
    },
    /// The hop limit is not what the protocol demands.
    HopLimit,
    /// The source address cannot be a sender.
    Source,
    /// The destination address does not fit the message.
    Destination,
    /// Port zero where it is not allowed.
    Port,
    /// A field names something other than this parser reads (hardware type, operation, code).
    Field,
}

/// The two groups of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The bytes contradict themselves: lengths, version, checksum, chains.
    Integrity,
    /// The bytes are a header, and its values are ones no correct sender uses.
    Sanity,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integrity => "integrity",
            Self::Sanity => "sanity",
        })
    }
}

/// The ICMP Parameter Problem that answers a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// ICMPv6 code: 0 erroneous field, 2 unrecognized option, 3 incomplete header chain.
    pub code: u8,
    /// Byte of the offending IP packet at fault.
    pub pointer: u16,
    /// It may be sent although the packet was multicast (RFC 4443 §2.4 e.3).
    pub even_multicast: bool,
}

impl Malformed {
    /// Whether the bytes are no header at all, or a header with values nobody sends.
    ///
    /// ```
    /// use wire::{Malformed, error::Class};
    /// assert_eq!(Malformed::Checksum.class(), Class::Integrity);
    /// assert_eq!(Malformed::Port.class(), Class::Sanity);
    /// ```
    pub fn class(&self) -> Class {
        match self {
            Self::Truncated
            | Self::Version
            | Self::HeaderLength
            | Self::Length
            | Self::Checksum
            | Self::ZeroChecksum
            | Self::Option
            | Self::OptionValue { .. }
            | Self::IncompleteChain
            | Self::ExtensionHeaders
            | Self::Routing { .. } => Class::Integrity,
            Self::MappedAddress
            | Self::DiscardOption
            | Self::Fragment { .. }
            | Self::UnknownOption { .. }
            | Self::ZeroHopLimit { .. }
            | Self::HopLimit
            | Self::Source
            | Self::Destination
            | Self::Port
            | Self::Field => Class::Sanity,
        }
    }

    /// The fault with its class and the protocol it was found in, for logs.
    ///
    /// ```
    /// use wire::Malformed;
    /// let line = Malformed::Checksum.found_in("UDP").to_string();
    /// assert_eq!(line, "[INTEGRITY ERROR][UDP] bad checksum");
    /// ```
    pub fn found_in(self, protocol: &str) -> Found<'_> {
        Found { why: self, protocol }
    }

    /// The Parameter Problem that answers this fault, if one is due.
    pub fn problem(&self) -> Option<Problem> {
        match *self {
            Self::Fragment { pointer }
            | Self::Routing { pointer }
            | Self::OptionValue { pointer }
            | Self::ZeroHopLimit { pointer } => {
                Some(Problem { code: 0, pointer, even_multicast: false })
            }
            Self::IncompleteChain => Some(Problem { code: 3, pointer: 0, even_multicast: false }),
            Self::UnknownOption { pointer, even_multicast } => {
                Some(Problem { code: 2, pointer, even_multicast })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "shorter than its header",
            Self::Version => "wrong version",
            Self::HeaderLength => "bad header length",
            Self::Length => "length field contradicts the bytes",
            Self::Checksum => "bad checksum",
            Self::ZeroChecksum => "zero checksum over IPv6",
            Self::Option => "bad option chain",
            Self::OptionValue { .. } => "bad option",
            Self::IncompleteChain => "incomplete header chain",
            Self::MappedAddress => "IPv4-mapped address in an IPv6 header",
            Self::ExtensionHeaders => "bad extension header chain",
            Self::DiscardOption => "option asks for discard",
            Self::Fragment { .. } => "impossible fragment",
            Self::UnknownOption { .. } => "unrecognized option",
            Self::Routing { .. } => "routing header not processed",
            Self::ZeroHopLimit { .. } => "hop limit zero",
            Self::HopLimit => "bad hop limit",
            Self::Source => "bad source address",
            Self::Destination => "bad destination address",
            Self::Port => "port zero",
            Self::Field => "bad field value",
        })
    }
}

impl Error for Malformed {}

/// Why a header or a message was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EmitError {
    /// The buffer, or the area for options, is too short.
    NoRoom,
    /// A value does not fit its field, or the protocol has no such message.
    Value,
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRoom => "no room for the header or message",
            Self::Value => "a value does not fit its field",
        })
    }
}

impl Error for EmitError {}

/// A fault, its class and its protocol; prints as one line.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    why: Malformed,
    protocol: &'a str,
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let marker = match self.why.class() {
            Class::Integrity => "INTEGRITY",
            Class::Sanity => "SANITY",
        };
        write!(f, "[{marker} ERROR][{}] {}", self.protocol, self.why)
    }
}

#[cfg(test)]
mod tests;
