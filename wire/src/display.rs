//! One line a packet, in tcpdump's words, for traces, captures and failing tests.
//!
//! [`frame`] and [`packet`] wrap bytes; formatting them parses as far as the bytes are sound and
//! says where they are not. Transport checksums are not judged: half of the frames a host sees
//! carry unfinished ones. Nothing is allocated, and the work is bounded by the packet's length.

use std::fmt::{self, Display, Formatter};

use crate::ethernet::Frame;
use crate::ip::{self, IpHeader};
use crate::llc::{self, Carried, Llc};
use crate::offload::Medium;
use crate::tcp_options::{self, TcpOption};
use crate::{Malformed, arp, ethernet, icmpv4, icmpv6, tcp, udp};

mod app;
mod group;
mod icmp;
mod ip_options;
mod ndp;

/// Bytes that print as one line.
///
/// ```
/// use wire::{display, ethernet};
/// let mut bytes = [0; 14];
/// let src = addr::Mac([2, 0, 0, 0, 0, 1]);
/// ethernet::emit(&mut bytes, addr::Mac::BROADCAST, src, 0x88cc).unwrap();
/// let line = display::frame(&bytes).to_string();
/// assert_eq!(line, "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ethertype 0x88cc, length 14");
/// ```
#[derive(Clone, Copy)]
pub struct Line<'a> {
    bytes: &'a [u8],
    medium: Medium,
}

/// The line of an Ethernet frame.
pub fn frame(bytes: &[u8]) -> Line<'_> {
    Line { bytes, medium: Medium::Ethernet }
}

/// The line of a bare IP packet.
pub fn packet(bytes: &[u8]) -> Line<'_> {
    Line { bytes, medium: Medium::Ip }
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.medium {
            Medium::Ethernet => show_frame(f, self.bytes),
            Medium::Ip => show_packet(f, self.bytes),
        }
    }
}

impl fmt::Debug for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

fn malformed(f: &mut Formatter<'_>, what: &str, why: Malformed, len: usize) -> fmt::Result {
    write!(f, "{what} [{why}], length {len}")
}

fn show_frame(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let frame = match ethernet::parse(bytes) {
        Ok(frame) => frame,
        Err(why) => return malformed(f, "Ethernet", why, bytes.len()),
    };
    write!(f, "{} > {}, ", frame.src, frame.dst)?;
    for tag in frame.tags.iter().flatten() {
        write!(f, "vlan {}, ", tag.id)?;
        if tag.priority != 0 {
            write!(f, "p {}, ", tag.priority)?;
        }
        if tag.drop_eligible {
            f.write_str("DEI, ")?;
        }
    }
    if frame.is_length() {
        return show_llc(f, &frame);
    }
    show_ethertype(f, frame.ethertype, frame.payload, bytes.len())
}

/// `len` is shown for types not known here.
fn show_ethertype(
    f: &mut Formatter<'_>,
    ethertype: u16,
    payload: &[u8],
    len: usize,
) -> fmt::Result {
    match ethertype {
        ethernet::ETHERTYPE_ARP => show_arp(f, payload),
        ethernet::ETHERTYPE_IPV4 | ethernet::ETHERTYPE_IPV6 => show_packet(f, payload),
        ethertype => write!(f, "ethertype {ethertype:#06x}, length {len}"),
    }
}

fn show_llc(f: &mut Formatter<'_>, frame: &Frame<'_>) -> fmt::Result {
    write!(f, "802.3, length {}: ", frame.ethertype)?;
    let llc = match frame.length_payload().and_then(llc::parse) {
        Ok(llc) => llc,
        Err(why) => return malformed(f, "LLC", why, frame.payload.len()),
    };
    f.write_str("LLC, ")?;
    let Some(snap) = llc.snap else { return show_saps(f, &llc) };
    f.write_str("SNAP, ")?;
    if let Carried::Ethertype(ethertype) = llc.carried() {
        return show_ethertype(f, ethertype, llc.payload, llc.payload.len());
    }
    let [a, b, c] = snap.oui;
    let oui = u32::from_be_bytes([0, a, b, c]);
    write!(f, "oui {} ({oui:#08x}), ", llc::oui_name(snap.oui).unwrap_or("Unknown"))?;
    match llc.carried() {
        Carried::Cisco(pid) => {
            write!(f, "pid {} ({pid:#06x}), ", llc::cisco_name(pid).unwrap_or("Unknown"))?;
        }
        _ => write!(f, "pid {:#06x}, ", snap.pid)?,
    }
    write!(f, "length {}", llc.payload.len())
}

fn show_saps(f: &mut Formatter<'_>, llc: &Llc<'_>) -> fmt::Result {
    let Llc { dsap, ssap, control, payload, .. } = *llc;
    let name = |sap| llc::sap_name(sap).unwrap_or("Unknown");
    write!(f, "dsap {} ({dsap:#04x}), ssap {} ({ssap:#04x}), ", name(dsap), name(ssap & 0xfe))?;
    let control_name = llc::control_name(control).unwrap_or("Unknown");
    write!(f, "ctrl {control_name} ({control:#04x}), length {}", payload.len())
}

fn show_arp(f: &mut Formatter<'_>, packet: &[u8]) -> fmt::Result {
    match arp::parse(packet) {
        Err(why) => malformed(f, "ARP", why, packet.len()),
        Ok(arp) if arp.operation == arp::REQUEST => {
            write!(f, "ARP, Request who-has {} tell {}", arp.target_ip, arp.sender_ip)
        }
        Ok(arp) => write!(f, "ARP, Reply {} is-at {}", arp.sender_ip, arp.sender_mac),
    }
}

fn show_packet(f: &mut Formatter<'_>, packet: &[u8]) -> fmt::Result {
    let header = match ip::parse_merged(packet) {
        Ok(header) => header,
        Err(why) => return malformed(f, "IP", why, packet.len()),
    };
    f.write_str(if header.src.is_v4() { "IP " } else { "IP6 " })?;
    let payload = header.payload(packet);
    let ports = match (header.fragment, header.protocol) {
        (None, ip::PROTO_TCP) => tcp::parse(payload).ok().map(|tcp| (tcp.src_port, tcp.dst_port)),
        (None, ip::PROTO_UDP) => udp::parse(payload).ok().map(|udp| (udp.src_port, udp.dst_port)),
        _ => None,
    };
    match ports {
        Some((src, dst)) => write!(f, "{}.{src} > {}.{dst}: ", header.src, header.dst)?,
        None => write!(f, "{} > {}: ", header.src, header.dst)?,
    }
    ip_options::show(f, &header, packet)?;
    match (header.fragment, header.protocol) {
        (Some(fragment), protocol) => {
            let more = if fragment.more { "+" } else { "" };
            let IpHeader { identification, payload_len, .. } = header;
            write!(f, "frag ({identification:#x}|{}{more}), ", fragment.offset)?;
            write!(f, "proto {protocol}, length {payload_len}")
        }
        (None, ip::PROTO_TCP) => show_tcp(f, payload),
        (None, ip::PROTO_UDP) => show_udp(f, payload, header.src.is_v4()),
        (None, ip::PROTO_IGMP) if header.src.is_v4() => group::show_igmp(f, payload),
        (None, ip::PROTO_ICMP) if header.src.is_v4() => {
            f.write_str("ICMP ")?;
            icmp::show(f, &header, icmpv4::parse(payload), payload)
        }
        (None, ip::PROTO_ICMPV6) if header.src.is_v6() => {
            f.write_str("ICMP6 ")?;
            icmp::show(f, &header, icmpv6::parse(header.src, header.dst, payload), payload)
        }
        (None, protocol) => write!(f, "proto {protocol}, length {}", header.payload_len),
    }
}

fn show_udp(f: &mut Formatter<'_>, datagram: &[u8], v4: bool) -> fmt::Result {
    match udp::parse(datagram) {
        Err(why) => malformed(f, "UDP", why, datagram.len()),
        Ok(udp) => {
            app::show(f, &udp, v4).unwrap_or_else(|| write!(f, "UDP, length {}", udp.payload.len()))
        }
    }
}

fn show_tcp(f: &mut Formatter<'_>, segment: &[u8]) -> fmt::Result {
    let tcp = match tcp::parse(segment) {
        Ok(tcp) => tcp,
        Err(why) => return malformed(f, "TCP", why, segment.len()),
    };
    write!(f, "Flags [{}]", tcp.flags)?;
    let len = tcp.payload.len();
    if len > 0 {
        write!(f, ", seq {}:{}", tcp.seq, tcp.seq + len as u32)?;
    } else {
        write!(f, ", seq {}", tcp.seq)?;
    }
    if tcp.flags.ack() {
        write!(f, ", ack {}", tcp.ack)?;
    }
    write!(f, ", win {}", tcp.window)?;
    if tcp.flags.contains(tcp::Flags::URG) {
        write!(f, ", urg {}", tcp.urgent)?;
    }
    if !tcp.options.is_empty() {
        show_tcp_options(f, tcp.options)?;
    }
    write!(f, ", length {len}")
}

fn show_tcp_options(f: &mut Formatter<'_>, area: &[u8]) -> fmt::Result {
    f.write_str(", options [")?;
    for (count, option) in tcp_options::options(area).enumerate() {
        if count > 0 {
            f.write_str(",")?;
        }
        match option {
            Ok(option) => show_tcp_option(f, &option)?,
            Err(why) => write!(f, "{why}")?,
        }
    }
    f.write_str("]")
}

fn show_tcp_option(f: &mut Formatter<'_>, option: &TcpOption<'_>) -> fmt::Result {
    match option {
        TcpOption::Mss(mss) => write!(f, "mss {mss}"),
        TcpOption::WindowScale(shift) => write!(f, "wscale {shift}"),
        TcpOption::SackPermitted => f.write_str("sackOK"),
        TcpOption::Sack(blocks) => {
            write!(f, "sack {}", blocks.len())?;
            blocks.iter().try_for_each(|block| write!(f, " {{{}:{}}}", block.left, block.right))
        }
        TcpOption::Timestamps(stamps) => write!(f, "TS val {} ecr {}", stamps.value, stamps.echo),
        TcpOption::FastOpen([]) => f.write_str("tfo cookiereq"),
        TcpOption::FastOpen(cookie) => {
            f.write_str("tfo cookie ")?;
            cookie.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        }
        TcpOption::AccEcn(counters) => {
            f.write_str("accecn")?;
            let named = [("e0b", counters.ect0), ("ceb", counters.ce), ("e1b", counters.ect1)];
            named.iter().try_for_each(|(name, counter)| match counter {
                Some(counter) => write!(f, " {name} {counter}"),
                None => Ok(()),
            })
        }
        TcpOption::Md5(_) => f.write_str("md5"),
        TcpOption::Ao(_) => f.write_str("tcp-ao"),
        TcpOption::Unknown { kind, data } => write!(f, "unknown-{kind} {}", data.len() + 2),
    }
}

#[cfg(test)]
mod tests;
