//! Segments that no connection sends: RSTs for strays, answers of half-open and closed connections.
//!
//! They carry no data, so they go through the outbox, which finds their path. All are built here.

pub(super) mod challenge;

use addr::{FlowKey, IfIndex};
use wire::checksum::pseudo_header;
use wire::ip::{IpEmit, PROTO_TCP};
use wire::tcp::{self, Emit, Flags, HEADER_LEN, SeqNum};

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::ip::output;
use crate::tcp::segment::Segment;
use crate::tcp::user::socket_options::IpMarking;
use crate::written::written;

/// What a bare segment says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BareSegment {
    pub(crate) seq: SeqNum,
    pub(crate) ack: SeqNum,
    pub(crate) flags: Flags,
    pub(crate) window: u16,
    pub(crate) marking: IpMarking,
}

/// Sends a segment without data.
pub(crate) fn send(
    cx: &mut Cx<'_>,
    oif: Option<IfIndex>,
    key: &FlowKey,
    bare: BareSegment,
    options: &[u8],
) -> Result<(), DropReason> {
    let len = HEADER_LEN + options.len();
    let (src, dst) = (key.local.ip, key.remote.ip);
    let header = IpEmit {
        src,
        dst,
        protocol: PROTO_TCP,
        payload_len: len,
        hop_limit: bare.marking.hop_limit,
        traffic_class: bare.marking.traffic_class,
        ..IpEmit::default()
    };
    let emit = Emit {
        src_port: key.local.port,
        dst_port: key.remote.port,
        seq: bare.seq,
        ack: bare.ack,
        flags: bare.flags,
        window: bare.window,
        urgent: 0,
    };
    output::reply(cx, oif, &header, |segment| {
        written(tcp::emit(segment, &emit, options));
        tcp::set_checksum(&mut segment[..len], pseudo_header(src, dst, PROTO_TCP, len as u32));
    })?;
    cx.stats.tcp_segments_out += 1;
    Ok(())
}

/// Answers a segment that belongs to no connection (RFC 9293 §3.10.7.1): a RST that the
/// sender will find acceptable. A RST is never answered.
pub(crate) fn reset_for(cx: &mut Cx<'_>, seg: &Segment<'_>) {
    if seg.flags.rst() {
        return;
    }
    let (seq, ack, flags) = if seg.flags.ack() {
        (seg.ack, SeqNum(0), Flags::RST)
    } else {
        (SeqNum(0), seg.end(), Flags::RST | Flags::ACK)
    };
    let bare = BareSegment { seq, ack, flags, window: 0, marking: IpMarking::DEFAULT };
    reset(cx, seg.reply_interface(), &seg.key, bare);
}

/// Sends a RST; a RST that cannot leave is counted and forgotten.
pub(crate) fn reset(cx: &mut Cx<'_>, oif: Option<IfIndex>, key: &FlowKey, bare: BareSegment) {
    match send(cx, oif, key, bare, &[]) {
        Ok(()) => cx.stats.tcp_resets_out += 1,
        Err(reason) => cx.drop(reason),
    }
}
