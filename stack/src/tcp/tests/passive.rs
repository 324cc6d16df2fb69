//! Passive opens: LISTEN and SYN-RECEIVED (TCPF-03, TCPF-04, TCPF-07, TCPF-14).

use addr::Endpoint;
use wire::tcp::{Flags, SeqNum};

use super::harness::*;
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::limits::Limits;
use crate::socket::SocketError;
use crate::tcp::open::listen::ListenOptions;
use crate::tcp::state::State;
use crate::time::Duration;

#[test]
fn a_syn_is_answered_and_the_ack_makes_a_connection_tcpf_03() {
    let mut lab = Lab::new();
    let listener = lab.host.listen(80, 8);
    lab.send(&lab.seg(SYN).options(&SYN_OPTIONS)).unwrap();
    let syn_ack = lab.one();
    assert_eq!((syn_ack.flags, syn_ack.ack), (SYN_ACK, IRS + 1));
    // MSS 1460, then NOP and a shift of 7 for windows of up to 6 MiB (TCPO-02, TCPI-14).
    assert_eq!(syn_ack.options, [2, 4, 5, 180, 1, 3, 3, 7]);
    assert_eq!(syn_ack.wnd, 64_240);
    assert!(lab.host.events().is_empty());

    (lab.seq, lab.ack) = (IRS + 1, syn_ack.seq + 1);
    lab.send(&lab.seg(ACK)).unwrap();
    lab.none();
    assert_eq!(lab.host.events(), [(listener, Readiness::INCOMING)]);
    let ends = lab.host.accept(listener).unwrap();
    assert_eq!((ends.local, ends.remote), (lab.ours, Some(lab.theirs)));
    assert_eq!(lab.state(&ends), State::Established);
    let told = Readiness::CONNECTED | Readiness::WRITABLE;
    assert_eq!(lab.host.events(), [(ends.id, told)]);
    assert!(lab.host.accept(listener).is_none());
    assert_eq!(lab.host.stats.tcp_passive_opens, 1);
}

#[test]
fn a_peer_that_does_not_scale_gets_no_scaling_rfc_7323_2_2() {
    let mut lab = Lab::new();
    let ends = lab.accept(&[2, 4, 3, 232]);
    let conn = lab.host.conn(ends.id);
    assert_eq!((conn.snd.scale, conn.rcv.scale, conn.snd.wnd), (0, 0, 0xffff));
    assert_eq!(conn.snd.mss, 1000);
}

#[test]
fn a_shift_of_zero_is_an_offer_tcpi_14_gap_29() {
    let mut lab = Lab::new();
    let ends = lab.accept(&[1, 3, 3, 0]);
    let conn = lab.host.conn(ends.id);
    assert_eq!((conn.snd.scale, conn.rcv.scale), (0, 7));
    // TCP-05: no MSS option means 536 (RFC 9293 §3.7.1, MUST-15).
    assert_eq!(conn.snd.mss, 536);
}

#[test]
fn a_listener_answers_a_stray_ack_with_rst_and_nothing_else() {
    let mut lab = Lab::new();
    lab.host.listen(80, 8);
    let stray = Seg::new(ACK, SeqNum(5), SeqNum(77));
    assert_eq!(lab.send(&stray), Err(DropReason::TcpNoSocket));
    let rst = lab.one();
    assert_eq!((rst.flags, rst.seq), (RST, SeqNum(77)));
    assert_eq!(lab.send(&Seg::new(RST, SeqNum(5), SeqNum(0))), Err(DropReason::TcpNoSocket));
    assert_eq!(lab.send(&Seg::new(Flags::PSH, SeqNum(5), SeqNum(0))), Err(DropReason::TcpBadFlags));
    lab.none();
    assert_eq!(lab.host.stats.tcp_resets_out, 1);
}

/// RFC 9293 §3.10.7.1.
#[test]
fn no_socket_means_rst_tcpf_14() {
    let mut lab = Lab::new();
    assert_eq!(lab.send(&Seg::new(SYN, SeqNum(5), SeqNum(0))), Err(DropReason::TcpNoSocket));
    let rst = lab.one();
    assert_eq!((rst.flags, rst.seq, rst.ack), (RST | ACK, SeqNum(0), SeqNum(6)));
    let data = Seg::new(FIN, SeqNum(5), SeqNum(9)).data(b"abc");
    assert_eq!(lab.send(&data), Err(DropReason::TcpNoSocket));
    let rst = lab.one();
    assert_eq!((rst.flags, rst.seq, rst.ack), (RST, SeqNum(9), SeqNum(0)));
    assert_eq!(lab.send(&Seg::new(RST, SeqNum(5), SeqNum(0))), Err(DropReason::TcpNoSocket));
    lab.none();
}

/// RFC 9293 §3.10.7.1: a closed port answers whatever is no RST, with the numbers that the sender
/// will believe.
#[test]
fn a_closed_port_answers_every_set_of_flags_tcpf_14() {
    for flags in (0..64).map(Flags) {
        let mut lab = Lab::new();
        let data = Seg::new(flags, SeqNum(5), SeqNum(9)).data(b"abc");
        assert_eq!(lab.send(&data), Err(DropReason::TcpNoSocket), "{flags}");
        if flags.rst() {
            lab.none();
            continue;
        }
        let len = 3 + u32::from(flags.syn()) + u32::from(flags.fin());
        let expected = if flags.ack() {
            (RST, SeqNum(9), SeqNum(0))
        } else {
            (RST | ACK, SeqNum(0), SeqNum(5) + len)
        };
        let rst = lab.one();
        assert_eq!((rst.flags, rst.seq, rst.ack), expected, "{flags}");
    }
}

/// RFC 9293 §3.10.7.2, except that a SYN with a FIN opens nothing (Linux).
#[test]
fn a_listener_takes_a_syn_only_tcpf_03() {
    for flags in (0..64).map(Flags) {
        let mut lab = Lab::new();
        lab.host.listen(80, 8);
        let outcome = lab.send(&Seg::new(flags, SeqNum(5), SeqNum(9)));
        let answers: Vec<_> = lab.host.drain().iter().map(|seg| seg.flags).collect();
        let opens = flags.syn() && !flags.intersects(FIN | RST);
        let expected = match () {
            () if flags.rst() => vec![],
            () if flags.ack() => vec![RST],
            () if opens => vec![SYN_ACK],
            () => vec![],
        };
        assert_eq!((outcome.is_ok(), answers), (opens, expected), "{flags}");
    }
}

#[test]
fn a_repeated_syn_is_answered_again() {
    let mut lab = Lab::new();
    lab.host.listen(80, 8);
    lab.send(&lab.seg(SYN)).unwrap();
    let first = lab.one();
    lab.send(&lab.seg(SYN)).unwrap();
    assert_eq!(lab.one(), first);
    lab.send(&lab.seg(SYN)).unwrap();
    lab.none();
    lab.host.now += Duration::from_millis(500);
    // Another SYN of the flow gets an ACK (RFC 5961 §4).
    let other = Seg::new(SYN, IRS + 1000, SeqNum(0));
    assert_eq!(lab.send(&other), Err(DropReason::TcpBadFlags));
    let ack = lab.one();
    assert_eq!((ack.flags, ack.seq, ack.ack), (ACK, first.seq + 1, IRS + 1));
}

#[test]
fn an_embryo_repeats_its_syn_ack_with_back_off_and_gives_up() {
    let mut lab = Lab::new();
    lab.host.listen(80, 8);
    lab.send(&lab.seg(SYN)).unwrap();
    let sent = lab.host.pass(Duration::from_secs(100));
    let at: Vec<u64> = sent.iter().map(|(t, _)| t.since(START).as_secs()).collect();
    assert_eq!(at, [0, 1, 3, 7, 15, 31]);
    assert!(sent.iter().all(|(_, seg)| *seg == sent[0].1));
    assert_eq!(lab.host.tcp.sockets().count(), 1, "only the listener is left");
    assert_eq!(lab.host.tcp.next_deadline(), None);
}

#[test]
fn a_reset_ends_an_embryo_only_at_the_exact_number_rfc_5961_3() {
    let mut lab = Lab::new();
    lab.host.listen(80, 8);
    lab.send(&lab.seg(SYN)).unwrap();
    lab.one();
    for (seq, answers) in [(IRS + 2, 1), (IRS, 0), (IRS + 100_000, 0)] {
        assert_eq!(lab.send(&Seg::new(RST, seq, SeqNum(0))), Err(DropReason::TcpBadReset));
        assert_eq!(lab.host.drain().len(), answers);
        assert_eq!(lab.host.tcp.sockets().count(), 2);
    }
    lab.send(&Seg::new(RST, IRS + 1, SeqNum(0))).unwrap();
    assert_eq!(lab.host.tcp.sockets().count(), 1);
    lab.none();
}

#[test]
fn a_wrong_ack_of_the_syn_ack_is_reset_and_the_embryo_stays() {
    let mut lab = Lab::new();
    let listener = lab.host.listen(80, 8);
    lab.send(&lab.seg(SYN)).unwrap();
    let syn_ack = lab.one();
    let wrong = Seg::new(ACK, IRS + 1, syn_ack.seq + 2);
    assert_eq!(lab.send(&wrong), Err(DropReason::TcpBadAck));
    let rst = lab.one();
    assert_eq!((rst.flags, rst.seq), (RST, syn_ack.seq + 2));
    // Outside the window: told where it stands.
    let outside = Seg::new(ACK, IRS + 70_000, syn_ack.seq + 1);
    assert_eq!(lab.send(&outside), Err(DropReason::TcpOutOfWindow));
    assert_eq!(lab.one().ack, IRS + 1);
    assert!(lab.host.accept(listener).is_none());
    lab.send(&Seg::new(ACK, IRS + 1, syn_ack.seq + 1)).unwrap();
    assert!(lab.host.accept(listener).is_some());
}

#[test]
fn data_and_fin_on_the_last_ack_are_taken_tcpf_07() {
    let mut lab = Lab::new();
    let listener = lab.host.listen(80, 8);
    lab.send(&lab.seg(SYN)).unwrap();
    let syn_ack = lab.one();
    lab.send(&Seg::new(FIN, IRS + 1, syn_ack.seq + 1).data(b"hello")).unwrap();
    let mut ends = lab.host.accept(listener).unwrap();
    assert_eq!(lab.one().ack, IRS + 7);
    let mut buffer = [0; 8];
    assert_eq!(ends.rx.read(&mut buffer), 5);
    assert!(ends.rx.is_finished());
    assert_eq!(lab.state(&ends), State::CloseWait);
}

/// Linux queues one more than the backlog.
/// SOCK-22.
#[test]
fn a_full_accept_queue_refuses_syns_and_last_acks_silently_tcpf_04() {
    let mut lab = Lab::new();
    let listener = lab.host.listen(80, 1);
    let syn_of = |lab: &mut Lab, port| {
        lab.theirs.port = port;
        lab.send(&Seg::new(SYN, IRS, SeqNum(0))).map(|()| lab.one())
    };
    let late = syn_of(&mut lab, 1000).unwrap();
    for port in [1001, 1002] {
        let syn_ack = syn_of(&mut lab, port).unwrap();
        lab.send(&Seg::new(ACK, IRS + 1, syn_ack.seq + 1)).unwrap();
    }
    assert_eq!(syn_of(&mut lab, 1003), Err(DropReason::TcpListenOverflow));
    lab.theirs.port = 1000;
    let ack = Seg::new(ACK, IRS + 1, late.seq + 1);
    assert_eq!(lab.send(&ack), Err(DropReason::TcpListenOverflow));
    lab.none();
    assert!(lab.host.accept(listener).is_some());
    // The embryo is still there, and asks again by itself.
    let again = lab.host.pass(Duration::from_millis(1100));
    assert_eq!(again.len(), 1);
    lab.send(&ack).unwrap();
    assert!(lab.host.accept(listener).is_some());
    assert!(lab.host.accept(listener).is_some());
}

#[test]
fn embryos_are_bounded_gap_02() {
    let limits =
        Limits { tcp_embryos: 3, tcp_connections: 16, tcp_syncookies: false, ..Limits::default() };
    let mut lab = Lab::with(Host::with("10.0.0.1", limits, Default::default()));
    lab.host.listen(80, 100);
    for port in 1..=5 {
        lab.theirs.port = port;
        let outcome = lab.send(&Seg::new(SYN, IRS, SeqNum(0)));
        assert_eq!(outcome.is_ok(), port <= 3);
    }
    assert_eq!(lab.host.drain().len(), 3);
}

#[test]
fn a_full_connection_table_leaves_the_embryo() {
    let limits = Limits { tcp_connections: 1, ..Limits::default() };
    let mut lab = Lab::with(Host::with("10.0.0.1", limits, Default::default()));
    lab.accept(&[]);
    lab.theirs.port = 4001;
    let syn = Seg::new(SYN, IRS, SeqNum(0));
    lab.send(&syn).unwrap();
    let syn_ack = lab.one();
    let ack = Seg::new(ACK, IRS + 1, syn_ack.seq + 1);
    assert_eq!(lab.send(&ack), Err(DropReason::TcpTableFull));
}

#[test]
fn closing_a_listener_resets_what_nobody_accepted() {
    let mut lab = Lab::new();
    let listener = lab.host.listen(80, 8);
    lab.send(&lab.seg(SYN)).unwrap();
    let syn_ack = lab.one();
    lab.send(&Seg::new(ACK, IRS + 1, syn_ack.seq + 1)).unwrap();
    lab.theirs.port += 1;
    lab.send(&lab.seg(SYN)).unwrap();
    lab.one();
    lab.host.events();
    lab.host.act(|tcp, cx| tcp.close(cx, listener));
    let rst = lab.one();
    assert_eq!((rst.flags, rst.seq, rst.ack), (RST | ACK, syn_ack.seq + 1, IRS + 1));
    assert_eq!(lab.host.tcp.sockets().count(), 0);
    assert_eq!(lab.host.events(), [(listener, Readiness::GONE)]);
    let remote = Seg::new(ACK, IRS + 1, SeqNum(9));
    assert_eq!(lab.send(&remote), Err(DropReason::TcpNoSocket));
}

#[test]
fn a_connection_reset_before_accept_is_accepted_with_its_error() {
    let mut lab = Lab::new();
    let listener = lab.host.listen(80, 8);
    lab.send(&lab.seg(SYN)).unwrap();
    let syn_ack = lab.one();
    lab.send(&Seg::new(ACK, IRS + 1, syn_ack.seq + 1).data(b"x")).unwrap();
    lab.send(&Seg::new(RST, IRS + 2, SeqNum(0))).unwrap();
    assert_eq!(lab.host.events(), [(listener, Readiness::INCOMING)]);
    let mut ends = lab.host.accept(listener).unwrap();
    assert_eq!(lab.host.events(), [(ends.id, Readiness::GONE)]);
    assert_eq!(ends.rx.read(&mut [0; 4]), 1);
    assert_eq!(ends.rx.error(), Some(SocketError::ConnectionReset.code()));
}

/// SOCK-20, SOCK-60, SOPT-36.
/// SYSCTL-129.
/// SYSCTL-130.
#[test]
fn listeners_conflict_where_their_addresses_meet() {
    let mut host = Host::new("10.0.0.1");
    let mut listen = |ip: &str, port, only_v6| {
        let local = Endpoint::new(ip.parse().unwrap(), port);
        let options = ListenOptions { backlog: 1, only_v6 };
        host.act(|tcp, cx| tcp.listen(cx, local, options))
    };
    assert!(listen("10.0.0.1", 80, false).is_ok());
    assert_eq!(listen("10.0.0.1", 80, false), Err(SocketError::AddressInUse));
    assert_eq!(listen("0.0.0.0", 80, false), Err(SocketError::AddressInUse));
    assert_eq!(listen("::", 80, false), Err(SocketError::AddressInUse));
    assert!(listen("::", 80, true).is_ok());
    assert!(listen("::", 81, false).is_ok());
    assert_eq!(listen("10.0.0.1", 81, false), Err(SocketError::AddressInUse));
    assert_eq!(listen("10.0.0.9", 82, false), Err(SocketError::AddressNotAvailable));
    assert_eq!(listen("224.0.0.1", 82, false), Err(SocketError::AddressNotAvailable));
    let ephemeral = listen("0.0.0.0", 0, false).unwrap();
    let port = host.tcp.local(ephemeral).unwrap().port;
    assert!((32_768..=60_999).contains(&port));
    let limits = Limits::default();
    assert_eq!((limits.ephemeral_port_first, limits.ephemeral_port_last), (32_768, 60_999));
}

/// SOCK-61, SOPT-36.
#[test]
fn a_wildcard_ipv6_listener_takes_ipv4_too_unless_told() {
    for only_v6 in [false, true] {
        let mut lab = Lab::new();
        let local = Endpoint::new("::".parse().unwrap(), 80);
        let options = ListenOptions { only_v6, ..ListenOptions::default() };
        lab.host.act(|tcp, cx| tcp.listen(cx, local, options)).unwrap();
        assert_eq!(lab.send(&lab.seg(SYN)).is_ok(), !only_v6);
        assert_eq!(lab.one().flags, if only_v6 { RST | ACK } else { SYN_ACK });
    }
    assert!(!ListenOptions::default().only_v6, "as on Linux");
}

#[test]
fn handshake_gives_the_first_round_trip_sample_unless_repeated() {
    for repeat in [false, true] {
        let mut lab = Lab::new();
        let listener = lab.host.listen(80, 8);
        lab.send(&lab.seg(SYN)).unwrap();
        let syn_ack = lab.one();
        lab.host.pass(Duration::from_millis(if repeat { 1030 } else { 30 }));
        lab.send(&Seg::new(ACK, IRS + 1, syn_ack.seq + 1)).unwrap();
        let ends = lab.host.accept(listener).unwrap();
        let rtt = &lab.host.conn(ends.id).rtt;
        assert_eq!(rtt.srtt_us(), if repeat { 0 } else { 30_000 });
        // RFC 6298 §5.7, TCPT-03; else 30 ms + max(60 ms, 200 ms).
        assert_eq!(rtt.rto().as_millis(), if repeat { 3000 } else { 230 });
    }
}
