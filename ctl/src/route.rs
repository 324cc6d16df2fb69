//! `ctl route`: where packets go, as ip-route(8) shows it.

use std::fmt::Write;

use client::admin::Route;
use client::call::ControlCall;

use crate::request::{Failure, Request, family_of};

pub(crate) fn show(request: &Request) -> Result<String, Failure> {
    for name in ["to", "via"] {
        request.check_family(request.value(name).unwrap_or("default"))?;
    }
    let session = request.connect()?;
    if request.has("dev") {
        request.links(&session)?; // a wrong name must not look like an empty table
    }
    let mut routes: Vec<Route> = request.fetch(&session, "route", "show")?;
    routes.retain(|route| {
        request.wants_family(route.family)
            && request.wants("to", &route.destination)
            && request.value("dev").is_none_or(|dev| dev == route.ifname)
            && request.value("via").is_none_or(|via| route.gateway.as_deref() == Some(via))
            && request.wants("proto", &route.protocol)
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
    if !request.has("via") && !request.has("dev") {
        let text = "route add needs via ADDRESS, dev NAME or both".to_owned();
        return Err(Failure::Usage(text));
    }
    let mut call = call(request, "add")?;
    for (keyword, name) in [("dev", "ifname"), ("src", "source")] {
        if let Some(value) = request.value(keyword) {
            call = call.arg(name, value);
        }
    }
    request.change(&call)
}

pub(crate) fn delete(request: &Request) -> Result<String, Failure> {
    request.change(&call(request, "del")?)
}

/// The arguments that adding and removing share. All addresses must be of one family.
fn call(request: &Request, method: &str) -> Result<ControlCall, Failure> {
    let destination = request.required("to");
    let given = [
        Some(destination).filter(|to| *to != "default"),
        request.value("via"),
        request.value("src"),
    ];
    let mut addresses = given.into_iter().flatten();
    let family = addresses.next().map(|first| (first, family_of(first)));
    if let Some((first, family)) = family {
        request.check_family(first)?;
        if let Some(other) = addresses.find(|other| family_of(other) != family) {
            return Err(Failure::Usage(format!("{first} and {other} are of different families")));
        }
    }
    let mut call = request.call(method).arg("destination", destination);
    if let Some(gateway) = request.value("via") {
        call = call.arg("gateway", gateway);
    }
    if let Some(metric) = request.value("metric").and_then(|metric| metric.parse::<u32>().ok()) {
        call = call.arg("metric", metric);
    }
    if let Some(family) = family.map(|(_, family)| family).or(request.options().family) {
        call = call.arg("family", family);
    }
    Ok(call)
}
