//! Writes messages of neighbour discovery: solicitations and advertisements (RFC 4861 §4.3, §4.4).

use addr::{IfIndex, Ip, Mac};
use wire::ip::{IpEmit, PROTO_ICMPV6};
use wire::ndp::{self, NeighborAdvertisement, Options};
use wire::offload::Medium;
use wire::{EmitError, ethernet, ip, ipv6};

use crate::control::cx::ControlCx;
use crate::control::neighbor::machine::Solicit;
use crate::drop::DropReason;
use crate::ip::source;
use crate::written::written;

/// Bytes of a solicitation or an advertisement, type to target.
const MESSAGE_LEN: usize = 24;
/// Bytes of a link address option.
const LINK_ADDRESS_LEN: usize = 8;

/// Asks for `target`, from the address of ours that would be used to reach it.
pub(crate) fn solicit(cx: &mut ControlCx, ifindex: IfIndex, target: Ip, solicit: Solicit) {
    let fib = cx.fib();
    let Some(interface) = fib.interface(ifindex).filter(|i| i.medium == Medium::Ethernet) else {
        return;
    };
    let Some(src) = source::select(fib, interface, target, target) else { return };
    let own = interface.mac;
    let (dst, mac) = match solicit {
        Solicit::Multicast => {
            let group = target.solicited_node();
            (group, Mac::multicast_for(group))
        }
        Solicit::Unicast(mac) => (target, mac),
    };
    // A full outbox loses the solicitation; the machine asks again.
    send(cx, ifindex, (src, dst), Some(mac), |message| {
        ndp::emit_ns(message, src, dst, target, Some(own), None)
    })
    .ok();
}

/// Tells the link that `ip` is here (RFC 4861 §7.2.6, RFC 9131).
pub(crate) fn announce(cx: &mut ControlCx, ifindex: IfIndex, ip: Ip) {
    let everyone = (Ip::ALL_NODES, Mac::multicast_for(Ip::ALL_NODES));
    advertise(cx, ifindex, ip, everyone, false).ok();
}

/// Says that `target` has our link address, to `dst` at the link address `mac`.
pub(crate) fn advertise(
    cx: &mut ControlCx,
    ifindex: IfIndex,
    target: Ip,
    (dst, mac): (Ip, Mac),
    solicited: bool,
) -> Result<(), DropReason> {
    let own = cx.interfaces.get(ifindex).ok_or(DropReason::LinkUnknownInterface)?.mac;
    let na = NeighborAdvertisement {
        target,
        router: false,
        solicited,
        override_flag: true,
        options: Options::default(),
    };
    send(cx, ifindex, (target, dst), Some(mac), |message| {
        ndp::emit_na(message, target, dst, &na, Some(own))
    })
}

/// Says to `dst` that `target` is here, on a medium without link addresses. As Linux: the override
/// flag stays clear, because there is nothing to override (RFC 4861 §7.2.4).
pub(crate) fn advertise_presence(
    cx: &mut ControlCx,
    ifindex: IfIndex,
    target: Ip,
    dst: Ip,
) -> Result<(), DropReason> {
    let na = NeighborAdvertisement {
        target,
        router: false,
        solicited: true,
        override_flag: false,
        options: Options::default(),
    };
    send(cx, ifindex, (target, dst), None, |message| ndp::emit_na(message, target, dst, &na, None))
}

/// Sends a message to the link address `mac`, which it then has a link address option for; none on
/// a medium without link addresses.
fn send(
    cx: &mut ControlCx,
    ifindex: IfIndex,
    (src, dst): (Ip, Ip),
    mac: Option<Mac>,
    emit: impl FnOnce(&mut [u8]) -> Result<usize, EmitError>,
) -> Result<(), DropReason> {
    let own = cx.interfaces.get(ifindex).ok_or(DropReason::LinkUnknownInterface)?.mac;
    let (link, option) = match mac {
        Some(_) => (ethernet::HEADER_LEN, LINK_ADDRESS_LEN),
        None => (0, 0),
    };
    let header = IpEmit {
        src,
        dst,
        protocol: PROTO_ICMPV6,
        hop_limit: ndp::HOP_LIMIT,
        payload_len: MESSAGE_LEN + option,
        ..IpEmit::default()
    };
    let message = link + ipv6::HEADER_LEN;
    cx.send(ifindex, message + header.payload_len, |frame| {
        if let Some(mac) = mac {
            written(ethernet::emit(frame, mac, own, ethernet::ETHERTYPE_IPV6));
        }
        written(ip::emit(&mut frame[link..], &header));
        written(emit(&mut frame[message..]));
    })?;
    cx.stats.nd_out += 1;
    cx.stats.ip_out += 1;
    Ok(())
}
