//! UDP sockets of a daemon: packets with the datagram header on a socketpair.

use std::io::ErrorKind;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::json;

use super::*;
use crate::call::{SocketCall, verb};
use crate::fake;
use crate::frame;

struct Far {
    data: UnixDatagram,
    control: UnixStream,
}

/// A bound socket, the daemon's end of it, and the calls after `socket`.
fn socket() -> (UdpSocket, Far, Receiver<SocketCall>) {
    let (opened, far) = channel();
    let (seen, calls) = channel();
    let (session, _) = fake::daemon(move |sock, message| {
        let call: SocketCall = message.parse().unwrap();
        if call.method == verb::SOCKET {
            assert_eq!(call.args, json!({"family": 4, "type": "dgram"}));
            let (near, data) = UnixDatagram::pair().unwrap();
            opened.send(Far { data, control: sock.try_clone().unwrap() }).unwrap();
            let answer = message.answer(&json!({"handle": 0}));
            frame::send(sock, &answer, Some(near.as_fd())).unwrap();
            return;
        }
        let _ = frame::send(sock, &message.answer(&()), None);
        let _ = seen.send(call);
    });
    let socket = UdpSocket::bind(&Stack::over(session), "10.0.1.7:0").unwrap();
    assert_eq!(calls.recv().unwrap().method, "bind");
    (socket, far.recv().unwrap(), calls)
}

/// Sending, receiving and the truncation of what does not fit.
#[test]
fn datagrams_carry_their_address() {
    let (socket, far, _calls) = socket();
    assert_eq!(socket.send_to(b"query", "10.0.1.1:53").unwrap(), 5);
    let mut packet = [0; 100];
    let len = far.data.recv(&mut packet).unwrap();
    assert_eq!(&packet[..len], b"\x04\x00\x35\x0a\x00\x01\x01\x00query");
    far.data.send(b"\x04\x00\x35\x0a\x00\x01\x01\x00answer").unwrap();
    let mut buf = [0; 4];
    assert_eq!(socket.recv_from(&mut buf).unwrap(), (4, "10.0.1.1:53".parse().unwrap()));
    assert_eq!(&buf, b"answ");
    far.data.send(b"\x04\x00\x35\x0a\x00\x01\x01\x00").unwrap();
    assert_eq!(socket.recv_from(&mut buf).unwrap().0, 0);
}

/// EDESTADDRREQ while there is no peer; afterwards no address is sent.
#[test]
fn a_connected_socket_sends_without_address() {
    let (socket, far, calls) = socket();
    assert_eq!(socket.send(b"x").unwrap_err().raw_os_error(), Some(89));
    socket.connect("10.0.1.1:53").unwrap();
    assert_eq!(calls.recv().unwrap().args, json!({"address": "10.0.1.1", "port": 53}));
    socket.send(b"x").unwrap();
    let mut packet = [0; 100];
    let len = far.data.recv(&mut packet).unwrap();
    assert_eq!(&packet[..len], b"\x00\x00x");
    far.data.send(b"\x00\x00y").unwrap();
    assert_eq!(socket.recv_from(&mut packet).unwrap().1, socket.peer_addr().unwrap());
    drop(socket);
    assert_eq!(calls.recv().unwrap().method, "close");
}

#[test]
fn malformed_packets_are_skipped() {
    let (socket, far, _calls) = socket();
    for packet in [&b"\x05\x00\x00"[..], b"\x04\x00", b"\x00"] {
        far.data.send(packet).unwrap();
    }
    far.data.send(b"\x04\x00\x35\x0a\x00\x01\x01\x00good").unwrap();
    assert_eq!(socket.recv(&mut [0; 9]).unwrap(), 4);
    far.data.send(b"\x00\x00nobody").unwrap();
    assert_eq!(socket.recv(&mut [0; 9]).unwrap_err().kind(), ErrorKind::InvalidData);
}

/// CLIENT-08: timeouts and non-blocking as a kernel's socket has them.
/// SOCK-52, SOPT-10.
#[test]
fn waiting_is_bounded() {
    let (socket, far, _calls) = socket();
    socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    socket.set_nonblocking(true).unwrap();
    assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let full = loop {
        if let Err(error) = socket.send_to(&[0; 1000], "10.0.1.1:53") {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    socket.set_nonblocking(false).unwrap();
    socket.set_write_timeout(Some(Duration::from_millis(10))).unwrap();
    let error = socket.send_to(&[0; 1000], "10.0.1.1:53").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    far.data.recv(&mut [0; 9]).unwrap();
    socket.send_to(&[0; 1000], "10.0.1.1:53").unwrap();
}

/// IPC-25.
#[test]
fn what_cannot_be_sent_is_refused_here() {
    let (socket, far, _calls) = socket();
    let largest = vec![7; 65_507];
    thread::scope(|scope| {
        let reader = scope.spawn(|| far.data.recv(&mut vec![0; PACKET_MAX]).unwrap());
        socket.send_to(&largest, "10.0.1.1:53").unwrap();
        assert_eq!(reader.join().unwrap(), 8 + largest.len());
    });
    let error = socket.send_to(&[7; 65_508], "10.0.1.1:53").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::MSGSIZE.raw_os_error()));
    let error = socket.send_to(&[7], "[::1]:53").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::AFNOSUPPORT.raw_os_error()));
}

/// A datagram socketpair does not end with its peer; the session does.
#[test]
fn a_lost_daemon_wakes_who_receives() {
    let (socket, far, _calls) = socket();
    thread::scope(|scope| {
        let reader = scope.spawn(|| socket.recv(&mut [0]).unwrap_err().kind());
        thread::sleep(Duration::from_millis(10));
        drop(far.data);
        far.control.shutdown(Shutdown::Both).unwrap();
        assert_eq!(reader.join().unwrap(), ErrorKind::ConnectionAborted);
    });
    socket.set_nonblocking(true).unwrap();
    let mut error = socket.recv(&mut [0]).unwrap_err();
    while error.kind() == ErrorKind::WouldBlock {
        thread::yield_now(); // until the session's reader has seen it too
        error = socket.recv(&mut [0]).unwrap_err();
    }
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    let error = socket.send_to(b"x", "10.0.1.1:53").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
}
