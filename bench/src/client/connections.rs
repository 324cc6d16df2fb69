//! Connections one after the other: connect, one byte there and back, close.
//!
//! Four ports take turns, so that the client's own TIME-WAIT does not exhaust the tuples of one.
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{PATIENCE, connect};
use crate::cli::ClientArgs;
use crate::os::failed;
use crate::service::ANSWER;

/// Connections of which one may fail before the figure means nothing.
const GOOD_PER_FAILURE: u64 = 1000;
/// Failures after which it is not tried on.
const FAILURES_MAX: u64 = 20;

/// Opens and closes connections for the given time.
pub fn run(args: &ClientArgs) -> io::Result<Value> {
    let begin = Instant::now();
    let span = Duration::from_secs_f64(args.secs);
    let (mut done, mut failures, mut last) = (0_u64, 0_u64, None);
    while begin.elapsed() < span && failures <= FAILURES_MAX {
        let port = ANSWER[((done + failures) % 4) as usize];
        match connect(args.at(port)).and_then(|s| once(s, args.busy)) {
            Ok(()) => done += 1,
            Err(e) => {
                failures += 1;
                last = Some(e);
            }
        }
    }
    let per_second = done as f64 / begin.elapsed().as_secs_f64();
    match last {
        Some(e) if failures * GOOD_PER_FAILURE > done => {
            Err(failed(&format!("{failures} failures, {done} good"), e))
        }
        _ => Ok(json!({ "per_s": per_second, "failures": failures })),
    }
}

fn once(mut stream: TcpStream, busy: bool) -> io::Result<()> {
    stream.write_all(&[1])?;
    let mut byte = [0];
    if !busy {
        return stream.read_exact(&mut byte);
    }
    stream.set_nonblocking(true)?;
    let begin = Instant::now();
    loop {
        match stream.read(&mut byte) {
            Ok(1) => return Ok(()),
            Ok(_) => return Err(io::Error::other("closed without an answer")),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock && begin.elapsed() < PATIENCE => {}
            Err(e) => return Err(e),
        }
    }
}
