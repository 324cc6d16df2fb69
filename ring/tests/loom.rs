//! Every schedule of two threads over the smallest rings, explored by loom.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test -p ring --release loom`; empty otherwise. Loom also
//! reports a slot or byte that two threads touch without an order between them, and a value that
//! leaks.
#![cfg(loom)]

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

/// Explores with a bound on preemptions that still finds every bug of two or three switches.
fn explore(scenario: impl Fn() + Sync + Send + 'static) {
    explore_within(3, scenario);
}

/// The same with a bound of one's own, for a scenario of many steps.
fn explore_within(preemptions: usize, scenario: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(scenario);
}

/// A bell that remembers one ring, like an event descriptor.
#[derive(Clone)]
struct Bell(Arc<(Mutex<bool>, Condvar)>);

impl Bell {
    fn new() -> Self {
        Self(Arc::new((Mutex::new(false), Condvar::new())))
    }

    fn ring(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_one();
    }

    fn wait(&self) {
        let mut rung = self.0.0.lock().unwrap();
        while !*rung {
            rung = self.0.1.wait(rung).unwrap();
        }
        *rung = false;
    }
}

#[test]
fn loom_values_pass_in_order_through_a_full_ring() {
    explore(|| {
        let (mut tx, mut rx) = ring::channel::<Box<u32>>(2);
        let sender = thread::spawn(move || {
            for i in 0..3 {
                let mut value = Box::new(i);
                while let Err(back) = tx.push(value) {
                    value = back;
                    thread::yield_now();
                }
            }
        });
        for i in 0..3 {
            let value = loop {
                match rx.pop() {
                    Some(value) => break value,
                    None => thread::yield_now(),
                }
            };
            assert_eq!(*value, i);
        }
        sender.join().unwrap();
    });
}

#[test]
fn loom_batches_pass_in_order() {
    explore(|| {
        let (mut tx, mut rx) = ring::channel::<u32>(2);
        let sender = thread::spawn(move || {
            let mut values = 0..3;
            while !values.is_empty() {
                if tx.push_batch(&mut values) == 0 {
                    thread::yield_now();
                }
            }
        });
        let mut out = Vec::new();
        while out.len() < 3 {
            if rx.pop_batch(&mut out, 2) == 0 {
                thread::yield_now();
            }
        }
        assert_eq!(out, [0, 1, 2]);
        sender.join().unwrap();
    });
}

#[test]
fn loom_values_left_behind_are_dropped_by_whoever_leaves_last() {
    explore(|| {
        let (mut tx, mut rx) = ring::channel::<Arc<u32>>(2);
        let sender = thread::spawn(move || {
            let _ = tx.push(Arc::new(1));
            let _ = tx.push(Arc::new(2));
        });
        if let Some(value) = rx.pop() {
            assert_eq!(*value, 1);
        }
        drop(rx);
        sender.join().unwrap();
    });
}

#[test]
fn loom_an_abandoned_ring_shows_what_was_pushed_before() {
    explore(|| {
        let (mut tx, mut rx) = ring::channel::<u32>(2);
        let sender = thread::spawn(move || {
            tx.push(7).unwrap();
        });
        if rx.is_abandoned() {
            assert_eq!(rx.pop(), Some(7));
        }
        sender.join().unwrap();
    });
}

/// Chunks hold one and two bytes under loom, so a few bytes take the stream through a small front,
/// links, the spare slot, and a chunk that is used again because it was drained.
#[test]
fn loom_bytes_pass_in_order_through_chunks() {
    for limit in [2, 3] {
        explore_within(2, move || {
            let (mut writer, mut reader) = ring::byte_ring(limit);
            let sender = thread::spawn(move || {
                for mut data in [&b"a"[..], b"bcd", b"ef"] {
                    while !data.is_empty() {
                        let n = writer.write(data);
                        data = &data[n..];
                        if n == 0 {
                            thread::yield_now();
                        }
                    }
                }
                writer.finish();
            });
            let mut got = Vec::new();
            while !reader.is_finished() {
                let (a, b) = reader.peek();
                let n = a.len() + b.len();
                got.extend_from_slice(a);
                got.extend_from_slice(b);
                if reader.release(n) == 0 {
                    thread::yield_now();
                }
            }
            assert_eq!(got, b"abcdef");
            sender.join().unwrap();
        });
    }
}

/// The reader claims the chunk of a resting writer, or the writer takes it up again: never both.
#[test]
fn loom_memory_given_up_at_a_rest_has_one_taker() {
    explore_within(2, || {
        let (mut writer, mut reader) = ring::byte_ring(4);
        let sender = thread::spawn(move || {
            for part in [b"ab", b"cd"] {
                assert_eq!(writer.write(part), 2);
                writer.rest();
            }
        });
        let mut got = Vec::new();
        while got.len() < 4 {
            let mut out = [0; 4];
            let n = reader.read(&mut out);
            got.extend_from_slice(&out[..n]);
            reader.trim();
            if n == 0 {
                thread::yield_now();
            }
        }
        assert_eq!(got, b"abcd");
        sender.join().unwrap();
        reader.trim();
    });
}

/// Whoever comes second frees the chunk: after a rest and a trim, in whatever order, only the
/// header is left, so that a byte written next goes where nothing lay.
#[test]
fn loom_a_rest_and_a_trim_together_free_everything() {
    explore(|| {
        let (mut writer, mut reader) = ring::byte_ring(4);
        assert_eq!(writer.write(b"a"), 1);
        let sender = thread::spawn(move || {
            writer.rest();
            writer
        });
        assert_eq!(reader.release(1), 1);
        reader.trim();
        let mut writer = sender.join().unwrap();
        assert!(!writer.holds_memory());
        assert_eq!(writer.write(b"bcd"), 3);
        let mut out = [0; 4];
        assert_eq!(reader.read(&mut out), 3);
        assert_eq!(&out[..3], b"bcd");
    });
}

/// Loom reports a chunk or header that nobody frees.
#[test]
fn loom_either_half_may_leave_at_any_time() {
    for rests in [false, true] {
        explore(move || {
            let (mut writer, mut reader) = ring::byte_ring(8);
            assert_eq!(writer.write(b"a"), 1);
            let sender = thread::spawn(move || {
                writer.write(b"bcd");
                if rests {
                    writer.rest();
                } else {
                    writer.slices_at(3, 1).0[0] = b'z';
                }
            });
            let mut out = [0; 2];
            let n = reader.read(&mut out);
            assert_eq!(&out[..n], &b"ab"[..n]);
            drop(reader);
            sender.join().unwrap();
        });
    }
}

#[test]
fn loom_room_from_a_moved_limit_is_room() {
    explore(|| {
        let (mut writer, mut reader) = ring::byte_ring(1);
        let sender = thread::spawn(move || {
            let mut data = &b"abc"[..];
            while !data.is_empty() {
                let n = writer.write(data);
                data = &data[n..];
                if n == 0 {
                    thread::yield_now();
                }
            }
        });
        reader.set_limit(4);
        let mut got = Vec::new();
        while got.len() < 3 {
            let mut out = [0; 2];
            let n = reader.read(&mut out);
            got.extend_from_slice(&out[..n]);
            if n == 0 {
                thread::yield_now();
            }
        }
        assert_eq!(got, b"abc");
        sender.join().unwrap();
    });
}

#[test]
fn loom_bytes_placed_out_of_order_are_whole_when_committed() {
    explore(|| {
        let (mut writer, mut reader) = ring::byte_ring(4);
        writer.write(b"...");
        let sender = thread::spawn(move || {
            while writer.free() < 3 {
                thread::yield_now();
            }
            assert_eq!(writer.write_at(1, b"bc"), 2);
            assert_eq!(writer.write_at(0, b"a"), 1);
            writer.commit(3);
        });
        assert_eq!(reader.release(3), 3);
        while reader.len() == 0 {
            thread::yield_now();
        }
        let mut out = [0; 4];
        assert_eq!(reader.read(&mut out), 3);
        assert_eq!(&out[..3], b"abc");
        sender.join().unwrap();
    });
}

#[test]
fn loom_an_error_is_not_seen_before_the_bytes_ahead_of_it() {
    explore(|| {
        let (mut writer, mut reader) = ring::byte_ring(4);
        let sender = thread::spawn(move || {
            writer.write(b"ab");
            writer.fail(104);
        });
        let mut got = 0;
        for _ in 0..2 {
            if reader.is_finished() {
                assert_eq!(got, 2);
            }
            if let Some(code) = reader.error() {
                assert_eq!((code, got), (104, 2));
            }
            got += reader.read(&mut [0; 4]);
        }
        sender.join().unwrap();
    });
}

/// Both halves sleep without a timeout; loom reports a schedule in which nobody wakes them.
#[test]
fn loom_no_wake_up_is_lost() {
    explore(|| {
        let (mut writer, mut reader) = ring::byte_ring(1);
        let (data, room) = (Bell::new(), Bell::new());
        let (ring_data, wait_room) = (data.clone(), room.clone());
        let sender = thread::spawn(move || {
            for byte in [1, 2] {
                while writer.write(&[byte]) == 0 {
                    writer.set_waiting(true);
                    if writer.free() == 0 {
                        wait_room.wait();
                    }
                    writer.set_waiting(false);
                }
                if writer.take_reader_waiting() {
                    ring_data.ring();
                }
            }
            writer.finish();
            if writer.take_reader_waiting() {
                ring_data.ring();
            }
        });
        let mut got = Vec::new();
        loop {
            let mut byte = [0];
            if reader.read(&mut byte) == 1 {
                got.push(byte[0]);
                if reader.take_writer_waiting() {
                    room.ring();
                }
                continue;
            }
            if reader.is_finished() {
                break;
            }
            reader.set_waiting(true);
            if reader.is_empty() && !reader.finish_requested() {
                data.wait();
            }
            reader.set_waiting(false);
        }
        assert_eq!(got, [1, 2]);
        sender.join().unwrap();
    });
}

/// The announcement and the work cannot both go unseen, whatever the machine reorders.
#[test]
fn loom_either_the_sleeper_sees_the_work_or_the_worker_sees_the_sleeper() {
    explore(|| {
        let (mut tx, rx) = ring::channel::<u32>(2);
        let rung = Arc::new(AtomicBool::new(false));
        let bell = rung.clone();
        let worker = thread::spawn(move || {
            tx.push(1).unwrap();
            if tx.consumer_waiting() {
                bell.store(true, Ordering::Relaxed);
            }
        });
        rx.set_waiting(true);
        let seen = !rx.is_empty();
        worker.join().unwrap();
        assert!(seen || rung.load(Ordering::Relaxed));
    });
}
