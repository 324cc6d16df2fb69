//! Loss: timeouts, fast retransmit, NewReno, limited transmit (TCPT-*).

use wire::tcp::SeqNum;

use super::harness::*;
use super::transfer::pattern;
use crate::limits::Limits;
use crate::socket::{SocketError, SocketRings};
use crate::tcp::state::State;
use crate::tcp::{CongestionAlgorithm, KeepAlive, TcpOption};
use crate::time::Duration;

/// The round trip of the path.
const RTT: Duration = Duration::from_millis(20);

/// A connection with NewReno's window and `n` segments of 1000 bytes out.
fn flight(n: usize) -> (Lab, SocketRings, Vec<Seg>) {
    let (mut lab, mut ends) = Lab::established();
    let reno = TcpOption::Congestion(CongestionAlgorithm::Reno);
    lab.host.act(|tcp, cx| tcp.set_option(cx, ends.id, reno)).unwrap();
    let sent = lab.write(&mut ends, &pattern(0, n * 1000));
    assert_eq!(sent.len(), n.min(10));
    (lab, ends, sent)
}

fn duplicate(lab: &mut Lab) -> Vec<Seg> {
    lab.send(&lab.seg(ACK)).unwrap();
    lab.host.drain()
}

/// RFC 6298 §5; Linux's bound of 200 ms.
#[test]
fn a_timeout_sends_the_first_segment_again_with_back_off_tcpt_05() {
    let (mut lab, ends, sent) = flight(3);
    let again = lab.host.pass(Duration::from_millis(1500));
    let at: Vec<u64> = again.iter().map(|(t, _)| t.since(START).as_millis() as u64).collect();
    assert_eq!(at, [200, 600, 1400]);
    assert!(again.iter().all(|(_, s)| s.seq == sent[0].seq && s.data == sent[0].data));
    let conn = lab.host.conn(ends.id);
    assert_eq!((conn.congestion.cwnd(), conn.congestion.ssthresh()), (1000, 5000));
    assert_eq!(lab.host.stats.tcp_timeouts, 3);
    assert_eq!(lab.host.stats.tcp_retransmits, 3);
}

#[test]
fn after_a_timeout_the_rest_is_sent_again_in_slow_start() {
    let (mut lab, ends, sent) = flight(6);
    lab.host.pass(Duration::from_millis(250));
    let again = lab.ack(lab.ack + 1000);
    assert_eq!(again.iter().map(|s| s.seq).collect::<Vec<_>>(), [sent[1].seq, sent[2].seq]);
    // The peer had the rest: nothing is sent twice that it has.
    assert!(lab.ack(sent[0].seq + 6000).is_empty());
    assert_eq!(lab.host.conn(ends.id).snd.outstanding(), 0);
    // Karn: what was sent twice gave no sample, so the back-off stays.
    assert_eq!(lab.host.conn(ends.id).rtt.rto().as_millis(), 400);
}

#[test]
fn a_fresh_sample_ends_the_back_off() {
    let (mut lab, mut ends, sent) = flight(1);
    lab.host.pass(Duration::from_millis(250));
    lab.ack(sent[0].seq + 1000);
    lab.write(&mut ends, b"fresh");
    lab.host.now += Duration::from_millis(10);
    lab.ack(lab.ack + 5);
    let rto = lab.host.conn(ends.id).rtt.rto().as_millis();
    assert!((200..300).contains(&rto), "{rto}");
}

/// SOCK-56.
#[test]
fn the_retry_limit_ends_in_reset_and_timeout_tcpt_04() {
    let limits = Limits { tcp_retries: 5, tcp_connections: 4, ..Limits::default() };
    let host = Host::with("10.0.0.1", limits, Default::default());
    let (mut lab, mut ends) = Lab::with(host).open(&SYN_OPTIONS);
    lab.write(&mut ends, b"anyone?");
    let sent = lab.host.pass(Duration::from_secs(100));
    assert_eq!(sent.len(), 6);
    assert_eq!(sent[5].1.flags, RST | ACK);
    assert_eq!(ends.rx.error(), Some(SocketError::TimedOut.code()));
    assert_eq!(lab.host.tcp.next_deadline(), None);
}

/// RFC 3042 (TCPT-08), then RFC 5681 §3.2 (TCPT-07); TCPR-05.
#[test]
fn two_duplicates_release_new_data_and_the_third_repairs_tcpt_07_08() {
    let (mut lab, ends, sent) = flight(20);
    for n in 0..2 {
        let more = duplicate(&mut lab);
        assert_eq!(more.len(), 1);
        assert_eq!(more[0].seq, sent[0].seq + 10_000 + n * 1000);
    }
    let repair = duplicate(&mut lab);
    assert_eq!((repair[0].seq, repair.len()), (sent[0].seq, 1));
    let conn = lab.host.conn(ends.id);
    assert_eq!((conn.congestion.ssthresh(), conn.congestion.cwnd()), (5000, 9000));
    assert_eq!(lab.host.stats.tcp_fast_retransmits, 1);
    // Each further duplicate is a segment that left: for every second of them one more may leave,
    // so that the window comes down to half (RFC 6937; TCPT-09).
    let mut more = Vec::new();
    for _ in 0..6 {
        more.extend(duplicate(&mut lab));
    }
    assert_eq!(more.len(), 2);
    // Full acknowledgment: recovery ends with the window at the threshold.
    lab.host.now += RTT;
    lab.ack(sent[0].seq + 14_000);
    let conn = lab.host.conn(ends.id);
    assert!((5000..=6000).contains(&conn.congestion.cwnd()));
}

/// RFC 6582 §3.2: a partial acknowledgment shows the next hole.
#[test]
fn a_partial_acknowledgment_repairs_the_next_hole() {
    let (mut lab, ends, sent) = flight(10);
    for _ in 0..3 {
        duplicate(&mut lab);
    }
    // The window has come down to what is out: the repair leaves when the next segment is gone.
    lab.host.now += RTT;
    assert!(lab.ack(sent[0].seq + 4000).is_empty());
    assert_eq!(duplicate(&mut lab)[0].seq, sent[4].seq);
    lab.host.now += RTT;
    let next = lab.ack(sent[0].seq + 7000);
    assert_eq!(next[0].seq, sent[7].seq);
    lab.host.now += RTT;
    lab.ack(sent[0].seq + 10_000);
    assert_eq!(lab.host.conn(ends.id).snd.outstanding(), 0);
    assert_eq!(lab.host.stats.tcp_fast_retransmits, 1);
    assert_eq!(lab.host.stats.tcp_timeouts, 0);
}

/// TCPR-05, RFC 6582 §3.2: duplicates caused by what a timeout sent again start no recovery.
#[test]
fn duplicates_after_a_timeout_start_nothing() {
    let (mut lab, _ends, sent) = flight(10);
    lab.host.pass(Duration::from_millis(250));
    lab.ack(sent[0].seq + 10_000 - 1000);
    for _ in 0..5 {
        duplicate(&mut lab);
    }
    assert_eq!(lab.host.stats.tcp_fast_retransmits, 0);
}

/// Where no timestamp tells whose delivery an ACK is of, its time does: a hole that is filled
/// sooner than the repair could have been there was no loss. The window comes back, and the next
/// such hole is waited for.
#[test]
fn a_hole_that_fills_itself_was_no_loss() {
    let mut lab = Lab::new();
    let listener = lab.host.listen(80, 8);
    lab.send(&lab.seg(SYN).options(&SYN_OPTIONS)).unwrap();
    lab.ack = lab.one().seq + 1;
    lab.seq += 1;
    lab.host.now += RTT;
    lab.send(&lab.seg(ACK)).unwrap();
    let mut ends = lab.host.accept(listener).unwrap();
    let sent = lab.write(&mut ends, &pattern(0, 10_000));
    lab.host.now += RTT;
    lab.ack(sent[0].seq + 2000);
    for _ in 0..4 {
        duplicate(&mut lab);
    }
    let conn = lab.host.conn(ends.id);
    assert!(conn.congestion.ssthresh() < 10_000);
    lab.host.now += RTT / 10;
    lab.ack(sent[0].seq + 7000);
    let conn = lab.host.conn(ends.id);
    assert!(conn.congestion.cwnd() >= 10_000, "{}", conn.congestion.cwnd());
    assert_eq!(lab.host.stats.tcp_undos, 1);
    lab.host.now += RTT;
    for _ in 0..4 {
        duplicate(&mut lab);
    }
    assert_eq!(lab.host.stats.tcp_fast_retransmits, 1);
}

/// RFC 6582 §3.2 and §4: what a timeout sent again for nothing makes duplicates; they start
/// nothing, also when all was acknowledged and something new is out, and none of the window is sent
/// while they are still to come.
#[test]
fn duplicates_of_needless_repairs_start_no_recovery() {
    let (mut lab, mut ends, sent) = flight(10);
    lab.host.pass(Duration::from_millis(250));
    lab.host.now += RTT;
    assert_eq!(lab.ack(sent[0].seq + 1000).len(), 2);
    lab.host.now += RTT;
    lab.ack(sent[0].seq + 2000);
    lab.host.now += RTT;
    lab.ack(sent[0].seq + 10_000);
    lab.write(&mut ends, &pattern(0, 20_000));
    for _ in 0..5 {
        duplicate(&mut lab);
    }
    assert_eq!(lab.host.stats.tcp_fast_retransmits, 0);
}

/// RFC 6582 §4: the timer is restarted at the first partial ACK; holes that would take longer than
/// slow start are left to it. Few holes are repaired without it.
#[test]
fn many_holes_are_left_to_the_timer() {
    for (step, timeouts) in [(1, 1), (12, 0)] {
        let (mut lab, mut ends, _) = flight(10);
        // The window grows, so that there is something to repair.
        let mut una = lab.ack;
        for _ in 0..3 {
            lab.host.now += RTT;
            let nxt = lab.host.conn(ends.id).snd.nxt;
            while una.lt(nxt) {
                una += 1000;
                lab.ack(una);
                lab.write(&mut ends, &pattern(0, 2000));
            }
        }
        let out = lab.host.conn(ends.id).snd.outstanding();
        assert!(out >= 40_000, "{out}");
        for _ in 0..3 {
            duplicate(&mut lab);
        }
        for _ in 0..16 {
            lab.host.pass(RTT);
            una = (una + step * 1000).min(lab.host.conn(ends.id).snd.nxt);
            lab.ack(una);
        }
        assert_eq!(lab.host.stats.tcp_timeouts, timeouts, "{step} segments a round trip");
    }
}

#[test]
fn window_updates_and_text_are_no_duplicates() {
    let (mut lab, _ends, _) = flight(10);
    for n in 0..4 {
        lab.send(&lab.seg(ACK).wnd(0x7000 + n)).unwrap();
        lab.send(&lab.seg(PSH).data(b"x").wnd(0x7000 + n)).unwrap();
        lab.seq += 1;
    }
    assert_eq!(lab.host.stats.tcp_fast_retransmits, 0);
}

#[test]
fn a_lost_fin_is_sent_again() {
    let (mut lab, mut ends) = Lab::established();
    ends.tx.write(b"bye");
    ends.tx.finish();
    let sent = lab.write(&mut ends, b"");
    assert_eq!(sent[0].flags, FIN | PSH);
    let again = lab.host.pass(Duration::from_millis(250)).remove(0).1;
    assert_eq!(again, sent[0]);
    // The data arrived, the FIN did not.
    lab.ack(lab.ack + 3);
    let again = lab.host.pass(Duration::from_millis(500)).remove(0).1;
    assert_eq!((again.flags, again.data.len(), again.seq), (FIN | PSH, 0, sent[0].seq + 3));
}

/// VEC-13, TCPR-06: srtt and rttvar of the reference's samples; the timeout by Linux's bounds: 1 s
/// at first, never less than 200 ms above the round trip, 120 s at most.
/// SYSCTL-144.
#[test]
fn the_estimate_follows_rfc_6298_tcpt_01_vec_13() {
    let mut rtt = crate::tcp::timers::rtt::Rtt::new();
    assert_eq!(rtt.rto(), Duration::from_secs(1));
    let expected = [
        (100, 100, 50, 300),
        (120, 102, 42, 302),
        (80, 99, 37, 299),
        (500, 149, 128, 662),
        (3000, 505, 808, 3740),
    ];
    for (sample, srtt, rttvar, rto) in expected {
        rtt.sample(Duration::from_millis(sample), START);
        let now = (rtt.srtt_us() / 1000, rtt.rttvar_us() / 1000);
        assert!(now.0.abs_diff(srtt) <= 1 && now.1 == rttvar, "{sample}: {now:?}");
        assert!(rtt.rto().as_millis().abs_diff(rto) <= 3, "{:?} {rto}", rtt.rto());
    }
    for _ in 0..20 {
        rtt.back_off();
    }
    assert_eq!(rtt.rto(), Duration::from_secs(120));
}

/// Without timestamps a segment that was sent twice gives no sample (Karn), and every other one
/// does; with them each ACK tells which sending it answers.
#[test]
fn what_was_sent_twice_is_measured_by_its_timestamp_alone_tcpt_02() {
    let srtt = |lab: &Lab, ends: &SocketRings| lab.host.conn(ends.id).rtt.srtt_us();
    for stamped in [false, true] {
        let (mut lab, mut ends) = if stamped { Lab::stamped() } else { Lab::established() };
        let ack = |lab: &mut Lab, to: SeqNum, echo: u32| {
            lab.ack = to;
            let seg = lab.seg(ACK);
            lab.send(&if stamped { seg.stamps(THEIR_CLOCK, echo) } else { seg }).unwrap();
        };
        let echo = |seg: &Seg| seg.stamped().map_or(0, |stamps| stamps.value);
        let first = lab.write(&mut ends, b"one").remove(0);
        lab.host.now += Duration::from_millis(40);
        ack(&mut lab, first.seq + 3, echo(&first));
        let before = srtt(&lab, &ends);
        assert!(before > 1_000, "every segment sent once is timed: {before}");
        lab.write(&mut ends, b"two");
        let (_, again) = lab.host.pass(Duration::from_millis(450)).pop().unwrap();
        assert_eq!(again.data, b"two");
        lab.host.now += Duration::from_millis(90);
        ack(&mut lab, again.seq + 3, echo(&again));
        assert_eq!(srtt(&lab, &ends) > before, stamped);
    }
}

/// The reference serves no timer in CLOSING and FIN-WAIT-2, and no keepalive outside ESTABLISHED.
/// Here whatever is out is repeated in every state that has something out, and whatever waits is
/// probed.
#[test]
fn timers_run_in_every_state_tcpt_14() {
    let finish = |lab: &mut Lab, ends: &mut SocketRings| {
        ends.tx.finish();
        lab.write(ends, b"");
    };
    // SYN-SENT and SYN-RECEIVED.
    let mut lab = Lab::new();
    let ends = lab.host.connect(lab.theirs).unwrap();
    lab.ours = ends.local;
    lab.one();
    assert_eq!(lab.host.pass(Duration::from_millis(1100))[0].1.flags, SYN);
    lab.send(&Seg::new(SYN, IRS, SeqNum(0))).unwrap();
    assert_eq!(lab.host.pass(Duration::from_millis(2500))[1].1.flags, SYN_ACK);
    // FIN-WAIT-1, CLOSING, LAST-ACK: our FIN.
    for state in [State::FinWait1, State::Closing, State::LastAck] {
        let (mut lab, mut ends) = Lab::established();
        if state == State::LastAck {
            lab.send(&lab.seg(FIN)).unwrap();
            lab.seq += 1;
        }
        finish(&mut lab, &mut ends);
        if state == State::Closing {
            lab.send(&lab.seg(FIN)).unwrap();
            lab.one();
        }
        assert_eq!(lab.state(&ends), state);
        let (_, again) = lab.host.pass(Duration::from_millis(450)).pop().unwrap();
        assert!(again.flags.fin(), "{state}: {again:?}");
    }
    // ESTABLISHED and CLOSE-WAIT: data, and the probe of a closed window.
    for fin in [false, true] {
        let (mut lab, mut ends) = Lab::established();
        if fin {
            lab.send(&lab.seg(FIN)).unwrap();
            lab.seq += 1;
        }
        let sent = lab.write(&mut ends, b"data");
        assert_eq!(lab.host.pass(Duration::from_millis(450))[0].1.data, b"data");
        lab.send(&Seg { ack: sent[0].seq + 4, ..lab.seg(ACK).wnd(0) }).unwrap();
        lab.write(&mut ends, b"more");
        let (_, probe) = lab.host.pass(Duration::from_millis(1100)).remove(0);
        assert_eq!((probe.seq, probe.data.len()), (sent[0].seq + 3, 0));
    }
    // ESTABLISHED and FIN-WAIT-2: a delayed ACK, and keepalive.
    for fin in [false, true] {
        let (mut lab, mut ends) = Lab::established();
        let second = Duration::from_secs(1);
        let keepalive = KeepAlive { idle: second, interval: second, probes: 2 };
        let id = ends.id;
        let options = [TcpOption::KeepAlive(Some(keepalive)), TcpOption::QuickAck(false)];
        for option in options {
            lab.host.act(|tcp, cx| tcp.set_option(cx, id, option)).unwrap();
        }
        if fin {
            finish(&mut lab, &mut ends);
            lab.ack(lab.ack + 1);
            assert_eq!(lab.state(&ends), State::FinWait2);
        }
        lab.send(&lab.seg(PSH).data(b"x")).unwrap();
        lab.seq += 1;
        lab.none();
        let sent = lab.host.pass(Duration::from_secs(5));
        let flags: Vec<_> = sent.iter().map(|(_, s)| (s.flags, s.seq)).collect();
        let (nxt, old) = (lab.ack, lab.ack - 1);
        assert_eq!(flags, [(ACK, nxt), (ACK, old), (ACK, old), (RST | ACK, nxt)]);
    }
}
