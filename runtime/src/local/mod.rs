//! Sockets for threads of this process: [`client::LocalStack`] on an engine.
//!
//! The application holds its halves of a socket's rings and a doorbell; the engine keeps a
//! [`locals::Locals`] entry with the bell. What the application does reaches the engine through the
//! mailbox: opening and closing as calls, reading and writing as *attention*, at most one message
//! under way for each socket ([`Shared::tell`]). What the stack does reaches the application by its
//! rings, and by the bell if it sleeps.

mod handle;
mod locals;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};

use addr::Endpoint;
use client::admin::{Request, Response};
use client::{LocalSocket, LocalStack};

pub(crate) use self::locals::Locals;
use crate::engine::mailbox::Remote;
use crate::option::Options;

/// The stack of this process, as the sockets of `client` want it.
pub(crate) struct LocalHost(Remote);

impl LocalHost {
    pub(crate) fn new(remote: Remote) -> Self {
        Self(remote)
    }
}

impl LocalStack for LocalHost {
    fn control(&self, request: &Request) -> io::Result<Response> {
        let request = request.clone();
        let answer = self.0.call(move |engine| crate::admin::answer(engine, &request))?;
        answer.map_err(client::call::ErrorBody::into_io)
    }

    fn tcp_connect(
        &self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
    ) -> io::Result<LocalSocket> {
        self.0.call(move |engine| engine.locals.connect(local, remote, &mut engine.core))?
    }

    fn tcp_listen(&self, local: SocketAddr, backlog: u32) -> io::Result<LocalSocket> {
        self.0.call(move |engine| engine.locals.listen(local, backlog, &mut engine.core))?
    }

    fn udp_bind(&self, local: SocketAddr) -> io::Result<LocalSocket> {
        self.0.call(move |engine| engine.locals.bind_udp(local, &mut engine.core))?
    }
}

/// The application wrote.
const WROTE: u8 = 1;
/// The application read.
const READ: u8 = 2;

/// The attempt goes on.
const CONNECTING: i32 = -1;

/// What both sides of a local socket look at.
struct Shared {
    /// What the application did since the engine last looked.
    done: AtomicU8,
    /// [`CONNECTING`], 0 once connected, or the errno of the failure.
    connect: AtomicI32,
    /// The error that SO_ERROR takes, or 0.
    error: AtomicI32,
    names: Mutex<(Endpoint, Option<Endpoint>)>,
    options: Mutex<Options>,
}

impl Shared {
    fn new(local: Endpoint, remote: Option<Endpoint>, connect: i32) -> Arc<Self> {
        Arc::new(Self {
            done: AtomicU8::new(0),
            connect: AtomicI32::new(connect),
            error: AtomicI32::new(0),
            names: Mutex::new((local, remote)),
            options: Mutex::new(Options::default()),
        })
    }

    /// Notes what the application did. Says whether the engine must be told: it has not been since
    /// it last looked.
    fn tell(&self, what: u8) -> bool {
        self.done.fetch_or(what, Ordering::AcqRel) == 0
    }

    /// Takes what the application did.
    fn take(&self) -> u8 {
        self.done.swap(0, Ordering::AcqRel)
    }
}
