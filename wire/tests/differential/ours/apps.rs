//! Our reading of DHCP and DNS, under tshark's field names.

use std::fmt::Display;
use std::net::{Ipv4Addr, Ipv6Addr};

use wire::dhcpv6_options::{DhcpOption, Ia, Options};
use wire::dns::{Record, RecordData};
use wire::{Malformed, dhcpv4, dhcpv6, dns, udp};

use super::Reading;

/// Reads the payload if a port names its protocol.
pub(super) fn message(
    out: &mut Reading,
    udp: &udp::Header<'_>,
    v4: bool,
) -> Result<(), (&'static str, Malformed)> {
    let is = |port| udp.src_port == port || udp.dst_port == port;
    if v4 && (is(dhcpv4::SERVER_PORT) || is(dhcpv4::CLIENT_PORT)) {
        let message = dhcpv4::parse(udp.payload).map_err(|why| ("dhcp", why))?;
        lease4(out, &message);
    } else if !v4 && (is(dhcpv6::SERVER_PORT) || is(dhcpv6::CLIENT_PORT)) {
        let message = dhcpv6::parse(udp.payload).map_err(|why| ("dhcpv6", why))?;
        out.put("dhcpv6.msgtype", message.kind.code());
        out.put("dhcpv6.xid", message.transaction);
        lease6(out, &message.options);
    } else if is(dns::PORT) {
        let message = dns::parse(udp.payload).map_err(|why| ("dns", why))?;
        domain_names(out, &message);
    }
    Ok(())
}

fn lease4(out: &mut Reading, message: &dhcpv4::Message<'_>) {
    let header = &message.header;
    out.put("dhcp.type", 1 + u8::from(header.op == dhcpv4::Op::Reply));
    out.put("dhcp.hops", header.hops);
    out.put("dhcp.id", header.xid);
    out.put("dhcp.secs", header.secs);
    out.flag("dhcp.flags.bc", header.broadcast);
    out.put("dhcp.ip.client", header.ciaddr);
    out.put("dhcp.ip.your", header.yiaddr);
    out.put("dhcp.ip.server", header.siaddr);
    out.put("dhcp.ip.relay", header.giaddr);
    out.put("dhcp.hw.mac_addr", header.chaddr);
    for (name, text) in [("dhcp.server", header.server_name), ("dhcp.file", header.file)] {
        if let (Ok(text), false) = (std::str::from_utf8(text), text.is_empty()) {
            out.put(name, text);
        }
    }
    let options = &message.options;
    out.put("dhcp.option.dhcp", message.kind.code());
    put_all(out, "dhcp.option.ip_address_lease_time", options.lease_s());
    put_all(out, "dhcp.option.dhcp_server_id", options.server_id());
    put_all(out, "dhcp.option.requested_ip_address", options.requested_address());
    let mask = |prefix| u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    let mask = options.prefix().map(|prefix: u8| Ipv4Addr::from(mask(prefix)));
    put_all(out, "dhcp.option.subnet_mask", mask);
    put_all(out, "dhcp.option.router", options.routers().iter());
}

fn put_all<T: Display>(out: &mut Reading, name: &'static str, values: impl IntoIterator<Item = T>) {
    values.into_iter().for_each(|value| out.put(name, value));
}

fn lease6(out: &mut Reading, options: &Options<'_>) {
    for option in options.iter() {
        match option {
            DhcpOption::IaNa(Ia { t1_s, t2_s, options, .. }) => {
                out.put("dhcpv6.iaid.t1", t1_s);
                out.put("dhcpv6.iaid.t2", t2_s);
                lease6(out, &options);
            }
            DhcpOption::IaAddress(address) => {
                out.put("dhcpv6.iaaddr.ip", address.ip);
                out.put("dhcpv6.iaaddr.pref_lifetime", address.preferred_s);
                out.put("dhcpv6.iaaddr.valid_lifetime", address.valid_s);
                lease6(out, &address.options);
            }
            DhcpOption::OptionRequest(codes) => codes.iter().for_each(|code| {
                out.put("dhcpv6.requested_option_code", u16::from_be_bytes(*code));
            }),
            DhcpOption::Preference(preference) => out.put("dhcpv6.option_preference", preference),
            // tshark shows milliseconds.
            DhcpOption::ElapsedTime(time) => {
                out.put("dhcpv6.elapsed_time", u32::from(time) * 10);
            }
            DhcpOption::Status { code, .. } => out.put("dhcpv6.status_code", code.code()),
            DhcpOption::NameServers(servers) => servers.iter().for_each(|octets| {
                out.put("dhcpv6.dns_server", Ipv6Addr::from(*octets));
            }),
            _ => {}
        }
    }
}

fn domain_names(out: &mut Reading, message: &dns::Message<'_>) {
    let header = &message.header;
    out.put("dns.id", header.id);
    out.flag("dns.flags.response", header.response);
    out.put("dns.flags.opcode", header.opcode);
    out.flag("dns.flags.truncated", header.truncated);
    out.flag("dns.flags.recdesired", header.recursion_desired);
    if header.response && header.opcode == 0 {
        out.flag("dns.flags.authoritative", header.authoritative);
        out.flag("dns.flags.recavail", header.recursion_available);
        out.put("dns.flags.rcode", header.rcode.bits());
    }
    // Updates (RFC 2136) call the sections otherwise.
    if header.opcode != 0 {
        return;
    }
    out.put("dns.count.queries", message.questions().count());
    out.put("dns.count.answers", message.answers().count());
    out.put("dns.count.auth_rr", message.authority().count());
    out.put("dns.count.add_rr", message.additional().count());
    for question in message.questions() {
        out.put("dns.qry.type", question.kind);
        out.put("dns.qry.class", question.class);
        name(out, "dns.qry.name", &question.name);
    }
    message.answers().for_each(|record| answer(out, &record));
}

/// tshark leaves the last dot out.
fn name(out: &mut Reading, field: &'static str, name: &dns::Name<'_>) {
    let text = name.to_string();
    // What is no plain host name tshark writes in another way.
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')) {
        out.put(field, text.strip_suffix('.').filter(|text| !text.is_empty()).unwrap_or("<Root>"));
    }
}

fn answer(out: &mut Reading, record: &Record<'_>) {
    out.put("dns.resp.type", record.data.kind());
    // EDNS has no time.
    if record.data.kind() != dns::TYPE_OPT {
        out.put("dns.resp.ttl", record.ttl_s);
    }
    match record.data {
        RecordData::A(ip) => out.put("dns.a", ip),
        RecordData::Aaaa(ip) => out.put("dns.aaaa", ip),
        RecordData::Cname(alias) => name(out, "dns.cname", &alias),
        RecordData::Ptr(host) => name(out, "dns.ptr.domain_name", &host),
        RecordData::Mx { preference, exchange } => {
            out.put("dns.mx.preference", preference);
            name(out, "dns.mx.mail_exchange", &exchange);
        }
        _ => {}
    }
}
