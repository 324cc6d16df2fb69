//! Against Python's `ipaddress` and the C library's `inet_pton`: a table of their answers
//! (`golden/python.txt`, written by `golden/generate.py`) must be ours too.

use std::fmt::Display;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use addr::{Address, FormatCode, Ipv4Network, Ipv6Ext, Ipv6Network, Network, ScopedIp};

const TABLE: &str = include_str!("golden/python.txt");

/// The fields of every row of these kinds; there must be some.
fn rows(kinds: &[&str]) -> Vec<Vec<&'static str>> {
    let fields = TABLE.lines().map(|line| line.split('|').collect::<Vec<_>>());
    let rows: Vec<_> = fields.filter(|fields| kinds.contains(&fields[0])).collect();
    assert!(!rows.is_empty(), "{kinds:?}");
    rows
}

fn texts(values: impl IntoIterator<Item = impl Display>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(" ")
}

fn flags(flags: [bool; 4]) -> String {
    flags.map(|flag| if flag { '1' } else { '0' }).iter().collect()
}

/// ADDR-20, ADDR-21, ADDR-22, ADDR-23, ADDR-24, ADDR-31.
#[test]
fn ipv4_addresses() {
    for row in rows(&["text4"]) {
        let ip = Ipv4Addr::from_text(row[1]).unwrap();
        assert_eq!((ip.to_string().as_str(), ip.to_int().to_string().as_str()), (row[2], row[3]));
        let own = [ip.is_multicast(), ip.is_loopback(), ip.is_link_local(), ip.is_unspecified()];
        assert_eq!(flags(own), row[4], "{ip}");
        assert_eq!(ip.reverse_pointer().to_string(), row[6]);
    }
    for row in rows(&["bad4"]) {
        assert!(Ipv4Addr::from_text(row[1]).is_err(), "{}", row[1]);
    }
}

/// ADDR-40, ADDR-41, ADDR-42, ADDR-47, ADDR-48, ADDR-51, ADDR-61.
#[test]
fn ipv6_addresses() {
    for row in rows(&["text6"]) {
        let ip = Ipv6Addr::from_text(row[1]).unwrap();
        assert_eq!((ip.to_string().as_str(), ip.to_int().to_string().as_str()), (row[2], row[3]));
        let local = ip.is_unicast_link_local();
        let own = [ip.is_multicast(), ip.is_loopback(), local, ip.is_unspecified()];
        assert_eq!(flags(own), row[4], "{ip}");
        assert_eq!(ip.exploded().to_string(), row[5]);
        assert_eq!(ip.reverse_pointer().to_string(), row[6]);
    }
    for row in rows(&["bad6"]) {
        assert!(Ipv6Addr::from_text(row[1]).is_err(), "{}", row[1]);
    }
}

/// ADDR-58, ADDR-59.
#[test]
fn tunnels() {
    for row in rows(&["tunnel"]) {
        let ip = Ipv6Addr::from_text(row[1]).unwrap();
        let none = || "None".to_owned();
        assert_eq!(ip.sixtofour().map_or_else(none, |ip| ip.to_string()), row[2]);
        assert_eq!(
            ip.teredo().map_or_else(none, |(server, client)| texts([server, client])),
            row[3]
        );
    }
}

fn check_network<A: Address>(row: &[&str]) {
    let parse = |text: &str| Network::<A>::from_str(text).unwrap();
    let network = parse(row[1]);
    assert_eq!(network.to_string(), row[2]);
    // As values: Python prints IPv4-mapped addresses without the dotted quad.
    let address = |text| A::from_text(text).unwrap();
    assert_eq!(network.mask().as_address(), address(row[3]));
    assert_eq!(network.hostmask().as_address(), address(row[4]));
    assert_eq!(network.last(), address(row[5]));
    let count = network.num_addresses().map(|count| count.to_string());
    assert_eq!(count.as_deref().unwrap_or("340282366920938463463374607431768211456"), row[6]);
    assert_eq!(texts(network.subnets(row[7].parse().unwrap()).unwrap()), row[8], "{network}");
    assert_eq!(network.parent(), parse(row[9]));
    let part = parse(row[10]);
    assert_eq!(texts(network.address_exclude(part).unwrap()), row[11], "{network} {part}");
}

/// ADDR-91, ADDR-92, ADDR-93, ADDR-94, ADDR-98, ADDR-99, ADDR-100.
#[test]
fn networks() {
    for row in rows(&["net4"]) {
        check_network::<Ipv4Addr>(&row);
    }
    for row in rows(&["net6"]) {
        check_network::<Ipv6Addr>(&row);
    }
}

/// ADDR-96, ADDR-97.
#[test]
fn hosts() {
    for row in rows(&["hosts4"]) {
        assert_eq!(texts(row[1].parse::<Ipv4Network>().unwrap().hosts()), row[2]);
    }
    for row in rows(&["hosts6"]) {
        assert_eq!(texts(row[1].parse::<Ipv6Network>().unwrap().hosts()), row[2]);
    }
}

fn summary<A: Address>(list: &str) -> String {
    let networks = list.split(' ').map(|text| Network::<A>::from_str(text).unwrap());
    texts(Network::summarize(networks))
}

/// ADDR-103.
#[test]
fn summaries() {
    for row in rows(&["sum4"]) {
        assert_eq!(summary::<Ipv4Addr>(row[1]), row[2]);
    }
    for row in rows(&["sum6"]) {
        assert_eq!(summary::<Ipv6Addr>(row[1]), row[2]);
    }
}

/// ADDR-08, ADDR-09.
#[test]
fn formats() {
    for row in rows(&["format"]) {
        let text = match row[1].parse::<ScopedIp>().unwrap() {
            ScopedIp::V4(ip) => ip.format_code(row[2]),
            ScopedIp::V6(ip) => ip.format_code(row[2]),
        };
        assert_eq!(text.as_deref(), Ok(row[3]), "{row:?}");
    }
}
