//! A TCP echo server on a stack of its own, over a TAP device.
//!
//! ```text
//! sudo cargo run -p runtime --example echo
//! sudo ip address add 10.0.1.1/24 dev tap7 && sudo ip link set tap7 up
//! nc 10.0.1.7 7
//! ```

use std::error::Error;
use std::io::{self, Read, Write};
use std::thread;

use client::{TcpListener, TcpStream};
use runtime::{Builder, Interface};

fn main() -> Result<(), Box<dyn Error>> {
    let tap = Interface::new("tap7").address("10.0.1.7/24".parse()?);
    let stack = Builder::new().interface(tap).start()?;
    let listener = TcpListener::bind(&stack.sockets(), "0.0.0.0:7")?;
    println!("serving on {}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept()?;
        thread::spawn(move || println!("{peer}: {:?}", echo(stream)));
    }
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 64 * 1024];
    loop {
        let len = stream.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..len])?;
    }
}
