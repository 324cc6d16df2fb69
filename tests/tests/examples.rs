//! The example programs do what they say.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use tests::{Backend, HOST_V4, Lab, Namespace, binary, eventually};

/// EX-08: from the daemon to an echo service of the kernel's.
#[test]
fn the_echo_client_gets_its_line_back() {
    let lab = Lab::start("ex-client", Backend::Tap);
    let listener = lab.space.inside(|| TcpListener::bind((HOST_V4, 7)).expect("bind"));
    let service = thread::spawn(move || {
        let (mut peer, _) = listener.accept().expect("accept");
        let mut text = Vec::new();
        peer.read_to_end(&mut text).expect("read");
        peer.write_all(&text).expect("write");
    });
    let out = std::process::Command::new(binary("examples/echo_client"))
        .arg(format!("{HOST_V4}:7"))
        .arg(lab.daemon.socket())
        .output()
        .expect("the example runs");
    let said = String::from_utf8_lossy(&out.stdout);
    let lines: Vec<&str> = said.lines().collect();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(lines[0].starts_with("10.0.1.7:") && lines[0].ends_with(" to 10.0.1.1:7"), "{said}");
    assert_eq!(lines[1..], ["hello"]);
    service.join().expect("service");
}

/// EX-09: an echo service on a stack in its own process.
#[test]
fn the_echo_server_sends_back_what_it_gets() {
    let space = Namespace::new("ex-server");
    space.ip("tuntap add tap7 mode tap");
    space.ip("address add 10.0.1.1/24 dev tap7");
    space.ip("link set tap7 up");
    let program = binary("examples/echo");
    let mut server = space
        .command(program.to_str().expect("path"))
        .stdout(Stdio::null())
        .spawn()
        .expect("the example runs");
    let mut echoed = None;
    let connected = eventually(10, || {
        echoed = space.inside(|| echo().ok());
        echoed.is_some()
    });
    server.kill().expect("kill");
    server.wait().expect("wait");
    assert!(connected, "{:?}", server);
    assert_eq!(echoed.as_deref(), Some("all of it"));
}

fn echo() -> std::io::Result<String> {
    let service = "10.0.1.7:7".parse().expect("address");
    let mut stream = TcpStream::connect_timeout(&service, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"all of it")?;
    stream.shutdown(Shutdown::Write)?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}
