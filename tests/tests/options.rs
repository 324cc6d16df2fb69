//! Socket options and urgent data of a client's connections, seen by the kernel at the other end
//! and by `ctl socket`.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use client::Stack;
use client::socket_option::{IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, TCP_LINGER2};
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use serde_json::Value;
use tests::{Backend, Capture, FAMILIES, Family, Lab, eventually};

const FIN: u8 = 1;
const PSH: u8 = 8;

fn open(lab: &Lab) -> Stack {
    Stack::connect(Some(lab.daemon.socket())).expect("the daemon answers")
}

/// A connection of ours to a server of the kernel's.
fn connected(lab: &Lab, family: Family) -> (client::TcpStream, TcpStream) {
    let listener = lab.space.inside(|| TcpListener::bind((family.host, 0))).expect("bind");
    let address = listener.local_addr().expect("address");
    let ours = client::TcpStream::connect(&open(lab), address).expect("we connect");
    let (theirs, _) = listener.accept().expect("accept");
    theirs.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
    ours.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
    (ours, theirs)
}

/// What the list says of our end.
fn listed(lab: &Lab, ours: SocketAddr) -> Option<Value> {
    let local = ours.to_string();
    lab.daemon.records("socket").into_iter().find(|socket| socket["local"] == local.as_str())
}

/// TCPI-15: a byte out of band, in both directions, in its place.
#[test]
fn urgent_data_comes_and_goes_as_the_kernel_has_it_tcpi_15() {
    let lab = Lab::start("urgent", Backend::Tap);
    for family in FAMILIES {
        let (mut ours, mut theirs) = connected(&lab, family);
        theirs.write_all(b"abc").expect("write");
        assert_eq!(send(&theirs, b"X", SendFlags::OOB), Ok(1));
        theirs.write_all(b"def").expect("write");
        let mut text = [0; 16];
        let mut came = Vec::new();
        while came.len() < 3 {
            let n = ours.read(&mut text).expect("read");
            came.extend_from_slice(&text[..n]);
        }
        assert_eq!(came, b"abc", "reading stops where the byte was");
        assert!(eventually(5, || ours.recv_urgent(true).is_ok_and(|byte| byte == b'X')));
        assert_eq!(ours.recv_urgent(false).expect("the urgent byte"), b'X');
        assert_eq!(ours.recv_urgent(false).expect_err("once").kind(), ErrorKind::InvalidInput);
        ours.read_exact(&mut text[..3]).expect("read");
        assert_eq!(text[..3], *b"def");

        assert_eq!(ours.send_urgent(b"123Y").expect("urgent"), 4);
        ours.write_all(b"456").expect("write");
        theirs.read_exact(&mut text[..3]).expect("read");
        assert_eq!(text[..3], *b"123");
        let mut byte = [0];
        let mut urgent = || recv(&theirs, &mut byte[..], RecvFlags::OOB).is_ok_and(|r| r.1 == 1);
        assert!(eventually(5, &mut urgent));
        assert_eq!(byte, *b"Y");
        theirs.read_exact(&mut text[..3]).expect("read");
        assert_eq!(text[..3], *b"456");
    }
}

/// TCPO-16, TCPC-01: on the wire, and in the list.
/// SOPT-16, SOPT-19, SOPT-20, SOPT-31, SOPT-38, IPC-20.
#[test]
fn packets_are_marked_as_the_socket_says_tcpo_16_tcpc_01() {
    let lab = Lab::start("marks", Backend::Tap);
    let mut capture = Capture::start(&lab.space);
    for family in FAMILIES {
        let (mut ours, mut theirs) = connected(&lab, family);
        let (level, ttl, class) =
            if family.host.is_ipv4() { (IPPROTO_IP, 2, 1) } else { (IPPROTO_IPV6, 16, 67) };
        ours.set_option(level, ttl, 9).expect("hop limit");
        ours.set_option(level, class, 0x28).expect("traffic class");
        assert_eq!(ours.option(level, ttl).expect("hop limit"), 9);
        assert_eq!(ours.congestion().expect("name"), "cubic");
        ours.set_congestion("reno").expect("reno");
        let unknown = ours.set_congestion("vegas").expect_err("unknown");
        assert_eq!(unknown.kind(), ErrorKind::NotFound);
        ours.write_all(b"data").expect("write");
        theirs.read_exact(&mut [0; 4]).expect("read");
        let sent = capture.find(family.stack, |header| header.flags & PSH != 0);
        assert_eq!((sent.ttl, sent.traffic_class), (9, 0x28));
        let address = ours.local_addr().expect("address");
        let info = listed(&lab, address).expect("listed")["info"].clone();
        assert_eq!((&info["congestion"], &info["reordering"]), (&"reno".into(), &3.into()));
        assert!(info["rto_us"].as_u64() >= Some(200_000) && info["mss"].as_u64() > Some(1000));
        capture.clear();
    }
}

/// GAP-26: `SO_ERROR` of a connection that is no more, once.
/// SOCK-56, SOPT-02.
#[test]
fn a_connection_that_was_reset_says_so_once_gap_26() {
    let lab = Lab::start("reset", Backend::Tap);
    let (ours, theirs) = connected(&lab, FAMILIES[0]);
    set_socket_linger(theirs.as_fd(), Some(Duration::ZERO)).expect("linger");
    drop(theirs);
    let address = ours.local_addr().expect("address");
    assert!(eventually(5, || listed(&lab, address).is_none()), "the connection is gone");
    let error = ours.take_error().expect("asked").expect("an error");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(ours.take_error().expect("asked").is_none());
}

/// GAP-24: TCP_LINGER2 instead of a minute in FIN-WAIT-2.
#[test]
fn an_orphan_waits_as_long_as_its_user_said_gap_24() {
    let lab = Lab::start("linger2", Backend::Tap);
    let mut capture = Capture::start(&lab.space);
    let (ours, theirs) = connected(&lab, FAMILIES[0]);
    let address = ours.local_addr().expect("address");
    ours.set_option(IPPROTO_TCP, TCP_LINGER2, 2).expect("linger2");
    drop(ours);
    capture.find(FAMILIES[0].stack, |header| header.flags & FIN != 0);
    let state = || listed(&lab, address).map(|socket| socket["state"].clone());
    assert!(eventually(5, || state() == Some("FIN-WAIT-2".into())));
    assert!(eventually(20, || state().is_none()), "not a minute");
    drop(theirs);
}

/// RFC 6069: a router that knows no way on says so, and the next attempt does not wait longer.
/// Eight of them with back-off would take 51 seconds.
#[test]
fn a_path_that_is_down_is_asked_at_the_same_pace_rfc_6069() {
    let lab = Lab::with("revert", Backend::Tap, &["--gateway", "10.0.1.1"]);
    let shell = |line: &str| assert!(lab.space.shell(line).status.success(), "{line}");
    shell("ip address add 192.0.2.1/32 dev lo");
    shell("echo 1 > /proc/sys/net/ipv4/ip_forward");
    shell("echo 0 > /proc/sys/net/ipv4/icmp_ratelimit");
    let family = Family { host: [192, 0, 2, 1].into(), ..FAMILIES[0] };
    let (mut ours, theirs) = connected(&lab, family);
    let address = ours.local_addr().expect("address");
    shell("ip address del 192.0.2.1/32 dev lo");
    shell("ip route add unreachable 192.0.2.1/32");
    ours.write_all(b"anyone?").expect("write");
    let info = |name: &str| {
        listed(&lab, address).map_or(0, |socket| socket["info"][name].as_u64().unwrap_or(0))
    };
    assert!(eventually(20, || info("retransmits") >= 8), "{:?}", listed(&lab, address));
    // With back-off both are the same. The kernel says so five times, and then once a second.
    assert!(info("backoff") + 4 <= info("retries"), "{:?}", listed(&lab, address));
    // The path comes back, and what was written arrives.
    shell("ip route del unreachable 192.0.2.1/32");
    shell("ip address add 192.0.2.1/32 dev lo");
    let mut text = [0; 7];
    (&theirs).read_exact(&mut text).expect("read");
    assert_eq!(text, *b"anyone?");
}
