//! Tests of `serde_text`.

use serde::de::DeserializeOwned;

use super::*;
use crate::{Ipv4Interface, Ipv4Mask, Ipv4Network, Ipv6Interface, Ipv6Network, Ipv6Wildcard};

fn both_ways<T: Serialize + DeserializeOwned + PartialEq + fmt::Debug>(text: &str) {
    let json = format!("\"{text}\"");
    let value: T = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap(), json);
    let again: T = serde_json::from_value(serde_json::to_value(&value).unwrap()).unwrap();
    assert_eq!(again, value);
}

/// ADDR-05, by serde.
#[test]
fn addr_05_every_value_is_its_text() {
    both_ways::<Mac>("02:00:00:00:00:01");
    both_ways::<Ip>("2001:db8::1");
    both_ways::<Cidr>("10.0.1.7/24");
    both_ways::<Endpoint>("[::1]:80");
    both_ways::<Zone>("eth0");
    both_ways::<ScopedIpv6>("fe80::1%eth0");
    both_ways::<ScopedIp>("10.0.0.1");
    both_ways::<Ipv4Mask>("/24");
    both_ways::<Ipv6Wildcard>("::ffff");
    both_ways::<Ipv4Network>("10.0.0.0/8");
    both_ways::<Ipv6Network>("2001:db8::/32");
    both_ways::<IpNetwork>("::/0");
    both_ways::<Ipv4Interface>("10.0.1.7/24");
    both_ways::<Ipv6Interface>("fe80::1%eth0/64");
    both_ways::<IpInterface>("fe80::1%eth0/64");
}

#[test]
fn errors_say_why() {
    let error = serde_json::from_str::<Ipv4Network>("\"10.0.0.0/33\"").unwrap_err().to_string();
    assert!(error.starts_with("IPv4 network: prefix length exceeds the address width"), "{error}");
    let error = serde_json::from_str::<Mac>("7").unwrap_err().to_string();
    assert!(error.contains("expected an address value as text"), "{error}");
}
