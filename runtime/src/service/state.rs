//! What the HTTP page shows: the records of the control API, asked for by control calls.

use std::sync::{Arc, Mutex, PoisonError};

use client::admin::{Address, DaemonInfo, Link, Neighbor, Route, Socket, Stats};
use client::call::ControlCall;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
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

/// The control calls that a [`State`] is made of, in the order of its fields.
const CALLS: [(&str, &str); 7] = [
    ("daemon", "info"),
    ("link", "show"),
    ("address", "show"),
    ("route", "show"),
    ("neighbor", "show"),
    ("socket", "show"),
    ("stats", "show"),
];

/// A [`State`] on its way: the answers that have come.
pub(super) struct StateRequest(Arc<Mutex<[Option<Value>; CALLS.len()]>>);

impl StateRequest {
    /// Asks for everything. The inline user of socket `id` is called when an answer has come.
    pub(super) fn new(id: SocketId, engines: &Engines) -> Self {
        let answers = Arc::new(Mutex::new([const { None }; CALLS.len()]));
        for (place, (api, method)) in CALLS.into_iter().enumerate() {
            let (answers, user) = (answers.clone(), engines.of_shard(shard_of(id)).clone());
            let call = ControlCall::new(api, method);
            control::call_from_engine(engines, call, move |result| {
                // A refusal leaves its part empty.
                let answer = Some(result.unwrap_or_default());
                answers.lock().unwrap_or_else(PoisonError::into_inner)[place] = answer;
                user.hand_over(Command::AppProgress(id));
            });
        }
        Self(answers)
    }

    /// The state, once all answers have come.
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
fn records<T: DeserializeOwned + Default>(answer: Option<Value>) -> T {
    answer.and_then(|answer| serde_json::from_value(answer).ok()).unwrap_or_default()
}
