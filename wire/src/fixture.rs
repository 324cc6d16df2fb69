//! Golden frames for tests, by name.
//!
//! `golden/frames.txt` holds bytes that another implementation assembled, and for whole packets the
//! line that `display` prints. Tests parse them, emit them again and compare.

use std::iter::successors;

/// One golden frame.
pub(crate) struct Golden {
    pub(crate) name: &'static str,
    pub(crate) medium: char,
    pub(crate) bytes: Vec<u8>,
    pub(crate) line: Option<&'static str>,
}

/// All golden frames.
pub(crate) fn all() -> Vec<Golden> {
    let text = include_str!("../golden/frames.txt");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let frames = lines.iter().enumerate().filter(|(_, line)| !line.starts_with('>'));
    frames
        .map(|(at, line)| {
            let mut words = line.split(' ');
            let mut word = || words.next().expect("name, medium, hex");
            Golden {
                name: word(),
                medium: word().chars().next().expect("a letter"),
                bytes: hex(word()),
                line: lines.get(at + 1).and_then(|line| line.strip_prefix("> ")),
            }
        })
        .collect()
}

/// The bytes of a golden frame; Ethernet headers are kept.
pub(crate) fn golden(name: &str) -> Vec<u8> {
    all().into_iter().find(|golden| golden.name == name).expect("a golden frame").bytes
}

/// Bytes from hexadecimal digits.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    successors(Some(digits), |rest| rest.get(2..).filter(|rest| !rest.is_empty()))
        .map(|digits| u8::from_str_radix(&digits[..2], 16).expect("hexadecimal"))
        .collect()
}
