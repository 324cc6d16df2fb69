//! Tells multicast snooping bridges which groups are wanted here (RFC 3810 §6.1).
//!
//! One MLDv2 report per joined group, so that solicited-node groups pass such bridges. Queries are
//! not answered yet: without a querier a bridge floods, with one it needs more than this.

use addr::{IfIndex, Ip, Mac};
use wire::ip::{IpEmit, PROTO_HOP_BY_HOP, PROTO_ICMPV6};
use wire::offload::Medium;
use wire::{ethernet, icmpv6, ip, ipv6, ipv6_ext};

use crate::control::Control;

/// Every MLDv2-capable router of a link.
const ALL_MLDV2_ROUTERS: Ip = Ip::v6([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16]);
/// Type: version 2 multicast listener report.
const REPORT: u8 = 143;
/// Record type: the filter changed to exclude nothing, which joins the group.
const CHANGE_TO_EXCLUDE: u8 = 4;
/// Record type: the filter changed to include nothing, which leaves the group.
const CHANGE_TO_INCLUDE: u8 = 3;
/// Report header and one record without sources.
const MESSAGE_LEN: usize = 8 + 20;

impl Control {
    /// Reports that a group was joined or left. The all-nodes group is never reported (RFC 3810
    /// §6).
    pub(crate) fn report_membership(&mut self, ifindex: IfIndex, group: Ip, joined: bool) {
        let Some(at) = self.interface(ifindex) else { return };
        let interface = &self.interfaces[at];
        if interface.medium != Medium::Ethernet || group.is_v4() || group == Ip::ALL_NODES {
            return;
        }
        let (own, dst) = (interface.mac, ALL_MLDV2_ROUTERS);
        let src = interface.link_local().unwrap_or(Ip::UNSPECIFIED_V6);
        let header = IpEmit {
            src,
            dst,
            protocol: PROTO_HOP_BY_HOP,
            hop_limit: 1,
            payload_len: ipv6_ext::ROUTER_ALERT_LEN + MESSAGE_LEN,
            ..IpEmit::default()
        };
        let offset = ethernet::HEADER_LEN + ipv6::HEADER_LEN;
        let kind = if joined { CHANGE_TO_EXCLUDE } else { CHANGE_TO_INCLUDE };
        let pushed = self.outbox.push(ifindex, offset + header.payload_len, |frame| {
            let mac = Mac::multicast_for(dst);
            ethernet::emit(frame, mac, own, ethernet::ETHERTYPE_IPV6);
            ip::emit(&mut frame[ethernet::HEADER_LEN..], &header);
            let at = offset + ipv6_ext::emit_router_alert(&mut frame[offset..], PROTO_ICMPV6);
            let message = &mut frame[at..];
            message[..8].copy_from_slice(&[REPORT, 0, 0, 0, 0, 0, 0, 1]);
            message[8..12].copy_from_slice(&[kind, 0, 0, 0]);
            message[12..].copy_from_slice(group.octets());
            icmpv6::set_checksum(message, src, dst);
        });
        if pushed.is_ok() {
            self.stats.mld_out += 1;
        }
    }
}
