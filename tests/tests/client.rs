//! Another process (this test) opens sockets through the daemon and gets real descriptors. Rows:
//! IPC-06, IPC-20, IPC-21, IPC-23, IPC-25, IPC-26, IPC-28, IPC-30, IPC-31, CLIENT-01, CLIENT-05,
//! CLIENT-06, CLIENT-08.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use client::{Stack, TcpListener, TcpStream, UdpSocket};
use tests::{Backend, FAMILIES, Family, Lab, Pattern};

const GIB: u64 = 1 << 30;

fn open(lab: &Lab) -> Stack {
    Stack::connect(Some(lab.daemon.socket())).expect("the daemon answers")
}

/// A kernel server that sends and checks the pattern at once, and our client doing the same.
fn both_ways(backend: Backend, family: Family, total: u64) {
    let lab = Lab::start("client", backend);
    let stack = open(&lab);
    let pattern = &Pattern::default();
    let (told, tell) = channel();
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            lab.space.inside(|| {
                let listener = std::net::TcpListener::bind((family.host, 0)).expect("bind");
                told.send(listener.local_addr().expect("address")).expect("tell");
                let (peer, _) = listener.accept().expect("accept");
                thread::scope(|scope| {
                    let writer = scope.spawn(|| {
                        pattern.send(&peer, total).expect("server sends");
                        peer.shutdown(Shutdown::Write).expect("shutdown");
                    });
                    assert_eq!(pattern.check(&peer).expect("server receives"), total);
                    writer.join().expect("writer");
                });
            });
        });
        let address = tell.recv().expect("address");
        let stream = TcpStream::connect(&stack, address).expect("connect");
        assert_eq!(stream.peer_addr().expect("peer"), address);
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                pattern.send(&stream, total).expect("client sends");
                stream.shutdown(Shutdown::Write).expect("shutdown");
            });
            assert_eq!(pattern.check(&stream).expect("client receives"), total);
            writer.join().expect("writer");
        });
        server.join().expect("server");
    });
}

#[test]
fn a_gibibyte_both_ways_over_tap() {
    both_ways(Backend::Tap, FAMILIES[0], GIB);
}

#[test]
fn a_gibibyte_both_ways_over_af_xdp() {
    both_ways(Backend::Xdp, FAMILIES[1], GIB);
}

#[test]
fn a_transfer_both_ways_over_tun() {
    both_ways(Backend::Tun, FAMILIES[1], GIB / 8);
}

/// ARCH-06.
#[test]
fn our_listener_serves_kernel_clients() {
    let lab = Lab::start("listen", Backend::Tap);
    let stack = open(&lab);
    for (family, any) in FAMILIES
        .into_iter()
        .zip([IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)])
    {
        let listener = TcpListener::bind(&stack, (any, 8080)).expect("bind");
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..20 {
                    let (mut stream, peer) = listener.accept().expect("accept");
                    assert_eq!(peer.ip(), family.host);
                    let mut line = Vec::new();
                    stream.read_to_end(&mut line).expect("read");
                    assert_eq!(line, format!("request {number}").into_bytes());
                    line.reverse();
                    stream.write_all(&line).expect("write");
                }
            });
            lab.space.inside(|| {
                for number in 0..20 {
                    let mut peer = std::net::TcpStream::connect((family.stack, 8080)).expect("in");
                    peer.set_read_timeout(Some(Duration::from_secs(10))).expect("timeout");
                    peer.write_all(format!("request {number}").as_bytes()).expect("write");
                    peer.shutdown(Shutdown::Write).expect("shutdown");
                    let mut answer = String::new();
                    peer.read_to_string(&mut answer).expect("read");
                    assert_eq!(
                        answer.chars().rev().collect::<String>(),
                        format!("request {number}")
                    );
                }
            });
        });
    }
}

#[test]
fn udp_sockets_send_and_receive() {
    let lab = Lab::start("client-udp", Backend::Tap);
    let stack = open(&lab);
    for family in FAMILIES {
        let ours = UdpSocket::bind(&stack, (family.stack, 5353)).expect("bind");
        lab.space.inside(|| {
            let peer = std::net::UdpSocket::bind((family.host, 0)).expect("bind");
            peer.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
            let mut buffer = [0; 2000];
            for size in [0, 1, 512, family.udp_max] {
                let data = vec![size as u8; size];
                peer.send_to(&data, (family.stack, 5353)).expect("send");
                let (got, from) = ours.recv_from(&mut buffer).expect("receive");
                assert_eq!((&buffer[..got], from), (&data[..], peer.local_addr().expect("own")));
                ours.send_to(&data, from).expect("answer");
                let (got, from) = peer.recv_from(&mut buffer).expect("answered");
                assert_eq!((&buffer[..got], from), (&data[..], (family.stack, 5353).into()));
            }
        });
    }
}

/// GAP-26: what went wrong is told by the errno that Linux would give.
#[test]
fn failures_carry_the_right_error() {
    let lab = Lab::start("client-err", Backend::Tap);
    let stack = open(&lab);
    let connect = |ip: &str, port: u16| {
        let ip: IpAddr = ip.parse().expect("address");
        TcpStream::connect(&stack, (ip, port)).map(drop).map_err(|e| e.kind())
    };
    assert_eq!(connect("10.0.1.1", 4444), Err(ErrorKind::ConnectionRefused));
    assert_eq!(connect("10.0.1.99", 80), Err(ErrorKind::HostUnreachable));
    assert_eq!(connect("203.0.113.1", 80), Err(ErrorKind::NetworkUnreachable));
    let bind = |ip: &str, port: u16| {
        let ip: IpAddr = ip.parse().expect("address");
        TcpListener::bind(&stack, (ip, port)).map_err(|e| e.kind())
    };
    assert_eq!(bind("10.0.1.99", 80).map(drop), Err(ErrorKind::AddrNotAvailable));
    let first = bind("10.0.1.7", 8081).expect("the port is free");
    assert_eq!(bind("10.0.1.7", 8081).map(drop), Err(ErrorKind::AddrInUse));
    drop(first);
}
