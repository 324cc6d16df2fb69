//! A connection that breaks off reads as one that broke off, on the bare descriptor that a client
//! holds: what arrived, then ECONNRESET, never a clean end of file.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream as KernelStream};
use std::os::unix::net::UnixStream;

use client::{Stack, TcpStream};
use rustix::net::sockopt::set_socket_linger;
use rustix::process::Signal;
use tests::{Backend, HOST_V4, Lab, eventually};

/// A connection whose client's end is a bare descriptor.
struct Download {
    lab: Lab,
    /// Without it the connection would end.
    stack: Stack,
    ours: UnixStream,
    peer: KernelStream,
}

/// What the peer has sent when the connection breaks off.
const PART: &[u8] = b"half of the page";

fn start(request: &[u8]) -> Download {
    let lab = Lab::start("truncated", Backend::Tap);
    let listener = lab.space.inside(|| TcpListener::bind((HOST_V4, 0)).expect("bind"));
    let stack = Stack::connect(Some(lab.daemon.socket())).expect("daemon");
    let to = listener.local_addr().expect("address");
    let stream = TcpStream::connect(&stack, to).expect("connect");
    let (mut peer, _) = listener.accept().expect("accept");
    let mut ours: UnixStream = stream.into_fd().expect("a descriptor").into();
    ours.write_all(request).expect("write");
    let mut got = vec![0; request.len()];
    peer.read_exact(&mut got).expect("read");
    assert!(got == request);
    peer.write_all(PART).expect("write");
    let arrived = || {
        let mut part = [0; 64];
        let flags = rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT;
        matches!(rustix::net::recv(&ours, &mut part[..], flags), Ok((n, _)) if n == PART.len())
    };
    assert!(eventually(5, arrived));
    Download { lab, stack, ours, peer }
}

/// Reads to the end: what came, and whether the end was a clean one.
fn read(stream: &mut impl Read) -> (Vec<u8>, bool) {
    let mut got = Vec::new();
    match stream.read_to_end(&mut got) {
        Ok(_) => (got, true),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
            assert_eq!(error.raw_os_error(), Some(104));
            (got, false)
        }
    }
}

/// A request of nothing, of a line, and of as much as a browser sends.
const REQUESTS: [&[u8]; 3] = [b"", b"GET / HTTP/1.0\r\n\r\n", &[b'x'; 900]];

/// SOCK-56, GAP-26.
#[test]
fn by_a_reset_of_the_peer() {
    for request in REQUESTS {
        let Download { mut ours, peer, lab, stack } = start(request);
        set_socket_linger(&peer, Some(std::time::Duration::ZERO)).expect("linger");
        drop(peer);
        assert_eq!(read(&mut ours), (PART.to_vec(), false));
        drop((stack, lab));
    }
}

/// SOCK-56, GAP-26.
#[test]
fn by_the_end_of_the_daemon() {
    for signal in [Signal::TERM, Signal::KILL] {
        for request in REQUESTS {
            let Download { mut lab, mut ours, peer, stack } = start(request);
            lab.daemon.signal(signal);
            lab.daemon.wait();
            assert_eq!(read(&mut ours), (PART.to_vec(), false));
            drop((peer, stack));
        }
    }
}

#[test]
fn a_page_that_is_complete_ends_cleanly() {
    for request in REQUESTS {
        let Download { lab, mut ours, mut peer, stack } = start(request);
        peer.write_all(b" and the rest").expect("write");
        peer.shutdown(Shutdown::Write).expect("shutdown");
        let whole = [PART, b" and the rest"].concat();
        assert_eq!(read(&mut ours), (whole, true));
        ours.write_all(b"thanks").expect("it can still write");
        ours.shutdown(Shutdown::Write).expect("shutdown");
        assert_eq!(read(&mut peer), (b"thanks".to_vec(), true));
        assert_eq!(read(&mut ours), (Vec::new(), true), "and stays clean");
        drop((stack, lab));
    }
}

/// The library says the same as the descriptor.
#[test]
fn the_library_knows_a_broken_end_from_a_clean_one() {
    for signal in [Signal::TERM, Signal::KILL] {
        let mut lab = Lab::start("truncated", Backend::Tap);
        let listener = lab.space.inside(|| TcpListener::bind((HOST_V4, 0)).expect("bind"));
        let stack = Stack::connect(Some(lab.daemon.socket())).expect("daemon");
        let to = listener.local_addr().expect("address");
        let mut stream = TcpStream::connect(&stack, to).expect("connect");
        let (mut peer, _) = listener.accept().expect("accept");
        peer.write_all(PART).expect("write");
        assert!(eventually(5, || stream.peek(&mut [0; 64]).is_ok_and(|n| n == PART.len())));
        lab.daemon.signal(signal);
        lab.daemon.wait();
        assert_eq!(read(&mut stream), (PART.to_vec(), false));
    }
}

/// After both FINs the handle is still the client's, until it closes it.
#[test]
fn a_handle_lives_until_it_is_closed() {
    let lab = Lab::start("truncated", Backend::Tap);
    let listener = lab.space.inside(|| TcpListener::bind((HOST_V4, 0)).expect("bind"));
    let stack = Stack::connect(Some(lab.daemon.socket())).expect("daemon");
    let to = listener.local_addr().expect("address");
    let mut stream = TcpStream::connect(&stack, to).expect("connect");
    let local = stream.local_addr().expect("name");
    let (mut peer, _) = listener.accept().expect("accept");
    stream.shutdown(Shutdown::Write).expect("shutdown");
    assert_eq!(read(&mut peer), (Vec::new(), true));
    peer.write_all(b"bye").expect("write");
    drop(peer);
    assert_eq!(read(&mut stream), (b"bye".to_vec(), true));
    assert_eq!(stream.take_error().expect("the handle is known").map(|e| e.to_string()), None);
    assert_eq!(stream.local_addr().expect("name"), local);
}
