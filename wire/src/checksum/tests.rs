//! Tests of `checksum`: against the definition, byte by byte.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// RFC 1071 §4.1, the slow way.
fn naive(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        u64::from(u16::from_be_bytes([pair[0], low]))
    });
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum as u16
}

#[test]
fn wire_06_vec_21_reference_vector() {
    assert_eq!(checksum(b"abc"), 0x3b9d);
    let pieces = sum(Sum::ZERO, b"a").combine(sum(Sum::ZERO, b"bc"), 1);
    assert_eq!(pieces.finish(), 0x3b9d);
}

#[test]
fn rfc1071_example() {
    let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(sum(Sum::ZERO, &bytes).fold(), 0xddf2);
}

#[test]
fn super_segments_of_all_ones_do_not_overflow() {
    let ones = vec![0xff; 1 << 20];
    for len in [65535, 65536, 65549, 1 << 20] {
        assert_eq!(sum(Sum::ZERO, &ones[..len]).fold(), naive(&ones[..len]), "{len}");
        let mut copy = vec![0; len];
        assert_eq!(copy_and_sum(&mut copy, &ones[..len]).fold(), naive(&ones[..len]), "{len}");
    }
    let many = (0..100_000).fold(Sum::ZERO, |sum, _| sum + Sum(u64::MAX));
    assert_eq!(many.fold(), 0xffff);
}

#[test]
fn zero_folds_to_zero_only_for_zero_bytes() {
    assert_eq!(sum(Sum::ZERO, &[0; 100]).fold(), 0);
    assert_eq!(sum(Sum::ZERO, &[0xff; 100]).fold(), 0xffff);
    assert!(!sum(Sum::ZERO, &[0; 100]).is_valid());
}

#[test]
fn rfc1624_section_4_example() {
    assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
}

#[test]
fn the_pseudo_header_is_the_sum_of_its_bytes() {
    let (a, b) = (Ip::v4([10, 0, 0, 1]), Ip::v4([192, 168, 255, 254]));
    let bytes = [10, 0, 0, 1, 192, 168, 255, 254, 0, 6, 0x05, 0xb4];
    assert_eq!(pseudo_header(a, b, 6, 1460).fold(), naive(&bytes));
    let (a, b) = (Ip::ALL_NODES, Ip::v6([0xab; 16]));
    let bytes = [&a.octets()[..], &b.octets()[..], &[0, 1, 0, 4], &[0, 0, 0, 58]].concat();
    assert_eq!(pseudo_header(a, b, 58, 65540).fold(), naive(&bytes));
}

#[test]
fn a_partial_field_is_recognised() {
    let pseudo = pseudo_header(Ip::v4([10, 0, 0, 1]), Ip::v4([10, 0, 0, 2]), 6, 40);
    assert!(is_partial(pseudo, pseudo.fold()));
    assert!(!is_partial(pseudo, pseudo.fold().wrapping_add(1)));
    assert!(!is_partial(pseudo, pseudo.finish()));
    assert!(is_partial(Sum::of_u16(0xffff), 0));
}

proptest! {
    #[test]
    fn equals_the_definition(bytes in vec(any::<u8>(), 0..3000)) {
        prop_assert_eq!(sum(Sum::ZERO, &bytes).fold(), naive(&bytes));
    }

    #[test]
    fn alignment_does_not_matter(bytes in vec(any::<u8>(), 16..300), skip in 0usize..16) {
        prop_assert_eq!(sum(Sum::ZERO, &bytes[skip..]).fold(), naive(&bytes[skip..]));
    }

    #[test]
    fn copying_sums_and_copies(bytes in vec(any::<u8>(), 0..3000), room in 0usize..3000) {
        let mut copy = vec![0; room];
        let len = room.min(bytes.len());
        prop_assert_eq!(copy_and_sum(&mut copy, &bytes).fold(), naive(&bytes[..len]));
        prop_assert_eq!(&copy[..len], &bytes[..len]);
        prop_assert!(copy[len..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn wire_06_pieces_combine_at_any_offset(
        bytes in vec(any::<u8>(), 0..500),
        cut in 0usize..500,
        again in 0usize..500,
    ) {
        let cut = cut.min(bytes.len());
        let again = again.clamp(cut, bytes.len().max(cut));
        let whole = sum(Sum::ZERO, &bytes[..cut])
            .combine(sum(Sum::ZERO, &bytes[cut..again]), cut)
            .combine(sum(Sum::ZERO, &bytes[again..]), again);
        prop_assert_eq!(whole.fold(), naive(&bytes));
    }

    #[test]
    fn update_equals_a_new_checksum(
        mut bytes in vec(any::<u8>(), 2..200),
        at in 0usize..200,
        new in any::<u16>(),
    ) {
        let at = (at % (bytes.len() - 1)) & !1;
        // A sum that includes a non-zero constant, as a header's version does.
        bytes.extend([0x45, 0]);
        if bytes.len() % 2 == 1 {
            bytes.push(1);
        }
        let before = checksum(&bytes);
        let old = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let replaced = update_bytes(before, &old.to_be_bytes(), &new.to_be_bytes());
        let updated = update(before, old, new);
        bytes[at..at + 2].copy_from_slice(&new.to_be_bytes());
        let after = checksum(&bytes);
        // 0 and 0xffff are one value; a header that is not all zeros never has both meanings.
        let same = |a: u16, b: u16| a == b || (matches!((a, b), (0, 0xffff) | (0xffff, 0)));
        prop_assert!(same(updated, after), "{updated:#x} {after:#x}");
        prop_assert!(same(replaced, after), "{replaced:#x} {after:#x}");
    }
}
