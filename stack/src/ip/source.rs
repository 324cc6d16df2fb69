//! The source address of a packet whose sender chose none.
//!
//! IPv4 as Linux: on the outgoing interface the address whose subnet holds the next hop, then the
//! first of the destination's scope, then the first. IPv6 by RFC 6724 §5: same address, scope,
//! not deprecated, label, temporary, longest common prefix; the first assigned wins among equals.
//! Where the interface has no address of the family, one of another interface serves (the weak
//! model of senders). Tentative and duplicated addresses are never chosen.
//!
//! Rules 4 (home) and 5.5 (the next hop's prefix) need facts that are not recorded yet.

use core::cmp::Reverse;

use addr::Ip;

use crate::fib::address::{AddressFlags, AddressState, InterfaceAddress};
use crate::fib::tables::{FibInterface, FibTables, LOOPBACK};

/// The source for `destination` out of `interface`, or none.
pub(crate) fn select(
    tables: &FibTables,
    interface: &FibInterface,
    next_hop: Ip,
    destination: Ip,
) -> Option<Ip> {
    among(&interface.addresses, next_hop, destination).or_else(|| {
        let links = tables.interfaces.iter().filter(|i| i.ifindex != LOOPBACK);
        let all = links.flat_map(|i| &i.addresses).filter(|a| !a.ip().is_link_local());
        let mut usable = all.filter(|address| is_usable(address, destination));
        match destination.is_v4() {
            true => usable.next().map(InterfaceAddress::ip),
            false => best(usable, destination),
        }
    })
}

fn is_usable(address: &InterfaceAddress, destination: Ip) -> bool {
    address.ip().same_family(&destination) && address.is_assigned()
}

fn among(addresses: &[InterfaceAddress], next_hop: Ip, destination: Ip) -> Option<Ip> {
    let family = || addresses.iter().filter(|address| is_usable(address, destination));
    if destination.is_v4() {
        // As Linux `inet_select_addr`, which does not look at lifetimes.
        let same_scope =
            || family().filter(|a| a.ip().is_link_local() == destination.is_link_local());
        return same_scope()
            .find(|a| a.cidr.contains(next_hop))
            .or_else(|| same_scope().next())
            .or_else(|| family().next())
            .map(InterfaceAddress::ip);
    }
    best(family(), destination)
}

/// The best of IPv6 candidates, the first of equals.
fn best<'a>(
    candidates: impl DoubleEndedIterator<Item = &'a InterfaceAddress>,
    destination: Ip,
) -> Option<Ip> {
    // `max_by_key` keeps the last of equals, so the walk is backwards.
    candidates.rev().max_by_key(|address| rank(address, destination)).map(InterfaceAddress::ip)
}

/// How good a candidate is, greater is better: RFC 6724 §5 rules 1, 2, 3, 6, 7 and 8 in that order.
type Rank = (bool, bool, Reverse<u8>, bool, bool, bool, u32);

/// The rank of a candidate for `destination`.
fn rank(address: &InterfaceAddress, destination: Ip) -> Rank {
    let candidate = &address.cidr;
    // RFC 4429 §3.1: an optimistic address counts as deprecated.
    let preferred = address.state == AddressState::Preferred;
    let temporary = address.flags.has(AddressFlags::TEMPORARY);
    let (own, wanted) = (scope(candidate.ip), scope(destination));
    let reaches = own >= wanted;
    // Of those that reach, the smallest scope; of those that do not, the largest.
    let distance = if reaches { own - wanted } else { wanted - own };
    let same_label = label(candidate.ip) == label(destination);
    let common = (candidate.ip.to_bits() ^ destination.to_bits()).leading_zeros();
    let common = common.min(u32::from(candidate.bits128()));
    let same = candidate.ip == destination;
    (same, reaches, Reverse(distance), preferred, same_label, temporary, common)
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
