//! SIGKILL of either side leaves the other healthy and nothing behind.
//! Rows: IPC-34, CTL-01.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use client::{Stack, TcpStream};
use rustix::net::sockopt::set_socket_linger;
use rustix::process::Signal;
use tests::{Backend, HOST_V4, Lab, STACK_V4, binary, eventually};

fn hold(lab: &Lab, port: u16) -> Child {
    let mut child = Command::new(binary("hold"))
        .args([lab.daemon.socket().to_str().expect("path"), &format!("{HOST_V4}:{port}")])
        .stdout(Stdio::piped())
        .spawn()
        .expect("hold");
    let mut line = String::new();
    let out = child.stdout.take().expect("stdout");
    BufReader::new(out).read_line(&mut line).expect("read");
    assert_eq!(line, "ready\n");
    child
}

/// Sockets that are not the demo services' own.
fn held(lab: &Lab) -> usize {
    let held = |s: &serde_json::Value| {
        let local = s["local"].as_str().unwrap_or_default();
        local.ends_with(":9000") || local.ends_with(":9001") || s["state"] == "ESTAB"
    };
    lab.daemon.records("socket").iter().filter(|s| held(s)).count()
}

/// Every frame of the port is where it may be, and their number is that of the start.
fn frames_are_conserved(lab: &Lab) {
    let frames = &lab.link()["frames"];
    let count = |name: &str| frames[name].as_u64().unwrap_or_default();
    let sum: u64 = ["fill", "rx", "stack", "tx", "completion", "free"].map(count).iter().sum();
    assert_eq!(sum, count("total"), "{frames}");
    assert!(count("total") > 0, "{frames}");
}

fn client_dies(backend: Backend, shards: u32) {
    let more = ["--shards", &shards.to_string()];
    let lab = Lab::with_queues("kill-client", backend, shards, &more);
    let listener = lab.space.inside(|| TcpListener::bind((HOST_V4, 0)).expect("bind"));
    let port = listener.local_addr().expect("address").port();
    for _ in 0..3 {
        let mut child = hold(&lab, port);
        let (mut peer, from) = listener.accept().expect("accept");
        assert_eq!(from.ip(), STACK_V4);
        let mut some = [0; 100_000];
        peer.read_exact(&mut some).expect("data flows");
        assert_eq!(held(&lab), 3, "connection, listener and UDP socket");
        child.kill().expect("kill");
        child.wait().expect("wait");
        let mut rest = Vec::new();
        let _ = peer.read_to_end(&mut rest);
        assert!(rest.iter().all(|&b| b == 0x42), "what still came is what was sent");
        drop(peer);
        assert!(eventually(5, || held(&lab) == 0), "{:?}", lab.daemon.records("socket"));
    }
    assert!(eventually(5, || lab.link()["frames"]["stack"] == 0), "{}", lab.link());
    frames_are_conserved(&lab);
    assert!(lab.space.shell("ping -n -c 1 -W 2 10.0.1.7").status.success());
}

#[test]
fn a_killed_client_leaves_nothing_over_tap() {
    client_dies(Backend::Tap, 1);
}

#[test]
fn a_killed_client_leaves_nothing_on_two_shards() {
    client_dies(Backend::Tap, 2);
    client_dies(Backend::Xdp, 2);
}

#[test]
fn a_killed_client_leaves_nothing_over_af_xdp() {
    client_dies(Backend::Xdp, 1);
}

fn daemon_dies(backend: Backend) {
    let mut lab = Lab::start("kill-daemon", backend);
    let listener = lab.space.inside(|| TcpListener::bind((HOST_V4, 0)).expect("bind"));
    let stack = Stack::connect(Some(lab.daemon.socket())).expect("daemon");
    let mut stream =
        TcpStream::connect(&stack, listener.local_addr().expect("own")).expect("connect");
    let (_peer, _) = listener.accept().expect("accept");
    lab.daemon.signal(Signal::KILL);
    lab.daemon.wait();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.is_empty(), "the stream ends");
    assert!(stack.links().is_err(), "calls fail instead of hanging");
    if backend == Backend::Xdp {
        let gone = || !lab.space.ip("-d link show veth7").contains("xdp");
        assert!(eventually(5, gone), "{}", lab.space.ip("-d link show veth7"));
    }
}

#[test]
fn a_killed_daemon_leaves_its_clients_healthy_over_tap() {
    daemon_dies(Backend::Tap);
}

#[test]
fn a_killed_daemon_leaves_no_xdp_program() {
    daemon_dies(Backend::Xdp);
}

/// A connection that is reset after the peer's FIN takes nothing more, and the daemon keeps nothing
/// of it whether the client lives or not.
/// IPC-24.
#[test]
fn a_reset_behind_the_peers_fin_is_noticed() {
    let lab = Lab::start("reset-behind-fin", Backend::Tap);
    let listener = lab.space.inside(|| TcpListener::bind((HOST_V4, 0)).expect("bind"));
    let address = listener.local_addr().expect("address");
    let descriptors =
        || std::fs::read_dir(format!("/proc/{}/fd", lab.daemon.pid())).map(Iterator::count);
    let before = descriptors().expect("proc");
    for client_lives in [true, false] {
        let stack = Stack::connect(Some(lab.daemon.socket())).expect("daemon");
        let mut stream = TcpStream::connect(&stack, address).expect("connect");
        let (peer, _) = listener.accept().expect("accept");
        set_socket_linger(peer.as_fd(), Some(Duration::ZERO)).expect("linger");
        stream.set_nonblocking(true).expect("nonblocking");
        let error = |stream: &mut TcpStream| loop {
            if let Err(error) = stream.write_all(&[7; 4096]) {
                return error.kind();
            }
        };
        // The peer does not read: everything in between fills up.
        assert!(eventually(5, || error(&mut stream) == ErrorKind::WouldBlock));
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(error(&mut stream), ErrorKind::WouldBlock);
        peer.shutdown(Shutdown::Write).expect("shutdown");
        assert!(eventually(5, || matches!(stream.read(&mut [0]), Ok(0))), "the peer's FIN");
        if client_lives {
            drop(peer);
            assert!(eventually(5, || error(&mut stream) == ErrorKind::BrokenPipe));
        } else {
            drop((stream, stack));
            std::thread::sleep(Duration::from_millis(300));
            drop(peer);
        }
    }
    let kept = || descriptors().is_ok_and(|now| now > before);
    assert!(eventually(5, || !kept()), "{:?}", descriptors());
}
