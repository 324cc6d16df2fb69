//! Readers for command-line arguments.
//!
//! Each is a plain function from text to a value or an [`AddrError`], which is what argument
//! parsers take (clap: `value_parser = addr::arg::mac`) and turn into a usage error. This
//! crate needs no such parser itself. Those for either family try IPv6 first.

use std::net::Ipv4Addr;

use crate::{
    AddrError, Address, IpInterface, IpNetwork, Ipv4Interface, Ipv4Network, Ipv6Interface,
    Ipv6Network, Mac, ScopedIp, ScopedIpv6,
};

macro_rules! readers {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty = $read:expr, $example:literal;)*) => { $(
        $(#[doc = $doc])*
        ///
        /// # Errors
        /// The [`Problem`](crate::Problem) and the byte of the text, if the text is no such value.
        ///
        /// ```
        #[doc = concat!("use addr::arg::", stringify!($name), ";")]
        #[doc = concat!("assert!(", stringify!($name), "(", stringify!($example), ").is_ok());")]
        #[doc = concat!("assert!(", stringify!($name), "(\"x\").is_err());")]
        /// ```
        pub fn $name(text: &str) -> Result<$type, AddrError> {
            let read: fn(&str) -> Result<$type, AddrError> = $read;
            read(text)
        }
    )* };
}

readers! {
    /// A MAC address.
    mac: Mac = str::parse, "02:00:00:00:00:01";
    /// An address of either family, with a zone where IPv6 has one.
    ip: ScopedIp = str::parse, "fe80::1%eth0";
    /// An IPv4 address.
    ipv4: Ipv4Addr = Ipv4Addr::from_text, "10.0.0.1";
    /// An IPv6 address, with a zone where it has one.
    ipv6: ScopedIpv6 = str::parse, "fe80::1%eth0";
    /// A network of either family.
    network: IpNetwork = str::parse, "10.0.0.0/8";
    /// An IPv4 network.
    ipv4_network: Ipv4Network = str::parse, "10.0.0.0/8";
    /// An IPv6 network.
    ipv6_network: Ipv6Network = str::parse, "2001:db8::/32";
    /// An interface address of either family.
    interface: IpInterface = str::parse, "10.0.0.1/8";
    /// An IPv4 interface address.
    ipv4_interface: Ipv4Interface = str::parse, "10.0.0.1/8";
    /// An IPv6 interface address.
    ipv6_interface: Ipv6Interface = str::parse, "fe80::1%eth0/64";
}

#[cfg(test)]
mod tests;
