//! TAP: read and write, one frame a system call.
use std::io::{self, ErrorKind, Read, Write};
use std::time::Instant;

use super::{IPS, PORTS, SLEEP, SOURCE_MAC, START, for_a_while};
use crate::cli::LimitArgs;
use crate::frame;
use crate::os::{failed, readable};
use crate::tap::attach;

/// Reads before the clock may be looked at.
const BATCH: u64 = 64;

/// Frames that the kernel sends and we read.
pub fn read(args: &LimitArgs) -> io::Result<f64> {
    let file = attach(&args.interface, false)?;
    let begin = Instant::now();
    while !readable(&file, SLEEP) {
        if begin.elapsed() > START {
            return Err(failed("TAP", "no frame came"));
        }
    }
    let mut buffer = vec![0; 1 << 16];
    for_a_while(args, || {
        for count in 0..BATCH {
            match (&file).read(&mut buffer) {
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    readable(&file, SLEEP);
                    return Ok(count);
                }
                Err(e) => return Err(e),
            }
        }
        Ok(BATCH)
    })
}

/// Frames that we write and the kernel drops, being for another host.
pub fn write(args: &LimitArgs) -> io::Result<f64> {
    let file = attach(&args.interface, false)?;
    let mut frame = vec![0; args.len];
    frame::udp(&mut frame, args.len, [SOURCE_MAC, args.to.0], IPS, PORTS);
    for_a_while(args, || {
        for _ in 0..BATCH {
            (&file).write_all(&frame)?;
        }
        Ok(BATCH)
    })
}
