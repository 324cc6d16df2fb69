//! A link that carries only packets up to a size: how long a packet is, and what a router in front
//! of the narrow part tells its sender (RFC 1191 §4, RFC 8201 §3).

use addr::{Ip, Mac};
use wire::icmp::{self, Message};
use wire::ip::{self, IpEmit, PROTO_ICMP, PROTO_ICMPV6};
use wire::{ethernet, icmpv4, icmpv6};

use super::{Frame, filter};

const ROUTER: Mac = Mac([2, 0, 0, 0, 0, 0xfe]);

fn router(v4: bool) -> Ip {
    if v4 {
        return Ip::v4([10, 0, 0, 254]);
    }
    Ip::v6([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe])
}

/// Length of the IP packet in a frame; of each piece, if the frame is one that a device cuts.
pub(super) fn packet_len(frame: &Frame) -> usize {
    let whole = ethernet::parse(&frame.bytes).map_or(0, |f| f.payload.len());
    match (frame.meta.gso_size, filter::tcp_segment(&frame.bytes)) {
        (0, _) | (_, None) => whole,
        (size, Some((_, segment))) => whole - segment.payload.len() + usize::from(size),
    }
}

/// The frame that tells the sender of `frame` how much fits. Nothing for what no router answers.
pub(super) fn too_big(frame: &Frame, mtu: u32) -> Option<Frame> {
    let link = ethernet::parse(&frame.bytes).ok()?;
    let header = ip::parse_merged(link.payload).ok()?;
    let (v4, dst) = (header.src.is_v4(), header.src);
    let src = router(v4);
    let message = Message::PacketTooBig { mtu, quote: icmp::quote(link.payload, v4) };
    let mut body = [0; 1_300];
    let (protocol, payload_len) = if v4 {
        (PROTO_ICMP, icmpv4::emit(&mut body, &message).ok()?)
    } else {
        (PROTO_ICMPV6, icmpv6::emit(&mut body, src, dst, &message).ok()?)
    };
    let mut bytes = vec![0; ethernet::HEADER_LEN + ip::header_len(v4) + payload_len];
    let mut at = ethernet::emit(&mut bytes, link.src, ROUTER, link.ethertype).ok()?;
    at += ip::emit(
        &mut bytes[at..],
        &IpEmit { src, dst, protocol, payload_len, ..IpEmit::default() },
    )
    .ok()?;
    bytes[at..].copy_from_slice(&body[..payload_len]);
    Some(Frame { bytes, meta: Default::default(), damaged: false })
}
