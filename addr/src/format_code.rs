//! Format codes chosen at run time, for command lines and configuration.
//!
//! Code that knows its format at compile time uses the format traits and methods instead. A code is
//! what Python's `format()` takes:
//!
//! - empty: canonical text. `[[fill]align][width][.precision]s`: the same, padded as a string;
//! - `b`, `x`, `X` with `#` and `_` before them, `d` and `n`: the number (addresses, masks,
//!   wildcards);
//! - `ex`: no compression (addresses). `hy`, `ci`: hyphens, dotted groups (MAC);
//! - `pl`, `nm`, `hm`: with prefix length, netmask, hostmask (networks and interface addresses).

use std::fmt::Display;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{
    AddrError, Address, Interface, IpVersion, Ipv6Ext, Mac, Mask, Network, Numeric, Problem,
    ScopedIpv6, Subject, Wildcard,
};

/// Text by a format code.
///
/// ```
/// use addr::FormatCode;
/// use std::net::Ipv4Addr;
/// let ip = Ipv4Addr::new(10, 0, 0, 1);
/// assert_eq!(ip.format_code("#_x").unwrap(), "0x0a00_0001");
/// assert_eq!(ip.format_code("*>10s").unwrap(), "**10.0.0.1");
/// let error = ip.format_code("#q").unwrap_err();
/// assert_eq!(error.to_string(), "IPv4 address: unknown format code, at byte 1");
/// ```
pub trait FormatCode: Display {
    /// The text of this value in the form that `code` names.
    ///
    /// # Errors
    /// [`Problem::FormatCode`](crate::Problem::FormatCode) if the type has no such code.
    fn format_code(&self, code: &str) -> Result<String, AddrError>;
}

/// What a code may ask of a type besides text and padding.
struct Forms<'a> {
    subject: Subject,
    version: Option<IpVersion>,
    text: &'a dyn Display,
    number: Option<Numeric>,
}

impl Forms<'_> {
    fn apply(&self, code: &str) -> Result<String, AddrError> {
        let fail = |at| AddrError::new(self.subject, self.version, Problem::FormatCode).at(at);
        if code.is_empty() {
            return Ok(self.text.to_string());
        }
        if let Some(spec) = code.strip_suffix('s') {
            return padded(self.text, spec).ok_or(fail(0));
        }
        let number = self.number.ok_or(fail(0))?;
        if code == "d" || code == "n" {
            return Ok(number.to_string());
        }
        let (sharp, rest) = flag(code, '#');
        let (grouped, rest) = flag(rest, '_');
        let number = if grouped { number.grouped() } else { number };
        Ok(match (rest, sharp) {
            ("b", false) => format!("{number:b}"),
            ("b", true) => format!("{number:#b}"),
            ("x", false) => format!("{number:x}"),
            ("x", true) => format!("{number:#x}"),
            ("X", false) => format!("{number:X}"),
            ("X", true) => format!("{number:#X}"),
            _ => return Err(fail(code.len() - rest.len())),
        })
    }
}

fn flag(code: &str, flag: char) -> (bool, &str) {
    code.strip_prefix(flag).map_or((false, code), |rest| (true, rest))
}

/// The widest padding that a code may ask for.
const WIDTH_MAX: usize = 4096;

/// `[[fill]align][width][.precision]`.
fn padded(text: &dyn Display, spec: &str) -> Option<String> {
    let is_align = |c: char| matches!(c, '<' | '>' | '^');
    let mut chars = spec.chars();
    let (fill, align, rest) = match (chars.next(), chars.next()) {
        (Some(fill), Some(align)) if is_align(align) => (fill, align, chars.as_str()),
        (Some(align), _) if is_align(align) => (' ', align, &spec[1..]),
        _ => (' ', '<', spec),
    };
    let (width, precision) = match rest.split_once('.') {
        Some((width, precision)) => (width, Some(size(precision)?)),
        None => (rest, None),
    };
    let width = if width.is_empty() { 0 } else { size(width)? };
    let text: String = text.to_string().chars().take(precision.unwrap_or(usize::MAX)).collect();
    let missing = width.saturating_sub(text.chars().count());
    let before = match align {
        '>' => missing,
        '^' => missing / 2,
        _ => 0,
    };
    let filled = |count| std::iter::repeat_n(fill, count);
    Some(filled(before).chain(text.chars()).chain(filled(missing - before)).collect())
}

fn size(digits: &str) -> Option<usize> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|&size| plain && size <= WIDTH_MAX)
}

impl FormatCode for Ipv4Addr {
    fn format_code(&self, code: &str) -> Result<String, AddrError> {
        let code = if code == "ex" { "" } else { code };
        of_address(self, self.numeric()).apply(code)
    }
}

impl FormatCode for Ipv6Addr {
    fn format_code(&self, code: &str) -> Result<String, AddrError> {
        ScopedIpv6::from(*self).format_code(code)
    }
}

impl FormatCode for ScopedIpv6 {
    fn format_code(&self, code: &str) -> Result<String, AddrError> {
        if code == "ex" {
            return Ok(self.ip().exploded().to_string());
        }
        Forms { version: Some(IpVersion::V6), ..of_address(self, self.numeric()) }.apply(code)
    }
}

fn of_address(text: &dyn Display, number: Numeric) -> Forms<'_> {
    let version = Some(IpVersion::V4);
    Forms { subject: Subject::Address, version, text, number: Some(number) }
}

impl FormatCode for Mac {
    fn format_code(&self, code: &str) -> Result<String, AddrError> {
        match code {
            "hy" => Ok(self.hyphenated().to_string()),
            "ci" => Ok(self.dotted().to_string()),
            _ => {
                let number = Some(self.numeric());
                Forms { subject: Subject::Mac, version: None, text: self, number }.apply(code)
            }
        }
    }
}

impl<A: Address> FormatCode for Mask<A> {
    fn format_code(&self, code: &str) -> Result<String, AddrError> {
        let (subject, number) = (Subject::Mask, Some(self.numeric()));
        Forms { subject, version: Some(A::VERSION), text: self, number }.apply(code)
    }
}

impl<A: Address> FormatCode for Wildcard<A> {
    fn format_code(&self, code: &str) -> Result<String, AddrError> {
        let (subject, number) = (Subject::Wildcard, Some(self.numeric()));
        Forms { subject, version: Some(A::VERSION), text: self, number }.apply(code)
    }
}

impl<A: Address> FormatCode for Network<A> {
    fn format_code(&self, code: &str) -> Result<String, AddrError> {
        match code {
            "pl" => Ok(self.to_string()),
            "nm" => Ok(self.with_netmask().to_string()),
            "hm" => Ok(self.with_hostmask().to_string()),
            _ => {
                let (subject, version) = (Subject::Network, Some(A::VERSION));
                Forms { subject, version, text: self, number: None }.apply(code)
            }
        }
    }
}

impl<A: Address> FormatCode for Interface<A> {
    fn format_code(&self, code: &str) -> Result<String, AddrError> {
        match code {
            "pl" => Ok(self.to_string()),
            "nm" => Ok(self.with_netmask().to_string()),
            "hm" => Ok(self.with_hostmask().to_string()),
            _ => {
                let (subject, version) = (Subject::InterfaceAddress, Some(A::VERSION));
                Forms { subject, version, text: self, number: None }.apply(code)
            }
        }
    }
}

/// An address and a mask in the text of addresses, a slash between; made by `with_netmask` and
/// `with_hostmask`.
///
/// ```
/// let network: addr::Ipv4Network = "10.0.0.0/8".parse().unwrap();
/// assert_eq!(network.with_netmask().to_string(), "10.0.0.0/255.0.0.0");
/// assert_eq!(network.with_hostmask().to_string(), "10.0.0.0/0.255.255.255");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slashed<T, M>(T, M);

impl<T: Display, M: Display> Display for Slashed<T, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        crate::text::pad(f, format_args!("{}/{}", self.0, self.1))
    }
}

impl<A: Address> Network<A> {
    /// The text `address/netmask`.
    pub fn with_netmask(self) -> Slashed<A, A> {
        Slashed(self.address(), self.mask().as_address())
    }

    /// The text `address/hostmask`.
    pub fn with_hostmask(self) -> Slashed<A, A> {
        Slashed(self.address(), self.hostmask().as_address())
    }
}

impl<A: Address> Interface<A> {
    /// The text `address/netmask`.
    ///
    /// ```
    /// let interface: addr::Ipv4Interface = "10.0.1.7/24".parse().unwrap();
    /// assert_eq!(interface.with_netmask().to_string(), "10.0.1.7/255.255.255.0");
    /// assert_eq!(interface.with_hostmask().to_string(), "10.0.1.7/0.0.0.255");
    /// ```
    pub fn with_netmask(self) -> Slashed<A::Scoped, A> {
        Slashed(self.address(), self.mask().as_address())
    }

    /// The text `address/hostmask`.
    pub fn with_hostmask(self) -> Slashed<A::Scoped, A> {
        Slashed(self.address(), self.mask().hostmask().as_address())
    }
}

#[cfg(test)]
mod tests;
