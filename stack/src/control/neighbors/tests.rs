//! The table: its bound, its collection, its books.

use proptest::prelude::*;

use super::*;
use crate::rng::Rng;

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
    /// Each entry with a deadline is in the queue once, and nothing else is.
    fn check(&self) {
        let mut expected: Vec<(Instant, Key)> =
            self.entries.iter().filter_map(|(key, e)| Some((e.deadline?, *key))).collect();
        expected.sort_unstable();
        assert!(self.deadlines.iter().copied().eq(expected));
        assert!(self.entries.len() <= self.capacity);
    }
}

#[test]
fn nud_13_failed_then_stale_then_least_used_give_way() {
    let mut table = Neighbors::new(8);
    let mut rng = Rng::new(1);
    let at = |s| Instant::from_millis(s * 1000);
    table.set_permanent(at(0), key(0), mac(0));
    for n in 1..8 {
        table.learn(at(u64::from(n)), key(n), Input::Hint(mac(n)), &mut rng);
    }
    table.update(at(8), key(1), Input::Reply(mac(1)), &mut rng);
    table.update(at(8), key(2), Input::Used, &mut rng);
    // One entry of eight gives way each time.
    let mut gone = Vec::new();
    for n in 10..17 {
        table.learn(at(9), key(n), Input::Resolve, &mut rng);
        gone.extend(table.pop_evicted());
        table.check();
    }
    // STALE by last use, then INCOMPLETE (all of one age), and only then those in use.
    let stale: Vec<Key> = (3..8).map(key).collect();
    assert_eq!(gone[..5], stale);
    assert!(gone[5..].iter().all(|k| (10..17).any(|n| *k == key(n))), "{gone:?}");
    assert!(table.has(key(0)) && table.has(key(1)) && table.has(key(2)));
}

#[test]
fn only_permanent_entries_leave_no_room() {
    let mut table = Neighbors::new(2);
    let mut rng = Rng::new(1);
    assert!(table.set_permanent(Instant::ZERO, key(1), mac(1)));
    assert!(table.set_permanent(Instant::ZERO, key(2), mac(2)));
    assert!(!table.set_permanent(Instant::ZERO, key(3), mac(3)));
    assert_eq!(table.learn(Instant::ZERO, key(3), Input::Resolve, &mut rng), Step::default());
    assert!(!table.has(key(3)));
    assert!(table.set_permanent(Instant::ZERO, key(1), mac(9)), "replaced");
}

#[test]
fn nud_13_collection_takes_failed_and_long_stale_above_the_floor() {
    let mut table = Neighbors::new(16);
    let mut rng = Rng::new(1);
    let start = Instant::from_millis(1000);
    for n in 1..=2 {
        table.learn(start, key(n), Input::Hint(mac(n)), &mut rng);
    }
    let late = start + Duration::from_secs(100);
    table.collect(late);
    assert!(table.has(key(1)), "two of sixteen are no burden");
    for n in 3..=5 {
        table.learn(late, key(n), Input::Hint(mac(n)), &mut rng);
    }
    table.collect(late);
    assert_eq!((table.has(key(1)), table.has(key(2)), table.has(key(3))), (false, false, true));
    table.check();
}

proptest! {
    #[test]
    fn the_books_agree_whatever_happens(
        steps in prop::collection::vec((0u32..24, 0u8..9, 0u64..4000), 1..300)
    ) {
        let mut table = Neighbors::new(16);
        let mut rng = Rng::new(1);
        let mut now = Instant::ZERO;
        for (n, what, pause) in steps {
            now += Duration::from_millis(pause);
            let key = key(n);
            match what {
                0 => { table.learn(now, key, Input::Resolve, &mut rng); }
                1 => { table.learn(now, key, Input::Hint(mac(n)), &mut rng); }
                2 => { table.update(now, key, Input::Reply(mac(n)), &mut rng); }
                3 => { table.update(now, key, Input::Used, &mut rng); }
                4 => { table.update(now, key, Input::Confirmed, &mut rng); }
                5 => { table.remove(key); }
                6 if n == 0 => { table.set_permanent(now, key, mac(n)); }
                7 => table.collect(now),
                _ => while let Some(key) = table.due(now) {
                    table.update(now, key, Input::Timer, &mut rng);
                },
            }
            table.check();
        }
    }
}
