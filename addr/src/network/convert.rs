//! Networks to and from the other forms that people hold: the `ipnet` crate's types, which
//! configuration files and routing code use, and this crate's family-neutral [`Cidr`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{IpNetwork, Ipv4Network, Ipv6Network};
use crate::{AddrError, Cidr, Interface, Ip, IpVersion, Versioned};

macro_rules! conversions {
    ($($version:ident $network:ty, $address:ty, $net:ty;)*) => { $(
        /// Host bits are cleared.
        impl From<$net> for $network {
            fn from(net: $net) -> Self {
                Self::with_prefix(net.addr(), net.prefix_len()).unwrap_or_default()
            }
        }

        impl From<$network> for $net {
            fn from(network: $network) -> Self {
                Self::new(network.address(), network.prefix_len()).unwrap_or_default()
            }
        }

        impl From<$network> for IpNetwork {
            fn from(network: $network) -> Self {
                Self::$version(network)
            }
        }

        impl From<$address> for IpNetwork {
            fn from(address: $address) -> Self {
                Self::$version(address.into())
            }
        }

        impl From<Interface<$address>> for $network {
            fn from(interface: Interface<$address>) -> Self {
                interface.network()
            }
        }

        impl From<$network> for Cidr {
            fn from(network: $network) -> Self {
                let ip = Ip::from(network.address());
                // A network inside ::ffff:0:0/96 is the IPv4 network with 96 bits less.
                let extra = network.max_prefixlen() - ip.width();
                Self { ip, prefix: network.prefix_len().saturating_sub(extra) }
            }
        }
    )* };
}

conversions! {
    V4 Ipv4Network, Ipv4Addr, ipnet::Ipv4Net;
    V6 Ipv6Network, Ipv6Addr, ipnet::Ipv6Net;
}

impl From<IpAddr> for IpNetwork {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(ip) => ip.into(),
            IpAddr::V6(ip) => ip.into(),
        }
    }
}

impl From<ipnet::IpNet> for IpNetwork {
    fn from(net: ipnet::IpNet) -> Self {
        match net {
            ipnet::IpNet::V4(net) => Self::V4(net.into()),
            ipnet::IpNet::V6(net) => Self::V6(net.into()),
        }
    }
}

impl From<IpNetwork> for ipnet::IpNet {
    fn from(network: IpNetwork) -> Self {
        match network {
            IpNetwork::V4(network) => Self::V4(network.into()),
            IpNetwork::V6(network) => Self::V6(network.into()),
        }
    }
}

impl From<IpNetwork> for Cidr {
    fn from(network: IpNetwork) -> Self {
        match network {
            IpNetwork::V4(network) => network.into(),
            IpNetwork::V6(network) => network.into(),
        }
    }
}

/// Host bits are cleared; a prefix set by hand to more than the family has is refused.
impl TryFrom<Cidr> for IpNetwork {
    type Error = AddrError;

    fn try_from(cidr: Cidr) -> Result<Self, AddrError> {
        match cidr.ip.to_std() {
            IpAddr::V4(ip) => Ipv4Network::with_prefix(ip, cidr.prefix).map(Self::V4),
            IpAddr::V6(ip) => Ipv6Network::with_prefix(ip, cidr.prefix).map(Self::V6),
        }
    }
}

impl Versioned for IpNetwork {
    fn version(&self) -> IpVersion {
        match self {
            Self::V4(_) => IpVersion::V4,
            Self::V6(_) => IpVersion::V6,
        }
    }
}
