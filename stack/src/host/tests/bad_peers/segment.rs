//! Segments as the peers write and read them: bare IPv4 packets.

use addr::Endpoint;
use wire::ip::{self, IpEmit, PROTO_TCP};
use wire::tcp::{self, Emit, Flags, HEADER_LEN, SeqNum};
use wire::{checksum, tcp_options};

/// What a segment says.
#[derive(Clone, Debug)]
pub(super) struct Seg {
    pub(super) seq: SeqNum,
    pub(super) ack: SeqNum,
    pub(super) flags: Flags,
    pub(super) window: u16,
    pub(super) options: Vec<u8>,
    pub(super) data: Vec<u8>,
}

impl Seg {
    pub(super) fn packet(&self, src: Endpoint, dst: Endpoint) -> Vec<u8> {
        let len = HEADER_LEN + self.options.len() + self.data.len();
        let start = ip::header_len(true);
        let mut bytes = vec![0; start + len];
        let header = IpEmit {
            src: src.ip,
            dst: dst.ip,
            protocol: PROTO_TCP,
            payload_len: len,
            ..IpEmit::default()
        };
        ip::emit(&mut bytes, &header);
        let segment = &mut bytes[start..];
        let emit = Emit {
            src_port: src.port,
            dst_port: dst.port,
            seq: self.seq,
            ack: self.ack,
            flags: self.flags,
            window: self.window,
            urgent: 0,
        };
        let header_len = tcp::emit(segment, &emit, &self.options);
        segment[header_len..].copy_from_slice(&self.data);
        let pseudo = checksum::pseudo_header(src.ip, dst.ip, PROTO_TCP, len as u32);
        tcp::set_checksum(segment, pseudo);
        bytes
    }

    /// The segment in a packet of the host's, with its source and destination.
    pub(super) fn parse(bytes: &[u8]) -> (Endpoint, Endpoint, Self) {
        let header = ip::parse(bytes).expect("the host sends what is well-formed");
        let segment = header.payload(bytes);
        assert!(tcp::checksum_ok(header.pseudo_header(), segment), "checksum");
        let parsed = tcp::parse(segment).expect("the host sends what is well-formed");
        let seg = Self {
            seq: parsed.seq,
            ack: parsed.ack,
            flags: parsed.flags,
            window: parsed.window,
            options: parsed.options.to_vec(),
            data: parsed.payload.to_vec(),
        };
        let src = Endpoint::new(header.src, parsed.src_port);
        (src, Endpoint::new(header.dst, parsed.dst_port), seg)
    }

    pub(super) fn timestamp(&self) -> Option<u32> {
        tcp_options::parse(&self.options).ok()?.timestamps.map(|stamps| stamps.value)
    }
}
