//! How often strays are answered (RFC 5961 §7; TCPI-04, GAP-04).

use wire::tcp::SeqNum;

use super::harness::*;
use crate::drop::DropReason;
use crate::limits::Limits;
use crate::socket::SocketRings;
use crate::time::Duration;

fn several(limits: Limits, count: u16) -> (Lab, Vec<SocketRings>) {
    let mut lab = Lab::with(Host::with("10.0.0.1", limits, Default::default()));
    let listener = lab.host.listen(80, 64);
    let mut ends = Vec::new();
    for port in 0..count {
        lab.theirs.port = 4000 + port;
        lab.send(&Seg::new(SYN, IRS, SeqNum(0))).unwrap();
        let syn_ack = lab.one();
        lab.send(&Seg::new(ACK, IRS + 1, syn_ack.seq + 1)).unwrap();
        ends.push(lab.host.accept(listener).unwrap());
    }
    (lab, ends)
}

/// Each connection's peer sends a RST inside its window; how many challenges come back?
fn challenges(lab: &mut Lab, ends: &[SocketRings]) -> usize {
    for end in ends {
        lab.theirs.port = end.remote.unwrap().port;
        let reset = Seg::new(RST, IRS + 10, SeqNum(0));
        assert_eq!(lab.send(&reset), Err(DropReason::TcpBadReset));
    }
    lab.host.drain().len()
}

#[test]
fn all_connections_share_a_budget_per_second_gap_04() {
    let limits = Limits { tcp_challenge_acks_per_second: 4, ..Limits::default() };
    let (mut lab, ends) = several(limits, 20);
    let mut seen = Vec::new();
    for _ in 0..16 {
        seen.push(challenges(&mut lab, &ends));
        assert_eq!(challenges(&mut lab, &ends), 0, "one each in half a second at most");
        lab.host.now += Duration::from_secs(1);
    }
    // Half to one and a half of the limit, not the same each time.
    assert!(seen.iter().all(|n| (2..6).contains(n)), "{seen:?}");
    assert!(seen.iter().any(|n| *n != seen[0]), "{seen:?}");
    assert_eq!(lab.host.stats.tcp_challenge_acks as usize, seen.iter().sum::<usize>());
}

#[test]
fn without_a_limit_each_connection_answers_twice_a_second_tcpi_04() {
    let limits = Limits { tcp_challenge_acks_per_second: u32::MAX, ..Limits::default() };
    let (mut lab, ends) = several(limits, 20);
    for answers in [20, 0, 20, 0] {
        assert_eq!(challenges(&mut lab, &ends), answers);
        lab.host.now += Duration::from_millis(250);
    }
}

/// Segments outside the window have only the connection's limit: their answers tell an outsider
/// nothing about other connections.
#[test]
fn answers_to_old_segments_are_no_challenges() {
    let limits = Limits { tcp_challenge_acks_per_second: 0, ..Limits::default() };
    let (mut lab, ends) = several(limits, 2);
    assert_eq!(challenges(&mut lab, &ends), 0);
    lab.host.now += Duration::from_secs(1);
    let ack = lab.host.conn(ends[1].id).snd.nxt;
    let probe = Seg::new(ACK, IRS, ack);
    assert_eq!(lab.send(&probe), Err(DropReason::TcpOutOfWindow));
    assert_eq!(lab.one().ack, IRS + 1);
    assert_eq!(lab.send(&probe), Err(DropReason::TcpOutOfWindow));
    lab.none();
}

/// Linux `tcp_reset_check`: a FIN and a RST with one number, as some hosts send them.
#[test]
fn a_reset_with_the_number_of_the_fin_counts_tcpi_02() {
    let (mut lab, ends) = Lab::established();
    lab.send(&lab.seg(FIN)).unwrap();
    lab.one();
    assert_eq!(
        lab.send(&Seg { seq: lab.seq - 1, ..lab.seg(RST) }),
        Err(DropReason::TcpOutOfWindow)
    );
    lab.send(&lab.seg(RST)).unwrap();
    assert_eq!(lab.host.tcp.conn(ends.id).map(|conn| conn.key), None);
}

/// RFC 5961 §3.2 as extended by Linux: the peer resets where our SACK says its text ended.
#[test]
fn a_reset_at_the_end_of_what_was_sacked_counts_tcpi_02() {
    let (mut lab, ends) = Lab::stamped();
    let late = Seg { seq: lab.seq + 100, ..lab.seg(PSH).data(&[0; 50]) };
    lab.send(&late.stamps(THEIR_CLOCK, 0)).unwrap();
    lab.one();
    for (seq, over) in [(lab.seq + 100, false), (lab.seq + 149, false), (lab.seq + 150, true)] {
        let outcome = lab.send(&Seg::new(RST, seq, SeqNum(0)));
        assert_eq!(outcome.is_ok(), over);
        assert_eq!(lab.host.tcp.conn(ends.id).is_none(), over);
    }
}
