//! The parity ledger: what the rows of the parity specification demand, and which tests show it.
//!
//! `docs/parity/*.tsv` is the source, one file a section: a `# title`, then a line for each row
//! with its id, what it demands in our own words and, if the tests show only a part of that, what
//! is missing. [`render`] makes `docs/parity.md` of it. A row is *shown* when a test cites its id
//! (`TCPF-03`, or `tcpf_03` in a name), *partly* when something is missing, and *open* when no test
//! cites it. What counts as a test is a file below a `tests` folder, a `tests.rs`, or what follows
//! `#[cfg(test)]` in a source file.

mod citations;
mod render;
mod rows;

pub use citations::{Citations, citations, strangers};
pub use render::render;
pub use rows::{Row, Section, is_row, parse, read};

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::tree;

    #[test]
    fn the_ledger_is_up_to_date() {
        let root = tree::root();
        let sections = read(&root).expect("the sources of the ledger are well-formed");
        let text = fs::read_to_string(root.join("docs/parity.md")).expect("docs/parity.md exists");
        let fresh = render(&sections, &citations(&root, &sections)).expect("rows agree with tests");
        assert!(fresh == text, "docs/parity.md is out of date: run `make parity`");
    }

    #[test]
    fn ids_are_rows_of_the_ledger_and_stand_in_tests_only() {
        let root = tree::root();
        let sections = read(&root).expect("the sources of the ledger are well-formed");
        let found = strangers(&root, &sections);
        assert!(found.is_empty(), "\n{}", found.join("\n"));
    }
}
