//! Cutting and finishing, checked against sums taken from scratch.

use super::*;
use addr::Ip;

/// A TCP frame with `payload` bytes of data and its checksum left to the device.
fn frame(
    medium: Medium,
    kind: GsoKind,
    vlan: bool,
    payload: usize,
    size: u16,
) -> (Vec<u8>, TxMeta) {
    let mut frame = Vec::new();
    if medium == Medium::Ethernet {
        frame.extend_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
        if vlan {
            frame.extend_from_slice(&[0x81, 0x00, 0, 7]);
        }
        frame.extend_from_slice(match kind {
            GsoKind::Tcp4 => &[0x08, 0x00],
            GsoKind::Tcp6 => &[0x86, 0xdd],
        });
    }
    let tcp_len = 32 + payload;
    let (src, dst) = match kind {
        GsoKind::Tcp4 => {
            let mut ip = [0u8; 20];
            ip[0] = 0x45;
            ip[2..4].copy_from_slice(&((20 + tcp_len) as u16).to_be_bytes());
            ip[4..6].copy_from_slice(&0xffffu16.to_be_bytes());
            ip[6] = 0x40;
            ip[8] = 64;
            ip[9] = 6;
            ip[12..16].copy_from_slice(&[10, 0, 0, 1]);
            ip[16..20].copy_from_slice(&[10, 0, 0, 2]);
            frame.extend_from_slice(&ip);
            (Ip::v4([10, 0, 0, 1]), Ip::v4([10, 0, 0, 2]))
        }
        GsoKind::Tcp6 => {
            let (mut src, mut dst) = ([0u8; 16], [0u8; 16]);
            (src[0], src[15], dst[0], dst[15]) = (0xfd, 1, 0xfd, 2);
            let mut ip = [0u8; 40];
            ip[0] = 0x60;
            ip[4..6].copy_from_slice(&(tcp_len as u16).to_be_bytes());
            ip[6] = 6;
            ip[7] = 64;
            ip[8..24].copy_from_slice(&src);
            ip[24..40].copy_from_slice(&dst);
            frame.extend_from_slice(&ip);
            (Ip::v6(src), Ip::v6(dst))
        }
    };
    let start = frame.len();
    let mut tcp = [0u8; 32];
    tcp[4..8].copy_from_slice(&0xffff_fff0u32.to_be_bytes());
    tcp[12] = 0x80;
    tcp[13] = 0x10 | FLAG_FIN | FLAG_PSH | FLAG_CWR;
    tcp[20..22].copy_from_slice(&[1, 1]);
    let pseudo = checksum::pseudo_header(src, dst, 6, tcp_len as u32).fold();
    tcp[16..18].copy_from_slice(&pseudo.to_be_bytes());
    frame.extend_from_slice(&tcp);
    let headers = frame.len();
    frame.extend((0..payload).map(|i| (i * 7) as u8));
    let meta = TxMeta {
        len: frame.len() as u32,
        checksum: TxChecksum::Partial { start: start as u16, offset: 16 },
        gso: Some(Gso { kind, size, header_len: headers as u16 }),
    };
    (frame, meta)
}

/// The addresses in an IP header at `network`.
fn addresses(frame: &[u8], network: usize, kind: GsoKind) -> (Ip, Ip) {
    match kind {
        GsoKind::Tcp4 => {
            let at = |i: usize| Ip::v4(frame[network + i..network + i + 4].try_into().unwrap());
            (at(12), at(16))
        }
        GsoKind::Tcp6 => {
            let at = |i: usize| Ip::v6(frame[network + i..network + i + 16].try_into().unwrap());
            (at(8), at(24))
        }
    }
}

#[test]
fn pieces_add_up_to_the_frame_and_stand_on_their_own() {
    let rows = [
        (Medium::Ethernet, GsoKind::Tcp4, false, 4000, 1448),
        (Medium::Ethernet, GsoKind::Tcp4, true, 2896, 1448),
        (Medium::Ethernet, GsoKind::Tcp6, false, 60_001, 1428),
        (Medium::Ethernet, GsoKind::Tcp6, true, 1, 1428),
        (Medium::Ip, GsoKind::Tcp4, false, 60_000, 1),
        (Medium::Ip, GsoKind::Tcp6, false, 3001, 1000),
    ];
    for (medium, kind, vlan, payload, size) in rows {
        let name = format!("{medium:?} {kind:?} vlan {vlan}: {payload} by {size}");
        let (whole, meta) = frame(medium, kind, vlan, payload, size);
        let gso = meta.gso.unwrap();
        let (network, headers) =
            (network_offset(&whole, medium).unwrap(), usize::from(gso.header_len));
        let TxChecksum::Partial { start, .. } = meta.checksum else { unreachable!() };
        let start = usize::from(start);
        let count = pieces(whole.len(), &gso);
        assert_eq!(count, payload.div_ceil(usize::from(size)), "{name}");
        let mut data = Vec::new();
        let mut out = vec![0xee; 65_536];
        for number in 0..count {
            let len = piece(&whole, &meta, medium, number, &mut out).expect(&name);
            let cut = &out[..len];
            let (src, dst) = addresses(cut, network, kind);
            let pseudo = checksum::pseudo_header(src, dst, 6, (len - start) as u32);
            assert!(checksum::sum(pseudo, &cut[start..]).is_valid(), "{name}: tcp sum of {number}");
            let length = match kind {
                GsoKind::Tcp4 => {
                    assert_eq!(checksum::checksum(&cut[network..network + 20]), 0, "{name}");
                    let identification = u16::from_be_bytes([cut[network + 4], cut[network + 5]]);
                    assert_eq!(identification, 0xffff_u16.wrapping_add(number as u16), "{name}");
                    usize::from(u16::from_be_bytes([cut[network + 2], cut[network + 3]]))
                }
                GsoKind::Tcp6 => {
                    40 + usize::from(u16::from_be_bytes([cut[network + 4], cut[network + 5]]))
                }
            };
            assert_eq!(length, len - network, "{name}");
            let seq = u32::from_be_bytes(cut[start + 4..start + 8].try_into().unwrap());
            assert_eq!(seq, 0xffff_fff0_u32.wrapping_add(data.len() as u32), "{name}");
            let flags = cut[start + 13];
            assert_eq!(flags & FLAG_CWR != 0, number == 0, "{name}: CWR is in the first only");
            let last = number + 1 == count;
            assert_eq!(flags & (FLAG_FIN | FLAG_PSH) != 0, last, "{name}: FIN and PSH in the last");
            data.extend_from_slice(&cut[headers..]);
        }
        assert_eq!(data, &whole[headers..], "{name}");
        assert_eq!(
            piece(&whole, &meta, medium, count, &mut out).filter(|&len| len > headers),
            None
        );
    }
}

#[test]
fn finishing_makes_the_sum_valid() {
    for kind in [GsoKind::Tcp4, GsoKind::Tcp6] {
        let (mut whole, meta) = frame(Medium::Ethernet, kind, false, 999, 1448);
        let TxChecksum::Partial { start, offset } = meta.checksum else { unreachable!() };
        assert!(finish(&mut whole, start, offset));
        let (src, dst) = addresses(&whole, 14, kind);
        let segment = &whole[usize::from(start)..];
        let pseudo = checksum::pseudo_header(src, dst, 6, segment.len() as u32);
        assert!(checksum::sum(pseudo, segment).is_valid());
    }
}

#[test]
fn a_sum_of_zero_is_sent_as_all_ones() {
    // The field alone sums to all ones, so its complement is zero.
    let mut bytes = [0xff, 0xff];
    assert!(finish(&mut bytes, 0, 0));
    assert_eq!(bytes, [0xff, 0xff]);
}

#[test]
fn wrong_descriptions_are_refused() {
    let (whole, good) = frame(Medium::Ethernet, GsoKind::Tcp4, false, 3000, 1448);
    let gso = good.gso.unwrap();
    let mut out = vec![0; 4096];
    let partial = |start, offset| TxChecksum::Partial { start, offset };
    let rows = [
        ("no gso", TxMeta { gso: None, ..good }),
        ("finished sum", TxMeta { checksum: TxChecksum::Complete, ..good }),
        ("size 0", TxMeta { gso: Some(Gso { size: 0, ..gso }), ..good }),
        ("headers past the end", TxMeta { gso: Some(Gso { header_len: 9999, ..gso }), ..good }),
        ("headers too short", TxMeta { gso: Some(Gso { header_len: 40, ..gso }), ..good }),
        ("transport inside IP", TxMeta { checksum: partial(20, 16), ..good }),
        ("not the TCP field", TxMeta { checksum: partial(34, 6), ..good }),
        ("IPv6 does not fit", TxMeta { gso: Some(Gso { kind: GsoKind::Tcp6, ..gso }), ..good }),
    ];
    for (name, meta) in rows {
        assert_eq!(piece(&whole, &meta, Medium::Ethernet, 0, &mut out), None, "{name}");
    }
    assert_eq!(piece(&whole, &good, Medium::Ethernet, 0, &mut out[..100]), None, "out too short");
    assert_eq!(piece(&whole, &good, Medium::Ethernet, usize::MAX, &mut out), None, "far beyond");
    assert!(!finish(&mut [0; 20], 21, 0));
    assert!(!finish(&mut [0; 20], 10, 9));
}
