//! SIGTERM leaves no peer without an end: each connection sees a FIN, or a RST where what was
//! written cannot be sent.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use client::Stack;
use rustix::process::Signal;
use tests::{Backend, HOST_V4, Lab, STACK_V4, eventually};

/// How a peer's stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Fin,
    Rst,
    Nothing,
}

/// Reads to the end. A peer that is told nothing waits for ever.
fn end_of(mut stream: TcpStream) -> End {
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
    let mut some = [0; 65_536];
    loop {
        match stream.read(&mut some) {
            Ok(0) => return End::Fin,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return End::Rst,
            Err(_) => return End::Nothing,
        }
    }
}

/// A connection from a client of the daemon that has written all it could to a peer that does not
/// read.
fn stalled(stack: &Stack, listener: &TcpListener) -> (client::TcpStream, TcpStream) {
    let to = listener.local_addr().expect("own");
    let mut ours = client::TcpStream::connect(stack, to).expect("connect");
    let (theirs, _) = listener.accept().expect("accept");
    ours.set_nonblocking(true).expect("nonblocking");
    // Until nothing has moved for a while.
    let mut last = Instant::now();
    while last.elapsed() < Duration::from_millis(300) {
        match ours.write(&[7; 65_536]) {
            Ok(1..) => last = Instant::now(),
            Ok(0) | Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
    (ours, theirs)
}

fn terminate(shards: u32) {
    let more = ["--shards", &shards.to_string()];
    let mut lab = Lab::with_queues("shutdown", Backend::Tap, shards, &more);
    let stack = Stack::connect(Some(lab.daemon.socket())).expect("daemon");
    let listener = lab.space.inside(|| TcpListener::bind((HOST_V4, 0)).expect("bind"));
    let (_ours, theirs) = stalled(&stack, &listener);
    // An idle connection, accepted long ago.
    let accepting = client::TcpListener::bind(&stack, "0.0.0.0:9000").expect("bind");
    let to = SocketAddr::new(STACK_V4, 9000);
    let connect = || lab.space.inside(|| TcpStream::connect(to).expect("connect"));
    let idle = connect();
    let (_idle, _) = accepting.accept().expect("accept");
    // Some that are accepted by a client while the daemon ends, and some by the demo service.
    let late: Vec<_> = (0..8).map(|_| connect()).collect();
    let demo = SocketAddr::new(STACK_V4, 7);
    let connect_demo = || lab.space.inside(|| TcpStream::connect(demo).expect("connect"));
    let echo: Vec<_> = (0..4).map(|_| connect_demo()).collect();
    let client = thread::spawn(move || {
        let mut accepted = Vec::new();
        while let Ok((stream, _)) = accepting.accept() {
            accepted.push(stream);
        }
        accepted
    });
    let began = Instant::now();
    lab.daemon.signal(Signal::TERM);
    let readers: Vec<_> = late.into_iter().chain(echo).collect();
    let readers: Vec<_> =
        readers.into_iter().map(|peer| thread::spawn(move || end_of(peer))).collect();
    assert_eq!(end_of(idle), End::Fin, "nothing was left to send");
    for reader in readers {
        // One that no client has taken yet is reset, as by Linux.
        assert_ne!(reader.join().expect("reader"), End::Nothing);
    }
    lab.daemon.wait();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(end_of(theirs), End::Rst, "behind a closed window");
    assert!(eventually(5, || client.is_finished()), "the client learns of it");
}

/// LIFE-07, DAEMON-07, IPC-36.
#[test]
fn sigterm_ends_every_connection() {
    for _ in 0..3 {
        terminate(1);
    }
}

#[test]
fn sigterm_ends_every_connection_on_two_shards() {
    for _ in 0..3 {
        terminate(2);
    }
}
