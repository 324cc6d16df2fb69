//! Windows: ours towards the peer, the peer's towards us (TCPI-10, TCPO-11, TCPO-12).

use wire::tcp::SeqNum;

use super::harness::*;
use super::transfer::pattern;
use crate::drop::DropReason;
use crate::limits::Limits;
use crate::socket::{SocketError, SocketRings};
use crate::time::Duration;

fn small_buffer(bytes: usize) -> (Lab, SocketRings) {
    let limits = Limits { tcp_receive_buffer: bytes, tcp_connections: 4, ..Limits::default() };
    let mut host = Host::with("10.0.0.1", limits, Default::default());
    // An MSS of 1024, so that buffers hold whole segments.
    host.fib.edit_tables(|tables| tables.interfaces[0].mtu = 1064);
    Lab::with(host).open(&SYN_OPTIONS)
}

fn consume(lab: &mut Lab, ends: &mut SocketRings, n: usize) {
    assert_eq!(ends.rx.release(n), n);
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.app_read(cx, id));
}

/// The reference sends no update when the reader drains.
#[test]
fn the_window_closes_with_the_buffer_and_reopens_with_the_reader_tcpi_12_gap_21() {
    let (mut lab, mut ends) = small_buffer(8192);
    for _ in 0..8 {
        lab.send(&lab.seg(PSH).data(&[7; 1024])).unwrap();
        lab.seq += 1024;
    }
    let ack = lab.one();
    assert_eq!((ack.ack, ack.wnd), (lab.seq, 0));
    // A step too small to be worth telling (RFC 9293 §3.8.6.2.2, MUST-39; TCPI-11, TCPR-01) ...
    consume(&mut lab, &mut ends, 1000);
    lab.none();
    assert!(lab.send(&Seg { seq: lab.seq - 1, ..lab.seg(ACK) }).is_err());
    assert_eq!(lab.one().wnd, 0, "nor when asked");
    // ... and one that is.
    consume(&mut lab, &mut ends, 24);
    assert_eq!(lab.one().wnd, 1024);
    consume(&mut lab, &mut ends, 1000);
    lab.none();
    consume(&mut lab, &mut ends, 5000);
    assert_eq!(lab.one().wnd, 6144, "whole segments");
    // A window more than half open is left to the next ACK.
    consume(&mut lab, &mut ends, 1168);
    lab.none();
}

#[test]
fn the_edge_never_moves_back_must_34() {
    let (mut lab, mut ends) = small_buffer(8192);
    let mut edge = SeqNum(0);
    for round in 0..40 {
        lab.send(&lab.seg(PSH).data(&[1; 300])).ok();
        lab.host.pass(Duration::from_millis(50));
        lab.seq = lab.host.conn(ends.id).rcv.nxt;
        let now = lab.host.conn(ends.id).rcv.rcv_adv;
        assert!(round == 0 || now.ge(edge));
        edge = now;
        if round % 3 == 0 {
            let n = ends.rx.len().min(500);
            consume(&mut lab, &mut ends, n);
        }
    }
}

#[test]
fn text_into_a_closed_window_is_refused_and_answered() {
    let (mut lab, ends) = small_buffer(2048);
    lab.send(&lab.seg(PSH).data(&[7; 2048])).unwrap();
    lab.seq += 2048;
    assert_eq!(lab.one().wnd, 0);
    // A probe of one byte (RFC 9293 §3.8.6.1): not taken, but its ACK field counts (MUST-66).
    let probe = lab.seg(PSH).data(b"x").wnd(1);
    assert_eq!(lab.send(&probe), Err(DropReason::TcpOutOfWindow));
    let ack = lab.one();
    assert_eq!((ack.ack, ack.wnd), (lab.seq, 0));
    assert_eq!(lab.host.conn(ends.id).snd.wnd, 1 << 7);
    // A FIN takes no room.
    lab.send(&lab.seg(FIN)).unwrap();
    assert_eq!(lab.one().ack, lab.seq + 1);
}

#[test]
fn text_is_cut_at_the_edge() {
    let (mut lab, ends) = small_buffer(2048);
    lab.send(&lab.seg(FIN).data(&[7; 3000])).unwrap();
    assert_eq!(lab.one().ack, lab.seq + 2048);
    assert_eq!(ends.rx.len(), 2048);
    assert!(!ends.rx.finish_requested(), "the FIN lies beyond what was taken");
}

/// TCPR-02.
#[test]
fn windows_are_scaled_by_what_was_agreed() {
    let (mut lab, ends) = Lab::established();
    lab.send(&lab.seg(PSH).data(&[7; 1000])).unwrap();
    lab.seq += 1000;
    let ack = lab.one();
    // The window of the SYN, and two segments for the one that came (TCPI-13).
    let window = 64_240 + 2 * 1460u32;
    assert_eq!(u32::from(ack.wnd), window.div_ceil(128));
    assert_eq!(lab.host.conn(ends.id).snd.wnd, 0xffff << 7);
}

/// RFC 9293 §3.10.7.4: SND.WL1 and SND.WL2 keep an old segment from setting the window.
#[test]
fn an_older_segment_does_not_set_the_window_tcpo_11() {
    let (mut lab, ends) = Lab::established();
    let old = lab.seg(ACK).wnd(1);
    lab.seq += 3;
    lab.send(&lab.seg(PSH).data(b"def").wnd(100)).unwrap();
    lab.seq += 3;
    lab.send(&old).unwrap();
    assert_eq!(lab.host.conn(ends.id).snd.wnd, 100 << 7);
    lab.send(&lab.seg(ACK).wnd(200)).unwrap();
    assert_eq!(lab.host.conn(ends.id).snd.wnd, 200 << 7);
}

#[test]
fn sending_stops_at_the_peers_window() {
    let (mut lab, mut ends) = Lab::new().open(&[2, 4, 3, 232]);
    lab.send(&lab.seg(ACK).wnd(2500)).unwrap();
    let sent = lab.write(&mut ends, &pattern(0, 10_000));
    // The half segment that would fit is not sent (RFC 9293 §3.8.6.2.1, MUST-38).
    assert_eq!(sent.iter().map(|s| s.data.len()).collect::<Vec<_>>(), [1000, 1000]);
    let more = lab.ack(lab.ack + 2000);
    assert_eq!(more.len(), 65 / 10 + 2, "the window is 65535 again: {}", more.len());
}

/// RFC 9293 §3.8.6.1, MUST-35..37; the reference arms the probe also when the congestion window is
/// what holds data back (TCPO-12, TCPR-01).
#[test]
fn a_closed_window_is_probed_with_back_off_for_as_long_as_it_takes_tcpo_12() {
    let (mut lab, mut ends) = Lab::established();
    lab.send(&lab.seg(ACK).wnd(0)).unwrap();
    assert!(lab.write(&mut ends, b"waiting").is_empty());
    let mut gaps = Vec::new();
    let mut last = lab.host.now;
    for _ in 0..30 {
        let span = Duration::from_secs(125);
        let end = lab.host.now + span;
        let probe = loop {
            let next = lab.host.tcp.next_deadline().expect("a probe to come");
            assert!(next <= end);
            let next = next.max(lab.host.now);
            lab.host.expire(next);
            if let Some(frame) = lab.host.transmit() {
                break frame.seg();
            }
        };
        assert_eq!((probe.seq, probe.flags, probe.data.len()), (lab.ack - 1, ACK, 0));
        gaps.push(lab.host.now.since(last).as_millis() as u64);
        last = lab.host.now;
        // The peer answers that it has no room.
        lab.send(&lab.seg(ACK).wnd(0)).unwrap();
        lab.none();
    }
    assert_eq!(gaps[..4], [200, 400, 800, 1600], "from the round trip of the handshake");
    assert_eq!(gaps[29], 120_000);
    // The window opens at last.
    lab.send(&lab.seg(ACK)).unwrap();
    assert_eq!(lab.one().data, b"waiting");
    assert_eq!(lab.host.conn(ends.id).congestion.cwnd(), 10_000);
}

#[test]
fn a_peer_that_answers_no_probe_is_given_up() {
    let limits = Limits { tcp_retries: 4, tcp_connections: 4, ..Limits::default() };
    let host = Host::with("10.0.0.1", limits, Default::default());
    let (mut lab, mut ends) = Lab::with(host).open(&SYN_OPTIONS);
    lab.send(&lab.seg(ACK).wnd(0)).unwrap();
    lab.write(&mut ends, b"waiting");
    let sent = lab.host.pass(Duration::from_secs(600));
    assert_eq!(sent.iter().filter(|(_, s)| s.flags == ACK).count(), 4);
    assert_eq!(sent.last().unwrap().1.flags, RST | ACK);
    assert_eq!(ends.rx.error(), Some(SocketError::TimedOut.code()));
}

/// RFC 9293 §3.8.6.2.1: after the override timeout what fits is sent.
#[test]
fn a_silly_window_is_filled_after_a_while() {
    let (mut lab, mut ends) = Lab::new().open(&[2, 4, 3, 232]);
    lab.send(&lab.seg(ACK).wnd(300)).unwrap();
    assert!(lab.write(&mut ends, &pattern(0, 5000)).is_empty());
    let sent = lab.host.pass(Duration::from_millis(300));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].1.data.len(), 300);
    // Half the largest window ever seen is not silly.
    let (mut lab, mut ends) = Lab::new().open(&[2, 4, 3, 232]);
    lab.host.tcp.conn_mut(ends.id).unwrap().snd.max_wnd = 600;
    lab.send(&lab.seg(ACK).wnd(300)).unwrap();
    assert_eq!(lab.write(&mut ends, &pattern(0, 5000))[0].data.len(), 300);
}

/// RFC 9293 §3.8.6: a window that shrinks behind what was sent. Data is sent again as a probe, and
/// the connection lives as long as the peer answers.
#[test]
fn a_window_taken_back_is_survived_must_35() {
    let (mut lab, mut ends) = Lab::established();
    let sent = lab.write(&mut ends, &pattern(0, 3000));
    assert_eq!(sent.len(), 3);
    lab.send(&lab.seg(ACK).wnd(0)).unwrap();
    let mut probes = 0;
    for _ in 0..40 {
        for (_, seg) in lab.host.pass(Duration::from_secs(60)) {
            assert_eq!(seg.seq, lab.ack);
            probes += 1;
        }
        lab.send(&lab.seg(ACK).wnd(0)).unwrap();
    }
    assert!(probes > 20, "{probes}");
    lab.send(&lab.seg(ACK).wnd(100)).unwrap();
    let rest = lab.host.pass(Duration::from_secs(130));
    assert!(!rest.is_empty());
    assert!(lab.ack(lab.ack + 3000).is_empty());
    assert_eq!(lab.host.conn(ends.id).snd.outstanding(), 0);
}

/// Whoever looks for data finds it held back by the window, sends the ACK that is owed, and still
/// has a timer for the probe.
#[test]
fn a_probe_is_timed_though_an_ack_leaves_first_tcpo_12() {
    let (mut lab, mut ends) = Lab::established();
    lab.send(&lab.seg(FIN).wnd(0)).unwrap();
    lab.seq += 1;
    let sent = lab.write(&mut ends, b"held back");
    assert_eq!((sent.len(), sent[0].flags), (1, ACK));
    lab.host.tcp.check();
    let (_, probe) = lab.host.pass(Duration::from_millis(1100)).remove(0);
    assert_eq!((probe.seq, probe.data.len()), (lab.ack - 1, 0));
}
