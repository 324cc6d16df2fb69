//! One incoming segment: parsed, its checksum known to be good.
//!
//! Nothing of a segment reaches a connection before this file has passed it.

pub(super) mod options;
pub(super) mod timestamps;

use addr::{Endpoint, FlowKey, IfIndex, Ip};
use wire::tcp::{Flags, SeqNum};
use wire::tcp_options::{self, SackBlocks, Timestamps};
use wire::{checksum, tcp};

use crate::drop::DropReason;
use crate::ip::Packet;

/// A checked segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    /// The flow as we see it: local is the destination.
    pub(crate) key: FlowKey,
    /// Interface it came in by.
    pub(crate) ifindex: IfIndex,
    pub(crate) seq: SeqNum,
    pub(crate) ack: SeqNum,
    pub(crate) flags: Flags,
    /// Window as written.
    pub(crate) window: u16,
    /// Urgent pointer as written.
    pub(crate) urgent: u16,
    /// Bytes of data in each segment of what may be a merged run.
    pub(crate) size: u32,
    pub(crate) options: &'a [u8],
    /// Timestamps option; whether it counts is the connection's to say.
    pub(crate) timestamps: Option<Timestamps>,
    /// Selective acknowledgments; empty unless agreed on.
    pub(crate) sack: SackBlocks<'a>,
    pub(crate) payload: &'a [u8],
}

impl<'a> Segment<'a> {
    /// Reads a packet's payload. Nothing is believed before the checksum is (RFC 9293 §3.1,
    /// MUST-3).
    #[inline]
    pub(crate) fn parse(packet: &Packet<'a>) -> Result<Self, DropReason> {
        let Packet { header, payload, meta, .. } = packet;
        let segment = tcp::parse(payload).map_err(|_| DropReason::TcpMalformed)?;
        let pseudo =
            checksum::pseudo_header(header.src, header.dst, header.protocol, payload.len() as u32);
        if !meta.checksum.accepts(pseudo, segment.checksum, payload) {
            return Err(DropReason::TcpChecksum);
        }
        let len = segment.payload.len() as u32;
        let size = match u32::from(meta.gso_size) {
            0 => len,
            size => size.min(len),
        };
        // An options area that breaks off counts as one without options, as Linux takes it.
        let options = tcp_options::parse(segment.options).unwrap_or_default();
        Ok(Self {
            key: FlowKey::new(
                Endpoint::new(header.dst, segment.dst_port),
                Endpoint::new(header.src, segment.src_port),
            ),
            ifindex: packet.ifindex,
            seq: segment.seq,
            ack: segment.ack,
            flags: segment.flags,
            window: segment.window,
            urgent: segment.urgent,
            size,
            options: segment.options,
            timestamps: options.timestamps,
            sack: options.sack,
            payload: segment.payload,
        })
    }

    /// One past the last sequence number it takes.
    #[inline]
    pub(crate) fn end(&self) -> SeqNum {
        self.seq + self.len()
    }

    /// Sequence numbers it takes: data, SYN, FIN.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.payload.len() as u32 + u32::from(self.flags.syn()) + u32::from(self.flags.fin())
    }

    /// The interface a reply must leave by, where the address alone does not say.
    pub(crate) fn reply_interface(&self) -> Option<IfIndex> {
        scope(self.key.remote.ip, self.ifindex)
    }
}

/// Link-local addresses mean something on one link only.
pub(crate) fn scope(remote: Ip, ifindex: IfIndex) -> Option<IfIndex> {
    remote.is_link_local().then_some(ifindex)
}
