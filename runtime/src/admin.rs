//! The control plane: what `ctl` and programs ask of the stack or want changed.
//!
//! Runs on the engine thread. [`show`] fills the records of [`client::admin`], [`change`] carries
//! out the rest. A refusal has the errno and the words that `ip(8)` would use.

mod args;
mod change;
mod show;
mod sum;

use client::admin::{Request, Response};
use client::call::ErrorBody;

use self::args::refused;
use crate::port::PortEnd;
use crate::sockets::Core;

/// Carries out a request. Of sockets it shows one page of this shard;
/// [`crate::control`] puts pages and shards together.
///
/// # Errors
/// The refusal that the caller is sent.
pub(crate) fn answer(
    core: &mut Core,
    ports: &[PortEnd],
    request: &Request,
) -> Result<Response, ErrorBody> {
    match request {
        Request::LinkShow => Ok(Response::Links(show::links(core, ports))),
        Request::AddressShow => {
            show::addresses(core).map(Response::Addresses).map_err(|e| refused(&e))
        }
        Request::AddressAdd(args) => change::address_add(core, args),
        Request::AddressDel(args) => change::address_del(core, args),
        Request::RouteShow => show::routes(core).map(Response::Routes).map_err(|e| refused(&e)),
        Request::RouteAdd(args) => change::route_add(core, args),
        Request::RouteDel(args) => change::route_del(core, args),
        Request::NeighborShow => {
            show::neighbors(core).map(Response::Neighbors).map_err(|e| refused(&e))
        }
        Request::NeighborAdd(args) => change::neighbor_add(core, args),
        Request::NeighborDel(args) => change::neighbor_del(core, args),
        Request::NeighborFlush(args) => change::neighbor_flush(core, args),
        Request::SocketShow(args) => Ok(Response::SocketPage(show::socket_page(core, args))),
        Request::StatsShow => Ok(Response::Stats(show::stats(core))),
        Request::DaemonInfo => Ok(Response::DaemonInfo(show::info(core))),
    }
}

/// Whether every shard knows a part of the answer.
pub(crate) fn is_per_shard(request: &Request) -> bool {
    matches!(request, Request::LinkShow | Request::StatsShow)
}

/// The answers of all shards as one, in the order of their shards.
pub(crate) fn add_up(parts: Vec<Response>) -> Response {
    sum::responses(parts)
}
