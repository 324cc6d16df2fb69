//! What arrives of a TCP stream over a bad path, in a given time from its first moment.
//!
//! Slow start and every stall count: they are what a sender makes of the path. The longest silence
//! between two reads tells a timeout from a slow flow.
use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::ClientArgs;
use crate::os::failed;
use crate::service::DEEP_SOURCE;

const CHUNK: usize = 128 << 10;
/// A handshake may lose a segment or two, each of which costs seconds.
const CONNECT: Duration = Duration::from_secs(10);
/// How often the end is looked for while nothing comes.
const LOOK: Duration = Duration::from_millis(20);

/// Reads from the subject's source for the time asked for.
pub fn run(args: &ClientArgs) -> io::Result<Value> {
    let to = args.at(DEEP_SOURCE);
    let asked = Instant::now();
    let mut stream = TcpStream::connect_timeout(&to, CONNECT)
        .map_err(|e| failed(&format!("connect to {to}"), e))?;
    stream.set_read_timeout(Some(LOOK))?;
    let begin = Instant::now();
    let end = begin + Duration::from_secs_f64(args.secs);
    let mut buffer = vec![0; CHUNK];
    let (mut bytes, mut last, mut silence) = (0_u64, begin, Duration::ZERO);
    loop {
        let step = stream.read(&mut buffer);
        let now = Instant::now();
        match step {
            Ok(0) => return Err(failed("the subject closed the stream", format!("{bytes} bytes"))),
            Ok(count) => {
                bytes += count as u64;
                silence = silence.max(now - last);
                last = now;
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(e) => return Err(failed(&format!("after {bytes} bytes"), e)),
        }
        if now >= end {
            let silence = silence.max(now - last);
            return Ok(json!({
                "mbps": bytes as f64 * 8e-6 / (now - begin).as_secs_f64(),
                "bytes": bytes,
                "connect_ms": (begin - asked).as_millis() as u64,
                "silence_ms": silence.as_millis() as u64,
            }));
        }
    }
}
