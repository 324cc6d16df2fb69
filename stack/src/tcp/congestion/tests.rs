//! NewReno's window by RFC 5681 and RFC 6928.

use super::*;

fn ack(acked: u32) -> Ack {
    Ack { acked, mss: 1000, limited: true }
}

#[test]
fn initial_window_of_rfc_6928_vec_14() {
    let expected = [(536, 5360), (1220, 12200), (1440, 14400), (1460, 14600), (8960, 17920)];
    for (mss, window) in expected {
        assert_eq!(initial_window(mss), window);
    }
}

#[test]
fn slow_start_doubles_then_avoidance_adds_one_segment_a_window_tcpc_04() {
    let mut c = Congestion::new(1000, false);
    c.on_ack(ack(10_000));
    assert_eq!(c.cwnd(), 20_000);
    c.on_loss(20_000, 1000);
    assert_eq!((c.cwnd(), c.ssthresh()), (10_000, 10_000));
    for _ in 0..10 {
        c.on_ack(ack(1000));
    }
    assert_eq!(c.cwnd(), 11_000);
}

#[test]
fn slow_start_ends_at_the_threshold() {
    let mut c = Congestion::new(1000, false);
    c.on_timeout(20_000, 1000, true);
    assert_eq!((c.cwnd(), c.ssthresh()), (1000, 10_000));
    c.on_ack(ack(9_500));
    assert_eq!(c.cwnd(), 10_000);
}

#[test]
fn a_second_timeout_keeps_the_threshold() {
    let mut c = Congestion::new(1000, false);
    c.on_timeout(20_000, 1000, true);
    c.on_timeout(1_000, 1000, false);
    assert_eq!(c.ssthresh(), 10_000);
}

#[test]
fn an_unused_window_does_not_grow() {
    let mut c = Congestion::new(1000, false);
    c.on_ack(Ack { limited: false, ..ack(5_000) });
    assert_eq!(c.cwnd(), 10_000);
}

#[test]
fn idle_restarts_from_the_initial_window_tcpo_19() {
    let mut c = Congestion::new(1000, false);
    c.on_ack(ack(50_000));
    c.on_idle(1000);
    assert_eq!(c.cwnd(), 10_000);
}
