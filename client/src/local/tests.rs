//! Sockets of a stack in this process: blocking across threads, and non-blocking with poll.

use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::sync::mpsc::Receiver;
use std::thread;

use rustix::event::{PollFd, Timespec, poll};

use super::*;
use crate::fake::{self, Far};
use crate::{Stack, TcpListener, TcpStream, UdpSocket};

const HUNG: Duration = Duration::from_secs(20);

fn ready(socket: &impl AsFd) -> (bool, bool) {
    let mut fds = [PollFd::new(socket, PollFlags::IN | PollFlags::OUT)];
    poll(&mut fds, Some(&Timespec::default())).unwrap();
    let events = fds[0].revents();
    (events.contains(PollFlags::IN), events.contains(PollFlags::OUT))
}

/// An established connection and its far side.
fn connection(capacity: usize) -> (TcpStream, Far) {
    let (socket, far) = fake::socket(capacity);
    far.connected(Ok(()));
    (TcpStream::from_local(socket), far)
}

fn would_block<T: std::fmt::Debug>(result: io::Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_blocking_read_wakes_for_data_end_and_error() {
    for end in [None, Some(104)] {
        let (mut stream, mut far) = connection(1024);
        let reader = thread::spawn(move || {
            let mut text = Vec::new();
            (stream.read_to_end(&mut text).map_err(|error| error.raw_os_error()), text)
        });
        for part in [b"one ", b"two "] {
            thread::sleep(Duration::from_millis(5));
            far.push(part);
        }
        thread::sleep(Duration::from_millis(5));
        match end {
            None => far.finish(),
            Some(errno) => far.fail(errno),
        }
        let (result, text) = reader.join().unwrap();
        assert_eq!(text, b"one two ");
        assert_eq!(result, end.map_or(Ok(8), |errno| Err(Some(errno.into()))));
    }
}

/// Every byte through small rings with both sides in a hurry: a lost bell would hang.
#[test]
fn bulk_data_goes_both_ways_across_threads() {
    const TOTAL: usize = 4 << 20;
    let pattern = |i: usize| (i % 251) as u8;
    let (stream, mut far) = connection(4096);
    stream.set_read_timeout(Some(HUNG)).unwrap();
    stream.set_write_timeout(Some(HUNG)).unwrap();
    let echo = thread::spawn(move || {
        let (mut done, mut buf) = (0, [0; 1500]);
        while done < TOTAL {
            let n = far.pull(&mut buf);
            let mut sent = 0;
            while sent < n {
                sent += far.push(&buf[sent..n]);
                thread::yield_now();
            }
            done += n;
        }
        far.finish();
    });
    let writing = stream.try_clone().unwrap();
    let writer = thread::spawn(move || {
        let data: Vec<u8> = (0..TOTAL).map(pattern).collect();
        (&writing).write_all(&data).unwrap();
    });
    let (mut at, mut buf) = (0, [0; 777]);
    loop {
        let n = (&stream).read(&mut buf).unwrap();
        if n == 0 {
            break;
        }
        for byte in &buf[..n] {
            assert_eq!(*byte, pattern(at));
            at += 1;
        }
    }
    assert_eq!(at, TOTAL);
    writer.join().unwrap();
    echo.join().unwrap();
}

/// The same through poll only.
#[test]
fn bulk_data_with_poll() {
    const TOTAL: usize = 1 << 20;
    let (mut stream, mut far) = connection(2048);
    stream.set_nonblocking(true).unwrap();
    let echo = thread::spawn(move || {
        let (mut done, mut buf) = (0, [0; 300]);
        while done < TOTAL {
            let n = far.pull(&mut buf);
            let mut sent = 0;
            while sent < n {
                sent += far.push(&buf[sent..n]);
            }
            done += n;
            thread::yield_now();
        }
    });
    let (mut sent, mut got, mut buf) = (0, 0, [0; 100]);
    while got < TOTAL {
        let events = if sent < TOTAL { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut fds = [PollFd::new(&stream, events)];
        let hung = Timespec::try_from(HUNG).unwrap();
        assert_eq!(poll(&mut fds, Some(&hung)).unwrap(), 1, "hung at {sent} sent, {got} got");
        let events = fds[0].revents();
        if events.contains(PollFlags::OUT) && sent < TOTAL {
            match stream.write(&[7; 1000][..(TOTAL - sent).min(1000)]) {
                Ok(n) => sent += n,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        if events.contains(PollFlags::IN) {
            // Once only: what is left must show again.
            match stream.read(&mut buf) {
                Ok(n) => got += n,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    }
    assert_eq!(got, TOTAL);
    echo.join().unwrap();
}

/// SOCK-35, SOCK-36, SOCK-50.
#[test]
fn readable_is_level_triggered() {
    let (mut stream, mut far) = connection(64);
    stream.set_nonblocking(true).unwrap();
    assert_eq!(ready(&stream), (false, true));
    far.push(b"abc");
    assert_eq!(ready(&stream), (true, true));
    stream.read_exact(&mut [0]).unwrap();
    assert_eq!(ready(&stream), (true, true));
    stream.read_exact(&mut [0; 2]).unwrap();
    would_block(stream.read(&mut [0]));
    assert_eq!(ready(&stream), (false, true));
    far.push(b"d");
    assert_eq!(stream.peek(&mut [0; 9]).unwrap(), 1);
    stream.read_exact(&mut [0]).unwrap();
    would_block(stream.read(&mut [0]));
    far.finish();
    for _ in 0..2 {
        assert_eq!(ready(&stream), (true, true));
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    let (mut stream, mut far) = connection(64);
    stream.set_nonblocking(true).unwrap();
    would_block(stream.read(&mut [0]));
    far.fail(104);
    assert_eq!(ready(&stream), (true, true), "an error too");
}

#[test]
fn data_from_before_the_hand_over_shows_at_once() {
    let (socket, mut far) = fake::socket(64);
    far.push(b"early");
    let stream = TcpStream::from_local(socket);
    assert_eq!(ready(&stream), (true, true));
    let (socket, mut far) = fake::socket(64);
    far.finish();
    assert_eq!(ready(&TcpStream::from_local(socket)), (true, true));
}

/// SOCK-24, GAP-60.
/// TCPO-10.
#[test]
fn writable_is_off_while_the_ring_is_full() {
    let (mut stream, mut far) = connection(64);
    stream.set_nonblocking(true).unwrap();
    assert_eq!(stream.write(&[1; 100]).unwrap(), 64);
    would_block(stream.write(&[1]));
    assert_eq!(ready(&stream), (false, false));
    assert_eq!(far.pull(&mut [0; 10]), 10);
    assert_eq!(ready(&stream), (false, true));
    assert_eq!(stream.write(&[2; 100]).unwrap(), 10);
    assert_eq!(far.state.written.load(Ordering::SeqCst), 2);
    would_block(stream.write(&[1]));
    assert_eq!(ready(&stream), (false, false));
}

/// SOCK-56.
#[test]
fn an_error_comes_after_the_data_and_once() {
    let (mut stream, mut far) = connection(64);
    far.push(b"last");
    *far.state.error.lock().unwrap() = Some(104);
    far.fail(104);
    assert_eq!(stream.read(&mut [0; 9]).unwrap(), 4);
    assert_eq!(stream.read(&mut [0; 9]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(stream.read(&mut [0; 9]).unwrap(), 0);
    assert!(stream.take_error().unwrap().is_none());
    far.rx = None;
    assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn a_write_after_the_end_tells_why() {
    let (mut stream, mut far) = connection(64);
    *far.state.error.lock().unwrap() = Some(104);
    far.fail(104);
    far.rx = None;
    assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_stack_that_vanishes_is_not_an_orderly_end() {
    let (mut stream, mut far) = connection(64);
    far.push(b"x");
    drop(far);
    assert_eq!(stream.read(&mut [0; 9]).unwrap(), 1);
    assert_eq!(stream.read(&mut [0; 9]).unwrap_err().kind(), ErrorKind::ConnectionAborted);
}

/// SOCK-27, SOCK-51, SOCK-52, SOPT-10.
/// DIFF-11.
/// TCPO-10.
#[test]
fn timeouts_are_would_block() {
    let (mut stream, _far) = connection(64);
    assert_eq!(
        stream.set_read_timeout(Some(Duration::ZERO)).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    let short = Some(Duration::from_millis(15));
    stream.set_read_timeout(short).unwrap();
    stream.set_write_timeout(short).unwrap();
    assert_eq!((stream.read_timeout().unwrap(), stream.write_timeout().unwrap()), (short, short));
    let begin = Instant::now();
    would_block(stream.read(&mut [0]));
    would_block(stream.write_all(&[0; 65]));
    assert!(begin.elapsed() >= Duration::from_millis(30));
}

/// SOCK-08, SOCK-24, SOCK-31.
#[test]
fn shutdown_and_drop_reach_the_stack() {
    let (mut stream, mut far) = connection(64);
    stream.write_all(b"bye").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(far.pull(&mut [0; 9]), 3);
    assert!(far.rx.as_ref().unwrap().is_finished());
    let clone = stream.try_clone().unwrap();
    drop(stream);
    assert_eq!(far.calls(), ["shutdown Write"]);
    let printed = format!("{clone:?}");
    assert!(printed.starts_with("TcpStream { fd: ") && printed.contains(fake::REMOTE), "{printed}");
    drop(clone);
    assert_eq!(far.calls(), ["shutdown Write", "close"]);
}

/// SOCK-31.
#[test]
fn shutdown_wakes_who_sleeps() {
    let (stream, _far) = connection(64);
    (&stream).write_all(&[0; 64]).unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| (&stream).read(&mut [0]));
        let writer = scope.spawn(|| (&stream).write(&[0]));
        thread::sleep(Duration::from_millis(10));
        stream.shutdown(Shutdown::Both).unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 0);
        assert_eq!(writer.join().unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

/// Opens with `open` while the test plays the stack's side.
fn while_opening<T: Send>(
    open: impl FnOnce(&Stack) -> T + Send,
    play: impl FnOnce(&mut Far),
) -> (T, Far) {
    let (stack, opened): (Stack, Receiver<Far>) = fake::stack(1024);
    thread::scope(|scope| {
        let result = scope.spawn(|| open(&stack));
        let mut far = opened.recv().unwrap();
        play(&mut far);
        (result.join().unwrap(), far)
    })
}

/// SOCK-21.
#[test]
fn connecting_waits_for_the_outcome() {
    let (result, _) = while_opening(
        |stack| TcpStream::connect(stack, fake::REMOTE),
        |far| {
            thread::sleep(Duration::from_millis(10));
            far.bell.open(); // too early: must not be taken for the outcome
            thread::sleep(Duration::from_millis(10));
            far.connected(Ok(()));
        },
    );
    assert_eq!(result.unwrap().peer_addr().unwrap(), fake::REMOTE.parse().unwrap());
    let (result, far) = while_opening(
        |stack| TcpStream::connect(stack, fake::REMOTE),
        |far| far.connected(Err(111)),
    );
    assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(far.calls(), ["close"]);
    let remote = fake::REMOTE.parse().unwrap();
    let (result, far) = while_opening(
        |stack| TcpStream::connect_timeout(stack, &remote, Duration::from_millis(10)),
        |_| {},
    );
    assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(far.calls(), ["close"]);
}

/// What mio does: wait for writable, ask for the error.
#[test]
fn connecting_without_blocking() {
    for outcome in [Ok(()), Err(111)] {
        let (stack, opened) = fake::stack(1024);
        let mut stream = TcpStream::connect_start(&stack, fake::REMOTE.parse().unwrap()).unwrap();
        let far = opened.recv().unwrap();
        assert_eq!(ready(&stream), (false, false));
        would_block(stream.write(b"x"));
        would_block(stream.read(&mut [0]));
        assert_eq!(ready(&stream), (false, false));
        far.connected(outcome);
        assert!(ready(&stream).1);
        let error = stream.take_error().unwrap().and_then(|error| error.raw_os_error());
        assert_eq!(error, outcome.err());
        if outcome.is_ok() {
            assert_eq!(stream.write(b"x").unwrap(), 1);
        }
    }
}

fn queue(far: &Far) -> Far {
    let (socket, other) = fake::socket(64);
    far.state.waiting.lock().unwrap().push_back(socket);
    far.bell.ring();
    other
}

/// SOCK-23, SOCK-50.
#[test]
fn accepting() {
    let (stack, opened) = fake::stack(64);
    let listener = TcpListener::bind(&stack, fake::LOCAL).unwrap();
    let far = opened.recv().unwrap();
    assert_eq!(listener.local_addr().unwrap(), fake::LOCAL.parse().unwrap());
    thread::scope(|scope| {
        let acceptor = scope.spawn(|| listener.accept().unwrap().1);
        thread::sleep(Duration::from_millis(10));
        queue(&far);
        assert_eq!(acceptor.join().unwrap(), fake::REMOTE.parse().unwrap());
    });
    listener.set_nonblocking(true).unwrap();
    would_block(listener.accept());
    assert!(!ready(&listener).0);
    let _others = [queue(&far), queue(&far)];
    for _ in 0..2 {
        assert!(ready(&listener).0);
        listener.accept().unwrap();
    }
    would_block(listener.accept());
    assert!(!ready(&listener).0);
}

fn record(payload: &[u8], from: &str) -> Vec<u8> {
    let header = crate::datagram::emit_record(payload.len() as u16, from.parse().ok());
    [&header, payload].concat()
}

/// SOCK-27, SOCK-28, SOCK-36.
#[test]
fn datagrams_keep_their_borders() {
    let (stack, opened) = fake::stack(1024);
    let socket = UdpSocket::bind(&stack, (Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let mut far = opened.recv().unwrap();
    far.push(&record(b"first", "10.0.1.1:53"));
    far.push(&record(b"", "10.0.1.2:53"));
    far.push(&record(b"too long", "10.0.1.3:53"));
    let mut buf = [0; 6];
    assert_eq!(socket.recv_from(&mut buf).unwrap(), (5, "10.0.1.1:53".parse().unwrap()));
    assert_eq!(&buf[..5], b"first");
    assert_eq!(socket.recv_from(&mut buf).unwrap(), (0, "10.0.1.2:53".parse().unwrap()));
    assert_eq!(socket.recv_from(&mut buf).unwrap(), (6, "10.0.1.3:53".parse().unwrap()));
    socket.set_nonblocking(true).unwrap();
    would_block(socket.recv(&mut buf));
    assert_eq!(ready(&socket), (false, true));

    assert_eq!(socket.send_to(b"query", "10.0.1.1:53").unwrap(), 5);
    let mut packet = [0; 64];
    let n = far.pull(&mut packet);
    assert_eq!(packet[..n], record(b"query", "10.0.1.1:53"));
}

/// SOCK-53.
#[test]
fn a_datagram_goes_whole_or_not_at_all() {
    let (stack, opened) = fake::stack(1024);
    let socket = UdpSocket::bind(&stack, fake::LOCAL).unwrap();
    let mut far = opened.recv().unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.send_to(&[1; 500], "10.0.1.1:53").unwrap();
    would_block(socket.send_to(&[2; 500], "10.0.1.1:53"));
    assert_eq!(ready(&socket), (false, false));
    assert_eq!(far.pull(&mut [0; 600]), 524);
    assert_eq!(ready(&socket), (false, true));
    socket.send_to(&[2; 1000], "10.0.1.1:53").unwrap();
    let error = socket.send_to(&[3; 1001], "10.0.1.1:53").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::MSGSIZE.raw_os_error()));
    let error = socket.send_to(&[3], "[::1]:53").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::AFNOSUPPORT.raw_os_error()));
}

/// SOCK-24, SOCK-34, SOCK-55, GAP-62.
#[test]
fn a_connected_udp_socket_sends_to_its_peer_and_hears_its_errors() {
    let (stack, opened) = fake::stack(1024);
    let socket = UdpSocket::bind(&stack, fake::LOCAL).unwrap();
    let mut far = opened.recv().unwrap();
    let error = socket.send(b"x").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::DESTADDRREQ.raw_os_error()));
    assert_eq!(socket.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
    socket.connect("10.0.1.1:53").unwrap();
    assert_eq!(far.calls(), ["connect 10.0.1.1:53"]);
    socket.send(b"x").unwrap();
    let mut packet = [0; 64];
    let n = far.pull(&mut packet);
    assert_eq!(packet[..n], record(b"x", "10.0.1.1:53"));

    thread::scope(|scope| {
        let reader = scope.spawn(|| socket.recv(&mut [0]).unwrap_err().kind());
        thread::sleep(Duration::from_millis(10));
        *far.state.error.lock().unwrap() = Some(111);
        far.ring();
        assert_eq!(reader.join().unwrap(), ErrorKind::ConnectionRefused);
    });
    *far.state.error.lock().unwrap() = Some(111);
    assert_eq!(socket.send(b"x").unwrap_err().kind(), ErrorKind::ConnectionRefused);
    socket.send(b"x").unwrap();
    socket.set_ttl(9).unwrap();
    assert_eq!(far.calls()[1], "set 0 2 9");
    assert_eq!(socket.option(1, 8).unwrap(), 108);
}

#[test]
fn broken_records_neither_panic_nor_hang() {
    let (stack, opened) = fake::stack(1024);
    let socket = UdpSocket::bind(&stack, fake::LOCAL).unwrap();
    let mut far = opened.recv().unwrap();
    far.push(&[9; 24]);
    assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::InvalidData);
    drop(far);
    assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::InvalidData);
}

/// Urgent data goes out whole or not at all, reading stops where it was, and a congestion control
/// has a name.
#[test]
fn urgent_data_and_names_are_passed_on() {
    let (mut stream, mut far) = connection(64);
    assert_eq!(stream.send_urgent(b"").unwrap(), 0);
    assert_eq!(stream.send_urgent(b"abX").unwrap(), 3);
    assert_eq!(far.calls(), ["urged"]);
    assert_eq!(far.state.written.load(Ordering::Relaxed), 0, "told of by that alone");
    let error = stream.send_urgent(&[0; 65]).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::MSGSIZE.raw_os_error()));
    stream.set_nonblocking(true).unwrap();
    would_block(stream.send_urgent(&[0; 62]));
    assert_eq!(far.pull(&mut [0; 9]), 3);
    assert_eq!(
        (stream.recv_urgent(true).unwrap(), stream.recv_urgent(false).unwrap()),
        (b'?', b'!')
    );
    far.tx.set_mark(2);
    far.push(b"abcd");
    let mut text = [0; 9];
    assert!(!stream.at_mark().unwrap());
    assert_eq!(stream.read(&mut text).unwrap(), 2);
    assert!(stream.at_mark().unwrap());
    assert_eq!(stream.read(&mut text).unwrap(), 2);
    assert_eq!(text[..2], *b"cd");
    stream.set_congestion("reno").unwrap();
    assert_eq!(far.calls()[1], "set 6 13 reno");
    assert_eq!(stream.congestion().unwrap(), "6 13");
}

/// However often it is heard of, a stream dies once.
#[test]
fn an_error_is_told_once_by_whoever_is_asked_first() {
    let (mut stream, mut far) = connection(64);
    far.fail(104);
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    *far.state.error.lock().unwrap() = Some(104);
    assert!(stream.take_error().unwrap().is_none());
}
