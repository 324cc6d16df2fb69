//! Requests that change something.

use client::admin::{
    AddressAdd, AddressDel, NeighborAdd, NeighborDel, NeighborFlush, Response, RouteAdd, RouteDel,
};
use client::call::ErrorBody;
use stack::control::RouteConfig;

use super::args::{interface, optional_interface, refused};
use crate::sockets::Core;

type Answer = Result<Response, ErrorBody>;

pub(super) fn address_add(core: &mut Core, args: &AddressAdd) -> Answer {
    let ifindex = interface(core, &args.interface)?;
    core.worker.address_add(core.now, ifindex, args.address).map_err(|e| refused(&e))?;
    Ok(Response::Done)
}

/// Without an interface the address names it, as one address is on one interface only.
pub(super) fn address_del(core: &mut Core, args: &AddressDel) -> Answer {
    let ip = args.address.ip;
    let named = optional_interface(core, args.interface.as_ref())?;
    let owner = || core.worker.fib().owner(ip).map(|owner| owner.ifindex);
    let ifindex = named.or_else(owner).ok_or_else(|| {
        let errno = rustix::io::Errno::ADDRNOTAVAIL.raw_os_error();
        ErrorBody::from_errno(errno, format!("address del: no interface has {ip}"))
    })?;
    core.worker.address_del(core.now, ifindex, ip).map_err(|e| refused(&e))?;
    Ok(Response::Done)
}

pub(super) fn route_add(core: &mut Core, args: &RouteAdd) -> Answer {
    let destination = args.destination.prefix(args.gateway, args.family);
    let route = RouteConfig {
        gateway: args.gateway,
        ifindex: optional_interface(core, args.interface.as_ref())?,
        metric: args.metric,
        source: args.source,
        ..RouteConfig::new(destination)
    };
    core.worker.route_add(core.now, &route).map_err(|e| refused(&e))?;
    Ok(Response::Done)
}

pub(super) fn route_del(core: &mut Core, args: &RouteDel) -> Answer {
    let destination = args.destination.prefix(args.gateway, args.family);
    let deleted = core.worker.route_del(core.now, destination, args.gateway, args.metric);
    deleted.map_err(|e| refused(&e))?;
    Ok(Response::Done)
}

pub(super) fn neighbor_add(core: &mut Core, args: &NeighborAdd) -> Answer {
    let ifindex = interface(core, &args.interface)?;
    let added = core.worker.neighbor_add(core.now, ifindex, args.address, args.lladdr);
    added.map_err(|e| refused(&e))?;
    Ok(Response::Done)
}

pub(super) fn neighbor_del(core: &mut Core, args: &NeighborDel) -> Answer {
    let ifindex = interface(core, &args.interface)?;
    core.worker.neighbor_del(core.now, ifindex, args.address).map_err(|e| refused(&e))?;
    Ok(Response::Done)
}

/// Answers how many entries went.
pub(super) fn neighbor_flush(core: &mut Core, args: &NeighborFlush) -> Answer {
    let ifindex = optional_interface(core, args.interface.as_ref())?;
    let flushed = core.worker.neighbor_flush(core.now, ifindex).map_err(|e| refused(&e))?;
    Ok(Response::Flushed(flushed as u64))
}
