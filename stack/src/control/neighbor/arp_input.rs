//! Takes ARP packets (RFC 826, RFC 5227).
//!
//! What is learned follows Linux: a request for an address of ours creates an entry, everything
//! else only updates one that exists (`arp_accept` 0). A request is answered on the interface that
//! has the address (`arp_ignore` 1), or that has taken it over.

use addr::{IfIndex, Ip, Mac};
use wire::arp;

use crate::control::cx::ControlCx;
use crate::control::neighbor::arp::reply;
use crate::control::neighbor::machine::Input;
use crate::control::neighbor::table::Neighbors;
use crate::drop::DropReason;

/// Takes an ARP packet in a frame to `link_dst`.
pub(crate) fn receive(
    neighbors: &mut Neighbors,
    cx: &mut ControlCx,
    ifindex: IfIndex,
    link_dst: Mac,
    packet: &[u8],
) -> Result<(), DropReason> {
    let arp = arp::parse(packet).map_err(|_| DropReason::ArpMalformed)?;
    let interface = cx.interfaces.get(ifindex).ok_or(DropReason::LinkUnknownInterface)?;
    cx.stats.arp_in += 1;
    let (sender, target) = (Ip::from(arp.sender_ip), Ip::from(arp.target_ip));
    let own = interface.mac;
    let to_us = link_dst == own;
    // A bridge or hub may return our own frame.
    if arp.sender_mac == own {
        return Err(DropReason::ArpNotOurs);
    }
    if interface.owns(sender) {
        return Err(DropReason::AddressConflict);
    }
    let asked = cx.answers_for(ifindex, target);
    let on_link = interface.subnet_of(sender).is_some();
    let key = (ifindex, sender);
    if arp.operation == arp::REQUEST && asked {
        if on_link {
            neighbors.learn(cx, key, Input::Hint(arp.sender_mac));
        }
        return reply(cx, ifindex, own, &arp);
    }
    if !neighbors.has(key) {
        return Err(DropReason::ArpNotOurs);
    }
    let input = if sender == target {
        // A gratuitous packet is meant for everyone, so it replaces what is known at once.
        Input::Hint(arp.sender_mac)
    } else if arp.operation == arp::REPLY && to_us {
        Input::Reply(arp.sender_mac)
    } else {
        Input::Overheard(arp.sender_mac)
    };
    neighbors.update(cx, key, input);
    Ok(())
}
