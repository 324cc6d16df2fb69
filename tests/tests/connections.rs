//! Many connections at once, refused connections, half close: the kernel's TCP as the peer.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use tests::{Backend, FAMILIES, Family, Lab, eventually};

const CONNECTIONS: usize = 200;
const BYTES: usize = 40_000;

fn connect(family: Family, port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&(family.stack, port).into(), Duration::from_secs(10))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_write_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

fn many(backend: Backend) {
    let lab = Lab::start("many", backend);
    for family in FAMILIES {
        lab.space.inside(|| {
            let mut streams: Vec<TcpStream> =
                (0..CONNECTIONS).map(|_| connect(family, 7).expect("connect")).collect();
            let sockets = lab.daemon.records("socket");
            let established = sockets.iter().filter(|s| s["state"] == "ESTAB").count();
            assert!(established >= CONNECTIONS, "{established} of {CONNECTIONS} are listed");
            thread::scope(|scope| {
                for part in streams.chunks_mut(CONNECTIONS / 4) {
                    scope.spawn(move || part.iter_mut().enumerate().for_each(echo));
                }
            });
        });
    }
    let left = || lab.daemon.records("socket").iter().filter(|s| s["state"] == "ESTAB").count();
    assert!(eventually(10, || left() == 0), "{} connections stay", left());
}

/// Sends everything, shuts down, and reads everything back: our side must echo beyond the FIN.
fn echo((number, stream): (usize, &mut TcpStream)) {
    let data: Vec<u8> = (0..BYTES).map(|i| (i * 7 + number) as u8).collect();
    let mut back = Vec::with_capacity(BYTES);
    stream.write_all(&data).expect("write");
    stream.shutdown(Shutdown::Write).expect("shutdown");
    stream.read_to_end(&mut back).expect("read");
    assert!(back == data, "connection {number}: {} of {BYTES} bytes came back", back.len());
}

#[test]
fn two_hundred_connections_over_tap() {
    many(Backend::Tap);
}

#[test]
fn two_hundred_connections_over_tun() {
    many(Backend::Tun);
}

#[test]
fn two_hundred_connections_over_af_xdp() {
    many(Backend::Xdp);
}

/// TCPF-14: a port without a listener answers with RST.
#[test]
fn a_closed_port_refuses() {
    let lab = Lab::start("refuse", Backend::Tap);
    for family in FAMILIES {
        let refused = lab.space.inside(|| connect(family, 4444)).expect_err("nobody listens");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
}
