//! What shards tell each other of listeners and their connections.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use addr::Endpoint;

use crate::shard::index::ShardIndex;
use crate::socket::{SocketId, SocketRings};
use crate::tcp::user::socket_options::{SocketOptions, TcpOption};

/// What a replica is made from.
#[derive(Clone, Debug)]
pub(crate) struct Announcement {
    pub(super) id: SocketId,
    pub(super) local: Endpoint,
    pub(super) only_v6: bool,
    pub(super) backlog: u32,
    pub(super) options: SocketOptions,
    pub(super) waiting: Option<Arc<AtomicU32>>,
}

/// What a listener's home tells the replicas on all other shards.
#[derive(Clone, Debug)]
pub(crate) enum ListenerChange {
    /// There is a new one.
    Add(Box<Announcement>),
    /// Its connections start with this option.
    Option(SocketId, TcpOption),
    /// It has closed.
    Del(SocketId),
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
