//! Tests of `ranges`: the lists behave as the plain lists they stand for.

use proptest::prelude::*;

use crate::{Ipv4Network, Ipv6Network};

/// ADDR-95: what would take for ever is arithmetic.
#[test]
fn addr_95_no_list_can_explode() {
    let all = Ipv6Network::default();
    assert_eq!(
        (all.addresses().count(), all.addresses().size_hint()),
        (usize::MAX, (usize::MAX, None))
    );
    assert_eq!(all.addresses().last().unwrap().to_bits(), u128::MAX);
    assert_eq!(all.addresses().max().unwrap().to_bits(), u128::MAX);
    assert_eq!(all.addresses().min().unwrap().to_bits(), 0);
    let mut rest = all.addresses();
    assert_eq!(rest.nth(usize::MAX).unwrap().to_bits(), u128::from(u64::MAX));
    assert_eq!(rest.next().unwrap().to_bits(), 1 << 64);
    assert_eq!(rest.nth_back(usize::MAX).unwrap().to_bits(), u128::MAX - u128::from(u64::MAX));
    let subnets = Ipv4Network::default().subnets(32).unwrap();
    assert_eq!(subnets.count(), 1 << 32);
    let mut tail = all.subnets(1).unwrap();
    assert_eq!(
        (tail.next().is_some(), tail.next_back().is_some(), tail.next()),
        (true, true, None)
    );
    assert_eq!((tail.next_back(), tail.size_hint(), tail.count()), (None, (0, Some(0)), 0));
}

proptest! {
    /// Any walk from both ends is the walk over the collected list.
    #[test]
    fn walks_agree_with_a_plain_list(
        bits: u32,
        len in 24u8..=32,
        steps in proptest::collection::vec((any::<bool>(), 0usize..9), 0..40),
    ) {
        let network = Ipv4Network::with_prefix(bits.into(), len).unwrap();
        let first = u64::from(network.address().to_bits());
        let mut plain = (first..=first + (1 << (32 - len)) - 1).map(|bits| (bits as u32).into());
        let mut lazy = network.addresses();
        for (front, skip) in steps {
            let (a, b) = if front {
                (lazy.nth(skip), plain.by_ref().nth(skip))
            } else {
                (lazy.nth_back(skip), plain.by_ref().rev().nth(skip))
            };
            prop_assert_eq!(a, b);
            prop_assert_eq!(lazy.clone().count(), plain.clone().count());
        }
        prop_assert!(lazy.eq(plain));
    }
}
