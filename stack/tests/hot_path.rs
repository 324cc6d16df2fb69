//! What a packet costs: nothing on the way in or out allocates, once the buffers are warm.

use std::time::Duration;

use addr::{Endpoint, IfIndex, Ip, Mac};
use stack::socket::Ends;
use stack::tcp::ListenOptions;
use stack::udp::{RECORD_LEN, Record, UdpOptions};
use stack::{Host, Instant, InterfaceConfig, Limits};
use wire::offload::{DeviceCaps, Medium, RxMeta};

/// Two hosts on one wire.
struct Pair {
    hosts: [Host; 2],
    ifindex: [IfIndex; 2],
    now: Instant,
    slot: Vec<u8>,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::from_millis(1000);
        let make = |n: u8| {
            let mut host = Host::new(Limits::default(), u64::from(n));
            let config = InterfaceConfig {
                name: "eth0".into(),
                medium: Medium::Ethernet,
                mac: Mac([2, 0, 0, 0, 0, n]),
                mtu: 1500,
                caps: DeviceCaps::default(),
                link_local: false,
            };
            let index = host.add_interface(now, config).unwrap();
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
    fn exchange(&mut self) -> u32 {
        let mut carried = 0;
        let mut idle = 0;
        let mut from = 0;
        while idle < 2 {
            let (slot, index) = (&mut self.slot, self.ifindex[from]);
            match self.hosts[from].transmit(self.now, index, slot) {
                Some(meta) => {
                    let frame = &mut slot[..meta.len as usize];
                    let (to, meta) = (1 - from, RxMeta::default());
                    self.hosts[to].receive(self.now, self.ifindex[to], meta, frame).ok();
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

    fn pass(&mut self, span: Duration) {
        self.now += span;
        self.hosts.iter_mut().for_each(|host| host.expire(self.now));
    }
}

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

fn allocations(work: impl FnMut()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn datagrams_out_and_in() {
    let mut pair = Pair::new();
    let now = pair.now;
    let options = UdpOptions::default();
    let mut ours = pair.hosts[0].udp_bind(now, endpoint("10.0.0.1:1"), options).unwrap();
    let mut theirs = pair.hosts[1].udp_bind(now, endpoint("10.0.0.2:2"), options).unwrap();
    let record = Record { len: 1000, peer: Some(theirs.local) }.write();
    let mut round = |pair: &mut Pair| {
        for _ in 0..32 {
            ours.tx.write(&record);
            ours.tx.write(&[7; 1000]);
        }
        pair.hosts[0].sent(pair.now, ours.id);
        assert_eq!(pair.exchange(), 32);
        assert_eq!(theirs.rx.len(), 32 * (RECORD_LEN + 1000));
        theirs.rx.release(32 * (RECORD_LEN + 1000));
    };
    round(&mut pair);
    assert_eq!(allocations(|| (0..100).for_each(|_| round(&mut pair))), 0);
    assert_eq!(pair.hosts[1].stats().udp_in, 101 * 32);
}

#[test]
fn stream_out_and_in() {
    let mut pair = Pair::new();
    let now = pair.now;
    let options = ListenOptions { backlog: 4, only_v6: false };
    let listener = pair.hosts[1].tcp_listen(now, endpoint("10.0.0.2:80"), options).unwrap();
    let client = pair.hosts[0].tcp_connect(now, None, endpoint("10.0.0.2:80")).unwrap();
    pair.exchange();
    let server = pair.hosts[1].tcp_accept(now, listener).unwrap().unwrap();
    let mut ends: [Ends; 2] = [client, server];
    let mut total = 0u64;
    let mut round = |pair: &mut Pair| {
        let [client, server] = &mut ends;
        client.tx.write(&[7; 65_536]);
        pair.hosts[0].sent(pair.now, client.id);
        pair.exchange();
        total += server.rx.len() as u64;
        server.rx.release(usize::MAX);
        pair.hosts[1].consumed(pair.now, server.id);
        pair.pass(Duration::from_millis(10));
        pair.exchange();
    };
    (0..50).for_each(|_| round(&mut pair));
    assert_eq!(allocations(|| (0..200).for_each(|_| round(&mut pair))), 0);
    assert_eq!(total, 250 * 65_536);
}

#[test]
fn small_replies() {
    use wire::icmp::{Echo, Message};
    use wire::ip::{self, IpEmit, PROTO_ICMP};
    let mut pair = Pair::new();
    let mut frame = vec![0; 14 + 20 + 8 + 56];
    let ping = Message::EchoRequest(Echo { id: 1, seq: 1, data: &[7; 56] });
    let header = IpEmit {
        src: Ip::v4([10, 0, 0, 2]),
        dst: Ip::v4([10, 0, 0, 1]),
        protocol: PROTO_ICMP,
        payload_len: 64,
        ..IpEmit::default()
    };
    wire::ethernet::emit(&mut frame, Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]), 0x0800);
    ip::emit(&mut frame[14..], &header);
    wire::icmpv4::emit(&mut frame[34..], &ping);
    let mut slot = [0; 1514];
    let mut round = |pair: &mut Pair| {
        let host = &mut pair.hosts[0];
        for _ in 0..8 {
            host.receive(pair.now, pair.ifindex[0], RxMeta::default(), &mut frame).unwrap();
        }
        for _ in 0..8 {
            host.transmit(pair.now, pair.ifindex[0], &mut slot).unwrap();
        }
    };
    round(&mut pair);
    assert_eq!(allocations(|| (0..100).for_each(|_| round(&mut pair))), 0);
}
