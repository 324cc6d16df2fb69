//! Slab keys: a reused slot is a different tenant.

use super::*;

#[test]
fn a_reused_slot_is_another_tenant() {
    let mut slab = Slab::new(2, 2);
    let first = slab.insert_with(|_| 'a').unwrap();
    let second = slab.insert_with(|_| 'b').unwrap();
    assert!(slab.is_full());
    assert_eq!(slab.insert_with(|_| 'c'), None);
    assert_eq!(slab.remove(first.index), Some('a'));
    assert_eq!(slab.remove(first.index), None);
    let third = slab.insert_with(|_| 'c').unwrap();
    assert_eq!(third.index, first.index);
    assert_eq!(slab.lookup(first), None);
    assert_eq!(slab.lookup(third), Some(&'c'));
    assert_eq!(slab.lookup_mut(second), Some(&mut 'b'));
    assert_eq!(slab.iter().map(|(_, c)| *c).collect::<String>(), "cb");
    assert_eq!(slab.len(), 2);
}

#[test]
fn unknown_slots_find_nothing() {
    let slab = Slab::<u8>::new(4, 0);
    assert_eq!(slab.at(3), None);
    assert_eq!(slab.lookup(Key { index: 9, generation: 0 }), None);
}
