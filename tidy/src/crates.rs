//! Crates depend only downwards.

use std::fs;
use std::path::Path;

use crate::{Breach, Kind};

/// What each crate of ours may depend on (its own tests excepted).
const ALLOWED: &[(&str, &[&str])] = &[
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

/// Adds a breach for each dependency that points upwards.
pub fn check(root: &Path, found: &mut Vec<Breach>) {
    for (name, allowed) in ALLOWED {
        let Ok(text) = fs::read_to_string(root.join(name).join("Cargo.toml")) else { continue };
        check_manifest(name, allowed, &text, found);
    }
}

fn check_manifest(name: &str, allowed: &[&str], text: &str, found: &mut Vec<Breach>) {
    let mut in_dependencies = false;
    for line in text.lines() {
        if let Some(section) = line.strip_prefix('[') {
            in_dependencies = section.starts_with("dependencies]");
            continue;
        }
        let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
        if in_dependencies && OURS.contains(&dependency) && !allowed.contains(&dependency) {
            found.push(Breach {
                kind: Kind::Dependency,
                file: format!("{name}/Cargo.toml"),
                text: format!("{name} must not depend on {dependency}"),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_upwards_is_seen() {
        let mut found = Vec::new();
        check_manifest("wire", &["addr"], "[dependencies]\nstack.workspace = true\n", &mut found);
        check_manifest("wire", &["addr"], "[dependencies]\naddr.workspace = true\n", &mut found);
        assert_eq!(found.len(), 1);
    }
}
