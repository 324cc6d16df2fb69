//! Round trips, one at a time, as a histogram.
//!
//! The first few hundred are not counted. A lost datagram is given up after a fifth of a second and
//! counted apart; a lost byte of a stream fails the measurement.
use std::io::{self, ErrorKind, Read, Write};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::{PATIENCE, connect};
use crate::cli::ClientArgs;
use crate::os::failed;
use crate::service::{ECHO, UDP_ECHO};

const WARM_UP: u64 = 300;
const DATAGRAM: usize = 18;
const DATAGRAM_PATIENCE: Duration = Duration::from_millis(200);
/// The longest round trip the histogram holds.
const LONGEST_NS: u64 = 10_000_000_000;
/// Share of datagrams that may be lost before the figure means nothing.
const LOSS_MAX: f64 = 0.01;

/// Round trips of one byte over TCP.
pub fn tcp(args: &ClientArgs) -> io::Result<Value> {
    let mut stream = connect(args.at(ECHO))?;
    stream.set_nonblocking(args.busy)?;
    measure(args, |count| {
        let begin = Instant::now();
        let sent = [count as u8];
        stream.write_all(&sent)?;
        let mut back = [0];
        loop {
            match stream.read(&mut back) {
                Ok(0) => return Err(io::Error::other("the subject closed the stream")),
                Ok(_) => break,
                Err(e) if would_block(&e) && args.busy && begin.elapsed() < PATIENCE => {}
                Err(e) => return Err(failed("no answer", e)),
            }
        }
        if back != sent {
            return Err(io::Error::other("another byte came back"));
        }
        Ok(true)
    })
}

/// Round trips of a small datagram.
pub fn udp(args: &ClientArgs) -> io::Result<Value> {
    let socket = super::flood::socket_to(args.at(UDP_ECHO))?;
    socket.set_nonblocking(args.busy)?;
    socket.set_read_timeout(Some(DATAGRAM_PATIENCE))?;
    measure(args, |count| datagram(&socket, count, args.busy))
}

fn datagram(socket: &UdpSocket, count: u64, busy: bool) -> io::Result<bool> {
    let begin = Instant::now();
    let mut sent = [0x5a; DATAGRAM];
    sent[..8].copy_from_slice(&count.to_le_bytes());
    socket.send(&sent)?;
    let mut back = [0; 64];
    loop {
        match socket.recv(&mut back) {
            // Anything else is an answer that had been given up.
            Ok(len) if back[..len] == sent => return Ok(true),
            Ok(_) => {}
            Err(e) if would_block(&e) => {
                if !busy || begin.elapsed() > DATAGRAM_PATIENCE {
                    return Ok(false);
                }
            }
            Err(e) => return Err(failed("no answer", e)),
        }
    }
}

fn would_block(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

fn measure(
    args: &ClientArgs,
    mut round_trip: impl FnMut(u64) -> io::Result<bool>,
) -> io::Result<Value> {
    let mut histogram: Histogram<u64> =
        Histogram::new_with_bounds(1, LONGEST_NS, 3).map_err(io::Error::other)?;
    let mut lost = 0;
    let mut end = None;
    for count in 0_u64.. {
        let begin = Instant::now();
        if count == WARM_UP {
            end = Some(begin + Duration::from_secs_f64(args.secs));
        }
        if end.is_some_and(|end| begin >= end) {
            break;
        }
        if !round_trip(count)? {
            lost += 1;
            if lost > 20 && lost as f64 > count as f64 * LOSS_MAX {
                return Err(io::Error::other(format!("{lost} of {count} datagrams lost")));
            }
        } else if end.is_some() {
            histogram.saturating_record(begin.elapsed().as_nanos() as u64);
        }
    }
    let us = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
    Ok(json!({
        "p50_us": us(0.5),
        "p99_us": us(0.99),
        "p999_us": us(0.999),
        "count": histogram.len(),
        "lost": lost,
    }))
}
