//! Checks that the tree keeps its promises: the parity ledger and the habits of the code.
//!
//! [`ledger`] says what the rows of the parity specification demand, counts which are cited by
//! tests and keeps `docs/parity.md`. [`source`] looks at every source file: a header that says what
//! it is for, no leftovers, `unsafe` only where the design names it. [`layout`] bounds files,
//! functions and lines. [`crates`] lets crates depend only downwards, [`circles`] lets the files of
//! a crate use each other in one direction only. [`deny`] keeps what others wrote to `deny.toml`.
//! Nothing is exempt, and all of it runs under `cargo test`: none of it is left to reviews.

#![forbid(unsafe_code)]

pub mod circles;
pub mod crates;
pub mod deny;
pub mod layout;
pub mod ledger;
pub mod source;
mod tree;

use std::path::Path;

pub use tree::root;

/// What a check found, and where.
#[derive(Debug)]
pub struct Breach {
    /// Which check found it.
    pub kind: Kind,
    /// The file, below the root.
    pub file: String,
    /// The line if one is meant, and what to do.
    pub text: String,
}

/// The checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`source`].
    Source,
    /// [`crates`] and [`deny`].
    Dependency,
    /// A file that is too long.
    FileLength,
    /// A function that is too long.
    FunctionLength,
    /// A line that is too long.
    LineLength,
    /// A `mod.rs`.
    ModuleFolder,
    /// [`circles`].
    Circle,
}

/// Every breach below `root`, one line each.
#[must_use]
pub fn breaches(root: &Path) -> Vec<String> {
    let files = tree::files(root, &[".rs"]);
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !file.name.starts_with("tidy/")) {
        source::check(&file.name, &file.text, &mut found);
    }
    for file in &files {
        layout::check(&file.name, &file.text, &mut found);
    }
    for file in tree::files(root, layout::OTHER_SOURCES) {
        layout::check_lines(&file.name, &file.text, &mut found);
    }
    crates::check(root, &mut found);
    deny::check(root, &mut found);
    circles::check(root, &mut found);
    found.iter().map(|breach| format!("{}: {}", breach.file, breach.text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_keeps_its_habits() {
        let found = breaches(&root());
        assert!(found.is_empty(), "\n{}", found.join("\n"));
    }
}
