//! Timestamps on the wire: negotiation, echo, PAWS (RFC 7323; TCPI-05, TCPO-01, TCPO-15, GAP-05).

use wire::tcp::SeqNum;
use wire::tcp_options::Timestamps;

use super::harness::*;
use crate::drop::DropReason;
use crate::limits::Limits;
use crate::tcp::state::State;
use crate::time::Duration;

/// TCPO-15 with the offset of GAP-05: a millisecond clock that does not tell the host's.
#[test]
fn the_clock_ticks_in_milliseconds_from_an_offset_per_flow_tcpo_15_gap_05() {
    let mut lab = Lab::new();
    lab.host.listen(80, 8);
    let mut clock = |peer: &str, port| {
        lab.theirs = addr::Endpoint::new(peer.parse().unwrap(), port);
        lab.send(&lab.seg(SYN).options(&FULL_OPTIONS)).unwrap();
        let value = lab.one().stamped().unwrap().value;
        lab.host.now += Duration::from_millis(7);
        value
    };
    let first = clock("10.0.0.2", 1);
    for (peer, port) in [("10.0.0.2", 2), ("10.0.0.3", 1)] {
        let other = clock(peer, port);
        assert!(other.wrapping_sub(first) > 1000 && first.wrapping_sub(other) > 1000);
    }
    assert_eq!(clock("10.0.0.2", 1), first.wrapping_add(21), "one clock in a flow");
    assert_ne!(first, START.millis() as u32);
}

#[test]
fn every_segment_carries_and_echoes_them_tcpo_01() {
    let (mut lab, mut ends) = Lab::stamped();
    let sent = lab.write(&mut ends, b"data");
    let ours = sent[0].stamped().unwrap();
    assert_eq!((sent[0].options.len(), ours.echo), (12, THEIR_CLOCK));
    lab.send(&lab.seg(PSH).data(b"x").stamps(THEIR_CLOCK + 9, ours.value)).unwrap();
    assert_eq!(lab.one().stamped().unwrap().echo, THEIR_CLOCK + 9);
}

/// TCPR-02, RFC 7323 §5.3 R1: what is older than TS.Recent is an old duplicate, whatever its
/// number.
#[test]
fn an_older_clock_is_refused_and_answered_tcpi_05() {
    let (mut lab, mut ends) = Lab::stamped();
    let text = |lab: &Lab, value| lab.seg(PSH).data(b"old").stamps(value, 0);
    assert_eq!(lab.send(&text(&lab, THEIR_CLOCK - 2)), Err(DropReason::TcpPaws));
    let ack = lab.one();
    assert_eq!((ack.flags, ack.ack), (ACK, lab.seq));
    assert_eq!(ack.stamped().unwrap().echo, THEIR_CLOCK);
    assert_eq!(ends.rx.len(), 0);
    // One tick is forgiven, as is a timestamp that is missing.
    lab.send(&text(&lab, THEIR_CLOCK - 1)).unwrap();
    lab.seq += 3;
    lab.send(&lab.seg(PSH).data(b"new")).unwrap();
    let mut read = [0; 8];
    assert_eq!(ends.rx.read(&mut read), 6);
    assert_eq!(lab.one().stamped().unwrap().echo, THEIR_CLOCK, "never back");
}

/// RFC 7323 §5.5 (TCPR-02).
/// SYSCTL-146.
#[test]
fn after_24_days_any_clock_will_do_tcpi_05() {
    let (mut lab, _ends) = Lab::stamped();
    lab.host.now += Duration::from_secs(24 * 24 * 3600 - 1);
    let text = lab.seg(PSH).data(b"x").stamps(THEIR_CLOCK - 500, 0);
    assert_eq!(lab.send(&text), Err(DropReason::TcpPaws));
    lab.one();
    lab.host.now += Duration::from_secs(1);
    lab.send(&text).unwrap();
    assert_eq!(lab.one().stamped().unwrap().echo, THEIR_CLOCK - 500);
}

#[test]
fn a_reset_needs_no_clock_tcpi_05() {
    let (mut lab, ends) = Lab::stamped();
    lab.send(&lab.seg(RST).stamps(THEIR_CLOCK - 500, 0)).unwrap();
    assert!(lab.host.tcp.conn(ends.id).is_none());
}

#[test]
fn an_old_syn_or_ack_is_answered_within_limits_tcpi_05() {
    let (mut lab, _ends) = Lab::stamped();
    let probe = Seg { seq: lab.seq - 1, ..lab.seg(ACK).stamps(THEIR_CLOCK - 9, 0) };
    for answers in [1, 0] {
        assert_eq!(lab.send(&probe), Err(DropReason::TcpPaws));
        assert_eq!(lab.host.drain().len(), answers);
    }
    lab.host.now += Duration::from_millis(500);
    let syn = lab.seg(SYN).stamps(THEIR_CLOCK - 9, 0);
    for answers in [1, 0] {
        assert_eq!(lab.send(&syn), Err(DropReason::TcpPaws));
        assert_eq!(lab.host.drain().len(), answers);
    }
}

/// Linux `tcp_disordered_ack`.
#[test]
fn a_bare_ack_that_was_overtaken_is_not_answered() {
    let (mut lab, _ends) = Lab::stamped();
    lab.send(&lab.seg(PSH).data(b"x").stamps(THEIR_CLOCK + 50, 0)).unwrap();
    lab.one();
    let overtaken = Seg { seq: lab.seq + 1, ..lab.seg(ACK).stamps(THEIR_CLOCK, 0) };
    lab.send(&overtaken).unwrap();
    lab.none();
    // Older than one RTO it is a stray.
    let stray = Seg { seq: lab.seq + 1, ..lab.seg(ACK).stamps(THEIR_CLOCK - 5000, 0) };
    assert_eq!(lab.send(&stray), Err(DropReason::TcpPaws));
    lab.one();
}

/// RFC 7323 §4.3: what lies beyond the last ACK does not change the echo, so that it measures the
/// whole delay of an ACK.
#[test]
fn the_echo_is_that_of_the_oldest_segment_not_acknowledged() {
    let (mut lab, _ends) = Lab::stamped();
    for (at, value) in [(0, 5), (10, 7)] {
        let text = Seg { seq: lab.seq + at, ..lab.seg(PSH).data(&[0; 10]) };
        lab.send(&text.stamps(THEIR_CLOCK + value, 0)).unwrap();
    }
    assert_eq!(lab.one().stamped().unwrap().echo, THEIR_CLOCK + 5);
}

#[test]
fn options_switched_off_are_neither_offered_nor_taken_tcpo_01() {
    let limits = Limits {
        tcp_timestamps: false,
        tcp_sack: false,
        tcp_window_scaling: false,
        tcp_connections: 4,
        ..Limits::default()
    };
    let host = || Host::with("10.0.0.1", limits.clone(), Default::default());
    let mut lab = Lab::with(host());
    let ends = lab.accept(&FULL_OPTIONS);
    let conn = lab.host.conn(ends.id);
    assert_eq!(
        (conn.timestamps.enabled, conn.sack, conn.scaling, conn.snd.scale),
        (false, false, false, 0)
    );
    let mut lab = Lab::with(host());
    lab.host.connect(lab.theirs).unwrap();
    assert_eq!(lab.one().options, [2, 4, 5, 180]);
}

/// Linux: PAWSACTIVEREJECTED.
#[test]
fn a_syn_ack_that_echoes_a_clock_we_never_showed_is_reset_tcpf_06() {
    let mut lab = Lab::new();
    let ends = lab.host.connect(lab.theirs).unwrap();
    lab.ours = ends.local;
    let syn = lab.one();
    let value = syn.stamped().unwrap().value;
    lab.ack = syn.seq + 1;
    lab.host.now += Duration::from_millis(10);
    for echo in [value.wrapping_sub(1), value.wrapping_add(11)] {
        let syn_ack = lab.seg(SYN_ACK).stamps(5, echo);
        assert_eq!(lab.send(&syn_ack), Err(DropReason::TcpPaws));
        assert_eq!(lab.one().flags, RST);
    }
    assert_eq!(lab.state(&ends), State::SynSent);
    lab.send(&lab.seg(SYN_ACK).stamps(5, value.wrapping_add(10))).unwrap();
    assert_eq!(lab.one().stamped(), Some(Timestamps { value: value.wrapping_add(10), echo: 5 }));
}

#[test]
fn embryos_look_at_the_clock_too() {
    let mut lab = Lab::new();
    let listener = lab.host.listen(80, 8);
    lab.send(&lab.seg(SYN).options(&FULL_OPTIONS)).unwrap();
    let syn_ack = lab.one();
    let last = Seg::new(ACK, IRS + 1, syn_ack.seq + 1);
    let old = last.clone().stamps(THEIR_CLOCK - 1, 0);
    assert_eq!(lab.send(&old), Err(DropReason::TcpPaws));
    let ack = lab.one();
    assert_eq!((ack.flags, ack.stamped().unwrap().echo), (ACK, THEIR_CLOCK));
    assert_eq!(lab.send(&Seg::new(RST, IRS, SeqNum(0))), Err(DropReason::TcpBadReset));
    lab.send(&last.stamps(THEIR_CLOCK + 3, 0)).unwrap();
    let ends = lab.host.accept(listener).unwrap();
    assert_eq!(lab.host.conn(ends.id).timestamps.ts_recent, THEIR_CLOCK + 3);
}
