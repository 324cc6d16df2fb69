//! The open-addressing table against a map.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

#[test]
fn finds_among_equal_tags() {
    let mut table = Table::new(4);
    table.insert(7, 0);
    table.insert(7, 1);
    table.insert(7 + (1 << 40), 2);
    assert_eq!(table.find(7, |id| id == 1), Some(1));
    assert_eq!(table.find(7, |id| id == 2), Some(2));
    assert!(table.remove(7, 0));
    assert!(!table.remove(7, 0));
    assert_eq!(table.find(7, |id| id == 1), Some(1));
    table.replace(7, 1, 9);
    assert_eq!(table.find(7, |id| id == 9), Some(9));
    assert_eq!(table.len(), 2);
}

proptest! {
    /// Against a map, with hashes from a small range so that runs collide and wrap.
    #[test]
    fn agrees_with_a_map(
        ops in prop::collection::vec((0u64..24, 0u32..64, any::<bool>()), 0..400),
    ) {
        let mut table = Table::new(0);
        let mut model = HashMap::new();
        for (hash, id, add) in ops {
            if add {
                if model.insert(id, hash).is_none() {
                    table.insert(hash, id);
                } else {
                    // Already in, perhaps under another hash: put the model back in step.
                    let old = table_hash(&table, id);
                    model.insert(id, old);
                }
            } else if let Some(old) = model.remove(&id) {
                prop_assert!(table.remove(old, id));
            }
            for (&id, &hash) in &model {
                prop_assert_eq!(table.find(hash, |found| found == id), Some(id));
            }
            prop_assert_eq!(table.len(), model.len());
        }
    }
}

fn table_hash(table: &Table, id: u32) -> u64 {
    let slot = table.slots.iter().find(|s| s.id_plus_one == id + 1).unwrap();
    u64::from(slot.tag)
}
