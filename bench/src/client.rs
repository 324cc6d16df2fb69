//! The clients: kernel sockets on the other side of the device, whoever serves there.
//!
//! Each measures one figure for a given time and returns it as a JSON object. All of them give up
//! on a peer that says nothing, so none hangs. A busy client never sleeps in a system call: it asks
//! again and again, which takes its own wake-up out of the figure.
mod bulk;
mod connections;
mod flood;
mod goodput;
mod ping;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::{Action, ClientArgs};
use crate::os::failed;
use crate::service::{BULK_SINK, BULK_SOURCE, ECHO};

/// How long a peer may say nothing.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a subject may take to come up.
const START: Duration = Duration::from_secs(6);

/// Runs the client and returns what it found.
pub fn run(args: &ClientArgs) -> io::Result<Value> {
    args.place.enter()?;
    match args.action {
        Action::Probe => probe(args),
        Action::BulkIn => bulk::run(connect(args.at(BULK_SINK))?, true, args),
        Action::BulkOut => bulk::run(connect(args.at(BULK_SOURCE))?, false, args),
        Action::Goodput => goodput::run(args),
        Action::TcpPing => ping::tcp(args),
        Action::UdpPing => ping::udp(args),
        Action::Connections => connections::run(args),
        Action::UdpIn => flood::to_sink(args),
        Action::UdpOut => flood::to_echo(args),
        Action::Flood => flood::to_nobody(args),
    }
}

/// A connection with a bounded wait in every direction.
fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&to, PATIENCE)
        .map_err(|e| failed(&format!("connect to {to}"), e))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Waits until the subject echoes a byte.
fn probe(args: &ClientArgs) -> io::Result<Value> {
    let begin = Instant::now();
    loop {
        match echo_once(args.at(ECHO)) {
            Ok(()) => return Ok(json!({ "ready_ms": begin.elapsed().as_millis() as u64 })),
            Err(e) if begin.elapsed() > START => {
                return Err(failed("no answer from the subject", e));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn echo_once(to: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&to, Duration::from_millis(300))?;
    stream.set_read_timeout(Some(Duration::from_millis(300)))?;
    stream.write_all(&[0x5a])?;
    let mut byte = [0];
    stream.read_exact(&mut byte)?;
    if byte != [0x5a] {
        return Err(io::Error::other("another byte came back"));
    }
    Ok(())
}
