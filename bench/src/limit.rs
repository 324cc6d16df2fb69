//! What the devices themselves can do: frames a second with nothing behind them.
//!
//! A receiver sleeps until the first frame comes and counts from there, so the load may start
//! later; a sender counts what the kernel took. Frames carry a UDP datagram that nobody wants.
mod tap;
mod xdp;

use std::io;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::{Limit, LimitArgs};
use crate::frame::{Ip4, Mac};

/// How long a receiver waits for its first frame.
const START: Duration = Duration::from_secs(5);
/// How long a sleep lasts at most.
const SLEEP: Duration = Duration::from_millis(20);
/// Loop turns between two looks at the clock.
const TURNS: u32 = 16;
/// Source of the frames: a locally administered address that no device has.
const SOURCE_MAC: Mac = [2, 0x77, 0, 0, 0, 0x98];
const IPS: [Ip4; 2] = [[10, 77, 0, 1], [10, 77, 0, 2]];
const PORTS: [u16; 2] = [7000, 9];

/// Measures one limit.
pub fn run(args: &LimitArgs) -> io::Result<Value> {
    args.place.enter()?;
    let rate = match args.limit {
        Limit::XdpReceive => xdp::receive(args),
        Limit::XdpTransmit => xdp::transmit(args),
        Limit::XdpReflect => xdp::reflect(args),
        Limit::TapRead => tap::read(args),
        Limit::TapWrite => tap::write(args),
    }?;
    if rate <= 0.0 {
        return Err(io::Error::other("no frame at all"));
    }
    Ok(json!({ "pps": rate, "gbps": rate * args.len as f64 * 8e-9 }))
}

/// Runs `turn`, which says how many frames it moved, for the time asked for.
fn for_a_while(args: &LimitArgs, mut turn: impl FnMut() -> io::Result<u64>) -> io::Result<f64> {
    let begin = Instant::now();
    let span = Duration::from_secs_f64(args.secs);
    let mut frames = 0;
    loop {
        for _ in 0..TURNS {
            frames += turn()?;
        }
        let elapsed = begin.elapsed();
        if elapsed >= span {
            return Ok(frames as f64 / elapsed.as_secs_f64());
        }
    }
}
