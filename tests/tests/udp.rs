//! UDP echo of every size up to the MTU, larger ones in fragments, port unreachable, and silent
//! neighbours that hold up nobody else.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use tests::{Backend, FAMILIES, Family, HOST_V4, Lab, STACK_V4, eventually};

fn echoes(backend: Backend) {
    let lab = Lab::start("udp", backend);
    for family in FAMILIES {
        lab.space.inside(|| echo_all(family));
    }
}

fn echo_all(family: Family) {
    let socket = UdpSocket::bind((family.host, 0)).expect("bind");
    socket.set_read_timeout(Some(Duration::from_secs(2))).expect("timeout");
    socket.connect((family.stack, 7)).expect("connect");
    let data: Vec<u8> = (0..8000_u32).map(|i| ((i * 31) >> 3) as u8).collect();
    let mut answer = vec![0; 9000];
    for size in (0..=family.udp_max).chain([2000, 4000, 8000]) {
        socket.send(&data[..size]).expect("send");
        let got = match socket.recv(&mut answer) {
            Ok(got) => got,
            // The first datagram may meet an unresolved neighbour; once more, then it must come.
            Err(e) if e.kind() == ErrorKind::WouldBlock && size == 0 => {
                socket.send(&data[..size]).expect("send again");
                socket.recv(&mut answer).expect("echo of nothing")
            }
            Err(e) => panic!("echo of {size} bytes from {}: {e}", family.stack),
        };
        assert_eq!(&answer[..got], &data[..size], "echo of {size} bytes");
    }
    let closed = UdpSocket::bind((family.host, 0)).expect("bind");
    closed.set_read_timeout(Some(Duration::from_secs(2))).expect("timeout");
    closed.connect((family.stack, 4444)).expect("connect");
    closed.send(b"anyone?").expect("send");
    let refused = closed.recv(&mut answer).expect_err("nobody listens there");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn udp_echo_over_tap() {
    echoes(Backend::Tap);
}

#[test]
fn udp_echo_over_tun() {
    echoes(Backend::Tun);
}

#[test]
fn udp_echo_over_af_xdp() {
    echoes(Backend::Xdp);
}

/// Datagrams from addresses that answer neither ARP nor neighbour solicitations are echoed to
/// nobody; meanwhile the same socket echoes to everybody else as before.
fn silent_neighbors(backend: Backend) {
    let lab = Lab::start("silent", backend);
    let silent = |family: Family, n: u32| match family.host {
        IpAddr::V4(_) => format!("10.0.1.{}", 100 + n).parse::<IpAddr>().expect("address"),
        IpAddr::V6(_) => format!("2001:db8:0:1::{}", 100 + n).parse().expect("address"),
    };
    // The kernel speaks for addresses of the interface that was asked only; it always does so for
    // IPv6.
    let arp_ignore = "/proc/sys/net/ipv4/conf/all/arp_ignore";
    lab.space.inside(|| std::fs::write(arp_ignore, "1").expect("arp_ignore"));
    for n in 0..20 {
        for family in FAMILIES {
            let nodad = if family.host.is_ipv6() { "nodad" } else { "" };
            lab.space.ip(&format!("address add {} dev lo {nodad}", silent(family, n)));
        }
    }
    let mut answer = [0; 64];
    for family in FAMILIES {
        lab.space.inside(|| {
            let socket = UdpSocket::bind((family.host, 0)).expect("bind");
            socket.set_read_timeout(Some(Duration::from_secs(2))).expect("timeout");
            socket.connect((family.stack, 7)).expect("connect");
            let mut echo = |what: &[u8]| {
                socket.send(what).expect("send");
                let got = socket.recv(&mut answer).expect("the echo comes within two seconds");
                assert_eq!(&answer[..got], what);
            };
            echo(b"before");
            let from = |n| UdpSocket::bind((silent(family, n), 0)).expect("bind");
            let strangers: Vec<UdpSocket> = (0..20).map(from).collect();
            for n in 0..200u8 {
                let stranger = &strangers[usize::from(n % 20)];
                stranger.send_to(b"me too", (family.stack, 7)).expect("send");
                echo(&[n]);
            }
        });
    }
}

#[test]
fn silent_neighbors_hold_up_nobody_over_tap() {
    silent_neighbors(Backend::Tap);
}

#[test]
fn silent_neighbors_hold_up_nobody_over_af_xdp() {
    silent_neighbors(Backend::Xdp);
}

/// A client that writes to a link that is down is not held up, neither then nor afterwards: what
/// has no route is dropped.
#[test]
fn a_client_goes_on_after_a_link_was_down() {
    let lab = Lab::start("udpfull", Backend::Tap);
    let ping = || lab.space.shell(&format!("ping -n -c 1 -W 1 {STACK_V4}")).status.success();
    assert!(eventually(10, ping), "before");
    let sink = lab.space.inside(|| UdpSocket::bind((HOST_V4, 0)).expect("bind"));
    let stack = client::Stack::connect(Some(lab.daemon.socket())).expect("daemon");
    for size in [1, 40, 100, 101, 102, 500, 1000, 1472] {
        let sender = client::UdpSocket::bind(&stack, (STACK_V4, 0)).expect("a socket");
        sender.connect(sink.local_addr().expect("own")).expect("connect");
        sender.set_nonblocking(true).expect("nonblocking");
        lab.space.ip("link set tap7 down");
        for _ in 0..5000 {
            let _ = sender.send(&vec![0; size]);
        }
        lab.space.ip("link set tap7 up");
        let free = || (0..100).all(|_| sender.send(&vec![0; size]).is_ok());
        assert!(eventually(5, free), "{size} bytes: {:?}", lab.daemon.records("socket show udp"));
    }
}
