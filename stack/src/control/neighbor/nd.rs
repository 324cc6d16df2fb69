//! Writes messages of neighbour discovery: solicitations and advertisements (RFC 4861 §4.3, §4.4).

use addr::{IfIndex, Ip, Mac};
use wire::ip::{IpEmit, PROTO_ICMPV6};
use wire::ndp::{self, NeighborAdvertisement, Options};
use wire::{EmitError, ethernet, ip, ipv6};

use crate::control::cx::ControlCx;
use crate::control::neighbor::machine::Solicit;
use crate::drop::DropReason;
use crate::ip::source;
use crate::written::written;

/// Bytes before the ICMPv6 message in an Ethernet frame.
const OFFSET: usize = ethernet::HEADER_LEN + ipv6::HEADER_LEN;
/// Bytes of a solicitation or an advertisement: type to target, and one link address option.
const MESSAGE_LEN: usize = 24 + 8;

/// Asks for `target`, from the address of ours that would be used to reach it.
pub(crate) fn solicit(cx: &mut ControlCx, ifindex: IfIndex, target: Ip, solicit: Solicit) {
    let fib = cx.fib();
    let Some(interface) = fib.interface(ifindex) else { return };
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
    send(cx, ifindex, (src, dst), mac, |message| {
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
    send(cx, ifindex, (target, dst), mac, |message| {
        ndp::emit_na(message, target, dst, &na, Some(own))
    })
}

fn send(
    cx: &mut ControlCx,
    ifindex: IfIndex,
    (src, dst): (Ip, Ip),
    mac: Mac,
    emit: impl FnOnce(&mut [u8]) -> Result<usize, EmitError>,
) -> Result<(), DropReason> {
    let own = cx.interfaces.get(ifindex).ok_or(DropReason::LinkUnknownInterface)?.mac;
    let header = IpEmit {
        src,
        dst,
        protocol: PROTO_ICMPV6,
        hop_limit: ndp::HOP_LIMIT,
        payload_len: MESSAGE_LEN,
        ..IpEmit::default()
    };
    cx.send(ifindex, OFFSET + MESSAGE_LEN, |frame| {
        written(ethernet::emit(frame, mac, own, ethernet::ETHERTYPE_IPV6));
        written(ip::emit(&mut frame[ethernet::HEADER_LEN..], &header));
        written(emit(&mut frame[OFFSET..]));
    })?;
    cx.stats.nd_out += 1;
    Ok(())
}
