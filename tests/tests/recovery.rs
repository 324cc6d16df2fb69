//! Transfers over a path that loses, delays, reorders and duplicates, with the kernel as the peer
//! and each of SACK, timestamps and window scaling switched off there: every byte arrives, both
//! ways. How fast is measured by `bench recovery`, not here.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use client::Stack;
use tests::{Backend, FAMILIES, Family, Pattern, Tcpdump, Through};

/// A round trip of 4 ms with everything that may go wrong, often enough for a short transfer.
const BAD: &str =
    "rate=200mbit,delay=2ms,queue=128k,loss=1%,burst=0.1%/30%,reorder=5%/3ms,duplicate=2%";
const TOTAL: u64 = 2_000_000;
const PATIENCE: Duration = Duration::from_secs(40);

/// What the peer may be without, as its setting is called.
const SETTINGS: [&str; 3] = ["tcp_sack", "tcp_timestamps", "tcp_window_scaling"];

/// The peer is without `off` and with everything else; its congestion control is cubic.
fn set_peer(lab: &Through, off: Option<&str>) {
    for setting in SETTINGS {
        let on = i32::from(off != Some(setting));
        let out = lab.peer.shell(&format!("sysctl -qw net.ipv4.{setting}={on}"));
        assert!(out.status.success(), "{setting}: {}", String::from_utf8_lossy(&out.stderr));
    }
}

/// The kernel connects to our echo service, sends and reads back at the same time.
fn echo(lab: &Through, family: Family, total: u64) {
    let pattern = &Pattern::default();
    lab.peer.inside(|| {
        let stream =
            TcpStream::connect_timeout(&(family.stack, 7).into(), PATIENCE).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("timeout");
        thread::scope(|scope| {
            scope.spawn(|| {
                pattern.send(&stream, total).expect("send");
                stream.shutdown(Shutdown::Write).expect("shutdown");
            });
            assert_eq!(pattern.check(&stream).expect("echo"), total);
        });
    });
}

/// We connect to the kernel; both send and check at the same time.
fn connect(lab: &Through, family: Family, total: u64) {
    let pattern = &Pattern::default();
    let stack = Stack::connect(Some(lab.daemon.socket())).expect("the daemon answers");
    let (told, tell) = channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            lab.peer.inside(|| {
                let listener = TcpListener::bind((family.host, 0)).expect("bind");
                told.send(listener.local_addr().expect("address")).expect("tell");
                let (peer, _) = listener.accept().expect("accept");
                peer.set_read_timeout(Some(PATIENCE)).expect("timeout");
                peer.set_write_timeout(Some(PATIENCE)).expect("timeout");
                both_ways(pattern, &peer, total, || peer.shutdown(Shutdown::Write));
            });
        });
        let address = tell.recv().expect("address");
        let stream = client::TcpStream::connect(&stack, address).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        both_ways(pattern, &stream, total, || stream.shutdown(Shutdown::Write));
    });
}

/// Sends and checks at once over one end of a connection.
fn both_ways<'a, S>(
    pattern: &Pattern,
    stream: &'a S,
    total: u64,
    shutdown: impl FnOnce() -> std::io::Result<()> + Send,
) where
    &'a S: std::io::Read + std::io::Write + Send,
{
    thread::scope(|scope| {
        scope.spawn(move || {
            pattern.send(stream, total).expect("send");
            shutdown().expect("shutdown");
        });
        assert_eq!(pattern.check(stream).expect("receive"), total);
    });
}

/// Every setting of the peer and both families, one after the other through one daemon.
fn transfers(backend: Backend) {
    let lab = Through::start("recovery", backend);
    let mut seed = 1;
    for off in [None].into_iter().chain(SETTINGS.map(Some)) {
        set_peer(&lab, off);
        for family in FAMILIES {
            let path = lab.path(BAD, seed);
            echo(&lab, family, TOTAL);
            connect(&lab, family, TOTAL / 2);
            let [ours, theirs] = path.stop().expect("the middlebox ran");
            for (side, counters) in [("ours", ours), ("theirs", theirs)] {
                assert_eq!(counters.too_long, 0, "{side}: {counters:?}");
                let accidents = [counters.lost, counters.held_up, counters.duplicated];
                assert!(accidents.iter().all(|count| *count > 0), "{side}: {counters:?}");
            }
            seed += 1;
        }
    }
}

#[test]
fn every_byte_arrives_over_tap() {
    transfers(Backend::Tap);
}

#[test]
fn every_byte_arrives_over_af_xdp() {
    transfers(Backend::Xdp);
}

/// The options of a handshake segment, as tcpdump prints them, without their values.
fn options(line: &str) -> Vec<&str> {
    let list = line.split_once("options [").and_then(|(_, rest)| rest.split_once(']'));
    let list = list.map(|(list, _)| list).expect("options");
    list.split(',').map(|option| option.split(' ').next().unwrap_or_default()).collect()
}

/// TCPO-01, TCPO-15, TCPI-08: our SYN offers what Linux offers in Linux's order; an answer has only
/// what was offered; SACK blocks go to a peer that permitted them and to nobody else.
#[test]
fn what_is_on_the_wire() {
    let lab = Through::start("wire", Backend::Tap);
    for off in [None].into_iter().chain(SETTINGS.map(Some)) {
        set_peer(&lab, off);
        let path = lab.path("delay=1ms,loss=2%,rate=200mbit", 7);
        let capture = Tcpdump::start(&lab.peer, Through::DEVICE, "tcp and ip");
        echo(&lab, FAMILIES[0], TOTAL / 2);
        connect(&lab, FAMILIES[0], 1000);
        path.stop().expect("the middlebox ran");
        let lines = capture.lines();
        let ours = |flags: &'static str| {
            lines.iter().filter(move |l| l.starts_with("IP 10.0.1.7.") && l.contains(flags))
        };
        let some = || format!("{} packets, as {:?}", lines.len(), lines.first());
        let syn = ours("Flags [S],").next().unwrap_or_else(|| panic!("our SYN: {}", some()));
        let offered = options(syn);
        assert_eq!(offered, ["mss", "sackOK", "TS", "nop", "wscale"], "{off:?}");
        let answered = options(ours("Flags [S.],").next().expect("our SYN-ACK"));
        for (option, setting) in ["sackOK", "TS", "wscale"].iter().zip(SETTINGS) {
            assert_eq!(answered.contains(option), off != Some(setting), "{off:?}: {answered:?}");
        }
        let blocks = ours("sack ").count();
        assert_eq!(blocks > 0, off != Some("tcp_sack"), "{off:?}: {blocks} segments with SACK");
        let stamped = ours("TS val").count();
        let all = ours("ack").count();
        assert_eq!(stamped > all / 2, off != Some("tcp_timestamps"), "{off:?}: {stamped} of {all}");
    }
}
