//! The stack of this process, as the sockets of `client` want it.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use client::admin::{Request, Response};
use client::{LocalSocket, LocalStack};

use super::command::{Answer, LocalCommand};
use crate::control;
use crate::mailbox::{Engines, stopped};

/// The way to the stack of this process.
pub(crate) struct LocalHost {
    engines: Engines,
    /// The engine that is asked for the next socket: they take turns.
    next: AtomicUsize,
}

impl LocalHost {
    pub(crate) fn new(engines: Engines) -> Self {
        Self { engines, next: AtomicUsize::new(0) }
    }

    /// Asks an engine for a socket. If it has to be opened on another shard, the engine hands the
    /// request over.
    fn open(
        &self,
        command: impl FnOnce(Answer<LocalSocket>) -> LocalCommand,
    ) -> io::Result<LocalSocket> {
        let engine = self.engines.of_shard(self.next.fetch_add(1, Ordering::Relaxed));
        engine.ask(command)?
    }
}

impl LocalStack for LocalHost {
    fn control(&self, request: &Request) -> io::Result<Response> {
        let (answer, answered) = sync_channel(1);
        control::request(&self.engines, request.clone(), move |result| {
            // The caller waits for it.
            let _ = answer.send(result);
        });
        answered.recv().map_err(|_| stopped())?.map_err(client::call::ErrorBody::into_io)
    }

    fn tcp_connect(
        &self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
    ) -> io::Result<LocalSocket> {
        self.open(|answer| LocalCommand::Connect { local, remote, answer })
    }

    fn tcp_listen(&self, local: SocketAddr, backlog: u32) -> io::Result<LocalSocket> {
        self.open(|answer| LocalCommand::Listen { local, backlog, answer })
    }

    fn udp_bind(&self, local: SocketAddr) -> io::Result<LocalSocket> {
        self.open(|answer| LocalCommand::BindUdp { local, answer })
    }
}
