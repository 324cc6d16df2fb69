//! TIME-WAIT (TCPF-13, TCPR-18).

use wire::tcp::SeqNum;

use super::harness::*;
use crate::drop::DropReason;
use crate::fib::Fib;
use crate::limits::{Limits, TimeWaitReuse};
use crate::socket::SocketError;
use crate::tcp::state::State;
use crate::time::Duration;

/// A flow in TIME-WAIT on the side that listens; `seq` and `ack` are the numbers after it.
fn time_wait() -> Lab {
    closed(Lab::new())
}

fn closed(lab: Lab) -> Lab {
    let (mut lab, ends) = lab.open(&SYN_OPTIONS);
    lab.close(&ends);
    assert_eq!(lab.one().flags, FIN);
    lab.ack(lab.ack + 1);
    lab.send(&lab.seg(FIN)).unwrap();
    lab.seq += 1;
    assert_eq!(lab.one().ack, lab.seq);
    assert!(waiting(&lab));
    lab
}

fn waiting(lab: &Lab) -> bool {
    lab.host.tcp.sockets().any(|s| s.state == "TIME-WAIT")
}

#[test]
fn it_lasts_sixty_seconds() {
    let mut lab = time_wait();
    lab.host.pass(Duration::from_secs(59));
    assert!(waiting(&lab));
    lab.host.pass(Duration::from_secs(2));
    assert!(!waiting(&lab));
    assert_eq!(lab.host.tcp.next_deadline(), None);
}

#[test]
fn a_repeated_fin_is_acknowledged_and_restarts_it() {
    let mut lab = time_wait();
    lab.host.pass(Duration::from_secs(50));
    let fin = Seg { seq: lab.seq - 1, ..lab.seg(FIN) };
    lab.send(&fin).unwrap();
    let ack = lab.one();
    assert_eq!((ack.flags, ack.seq, ack.ack), (ACK, lab.ack, lab.seq));
    lab.host.pass(Duration::from_secs(50));
    assert!(waiting(&lab));
    lab.host.pass(Duration::from_secs(11));
    assert!(!waiting(&lab));
}

/// RFC 1337.
#[test]
fn a_reset_does_not_end_it_rfc_1337() {
    let mut lab = time_wait();
    for seq in [lab.seq, lab.seq - 1, lab.seq + 1] {
        assert_eq!(lab.send(&Seg { seq, ..lab.seg(RST) }), Err(DropReason::TcpBadReset));
    }
    lab.none();
    assert!(waiting(&lab));
}

/// RFC 9293 §3.6.1, MAY-2; the new numbers are above the old ones.
#[test]
fn a_syn_with_a_higher_number_opens_a_new_connection_tcpf_13() {
    let mut lab = time_wait();
    let before = lab.ack;
    lab.send(&Seg::new(SYN, lab.seq + 1, SeqNum(0))).unwrap();
    let syn_ack = lab.one();
    assert_eq!((syn_ack.flags, syn_ack.ack), (SYN_ACK, lab.seq + 2));
    assert!(syn_ack.seq.gt(before));
    assert!(!waiting(&lab));
    let listener = lab.host.tcp.sockets().next().unwrap().id.unwrap();
    lab.send(&Seg::new(ACK, lab.seq + 2, syn_ack.seq + 1)).unwrap();
    let ends = lab.host.accept(listener).unwrap();
    assert_eq!(lab.state(&ends), State::Established);
}

#[test]
fn an_old_syn_is_answered_with_the_ack() {
    let mut lab = time_wait();
    lab.send(&Seg::new(SYN, lab.seq - 10, SeqNum(0))).unwrap();
    assert_eq!(lab.one().ack, lab.seq);
    assert!(waiting(&lab));
}

#[test]
fn strays_are_answered_and_late_acks_are_not() {
    let mut lab = time_wait();
    lab.send(&lab.seg(ACK)).unwrap();
    lab.none();
    lab.send(&lab.seg(PSH).data(b"stray")).unwrap();
    assert_eq!(lab.one().ack, lab.seq);
}

#[test]
fn when_the_table_is_full_the_oldest_gives_way() {
    let limits = Limits { tcp_time_wait: 2, tcp_connections: 4, ..Limits::default() };
    let mut lab = Lab::with(Host::with("10.0.0.1", limits, Default::default()));
    for port in [4000, 4001, 4002] {
        lab.theirs.port = port;
        (lab.seq, lab.ack) = (IRS, SeqNum(0));
        let listener = lab.host.tcp.sockets().find_map(|s| s.id);
        if let Some(listener) = listener {
            lab.host.act(|tcp, cx| tcp.close(cx, listener));
        }
        lab.host.now += Duration::from_secs(1);
        lab = closed(lab);
    }
    let ports: Vec<u16> = lab
        .host
        .tcp
        .sockets()
        .filter(|s| s.state == "TIME-WAIT")
        .map(|s| s.remote.unwrap().port)
        .collect();
    assert_eq!(ports.len(), 2);
    assert!(!ports.contains(&4000));
}

/// A flow in TIME-WAIT whose peer sends timestamps.
fn stamped() -> Lab {
    let (mut lab, ends) = Lab::stamped();
    lab.close(&ends);
    assert_eq!(lab.one().flags, FIN);
    lab.ack += 1;
    lab.send(&lab.seg(FIN).stamps(THEIR_CLOCK + 1, 0)).unwrap();
    lab.seq += 1;
    assert_eq!(lab.one().stamped().unwrap().echo, THEIR_CLOCK + 1);
    assert!(waiting(&lab));
    lab
}

/// RFC 6191: the clock may say that a SYN is new where its number does not.
#[test]
fn a_syn_with_a_later_clock_opens_a_new_connection_tcpf_13() {
    let mut options = FULL_OPTIONS;
    for (value, reopens) in [(THEIR_CLOCK + 1, false), (THEIR_CLOCK + 2, true)] {
        let mut lab = stamped();
        options[8..12].copy_from_slice(&value.to_be_bytes());
        let syn = Seg::new(SYN, lab.seq - 1000, SeqNum(0)).options(&options);
        let _ = lab.send(&syn);
        assert_eq!(lab.one().flags, if reopens { SYN_ACK } else { ACK });
        assert_eq!(waiting(&lab), !reopens);
    }
}

#[test]
fn paws_holds_in_time_wait_tcpf_13() {
    let mut lab = stamped();
    let syn = Seg::new(SYN, lab.seq + 1000, SeqNum(0)).stamps(THEIR_CLOCK, 0);
    assert_eq!(lab.send(&syn), Err(DropReason::TcpPaws));
    let ack = lab.one();
    assert_eq!((ack.flags, ack.ack), (ACK, lab.seq));
    assert!(waiting(&lab));
    // A bare ACK moves the clock on.
    lab.send(&lab.seg(ACK).stamps(THEIR_CLOCK + 9, 0)).unwrap();
    lab.none();
    let text = lab.seg(PSH).data(b"x").stamps(THEIR_CLOCK + 5, 0);
    assert_eq!(lab.send(&text), Err(DropReason::TcpPaws));
    assert_eq!(lab.one().stamped().unwrap().echo, THEIR_CLOCK + 9);
}

#[test]
fn strays_without_text_are_answered_within_limits() {
    let mut lab = time_wait();
    let old = Seg { seq: lab.seq - 1, ..lab.seg(ACK) };
    for answers in [1, 0] {
        let _ = lab.send(&old);
        assert_eq!(lab.host.drain().len(), answers);
    }
    lab.host.now += Duration::from_millis(500);
    lab.send(&old).unwrap();
    lab.one();
}

/// Linux `tcp_tw_reuse`: with timestamps, after a second.
#[test]
fn our_own_connection_may_take_the_flow_over_tcpf_13() {
    for (policy, seconds, taken) in [
        (TimeWaitReuse::Always, 2, true),
        (TimeWaitReuse::Always, 1, false),
        (TimeWaitReuse::Never, 2, false),
        (TimeWaitReuse::Loopback, 2, false),
    ] {
        let mut lab = stamped();
        lab.host.limits.tcp_tw_reuse = policy;
        lab.host.now += Duration::from_secs(seconds);
        let (ours, theirs) = (lab.ours, lab.theirs);
        let listener = lab.host.tcp.sockets().find_map(|s| s.id).unwrap();
        lab.host.act(|tcp, cx| tcp.close(cx, listener));
        let connected = lab.host.act(|tcp, cx| tcp.connect(cx, Some(ours), theirs));
        if !taken {
            assert_eq!(connected.err(), Some(SocketError::AddressInUse));
            continue;
        }
        let syn = lab.one();
        assert!(syn.seq.gt(lab.ack), "above the old numbers");
        assert_eq!(syn.stamped().unwrap().echo, THEIR_CLOCK + 1);
        lab.host.tcp.check();
    }
}

/// Linux's default: only where both ends are here.
#[test]
fn within_the_host_a_flow_may_be_taken_over_without_being_asked_tcpf_13() {
    let mut lab = stamped();
    lab.host.now += Duration::from_secs(2);
    let listener = lab.host.tcp.sockets().find_map(|s| s.id).unwrap();
    lab.host.act(|tcp, cx| tcp.close(cx, listener));
    let theirs = addr::Cidr::new(lab.theirs.ip, 24).unwrap();
    let mut lo = lab.host.fib.interfaces[0].clone();
    (lo.ifindex, lo.addresses) = (Fib::LOOPBACK, vec![theirs.into()]);
    lab.host.fib.edit_tables(|tables| tables.interfaces.push(lo));
    let (ours, theirs) = (lab.ours, lab.theirs);
    let ends = lab.host.act(|tcp, cx| tcp.connect(cx, Some(ours), theirs)).unwrap();
    assert_eq!(lab.state(&ends), State::SynSent);
    assert!(!waiting(&lab));
    let conn = lab.host.conn(ends.id);
    assert!(conn.snd.una.gt(lab.ack), "above the old numbers");
    lab.host.tcp.check();
}
