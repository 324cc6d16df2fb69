//! tshark's reading, and the comparison.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use wire::Malformed;
use wire::error::Class;

use crate::ours::{self, Reading};
use crate::random::Random;
use crate::{generate, installed, scratch};

const SEED: u64 = 3;
const FRAMES: usize = 6000;

/// Everything tshark is asked for.
const FIELDS: &str = "eth.dst eth.src eth.type vlan.id vlan.priority vlan.dei \
ieee8021ad.id ieee8021ad.priority ieee8021ad.dei \
arp.opcode arp.src.hw_mac arp.src.proto_ipv4 arp.dst.hw_mac arp.dst.proto_ipv4 \
ip.version ip.hdr_len ip.len ip.dsfield ip.id ip.flags.df ip.flags.mf ip.frag_offset ip.ttl \
ip.proto ip.src ip.dst ip.checksum.status ipv6.tclass ipv6.flow ipv6.plen ipv6.hlim ipv6.src \
ipv6.dst ipv6.fraghdr.offset ipv6.fraghdr.more ipv6.fraghdr.ident \
tcp.srcport tcp.dstport tcp.seq_raw tcp.ack_raw tcp.hdr_len tcp.flags.syn tcp.flags.fin \
tcp.flags.reset tcp.flags.ack tcp.flags.push tcp.flags.urg tcp.flags.ece tcp.flags.cwr \
tcp.flags.ae tcp.window_size_value tcp.urgent_pointer tcp.len tcp.checksum.status \
tcp.options.mss_val tcp.options.wscale.shift tcp.options.timestamp.tsval \
tcp.options.timestamp.tsecr tcp.options.sack_le tcp.options.sack_re \
udp.srcport udp.dstport udp.length udp.checksum.status \
icmp.type icmp.code icmp.checksum.status icmp.ident icmp.seq icmp.mtu icmp.redir_gw \
icmpv6.type icmpv6.code icmpv6.checksum.status icmpv6.echo.identifier \
icmpv6.echo.sequence_number icmpv6.mtu icmpv6.pointer icmpv6.mld.multicast_address \
icmpv6.mld.maximum_response_delay icmpv6.nd.ns.target_address icmpv6.nd.na.target_address \
icmpv6.nd.na.flag.r icmpv6.nd.na.flag.s icmpv6.nd.na.flag.o icmpv6.nd.ra.cur_hop_limit \
icmpv6.nd.ra.flag.m icmpv6.nd.ra.flag.o icmpv6.nd.ra.flag.prf icmpv6.nd.ra.router_lifetime \
icmpv6.nd.ra.reachable_time icmpv6.nd.ra.retrans_timer icmpv6.opt.src_linkaddr \
icmpv6.opt.target_linkaddr icmpv6.opt.mtu icmpv6.opt.prefix icmpv6.opt.prefix.length \
icmpv6.opt.prefix.flag.l icmpv6.opt.prefix.flag.a icmpv6.opt.prefix.valid_lifetime \
icmpv6.opt.prefix.preferred_lifetime igmp.type igmp.checksum.status igmp.max_resp igmp.maddr \
eth.len llc.dsap llc.ssap llc.control llc.oui llc.type llc.cisco_pid \
igmp.qqic igmp.s igmp.qrv igmp.num_src igmp.saddr igmp.num_grp_recs igmp.record_type \
igmp.aux_data_len icmpv6.mld.maximum_response_code icmpv6.mld.qqi icmpv6.mld.flag.s \
icmpv6.mld.flag.qrv icmpv6.mld.nb_sources icmpv6.mld.source_address \
icmpv6.mldr.nb_mcast_records icmpv6.mldr.mar.record_type icmpv6.mldr.mar.aux_data_len \
icmpv6.mldr.mar.nb_sources icmpv6.mldr.mar.multicast_address icmpv6.mldr.mar.source_address \
icmp.ext.version icmp.ext.length icmp.ext.class icmp.ext.ctype icmp.mpls.label icmp.mpls.exp \
icmp.mpls.s icmp.mpls.ttl icmp.ext.checksum.status \
dhcp.type dhcp.hops dhcp.id dhcp.secs dhcp.flags.bc dhcp.ip.client dhcp.ip.your dhcp.ip.server \
dhcp.ip.relay dhcp.hw.mac_addr dhcp.server dhcp.file dhcp.option.dhcp \
dhcp.option.ip_address_lease_time dhcp.option.dhcp_server_id dhcp.option.requested_ip_address \
dhcp.option.subnet_mask dhcp.option.router \
dhcpv6.msgtype dhcpv6.xid dhcpv6.iaid.t1 dhcpv6.iaid.t2 dhcpv6.iaaddr.ip \
dhcpv6.iaaddr.pref_lifetime dhcpv6.iaaddr.valid_lifetime dhcpv6.requested_option_code \
dhcpv6.option_preference dhcpv6.elapsed_time dhcpv6.status_code dhcpv6.dns_server \
dns.id dns.flags.response dns.flags.opcode dns.flags.truncated dns.flags.recdesired \
dns.flags.authoritative dns.flags.recavail dns.flags.rcode dns.count.queries dns.count.answers \
dns.count.auth_rr dns.count.add_rr dns.qry.type dns.qry.class dns.qry.name dns.resp.type \
dns.resp.ttl dns.a dns.aaaa dns.cname dns.ptr.domain_name dns.mx.preference \
dns.mx.mail_exchange \
frame.len _ws.malformed _ws.expert.severity";

/// Only what is compared: payloads must not be guessed to be some application's.
const PROTOCOLS: &str = "frame eth ethertype vlan ieee8021ad arp ip ipv6 ipv6.hopopts \
ipv6.fraghdr ipv6.dstopts ipv6.routing tcp udp icmp icmpv6 igmp llc dhcp dhcpv6 dns";

/// Severities are numbers that grow; this is "warning".
const WARNING: u64 = 0x0060_0000;

type Fields<'a> = BTreeMap<&'static str, Vec<String>>;

/// WIRE-01: tshark and we read the same fields, lengths and checksum verdicts, and what we refuse
/// for contradicting itself tshark finds fault with as well.
#[test]
fn tshark_reads_the_same() {
    let mut random = Random(SEED);
    let frames: Vec<Vec<u8>> = (0..FRAMES)
        .map(|index| {
            let mut frame = generate::frame(&mut random);
            if index % 2 == 1 {
                generate::damage(&mut random, &mut frame);
            }
            frame
        })
        .collect();
    let theirs = dissect(&frames);
    assert_eq!(theirs.len(), frames.len(), "tshark read every frame");
    let mut faults = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (index, (frame, theirs)) in frames.iter().zip(&theirs).enumerate() {
        let reading = ours::read(frame);
        let sound = index % 2 == 0;
        let refused = reading.refused.filter(|_| sound);
        let wrong = refused.map(|why| format!("sound, and refused: {why:?}"));
        let wrong = wrong.or_else(|| compare(&reading, theirs));
        if let Some(wrong) = wrong {
            let hex: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
            faults.push(format!("frame {}: {wrong}\n  {hex}", index + 1));
        }
        *seen.entry(kind_of(&reading)).or_default() += 1;
    }
    println!("{seen:#?}");
    let shown = faults[..faults.len().min(20)].join("\n");
    assert!(faults.is_empty(), "{} of {FRAMES} differ:\n{shown}", faults.len());
    let leasts = [
        ("tcp", 800),
        ("udp", 150),
        ("icmp", 100),
        ("icmpv6", 150),
        ("igmp", 80),
        ("llc", 80),
        ("dhcp", 40),
        ("dhcpv6", 40),
        ("dns", 80),
        ("icmp.ext", 30),
        ("icmpv6.mldr", 30),
    ];
    for (kind, least) in leasts {
        assert!(seen.get(kind).is_some_and(|count| *count >= least), "too few of {kind}: {seen:?}");
    }
    assert!(seen.keys().filter(|kind| kind.contains(' ')).count() >= 10, "{seen:?}");
}

/// What a reading counts as: its innermost protocol, or layer and reason of a refusal.
fn kind_of(reading: &Reading) -> String {
    if let Some((layer, why)) = reading.refused {
        return format!("{layer} refused: {why}");
    }
    let layers = [
        "dhcp.type",
        "dhcpv6.msgtype",
        "dns.id",
        "icmp.ext.version",
        "llc.dsap",
        "igmp.num_grp_recs",
        "icmpv6.mldr.nb_mcast_records",
        "tcp.len",
        "udp.length",
        "icmp.type",
        "icmpv6.type",
        "igmp.type",
        "arp.opcode",
    ];
    let found = layers.iter().find(|field| reading.fields.contains_key(**field));
    let protocol = |field: &&str| field.rsplit_once('.').map(|(protocol, _)| protocol.to_string());
    found.and_then(protocol).unwrap_or_else(|| "other".into())
}

/// What differs, if anything.
fn compare(ours: &Reading, theirs: &Fields<'_>) -> Option<String> {
    for (name, values) in &ours.fields {
        let read = theirs.get(name).map(Vec::as_slice).unwrap_or_default();
        // What follows was quoted by an ICMP error.
        if !read.starts_with(values) {
            return Some(format!("{name}: ours {values:?}, tshark's {read:?}"));
        }
    }
    let (layer, why) = ours.refused?;
    let agrees = why.class() == Class::Sanity || finds_fault(layer, why, ours, theirs);
    (!agrees).then(|| format!("{layer} refused ({why}), tshark sees nothing wrong: {theirs:?}"))
}

/// tshark shows a reason to refuse the frame.
fn finds_fault(layer: &str, why: Malformed, ours: &Reading, theirs: &Fields<'_>) -> bool {
    let number = |name| theirs.get(name).and_then(|read| read.first()?.parse::<u64>().ok());
    if why == Malformed::Checksum {
        let status = match layer {
            "ip" => "ip.checksum.status",
            "tcp" => "tcp.checksum.status",
            "udp" => "udp.checksum.status",
            "icmp" => "icmp.checksum.status",
            "icmpv6" => "icmpv6.checksum.status",
            _ => "igmp.checksum.status",
        };
        // Of IGMP types it does not know tshark sums nothing.
        let unknown = layer == "igmp" && matches!(number(status), None | Some(2));
        return unknown || number(status) == Some(0);
    }
    // Two rules tshark leaves alone: all fragments but the last are whole units (RFC 791 §3.2),
    // and options end inside their header, padding too (RFC 8200 §4.2).
    let ragged = layer == "ip" && number("ip.flags.mf") == Some(1);
    let loose = layer == "ipv6" && why == Malformed::Option;
    // LLC with sequence numbers ours does not read, nor DHCP for other links; and of an option that
    // a lease rests on it demands more than a length (mask, message size, names).
    let numbered = layer == "llc" && number("llc.control").is_some_and(|control| control & 3 != 3);
    let foreign = matches!(why, Malformed::Version | Malformed::HeaderLength | Malformed::Option);
    let foreign = layer == "dhcp" && foreign;
    let label = theirs
        .get("dns.qry.name")
        .is_some_and(|names| names.iter().any(|name| name.contains("Unknown extended label")));
    if ragged || loose || numbered || foreign || label {
        return true;
    }
    let complained = theirs.contains_key("_ws.malformed")
        || theirs.get("_ws.expert.severity").is_some_and(|severities| {
            severities.iter().any(|level| level.parse().is_ok_and(|level: u64| level >= WARNING))
        });
    // tshark reads a datagram that ends before its packet does; RFC 768 gives it no meaning.
    let short_datagram =
        layer == "udp" && number("udp.length").is_some_and(|len| len != ours.payload_len as u64);
    complained || short_datagram
}

fn dissect(frames: &[Vec<u8>]) -> Vec<Fields<'static>> {
    let capture = scratch("differential.pcap");
    fs::write(&capture, pcap(frames)).expect("the scratch directory can be written");
    let mut command = Command::new("tshark");
    command.env("WIRESHARK_CONFIG_DIR", profile());
    command.arg("-r").arg(&capture).args(["-n", "-T", "fields", "-E", "occurrence=a"]);
    for (preference, on) in [
        ("ip.check_checksum", true),
        ("tcp.check_checksum", true),
        ("udp.check_checksum", true),
        ("ip.defragment", false),
        ("ipv6.defragment", false),
        ("tcp.analyze_sequence_numbers", false),
        ("tcp.relative_sequence_numbers", false),
        ("tcp.desegment_tcp_streams", false),
    ] {
        command.args(["-o", &format!("{preference}:{}", if on { "TRUE" } else { "FALSE" })]);
    }
    FIELDS.split(' ').for_each(|field| {
        command.args(["-e", field]);
    });
    let output = installed(command.output(), "tshark", "tshark");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tshark failed: {complaints}");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(fields_of).collect()
}

/// A profile in which all other protocols are switched off.
fn profile() -> PathBuf {
    let listed = Command::new("tshark").args(["-G", "protocols"]).output();
    let listed = installed(listed, "tshark", "tshark");
    let text = String::from_utf8_lossy(&listed.stdout);
    let names = text.lines().filter_map(|line| line.split('\t').nth(2));
    let kept: Vec<&str> = PROTOCOLS.split(' ').collect();
    let off: Vec<&str> = names.filter(|name| !kept.contains(name)).collect();
    assert!(off.len() > 500, "tshark lists its protocols");
    let folder = scratch("tshark-profile");
    fs::create_dir_all(&folder).expect("the scratch directory can be written");
    fs::write(folder.join("disabled_protos"), off.join("\n") + "\n").expect("it can be written");
    folder
}

fn fields_of(line: &str) -> Fields<'static> {
    let values = FIELDS.split(' ').zip(line.split('\t'));
    let values = values.filter(|(_, value)| !value.is_empty());
    values.map(|(name, value)| (name, value.split(',').map(plain).collect())).collect()
}

/// Versions of tshark differ in how they write flags, and fields in their base.
fn plain(value: &str) -> String {
    let hexadecimal = value.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
    match (value, hexadecimal) {
        ("True", _) => "1".into(),
        ("False", _) => "0".into(),
        (_, Some(number)) => number.to_string(),
        _ => value.into(),
    }
}

/// The classic capture format, Ethernet.
fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let word = |value: usize| (value as u32).to_le_bytes();
    let head = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 0x4_0000, 1].map(word);
    let mut bytes = head.concat();
    for (index, frame) in frames.iter().enumerate() {
        bytes.extend([index / 1000, index % 1000, frame.len(), frame.len()].map(word).concat());
        bytes.extend(frame);
    }
    bytes
}
