//! What a segment costs in memory, ours beside smoltcp in one run.
//!
//! `receive`: one segment in order comes in as a bare IPv4 packet, the application is told, looks
//! at the text and releases it, and its ACK is written into a frame. `send`: the application writes
//! one segment, which is written into a frame, and its ACK comes in. `offload` leaves transport
//! checksums to a device, `verified` does not. `timestamps` has them in every segment. `sack` takes
//! in an ACK with three blocks that are news while a hundred segments are out, and sends what
//! follows.
//!
//! All of these copy the text once, from the frame to the socket's buffer or back. `copy` is that
//! alone: the same bytes, warm, from a frame to the next place of a buffer that is as large as
//! what the text goes through. A cost without the copy is the row less this one.
//!
//! ```text
//! cargo bench -p stack --bench segment
//! ```

mod frame;
mod ours;
mod theirs;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use ours::{LOST_OF, Options, Ours};
use theirs::Theirs;

const FULL: usize = 1460;
const SMALL: usize = 64;

fn receive(c: &mut Criterion, len: usize) {
    let mut group = c.benchmark_group(format!("receive_{len}"));
    group.throughput(Throughput::Elements(1));
    let offload = Options { offload: true, ..Options::default() };
    for (name, options) in [
        ("ours/offload", offload),
        ("ours/offload_timestamps", Options { timestamps: true, ..offload }),
        ("ours/verified", Options::default()),
    ] {
        let len = if options.timestamps { len - 12 } else { len };
        let mut ours = Ours::new(options, len);
        group.bench_function(name, |b| b.iter(|| ours.receive()));
    }
    for (name, offload) in [("smoltcp/offload", true), ("smoltcp/verified", false)] {
        let mut theirs = Theirs::new(offload, len);
        group.bench_function(name, |b| b.iter(|| theirs.receive()));
    }
    let from = vec![7u8; len];
    let mut to = vec![0u8; 1 << 16];
    let mut at = 0;
    group.bench_function("copy", |b| {
        b.iter(|| {
            at = if at + 2 * len > to.len() { 0 } else { at + len };
            to[at..at + len].copy_from_slice(black_box(&from));
            black_box(&to[at..at + len]);
        });
    });
    group.finish();
}

fn send(c: &mut Criterion) {
    let data = [7; FULL];
    let mut group = c.benchmark_group("send_1460");
    group.throughput(Throughput::Elements(1));
    for (name, offload) in [("ours/offload", true), ("ours/verified", false)] {
        let mut ours = Ours::new(Options { offload, ..Options::default() }, FULL);
        group.bench_function(name, |b| b.iter(|| ours.send(&data)));
    }
    for (name, offload) in [("smoltcp/offload", true), ("smoltcp/verified", false)] {
        let mut theirs = Theirs::new(offload, FULL);
        group.bench_function(name, |b| b.iter(|| theirs.send(&data)));
    }
    group.finish();
}

fn sack(c: &mut Criterion) {
    let options = Options { offload: true, sack: true, ..Options::default() };
    let mut group = c.benchmark_group("sack");
    group.throughput(Throughput::Elements(u64::from(LOST_OF / 2 - 1)));
    group.sample_size(20);
    group.bench_function("ours/ack_with_three_blocks", |b| {
        let set_up = || {
            let mut ours = Ours::new(options, FULL);
            let acks = ours.lose_one();
            (ours, acks)
        };
        b.iter_batched_ref(set_up, |(ours, acks)| ours.recover(acks), BatchSize::PerIteration);
    });
    group.finish();
}

fn all(c: &mut Criterion) {
    receive(c, FULL);
    receive(c, SMALL);
    send(c);
    sack(c);
}

criterion_group!(benches, all);
criterion_main!(benches);
