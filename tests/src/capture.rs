//! Packets as they pass a namespace's devices.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SocketType, eth, recv, socket};

use crate::Namespace;

/// A socket that sees every packet of a namespace, in both directions, without the link header.
#[derive(Debug)]
pub struct Capture {
    socket: OwnedFd,
    seen: VecDeque<Vec<u8>>,
}

/// The header of a TCP segment, and what of the IP header a fingerprint looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who sent it.
    pub source: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// Whether routers may not fragment it.
    pub df: bool,
    /// FIN, SYN, RST, PSH, ACK, URG, ECE, CWR from the lowest bit.
    pub flags: u8,
    /// The window field.
    pub window: u16,
    /// The options area.
    pub options: Vec<u8>,
}

impl Capture {
    /// Begins to listen in `space`.
    ///
    /// # Panics
    /// Without root.
    #[must_use]
    pub fn start(space: &Namespace) -> Self {
        let socket = space.inside(|| {
            socket(AddressFamily::PACKET, SocketType::DGRAM, Some(eth::ALL)).expect("packet socket")
        });
        let wait = Some(Duration::from_millis(100));
        set_socket_timeout(&socket, Timeout::Recv, wait).expect("timeout");
        Self { socket, seen: VecDeque::new() }
    }

    /// The first segment from `source` for which `wanted` holds, waiting for it if need be; earlier
    /// packets stay to be asked for.
    ///
    /// # Panics
    /// Where none comes within ten seconds.
    pub fn find(&mut self, source: IpAddr, wanted: impl Fn(&Header) -> bool) -> Header {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let headers = self.seen.iter().filter_map(|packet| Header::parse(packet));
            if let Some(found) = headers.filter(|h| h.source == source).find(&wanted) {
                return found;
            }
            assert!(Instant::now() < deadline, "no such segment from {source}");
            let mut packet = vec![0; 2048];
            if let Ok((len, _)) = recv(&self.socket, &mut packet, RecvFlags::empty()) {
                packet.truncate(len);
                self.seen.push_back(packet);
            }
        }
    }

    /// Forgets what was seen so far.
    pub fn clear(&mut self) {
        self.seen.clear();
        let mut packet = [0; 1];
        while recv(&self.socket, &mut packet, RecvFlags::DONTWAIT).is_ok() {}
    }
}

impl Header {
    /// Reads an IP packet that holds a TCP segment.
    fn parse(packet: &[u8]) -> Option<Self> {
        let (source, ttl, traffic_class, df, start) = match packet.first()? >> 4 {
            4 => {
                let source: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
                let tcp = packet.get(9) == Some(&6);
                let start = usize::from(packet[0] & 0xf) * 4;
                let df = packet[6] & 0x40 != 0;
                tcp.then_some((IpAddr::from(source), packet[8], packet[1], df, start))?
            }
            6 => {
                let source: [u8; 16] = packet.get(8..24)?.try_into().ok()?;
                let class = packet[0] << 4 | packet[1] >> 4;
                (packet[6] == 6).then_some((IpAddr::from(source), packet[7], class, true, 40))?
            }
            _ => return None,
        };
        let tcp = packet.get(start..)?;
        let len = usize::from(tcp.get(12)? >> 4) * 4;
        Some(Self {
            source,
            ttl,
            traffic_class,
            df,
            flags: tcp[13],
            window: u16::from_be_bytes([*tcp.get(14)?, *tcp.get(15)?]),
            options: tcp.get(20..len)?.to_vec(),
        })
    }

    /// The header with the two clocks of a timestamps option as zero, since no two are alike.
    ///
    /// # Panics
    /// Where the options cannot be read.
    #[must_use]
    pub fn timeless(mut self) -> Self {
        let mut at = 0;
        while let Some(&kind) = self.options.get(at) {
            match kind {
                0 => break,
                1 => at += 1,
                _ => {
                    let len = usize::from(self.options[at + 1]);
                    if kind == 8 {
                        self.options[at + 2..at + len].fill(0);
                    }
                    at += len;
                }
            }
        }
        self
    }
}
