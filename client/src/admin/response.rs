//! Answers of the control plane.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::record::{Address, DaemonInfo, Link, Neighbor, Route, Socket, Stats};
use super::request::{Request, SocketCursor};

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
    /// To `socket show` without page.
    Sockets(Vec<Socket>),
    /// To `socket show` with `after` or `limit`.
    SocketPage(SocketPage),
    /// To `stats show`.
    Stats(Stats),
    /// To `daemon info`.
    DaemonInfo(DaemonInfo),
}

/// A part of the list of sockets. A socket that lives while all pages are read stands on exactly
/// one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketPage {
    /// The sockets; there may be none though others follow.
    pub sockets: Vec<Socket>,
    /// The argument `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "cursor_text")]
    pub next: Option<SocketCursor>,
}

/// A cursor as its text.
mod cursor_text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::SocketCursor;

    pub(super) fn serialize<S: Serializer>(
        cursor: &Option<SocketCursor>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match cursor {
            Some(cursor) => serializer.collect_str(cursor),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SocketCursor>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(de::Error::custom)).transpose()
    }
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
            // A daemon that knows no pages answers with the whole list.
            Request::SocketShow(show) if show.is_page() && value.is_array() => {
                let sockets = Deserialize::deserialize(value)?;
                Self::SocketPage(SocketPage { sockets, next: None })
            }
            Request::SocketShow(show) if show.is_page() => {
                Self::SocketPage(Deserialize::deserialize(value)?)
            }
            Request::SocketShow(_) => Self::Sockets(Deserialize::deserialize(value)?),
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
    SocketPage: SocketPage,
    Stats: Stats,
    DaemonInfo: DaemonInfo,
}
