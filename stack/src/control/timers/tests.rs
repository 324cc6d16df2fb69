//! The queue against a model: a sorted list of (instant, id).

use proptest::prelude::*;

use super::*;

fn id(n: u32) -> TimerId {
    let ifindex = IfIndex::new(2).unwrap();
    match n {
        0 => TimerId::NeighborGc,
        1 => TimerId::PathMtu,
        _ => TimerId::Neighbor(ifindex, Ip::v4(n.to_be_bytes())),
    }
}

#[test]
fn equal_instants_fire_by_id() {
    let mut timers = Timers::default();
    let at = Instant::from_millis(5);
    for n in [7, 1, 3, 0] {
        timers.arm(id(n), at);
    }
    assert_eq!(timers.expire(Instant::from_millis(4)), None);
    let fired: Vec<TimerId> = core::iter::from_fn(|| timers.expire(at)).collect();
    assert_eq!(fired, [id(3), id(7), id(0), id(1)]);
    assert_eq!(timers.next_deadline(), None);
}

#[test]
fn a_timer_that_moves_for_ever_leaves_nothing_behind() {
    let mut timers = Timers::default();
    timers.arm(id(0), Instant::from_millis(1));
    for n in 0..10_000 {
        timers.arm(id(1), Instant::from_millis(100_000 - n));
        timers.arm(id(2), Instant::from_millis(100_000 + n));
        assert!(timers.heap.len() <= 2 * 3 + HEAP_SLACK + 1);
    }
    assert_eq!(timers.next_deadline(), Some(Instant::from_millis(1)));
}

proptest! {
    /// RUN-07.
    #[test]
    fn the_queue_does_what_a_sorted_list_does(
        steps in prop::collection::vec((0u32..20, 0u8..6, 0u64..50), 1..400)
    ) {
        let mut timers = Timers::default();
        let mut model: BTreeMap<TimerId, Instant> = BTreeMap::new();
        let mut now = Instant::ZERO;
        for (n, what, span) in steps {
            let at = Instant::from_millis(now.millis() + span);
            match what {
                0..=2 => {
                    timers.arm(id(n), at);
                    model.insert(id(n), at);
                }
                3 => {
                    timers.cancel(id(n));
                    model.remove(&id(n));
                }
                _ => {
                    now = at;
                    let ended = model.iter().filter(|(_, at)| **at <= now);
                    let mut due: Vec<(Instant, TimerId)> =
                        ended.map(|(id, at)| (*at, *id)).collect();
                    due.sort_unstable();
                    for (_, id) in due {
                        prop_assert_eq!(timers.expire(now), Some(id));
                        model.remove(&id);
                    }
                    prop_assert_eq!(timers.expire(now), None);
                }
            }
            prop_assert_eq!(timers.next_deadline(), model.values().min().copied());
            prop_assert!(timers.heap.len() <= 2 * timers.armed.len() + HEAP_SLACK + 1);
        }
    }
}
