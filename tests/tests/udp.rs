//! UDP echo of every size up to the MTU, larger ones in fragments, and port unreachable.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::Duration;

use tests::{Backend, FAMILIES, Family, Lab};

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
