//! What a client of the control socket may get wrong, on purpose or not: the daemon refuses, or
//! cuts it off, and goes on serving others. Needs root. Rows: IPC-01, IPC-02,
//! IPC-03, IPC-06, IPC-12, IPC-33.

mod support;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::Duration;

use client::call::{ErrorBody, SocketCall};
use client::frame::{self, Kind, Message, op};
use serde_json::{Value, json};

use support::Lab;

fn connect(lab: &Lab) -> UnixStream {
    let stream = UnixStream::connect(&lab.socket).expect("connect");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
    stream
}

/// Whether the daemon ends the connection.
fn is_cut_off(mut stream: &UnixStream) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

fn call(stream: &UnixStream, method: &str, handle: Option<u32>, args: Value) -> Message {
    let call = SocketCall::new(method, handle, &args);
    let request = Message::request(op::SOCKET_CALL, 7, &call);
    frame::send(stream, &request, None).expect("send");
    let (answer, _) = frame::recv(stream).expect("answer").expect("not the end");
    assert_eq!(answer.id, 7);
    answer
}

fn errno(answer: &Message) -> Option<i32> {
    assert_eq!(answer.kind, Kind::Error);
    answer.parse::<ErrorBody>().expect("an error").errno
}

#[test]
fn malformed_frames_end_the_connection_and_nothing_else() {
    let lab = Lab::start(&[]);
    for bytes in [
        &[0xff, 0xff, 0xff, 0xff, 0, 0, 0][..],
        &[0, 0, 0, 2, 0, 0],
        &[0, 0, 0, 7, 9, 0, 0, 0, 0, 0, 1],
        &[0, 0, 0, 7, 1, 0, 0, 0, 0, 0, 1],
    ] {
        let mut stream = connect(&lab);
        stream.write_all(bytes).expect("write");
        assert!(is_cut_off(&stream), "{bytes:?}");
    }
    let stream = connect(&lab);
    let null = std::fs::File::open("/dev/null").expect("open");
    let ping = Message::request(op::PING, 1, &());
    frame::send(&stream, &ping, Some(null.as_fd())).expect("send");
    let (answer, _) = frame::recv(&stream).expect("answer").expect("not the end");
    assert_eq!((answer.kind, &answer.body[..]), (Kind::Ok, &b"PONG"[..]));
    assert!(lab.pings());
}

/// IPC-09.
#[test]
fn requests_that_make_no_sense_are_refused() {
    let lab = Lab::start(&[]);
    let stream = connect(&lab);
    for (operation, body) in [
        (99, "{}"),
        (op::CONTROL_CALL, "not JSON"),
        (op::CONTROL_CALL, "{\"api\":\"link\",\"method\":\"explode\"}"),
        (op::CONTROL_CALL, "{\"api\":\"address\",\"method\":\"add\",\"args\":[1,2]}"),
        (op::SOCKET_CALL, "{\"method\":\"socket\",\"args\":{\"family\":5,\"type\":\"stream\"}}"),
        (op::SOCKET_CALL, "{\"method\":\"bind\",\"handle\":4000000000}"),
    ] {
        let request =
            Message { kind: Kind::Request, op: operation, id: 1, body: body.as_bytes().to_vec() };
        frame::send(&stream, &request, None).expect("send");
        let (answer, fd) = frame::recv(&stream).expect("answer").expect("not the end");
        assert_eq!((answer.kind, answer.id, fd.is_none()), (Kind::Error, 1, true), "{body}");
    }
    assert_eq!(errno(&call(&stream, "close", Some(3), json!({}))), Some(9), "EBADF");
}

/// SOCK-04, SOCK-20, SOCK-23, SOCK-34, SOPT-41, IPC-31.
#[test]
fn verbs_out_of_place_have_their_errno() {
    let lab = Lab::start(&[]);
    let stream = connect(&lab);
    let open = |kind: &str| {
        let answer = call(&stream, "socket", None, json!({"family": 4, "type": kind}));
        answer.parse::<Value>().expect("a handle")["handle"].as_u64().map(|n| n as u32)
    };
    let (tcp, udp) = (open("stream"), open("dgram"));
    assert_eq!((tcp, udp), (Some(0), Some(1)), "IPC-22");
    let other = connect(&lab);
    let answer = call(&other, "socket", None, json!({"family": 4, "type": "dgram"}));
    assert_eq!(answer.parse::<Value>().expect("a handle")["handle"], 0, "each client counts");
    let code = |method: &str, handle, args| errno(&call(&stream, method, handle, args));
    assert_eq!(code("accept", tcp, json!({})), Some(22));
    assert_eq!(code("getpeername", tcp, json!({})), Some(107));
    assert_eq!(code("shutdown", tcp, json!({"how": "wr"})), Some(107));
    assert_eq!(code("listen", udp, json!({"backlog": 1})), Some(95));
    assert_eq!(code("accept", udp, json!({})), Some(95));
    assert_eq!(code("shutdown", udp, json!({"how": "wr"})), Some(95));
    let six = json!({"address": "2001:db8::1", "port": 80});
    assert_eq!(code("connect", tcp, six), Some(97));
    let own = json!({"address": "10.0.1.7", "port": 9999});
    assert_eq!(call(&stream, "bind", tcp, own.clone()).kind, Kind::Ok);
    assert_eq!(code("bind", tcp, own), Some(22));
    assert_eq!(call(&stream, "listen", tcp, json!({"backlog": 1})).kind, Kind::Ok);
    assert_eq!(code("accept", tcp, json!({"blocking": false})), Some(11));
    assert_eq!(code("setsockopt", tcp, json!({"level": 1, "name": 9999, "value": 1})), Some(92));
    assert_eq!(call(&stream, "close", tcp, json!({})).kind, Kind::Ok);
    assert_eq!(code("accept", tcp, json!({})), Some(9));
}

/// IPC-25, IPC-26: a packet on the socketpair that is no datagram is skipped, before the socket has
/// a port and after.
#[test]
fn malformed_packets_of_a_datagram_socket_are_skipped() {
    let lab = Lab::start(&[]);
    let stream = connect(&lab);
    for bound in [false, true] {
        let open = SocketCall::new("socket", None, &json!({"family": 4, "type": "dgram"}));
        frame::send(&stream, &Message::request(op::SOCKET_CALL, 7, &open), None).expect("send");
        let (answer, fd) = frame::recv(&stream).expect("answer").expect("not the end");
        let handle = answer.parse::<Value>().expect("a handle")["handle"].as_u64();
        let handle = handle.map(|n| n as u32);
        let socket = UnixDatagram::from(fd.expect("the socketpair"));
        socket.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
        if bound {
            let own = json!({"address": "10.0.1.7", "port": 9000});
            assert_eq!(call(&stream, "bind", handle, own).kind, Kind::Ok);
        }
        for packet in [&b""[..], b"", b"\x04", b"\x05\x00\x07", b"\x04\x00\x07\x0a\x00\x01"] {
            socket.send(packet).expect("send");
        }
        let echo = b"\x04\x00\x07\x0a\x00\x01\x07\x00hello";
        socket.send(echo).expect("send");
        let mut got = [0; 100];
        let len = socket.recv(&mut got).expect("the demo service echoes");
        assert_eq!(&got[..len], echo);
        // An end that sends no more is no endless row of empty packets.
        socket.shutdown(Shutdown::Write).expect("shutdown");
        assert!(lab.pings());
        assert_eq!(call(&stream, "getsockname", handle, json!({})).kind, Kind::Ok);
    }
}

/// A client that asks and never reads costs itself, not others.
/// IPC-07.
#[test]
fn a_client_that_does_not_read_stops_only_itself() {
    let lab = Lab::start(&[]);
    let mut stream = connect(&lab);
    stream.set_write_timeout(Some(Duration::from_secs(1))).expect("timeout");
    let mut show = Vec::new();
    let body = br#"{"api":"stats","method":"show"}"#;
    show.extend_from_slice(&(7 + body.len() as u32).to_be_bytes());
    show.extend_from_slice(&[0, 0, 1, 0, 0, 0, 1]);
    show.extend_from_slice(body);
    for _ in 0..100_000 {
        if stream.write_all(&show).is_err() {
            break;
        }
    }
    assert!(lab.pings());
    assert!(lab.stack().expect("another client").links().is_ok());
}
