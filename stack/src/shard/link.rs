//! Link input: is this frame for this station, and what does it carry?

use addr::Mac;
use wire::ethernet;
use wire::offload::Medium;

use crate::drop::DropReason;
use crate::fib::FibInterface;

/// A frame for us, without its link header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inbound<'a> {
    pub(super) protocol: Protocol,
    /// Sent to a group or to all at the link.
    pub(super) multicast: bool,
    /// What it carries, padding included.
    pub(super) payload: &'a [u8],
}

/// Who takes the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Arp,
    Ip,
}

/// Checks that a frame is for this station, and strips its link header. A priority tag (VLAN 0,
/// IEEE 802.1Q) is the untagged network.
#[inline]
pub(super) fn receive<'a>(
    interface: &FibInterface,
    frame: &'a [u8],
) -> Result<Inbound<'a>, DropReason> {
    if !interface.state.up {
        return Err(DropReason::LinkDown);
    }
    if interface.medium == Medium::Ip {
        return Ok(Inbound { protocol: Protocol::Ip, multicast: false, payload: frame });
    }
    let parsed = ethernet::parse(frame).map_err(|_| DropReason::LinkMalformed)?;
    if parsed.vlan.is_some_and(|id| id != 0) {
        return Err(DropReason::LinkVlan);
    }
    let multicast = parsed.dst != interface.mac;
    if multicast && !parsed.dst.is_broadcast() && !is_group(interface, parsed.dst) {
        return Err(DropReason::LinkNotOurs);
    }
    let version = parsed.payload.first().map(|byte| byte >> 4);
    let protocol = match (parsed.ethertype, version) {
        (ethernet::ETHERTYPE_IPV4, Some(4)) | (ethernet::ETHERTYPE_IPV6, Some(6)) => Protocol::Ip,
        (ethernet::ETHERTYPE_IPV4 | ethernet::ETHERTYPE_IPV6, _) => {
            return Err(DropReason::IpMalformed);
        }
        (ethernet::ETHERTYPE_ARP, _) => Protocol::Arp,
        _ => return Err(DropReason::LinkUnknownType),
    };
    Ok(Inbound { protocol, multicast, payload: parsed.payload })
}

fn is_group(interface: &FibInterface, mac: Mac) -> bool {
    mac.is_multicast() && interface.groups.iter().any(|group| Mac::multicast_for(*group) == mac)
}
