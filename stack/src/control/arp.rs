//! Speaks ARP for the neighbour machine (RFC 826, RFC 5227 §2.3).
//!
//! What is learned follows Linux: a request for an address of ours creates an entry, everything
//! else only updates one that exists (`arp_accept` 0). A request is answered on the interface that
//! has the address (`arp_ignore` 1).

use std::net::Ipv4Addr;

use addr::{IfIndex, Ip, Mac};
use wire::arp::{self, Arp};
use wire::ethernet;

use crate::control::Control;
use crate::control::neighbor::{Input, Solicit};
use crate::drop::DropReason;
use crate::time::Instant;

impl Control {
    /// Takes an ARP packet. `to_us`: the frame was sent to our own link address.
    pub(crate) fn receive_arp(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        to_us: bool,
        packet: &[u8],
    ) -> Result<(), DropReason> {
        let arp = arp::parse(packet).map_err(|_| DropReason::ArpMalformed)?;
        let interface = self.interface(ifindex).ok_or(DropReason::LinkUnknownInterface)?;
        self.stats.arp_in += 1;
        let (sender, target) = (Ip::from(arp.sender_ip), Ip::from(arp.target_ip));
        let interface = &self.interfaces[interface];
        // ARPS-03: our own frame came back.
        if arp.sender_mac == interface.mac {
            return Err(DropReason::ArpNotOurs);
        }
        if interface.owns(sender) {
            return Err(DropReason::AddressConflict);
        }
        let asked = interface.owns(target);
        let on_link = interface.subnet_of(sender).is_some();
        let key = (ifindex, sender);
        if arp.operation == arp::REQUEST && asked {
            let (mac, ip) = (interface.mac, arp.target_ip);
            if on_link {
                self.learn(now, key, Input::Hint(arp.sender_mac));
            }
            let reply = Arp {
                operation: arp::REPLY,
                sender_mac: mac,
                sender_ip: ip,
                target_mac: arp.sender_mac,
                target_ip: arp.sender_ip,
            };
            return self.send_arp(ifindex, arp.sender_mac, &reply);
        }
        if !self.neighbors.has(key) {
            return Err(DropReason::ArpNotOurs);
        }
        let input = if sender == target {
            // ARPS-04: gratuitous; the neighbour means it, so it replaces what is known.
            Input::Hint(arp.sender_mac)
        } else if arp.operation == arp::REPLY && to_us {
            Input::Reply(arp.sender_mac)
        } else {
            Input::Overheard(arp.sender_mac)
        };
        self.update(now, key, input);
        Ok(())
    }

    /// Asks for `target` (ARPS-01), naming the address of ours that shares its subnet.
    pub(crate) fn solicit_arp(&mut self, ifindex: IfIndex, target: Ipv4Addr, solicit: Solicit) {
        let Some(at) = self.interface(ifindex) else { return };
        let interface = &self.interfaces[at];
        let own = interface.subnet_of(target.into()).map(|a| a.ip);
        let first = || interface.addresses.iter().map(|a| a.ip).find(Ip::is_v4);
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
        self.send_arp(ifindex, destination, &request).ok();
    }

    /// Tells the link that `ip` is here (RFC 5227 §2.3).
    pub(crate) fn announce_arp(&mut self, ifindex: IfIndex, ip: Ipv4Addr) {
        let Some(at) = self.interface(ifindex) else { return };
        let announcement = Arp {
            operation: arp::REQUEST,
            sender_mac: self.interfaces[at].mac,
            sender_ip: ip,
            target_mac: Mac::UNSPECIFIED,
            target_ip: ip,
        };
        self.send_arp(ifindex, Mac::BROADCAST, &announcement).ok();
    }

    fn send_arp(
        &mut self,
        ifindex: IfIndex,
        destination: Mac,
        packet: &Arp,
    ) -> Result<(), DropReason> {
        self.outbox.push(ifindex, ethernet::HEADER_LEN + arp::LEN, |frame| {
            ethernet::emit(frame, destination, packet.sender_mac, ethernet::ETHERTYPE_ARP);
            arp::emit(&mut frame[ethernet::HEADER_LEN..], packet);
        })?;
        self.stats.arp_out += 1;
        Ok(())
    }
}
