//! `ctl`: shows and changes a running stack, in the manner of ip(8) and ss(8).
//!
//! `ctl [OPTIONS] OBJECT [COMMAND ...]`; `ctl help` prints the whole grammar. Arguments are checked
//! here first, then the daemon is asked; what it answers is printed as columns, or with `-j` as a
//! JSON array of the records of [`client::admin`].
//!
//! Exit status 0: done. 1: no daemon, or the connection to it broke. 2: wrong arguments, or the
//! daemon refused. Whatever is wrong is one line on standard error.
#![forbid(unsafe_code)]

mod address;
mod argument;
mod column;
mod daemon;
mod grammar;
mod help;
mod link;
mod neighbor;
mod option;
mod parse;
mod request;
mod route;
mod run;
mod socket;
mod stats;
mod value;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::parse::Intent;
use crate::request::Failure;

fn main() -> ExitCode {
    let words = std::env::args_os().skip(1);
    let words = words.map(|word| word.to_string_lossy().into_owned()).collect();
    match answer(words).and_then(|text| print(&text).map_err(Failure::Output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell if standard error is gone too.
            let _ = writeln!(io::stderr(), "ctl: {}", one_line(&failure.to_string()));
            ExitCode::from(failure.status())
        }
    }
}

/// The text to print.
fn answer(words: Vec<String>) -> Result<String, Failure> {
    match parse::parse(words).map_err(Failure::Usage)? {
        Intent::Print(text) => Ok(text),
        Intent::Run(command, request) => run::run(command.action, &request),
    }
}

/// A reader that has seen enough, as `head` does, is no error.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn one_line(text: &str) -> String {
    text.trim().replace(|c: char| c.is_control(), " ")
}
