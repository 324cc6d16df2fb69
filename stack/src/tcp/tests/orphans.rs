//! Connections that nobody holds any more (GAP-24), and what ends a connection in silence (GAP-26).

use wire::tcp::SeqNum;

use super::harness::*;
use crate::drop::DropReason;
use crate::limits::Limits;
use crate::socket::SocketError;
use crate::tcp::state::State;
use crate::tcp::user::socket_options::TcpOption;
use crate::time::Duration;

fn listed(lab: &Lab) -> Vec<&'static str> {
    lab.host.tcp.sockets().map(|s| s.state).filter(|s| *s != "LISTEN").collect()
}

/// Linux `tcp_max_orphans`.
#[test]
fn beyond_the_limit_a_close_is_a_reset_gap_24() {
    let limits = Limits { tcp_max_orphans: 2, tcp_connections: 8, ..Limits::default() };
    let mut lab = Lab::with(Host::with("10.0.0.1", limits, Default::default()));
    let listener = lab.host.listen(80, 8);
    for (port, last) in [(1, FIN), (2, FIN), (3, RST | ACK), (4, RST | ACK)] {
        lab.theirs.port = port;
        lab.send(&Seg::new(SYN, IRS, SeqNum(0))).unwrap();
        let syn_ack = lab.one();
        lab.send(&Seg::new(ACK, IRS + 1, syn_ack.seq + 1)).unwrap();
        let ends = lab.host.accept(listener).unwrap();
        lab.close(&ends);
        assert_eq!(lab.one().flags, last);
        lab.host.tcp.check();
    }
    assert_eq!(lab.host.stats.tcp_orphans_aborted, 2);
    // The two that are left end by themselves, and make room.
    lab.host.pass(Duration::from_secs(600));
    assert!(listed(&lab).is_empty());
    lab.host.tcp.check();
}

/// Linux `tcp_fin_timeout`, beside TIME-WAIT's own length.
#[test]
fn fin_wait_2_of_an_orphan_has_its_own_time_gap_24() {
    let limits = Limits {
        tcp_fin_timeout: Duration::from_secs(10),
        tcp_time_wait_span: Duration::from_secs(30),
        tcp_connections: 8,
        ..Limits::default()
    };
    let host = |limits: &Limits| Host::with("10.0.0.1", limits.clone(), Default::default());
    for (fin, seconds) in [(false, 10), (true, 30)] {
        let (mut lab, ends) = Lab::with(host(&limits)).open(&SYN_OPTIONS);
        lab.close(&ends);
        lab.one();
        lab.ack(lab.ack + 1);
        assert_eq!(listed(&lab), ["FIN-WAIT-2"]);
        if fin {
            lab.host.pass(Duration::from_secs(9));
            lab.send(&lab.seg(FIN)).unwrap();
            lab.one();
        }
        lab.host.pass(Duration::from_secs(seconds - 1));
        assert_eq!(listed(&lab).len(), 1);
        lab.host.pass(Duration::from_secs(2));
        assert!(listed(&lab).is_empty());
    }
}

/// Linux `TCP_LINGER2`: a time of the socket's own, or none at all.
/// GAP-32.
#[test]
fn fin_wait_2_of_an_orphan_can_have_a_time_of_its_own_gap_24() {
    let closed = |span: Duration| {
        let (mut lab, ends) = Lab::established();
        let id = ends.id;
        let option = TcpOption::FinTimeout(Some(span));
        lab.host.act(|tcp, cx| tcp.set_option(cx, id, option)).unwrap();
        lab.close(&ends);
        assert_eq!(lab.one().flags, FIN);
        let ack = lab.ack + 1;
        let answer = lab.ack(ack);
        lab.host.tcp.check();
        (lab, answer)
    };
    for span in [3, 90] {
        let (mut lab, answer) = closed(Duration::from_secs(span));
        assert!(answer.is_empty());
        assert!(lab.host.pass(Duration::from_secs(span) - Duration::from_millis(1)).is_empty());
        assert_eq!(listed(&lab), ["FIN-WAIT-2"]);
        assert!(lab.host.pass(Duration::from_millis(200)).is_empty(), "it ends in silence");
        assert!(listed(&lab).is_empty());
        lab.host.tcp.check_empty();
    }
    // A FIN in time ends it in order, text at once.
    let (mut lab, _) = closed(Duration::from_secs(3));
    lab.send(&lab.seg(FIN)).unwrap();
    assert_eq!(lab.one().ack, lab.seq + 1);
    assert_eq!(listed(&lab), ["TIME-WAIT"]);
    let (mut lab, _) = closed(Duration::from_secs(3));
    assert_eq!(lab.send(&lab.seg(PSH).data(b"x")), Err(DropReason::TcpReaderGone));
    assert_eq!(lab.one().flags, RST);
    assert!(listed(&lab).is_empty());
    let (lab, answer) = closed(Duration::ZERO);
    assert_eq!(answer[0].flags, RST | ACK);
    assert!(listed(&lab).is_empty());
}

/// An application that asks a dead socket for its error gets it once, and nobody gets that of
/// another (GAP-26).
#[test]
fn a_connection_that_is_gone_says_why_once_gap_26() {
    let (mut lab, mut ends) = Lab::established();
    let first = ends.id;
    assert_eq!(lab.host.tcp.take_error(first), None);
    lab.send(&lab.seg(RST)).unwrap();
    assert_eq!(lab.state(&ends), State::Closed);
    assert_eq!(lab.host.tcp.take_error(first), Some(SocketError::ConnectionReset));
    assert_eq!(lab.host.tcp.take_error(first), None);
    // The slot's next tenant times out; the one before has nothing to do with it.
    lab.theirs.port += 1;
    let listener = lab.host.tcp.sockets().find_map(|s| s.id).unwrap();
    (lab.seq, lab.ack) = (IRS, SeqNum(0));
    lab.send(&lab.seg(SYN)).unwrap();
    (lab.seq, lab.ack) = (IRS + 1, lab.one().seq + 1);
    lab.send(&lab.seg(ACK)).unwrap();
    ends = lab.host.accept(listener).unwrap();
    assert_eq!(ends.id.index, first.index);
    lab.write(&mut ends, b"anyone?");
    lab.host.pass(Duration::from_secs(2000));
    assert_eq!(lab.host.tcp.take_error(first), None);
    assert_eq!(lab.host.tcp.take_error(ends.id), Some(SocketError::TimedOut));
    // A peer that resets after its FIN breaks the pipe, of which the receive ring tells nothing.
    let (mut lab, ends) = Lab::established();
    lab.send(&lab.seg(FIN)).unwrap();
    lab.seq += 1;
    lab.host.drain();
    lab.send(&lab.seg(RST)).unwrap();
    assert_eq!(ends.rx.error(), None);
    assert_eq!(lab.host.tcp.take_error(ends.id), Some(SocketError::BrokenPipe));
    // An orphan's end interests nobody.
    let (mut lab, ends) = Lab::established();
    lab.close(&ends);
    lab.host.pass(Duration::from_secs(1000));
    assert_eq!(lab.host.tcp.take_error(ends.id), None);
}
