//! The headers in front of a transport segment.
//!
//! A segment that a socket sends is built in place: its owner asks for [`transport_offset`], writes
//! transport header and payload there, then calls [`write_headers`]. Small replies that no socket
//! owns go through [`reply`], which finds the path itself and leaves the frame in the outbox.
//!
//! A datagram beyond the path's size leaves in fragments, each written by [`write_fragment`] with
//! [`fragment_payload`] bytes of the whole.

use addr::{IfIndex, Ip, Mac};
use wire::ip::{Fragment, IpEmit, PROTO_FRAGMENT};
use wire::offload::Medium;
use wire::{ethernet, ip, ipv4, ipv6_ext};

use crate::cx::{Cx, Request};
use crate::drop::DropReason;
use crate::fib::{Hop, Link, Path};
use crate::written::written;

/// Where the transport header begins in a frame that takes `path`.
#[inline]
pub(crate) fn transport_offset(path: &Hop, v4: bool) -> usize {
    link_header_len(path.medium) + ip::header_len(v4)
}

/// Bytes of link header on `medium`.
#[inline]
pub(crate) fn link_header_len(medium: Medium) -> usize {
    match medium {
        Medium::Ethernet => ethernet::HEADER_LEN,
        Medium::Ip => 0,
    }
}

/// Writes link and IP header at the front of `frame` and returns their length.
///
/// The path must be usable ([`Hop::is_usable`]).
#[inline(always)]
pub(crate) fn write_headers(frame: &mut [u8], path: &Hop, header: &IpEmit) -> usize {
    let link_len = write_link_header(frame, path, header.dst);
    link_len + written(ip::emit(&mut frame[link_len..], header))
}

/// Whether the packet of `header` leaves by `path` in one piece.
#[inline]
pub(crate) fn fits(path: &Path, header: &IpEmit) -> bool {
    ip::header_len(header.dst.is_v4()) + header.payload_len <= path.mtu as usize
}

/// Bytes of payload that each fragment but the last carries on `path`, a multiple of eight.
pub(crate) fn fragment_payload(path: &Path, v4: bool) -> usize {
    let headers = ip::header_len(v4) + if v4 { 0 } else { ipv6_ext::FRAGMENT_LEN };
    (path.mtu as usize).saturating_sub(headers).max(8) & !7
}

/// Where the payload begins in a frame that carries a fragment.
pub(crate) fn fragment_offset(path: &Path, v4: bool) -> usize {
    transport_offset(path, v4) + if v4 { 0 } else { ipv6_ext::FRAGMENT_LEN }
}

/// Writes the headers of a fragment that carries `len` bytes. `header` is the whole datagram's.
pub(crate) fn write_fragment(
    frame: &mut [u8],
    path: &Path,
    header: &IpEmit,
    (fragment, id): (Fragment, u32),
    len: usize,
) {
    let link_len = write_link_header(frame, path, header.dst);
    let packet = &mut frame[link_len..];
    if header.dst.is_v4() {
        let header = IpEmit { payload_len: len, identification: id as u16, ..*header };
        written(ipv4::emit_with(packet, &header, Some(fragment), &[]));
    } else {
        let payload_len = len + ipv6_ext::FRAGMENT_LEN;
        let fixed = IpEmit { payload_len, protocol: PROTO_FRAGMENT, ..*header };
        let at = written(ip::emit(packet, &fixed));
        written(ipv6_ext::emit_fragment(&mut packet[at..], header.protocol, fragment, id));
    }
}

#[inline]
fn write_link_header(frame: &mut [u8], path: &Hop, dst: Ip) -> usize {
    match path.medium {
        Medium::Ip => 0,
        Medium::Ethernet => {
            // The outbox fills in the destination of a frame that waits for its neighbour.
            let destination = match path.link {
                Link::Known(mac) => mac,
                Link::None | Link::Pending | Link::Failed => Mac::UNSPECIFIED,
            };
            let ethertype =
                if dst.is_v4() { ethernet::ETHERTYPE_IPV4 } else { ethernet::ETHERTYPE_IPV6 };
            written(ethernet::emit(frame, destination, path.mac, ethertype))
        }
    }
}

/// Sends one small packet: path lookup, headers, `fill` writes the transport part of `header`'s
/// payload length.
///
/// It leaves by `oif`, where the question came in, if a route does, else by whatever leads there.
/// Where the next hop is not known yet the frame waits for it, within bounds per neighbour. A
/// packet beyond the path's size leaves in fragments, by the identification in `header`, unless
/// that forbids it.
pub(crate) fn reply(
    cx: &mut Cx<'_>,
    oif: Option<IfIndex>,
    header: &IpEmit,
    fill: impl FnOnce(&mut [u8]),
) -> Result<(), DropReason> {
    let source = Some(header.src).filter(|s: &Ip| !s.is_unspecified());
    let path = cx.fib.path(header.dst, source, oif);
    let path = path.or_else(|_| cx.fib.path(header.dst, source, None));
    let path = path.map_err(|_| DropReason::NoRoute)?;
    let header = IpEmit { src: path.source, ..*header };
    let v4 = header.dst.is_v4();
    if !fits(&path, &header) {
        return reply_in_fragments(cx, &path, &header, fill);
    }
    let offset = transport_offset(&path, v4);
    queue(cx, &path, offset + header.payload_len, |frame| {
        write_headers(frame, &path, &header);
        fill(&mut frame[offset..]);
    })
}

fn reply_in_fragments(
    cx: &mut Cx<'_>,
    path: &Path,
    header: &IpEmit,
    fill: impl FnOnce(&mut [u8]),
) -> Result<(), DropReason> {
    let v4 = header.dst.is_v4();
    if v4 && header.dont_fragment {
        return Err(DropReason::PacketTooBig);
    }
    let mut whole = vec![0; header.payload_len];
    fill(&mut whole);
    let id = if v4 { u32::from(header.identification) } else { cx.rng.next_u32() };
    let (size, offset) = (fragment_payload(path, v4), fragment_offset(path, v4));
    for (index, piece) in whole.chunks(size).enumerate() {
        let at = index * size;
        let fragment = Fragment { offset: at as u32, more: at + piece.len() < whole.len() };
        queue(cx, path, offset + piece.len(), |frame| {
            write_fragment(frame, path, header, (fragment, id), piece.len());
            frame[offset..].copy_from_slice(piece);
        })?;
        cx.stats.ip_fragments_out += 1;
    }
    Ok(())
}

/// Leaves a frame in the outbox, or parks it until the next hop is known.
fn queue(
    cx: &mut Cx<'_>,
    path: &Path,
    len: usize,
    fill: impl FnOnce(&mut [u8]),
) -> Result<(), DropReason> {
    let neighbor = (path.ifindex, path.next_hop);
    if path.is_usable() {
        cx.outbox.push(path.ifindex, len, fill)?;
        if path.link != Link::None {
            cx.requests.push(Request::Used(neighbor.0, neighbor.1));
        }
    } else {
        cx.requests.push(Request::Resolve(neighbor.0, neighbor.1));
        let most = cx.limits.neighbor_queue_bytes;
        let gone = cx.outbox.push_unresolved(neighbor, most, cx.now, len, fill);
        cx.stats.drop_many(DropReason::NeighborFailed, gone);
    }
    cx.stats.ip_out += 1;
    Ok(())
}
