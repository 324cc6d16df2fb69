//! serde: every value type as its text, whatever the format (feature `serde`).
//!
//! Text is what configuration files and the control protocol hold, and it is read by the same
//! parsers as everywhere, with their errors.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    AddrError, Address, Cidr, Endpoint, Interface, Ip, IpInterface, IpNetwork, Mac, Mask, Network,
    ScopedIp, ScopedIpv6, Wildcard, Zone,
};

struct TextVisitor<T>(PhantomData<T>);

impl<T: FromStr<Err = AddrError>> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address value as text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! as_text {
    ($($(@$a:ident)? $name:ty),* $(,)?) => { $(
        impl $(<$a: Address>)? Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de $(, $a: Address)?> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(TextVisitor(PhantomData))
            }
        }
    )* };
}

as_text!(
    Mac, Ip, Cidr, Endpoint, Zone, ScopedIpv6, ScopedIp, @A Mask<A>, @A Wildcard<A>, @A Network<A>,
    IpNetwork, @A Interface<A>, IpInterface,
);

#[cfg(test)]
mod tests;
