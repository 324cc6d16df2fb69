//! The stack of this process, as the sockets of `client` want it.

use std::io;
use std::net::SocketAddr;

use client::admin::{Request, Response};
use client::{LocalSocket, LocalStack};

use super::command::LocalCommand;
use crate::command::Command;
use crate::mailbox::Remote;

/// The way to the stack of this process.
pub(crate) struct LocalHost(Remote);

impl LocalHost {
    pub(crate) fn new(remote: Remote) -> Self {
        Self(remote)
    }
}

impl LocalStack for LocalHost {
    fn control(&self, request: &Request) -> io::Result<Response> {
        let request = request.clone();
        let answer = self.0.ask(|answer| {
            Command::control(request, move |result| {
                // The caller waits for it.
                let _ = answer.send(result);
            })
        })?;
        answer.map_err(client::call::ErrorBody::into_io)
    }

    fn tcp_connect(
        &self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
    ) -> io::Result<LocalSocket> {
        self.0.ask(|answer| LocalCommand::Connect { local, remote, answer })?
    }

    fn tcp_listen(&self, local: SocketAddr, backlog: u32) -> io::Result<LocalSocket> {
        self.0.ask(|answer| LocalCommand::Listen { local, backlog, answer })?
    }

    fn udp_bind(&self, local: SocketAddr) -> io::Result<LocalSocket> {
        self.0.ask(|answer| LocalCommand::BindUdp { local, answer })?
    }
}
