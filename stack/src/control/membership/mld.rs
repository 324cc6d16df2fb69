//! Tells multicast snooping bridges which groups are wanted here (RFC 3810 §6.1).
//!
//! One MLDv2 report per joined group, so that solicited-node groups pass such bridges. Queries are
//! not answered yet: without a querier a bridge floods, with one it needs more than this.

use addr::{IfIndex, Ip, Mac};
use wire::ip::{IpEmit, PROTO_HOP_BY_HOP, PROTO_ICMPV6};
use wire::membership::{Sources, TO_EXCLUDE, TO_INCLUDE};
use wire::mld::{self, Record, Records};
use wire::offload::Medium;
use wire::{ethernet, ip, ipv6, ipv6_ext};

use crate::control::cx::ControlCx;
use crate::written::written;

/// Every MLDv2-capable router of a link (RFC 3810 §5.2.14).
const ALL_MLDV2_ROUTERS: Ip = Ip::v6([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16]);
/// Bytes of a record without sources.
const RECORD_LEN: usize = 20;
/// Report header and one such record.
const MESSAGE_LEN: usize = 8 + RECORD_LEN;

/// Reports that a group was joined or left. The all-nodes group is never reported (RFC 3810 §6).
pub(crate) fn report(cx: &mut ControlCx, ifindex: IfIndex, group: Ip, joined: bool) {
    let Some(interface) = cx.interfaces.get(ifindex) else { return };
    if interface.medium != Medium::Ethernet || group.is_v4() || group == Ip::ALL_NODES {
        return;
    }
    let kind = if joined { TO_EXCLUDE } else { TO_INCLUDE };
    let record = Record { kind, group, sources: Sources::new(&[]), aux: &[] };
    let mut bytes = [0; RECORD_LEN];
    let Ok(records) = Records::write(&mut bytes, &[record]) else { return };
    let (own, dst) = (interface.mac, ALL_MLDV2_ROUTERS);
    let src = interface.link_local().unwrap_or(Ip::UNSPECIFIED_V6);
    let header = IpEmit {
        src,
        dst,
        protocol: PROTO_HOP_BY_HOP,
        hop_limit: mld::HOP_LIMIT,
        payload_len: ipv6_ext::ROUTER_ALERT_LEN + MESSAGE_LEN,
        ..IpEmit::default()
    };
    let offset = ethernet::HEADER_LEN + ipv6::HEADER_LEN;
    let pushed = cx.send(ifindex, offset + header.payload_len, |frame| {
        written(ethernet::emit(frame, Mac::multicast_for(dst), own, ethernet::ETHERTYPE_IPV6));
        written(ip::emit(&mut frame[ethernet::HEADER_LEN..], &header));
        let at = offset + written(ipv6_ext::emit_router_alert(&mut frame[offset..], PROTO_ICMPV6));
        written(mld::emit(&mut frame[at..], src, dst, &mld::Message::ReportV2(records)));
    });
    if pushed.is_ok() {
        cx.stats.mld_out += 1;
        cx.stats.ip_out += 1;
    }
}
