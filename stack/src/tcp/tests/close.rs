//! Ends: FINs in every order, resets, orphans, removed addresses (TCPF-08).

use wire::tcp::{Flags, SeqNum};

use super::harness::*;
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::limits::Limits;
use crate::socket::{SocketError, SocketRings};
use crate::tcp::state::State;
use crate::time::Duration;

fn finish(lab: &mut Lab, ends: &mut SocketRings) -> Vec<Seg> {
    ends.tx.finish();
    lab.write(ends, b"")
}

/// A connection whose FIN is out, and the FIN.
fn fin_wait_1() -> (Lab, SocketRings) {
    let (mut lab, mut ends) = Lab::established();
    let fin = finish(&mut lab, &mut ends);
    assert_eq!((fin.len(), fin[0].flags, fin[0].seq), (1, FIN, lab.ack));
    assert_eq!(lab.state(&ends), State::FinWait1);
    (lab, ends)
}

fn fin_wait_2() -> (Lab, SocketRings) {
    let (mut lab, ends) = fin_wait_1();
    lab.ack(lab.ack + 1);
    assert_eq!(lab.state(&ends), State::FinWait2);
    (lab, ends)
}

/// RFC 9293 §3.6, figure 12.
#[test]
fn we_close_first_tcpf_08_10() {
    let (mut lab, mut ends) = fin_wait_2();
    // The other direction is still open (TCPF-20).
    lab.send(&lab.seg(PSH).data(b"still here")).unwrap();
    lab.seq += 10;
    assert_eq!(lab.one().ack, lab.seq);
    lab.send(&lab.seg(FIN)).unwrap();
    let last = lab.one();
    assert_eq!((last.flags, last.seq, last.ack), (ACK, lab.ack, lab.seq + 1));
    assert_eq!(ends.rx.read(&mut [0; 16]), 10);
    assert!(ends.rx.is_finished());
    assert_eq!(lab.host.events().last(), Some(&(ends.id, Readiness::GONE)));
    let states: Vec<_> = lab.host.tcp.sockets().map(|s| s.state).collect();
    assert_eq!(states, ["LISTEN", "TIME-WAIT"]);
}

/// RFC 9293 §3.10.4: the state changes with the call, though data before the FIN has to wait.
#[test]
fn a_close_behind_a_closed_window_is_a_close_tcpf_08() {
    let stuck = |lab: &mut Lab, ends: &mut SocketRings| {
        lab.send(&lab.seg(ACK).wnd(0)).unwrap();
        assert!(lab.write(ends, b"stuck").is_empty());
    };
    let (mut lab, mut ends) = Lab::established();
    stuck(&mut lab, &mut ends);
    assert_eq!(lab.state(&ends), State::Established);
    lab.close(&ends);
    lab.none();
    assert_eq!(lab.state(&ends), State::FinWait1);
    // The peer's FIN came after ours was decided: CLOSING, and TIME-WAIT at the end.
    lab.send(&lab.seg(FIN).wnd(0)).unwrap();
    lab.seq += 1;
    assert_eq!(lab.one().ack, lab.seq);
    assert_eq!(lab.state(&ends), State::Closing);
    let rest = lab.ack(lab.ack);
    assert_eq!((rest.len(), &rest[0].data[..], rest[0].flags), (1, &b"stuck"[..], FIN | PSH));
    assert_eq!(lab.state(&ends), State::Closing);
    lab.ack(lab.ack + 6);
    assert_eq!(listed(&lab), ["LISTEN", "TIME-WAIT"]);

    let (mut lab, mut ends) = Lab::established();
    lab.send(&lab.seg(FIN)).unwrap();
    lab.seq += 1;
    lab.one();
    stuck(&mut lab, &mut ends);
    // The writing side alone.
    ends.tx.finish();
    assert_eq!(lab.state(&ends), State::LastAck);
    lab.write(&mut ends, b"");
    assert_eq!(lab.ack(lab.ack).len(), 1);
    lab.ack(lab.ack + 6);
    assert_eq!(listed(&lab), ["LISTEN"]);
}

/// CLOSE-WAIT may go on sending; LAST-ACK ends with the ACK (TCPF-20).
#[test]
fn the_peer_closes_first() {
    let (mut lab, mut ends) = Lab::established();
    lab.send(&lab.seg(FIN)).unwrap();
    lab.seq += 1;
    assert_eq!(lab.one().ack, lab.seq);
    assert_eq!(lab.host.events(), [(ends.id, Readiness::READABLE)]);
    assert_eq!(lab.state(&ends), State::CloseWait);
    assert_eq!(lab.write(&mut ends, b"more")[0].data, b"more");
    lab.ack(lab.ack + 4);
    assert_eq!(finish(&mut lab, &mut ends)[0].flags, FIN);
    assert_eq!(lab.state(&ends), State::LastAck);
    lab.ack(lab.ack + 1);
    assert_eq!(lab.state(&ends), State::Closed);
    assert_eq!(lab.host.tcp.sockets().count(), 1);
    // Of what it left behind only the look at its memory is left.
    lab.host.pass(Duration::from_millis(50));
    assert_eq!(lab.host.tcp.next_deadline(), None);
}

/// RFC 9293 §3.6, figure 13; the reference does not serve CLOSING's timer (TCPF-12, TCPF-19).
#[test]
fn both_close_at_once_tcpf_12_19_gap_24() {
    let (mut lab, ends) = fin_wait_1();
    lab.send(&lab.seg(FIN)).unwrap();
    lab.seq += 1;
    assert_eq!(lab.one().ack, lab.seq);
    assert_eq!(lab.state(&ends), State::Closing);
    let again = lab.host.pass(Duration::from_millis(300));
    assert_eq!(again[0].1.flags, FIN | PSH, "our FIN is repeated in CLOSING");
    lab.ack(lab.ack + 1);
    assert_eq!(lab.host.tcp.sockets().last().unwrap().state, "TIME-WAIT");
}

#[test]
fn fin_and_ack_of_fin_in_one_segment() {
    let (mut lab, _ends) = fin_wait_1();
    lab.ack += 1;
    lab.send(&lab.seg(FIN).data(b"last")).unwrap();
    assert_eq!(lab.one().ack, lab.seq + 5);
    assert_eq!(lab.host.tcp.sockets().last().unwrap().state, "TIME-WAIT");
}

#[test]
fn a_repeated_fin_is_acknowledged_again() {
    let (mut lab, _ends) = Lab::established();
    let fin = lab.seg(FIN).data(b"end");
    lab.send(&fin).unwrap();
    lab.one();
    lab.send(&fin).unwrap();
    assert_eq!(lab.one().ack, lab.seq + 4);
}

fn listed(lab: &Lab) -> Vec<&'static str> {
    lab.host.tcp.sockets().map(|s| s.state).collect()
}

/// The reference waits for ever (TCPF-11); Linux's `tcp_fin_timeout`.
#[test]
fn an_orphan_does_not_wait_for_ever_in_fin_wait_2_tcpf_11_gap_24() {
    let (mut lab, ends) = fin_wait_2();
    assert!(lab.host.pass(Duration::from_secs(1000)).is_empty());
    assert_eq!(lab.state(&ends), State::FinWait2, "half closed by choice");
    lab.close(&ends);
    assert!(lab.host.pass(Duration::from_secs(59)).is_empty());
    assert_eq!(listed(&lab), ["LISTEN", "FIN-WAIT-2"]);
    lab.host.pass(Duration::from_secs(2));
    assert_eq!(listed(&lab), ["LISTEN"]);
}

/// A closed connection whose FIN is acknowledged: no more than a record.
fn orphan() -> Lab {
    let (mut lab, ends) = Lab::established();
    lab.close(&ends);
    assert_eq!(lab.one().flags, FIN);
    lab.ack(lab.ack + 1);
    assert_eq!(listed(&lab), ["LISTEN", "FIN-WAIT-2"]);
    assert_eq!(lab.host.events(), [(ends.id, Readiness::GONE)]);
    lab
}

#[test]
fn an_orphan_in_fin_wait_2_takes_the_fin() {
    let mut lab = orphan();
    // Keep-alive and old segments are answered, bare ACKs are not.
    let probe = Seg { seq: lab.seq - 1, ..lab.seg(ACK) };
    assert_eq!(lab.send(&probe), Err(DropReason::TcpOutOfWindow));
    assert_eq!(lab.one().ack, lab.seq);
    lab.send(&lab.seg(ACK)).unwrap();
    lab.none();
    lab.host.pass(Duration::from_secs(30));
    lab.send(&lab.seg(FIN)).unwrap();
    let ack = lab.one();
    assert_eq!((ack.flags, ack.seq, ack.ack), (ACK, lab.ack, lab.seq + 1));
    assert_eq!(listed(&lab), ["LISTEN", "TIME-WAIT"]);
    lab.host.pass(Duration::from_secs(59));
    assert_eq!(listed(&lab), ["LISTEN", "TIME-WAIT"]);
    lab.host.pass(Duration::from_secs(2));
    assert_eq!(listed(&lab), ["LISTEN"]);
}

#[test]
fn an_orphan_takes_the_fin_that_comes_with_the_ack_of_its_own() {
    let (mut lab, ends) = Lab::established();
    lab.close(&ends);
    lab.one();
    lab.ack += 1;
    lab.send(&lab.seg(FIN)).unwrap();
    assert_eq!(lab.one().ack, lab.seq + 1);
    assert_eq!(listed(&lab), ["LISTEN", "TIME-WAIT"]);
}

#[test]
fn an_orphan_in_fin_wait_2_ends_with_text_or_a_reset() {
    let mut lab = orphan();
    assert_eq!(lab.send(&lab.seg(PSH).data(b"late")), Err(DropReason::TcpReaderGone));
    let rst = lab.one();
    assert_eq!((rst.flags, rst.seq), (RST, lab.ack));
    assert_eq!(listed(&lab), ["LISTEN"]);

    let mut lab = orphan();
    let inexact = Seg { seq: lab.seq + 1, ..lab.seg(RST) };
    assert_eq!(lab.send(&inexact), Err(DropReason::TcpBadReset));
    assert_eq!(lab.send(&lab.seg(Flags::FIN)), Err(DropReason::TcpBadFlags));
    lab.none();
    assert_eq!(lab.send(&lab.seg(SYN)), Err(DropReason::TcpOutOfWindow));
    assert_eq!(lab.one().flags, ACK);
    assert_eq!(listed(&lab), ["LISTEN", "FIN-WAIT-2"]);
    lab.send(&lab.seg(RST)).unwrap();
    assert_eq!(listed(&lab), ["LISTEN"]);
    lab.none();
}

#[test]
fn close_sends_what_was_written_and_then_a_fin() {
    let (mut lab, mut ends) = Lab::established();
    ends.tx.write(b"written");
    lab.close(&ends);
    let sent = lab.one();
    assert_eq!((sent.flags, &sent.data[..]), (FIN | PSH, &b"written"[..]));
    lab.ack(lab.ack + 8);
    assert_eq!(listed(&lab), ["LISTEN", "FIN-WAIT-2"]);
    lab.send(&lab.seg(FIN)).unwrap();
    lab.one();
    let told: Vec<_> = lab.host.events();
    assert_eq!(told, [(ends.id, Readiness::GONE)], "an orphan is told of nothing else");
}

/// RFC 2525 §2.17, RFC 9293 §3.6.1.
#[test]
fn closing_with_unread_data_resets() {
    let (mut lab, ends) = Lab::established();
    lab.send(&lab.seg(PSH).data(b"unread")).unwrap();
    lab.close(&ends);
    let rst = lab.one();
    assert_eq!((rst.flags, rst.seq, rst.ack), (RST | ACK, lab.ack, lab.seq + 6));
    assert_eq!(lab.state(&ends), State::Closed);
}

#[test]
fn text_for_an_orphan_resets() {
    let (mut lab, ends) = Lab::established();
    lab.close(&ends);
    lab.one();
    lab.ack += 1;
    assert_eq!(lab.send(&lab.seg(PSH).data(b"late")), Err(DropReason::TcpReaderGone));
    let rst = lab.one();
    assert_eq!((rst.flags, rst.seq), (RST, lab.ack));
    assert_eq!(lab.host.tcp.sockets().count(), 1);
}

#[test]
fn an_orphan_gives_up_sooner() {
    let limits = Limits { tcp_orphan_retries: 3, tcp_connections: 4, ..Limits::default() };
    let host = Host::with("10.0.0.1", limits, Default::default());
    let (mut lab, ends) = Lab::with(host).open(&SYN_OPTIONS);
    lab.close(&ends);
    let sent = lab.host.pass(Duration::from_secs(60));
    let flags: Vec<Flags> = sent.iter().map(|(_, s)| s.flags).collect();
    assert_eq!(flags, [FIN, FIN | PSH, FIN | PSH, FIN | PSH, RST | ACK]);
    assert_eq!(lab.state(&ends), State::Closed);
}

/// TCPF-15.
/// SOCK-33.
#[test]
fn abort_resets_in_every_state_that_has_a_peer_tcpf_15() {
    let check = |mut lab: Lab, ends: SocketRings| {
        let id = ends.id;
        let error = lab.host.conn(id).fins.theirs == Default::default();
        lab.host.act(|tcp, cx| tcp.abort(cx, id));
        let rst = lab.host.drain().pop().unwrap();
        assert_eq!((rst.flags, rst.ack), (RST | ACK, lab.seq));
        assert_eq!(lab.host.tcp.sockets().count(), 1);
        let code = SocketError::ConnectionAborted.code();
        assert_eq!(ends.rx.error(), error.then_some(code));
        assert_eq!(lab.host.events().last(), Some(&(id, Readiness::GONE)));
    };
    let (lab, ends) = Lab::established();
    check(lab, ends);
    let (lab, ends) = fin_wait_1();
    check(lab, ends);
    let (lab, ends) = fin_wait_2();
    check(lab, ends);
    let (mut lab, ends) = Lab::established();
    lab.send(&lab.seg(FIN)).unwrap();
    lab.seq += 1;
    check(lab, ends);
}

/// The reference lets such sessions live.
#[test]
fn removing_an_address_aborts_what_is_bound_to_it_tcpf_16_gap_25() {
    let (mut lab, ends) = Lab::established();
    let ours = lab.ours.ip;
    lab.theirs.port += 1;
    lab.send(&Seg::new(SYN, SeqNum(1), SeqNum(0))).unwrap();
    lab.one();
    lab.host.act(|tcp, cx| tcp.address_removed(cx, "10.0.0.77".parse().unwrap()));
    assert_eq!(lab.host.tcp.sockets().count(), 3);
    lab.host.act(|tcp, cx| tcp.address_removed(cx, ours));
    assert_eq!(lab.host.tcp.sockets().count(), 1, "the listener stays");
    assert_eq!(ends.rx.error(), Some(SocketError::ConnectionAborted.code()));
}

#[test]
fn calls_on_a_dead_id_do_nothing() {
    let (mut lab, ends) = Lab::established();
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.abort(cx, id));
    lab.host.drain();
    lab.host.act(|tcp, cx| {
        tcp.app_wrote(cx, id);
        tcp.app_read(cx, id);
        tcp.shutdown_read(cx, id);
        tcp.close(cx, id);
        tcp.abort(cx, id);
        assert!(tcp.accept(cx, id).is_err());
        assert_eq!(tcp.local(id), None);
        assert_eq!(tcp.take_events(id), None);
    });
    lab.none();
}

#[test]
fn after_everything_is_closed_nothing_is_left() {
    let mut pair = Pair::v4();
    for _ in 0..20 {
        let (client, server) = pair.open();
        let (a, b) = (client.id, server.id);
        pair.hosts[0].act(|tcp, cx| tcp.close(cx, a));
        pair.run(Duration::from_millis(20));
        pair.hosts[1].act(|tcp, cx| tcp.close(cx, b));
        let listener = pair.hosts[1].tcp.sockets().next().unwrap().id.unwrap();
        pair.hosts[1].act(|tcp, cx| tcp.close(cx, listener));
        pair.run(Duration::from_millis(20));
    }
    let count = |pair: &Pair| pair.hosts.iter().map(|h| h.tcp.sockets().count()).sum::<usize>();
    assert_eq!(count(&pair), 20, "TIME-WAIT records of the side that closed first");
    pair.run(Duration::from_secs(61));
    assert_eq!(count(&pair), 0);
    assert!(pair.hosts.iter().all(|h| h.tcp.next_deadline().is_none()));
}
