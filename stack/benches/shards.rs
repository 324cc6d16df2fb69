//! How much more two shards move than one: bulk data over 64 flows between two hosts, frames in
//! memory, one thread for the two workers of each shard number.
//!
//! Both hosts spread flows by the same rule, as they are with ports that steer: a flow's two ends
//! live on workers of one number, and what is measured is what the shards cost each other. Rates
//! are by wall clock, and by the time that the busiest thread had on a core, which other load on
//! the machine disturbs less.
// A benchmark is the one place in this crate that looks at a clock.
#![allow(missing_docs, clippy::disallowed_methods)]

use std::sync::Barrier;
use std::time::{Duration, Instant as Clock};

use addr::{Cidr, Endpoint, IfIndex, Ip, Mac};
use stack::socket::SocketRings;
use stack::tcp::ListenOptions;
use stack::{AddrGenMode, Host, Instant, InterfaceConfig, Limits, Worker};
use wire::offload::{DeviceCaps, Medium, RxMeta};

const FLOWS: usize = 64;
const SPAN: Duration = Duration::from_secs(2);
const CHUNK: &[u8] = &[7; 16_384];

/// Both ends of one shard number: workers, and the flows that live there.
struct Lane {
    workers: [Worker; 2],
    flows: Vec<[SocketRings; 2]>,
}

/// What a lane came to.
struct Moved {
    bytes: u64,
    on_core: Duration,
}

fn host(n: u8, shards: usize) -> (Host, IfIndex) {
    let now = Instant::from_millis(1);
    let mut host = Host::with_shards(Limits::default(), 1, shards);
    let config = InterfaceConfig {
        name: "eth0".into(),
        medium: Medium::Ethernet,
        mac: Mac([2, 0, 0, 0, 0, n]),
        mtu: 1500,
        caps: DeviceCaps::default(),
        link_local: AddrGenMode::None,
    };
    let ifindex = host.interface_add(now, config).expect("a new host");
    let cidr = Cidr::new(Ip::v4([10, 0, 0, n]), 24).expect("a prefix");
    host.address_add(now, ifindex, cidr).expect("a new address");
    let (ip, mac) = (Ip::v4([10, 0, 0, 3 - n]), Mac([2, 0, 0, 0, 0, 3 - n]));
    host.neighbor_add(now, ifindex, ip, mac).expect("a new neighbour");
    (host, ifindex)
}

/// Carries frames between two hosts until both are silent.
fn settle(hosts: &mut [Host; 2], ifindex: IfIndex, now: Instant) {
    let mut slot = [0; 1514];
    let mut silent = 0;
    while silent < 2 {
        silent += 1;
        for from in 0..2 {
            while let Some(meta) = hosts[from].transmit(now, ifindex, &mut slot) {
                let frame = &mut slot[..meta.len as usize];
                hosts[1 - from].receive(now, ifindex, RxMeta::default(), frame);
                silent = 0;
            }
        }
    }
}

fn lanes(shards: usize) -> (Vec<Lane>, IfIndex) {
    let now = Instant::from_millis(1);
    let ((a, ifindex), (b, _)) = (host(1, shards), host(2, shards));
    let mut hosts = [a, b];
    let to = Endpoint::new(Ip::v4([10, 0, 0, 2]), 80);
    let options = ListenOptions { backlog: 128, only_v6: false };
    let listener = hosts[1].tcp_listen(now, to, options).expect("a free port");
    let mut flows = Vec::new();
    for _ in 0..FLOWS {
        let client = hosts[0].tcp_connect(now, None, to).expect("a free port");
        settle(&mut hosts, ifindex, now);
        let accepted = hosts[1].tcp_accept(now, listener).expect("a listener");
        flows.push([client, accepted.expect("a connection")]);
    }
    settle(&mut hosts, ifindex, now);
    let [a, b] = hosts.map(Host::into_workers);
    let mut lanes: Vec<Lane> =
        a.into_iter().zip(b).map(|(a, b)| Lane { workers: [a, b], flows: Vec::new() }).collect();
    for flow in flows {
        assert_eq!(flow[0].id.shard, flow[1].id.shard, "both hosts spread by one rule");
        lanes[flow[0].id.shard.get()].flows.push(flow);
    }
    (lanes, ifindex)
}

/// Nanoseconds that the calling thread has had on a core.
fn on_core() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split(' ').next().and_then(|word| word.parse().ok());
    Duration::from_nanos(first.unwrap_or(0))
}

fn drive(mut lane: Lane, ifindex: IfIndex, barrier: &Barrier) -> Moved {
    let mut slot = [0; 1514];
    let mut bytes = 0;
    barrier.wait();
    let (start, core) = (Clock::now(), on_core());
    while start.elapsed() < SPAN {
        let spent = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let now = Instant::from_nanos(1_000_000 + spent);
        let Lane { workers: [a, b], flows } = &mut lane;
        for worker in [&mut *a, &mut *b] {
            worker.exchange_messages(now);
            if worker.next_deadline().is_some_and(|at| at <= now) {
                worker.expire(now);
            }
        }
        for [client, _] in &mut *flows {
            if client.tx.write(CHUNK) > 0 {
                a.app_wrote(now, client.id);
            }
        }
        for _ in 0..4 {
            pass(a, b, ifindex, now, &mut slot);
            pass(b, a, ifindex, now, &mut slot);
        }
        for [_, server] in &mut *flows {
            let len = server.rx.len();
            if len > 0 {
                bytes += server.rx.release(len) as u64;
                b.app_read(now, server.id);
            }
        }
        while a.next_event().is_some() || b.next_event().is_some() {}
    }
    Moved { bytes, on_core: on_core() - core }
}

/// Carries a batch of frames.
fn pass(from: &mut Worker, to: &mut Worker, ifindex: IfIndex, now: Instant, slot: &mut [u8]) {
    for _ in 0..64 {
        let Some(meta) = from.transmit(now, ifindex, slot) else { return };
        to.receive(now, ifindex, RxMeta::default(), &mut slot[..meta.len as usize]);
    }
}

/// Gbit/s by wall clock and by the busiest thread's time on a core.
fn measure(shards: usize) -> (f64, f64) {
    let (lanes, ifindex) = lanes(shards);
    let barrier = Barrier::new(lanes.len());
    let moved: Vec<Moved> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            lanes.into_iter().map(|lane| scope.spawn(|| drive(lane, ifindex, &barrier))).collect();
        threads.into_iter().map(|t| t.join().expect("a lane")).collect()
    });
    let bits = moved.iter().map(|m| m.bytes).sum::<u64>() as f64 * 8.0 / 1e9;
    let busiest = moved.iter().map(|m| m.on_core).max().unwrap_or(SPAN).as_secs_f64();
    let rates = (bits / SPAN.as_secs_f64(), bits / busiest);
    println!("{shards} shard(s): {:.2} Gbit/s, {:.2} Gbit per second on a core", rates.0, rates.1);
    rates
}

fn main() {
    let mut best = [(0.0f64, 0.0f64); 2];
    for _ in 0..3 {
        for (shards, best) in [1, 2].into_iter().zip(&mut best) {
            let rates = measure(shards);
            *best = (best.0.max(rates.0), best.1.max(rates.1));
        }
    }
    let [one, two] = best;
    println!(
        "two shards move {:.2} times what one moves ({:.2} by time on a core)",
        two.0 / one.0,
        two.1 / one.1
    );
}
