//! Two hosts on one wire, for tests and benchmarks.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::time::Duration;

use addr::{Endpoint, IfIndex, Ip, Mac};
use stack::socket::SocketRings;
use stack::tcp::ListenOptions;
use stack::{AddrGenMode, Host, Instant, InterfaceConfig, Limits, SocketId};
use wire::offload::{DeviceCaps, Medium, RxMeta};

/// Two hosts on one wire.
pub struct Pair {
    pub hosts: [Host; 2],
    pub ifindex: [IfIndex; 2],
    pub now: Instant,
    slot: Vec<u8>,
}

impl Pair {
    pub fn new(limits: &Limits) -> Self {
        let now = Instant::from_millis(1000);
        let make = |n: u8| {
            let mut host = Host::new(limits.clone(), u64::from(n));
            let config = InterfaceConfig {
                name: "eth0".into(),
                medium: Medium::Ethernet,
                mac: Mac([2, 0, 0, 0, 0, n]),
                mtu: 1500,
                caps: DeviceCaps::default(),
                link_local: AddrGenMode::None,
            };
            let index = host.interface_add(now, config).unwrap();
            let address = addr::Cidr::new(Ip::v4([10, 0, 0, n]), 24).unwrap();
            host.address_add(now, index, address).unwrap();
            let peer = (Ip::v4([10, 0, 0, 3 - n]), Mac([2, 0, 0, 0, 0, 3 - n]));
            host.neighbor_add(now, index, peer.0, peer.1).unwrap();
            (host, index)
        };
        let [(a, i), (b, j)] = [make(1), make(2)];
        let mut pair = Self { hosts: [a, b], ifindex: [i, j], now, slot: vec![0; 1514] };
        pair.exchange();
        pair
    }

    /// Carries frames until both are silent; returns how many.
    pub fn exchange(&mut self) -> u32 {
        let mut carried = 0;
        let mut idle = 0;
        let mut from = 0;
        while idle < 2 {
            let (slot, index) = (&mut self.slot, self.ifindex[from]);
            match self.hosts[from].transmit(self.now, index, slot) {
                Some(meta) => {
                    let frame = &mut slot[..meta.len as usize];
                    let (to, meta) = (1 - from, RxMeta::default());
                    self.hosts[to].receive(self.now, self.ifindex[to], meta, frame);
                    carried += 1;
                    idle = 0;
                }
                None => {
                    from = 1 - from;
                    idle += 1;
                }
            }
        }
        for host in &mut self.hosts {
            while host.next_event().is_some() {}
        }
        carried
    }

    /// The frames that one host wants to send, taken off the wire.
    pub fn take(&mut self, from: usize) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let (slot, index) = (&mut self.slot, self.ifindex[from]);
        while let Some(meta) = self.hosts[from].transmit(self.now, index, slot) {
            frames.push(slot[..meta.len as usize].to_vec());
        }
        frames
    }

    /// A frame comes in at one host.
    pub fn give(&mut self, to: usize, frame: &mut [u8]) {
        self.hosts[to].receive(self.now, self.ifindex[to], RxMeta::default(), frame);
    }

    pub fn pass(&mut self, span: Duration) {
        self.now += span;
        self.hosts.iter_mut().for_each(|host| host.expire(self.now));
    }

    /// Listens on the second host.
    pub fn listen(&mut self, port: u16, backlog: u32) -> SocketId {
        let local = endpoint(&format!("10.0.0.2:{port}"));
        let options = ListenOptions { backlog, only_v6: false };
        self.hosts[1].tcp_listen(self.now, local, options).unwrap()
    }

    /// A connection from the first host to a listener of the second; both ends.
    pub fn connect(&mut self, port: u16, listener: SocketId) -> [SocketRings; 2] {
        let remote = endpoint(&format!("10.0.0.2:{port}"));
        let client = self.hosts[0].tcp_connect(self.now, None, remote).unwrap();
        self.exchange();
        let server = self.hosts[1].tcp_accept(self.now, listener).unwrap().unwrap();
        [client, server]
    }

    /// A message from one end of a connection to the other, where it is read.
    pub fn send(&mut self, ends: &mut [SocketRings; 2], from: usize, data: &[u8], out: &mut [u8]) {
        let to = 1 - from;
        assert_eq!(ends[from].tx.write(data), data.len());
        ends[from].tx.rest();
        self.hosts[from].app_wrote(self.now, ends[from].id);
        self.exchange();
        assert_eq!(ends[to].rx.read(out), data.len());
        self.hosts[to].app_read(self.now, ends[to].id);
        self.exchange();
    }
}

pub fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}
