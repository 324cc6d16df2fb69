//! `ctl neighbor`: hosts on the link, as ip-neighbour(8) shows them.

use client::admin::{self, InterfaceRef, Neighbor, NeighborAdd, NeighborDel, NeighborFlush};
use client::{CallError, Session};

use crate::argument::Arg;
use crate::request::{Failure, Request};

pub(crate) fn show(request: &Request) -> Result<String, Failure> {
    request.check_family(Arg::To)?;
    let session = request.connect()?;
    let mut neighbors = list(request, &session)?;
    neighbors.retain(|neighbor| {
        request.wants(Arg::To, &neighbor.address) && request.wants(Arg::Nud, &neighbor.state)
    });
    request.report(&neighbors, |neighbors| neighbors.iter().map(line).collect())
}

/// The entries that `dev`, `-4` and `-6` leave in.
fn list(request: &Request, session: &Session) -> Result<Vec<Neighbor>, Failure> {
    if request.has(Arg::Dev) {
        request.links(session)?; // a wrong name must not look like an empty cache
    }
    let mut neighbors: Vec<Neighbor> = request.fetch(session, &admin::Request::NeighborShow)?;
    neighbors.retain(|neighbor| {
        request.wants_family(neighbor.family)
            && request.value(Arg::Dev).is_none_or(|dev| dev == neighbor.ifname)
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
    request.check_family(Arg::To)?;
    request.change(&admin::Request::NeighborAdd(NeighborAdd {
        address: request.required(Arg::To)?,
        lladdr: request.required(Arg::Lladdr)?,
        interface: request.required_interface()?,
    }))
}

pub(crate) fn delete(request: &Request) -> Result<String, Failure> {
    request.check_family(Arg::To)?;
    request.change(&admin::Request::NeighborDel(NeighborDel {
        address: request.required(Arg::To)?,
        interface: request.required_interface()?,
    }))
}

pub(crate) fn flush(request: &Request) -> Result<String, Failure> {
    if request.options().family.is_some() {
        return flush_family(request);
    }
    let interface = request.interface();
    request.change(&admin::Request::NeighborFlush(NeighborFlush { interface }))
}

/// The daemon's flush knows no families, so the entries go one by one.
fn flush_family(request: &Request) -> Result<String, Failure> {
    let session = request.connect()?;
    let learned = |neighbor: &Neighbor| neighbor.state != "PERMANENT";
    for neighbor in list(request, &session)?.into_iter().filter(learned) {
        match session.control(&admin::Request::NeighborDel(key_of(&neighbor)?)) {
            // It may have gone by itself meanwhile.
            Err(CallError::Refused(body)) if body.errno == Some(ENOENT) => {}
            Err(error) => return Err(Failure::Call(error)),
            Ok(_) => {}
        }
    }
    Ok(String::new())
}

/// What names an entry that the daemon has shown.
fn key_of(neighbor: &Neighbor) -> Result<NeighborDel, Failure> {
    let address = neighbor.address.parse().map_err(|error| {
        let text = format!("neighbor show: {}: {error}", neighbor.address);
        Failure::Call(CallError::Protocol(text))
    })?;
    Ok(NeighborDel { address, interface: InterfaceRef::Name(neighbor.ifname.clone()) })
}

/// Linux's number for "no such entry".
const ENOENT: i32 = 2;
