//! TCP segments as tests write and read them by hand: whole IP packets, built and parsed with the
//! same code as outside.

use addr::Endpoint;
use wire::checksum;
use wire::ip::{self, IpEmit, PROTO_TCP};
use wire::offload::TxChecksum;
use wire::tcp::{self, Emit, Flags, HEADER_LEN, SeqNum};
use wire::tcp_options::{self, OptionWriter, Timestamps};

/// What a segment said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seg {
    pub(crate) seq: SeqNum,
    pub(crate) ack: SeqNum,
    pub(crate) flags: Flags,
    pub(crate) wnd: u16,
    pub(crate) urgent: u16,
    pub(crate) options: Vec<u8>,
    pub(crate) data: Vec<u8>,
}

impl Seg {
    pub(crate) fn new(flags: Flags, seq: SeqNum, ack: SeqNum) -> Self {
        Self { seq, ack, flags, wnd: 0xffff, urgent: 0, options: Vec::new(), data: Vec::new() }
    }

    pub(crate) fn data(self, data: &[u8]) -> Self {
        Self { data: data.to_vec(), ..self }
    }

    pub(crate) fn wnd(self, wnd: u16) -> Self {
        Self { wnd, ..self }
    }

    pub(crate) fn options(self, options: &[u8]) -> Self {
        Self { options: options.to_vec(), ..self }
    }

    /// With timestamps, as every segment has them where both sides do.
    pub(crate) fn stamps(self, value: u32, echo: u32) -> Self {
        let mut writer = OptionWriter::new();
        writer.timestamps(Timestamps { value, echo });
        self.options(writer.finish())
    }

    /// The timestamps it carries.
    pub(crate) fn stamped(&self) -> Option<Timestamps> {
        tcp_options::parse(&self.options).unwrap().timestamps
    }

    /// The segment as an IP packet.
    pub(crate) fn packet(&self, src: Endpoint, dst: Endpoint) -> Vec<u8> {
        let len = HEADER_LEN + self.options.len() + self.data.len();
        let start = ip::header_len(src.ip.is_v4());
        let mut bytes = vec![0; start + len];
        let header = IpEmit {
            src: src.ip,
            dst: dst.ip,
            protocol: PROTO_TCP,
            payload_len: len,
            ..IpEmit::default()
        };
        ip::emit(&mut bytes, &header).unwrap();
        let segment = &mut bytes[start..];
        let emit = Emit {
            src_port: src.port,
            dst_port: dst.port,
            seq: self.seq,
            ack: self.ack,
            flags: self.flags,
            window: self.wnd,
            urgent: self.urgent,
        };
        let header_len = tcp::emit(segment, &emit, &self.options).unwrap();
        segment[header_len..].copy_from_slice(&self.data);
        let pseudo = checksum::pseudo_header(src.ip, dst.ip, PROTO_TCP, len as u32);
        tcp::set_checksum(segment, pseudo);
        bytes
    }

    /// The segment in an IP packet that a host sent, with its source and destination; its checksum
    /// must hold, or be the half that a device completes.
    pub(crate) fn parse(packet: &[u8], sum: TxChecksum) -> (Endpoint, Endpoint, Self) {
        let header = ip::parse(packet).expect("the host sends what is well-formed");
        let segment = header.payload(packet);
        let parsed = tcp::parse(segment).expect("the host sends what is well-formed");
        match sum {
            TxChecksum::Complete => {
                assert!(tcp::checksum_ok(header.pseudo_header(), segment), "checksum");
            }
            TxChecksum::Partial { .. } => {
                assert!(checksum::is_partial(header.pseudo_header(), parsed.checksum));
            }
        }
        let seg = Self {
            seq: parsed.seq,
            ack: parsed.ack,
            flags: parsed.flags,
            wnd: parsed.window,
            urgent: parsed.urgent,
            options: parsed.options.to_vec(),
            data: parsed.payload.to_vec(),
        };
        let src = Endpoint::new(header.src, parsed.src_port);
        (src, Endpoint::new(header.dst, parsed.dst_port), seg)
    }
}
