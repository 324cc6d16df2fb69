//! Habits of the code that a machine can check.
//!
//! Every source file opens with what it is for; nothing is left lying about; `unsafe` appears only
//! in the places that the architecture names; crates depend only downwards.

use std::fs;
use std::path::Path;

use crate::tree;

/// Places where `unsafe` may appear: a folder or a file, relative to the root.
const UNSAFE_ALLOWED: &[&str] =
    &["ring/src/", "datapath/", "bpf/", "bench/src/", "middlebox/src/", "tests/"];

/// What each crate of ours may depend on (its own tests excepted).
const ALLOWED_DEPENDENCIES: &[(&str, &[&str])] = &[
    ("addr", &[]),
    ("wire", &["addr"]),
    ("ring", &[]),
    ("stack", &["addr", "wire", "ring"]),
    ("bpf", &[]),
    ("datapath", &["addr", "wire", "ring", "bpf"]),
    ("client", &["addr", "ring"]),
    ("ctl", &["addr", "client"]),
    ("sim", &["addr", "wire", "ring", "stack"]),
    ("middlebox", &[]),
];

/// Our crates, to tell them from everybody else's.
const OURS: &[&str] = &[
    "addr",
    "wire",
    "ring",
    "stack",
    "bpf",
    "datapath",
    "client",
    "runtime",
    "ctl",
    "sim",
    "bench",
    "middlebox",
    "tests",
    "tidy",
];

/// Every breach found below `root`, one line each: file and what to do.
#[must_use]
pub fn breaches(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for file in tree::files(root, "rs") {
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
        if name.starts_with("tidy/") {
            continue;
        }
        let Ok(text) = fs::read_to_string(&file) else { continue };
        check_source(&name, &text, &mut found);
    }
    for (name, allowed) in ALLOWED_DEPENDENCIES {
        let Ok(text) = fs::read_to_string(root.join(name).join("Cargo.toml")) else { continue };
        check_manifest(name, allowed, &text, &mut found);
    }
    found
}

fn check_source(name: &str, text: &str, found: &mut Vec<String>) {
    if !text.trim_start().starts_with("//!") {
        found.push(format!("{name}: open the file with what it is for (//! lines)"));
    }
    let allowed = UNSAFE_ALLOWED.iter().any(|place| name.starts_with(place));
    for (index, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let at = |what: &str| format!("{name}:{}: {what}", index + 1);
        if !allowed && (code.contains("unsafe {") || code.contains("unsafe impl")) {
            found.push(at("unsafe outside the places that ARCHITECTURE.md names"));
        }
        if code.contains("todo!(") || code.contains("unimplemented!(") || code.contains("dbg!(") {
            found.push(at("a leftover"));
        }
        if code.trim_start().starts_with("#[ignore") {
            found.push(at("an ignored test"));
        }
    }
}

fn check_manifest(name: &str, allowed: &[&str], text: &str, found: &mut Vec<String>) {
    let mut in_dependencies = false;
    for line in text.lines() {
        if let Some(section) = line.strip_prefix('[') {
            in_dependencies = section.starts_with("dependencies]");
            continue;
        }
        let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
        if in_dependencies && OURS.contains(&dependency) && !allowed.contains(&dependency) {
            found.push(format!("{name}/Cargo.toml: {name} must not depend on {dependency}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_keeps_its_habits() {
        let found = breaches(&tree::root());
        assert!(found.is_empty(), "\n{}", found.join("\n"));
    }

    #[test]
    fn breaches_are_seen() {
        let mut found = Vec::new();
        check_source("stack/src/x.rs", "fn f() { unsafe { g() } }\n#[ignore]\n", &mut found);
        check_manifest("wire", &["addr"], "[dependencies]\nstack.workspace = true\n", &mut found);
        assert_eq!(found.len(), 4);
    }
}
