//! Where rows are cited, and by whom they may be.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::rows::{Section, is_row};
use crate::tree::{self, File};

/// The files that cite each row, in order.
pub type Citations = BTreeMap<String, Vec<String>>;

/// Prefixes of other standards that have the form of a row id: requirement levels of an RFC, names
/// of algorithms.
const FOREIGN: &[&str] = &["MUST", "MAY", "SHLD", "SHOULD", "EUI", "SHA", "CRC", "AES", "ISO"];

/// Every row that the tests below `root` cite.
#[must_use]
pub fn citations(root: &Path, sections: &[Section]) -> Citations {
    let known = known(sections);
    let mut cited = Citations::new();
    for file in sources(root) {
        let Some(tests) = test_part(&file) else { continue };
        for (_, id) in ids(tests, Names::Too) {
            if known.contains(id.as_str()) {
                let files = cited.entry(id).or_default();
                if files.last() != Some(&file.name) {
                    files.push(file.name.clone());
                }
            }
        }
    }
    cited
}

/// Every id in code or documents that no row has, every row that code other than tests cites, and
/// every range of rows. Code names the RFC section or the Linux behaviour itself: a reader need not
/// know the rows. A range would credit rows of which nobody said that the test shows them.
#[must_use]
pub fn strangers(root: &Path, sections: &[Section]) -> Vec<String> {
    let known = known(sections);
    let mut found = Vec::new();
    for file in sources(root).filter(|file| !tree::is_test(&file.name)) {
        for (line, id) in ids(tree::before_tests(&file.text), Names::No) {
            if known.contains(id.as_str()) {
                found.push(format!(
                    "{}:{line}: {id} outside tests: name the RFC section or Linux's term",
                    file.name
                ));
            }
        }
    }
    for file in sources(root) {
        for (line, first) in ranges(&file.text) {
            if known.contains(first.as_str()) {
                found
                    .push(format!("{}:{line}: list the rows of the range from {first}", file.name));
            }
        }
    }
    for file in sources(root).chain(tree::files(root, &[".md", ".c", ".sh", ".py", "Makefile"])) {
        for (line, id) in ids(&file.text, Names::No) {
            let prefix = id.split('-').next().unwrap_or_default();
            if !known.contains(id.as_str()) && !FOREIGN.contains(&prefix) {
                found.push(format!("{}:{line}: no row of docs/parity is {id}", file.name));
            }
        }
    }
    found
}

/// Rust files, but not those of `tidy`, whose own tests invent ids.
fn sources(root: &Path) -> impl Iterator<Item = File> {
    tree::files(root, &[".rs"]).into_iter().filter(|file| !file.name.starts_with("tidy/"))
}

fn known(sections: &[Section]) -> HashSet<&str> {
    sections.iter().flat_map(|section| &section.rows).map(|row| row.id.as_str()).collect()
}

fn test_part(file: &File) -> Option<&str> {
    if tree::is_test(&file.name) {
        return Some(&file.text);
    }
    let code = tree::before_tests(&file.text);
    (code.len() < file.text.len()).then(|| &file.text[code.len()..])
}

/// Whether `abc_12` counts as `ABC-12`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Too,
    No,
}

/// Every `ABC-12` in `text` with its line. Of lists counts each id that is written out.
fn ids(text: &str, names: Names) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for word in line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')) {
            if names == Names::No {
                found.extend(is_row(word).then(|| (index + 1, word.to_owned())));
                continue;
            }
            let parts: Vec<&str> = word.split(['-', '_']).collect();
            for pair in parts.windows(2) {
                let id = format!("{}-{}", pair[0].to_ascii_uppercase(), pair[1]);
                found.extend(is_row(&id).then_some((index + 1, id)));
            }
        }
    }
    found
}

/// The id that begins each range of rows, as `ABC-12 to ABC-15`, `ABC-12..15` or `ABC-12–15`, with
/// its line.
fn ranges(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        for word in words.filter(|word| is_row(word)) {
            let (_, rest) = line.split_once(word).unwrap_or_default();
            let rest = rest.trim_start();
            let sign = ["to ", "through ", "until ", "..=", "..", "–", "…"];
            let end = sign.iter().find_map(|sign| rest.strip_prefix(sign)).map(str::trim_start);
            let last = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
            let end = end.and_then(|end| end.split(last).next()).unwrap_or_default();
            if is_row(end) || end.starts_with(|c: char| c.is_ascii_digit()) {
                found.push((index + 1, word.to_owned()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, names: Names) -> Vec<String> {
        ids(text, names).into_iter().map(|(_, id)| id).collect()
    }

    #[test]
    fn ids_are_found_in_comments_and_in_names() {
        assert_eq!(found("// XYZ-03, XYZ-04: why", Names::Too), ["XYZ-03", "XYZ-04"]);
        assert_eq!(found("fn xyz_05_backlog() {}", Names::Too), ["XYZ-05"]);
        assert!(found("SHA-256x utf_8", Names::Too).is_empty());
        assert_eq!(ids("a\nXYZ-03 xyz_04", Names::No), [(2, "XYZ-03".to_owned())]);
    }

    #[test]
    fn a_range_is_not_a_list() {
        let found = |text| ranges(text).into_iter().map(|(_, id)| id).collect::<Vec<_>>();
        assert_eq!(found("XYZ-01 to XYZ-06, XYZ-12"), ["XYZ-01"]);
        assert_eq!(found("(XYZ-10..12, XYZ-20..=XYZ-22)"), ["XYZ-10", "XYZ-20"]);
        assert_eq!(found("XYZ-01–06, XYZ-07 through 09"), ["XYZ-01", "XYZ-07"]);
        assert!(found("XYZ-01, XYZ-02: from XYZ-03 to the end... XYZ-04").is_empty());
        assert_eq!(ranges("a\nXYZ-01 to 2"), [(2, "XYZ-01".to_owned())]);
    }

    #[test]
    fn only_tests_count() {
        let part = |name: &str, text: &str| {
            let file = File { name: name.to_owned(), text: text.to_owned() };
            test_part(&file).map(str::to_owned)
        };
        assert_eq!(part("stack/src/a.rs", "// XYZ-01"), None);
        assert_eq!(part("stack/src/a.rs", "a\n#[cfg(test)]\nb").unwrap(), "#[cfg(test)]\nb");
        assert_eq!(part("stack/tests/a.rs", "all").unwrap(), "all");
    }
}
