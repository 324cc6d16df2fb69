//! One address key for both families.
//!
//! Sixteen bytes; an IPv4 address is held as `::ffff:a.b.c.d`. The mapped form never appears on
//! the wire (header parsers refuse it inside IPv6 headers), so the key is unambiguous, and
//! nothing above the header bytes needs to know the family. Predicates answer for the family
//! the address belongs to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::text::{parse4, parse6, trimmed};
use crate::{
    AddrError, IpVersion, Ipv4Ext, Ipv6Ext, Numeric, Problem, ReversePointer, Subject, Versioned,
};

/// An IPv4 or IPv6 address as one 16-byte key.
///
/// ```
/// use addr::Ip;
/// use std::net::{IpAddr, Ipv4Addr};
/// let ip: Ip = "10.0.0.1".parse().unwrap();
/// assert!(ip.is_v4());
/// assert_eq!(ip.to_std(), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
/// assert_eq!(ip.to_string(), "10.0.0.1");
/// ```
#[derive(Clone, Copy, Eq, PartialOrd, Ord)]
pub struct Ip([u8; 16]);

impl PartialEq for Ip {
    /// Compared in the words in which addresses are moved about: a wider load of what was just
    /// written in parts would have to wait for the cache.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let ([a, b], [c, d]) = (self.words(), other.words());
        (a ^ c) | (b ^ d) == 0
    }
}

impl std::hash::Hash for Ip {
    #[inline]
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Ip {
    /// `0.0.0.0`.
    pub const UNSPECIFIED_V4: Self = Self::v4([0; 4]);
    /// `::`.
    pub const UNSPECIFIED_V6: Self = Self([0; 16]);
    /// `255.255.255.255`.
    pub const LIMITED_BROADCAST: Self = Self::v4([255; 4]);
    /// `ff02::1`, every IPv6 node of a link.
    pub const ALL_NODES: Self = Self([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    /// `ff02::2`, every IPv6 router of a link.
    pub const ALL_ROUTERS: Self = Self([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);

    /// An IPv4 address from its octets.
    ///
    /// ```
    /// assert_eq!(addr::Ip::v4([10, 0, 0, 1]).to_string(), "10.0.0.1");
    /// ```
    #[inline]
    pub const fn v4(octets: [u8; 4]) -> Self {
        // Made as one number, so that compilers move it as one and not byte by byte.
        let mapped = 0xffff << 32 | u32::from_be_bytes(octets) as u128;
        Self(mapped.to_be_bytes())
    }

    /// An IPv6 address from its octets. Octets of the mapped form give an IPv4 address.
    ///
    /// ```
    /// let octets = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1];
    /// assert_eq!(addr::Ip::v6(octets).to_string(), "10.0.0.1");
    /// ```
    #[inline]
    pub const fn v6(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// The 16 bytes of the key (for IPv4 the mapped form).
    ///
    /// ```
    /// assert_eq!(addr::Ip::v4([10, 0, 0, 1]).octets()[10..], [255, 255, 10, 0, 0, 1]);
    /// ```
    #[inline]
    pub fn octets(&self) -> &[u8; 16] {
        &self.0
    }

    #[inline]
    fn words(&self) -> [u64; 2] {
        let number = u128::from_ne_bytes(self.0);
        [number as u64, (number >> 64) as u64]
    }

    /// The four octets if the address is IPv4.
    ///
    /// ```
    /// assert_eq!(addr::Ip::ALL_NODES.octets_v4(), None);
    /// ```
    #[inline]
    pub fn octets_v4(&self) -> Option<[u8; 4]> {
        let [.., a, b, c, d] = self.0;
        self.is_v4().then_some([a, b, c, d])
    }

    /// The address belongs to IPv4.
    ///
    /// ```
    /// assert!(addr::Ip::UNSPECIFIED_V4.is_v4());
    /// ```
    #[inline]
    pub fn is_v4(&self) -> bool {
        // One 128-bit compare; slices of arrays compile to a call.
        u128::from_be_bytes(self.0) >> 32 == 0xffff
    }

    /// The address belongs to IPv6.
    ///
    /// ```
    /// assert!(addr::Ip::ALL_NODES.is_v6());
    /// ```
    #[inline]
    pub fn is_v6(&self) -> bool {
        !self.is_v4()
    }

    /// Both addresses belong to one family.
    ///
    /// ```
    /// use addr::Ip;
    /// assert!(!Ip::UNSPECIFIED_V4.same_family(&Ip::UNSPECIFIED_V6));
    /// ```
    #[inline]
    pub fn same_family(&self, other: &Self) -> bool {
        self.is_v4() == other.is_v4()
    }

    /// The IPv4 address, or `None` for IPv6.
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    /// assert_eq!(addr::Ip::UNSPECIFIED_V4.as_v4(), Some(Ipv4Addr::UNSPECIFIED));
    /// ```
    #[inline]
    pub fn as_v4(&self) -> Option<Ipv4Addr> {
        self.octets_v4().map(Ipv4Addr::from)
    }

    /// The IPv6 address, or `None` for IPv4.
    ///
    /// ```
    /// use std::net::Ipv6Addr;
    /// assert_eq!(addr::Ip::UNSPECIFIED_V6.as_v6(), Some(Ipv6Addr::UNSPECIFIED));
    /// ```
    #[inline]
    pub fn as_v6(&self) -> Option<Ipv6Addr> {
        self.is_v6().then(|| Ipv6Addr::from(self.0))
    }

    /// The standard library's form.
    ///
    /// ```
    /// assert!(addr::Ip::ALL_NODES.to_std().is_ipv6());
    /// ```
    #[inline]
    pub fn to_std(self) -> IpAddr {
        match self.octets_v4() {
            Some(octets) => IpAddr::V4(octets.into()),
            None => IpAddr::V6(self.0.into()),
        }
    }

    /// Width of an address of this family in bits: 32 or 128.
    ///
    /// ```
    /// assert_eq!(addr::Ip::UNSPECIFIED_V4.width(), 32);
    /// ```
    #[inline]
    pub fn width(&self) -> u8 {
        if self.is_v4() { 32 } else { 128 }
    }

    /// The unspecified address of the same family.
    ///
    /// ```
    /// use addr::Ip;
    /// assert_eq!(Ip::ALL_NODES.unspecified(), Ip::UNSPECIFIED_V6);
    /// ```
    #[inline]
    pub fn unspecified(&self) -> Self {
        if self.is_v4() { Self::UNSPECIFIED_V4 } else { Self::UNSPECIFIED_V6 }
    }

    /// `0.0.0.0` or `::`.
    ///
    /// ```
    /// assert!(addr::Ip::UNSPECIFIED_V4.is_unspecified());
    /// ```
    #[inline]
    pub fn is_unspecified(&self) -> bool {
        *self == Self::UNSPECIFIED_V4 || *self == Self::UNSPECIFIED_V6
    }

    /// `224.0.0.0/4` or `ff00::/8`.
    ///
    /// ```
    /// assert!(addr::Ip::ALL_NODES.is_multicast());
    /// ```
    #[inline]
    pub fn is_multicast(&self) -> bool {
        if self.is_v4() { self.octet(12) & 0xf0 == 0xe0 } else { self.octet(0) == 0xff }
    }

    /// `255.255.255.255`.
    ///
    /// ```
    /// assert!(addr::Ip::v4([255; 4]).is_limited_broadcast());
    /// ```
    #[inline]
    pub fn is_limited_broadcast(&self) -> bool {
        *self == Self::LIMITED_BROADCAST
    }

    /// `127.0.0.0/8` or `::1`.
    ///
    /// ```
    /// assert!(addr::Ip::v4([127, 0, 0, 1]).is_loopback());
    /// ```
    #[inline]
    pub fn is_loopback(&self) -> bool {
        if self.is_v4() { self.octet(12) == 127 } else { self.to_bits() == 1 }
    }

    /// `169.254.0.0/16` or `fe80::/10`.
    ///
    /// ```
    /// assert!(addr::Ip::v4([169, 254, 1, 1]).is_link_local());
    /// ```
    #[inline]
    pub fn is_link_local(&self) -> bool {
        if self.is_v4() {
            self.octet(12) == 169 && self.octet(13) == 254
        } else {
            self.octet(0) == 0xfe && self.octet(1) & 0xc0 == 0x80
        }
    }

    /// RFC 1918 space, or unique local `fc00::/7`.
    ///
    /// ```
    /// assert!(addr::Ip::v4([10, 0, 0, 1]).is_private());
    /// ```
    #[inline]
    pub fn is_private(&self) -> bool {
        if self.is_v4() {
            matches!(self.0[12..14], [10, _] | [172, 16..=31] | [192, 168])
        } else {
            self.0[0] & 0xfe == 0xfc
        }
    }

    /// The address can name one host.
    ///
    /// IPv4: not in `0.0.0.0/8`, not multicast, not in `240.0.0.0/4`. IPv6: neither multicast
    /// nor unspecified (RFC 4291 §2.4 calls everything else unicast; translation prefixes such
    /// as `64:ff9b::/96` must stay usable).
    ///
    /// ```
    /// assert!(!addr::Ip::ALL_NODES.is_unicast());
    /// ```
    #[inline]
    pub fn is_unicast(&self) -> bool {
        if self.is_v4() {
            (1..=223).contains(&self.octet(12))
        } else {
            self.octet(0) != 0xff && self.to_bits() != 0
        }
    }

    /// `ff02::1:ffXX:XXXX` for this address (RFC 4291 §2.7.1).
    ///
    /// ```
    /// use addr::Ip;
    /// let ip: Ip = "2001:db8::aa:bbcc".parse().unwrap();
    /// assert_eq!(ip.solicited_node().to_string(), "ff02::1:ffaa:bbcc");
    /// ```
    #[inline]
    pub fn solicited_node(&self) -> Self {
        let [.., a, b, c] = self.0;
        Self([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
    }

    /// The address lies in `ff02::1:ff00:0/104`.
    ///
    /// ```
    /// assert!(addr::Ip::UNSPECIFIED_V6.solicited_node().is_solicited_node());
    /// ```
    #[inline]
    pub fn is_solicited_node(&self) -> bool {
        *self == self.solicited_node()
    }

    /// Reachable from anywhere: see [`Ipv4Ext::is_global_scope`] and [`Ipv6Ext::is_global_scope`].
    ///
    /// ```
    /// use addr::Ip;
    /// assert!(Ip::v4([8, 8, 8, 8]).is_global() && !Ip::v4([192, 0, 2, 1]).is_global());
    /// ```
    pub fn is_global(&self) -> bool {
        match self.to_std() {
            IpAddr::V4(ip) => ip.is_global_scope(),
            IpAddr::V6(ip) => ip.is_global_scope(),
        }
    }

    /// Set aside: see [`Ipv4Ext::is_reserved_block`] and [`Ipv6Ext::is_reserved_block`].
    ///
    /// ```
    /// assert!(addr::Ip::v4([240, 0, 0, 1]).is_reserved());
    /// ```
    pub fn is_reserved(&self) -> bool {
        match self.to_std() {
            IpAddr::V4(ip) => ip.is_reserved_block(),
            IpAddr::V6(ip) => ip.is_reserved_block(),
        }
    }

    /// The name under which reverse DNS knows the address.
    ///
    /// ```
    /// let name = addr::Ip::v4([192, 0, 2, 1]).reverse_pointer();
    /// assert_eq!(name.to_string(), "1.2.0.192.in-addr.arpa");
    /// ```
    pub fn reverse_pointer(&self) -> ReversePointer {
        ReversePointer(self.to_std())
    }

    /// One octet, cut out of the whole number: predicates that look at the number and at single
    /// bytes of memory keep the address in memory, where it was just written in other pieces.
    #[inline]
    fn octet(&self, at: u32) -> u8 {
        (self.to_bits() >> (120 - 8 * at)) as u8
    }

    /// The number in the family's own width, for the numeric format traits.
    ///
    /// ```
    /// use addr::Ip;
    /// assert_eq!(format!("{:x}", Ip::v4([10, 0, 0, 1]).numeric()), "0a000001");
    /// ```
    pub fn numeric(&self) -> Numeric {
        match self.to_std() {
            IpAddr::V4(ip) => Numeric::new(u128::from(ip.to_bits()), 32),
            IpAddr::V6(ip) => Numeric::new(ip.to_bits(), 128),
        }
    }

    /// The key as a number, for masks and tries.
    ///
    /// ```
    /// use addr::Ip;
    /// assert_eq!(Ip::from_bits(Ip::ALL_NODES.to_bits()), Ip::ALL_NODES);
    /// ```
    #[inline]
    pub fn to_bits(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// The key from a number.
    ///
    /// ```
    /// assert_eq!(addr::Ip::from_bits(1).to_string(), "::1");
    /// ```
    #[inline]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits.to_be_bytes())
    }
}

impl Versioned for Ip {
    #[inline]
    fn version(&self) -> IpVersion {
        if self.is_v4() { IpVersion::V4 } else { IpVersion::V6 }
    }
}

impl From<Ipv4Addr> for Ip {
    #[inline]
    fn from(ip: Ipv4Addr) -> Self {
        Self::v4(ip.octets())
    }
}

impl From<Ipv6Addr> for Ip {
    #[inline]
    fn from(ip: Ipv6Addr) -> Self {
        Self(ip.octets())
    }
}

impl From<IpAddr> for Ip {
    #[inline]
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => ip.into(),
            IpAddr::V6(ip) => ip.into(),
        }
    }
}

impl From<Ip> for IpAddr {
    #[inline]
    fn from(ip: Ip) -> Self {
        ip.to_std()
    }
}

impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_std(), f)
    }
}

impl fmt::Debug for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Ip {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let (text, cut) = trimmed(text);
        // The family that an error names is the one which the text looks like.
        let (version, ip) = if text.contains(':') {
            (Some(IpVersion::V6), parse6(text).map(Self::from))
        } else if text.is_empty() {
            (None, Err((Problem::Empty, 0)))
        } else {
            (Some(IpVersion::V4), parse4(text).map(Self::from))
        };
        ip.map_err(|(problem, at)| AddrError::new(Subject::Address, version, problem).at(cut + at))
    }
}

#[cfg(test)]
mod tests;
