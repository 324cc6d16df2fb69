//! The parity ledger: which rows of the specification are shown by which tests.
//!
//! The rows stand in `docs/parity.md`, a table a prefix: row, status, test. A row is *tested* when a
//! test cites its id (`TCPF-03`, or `tcpf_03` in a name), and *open* otherwise. What counts as a test
//! is a file below a `tests` folder, a `tests.rs`, or what follows `#[cfg(test)]` in a source file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::tree;

/// The row ids of a specification or of a ledger, in order: the first cell of a table line.
#[must_use]
pub fn rows(text: &str) -> Vec<String> {
    let first_cell = |line: &str| line.strip_prefix("| ")?.split(" |").next().map(str::to_owned);
    text.lines().filter_map(first_cell).filter(|cell| is_row(cell)).collect()
}

fn is_row(cell: &str) -> bool {
    cell.split_once('-').is_some_and(|(prefix, number)| {
        !prefix.is_empty()
            && prefix.starts_with(|c: char| c.is_ascii_uppercase())
            && prefix.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
            && (2..=3).contains(&number.len())
            && number.chars().all(|c| c.is_ascii_digit())
    })
}

/// Every row that the tests below `root` cite, with the files that cite it.
#[must_use]
pub fn citations(root: &Path, rows: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut cited = BTreeMap::<String, Vec<String>>::new();
    for file in tree::files(root, "rs") {
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let Some(tests) = test_part(&name, &text) else { continue };
        for id in ids(tests) {
            if rows.contains(&id) {
                let files = cited.entry(id).or_default();
                if files.last() != Some(&name) {
                    files.push(name.clone());
                }
            }
        }
    }
    cited
}

fn test_part<'a>(name: &str, text: &'a str) -> Option<&'a str> {
    if name.starts_with("tidy/") {
        return None;
    }
    let whole = name.split('/').any(|part| part == "tests" || part == "tests.rs");
    if whole { Some(text) } else { text.find("#[cfg(test)]").map(|at| &text[at..]) }
}

/// Every `ABC-12` and `abc_12` in `text`, in upper case. `IPC-01..06` and lists count each id
/// written out, not the range.
fn ids(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    let mut found = Vec::new();
    for word in words {
        let parts: Vec<&str> = word.split(['-', '_']).collect();
        for pair in parts.windows(2) {
            let id = format!("{}-{}", pair[0].to_ascii_uppercase(), pair[1]);
            if is_row(&id) {
                found.push(id);
            }
        }
    }
    found
}

/// The text of `docs/parity.md` for these rows and citations.
#[must_use]
pub fn render(rows: &[String], cited: &BTreeMap<String, Vec<String>>) -> String {
    let mut groups = Vec::<(&str, Vec<&String>)>::new();
    for row in rows {
        let prefix = row.split('-').next().unwrap_or_default();
        match groups.iter_mut().find(|(name, _)| *name == prefix) {
            Some((_, members)) => members.push(row),
            None => groups.push((prefix, vec![row])),
        }
    }
    let tested = rows.iter().filter(|row| cited.contains_key(*row)).count();
    let mut out = String::from(
        "# Parity ledger\n\n\
         Which rows of the parity specification are shown by a test. Made by `make parity` from the\n\
         row ids that tests cite; `cargo test -p tidy` fails when this file is out of date.\n\n",
    );
    let _ = writeln!(out, "**{tested} of {} rows tested.**\n", rows.len());
    out.push_str("| prefix | tested | rows |\n|---|---|---|\n");
    for (prefix, members) in &groups {
        let done = members.iter().filter(|row| cited.contains_key(**row)).count();
        let _ = writeln!(out, "| {prefix} | {done} | {} |", members.len());
    }
    for (prefix, members) in &groups {
        let _ = write!(out, "\n## {prefix}\n\n| row | status | test |\n|---|---|---|\n");
        for row in members {
            match cited.get(*row) {
                Some(files) => {
                    let shown = files.iter().take(3).map(|f| format!("`{f}`"));
                    let shown = shown.collect::<Vec<_>>().join(", ");
                    let _ = writeln!(out, "| {row} | tested | {shown} |");
                }
                None => {
                    let _ = writeln!(out, "| {row} | open | |");
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_first_cells_with_prefix_and_number() {
        let text =
            "| ID | Fact |\n|---|---|\n| ABC-01 | x ABC-02 |\n| IP4-123 | y |\n| 12-3 | n |\n";
        assert_eq!(rows(text), ["ABC-01", "IP4-123"]);
    }

    #[test]
    fn ids_are_found_in_comments_and_in_names() {
        assert_eq!(ids("// XYZ-03, XYZ-04: why"), ["XYZ-03", "XYZ-04"]);
        assert_eq!(ids("fn xyz_05_backlog() {}"), ["XYZ-05"]);
        assert!(ids("SHA-256x utf_8").is_empty());
    }

    #[test]
    fn only_tests_count() {
        assert!(test_part("stack/src/a.rs", "// XYZ-01").is_none());
        assert_eq!(test_part("stack/src/a.rs", "a\n#[cfg(test)]\nb"), Some("#[cfg(test)]\nb"));
        assert_eq!(test_part("stack/tests/a.rs", "all"), Some("all"));
    }

    #[test]
    fn the_ledger_is_up_to_date() {
        let root = tree::root();
        let path = root.join("docs/parity.md");
        let text = fs::read_to_string(path).expect("docs/parity.md exists");
        let rows = rows(&text);
        let fresh = render(&rows, &citations(&root, &rows));
        assert!(fresh == text, "docs/parity.md is out of date: run `make parity`");
    }
}
