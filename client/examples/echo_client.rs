//! A TCP echo client over a running daemon: sends a line and prints what comes back.
//!
//! ```text
//! cargo run -p client --example echo_client -- 10.0.1.1:7
//! cargo run -p client --example echo_client -- 10.0.1.1:7 /run/pytcp.sock
//! ```

use std::error::Error;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::path::PathBuf;

use client::{Stack, TcpStream};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let service = arguments.next().unwrap_or_else(|| "10.0.1.1:7".into());
    let control_socket = arguments.next().map(PathBuf::from);
    let stack = Stack::connect(control_socket.as_deref())?;
    let mut stream = TcpStream::connect(&stack, service.as_str())?;
    println!("{} to {}", stream.local_addr()?, stream.peer_addr()?);
    stream.write_all(b"hello\n")?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    print!("{answer}");
    Ok(())
}
