//! The timing wheel: order, lazy re-arming, far deadlines.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const TICK: u64 = 1 << TICK_SHIFT;

fn drain(wheel: &mut Wheel, now: Instant) -> Vec<u32> {
    let mut out: Vec<u32> = core::iter::from_fn(|| wheel.pop_due(now)).collect();
    out.sort_unstable();
    out
}

#[test]
fn nothing_fires_early_and_everything_fires() {
    let mut wheel = Wheel::new(4);
    wheel.set(0, Instant::from_millis(40));
    wheel.set(1, Instant::from_millis(200));
    wheel.set(2, Instant::from_millis(7_200_000));
    assert_eq!(drain(&mut wheel, Instant::from_millis(39)), []);
    assert_eq!(drain(&mut wheel, Instant::from_millis(41)), [0]);
    assert_eq!(drain(&mut wheel, Instant::from_millis(199)), []);
    assert_eq!(drain(&mut wheel, Instant::from_millis(7_199_999)), [1]);
    assert_eq!(drain(&mut wheel, Instant::from_millis(7_200_001)), [2]);
    assert_eq!(wheel.next_deadline(), None);
    assert_eq!(wheel.len(), 0);
}

#[test]
fn following_next_deadline_reaches_every_timer() {
    let mut wheel = Wheel::new(1);
    let due = Instant::from_millis(123_456);
    wheel.set(0, due);
    let mut looks = 0;
    while let Some(at) = wheel.next_deadline() {
        looks += 1;
        if wheel.pop_due(at).is_some() {
            assert!(at >= due && at.nanos() < due.nanos() + TICK);
        }
    }
    assert!(looks <= LEVELS + 1, "{looks}");
}

#[test]
fn carries_into_high_bits_make_no_timer_late() {
    for bit in 20..60 {
        let mut wheel = Wheel::new(1);
        let now = Instant::from_nanos((1 << bit) - 10 * TICK);
        assert_eq!(wheel.pop_due(now), None);
        wheel.set(0, Instant::from_nanos(now.nanos() + 20 * TICK));
        assert_eq!(wheel.pop_due(Instant::from_nanos(now.nanos() + 19 * TICK)), None);
        let due = Instant::from_nanos(now.nanos() + 21 * TICK);
        assert_eq!(wheel.pop_due(due), Some(0), "bit {bit}");
    }
}

#[test]
fn far_means_never() {
    let mut wheel = Wheel::new(1);
    wheel.set(0, Instant::FAR);
    assert_eq!(wheel.pop_due(Instant::from_millis(1_000_000_000)), None);
}

proptest! {
    #[test]
    fn agrees_with_a_sorted_map(
        ops in prop::collection::vec((0u32..12, 0u64..5_000, 0u32..30, any::<bool>()), 1..200)
    ) {
        let mut wheel = Wheel::new(0);
        let mut model: BTreeMap<u32, u64> = BTreeMap::new();
        let mut now = 0u64;
        for (owner, delay, step, set) in ops {
            if set {
                let at = now + delay * TICK / 3 * (1 << (delay % 12));
                wheel.set(owner, Instant::from_nanos(at));
                model.insert(owner, at.div_ceil(TICK));
            } else {
                wheel.clear(owner);
                model.remove(&owner);
            }
            now += (u64::from(step) * TICK) << (step % 10);
            let due: Vec<u32> =
                model.iter().filter(|(_, t)| **t <= now / TICK).map(|(o, _)| *o).collect();
            model.retain(|_, t| *t > now / TICK);
            prop_assert_eq!(drain(&mut wheel, Instant::from_nanos(now)), due);
            prop_assert_eq!(wheel.len(), model.len());
            if let Some(at) = wheel.next_deadline() {
                let earliest = model.values().min().unwrap() * TICK;
                prop_assert!(at.nanos() <= earliest && at.nanos() > now - now % TICK);
            }
        }
    }
}
