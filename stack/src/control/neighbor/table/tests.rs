//! The table: its bound, its collection, its books.

use proptest::prelude::*;

use super::*;
use crate::limits::Limits;
use crate::random::Random;

const IFINDEX: IfIndex = match IfIndex::new(2) {
    Some(index) => index,
    None => unreachable!(),
};

fn key(n: u32) -> Key {
    let [a, b, c, d] = (0x0a00_0000 + n).to_be_bytes();
    (IFINDEX, Ip::v4([a, b, c, d]))
}

fn mac(n: u32) -> Mac {
    let [a, b, c, d] = n.to_be_bytes();
    Mac([2, 0, a, b, c, d])
}

impl Neighbors {
    /// Each entry with a deadline has a timer and no other has one; the snapshot names exactly the
    /// entries with something to say.
    fn check(&self, cx: &ControlCx) {
        for (key, entry) in &self.entries {
            assert_eq!(cx.timers.armed_for(timer(*key)), entry.deadline, "{key:?}");
        }
        let deadlines = self.entries.values().filter(|e| e.deadline.is_some()).count();
        let collection = usize::from(self.entries.len() > self.collection_floor());
        assert_eq!(cx.timers.len(), deadlines + collection);
        let links = self.entries.iter().filter_map(|(key, e)| Some((*key, e.link()?)));
        assert!(cx.fib().neighbors.iter().map(|(key, link)| (*key, *link)).eq(links));
        assert!(self.entries.len() <= self.capacity);
    }
}

fn cx(now: Instant) -> ControlCx {
    let mut cx = ControlCx::new(&Limits::default(), Random::of_test(1));
    cx.now = now;
    cx
}

#[test]
fn nud_13_failed_then_stale_then_least_used_give_way() {
    let mut table = Neighbors::new(8);
    let at = |s| Instant::from_millis(s * 1000);
    let cx = &mut cx(at(0));
    table.set_permanent(cx, key(0), mac(0));
    for n in 1..8 {
        cx.now = at(u64::from(n));
        table.learn(cx, key(n), Input::Hint(mac(n)));
    }
    cx.now = at(8);
    table.update(cx, key(1), Input::Reply(mac(1)));
    table.update(cx, key(2), Input::Used);
    // One entry of eight gives way each time.
    let mut gone = Vec::new();
    cx.now = at(9);
    for n in 10..17 {
        let before: Vec<Key> = table.entries.keys().copied().collect();
        table.learn(cx, key(n), Input::Resolve);
        gone.extend(before.into_iter().filter(|key| !table.has(*key)));
        table.check(cx);
    }
    // STALE by last use, then INCOMPLETE (all of one age), and only then those in use.
    let stale: Vec<Key> = (3..8).map(key).collect();
    assert_eq!(gone[..5], stale);
    assert!(gone[5..].iter().all(|k| (10..17).any(|n| *k == key(n))), "{gone:?}");
    assert!(table.has(key(0)) && table.has(key(1)) && table.has(key(2)));
}

/// NUD-13: the thresholds of 1024 entries are Linux's (`gc_thresh1` 128, `gc_thresh3` 1024), and a
/// FAILED entry goes before any other.
/// SYSCTL-121.
/// SYSCTL-123.
#[test]
fn nud_13_failed_entries_give_way_first() {
    let mut table = Neighbors::new(Limits::default().neighbors);
    assert_eq!((table.capacity, table.collection_floor()), (1024, 128));
    let cx = &mut cx(Instant::from_millis(1000));
    for n in 0..1024 {
        table.learn(cx, key(n), if n == 500 { Input::Resolve } else { Input::Hint(mac(n)) });
        cx.now += Duration::from_millis(1);
    }
    while table.state(key(500)) != Some(NudState::Failed) {
        cx.now = cx.timers.armed_for(timer(key(500))).unwrap();
        table.update(cx, key(500), Input::Timer);
    }
    // Used last, and it goes all the same.
    table.learn(cx, key(2000), Input::Resolve);
    assert!(!table.has(key(500)) && table.has(key(2000)));
    assert_eq!((table.has(key(0)), table.has(key(499)), table.entries.len()), (false, true, 897));
}

#[test]
fn only_permanent_entries_leave_no_room() {
    let mut table = Neighbors::new(2);
    let cx = &mut cx(Instant::ZERO);
    assert!(table.set_permanent(cx, key(1), mac(1)));
    assert!(table.set_permanent(cx, key(2), mac(2)));
    assert!(!table.set_permanent(cx, key(3), mac(3)));
    table.learn(cx, key(3), Input::Resolve);
    assert!(!table.has(key(3)));
    assert!(table.set_permanent(cx, key(1), mac(9)), "replaced");
    table.check(cx);
}

#[test]
fn nud_13_collection_takes_failed_and_long_stale_above_the_floor() {
    let mut table = Neighbors::new(16);
    let cx = &mut cx(Instant::from_millis(1000));
    for n in 1..=2 {
        table.learn(cx, key(n), Input::Hint(mac(n)));
    }
    cx.now += Duration::from_secs(100);
    table.collect(cx);
    assert!(table.has(key(1)), "two of sixteen are no burden");
    for n in 3..=5 {
        table.learn(cx, key(n), Input::Hint(mac(n)));
    }
    assert_eq!(cx.timers.armed_for(TimerId::NeighborGc), Some(Instant::ZERO));
    table.collect(cx);
    assert_eq!((table.has(key(1)), table.has(key(2)), table.has(key(3))), (false, false, true));
    table.check(cx);
}

proptest! {
    #[test]
    fn the_books_agree_whatever_happens(
        steps in prop::collection::vec((0u32..24, 0u8..9, 0u64..4000), 1..300)
    ) {
        let mut table = Neighbors::new(16);
        let cx = &mut cx(Instant::ZERO);
        for (n, what, pause) in steps {
            cx.now += Duration::from_millis(pause);
            let key = key(n);
            match what {
                0 => table.learn(cx, key, Input::Resolve),
                1 => table.learn(cx, key, Input::Hint(mac(n))),
                2 => table.update(cx, key, Input::Reply(mac(n))),
                3 => table.update(cx, key, Input::Used),
                4 => table.update(cx, key, Input::Confirmed),
                5 => { table.remove(cx, key); }
                6 if n == 0 => { table.set_permanent(cx, key, mac(n)); }
                _ => while let Some(id) = cx.timers.expire(cx.now) {
                    match id {
                        TimerId::Neighbor(ifindex, ip) => {
                            table.update(cx, (ifindex, ip), Input::Timer);
                        }
                        _ => table.collect(cx),
                    }
                },
            }
            table.check(cx);
        }
    }
}
