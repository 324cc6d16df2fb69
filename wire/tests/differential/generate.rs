//! Frames made with our emitters, and damage.

use addr::{Ip, Mac};
use wire::checksum::{self, Sum};
use wire::ethernet::{self, Tag};
use wire::icmp::{Echo, Message};
use wire::icmp_ext::{self, Object};
use wire::ip::{self, Fragment, IpEmit};
use wire::llc::{self, Llc, Snap};
use wire::ndp::{self, NeighborAdvertisement, RouterAdvertisement};
use wire::ndp_options::{NdpOption, OptionWriter, Prefix};
use wire::tcp::{self, Emit, Flags, SeqNum};
use wire::tcp_options::{self, SackBlock, Timestamps};
use wire::{arp, icmpv4, icmpv6, ipv4, ipv6_ext, mld, udp};

use crate::random::Random;

mod apps;
mod groups;

/// A frame in good order.
pub(crate) fn frame(random: &mut Random) -> Vec<u8> {
    match random.below(14) {
        0 => link(random, ethernet::ETHERTYPE_ARP, arp_packet),
        12 => length_frame(random),
        n => {
            let v4 = random.chance(50);
            let ethertype = if v4 { ethernet::ETHERTYPE_IPV4 } else { ethernet::ETHERTYPE_IPV6 };
            link(random, ethertype, |random| packet(random, v4, n))
        }
    }
}

/// One fault, or two: bits, bytes, the end. Half of the IPv4 headers hit are given a checksum that
/// holds, so that the faults behind it are seen.
pub(crate) fn damage(random: &mut Random, frame: &mut Vec<u8>) {
    for _ in 0..=random.below(2) {
        // Mostly in the headers.
        let reach = if random.chance(80) { frame.len().min(80) } else { frame.len() };
        let at = random.below(reach);
        match random.below(5) {
            0 | 1 => frame[at] ^= 1 << random.below(8),
            2 => frame[at] = random.u8(),
            3 => frame.truncate(at.max(14)),
            _ => frame.extend(random.bytes(20)),
        }
    }
    let header_len = frame.get(14).map_or(0, |byte| usize::from(byte & 15) * 4);
    let is_v4 = frame.len() > 34 && frame[12..14] == [8, 0] && header_len >= 20;
    if is_v4
        && random.chance(50)
        && let Some(header) = frame.get_mut(14..14 + header_len)
    {
        header[10..12].fill(0);
        let sum = checksum::checksum(header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        // A UDP checksum of zero lets the damage through to the message.
        let is_udp = header_len == 20 && header[9] == ip::PROTO_UDP;
        if is_udp && let Some(field) = frame.get_mut(40..42) {
            field.fill(0);
        }
    }
}

fn mac(random: &mut Random) -> Mac {
    let [_, _, a, b, c, d, e, f] = random.next().to_be_bytes();
    Mac([a & 0xfe | 2, b, c, d, e, f])
}

fn link(random: &mut Random, ethertype: u16, make: impl FnOnce(&mut Random) -> Vec<u8>) -> Vec<u8> {
    let tags: Vec<Tag> = (0..random.below(8).saturating_sub(5))
        .map(|outer| Tag {
            ethertype: if outer == 0 && random.chance(50) { 0x88a8 } else { 0x8100 },
            priority: random.u8() & 7,
            drop_eligible: random.chance(50),
            id: random.u16() & 0xfff,
        })
        .collect();
    let (dst, src) = (mac(random), mac(random));
    let mut frame = vec![0; 14 + 4 * tags.len()];
    assert!(ethernet::emit_tagged(&mut frame, dst, src, &tags, ethertype).is_ok());
    frame.extend(make(random));
    // Short frames travel padded.
    if random.chance(50) {
        frame.resize(frame.len().max(ethernet::FRAME_MIN), 0);
    }
    frame
}

/// An 802.3 frame: ARP or IP behind SNAP, numbers of an organization, or bare services.
fn length_frame(random: &mut Random) -> Vec<u8> {
    let snap = |oui, pid| Some(Snap { oui, pid });
    let (snap, payload) = match random.below(4) {
        0 => (snap(llc::OUI_ETHERTYPE, ethernet::ETHERTYPE_ARP), arp_packet(random)),
        1 => {
            let choice = 6 + random.below(2);
            (snap(llc::OUI_ETHERTYPE, ethernet::ETHERTYPE_IPV4), packet(random, true, choice))
        }
        2 => (snap(llc::OUI_CISCO, llc::CISCO_CDP), random.bytes(60)),
        _ => (None, random.bytes(60)),
    };
    let sap = if snap.is_some() { llc::SAP_SNAP } else { llc::SAP_IP };
    let frame = Llc { dsap: sap, ssap: sap, control: llc::CONTROL_UI, snap, payload: &payload };
    let mut body = vec![0; llc::HEADER_LEN + llc::SNAP_LEN];
    let len = llc::emit(&mut body, &frame).unwrap();
    assert_ne!(len, 0);
    body.truncate(len);
    body.extend(&payload);
    let (dst, src) = (mac(random), mac(random));
    let mut bytes = vec![0; ethernet::HEADER_LEN];
    assert!(ethernet::emit_length(&mut bytes, dst, src, body.len()).is_ok());
    bytes.extend(body);
    bytes.resize(bytes.len().max(ethernet::FRAME_MIN), 0);
    bytes
}

fn arp_packet(random: &mut Random) -> Vec<u8> {
    let packet = arp::Arp {
        operation: 1 + random.below(2) as u16,
        sender_mac: mac(random),
        sender_ip: [10, random.u8(), random.u8(), random.u8()].into(),
        target_mac: mac(random),
        target_ip: [10, random.u8(), random.u8(), random.u8()].into(),
    };
    let mut bytes = vec![0; arp::LEN];
    arp::emit(&mut bytes, &packet).unwrap();
    bytes
}

fn address(random: &mut Random, v4: bool) -> Ip {
    let mut octets = [0; 16];
    octets.iter_mut().for_each(|octet| *octet = random.u8());
    if v4 {
        return Ip::v4([1 + octets[0] % 126, octets[1], octets[2], octets[3]]);
    }
    octets[..2].copy_from_slice(if random.chance(50) { &[0xfe, 0x80] } else { &[0x20, 0x01] });
    Ip::v6(octets)
}

fn packet(random: &mut Random, v4: bool, choice: usize) -> Vec<u8> {
    let (mut src, mut dst) = (address(random, v4), address(random, v4));
    let mut hop_limit = 1 + random.u8() % 255;
    let (protocol, payload) = match choice {
        1..=5 => (ip::PROTO_TCP, segment(random, src, dst)),
        6 | 7 => (ip::PROTO_UDP, datagram(random, src, dst)),
        8 | 9 => echo_or_error(random, src, dst),
        10 | 13 if v4 => (ip::PROTO_IGMP, groups::igmp_message(random)),
        10 | 13 => {
            dst = Ip::v6([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 1, 2, 3]);
            hop_limit = mld::HOP_LIMIT;
            (ip::PROTO_ICMPV6, groups::mld_message(random, src, dst))
        }
        _ if v4 => (253, random.bytes(40)),
        _ => {
            hop_limit = ndp::HOP_LIMIT;
            src = Ip::v6(
                [&[0xfe, 0x80, 0, 0, 0, 0, 0, 0][..], &src.octets()[8..]].concat()[..]
                    .try_into()
                    .expect("sixteen"),
            );
            (ip::PROTO_ICMPV6, ndp_message(random, src, dst))
        }
    };
    let header = IpEmit {
        src,
        dst,
        protocol,
        hop_limit,
        traffic_class: random.u8(),
        identification: random.u16(),
        dont_fragment: random.chance(50),
        payload_len: payload.len(),
        flow_label: random.u32() & 0xf_ffff,
    };
    if v4 { wrap_v4(random, &header, payload) } else { wrap_v6(random, header, &payload) }
}

fn wrap_v4(random: &mut Random, header: &IpEmit, mut payload: Vec<u8>) -> Vec<u8> {
    let mut header = *header;
    let mut fragment = None;
    if random.chance(8) {
        payload.resize(payload.len().next_multiple_of(8).max(8), 0);
        let offset = random.below(4000) as u32 * 8;
        fragment = Some(Fragment { offset, more: offset == 0 || random.chance(50) });
        header.payload_len = payload.len();
    }
    let mut options = ipv4::OptionWriter::new();
    if random.chance(10) {
        options.nop();
        options.raw(ipv4::OPTION_ROUTER_ALERT, &[0, 0]);
    }
    let mut bytes = vec![0; 20 + options.finish().len()];
    assert!(ipv4::emit_with(&mut bytes, &header, fragment, options.finish()).is_ok());
    bytes.extend(payload);
    bytes
}

fn wrap_v6(random: &mut Random, mut header: IpEmit, payload: &[u8]) -> Vec<u8> {
    let mut chain = [0; 16];
    let protocol = header.protocol;
    let chain_len = match random.below(12) {
        0 => {
            header.protocol = ip::PROTO_HOP_BY_HOP;
            ipv6_ext::emit_router_alert(&mut chain, protocol).unwrap()
        }
        1 => {
            header.protocol = ip::PROTO_FRAGMENT;
            let offset = random.below(4000) as u32 * 8;
            let fragment = Fragment { offset, more: false };
            ipv6_ext::emit_fragment(&mut chain, protocol, fragment, random.u32()).unwrap()
        }
        _ => 0,
    };
    header.payload_len += chain_len;
    let mut bytes = vec![0; 40];
    assert_eq!(ip::emit(&mut bytes, &header), Ok(40));
    bytes.extend(&chain[..chain_len]);
    bytes.extend(payload);
    bytes
}

fn pseudo(src: Ip, dst: Ip, protocol: u8, len: usize) -> Sum {
    checksum::pseudo_header(src, dst, protocol, len as u32)
}

/// Of no known service.
fn port(random: &mut Random) -> u16 {
    1024 + random.u16() % (u16::MAX - 1024)
}

fn segment(random: &mut Random, src: Ip, dst: Ip) -> Vec<u8> {
    let mut options = tcp_options::OptionWriter::new();
    let flags = match random.below(6) {
        0 | 1 => {
            options.mss(random.u16());
            options.window_scale(random.u8() % 15);
            options.sack_permitted();
            Flags::SYN
        }
        2 => Flags::RST,
        3 => Flags::FIN | Flags::ACK,
        _ => Flags::ACK | Flags(random.u16() & 0x1e8),
    };
    if random.chance(50) {
        options.timestamps(Timestamps { value: random.u32(), echo: random.u32() });
    }
    if random.chance(30) && flags != Flags::SYN {
        let block = |random: &mut Random| SackBlock {
            left: SeqNum(random.u32()),
            right: SeqNum(random.u32()),
        };
        let blocks: Vec<SackBlock> = (0..1 + random.below(3)).map(|_| block(random)).collect();
        options.sack(&blocks);
    }
    let emit = Emit {
        src_port: port(random),
        dst_port: port(random),
        seq: SeqNum(random.u32()),
        ack: SeqNum(random.u32()),
        flags,
        window: random.u16(),
        urgent: random.u16(),
    };
    let limit = if random.chance(10) { 1400 } else { 60 };
    let data = random.bytes(limit);
    let mut bytes = vec![0; 20 + options.finish().len()];
    assert!(tcp::emit(&mut bytes, &emit, options.finish()).is_ok());
    let whole = pseudo(src, dst, ip::PROTO_TCP, bytes.len() + data.len());
    tcp::set_checksum(&mut bytes, checksum::sum(whole, &data));
    bytes.extend(data);
    bytes
}

fn datagram(random: &mut Random, src: Ip, dst: Ip) -> Vec<u8> {
    let (src_port, dst_port, data) = match random.chance(60) {
        true => apps::message(random, src.is_v4()),
        false => (port(random), port(random), random.bytes(100)),
    };
    let mut bytes = vec![0; 8];
    udp::emit(&mut bytes, src_port, dst_port, data.len()).unwrap();
    let whole = pseudo(src, dst, ip::PROTO_UDP, 8 + data.len());
    if !(src.is_v4() && random.chance(10)) {
        udp::set_checksum(&mut bytes, checksum::sum(whole, &data));
    }
    bytes.extend(data);
    bytes
}

fn echo_or_error(random: &mut Random, src: Ip, dst: Ip) -> (u8, Vec<u8>) {
    let v4 = src.is_v4();
    let data = random.bytes(60);
    let quoted = {
        let (src, dst) = (address(random, v4), address(random, v4));
        let payload = datagram(random, src, dst);
        let len = payload.len();
        let header =
            IpEmit { src, dst, protocol: ip::PROTO_UDP, payload_len: len, ..IpEmit::default() };
        let mut bytes = vec![0; ip::header_len(v4)];
        ip::emit(&mut bytes, &header).unwrap();
        bytes.extend(payload);
        bytes
    };
    let quote = &quoted[..];
    let echo = Echo { id: random.u16(), seq: random.u16(), data: &data };
    let message = match random.below(7) {
        0 | 1 => Message::EchoRequest(echo),
        2 => Message::EchoReply(echo),
        3 => Message::Unreachable { code: [0, 1, 3][random.below(3)], quote },
        4 => Message::PacketTooBig { mtu: u32::from(random.u16()), quote },
        5 => Message::TimeExceeded { code: random.below(2) as u8, quote },
        _ => Message::ParameterProblem { code: 0, pointer: u32::from(random.u8()), quote },
    };
    let protocol = if v4 { ip::PROTO_ICMP } else { ip::PROTO_ICMPV6 };
    let extended = match random.chance(50) {
        true => with_objects(random, src, dst, &message),
        false => None,
    };
    if let Some(bytes) = extended {
        return (protocol, bytes);
    }
    let mut bytes = vec![0; 8 + data.len().max(quote.len())];
    let len = match v4 {
        true => icmpv4::emit(&mut bytes, &message),
        false => icmpv6::emit(&mut bytes, src, dst, &message),
    };
    bytes.truncate(len.unwrap());
    (protocol, bytes)
}

/// The message with RFC 4884 objects: MPLS labels, an interface by index and address or name, an
/// unknown one. `None` if there is no place for objects in such a message.
fn with_objects(random: &mut Random, src: Ip, dst: Ip, message: &Message<'_>) -> Option<Vec<u8>> {
    let labels: Vec<u8> =
        (0..1 + random.below(3)).flat_map(|_| random.u32().to_be_bytes()).collect();
    // Index and IPv4 address; name and MTU (RFC 5837 §4.1).
    let index = random.u32().to_be_bytes();
    let by_address = [&index[..], &[0, 1, 0, 0, 10, 0, 0, random.u8()]].concat();
    let by_name = [&b"\x08eth-077"[..], &random.u32().to_be_bytes()].concat();
    let unknown = [random.u8(); 8];
    let all = [
        Object { class: icmp_ext::CLASS_MPLS, kind: 1, data: &labels },
        Object { class: icmp_ext::CLASS_INTERFACE, kind: 0x0c, data: &by_address },
        Object { class: icmp_ext::CLASS_INTERFACE, kind: 0x43, data: &by_name },
        Object { class: 200, kind: random.u8(), data: &unknown },
    ];
    let from = random.below(all.len());
    let objects = &all[from..from + 1 + random.below(all.len() - from)];
    let mut bytes = vec![0; 1280];
    let len = match src.is_v4() {
        true => icmp_ext::emit_v4(&mut bytes, message, objects),
        false => icmp_ext::emit_v6(&mut bytes, src, dst, message, objects),
    };
    bytes.truncate(len.ok()?);
    Some(bytes)
}

fn ndp_message(random: &mut Random, src: Ip, dst: Ip) -> Vec<u8> {
    let mut options = OptionWriter::<64>::new();
    if random.chance(70) {
        options.put(&NdpOption::TargetMac(mac(random)));
    }
    // A neighbor is asked for at its own address.
    let target = dst;
    let message = match random.below(3) {
        0 => ndp::Message::NeighborSolicitation { target, options: options.options() },
        1 => ndp::Message::NeighborAdvertisement(NeighborAdvertisement {
            target,
            router: random.chance(50),
            solicited: random.chance(50),
            override_flag: random.chance(50),
            options: options.options(),
        }),
        _ => {
            options.put(&NdpOption::Mtu(random.u32()));
            let prefix = format!("{target}/{}", random.below(129)).parse().expect("a prefix");
            options.put(&NdpOption::Prefix(Prefix {
                prefix,
                on_link: random.chance(50),
                autonomous: random.chance(50),
                router_address: random.chance(50),
                valid_s: random.u32(),
                preferred_s: random.u32(),
            }));
            ndp::Message::RouterAdvertisement(RouterAdvertisement {
                hop_limit: random.u8(),
                managed: random.chance(50),
                other: random.chance(50),
                preference: Default::default(),
                lifetime_s: random.u16(),
                reachable_ms: random.u32(),
                retransmit_ms: random.u32(),
                options: options.options(),
            })
        }
    };
    let mut bytes = vec![0; 128];
    let len = ndp::emit(&mut bytes, src, dst, &message).unwrap();
    assert_ne!(len, 0);
    bytes.truncate(len);
    bytes
}
