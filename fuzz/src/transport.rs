//! UDP, TCP and its options, the checksum, lists of names.

use wire::checksum::{self as ck, Sum};
use wire::offload::RxChecksum;
use wire::tcp::{self as tcp_wire, Emit};
use wire::tcp_options::{self as options, TcpOption};
use wire::{search_list as list, udp as udp_wire};

pub(crate) fn udp(bytes: &[u8]) {
    let Ok(header) = udp_wire::parse(bytes) else { return };
    let pseudo = Sum::of_u16(17);
    for trust in [RxChecksum::Unverified, RxChecksum::MaybePartial, RxChecksum::Valid] {
        let _ = udp_wire::check(&header, bytes, pseudo, trust, true);
    }
    let mut again = bytes.to_vec();
    let (src, dst) = (header.src_port, header.dst_port);
    assert_eq!(udp_wire::emit(&mut again, src, dst, header.payload.len()), Ok(8));
    udp_wire::set_checksum(&mut again, ck::sum(pseudo, header.payload));
    let read = udp_wire::parse(&again).expect("what was emitted");
    assert_eq!(udp_wire::check(&read, &again, pseudo, RxChecksum::Unverified, false), Ok(()));
    assert_eq!((read.src_port, read.dst_port, read.payload), (src, dst, header.payload));
}

pub(crate) fn tcp(bytes: &[u8]) {
    let Ok(header) = tcp_wire::parse(bytes) else { return };
    let _ = (header.sequence_len(), header.flags.to_string());
    let emit = Emit {
        src_port: header.src_port,
        dst_port: header.dst_port,
        seq: header.seq,
        ack: header.ack,
        flags: header.flags,
        window: header.window,
        urgent: header.urgent,
    };
    let mut again = bytes.to_vec();
    assert_eq!(tcp_wire::emit(&mut again, &emit, header.options), Ok(header.header_len));
    let pseudo = Sum::of_u16(6);
    tcp_wire::set_checksum(&mut again[..header.header_len], ck::sum(pseudo, header.payload));
    assert!(tcp_wire::checksum_ok(pseudo, &again));
    let read = tcp_wire::parse(&again).expect("what was emitted");
    assert_eq!(tcp_wire::Header { checksum: header.checksum, ..read }, header);
    tcp_options(header.options);
}

/// `bytes` are an options area; longer ones than a header holds must not hurt either.
pub(crate) fn tcp_options(bytes: &[u8]) {
    assert!(options::options(bytes).count() <= bytes.len() + 1);
    let _ = options::parse(bytes);
    for option in options::options(bytes).map_while(Result::ok) {
        let mut writer = options::OptionWriter::new();
        let fits = match option {
            TcpOption::Mss(mss) => writer.mss(mss),
            TcpOption::WindowScale(shift) => writer.window_scale(shift),
            TcpOption::SackPermitted => writer.sack_permitted(),
            TcpOption::Timestamps(stamps) => writer.timestamps(stamps),
            TcpOption::Sack(blocks) => {
                let blocks: Vec<options::SackBlock> = blocks.iter().collect();
                writer.sack(&blocks) == blocks.len() && !blocks.is_empty()
            }
            TcpOption::FastOpen(cookie) => writer.fast_open(cookie),
            TcpOption::Unknown { kind, data } => writer.raw(kind, data),
            TcpOption::AccEcn(_) | TcpOption::Md5(_) | TcpOption::Ao(_) => continue,
        };
        if fits {
            assert_eq!(options::options(writer.finish()).next(), Some(Ok(option)));
        }
    }
}

/// The sum against one written down from RFC 1071, at any cut.
pub(crate) fn checksum(bytes: &[u8]) {
    let naive = bytes.chunks(2).fold(0u64, |sum, pair| {
        sum + (u64::from(pair[0]) << 8) + u64::from(pair.get(1).copied().unwrap_or(0))
    });
    let naive = match naive % 0xffff {
        0 if naive != 0 => 0xffff,
        rest => rest as u16,
    };
    assert_eq!(ck::sum(Sum::ZERO, bytes).fold(), naive);
    let mut copy = vec![0; bytes.len()];
    assert_eq!(ck::copy_and_sum(&mut copy, bytes).fold(), naive);
    assert_eq!(copy, bytes);
    let cut = bytes.first().map_or(0, |byte| usize::from(*byte) % bytes.len());
    let (head, tail) = bytes.split_at(cut);
    let whole = ck::sum(Sum::ZERO, head).combine(ck::sum(Sum::ZERO, tail), cut);
    assert_eq!(whole.fold(), naive);
    if bytes.len() >= 8 {
        let (old, new) = (&bytes[2..4], &bytes[6..8]);
        copy[2..4].copy_from_slice(new);
        let updated = ck::update_bytes(!naive, old, new);
        let expected = ck::checksum(&copy);
        // Both forms of zero are one value.
        assert_eq!(updated % 0xffff, expected % 0xffff);
    }
}

/// `bytes` are a list of names in DNS form.
pub(crate) fn search_list(bytes: &[u8]) {
    assert!(list::names(bytes).count() <= bytes.len() + 1);
    for name in list::names(bytes).map_while(Result::ok) {
        assert!(name.labels().count() <= bytes.len());
        let _ = name.to_string();
    }
}
