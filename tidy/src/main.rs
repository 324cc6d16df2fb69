//! `tidy check` prints every breach that the tests of this crate refuse; `tidy parity` rewrites
//! `docs/parity.md` from `docs/parity/*.tsv` and the ids that tests cite.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::{env, fs};

use tidy::{ledger, root};

fn main() -> ExitCode {
    let done = match env::args().nth(1).as_deref() {
        Some("parity") => write_ledger(),
        Some("check") => check(),
        _ => Err("usage: tidy check|parity".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn write_ledger() -> Result<(), String> {
    let root = root();
    let sections = ledger::read(&root)?;
    let text = ledger::render(&sections, &ledger::citations(&root, &sections))?;
    let path = root.join("docs/parity.md");
    fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn check() -> Result<(), String> {
    let root = root();
    let mut found = tidy::breaches(&root);
    found.extend(ledger::strangers(&root, &ledger::read(&root)?));
    if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
}
