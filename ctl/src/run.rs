//! Carries out a command: sends its request to the daemon and prints the answer.

use crate::grammar::Action;
use crate::request::{Failure, Request};
use crate::{address, daemon, link, neighbor, route, socket, stats};

/// Carries a command out and returns the text to print.
///
/// # Errors
/// What stands on standard error in place of the text.
pub(crate) fn run(action: Action, request: &Request) -> Result<String, Failure> {
    match action {
        Action::LinkShow => link::show(request),
        Action::AddressShow => address::show(request),
        Action::AddressAdd => address::add(request),
        Action::AddressDelete => address::delete(request),
        Action::RouteShow => route::show(request),
        Action::RouteAdd => route::add(request),
        Action::RouteDelete => route::delete(request),
        Action::NeighborShow => neighbor::show(request),
        Action::NeighborAdd => neighbor::add(request),
        Action::NeighborDelete => neighbor::delete(request),
        Action::NeighborFlush => neighbor::flush(request),
        Action::SocketShow => socket::show(request),
        Action::StatsShow => stats::show(request),
        Action::DaemonShow => daemon::show(request),
    }
}
