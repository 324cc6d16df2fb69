//! Socket options and what follows from them (TCPO-07, TCPO-10, TCPO-12, TCPO-17, TCPO-18, TCPF-05,
//! TCPF-15, GAP-31).

use super::harness::*;
use super::transfer::pattern;
use crate::event::Readiness;
use crate::limits::{CongestionAlgorithm, Limits};
use crate::socket::{SocketError, SocketRings};
use crate::tcp::send::snd_space::SndSpace;
use crate::tcp::timers::keepalive::KeepAlive;
use crate::tcp::user::socket_options::TcpOption;
use crate::time::Duration;

fn set(lab: &mut Lab, ends: &SocketRings, option: TcpOption) {
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.set_option(cx, id, option)).unwrap();
}

fn lens(sent: &[Seg]) -> Vec<usize> {
    sent.iter().map(|s| s.data.len()).collect()
}

fn millis(span: u64) -> Duration {
    Duration::from_millis(span)
}

const KEEPALIVE: KeepAlive =
    KeepAlive { idle: Duration::from_secs(10), interval: Duration::from_secs(3), probes: 4 };

#[test]
fn a_cork_holds_small_segments_until_it_is_pulled_tcpo_07() {
    let (mut lab, mut ends) = Lab::established();
    set(&mut lab, &ends, TcpOption::Cork(true));
    assert!(lab.write(&mut ends, b"head").is_empty());
    assert_eq!(lens(&lab.write(&mut ends, &pattern(0, 1500))), [1000]);
    set(&mut lab, &ends, TcpOption::Cork(false));
    assert_eq!(lens(&lab.host.drain()), [504]);
    // No cork keeps a FIN.
    set(&mut lab, &ends, TcpOption::Cork(true));
    lab.write(&mut ends, b"tail");
    ends.tx.finish();
    assert_eq!(lab.write(&mut ends, b"")[0].flags, FIN | PSH);
}

/// GAP-32.
#[test]
fn a_cork_forgotten_holds_for_200_ms() {
    let (mut lab, mut ends) = Lab::established();
    set(&mut lab, &ends, TcpOption::Cork(true));
    assert!(lab.write(&mut ends, b"head").is_empty());
    assert!(lab.host.pass(millis(195)).is_empty());
    let sent = lab.host.pass(millis(10));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].1.data, b"head");
    lab.ack(lab.ack + 4);
    assert_eq!(lab.host.conn(ends.id).probe_backoff, 0);
    assert!(lab.write(&mut ends, b"more").is_empty(), "the next is held again");
}

/// The reference turns it into a count of retransmissions (TCPR-23).
/// SOPT-17.
#[test]
fn unacknowledged_data_ends_the_connection_after_the_user_timeout_tcpo_18() {
    let (mut lab, mut ends) = Lab::established();
    set(&mut lab, &ends, TcpOption::UserTimeout(Duration::from_secs(3)));
    let start = lab.host.now;
    lab.write(&mut ends, b"lost");
    let sent = lab.host.pass(Duration::from_secs(60));
    let first = sent[0].0;
    let (last, reset) = sent.last().unwrap();
    assert_eq!(reset.flags, RST | ACK);
    assert!(first.since(start) < millis(300));
    // Three seconds from the first retransmission, not at some retransmission after that.
    let took = last.since(first);
    assert!(took >= millis(3000) && took <= millis(3010), "{took:?}");
    assert_eq!(ends.rx.pending_error(), Some(SocketError::TimedOut.code()));
}

#[test]
fn progress_starts_the_user_timeout_anew_tcpo_18() {
    let (mut lab, mut ends) = Lab::established();
    set(&mut lab, &ends, TcpOption::UserTimeout(Duration::from_secs(3)));
    lab.write(&mut ends, &pattern(0, 9000));
    for _ in 0..9 {
        assert!(lab.host.pass(millis(2900)).iter().all(|(_, s)| !s.flags.rst()));
        lab.ack(lab.ack + 1000);
    }
    assert_eq!(lab.host.conn(ends.id).snd.outstanding(), 0);
}

/// A peer that answers and keeps its window closed makes no progress.
#[test]
fn a_window_that_stays_closed_ends_at_the_user_timeout_tcpo_18() {
    let (mut lab, mut ends) = Lab::established();
    set(&mut lab, &ends, TcpOption::UserTimeout(Duration::from_secs(5)));
    lab.send(&lab.seg(ACK).wnd(0)).unwrap();
    lab.write(&mut ends, b"waiting");
    let mut waited = 0;
    while ends.rx.pending_error().is_none() {
        lab.host.pass(millis(100));
        lab.send(&lab.seg(ACK).wnd(0)).ok();
        waited += 100;
        assert!(waited < 10_000);
    }
    assert!((5200..=5400).contains(&waited), "{waited}");
    // Without a timeout it goes on (RFC 9293 §3.8.6.1, MUST-37).
    let (mut lab, mut ends) = Lab::established();
    lab.send(&lab.seg(ACK).wnd(0)).unwrap();
    lab.write(&mut ends, b"waiting");
    for _ in 0..60 {
        lab.host.pass(Duration::from_secs(60));
        lab.send(&lab.seg(ACK).wnd(0)).unwrap();
    }
}

/// Linux's limit for what nobody holds any more: the probe interval has reached its bound.
#[test]
fn an_orphan_is_not_held_up_by_a_closed_window_tcpo_12() {
    let (mut lab, mut ends) = Lab::established();
    lab.send(&lab.seg(ACK).wnd(0)).unwrap();
    lab.write(&mut ends, b"waiting");
    lab.close(&ends);
    let mut waited = 0;
    while lab.host.tcp.conn(ends.id).is_some() {
        lab.host.pass(Duration::from_secs(1));
        lab.send(&lab.seg(ACK).wnd(0)).ok();
        waited += 1;
        assert!(waited < 600, "it goes on for ever");
    }
    assert!(waited > 100, "{waited}");
}

#[test]
fn a_user_timeout_takes_the_place_of_the_count_of_probes_tcpo_17() {
    let (mut lab, ends) = Lab::established();
    set(&mut lab, &ends, TcpOption::KeepAlive(Some(KEEPALIVE)));
    set(&mut lab, &ends, TcpOption::UserTimeout(Duration::from_secs(30)));
    let sent = lab.host.pass(Duration::from_secs(100));
    // Probes at 10, 13, ... 28, and the end at 31 seconds.
    let flags: Vec<_> = sent.iter().map(|(_, s)| s.flags).collect();
    assert_eq!(flags, [ACK, ACK, ACK, ACK, ACK, ACK, ACK, RST | ACK]);
    assert_eq!(ends.rx.pending_error(), Some(SocketError::TimedOut.code()));
}

/// The reference takes them for milliseconds.
/// SOPT-06, SOPT-14.
#[test]
fn keepalive_times_are_what_they_say_and_the_end_is_a_reset_gap_31() {
    let (mut lab, ends) = Lab::established();
    let start = lab.host.now;
    set(&mut lab, &ends, TcpOption::KeepAlive(Some(KEEPALIVE)));
    let sent = lab.host.pass(Duration::from_secs(100));
    let at: Vec<_> = sent.iter().map(|(at, _)| at.since(start).as_millis() / 1000).collect();
    assert_eq!(at, [10, 13, 16, 19, 22]);
    assert_eq!(sent[4].1.flags, RST | ACK);
}

#[test]
fn keepalive_waits_while_data_is_out_tcpo_17() {
    let (mut lab, mut ends) = Lab::established();
    let brisk = KeepAlive { idle: millis(50), interval: millis(10), probes: 2 };
    set(&mut lab, &ends, TcpOption::KeepAlive(Some(brisk)));
    lab.write(&mut ends, b"x");
    let sent = lab.host.pass(millis(150));
    assert!(sent.is_empty(), "{sent:?}");
}

/// TCPF-15; RFC 2525 §2.17 is about the other case.
/// SOCK-32, SOCK-57, SOPT-08.
#[test]
fn closing_with_no_time_to_linger_resets_tcpf_15() {
    let (mut lab, mut ends) = Lab::established();
    set(&mut lab, &ends, TcpOption::Linger(Some(Duration::ZERO)));
    lab.write(&mut ends, b"unsent");
    lab.close(&ends);
    assert_eq!(lab.one().flags, RST | ACK);
    assert!(lab.host.tcp.conn(ends.id).is_none());
    for linger in [None, Some(Duration::from_secs(5))] {
        let (mut lab, ends) = Lab::established();
        set(&mut lab, &ends, TcpOption::Linger(Some(Duration::ZERO)));
        set(&mut lab, &ends, TcpOption::Linger(linger));
        lab.close(&ends);
        assert_eq!(lab.one().flags, FIN);
    }
}

#[test]
fn a_writer_without_room_is_told_when_a_third_is_free_tcpo_10() {
    let limits = Limits { tcp_send_buffer: 8192, tcp_connections: 4, ..Limits::default() };
    let host = Host::with("10.0.0.1", limits, Default::default());
    let (mut lab, mut ends) = Lab::with(host).open(&SYN_OPTIONS);
    lab.write(&mut ends, &pattern(0, 8192));
    for _ in 0..2 {
        lab.ack(lab.ack + 1000);
        assert!(lab.host.events().is_empty(), "not for each ACK");
    }
    lab.ack(lab.ack + 1000);
    assert_eq!(lab.host.events(), [(ends.id, Readiness::WRITABLE)]);
    lab.ack(lab.ack + 1000);
    assert!(lab.host.events().is_empty(), "once");
    // One who sleeps is told too, though there was room.
    ends.tx.set_waiting(true);
    lab.ack(lab.ack + 1000);
    assert_eq!(lab.host.events(), [(ends.id, Readiness::WRITABLE)]);
    lab.ack(lab.ack + 1000);
    assert!(lab.host.events().is_empty(), "once");
}

/// SOPT-04.
/// DIFF-09, DIFF-11.
#[test]
fn the_send_limit_follows_the_congestion_window_tcpo_10() {
    let (mut lab, mut ends) = Lab::established();
    let limit = |lab: &Lab, ends: &SocketRings| lab.host.conn(ends.id).snd.space.limit;
    let conn = lab.host.tcp.conn_mut(ends.id).unwrap();
    conn.snd.space = SndSpace::new(&Limits::default());
    conn.apply_send_limit();
    assert_eq!(ends.tx.free(), 64 << 10);
    let mut at = 0;
    while lab.host.conn(ends.id).congestion.cwnd() < 60_000 {
        let room = ends.tx.free();
        lab.write(&mut ends, &pattern(at, room));
        at += room;
        let nxt = lab.host.conn(ends.id).snd.nxt;
        lab.ack(nxt);
    }
    let cwnd = lab.host.conn(ends.id).congestion.cwnd();
    assert!(limit(&lab, &ends) > 64 << 10 && limit(&lab, &ends) <= 2 * cwnd);
    // A size that the user set stays.
    while ends.tx.buffered() > 0 {
        let nxt = lab.host.conn(ends.id).snd.nxt;
        lab.ack(nxt);
    }
    set(&mut lab, &ends, TcpOption::SendBuffer(20_000));
    assert_eq!(limit(&lab, &ends), 20_000);
    for _ in 0..20 {
        lab.write(&mut ends, &pattern(at, 10_000));
        at += 10_000;
        let nxt = lab.host.conn(ends.id).snd.nxt;
        lab.ack(nxt);
    }
    assert_eq!(limit(&lab, &ends), 20_000);
}

/// GAP-32.
#[test]
fn room_counts_only_while_little_is_unsent() {
    let (mut lab, mut ends) = Lab::established();
    set(&mut lab, &ends, TcpOption::NotSentLowWater(2000));
    lab.host.events();
    // Ten segments leave, five stay.
    lab.write(&mut ends, &pattern(0, 15_000));
    assert!(lab.host.events().is_empty());
    lab.ack(lab.ack + 1000);
    assert!(lab.host.events().is_empty(), "three are left");
    lab.ack(lab.ack + 1000);
    assert_eq!(lab.host.events(), [(ends.id, Readiness::WRITABLE)]);
}

/// TCPI-10.
/// SOPT-05.
#[test]
fn a_receive_buffer_that_the_user_set_bounds_the_window() {
    let (mut lab, ends) = Lab::established();
    set(&mut lab, &ends, TcpOption::ReceiveBuffer(10_000));
    // What was offered stays offered.
    let edge = lab.host.conn(ends.id).rcv.rcv_adv;
    for _ in 0..9 {
        lab.send(&lab.seg(PSH).data(&[0; 1000])).unwrap();
        lab.seq += 1000;
        lab.host.drain();
    }
    let conn = lab.host.conn(ends.id);
    assert!(conn.rcv.rcv_adv - edge < 32, "no more is offered");
    assert_eq!(conn.rcv.space.limit, 10_000);
}

/// GAP-32.
#[test]
fn quick_acks_can_be_asked_for_and_forgone_tcpi_09() {
    let (mut lab, ends) = Lab::established();
    set(&mut lab, &ends, TcpOption::QuickAck(false));
    lab.send(&lab.seg(PSH).data(b"delayed")).unwrap();
    lab.seq += 7;
    lab.none();
    set(&mut lab, &ends, TcpOption::QuickAck(true));
    assert_eq!(lab.one().ack, lab.seq);
    lab.send(&lab.seg(PSH).data(b"quick")).unwrap();
    lab.seq += 5;
    assert_eq!(lab.one().ack, lab.seq);
}

/// TCPO-02.
/// SOPT-13.
#[test]
fn a_largest_segment_bounds_what_is_told_and_sent() {
    let (mut lab, mut ends) = Lab::established();
    set(&mut lab, &ends, TcpOption::MaxSegment(500));
    assert_eq!(lens(&lab.write(&mut ends, &pattern(0, 1200))), [500, 500, 200]);
    let mut host = Host::new("10.0.0.1");
    let ends = host.connect("10.0.0.2:80".parse().unwrap()).unwrap();
    let id = ends.id;
    host.act(|tcp, cx| tcp.set_option(cx, id, TcpOption::MaxSegment(500))).unwrap();
    assert_eq!(host.drain()[0].options[..4], [2, 4, 1, 244]);
}

/// As in Linux all of them; the reference leaves the user timeout and the MSS out.
/// SOPT-06.
#[test]
fn a_connection_starts_with_its_listeners_options_tcpf_05() {
    let mut lab = Lab::new();
    let listener = lab.host.listen(80, 8);
    let options = [
        TcpOption::NoDelay(true),
        TcpOption::Congestion(CongestionAlgorithm::Reno),
        TcpOption::KeepAlive(Some(KEEPALIVE)),
        TcpOption::UserTimeout(Duration::from_secs(7)),
        TcpOption::MaxSegment(700),
        TcpOption::ReceiveBuffer(10_000),
        TcpOption::SendBuffer(12_000),
        TcpOption::Linger(Some(Duration::ZERO)),
        TcpOption::OobInline(true),
    ];
    for option in options {
        lab.host.act(|tcp, cx| tcp.set_option(cx, listener, option)).unwrap();
    }
    lab.send(&lab.seg(SYN).options(&SYN_OPTIONS)).unwrap();
    let syn_ack = lab.one();
    assert_eq!(syn_ack.options[..4], [2, 4, 2, 188]);
    assert!(syn_ack.wnd <= 10_000, "{}", syn_ack.wnd);
    (lab.seq, lab.ack) = (lab.seq + 1, syn_ack.seq + 1);
    lab.send(&lab.seg(ACK)).unwrap();
    let ends = lab.host.accept(listener).unwrap();
    let conn = lab.host.conn(ends.id);
    assert_eq!((conn.adv_mss, conn.snd.mss), (700, 700));
    assert_eq!(conn.congestion.algorithm(), CongestionAlgorithm::Reno);
    assert_eq!((conn.rcv.space.limit, conn.snd.space.limit), (10_000, 12_000));
    assert!(conn.options.nodelay && conn.options.oob_inline && conn.options.reset_on_close);
    assert_eq!(conn.options.user_timeout, 7000);
    let sent = lab.host.pass(Duration::from_secs(100));
    let probed = sent.first().unwrap().0.since(START).as_millis();
    assert_eq!(probed, 10_000, "it is probed");
    assert_eq!(sent.last().unwrap().1.flags, RST | ACK);
}

/// All packets of a socket, and the SYN-ACKs of a listener; the bits of ECN are not the user's.
/// TCPO-05: whatever is sent over IPv4 carries don't-fragment.
/// FRAG-09.
#[test]
fn hop_limit_and_traffic_class_are_the_sockets_tcpo_16() {
    let marks = |lab: &mut Lab| {
        let frame = lab.host.transmit().unwrap();
        let header = wire::ip::parse(&frame.bytes).unwrap();
        assert!(header.dont_fragment);
        (header.hop_limit, header.traffic_class)
    };
    for ours in ["10.0.0.1", "2001:db8::1"] {
        let mut lab = Lab::with(Host::new(ours));
        if !lab.ours.ip.is_v4() {
            lab.theirs.ip = "2001:db8::2".parse().unwrap();
        }
        let listener = lab.host.listen(80, 8);
        let set = |lab: &mut Lab, id, option| {
            lab.host.act(|tcp, cx| tcp.set_option(cx, id, option)).unwrap();
        };
        lab.send(&lab.seg(SYN)).unwrap();
        assert_eq!(marks(&mut lab), (64, 0), "the default");
        lab.send(&Seg { seq: lab.seq + 1, ..lab.seg(RST) }).unwrap();
        set(&mut lab, listener, TcpOption::HopLimit(Some(9)));
        set(&mut lab, listener, TcpOption::TrafficClass(0xff));
        lab.send(&lab.seg(SYN)).unwrap();
        let frame = lab.host.transmit().unwrap();
        let header = wire::ip::parse(&frame.bytes).unwrap();
        assert_eq!((header.hop_limit, header.traffic_class), (9, 0xfc));
        (lab.seq, lab.ack) = (lab.seq + 1, frame.seg().seq + 1);
        lab.send(&lab.seg(ACK)).unwrap();
        let mut ends = lab.host.accept(listener).unwrap();
        ends.tx.write(b"data");
        lab.host.act(|tcp, cx| tcp.app_wrote(cx, ends.id));
        assert_eq!(marks(&mut lab), (9, 0xfc), "inherited");
        set(&mut lab, ends.id, TcpOption::HopLimit(None));
        set(&mut lab, ends.id, TcpOption::TrafficClass(0x10));
        ends.tx.write(&pattern(0, 1500));
        lab.host.act(|tcp, cx| tcp.app_wrote(cx, ends.id));
        assert_eq!(marks(&mut lab), (64, 0x10));
        lab.host.drain();
        lab.host.act(|tcp, cx| tcp.abort(cx, ends.id));
        assert_eq!(marks(&mut lab), (64, 0x10), "the RST too");
    }
}
