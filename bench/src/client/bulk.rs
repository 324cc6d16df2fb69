//! One TCP stream, as fast as it goes, in one direction.
//!
//! The first third of a second is left out of the figure: slow start, window growth and the filling
//! of buffers happen there. What is counted is what the client's socket took or gave.
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::ClientArgs;
use crate::os::failed;

const CHUNK: usize = 128 << 10;
const WARM_UP: Duration = Duration::from_millis(300);

/// Measures one direction of `stream`; `inwards` is towards the subject.
pub fn run(mut stream: TcpStream, inwards: bool, args: &ClientArgs) -> io::Result<Value> {
    stream.set_nonblocking(args.busy)?;
    let mut buffer = vec![0x42; CHUNK];
    let begin = Instant::now();
    let end = begin + WARM_UP + Duration::from_secs_f64(args.secs);
    let (mut bytes, mut counted) = (0_u64, None);
    let last = loop {
        let step = if inwards { stream.write(&buffer) } else { stream.read(&mut buffer) };
        let now = Instant::now();
        match step {
            Ok(0) => return Err(io::Error::other("the subject closed the stream")),
            Ok(count) => bytes += count as u64,
            Err(e) if e.kind() == ErrorKind::WouldBlock && args.busy => {}
            Err(e) => return Err(failed(&format!("after {bytes} bytes"), e)),
        }
        if counted.is_none() && now >= begin + WARM_UP {
            counted = Some((now, bytes));
        }
        if now >= end {
            break now;
        }
    };
    // A stream that stood still from the warm-up to the end has only its whole life to show.
    let (from, before) = counted.filter(|(from, _)| *from < last).unwrap_or((begin, 0));
    let span = last.duration_since(from).as_secs_f64();
    if bytes == before {
        return Err(io::Error::other("the stream stood still"));
    }
    Ok(json!({ "gbps": (bytes - before) as f64 * 8e-9 / span }))
}
