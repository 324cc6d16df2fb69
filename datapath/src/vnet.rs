//! The virtio header in front of each frame of a TAP or TUN device, and what it says in our words.
//!
//! Twelve bytes, or ten of a kernel that knows no better, little-endian by request (TUNSETVNETLE):
//! flags, gso_type, hdr_len, gso_size, csum_start, csum_offset, and in the long form num_buffers.
//! Received: `NEEDS_CSUM` means that the sender, our own machine, has not finished the checksum.
//! Sent: the same flag asks the kernel to, and a gso_type makes it cut the frame, if it has to at
//! all.

use wire::offload::{Gso, GsoKind, RxChecksum, RxMeta, TxChecksum, TxMeta};

/// The header's length in the form we ask for first.
pub(crate) const LONG: usize = 12;
/// The header's length in the form every kernel knows.
pub(crate) const SHORT: usize = 10;

const FLAG_NEEDS_CSUM: u8 = 1;
const FLAG_DATA_VALID: u8 = 2;

const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
/// Added to a type when a segment bears congestion marks.
const GSO_ECN: u8 = 0x80;

/// Reads the header of a received frame; `None` if it says something that was not asked for.
#[inline]
pub(crate) fn parse(header: &[u8]) -> Option<RxMeta> {
    let &[flags, gso_type, _, _, size_low, size_high, ..] = header else { return None };
    let checksum = if flags & FLAG_NEEDS_CSUM != 0 {
        RxChecksum::Partial
    } else if flags & FLAG_DATA_VALID != 0 {
        RxChecksum::Valid
    } else {
        RxChecksum::Unverified
    };
    let gso_size = match gso_type & !GSO_ECN {
        GSO_NONE => 0,
        GSO_TCPV4 | GSO_TCPV6 => u16::from_le_bytes([size_low, size_high]),
        _ => return None,
    };
    Some(RxMeta { checksum, gso_size })
}

/// Writes the header of a frame to send; `header` is [`SHORT`] or [`LONG`] bytes.
#[inline]
pub(crate) fn emit(header: &mut [u8], meta: &TxMeta) {
    header.fill(0);
    let Some(fields) = header.first_chunk_mut::<SHORT>() else { return };
    if let TxChecksum::Partial { start, offset } = meta.checksum {
        fields[0] = FLAG_NEEDS_CSUM;
        fields[6..8].copy_from_slice(&start.to_le_bytes());
        fields[8..10].copy_from_slice(&offset.to_le_bytes());
    }
    if let Some(Gso { kind, size, header_len }) = meta.gso {
        fields[1] = match kind {
            GsoKind::Tcp4 => GSO_TCPV4,
            GsoKind::Tcp6 => GSO_TCPV6,
        };
        fields[2..4].copy_from_slice(&header_len.to_le_bytes());
        fields[4..6].copy_from_slice(&size.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn received_headers_mean_what_virtio_says() {
        let rows: [(&str, [u8; 12], Option<RxMeta>); 7] = [
            ("nothing", [0; 12], Some(RxMeta::default())),
            (
                "unfinished",
                [1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0],
                Some(RxMeta { checksum: RxChecksum::Partial, gso_size: 0 }),
            ),
            (
                "verified",
                [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                Some(RxMeta { checksum: RxChecksum::Valid, gso_size: 0 }),
            ),
            (
                "tso4",
                [1, 1, 54, 0, 0xb4, 0x05, 34, 0, 16, 0, 0, 0],
                Some(RxMeta { checksum: RxChecksum::Partial, gso_size: 1460 }),
            ),
            (
                "tso6 with congestion marks",
                [1, 0x84, 74, 0, 0xa0, 0x05, 54, 0, 16, 0, 0, 0],
                Some(RxMeta { checksum: RxChecksum::Partial, gso_size: 1440 }),
            ),
            ("udp was not asked for", [1, 3, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], None),
            ("udp_l4 was not asked for", [1, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], None),
        ];
        for (name, header, wanted) in rows {
            assert_eq!(parse(&header), wanted, "{name}");
            assert_eq!(parse(&header[..SHORT]), wanted, "{name}, short form");
        }
        assert_eq!(parse(&[0; 5]), None);
    }

    #[test]
    fn what_is_sent_reads_back() {
        let meta = TxMeta {
            len: 64_000,
            checksum: TxChecksum::Partial { start: 34, offset: 16 },
            gso: Some(Gso { kind: GsoKind::Tcp4, size: 1448, header_len: 66 }),
        };
        let mut header = [0xff; LONG];
        emit(&mut header, &meta);
        assert_eq!(header, [1, 1, 66, 0, 0xa8, 0x05, 34, 0, 16, 0, 0, 0]);
        assert_eq!(parse(&header), Some(RxMeta { checksum: RxChecksum::Partial, gso_size: 1448 }));
        emit(&mut header[..SHORT], &TxMeta { len: 60, ..TxMeta::default() });
        assert_eq!(header[..SHORT], [0; SHORT]);
    }
}
