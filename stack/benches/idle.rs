//! What idle connections cost an active one: a segment goes from one host to another in memory, is
//! read there and acknowledged, beside so many connections that do nothing.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pair::Pair;
use stack::Limits;
use stack::socket::SocketRings;

#[path = "../tests/pair/mod.rs"]
mod pair;

const SEGMENT: usize = 1448;
/// Segments between two looks at the clock, as in a turn of the engine.
const TURN: usize = 32;
/// Listeners, so that there are ports for every connection.
const PORTS: u16 = 5;

/// Hosts with so many connections that each carried a message and went idle.
fn crowd(idle: usize) -> (Pair, Vec<[SocketRings; 2]>) {
    let limits = Limits { tcp_connections: 100_100, ..Limits::default() };
    let mut pair = Pair::new(&limits);
    let listeners: Vec<_> = (80..80 + PORTS).map(|port| (port, pair.listen(port, 4))).collect();
    let mut out = [0; 1000];
    let mut all = Vec::new();
    for i in 0..idle {
        let (port, listener) = listeners[i % listeners.len()];
        let mut ends = pair.connect(port, listener);
        pair.send(&mut ends, 0, &[7; 300], &mut out);
        pair.send(&mut ends, 1, &[8; 300], &mut out);
        all.push(ends);
    }
    pair.pass(Duration::from_secs(1));
    pair.exchange();
    let (port, listener) = listeners[0];
    all.push(pair.connect(port, listener));
    (pair, all)
}

fn turn(pair: &mut Pair, ends: &mut [SocketRings; 2], data: &[u8], out: &mut [u8]) {
    for _ in 0..TURN {
        pair.send(ends, 0, black_box(data), out);
    }
    pair.pass(Duration::from_micros(20));
}

fn beside_idle(c: &mut Criterion) {
    let mut group = c.benchmark_group("beside_idle");
    group.throughput(Throughput::Elements(TURN as u64));
    for idle in [0, 100_000] {
        let (mut pair, mut all) = crowd(idle);
        let mut active = all.pop().expect("the last one is active");
        let (data, mut out) = ([7; SEGMENT], [0; SEGMENT]);
        group.bench_function(BenchmarkId::from_parameter(idle), |b| {
            b.iter(|| turn(&mut pair, &mut active, &data, &mut out));
        });
    }
    group.finish();
}

criterion_group!(benches, beside_idle);
criterion_main!(benches);
