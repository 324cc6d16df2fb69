//! Writing `docs/parity.md`.

use std::fmt::Write as _;

use super::citations::Citations;
use super::rows::{Row, Section};

/// At most so many tests are named beside a row.
const TESTS_SHOWN: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Open,
    Partly,
    Shown,
}

fn status(row: &Row, cited: &Citations) -> Status {
    match (cited.contains_key(&row.id), &row.missing) {
        (false, _) => Status::Open,
        (true, Some(_)) => Status::Partly,
        (true, None) => Status::Shown,
    }
}

/// The text of `docs/parity.md` for these rows and citations.
///
/// # Errors
/// The id of a row of which something is said to be missing although no test cites it: it is open.
pub fn render(sections: &[Section], cited: &Citations) -> Result<String, String> {
    let rows = || sections.iter().flat_map(|section| &section.rows);
    if let Some(row) = rows().find(|r| r.missing.is_some() && !cited.contains_key(&r.id)) {
        return Err(format!("{}: no test cites it, so drop what is missing", row.id));
    }
    let count = |rows: &[&Row], wanted| rows.iter().filter(|r| status(r, cited) == wanted).count();
    let all: Vec<&Row> = rows().collect();
    let mut out = String::from(
        "# Parity ledger\n\n\
         What each row of the parity specification demands, in our own words, and which tests\n\
         show it. `make parity` makes this file of `docs/parity/*.tsv` and of the ids that tests\n\
         cite; `cargo test -p tidy` fails when it is out of date. The tests of a row that is\n\
         *shown* assert all of it, values included; *partly* is followed by what no test shows\n\
         yet; of an *open* row no test shows anything. Values that are Linux's where the\n\
         reference has others are marked so.\n\n",
    );
    let statuses = [Status::Shown, Status::Partly, Status::Open];
    let [shown, partly, open] = statuses.map(|wanted| count(&all, wanted));
    let total = all.len();
    let _ = writeln!(out, "**{shown} of {total} rows shown, {partly} partly, {open} open.**\n");
    out.push_str("| section | shown | partly | open | rows |\n|---|---|---|---|---|\n");
    for section in sections {
        let rows: Vec<&Row> = section.rows.iter().collect();
        let [shown, partly, open] = statuses.map(|wanted| count(&rows, wanted));
        let title = &section.title;
        let _ = writeln!(out, "| {title} | {shown} | {partly} | {open} | {} |", rows.len());
    }
    for section in sections {
        let _ = write!(out, "\n## {}\n", section.title);
        out.push_str("\n| row | what it demands | status | tests |\n|---|---|---|---|\n");
        for row in &section.rows {
            write_row(row, cited, &mut out);
        }
    }
    Ok(out)
}

fn write_row(row: &Row, cited: &Citations, out: &mut String) {
    let files = cited.get(&row.id).map(Vec::as_slice).unwrap_or_default();
    let shown: Vec<_> = files.iter().take(TESTS_SHOWN).map(|file| format!("`{file}`")).collect();
    let status = match (status(row, cited), &row.missing) {
        (Status::Open, _) => "open".to_owned(),
        (Status::Partly, Some(missing)) => format!("partly: {missing}"),
        (Status::Partly | Status::Shown, _) => "shown".to_owned(),
    };
    let _ = writeln!(out, "| {} | {} | {status} | {} |", row.id, row.demand, shown.join(", "));
}

#[cfg(test)]
mod tests {
    use super::super::rows::parse;
    use super::*;

    #[test]
    fn a_row_is_open_partly_or_shown() {
        let text = "# T\nABC-01\tOne.\nABC-02\tTwo.\tHalf.\nABC-03\tThree.\n";
        let sections = [parse(text).unwrap()];
        let cited = |id: &str| (id.to_owned(), vec!["a/tests/b.rs".to_owned()]);
        let cited = Citations::from([cited("ABC-02"), cited("ABC-03")]);
        let text = render(&sections, &cited).unwrap();
        assert!(text.contains("**1 of 3 rows shown, 1 partly, 1 open.**"));
        assert!(text.contains("| ABC-01 | One. | open |  |"));
        assert!(text.contains("| ABC-02 | Two. | partly: Half. | `a/tests/b.rs` |"));
        assert!(text.contains("| ABC-03 | Three. | shown | `a/tests/b.rs` |"));
        assert!(render(&sections, &Citations::new()).is_err());
    }
}
