//! One line a packet, in tcpdump's words, for traces, captures and failing tests.
//!
//! [`frame`] and [`packet`] wrap bytes; formatting them parses as far as the bytes are sound and says
//! where they are not. Transport checksums are not judged: half of the frames a host
//! sees carry unfinished ones. Nothing is allocated, and the work is bounded by the packet's length.

use std::fmt::{self, Display, Formatter};

use crate::icmp::{self, Quote};
use crate::ip::{self, IpHeader};
use crate::ndp;
use crate::offload::Medium;
use crate::tcp_options::{self, TcpOption};
use crate::{Malformed, arp, ethernet, icmpv4, icmpv6, tcp, udp};

/// Bytes that print as one line.
///
/// ```
/// use wire::{display, ethernet};
/// let mut bytes = [0; 14];
/// ethernet::emit(&mut bytes, addr::Mac::BROADCAST, addr::Mac([2, 0, 0, 0, 0, 1]), 0x88cc);
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
    if let Some(vlan) = frame.vlan {
        write!(f, "vlan {vlan}, ")?;
    }
    match frame.ethertype {
        ethernet::ETHERTYPE_ARP => show_arp(f, frame.payload),
        ethernet::ETHERTYPE_IPV4 | ethernet::ETHERTYPE_IPV6 => show_packet(f, frame.payload),
        len @ ..ethernet::ETHERTYPE_MIN => write!(f, "802.3, length {len}"),
        ethertype => write!(f, "ethertype {ethertype:#06x}, length {}", bytes.len()),
    }
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
    match (header.fragment, header.protocol) {
        (Some(fragment), protocol) => {
            let more = if fragment.more { "+" } else { "" };
            let IpHeader { src, dst, identification, payload_len, .. } = header;
            write!(f, "{src} > {dst}: frag ({identification:#x}|{}{more}), ", fragment.offset)?;
            write!(f, "proto {protocol}, length {payload_len}")
        }
        (None, ip::PROTO_TCP) => show_tcp(f, &header, payload),
        (None, ip::PROTO_UDP) => show_udp(f, &header, payload),
        (None, ip::PROTO_ICMP) if header.src.is_v4() => {
            write!(f, "{} > {}: ICMP ", header.src, header.dst)?;
            show_icmp(f, &header, icmpv4::parse(payload))
        }
        (None, ip::PROTO_ICMPV6) if header.src.is_v6() => {
            write!(f, "{} > {}: ICMP6 ", header.src, header.dst)?;
            show_icmp(f, &header, icmpv6::parse(header.src, header.dst, payload))
        }
        (None, protocol) => {
            write!(f, "{} > {}: proto {protocol}, ", header.src, header.dst)?;
            write!(f, "length {}", header.payload_len)
        }
    }
}

fn show_udp(f: &mut Formatter<'_>, header: &IpHeader, datagram: &[u8]) -> fmt::Result {
    let IpHeader { src, dst, .. } = header;
    match udp::parse(datagram) {
        Err(why) => {
            write!(f, "{src} > {dst}: ")?;
            malformed(f, "UDP", why, datagram.len())
        }
        Ok(udp) => {
            write!(f, "{src}.{} > {dst}.{}: ", udp.src_port, udp.dst_port)?;
            write!(f, "UDP, length {}", udp.payload.len())
        }
    }
}

fn show_tcp(f: &mut Formatter<'_>, header: &IpHeader, segment: &[u8]) -> fmt::Result {
    let IpHeader { src, dst, .. } = header;
    let tcp = match tcp::parse(segment) {
        Ok(tcp) => tcp,
        Err(why) => {
            write!(f, "{src} > {dst}: ")?;
            return malformed(f, "TCP", why, segment.len());
        }
    };
    write!(f, "{src}.{} > {dst}.{}: Flags [{}]", tcp.src_port, tcp.dst_port, tcp.flags)?;
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

fn show_icmp(
    f: &mut Formatter<'_>,
    header: &IpHeader,
    message: Result<icmp::Message<'_>, Malformed>,
) -> fmt::Result {
    use icmp::Message::{
        EchoReply, EchoRequest, Other, PacketTooBig, ParameterProblem, Redirect, TimeExceeded,
        Unreachable,
    };
    let quote = match message {
        Err(why) => return malformed(f, "message", why, header.payload_len),
        Ok(EchoRequest(echo)) => return show_echo(f, "request", &echo),
        Ok(EchoReply(echo)) => return show_echo(f, "reply", &echo),
        Ok(Other { kind, code, body }) => return show_other(f, header, kind, code, body),
        Ok(Unreachable { code, quote }) => {
            write!(f, "unreachable, code {code}")?;
            quote
        }
        Ok(PacketTooBig { mtu, quote }) => {
            write!(f, "packet too big, mtu {mtu}")?;
            quote
        }
        Ok(TimeExceeded { code, quote }) => {
            write!(f, "time exceeded, code {code}")?;
            quote
        }
        Ok(ParameterProblem { code, pointer, quote }) => {
            write!(f, "parameter problem, code {code}, octet {pointer}")?;
            quote
        }
        Ok(Redirect { code, gateway, quote }) => {
            write!(f, "redirect, code {code}, to {gateway}")?;
            quote
        }
    };
    show_quote(f, quote)
}

fn show_echo(f: &mut Formatter<'_>, what: &str, echo: &icmp::Echo<'_>) -> fmt::Result {
    let len = icmp::HEADER_LEN + echo.data.len();
    write!(f, "echo {what}, id {}, seq {}, length {len}", echo.id, echo.seq)
}

fn show_quote(f: &mut Formatter<'_>, quote: &[u8]) -> fmt::Result {
    let quote = match Quote::parse(quote) {
        Ok(quote) => quote,
        Err(why) => return write!(f, ", about [{why}]"),
    };
    match quote.ports() {
        Some((src, dst)) => write!(f, ", about {}.{src} > {}.{dst}", quote.src, quote.dst)?,
        None => write!(f, ", about {} > {}", quote.src, quote.dst)?,
    }
    write!(f, " proto {}", quote.protocol)
}

fn show_other(
    f: &mut Formatter<'_>,
    header: &IpHeader,
    kind: u8,
    code: u8,
    body: &[u8],
) -> fmt::Result {
    use ndp::Message::{
        NeighborAdvertisement, NeighborSolicitation, Redirect, RouterAdvertisement,
        RouterSolicitation,
    };
    if !(ndp::ROUTER_SOLICITATION..=ndp::REDIRECT).contains(&kind) {
        return write!(f, "type {kind}, code {code}, length {}", body.len() + 4);
    }
    match ndp::parse(header, kind, code, body) {
        Err(why) => malformed(f, "neighbor discovery", why, body.len() + 4),
        Ok(RouterSolicitation { .. }) => f.write_str("router solicitation"),
        Ok(RouterAdvertisement(ra)) => {
            write!(f, "router advertisement, lifetime {}", ra.lifetime_s)
        }
        Ok(NeighborSolicitation { target, .. }) => {
            write!(f, "neighbor solicitation, who has {target}")
        }
        Ok(NeighborAdvertisement(na)) => {
            write!(f, "neighbor advertisement, tgt is {}", na.target)?;
            match na.options.target_mac() {
                Some(mac) => write!(f, " at {mac}"),
                None => Ok(()),
            }
        }
        Ok(Redirect { target, destination, .. }) => {
            write!(f, "redirect, {destination} to {target}")
        }
    }
}

#[cfg(test)]
mod tests;
