//! Segments of the other side, built once and changed in place.

use addr::{Endpoint, Ip};
use wire::checksum::pseudo_header;
use wire::ip::{self, IpEmit, PROTO_TCP};
use wire::tcp::{self, Emit, Flags, HEADER_LEN, SeqNum};

pub const US: &str = "10.0.0.1:80";
pub const PEER: &str = "10.0.0.2:5000";
const IP_LEN: usize = 20;
const SEQ_AT: usize = IP_LEN + 4;
const ACK_AT: usize = IP_LEN + 8;

/// A bare IPv4 packet from the peer to us.
pub struct Frame {
    pub bytes: Vec<u8>,
    text_at: usize,
}

impl Frame {
    pub fn new(flags: Flags, seq: SeqNum, ack: SeqNum, options: &[u8], len: usize) -> Self {
        let (src, dst): (Endpoint, Endpoint) = (PEER.parse().unwrap(), US.parse().unwrap());
        let segment_len = HEADER_LEN + options.len() + len;
        let mut bytes = vec![7; IP_LEN + segment_len];
        let header = IpEmit {
            src: src.ip,
            dst: dst.ip,
            protocol: PROTO_TCP,
            payload_len: segment_len,
            ..IpEmit::default()
        };
        ip::emit(&mut bytes, &header).unwrap();
        let (src_port, dst_port) = (src.port, dst.port);
        let emit = Emit { src_port, dst_port, seq, ack, flags, window: 0xffff, urgent: 0 };
        tcp::emit(&mut bytes[IP_LEN..], &emit, options).unwrap();
        let text_at = IP_LEN + HEADER_LEN + options.len();
        let mut frame = Self { bytes, text_at };
        if len >= 4 {
            frame.set_seq(seq);
        }
        frame.set_checksum();
        frame
    }

    /// Changes the sequence number. The text begins with its complement, so the checksum, which is
    /// a sum of 16-bit words, stays what it is.
    pub fn set_seq(&mut self, seq: SeqNum) {
        self.bytes[SEQ_AT..SEQ_AT + 4].copy_from_slice(&seq.0.to_be_bytes());
        self.bytes[self.text_at..self.text_at + 4].copy_from_slice(&(!seq.0).to_be_bytes());
    }

    /// Changes the acknowledgment number of a segment without text, and its checksum with it.
    pub fn set_ack(&mut self, ack: SeqNum) {
        self.bytes[ACK_AT..ACK_AT + 4].copy_from_slice(&ack.0.to_be_bytes());
        self.set_checksum();
    }

    fn set_checksum(&mut self) {
        let (src, dst): (Ip, Ip) = (Ip::v4([10, 0, 0, 2]), Ip::v4([10, 0, 0, 1]));
        let segment = &mut self.bytes[IP_LEN..];
        segment[tcp::CHECKSUM_OFFSET..][..2].fill(0);
        let pseudo = pseudo_header(src, dst, PROTO_TCP, segment.len() as u32);
        tcp::set_checksum(segment, pseudo);
    }
}

/// Sequence number and end of a segment that was sent to the peer.
pub fn read(packet: &[u8]) -> (SeqNum, SeqNum) {
    let header = ip::parse(packet).unwrap();
    let segment = tcp::parse(header.payload(packet)).unwrap();
    (segment.seq, segment.seq + segment.sequence_len())
}
