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
use wire::{
    Malformed, arp, ethernet, icmp_ext, icmpv4, icmpv6, igmp, llc, membership, mld, ndp, tcp,
    tcp_options, udp,
};

mod apps;

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
    if !frame.is_length() {
        return ethertype(out, frame.ethertype, frame.payload);
    }
    // Behind a tag tshark knows no lengths, and zero it takes for a type.
    if !tags.is_empty() || frame.ethertype == 0 {
        return Ok(());
    }
    out.put("eth.len", frame.ethertype);
    let payload = frame.length_payload().map_err(|why| ("eth", why))?;
    let llc = llc::parse(payload).map_err(|why| ("llc", why))?;
    out.put("llc.dsap", llc.dsap);
    out.put("llc.ssap", llc.ssap);
    out.put("llc.control", llc.control);
    // tshark reads on in information frames only.
    let Some(snap) = llc.snap.filter(|_| llc.control == llc::CONTROL_UI) else { return Ok(()) };
    let [a, b, c] = snap.oui;
    out.put("llc.oui", u32::from_be_bytes([0, a, b, c]));
    match llc.carried() {
        llc::Carried::Ethertype(kind) => {
            out.put("llc.type", kind);
            ethertype(out, kind, llc.payload)
        }
        llc::Carried::Cisco(pid) => {
            out.put("llc.cisco_pid", pid);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn ethertype(out: &mut Reading, ethertype: u16, payload: &[u8]) -> Outcome {
    match ethertype {
        ethernet::ETHERTYPE_ARP => {
            let arp = arp::parse(payload).map_err(|why| ("arp", why))?;
            out.put("arp.opcode", arp.operation);
            out.put("arp.src.hw_mac", arp.sender_mac);
            out.put("arp.src.proto_ipv4", arp.sender_ip);
            out.put("arp.dst.hw_mac", arp.target_mac);
            out.put("arp.dst.proto_ipv4", arp.target_ip);
            Ok(())
        }
        ethernet::ETHERTYPE_IPV4 if first_nibble(payload) == 4 => packet(out, payload),
        ethernet::ETHERTYPE_IPV6 if first_nibble(payload) == 6 => packet(out, payload),
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
        (ip::PROTO_UDP, _) => {
            let udp = datagram(out, &header, payload).map_err(|why| ("udp", why))?;
            apps::message(out, &udp, header.src.is_v4())
        }
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

fn datagram<'a>(
    out: &mut Reading,
    header: &IpHeader,
    payload: &'a [u8],
) -> Result<udp::Header<'a>, Malformed> {
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
    verdict.map(|()| udp)
}

/// The objects of an error (RFC 4884).
fn objects(out: &mut Reading, message: &[u8], v4: bool) -> Result<(), Malformed> {
    // Without a length field, and behind longer quotes, tshark does not look for objects.
    let announced = message[if v4 { 5 } else { 4 }] != 0;
    let shown = |extended: &icmp_ext::Extended<'_>| extended.quote.len() == icmp_ext::QUOTE_MIN;
    let extended = icmp_ext::split(message, v4)?.filter(shown);
    let Some(extended) = extended.filter(|_| announced) else { return Ok(()) };
    out.put("icmp.ext.version", 2);
    for object in extended.objects.iter() {
        out.put("icmp.ext.length", object.data.len() + icmp_ext::OBJECT_LEN);
        out.put("icmp.ext.class", object.class);
        out.put("icmp.ext.ctype", object.kind);
        for label in object.labels() {
            out.put("icmp.mpls.label", label.label);
            out.put("icmp.mpls.exp", label.traffic_class);
            out.flag("icmp.mpls.s", label.bottom);
            out.put("icmp.mpls.ttl", label.ttl);
        }
    }
    Ok(())
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
        Message::Unreachable { .. }
        | Message::TimeExceeded { .. }
        | Message::ParameterProblem { .. } => objects(out, payload, true)?,
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
        Message::Unreachable { .. } | Message::TimeExceeded { .. } => {
            objects(out, payload, false)?;
        }
        Message::Other { kind: kind @ 133..=137, code, body } => {
            discovery(out, &ndp::parse(header, kind, code, body)?);
        }
        Message::Other { kind: kind @ (130..=132 | mld::REPORT_V2), body, .. } => {
            listener(out, &mld::parse(header, kind, body)?);
        }
        _ => {}
    }
    Ok(())
}

fn listener(out: &mut Reading, message: &mld::Message<'_>) {
    match message {
        mld::Message::QueryV1 { max_response_ms, group } => {
            out.put("icmpv6.mld.maximum_response_delay", max_response_ms);
            out.put("icmpv6.mld.multicast_address", group);
        }
        mld::Message::QueryV2 { max_response_ms, group, tail } => {
            out.put("icmpv6.mld.maximum_response_code", max_response_ms);
            out.put("icmpv6.mld.qqi", tail.interval_s);
            out.put("icmpv6.mld.multicast_address", group);
            out.flag("icmpv6.mld.flag.s", tail.suppress);
            out.put("icmpv6.mld.flag.qrv", tail.robustness);
            out.put("icmpv6.mld.nb_sources", tail.sources.len());
            tail.sources.iter().for_each(|ip| out.put("icmpv6.mld.source_address", ip));
        }
        mld::Message::ReportV1 { group } | mld::Message::Done { group } => {
            out.put("icmpv6.mld.multicast_address", group);
        }
        mld::Message::ReportV2(records) => {
            out.put("icmpv6.mldr.nb_mcast_records", records.len());
            for record in records.iter() {
                out.put("icmpv6.mldr.mar.record_type", record.kind);
                out.put("icmpv6.mldr.mar.aux_data_len", record.aux.len() / 4);
                out.put("icmpv6.mldr.mar.nb_sources", record.sources.len());
                out.put("icmpv6.mldr.mar.multicast_address", record.group);
                for source in record.sources.iter() {
                    out.put("icmpv6.mldr.mar.source_address", source);
                }
            }
        }
    }
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
        igmp::Message::QueryV3 { max_response_ds, group, tail } => {
            // tshark shows the codes.
            assert_eq!(membership::decode_code(payload[1]), max_response_ds);
            assert_eq!(membership::decode_code(payload[9]), tail.interval_s);
            out.put("igmp.maddr", group);
            out.put("igmp.qqic", payload[9]);
            out.flag("igmp.s", tail.suppress);
            out.put("igmp.qrv", tail.robustness);
            out.put("igmp.num_src", tail.sources.len());
            tail.sources.iter().for_each(|ip| out.put("igmp.saddr", ip));
        }
        igmp::Message::ReportV3(records) => {
            out.put("igmp.num_grp_recs", records.len());
            for record in records.iter() {
                out.put("igmp.record_type", record.kind);
                out.put("igmp.aux_data_len", record.aux.len() / 4);
                out.put("igmp.num_src", record.sources.len());
                out.put("igmp.maddr", record.group);
                record.sources.iter().for_each(|ip| out.put("igmp.saddr", ip));
            }
        }
        igmp::Message::QueryV1 { .. } => {}
    }
    Ok(())
}
