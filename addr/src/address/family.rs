//! [`Address`] for both families.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Address;
use crate::text::{parse4, parse6};
use crate::{AddrError, IpVersion, Mac, Problem, ScopedIpv6, ipv6_ext};

impl Address for Ipv4Addr {
    const VERSION: IpVersion = IpVersion::V4;
    const ZERO: Self = Self::UNSPECIFIED;
    type Scoped = Self;

    #[inline]
    fn to_int(self) -> u128 {
        u128::from(self.to_bits())
    }

    #[inline]
    fn from_low_bits(bits: u128) -> Self {
        Self::from_bits(bits as u32)
    }

    fn read(text: &str) -> Result<Self, (Problem, usize)> {
        parse4(text)
    }

    fn read_scoped(text: &str) -> Result<Self, AddrError> {
        Self::from_text(text)
    }

    fn aggregate(networks: &[(Self, u8)]) -> Vec<(Self, u8)> {
        let nets = networks.iter().filter_map(|&(ip, len)| ipnet::Ipv4Net::new(ip, len).ok());
        let merged = ipnet::Ipv4Net::aggregate(&nets.collect());
        merged.into_iter().map(|net| (net.network(), net.prefix_len())).collect()
    }

    fn is_scoped_unicast(self) -> bool {
        matches!(self.octets()[0], 1..=223)
    }
}

impl Address for Ipv6Addr {
    const VERSION: IpVersion = IpVersion::V6;
    const ZERO: Self = Self::UNSPECIFIED;
    type Scoped = ScopedIpv6;

    #[inline]
    fn to_int(self) -> u128 {
        self.to_bits()
    }

    #[inline]
    fn from_low_bits(bits: u128) -> Self {
        Self::from_bits(bits)
    }

    fn read(text: &str) -> Result<Self, (Problem, usize)> {
        parse6(text)
    }

    fn read_scoped(text: &str) -> Result<ScopedIpv6, AddrError> {
        text.parse()
    }

    fn aggregate(networks: &[(Self, u8)]) -> Vec<(Self, u8)> {
        let nets = networks.iter().filter_map(|&(ip, len)| ipnet::Ipv6Net::new(ip, len).ok());
        let merged = ipnet::Ipv6Net::aggregate(&nets.collect());
        merged.into_iter().map(|net| (net.network(), net.prefix_len())).collect()
    }

    fn is_scoped_unicast(self) -> bool {
        ipv6_ext::is_scoped_unicast(self)
    }

    /// RFC 2464 §7: `33:33` and the low 32 bits, whatever the address would be elsewhere.
    fn multicast_mac(self) -> Result<Mac, AddrError> {
        let [.., a, b, c, d] = self.octets();
        if !self.is_multicast() {
            return Err(Self::error(Problem::NotMulticast));
        }
        Ok(Mac([0x33, 0x33, a, b, c, d]))
    }
}
