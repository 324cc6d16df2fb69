//! What holds across protocols.

use addr::{Ip, Mac};

use crate::checksum::{self, Sum};
use crate::fixture::{self, golden};
use crate::ip::{self, IpEmit};
use crate::tcp::{self, Flags};
use crate::{EmitError, Malformed, ethernet, icmpv4, icmpv6, igmp, ipv4, ipv6, tcp_options, udp};

fn is_inside(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}

/// WIRE-04: numbers nobody knows are kept, shown, and never a panic.
#[test]
fn wire_04_unknown_numbers_keep_their_value() {
    let (a, b) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
    let mut frame = [0; 64];
    for ethertype in [0x0600, 0x1234, 0x88cc, 0xfffe] {
        ethernet::emit(&mut frame, a, b, ethertype).unwrap();
        assert_eq!(ethernet::parse(&frame).map(|frame| frame.ethertype), Ok(ethertype));
    }
    for protocol in 0..=255 {
        let header = IpEmit { protocol, payload_len: 8, ..IpEmit::default() };
        let mut packet = [0; 28];
        ip::emit(&mut packet, &header).unwrap();
        assert_eq!(ip::parse(&packet).map(|header| header.protocol), Ok(protocol));
        let _ = crate::display::packet(&packet).to_string();
    }
}

/// WIRE-05: views point into the frame; nothing was copied.
#[test]
fn wire_05_views_into_the_frame() {
    let bytes = golden("tcp4_data");
    let frame = ethernet::parse(&bytes).unwrap();
    let header = ip::parse(frame.payload).unwrap();
    let segment = header.payload(frame.payload);
    let tcp = tcp::parse(segment).unwrap();
    for part in [frame.payload, segment, tcp.options, tcp.payload] {
        assert!(is_inside(part, &bytes));
    }
    let bytes = golden("igmp_report3");
    let Ok(igmp::Message::ReportV3(records)) = igmp::parse(&bytes[24..]) else { panic!() };
    assert!(records.iter().all(|record| is_inside(record.aux, &bytes)));
}

/// WIRE-05, WIRE-07: a packet is put together from pieces, header by header, and the pseudo-header
/// sum of the IP layer goes into the transport checksum before the data is touched.
#[test]
fn wire_07_the_pseudo_header_comes_from_ip() {
    for name in ["udp4", "udp6"] {
        let packet = golden(name);
        let header = ip::parse(&packet).unwrap();
        let datagram = header.payload(&packet);
        let addresses = match header.src.is_v4() {
            true => packet[12..20].to_vec(),
            false => packet[8..40].to_vec(),
        };
        let len = u32::try_from(datagram.len()).unwrap();
        let plain = [&addresses[..], &len.to_be_bytes(), &[0, 0, 0, 17]].concat();
        let pseudo = header.pseudo_header();
        assert_eq!(pseudo.fold(), checksum::sum(Sum::ZERO, &plain).fold(), "{name}");

        let pieces: [&[u8]; 3] = [b"a", b"b", b"c"];
        let (mut sum, mut data, mut at) = (pseudo, [0; 3], 0);
        for piece in pieces {
            sum = sum.combine(checksum::copy_and_sum(&mut data[at..], piece), at);
            at += piece.len();
        }
        let mut emitted = [0; 8];
        udp::emit(&mut emitted, 4000, 53, data.len()).unwrap();
        udp::set_checksum(&mut emitted, sum);
        assert_eq!([&emitted[..], &data].concat(), datagram, "{name}");
    }
}

/// WIRE-10: the protocol numbers known.
#[test]
fn wire_10_protocol_numbers() {
    let known = [
        ip::PROTO_HOP_BY_HOP,
        ip::PROTO_ICMP,
        ip::PROTO_IGMP,
        ip::PROTO_IPV4,
        ip::PROTO_TCP,
        ip::PROTO_UDP,
        ip::PROTO_IPV6,
        ip::PROTO_ROUTING,
        ip::PROTO_FRAGMENT,
        ip::PROTO_ICMPV6,
        ip::PROTO_NONE,
        ip::PROTO_DESTINATION_OPTIONS,
        ip::PROTO_RAW,
    ];
    assert_eq!(known, [0, 1, 2, 4, 6, 17, 41, 43, 44, 58, 59, 60, 255]);
}

/// WIRE-11: raw payloads go under any number; of raw ICMPv6 the checksum is computed.
#[test]
fn wire_11_raw_payloads() {
    let (src, dst): (Ip, Ip) = ("fe80::1".parse().unwrap(), "fe80::2".parse().unwrap());
    let mut message = [200, 0, 0xaa, 0xaa, 1, 2, 3, 4];
    icmpv6::set_checksum(&mut message, src, dst);
    assert!(icmpv6::parse(src, dst, &message).is_ok());
    let mut packet = [0; 48];
    let header = IpEmit { src, dst, protocol: ip::PROTO_RAW, payload_len: 8, ..IpEmit::default() };
    let at = ip::emit(&mut packet, &header).unwrap();
    packet[at..].copy_from_slice(&message);
    let header = ip::parse(&packet).unwrap();
    assert_eq!((header.protocol, header.payload(&packet)), (ip::PROTO_RAW, &message[..]));
    let mut short = [1, 2, 3];
    icmpv6::set_checksum(&mut short, src, dst);
    assert_eq!(short, [1, 2, 3], "no field, no change");
}

/// WIRE-12: emitters refuse what has no room in its field. (Fields of 8, 16 and 32 bits have a type
/// of that width; offsets, tags and options are refused in their own tests.)
#[test]
fn wire_12_values_out_of_range() {
    let mut buf = [0; 128];
    let (src, dst) = ("fe80::1".parse().unwrap(), "fe80::2".parse().unwrap());
    let label = |flow_label| IpEmit { src, dst, flow_label, ..IpEmit::default() };
    assert_eq!(ip::emit(&mut buf, &label(ipv6::FLOW_LABEL_MAX)), Ok(40));
    assert_eq!(
        ip::emit(&mut buf, &label(ipv6::FLOW_LABEL_MAX + 1)),
        Err(EmitError::Value),
        "20 bits"
    );
    let flags = |bits| tcp::Emit { flags: Flags(bits), ..tcp::Emit::default() };
    assert_eq!(tcp::emit(&mut buf, &flags(0x1ff), &[]), Ok(20));
    assert_eq!(tcp::emit(&mut buf, &flags(0x200), &[]), Err(EmitError::Value), "9 bits");
    assert_eq!(tcp::emit(&mut buf, &flags(0x10), &[1; 6]), Err(EmitError::Value), "whole words");
    assert_eq!(
        ipv4::emit_with(&mut buf, &IpEmit::default(), None, &[1; 41]),
        Err(EmitError::Value),
        "40 bytes"
    );
    assert_eq!(udp::emit(&mut buf, 1, 2, 65_528), Err(EmitError::Value), "16 bits");
    assert!(!tcp_options::OptionWriter::new().raw(254, &[0; 39]));
}

/// IP6-04: hop limit 64, links of 1280 bytes, payloads of 65535; more is no packet.
#[test]
fn ip6_04_defaults() {
    assert_eq!((ipv6::MTU_MIN, ipv6::PAYLOAD_MAX), (1280, 65535));
    let (src, dst) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
    let header = IpEmit { src, dst, payload_len: ipv6::PAYLOAD_MAX, ..IpEmit::default() };
    let mut packet = vec![0; ipv6::HEADER_LEN + ipv6::PAYLOAD_MAX];
    assert_eq!(ip::emit(&mut packet, &header), Ok(40));
    let parsed = ip::parse(&packet).unwrap();
    assert_eq!((parsed.hop_limit, parsed.payload_len), (64, ipv6::PAYLOAD_MAX));
}

/// Sound packets with any byte changed, cut or both: parsers agree with themselves and never panic.
#[test]
fn every_byte_of_every_golden_frame_changed() {
    for golden in fixture::all() {
        for at in 0..golden.bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = golden.bytes.clone();
                bytes[at] ^= flip;
                let _ = crate::display::frame(&bytes).to_string();
                let _ = crate::display::packet(&bytes).to_string();
                let _ = icmpv4::parse(&bytes).map(|message| message.is_error());
                let _ = igmp::parse(&bytes);
            }
            let cut = &golden.bytes[..at];
            if golden.medium == 'i' {
                assert!(
                    matches!(
                        ip::parse(cut),
                        Err(Malformed::Truncated
                            | Malformed::Length
                            | Malformed::HeaderLength
                            | Malformed::Checksum)
                    ),
                    "{} cut at {at}",
                    golden.name
                );
            }
            let _ = crate::display::frame(cut).to_string();
        }
    }
}
