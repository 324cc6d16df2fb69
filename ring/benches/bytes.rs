//! What a stream of bytes costs: written and read in turn by one thread, and from one thread to
//! another, in messages of one byte, of one segment, and of one GSO segment.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ring::byte_ring;
use std::hint::{black_box, spin_loop};
use std::thread;
use std::time::{Duration, Instant};

const SIZES: [usize; 3] = [1, 1460, 65_536];
const LIMIT: usize = 1 << 20;

/// A message in, a message out.
fn in_turn(c: &mut Criterion) {
    let mut group = c.benchmark_group("one_thread");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_with_input(BenchmarkId::from_parameter(size), &size, |b, &size| {
            let (mut writer, mut reader) = byte_ring(LIMIT);
            let (data, mut out) = (vec![7; size], vec![0; size]);
            b.iter(|| {
                assert_eq!(writer.write(black_box(&data)), size);
                assert_eq!(reader.read(black_box(&mut out)), size);
            });
        });
    }
    group.finish();
}

/// 512 KiB in, then 512 KiB out: a stream whose reader is behind.
fn behind(c: &mut Criterion) {
    let mut group = c.benchmark_group("one_thread_behind");
    for size in [1460, 65_536] {
        let messages = (512 << 10) / size;
        group.throughput(Throughput::Bytes((messages * size) as u64));
        group.bench_with_input(BenchmarkId::from_parameter(size), &size, |b, &size| {
            let (mut writer, mut reader) = byte_ring(LIMIT);
            let (data, mut out) = (vec![7; size], vec![0; size]);
            b.iter(|| {
                for _ in 0..messages {
                    assert_eq!(writer.write(black_box(&data)), size);
                }
                for _ in 0..messages {
                    assert_eq!(reader.read(black_box(&mut out)), size);
                }
            });
        });
    }
    group.finish();
}

fn stream(size: usize, messages: u64) -> Duration {
    let (mut writer, mut reader) = byte_ring(LIMIT);
    let sender = thread::spawn(move || {
        let data = vec![7; size];
        for _ in 0..messages {
            let mut left = &data[..];
            while !left.is_empty() {
                let n = writer.write(black_box(left));
                left = &left[n..];
                if n == 0 {
                    spin_loop();
                }
            }
        }
        writer.finish();
    });
    let begin = Instant::now();
    let mut out = vec![0; size.max(4096)];
    let mut got = 0;
    while got < messages * size as u64 {
        match reader.read(black_box(&mut out)) {
            0 => spin_loop(),
            n => got += n as u64,
        }
    }
    let took = begin.elapsed();
    sender.join().expect("the writer does not panic");
    took
}

/// From one thread to another, both busy.
fn across(c: &mut Criterion) {
    let mut group = c.benchmark_group("two_threads");
    group.sample_size(20);
    for size in SIZES {
        // At least 16 MiB a sample for whole segments, or the start of the thread shows.
        let batch = ((16 << 20) / size as u64).min(1 << 20);
        group.throughput(Throughput::Bytes(batch * size as u64));
        group.bench_with_input(BenchmarkId::from_parameter(size), &size, |b, &size| {
            b.iter_custom(|iters| (0..iters).map(|_| stream(size, batch)).sum());
        });
    }
    group.finish();
}

criterion_group!(benches, in_turn, behind, across);
criterion_main!(benches);
