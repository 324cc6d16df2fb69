//! Is this packet well-formed, from someone who may send, and for us?
//!
//! The one decision point of IP input: a packet that passes is delivered, any other ends here with
//! its reason (a router would forward some of them, from here).

use addr::{IfIndex, Ip};
use wire::Malformed;
use wire::error::Problem;
use wire::ip::IpHeader;
use wire::ipv4;

use crate::drop::DropReason;
use crate::fib::{Destination, Fib, FibInterface};

/// Why a packet goes no further, and the Parameter Problem that answers it, if one is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: DropReason,
    pub(crate) problem: Option<Problem>,
}

impl From<DropReason> for Refusal {
    fn from(reason: DropReason) -> Self {
        Self { reason, problem: None }
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        let reason = match malformed {
            Malformed::Source => DropReason::IpMartianSource,
            _ => DropReason::IpMalformed,
        };
        Self { reason, problem: malformed.problem() }
    }
}

/// The pair of addresses that passed last. Packets come in runs of one flow, so most need no second look
/// at who they are from and for, as long as the network around us is the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastPair {
    version: u32,
    ifindex: IfIndex,
    src: Ip,
    dst: Ip,
}

/// Checks a packet that came in by `interface` and has this header; returns whose it is (never foreign).
#[inline]
pub(crate) fn check(
    fib: &Fib,
    interface: &FibInterface,
    header: &IpHeader,
    packet: &[u8],
    last: &mut Option<LastPair>,
) -> Result<Destination, Refusal> {
    let known = last.is_some_and(|last| {
        header.hop_limit != 0
            && last.dst == header.dst
            && last.src == header.src
            && last.ifindex == interface.ifindex
            && last.version == fib.tables_version()
    });
    let destination =
        if known { Destination::Unicast } else { judge(fib, interface, header, last)? };
    if header.src.is_v4() && header.header_len > ipv4::HEADER_LEN && has_source_route(packet) {
        return Err(DropReason::IpSourceRoute.into());
    }
    Ok(destination)
}

/// Whose a packet is, and whether its sender may send it.
fn judge(
    fib: &Fib,
    interface: &FibInterface,
    header: &IpHeader,
    last: &mut Option<LastPair>,
) -> Result<Destination, Refusal> {
    let loopback = interface.ifindex == Fib::LOOPBACK;
    header.check_sender(loopback)?;
    let destination = fib.classify(interface, header.dst);
    if destination == Destination::Foreign {
        return Err(DropReason::IpNotOurs.into());
    }
    // IPRX-04, and nobody but us sends from our addresses. An unspecified source cannot be
    // answered, so it may speak to groups only (DHCP, DAD, membership reports).
    let martian = fib.is_broadcast(Some(interface.ifindex), header.src)
        || (!loopback && fib.is_local(header.src))
        || (header.src.is_unspecified() && destination == Destination::Unicast);
    if martian {
        return Err(DropReason::IpMartianSource.into());
    }
    if destination == Destination::Unicast {
        let (src, dst) = (header.src, header.dst);
        *last =
            Some(LastPair { version: fib.tables_version(), ifindex: interface.ifindex, src, dst });
    }
    Ok(destination)
}

/// IPRX-03: source routes are an attacker's tool (Linux `accept_source_route` 0).
fn has_source_route(packet: &[u8]) -> bool {
    let header_len = usize::from(packet[0] & 0xf) * 4;
    let header = packet.get(..header_len).unwrap_or_default();
    ipv4::options(header).flatten().any(|option| {
        matches!(option.kind, ipv4::OPTION_LOOSE_SOURCE_ROUTE | ipv4::OPTION_STRICT_SOURCE_ROUTE)
    })
}
