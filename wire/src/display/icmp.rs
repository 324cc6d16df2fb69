//! ICMP messages, the packets they quote and the objects behind them.

use std::fmt::{self, Formatter};

use super::{group, malformed, ndp};
use crate::icmp::{Echo, HEADER_LEN, Message, Quote};
use crate::icmp_ext::{self, Object};
use crate::ip::IpHeader;
use crate::{Malformed, mld};

/// `bytes` is what `message` was parsed from.
pub(super) fn show(
    f: &mut Formatter<'_>,
    header: &IpHeader,
    message: Result<Message<'_>, Malformed>,
    bytes: &[u8],
) -> fmt::Result {
    use Message::{
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
    match icmp_ext::split(bytes, header.src.is_v4()) {
        Ok(Some(extended)) => {
            show_quote(f, extended.quote)?;
            extended.objects.iter().try_for_each(|object| show_object(f, &object))
        }
        Ok(None) => show_quote(f, quote),
        Err(why) => {
            show_quote(f, quote)?;
            write!(f, ", extension [{why}]")
        }
    }
}

fn show_object(f: &mut Formatter<'_>, object: &Object<'_>) -> fmt::Result {
    let Object { class, kind, data } = object;
    if object.labels().next().is_none() {
        return write!(f, ", extension {class}/{kind}, length {}", data.len());
    }
    f.write_str(", MPLS")?;
    object.labels().try_for_each(|label| {
        let bottom = if label.bottom { ", [S]" } else { "" };
        write!(f, " (label {}, tc {}{bottom}, ttl {})", label.label, label.traffic_class, label.ttl)
    })
}

fn show_echo(f: &mut Formatter<'_>, what: &str, echo: &Echo<'_>) -> fmt::Result {
    let len = HEADER_LEN + echo.data.len();
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
    match kind {
        mld::QUERY | mld::REPORT_V1 | mld::DONE | mld::REPORT_V2 => {
            group::show_mld(f, header, kind, body)
        }
        crate::ndp::ROUTER_SOLICITATION..=crate::ndp::REDIRECT => {
            ndp::show(f, header, kind, code, body)
        }
        _ => write!(f, "type {kind}, code {code}, length {}", body.len() + 4),
    }
}
