//! Neighbor discovery messages and their options.

use std::fmt::{self, Formatter};

use super::malformed;
use crate::ip::IpHeader;
use crate::ndp::{self, NdpOption, Options, Preference};
use crate::search_list;

pub(super) fn show(
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
    match ndp::parse(header, kind, code, body) {
        Err(why) => malformed(f, "neighbor discovery", why, body.len() + 4),
        Ok(RouterSolicitation { options }) => {
            f.write_str("router solicitation")?;
            show_options(f, &options)
        }
        Ok(RouterAdvertisement(ra)) => {
            f.write_str("router advertisement")?;
            if ra.hop_limit != 0 {
                write!(f, ", hop limit {}", ra.hop_limit)?;
            }
            for (set, name) in [(ra.managed, ", managed"), (ra.other, ", other stateful")] {
                f.write_str(if set { name } else { "" })?;
            }
            write!(f, ", pref {}, lifetime {}", preference(ra.preference), ra.lifetime_s)?;
            show_options(f, &ra.options)
        }
        Ok(NeighborSolicitation { target, options }) => {
            write!(f, "neighbor solicitation, who has {target}")?;
            show_options(f, &options)
        }
        Ok(NeighborAdvertisement(na)) => {
            write!(f, "neighbor advertisement, tgt is {}", na.target)?;
            match na.options.target_mac() {
                Some(mac) => write!(f, " at {mac}"),
                None => Ok(()),
            }
        }
        Ok(Redirect { target, destination, options }) => {
            write!(f, "redirect, {destination} to {target}")?;
            show_options(f, &options)
        }
    }
}

fn preference(preference: Preference) -> &'static str {
    match preference {
        Preference::High => "high",
        Preference::Medium => "medium",
        Preference::Low => "low",
        Preference::Reserved => "reserved",
    }
}

fn show_options(f: &mut Formatter<'_>, options: &Options<'_>) -> fmt::Result {
    if options.bytes().is_empty() {
        return Ok(());
    }
    f.write_str(", options [")?;
    for (count, option) in options.iter().enumerate() {
        f.write_str(if count > 0 { ", " } else { "" })?;
        show_option(f, &option)?;
    }
    f.write_str("]")
}

fn show_option(f: &mut Formatter<'_>, option: &NdpOption<'_>) -> fmt::Result {
    match option {
        NdpOption::SourceMac(mac) => write!(f, "slla {mac}"),
        NdpOption::TargetMac(mac) => write!(f, "tlla {mac}"),
        NdpOption::Prefix(prefix) => {
            write!(f, "prefix {} ", prefix.prefix)?;
            let flags =
                [(prefix.on_link, "L"), (prefix.autonomous, "A"), (prefix.router_address, "R")];
            for (set, letter) in flags {
                f.write_str(if set { letter } else { "" })?;
            }
            write!(f, " valid {} preferred {}", prefix.valid_s, prefix.preferred_s)
        }
        NdpOption::Redirected(packet) => write!(f, "redirected {}", packet.len()),
        NdpOption::Mtu(mtu) => write!(f, "mtu {mtu}"),
        NdpOption::Nonce(nonce) => {
            f.write_str("nonce ")?;
            nonce.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        }
        NdpOption::Route(route) => {
            let pref = preference(route.preference);
            write!(f, "route {} pref {pref} lifetime {}", route.prefix, route.lifetime_s)
        }
        NdpOption::NameServers { lifetime_s, servers } => {
            write!(f, "rdnss lifetime {lifetime_s}")?;
            servers.iter().try_for_each(|octets| write!(f, " {}", addr::Ip::v6(*octets)))
        }
        NdpOption::Flags(flags) => {
            f.write_str("flags ")?;
            flags.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        }
        NdpOption::SearchList { lifetime_s, names } => {
            write!(f, "dnssl lifetime {lifetime_s}")?;
            search_list::names(names).try_for_each(|name| match name {
                Ok(name) => write!(f, " {name}"),
                Err(why) => write!(f, " [{why}]"),
            })
        }
        NdpOption::CaptivePortal(uri) => {
            write!(f, "captive portal {}", uri.escape_ascii())
        }
        NdpOption::Unknown { kind, data } => write!(f, "unknown-{kind} {}", data.len() + 2),
    }
}
