//! The daemon's side of the control socket: other processes open sockets on the stack, and `ctl`
//! asks and changes.
//!
//! One thread accepts ([`Server`]); each connection has one that reads requests and one that writes
//! answers (`connection`). The work itself is done on the engine thread, in the order in which
//! the requests came, but nothing waits there: a `connect` or `accept` that has to wait is answered
//! when the stack reports its outcome, and other requests of the same connection go on meanwhile.

mod connection;
mod credentials;
mod path;
mod session;

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::net::Shutdown;

use crate::Stack;
use crate::bridge::quota::{AllSockets, Quota};
use crate::mailbox::Engines;

/// The control socket of a running stack. Unlinked, and its connections ended, when this is
/// dropped.
pub struct Server {
    bound: Bound,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// A control socket that is bound and not served yet: requests wait in its backlog.
pub struct Bound {
    path: PathBuf,
    listener: UnixListener,
}

#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    /// Connections being served, so that stopping can end them.
    connections: Mutex<Vec<(u64, UnixStream)>>,
    /// How many sockets the clients have open.
    sockets: AllSockets,
}

impl Bound {
    /// Binds the control socket at `path`. What a dead daemon left there is replaced.
    ///
    /// # Errors
    /// `AddrInUse` if a live daemon has it; the message names the path.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let listener = path::bind(path)?;
        Ok(Self { path: path.to_path_buf(), listener })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        // Someone may have removed it already.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Server {
    /// Serves `stack` on a bound control socket.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start(bound: Bound, stack: &Stack) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (engines, listener) = (stack.engines(), bound.listener.try_clone()?);
        let group = path::group(&bound.path)?;
        let state = shared.clone();
        let acceptor = thread::Builder::new()
            .name("control".into())
            .spawn(move || accept(&listener, &engines, group, &state))?;
        Ok(Self { bound, shared, acceptor: Some(acceptor) })
    }

    /// Where the control socket is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.bound.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // SocketRings the acceptor's wait.
        let _ = rustix::net::shutdown(&self.bound.listener, Shutdown::Both);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        for (_, connection) in self.shared.lock().drain(..) {
            let _ = connection.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(u64, UnixStream)>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &UnixListener, engines: &Engines, group: u32, shared: &Arc<Shared>) {
    for number in 0u64.. {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(_) if shared.stopping.load(Ordering::SeqCst) => return,
            Err(error) => {
                // Mostly that descriptors ran out: others will be closed.
                tracing::warn!("control socket: {error}");
                thread::sleep(std::time::Duration::from_millis(50));
                continue;
            }
        };
        if let Err(why) = credentials::check(&stream, group) {
            tracing::warn!("control connection refused: {why}");
            continue;
        }
        let Ok(kept) = stream.try_clone() else { continue };
        shared.lock().push((number, kept));
        let (engines, state) = (engines.clone(), shared.clone());
        let spawned = thread::Builder::new().name("client".into()).spawn(move || {
            connection::serve(stream, &engines, &Quota::new(&state.sockets));
            state.lock().retain(|(other, _)| *other != number);
        });
        if let Err(error) = spawned {
            tracing::warn!("control connection refused: {error}");
            shared.lock().retain(|(other, _)| *other != number);
        }
    }
}
