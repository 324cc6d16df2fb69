//! Reading the sources of the ledger, `docs/parity/*.tsv`.

use std::collections::HashSet;
use std::path::Path;

use crate::tree;

/// One row of the parity specification.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id, as `TCPF-03`.
    pub id: String,
    /// What it demands, in our own words.
    pub demand: String,
    /// What the tests that cite it do not show.
    pub missing: Option<String>,
}

/// The rows of one source file.
#[derive(Debug, PartialEq, Eq)]
pub struct Section {
    /// The title of the section.
    pub title: String,
    /// Its rows, in the order of the specification.
    pub rows: Vec<Row>,
}

/// The longest demand or remark, in characters.
const LONGEST: usize = 140;

/// All sections, in the order of their file names.
///
/// # Errors
/// The file, the line and the fault of the first line that is not a row, of a row without its
/// demand, and of an id that occurs twice.
pub fn read(root: &Path) -> Result<Vec<Section>, String> {
    let mut sections = Vec::new();
    let mut seen = HashSet::new();
    for file in tree::files(&root.join("docs/parity"), &[".tsv"]) {
        let section = parse(&file.text).map_err(|fault| format!("{}: {fault}", file.name))?;
        for row in &section.rows {
            if !seen.insert(row.id.clone()) {
                return Err(format!("{}: {} stands twice", file.name, row.id));
            }
        }
        sections.push(section);
    }
    Ok(sections)
}

/// The section that a source file holds.
///
/// # Errors
/// The line and the fault, if a line is not a row or a row says nothing.
pub fn parse(text: &str) -> Result<Section, String> {
    let mut lines = text.lines().enumerate();
    let title = lines.next().and_then(|(_, line)| line.strip_prefix("# "));
    let title = title.ok_or("the first line must be `# title`")?.to_owned();
    let rows = lines
        .map(|(index, line)| {
            parse_row(line).map_err(|fault| format!("line {}: {fault}", index + 1))
        })
        .collect::<Result<_, _>>()?;
    Ok(Section { title, rows })
}

fn parse_row(line: &str) -> Result<Row, String> {
    let mut cells = line.split('\t');
    let id = cells.next().unwrap_or_default();
    if !is_row(id) {
        return Err(format!("{id:?} is no row id"));
    }
    let demand = cells.next().unwrap_or_default();
    let missing = cells.next();
    if cells.next().is_some() {
        return Err(format!("{id} has more than id, demand and what is missing"));
    }
    for cell in [Some(demand), missing].into_iter().flatten() {
        if cell.trim() != cell || cell.is_empty() || cell.contains('|') {
            return Err(format!("{id} needs a sentence, without `|` and without space around it"));
        }
        if cell.chars().count() > LONGEST {
            return Err(format!("{id}: a sentence has at most {LONGEST} characters"));
        }
    }
    Ok(Row { id: id.to_owned(), demand: demand.to_owned(), missing: missing.map(str::to_owned) })
}

/// Whether `word` has the form of a row id: letters and digits, a hyphen, two or three digits.
#[must_use]
pub fn is_row(word: &str) -> bool {
    word.split_once('-').is_some_and(|(prefix, number)| {
        prefix.len() > 1
            && prefix.starts_with(|c: char| c.is_ascii_uppercase())
            && prefix.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
            && (2..=3).contains(&number.len())
            && number.chars().all(|c| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_an_id_a_demand_and_perhaps_what_is_missing() {
        let section = parse("# Title\nABC-01\tOne thing.\nIP4-123\tTwo.\tThe second.\n").unwrap();
        assert_eq!(section.title, "Title");
        assert_eq!(section.rows[0].missing, None);
        assert_eq!(section.rows[1].id, "IP4-123");
        assert_eq!(section.rows[1].missing.as_deref(), Some("The second."));
    }

    #[test]
    fn a_row_without_its_sentence_is_refused() {
        for text in ["ABC-01\tx", "# T\nABC-01", "# T\nABC-01\t", "# T\nABC-01\t x", "# T\n12-3\tx"]
        {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(parse("# T\nABC-01\tx\ty\tz").unwrap_err().starts_with("line 2: ABC-01"));
    }

    #[test]
    fn the_form_of_an_id() {
        assert!(is_row("ABC-01") && is_row("IP4-123"));
        assert!(!is_row("A-01") && !is_row("12-34") && !is_row("ABC-1") && !is_row("ABC-x1"));
    }
}
