//! What a change of one neighbour costs among ten thousand: as a delta, as a whole snapshot, and
//! through a host of several shards with its control.
//!
//! Ten thousand changes a second are to cost less than one hundredth of a core, that is 1 µs each.
#![allow(missing_docs)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use addr::{IfIndex, Ip, Mac};
use stack::fib::{Fib, FibUpdate, Link};
use stack::{AddrGenMode, Host, Instant, InterfaceConfig, Limits};
use wire::offload::{DeviceCaps, Medium};

const NEIGHBORS: u32 = 10_000;
const CHANGES: u32 = 100_000;

fn neighbor(n: u32) -> Ip {
    let [_, a, b, c] = (n % NEIGHBORS).to_be_bytes();
    Ip::v4([10, a, b, c])
}

fn change(n: u32) -> FibUpdate {
    let ifindex = IfIndex::new(2).expect("not zero");
    let [a, b, c, d] = n.to_be_bytes();
    let link = Some(Link::Known(Mac([2, 0, a, b, c, d])));
    // A stride that is prime to the number of neighbours visits them out of order.
    FibUpdate::Neighbor { ifindex, ip: neighbor(n.wrapping_mul(7_919)), link }
}

fn full() -> Fib {
    let mut fib = Fib::default();
    (0..NEIGHBORS).for_each(|n| fib.apply(&change(n)));
    fib
}

/// How long the calling thread has been on a core, which other load on the machine disturbs less
/// than the wall clock.
fn on_core() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split(' ').next().and_then(|word| word.parse().ok());
    Duration::from_nanos(first.unwrap_or(0))
}

fn report(what: &str, count: u32, spent: Duration) {
    let each = spent.as_nanos() as f64 / f64::from(count);
    let share = each * 10_000.0 / 1e9 * 100.0;
    println!("{what:<48} {each:>10.0} ns each, {share:>8.3} % of a core at 10,000/s");
}

fn deltas(copies: usize) {
    let mut fibs: Vec<Fib> = (0..copies).map(|_| full()).collect();
    let start = on_core();
    for n in 0..CHANGES {
        let update = change(n);
        fibs.iter_mut().for_each(|fib| fib.apply(&update));
    }
    report(&format!("deltas, {copies} copies"), CHANGES, on_core() - start);
    black_box(fibs);
}

fn snapshots() {
    let mut fib = full();
    let count = CHANGES / 100;
    let start = on_core();
    for n in 0..count {
        fib.apply(&change(n));
        black_box(Arc::new(fib.clone()));
    }
    report("a whole Arc<Fib> for each change", count, on_core() - start);
}

fn through_a_host(shards: usize) {
    let limits = Limits { neighbors: 2 * NEIGHBORS as usize, ..Limits::default() };
    let mut host = Host::with_shards(limits, 1, shards);
    let now = Instant::from_millis(1);
    let config = InterfaceConfig {
        name: "eth0".into(),
        medium: Medium::Ethernet,
        mac: Mac([2, 0, 0, 0, 0, 1]),
        mtu: 1500,
        caps: DeviceCaps::default(),
        link_local: AddrGenMode::None,
    };
    let ifindex = host.interface_add(now, config).expect("a new host");
    let mac = Mac([2, 0, 0, 0, 0, 2]);
    for n in 0..NEIGHBORS {
        host.neighbor_add(now, ifindex, neighbor(n), mac).expect("room for all");
    }
    let start = on_core();
    for n in 0..CHANGES / 2 {
        let ip = neighbor(n.wrapping_mul(7_919));
        host.neighbor_del(now, ifindex, ip).expect("it is there");
        host.neighbor_add(now, ifindex, ip, mac).expect("it is not there");
    }
    report(&format!("control, mesh and {shards} shards"), CHANGES, on_core() - start);
}

fn main() {
    [1, 2, 4].into_iter().for_each(deltas);
    snapshots();
    [1, 2, 4].into_iter().for_each(through_a_host);
}
