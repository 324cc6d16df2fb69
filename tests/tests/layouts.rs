//! Both layouts carry the same traffic, also pinned and busy-polling.

use std::net::{Shutdown, TcpStream};
use std::thread;

use tests::{Backend, FAMILIES, Lab, Pattern};

/// Sends 64 MiB to the echo service and reads them back.
fn echoes(backend: Backend, more: &[&str]) {
    let lab = Lab::with("layout", backend, more);
    let pattern = &Pattern::default();
    let total = 64 << 20;
    for family in FAMILIES {
        lab.space.inside(|| {
            let stream = TcpStream::connect((family.stack, 7)).expect("connect");
            thread::scope(|scope| {
                scope.spawn(|| {
                    pattern.send(&stream, total).expect("send");
                    stream.shutdown(Shutdown::Write).expect("shutdown");
                });
                assert_eq!(pattern.check(&stream).expect("echo"), total);
            });
        });
    }
}

#[test]
fn fused_over_tap() {
    echoes(Backend::Tap, &["--layout", "fused", "--cores", "1"]);
}

#[test]
fn split_over_tap() {
    echoes(Backend::Tap, &["--layout", "split", "--cores", "0,1"]);
}

#[test]
fn split_over_tun() {
    echoes(Backend::Tun, &["--layout", "split"]);
}

#[test]
fn fused_over_af_xdp_busy_polling() {
    echoes(Backend::Xdp, &["--layout", "fused", "--busy-poll"]);
}

#[test]
fn split_over_af_xdp() {
    echoes(Backend::Xdp, &["--layout", "split", "--cores", "0,1"]);
}
