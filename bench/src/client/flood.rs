//! Small datagrams as fast as they go: to a sink that counts them, to an echo, or to nobody.
//!
//! Inwards the subject says how many it delivered to its socket; outwards the client counts how
//! many come back while it keeps sending, which is what the subject can send of its own.
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use client::Stack;
use serde_json::{Value, json};

use crate::cli::ClientArgs;
use crate::mmsg::{Batch, grow_buffers};
use crate::service::{COUNT_QUERY, UDP_ECHO, UDP_SINK};

const BATCH: usize = 64;
const BUFFERS: i32 = 8 << 20;
const QUERY_TRIES: usize = 20;
const QUERY_PATIENCE: Duration = Duration::from_millis(100);
/// The daemon's counter of datagrams delivered to sockets.
const DELIVERED: &str = "udp_in";
/// Where [`to_nobody`] sends.
const DISCARD: u16 = 9;

/// Sends to the subject's sink and asks how many datagrams it delivered.
pub fn to_sink(args: &ClientArgs) -> io::Result<Value> {
    let socket = socket_to(args.at(UDP_SINK))?;
    let sink = Sink::of(args)?;
    let before = sink.count()?;
    let begin = Instant::now();
    let sent = flood(&socket, args, |_| Ok(()))?;
    let got = sink.count()?.wrapping_sub(before);
    let span = begin.elapsed().as_secs_f64();
    if got == 0 {
        return Err(io::Error::other("nothing arrived"));
    }
    Ok(json!({ "pps": got as f64 / span, "offered_pps": sent as f64 / span }))
}

/// Sends to the subject's echo and counts what comes back meanwhile.
pub fn to_echo(args: &ClientArgs) -> io::Result<Value> {
    let socket = socket_to(args.at(UDP_ECHO))?;
    socket.set_nonblocking(true)?;
    let mut back = Batch::new(BATCH, 2048);
    let mut got = 0;
    let begin = Instant::now();
    let sent = flood(&socket, args, |socket| {
        loop {
            match back.receive(socket) {
                Ok(count) => got += count as u64,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
    })?;
    let span = begin.elapsed().as_secs_f64();
    if got == 0 {
        return Err(io::Error::other("nothing came back"));
    }
    Ok(json!({ "pps": got as f64 / span, "offered_pps": sent as f64 / span }))
}

/// Sends where nobody listens: load for the raw limits.
pub fn to_nobody(args: &ClientArgs) -> io::Result<Value> {
    let socket = socket_to(args.at(DISCARD))?;
    let sent = flood(&socket, args, |_| Ok(()))?;
    Ok(json!({ "offered_pps": sent as f64 / args.secs }))
}

/// A socket of any port, connected to `to`, with room for bursts.
pub fn socket_to(to: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = if to.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(any)?;
    socket.connect(to)?;
    grow_buffers(&socket, BUFFERS);
    Ok(socket)
}

fn flood(
    socket: &UdpSocket,
    args: &ClientArgs,
    mut between: impl FnMut(&UdpSocket) -> io::Result<()>,
) -> io::Result<u64> {
    let mut batch = Batch::new(BATCH, args.payload);
    let end = Instant::now() + Duration::from_secs_f64(args.secs);
    let mut sent = 0;
    while Instant::now() < end {
        match batch.send(socket) {
            Ok(count) => sent += count as u64,
            // A full queue, or an unreachable sent back for an earlier datagram.
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionRefused) => {}
            Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {}
            Err(e) => return Err(e),
        }
        between(socket)?;
    }
    Ok(sent)
}

/// Who knows how many datagrams a subject delivered.
enum Sink {
    /// The sink itself. Its answer stands in line behind what is still queued.
    Service(UdpSocket),
    /// The statistics of a daemon, by its control socket.
    Control(Stack),
}

impl Sink {
    fn of(args: &ClientArgs) -> io::Result<Self> {
        if let Some(path) = &args.control {
            return Stack::connect(Some(path)).map(Self::Control);
        }
        let socket = socket_to(args.at(UDP_SINK))?;
        socket.set_read_timeout(Some(QUERY_PATIENCE))?;
        Ok(Self::Service(socket))
    }

    fn count(&self) -> io::Result<u64> {
        match self {
            Self::Service(socket) => ask(socket),
            Self::Control(stack) => {
                let counters = stack.stats()?.counters;
                counters.get(DELIVERED).copied().ok_or_else(|| io::Error::other(DELIVERED))
            }
        }
    }
}

fn ask(socket: &UdpSocket) -> io::Result<u64> {
    for _ in 0..QUERY_TRIES {
        socket.send(COUNT_QUERY)?;
        let mut answer = [0; 8];
        match socket.recv(&mut answer) {
            Ok(8) => return Ok(u64::from_le_bytes(answer)),
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::other("the sink does not say how many it got"))
}
