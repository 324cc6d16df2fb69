//! Values of options: bytes in one or more pieces, and what they hold.

use std::fmt;
use std::net::Ipv4Addr;
use std::str;

use addr::Cidr;

use super::{Chain, network};

/// Longest text.
const TEXT_MAX: usize = 255;

/// The bytes of an option, in as many pieces as the sender made of them.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    first: &'a [u8],
    /// What comes behind the first piece; further ones are those with the same code.
    chain: Chain<'a>,
    code: u8,
}

impl<'a> Value<'a> {
    pub(super) fn new(code: u8, first: &'a [u8], chain: Chain<'a>) -> Self {
        Self { first, chain, code }
    }

    /// The pieces as they lie in the message.
    pub fn pieces(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let code = self.code;
        let further = self.chain.filter_map(move |piece| match piece {
            Ok((found, data)) if found == code => Some(data),
            _ => None,
        });
        std::iter::once(self.first).chain(further)
    }

    /// The bytes of all pieces.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.pieces().flatten().copied()
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.pieces().map(<[u8]>::len).sum()
    }

    /// There is no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, if they came in one piece.
    pub fn as_slice(&self) -> Option<&'a [u8]> {
        self.pieces().nth(1).is_none().then_some(self.first)
    }

    /// Joins the pieces at the front of `buf`; None if it is too short.
    ///
    /// ```
    /// use wire::dhcpv4_options::{Options, CLIENT_ID};
    /// let (options, _) = Options::parse(&[61, 2, 1, 2, 0, 61, 1, 3], &[], &[]).unwrap();
    /// let id = options.value(CLIENT_ID).unwrap();
    /// assert_eq!((id.len(), id.as_slice()), (3, None));
    /// assert_eq!(id.copy_to(&mut [0; 16]), Some(&[1, 2, 3][..]));
    /// assert!(id == [1, 2, 3]);
    /// ```
    pub fn copy_to<'b>(&self, buf: &'b mut [u8]) -> Option<&'b [u8]> {
        let mut at = 0;
        for piece in self.pieces() {
            buf.get_mut(at..at + piece.len())?.copy_from_slice(piece);
            at += piece.len();
        }
        buf.get(..at)
    }

    /// The bytes if there are just `N`.
    pub(super) fn array<const N: usize>(&self) -> Option<[u8; N]> {
        if self.len() != N {
            return None;
        }
        let mut array = [0; N];
        self.copy_to(&mut array)?;
        Some(array)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    /// One piece.
    fn from(bytes: &'a [u8]) -> Self {
        Self::new(0, bytes, Chain::default())
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl Eq for Value<'_> {}

impl PartialEq<[u8]> for Value<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        self.bytes().eq(other.iter().copied())
    }
}

impl<const N: usize> PartialEq<[u8; N]> for Value<'_> {
    fn eq(&self, other: &[u8; N]) -> bool {
        *self == other[..]
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.bytes()).finish()
    }
}

impl fmt::LowerHex for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A list of addresses, not empty unless it stands for an absent option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses<'a>(Value<'a>);

impl<'a> Addresses<'a> {
    pub(super) fn read(value: Value<'a>) -> Option<Self> {
        let len = value.len();
        (len != 0 && len.is_multiple_of(4)).then_some(Self(value))
    }

    /// The addresses in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = Ipv4Addr> + use<'a> {
        let mut bytes = self.0.bytes();
        std::iter::from_fn(move || take(&mut bytes).map(Ipv4Addr::from))
    }

    pub(super) fn value(&self) -> Value<'a> {
        self.0
    }
}

impl Default for Addresses<'_> {
    fn default() -> Self {
        Self(Value::from(&[][..]))
    }
}

impl<'a> From<&'a [[u8; 4]]> for Addresses<'a> {
    fn from(addresses: &'a [[u8; 4]]) -> Self {
        Self(addresses.as_flattened().into())
    }
}

/// Text in UTF-8, at least one byte; prints with control characters escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a>(Value<'a>);

impl<'a> Text<'a> {
    pub(super) fn read(value: Value<'a>) -> Option<Self> {
        let mut buf = [0; TEXT_MAX];
        let bytes = value.copy_to(&mut buf)?;
        (!bytes.is_empty() && str::from_utf8(bytes).is_ok()).then_some(Self(value))
    }

    /// The text, if it came in one piece.
    pub fn as_str(&self) -> Option<&'a str> {
        str::from_utf8(self.0.as_slice()?).ok()
    }

    /// Its bytes.
    pub fn value(&self) -> Value<'a> {
        self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buf = [0; TEXT_MAX];
        let bytes = self.0.copy_to(&mut buf).unwrap_or_default();
        write!(f, "{}", str::from_utf8(bytes).unwrap_or_default().escape_debug())
    }
}

/// A route (RFC 3442).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where it leads; always IPv4, host bits zero.
    pub destination: Cidr,
    /// The router; unspecified if the destination is on the link.
    pub gateway: Ipv4Addr,
}

/// Routes, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClasslessRoutes<'a>(Value<'a>);

impl<'a> ClasslessRoutes<'a> {
    pub(super) fn read(value: Value<'a>) -> Option<Self> {
        let mut bytes = value.bytes();
        let mut count = 0;
        while let Some(width) = bytes.next() {
            read_route(width, &mut bytes)?;
            count += 1;
        }
        (count > 0).then_some(Self(value))
    }

    /// The routes in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = Route> + use<'a> {
        let mut bytes = self.0.bytes();
        std::iter::from_fn(move || {
            let width = bytes.next()?;
            read_route(width, &mut bytes)
        })
    }

    pub(super) fn value(&self) -> Value<'a> {
        self.0
    }
}

/// The rest of a route: as many octets of the destination as its prefix needs, and the router.
fn read_route(width: u8, bytes: &mut impl Iterator<Item = u8>) -> Option<Route> {
    let mut octets = [0; 4];
    for octet in octets.get_mut(..usize::from(width.div_ceil(8)))? {
        *octet = bytes.next()?;
    }
    Some(Route { destination: network(octets, width)?, gateway: take(bytes)?.into() })
}

fn take(bytes: &mut impl Iterator<Item = u8>) -> Option<[u8; 4]> {
    Some([bytes.next()?, bytes.next()?, bytes.next()?, bytes.next()?])
}
