//! The line of a message, in tcpdump's words.

use std::fmt::{self, Display, Formatter};
use std::net::Ipv6Addr;

use super::{Message, MessageType};
use crate::dhcpv6_options::{
    self as options, DhcpOption, Ia, IaAddress, IaPrefix, Options, StatusCode,
};
use crate::dns;

impl Display for MessageType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Solicit => "solicit",
            Self::Advertise => "advertise",
            Self::Request => "request",
            Self::Confirm => "confirm",
            Self::Renew => "renew",
            Self::Rebind => "rebind",
            Self::Reply => "reply",
            Self::Release => "release",
            Self::Decline => "decline",
            Self::Reconfigure => "reconfigure",
            Self::InformationRequest => "inf-req",
        })
    }
}

impl Display for StatusCode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(code) => write!(f, "code{code}"),
            named => write!(f, "{named:?}"),
        }
    }
}

impl Display for Message<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "dhcp6 {} (xid={:x}", self.kind, self.transaction)?;
        show_options(f, self.options)?;
        f.write_str(")")
    }
}

fn show_options(f: &mut Formatter<'_>, options: Options<'_>) -> fmt::Result {
    options.iter().try_for_each(|option| write!(f, " ({option})"))
}

impl Display for DhcpOption<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ClientId(duid) => show_duid(f, "client-ID", duid),
            Self::ServerId(duid) => show_duid(f, "server-ID", duid),
            Self::IaNa(ia) => show_ia(f, "IA_NA", &ia),
            Self::IaPd(ia) => show_ia(f, "IA_PD", &ia),
            Self::IaAddress(IaAddress { ip, preferred_s, valid_s, options }) => {
                write!(f, "IA_ADDR {ip} pltime:{preferred_s} vltime:{valid_s}")?;
                show_options(f, options)
            }
            Self::IaPrefix(IaPrefix { ip, prefix, preferred_s, valid_s, options }) => {
                write!(f, "IA_PD-prefix {ip}/{prefix} pltime:{preferred_s} vltime:{valid_s}")?;
                show_options(f, options)
            }
            Self::OptionRequest(codes) => {
                f.write_str("option-request")?;
                codes.iter().try_for_each(|code| show_code(f, u16::from_be_bytes(*code)))
            }
            Self::Preference(preference) => write!(f, "preference {preference}"),
            Self::ElapsedTime(time) => write!(f, "elapsed-time {time}"),
            Self::Status { code, message: [] } => write!(f, "status-code {code}"),
            Self::Status { code, message } => {
                write!(f, "status-code {code} \"{}\"", message.escape_ascii())
            }
            Self::RapidCommit => f.write_str("rapid-commit"),
            Self::NameServers(servers) => {
                f.write_str("DNS-server")?;
                servers.iter().try_for_each(|octets| write!(f, " {}", Ipv6Addr::from(*octets)))
            }
            Self::SearchList(names) => {
                f.write_str("DNS-search-list")?;
                dns::name_list(names).try_for_each(|name| match name {
                    Ok(name) => write!(f, " {name}"),
                    Err(why) => write!(f, " [{why}]"),
                })
            }
            Self::RefreshTime(s) => write!(f, "lifetime {s}"),
            Self::SolMaxRt(s) => write!(f, "sol-max-rt {s}"),
            Self::InfMaxRt(s) => write!(f, "inf-max-rt {s}"),
            Self::Unknown { code, data } => write!(f, "opt_{code} length {}", data.len()),
        }
    }
}

fn show_ia(f: &mut Formatter<'_>, name: &str, ia: &Ia<'_>) -> fmt::Result {
    write!(f, "{name} IAID:{} T1:{} T2:{}", ia.iaid, ia.t1_s, ia.t2_s)?;
    show_options(f, ia.options)
}

fn show_code(f: &mut Formatter<'_>, code: u16) -> fmt::Result {
    match code {
        options::NAME_SERVERS => f.write_str(" DNS-server"),
        options::SEARCH_LIST => f.write_str(" DNS-search-list"),
        options::REFRESH_TIME => f.write_str(" lifetime"),
        code => write!(f, " opt_{code}"),
    }
}

fn show_duid(f: &mut Formatter<'_>, name: &str, duid: &[u8]) -> fmt::Result {
    let word = |a: &u8, b: &u8| u16::from_be_bytes([*a, *b]);
    let rest = match duid {
        [0, 1, h0, h1, t0, t1, t2, t3, rest @ ..] => {
            let time = u32::from_be_bytes([*t0, *t1, *t2, *t3]);
            write!(f, "{name} hwaddr/time type {} time {time} ", word(h0, h1))?;
            rest
        }
        [0, 2, rest @ ..] => {
            write!(f, "{name} vid ")?;
            rest
        }
        [0, 3, h0, h1, rest @ ..] => {
            write!(f, "{name} hwaddr type {} ", word(h0, h1))?;
            rest
        }
        [0, 4, rest @ ..] => {
            write!(f, "{name} uuid ")?;
            rest
        }
        other => {
            write!(f, "{name} ")?;
            other
        }
    };
    rest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}
