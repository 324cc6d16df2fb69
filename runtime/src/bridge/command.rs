//! What a control connection asks of an engine about its sockets.

use std::sync::mpsc::SyncSender;

use client::call::SocketCall;

use super::reply::Reply;
use crate::slab::Key;

/// One command.
pub(crate) enum BridgeCommand {
    /// A control connection begins. `None` comes back if there are too many.
    OpenClient { answer: SyncSender<Option<Key>> },
    /// A control connection is over: its sockets close as those of a process that died.
    CloseClient(Key),
    /// A request of a client.
    Call { client: Key, call: SocketCall, reply: Reply },
}
