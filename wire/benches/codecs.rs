//! Parsing and emitting beside smoltcp and etherparse, and the checksum beside internet-checksum.
//!
//! Each row has the same bytes and the same duties for everyone: a parse ends with ports, sequence
//! numbers or addresses read and every length checked, IPv4 header checksum included (etherparse
//! does not verify it); transport checksums are rows of their own. Run with
//! `cargo bench -p wire`.

use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};

use addr::{Ip, Mac};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use etherparse::PacketBuilder;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire as theirs;
use wire::checksum;
use wire::ip::{self, IpEmit};
use wire::ndp::{self, NeighborAdvertisement};
use wire::tcp::{self, Emit, Flags, SeqNum};
use wire::tcp_options::{OptionWriter, Timestamps};
use wire::{ethernet, icmp, icmpv6, tcp_options, udp};

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];
const MAC_A: [u8; 6] = [2, 0, 0, 0, 0, 1];
const MAC_B: [u8; 6] = [2, 0, 0, 0, 0, 2];
const LINK_A: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const LINK_B: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

/// Ethernet, IPv4 and TCP headers with timestamps, as for an established connection.
fn emit_tcp(buf: &mut [u8], payload: &[u8]) -> usize {
    let mut options = OptionWriter::new();
    options.timestamps(Timestamps { value: 100, echo: 50 });
    let options = options.finish();
    let header_len = tcp::HEADER_LEN + options.len();
    ethernet::emit(buf, Mac(MAC_B), Mac(MAC_A), ethernet::ETHERTYPE_IPV4).unwrap();
    let payload_len = header_len + payload.len();
    let (src, dst) = (Ip::v4(A), Ip::v4(B));
    let protocol = ip::PROTO_TCP;
    ip::emit(&mut buf[14..], &IpEmit { src, dst, protocol, payload_len, ..IpEmit::default() })
        .unwrap();
    let emit = Emit {
        src_port: 4000,
        dst_port: 80,
        seq: SeqNum(1000),
        ack: SeqNum(2000),
        flags: Flags::ACK | Flags::PSH,
        window: 501,
        urgent: 0,
    };
    tcp::emit(&mut buf[34..], &emit, options).unwrap();
    let (header, data) = buf[34..].split_at_mut(header_len);
    let sum = checksum::pseudo_header(src, dst, protocol, payload_len as u32);
    let data = checksum::copy_and_sum(&mut data[..payload.len()], payload);
    tcp::set_checksum(header, sum + data);
    34 + payload_len
}

fn emit_udp(buf: &mut [u8], payload: &[u8]) -> usize {
    let (src, dst, protocol) = (Ip::v4(A), Ip::v4(B), ip::PROTO_UDP);
    let payload_len = 8 + payload.len();
    ethernet::emit(buf, Mac(MAC_B), Mac(MAC_A), ethernet::ETHERTYPE_IPV4).unwrap();
    ip::emit(&mut buf[14..], &IpEmit { src, dst, protocol, payload_len, ..IpEmit::default() })
        .unwrap();
    udp::emit(&mut buf[34..], 4000, 53, payload.len()).unwrap();
    let (header, data) = buf[34..].split_at_mut(8);
    let sum = checksum::pseudo_header(src, dst, protocol, payload_len as u32);
    let data = checksum::copy_and_sum(&mut data[..payload.len()], payload);
    udp::set_checksum(header, sum + data);
    34 + payload_len
}

fn emit_na(buf: &mut [u8]) -> usize {
    let (src, dst) = (Ip::v6(LINK_A), Ip::v6(LINK_B));
    ethernet::emit(buf, Mac(MAC_B), Mac(MAC_A), ethernet::ETHERTYPE_IPV6).unwrap();
    let protocol = ip::PROTO_ICMPV6;
    let header =
        IpEmit { src, dst, protocol, hop_limit: 255, payload_len: 32, ..IpEmit::default() };
    ip::emit(&mut buf[14..], &header).unwrap();
    let na = NeighborAdvertisement {
        target: src,
        router: false,
        solicited: true,
        override_flag: true,
        options: Default::default(),
    };
    54 + ndp::emit_na(&mut buf[54..], src, dst, &na, Some(Mac(MAC_A))).unwrap()
}

fn smoltcp_headers(buf: &mut [u8], protocol: theirs::IpProtocol, len: usize) {
    let mut frame = theirs::EthernetFrame::new_unchecked(&mut buf[..]);
    frame.set_dst_addr(theirs::EthernetAddress(MAC_B));
    frame.set_src_addr(theirs::EthernetAddress(MAC_A));
    frame.set_ethertype(theirs::EthernetProtocol::Ipv4);
    let repr = theirs::Ipv4Repr {
        src_addr: A.into(),
        dst_addr: B.into(),
        next_header: protocol,
        payload_len: len,
        hop_limit: 64,
    };
    let caps = ChecksumCapabilities::default();
    repr.emit(&mut theirs::Ipv4Packet::new_unchecked(&mut buf[14..]), &caps);
}

fn smoltcp_emit_tcp(buf: &mut [u8], payload: &[u8]) {
    let repr = theirs::TcpRepr {
        src_port: 4000,
        dst_port: 80,
        control: theirs::TcpControl::Psh,
        seq_number: theirs::TcpSeqNumber(1000),
        ack_number: Some(theirs::TcpSeqNumber(2000)),
        window_len: 501,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: Some(theirs::TcpTimestampRepr::new(100, 50)),
        payload,
    };
    smoltcp_headers(buf, theirs::IpProtocol::Tcp, repr.buffer_len());
    let mut packet = theirs::TcpPacket::new_unchecked(&mut buf[34..]);
    let (src, dst) = (Ipv4Addr::from(A).into(), Ipv4Addr::from(B).into());
    repr.emit(&mut packet, &src, &dst, &ChecksumCapabilities::default());
}

fn smoltcp_emit_udp(buf: &mut [u8], payload: &[u8]) {
    let repr = theirs::UdpRepr { src_port: 4000, dst_port: 53 };
    smoltcp_headers(buf, theirs::IpProtocol::Udp, 8 + payload.len());
    let mut packet = theirs::UdpPacket::new_unchecked(&mut buf[34..]);
    let (src, dst) = (Ipv4Addr::from(A).into(), Ipv4Addr::from(B).into());
    let caps = ChecksumCapabilities::default();
    let copy = |to: &mut [u8]| to.copy_from_slice(payload);
    repr.emit(&mut packet, &src, &dst, payload.len(), copy, &caps);
}

fn smoltcp_emit_na(buf: &mut [u8]) {
    let mut frame = theirs::EthernetFrame::new_unchecked(&mut buf[..]);
    frame.set_dst_addr(theirs::EthernetAddress(MAC_B));
    frame.set_src_addr(theirs::EthernetAddress(MAC_A));
    frame.set_ethertype(theirs::EthernetProtocol::Ipv6);
    let (src, dst) = (Ipv6Addr::from(LINK_A), Ipv6Addr::from(LINK_B));
    let ip = theirs::Ipv6Repr {
        src_addr: src,
        dst_addr: dst,
        next_header: theirs::IpProtocol::Icmpv6,
        payload_len: 32,
        hop_limit: 255,
    };
    ip.emit(&mut theirs::Ipv6Packet::new_unchecked(&mut buf[14..]));
    let na = theirs::Icmpv6Repr::Ndisc(theirs::NdiscRepr::NeighborAdvert {
        flags: theirs::NdiscNeighborFlags::SOLICITED | theirs::NdiscNeighborFlags::OVERRIDE,
        target_addr: src,
        lladdr: Some(theirs::EthernetAddress(MAC_A).into()),
    });
    let mut packet = theirs::Icmpv6Packet::new_unchecked(&mut buf[54..86]);
    na.emit(&src, &dst, &mut packet, &ChecksumCapabilities::default());
}

/// Every header read and checked; the payload is not summed.
fn parse_tcp(frame: &[u8]) -> (u32, Option<u32>, usize) {
    let frame = ethernet::parse(frame).unwrap();
    let Ok(header) = &ip::parse(frame.payload) else { panic!() };
    let tcp = tcp::parse(header.payload(frame.payload)).unwrap();
    let options = tcp_options::parse(tcp.options).unwrap();
    (tcp.seq.0, options.timestamps.map(|stamps| stamps.value), tcp.payload.len())
}

/// The caller says that no transport checksum is wanted.
fn smoltcp_parse_tcp(frame: &[u8]) -> (u32, Option<u32>, usize) {
    let mut caps = ChecksumCapabilities::default();
    caps.tcp = smoltcp::phy::Checksum::None;
    let frame = theirs::EthernetFrame::new_checked(frame).unwrap();
    assert!(frame.src_addr().is_unicast());
    let packet = theirs::Ipv4Packet::new_checked(frame.payload()).unwrap();
    let ip = theirs::Ipv4Repr::parse(&packet, &caps).unwrap();
    let tcp = theirs::TcpPacket::new_checked(packet.payload()).unwrap();
    let (src, dst) = (ip.src_addr.into(), ip.dst_addr.into());
    let repr = theirs::TcpRepr::parse(&tcp, &src, &dst, &caps).unwrap();
    let stamp = repr.timestamp.map(|stamps| stamps.tsval);
    (repr.seq_number.0 as u32, stamp, repr.payload.len())
}

fn etherparse_parse_tcp(frame: &[u8]) -> (u32, Option<u32>, usize) {
    let packet = etherparse::SlicedPacket::from_ethernet(frame).unwrap();
    let Some(etherparse::TransportSlice::Tcp(tcp)) = packet.transport else { panic!() };
    let stamp = tcp.options_iterator().find_map(|option| match option {
        Ok(etherparse::TcpOptionElement::Timestamp(value, _)) => Some(value),
        _ => None,
    });
    (tcp.sequence_number(), stamp, tcp.payload().len())
}

fn parse_udp(frame: &[u8]) -> (u16, usize) {
    let frame = ethernet::parse(frame).unwrap();
    let Ok(header) = &ip::parse(frame.payload) else { panic!() };
    let udp = udp::parse(header.payload(frame.payload)).unwrap();
    (udp.dst_port, udp.payload.len())
}

fn smoltcp_parse_udp(frame: &[u8]) -> (u16, usize) {
    let mut caps = ChecksumCapabilities::default();
    caps.udp = smoltcp::phy::Checksum::None;
    let frame = theirs::EthernetFrame::new_checked(frame).unwrap();
    let packet = theirs::Ipv4Packet::new_checked(frame.payload()).unwrap();
    let ip = theirs::Ipv4Repr::parse(&packet, &caps).unwrap();
    let udp = theirs::UdpPacket::new_checked(packet.payload()).unwrap();
    let (src, dst) = (ip.src_addr.into(), ip.dst_addr.into());
    let repr = theirs::UdpRepr::parse(&udp, &src, &dst, &caps).unwrap();
    (repr.dst_port, udp.payload().len())
}

fn etherparse_parse_udp(frame: &[u8]) -> (u16, usize) {
    let packet = etherparse::SlicedPacket::from_ethernet(frame).unwrap();
    let Some(etherparse::TransportSlice::Udp(udp)) = packet.transport else { panic!() };
    (udp.destination_port(), udp.payload().len())
}

/// Checksum included: ICMPv6 is verified before it is read.
fn parse_na(frame: &[u8]) -> (bool, Option<[u8; 6]>) {
    let frame = ethernet::parse(frame).unwrap();
    // By reference: a header of a hundred bytes need not move.
    let Ok(header) = &ip::parse(frame.payload) else { panic!() };
    let message = icmpv6::parse(header.src, header.dst, header.payload(frame.payload)).unwrap();
    let icmp::Message::Other { kind, code, body } = message else { panic!() };
    match ndp::parse(header, kind, code, body).unwrap() {
        ndp::Message::NeighborAdvertisement(na) => {
            (na.solicited, na.options.target_mac().map(|mac| mac.0))
        }
        _ => panic!(),
    }
}

fn smoltcp_parse_na(frame: &[u8]) -> (bool, Option<[u8; 6]>) {
    let caps = ChecksumCapabilities::default();
    let frame = theirs::EthernetFrame::new_checked(frame).unwrap();
    let packet = theirs::Ipv6Packet::new_checked(frame.payload()).unwrap();
    let ip = theirs::Ipv6Repr::parse(&packet).unwrap();
    let icmp = theirs::Icmpv6Packet::new_checked(packet.payload()).unwrap();
    match theirs::Icmpv6Repr::parse(&ip.src_addr, &ip.dst_addr, &icmp, &caps).unwrap() {
        theirs::Icmpv6Repr::Ndisc(theirs::NdiscRepr::NeighborAdvert { flags, lladdr, .. }) => {
            let mac = lladdr.and_then(|mac| mac.as_bytes().try_into().ok());
            (flags.contains(theirs::NdiscNeighborFlags::SOLICITED), mac)
        }
        _ => panic!(),
    }
}

fn parse(c: &mut Criterion) {
    let mut frame = [0; 1600];
    let len = emit_tcp(&mut frame, &[7; 1460 - 12]);
    let frame = &frame[..len];
    let expected = parse_tcp(frame);
    let mut group = c.benchmark_group("parse/tcp_1460");
    for (name, read) in [
        ("wire", parse_tcp as fn(&[u8]) -> (u32, Option<u32>, usize)),
        ("smoltcp", smoltcp_parse_tcp),
        ("etherparse", etherparse_parse_tcp),
    ] {
        assert_eq!(read(frame), expected, "{name}");
        group.bench_function(name, |b| b.iter(|| read(black_box(frame))));
    }
    group.finish();
    let mut frame = [0; 200];
    let len = emit_udp(&mut frame, &[7; 64]);
    let frame = &frame[..len];
    let mut group = c.benchmark_group("parse/udp_64");
    for (name, read) in [
        ("wire", parse_udp as fn(&[u8]) -> (u16, usize)),
        ("smoltcp", smoltcp_parse_udp),
        ("etherparse", etherparse_parse_udp),
    ] {
        assert_eq!(read(frame), (53, 64), "{name}");
        group.bench_function(name, |b| b.iter(|| read(black_box(frame))));
    }
    group.finish();
    let mut frame = [0; 200];
    let len = emit_na(&mut frame);
    let frame = &frame[..len];
    let mut group = c.benchmark_group("parse/na");
    for (name, read) in
        [("wire", parse_na as fn(&[u8]) -> (bool, Option<[u8; 6]>)), ("smoltcp", smoltcp_parse_na)]
    {
        assert_eq!(read(frame), (true, Some(MAC_A)), "{name}");
        group.bench_function(name, |b| b.iter(|| read(black_box(frame))));
    }
}

fn emit(c: &mut Criterion) {
    let (payload, small) = ([7; 1460 - 12], [7; 64]);
    let mut buf = [0; 1600];
    let mut group = c.benchmark_group("emit/tcp_1460");
    group.bench_function("wire", |b| b.iter(|| emit_tcp(black_box(&mut buf), black_box(&payload))));
    group.bench_function("smoltcp", |b| {
        b.iter(|| smoltcp_emit_tcp(black_box(&mut buf[..1514]), black_box(&payload)));
    });
    let builder = || PacketBuilder::ethernet2(MAC_A, MAC_B).ipv4(A, B, 64);
    group.bench_function("etherparse", |b| {
        b.iter(|| {
            let stamps = [etherparse::TcpOptionElement::Timestamp(100, 50)];
            let builder = builder().tcp(4000, 80, 1000, 501).ack(2000).psh();
            let builder = builder.options(&stamps).unwrap();
            builder.write(&mut black_box(&mut buf[..]), black_box(&payload)).unwrap();
        });
    });
    group.finish();
    let mut group = c.benchmark_group("emit/udp_64");
    group.bench_function("wire", |b| b.iter(|| emit_udp(black_box(&mut buf), black_box(&small))));
    group.bench_function("smoltcp", |b| {
        b.iter(|| smoltcp_emit_udp(black_box(&mut buf[..106]), black_box(&small)));
    });
    group.bench_function("etherparse", |b| {
        b.iter(|| {
            let builder = builder().udp(4000, 53);
            builder.write(&mut black_box(&mut buf[..]), black_box(&small)).unwrap();
        });
    });
    group.finish();
    let mut group = c.benchmark_group("emit/na");
    group.bench_function("wire", |b| b.iter(|| emit_na(black_box(&mut buf))));
    group.bench_function("smoltcp", |b| b.iter(|| smoltcp_emit_na(black_box(&mut buf))));
}

/// internet-checksum is made for headers. etherparse's and smoltcp's sums are not public by
/// themselves; smoltcp's is reached through a UDP datagram of that size.
fn sums(c: &mut Criterion) {
    for len in [20, 64, 1460, 65_536] {
        let bytes: Vec<u8> = (0..len).map(|at| (at * 7) as u8).collect();
        let expected = checksum::checksum(&bytes);
        let mut group = c.benchmark_group("checksum");
        group.throughput(Throughput::Bytes(len as u64));
        let of = |name| BenchmarkId::new(name, len);
        group.bench_function(of("wire"), |b| b.iter(|| checksum::checksum(black_box(&bytes))));
        let crate_sum = internet_checksum::checksum(&bytes);
        assert_eq!(u16::from_be_bytes(crate_sum), expected);
        group.bench_function(of("internet-checksum"), |b| {
            b.iter(|| internet_checksum::checksum(black_box(&bytes)));
        });
        group.bench_function(of("etherparse"), |b| {
            b.iter(|| {
                let sum = etherparse::checksum::Sum16BitWords::new();
                sum.add_slice(black_box(&bytes)).ones_complement()
            });
        });
        let (src, dst) = (Ipv4Addr::from(A).into(), Ipv4Addr::from(B).into());
        let mut datagram = bytes[..len.min(65_532)].to_vec();
        let size = (datagram.len() as u16).to_be_bytes();
        datagram[4..8].copy_from_slice(&[size[0], size[1], 1, 1]);
        group.bench_function(of("smoltcp"), |b| {
            let packet = theirs::UdpPacket::new_unchecked(&datagram[..]);
            b.iter(|| black_box(&packet).verify_checksum(&src, &dst));
        });
        group.finish();
        let mut group = c.benchmark_group("copy_and_sum");
        group.throughput(Throughput::Bytes(len as u64));
        let mut to = vec![0; len];
        group.bench_function(of("wire"), |b| {
            b.iter(|| checksum::copy_and_sum(black_box(&mut to), black_box(&bytes)).fold());
        });
        group.bench_function(of("copy then internet-checksum"), |b| {
            b.iter(|| {
                black_box(&mut to[..]).copy_from_slice(black_box(&bytes));
                internet_checksum::checksum(&to)
            });
        });
        group.bench_function(of("copy alone"), |b| {
            b.iter(|| black_box(&mut to[..]).copy_from_slice(black_box(&bytes)));
        });
    }
}

criterion_group!(benches, parse, emit, sums);
criterion_main!(benches);
