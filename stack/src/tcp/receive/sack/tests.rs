//! The order of blocks (RFC 2018 §4, RFC 2883 §4; TCPI-08), and the report against a plain model.

use proptest::prelude::*;

use super::*;

fn report(report: &SackReport) -> Vec<(u32, u32)> {
    report.blocks().iter().map(|b| (b.left.0, b.right.0)).collect()
}

fn note(sack: &mut SackReport, left: u32, right: u32) {
    sack.on_out_of_order(SeqNum(left), SeqNum(right));
}

#[test]
fn the_latest_range_comes_first_tcpi_08() {
    let mut sack = SackReport::default();
    for at in [100, 300, 500] {
        note(&mut sack, at, at + 100);
    }
    assert_eq!(report(&sack), [(500, 600), (300, 400), (100, 200)]);
    // A range that grows moves to the front; one that joins others stands for all of them.
    note(&mut sack, 100, 250);
    assert_eq!(report(&sack), [(100, 250), (500, 600), (300, 400)]);
    note(&mut sack, 100, 400);
    assert_eq!(report(&sack), [(100, 400), (500, 600)]);
    sack.advance(SeqNum(400));
    assert_eq!(report(&sack), [(500, 600)]);
}

/// A FIN behind a gap belongs to the range that ends at it, or is a range of its own, until the
/// text before it is there.
#[test]
fn a_fin_is_told_of_with_the_text_before_it() {
    let mut sack = SackReport::default();
    note(&mut sack, 100, 200);
    sack.on_early_fin(SeqNum(200), SeqNum(201));
    assert_eq!(report(&sack), [(100, 201)]);
    let mut sack = SackReport::default();
    note(&mut sack, 100, 200);
    sack.on_early_fin(SeqNum(300), SeqNum(301));
    assert_eq!(report(&sack), [(300, 301), (100, 200)]);
    note(&mut sack, 200, 301);
    sack.advance(SeqNum(301));
    assert_eq!(report(&sack), []);
}

#[test]
fn four_ranges_are_remembered() {
    let mut sack = SackReport::default();
    for at in [100, 300, 500, 700, 900] {
        note(&mut sack, at, at + 100);
    }
    assert_eq!(report(&sack), [(900, 1000), (700, 800), (500, 600), (300, 400)]);
    sack.forget(SeqNum(700), SeqNum(800));
    assert_eq!(report(&sack), [(900, 1000), (500, 600), (300, 400)]);
}

/// RFC 2883 §4: the first block, once.
#[test]
fn a_duplicate_is_told_once_before_all_others() {
    let mut sack = SackReport::default();
    note(&mut sack, 500, 600);
    sack.on_duplicate(SeqNum(10), SeqNum(20));
    assert_eq!(report(&sack), [(10, 20), (500, 600)]);
    assert!(!sack.on_reported());
    assert_eq!(report(&sack), [(500, 600)]);
    for at in [100, 300, 700] {
        note(&mut sack, at, at + 100);
    }
    sack.on_duplicate(SeqNum(10), SeqNum(20));
    assert_eq!(report(&sack), [(10, 20), (700, 800), (300, 400), (100, 200)]);
}

#[test]
fn duplicates_of_one_batch_that_touch_are_one_and_others_wait_their_turn() {
    let mut sack = SackReport::default();
    sack.on_duplicate(SeqNum(10), SeqNum(10));
    assert!(sack.blocks().is_empty());
    sack.on_duplicate(SeqNum(10), SeqNum(20));
    sack.on_duplicate(SeqNum(20), SeqNum(30));
    sack.on_duplicate(SeqNum(50), SeqNum(60));
    assert_eq!(report(&sack), [(10, 30)]);
    assert!(sack.on_reported());
    assert_eq!(report(&sack), [(50, 60)]);
    // Of too many the latest are told.
    sack.on_duplicate(SeqNum(70), SeqNum(80));
    sack.on_duplicate(SeqNum(90), SeqNum(95));
    assert!(sack.on_reported());
    assert_eq!(report(&sack), [(90, 95)]);
    assert!(!sack.on_reported());
    assert!(report(&sack).is_empty());
}

#[test]
fn numbers_wrap() {
    let mut sack = SackReport::default();
    let left = SeqNum(u32::MAX - 9);
    sack.on_out_of_order(left + 2, left + 5);
    sack.on_out_of_order(left, left + 30);
    assert_eq!(report(&sack), [(left.0, 20)]);
    sack.advance(left + 10);
    assert!(sack.blocks().is_empty());
}

proptest! {
    /// Blocks are ranges that really wait, disjoint, the latest first.
    #[test]
    fn agrees_with_a_model(ops in prop::collection::vec((1u32..200, 1u32..30, 0u8..6), 1..80)) {
        let mut sack = SackReport::default();
        let mut ranges = crate::store::ranges::Ranges::default();
        for (start, len, op) in ops {
            if op == 0 {
                ranges.remove_below(u64::from(start));
                if let Some((first, end)) = ranges.first().filter(|r| r.0 == u64::from(start)) {
                    prop_assert!(first < end);
                    ranges.remove_below(end);
                    sack.advance(SeqNum(end as u32));
                } else {
                    sack.advance(SeqNum(start));
                }
                continue;
            }
            let (left, right) = (u64::from(start), u64::from(start + len));
            let merged = ranges.insert(left, right, usize::MAX).expect("no bound");
            sack.on_out_of_order(SeqNum(merged.0 as u32), SeqNum(merged.1 as u32));
            let blocks = report(&sack);
            prop_assert_eq!(blocks[0], (merged.0 as u32, merged.1 as u32));
            let known: Vec<_> = ranges.iter().map(|(a, b)| (a as u32, b as u32)).collect();
            prop_assert!(blocks.iter().all(|b| known.contains(b)), "{:?} of {:?}", blocks, known);
            prop_assert!((1..blocks.len()).all(|i| !blocks[..i].contains(&blocks[i])));
        }
    }
}
