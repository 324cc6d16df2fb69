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
frame.len _ws.malformed _ws.expert.severity";

/// Only what is compared: payloads must not be guessed to be some application's.
const PROTOCOLS: &str = "frame eth ethertype vlan ieee8021ad arp ip ipv6 ipv6.hopopts \
ipv6.fraghdr ipv6.dstopts ipv6.routing tcp udp icmp icmpv6 igmp";

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
    for (kind, least) in [("tcp", 800), ("udp", 300), ("icmp", 150), ("icmpv6", 200), ("igmp", 80)]
    {
        assert!(seen.get(kind).is_some_and(|count| *count >= least), "too few of {kind}: {seen:?}");
    }
    assert!(seen.keys().filter(|kind| kind.contains(' ')).count() >= 10, "{seen:?}");
}

/// What a reading counts as: its innermost protocol, or layer and reason of a refusal.
fn kind_of(reading: &Reading) -> String {
    if let Some((layer, why)) = reading.refused {
        return format!("{layer} refused: {why}");
    }
    let layers = ["tcp.len", "udp.length", "icmp.type", "icmpv6.type", "igmp.type", "arp.opcode"];
    let found = layers.iter().find(|field| reading.fields.contains_key(**field));
    found.map_or("other", |field| field.split('.').next().unwrap_or(field)).to_string()
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
        return number(status).map_or(layer == "igmp", |status| status == 0);
    }
    // Two rules tshark leaves alone: all fragments but the last are whole units (RFC 791 §3.2),
    // and options end inside their header, padding too (RFC 8200 §4.2).
    let ragged = layer == "ip" && number("ip.flags.mf") == Some(1);
    let loose = layer == "ipv6" && why == Malformed::Option;
    if ragged || loose {
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
