//! `ctl route`: where packets go, as ip-route(8) shows it.

use std::fmt::Write;

use client::admin::{self, IpVersion, Route, RouteAdd, RouteDel};

use crate::argument::Arg;
use crate::request::{Failure, Request, family_of};

pub(crate) fn show(request: &Request) -> Result<String, Failure> {
    for arg in [Arg::To, Arg::Via] {
        request.check_family(arg)?;
    }
    let session = request.connect()?;
    if request.has(Arg::Dev) {
        request.links(&session)?; // a wrong name must not look like an empty table
    }
    let mut routes: Vec<Route> = request.fetch(&session, &admin::Request::RouteShow)?;
    routes.retain(|route| {
        request.wants_family(route.family)
            && request.wants(Arg::To, &route.destination)
            && request.value(Arg::Dev).is_none_or(|dev| dev == route.ifname)
            && request.value(Arg::Via).is_none_or(|via| route.gateway.as_deref() == Some(via))
            && request.wants(Arg::Proto, &route.protocol)
    });
    request.report(&routes, |routes| routes.iter().map(line).collect())
}

fn line(route: &Route) -> String {
    let mut line = route.destination.clone();
    if let Some(gateway) = &route.gateway {
        let _ = write!(line, " via {gateway}");
    }
    for (keyword, value) in [("dev", &route.ifname), ("proto", &route.protocol)] {
        if !value.is_empty() {
            let _ = write!(line, " {keyword} {value}");
        }
    }
    // As in ip(8), what is usual is not said.
    if !matches!(route.scope.as_str(), "" | "global") {
        let _ = write!(line, " scope {}", route.scope);
    }
    if let Some(source) = &route.source {
        let _ = write!(line, " src {source}");
    }
    if route.metric != 0 {
        let _ = write!(line, " metric {}", route.metric);
    }
    line + "\n"
}

pub(crate) fn add(request: &Request) -> Result<String, Failure> {
    if !request.has(Arg::Via) && !request.has(Arg::Dev) {
        let text = "route add needs via ADDRESS, dev NAME or both".to_owned();
        return Err(Failure::Usage(text));
    }
    let family = family(request)?;
    request.change(&admin::Request::RouteAdd(RouteAdd {
        destination: request.required(Arg::To)?,
        gateway: request.parsed(Arg::Via)?,
        interface: request.interface(),
        metric: request.parsed(Arg::Metric)?,
        source: request.parsed(Arg::Src)?,
        family,
    }))
}

pub(crate) fn delete(request: &Request) -> Result<String, Failure> {
    let family = family(request)?;
    request.change(&admin::Request::RouteDel(RouteDel {
        destination: request.required(Arg::To)?,
        gateway: request.parsed(Arg::Via)?,
        metric: request.parsed(Arg::Metric)?,
        family,
    }))
}

/// The one family of all addresses given, else the one that `-4` or `-6` asks for.
fn family(request: &Request) -> Result<Option<IpVersion>, Failure> {
    let mut first = None;
    for arg in [Arg::To, Arg::Via, Arg::Src] {
        let Some(text) = request.value(arg) else { continue };
        let Some(family) = family_of(text) else { continue };
        match first {
            None => {
                request.check_family(arg)?;
                first = Some((text, family));
            }
            Some((other, known)) if known != family => {
                let text = format!("{other} and {text} are of different families");
                return Err(Failure::Usage(text));
            }
            Some(_) => {}
        }
    }
    let asked = match request.options().family {
        Some(4) => Some(IpVersion::V4),
        Some(_) => Some(IpVersion::V6),
        None => None,
    };
    Ok(first.map(|(_, family)| family).or(asked))
}
