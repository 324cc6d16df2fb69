//! What one value costs on its way through a ring, in batches of 32, beside `rtrb` and
//! `crossbeam-queue` in the same run: on one thread (fused) and from one thread to another (split).
//!
//! A value is as large as a received frame's handle with its metadata. Each number is nanoseconds a
//! value over many short runs, in which the rings take turns, so that a machine that is busy with
//! other things disturbs all of them alike: the median, and the least, which is what an undisturbed
//! run takes. The limits are those that the project sets itself.

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crossbeam_queue::ArrayQueue;

/// A handle of 32 bytes and 8 of metadata.
type Value = [u64; 5];

const BATCH: usize = 32;
const CAPACITY: usize = 2048;
const FUSED_LIMIT_NS: f64 = 10.0;
const SPLIT_LIMIT_NS: f64 = 150.0;
/// Runs of each ring. Each is shorter than the time that a scheduler lets a thread run.
const RUNS: usize = 61;
const FUSED_BATCHES: usize = 500;
const SPLIT_BATCHES: usize = 500;

/// The half that puts a batch in.
trait Push: Send + 'static {
    /// Puts in as many of `BATCH` values from `next` on as fit, and returns how many.
    fn push(&mut self, next: u64, count: usize) -> usize;
}

/// The half that takes a batch out.
trait Pop: Send + 'static {
    /// Takes up to `BATCH` values, adds up their first words, and returns how many there were.
    fn pop(&mut self, sum: &mut u64) -> usize;
}

fn value(number: u64) -> Value {
    [number; 5]
}

/// Ours, in batches.
struct OursPush(ring::Producer<Value>);
struct OursPop(ring::Consumer<Value>, Vec<Value>);

fn ours() -> (OursPush, OursPop) {
    let (tx, rx) = ring::channel(CAPACITY);
    (OursPush(tx), OursPop(rx, Vec::with_capacity(BATCH)))
}

impl Push for OursPush {
    fn push(&mut self, next: u64, count: usize) -> usize {
        self.0.push_batch(&mut (next..next + count as u64).map(value))
    }
}

impl Pop for OursPop {
    fn pop(&mut self, sum: &mut u64) -> usize {
        let taken = self.0.pop_batch(&mut self.1, BATCH);
        for value in self.1.drain(..) {
            *sum = sum.wrapping_add(black_box(&value)[0]);
        }
        taken
    }
}

/// Ours, a value at a time.
struct OursOnePush(ring::Producer<Value>);
struct OursOnePop(ring::Consumer<Value>);

fn ours_one() -> (OursOnePush, OursOnePop) {
    let (tx, rx) = ring::channel(CAPACITY);
    (OursOnePush(tx), OursOnePop(rx))
}

impl Push for OursOnePush {
    fn push(&mut self, next: u64, count: usize) -> usize {
        (next..next + count as u64).take_while(|&number| self.0.push(value(number)).is_ok()).count()
    }
}

impl Pop for OursOnePop {
    fn pop(&mut self, sum: &mut u64) -> usize {
        let values = std::iter::from_fn(|| self.0.pop()).take(BATCH);
        values.map(|value| *sum = sum.wrapping_add(black_box(&value)[0])).count()
    }
}

/// `rtrb`, in chunks.
struct RtrbPush(rtrb::Producer<Value>);
struct RtrbPop(rtrb::Consumer<Value>);

fn rtrb() -> (RtrbPush, RtrbPop) {
    let (tx, rx) = rtrb::RingBuffer::new(CAPACITY);
    (RtrbPush(tx), RtrbPop(rx))
}

impl Push for RtrbPush {
    fn push(&mut self, next: u64, count: usize) -> usize {
        let room = self.0.slots().min(count);
        let Ok(chunk) = self.0.write_chunk_uninit(room) else { return 0 };
        chunk.fill_from_iter((next..).map(value))
    }
}

impl Pop for RtrbPop {
    fn pop(&mut self, sum: &mut u64) -> usize {
        let there = self.0.slots().min(BATCH);
        let Ok(chunk) = self.0.read_chunk(there) else { return 0 };
        for value in chunk {
            *sum = sum.wrapping_add(black_box(&value)[0]);
        }
        there
    }
}

/// `crossbeam-queue`'s bounded queue, which has no batches and any number of users.
struct Crossbeam(Arc<ArrayQueue<Value>>);

fn crossbeam() -> (Crossbeam, Crossbeam) {
    let queue = Arc::new(ArrayQueue::new(CAPACITY));
    (Crossbeam(queue.clone()), Crossbeam(queue))
}

impl Push for Crossbeam {
    fn push(&mut self, next: u64, count: usize) -> usize {
        (next..next + count as u64).take_while(|&number| self.0.push(value(number)).is_ok()).count()
    }
}

impl Pop for Crossbeam {
    fn pop(&mut self, sum: &mut u64) -> usize {
        let values = std::iter::from_fn(|| self.0.pop()).take(BATCH);
        values.map(|value| *sum = sum.wrapping_add(black_box(&value)[0])).count()
    }
}

/// Nanoseconds a value when one thread puts a batch in and takes it out.
fn fused((mut tx, mut rx): (impl Push, impl Pop)) -> f64 {
    let mut sum = 0;
    let started = Instant::now();
    for batch in 0..FUSED_BATCHES {
        let pushed = tx.push((batch * BATCH) as u64, BATCH);
        assert_eq!((pushed, rx.pop(&mut sum)), (BATCH, BATCH));
    }
    let values = FUSED_BATCHES * BATCH;
    check(sum, values);
    started.elapsed().as_nanos() as f64 / values as f64
}

/// Nanoseconds a value when one thread puts batches in and another takes them out.
fn split((mut tx, mut rx): (impl Push, impl Pop)) -> f64 {
    let values = SPLIT_BATCHES * BATCH;
    let sender = thread::spawn(move || {
        let (mut next, mut idle) = (0, 0);
        while next < values {
            let pushed = tx.push(next as u64, BATCH.min(values - next));
            next += pushed;
            rest(&mut idle, pushed);
        }
    });
    let (mut sum, mut got, mut idle) = (0, 0, 0);
    let started = Instant::now();
    while got < values {
        let taken = rx.pop(&mut sum);
        got += taken;
        rest(&mut idle, taken);
    }
    let took = started.elapsed();
    sender.join().expect("the sender does not panic");
    check(sum, values);
    took.as_nanos() as f64 / values as f64
}

/// Waits a moment after a try that moved nothing; after many of them the other thread may need this
/// core.
fn rest(idle: &mut u32, moved: usize) {
    *idle = if moved == 0 { *idle + 1 } else { 0 };
    match *idle {
        0 => {}
        1..1000 => spin_loop(),
        _ => thread::yield_now(),
    }
}

/// Every value went through, once.
fn check(sum: u64, values: usize) {
    let values = values as u64;
    assert_eq!(sum, values * (values - 1) / 2);
}

/// The median and the least.
fn summary(samples: &mut [f64]) -> [f64; 2] {
    samples.sort_by(f64::total_cmp);
    [samples[samples.len() / 2], samples[0]]
}

/// A ring's name, and one run of it on one thread and on two.
struct Row {
    name: &'static str,
    fused: fn() -> f64,
    split: fn() -> f64,
}

const ROWS: [Row; 4] = [
    Row { name: "ring, batches", fused: || fused(ours()), split: || split(ours()) },
    Row { name: "ring, one by one", fused: || fused(ours_one()), split: || split(ours_one()) },
    Row { name: "rtrb, chunks", fused: || fused(rtrb()), split: || split(rtrb()) },
    Row { name: "crossbeam-queue", fused: || fused(crossbeam()), split: || split(crossbeam()) },
];

fn main() {
    let mut samples = ROWS.map(|_| (Vec::new(), Vec::new()));
    for _ in 0..RUNS {
        for (row, (one, two)) in ROWS.iter().zip(&mut samples) {
            one.push((row.fused)());
            two.push((row.split)());
        }
    }
    println!("{:<18}{:>22}{:>22}", "", "one thread", "two threads");
    println!("{:<18}{:>11}{:>11}{:>11}{:>11}", "ns a value", "median", "least", "median", "least");
    for (row, (one, two)) in ROWS.iter().zip(&mut samples) {
        let ([one, least_one], [two, least_two]) = (summary(one), summary(two));
        let name = row.name;
        println!("{name:<18}{one:>11.1}{least_one:>11.1}{two:>11.1}{least_two:>11.1}");
    }
    println!("{:<18}{FUSED_LIMIT_NS:>11.1}{:>11}{SPLIT_LIMIT_NS:>11.1}", "limit of ring", "");
}
