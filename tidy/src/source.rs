//! Every source file opens with what it is for; nothing is left lying about; `unsafe` appears only
//! in the places that the architecture names.

use crate::{Breach, Kind};

/// Places where `unsafe` may appear: a folder or a file, relative to the root.
const UNSAFE_ALLOWED: &[&str] =
    &["ring/src/", "datapath/", "bpf/", "bench/src/", "middlebox/src/", "tests/"];

/// Adds the breaches of one Rust file.
pub fn check(name: &str, text: &str, found: &mut Vec<Breach>) {
    let mut breach =
        |text: String| found.push(Breach { kind: Kind::Source, file: name.to_owned(), text });
    if !text.trim_start().starts_with("//!") {
        breach("open the file with what it is for (//! lines)".to_owned());
    }
    let allowed = UNSAFE_ALLOWED.iter().any(|place| name.starts_with(place));
    for (index, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let mut at = |what: &str| breach(format!("line {}: {what}", index + 1));
        if !allowed && (code.contains("unsafe {") || code.contains("unsafe impl")) {
            at("unsafe outside the places that ARCHITECTURE.md names");
        }
        if code.contains("todo!(") || code.contains("unimplemented!(") || code.contains("dbg!(") {
            at("a leftover");
        }
        if code.trim_start().starts_with("#[ignore") {
            at("an ignored test");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaches_are_seen() {
        let mut found = Vec::new();
        check("stack/src/x.rs", "fn f() { unsafe { g() } }\n#[ignore]\n", &mut found);
        assert_eq!(found.len(), 3);
        check("ring/src/x.rs", "//! A ring.\nfn f() { unsafe { g() } }\n", &mut found);
        assert_eq!(found.len(), 3);
    }
}
