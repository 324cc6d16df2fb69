//! smoltcp 0.14 as a peer, in the shape of its own benchmark example, serving the common ports.
//!
//! One thread steps the interface and the sockets. On TAP it uses smoltcp's own device, on AF_XDP
//! ours. Buffers are those of its example on AF_XDP and larger ones on TAP, which is where each did
//! best; Nagle is off. Few sockets, since every poll visits all of them.
mod device;

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use smoltcp::iface::{
    Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet,
};
use smoltcp::phy::{Medium, TunTapInterface};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use self::device::XskDevice;
use crate::cli::{DeviceKind, PeerArgs};
use crate::os::{failed, readable};
use crate::service::{ANSWER, BULK_SINK, BULK_SOURCE, COUNT_QUERY, ECHO, UDP_ECHO, UDP_SINK};
use crate::tap::attach;
use crate::xsk::Xsk;

const MTU: usize = 1500;
const TAP_BUFFER: usize = 1 << 20;
const XDP_BUFFER: usize = 65_535;
const ANSWER_BUFFER: usize = 2048;
/// Sockets a port of the connection rate: one listens while others still close.
const ANSWER_SOCKETS: usize = 4;
const DATAGRAMS: usize = 2048;
/// Frames received before the sockets have their turn.
const BATCH: usize = 1024;
const SLEEP: Duration = Duration::from_millis(200);

enum Device {
    Tap(TunTapInterface),
    Xdp(Box<XskDevice>, Arc<OwnedFd>),
}

impl Device {
    fn open(args: &PeerArgs) -> io::Result<Self> {
        match args.device {
            DeviceKind::Tap => {
                let fd = attach(&args.interface, false)?.into_raw_fd();
                TunTapInterface::from_fd(fd, Medium::Ethernet, MTU + 14).map(Self::Tap)
            }
            DeviceKind::Xdp => {
                let socket = Xsk::open(&args.interface, true)?;
                let fd = socket.fd.clone();
                Ok(Self::Xdp(Box::new(XskDevice::new(socket, MTU)), fd))
            }
        }
    }

    fn interface(&mut self, config: Config) -> Interface {
        match self {
            Self::Tap(device) => Interface::new(config, device, Instant::now()),
            Self::Xdp(device, _) => Interface::new(config, &mut **device, Instant::now()),
        }
    }

    fn poll(&mut self, interface: &mut Interface, now: Instant, sockets: &mut SocketSet<'_>) {
        match self {
            Self::Tap(device) => poll(interface, device, now, sockets),
            Self::Xdp(device, _) => {
                poll(interface, &mut **device, now, sockets);
                device.flush();
            }
        }
    }

    fn wait(&self, timeout: Duration) {
        match self {
            Self::Tap(device) => {
                // SAFETY: the device owns its descriptor and outlives this borrow.
                readable(unsafe { BorrowedFd::borrow_raw(device.as_raw_fd()) }, timeout)
            }
            Self::Xdp(_, fd) => readable(&**fd, timeout),
        };
    }
}

/// One turn of the interface. As `Interface::poll`, but the receiving half ends: under a flood that
/// one never comes back to the sockets, and everything beyond their buffers is lost.
fn poll(
    interface: &mut Interface,
    device: &mut impl smoltcp::phy::Device,
    now: Instant,
    sockets: &mut SocketSet<'_>,
) {
    interface.poll_maintenance(now);
    for _ in 0..BATCH {
        if interface.poll_ingress_single(now, device, sockets) == PollIngressSingleResult::None {
            break;
        }
    }
    while interface.poll_egress(now, device, sockets) != PollResult::None {}
}

/// Runs smoltcp until the role's life is over.
pub fn run(args: &PeerArgs) -> io::Result<()> {
    args.place.enter()?;
    let mut device = Device::open(args)?;
    let mut config = Config::new(EthernetAddress(args.mac.0).into());
    config.random_seed = u64::from(std::process::id()) * 7919;
    let mut interface = device.interface(config);
    let v4: Ipv4Addr = args.address;
    interface.update_ip_addrs(|addresses| {
        // The interface holds more addresses than the two that are ever asked for.
        let _ = addresses.push(IpCidr::new(IpAddress::Ipv4(v4), 24));
        if let Some(v6) = args.address6 {
            let _ = addresses.push(IpCidr::new(IpAddress::Ipv6(v6), 64));
        }
    });
    let mut sockets = SocketSet::new(Vec::new());
    let buffer = if args.device == DeviceKind::Tap { TAP_BUFFER } else { XDP_BUFFER };
    let mut services = Services::new(&mut sockets, buffer)?;
    loop {
        let now = Instant::now();
        device.poll(&mut interface, now, &mut sockets);
        services.turn(&mut sockets).map_err(|e| failed("smoltcp", e))?;
        if args.busy {
            continue;
        }
        match interface.poll_at(now, &sockets) {
            Some(at) if now < at => device.wait(Duration::from(at - now).min(SLEEP)),
            Some(_) => {}
            None => device.wait(SLEEP),
        }
    }
}

struct Services {
    source: SocketHandle,
    sink: SocketHandle,
    echo: SocketHandle,
    answer: Vec<(u16, SocketHandle)>,
    udp_echo: SocketHandle,
    udp_sink: SocketHandle,
    datagrams: u64,
}

impl Services {
    fn new(sockets: &mut SocketSet<'_>, buffer: usize) -> io::Result<Self> {
        let mut stream = |size: usize| {
            let part = || tcp::SocketBuffer::new(vec![0; size]);
            let mut socket = tcp::Socket::new(part(), part());
            socket.set_nagle_enabled(false);
            sockets.add(socket)
        };
        let (source, sink, echo) = (stream(buffer), stream(buffer), stream(buffer));
        let answer = (0..ANSWER_SOCKETS)
            .flat_map(|_| ANSWER)
            .map(|port| (port, stream(ANSWER_BUFFER)))
            .collect();
        let mut datagram = |port: u16| -> io::Result<SocketHandle> {
            let part = || {
                let entries = vec![udp::PacketMetadata::EMPTY; DATAGRAMS];
                udp::PacketBuffer::new(entries, vec![0; 1 << 18])
            };
            let mut socket = udp::Socket::new(part(), part());
            socket.bind(port).map_err(|e| failed("bind", e))?;
            Ok(sockets.add(socket))
        };
        let (udp_echo, udp_sink) = (datagram(UDP_ECHO)?, datagram(UDP_SINK)?);
        Ok(Self { source, sink, echo, answer, udp_echo, udp_sink, datagrams: 0 })
    }

    /// Moves what can be moved between sockets and services.
    fn turn(&mut self, sockets: &mut SocketSet<'_>) -> Result<(), Box<dyn std::error::Error>> {
        let socket = sockets.get_mut::<tcp::Socket<'_>>(self.source);
        listening(socket, BULK_SOURCE)?;
        while socket.can_send() {
            socket.send(|space| (space.len(), ()))?;
        }
        let socket = sockets.get_mut::<tcp::Socket<'_>>(self.sink);
        listening(socket, BULK_SINK)?;
        while socket.can_recv() {
            socket.recv(|data| (data.len(), ()))?;
        }
        echo(sockets.get_mut(self.echo), ECHO)?;
        for (port, handle) in &self.answer {
            let socket = sockets.get_mut::<tcp::Socket<'_>>(*handle);
            echo(socket, *port)?;
            if socket.state() == tcp::State::TimeWait {
                socket.abort();
            }
        }
        let socket = sockets.get_mut::<udp::Socket<'_>>(self.udp_echo);
        while socket.can_recv() && socket.can_send() {
            let mut copy = [0; 2048];
            let (len, from) = socket.recv_slice(&mut copy)?;
            socket.send_slice(&copy[..len], from)?;
        }
        let socket = sockets.get_mut::<udp::Socket<'_>>(self.udp_sink);
        while socket.can_recv() {
            let (data, from) = socket.recv()?;
            if data == COUNT_QUERY {
                // No room to answer: the question is asked again.
                let _ = socket.send_slice(&self.datagrams.to_le_bytes(), from);
            } else {
                self.datagrams += 1;
            }
        }
        Ok(())
    }
}

/// Has a closed socket listen again, and closes one whose peer is done.
fn listening(socket: &mut tcp::Socket<'_>, port: u16) -> Result<(), tcp::ListenError> {
    if !socket.is_open() {
        socket.listen(port)?;
    } else if socket.state() == tcp::State::CloseWait && socket.recv_queue() == 0 {
        socket.close();
    }
    Ok(())
}

fn echo(socket: &mut tcp::Socket<'_>, port: u16) -> Result<(), Box<dyn std::error::Error>> {
    listening(socket, port)?;
    if socket.can_recv() && socket.can_send() {
        let mut copy = [0; 2048];
        let len = socket.recv_slice(&mut copy)?;
        socket.send_slice(&copy[..len])?;
    }
    Ok(())
}
