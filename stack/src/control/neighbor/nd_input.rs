//! Takes messages of neighbour discovery (RFC 4861 §7).
//!
//! `wire` checks their validity (hop limit 255, code 0, addresses, options); messages that came in
//! fragments never get here (RFC 6980). Router advertisements and redirects are counted and left
//! alone: this host takes its routes from the administrator.

use addr::{IfIndex, Ip, Mac};
use wire::ndp::{self, Message, NeighborAdvertisement, Options};
use wire::offload::Medium;

use crate::control::cx::ControlCx;
use crate::control::neighbor::machine::Input;
use crate::control::neighbor::nd::{advertise, advertise_presence};
use crate::control::neighbor::table::Neighbors;
use crate::delivery::Icmpv6;
use crate::drop::DropReason;

/// Takes a message of neighbour or router discovery.
pub(crate) fn receive(
    neighbors: &mut Neighbors,
    cx: &mut ControlCx,
    ifindex: IfIndex,
    message: &Icmpv6<'_>,
) -> Result<(), DropReason> {
    let Icmpv6 { header, kind, code, body } = message;
    let message = ndp::parse(header, *kind, *code, body).map_err(|_| DropReason::NdInvalid)?;
    cx.stats.nd_in += 1;
    match message {
        Message::NeighborSolicitation { target, options } => {
            on_solicitation(neighbors, cx, ifindex, header.src, target, &options)
        }
        Message::NeighborAdvertisement(na) => on_advertisement(neighbors, cx, ifindex, &na),
        Message::RouterSolicitation { .. }
        | Message::RouterAdvertisement(_)
        | Message::Redirect { .. } => Err(DropReason::NdNotOurs),
    }
}

/// RFC 4861 §7.2.3: learns the asker and answers for an address of ours.
fn on_solicitation(
    neighbors: &mut Neighbors,
    cx: &mut ControlCx,
    ifindex: IfIndex,
    asker: Ip,
    target: Ip,
    options: &Options<'_>,
) -> Result<(), DropReason> {
    let interface = cx.interfaces.get(ifindex).ok_or(DropReason::LinkUnknownInterface)?;
    if !cx.answers_for(ifindex, target) {
        return Err(DropReason::NdNotOurs);
    }
    let probe = asker.is_unspecified();
    if interface.medium == Medium::Ip {
        // Nobody resolves link addresses here, but as on Linux a neighbor may ask whether we live.
        if probe {
            return Err(DropReason::NdNotOurs);
        }
        return advertise_presence(cx, ifindex, target, asker);
    }
    let answer_to = if probe {
        (Ip::ALL_NODES, Mac::multicast_for(Ip::ALL_NODES))
    } else {
        let key = (ifindex, asker);
        match options.source_mac() {
            Some(mac) if mac.is_unicast() => {
                neighbors.learn(cx, key, Input::Hint(mac));
                (asker, mac)
            }
            // The asker knows us, so it omitted its address; if we do not know it, it asks
            // again by multicast, with the address.
            _ => match neighbors.mac(key) {
                Some(mac) => (asker, mac),
                None => {
                    neighbors.learn(cx, key, Input::Resolve);
                    return Ok(());
                }
            },
        }
    };
    advertise(cx, ifindex, target, answer_to, !probe)
}

/// RFC 4861 §7.2.5.
fn on_advertisement(
    neighbors: &mut Neighbors,
    cx: &mut ControlCx,
    ifindex: IfIndex,
    na: &NeighborAdvertisement<'_>,
) -> Result<(), DropReason> {
    let interface = cx.interfaces.get(ifindex).ok_or(DropReason::LinkUnknownInterface)?;
    if interface.owns(na.target) {
        return Err(DropReason::AddressConflict);
    }
    let key = (ifindex, na.target);
    if !neighbors.has(key) {
        return Err(DropReason::NdNotOurs);
    }
    let input = Input::Advertised {
        mac: na.options.target_mac().filter(Mac::is_unicast),
        solicited: na.solicited,
        overrides: na.override_flag,
        router: na.router,
    };
    neighbors.update(cx, key, input);
    Ok(())
}
