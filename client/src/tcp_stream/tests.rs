//! TCP connections of a daemon: the socketpair carries the data, the session the rest.

use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt;
use serde_json::json;

use super::*;
use crate::call::{SocketCall, verb};
use crate::fake::{self, Reply};
use crate::socket_option::{SO_RCVBUF, SOL_SOCKET};
use crate::socket_request::{SocketRequest, SocketVerb};

const PEER: &str = "10.0.1.1:7";

/// A stack whose daemon opens sockets with handles from 5 on; their far ends and all calls arrive
/// at the receivers. `script` answers the other calls, `Reply::Value(null)` if it has nothing.
fn daemon(
    mut script: impl FnMut(&SocketCall) -> Option<Reply> + Send + 'static,
) -> (Stack, Receiver<UnixStream>, Receiver<SocketCall>) {
    let (opened, far): (Sender<UnixStream>, _) = channel();
    let mut handle = 4;
    let (stack, calls) = fake::socket_daemon(move |call| {
        if call.method == verb::SOCKET {
            let (ours, theirs) = UnixStream::pair().unwrap();
            opened.send(theirs).unwrap();
            handle += 1;
            return Reply::WithFd(json!({"handle": handle}), ours.into());
        }
        script(call).unwrap_or(Reply::Value(json!(null)))
    });
    (stack, far, calls)
}

/// Answers SO_ERROR with `errno`.
fn so_error(errno: i32) -> impl FnMut(&SocketCall) -> Option<Reply> + Send + 'static {
    move |call| (call.method == verb::GETSOCKOPT).then(|| Reply::Value(json!(errno)))
}

fn methods(calls: &Receiver<SocketCall>) -> Vec<String> {
    calls.try_iter().map(|call| call.method).collect()
}

fn ready(socket: &impl AsFd) -> (bool, bool) {
    let mut fds = [PollFd::new(socket, PollFlags::IN | PollFlags::OUT)];
    poll(&mut fds, Some(&Timespec::default())).unwrap();
    let events = fds[0].revents();
    (events.contains(PollFlags::IN), events.contains(PollFlags::OUT))
}

/// CLIENT-05: socket, connect, data, half close, and at the end the daemon's socket is closed,
/// after the data end.
/// SOCK-08.
#[test]
fn a_connection_from_begin_to_end() {
    let (stack, far, calls) = daemon(so_error(0));
    let mut stream = TcpStream::connect(&stack, PEER).unwrap();
    let mut far = far.recv().unwrap();
    let open = calls.recv().unwrap();
    assert_eq!(open, SocketCall { method: "socket".into(), handle: None, args: open.args.clone() });
    assert_eq!(open.args, json!({"family": 4, "type": "stream"}));
    let connect = calls.recv().unwrap();
    assert_eq!((connect.method.as_str(), connect.handle), ("connect", Some(5)));
    assert_eq!(connect.args, json!({"address": "10.0.1.1", "port": 7}));
    assert_eq!(stream.peer_addr().unwrap(), PEER.parse().unwrap());

    stream.write_all(b"request").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut text = String::new();
    far.read_to_string(&mut text).unwrap();
    assert_eq!(text, "request");
    assert_eq!(methods(&calls), [""; 0], "the half close travels behind the data");
    far.write_all(b"answer").unwrap();
    assert_eq!(stream.peek(&mut [0; 9]).unwrap(), 6);
    drop(far);
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text, "answer");
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert_eq!(methods(&calls), ["getsockopt"], "why it ended is asked once");
    drop(stream);
    assert_eq!(calls.recv().unwrap(), SocketCall::new(verb::CLOSE, Some(5), &()));
}

#[test]
fn a_given_local_address_is_bound_first() {
    let (stack, _far, calls) = daemon(|_| None);
    let local = "[2001:db8::7]:40000".parse().unwrap();
    TcpStream::connect_from(&stack, local, "[2001:db8::1]:7".parse().unwrap()).unwrap();
    let calls: Vec<_> = calls.iter().take(3).collect();
    assert_eq!(calls[0].args, json!({"family": 6, "type": "stream"}));
    assert_eq!(calls[1].method, "bind");
    assert_eq!(calls[1].args, json!({"address": "2001:db8::7", "port": 40000}));
    assert_eq!(calls[2].method, "connect");
}

/// IPC-11: a refusal is the errno that the kernel's call would have given.
#[test]
fn a_refused_connection_is_refused_and_closed() {
    let (stack, _far, calls) =
        daemon(|call| (call.method == verb::CONNECT).then_some(Reply::Errno(111)));
    let error = TcpStream::connect(&stack, PEER).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(error.raw_os_error(), Some(111));
    assert_eq!(calls.iter().take(3).last().unwrap().method, "close");
}

#[test]
fn a_connection_that_takes_too_long_is_given_up() {
    let (stack, _far, calls) =
        daemon(|call| (call.method == verb::CONNECT).then_some(Reply::Silence));
    let peer = PEER.parse().unwrap();
    let error = TcpStream::connect_timeout(&stack, &peer, Duration::from_millis(15)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(calls.iter().take(3).last().unwrap().method, "close");
    assert!(TcpStream::connect_timeout(&stack, &peer, Duration::ZERO).is_err());
}

#[test]
fn a_reset_is_told_once_after_the_data() {
    let (stack, far, _calls) = daemon(so_error(104));
    let mut stream = TcpStream::connect(&stack, PEER).unwrap();
    let mut far = far.recv().unwrap();
    far.write_all(b"last").unwrap();
    drop(far);
    assert_eq!(stream.read(&mut [0; 9]).unwrap(), 4);
    assert_eq!(stream.read(&mut [0; 9]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(stream.read(&mut [0; 9]).unwrap(), 0);
    assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn a_write_after_the_end_tells_why() {
    let (stack, far, _calls) = daemon(so_error(104));
    let mut stream = TcpStream::connect(&stack, PEER).unwrap();
    stream.write_all(b"never read").unwrap();
    drop(far.recv().unwrap());
    assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

/// The socketpair ends when the daemon dies, which must not look like the peer's FIN.
#[test]
fn a_daemon_that_dies_is_not_an_orderly_end() {
    let (opened, far) = channel();
    let (session, _) = fake::daemon(move |sock, message| {
        let call: SocketCall = message.parse().unwrap();
        if call.method == verb::SOCKET {
            let (ours, theirs) = UnixStream::pair().unwrap();
            opened.send((sock.try_clone().unwrap(), theirs)).unwrap();
            let answer = message.answer(&json!({"handle": 0}));
            crate::frame::send(sock, &answer, Some(ours.as_fd())).unwrap();
        } else {
            crate::frame::send(sock, &message.answer(&()), None).unwrap();
        }
    });
    let mut stream = TcpStream::connect(&Stack::over(session), PEER).unwrap();
    let (control, data) = far.recv().unwrap();
    control.shutdown(Shutdown::Both).unwrap();
    drop(data);
    let error = stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted, "{error}");
}

/// CLIENT-08: readiness, timeouts and non-blocking are the kernel's.
/// SOCK-35, SOCK-36.
#[test]
fn readiness_is_the_socketpairs() {
    let (stack, far, _calls) = daemon(|_| None);
    let mut stream = TcpStream::connect(&stack, PEER).unwrap();
    let mut far = far.recv().unwrap();
    assert_eq!(ready(&stream), (false, true));
    let short = Some(Duration::from_millis(10));
    stream.set_read_timeout(short).unwrap();
    assert!(stream.read_timeout().unwrap() >= short, "the kernel rounds up to its ticks");
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    stream.set_nonblocking(true).unwrap();
    let mut sent = 0;
    let error = loop {
        match stream.write(&[0; 4096]) {
            Ok(n) => sent += n,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert_eq!(ready(&stream), (false, false));
    far.read_exact(&mut vec![0; sent]).unwrap();
    far.write_all(b"x").unwrap();
    assert_eq!(ready(&stream), (true, true));
}

/// CLIENT-05: a daemon drops exactly the bytes that kept the stream from being writable.
/// SOPT-02, IPC-29.
/// DIFF-10, DIFF-24.
#[test]
fn connecting_without_blocking() {
    for errno in [0, 111] {
        let (stack, far, calls) = daemon(so_error(errno));
        let mut stream = TcpStream::connect_start(&stack, PEER.parse().unwrap()).unwrap();
        let mut far = far.recv().unwrap();
        let start = calls.iter().nth(1).unwrap();
        assert_eq!(start.method, "connect_start");
        let SocketRequest::On { verb: SocketVerb::ConnectStart { remote, fill }, .. } =
            SocketRequest::try_from(start).unwrap()
        else {
            panic!("connect_start")
        };
        assert_eq!(remote, PEER.parse().unwrap());
        assert!(!ready(&stream).1);
        assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::WouldBlock);

        far.read_exact(&mut vec![0; fill as usize]).unwrap();
        assert!(ready(&stream).1);
        let error = stream.take_error().unwrap().and_then(|error| error.raw_os_error());
        assert_eq!(error.unwrap_or(0), errno);
        let Data::Daemon(inner) = &*stream.data else { panic!("of a daemon") };
        assert!(sockopt::socket_send_buffer_size(&inner.sock).unwrap() > 8 * FILL_BUFFER);
        stream.write_all(b"data").unwrap();
        let mut data = [0; 9];
        assert_eq!((far.read(&mut data).unwrap(), &data[..4]), (4, &b"data"[..]));
    }
}

/// IPC-37: a receive buffer size is the socketpair's; every other option is the daemon's.
/// SOCK-34, SOPT-12.
#[test]
fn options() {
    let (stack, _far, calls) = daemon(|call| match call.method.as_str() {
        verb::GETSOCKOPT => Some(Reply::Value(json!(1))),
        verb::GETSOCKNAME => Some(Reply::Value(json!({"address": "10.0.1.7", "port": 40000}))),
        _ => None,
    });
    let stream = TcpStream::connect(&stack, PEER).unwrap();
    assert_eq!(stream.local_addr().unwrap(), "10.0.1.7:40000".parse().unwrap());
    methods(&calls);
    stream.set_option(SOL_SOCKET, SO_RCVBUF, 30_000).unwrap();
    assert_eq!(methods(&calls), [""; 0]);
    let Data::Daemon(inner) = &*stream.data else { panic!("of a daemon") };
    assert_eq!(sockopt::socket_recv_buffer_size(&inner.sock).unwrap(), 60_000);
    stream.set_nodelay(true).unwrap();
    assert_eq!(calls.try_recv().unwrap().args, json!({"level": 6, "name": 1, "value": 1}));
    assert!(stream.nodelay().unwrap());
    stream.set_keepalive(false).unwrap();
    assert!(stream.keepalive().unwrap());
}

/// CLIENT-05: the bare descriptor goes on after the stream object.
#[test]
fn a_stream_becomes_a_descriptor() {
    let (stack, far, calls) = daemon(|_| None);
    let stream = TcpStream::connect(&stack, PEER).unwrap();
    let far = far.recv().unwrap();
    let clone = stream.try_clone().unwrap();
    let stream = stream.into_fd().unwrap_err();
    drop(clone);
    let mut sock = UnixStream::from(stream.into_fd().unwrap());
    sock.write_all(b"x").unwrap();
    (&far).read_exact(&mut [0]).unwrap();
    assert_eq!(methods(&calls), ["socket", "connect"]);

    let (socket, _far) = fake::socket(64);
    assert!(TcpStream::from_local(socket).into_fd().is_err());
}

#[test]
fn an_answer_without_descriptor_is_an_error() {
    let (stack, calls) = fake::socket_daemon(|_| Reply::Value(json!({"handle": 9})));
    let error = TcpStream::connect(&stack, PEER).unwrap_err();
    assert_eq!(error.to_string(), "socket: the daemon sent no file descriptor");
    let close = calls.iter().nth(1).unwrap();
    assert_eq!((close.method.as_str(), close.handle), ("close", Some(9)));
    let (stack, _calls) = fake::socket_daemon(|_| Reply::Value(json!("x")));
    let error = TcpStream::connect(&stack, PEER).unwrap_err();
    assert!(error.to_string().starts_with("socket: bad answer"), "{error}");
}

/// CLIENT-11: connecting in one thread does not hold up others on the same session.
#[test]
fn a_slow_connect_holds_up_nobody() {
    let (stack, _far, _calls) = daemon(|call| match call.method.as_str() {
        verb::CONNECT => Some(Reply::Silence),
        verb::BIND => Some(Reply::Errno(98)),
        _ => None,
    });
    let peer = PEER.parse().unwrap();
    thread::scope(|scope| {
        let slow = || TcpStream::connect_timeout(&stack, &peer, Duration::from_millis(200));
        let slow = scope.spawn(slow);
        let error = TcpStream::connect_from(&stack, peer, peer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(!slow.is_finished());
        assert_eq!(slow.join().unwrap().unwrap_err().kind(), ErrorKind::TimedOut);
    });
}
