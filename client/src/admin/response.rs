//! Answers of the control plane.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::record::{Address, DaemonInfo, Link, Neighbor, Route, Socket, Stats};
use super::request::Request;

/// What a [`Request`] is answered with. The JSON is the value alone: the request tells which
/// variant it is, see [`Response::read`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Response {
    /// A change was made; `null`.
    Done,
    /// To `link show`.
    Links(Vec<Link>),
    /// To `address show`.
    Addresses(Vec<Address>),
    /// To `route show`.
    Routes(Vec<Route>),
    /// To `neighbor show`.
    Neighbors(Vec<Neighbor>),
    /// To `neighbor flush`: how many entries went.
    Flushed(u64),
    /// To `socket show`.
    Sockets(Vec<Socket>),
    /// To `stats show`.
    Stats(Stats),
    /// To `daemon info`.
    DaemonInfo(DaemonInfo),
}

impl Response {
    /// The value that `request` was answered with.
    ///
    /// # Errors
    /// If the value is no answer to that request.
    pub fn read(request: &Request, value: Value) -> Result<Self, serde_json::Error> {
        Ok(match request {
            Request::LinkShow => Self::Links(Deserialize::deserialize(value)?),
            Request::AddressShow => Self::Addresses(Deserialize::deserialize(value)?),
            Request::RouteShow => Self::Routes(Deserialize::deserialize(value)?),
            Request::NeighborShow => Self::Neighbors(Deserialize::deserialize(value)?),
            Request::NeighborFlush(_) => {
                // Whoever does not count answers null.
                let count: Option<u64> = Deserialize::deserialize(value)?;
                Self::Flushed(count.unwrap_or_default())
            }
            Request::SocketShow => Self::Sockets(Deserialize::deserialize(value)?),
            Request::StatsShow => Self::Stats(Deserialize::deserialize(value)?),
            Request::DaemonInfo => Self::DaemonInfo(Deserialize::deserialize(value)?),
            Request::AddressAdd(_)
            | Request::AddressDel(_)
            | Request::RouteAdd(_)
            | Request::RouteDel(_)
            | Request::NeighborAdd(_)
            | Request::NeighborDel(_) => Self::Done,
        })
    }
}

/// The records inside a response, for callers who know what they asked.
macro_rules! records {
    ($($variant:ident: $type:ty),* $(,)?) => { $(
        impl TryFrom<Response> for $type {
            /// The response, which is an answer to another request.
            type Error = Response;

            fn try_from(response: Response) -> Result<Self, Response> {
                match response {
                    Response::$variant(records) => Ok(records),
                    other => Err(other),
                }
            }
        }
    )* };
}

records! {
    Links: Vec<Link>,
    Addresses: Vec<Address>,
    Routes: Vec<Route>,
    Neighbors: Vec<Neighbor>,
    Flushed: u64,
    Sockets: Vec<Socket>,
    Stats: Stats,
    DaemonInfo: DaemonInfo,
}
