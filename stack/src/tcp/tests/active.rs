//! Active opens: SYN-SENT and crossing SYNs (TCPF-02, TCPF-06).

use std::collections::BTreeSet;

use addr::Endpoint;
use wire::tcp::SeqNum;

use super::harness::*;
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::limits::Limits;
use crate::socket::{SocketError, SocketRings};
use crate::tcp::state::State;
use crate::time::Duration;

/// A host that has sent a SYN.
fn connecting() -> (Lab, SocketRings, Seg) {
    let mut lab = Lab::new();
    let ends = lab.host.connect(lab.theirs).unwrap();
    lab.ours = ends.local;
    let syn = lab.one();
    lab.ack = syn.seq + 1;
    (lab, ends, syn)
}

#[test]
fn connect_sends_a_syn_and_the_answer_opens_tcpf_02() {
    let (mut lab, ends, syn) = connecting();
    assert_eq!(syn.flags, SYN);
    assert_eq!(syn.options[..8], [2, 4, 5, 180, 4, 2, 8, 10]);
    assert_eq!(syn.options[12..], [0, 0, 0, 0, 1, 3, 3, 7]);
    assert_eq!((syn.wnd, syn.ack), (64_240, SeqNum(0)));
    assert_eq!(lab.state(&ends), State::SynSent);
    lab.send(&lab.seg(SYN_ACK).options(&SYN_OPTIONS).wnd(500)).unwrap();
    let ack = lab.one();
    assert_eq!((ack.flags, ack.seq, ack.ack), (ACK, syn.seq + 1, IRS + 1));
    let told = Readiness::CONNECTED | Readiness::WRITABLE;
    assert_eq!(lab.host.events(), [(ends.id, told)]);
    let conn = lab.host.conn(ends.id);
    // The window of a SYN is not scaled (RFC 7323 §2.2).
    assert_eq!((conn.snd.wnd, conn.snd.scale, conn.snd.mss), (500, 7, 1000));
}

#[test]
fn a_wrong_ack_is_reset_and_the_attempt_goes_on_tcpf_06() {
    let (mut lab, ends, syn) = connecting();
    for (ack, flags) in [(syn.seq, SYN_ACK), (syn.seq + 2, SYN_ACK), (syn.seq + 2, ACK)] {
        let wrong = Seg::new(flags, IRS, ack);
        assert_eq!(lab.send(&wrong), Err(DropReason::TcpBadAck));
        let rst = lab.one();
        assert_eq!((rst.flags, rst.seq), (RST, ack));
    }
    assert_eq!(lab.send(&Seg::new(RST | ACK, IRS, syn.seq)), Err(DropReason::TcpBadAck));
    lab.none();
    assert_eq!(lab.state(&ends), State::SynSent);
}

/// The RST ends the peer's old connection, and then the SYN finds none (Linux `TCP_TIMEOUT_MIN`).
#[test]
fn after_a_wrong_ack_the_syn_is_repeated_soon_but_once() {
    let (mut lab, _ends, syn) = connecting();
    let wrong = Seg::new(ACK, IRS, syn.seq + 2);
    assert_eq!(lab.send(&wrong), Err(DropReason::TcpBadAck));
    assert_eq!(lab.one().flags, RST);
    let again = lab.host.pass(Duration::from_millis(10));
    assert_eq!(again.iter().map(|(_, seg)| seg.seq).collect::<Vec<_>>(), [syn.seq]);
    assert_eq!(again[0].1.flags, SYN);
    assert_eq!(lab.send(&wrong), Err(DropReason::TcpBadAck));
    assert_eq!(lab.one().flags, RST);
    assert!(lab.host.pass(Duration::from_millis(900)).is_empty());
}

/// The reference ignores a RST whose sequence number is not zero.
#[test]
fn a_reset_that_acknowledges_the_syn_refuses_tcpf_06() {
    for seq in [SeqNum(0), SeqNum(12345)] {
        let (mut lab, ends, syn) = connecting();
        assert_eq!(lab.send(&Seg::new(RST, seq, SeqNum(0))), Err(DropReason::TcpBadReset));
        assert_eq!(lab.state(&ends), State::SynSent);
        lab.send(&Seg::new(RST | ACK, seq, syn.seq + 1)).unwrap();
        assert_eq!(ends.rx.error(), Some(SocketError::ConnectionRefused.code()));
        assert_eq!(lab.host.events(), [(ends.id, Readiness::GONE)]);
        assert_eq!(lab.host.tcp.sockets().count(), 0);
        lab.none();
    }
}

#[test]
fn an_ack_without_syn_is_dropped() {
    let (mut lab, ends, syn) = connecting();
    let bare = Seg::new(ACK, IRS, syn.seq + 1);
    assert_eq!(lab.send(&bare), Err(DropReason::TcpBadFlags));
    assert_eq!(lab.state(&ends), State::SynSent);
}

/// SOCK-21.
#[test]
fn the_syn_is_repeated_with_back_off_then_times_out() {
    let (mut lab, ends, syn) = connecting();
    let sent = lab.host.pass(Duration::from_secs(200));
    let at: Vec<u64> = sent.iter().map(|(t, _)| t.since(START).as_secs()).collect();
    assert_eq!(at, [1, 3, 7, 15, 31, 63]);
    let bare = |seg: &Seg| Seg { options: Vec::new(), ..seg.clone() };
    assert!(sent.iter().all(|(_, seg)| bare(seg) == bare(&syn)));
    assert_eq!(ends.rx.error(), Some(SocketError::TimedOut.code()));
    assert_eq!(lab.host.events(), [(ends.id, Readiness::GONE)]);
    assert_eq!(lab.host.stats.tcp_aborted, 1);
}

#[test]
fn after_a_lost_syn_the_first_timeout_is_three_seconds_tcpt_03() {
    let (mut lab, mut ends, _) = connecting();
    assert_eq!(lab.host.pass(Duration::from_millis(1100)).len(), 1);
    lab.send(&lab.seg(SYN_ACK).options(&SYN_OPTIONS)).unwrap();
    lab.one();
    assert_eq!(lab.write(&mut ends, b"x").len(), 1);
    assert_eq!(lab.host.pass(Duration::from_millis(2900)).len(), 0);
    assert_eq!(lab.host.pass(Duration::from_millis(200)).len(), 1);
    // One lost SYN leaves the initial window alone.
    assert!(lab.host.conn(ends.id).congestion.ssthresh() >= 2000);
}

#[test]
fn two_lost_syns_leave_a_window_of_one_segment() {
    let (mut lab, ends, _) = connecting();
    lab.host.pass(Duration::from_millis(3100));
    lab.send(&lab.seg(SYN_ACK).options(&SYN_OPTIONS)).unwrap();
    assert_eq!(lab.host.conn(ends.id).congestion.cwnd(), 1000);
}

#[test]
fn data_on_the_syn_ack_is_delivered_tcpf_06() {
    let (mut lab, mut ends, _) = connecting();
    lab.send(&lab.seg(SYN_ACK).data(b"early")).unwrap();
    assert_eq!(lab.one().ack, IRS + 6);
    let mut buffer = [0; 8];
    assert_eq!(ends.rx.read(&mut buffer), 5);
    assert_eq!(&buffer[..5], b"early");
}

/// RFC 9293 §3.5, figure 8.
#[test]
fn syns_may_cross_tcpf_06() {
    let (mut lab, ends, syn) = connecting();
    lab.send(&Seg::new(SYN, IRS, SeqNum(0)).options(&SYN_OPTIONS)).unwrap();
    let syn_ack = lab.one();
    assert_eq!((syn_ack.flags, syn_ack.seq, syn_ack.ack), (SYN_ACK, syn.seq, IRS + 1));
    assert_eq!(syn_ack.options, [2, 4, 5, 180, 1, 3, 3, 7]);
    assert_eq!(lab.state(&ends), State::SynReceived);
    // The peer's SYN once more: it has not seen ours.
    lab.send(&Seg::new(SYN, IRS, SeqNum(0))).unwrap();
    assert_eq!(lab.one(), syn_ack);
    lab.send(&Seg::new(SYN_ACK, IRS, syn.seq + 1).wnd(700)).unwrap();
    assert_eq!(lab.state(&ends), State::Established);
    assert_eq!(lab.host.conn(ends.id).snd.wnd, 700);
    assert_eq!(lab.one().ack, IRS + 1);
    assert!(lab.host.events()[0].1.has(Readiness::CONNECTED));
}

/// A SYN-ACK says what both sides know, and the clock of the crossed SYN comes back in it.
#[test]
fn crossed_syns_agree_on_options_tcpf_06() {
    let (mut lab, ends, syn) = connecting();
    let first = syn.stamped().unwrap();
    lab.host.now += Duration::from_millis(3);
    lab.send(&Seg::new(SYN, IRS, SeqNum(0)).options(&FULL_OPTIONS)).unwrap();
    let syn_ack = lab.one();
    let stamps = syn_ack.stamped().unwrap();
    assert_eq!((stamps.value, stamps.echo), (first.value.wrapping_add(3), THEIR_CLOCK));
    assert_eq!(syn_ack.options.len(), 20);
    // Someone else's segment, by its clock.
    let old = Seg::new(ACK, IRS + 1, syn.seq + 1).stamps(THEIR_CLOCK - 9, 0);
    assert_eq!(lab.send(&old), Err(DropReason::TcpPaws));
    assert_eq!(lab.state(&ends), State::SynReceived);
    lab.host.drain();
    lab.send(&Seg::new(ACK, IRS + 1, syn.seq + 1).stamps(THEIR_CLOCK + 1, stamps.value)).unwrap();
    assert_eq!(lab.state(&ends), State::Established);
    let conn = lab.host.conn(ends.id);
    assert!(conn.sack && conn.timestamps.enabled && conn.scaling);
}

/// RFC 9293 §3.10.4: with nothing to send, the FIN leaves at once, behind a SYN that is not
/// acknowledged.
#[test]
fn a_close_after_crossing_sends_the_fin_at_once_tcpf_07() {
    let crossed = || {
        let (mut lab, ends, syn) = connecting();
        lab.send(&Seg::new(SYN, IRS, SeqNum(0))).unwrap();
        assert_eq!(lab.one().flags, SYN_ACK);
        (lab.seq, lab.ack) = (IRS + 1, syn.seq + 1);
        lab.close(&ends);
        let fin = lab.one();
        assert_eq!((fin.flags, fin.seq, fin.ack), (FIN, syn.seq + 1, IRS + 1));
        assert_eq!(lab.state(&ends), State::FinWait1);
        lab.host.tcp.check();
        (lab, ends)
    };
    // The SYN is acknowledged and the FIN is not: it comes again.
    let (mut lab, ends) = crossed();
    lab.send(&lab.seg(ACK)).unwrap();
    assert_eq!(lab.state(&ends), State::FinWait1);
    let (_, again) = lab.host.pass(Duration::from_millis(1500)).remove(0);
    assert!(again.flags.fin() && again.seq == lab.ack);
    lab.ack(lab.ack + 1);
    assert_eq!(lab.host.tcp.sockets().last().unwrap().state, "FIN-WAIT-2");
    // Both at once, with the peer's FIN.
    let (mut lab, _ends) = crossed();
    lab.ack += 1;
    lab.send(&lab.seg(FIN)).unwrap();
    assert_eq!(lab.one().ack, lab.seq + 1);
    assert_eq!(lab.host.tcp.sockets().last().unwrap().state, "TIME-WAIT");
    // Neither: the SYN-ACK comes again, not the FIN.
    let (mut lab, _ends) = crossed();
    let sent = lab.host.pass(Duration::from_millis(1100));
    assert_eq!(sent.iter().map(|(_, s)| s.flags).collect::<Vec<_>>(), [SYN_ACK]);
    lab.host.tcp.check();
    // Data keeps the FIN until it may leave.
    let (mut lab, mut ends, syn) = connecting();
    ends.tx.write(b"data");
    lab.send(&Seg::new(SYN, IRS, SeqNum(0))).unwrap();
    lab.one();
    lab.close(&ends);
    lab.none();
    assert_eq!(lab.state(&ends), State::SynReceived);
    lab.send(&Seg::new(ACK, IRS + 1, syn.seq + 1)).unwrap();
    let last = lab.one();
    assert_eq!((last.flags, &last.data[..]), (FIN | PSH, &b"data"[..]));
}

/// SOCK-33.
#[test]
fn an_abort_after_crossing_resets_tcpf_15() {
    let (mut lab, ends, syn) = connecting();
    lab.send(&Seg::new(SYN, IRS, SeqNum(0))).unwrap();
    lab.one();
    assert_eq!(lab.state(&ends), State::SynReceived);
    lab.host.act(|tcp, cx| tcp.abort(cx, ends.id));
    let rst = lab.one();
    assert_eq!((rst.flags, rst.seq, rst.ack), (RST | ACK, syn.seq + 1, IRS + 1));
    assert_eq!(ends.rx.error(), Some(SocketError::ConnectionAborted.code()));
}

#[test]
fn after_crossing_a_bare_ack_opens_too() {
    let (mut lab, ends, syn) = connecting();
    lab.send(&Seg::new(SYN, IRS, SeqNum(0)).options(&SYN_OPTIONS)).unwrap();
    lab.one();
    assert_eq!(lab.send(&Seg::new(ACK, IRS + 1, syn.seq + 2)), Err(DropReason::TcpBadAck));
    assert_eq!(lab.one().flags, RST);
    lab.send(&Seg::new(ACK, IRS + 1, syn.seq + 1).wnd(700)).unwrap();
    assert_eq!(lab.state(&ends), State::Established);
    assert_eq!(lab.host.conn(ends.id).snd.wnd, 700 << 7);
}

#[test]
fn after_crossing_a_reset_refuses_and_another_syn_is_challenged() {
    let (mut lab, ends, syn) = connecting();
    lab.send(&Seg::new(SYN, IRS, SeqNum(0))).unwrap();
    lab.one();
    assert_eq!(lab.send(&Seg::new(SYN, IRS + 7, SeqNum(0))), Err(DropReason::TcpBadFlags));
    let challenge = lab.one();
    assert_eq!((challenge.flags, challenge.seq, challenge.ack), (ACK, syn.seq + 1, IRS + 1));
    lab.send(&Seg::new(RST, IRS + 1, SeqNum(0))).unwrap();
    assert_eq!(ends.rx.error(), Some(SocketError::ConnectionRefused.code()));
}

#[test]
fn two_hosts_that_connect_to_each_other_share_one_connection() {
    let mut pair = Pair::v4();
    let [a, b] = [0, 1].map(|i| Endpoint::new(pair.hosts[i].ip, 5000));
    let mut open = |from: usize, local, remote| {
        pair.hosts[from].act(|tcp, cx| tcp.connect(cx, Some(local), remote)).unwrap()
    };
    let (mut x, mut y) = (open(0, a, b), open(1, b, a));
    pair.run(Duration::from_millis(50));
    for (host, ends) in pair.hosts.iter().zip([&x, &y]) {
        assert_eq!(host.state(ends.id), State::Established);
        assert_eq!((host.conn(ends.id).snd.scale, host.conn(ends.id).rcv.scale), (7, 7));
    }
    x.tx.write(b"ping");
    y.tx.write(b"pong");
    for (host, id) in pair.hosts.iter_mut().zip([x.id, y.id]) {
        host.act(|tcp, cx| tcp.app_wrote(cx, id));
    }
    pair.run(Duration::from_millis(50));
    let mut buffer = [0; 4];
    assert_eq!((x.rx.read(&mut buffer), &buffer), (4, b"pong"));
    assert_eq!((y.rx.read(&mut buffer), &buffer), (4, b"ping"));
}

/// SOCK-06.
#[test]
fn connect_refuses_what_cannot_be() {
    let mut host = Host::new("10.0.0.1");
    let at = |ip: &str, port| Endpoint::new(ip.parse().unwrap(), port);
    assert_eq!(host.connect(at("10.0.0.2", 0)).unwrap_err(), SocketError::InvalidArgument);
    for many in ["224.0.0.1", "255.255.255.255", "10.0.0.255"] {
        let refused = host.connect(at(many, 80)).unwrap_err();
        assert_eq!(refused, SocketError::NetworkUnreachable, "{many}");
    }
    assert_eq!(host.connect(at("2001:db8::1", 80)).unwrap_err(), SocketError::NetworkUnreachable);
    let foreign = Some(at("10.0.0.9", 0));
    let outcome = host.act(|tcp, cx| tcp.connect(cx, foreign, at("10.0.0.2", 80)));
    assert_eq!(outcome.unwrap_err(), SocketError::AddressNotAvailable);
    let local = Some(at("10.0.0.1", 7000));
    host.act(|tcp, cx| tcp.connect(cx, local, at("10.0.0.2", 80))).unwrap();
    let outcome = host.act(|tcp, cx| tcp.connect(cx, local, at("10.0.0.2", 80)));
    assert_eq!(outcome.unwrap_err(), SocketError::AddressInUse);
}

#[test]
fn ephemeral_ports_differ_and_stay_in_range_tcpo_14() {
    let limits = Limits {
        tcp_connections: 100,
        ephemeral_port_first: 50_000,
        ephemeral_port_last: 50_009,
        tcp_send_buffer: 4096,
        tcp_receive_buffer: 4096,
        ..Limits::default()
    };
    let mut host = Host::with("10.0.0.1", limits, Default::default());
    let remote = Endpoint::new("10.0.0.2".parse().unwrap(), 80);
    let mut ports = BTreeSet::new();
    let mut order = Vec::new();
    for _ in 0..10 {
        let port = host.connect(remote).unwrap().local.port;
        order.push(port);
        assert!(ports.insert(port) && (50_000..50_010).contains(&port));
    }
    assert_ne!(order[0], 50_000, "starts at a keyed offset");
    assert_eq!(host.connect(remote).unwrap_err(), SocketError::AddressInUse);
    // Another destination has its own ports.
    assert!(host.connect(Endpoint { port: 81, ..remote }).is_ok());
}

/// TCPR-09, RFC 6528 §3: a flow's numbers grow by one every 4 µs; flows are unrelated.
#[test]
fn initial_sequence_numbers_tcpo_13() {
    let mut host = Host::new("10.0.0.1");
    let at = |ip: &str, port| Endpoint::new(ip.parse().unwrap(), port);
    let iss = |host: &mut Host, port| {
        let local = Some(at("10.0.0.1", port));
        let ends = host.act(|tcp, cx| tcp.connect(cx, local, at("10.0.0.2", 80))).unwrap();
        let syn = host.drain().remove(0);
        host.act(|tcp, cx| tcp.close(cx, ends.id));
        syn.seq
    };
    let first = iss(&mut host, 1000);
    let other = iss(&mut host, 1001);
    assert!((other - first).unsigned_abs() > 1000);
    host.now += Duration::from_secs(4);
    assert_eq!(iss(&mut host, 1000) - first, 1_000_000);
}

#[test]
fn closing_an_attempt_ends_it_silently() {
    let (mut lab, ends, _) = connecting();
    lab.close(&ends);
    lab.none();
    assert_eq!(lab.host.tcp.sockets().count(), 0);
    assert_eq!(lab.host.events(), [(ends.id, Readiness::GONE)]);
    assert_eq!(lab.host.tcp.next_deadline(), None);
}
