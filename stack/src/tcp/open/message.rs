//! What shards tell each other of listeners and their connections.

use std::sync::Arc;

use addr::Endpoint;

use crate::shard::index::ShardIndex;
use crate::socket::{SocketId, SocketRings};
use crate::tcp::open::totals::ListenerTotals;
use crate::tcp::user::socket_options::SocketOptions;

/// What a replica is made from.
#[derive(Clone, Debug)]
pub(crate) struct Announcement {
    pub(super) id: SocketId,
    pub(super) local: Endpoint,
    pub(super) only_v6: bool,
    pub(super) backlog: u32,
    pub(super) options: SocketOptions,
    pub(super) totals: Option<Arc<ListenerTotals>>,
}

/// What a listener's home tells the replicas on all other shards.
#[derive(Clone, Debug)]
pub(crate) enum ListenerChange {
    /// There is a new one.
    Add(Box<Announcement>),
    /// Its connections start with these options. A later message of the kind makes it needless.
    Options(SocketId, SocketOptions),
    /// It has closed.
    Del(SocketId),
}

impl ListenerMessage {
    /// Whether `later` says all that this message says, so that one of them need not be sent.
    pub(crate) fn is_replaced_by(&self, later: &Self) -> bool {
        let options_of = |message: &Self| match message {
            Self::Change(ListenerChange::Options(id, _)) => Some(*id),
            _ => None,
        };
        options_of(later).is_some() && options_of(self) == options_of(later)
    }
}

/// What shards tell each other of listeners and their connections.
#[derive(Debug)]
pub(crate) enum ListenerMessage {
    /// Home to a replica.
    Change(ListenerChange),
    /// Replica to home: a connection for the listener's queue.
    Accepted(SocketId, Box<SocketRings>),
    /// Home to a connection's shard: nobody will accept it.
    Abort(SocketId),
}

/// A message with those it is for.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// All other shards.
    Others(ListenerChange),
    /// This shard.
    One(ShardIndex, ListenerMessage),
}
