//! What a control connection asks of an engine about its sockets, and what engines hand over to
//! each other when a socket lives on another shard.

use std::sync::mpsc::SyncSender;

use client::socket_request::{SocketRequest, SocketVerb};
use stack::socket::SocketRings;

use super::client_id::ClientId;
use super::quota::Quota;
use super::reply::Reply;
use super::state::Bridge;
use crate::option::Options;

/// One command.
pub(crate) enum BridgeCommand {
    /// A control connection begins. The answer is whether there is room for it.
    OpenClient { client: ClientId, quota: Quota, answer: SyncSender<bool> },
    /// A control connection is over: its sockets close as those of a process that died.
    CloseClient(ClientId),
    /// A request of a client.
    Call { client: ClientId, request: SocketRequest, reply: Reply },
    /// A bridge moves to the shard where the stack's socket has to be opened, with the request that
    /// opens it.
    Move { bridge: Box<Bridge>, verb: SocketVerb, reply: Reply },
    /// A bridge that had moved to another shard is no more: the first engine may give its handle
    /// out again.
    HandleGone { client: ClientId, handle: u32, serial: u64 },
    /// A connection was accepted for a client on another shard and lives here.
    Adopt(Box<Adoption>),
}

/// An accepted connection on its way to the engine of its shard.
pub(crate) struct Adoption {
    pub(crate) client: ClientId,
    /// Whether the listener was opened for IPv6.
    pub(crate) v6: bool,
    /// The listener's options, which a connection inherits.
    pub(crate) options: Options,
    pub(crate) rings: SocketRings,
    pub(crate) reply: Reply,
}
