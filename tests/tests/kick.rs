//! AF_XDP: a device that is down for a while leaves nothing behind. Whatever the kernel answered
//! when it was asked to send, frames do not stay parked, and the port serves as before.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use client::Stack;
use tests::{Backend, HOST_V4, Lab, STACK_V4, STACK_V6, eventually};

fn answers(lab: &Lab) -> bool {
    [STACK_V4, STACK_V6]
        .iter()
        .all(|stack| lab.space.shell(&format!("ping -n -c 1 -W 1 {stack}")).status.success())
}

/// More datagrams than there are frames while `down`, then `up`: once with the sender still there,
/// once without.
fn heals(label: &str, more: &[&str], down: &str, up: &[&str]) {
    let lab = Lab::with(label, Backend::Xdp, more);
    assert!(eventually(10, || answers(&lab)), "before");
    let sink = lab.space.inside(|| UdpSocket::bind((HOST_V4, 0)).expect("bind"));
    let to = sink.local_addr().expect("own");
    for goes in [false, true] {
        let stack = Stack::connect(Some(lab.daemon.socket())).expect("daemon");
        let sender = client::UdpSocket::bind(&stack, SocketAddr::from((STACK_V4, 0)));
        let sender = sender.expect("a socket");
        sender.connect(to).expect("connect");
        sender.send(b"resolves").expect("sent");
        lab.space.ip(down);
        sender.set_nonblocking(true).expect("nonblocking");
        let began = Instant::now();
        let mut sent = 0;
        while sent < 6000 && began.elapsed() < Duration::from_secs(2) {
            sent += u32::from(sender.send(&[b'y'; 100]).is_ok());
        }
        assert!(sent > 500, "{sent} datagrams were taken");
        let kept = if goes { None } else { Some(sender) };
        up.iter().for_each(|line| drop(lab.space.ip(line)));
        assert!(
            eventually(5, || answers(&lab)),
            "gone: {goes}, {}: {}",
            lab.link(),
            lab.daemon.said()
        );
        if let Some(sender) = kept {
            sink.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
            let mut data = [0; 200];
            while sink.recv(&mut data).is_ok() {}
            let mut answer = None;
            let arrives = || {
                answer = Some(sender.send(b"and on"));
                sink.recv(&mut data).is_ok_and(|len| &data[..len] == b"and on")
            };
            assert!(eventually(5, arrives), "{answer:?} {}", lab.link());
        }
        let idle = || {
            let link = lab.link();
            let is = |name: &str| link["frames"][name] == 0;
            is("tx") && is("completion") && is("stack")
        };
        assert!(eventually(5, idle), "frames are left behind: {}", lab.link());
    }
}

const DOWN: &str = "link set veth7 down";
const UP: &[&str] = &["link set veth7 up"];

#[test]
fn a_port_that_sleeps_sends_again() {
    heals("kick", &[], DOWN, UP);
}

#[test]
fn a_port_that_polls_sends_again() {
    heals("kickbusy", &["--busy-poll"], DOWN, UP);
}

#[test]
fn a_port_with_a_thread_of_its_own_sends_again() {
    heals("kicksplit", &["--layout", "split"], DOWN, UP);
    heals("kicksplit", &["--layout", "split", "--busy-poll"], DOWN, UP);
}

#[test]
fn a_port_without_a_carrier_sends_again() {
    let down = "link set host7 down";
    let up = ["link set host7 up", "address add 2001:db8:0:1::1/64 dev host7 nodad"];
    heals("kickpeer", &[], down, &up);
    heals("kickpeer", &["--busy-poll"], down, &up);
}
