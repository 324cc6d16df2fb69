//! Predicates of IPv4 addresses that the standard library lacks or answers differently.
//!
//! Ranges are those of the IANA special-purpose registry. `Ipv4Addr` itself has the others:
//! `is_loopback`, `is_link_local`, `is_multicast`, `is_private`, `is_documentation`, and
//! `is_broadcast` for the limited broadcast address.

use std::net::Ipv4Addr;

/// What `Ipv4Addr` lacks.
///
/// ```
/// use addr::Ipv4Ext;
/// use std::net::Ipv4Addr;
/// assert!(Ipv4Addr::new(240, 0, 0, 1).is_reserved_block());
/// assert!(Ipv4Addr::new(0, 1, 2, 3).is_this_network());
/// assert!(Ipv4Addr::new(100, 64, 0, 1).is_shared_block());
/// assert!(Ipv4Addr::new(198, 18, 0, 1).is_benchmarking_block());
/// assert!(Ipv4Addr::new(8, 8, 8, 8).is_global_scope());
/// assert!(!Ipv4Addr::new(192, 0, 2, 1).is_global_scope());
/// ```
pub trait Ipv4Ext: Copy {
    /// `0.0.0.0/8` except the unspecified address: never a valid address of a packet.
    fn is_this_network(self) -> bool;

    /// `240.0.0.0/4` except the limited broadcast address (RFC 1112 §4).
    fn is_reserved_block(self) -> bool;

    /// `100.64.0.0/10`, between a carrier's address translation and its customers (RFC 6598).
    fn is_shared_block(self) -> bool;

    /// `198.18.0.0/15` (RFC 2544).
    fn is_benchmarking_block(self) -> bool;

    /// Reachable from anywhere: none of the special ranges.
    ///
    /// Documentation, shared, benchmarking and protocol-assignment ranges (`192.0.0.0/24` but for
    /// its two global anycast addresses) are not global either.
    fn is_global_scope(self) -> bool;
}

impl Ipv4Ext for Ipv4Addr {
    #[inline]
    fn is_this_network(self) -> bool {
        self.octets()[0] == 0 && !self.is_unspecified()
    }

    #[inline]
    fn is_reserved_block(self) -> bool {
        self.octets()[0] >= 240 && !self.is_broadcast()
    }

    #[inline]
    fn is_shared_block(self) -> bool {
        matches!(self.octets(), [100, 64..=127, ..])
    }

    #[inline]
    fn is_benchmarking_block(self) -> bool {
        matches!(self.octets(), [198, 18 | 19, ..])
    }

    fn is_global_scope(self) -> bool {
        // 192.0.0.9 is PCP anycast (RFC 7723), 192.0.0.10 is TURN anycast (RFC 8155).
        let assignment = matches!(self.octets(), [192, 0, 0, last] if !matches!(last, 9 | 10));
        matches!(self.octets()[0], 1..=223)
            && !self.is_loopback()
            && !self.is_link_local()
            && !self.is_private()
            && !self.is_documentation()
            && !self.is_shared_block()
            && !self.is_benchmarking_block()
            && !assignment
    }
}

#[cfg(test)]
mod tests;
