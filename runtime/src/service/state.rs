//! What the HTTP page shows: the records of the control API, each asked for by a request.

use std::sync::{Arc, Mutex, PoisonError};

use client::admin::{
    Address, DaemonInfo, Link, Neighbor, Request, Response, Route, Socket, SocketShow, Stats,
};
use client::call::ErrorBody;
use serde::Serialize;
use stack::SocketId;

use crate::command::Command;
use crate::control;
use crate::mailbox::Engines;
use crate::sockets::shard_of;

/// Everything at once, for `/state.json`.
#[derive(Debug, Serialize)]
pub(super) struct State {
    pub(super) daemon: DaemonInfo,
    pub(super) links: Vec<Link>,
    pub(super) addresses: Vec<Address>,
    pub(super) routes: Vec<Route>,
    pub(super) neighbors: Vec<Neighbor>,
    pub(super) sockets: Vec<Socket>,
    pub(super) stats: Stats,
}

/// What a [`State`] is made of, in the order of its fields.
const REQUESTS: [Request; 7] = [
    Request::DaemonInfo,
    Request::LinkShow,
    Request::AddressShow,
    Request::RouteShow,
    Request::NeighborShow,
    Request::SocketShow(SocketShow::ALL),
    Request::StatsShow,
];

/// A [`State`] on its way: the answers that have come. A refusal has no response in it.
pub(super) struct StateRequest(Arc<Mutex<[Option<Answered>; REQUESTS.len()]>>);

type Answered = Result<Response, ErrorBody>;

impl StateRequest {
    /// Asks for everything. The inline user of socket `id` is called when an answer has come.
    pub(super) fn new(id: SocketId, engines: &Engines) -> Self {
        let answers = Arc::new(Mutex::new([const { None }; REQUESTS.len()]));
        for (place, request) in REQUESTS.into_iter().enumerate() {
            let (answers, user) = (answers.clone(), engines.of_shard(shard_of(id)).clone());
            control::request_from_engine(engines, request, move |answer| {
                answers.lock().unwrap_or_else(PoisonError::into_inner)[place] = Some(answer);
                user.hand_over(Command::AppProgress(id));
            });
        }
        Self(answers)
    }

    /// The state, once all answers have come. A refusal leaves its part empty.
    pub(super) fn take(&self) -> Option<State> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.iter().any(Option::is_none) {
            return None;
        }
        let [daemon, links, addresses, routes, neighbors, sockets, stats] =
            std::mem::take(&mut *answers);
        Some(State {
            daemon: records(daemon),
            links: records(links),
            addresses: records(addresses),
            routes: records(routes),
            neighbors: records(neighbors),
            sockets: records(sockets),
            stats: records(stats),
        })
    }
}

/// The records of one answer.
fn records<T: TryFrom<Response> + Default>(answer: Option<Answered>) -> T {
    answer.and_then(Result::ok).and_then(|response| response.try_into().ok()).unwrap_or_default()
}
