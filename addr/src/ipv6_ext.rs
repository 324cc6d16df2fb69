//! Predicates and parts of IPv6 addresses that the standard library lacks or answers differently.
//!
//! `Ipv6Addr` itself has the others: `is_loopback`, `is_unicast_link_local`, `is_unique_local`
//! (private), `is_multicast`, and `to_ipv4_mapped` and `Ipv4Addr::to_ipv6_mapped` for the embedded
//! IPv4 address and back.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{AddrError, IpVersion, Problem, Subject};

/// What `Ipv6Addr` lacks.
///
/// ```
/// use addr::Ipv6Ext;
/// use std::net::{Ipv4Addr, Ipv6Addr};
/// let ip: Ipv6Addr = "2002:c000:201::1".parse().unwrap();
/// assert!(ip.is_global_scope() && ip.is_reserved_block());
/// assert_eq!(ip.sixtofour(), Some(Ipv4Addr::new(192, 0, 2, 1)));
/// assert_eq!(ip.solicited_node().unwrap().to_string(), "ff02::1:ff00:1");
/// assert_eq!(ip.exploded().to_string(), "2002:c000:0201:0000:0000:0000:0000:0001");
/// ```
pub trait Ipv6Ext: Copy {
    /// `2000::/3`, whatever parts of it are reserved for.
    fn is_global_scope(self) -> bool;

    /// `2001:db8::/32` (RFC 3849) or `3fff::/20` (RFC 9637).
    fn is_documentation_block(self) -> bool;

    /// Set aside by the IANA special-purpose registry: documentation, translation, discard,
    /// protocol assignments, 6to4, AS112, SRv6 identifiers, IPv4-mapped.
    fn is_reserved_block(self) -> bool;

    /// `ff02::1`, every node of the link.
    fn is_all_nodes(self) -> bool;

    /// `ff02::2`, every router of the link.
    fn is_all_routers(self) -> bool;

    /// Inside `ff02::1:ff00:0/104`.
    ///
    /// ```
    /// use addr::Ipv6Ext;
    /// let ip: std::net::Ipv6Addr = "ff02::1:ff00:1".parse().unwrap();
    /// assert!(ip.is_solicited_node() && !ip.is_all_nodes() && !ip.is_all_routers());
    /// ```
    fn is_solicited_node(self) -> bool;

    /// The solicited-node group of a unicast address or of `::` (RFC 4291 §2.7.1).
    ///
    /// # Errors
    /// [`Problem::NotUnicast`] for all other addresses.
    fn solicited_node(self) -> Result<Ipv6Addr, AddrError>;

    /// `::ffff:0:0/96`.
    ///
    /// ```
    /// use addr::Ipv6Ext;
    /// let ip: std::net::Ipv6Addr = "::ffff:10.0.0.1".parse().unwrap();
    /// assert!(ip.is_mapped_ipv4() && ip.is_reserved_block() && !ip.is_documentation_block());
    /// ```
    fn is_mapped_ipv4(self) -> bool;

    /// The IPv4 address inside a 6to4 address `2002::/16` (RFC 3056).
    fn sixtofour(self) -> Option<Ipv4Addr>;

    /// Server and client inside a Teredo address `2001::/32` (RFC 4380 §4).
    ///
    /// ```
    /// use addr::Ipv6Ext;
    /// use std::net::{Ipv4Addr, Ipv6Addr};
    /// let ip: Ipv6Addr = "2001:0:4136:e378:8000:63bf:3fff:fdd2".parse().unwrap();
    /// let (server, client) = ip.teredo().unwrap();
    /// assert_eq!(server, Ipv4Addr::new(65, 54, 227, 120));
    /// assert_eq!(client, Ipv4Addr::new(192, 0, 2, 45));
    /// ```
    fn teredo(self) -> Option<(Ipv4Addr, Ipv4Addr)>;

    /// Eight groups of four digits, nothing left out.
    fn exploded(self) -> Exploded;
}

/// Network part and prefix length of the reserved blocks.
const RESERVED: [(u128, u8); 11] = [
    (0x2001_0db8 << 96, 32),
    (0x3fff << 112, 20),
    (0x0064_ff9b << 96, 96),
    (0x0064_ff9b_0001 << 80, 48),
    (0x0100 << 112, 64),
    (0x0100 << 112 | 1 << 64, 64),
    (0x2001 << 112, 23),
    (0x2002 << 112, 16),
    (0x2620_004f_8000 << 80, 48),
    (0x5f00 << 112, 16),
    (0xffff << 32, 96),
];

fn inside(ip: Ipv6Addr, (network, length): (u128, u8)) -> bool {
    (ip.to_bits() ^ network) >> (128 - u32::from(length)) == 0
}

impl Ipv6Ext for Ipv6Addr {
    #[inline]
    fn is_global_scope(self) -> bool {
        self.octets()[0] >> 5 == 1
    }

    fn is_documentation_block(self) -> bool {
        RESERVED[..2].iter().any(|&block| inside(self, block))
    }

    fn is_reserved_block(self) -> bool {
        RESERVED.iter().any(|&block| inside(self, block))
    }

    #[inline]
    fn is_all_nodes(self) -> bool {
        self.to_bits() == 0xff02 << 112 | 1
    }

    #[inline]
    fn is_all_routers(self) -> bool {
        self.to_bits() == 0xff02 << 112 | 2
    }

    #[inline]
    fn is_solicited_node(self) -> bool {
        inside(self, (SOLICITED_NODE, 104))
    }

    fn solicited_node(self) -> Result<Ipv6Addr, AddrError> {
        if !is_scoped_unicast(self) && !self.is_unspecified() {
            let version = Some(IpVersion::V6);
            return Err(AddrError::new(Subject::Address, version, Problem::NotUnicast));
        }
        Ok(Self::from_bits(SOLICITED_NODE | self.to_bits() & 0xff_ffff))
    }

    #[inline]
    fn is_mapped_ipv4(self) -> bool {
        self.to_ipv4_mapped().is_some()
    }

    fn sixtofour(self) -> Option<Ipv4Addr> {
        (self.segments()[0] == 0x2002).then(|| ipv4_at(self, 80))
    }

    fn teredo(self) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let client = Ipv4Addr::from_bits(!ipv4_at(self, 0).to_bits());
        (self.to_bits() >> 96 == 0x2001_0000).then(|| (ipv4_at(self, 64), client))
    }

    #[inline]
    fn exploded(self) -> Exploded {
        Exploded(self)
    }
}

/// Unicast of any scope, without `::`.
pub(crate) fn is_scoped_unicast(ip: Ipv6Addr) -> bool {
    ip.is_global_scope() || ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback()
}

const SOLICITED_NODE: u128 = 0xff02 << 112 | 0x01_ff00_0000;

/// The IPv4 address whose lowest bit is bit `shift` from the low end.
fn ipv4_at(ip: Ipv6Addr, shift: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits((ip.to_bits() >> shift) as u32)
}

/// IPv6 text without compression; made by [`Ipv6Ext::exploded`].
///
/// ```
/// use addr::Ipv6Ext;
/// use std::net::Ipv6Addr;
/// let text = Ipv6Addr::LOCALHOST.exploded().to_string();
/// assert_eq!(text, "0000:0000:0000:0000:0000:0000:0000:0001");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exploded(Ipv6Addr);

impl std::fmt::Display for Exploded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, g, h, i] = self.0.segments();
        crate::text::pad(
            f,
            format_args!("{a:04x}:{b:04x}:{c:04x}:{d:04x}:{e:04x}:{g:04x}:{h:04x}:{i:04x}"),
        )
    }
}

#[cfg(test)]
mod tests;
