//! The line of a message, in tcpdump's words.

use std::fmt::{self, Display, Formatter};
use std::net::Ipv4Addr;

use super::{Message, MessageType, Op};
use crate::dhcpv4_options::{DhcpOption, Route, Value, mask};
use crate::dns;

/// Longest search list that is shown in words.
const SEARCH_LIST_SHOWN: usize = 512;

impl Display for MessageType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discover => "Discover",
            Self::Offer => "Offer",
            Self::Request => "Request",
            Self::Decline => "Decline",
            Self::Ack => "ACK",
            Self::Nak => "NACK",
            Self::Release => "Release",
            Self::Inform => "Inform",
            Self::Other(code) => return write!(f, "type-{code}"),
        })
    }
}

impl Display for Message<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let header = &self.header;
        let op = match header.op {
            Op::Request => "Request",
            Op::Reply => "Reply",
        };
        write!(f, "BOOTP/DHCP, {op}")?;
        if header.op == Op::Request {
            write!(f, " from {}", header.chaddr)?;
        }
        write!(f, ", length {}", self.len)?;
        if header.hops > 0 {
            write!(f, ", hops {}", header.hops)?;
        }
        write!(f, ", xid {:#x}", header.xid)?;
        if header.secs > 0 {
            write!(f, ", secs {}", header.secs)?;
        }
        f.write_str(if header.broadcast { ", Flags [Broadcast]" } else { ", Flags [none]" })?;
        show_address(f, "Client-IP", header.ciaddr)?;
        show_address(f, "Your-IP", header.yiaddr)?;
        show_address(f, "Server-IP", header.siaddr)?;
        show_address(f, "Gateway-IP", header.giaddr)?;
        if header.op == Op::Reply {
            write!(f, ", Client-Ethernet-Address {}", header.chaddr)?;
        }
        show_name(f, "sname", header.server_name)?;
        show_name(f, "file", header.file)?;
        self.options.iter().try_for_each(|option| write!(f, ", {option}"))
    }
}

fn show_address(f: &mut Formatter<'_>, name: &str, ip: Ipv4Addr) -> fmt::Result {
    if ip.is_unspecified() { Ok(()) } else { write!(f, ", {name} {ip}") }
}

fn show_name(f: &mut Formatter<'_>, name: &str, text: &[u8]) -> fmt::Result {
    if text.is_empty() { Ok(()) } else { write!(f, ", {name} \"{}\"", text.escape_ascii()) }
}

impl Display for DhcpOption<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::SubnetMask(prefix) => write!(f, "Subnet-Mask {}", mask(prefix)),
            Self::Routers(list) => show_list(f, "Default-Gateway", list.iter()),
            Self::NameServers(list) => show_list(f, "Domain-Name-Server", list.iter()),
            Self::NtpServers(list) => show_list(f, "NTP", list.iter()),
            Self::HostName(name) => write!(f, "Hostname \"{name}\""),
            Self::DomainName(name) => write!(f, "Domain-Name \"{name}\""),
            Self::Mtu(mtu) => write!(f, "MTU {mtu}"),
            Self::Broadcast(ip) => write!(f, "BR {ip}"),
            Self::RequestedAddress(ip) => write!(f, "Requested-IP {ip}"),
            Self::LeaseTime(s) => write!(f, "Lease-Time {s}"),
            Self::Overload(fields) => f.write_str(match (fields.file, fields.sname) {
                (true, true) => "OO file+sname",
                (true, false) => "OO file",
                _ => "OO sname",
            }),
            Self::MessageType(kind) => write!(f, "DHCP-Message {kind}"),
            Self::ServerId(ip) => write!(f, "Server-ID {ip}"),
            Self::ParameterList(codes) => show_list(f, "Parameter-Request", codes.bytes()),
            Self::Message(text) => write!(f, "MSG \"{text}\""),
            Self::MaxMessageSize(size) => write!(f, "MSZ {size}"),
            Self::RenewalTime(s) => write!(f, "RN {s}"),
            Self::RebindingTime(s) => write!(f, "RB {s}"),
            Self::VendorClass(class) => write!(f, "Vendor-Class {class:x}"),
            Self::ClientId(id) => write!(f, "Client-ID {id:x}"),
            Self::SearchList(names) => show_names(f, names),
            Self::ClasslessRoutes(routes) => show_list(f, "Classless-Static-Route", routes.iter()),
            Self::Unknown { code, value } => write!(f, "Unknown-{code} {value:x}"),
        }
    }
}

impl Display for Route {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { destination, gateway } = self;
        match destination.prefix {
            0 => write!(f, "(default:{gateway})"),
            _ => write!(f, "({destination}:{gateway})"),
        }
    }
}

fn show_names(f: &mut Formatter<'_>, names: Value<'_>) -> fmt::Result {
    f.write_str("Domain-Search")?;
    let mut buf = [0; SEARCH_LIST_SHOWN];
    let Some(bytes) = names.copy_to(&mut buf) else {
        return write!(f, " length {}", names.len());
    };
    dns::name_list(bytes).try_for_each(|name| match name {
        Ok(name) => write!(f, " {name}"),
        Err(why) => write!(f, " [{why}]"),
    })
}

fn show_list<T: Display>(
    f: &mut Formatter<'_>,
    name: &str,
    list: impl Iterator<Item = T>,
) -> fmt::Result {
    f.write_str(name)?;
    let mut mark = " ";
    for item in list {
        write!(f, "{mark}{item}")?;
        mark = ",";
    }
    Ok(())
}
