//! One connection to the daemon, shared by all sockets and control calls that came from it.
//!
//! Any thread may call; requests are written whole, one after another, and several may be in
//! flight. A reader thread takes the answers in whatever order they come and hands each to the
//! caller that waits for its id. A caller that stops waiting leaves a note in its place: should
//! the answer then bring a socket after all, the reader gives it back with `close`.
//!
//! When the connection breaks, or the daemon sends what no daemon sends, every caller that waits
//! and every later call gets [`CallError::Lost`]. The last clone of the session closes the
//! connection, and the daemon closes its sockets.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use crate::admin::{Request, Response};
use crate::call::{ErrorBody, Opened};
use crate::error_body::strerror;
use crate::frame::{self, Kind, Message, op};
use crate::path::usual_path;
use crate::socket_request::{SocketRequest, SocketVerb};

/// How long a call waits for its answer, unless it says otherwise.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Most requests in flight on one session, so that a daemon that never answers costs no memory
/// without bound.
const IN_FLIGHT_MAX: usize = 16 * 1024;

/// How often [`Session::wait_for_daemon`] looks.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// A connection to the daemon. Clones share it.
///
/// ```no_run
/// use client::{Session, admin::Request};
///
/// let session = Session::connect(None)?;
/// println!("{:?}", session.control(&Request::LinkShow)?);
/// # Ok::<(), client::CallError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Session(Arc<Owner>);

/// Why a call brought no value.
#[derive(Debug)]
pub enum CallError {
    /// There is no daemon to talk to.
    Connect {
        /// The control socket that was tried.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The connection to the daemon broke.
    Lost(String),
    /// No answer came in time.
    TimedOut(Duration),
    /// The daemon refused.
    Refused(ErrorBody),
    /// The request could not be sent or the answer makes no sense.
    Protocol(String),
}

/// Closes the connection when the last clone of the session goes; the reader thread then ends.
#[derive(Debug)]
struct Owner(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    sock: UnixStream,
    /// Held while a frame is written.
    sending: Mutex<()>,
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    last_id: u32,
    in_flight: HashMap<u32, Caller>,
    /// Why there will be no more answers.
    lost: Option<String>,
}

#[derive(Debug)]
enum Caller {
    Waiting(SyncSender<(Message, Option<OwnedFd>)>),
    /// Nobody waits (any more).
    Gone,
}

impl Session {
    /// Connects to the daemon at `path`, or where it listens by default.
    ///
    /// # Errors
    /// `Connect` if nobody listens there.
    pub fn connect(path: Option<&Path>) -> Result<Self, CallError> {
        let path = path.map_or_else(usual_path, Path::to_path_buf);
        UnixStream::connect(&path)
            .and_then(Self::over)
            .map_err(|source| CallError::Connect { path, source })
    }

    /// Like [`Session::connect`], but for a daemon that is just starting: tries again until
    /// `timeout` has passed.
    ///
    /// # Errors
    /// `Connect` if nobody listens there when the time is over.
    pub fn wait_for_daemon(path: Option<&Path>, timeout: Duration) -> Result<Self, CallError> {
        let deadline = Instant::now() + timeout;
        loop {
            match Self::connect(path) {
                Err(CallError::Connect { .. }) if Instant::now() + RETRY_INTERVAL < deadline => {
                    thread::sleep(RETRY_INTERVAL);
                }
                result => return result,
            }
        }
    }

    /// A session over a connected socket.
    ///
    /// # Errors
    /// If the socket takes no timeout, or there is no thread left.
    pub fn over(sock: UnixStream) -> io::Result<Self> {
        // A daemon that does not read must not hold a caller for ever. A frame that was cut by
        // this is the end of the session.
        sock.set_write_timeout(Some(CALL_TIMEOUT))?;
        let shared = Arc::new(Shared { sock, sending: Mutex::new(()), calls: Mutex::default() });
        let session = Self(Arc::new(Owner(shared.clone())));
        thread::Builder::new().name("pytcp-session".into()).spawn(move || shared.read_answers())?;
        Ok(session)
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// `Protocol` if the answer is no pong, `TimedOut` if none comes in time, else that the
    /// daemon could not be asked.
    pub fn ping(&self) -> Result<(), CallError> {
        let (answer, _) = self.shared().ask(op::PING, &Value::Null, Some(CALL_TIMEOUT))?;
        match (answer.kind, answer.body.as_slice()) {
            (Kind::Ok, b"PONG" | b"\"PONG\"") => Ok(()),
            _ => Err(CallError::Protocol("the answer to a ping was no pong".into())),
        }
    }

    /// Carries out a request to the control plane.
    ///
    /// # Errors
    /// `Refused` if the daemon refuses, `Protocol` if its answer is none to that request, else
    /// that the daemon could not be asked.
    pub fn control(&self, request: &Request) -> Result<Response, CallError> {
        Response::read(request, self.call(request)?).map_err(|error| {
            let (api, method) = request.name();
            let text = format!("{api} {method}: the daemon's answer makes no sense: {error}");
            CallError::Protocol(text)
        })
    }

    /// Carries out a control call and returns the value.
    fn call<T: Serialize>(&self, call: &T) -> Result<Value, CallError> {
        let (answer, _) = self.shared().ask(op::CONTROL_CALL, call, Some(CALL_TIMEOUT))?;
        value_of(&answer)
    }

    /// Carries out a request about a socket; `None` waits for as long as it takes. The descriptor
    /// is the one that came with the answer.
    ///
    /// # Errors
    /// `Refused` if the daemon refuses, `TimedOut` if no answer comes in time, else that the daemon
    /// could not be asked.
    pub fn socket_call(
        &self,
        request: &SocketRequest,
        timeout: Option<Duration>,
    ) -> Result<(Value, Option<OwnedFd>), CallError> {
        let (answer, fd) = self.shared().ask(op::SOCKET_CALL, request, timeout)?;
        Ok((value_of(&answer)?, fd))
    }

    /// Sends a request about a socket whose answer nobody needs.
    pub(crate) fn post(&self, request: &SocketRequest) {
        self.shared().post(request);
    }

    /// The connection, to watch for its end only: the reader thread owns what can be read.
    pub(crate) fn watch_fd(&self) -> BorrowedFd<'_> {
        self.shared().sock.as_fd()
    }

    /// Whether the connection broke.
    pub(crate) fn is_lost(&self) -> bool {
        self.shared().calls().lost.is_some()
    }

    fn shared(&self) -> &Shared {
        &self.0.0
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // An error means that the connection is down already.
        let _ = self.0.sock.shutdown(std::net::Shutdown::Both);
    }
}

impl Shared {
    /// Sends one request and waits for its answer.
    fn ask<T: Serialize>(
        &self,
        op: u16,
        body: &T,
        timeout: Option<Duration>,
    ) -> Result<(Message, Option<OwnedFd>), CallError> {
        let (sender, receiver) = sync_channel(1);
        let id = self.register(Caller::Waiting(sender))?;
        self.send(&Message::request(op, id, body))?;
        self.wait(id, &receiver, timeout)
    }

    fn wait(
        &self,
        id: u32,
        answer: &Receiver<(Message, Option<OwnedFd>)>,
        timeout: Option<Duration>,
    ) -> Result<(Message, Option<OwnedFd>), CallError> {
        let Some(timeout) = timeout else {
            return answer.recv().map_err(|_| self.lost());
        };
        match answer.recv_timeout(timeout) {
            Ok(answer) => Ok(answer),
            Err(RecvTimeoutError::Disconnected) => Err(self.lost()),
            Err(RecvTimeoutError::Timeout) => {
                let mut calls = self.calls();
                if let Some(caller) = calls.in_flight.get_mut(&id) {
                    *caller = Caller::Gone;
                    return Err(CallError::TimedOut(timeout));
                }
                drop(calls);
                // It came at the last moment, or never will.
                answer.try_recv().map_err(|_| self.lost())
            }
        }
    }

    fn post(&self, request: &SocketRequest) {
        // If it cannot be sent the connection is down, and the daemon closes everything anyway.
        if let Ok(id) = self.register(Caller::Gone) {
            let _ = self.send(&Message::request(op::SOCKET_CALL, id, request));
        }
    }

    /// Takes a free request id.
    fn register(&self, caller: Caller) -> Result<u32, CallError> {
        let mut calls = self.calls();
        if let Some(reason) = &calls.lost {
            return Err(CallError::Lost(reason.clone()));
        }
        if calls.in_flight.len() >= IN_FLIGHT_MAX {
            return Err(CallError::Protocol("too many requests without an answer".into()));
        }
        loop {
            calls.last_id = calls.last_id.wrapping_add(1);
            let id = calls.last_id;
            if let Entry::Vacant(place) = calls.in_flight.entry(id) {
                place.insert(caller);
                return Ok(id);
            }
        }
    }

    fn send(&self, request: &Message) -> Result<(), CallError> {
        let sending = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        let result = frame::send(&self.sock, request, None);
        drop(sending);
        let Err(error) = result else { return Ok(()) };
        if error.kind() == io::ErrorKind::InvalidData {
            self.calls().in_flight.remove(&request.id);
            return Err(CallError::Protocol(error.to_string())); // too long, nothing was sent
        }
        self.give_up(format!("cannot send: {}", strerror(&error)));
        Err(self.lost())
    }

    /// The reader thread.
    fn read_answers(&self) {
        let reason = loop {
            match frame::recv(&self.sock) {
                Ok(Some((message, _))) if message.kind == Kind::Request => {
                    break "the daemon sent a request".into();
                }
                Ok(Some((message, fd))) => self.deliver(message, fd),
                Ok(None) => break "the daemon closed the connection".into(),
                Err(error) => break strerror(&error),
            }
        };
        self.give_up(reason);
    }

    fn deliver(&self, message: Message, fd: Option<OwnedFd>) {
        let caller = self.calls().in_flight.remove(&message.id);
        let orphan = match caller {
            // The channel has room for one and gets one. It fails when the caller is gone.
            Some(Caller::Waiting(sender)) => {
                sender.try_send((message, fd)).err().map(|error| match error {
                    std::sync::mpsc::TrySendError::Full(answer)
                    | std::sync::mpsc::TrySendError::Disconnected(answer) => answer.0,
                })
            }
            Some(Caller::Gone) => Some(message),
            None => None, // an answer to nothing; a descriptor with it is closed here
        };
        if let Some(message) = orphan
            && message.kind == Kind::Ok
            && message.op == op::SOCKET_CALL
            && let Ok(Opened { handle }) = message.parse()
        {
            self.post(&SocketRequest::On { handle, verb: SocketVerb::Close });
        }
    }

    /// Ends the session: who waits is told, who calls later too.
    fn give_up(&self, reason: String) {
        let _ = self.sock.shutdown(std::net::Shutdown::Both);
        let mut calls = self.calls();
        calls.lost.get_or_insert(reason);
        calls.in_flight.clear();
    }

    fn lost(&self) -> CallError {
        let reason = self.calls().lost.clone();
        CallError::Lost(reason.unwrap_or_else(|| "the connection is closed".into()))
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn value_of(answer: &Message) -> Result<Value, CallError> {
    let bad = |error: io::Error| CallError::Protocol(error.to_string());
    match answer.kind {
        Kind::Error => Err(CallError::Refused(answer.parse().map_err(bad)?)),
        Kind::Ok | Kind::Request => answer.parse().map_err(bad),
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { path, source } => {
                let (path, reason) = (path.display(), strerror(source));
                write!(f, "cannot connect to {path}: {reason} (is pytcp-xdp running?)")
            }
            Self::Lost(reason) => write!(f, "lost the connection to the daemon: {reason}"),
            Self::TimedOut(after) => {
                write!(f, "no answer from the daemon within {} s", after.as_secs_f32())
            }
            Self::Refused(error) => error.fmt(f),
            Self::Protocol(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect { source, .. } => Some(source),
            Self::Refused(error) => Some(error),
            Self::Lost(_) | Self::TimedOut(_) | Self::Protocol(_) => None,
        }
    }
}

/// As the error of a socket call: a refusal with errno is that errno.
impl From<CallError> for io::Error {
    fn from(error: CallError) -> Self {
        let kind = match error {
            CallError::Refused(body) => return body.into(),
            CallError::Connect { ref source, .. } => source.kind(),
            CallError::Lost(_) => io::ErrorKind::ConnectionAborted,
            CallError::TimedOut(_) => io::ErrorKind::TimedOut,
            CallError::Protocol(_) => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests;
