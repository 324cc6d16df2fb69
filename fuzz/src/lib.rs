//! One exercise a parser, shared by the fuzz targets and by the test that replays the corpus.
//!
//! An exercise hands any bytes to a parser and walks everything the parser returns. Beyond not
//! panicking it demands that what was parsed, once emitted, parses to the same again. Where a
//! checksum stands in front of the interesting part, the exercise also repairs it and tries again:
//! a fuzzer does not find checksums.
#![forbid(unsafe_code)]

mod apps;
mod icmp;
mod link;
mod network;
mod transport;

/// An exercise.
pub type Exercise = fn(&[u8]);

/// Every exercise by the name of its fuzz target.
pub const ALL: &[(&str, Exercise)] = &[
    ("arp", link::arp),
    ("checksum", transport::checksum),
    ("dhcpv4", apps::dhcpv4),
    ("dhcpv6", apps::dhcpv6),
    ("display", link::display),
    ("dns", apps::dns),
    ("ethernet", link::ethernet),
    ("icmp_ext", icmp::icmp_ext),
    ("icmp_quote", icmp::icmp_quote),
    ("icmpv4", icmp::icmpv4),
    ("icmpv6", icmp::icmpv6),
    ("igmp", icmp::igmp),
    ("ip", network::ip),
    ("ipv4_options", network::ipv4_options),
    ("ipv6_options", network::ipv6_options),
    ("ipv6_routing", network::ipv6_routing),
    ("llc", link::llc),
    ("mld", icmp::mld),
    ("ndp", icmp::ndp),
    ("search_list", transport::search_list),
    ("tcp", transport::tcp),
    ("tcp_options", transport::tcp_options),
    ("udp", transport::udp),
];

/// Runs the exercise `name`.
pub fn run(name: &str, bytes: &[u8]) {
    let (_, exercise) = ALL.iter().find(|(known, _)| *known == name).expect("a known exercise");
    exercise(bytes);
}
