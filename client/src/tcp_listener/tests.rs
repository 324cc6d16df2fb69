//! Listeners of a daemon: readiness by the eventfd, connections by request.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use serde_json::json;

use super::*;
use crate::admin::{DaemonInfo, Request};
use crate::call::{SocketCall, verb};
use crate::fake;
use crate::frame::{self, Message, op};

/// Connections that wait in the daemon, and its side of the eventfd, a semaphore.
struct Queue {
    waiting: Mutex<Vec<UnixStream>>,
    event: OwnedFd,
}

impl Queue {
    fn push(&self) -> UnixStream {
        let (near, far) = UnixStream::pair().unwrap();
        self.waiting.lock().unwrap().push(near);
        rustix::io::write(&self.event, &1u64.to_ne_bytes()).unwrap();
        far
    }
}

/// A daemon with one listener; the control connection can be cut by the receiver's stream.
fn daemon() -> (Stack, Arc<Queue>, Receiver<UnixStream>) {
    let flags = EventfdFlags::SEMAPHORE | EventfdFlags::NONBLOCK;
    let event = eventfd(0, flags).unwrap();
    let queue = Arc::new(Queue { waiting: Mutex::default(), event });
    let served = queue.clone();
    let (control, cut) = channel();
    let (session, _) = fake::daemon(move |sock, message| {
        let _ = control.send(sock.try_clone().unwrap());
        let _ = serve(&served, sock, &message);
    });
    (Stack::over(session), queue, cut)
}

fn serve(queue: &Queue, sock: &UnixStream, message: &Message) -> io::Result<()> {
    if message.op == op::CONTROL_CALL {
        return frame::send(
            sock,
            &message.answer(&json!({"version": "", "pid": 4711, "uptime": 0})),
            None,
        );
    }
    let call: SocketCall = message.parse()?;
    match call.method.as_str() {
        verb::SOCKET => {
            let (near, _) = UnixStream::pair()?;
            frame::send(sock, &message.answer(&json!({"handle": 0})), Some(near.as_fd()))
        }
        verb::LISTEN => {
            assert_eq!(call.args, json!({"backlog": BACKLOG}));
            frame::send(sock, &message.answer(&()), Some(queue.event.as_fd()))
        }
        verb::ACCEPT => {
            assert_eq!(call.args, json!({"blocking": false}));
            let Some(near) = queue.waiting.lock().unwrap().pop() else {
                let eagain = crate::call::ErrorBody::from_errno(11, "none");
                return frame::send(sock, &message.refusal(&eagain), None);
            };
            rustix::io::read(&queue.event, &mut [0; 8])?;
            let accepted = json!({"handle": 1, "address": "10.0.1.1", "port": 5000});
            frame::send(sock, &message.answer(&accepted), Some(near.as_fd()))
        }
        _ => frame::send(sock, &message.answer(&()), None),
    }
}

fn readable(listener: &TcpListener) -> bool {
    let mut fds = [PollFd::new(listener, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).unwrap() == 1
}

/// CLIENT-09: the descriptor says when accepting succeeds.
/// SOCK-35, IPC-30.
/// DIFF-24.
#[test]
fn readiness_is_the_eventfds() {
    let (stack, queue, _cut) = daemon();
    let listener = TcpListener::bind(&stack, "10.0.1.7:80").unwrap();
    listener.set_nonblocking(true).unwrap();
    assert!(!readable(&listener));
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut far = queue.push();
    assert!(readable(&listener));
    let (mut stream, peer) = listener.accept().unwrap();
    assert_eq!(peer, "10.0.1.1:5000".parse().unwrap());
    assert_eq!(stream.peer_addr().unwrap(), peer);
    far.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    assert!(!readable(&listener));
}

/// CLIENT-11: who waits for a connection holds up nobody on the same session.
/// CLIENT-04.
#[test]
fn a_blocking_accept_holds_up_nobody() {
    let (stack, queue, _cut) = daemon();
    let listener = TcpListener::bind(&stack, "10.0.1.7:80").unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| listener.accept().unwrap().1);
        let second = scope.spawn(|| listener.incoming().next().unwrap().unwrap());
        thread::sleep(Duration::from_millis(10));
        let info = stack.control(&Request::DaemonInfo).unwrap();
        assert_eq!(DaemonInfo::try_from(info).unwrap().pid, 4711);
        let _far = [queue.push(), queue.push()];
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// An eventfd that says ready when nothing is there makes neither an error nor a spin.
#[test]
fn a_false_alarm_is_waited_out() {
    let (stack, queue, _cut) = daemon();
    let listener = TcpListener::bind(&stack, "10.0.1.7:80").unwrap();
    rustix::io::write(&queue.event, &1u64.to_ne_bytes()).unwrap();
    thread::scope(|scope| {
        let acceptor = scope.spawn(|| listener.accept().map(|(_, peer)| peer));
        thread::sleep(Duration::from_millis(20));
        let _far = queue.push();
        acceptor.join().unwrap().unwrap();
    });
}

#[test]
fn a_lost_daemon_wakes_who_accepts() {
    let (stack, _queue, cut) = daemon();
    let listener = TcpListener::bind(&stack, "10.0.1.7:80").unwrap();
    thread::scope(|scope| {
        let acceptor = scope.spawn(|| listener.accept().unwrap_err().kind());
        thread::sleep(Duration::from_millis(10));
        cut.recv().unwrap().shutdown(std::net::Shutdown::Both).unwrap();
        assert_eq!(acceptor.join().unwrap(), ErrorKind::ConnectionAborted);
    });
}
