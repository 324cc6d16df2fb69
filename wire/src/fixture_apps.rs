//! Golden messages of DHCP and DNS for tests, by name.
//!
//! `golden/dhcp_dns.txt` holds bytes that another implementation assembled and the line they print
//! as. Tests read them, write them again and compare.

use crate::fixture::hex;

/// Name, bytes and line of every message of a `kind`: 4, 6 or d.
pub(crate) fn all(kind: char) -> Vec<(&'static str, Vec<u8>, Option<&'static str>)> {
    let text = include_str!("../golden/dhcp_dns.txt");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let messages = lines.iter().enumerate().filter(|(_, line)| !line.starts_with('>'));
    messages
        .filter_map(|(at, line)| {
            let mut words = line.split(' ');
            let mut word = || words.next().expect("name, kind, hex");
            let (name, found, bytes) = (word(), word(), hex(word()));
            let line = lines.get(at + 1).and_then(|line| line.strip_prefix("> "));
            found.starts_with(kind).then_some((name, bytes, line))
        })
        .collect()
}

/// The bytes of the message `name`.
pub(crate) fn golden(name: &str) -> Vec<u8> {
    let mut all = ['4', '6', 'd'].into_iter().flat_map(all);
    all.find(|(found, ..)| *found == name).expect("a golden message").1
}
