//! The kernel as a subject: its own sockets serving the common ports.
//!
//! One thread a service, all on one core. They sleep in the system call; a busy one spins, but only
//! while a peer is there, so that services which nobody uses take no time from the others. With a
//! program that passes every frame attached, the peer loses its offloads and the kernel has to work
//! frame by frame, as it does on an interface that AF_XDP shares.
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use crate::cli::KernelArgs;
use crate::mmsg::{Batch, grow_buffers};
use crate::os::failed;
use crate::program::{Verdict, constant, interface_index};
use crate::service::{
    ANSWER, BULK_SINK, BULK_SOURCE, COUNT_QUERY, DEEP_SOURCE, ECHO, UDP_ECHO, UDP_SINK,
};

const CHUNK: usize = 128 << 10;
const BATCH: usize = 64;
const DATAGRAM_MAX: usize = 2048;
const BUFFERS: i32 = 8 << 20;
/// How long a busy service of datagrams spins after the last one.
const LINGER: Duration = Duration::from_millis(300);
/// How long a peer may say nothing before a busy service gives it up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Serves until the role's life is over.
pub fn run(args: &KernelArgs) -> io::Result<()> {
    args.place.enter()?;
    let _program = match &args.pass {
        Some(interface) => Some(constant(interface_index(interface)?, Verdict::Pass)?),
        None => None,
    };
    let busy = args.busy;
    thread::scope(|scope| {
        serve(scope, BULK_SOURCE, move |s| source(s, busy))?;
        // A source on a bad path may learn late that its peer has gone; the next one shall not
        // wait.
        serve(scope, DEEP_SOURCE, move |s| {
            scope.spawn(move || source(s, busy));
            Ok(())
        })?;
        serve(scope, BULK_SINK, move |s| sink(s, busy))?;
        serve(scope, ECHO, move |s| echo(s, busy))?;
        for port in ANSWER {
            serve(scope, port, move |s| echo(s, busy))?;
        }
        let (echoing, counting) = (socket(UDP_ECHO)?, socket(UDP_SINK)?);
        scope.spawn(move || fail(UDP_ECHO, datagrams(&echoing, busy, answer)));
        scope.spawn(move || {
            let mut total = 0;
            fail(UDP_SINK, datagrams(&counting, busy, |s, b, n| count(s, b, n, &mut total)));
        });
        Ok(())
    })
}

/// Any address of either family.
fn any(port: u16) -> SocketAddr {
    (Ipv6Addr::UNSPECIFIED, port).into()
}

fn socket(port: u16) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(any(port)).map_err(|e| failed(&format!("port {port}"), e))?;
    grow_buffers(&socket, BUFFERS);
    Ok(socket)
}

/// Accepts on `port` for ever, one connection after the other.
fn serve<'scope>(
    scope: &'scope Scope<'scope, '_>,
    port: u16,
    service: impl Fn(TcpStream) -> io::Result<()> + Send + 'scope,
) -> io::Result<()> {
    let listener = TcpListener::bind(any(port)).map_err(|e| failed(&format!("port {port}"), e))?;
    scope.spawn(move || {
        loop {
            let accepted = listener.accept().and_then(|(stream, _)| {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(stream)
            });
            // A peer that went away is an ordinary end.
            let _ = accepted.and_then(&service);
        }
    });
    Ok(())
}

fn source(mut stream: TcpStream, busy: bool) -> io::Result<()> {
    let bytes = vec![0x42; CHUNK];
    stream.set_nonblocking(busy)?;
    loop {
        spin(busy, || stream.write(&bytes))?;
    }
}

fn sink(mut stream: TcpStream, busy: bool) -> io::Result<()> {
    let mut bytes = vec![0; CHUNK];
    stream.set_nonblocking(busy)?;
    while spin(busy, || stream.read(&mut bytes))? > 0 {}
    Ok(())
}

fn echo(mut stream: TcpStream, busy: bool) -> io::Result<()> {
    let mut bytes = [0; 4096];
    stream.set_nonblocking(busy)?;
    loop {
        let count = spin(busy, || stream.read(&mut bytes))?;
        if count == 0 {
            return Ok(());
        }
        let mut rest = &bytes[..count];
        while !rest.is_empty() {
            let written = spin(busy, || stream.write(rest))?;
            rest = &rest[written..];
        }
    }
}

/// Repeats `step` while it would block, if `busy`, until patience ends.
fn spin(busy: bool, mut step: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    let mut begin = None;
    loop {
        match step() {
            Err(e) if busy && e.kind() == ErrorKind::WouldBlock => {
                if begin.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                    return Err(e);
                }
            }
            result => return result,
        }
    }
}

/// Receives datagrams in batches and hands them to `service`. A busy one sleeps only for the first
/// datagram after a silence.
fn datagrams(
    socket: &UdpSocket,
    busy: bool,
    mut service: impl FnMut(&UdpSocket, &mut Batch, usize) -> io::Result<()>,
) -> io::Result<()> {
    let mut batch = Batch::new(BATCH, DATAGRAM_MAX);
    let mut spin_until = None;
    loop {
        match batch.receive(socket) {
            Ok(count) => {
                service(socket, &mut batch, count)?;
                if busy {
                    if spin_until.is_none() {
                        socket.set_nonblocking(true)?;
                    }
                    spin_until = Some(Instant::now() + LINGER);
                }
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                if spin_until.is_some_and(|until| Instant::now() > until) {
                    spin_until = None;
                    socket.set_nonblocking(false)?;
                }
            }
            Err(e) => return Err(e),
        }
    }
}

fn answer(socket: &UdpSocket, batch: &mut Batch, count: usize) -> io::Result<()> {
    // A datagram that cannot be answered is lost, as on any network.
    let _ = batch.answer(socket, count);
    Ok(())
}

fn count(socket: &UdpSocket, batch: &mut Batch, count: usize, total: &mut u64) -> io::Result<()> {
    for i in 0..count {
        if batch.datagram(i) == COUNT_QUERY {
            batch.reply(socket, i, &total.to_le_bytes())?;
        } else {
            *total += 1;
        }
    }
    Ok(())
}

fn fail(port: u16, result: io::Result<()>) {
    if let Err(e) = result {
        eprintln!("UDP {port}: {e}");
    }
}
