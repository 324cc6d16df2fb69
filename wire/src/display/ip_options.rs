//! IPv4 options and IPv6 extension headers.

use std::fmt::{self, Formatter};

use crate::ip::{self, IpHeader};
use crate::ipv4_options::{self, Route};
use crate::{ipv4, ipv6_ext, ipv6_options};

/// Writes what stands between the fixed header and the transport header, and a space behind it.
pub(super) fn show(f: &mut Formatter<'_>, header: &IpHeader, packet: &[u8]) -> fmt::Result {
    if header.src.is_v6() {
        return show_extensions(f, header, packet);
    }
    if header.header_len == ipv4::HEADER_LEN {
        return Ok(());
    }
    f.write_str("options (")?;
    let area = packet.get(..header.header_len).unwrap_or_default();
    for (count, option) in ipv4_options::options(area).flatten().enumerate() {
        f.write_str(if count > 0 { ", " } else { "" })?;
        show_v4(f, &option)?;
    }
    f.write_str(") ")
}

fn show_v4(f: &mut Formatter<'_>, option: &ipv4_options::Ipv4Option<'_>) -> fmt::Result {
    use ipv4_options::Known;
    match option.known() {
        Some(Known::RecordRoute(route)) => show_route(f, "RR", &route),
        Some(Known::LooseSourceRoute(route)) => show_route(f, "LSRR", &route),
        Some(Known::StrictSourceRoute(route)) => show_route(f, "SSRR", &route),
        Some(Known::Timestamp(stamp)) => {
            write!(f, "TS pointer {}, overflow {}", stamp.pointer, stamp.overflow)
        }
        Some(Known::Cipso(label)) => write!(f, "CIPSO doi {}", label.doi),
        Some(Known::RouterAlert(0)) => f.write_str("RA"),
        Some(Known::RouterAlert(value)) => write!(f, "RA {value}"),
        Some(Known::Unknown) | None => {
            write!(f, "unknown-{} {}", option.kind, option.data.len() + 2)
        }
    }
}

/// The next slot is marked, as tcpdump does.
fn show_route(f: &mut Formatter<'_>, name: &str, route: &Route<'_>) -> fmt::Result {
    f.write_str(name)?;
    route.slots.iter().zip((4usize..).step_by(4)).try_for_each(|([a, b, c, d], at)| {
        let mark = if at == usize::from(route.pointer) { "^" } else { "" };
        write!(f, " {mark}{a}.{b}.{c}.{d}")
    })
}

fn show_extensions(f: &mut Formatter<'_>, header: &IpHeader, packet: &[u8]) -> fmt::Result {
    for extension in ipv6_ext::headers(packet, header.header_len) {
        match extension.protocol {
            ip::PROTO_HOP_BY_HOP => {
                f.write_str("HBH ")?;
                show_v6(f, extension.bytes)?;
            }
            ip::PROTO_DESTINATION_OPTIONS => {
                f.write_str("DSTOPT ")?;
                show_v6(f, extension.bytes)?;
            }
            ip::PROTO_ROUTING => match ipv6_ext::parse_routing(extension.bytes) {
                Ok(routing) => {
                    write!(f, "RT (type {}, segleft {}) ", routing.kind, routing.segments_left)?;
                }
                Err(why) => write!(f, "RT [{why}] ")?,
            },
            // A real fragment is shown with its payload.
            ip::PROTO_FRAGMENT if header.fragment.is_none() => f.write_str("atomic frag ")?,
            _ => {}
        }
    }
    Ok(())
}

fn show_v6(f: &mut Formatter<'_>, header: &[u8]) -> fmt::Result {
    use ipv6_options::Known;
    ipv6_options::options(header).flatten().try_for_each(|(_, option)| match option.known() {
        Ok(Known::PadN(_)) => Ok(()),
        Ok(Known::RouterAlert(value)) => write!(f, "(rtalert {value}) "),
        Ok(Known::Calipso(label)) => write!(f, "(calipso doi {}) ", label.doi),
        Ok(Known::Jumbo(len)) => write!(f, "(jumbo {len}) "),
        Ok(Known::TunnelLimit(limit)) => write!(f, "(tunnel limit {limit}) "),
        Ok(Known::Unknown) | Err(_) => {
            write!(f, "(unknown-{} {}) ", option.kind, option.data.len() + 2)
        }
    })
}
