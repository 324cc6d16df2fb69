//! One control connection as the engines see it: which engine a request goes to.

use std::sync::atomic::{AtomicUsize, Ordering};

use client::admin::Request;
use client::socket_request::SocketRequest;

use crate::bridge::client_id::ClientId;
use crate::bridge::command::BridgeCommand;
use crate::bridge::quota::Quota;
use crate::bridge::reply::Reply;
use crate::control;
use crate::mailbox::Engines;

/// A control connection that all engines know. When it is dropped, its sockets close.
pub(super) struct Session {
    engines: Engines,
    client: ClientId,
    /// The engine that is asked for the next socket: they take turns.
    next: AtomicUsize,
}

impl Session {
    /// Makes the connection known. `None` if there are too many, or the stack has stopped.
    pub(super) fn open(engines: &Engines, client: ClientId, quota: &Quota) -> Option<Self> {
        let session = Self { engines: engines.clone(), client, next: AtomicUsize::new(0) };
        let quota = || quota.clone();
        let admits = |answer| BridgeCommand::OpenClient { client, quota: quota(), answer };
        let admitted = engines.iter().all(|engine| engine.ask(admits).unwrap_or(false));
        // Dropping the session closes what was opened.
        admitted.then_some(session)
    }

    /// Sends a request to the control plane.
    pub(super) fn control(&self, request: Request, reply: Reply) {
        control::request(&self.engines, request, |answer| reply.control(answer));
    }

    /// Sends a request about a socket to the engine that gave out its handle.
    pub(super) fn socket(&self, request: SocketRequest, reply: Reply) {
        let number = match request {
            SocketRequest::On { handle, .. } => handle as usize,
            SocketRequest::Socket { .. } => self.next.fetch_add(1, Ordering::Relaxed),
        };
        let command = BridgeCommand::Call { client: self.client, request, reply };
        self.engines.of_shard(number).post(command);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for engine in self.engines.iter() {
            engine.post(BridgeCommand::CloseClient(self.client));
        }
    }
}
