//! Recovery with selective acknowledgments: RACK, the tail probe, PRR, F-RTO and undo, against a
//! peer that is written by hand.

use super::harness::*;
use super::transfer::pattern;
use crate::socket::SocketRings;
use crate::time::Duration;

/// MSS 1000, SACK permitted, window shift 7.
const WITH_SACK: [u8; 12] = [2, 4, 3, 232, 1, 1, 4, 2, 1, 3, 3, 7];
/// The round trip of the path.
const RTT: Duration = Duration::from_millis(20);

/// A connection with `n` segments of 1000 bytes out, whose round trip is known.
fn flight(n: usize) -> (Lab, SocketRings, Vec<Seg>) {
    let mut lab = Lab::new();
    let listener = lab.host.listen(80, 8);
    lab.send(&lab.seg(SYN).options(&WITH_SACK)).unwrap();
    lab.ack = lab.one().seq + 1;
    lab.seq += 1;
    lab.host.now += RTT;
    lab.send(&lab.seg(ACK)).unwrap();
    let mut ends = lab.host.accept(listener).unwrap();
    for _ in 0..4 {
        let sent = lab.write(&mut ends, &pattern(0, 1000));
        lab.host.now += RTT;
        lab.ack(sent[0].seq + 1000);
    }
    let sent = lab.write(&mut ends, &pattern(0, n * 1000));
    assert_eq!(sent.len(), n.min(10));
    (lab, ends, sent)
}

/// The SACK option for `blocks`, in segments of the flight `sent`.
fn sacks(sent: &[Seg], blocks: &[(usize, usize)]) -> Vec<u8> {
    let mut option = vec![1, 1, 5, 2 + 8 * blocks.len() as u8];
    let base = sent[0].seq;
    for &(left, right) in blocks {
        option.extend((base + left as u32 * 1000).0.to_be_bytes());
        option.extend((base + right as u32 * 1000).0.to_be_bytes());
    }
    option
}

/// An ACK of the first `acked` segments that reports `blocks`; what it brings out.
fn report(lab: &mut Lab, sent: &[Seg], acked: usize, blocks: &[(usize, usize)]) -> Vec<Seg> {
    lab.ack = sent[0].seq + acked as u32 * 1000;
    let options = if blocks.is_empty() { Vec::new() } else { sacks(sent, blocks) };
    lab.send(&lab.seg(ACK).options(&options)).unwrap();
    lab.host.tcp.check();
    lab.host.drain()
}

/// Which segments of the flight these are.
fn which(sent: &[Seg], again: &[Seg]) -> Vec<u32> {
    again.iter().map(|seg| (seg.seq - sent[0].seq) as u32 / 1000).collect()
}

/// One loss costs one round trip and one segment, and half the window (TCPT-07, TCPT-09, TCPT-12,
/// TCPR-12, TCPR-13, GAP-22).
#[test]
fn a_single_loss_is_repaired_at_the_third_sack() {
    let (mut lab, ends, sent) = flight(10);
    lab.host.now += RTT;
    assert!(report(&mut lab, &sent, 0, &[(1, 2)]).is_empty());
    assert!(report(&mut lab, &sent, 0, &[(1, 3)]).is_empty());
    assert_eq!(which(&sent, &report(&mut lab, &sent, 0, &[(1, 4)])), [0]);
    for n in 5..=10 {
        assert!(report(&mut lab, &sent, 0, &[(1, n)]).is_empty());
    }
    lab.host.now += RTT;
    report(&mut lab, &sent, 10, &[]);
    let conn = lab.host.conn(ends.id);
    assert_eq!(conn.snd.outstanding(), 0);
    assert!(conn.congestion.ssthresh() < 14_000);
    assert_eq!((lab.host.stats.tcp_retransmits, lab.host.stats.tcp_timeouts), (1, 0));
}

/// Every hole of a window is repaired in the same round trip (GAP-23, TCPT-10, TCPR-04).
#[test]
fn several_holes_are_repaired_in_one_round_trip() {
    let (mut lab, _ends, sent) = flight(10);
    lab.host.now += RTT;
    let mut again = Vec::new();
    // 0, 2 and 6 are lost.
    for n in [4, 5, 6, 8, 9, 10] {
        let blocks: &[(usize, usize)] =
            if n < 7 { &[(3, n), (1, 2)] } else { &[(7, n), (3, 6), (1, 2)] };
        again.extend(which(&sent, &report(&mut lab, &sent, 0, blocks)));
    }
    assert_eq!(again, [0, 2, 6]);
    lab.host.now += RTT;
    report(&mut lab, &sent, 10, &[]);
    assert_eq!((lab.host.stats.tcp_retransmits, lab.host.stats.tcp_timeouts), (3, 0));
    assert_eq!(lab.host.stats.tcp_fast_retransmits, 1);
}

/// RACK finds that a retransmission is lost too, without a timeout (GAP-22).
#[test]
fn a_lost_retransmission_is_sent_once_more_without_a_timeout() {
    let (mut lab, mut ends, sent) = flight(10);
    lab.host.now += RTT;
    assert_eq!(which(&sent, &report(&mut lab, &sent, 0, &[(1, 4)])), [0]);
    lab.host.now += Duration::from_millis(1);
    let mut more = report(&mut lab, &sent, 0, &[(1, 10)]);
    more.extend(lab.write(&mut ends, &pattern(0, 4000)));
    assert!(!more.is_empty() && more.iter().all(|seg| seg.seq.ge(sent[0].seq + 10_000)));
    // What left after the retransmission arrives, and the retransmission does not.
    lab.host.now += RTT;
    let end = 10 + more.len();
    let again = report(&mut lab, &sent, 0, &[(1, end)]);
    let later = lab.host.pass(RTT / 2).into_iter().map(|(_, seg)| seg);
    let again: Vec<Seg> = again.into_iter().chain(later).collect();
    assert_eq!(which(&sent, &again[..1]), [0]);
    assert_eq!(lab.host.stats.tcp_timeouts, 0);
}

/// Reordering is no loss, once it was seen (RFC 8985 §6.2 step 4).
#[test]
fn known_reordering_is_waited_for() {
    let (mut lab, mut ends, sent) = flight(10);
    lab.host.now += RTT;
    report(&mut lab, &sent, 0, &[(1, 3)]);
    // The first comes late: it was no loss, and the path reorders.
    report(&mut lab, &sent, 10, &[]);
    let sent = lab.write(&mut ends, &pattern(0, 10_000));
    lab.host.now += RTT;
    assert!(report(&mut lab, &sent, 0, &[(1, 8)]).is_empty(), "a quarter of the round trip");
    lab.host.pass(Duration::from_millis(2));
    let more = report(&mut lab, &sent, 10, &[]);
    assert_eq!(lab.host.stats.tcp_retransmits, 0, "{more:?}");
    // A loss is still found when the window is over.
    let sent = lab.write(&mut ends, &pattern(0, 10_000));
    lab.host.now += RTT;
    assert!(report(&mut lab, &sent, 0, &[(1, 8)]).is_empty());
    let again = lab.host.pass(RTT);
    assert_eq!(again[0].1.seq, sent[0].seq);
    assert_eq!(lab.host.stats.tcp_timeouts, 0);
}

/// A lost tail is found by a probe after two round trips (TCPT-13).
#[test]
fn a_lost_tail_is_probed_before_the_timeout() {
    let (mut lab, _ends, sent) = flight(5);
    lab.host.now += RTT;
    report(&mut lab, &sent, 2, &[]);
    let probes = lab.host.pass(RTT * 3);
    assert_eq!(which(&sent, &[probes[0].1.clone()]), [4]);
    assert_eq!(probes.len(), 1, "one probe only");
    lab.host.now += RTT;
    // The probe arrived: the two before it are lost.
    assert_eq!(which(&sent, &report(&mut lab, &sent, 2, &[(4, 5)])), [2]);
    lab.host.now += RTT;
    assert_eq!(which(&sent, &report(&mut lab, &sent, 3, &[(4, 5)])), [3]);
    assert_eq!((lab.host.stats.tcp_tail_probes, lab.host.stats.tcp_timeouts), (1, 0));
}

#[test]
fn a_probe_is_new_data_where_there_is_some() {
    let (mut lab, mut ends, _) = flight(20);
    let more = lab.host.pass(RTT * 3);
    assert_eq!(more.len(), 1);
    assert_eq!(lab.host.conn(ends.id).snd.outstanding(), 11_000);
    // One probe at a time.
    assert!(lab.write(&mut ends, b"").is_empty());
    assert_eq!(lab.host.stats.tcp_tail_probes, 1);
    assert_eq!(lab.host.stats.tcp_retransmits, 0);
}

/// A probe that repaired a loss halves the window; one that found nothing does not (TCPT-13).
#[test]
fn a_probe_that_repaired_a_loss_tells_congestion() {
    let (mut lab, mut ends, sent) = flight(5);
    lab.host.now += RTT;
    report(&mut lab, &sent, 4, &[]);
    let before = lab.host.conn(ends.id).congestion.cwnd();
    let probes = lab.host.pass(Duration::from_millis(245));
    assert_eq!(which(&sent, &[probes[0].1.clone()]), [4], "one segment is waited for longer");
    report(&mut lab, &sent, 5, &[]);
    assert_eq!(lab.host.stats.tcp_tail_losses, 0, "it is not known before more is acknowledged");
    let sent = lab.write(&mut ends, &pattern(0, 1000));
    report(&mut lab, &sent, 1, &[]);
    assert_eq!(lab.host.stats.tcp_tail_losses, 1);
    assert!(lab.host.conn(ends.id).congestion.cwnd() < before);
}

/// The peer had everything: the reduction is taken back (TCPT-11, TCPR-03, RFC 2883, RFC 3708).
#[test]
fn a_dsack_for_each_retransmission_undoes_the_reduction() {
    let (mut lab, ends, sent) = flight(10);
    let before = lab.host.conn(ends.id).congestion.cwnd();
    lab.host.now += RTT;
    assert_eq!(which(&sent, &report(&mut lab, &sent, 0, &[(1, 4)])), [0]);
    assert!(lab.host.conn(ends.id).congestion.ssthresh() < before);
    report(&mut lab, &sent, 10, &[]);
    report(&mut lab, &sent, 10, &[(0, 1)]);
    assert!(lab.host.conn(ends.id).congestion.cwnd() >= before);
    assert_eq!(lab.host.stats.tcp_undos, 1);
}

/// F-RTO: originals arrive after the timeout, so it was needless (TCPT-06, TCPR-14; RFC 5682 §3.1
/// step 3.b).
#[test]
fn a_needless_timeout_is_taken_back() {
    let (mut lab, mut ends, sent) = flight(10);
    let before = lab.host.conn(ends.id).congestion.cwnd();
    let again = lab.host.pass(Duration::from_millis(300));
    let timeout: Vec<Seg> = again.into_iter().map(|(_, seg)| seg).collect();
    assert_eq!(which(&sent, &timeout), [9, 0], "a probe, then the timeout");
    // The delay is over: the first ACK is for the original.
    let new = {
        ends.tx.write(&pattern(0, 2000));
        lab.host.act(|tcp, cx| tcp.app_wrote(cx, ends.id));
        report(&mut lab, &sent, 1, &[])
    };
    assert!(new.iter().all(|seg| seg.seq.ge(sent[0].seq + 10_000)), "{:?}", which(&sent, &new));
    let rest = report(&mut lab, &sent, 3, &[]);
    let rest = which(&sent, &rest);
    assert!(rest.iter().all(|&n| n >= 10), "nothing is sent again: {rest:?}");
    let conn = lab.host.conn(ends.id);
    assert!(conn.congestion.cwnd() >= before);
    assert_eq!(lab.host.stats.tcp_spurious_timeouts, 1);
}

/// F-RTO, the first ACK after the timeout (TCPT-06): it covers what was not sent again, so the
/// originals arrived.
#[test]
fn a_needless_timeout_is_taken_back_by_an_ack_of_everything() {
    let (mut lab, ends, sent) = flight(10);
    let before = lab.host.conn(ends.id).congestion.cwnd();
    lab.host.pass(Duration::from_millis(300));
    assert_eq!(lab.host.stats.tcp_timeouts, 1);
    assert!(lab.host.conn(ends.id).congestion.cwnd() < before);
    report(&mut lab, &sent, 10, &[]);
    assert!(lab.host.conn(ends.id).congestion.cwnd() >= before);
    assert_eq!(lab.host.stats.tcp_spurious_timeouts, 1);
}

/// A timeout that was true goes on to repair everything (TCPT-05).
/// GAP-23.
#[test]
fn a_true_timeout_repairs_what_is_missing() {
    let (mut lab, _ends, sent) = flight(10);
    lab.host.pass(Duration::from_millis(250));
    let mut missing: Vec<u32> = (1..9).collect();
    let mut acked = 1;
    for _ in 0..12 {
        lab.host.now += RTT;
        let again = which(&sent, &report(&mut lab, &sent, acked, &[(9, 10)]));
        missing.retain(|n| !again.contains(n));
        acked = missing.first().map_or(9, |&n| n as usize);
        if missing.is_empty() {
            break;
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
    lab.host.now += RTT;
    report(&mut lab, &sent, 10, &[]);
    assert_eq!(lab.host.stats.tcp_spurious_timeouts, 0);
}

/// A peer that throws away what it had said it has gets it again (RFC 2018 §8).
#[test]
fn what_was_reneged_on_is_sent_again() {
    let (mut lab, ends, sent) = flight(4);
    lab.host.now += RTT;
    report(&mut lab, &sent, 0, &[(1, 4)]);
    // The hole is filled, and yet the rest is not acknowledged.
    report(&mut lab, &sent, 1, &[]);
    let again = lab.host.pass(Duration::from_millis(100));
    let again: Vec<Seg> = again.into_iter().map(|(_, seg)| seg).collect();
    assert_eq!(which(&sent, &again[..1]), [1]);
    lab.host.now += RTT;
    report(&mut lab, &sent, 4, &[]);
    assert_eq!(lab.host.conn(ends.id).snd.outstanding(), 0);
}

/// Blocks that make no sense change nothing.
#[test]
fn impossible_blocks_are_ignored_tcpt_10() {
    let (mut lab, ends, sent) = flight(10);
    let base = sent[0].seq.0;
    let ranges = [
        (0u32, 0x7fff_ffffu32),
        (5000, 4000),
        (9000, 11_000),
        (20_000, 30_000),
        (0x8000_0000, 0x8000_1000),
        (1, 2),
        (4, 999),
    ];
    for (left, right) in ranges {
        let mut option = vec![1, 1, 5, 10];
        option.extend(base.wrapping_add(left).to_be_bytes());
        option.extend(base.wrapping_add(right).to_be_bytes());
        lab.ack = sent[0].seq;
        let _ = lab.send(&lab.seg(ACK).options(&option));
        lab.host.tcp.check();
    }
    assert_eq!(lab.host.conn(ends.id).recovery.sent_queue.sacked_out(), 0);
    assert_eq!(lab.host.conn(ends.id).recovery.sent_queue.lost_out(), 0);
}

/// However a peer slices its claims, the queue holds no more runs than segments, and its counts
/// hold.
#[test]
fn random_claims_keep_the_queue_whole() {
    for seed in 0..200 {
        let mut rng = crate::rng::Rng::new(seed);
        let (mut lab, mut ends, _) = flight(10);
        for _ in 0..60 {
            let out = lab.host.conn(ends.id).snd.outstanding();
            let una = lab.host.conn(ends.id).snd.una;
            if out == 0 {
                break;
            }
            let mut option = vec![1, 1, 5, 2];
            for _ in 0..1 + rng.below(3) {
                let left = rng.below(out + 500);
                let right = left + rng.below(4000);
                option.extend((una + left).0.to_be_bytes());
                option.extend((una + right).0.to_be_bytes());
                option[3] += 8;
            }
            lab.ack = if rng.below(3) == 0 { una + rng.below(out.min(2500) + 1) } else { una };
            let _ = lab.send(&lab.seg(ACK).options(&option));
            lab.host.tcp.check();
            lab.host.drain();
            lab.host.tcp.check();
            lab.host.pass(Duration::from_millis(u64::from(rng.below(30))));
            lab.host.tcp.check();
            if rng.below(4) == 0 {
                lab.write(&mut ends, &pattern(0, 1 + rng.below(3000) as usize));
            }
        }
    }
}
