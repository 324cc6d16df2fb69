//! Is this packet well-formed, from someone who may send, and for us?
//!
//! The one decision point of IP input: [`IpInput::decide`] says deliver, forward, or why neither.

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

/// The pair of addresses that passed last. Packets come in runs of one flow, so most need no second
/// look at who they are from and for, as long as the network around us is the same.
#[derive(Clone, Copy, Debug)]
struct LastPair {
    version: u32,
    ifindex: IfIndex,
    src: Ip,
    dst: Ip,
}

/// What is to be done with a packet that passed every check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is for this host; whose its destination address is, never foreign.
    Deliver(Destination),
    /// It is for another host. Hop limit and size are left to the one who forwards, who answers
    /// them by ICMP.
    Forward {
        /// Interface of the route.
        ifindex: IfIndex,
        /// Its gateway, or the destination where that is on the link.
        next_hop: Ip,
    },
}

/// A packet whose header was parsed, before anything is decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) header: &'a IpHeader,
    /// The packet from its IP header on.
    pub(crate) bytes: &'a [u8],
    /// Whether the frame was sent to a group or to all at the link.
    pub(crate) link_multicast: bool,
}

/// The decision point of IP input.
#[derive(Debug, Default)]
pub(crate) struct IpInput {
    /// Whether packets for others are forwarded (RFC 1812, Linux `ip_forward`): never yet, as
    /// nobody carries out the decision.
    pub(crate) forwarding: bool,
    last_pair: Option<LastPair>,
}

impl IpInput {
    /// Decides about a packet that came in by `interface`.
    ///
    /// # Errors
    /// Why the packet goes no further, with the Parameter Problem that answers it, if one is due.
    #[inline]
    pub(crate) fn decide(
        &mut self,
        fib: &Fib,
        interface: &FibInterface,
        packet: &Candidate<'_>,
    ) -> Result<Decision, Refusal> {
        let header = packet.header;
        let known = self.last_pair.is_some_and(|last| {
            header.hop_limit != 0
                && last.dst == header.dst
                && last.src == header.src
                && last.ifindex == interface.ifindex
                && last.version == fib.tables_version()
        });
        let decision = if known {
            Decision::Deliver(Destination::Unicast)
        } else {
            self.decide_anew(fib, interface, packet)?
        };
        let has_options = header.src.is_v4() && header.header_len > ipv4::HEADER_LEN;
        if has_options && has_source_route(packet.bytes) {
            return Err(DropReason::IpSourceRoute.into());
        }
        Ok(decision)
    }

    /// Whose a packet is, and whether its sender may send it.
    fn decide_anew(
        &mut self,
        fib: &Fib,
        interface: &FibInterface,
        packet: &Candidate<'_>,
    ) -> Result<Decision, Refusal> {
        let &IpHeader { src, dst, .. } = packet.header;
        let loopback = interface.ifindex == Fib::LOOPBACK;
        packet.header.check_sender(loopback)?;
        let destination = fib.classify(interface, dst);
        if destination == Destination::Foreign && !self.may_forward(fib, packet) {
            return Err(DropReason::IpNotOurs.into());
        }
        // RFC 1122 §3.2.1.3, and nobody but us sends from our addresses. An unspecified source
        // cannot be answered, so it may speak to groups only (DHCP, DAD, membership reports).
        let to_one = matches!(destination, Destination::Unicast | Destination::Foreign);
        let martian = fib.is_broadcast(Some(interface.ifindex), src)
            || (!loopback && fib.is_local(src))
            || (src.is_unspecified() && to_one);
        if martian {
            return Err(DropReason::IpMartianSource.into());
        }
        match destination {
            Destination::Foreign => {
                let route = fib.route(dst, None).ok_or(DropReason::NoRoute)?;
                let next_hop = route.gateway.unwrap_or(dst);
                Ok(Decision::Forward { ifindex: route.ifindex, next_hop })
            }
            Destination::Unicast => {
                let (version, ifindex) = (fib.tables_version(), interface.ifindex);
                self.last_pair = Some(LastPair { version, ifindex, src, dst });
                Ok(Decision::Deliver(destination))
            }
            Destination::Broadcast | Destination::Multicast => Ok(Decision::Deliver(destination)),
        }
    }

    /// RFC 1812 §5.3.4 and §4.2.2.11, RFC 4291 §2.5.6: what came to all at the link stays on it,
    /// and so do link-local and loopback addresses, and what is for all of another subnet of ours
    /// (RFC 2644, Linux `bc_forwarding` 0). An address of another interface of ours is not
    /// forwarded to ourselves.
    fn may_forward(&self, fib: &Fib, packet: &Candidate<'_>) -> bool {
        let &IpHeader { src, dst, .. } = packet.header;
        let stays = |ip: Ip| ip.is_link_local() || ip.is_loopback();
        self.forwarding
            && !packet.link_multicast
            && dst.is_unicast()
            && !fib.is_broadcast(None, dst)
            && !stays(dst)
            && !stays(src)
            && !fib.is_local(dst)
    }
}

/// Source routes are an attacker's tool (Linux `accept_source_route` 0).
fn has_source_route(packet: &[u8]) -> bool {
    let header_len = usize::from(packet[0] & 0xf) * 4;
    let header = packet.get(..header_len).unwrap_or_default();
    ipv4::options(header).flatten().any(|option| {
        matches!(option.kind, ipv4::OPTION_LOOSE_SOURCE_ROUTE | ipv4::OPTION_STRICT_SOURCE_ROUTE)
    })
}

#[cfg(test)]
mod tests;
