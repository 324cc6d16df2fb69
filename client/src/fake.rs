//! What the tests talk to: a daemon that answers as told, and a stack in this process whose far
//! side the test plays itself.

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use ring::bytes::{Reader, Writer, byte_ring};
use serde_json::{Value, json};

use crate::admin::{Request, Response};
use crate::call::{ErrorBody, SocketCall};
use crate::doorbell::{self, Bell};
use crate::frame::{self, Message};
use crate::session::Session;
use crate::socket_option::SocketOption;
use crate::stack::{LocalSocket, LocalStack, SocketHandle, Stack};

/// A session with a daemon that hands each message to `serve`; it ends with the connection.
pub(crate) fn daemon(
    mut serve: impl FnMut(&UnixStream, Message) + Send + 'static,
) -> (Session, JoinHandle<()>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let thread = thread::spawn(move || {
        while let Ok(Some((message, _))) = frame::recv(&theirs) {
            serve(&theirs, message);
        }
    });
    (Session::over(ours).unwrap(), thread)
}

/// What a scripted daemon does with a socket call.
pub(crate) enum Reply {
    Value(Value),
    WithFd(Value, OwnedFd),
    Errno(i32),
    /// No answer at all.
    Silence,
}

/// A stack behind a daemon whose socket calls `script` answers. Every call is also sent to the
/// receiver.
pub(crate) fn socket_daemon(
    mut script: impl FnMut(&SocketCall) -> Reply + Send + 'static,
) -> (Stack, Receiver<SocketCall>) {
    let (seen, calls) = channel();
    let (session, _) = daemon(move |sock, message| {
        let call: SocketCall = message.parse().unwrap();
        let reply = script(&call);
        let _ = seen.send(call);
        match reply {
            Reply::Value(value) => respond(sock, &message.answer(&value), None),
            Reply::WithFd(value, fd) => {
                use std::os::fd::AsFd;
                respond(sock, &message.answer(&value), Some(fd.as_fd()));
            }
            Reply::Errno(errno) => {
                respond(sock, &message.refusal(&ErrorBody::from_errno(errno, "no")), None);
            }
            Reply::Silence => {}
        }
    });
    (Stack::over(session), calls)
}

fn respond(sock: &UnixStream, message: &Message, fd: Option<BorrowedFd<'_>>) {
    // The client may be gone, as at the end of most tests.
    let _ = frame::send(sock, message, fd);
}

/// The stack's side of one local socket.
pub(crate) struct Far {
    pub(crate) tx: Writer,
    pub(crate) rx: Option<Reader>,
    pub(crate) bell: Bell,
    pub(crate) state: Arc<State>,
}

/// What the application did to the handle, and what the handle answers.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) connected: Mutex<Option<Result<(), i32>>>,
    pub(crate) error: Mutex<Option<i32>>,
    pub(crate) waiting: Mutex<VecDeque<LocalSocket>>,
    pub(crate) calls: Mutex<Vec<String>>,
    pub(crate) written: AtomicUsize,
    pub(crate) consumed: AtomicUsize,
}

impl Far {
    /// Delivers what fits.
    pub(crate) fn push(&mut self, data: &[u8]) -> usize {
        let n = self.tx.write(data);
        self.ring();
        n
    }

    pub(crate) fn finish(&mut self) {
        self.tx.finish();
        self.ring();
    }

    pub(crate) fn fail(&mut self, errno: u16) {
        self.tx.fail(errno);
        self.ring();
    }

    pub(crate) fn ring(&self) {
        if self.tx.take_reader_waiting() {
            self.bell.ring();
        }
    }

    /// Takes at most `buf.len()` bytes of what the application wrote.
    pub(crate) fn pull(&mut self, buf: &mut [u8]) -> usize {
        let rx = self.rx.as_mut().unwrap();
        let n = rx.read(buf);
        if n > 0 && rx.take_writer_waiting() {
            self.bell.open();
        }
        n
    }

    pub(crate) fn connected(&self, result: Result<(), i32>) {
        *self.state.connected.lock().unwrap() = Some(result);
        self.bell.open();
        if result.is_err() {
            self.bell.ring();
        }
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.state.calls.lock().unwrap().clone()
    }
}

/// Both sides of a local socket whose rings hold `capacity` bytes.
pub(crate) fn socket(capacity: usize) -> (LocalSocket, Far) {
    let (near_tx, far_rx) = byte_ring(capacity);
    let (far_tx, near_rx) = byte_ring(capacity);
    let (doorbell, bell) = doorbell::pair().unwrap();
    let state = Arc::new(State::default());
    let socket = LocalSocket {
        local: LOCAL.parse().unwrap(),
        remote: REMOTE.parse().ok(),
        tx: Some(near_tx),
        rx: Some(near_rx),
        doorbell,
        handle: Arc::new(Handle(state.clone())),
    };
    (socket, Far { tx: far_tx, rx: Some(far_rx), bell, state })
}

pub(crate) const LOCAL: &str = "10.0.1.7:40000";
pub(crate) const REMOTE: &str = "10.0.1.1:7";

struct Handle(Arc<State>);

impl Handle {
    fn note(&self, text: String) {
        self.0.calls.lock().unwrap().push(text);
    }
}

impl SocketHandle for Handle {
    fn connect_result(&self) -> Option<io::Result<()>> {
        let result = *self.0.connected.lock().unwrap();
        Some(result?.map_err(io::Error::from_raw_os_error))
    }
    fn written(&self) {
        self.0.written.fetch_add(1, Ordering::SeqCst);
    }
    fn consumed(&self) {
        self.0.consumed.fetch_add(1, Ordering::SeqCst);
    }
    fn shutdown(&self, how: Shutdown) {
        self.note(format!("shutdown {how:?}"));
    }
    fn close(&self) {
        self.note("close".into());
    }
    fn accept(&self) -> io::Result<LocalSocket> {
        self.0.waiting.lock().unwrap().pop_front().ok_or(io::ErrorKind::WouldBlock.into())
    }
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(LOCAL.parse().unwrap())
    }
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(REMOTE.parse().unwrap())
    }
    fn set_option(&self, option: SocketOption, value: i32) -> io::Result<()> {
        let (level, name) = option.to_linux();
        self.note(format!("set {level} {name} {value}"));
        Ok(())
    }
    fn option(&self, option: SocketOption) -> io::Result<i32> {
        let (level, name) = option.to_linux();
        Ok(level * 100 + name)
    }
    fn urged(&self) {
        self.note("urged".into());
    }
    fn urgent_byte(&self, peek: bool) -> io::Result<u8> {
        Ok(if peek { b'?' } else { b'!' })
    }
    fn set_option_name(&self, option: SocketOption, value: &str) -> io::Result<()> {
        let (level, name) = option.to_linux();
        self.note(format!("set {level} {name} {value}"));
        Ok(())
    }
    fn option_name(&self, option: SocketOption) -> io::Result<String> {
        let (level, name) = option.to_linux();
        Ok(format!("{level} {name}"))
    }
    fn take_error(&self) -> Option<io::Error> {
        self.0.error.lock().unwrap().take().map(io::Error::from_raw_os_error)
    }
    fn udp_connect(&self, remote: SocketAddr) -> io::Result<()> {
        self.note(format!("connect {remote}"));
        Ok(())
    }
}

/// A stack that hands the far side of every socket it opens to the test.
pub(crate) struct FakeStack {
    capacity: usize,
    far: Mutex<Sender<Far>>,
}

/// The stack, and where the far sides arrive.
pub(crate) fn stack(capacity: usize) -> (Stack, Receiver<Far>) {
    let (far, opened) = channel();
    (Stack::local(Arc::new(FakeStack { capacity, far: Mutex::new(far) })), opened)
}

impl FakeStack {
    fn open(&self) -> io::Result<LocalSocket> {
        let (socket, far) = socket(self.capacity);
        self.far.lock().unwrap().send(far).unwrap();
        Ok(socket)
    }
}

impl LocalStack for FakeStack {
    fn control(&self, request: &Request) -> io::Result<Response> {
        match request {
            Request::LinkShow => {
                let value = json!([{"ifindex": 1, "name": "tap7", "kind": "tap"}]);
                Ok(Response::read(request, value)?)
            }
            _ => Err(ErrorBody::new("KeyError", "no such object").into_io()),
        }
    }
    fn tcp_connect(&self, _: Option<SocketAddr>, _: SocketAddr) -> io::Result<LocalSocket> {
        self.open()
    }
    fn tcp_listen(&self, _: SocketAddr, _: u32) -> io::Result<LocalSocket> {
        let mut socket = self.open()?;
        (socket.tx, socket.rx, socket.remote) = (None, None, None);
        Ok(socket)
    }
    fn udp_bind(&self, _: SocketAddr) -> io::Result<LocalSocket> {
        self.open()
    }
}
