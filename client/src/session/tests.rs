//! The session against a daemon that answers out of order, late, wrongly or not at all.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::sync::mpsc::channel;

use serde_json::json;

use super::*;
use crate::call::{ControlCall, SocketCall, verb};
use crate::fake;
use crate::socket_request::SocketType;

fn show(api: &str) -> ControlCall {
    ControlCall::new(api, "show")
}

fn temp_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("pytcp-client-{}-{name}.sock", std::process::id()))
}

/// CLIENT-11, IPC-08: each caller gets the answer with its id, whatever the order.
/// CLIENT-10, IPC-07, GAP-67.
#[test]
fn several_requests_are_in_flight() {
    const CALLERS: usize = 8;
    let mut held: Vec<Message> = Vec::new();
    let (session, _) = fake::daemon(move |sock, message| {
        held.push(message);
        if held.len() == CALLERS {
            for message in held.drain(..).rev() {
                let call: ControlCall = message.parse().unwrap();
                frame::send(sock, &message.answer(&call.api), None).unwrap();
            }
        }
    });
    thread::scope(|scope| {
        for i in 0..CALLERS {
            let session = session.clone();
            scope.spawn(move || {
                let api = format!("api{i}");
                assert_eq!(session.call(&show(&api)).unwrap(), json!(api));
            });
        }
    });
}

/// IPC-08: ids count up modulo 2^32 and skip those still in flight.
#[test]
fn ids_wrap_around() {
    let (session, _) = fake::daemon(|sock, message| {
        frame::send(sock, &message.answer(&message.id), None).unwrap();
    });
    {
        let mut calls = session.shared().calls();
        calls.last_id = u32::MAX - 1;
        calls.in_flight.insert(0, Caller::Gone);
    }
    let ids: Vec<_> = (0..3).map(|_| session.call(&show("link")).unwrap()).collect();
    assert_eq!(ids, [json!(u32::MAX), json!(1), json!(2)]);
}

#[test]
fn a_ping_wants_a_pong() {
    let (session, _) = fake::daemon(|sock, message| {
        assert_eq!(message.op, op::PING);
        let mut answer = message.answer(&());
        answer.body = if message.id == 1 { b"PONG".to_vec() } else { b"hm".to_vec() };
        frame::send(sock, &answer, None).unwrap();
    });
    session.ping().unwrap();
    assert!(matches!(session.ping(), Err(CallError::Protocol(_))));
}

/// An answer that comes after its caller has gone must not leave a socket behind.
/// CLIENT-04.
#[test]
fn a_late_socket_is_given_back() {
    let (closed, wait_closed) = channel();
    let mut late = None;
    let (session, _) = fake::daemon(move |sock, message| {
        if message.op == op::CONTROL_CALL {
            frame::send(sock, &message.answer(&"in time"), None).unwrap();
            let late: Message = late.take().unwrap();
            frame::send(sock, &late.answer(&json!({"handle": 77})), None).unwrap();
            return;
        }
        let call: SocketCall = message.parse().unwrap();
        match call.method.as_str() {
            verb::SOCKET => late = Some(message),
            _ => closed.send(call).unwrap(),
        }
    });
    let call = SocketRequest::Socket { family: addr::IpVersion::V4, kind: SocketType::Stream };
    let error = session.socket_call(&call, Some(Duration::from_millis(10))).unwrap_err();
    assert!(matches!(error, CallError::TimedOut(_)), "{error}");
    assert_eq!(session.call(&show("link")).unwrap(), json!("in time"));
    assert_eq!(wait_closed.recv().unwrap(), SocketCall::new(verb::CLOSE, Some(77), &()));
}

#[test]
fn the_end_of_the_connection_wakes_every_caller() {
    let mut seen = 0;
    let (session, _) = fake::daemon(move |sock, _| {
        seen += 1;
        if seen == 3 {
            sock.shutdown(std::net::Shutdown::Both).unwrap();
        }
    });
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let verb = SocketVerb::Connect("10.0.1.1:7".parse().unwrap());
                let call = SocketRequest::On { handle: 0, verb };
                let error = session.socket_call(&call, None).unwrap_err();
                assert!(matches!(error, CallError::Lost(_)), "{error}");
            });
        }
    });
    let error = session.call(&show("link")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "lost the connection to the daemon: the daemon closed the connection"
    );
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::ConnectionAborted);
}

#[test]
fn what_no_daemon_sends_ends_the_session() {
    let request = |id| Message::request(op::PING, id, &());
    type Misbehave = Box<dyn Fn(&UnixStream, Message) + Send>;
    let cases: [(&str, Misbehave); 3] = [
        ("a request", Box::new(move |s, m| frame::send(s, &request(m.id), None).unwrap())),
        ("garbage", Box::new(|mut s, _| s.write_all(&[255; 64]).unwrap())),
        (
            "an unknown kind",
            Box::new(|mut s, _| {
                s.write_all(&[0, 0, 0, 7, 9, 0, 0, 0, 0, 0, 1]).unwrap();
            }),
        ),
    ];
    for (name, send) in cases {
        let (session, daemon) = fake::daemon(send);
        let error = session.call(&show("link")).unwrap_err();
        assert!(matches!(error, CallError::Lost(_)), "{name}: {error}");
        daemon.join().unwrap(); // the connection was closed
    }
}

#[test]
fn answers_to_nothing_are_ignored() {
    let (session, _) = fake::daemon(|sock, message| {
        let mut stray = message.answer(&"stray");
        stray.id += 1000;
        frame::send(sock, &stray, None).unwrap();
        frame::send(sock, &message.answer(&"mine"), None).unwrap();
        frame::send(sock, &message.answer(&"again"), None).unwrap();
    });
    for _ in 0..3 {
        assert_eq!(session.call(&show("link")).unwrap(), json!("mine"));
    }
}

#[test]
fn bad_bodies_are_told_apart_from_refusals() {
    let (session, _) = fake::daemon(|sock, message| {
        let mut answer = match message.id {
            1 => message.refusal(&ErrorBody::from_errno(17, "the address exists")),
            2 => message.refusal(&ErrorBody::new("ValueError", "odd")),
            _ => message.answer(&"x"),
        };
        match message.id {
            3 => answer.body = b"{".to_vec(),
            4 => (answer.kind, answer.body) = (Kind::Error, b"[]".to_vec()),
            _ => {}
        }
        frame::send(sock, &answer, None).unwrap();
    });
    let error = session.call(&show("address")).unwrap_err();
    assert_eq!(error.to_string(), "the address exists");
    assert_eq!(io::Error::from(error).raw_os_error(), Some(17));
    assert_eq!(session.call(&show("address")).unwrap_err().to_string(), "odd");
    for _ in 0..2 {
        let error = session.call(&show("address")).unwrap_err();
        assert!(matches!(error, CallError::Protocol(_)), "{error}");
    }
    let error = session.control(&Request::AddressShow).unwrap_err();
    let text = "address show: the daemon's answer makes no sense: ";
    assert!(error.to_string().starts_with(text), "{error}");
}

/// IPC-01: a request over the limit is refused here, and the session lives on.
#[test]
fn a_request_over_the_limit_does_not_hurt_the_session() {
    let (session, _) = fake::daemon(|sock, message| {
        frame::send(sock, &message.answer(&1), None).unwrap();
    });
    let call = show("link").arg("long", "x".repeat(frame::MAX_LEN));
    assert!(matches!(session.call(&call), Err(CallError::Protocol(_))));
    assert_eq!(session.call(&show("link")).unwrap(), json!(1));
    assert!(session.shared().calls().in_flight.is_empty());
}

/// CLIENT-03: looks again until there is a daemon, or the time is over.
#[test]
fn waiting_for_a_daemon() {
    let path = temp_path("wait");
    let begin = Instant::now();
    let error = Session::wait_for_daemon(Some(&path), Duration::from_millis(120)).unwrap_err();
    assert!(matches!(error, CallError::Connect { .. }), "{error}");
    assert!(begin.elapsed() >= Duration::from_millis(50));

    let (ready, bound) = (path.clone(), path.clone());
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(70));
        UnixListener::bind(bound).unwrap().accept().unwrap();
    });
    Session::wait_for_daemon(Some(&ready), Duration::from_secs(5)).unwrap();
    late.join().unwrap();
    std::fs::remove_file(path).unwrap();
}

#[test]
fn the_last_clone_closes_the_connection() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let session = Session::over(ours).unwrap();
    let other = session.clone();
    drop(session);
    theirs.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
    assert_eq!(theirs.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    drop(other);
    theirs.set_read_timeout(None).unwrap();
    assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
}
