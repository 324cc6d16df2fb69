//! Our reading of a frame, under tshark's field names.
//!
//! Numbers are decimal, fragment offsets in units of eight bytes, flags 0 or 1; a checksum's status
//! is tshark's: 0 bad, 1 good, 3 absent.

use std::collections::BTreeMap;
use std::fmt::Display;

use wire::icmp::Message;
use wire::ip::{self, IpHeader};
use wire::ndp_options::{NdpOption, Options};
use wire::offload::RxChecksum;
use wire::tcp_options::TcpOption;
use wire::{Malformed, arp, ethernet, icmpv4, icmpv6, igmp, mld, ndp, tcp, tcp_options, udp};

/// What was read, and where reading ended.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) fields: BTreeMap<&'static str, Vec<String>>,
    pub(crate) refused: Option<(&'static str, Malformed)>,
    /// Bytes that IP handed on, if it did.
    pub(crate) payload_len: usize,
}

impl Reading {
    fn put(&mut self, name: &'static str, value: impl Display) {
        self.fields.entry(name).or_default().push(value.to_string());
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        self.put(name, u8::from(value));
    }

    fn refuse(&mut self, layer: &'static str, why: Malformed) {
        self.refused = Some((layer, why));
    }
}

/// Reads a whole frame.
pub(crate) fn read(bytes: &[u8]) -> Reading {
    let mut reading = Reading::default();
    if let Err((layer, why)) = frame(&mut reading, bytes) {
        reading.refuse(layer, why);
    }
    reading
}

type Outcome = Result<(), (&'static str, Malformed)>;

fn frame(out: &mut Reading, bytes: &[u8]) -> Outcome {
    let frame = ethernet::parse(bytes).map_err(|why| ("eth", why))?;
    out.put("eth.dst", frame.dst);
    out.put("eth.src", frame.src);
    let tags: Vec<ethernet::Tag> = frame.tags.iter().flatten().copied().collect();
    let outer = tags.first().map_or(frame.ethertype, |tag| tag.ethertype);
    if outer >= ethernet::ETHERTYPE_MIN {
        out.put("eth.type", outer);
    }
    for tag in &tags {
        let [id, priority, drop_eligible] = match tag.ethertype {
            ethernet::ETHERTYPE_VLAN => ["vlan.id", "vlan.priority", "vlan.dei"],
            _ => ["ieee8021ad.id", "ieee8021ad.priority", "ieee8021ad.dei"],
        };
        out.put(id, tag.id);
        out.put(priority, tag.priority);
        out.flag(drop_eligible, tag.drop_eligible);
    }
    match frame.ethertype {
        ethernet::ETHERTYPE_ARP => {
            let arp = arp::parse(frame.payload).map_err(|why| ("arp", why))?;
            out.put("arp.opcode", arp.operation);
            out.put("arp.src.hw_mac", arp.sender_mac);
            out.put("arp.src.proto_ipv4", arp.sender_ip);
            out.put("arp.dst.hw_mac", arp.target_mac);
            out.put("arp.dst.proto_ipv4", arp.target_ip);
            Ok(())
        }
        ethernet::ETHERTYPE_IPV4 if first_nibble(frame.payload) == 4 => packet(out, frame.payload),
        ethernet::ETHERTYPE_IPV6 if first_nibble(frame.payload) == 6 => packet(out, frame.payload),
        _ => Ok(()),
    }
}

fn first_nibble(bytes: &[u8]) -> u8 {
    bytes.first().map_or(0, |byte| byte >> 4)
}

fn packet(out: &mut Reading, packet: &[u8]) -> Outcome {
    let layer = if packet[0] >> 4 == 4 { "ip" } else { "ipv6" };
    let header = ip::parse(packet).map_err(|why| (layer, why))?;
    let payload = header.payload(packet);
    out.payload_len = payload.len();
    if layer == "ip" {
        out.put("ip.hdr_len", header.header_len);
        out.put("ip.len", header.total_len());
        out.put("ip.dsfield", header.traffic_class);
        out.put("ip.id", header.identification);
        out.flag("ip.flags.df", header.dont_fragment);
        out.flag("ip.flags.mf", header.fragment.is_some_and(|fragment| fragment.more));
        out.put("ip.frag_offset", header.fragment.map_or(0, |fragment| fragment.offset / 8));
        out.put("ip.ttl", header.hop_limit);
        out.put("ip.proto", header.protocol);
        out.put("ip.src", header.src);
        out.put("ip.dst", header.dst);
        out.put("ip.checksum.status", 1);
    } else {
        out.put("ipv6.tclass", header.traffic_class);
        out.put("ipv6.flow", header.flow_label);
        out.put("ipv6.plen", header.total_len() - 40);
        out.put("ipv6.hlim", header.hop_limit);
        out.put("ipv6.src", header.src);
        out.put("ipv6.dst", header.dst);
        if let Some(fragment) = header.fragment {
            out.put("ipv6.fraghdr.offset", fragment.offset / 8);
            out.flag("ipv6.fraghdr.more", fragment.more);
            out.put("ipv6.fraghdr.ident", header.identification);
        }
    }
    if header.fragment.is_some() {
        return Ok(());
    }
    match (header.protocol, layer) {
        (ip::PROTO_TCP, _) => segment(out, &header, payload).map_err(|why| ("tcp", why)),
        (ip::PROTO_UDP, _) => datagram(out, &header, payload).map_err(|why| ("udp", why)),
        (ip::PROTO_ICMP, "ip") => icmp4(out, payload).map_err(|why| ("icmp", why)),
        (ip::PROTO_ICMPV6, "ipv6") => icmp6(out, &header, payload).map_err(|why| ("icmpv6", why)),
        (ip::PROTO_IGMP, "ip") => membership(out, payload).map_err(|why| ("igmp", why)),
        _ => Ok(()),
    }
}

fn segment(out: &mut Reading, header: &IpHeader, payload: &[u8]) -> Result<(), Malformed> {
    let tcp = tcp::parse(payload)?;
    out.put("tcp.srcport", tcp.src_port);
    out.put("tcp.dstport", tcp.dst_port);
    out.put("tcp.seq_raw", tcp.seq);
    out.put("tcp.ack_raw", tcp.ack);
    out.put("tcp.hdr_len", tcp.header_len);
    out.put("tcp.flags.syn", u8::from(tcp.flags.syn()));
    out.put("tcp.flags.fin", u8::from(tcp.flags.fin()));
    out.put("tcp.flags.reset", u8::from(tcp.flags.rst()));
    out.put("tcp.flags.ack", u8::from(tcp.flags.ack()));
    out.flag("tcp.flags.push", tcp.flags.contains(tcp::Flags::PSH));
    out.flag("tcp.flags.urg", tcp.flags.contains(tcp::Flags::URG));
    out.flag("tcp.flags.ece", tcp.flags.contains(tcp::Flags::ECE));
    out.flag("tcp.flags.cwr", tcp.flags.contains(tcp::Flags::CWR));
    out.flag("tcp.flags.ae", tcp.flags.contains(tcp::Flags::AE));
    out.put("tcp.window_size_value", tcp.window);
    out.put("tcp.urgent_pointer", tcp.urgent);
    out.put("tcp.len", tcp.payload.len());
    let good = tcp::checksum_ok(header.pseudo_header(), payload);
    out.flag("tcp.checksum.status", good);
    tcp_options::parse(tcp.options)?;
    for option in tcp_options::options(tcp.options).map_while(Result::ok) {
        match option {
            TcpOption::Mss(mss) => out.put("tcp.options.mss_val", mss),
            TcpOption::Timestamps(stamps) => {
                out.put("tcp.options.timestamp.tsval", stamps.value);
                out.put("tcp.options.timestamp.tsecr", stamps.echo);
            }
            TcpOption::Sack(blocks) => blocks.iter().for_each(|block| {
                out.put("tcp.options.sack_le", block.left);
                out.put("tcp.options.sack_re", block.right);
            }),
            // Ours caps the shift at 14; tshark shows what was sent.
            TcpOption::WindowScale(shift @ ..14) => out.put("tcp.options.wscale.shift", shift),
            _ => {}
        }
    }
    if good { Ok(()) } else { Err(Malformed::Checksum) }
}

fn datagram(out: &mut Reading, header: &IpHeader, payload: &[u8]) -> Result<(), Malformed> {
    let udp = udp::parse(payload)?;
    out.put("udp.srcport", udp.src_port);
    out.put("udp.dstport", udp.dst_port);
    out.put("udp.length", udp.len);
    let pseudo = header.pseudo_header();
    let v4 = header.src.is_v4();
    let verdict = udp::check(&udp, payload, pseudo, RxChecksum::Unverified, v4);
    let status = match verdict {
        Ok(()) if udp.checksum == 0 => Some(3),
        Ok(()) => Some(1),
        Err(Malformed::Checksum) => Some(0),
        Err(_) => None,
    };
    if let Some(status) = status {
        out.put("udp.checksum.status", status);
    }
    verdict
}

fn icmp4(out: &mut Reading, payload: &[u8]) -> Result<(), Malformed> {
    let message = icmpv4::parse(payload)?;
    out.put("icmp.type", payload[0]);
    out.put("icmp.code", payload[1]);
    out.put("icmp.checksum.status", 1);
    match message {
        Message::EchoRequest(echo) | Message::EchoReply(echo) => {
            out.put("icmp.ident", echo.id);
            out.put("icmp.seq", echo.seq);
        }
        Message::PacketTooBig { mtu, .. } => out.put("icmp.mtu", mtu),
        Message::Redirect { gateway, .. } => out.put("icmp.redir_gw", gateway),
        _ => {}
    }
    Ok(())
}

fn icmp6(out: &mut Reading, header: &IpHeader, payload: &[u8]) -> Result<(), Malformed> {
    let message = icmpv6::parse(header.src, header.dst, payload)?;
    out.put("icmpv6.type", payload[0]);
    out.put("icmpv6.code", payload[1]);
    out.put("icmpv6.checksum.status", 1);
    match message {
        Message::EchoRequest(echo) | Message::EchoReply(echo) => {
            out.put("icmpv6.echo.identifier", echo.id);
            out.put("icmpv6.echo.sequence_number", echo.seq);
        }
        Message::PacketTooBig { mtu, .. } => out.put("icmpv6.mtu", mtu),
        Message::ParameterProblem { pointer, .. } => out.put("icmpv6.pointer", pointer),
        Message::Other { kind: kind @ 133..=137, code, body } => {
            discovery(out, &ndp::parse(header, kind, code, body)?);
        }
        Message::Other { kind: kind @ 130..=132, body, .. } => {
            let (group, delay) = match mld::parse(header, kind, body)? {
                mld::Message::QueryV1 { max_response_ms, group } => (group, Some(max_response_ms)),
                mld::Message::ReportV1 { group } | mld::Message::Done { group } => (group, None),
                _ => return Ok(()),
            };
            out.put("icmpv6.mld.multicast_address", group);
            if let Some(delay) = delay {
                out.put("icmpv6.mld.maximum_response_delay", delay);
            }
        }
        _ => {}
    }
    Ok(())
}

fn discovery(out: &mut Reading, message: &ndp::Message<'_>) {
    match message {
        ndp::Message::NeighborSolicitation { target, options } => {
            out.put("icmpv6.nd.ns.target_address", target);
            discovery_options(out, options);
        }
        ndp::Message::NeighborAdvertisement(na) => {
            out.put("icmpv6.nd.na.target_address", na.target);
            out.flag("icmpv6.nd.na.flag.r", na.router);
            out.flag("icmpv6.nd.na.flag.s", na.solicited);
            out.flag("icmpv6.nd.na.flag.o", na.override_flag);
            discovery_options(out, &na.options);
        }
        ndp::Message::RouterAdvertisement(ra) => {
            out.put("icmpv6.nd.ra.cur_hop_limit", ra.hop_limit);
            out.flag("icmpv6.nd.ra.flag.m", ra.managed);
            out.flag("icmpv6.nd.ra.flag.o", ra.other);
            out.put("icmpv6.nd.ra.flag.prf", ra.preference.bits());
            out.put("icmpv6.nd.ra.router_lifetime", ra.lifetime_s);
            out.put("icmpv6.nd.ra.reachable_time", ra.reachable_ms);
            out.put("icmpv6.nd.ra.retrans_timer", ra.retransmit_ms);
            discovery_options(out, &ra.options);
        }
        _ => {}
    }
}

fn discovery_options(out: &mut Reading, options: &Options<'_>) {
    for option in options.iter() {
        match option {
            NdpOption::SourceMac(mac) => out.put("icmpv6.opt.src_linkaddr", mac),
            NdpOption::TargetMac(mac) => out.put("icmpv6.opt.target_linkaddr", mac),
            NdpOption::Mtu(mtu) => out.put("icmpv6.opt.mtu", mtu),
            NdpOption::Prefix(prefix) => {
                out.put("icmpv6.opt.prefix", prefix.prefix.ip);
                out.put("icmpv6.opt.prefix.length", prefix.prefix.prefix);
                out.flag("icmpv6.opt.prefix.flag.l", prefix.on_link);
                out.flag("icmpv6.opt.prefix.flag.a", prefix.autonomous);
                out.put("icmpv6.opt.prefix.valid_lifetime", prefix.valid_s);
                out.put("icmpv6.opt.prefix.preferred_lifetime", prefix.preferred_s);
            }
            _ => {}
        }
    }
}

fn membership(out: &mut Reading, payload: &[u8]) -> Result<(), Malformed> {
    let message = igmp::parse(payload)?;
    out.put("igmp.type", payload[0]);
    out.put("igmp.checksum.status", 1);
    match message {
        igmp::Message::QueryV2 { max_response_ds, group } => {
            out.put("igmp.max_resp", max_response_ds);
            out.put("igmp.maddr", group);
        }
        igmp::Message::ReportV1 { group }
        | igmp::Message::ReportV2 { group }
        | igmp::Message::Leave { group } => out.put("igmp.maddr", group),
        _ => {}
    }
    Ok(())
}
