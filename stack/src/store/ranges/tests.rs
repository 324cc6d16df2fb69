//! Ranges against a naive set of numbers, and their bound.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn neighbours_melt() {
    let mut ranges = Ranges::default();
    assert_eq!(ranges.insert(10, 20, 8), Some((10, 20)));
    assert_eq!(ranges.insert(30, 40, 8), Some((30, 40)));
    assert_eq!(ranges.insert(20, 30, 8), Some((10, 40)));
    assert_eq!(ranges.iter().collect::<Vec<_>>(), [(10, 40)]);
    assert!(ranges.covers(12, 40));
    assert!(!ranges.covers(9, 12));
}

#[test]
fn the_bound_refuses_new_islands_but_not_growth() {
    let mut ranges = Ranges::default();
    assert!(ranges.insert(0, 10, 2).is_some());
    assert!(ranges.insert(20, 30, 2).is_some());
    assert_eq!(ranges.insert(40, 50, 2), None);
    assert_eq!(ranges.insert(30, 45, 2), Some((20, 45)));
    assert_eq!(ranges.end(), Some(45));
    assert_eq!(ranges.len(), 2);
    assert_eq!(ranges.pop(), Some((20, 45)));
    assert_eq!(ranges.end(), Some(10));
}

#[test]
fn the_lowest_overlap_is_found() {
    let mut ranges = Ranges::default();
    ranges.insert(10, 20, 8);
    ranges.insert(30, 40, 8);
    assert_eq!(ranges.overlap(0, 10), None);
    assert_eq!(ranges.overlap(20, 30), None);
    assert_eq!(ranges.overlap(40, 50), None);
    assert_eq!(ranges.overlap(15, 15), None);
    assert_eq!(ranges.overlap(0, 50), Some((10, 20)));
    assert_eq!(ranges.overlap(12, 15), Some((12, 15)));
    assert_eq!(ranges.overlap(20, 35), Some((30, 35)));
}

proptest! {
    #[test]
    fn agrees_with_a_set(ops in prop::collection::vec((0u64..80, 1u64..20, 0u8..8), 0..60)) {
        let mut ranges = Ranges::default();
        let mut model = BTreeSet::new();
        for (start, len, op) in ops {
            if op == 0 {
                ranges.remove_below(start);
                model.retain(|p| *p >= start);
            } else {
                let melted = ranges.insert(start, start + len, usize::MAX);
                prop_assert!(melted.is_some_and(|(a, b)| ranges.covers(a, b)));
                model.extend(start..start + len);
            }
            let flat: Vec<u64> = ranges.iter().flat_map(|(a, b)| a..b).collect();
            prop_assert_eq!(flat, model.iter().copied().collect::<Vec<_>>());
            let islands: Vec<_> = ranges.iter().collect();
            prop_assert!(islands.windows(2).all(|w| w[0].1 < w[1].0));
        }
    }
}
