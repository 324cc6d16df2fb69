//! A connection that spreads what it sends (GAP-20).

use super::harness::*;
use super::transfer::pattern;
use crate::tcp::{Pacing, TcpOption};
use crate::time::Duration;

/// A megabyte a second in segments of 1000 bytes: bursts of two, every two milliseconds.
/// GAP-30.
#[test]
fn a_bound_on_the_rate_spreads_segments_and_stalls_nothing_gap_20() {
    let (mut lab, mut ends) = Lab::established();
    let id = ends.id;
    let slow = TcpOption::Pacing(Pacing::AtMost(1_000_000));
    lab.host.act(|tcp, cx| tcp.set_option(cx, id, slow)).unwrap();
    // The initial window leaves at once.
    let first = lab.write(&mut ends, &pattern(0, 30_000));
    assert_eq!(first.len(), 10);
    lab.host.now += Duration::from_millis(20);
    let start = lab.host.now;
    let mut sent = lab.ack(first[0].seq + 10_000).len();
    assert_eq!(sent, 2, "a burst");
    let mut data = 0;
    for (at, seg) in lab.host.pass(Duration::from_millis(15)) {
        assert_eq!(seg.data.len(), 1000);
        sent += 1;
        data += 1000;
        // Half of the first burst was forgiven for coming late; nothing else is ahead of the rate.
        let due = (at.since(start).as_micros() as usize + 1000) / 1000 + 2;
        assert!(sent <= due, "{sent} segments at {at}");
    }
    assert!(data >= 13_000, "and as fast as that: {data}");
    assert_eq!(lab.host.stats.tcp_retransmits, 0);
}
