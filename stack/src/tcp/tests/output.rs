//! What is sent, and when: Nagle, PSH, congestion window, restart, keep-alive (TCPO-*).

use super::harness::*;
use super::transfer::pattern;
use crate::event::Readiness;
use crate::limits::Limits;
use crate::socket::{SocketError, TcpTimer};
use crate::tcp::state::State;
use crate::tcp::timers::keepalive::KeepAlive;
use crate::tcp::user::socket_options::TcpOption;
use crate::time::Duration;

fn lens(sent: &[Seg]) -> Vec<usize> {
    sent.iter().map(|s| s.data.len()).collect()
}

#[test]
fn data_is_cut_into_segments_and_pushed_at_its_end_tcpo_06() {
    let (mut lab, mut ends) = Lab::established();
    let text = pattern(0, 2500);
    let sent = lab.write(&mut ends, &text);
    assert_eq!(lens(&sent), [1000, 1000, 500]);
    assert_eq!(sent.iter().map(|s| s.flags).collect::<Vec<_>>(), [ACK, ACK, PSH]);
    assert_eq!(sent.iter().flat_map(|s| s.data.clone()).collect::<Vec<_>>(), text);
    assert!(sent.iter().all(|s| s.ack == lab.seq));
    assert_eq!(sent[1].seq, sent[0].seq + 1000);
}

/// TCPR-07, RFC 6928 and RFC 5681 §3.1: ten segments at first, then as acknowledged.
#[test]
fn the_initial_window_is_ten_segments_tcpc_02() {
    let (mut lab, mut ends) = Lab::established();
    let sent = lab.write(&mut ends, &pattern(0, 100_000));
    assert_eq!(sent.len(), 10);
    assert!(lab.host.conn(ends.id).snd.cwnd_limited);
    // Slow start: two for one.
    assert_eq!(lab.ack(lab.ack + 1000).len(), 2);
    assert_eq!(lab.ack(lab.ack + 4000).len(), 8);
}

/// The reference sends one segment a tick. Here one event releases all that the windows allow, with
/// no time between and no timer in it (GAP-20).
#[test]
fn one_event_releases_all_that_the_windows_allow_tcpo_08_gap_20() {
    let (mut lab, mut ends) = Lab::established();
    lab.write(&mut ends, &pattern(0, 1_000_000));
    let mut burst = 10;
    // Slow start: the window doubles with each whole window acknowledged.
    while burst < 160 {
        let start = lab.host.now;
        let nxt = lab.host.conn(ends.id).snd.nxt;
        let sent = lab.ack(nxt);
        burst *= 2;
        assert_eq!(lens(&sent), vec![1000; burst]);
        assert_eq!(lab.host.now, start);
        lab.host.now += Duration::from_millis(100);
    }
    // The peer's window bounds a burst too.
    let nxt = lab.host.conn(ends.id).snd.nxt;
    lab.ack = nxt;
    lab.send(&lab.seg(ACK).wnd(50_000 / 128)).unwrap();
    assert_eq!(lab.host.drain().len(), 49);
}

/// The reference takes whatever is written. Here the ring takes what its limit says, and the writer
/// is told of room.
#[test]
fn a_writer_can_not_run_ahead_without_bound_tcpo_09() {
    let limits = Limits { tcp_send_buffer: 50_000, tcp_connections: 4, ..Limits::default() };
    let host = Host::with("10.0.0.1", limits, Default::default());
    let (mut lab, mut ends) = Lab::with(host).open(&SYN_OPTIONS);
    assert_eq!(ends.tx.write(&pattern(0, 80_000)), 50_000);
    assert_eq!(ends.tx.write(b"x"), 0);
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.app_wrote(cx, id));
    assert_eq!(lab.host.drain().len(), 10);
    lab.host.events();
    for _ in 0..4 {
        let nxt = lab.host.conn(ends.id).snd.nxt;
        lab.ack(nxt);
    }
    let told = lab.host.events();
    assert!(told.iter().any(|(who, what)| *who == id && what.has(Readiness::WRITABLE)));
    let room = ends.tx.free();
    assert!((1..=50_000).contains(&room));
    assert_eq!(ends.tx.write(&pattern(50_000, 80_000)), room);
}

/// RFC 6691 §2: options take their room from the text, so that a packet is as large as the path
/// takes.
#[test]
fn timestamps_take_their_room_from_the_text_tcpo_04() {
    let (mut lab, mut ends) = Lab::stamped();
    let sent = lab.write(&mut ends, &pattern(0, 3000));
    assert_eq!(lens(&sent), [988, 988, 988, 36]);
    assert!(sent.iter().all(|s| s.options.len() == 12));
}

/// RFC 9293 §3.7.4, MUST-17, in Minshall's form.
#[test]
fn small_segments_wait_for_an_earlier_small_one_tcpo_07() {
    let (mut lab, mut ends) = Lab::established();
    assert_eq!(lens(&lab.write(&mut ends, b"one")), [3]);
    assert_eq!(lab.write(&mut ends, b"two").len(), 0);
    assert_eq!(lab.write(&mut ends, b"three").len(), 0);
    let more = lab.ack(lab.ack + 3);
    assert_eq!(more[0].data, b"twothree");
    // A full segment goes out at once, what is left over waits.
    assert_eq!(lens(&lab.write(&mut ends, &pattern(0, 1500))), [1000]);
    let rest = lab.ack(lab.ack + 8);
    assert_eq!(lens(&rest), [500]);
    // A small tail may follow full segments that are out.
    lab.ack(lab.ack + 1500);
    assert_eq!(lens(&lab.write(&mut ends, &pattern(0, 1500))), [1000, 500]);
}

/// SOPT-12.
#[test]
fn nodelay_sends_at_once_and_releases_what_waits() {
    let (mut lab, mut ends) = Lab::established();
    lab.write(&mut ends, b"one");
    assert_eq!(lab.write(&mut ends, b"two").len(), 0);
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.set_option(cx, id, TcpOption::NoDelay(true))).unwrap();
    assert_eq!(lab.one().data, b"two");
    assert_eq!(lens(&lab.write(&mut ends, b"three")), [5]);
}

#[test]
fn a_fin_goes_with_the_last_data_and_does_not_wait() {
    let (mut lab, mut ends) = Lab::established();
    lab.write(&mut ends, b"one");
    ends.tx.write(b"two");
    ends.tx.finish();
    let sent = lab.write(&mut ends, b"");
    assert_eq!((sent[0].flags, &sent[0].data[..]), (FIN | PSH, &b"two"[..]));
    assert_eq!(lab.state(&ends), State::FinWait1);
}

/// RFC 5681 §4.1; TCPO-19, TCPR-05.
#[test]
fn an_idle_connection_restarts_from_the_initial_window_tcpo_19() {
    let (mut lab, mut ends) = Lab::established();
    lab.write(&mut ends, &pattern(0, 30_000));
    while lab.host.conn(ends.id).snd.outstanding() > 0 {
        let nxt = lab.host.conn(ends.id).snd.nxt;
        lab.ack(nxt);
    }
    assert!(lab.host.conn(ends.id).congestion.cwnd() > 10_000);
    lab.host.pass(Duration::from_secs(5));
    assert_eq!(lab.write(&mut ends, &pattern(0, 100_000)).len(), 10);
}

#[test]
fn a_peer_s_small_mss_is_honoured_tcpo_03() {
    let (mut lab, mut ends) = Lab::new().open(&[2, 4, 0, 100]);
    assert_eq!(lens(&lab.write(&mut ends, &pattern(0, 250))), [100, 100, 50]);
    let (mut lab, mut ends) = Lab::new().open(&[2, 4, 0, 1]);
    assert_eq!(lens(&lab.write(&mut ends, &pattern(0, 100))), [48, 48, 4]);
}

#[test]
fn data_carries_the_ack_that_was_owed() {
    let (mut lab, mut ends) = Lab::established();
    lab.send(&lab.seg(PSH).data(b"question")).unwrap();
    lab.seq += 8;
    let sent = lab.write(&mut ends, b"answer");
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].ack, &sent[0].data[..]), (lab.seq, &b"answer"[..]));
    assert!(lab.host.pass(Duration::from_millis(100)).is_empty());
    // A dialogue is no bulk transfer: from now on the ACK waits for the answer.
    lab.send(&Seg { ack: lab.ack + 6, ..lab.seg(PSH).data(b"question") }).unwrap();
    lab.none();
}

/// RFC 9293 §3.8.4; the reference takes seconds for milliseconds and sends no RST (TCPO-17,
/// GAP-31).
#[test]
fn keepalive_probes_a_silent_peer_and_gives_up_tcpo_17() {
    let (mut lab, ends) = Lab::established();
    let keepalive =
        KeepAlive { idle: Duration::from_secs(100), interval: Duration::from_secs(10), probes: 3 };
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.set_option(cx, id, TcpOption::KeepAlive(Some(keepalive)))).unwrap();
    lab.host.pass(Duration::from_secs(50));
    lab.send(&lab.seg(PSH).data(b"x")).unwrap();
    lab.seq += 1;
    let sent = lab.host.pass(Duration::from_secs(99));
    assert_eq!(sent.len(), 1, "the ACK: {sent:?}");
    let probe = lab.host.pass(Duration::from_secs(2)).remove(0).1;
    assert_eq!((probe.seq, probe.ack, probe.flags), (lab.ack - 1, lab.seq, ACK));
    // An answer starts it all over.
    lab.send(&lab.seg(ACK)).unwrap();
    assert_eq!(lab.host.pass(Duration::from_secs(98)).len(), 0);
    let sent = lab.host.pass(Duration::from_secs(40));
    let flags: Vec<_> = sent.iter().map(|(_, s)| s.flags).collect();
    assert_eq!(flags, [ACK, ACK, ACK, RST | ACK]);
    assert_eq!(ends.rx.pending_error(), Some(SocketError::TimedOut.code()));
}

/// TCPO-17: off, and its times are Linux's where none are given.
/// SYSCTL-134.
/// SYSCTL-135.
/// SYSCTL-136.
#[test]
fn keepalive_is_off_by_default_must_25() {
    let (idle, interval) = (Duration::from_secs(7200), Duration::from_secs(75));
    assert_eq!(KeepAlive::default(), KeepAlive { idle, interval, probes: 9 });
    let (mut lab, ends) = Lab::established();
    assert!(lab.host.pass(Duration::from_secs(100_000)).is_empty());
    assert_eq!(lab.state(&ends), State::Established);
    assert_eq!(lab.host.tcp.next_deadline(), None);
}

/// SOCK-37, TCPX-10, CTL-71.
/// GAP-66.
#[test]
fn a_connection_is_listed_with_its_details() {
    let (mut lab, mut ends) = Lab::established();
    lab.write(&mut ends, b"12345");
    lab.send(&lab.seg(PSH).data(b"123")).unwrap();
    let listed: Vec<_> = lab.host.tcp.sockets().collect();
    assert_eq!(listed.len(), 2);
    assert_eq!((listed[0].state, listed[0].local), ("LISTEN", lab.ours));
    assert_eq!((listed[1].state, listed[1].remote), ("ESTAB", Some(lab.theirs)));
    assert_eq!((listed[1].recv_queue, listed[1].send_queue), (3, 5));
    let detail = listed[1].detail.unwrap();
    assert_eq!((detail.mss, detail.cwnd, detail.in_flight), (1000, 10_000, 5));
    assert_eq!((detail.sack, detail.timestamps, detail.scaling), (false, false, Some((7, 7))));
    assert_eq!((detail.reordering, detail.retries, detail.backoff), (3, 0, 0));
    let due = lab.host.now + lab.host.conn(ends.id).rtt.rto();
    assert_eq!(detail.timer, Some((TcpTimer::Retransmit, due)));
    let detail = |lab: &Lab| lab.host.tcp.detail(ends.id).unwrap();
    lab.host.pass(Duration::from_millis(700));
    let stalled = detail(&lab);
    assert_eq!((stalled.retries, stalled.backoff, stalled.retransmits), (2, 2, 2));
    lab.ack += 5;
    lab.seq += 3;
    lab.send(&lab.seg(ACK).wnd(0)).unwrap();
    assert_eq!(detail(&lab).timer, None);
    let id = ends.id;
    let keepalive = TcpOption::KeepAlive(Some(KeepAlive::default()));
    lab.host.act(|tcp, cx| tcp.set_option(cx, id, keepalive)).unwrap();
    let due = lab.host.now + KeepAlive::default().idle;
    assert_eq!(detail(&lab).timer, Some((TcpTimer::KeepAlive, due)));
    ends.tx.write(b"more");
    lab.host.act(|tcp, cx| tcp.app_wrote(cx, id));
    lab.none();
    assert!(matches!(lab.host.tcp.detail(id).unwrap().timer, Some((TcpTimer::Probe, _))));
}
