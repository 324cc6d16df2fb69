//! `tidy parity [SPEC]`: rewrites `docs/parity.md`. With the path of the specification the rows are
//! read from there; without it the rows that the ledger already has are kept.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::{env, fs};

use tidy::{ledger, root};

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    match args.next().as_deref() {
        Some("parity") => write_ledger(args.next()),
        _ => {
            eprintln!("usage: tidy parity [SPEC]");
            ExitCode::from(2)
        }
    }
}

fn write_ledger(spec: Option<String>) -> ExitCode {
    let root = root();
    let path = root.join("docs/parity.md");
    let source = spec.map_or_else(|| path.clone(), Into::into);
    let text = match fs::read_to_string(&source) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("tidy: cannot read {}: {error}", source.display());
            return ExitCode::FAILURE;
        }
    };
    let rows = ledger::rows(&text);
    let cited = ledger::citations(&root, &rows);
    if let Err(error) = fs::write(&path, ledger::render(&rows, &cited)) {
        eprintln!("tidy: cannot write {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    println!("{} of {} rows tested", cited.len(), rows.len());
    ExitCode::SUCCESS
}
