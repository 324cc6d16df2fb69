//! Urgent data in and out (RFC 6093; Linux's reading of it, where the reference ignores the flag:
//! TCPI-15).

use wire::tcp::{Flags, SeqNum};

use super::harness::*;
use super::transfer::pattern;
use crate::event::Readiness;
use crate::socket::{SocketError, SocketRings};
use crate::tcp::user::socket_options::TcpOption;
use crate::time::Duration;

const URG: Flags = Flags(Flags::URG.0 | Flags::ACK.0);
const NOT_THERE: Result<Option<u8>, SocketError> = Err(SocketError::InvalidArgument);

/// Text `at` bytes into the stream whose urgent pointer says `pointer`.
fn urgent(lab: &mut Lab, base: SeqNum, at: u32, data: &[u8], pointer: u16) {
    let seg = Seg { seq: base + at, urgent: pointer, ..lab.seg(URG).data(data) };
    lab.send(&seg).unwrap();
    lab.host.drain();
}

fn text(lab: &mut Lab, base: SeqNum, at: u32, data: &[u8]) {
    lab.send(&Seg { seq: base + at, ..lab.seg(PSH).data(data) }).unwrap();
    lab.host.drain();
}

fn byte(lab: &mut Lab, ends: &SocketRings) -> Result<Option<u8>, SocketError> {
    lab.host.tcp.urgent_byte(ends.id, false)
}

fn at_mark(lab: &Lab, ends: &SocketRings) -> bool {
    lab.host.tcp.at_mark(ends.id)
}

/// Up to `n` bytes, across a mark.
fn read(ends: &mut SocketRings, n: usize) -> Vec<u8> {
    let mut out = vec![0; n];
    let mut at = 0;
    while at < n {
        match ends.rx.read(&mut out[at..]) {
            0 => break,
            more => at += more,
        }
    }
    out.truncate(at);
    out
}

#[test]
fn the_urgent_byte_is_set_aside_and_told_tcpi_15() {
    let (mut lab, mut ends) = Lab::established();
    let base = lab.seq;
    assert_eq!(byte(&mut lab, &ends), NOT_THERE);
    assert!(!at_mark(&lab, &ends));
    urgent(&mut lab, base, 0, b"abcX", 4);
    let told = Readiness::URGENT | Readiness::READABLE;
    assert_eq!(lab.host.events(), [(ends.id, told)]);
    assert_eq!(lab.host.tcp.urgent_byte(ends.id, true), Ok(Some(b'X')), "a look");
    assert_eq!(byte(&mut lab, &ends), Ok(Some(b'X')));
    assert_eq!(byte(&mut lab, &ends), NOT_THERE, "it is taken once");
    text(&mut lab, base, 4, b"def");
    assert_eq!(lab.host.conn(ends.id).rcv.nxt, base + 7);
    assert!(!at_mark(&lab, &ends));
    assert_eq!(read(&mut ends, 3), b"abc");
    assert!(at_mark(&lab, &ends));
    assert_eq!(read(&mut ends, 1), b"d");
    assert!(!at_mark(&lab, &ends));
    assert_eq!(read(&mut ends, 9), b"ef");
}

#[test]
fn a_byte_in_the_middle_is_taken_out_tcpi_15() {
    let (mut lab, mut ends) = Lab::established();
    let base = lab.seq;
    urgent(&mut lab, base, 0, b"abXcd", 3);
    // Reading stops where the byte was.
    assert_eq!(
        (ends.rx.read(&mut [0; 9]), at_mark(&lab, &ends), ends.rx.at_mark()),
        (2, true, true)
    );
    assert_eq!(
        (ends.rx.read(&mut [0; 9]), at_mark(&lab, &ends), ends.rx.at_mark()),
        (2, false, false)
    );
    assert_eq!(byte(&mut lab, &ends), Ok(Some(b'X')));
    // The next one replaces it.
    urgent(&mut lab, base, 5, b"Yef", 1);
    assert_eq!(byte(&mut lab, &ends), Ok(Some(b'Y')));
    assert_eq!(read(&mut ends, 9), b"ef");
}

#[test]
fn a_pointer_may_run_ahead_of_its_byte_tcpi_15() {
    let (mut lab, mut ends) = Lab::established();
    let base = lab.seq;
    urgent(&mut lab, base, 0, b"abc", 6);
    assert_eq!(byte(&mut lab, &ends), Ok(None), "announced, not here");
    assert!(!lab.host.events().iter().any(|(_, what)| what.has(Readiness::URGENT)));
    // Told again with the rest.
    urgent(&mut lab, base, 3, b"deXf", 3);
    assert!(lab.host.events().iter().any(|(_, what)| what.has(Readiness::URGENT)));
    assert_eq!(byte(&mut lab, &ends), Ok(Some(b'X')));
    // An old pointer says nothing.
    urgent(&mut lab, base, 3, b"deXf", 3);
    assert_eq!(byte(&mut lab, &ends), NOT_THERE);
    assert_eq!(read(&mut ends, 9), b"abcdef");
    // No pointer at all, and one beyond the window.
    urgent(&mut lab, base, 7, b"gh", 0);
    assert_eq!(read(&mut ends, 9), b"gh");
}

/// TCPR-22.
/// SOPT-07, GAP-32.
#[test]
fn in_line_the_byte_stays_in_the_stream_tcpi_15() {
    let (mut lab, mut ends) = Lab::established();
    let base = lab.seq;
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.set_option(cx, id, TcpOption::OobInline(true))).unwrap();
    urgent(&mut lab, base, 0, b"abXcd", 3);
    assert_eq!(byte(&mut lab, &ends), NOT_THERE);
    assert!(!at_mark(&lab, &ends));
    assert_eq!(read(&mut ends, 2), b"ab");
    assert!(at_mark(&lab, &ends));
    assert_eq!(read(&mut ends, 9), b"Xcd");
}

#[test]
fn a_byte_that_came_out_of_order_is_taken_out_when_its_place_is_known_tcpi_15() {
    let (mut lab, mut ends) = Lab::established();
    let base = lab.seq;
    let mut stream = pattern(0, 3000);
    stream[1500] = b'X';
    // The byte first, then text beyond a second gap, then what announces it.
    text(&mut lab, base, 1000, &stream[1000..2000]);
    text(&mut lab, base, 2500, &stream[2500..]);
    urgent(&mut lab, base, 0, &stream[..1000], 1501);
    assert_eq!(byte(&mut lab, &ends), Ok(Some(b'X')));
    text(&mut lab, base, 2000, &stream[2000..2500]);
    stream.remove(1500);
    assert_eq!(read(&mut ends, 3000), stream);
    assert_eq!(lab.host.conn(ends.id).rcv.nxt, base + 3000);
    lab.host.tcp.check();
}

/// Text beyond a gap is moved only if it is little; else it has to come again (RFC 2018 §8 allows
/// it).
#[test]
fn one_byte_does_not_buy_a_copy_of_a_whole_window_tcpi_15() {
    // With SACK, so that the window opens beyond a gap.
    let (mut lab, mut ends) = Lab::new().open(&[2, 4, 3, 232, 1, 1, 4, 2, 1, 3, 3, 7]);
    let base = lab.seq;
    let mut stream = pattern(0, 110_000);
    stream[0] = b'X';
    let mut at = 2000;
    while at < 60_000 {
        text(&mut lab, base, at as u32, &stream[at..at + 1000]);
        at += 1000;
    }
    urgent(&mut lab, base, 0, &stream[..1], 1);
    assert!(lab.host.conn(ends.id).rcv.has_out_of_order(), "58,000 bytes are moved");
    text(&mut lab, base, 1, &stream[1..2000]);
    assert_eq!(read(&mut ends, 60_000), stream[1..60_000]);
    consumed(&mut lab, &ends);
    let start = 60_000;
    let edge = (lab.host.conn(ends.id).rcv.rcv_adv - base) as usize;
    assert!(edge > start + 70_000, "{edge}");
    let mut stream = pattern(0, edge);
    stream[start] = b'Y';
    let mut at = start + 2000;
    while at + 1000 <= edge {
        text(&mut lab, base, at as u32, &stream[at..at + 1000]);
        at += 1000;
    }
    urgent(&mut lab, base, start as u32, &stream[start..start + 1], 1);
    assert!(!lab.host.conn(ends.id).rcv.has_out_of_order());
    lab.host.tcp.check();
    for at in (start + 1..edge - 1000).step_by(1000) {
        text(&mut lab, base, at as u32, &stream[at..at + 1000]);
    }
    let n = ends.rx.len();
    assert!(n > 60_000);
    assert_eq!(read(&mut ends, n), stream[start + 1..start + 1 + n]);
}

fn consumed(lab: &mut Lab, ends: &SocketRings) {
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.app_read(cx, id));
    lab.host.drain();
}

fn send_urgent(lab: &mut Lab, ends: &mut SocketRings, data: &[u8]) -> Vec<Seg> {
    assert_eq!(ends.tx.write(data), data.len());
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.send_urgent(cx, id));
    lab.host.drain()
}

#[test]
fn urgent_data_is_announced_until_it_is_acknowledged() {
    let (mut lab, mut ends) = Lab::established();
    let sent = send_urgent(&mut lab, &mut ends, b"abX");
    assert_eq!((sent[0].flags, sent[0].urgent), (URG | Flags::PSH, 3));
    // Nagle has no say, and later data still points at it: that it is behind needs no pointer.
    let sent = lab.write(&mut ends, b"more");
    assert_eq!((sent[0].flags, sent[0].urgent, &sent[0].data[..]), (PSH, 0, &b"more"[..]));
    let again = lab.host.pass(Duration::from_secs(1));
    assert_eq!((again[0].1.seq, again[0].1.urgent), (lab.ack, 3));
    lab.ack(lab.ack + 7);
    let sent = lab.write(&mut ends, b"calm");
    assert_eq!((sent[0].flags, sent[0].urgent), (PSH, 0));
}

#[test]
fn a_pointer_reaches_ahead_of_what_is_in_flight() {
    let (mut lab, mut ends) = Lab::established();
    let sent = send_urgent(&mut lab, &mut ends, &pattern(0, 25_000));
    assert_eq!(sent.len(), 10);
    assert_eq!(sent.iter().map(|s| s.urgent).take(2).collect::<Vec<_>>(), [25_000, 24_000]);
    assert!(sent.iter().all(|s| s.flags.intersects(Flags::URG)));
    let (mut lab, mut ends) = Lab::established();
    let sent = send_urgent(&mut lab, &mut ends, &pattern(0, 60_000 + 20_000));
    assert_eq!(sent[0].urgent, u16::MAX, "as far as a pointer goes");
}

/// A device would repeat the pointer in every piece.
#[test]
fn a_device_does_not_cut_urgent_data() {
    use wire::offload::DeviceCaps;
    let caps = DeviceCaps { tx_checksum: true, gso_max: 65_536, gso4: true, gso6: true };
    let limits = crate::limits::Limits { tcp_connections: 4, ..Default::default() };
    let host = Host::with("10.0.0.1", limits, caps);
    let (mut lab, mut ends) = Lab::with(host).open(&SYN_OPTIONS);
    let sent = send_urgent(&mut lab, &mut ends, &pattern(0, 5000));
    assert_eq!(sent.iter().map(|s| s.data.len()).collect::<Vec<_>>(), [1000; 5]);
    lab.ack(lab.ack + 5000);
    assert_eq!(lab.write(&mut ends, &pattern(0, 5000)).len(), 1);
}

#[test]
fn urgent_data_crosses_between_two_hosts() {
    let mut pair = Pair::v4();
    let (mut a, mut b) = pair.open();
    a.tx.write(b"normal!");
    let (from, to) = (a.id, b.id);
    pair.hosts[0].act(|tcp, cx| tcp.send_urgent(cx, from));
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.hosts[1].tcp.urgent_byte(to, false), Ok(Some(b'!')));
    assert_eq!(read(&mut b, 9), b"normal");
}
