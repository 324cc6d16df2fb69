//! The error of every text parser in this crate.
//!
//! A reader of the message knows what was expected; the offending text is in the caller's hand.

use std::error::Error;
use std::fmt;

/// Why a text is not an address value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// Not six two-digit groups with one separator, nor three dotted four-digit groups.
    Mac,
    /// Neither dotted quad nor IPv6 text.
    Ip,
    /// The part after the slash is not a decimal number without leading zeros.
    Prefix,
    /// The prefix is longer than the family has bits.
    PrefixTooLong,
    /// Not `address:port` or `[address]:port`.
    Endpoint,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mac => "not a MAC address",
            Self::Ip => "not an IP address",
            Self::Prefix => "not a prefix length",
            Self::PrefixTooLong => "prefix length exceeds the address width",
            Self::Endpoint => "not an address with a port",
        })
    }
}

impl Error for ParseError {}
