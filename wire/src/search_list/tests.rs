//! Tests of `search_list`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;
use crate::ndp_options::{NdpOption, OptionWriter, Options};

fn texts(list: &[u8]) -> Result<Vec<String>, Malformed> {
    names(list).map(|name| name.map(|name| name.to_string())).collect()
}

/// ND-15: a search list as another implementation writes it, read and written again.
#[test]
fn nd_15_search_lists_both_ways() {
    let packet = golden("ra_dnssl");
    let bytes = &packet[56..];
    let option = Options::parse(bytes).unwrap().iter().next().unwrap();
    let NdpOption::SearchList { lifetime_s: 300, names: list } = option else {
        panic!("{option:?}")
    };
    assert_eq!(texts(list).unwrap(), ["lan", "example.org"]);
    let mut list = [0; 64];
    let len = write(&mut list, ["lan", "example.org."]).unwrap();
    assert_eq!(len, 18);
    let mut writer = OptionWriter::<64>::new();
    assert!(writer.put(&NdpOption::SearchList { lifetime_s: 300, names: &list[..len] }));
    assert_eq!(writer.options().bytes(), bytes);
}

#[test]
fn names_that_are_none() {
    let long_label = [&[64][..], &[b'a'; 64], &[0]].concat();
    assert_eq!(texts(&long_label), Err(Malformed::Field));
    assert_eq!(texts(&[0xc0, 12]), Err(Malformed::Field), "no compression");
    assert_eq!(texts(b"\x03la"), Err(Malformed::Field));
    assert_eq!(texts(b"\x03lan"), Err(Malformed::Field), "no end");
    let longest =
        [&[&[63][..], &[b'a'; 63]].concat().repeat(3)[..], &[61], &[b'b'; 61], &[0]].concat();
    assert_eq!(longest.len(), NAME_MAX);
    assert_eq!(texts(&longest).map(|names| names.len()), Ok(1));
    let too_long = [&[&[63][..], &[b'a'; 63]].concat().repeat(4)[..], &[0]].concat();
    assert_eq!(texts(&too_long), Err(Malformed::Field));
    assert_eq!(texts(&[0; 8]), Ok(vec![]));
    assert_eq!(texts(b"\x04a.\\ \0").unwrap(), ["a\\.\\\\\\032"]);
}

#[test]
fn what_cannot_be_written() {
    let label = "a".repeat(64);
    for name in ["", "a..b", ".", label.as_str(), &"a.".repeat(128)] {
        assert_eq!(write(&mut [0; 300], [name]), Err(EmitError::Value), "{name}");
    }
    for room in 0..5 {
        assert_eq!(write(&mut [0; 5][..room], ["lan"]), Err(EmitError::NoRoom));
    }
    assert_eq!(write(&mut [0; 5], ["lan"]), Ok(5));
    let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
    assert_eq!(write(&mut [0; 300], [longest.as_str()]), Ok(NAME_MAX));
    assert_eq!(write(&mut [0; 300], [format!("{longest}b").as_str()]), Err(EmitError::Value));
}

proptest! {
    #[test]
    fn any_list(list in vec(prop::sample::select(vec![0u8, 1, 2, 3, 63, 64, b'a', 0xc0]), 0..300)) {
        for name in names(&list).flatten() {
            prop_assert!(name.labels().all(|label| (1..=LABEL_MAX).contains(&label.len())));
            let _ = name.to_string();
        }
    }

    #[test]
    fn parse_after_write(list in vec("[a-z]{1,20}(\\.[a-z0-9-]{1,20}){0,4}", 0..6)) {
        let mut bytes = [0; 700];
        let len = write(&mut bytes, list.iter().map(String::as_str)).unwrap();
        prop_assert_eq!(texts(&bytes[..len]).unwrap(), list);
    }
}
