//! Speaks neighbour discovery for the neighbour machine (RFC 4861 §7).
//!
//! Validity (hop limit 255, code 0, addresses, options) is checked by `wire`; messages that came in
//! fragments never get here (RFC 6980). Router advertisements and redirects are counted and left
//! alone: this host takes its routes from the administrator.

use addr::{IfIndex, Ip, Mac};
use wire::ip::{IpEmit, IpHeader, PROTO_ICMPV6};
use wire::ndp::{self, Message, NeighborAdvertisement, Options};
use wire::{ethernet, ip, ipv6};

use crate::control::Control;
use crate::control::neighbor::{Input, Solicit};
use crate::drop::DropReason;
use crate::ip::source;
use crate::time::Instant;

/// Bytes before the ICMPv6 message in an Ethernet frame.
const OFFSET: usize = ethernet::HEADER_LEN + ipv6::HEADER_LEN;
/// Bytes of a solicitation or an advertisement: type to target, and one link address option.
const MESSAGE_LEN: usize = 24 + 8;

impl Control {
    /// Takes a message of neighbour discovery: type, code and body of an ICMPv6 packet with this
    /// header.
    pub(crate) fn receive_nd(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        header: &IpHeader,
        (kind, code, body): (u8, u8, &[u8]),
    ) -> Result<(), DropReason> {
        let message = ndp::parse(header, kind, code, body).map_err(|_| DropReason::NdInvalid)?;
        self.stats.nd_in += 1;
        match message {
            Message::NeighborSolicitation { target, options } => {
                self.on_solicitation(now, ifindex, header.src, target, &options)
            }
            Message::NeighborAdvertisement(na) => self.on_advertisement(now, ifindex, &na),
            Message::RouterSolicitation { .. }
            | Message::RouterAdvertisement(_)
            | Message::Redirect { .. } => Err(DropReason::NdNotOurs),
        }
    }

    /// NDS-01: learns the asker and answers for an address of ours.
    fn on_solicitation(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        asker: Ip,
        target: Ip,
        options: &Options<'_>,
    ) -> Result<(), DropReason> {
        let at = self.interface(ifindex).ok_or(DropReason::LinkUnknownInterface)?;
        if !self.interfaces[at].owns(target) {
            return Err(DropReason::NdNotOurs);
        }
        let probe = asker.is_unspecified();
        let answer_to = if probe {
            (Ip::ALL_NODES, Mac::multicast_for(Ip::ALL_NODES))
        } else {
            let key = (ifindex, asker);
            match options.source_mac() {
                Some(mac) if mac.is_unicast() => {
                    self.learn(now, key, Input::Hint(mac));
                    (asker, mac)
                }
                // The asker knows us, so it omitted its address; if we do not know it, it asks
                // again by multicast, with the address.
                _ => match self.neighbors.mac(key) {
                    Some(mac) => (asker, mac),
                    None => {
                        self.learn(now, key, Input::Resolve);
                        return Ok(());
                    }
                },
            }
        };
        self.advertise(ifindex, target, answer_to, !probe)
    }

    /// NDS-02, with the flags as RFC 4861 §7.2.5 has them.
    fn on_advertisement(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        na: &NeighborAdvertisement<'_>,
    ) -> Result<(), DropReason> {
        let at = self.interface(ifindex).ok_or(DropReason::LinkUnknownInterface)?;
        if self.interfaces[at].owns(na.target) {
            return Err(DropReason::AddressConflict);
        }
        let key = (ifindex, na.target);
        if !self.neighbors.has(key) {
            return Err(DropReason::NdNotOurs);
        }
        let input = Input::Advertised {
            mac: na.options.target_mac().filter(Mac::is_unicast),
            solicited: na.solicited,
            overrides: na.override_flag,
            router: na.router,
        };
        self.update(now, key, input);
        Ok(())
    }

    /// Asks for `target`, from the address of ours that would be used to reach it.
    pub(crate) fn solicit_nd(&mut self, ifindex: IfIndex, target: Ip, solicit: Solicit) {
        let Some(interface) = self.fib.interface(ifindex) else { return };
        let Some(src) = source::select(&self.fib, interface, target, target) else { return };
        let own = interface.mac;
        let (dst, mac) = match solicit {
            Solicit::Multicast => {
                let group = target.solicited_node();
                (group, Mac::multicast_for(group))
            }
            Solicit::Unicast(mac) => (target, mac),
        };
        // A full outbox loses the solicitation; the machine asks again.
        self.send_nd(ifindex, (src, dst), mac, |message| {
            ndp::emit_ns(message, src, dst, target, Some(own), None)
        })
        .ok();
    }

    /// Tells the link that `ip` is here (RFC 9131, DAD-05).
    pub(crate) fn announce_nd(&mut self, ifindex: IfIndex, ip: Ip) {
        let everyone = (Ip::ALL_NODES, Mac::multicast_for(Ip::ALL_NODES));
        self.advertise(ifindex, ip, everyone, false).ok();
    }

    fn advertise(
        &mut self,
        ifindex: IfIndex,
        target: Ip,
        (dst, mac): (Ip, Mac),
        solicited: bool,
    ) -> Result<(), DropReason> {
        let at = self.interface(ifindex).ok_or(DropReason::LinkUnknownInterface)?;
        let own = self.interfaces[at].mac;
        let na = NeighborAdvertisement {
            target,
            router: false,
            solicited,
            override_flag: true,
            options: Options::default(),
        };
        self.send_nd(ifindex, (target, dst), mac, |message| {
            ndp::emit_na(message, target, dst, &na, Some(own))
        })
    }

    fn send_nd(
        &mut self,
        ifindex: IfIndex,
        (src, dst): (Ip, Ip),
        mac: Mac,
        emit: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<(), DropReason> {
        let at = self.interface(ifindex).ok_or(DropReason::LinkUnknownInterface)?;
        let own = self.interfaces[at].mac;
        let header = IpEmit {
            src,
            dst,
            protocol: PROTO_ICMPV6,
            hop_limit: ndp::HOP_LIMIT,
            payload_len: MESSAGE_LEN,
            ..IpEmit::default()
        };
        self.outbox.push(ifindex, OFFSET + MESSAGE_LEN, |frame| {
            ethernet::emit(frame, mac, own, ethernet::ETHERTYPE_IPV6);
            ip::emit(&mut frame[ethernet::HEADER_LEN..], &header);
            emit(&mut frame[OFFSET..]);
        })?;
        self.stats.nd_out += 1;
        Ok(())
    }
}
