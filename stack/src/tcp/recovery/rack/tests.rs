//! The reordering window (RFC 8985 §6.2 step 4; TCPT-11, TCPT-12).

use super::*;

const MIN_RTT: Duration = Duration::from_millis(40);
const SRTT: Duration = Duration::from_millis(100);
/// Numbers wrap on the way.
const UNA: SeqNum = SeqNum(u32::MAX - 500);

fn fresh() -> Rack {
    Rack::new(UNA, SRTT, PathMetrics::INITIAL).with_min_rtt(MIN_RTT)
}

fn quarters(rack: &Rack) -> u128 {
    u128::from(rack.reo_wnd(Duration::from_secs(9), false).as_millis() as u64) / 10
}

#[test]
fn without_reordering_a_loss_is_told_at_once_tcpt_12() {
    let mut rack = fresh();
    assert_eq!(rack.reo_wnd(SRTT, true), Duration::ZERO);
    // Without evidence of a loss it waits for a quarter of the round trip all the same.
    assert_eq!(rack.reo_wnd(SRTT, false), MIN_RTT / 4);
    rack.reordering_seen = true;
    assert_eq!(rack.reo_wnd(SRTT, true), MIN_RTT / 4);
}

#[test]
fn each_round_trip_with_a_dsack_widens_the_window_tcpt_11() {
    let mut rack = fresh();
    rack.on_dsack(UNA, UNA + 1000);
    assert_eq!(quarters(&rack), 2);
    // The same round trip again.
    rack.on_dsack(UNA + 900, UNA + 2000);
    assert_eq!(quarters(&rack), 2);
    rack.on_dsack(UNA + 1000, UNA + 2000);
    assert_eq!(quarters(&rack), 3);
    let mut una = UNA + 2000;
    for _ in 0..300 {
        rack.on_dsack(una, una + 1000);
        una += 1000;
    }
    assert_eq!(quarters(&rack), 255);
    assert_eq!(rack.reo_wnd(SRTT, true), Duration::ZERO, "no reordering was seen");
    assert_eq!(rack.reo_wnd(SRTT, false), SRTT, "no longer than a round trip");
}

#[test]
fn sixteen_recoveries_later_the_window_is_narrow_again_tcpt_12() {
    let mut rack = fresh();
    rack.on_dsack(UNA, UNA + 1000);
    for _ in 0..15 {
        rack.on_recovery_end();
        assert_eq!(quarters(&rack), 2);
    }
    rack.on_recovery_end();
    assert_eq!(quarters(&rack), 1);
    rack.on_recovery_end();
    assert_eq!(quarters(&rack), 1);
}
