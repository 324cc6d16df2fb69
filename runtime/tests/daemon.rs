//! The daemon in a network namespace, the kernel's own stack as the peer, and this process as the
//! client. Needs root. Rows: DAEMON-06, IPC-20.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::process::{Command, Stdio};
use std::time::Duration;

use client::{TcpListener, TcpStream, UdpSocket};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use support::{Lab, eventually};

#[test]
fn the_kernel_pings_and_fetches() {
    let lab = Lab::start(&[]);
    assert!(lab.pings());
    assert!(lab.inside("ping -n -c 1 -W 2 2001:db8:0:1::7").status.success());
    let page = lab.inside("curl -sS -m 10 http://10.0.1.7/state.json").stdout;
    let state: serde_json::Value = serde_json::from_slice(&page).expect("JSON");
    assert_eq!(state["links"][1]["name"], "tap7");
    let bytes = lab.inside("curl -sS -m 30 http://[2001:db8:0:1::7]/bytes/5000000").stdout;
    assert_eq!(bytes.len(), 5_000_000);
    assert!(bytes.iter().enumerate().all(|(i, &b)| usize::from(b) == i % 251));
    let mut upload = lab.command("curl -sS -m 30 -T - http://10.0.1.7/upload");
    let mut upload =
        upload.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("curl starts");
    upload.stdin.take().expect("stdin").write_all(&bytes).expect("write");
    let answer = upload.wait_with_output().expect("curl ends").stdout;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("{\"bytes\":5000000,\"sha256\":\""), "{answer}");
}

#[test]
fn another_process_listens_and_connects() {
    let lab = Lab::start(&["--layout", "split"]);
    let stack = lab.stack().expect("daemon");
    let listener = TcpListener::bind(&stack, "0.0.0.0:8080").expect("bind");
    let mut peer = lab
        .command("curl -sS -m 10 telnet://10.0.1.7:8080")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl starts");
    let (mut stream, _) = listener.accept().expect("accept");
    peer.stdin.as_mut().expect("stdin").write_all(b"question\n").expect("write");
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).expect("read");
    assert_eq!(line, "question\n");
    stream.write_all(b"answer\n").expect("write");
    // IPC-35: what is in the socketpair at the close is sent all the same.
    drop(stream);
    drop(peer.stdin.take());
    assert_eq!(peer.wait_with_output().expect("curl ends").stdout, b"answer\n");
    let refused = TcpStream::connect(&stack, "10.0.1.1:4444").unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

/// IPC-24: a client that does not read stops its peer, and nothing is lost meanwhile.
#[test]
fn a_client_that_does_not_read_holds_its_peer_back() {
    let lab = Lab::start(&[]);
    let stack = lab.stack().expect("daemon");
    let mut stream = TcpStream::connect(&stack, "10.0.1.7:19").expect("chargen");
    let received = || stack.stats().expect("stats").counters["tcp_segments_in"];
    // A probe of the closed window now and then.
    assert!(eventually(|| {
        let before = received();
        std::thread::sleep(Duration::from_millis(300));
        before > 100 && received() < before + 10
    }));
    let mut text = vec![0; 20_000_000];
    stream.read_exact(&mut text).expect("read");
    // Lines of 72 characters, each of which starts with the next of the 95 that print.
    for (n, line) in text.chunks_exact(74).enumerate() {
        assert_eq!((line[0], &line[72..]), (b' ' + (n % 95) as u8, &b"\r\n"[..]), "line {n}");
    }
}

/// IPC-21, IPC-23: through the daemon to its own demo service, by way of the stack's loopback.
#[test]
fn a_stream_echoes_beyond_the_end() {
    let lab = Lab::start(&[]);
    let stack = lab.stack().expect("daemon");
    let mut stream = TcpStream::connect(&stack, "10.0.1.7:7").expect("connect");
    let sent: Vec<u8> = (0..3_000_000u32).map(|i| (i % 253) as u8).collect();
    let mut writer = stream.try_clone().expect("clone");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&sent).expect("write");
            writer.shutdown(Shutdown::Write).expect("shutdown");
        });
        let mut got = Vec::new();
        stream.read_to_end(&mut got).expect("read");
        assert!(got == sent, "{} of {} bytes", got.len(), sent.len());
    });
}

/// IPC-20, IPC-29: writable when the attempt has ended, and SO_ERROR says how.
/// IPC-28.
#[test]
fn a_connection_is_made_without_waiting() {
    let lab = Lab::start(&[]);
    let stack = lab.stack().expect("daemon");
    for (remote, errno) in [("10.0.1.7:7", None), ("10.0.1.1:4444", Some(111))] {
        let remote = remote.parse().expect("address");
        let mut stream = TcpStream::connect_start(&stack, remote).expect("started");
        let mut fds = [PollFd::new(&stream, PollFlags::OUT)];
        let patience = Timespec { tv_sec: 5, tv_nsec: 0 };
        assert_eq!(poll(&mut fds, Some(&patience)).expect("poll"), 1);
        let error = stream.take_error().expect("asked").and_then(|e| e.raw_os_error());
        assert_eq!(error, errno, "{remote}");
        if errno.is_none() {
            stream.set_nonblocking(false).expect("blocking");
            stream.write_all(b"ping").expect("write");
            let mut got = [0; 4];
            stream.read_exact(&mut got).expect("echo");
            assert_eq!(got, *b"ping", "nothing of what filled the socketpair");
        }
    }
}

#[test]
fn datagrams_reach_the_kernel_and_come_back() {
    let lab = Lab::start(&[]);
    let stack = lab.stack().expect("daemon");
    let socket = UdpSocket::bind(&stack, "10.0.1.7:5353").expect("bind");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
    let script = "import socket;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.settimeout(5);\
                  s.sendto(b'hello',('10.0.1.7',5353));print(s.recv(100).decode(),end='')";
    let mut peer = lab.command("python3 -c");
    let peer = peer.arg(script).stdout(Stdio::piped()).spawn().expect("python starts");
    let mut got = [0; 100];
    let (n, from) = socket.recv_from(&mut got).expect("receive");
    assert_eq!((&got[..n], from.ip().to_string()), (&b"hello"[..], "10.0.1.1".into()));
    socket.send_to(b"welcome", from).expect("send");
    assert_eq!(peer.wait_with_output().expect("python ends").stdout, b"welcome");
}

/// The other process of the next test: this one, told by its environment.
#[test]
fn client_process() {
    let Some(path) = std::env::var_os("PYX_RT_SOCKET") else { return };
    let stack = client::Stack::connect(Some(path.as_ref())).expect("daemon");
    let listener = TcpListener::bind(&stack, "10.0.1.7:9000").expect("bind");
    let stream = TcpStream::connect(&stack, "10.0.1.7:19").expect("connect");
    println!("ready");
    std::thread::sleep(Duration::from_secs(60));
    drop((listener, stream));
}

/// IPC-34: nothing of a client that was killed is left.
#[test]
fn a_killed_client_leaves_nothing() {
    let lab = Lab::start(&[]);
    let stack = lab.stack().expect("daemon");
    let held = || {
        let sockets = stack.sockets().expect("sockets");
        sockets.iter().filter(|s| s.local.ends_with(":9000") || s.state == "ESTAB").count()
    };
    for _ in 0..3 {
        let mut child = Command::new(std::env::current_exe().expect("own path"))
            .args(["--exact", "client_process", "--nocapture"])
            .env("PYX_RT_SOCKET", &lab.socket)
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let out = BufReader::new(child.stdout.take().expect("stdout"));
        assert!(out.lines().map_while(Result::ok).any(|line| line.contains("ready")));
        assert!(held() >= 3, "a listener and both ends of a connection: {:?}", stack.sockets());
        child.kill().expect("kill");
        child.wait().expect("wait");
        assert!(eventually(|| held() == 0), "{:?}", stack.sockets());
    }
    assert!(lab.pings());
    assert!(eventually(|| {
        let frames = stack.links().expect("links")[1].frames.expect("a port has frames");
        frames.stack == 0 && frames.free == frames.total
    }));
}

/// CLIENT-01.
#[test]
fn a_killed_daemon_ends_its_clients_streams() {
    let mut lab = Lab::start(&[]);
    let stack = lab.stack().expect("daemon");
    let mut stream = TcpStream::connect(&stack, "10.0.1.7:9").expect("connect");
    lab.signal("KILL");
    lab.daemon.wait().expect("wait");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.is_empty());
    assert!(stack.links().is_err(), "calls fail instead of hanging");
}

/// DAEMON-07, IPC-36.
/// DAEMON-02, DAEMON-10.
#[test]
fn a_signal_ends_it_in_order() {
    let mut lab = Lab::start(&[]);
    lab.signal("INT");
    assert!(lab.daemon.wait().expect("wait").success());
    assert!(!lab.socket.exists(), "the path is unlinked");
}
