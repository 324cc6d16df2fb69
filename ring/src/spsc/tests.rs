//! Tests of the ring of values: a queue as the model, drops counted, two threads.

use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

#[derive(Clone, Debug)]
enum Step {
    Push,
    PushBatch(usize),
    Pop,
    PopBatch(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Push),
        (0usize..12).prop_map(Step::PushBatch),
        Just(Step::Pop),
        (0usize..12).prop_map(Step::PopBatch),
    ]
}

proptest! {
    #[test]
    fn behaves_like_a_queue(
        capacity in 1usize..20,
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let (mut tx, mut rx) = channel::<Box<u32>>(capacity);
        let capacity = capacity.next_power_of_two();
        let mut model = VecDeque::new();
        let mut values = (0u32..).map(Box::new);
        for step in steps {
            match step {
                Step::Push => {
                    let value = values.next().expect("endless");
                    let pushed = tx.push(value.clone());
                    if model.len() < capacity {
                        prop_assert!(pushed.is_ok());
                        model.push_back(value);
                    } else {
                        prop_assert_eq!(pushed, Err(value), "a full ring gives the value back");
                    }
                }
                Step::PushBatch(n) => {
                    let batch: Vec<_> = values.by_ref().take(n).collect();
                    let mut left = batch.clone().into_iter();
                    let pushed = tx.push_batch(&mut left);
                    prop_assert_eq!(pushed, n.min(capacity - model.len()));
                    prop_assert_eq!(left.len(), n - pushed, "only what fits is asked for");
                    model.extend(batch.into_iter().take(pushed));
                }
                Step::Pop => prop_assert_eq!(rx.pop(), model.pop_front()),
                Step::PopBatch(n) => {
                    let mut out = Vec::new();
                    prop_assert_eq!(rx.pop_batch(&mut out, n), out.len());
                    let expected: Vec<_> = model.drain(..n.min(model.len())).collect();
                    prop_assert_eq!(out, expected);
                }
            }
            prop_assert_eq!(rx.len(), model.len());
            prop_assert_eq!(rx.is_empty(), model.is_empty());
            prop_assert_eq!(tx.free(), capacity - model.len());
        }
    }
}

/// Counts its drops.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn values_nobody_took_are_dropped_once() {
    for producer_first in [true, false] {
        let drops = AtomicUsize::new(0);
        let (mut tx, mut rx) = channel(8);
        for _ in 0..8 {
            assert!(tx.push(Counted(&drops)).is_ok());
        }
        for _ in 0..3 {
            drop(rx.pop());
        }
        assert!(tx.push(Counted(&drops)).is_ok(), "past the wrap point");
        assert_eq!(drops.load(Ordering::Relaxed), 3);
        if producer_first {
            drop(tx);
            drop(rx);
        } else {
            drop(rx);
            drop(tx);
        }
        assert_eq!(drops.load(Ordering::Relaxed), 9);
    }
}

#[test]
fn an_iterator_that_panics_leaves_the_ring_usable() {
    let (mut tx, mut rx) = channel::<u32>(8);
    let mut bad = (0..4u32).inspect(|i| assert!(*i < 2));
    assert!(catch_unwind(AssertUnwindSafe(|| tx.push_batch(&mut bad))).is_err());
    assert_eq!(rx.pop(), None, "nothing was handed over");
    assert_eq!(tx.push(9), Ok(()));
    assert_eq!(rx.pop(), Some(9));
}

#[test]
fn each_half_sees_the_other_leave() {
    let (mut tx, mut rx) = channel::<u8>(2);
    assert!(!tx.is_abandoned() && !rx.is_abandoned());
    assert_eq!(tx.push(1), Ok(()));
    drop(tx);
    assert!(rx.is_abandoned());
    assert_eq!((rx.pop(), rx.pop()), (Some(1), None), "what was left can be taken");

    let (tx, rx) = channel::<u8>(2);
    drop(rx);
    assert!(tx.is_abandoned());
}

#[test]
fn zero_sized_values_are_counted() {
    let (mut tx, mut rx) = channel::<()>(3);
    assert_eq!((tx.capacity(), rx.capacity()), (4, 4));
    assert_eq!(tx.push_batch(&mut std::iter::repeat(())), 4);
    assert_eq!((rx.len(), tx.push(())), (4, Err(())));
    assert_eq!(rx.pop(), Some(()));
}

#[test]
fn two_threads_lose_and_reorder_nothing() {
    const TOTAL: u64 = 1_000_000;
    let (mut tx, mut rx) = channel::<u64>(256);
    let sender = thread::spawn(move || {
        let mut values = 0..TOTAL;
        let mut one_by_one = true;
        while !values.is_empty() {
            let before = values.start;
            if one_by_one {
                if tx.push(before).is_ok() {
                    values.next();
                }
            } else {
                tx.push_batch(&mut values.by_ref().take(97));
            }
            one_by_one = !one_by_one;
            if values.start == before {
                thread::yield_now();
            }
        }
    });
    let mut batch = Vec::with_capacity(64);
    let mut expected = 0;
    while expected < TOTAL {
        batch.clear();
        batch.extend(rx.pop());
        rx.pop_batch(&mut batch, 63);
        for value in &batch {
            assert_eq!(*value, expected);
            expected += 1;
        }
        if batch.is_empty() {
            thread::yield_now();
        }
    }
    sender.join().expect("the producer does not panic");
    assert!(rx.is_abandoned() && rx.is_empty());
}

#[test]
fn two_threads_that_sleep_lose_no_wake_up() {
    const TOTAL: u32 = 200_000;
    let (mut tx, mut rx) = channel::<u32>(4);
    let consumer = thread::current();
    let sender = thread::spawn(move || {
        for value in 0..TOTAL {
            while tx.push(value).is_err() {
                tx.set_waiting(true);
                if tx.free() == 0 {
                    thread::park();
                }
                tx.set_waiting(false);
            }
            if tx.take_consumer_waiting() {
                consumer.unpark();
            }
        }
    });
    let producer = sender.thread().clone();
    for expected in 0..TOTAL {
        let value = loop {
            if let Some(value) = rx.pop() {
                break value;
            }
            rx.set_waiting(true);
            if rx.is_empty() {
                thread::park();
            }
            rx.set_waiting(false);
        };
        assert_eq!(value, expected);
        if rx.take_producer_waiting() {
            producer.unpark();
        }
    }
    sender.join().expect("the producer does not panic");
}

#[test]
fn values_that_nobody_will_take_come_back_once_the_consumer_is_gone() {
    let (mut tx, mut rx) = channel(8);
    for value in 0..6 {
        assert_eq!(tx.push(value), Ok(()));
    }
    assert_eq!((rx.pop(), rx.pop()), (Some(0), Some(1)));
    assert_eq!(tx.take_back(), None, "the consumer may still take them");
    drop(rx);
    assert!(tx.is_abandoned());
    assert_eq!(std::iter::from_fn(|| tx.take_back()).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert_eq!(tx.free(), 8);
    // What is pushed all the same comes back as well, and what is left is dropped with the ring.
    assert_eq!(tx.push(6), Ok(()));
    assert_eq!(tx.take_back(), Some(6));
    assert_eq!(tx.push(7), Ok(()));
}
