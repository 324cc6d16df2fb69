//! The source address of a packet whose sender chose none.
//!
//! IPv4 as Linux: on the outgoing interface the address whose subnet holds the next hop, then the
//! first of the destination's scope, then the first. IPv6 by RFC 6724 §5: same address, scope,
//! label, longest common prefix; the first assigned wins among equals. Where the interface has no
//! address of the family, one of another interface serves (the weak model of senders).
//!
//! Rules 3 (deprecated), 4 (home), 5.5 (next hop's prefix) and 7 (temporary) need address states
//! that do not exist yet.

use core::cmp::Reverse;

use addr::{Cidr, Ip};

use crate::fib::tables::{FibInterface, FibTables, LOOPBACK};

/// The source for `destination` out of `interface`, or none.
pub(crate) fn select(
    tables: &FibTables,
    interface: &FibInterface,
    next_hop: Ip,
    destination: Ip,
) -> Option<Ip> {
    among(&interface.addresses, next_hop, destination).or_else(|| {
        let others = || {
            let links = tables.interfaces.iter().filter(|i| i.ifindex != LOOPBACK);
            links.flat_map(|i| &i.addresses).filter(|a| !a.ip.is_link_local())
        };
        others().find(|a| a.ip.same_family(&destination)).map(|a| a.ip)
    })
}

fn among(addresses: &[Cidr], next_hop: Ip, destination: Ip) -> Option<Ip> {
    let family = || addresses.iter().filter(|a| a.ip.same_family(&destination));
    if destination.is_v4() {
        let same_scope =
            || family().filter(|a| a.ip.is_link_local() == destination.is_link_local());
        return same_scope()
            .find(|a| a.contains(next_hop))
            .or_else(|| same_scope().next())
            .or_else(|| family().next())
            .map(|a| a.ip);
    }
    // `max_by_key` keeps the last of equals, so the walk is backwards.
    family().rev().max_by_key(|a| rank(a, destination)).map(|a| a.ip)
}

/// Sorts candidates: greater is better. RFC 6724 §5 rules 1, 2, 6 and 8 in that order.
fn rank(candidate: &Cidr, destination: Ip) -> (bool, bool, Reverse<u8>, bool, u32) {
    let (own, wanted) = (scope(candidate.ip), scope(destination));
    let reaches = own >= wanted;
    // Of those that reach, the smallest scope; of those that do not, the largest.
    let distance = if reaches { own - wanted } else { wanted - own };
    let same_label = label(candidate.ip) == label(destination);
    let common = (candidate.ip.to_bits() ^ destination.to_bits()).leading_zeros();
    let common = common.min(u32::from(candidate.bits128()));
    (candidate.ip == destination, reaches, Reverse(distance), same_label, common)
}

/// RFC 6724 §3.1, by the numbers of multicast scopes; unique local addresses are global.
fn scope(ip: Ip) -> u8 {
    const LINK: u8 = 0x2;
    const GLOBAL: u8 = 0xe;
    if ip.is_multicast() {
        ip.octets()[1] & 0xf
    } else if ip.is_link_local() || ip.is_loopback() {
        LINK
    } else {
        GLOBAL
    }
}

/// RFC 6724 §2.1: the label of the first entry that fits, longest prefix first.
fn label(ip: Ip) -> u8 {
    let octets = ip.octets();
    if ip.is_loopback() {
        return 0;
    }
    match (octets[0], octets[1], octets[2], octets[3]) {
        (0x20, 0x01, 0, 0) => 5,
        (0x20, 0x02, ..) => 2,
        (0x3f, 0xfe, ..) => 12,
        (0xfe, second, ..) if second & 0xc0 == 0xc0 => 11,
        (first, ..) if first & 0xfe == 0xfc => 13,
        (0, 0, 0, 0) if octets[..12] == [0; 12] => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
