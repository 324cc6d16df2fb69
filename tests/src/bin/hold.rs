//! A client that opens sockets through the daemon and holds them until it is killed.
//!
//! `hold SOCKET ADDRESS`: connects to the TCP server at ADDRESS, listens on port 9000, binds UDP
//! port 9001, sends without end on the connection, and prints `ready` once all is open.

#![forbid(unsafe_code)]

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use client::{Stack, TcpListener, TcpStream, UdpSocket};

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let socket = args.next().expect("hold SOCKET ADDRESS");
    let address: SocketAddr =
        args.next().and_then(|a| a.parse().ok()).expect("hold SOCKET ADDRESS");
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let stack = Stack::connect(Some(Path::new(&socket)))?;
    let _listener = TcpListener::bind(&stack, (any, 9000))?;
    let _datagrams = UdpSocket::bind(&stack, (any, 9001))?;
    let mut stream = TcpStream::connect(&stack, address)?;
    println!("ready");
    loop {
        stream.write_all(&[0x42; 4096])?;
    }
}
