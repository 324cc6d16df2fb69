//! `ctl neighbor`: hosts on the link, as ip-neighbour(8) shows them.

use client::admin::Neighbor;
use client::call::ControlCall;
use client::{CallError, Session};

use crate::request::{Failure, Request};

pub(crate) fn show(request: &Request) -> Result<String, Failure> {
    request.check_family(request.value("to").unwrap_or("default"))?;
    let session = request.connect()?;
    let mut neighbors = list(request, &session)?;
    neighbors.retain(|neighbor| {
        request.wants("to", &neighbor.address) && request.wants("nud", &neighbor.state)
    });
    request.report(&neighbors, |neighbors| neighbors.iter().map(line).collect())
}

/// The entries that `dev`, `-4` and `-6` leave in.
fn list(request: &Request, session: &Session) -> Result<Vec<Neighbor>, Failure> {
    if request.has("dev") {
        request.links(session)?; // a wrong name must not look like an empty cache
    }
    let mut neighbors: Vec<Neighbor> = request.fetch(session, "neighbor", "show")?;
    neighbors.retain(|neighbor| {
        request.wants_family(neighbor.family)
            && request.value("dev").is_none_or(|dev| dev == neighbor.ifname)
    });
    Ok(neighbors)
}

fn line(neighbor: &Neighbor) -> String {
    let Neighbor { address, ifname, lladdr, state, .. } = neighbor;
    match lladdr {
        Some(lladdr) => format!("{address} dev {ifname} lladdr {lladdr} {state}\n"),
        None => format!("{address} dev {ifname} {state}\n"),
    }
}

pub(crate) fn add(request: &Request) -> Result<String, Failure> {
    let call = entry(request, "add")?;
    request.change(&call.arg("lladdr", request.required("lladdr")))
}

pub(crate) fn delete(request: &Request) -> Result<String, Failure> {
    request.change(&entry(request, "del")?)
}

fn entry(request: &Request, method: &str) -> Result<ControlCall, Failure> {
    let address = request.required("to");
    request.check_family(address)?;
    Ok(request.call(method).arg("address", address).arg("ifname", request.required("dev")))
}

pub(crate) fn flush(request: &Request) -> Result<String, Failure> {
    if request.options().family.is_some() {
        return flush_family(request);
    }
    let call = request.call("flush");
    request.change(&match request.value("dev") {
        Some(dev) => call.arg("ifname", dev),
        None => call,
    })
}

/// The daemon's flush knows no families, so the entries go one by one.
fn flush_family(request: &Request) -> Result<String, Failure> {
    let session = request.connect()?;
    for neighbor in list(request, &session)? {
        let call = request.call("del").arg("address", neighbor.address);
        match session.control(&call.arg("ifname", neighbor.ifname)) {
            // It may have gone by itself meanwhile.
            Err(CallError::Refused(body)) if body.errno == Some(ENOENT) => {}
            Err(error) => return Err(Failure::Call(error)),
            Ok(_) => {}
        }
    }
    Ok(String::new())
}

/// Linux's number for "no such entry".
const ENOENT: i32 = 2;
