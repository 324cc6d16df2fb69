//! Tests of `text`: every refusal has a place, and the place is inside the text.

use proptest::prelude::*;

use super::*;

#[test]
fn the_place_of_the_trouble_in_dotted_quads() {
    let cases = [
        ("", Problem::Empty, 0),
        ("1.2.3", Problem::TooFewParts, 5),
        ("1.2.3.4.5", Problem::TooManyParts, 7),
        ("1..3.4", Problem::MissingDigits, 2),
        ("1.2.3.", Problem::MissingDigits, 6),
        ("01.2.3.4", Problem::LeadingZero, 0),
        ("1.2.3.256", Problem::NumberTooLarge, 6),
        ("1.2.3.99999999999999999999", Problem::NumberTooLarge, 6),
        ("0x1.2.3.4", Problem::UnexpectedCharacter, 1),
        ("1.2.3.4 ", Problem::UnexpectedCharacter, 7),
        ("1.2.3.é", Problem::UnexpectedCharacter, 6),
    ];
    for (text, problem, at) in cases {
        assert_eq!(parse4(text), Err((problem, at)), "{text}");
    }
}

#[test]
fn the_place_of_the_trouble_in_ipv6() {
    let cases = [
        ("", Problem::Empty, 0),
        ("1:2:3:4:5:6:7", Problem::TooFewParts, 13),
        ("1:2:3:4:5:6:7:8:9", Problem::TooManyParts, 16),
        ("1:2:3:4:5:6:7:1.2.3.4", Problem::TooManyParts, 14),
        ("1::2::3", Problem::MisplacedGap, 4),
        ("1:::3", Problem::MisplacedGap, 2),
        ("1:2:3:4::5:6:7:8", Problem::MisplacedGap, 7),
        (":1:2:3:4:5:6:7", Problem::MissingDigits, 0),
        ("1:2:3:4:5:6:7:", Problem::MissingDigits, 14),
        ("1::2:", Problem::MissingDigits, 5),
        ("12345::", Problem::NumberTooLarge, 0),
        ("1:g::", Problem::UnexpectedCharacter, 2),
        ("::1.2.3", Problem::TooFewParts, 7),
        ("::1.2.3.400", Problem::NumberTooLarge, 8),
        ("::1.2.3.4:5", Problem::UnexpectedCharacter, 9),
        ("::1%2", Problem::UnexpectedCharacter, 3),
        ("::1 ", Problem::UnexpectedCharacter, 3),
    ];
    for (text, problem, at) in cases {
        assert_eq!(parse6(text), Err((problem, at)), "{text}");
    }
}

#[test]
fn numbers_and_space() {
    assert_eq!(parse_number("0", 0), Ok(0));
    assert_eq!(parse_number("65535", u16::MAX), Ok(65535));
    assert_eq!(parse_number("65536", u16::MAX), Err((Problem::NumberTooLarge, 0)));
    assert_eq!(parse_number("+1", 9), Err((Problem::UnexpectedCharacter, 0)));
    assert_eq!(parse_number("00", 9), Err((Problem::LeadingZero, 0)));
    assert_eq!(parse_number("", 9), Err((Problem::MissingDigits, 0)));
    assert_eq!(trimmed(" \t a b\n"), ("a b", 3));
    assert_eq!(trimmed("  "), ("", 2));
}

proptest! {
    #[test]
    fn agrees_with_the_standard_parsers(text in "[0-9a-g:.% ]{0,24}|\\PC{0,12}") {
        prop_assert_eq!(parse4(&text).ok(), text.parse().ok());
        prop_assert_eq!(parse6(&text).ok(), text.parse().ok());
        for (_, at) in [parse4(&text).err(), parse6(&text).err()].into_iter().flatten() {
            prop_assert!(at <= text.len() && text.is_char_boundary(at));
        }
    }
}
