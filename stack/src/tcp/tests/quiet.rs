//! What a connection that has gone quiet gives back, and what it keeps.

use super::harness::*;
use crate::socket::SocketRings;
use crate::tcp::recovery::LazyRecovery;
use crate::time::Duration;

/// The least timeout, and something for the wheel's coarseness.
const TIMEOUT: Duration = Duration::from_millis(201);

fn has_recovery(lab: &Lab, ends: &SocketRings) -> bool {
    lab.host.conn(ends.id).recovery.is_active()
}

/// Sends so many bytes and has them acknowledged at once.
fn converse(lab: &mut Lab, ends: &mut SocketRings, len: usize) {
    let sent = lab.write(ends, &vec![7; len]);
    let last = sent.last().unwrap();
    lab.ack(last.seq + last.data.len() as u32);
    lab.host.tcp.check();
}

#[test]
fn recovery_is_given_back_a_timeout_after_the_last_data() {
    let (mut lab, mut ends) = Lab::stamped();
    assert!(!has_recovery(&lab, &ends));
    // A conversation keeps it, however long it goes on.
    for _ in 0..100 {
        converse(&mut lab, &mut ends, 300);
        lab.host.pass(Duration::from_millis(100));
        assert!(has_recovery(&lab, &ends));
    }
    lab.host.pass(TIMEOUT - Duration::from_millis(100));
    assert!(!has_recovery(&lab, &ends));
    assert_eq!(lab.host.tcp.next_deadline(), None, "nothing is left to look after");
    converse(&mut lab, &mut ends, 300);
    assert!(has_recovery(&lab, &ends));
}

#[test]
fn what_is_out_keeps_it() {
    let (mut lab, mut ends) = Lab::stamped();
    let sent = lab.write(&mut ends, &[7; 300]);
    for _ in 0..5 {
        lab.host.pass(Duration::from_secs(1));
        lab.host.tcp.check();
        assert!(has_recovery(&lab, &ends));
    }
    lab.ack(sent[0].seq + 300);
    lab.host.pass(Duration::from_secs(60));
    assert!(!has_recovery(&lab, &ends));
    assert_eq!(lab.host.conn(ends.id).snd.outstanding(), 0);
}

/// What a late peer says of data from before is heard without harm.
#[test]
fn a_report_that_comes_after_it_changes_nothing() {
    let (mut lab, mut ends) = Lab::stamped();
    converse(&mut lab, &mut ends, 300);
    lab.host.pass(2 * TIMEOUT);
    assert!(!has_recovery(&lab, &ends));
    let cwnd = lab.host.conn(ends.id).congestion.cwnd();
    // Duplicates, and a DSACK of the last 300 bytes.
    let dsack = {
        let mut option = vec![1, 1, 5, 10];
        option.extend((lab.ack - 300).0.to_be_bytes());
        option.extend(lab.ack.0.to_be_bytes());
        option
    };
    for options in [Vec::new(), dsack.clone(), dsack] {
        let stamps = lab.seg(ACK).stamps(THEIR_CLOCK, 0).options;
        let options = [stamps, options].concat();
        lab.send(&lab.seg(ACK).options(&options)).unwrap();
        lab.host.tcp.check();
        lab.none();
    }
    assert!(!has_recovery(&lab, &ends));
    assert_eq!(lab.host.conn(ends.id).congestion.cwnd(), cwnd);
}

/// That the path reorders is known for good (RFC 8985 §6.2: `RACK.reordering_seen`).
#[test]
fn what_was_learnt_of_the_path_stays() {
    let (mut lab, mut ends) = Lab::stamped();
    let sent = lab.write(&mut ends, &[7; 9000]);
    assert_eq!(sent.len(), 10);
    let base = sent[0].seq;
    let size = sent[0].data.len() as u32;
    // The eighth comes first, then all.
    let mut option = vec![1, 1, 5, 10];
    option.extend((base + 7 * size).0.to_be_bytes());
    option.extend((base + 8 * size).0.to_be_bytes());
    let stamps = sent[0].stamped().unwrap();
    let stamps = lab.seg(ACK).stamps(THEIR_CLOCK, stamps.value).options;
    lab.ack = base;
    lab.send(&lab.seg(ACK).options(&[stamps.clone(), option].concat())).unwrap();
    lab.ack = base + 9000;
    lab.send(&lab.seg(ACK).options(&stamps)).unwrap();
    let known = lab.host.conn(ends.id).recovery.path_metrics();
    assert_ne!(known, LazyRecovery::new().path_metrics());
    lab.host.pass(2 * TIMEOUT);
    assert!(!has_recovery(&lab, &ends));
    converse(&mut lab, &mut ends, 300);
    assert_eq!(lab.host.conn(ends.id).recovery.path_metrics(), known);
}

/// What was noted of text that came twice goes too, although nobody reads any more.
#[test]
fn what_a_duplicate_needed_is_given_back() {
    let (mut lab, mut ends) = Lab::stamped();
    let stamps = lab.seg(ACK).stamps(THEIR_CLOCK, 0).options;
    let text = lab.seg(PSH).options(&stamps).data(&[7; 100]);
    lab.send(&text).unwrap();
    assert_eq!(ends.rx.read(&mut [0; 200]), 100);
    lab.host.act(|tcp, cx| tcp.app_read(cx, ends.id));
    lab.host.pass(Duration::from_secs(1));
    assert!(lab.host.conn(ends.id).rcv.out_of_order.is_none());
    let _ = lab.send(&text);
    lab.host.drain();
    assert!(lab.host.conn(ends.id).rcv.out_of_order.is_some());
    lab.host.pass(Duration::from_secs(1));
    assert!(lab.host.conn(ends.id).rcv.out_of_order.is_none());
    lab.host.tcp.check();
}
