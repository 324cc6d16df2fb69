//! Two interfaces on one subnet: when one stops, the other carries everything, at once.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tests::{Backend, Daemon, HOST_V4, Namespace, eventually};

/// A bridge with the kernel's addresses, and two devices of ours on it.
fn start(label: &str, backend: Backend) -> (Namespace, Daemon) {
    let space = Namespace::new(label);
    space.ip("link add br0 type bridge");
    space.ip("address add 10.0.1.1/24 dev br0");
    space.ip("address add 2001:db8:0:1::1/64 dev br0 nodad");
    let mut args = Vec::new();
    for number in [7, 8] {
        let port = match backend {
            Backend::Tap => {
                space.ip(&format!("tuntap add tap{number} mode tap"));
                format!("tap{number}")
            }
            _ => {
                space.ip(&format!("link add host{number} type veth peer name veth{number}"));
                space.ip(&format!("link set veth{number} up"));
                format!("host{number}")
            }
        };
        space.ip(&format!("link set {port} master br0"));
        space.ip(&format!("link set {port} up"));
        let device = if backend == Backend::Tap { port } else { format!("veth{number}") };
        args.extend(["--iface".into(), device]);
        if backend == Backend::Xdp {
            args.extend(["--backend".into(), "xdp".into()]);
        }
        args.extend(["--address".into(), format!("10.0.1.{number}/24")]);
        args.extend(["--address".into(), format!("2001:db8:0:1::{number}/64")]);
    }
    space.ip("link set br0 up");
    args.push("--demo".into());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let daemon = Daemon::start(&space, &args);
    (space, daemon)
}

fn ours() -> [IpAddr; 4] {
    let v6 = |last| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last));
    [Ipv4Addr::new(10, 0, 1, 7).into(), Ipv4Addr::new(10, 0, 1, 8).into(), v6(7), v6(8)]
}

/// A connection to an echo service of ours.
struct Echo(TcpStream);

impl Echo {
    fn open(space: &Namespace, to: IpAddr) -> Self {
        let patience = Duration::from_secs(3);
        let stream = space.inside(|| TcpStream::connect_timeout(&(to, 7).into(), patience));
        let stream = stream.unwrap_or_else(|error| panic!("connect to {to}: {error}"));
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout can be set");
        Self(stream)
    }

    fn exchange(&mut self, byte: u8) {
        let sent = vec![byte; 20_000];
        self.0.write_all(&sent).expect("write");
        let mut back = vec![0; sent.len()];
        self.0.read_exact(&mut back).expect("read");
        assert_eq!(back, sent);
    }
}

/// Stops the first interface by `ip stop`, and lets it run again by `ip go`.
fn take_over(label: &str, backend: Backend, stop: &str, go: &str) {
    let (space, daemon) = start(label, backend);
    let stack = client::Stack::connect(Some(daemon.socket())).expect("daemon");
    let listener = space.inside(|| TcpListener::bind((HOST_V4, 0)).expect("bind"));
    let peer = listener.local_addr().expect("own");
    let reached = |to: &IpAddr| space.shell(&format!("ping -n -c 1 -W 1 {to}")).status.success();
    assert!(eventually(15, || ours().iter().all(reached)), "before");
    // Until its own address there is certain the kernel does not listen to all nodes.
    let ready = || {
        let shown = space.ip("-6 address show dev br0");
        shown.contains("fe80:") && !shown.contains("tentative")
    };
    assert!(eventually(15, ready), "{}", space.ip("-6 address show dev br0"));
    let mut running: Vec<Echo> = ours().iter().map(|to| Echo::open(&space, *to)).collect();
    for round in 0..2 {
        running.iter_mut().for_each(|echo| echo.exchange(round));
        space.ip(stop);
        let began = Instant::now();
        // Running ones go on, and so do new ones, both ways.
        running.iter_mut().for_each(|echo| echo.exchange(round + 10));
        for to in ours() {
            Echo::open(&space, to).exchange(round + 20);
        }
        client::TcpStream::connect(&stack, peer).expect("a connection of ours");
        let taken = began.elapsed();
        assert!(taken < Duration::from_secs(3), "it takes over at once: {taken:?}");
        space.ip(go);
        running.iter_mut().for_each(|echo| echo.exchange(round + 30));
        assert!(eventually(15, || ours().iter().all(reached)), "after");
    }
    assert!(daemon.said().contains("the link is"), "{}", daemon.said());
}

#[test]
fn a_second_tap_takes_over_from_one_that_is_down() {
    take_over("overtap", Backend::Tap, "link set tap7 down", "link set tap7 up");
}

#[test]
fn a_second_af_xdp_device_takes_over_from_one_that_is_down() {
    take_over("overxdp", Backend::Xdp, "link set veth7 down", "link set veth7 up");
}

#[test]
fn a_second_af_xdp_device_takes_over_from_one_without_a_carrier() {
    take_over("overpeer", Backend::Xdp, "link set host7 down", "link set host7 up");
}
