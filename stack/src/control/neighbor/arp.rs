//! Writes ARP packets: requests, announcements, replies (RFC 826, RFC 5227 §2.3).

use std::net::Ipv4Addr;

use addr::{IfIndex, Ip, Mac};
use wire::arp::{self, Arp};
use wire::ethernet;

use crate::control::cx::ControlCx;
use crate::control::neighbor::machine::Solicit;
use crate::drop::DropReason;
use crate::written::written;

/// Asks for `target`, naming the address of ours that shares its subnet.
pub(crate) fn solicit(cx: &mut ControlCx, ifindex: IfIndex, target: Ipv4Addr, solicit: Solicit) {
    let Some(interface) = cx.interfaces.get(ifindex) else { return };
    let own = interface.subnet_of(target.into()).map(|a| a.ip);
    let first = || interface.assigned().map(|a| a.ip).find(Ip::is_v4);
    let sender = own.or_else(first).and_then(|ip| ip.as_v4());
    let request = Arp {
        operation: arp::REQUEST,
        sender_mac: interface.mac,
        sender_ip: sender.unwrap_or(Ipv4Addr::UNSPECIFIED),
        target_mac: Mac::UNSPECIFIED,
        target_ip: target,
    };
    let destination = match solicit {
        Solicit::Multicast => Mac::BROADCAST,
        Solicit::Unicast(mac) => mac,
    };
    // A full outbox loses the request; the machine asks again.
    send(cx, ifindex, destination, &request).ok();
}

/// Tells the link that `ip` is here (RFC 5227 §2.3).
pub(crate) fn announce(cx: &mut ControlCx, ifindex: IfIndex, ip: Ipv4Addr) {
    let Some(interface) = cx.interfaces.get(ifindex) else { return };
    let announcement = Arp {
        operation: arp::REQUEST,
        sender_mac: interface.mac,
        sender_ip: ip,
        target_mac: Mac::UNSPECIFIED,
        target_ip: ip,
    };
    send(cx, ifindex, Mac::BROADCAST, &announcement).ok();
}

/// Answers the request of `asker` for an address of ours, from the link address `own`.
pub(crate) fn reply(
    cx: &mut ControlCx,
    ifindex: IfIndex,
    own: Mac,
    asker: &Arp,
) -> Result<(), DropReason> {
    let reply = Arp {
        operation: arp::REPLY,
        sender_mac: own,
        sender_ip: asker.target_ip,
        target_mac: asker.sender_mac,
        target_ip: asker.sender_ip,
    };
    send(cx, ifindex, asker.sender_mac, &reply)
}

fn send(
    cx: &mut ControlCx,
    ifindex: IfIndex,
    destination: Mac,
    packet: &Arp,
) -> Result<(), DropReason> {
    cx.send(ifindex, ethernet::HEADER_LEN + arp::LEN, |frame| {
        written(ethernet::emit(frame, destination, packet.sender_mac, ethernet::ETHERTYPE_ARP));
        written(arp::emit(&mut frame[ethernet::HEADER_LEN..], packet));
    })?;
    cx.stats.arp_out += 1;
    Ok(())
}
