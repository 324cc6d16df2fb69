//! Tests of the stream of bytes: a model in plain vectors, chunks that come and go, the end of the
//! stream, and two threads that stream and sleep. Chunks are tiny here (`chunk::SMALL`,
//! `chunk::LARGE`), so that every boundary is crossed.

mod memory;

use super::chunk::{LARGE, SMALL};
use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::thread;

/// The byte at a stream position; 251 is prime, so no power of two hides a shift.
fn byte_at(position: u64) -> u8 {
    (position % 251) as u8 ^ (position >> 16) as u8
}

fn joined((a, b): (&[u8], &[u8])) -> Vec<u8> {
    [a, b].concat()
}

/// Every byte that is there.
fn all(reader: &Reader) -> Vec<u8> {
    let mut out = vec![0; reader.len()];
    assert_eq!(reader.read_at(0, &mut out), out.len());
    out
}

/// Writes `data` out of order: `offset` beyond the committed end, without committing.
fn place(writer: &mut Writer, offset: usize, data: &[u8]) {
    assert_eq!(writer.write_at(offset, data), data.len(), "the range is free");
}

/// A stream with a limit of 16 that has carried `start` bytes and is empty.
fn ring_at(start: usize) -> (Writer, Reader) {
    let (mut writer, mut reader) = byte_ring(16);
    assert_eq!(writer.write(&vec![0xee; start]), start);
    assert_eq!(reader.release(start), start);
    (writer, reader)
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    Place(usize, usize),
    Commit(usize),
    Read(usize),
    Peek(usize, usize),
    Release(usize),
    Limit(usize),
    Trim,
    Rest,
    TrimReader,
}

fn step() -> impl Strategy<Value = Step> {
    let n = || 0usize..90;
    prop_oneof![
        n().prop_map(Step::Write),
        (n(), n()).prop_map(|(a, b)| Step::Place(a, b)),
        n().prop_map(Step::Commit),
        n().prop_map(Step::Read),
        (n(), n()).prop_map(|(a, b)| Step::Peek(a, b)),
        n().prop_map(Step::Release),
        (1usize..200).prop_map(Step::Limit),
        Just(Step::Trim),
        Just(Step::Rest),
        Just(Step::TrimReader),
    ]
}

/// The same ring with nothing clever: committed bytes in a queue, placed ones in a list.
struct Model {
    limit: usize,
    committed: VecDeque<u8>,
    /// What lies in the free region, from the committed end on.
    placed: Vec<Option<u8>>,
}

impl Model {
    fn free(&self) -> usize {
        self.limit.saturating_sub(self.committed.len())
    }

    fn commit(&mut self, n: usize) {
        for _ in 0..n {
            let byte = if self.placed.is_empty() { None } else { self.placed.remove(0) };
            self.committed.push_back(byte.unwrap_or(0));
        }
    }

    fn place(&mut self, offset: usize, data: &[u8]) {
        let end = offset + data.len();
        self.placed.resize(self.placed.len().max(end), None);
        for (slot, byte) in self.placed[offset..end].iter_mut().zip(data) {
            *slot = Some(*byte);
        }
    }

    /// How many bytes may be committed without showing memory nobody wrote in this round.
    fn known(&self) -> usize {
        self.placed.iter().take_while(|b| b.is_some()).count()
    }
}

proptest! {
    #[test]
    fn behaves_like_a_queue(
        limit in 1usize..200,
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let (mut writer, mut reader) = byte_ring(limit);
        let mut model = Model { limit, committed: VecDeque::new(), placed: Vec::new() };
        let mut stamp = 0u8;
        let mut fresh = |n: usize| -> Vec<u8> {
            (0..n).map(|_| { stamp = stamp.wrapping_add(1); stamp }).collect()
        };
        for step in steps {
            match step {
                Step::Write(n) => {
                    let data = fresh(n);
                    let n = n.min(model.free());
                    prop_assert_eq!(writer.write(&data), n);
                    model.place(0, &data[..n]);
                    model.commit(n);
                }
                Step::Place(offset, n) => {
                    let offset = offset.min(model.free());
                    let data = fresh(n.min(model.free() - offset));
                    place(&mut writer, offset, &data);
                    model.place(offset, &data);
                }
                Step::Commit(n) => {
                    let n = n.min(model.known()).min(model.free());
                    prop_assert_eq!(writer.commit(n), n);
                    model.commit(n);
                }
                Step::Read(n) => {
                    let mut out = vec![0; n];
                    let n = n.min(model.committed.len());
                    prop_assert_eq!(reader.read(&mut out), n);
                    let expected: Vec<u8> = model.committed.drain(..n).collect();
                    prop_assert_eq!(&out[..n], &expected[..]);
                }
                Step::Peek(offset, n) => {
                    let expected: Vec<u8> =
                        model.committed.iter().skip(offset).take(n).copied().collect();
                    let mut out = vec![0; n];
                    prop_assert_eq!(reader.read_at(offset, &mut out), expected.len());
                    prop_assert_eq!(&out[..expected.len()], &expected[..]);
                    let peeked = joined(reader.peek_at(offset, n));
                    prop_assert!(peeked.len() >= expected.len().min(WHOLE));
                    prop_assert_eq!(&peeked[..], &expected[..peeked.len()]);
                }
                Step::Limit(limit) => {
                    if limit % 2 == 0 { writer.set_limit(limit) } else { reader.set_limit(limit) }
                    model.limit = limit;
                    prop_assert_eq!((writer.limit(), reader.limit()), (limit, limit));
                }
                Step::Trim => {
                    writer.trim();
                    if model.committed.is_empty() {
                        model.placed.clear();
                    }
                }
                Step::Rest => {
                    writer.rest();
                    model.placed.clear();
                }
                Step::TrimReader => reader.trim(),
                Step::Release(n) => {
                    let n = n.min(model.committed.len());
                    prop_assert_eq!(reader.release(n), n);
                    model.committed.drain(..n);
                }
            }
            prop_assert_eq!(writer.free(), model.free());
            prop_assert_eq!(writer.buffered(), model.committed.len());
            prop_assert_eq!(reader.len(), model.committed.len());
            prop_assert_eq!(writer.position() - reader.position(), model.committed.len() as u64);
            prop_assert_eq!(all(&reader), Vec::from(model.committed.clone()));
        }
    }

    /// Pieces of one stream in any order, each placed where it belongs and committed when the gap
    /// before it is closed: what a receiver does with reordered segments.
    #[test]
    fn out_of_order_pieces_come_out_in_order(
        start in 0usize..64,
        cuts in prop::collection::btree_set(1usize..63, 0..8),
        order in any::<u64>(),
    ) {
        let (mut writer, mut reader) = byte_ring(64);
        writer.write(&vec![0; start]);
        reader.release(start);
        let data: Vec<u8> = (0..64).map(|i| byte_at(1000 + i)).collect();
        let mut edges: Vec<usize> = std::iter::once(0).chain(cuts).collect();
        edges.push(64);
        let mut pieces: Vec<(usize, usize)> = edges.windows(2).map(|w| (w[0], w[1])).collect();
        let mut arrived = [false; 64];
        let mut committed = 0;
        let mut order = order;
        while !pieces.is_empty() {
            let (from, to) = pieces.swap_remove(order as usize % pieces.len());
            order = order.rotate_right(7);
            place(&mut writer, from - committed, &data[from..to]);
            arrived[from..to].fill(true);
            let ready = arrived.iter().take_while(|a| **a).count();
            writer.commit(ready - committed);
            committed = ready;
        }
        prop_assert_eq!(all(&reader), data);
    }
}

#[test]
fn a_limit_is_kept_and_never_zero() {
    for (wanted, got) in [(0, 1), (1, 1), (3, 3), (500, 500), (usize::MAX, MAX_LIMIT)] {
        let (writer, reader) = byte_ring(wanted);
        assert_eq!((writer.limit(), reader.limit(), writer.free()), (got, got, got));
    }
}

#[test]
fn a_limit_below_what_is_buffered_makes_no_room_until_it_is_read() {
    let (mut writer, mut reader) = byte_ring(100);
    assert_eq!(writer.write(&[7; 80]), 80);
    reader.set_limit(50);
    assert_eq!((writer.free(), writer.write(b"x"), reader.len()), (0, 0, 80));
    assert_eq!(reader.release(30), 30);
    assert_eq!(writer.free(), 0);
    assert_eq!(reader.release(1), 1);
    assert_eq!(writer.write(b"xyz"), 1);
    writer.set_limit(60);
    assert_eq!(writer.write(&[8; 100]), 10);
}

/// As many bytes as there can be at all, so that the index is full, across its own end.
#[test]
fn the_largest_limit_can_be_filled_at_any_start() {
    let (mut writer, mut reader) = byte_ring(MAX_LIMIT);
    let data: Vec<u8> = (0..MAX_LIMIT as u64).map(byte_at).collect();
    for start in [0, 1, SMALL - 1, SMALL, LARGE, LARGE + 3] {
        assert_eq!(writer.write(&data[..start]), start);
        place(&mut writer, MAX_LIMIT - start - 1, &[1]);
        let rest = MAX_LIMIT - start;
        assert_eq!(writer.write(&data[start..]), rest);
        assert_eq!(writer.free(), 0);
        assert_eq!(reader.release(start), start);
        assert!(all(&reader) == data[start..], "start {start}");
        assert_eq!(reader.release(rest), rest);
        writer.trim();
    }
}

#[test]
fn out_of_order_across_chunks() {
    let (mut writer, mut reader) = ring_at(SMALL - 4);
    place(&mut writer, 6, b"789a");
    place(&mut writer, 2, b"3456");
    assert!(reader.is_empty(), "nothing is visible before the commit");
    place(&mut writer, 0, b"12");
    assert_eq!(writer.commit(10), 10);
    assert_eq!(reader.peek(), (&b"1234"[..], &b"56789a"[..]), "the small chunk ends after 4");
    assert_eq!(reader.peek_at(3, 3), (&b"4"[..], &b"56"[..]));
    assert_eq!(reader.peek_at(4, 2), (&b"56"[..], &b""[..]), "wholly in the large chunk");
    let mut out = [0; 10];
    assert_eq!(reader.read(&mut out), 10);
    assert_eq!(&out, b"123456789a");
}

#[test]
fn a_byte_far_ahead_takes_one_chunk_only() {
    let (mut writer, mut reader) = byte_ring(10 * LARGE);
    place(&mut writer, 9 * LARGE, b"z");
    for part in 0..9 {
        assert!(reader.is_empty());
        place(&mut writer, part * LARGE, &[part as u8; LARGE]);
    }
    assert_eq!(writer.commit(9 * LARGE + 1), 9 * LARGE + 1);
    for part in 0..9 {
        let mut out = [0; LARGE];
        assert_eq!(reader.read(&mut out), LARGE);
        assert_eq!(out, [part; LARGE]);
    }
    assert_eq!(all(&reader), b"z");
}

/// Every state that a rest can find the reader in, and every way on from it.
#[test]
fn a_rest_keeps_what_is_unread_and_either_half_may_go_on() {
    for written in [1, SMALL, SMALL + 1, SMALL + LARGE, SMALL + LARGE + 1] {
        for read in [0, 1, written - 1, written] {
            for reader_trims in [false, true] {
                let (mut writer, mut reader) = byte_ring(4 * LARGE);
                let data: Vec<u8> = (0..2 * written as u64).map(byte_at).collect();
                assert_eq!(writer.write(&data[..written]), written);
                writer.rest();
                reader.release(read);
                if reader_trims {
                    reader.trim();
                }
                writer.rest();
                assert_eq!(writer.write(&data[written..]), written);
                assert_eq!(all(&reader), data[read..], "{written} {read} {reader_trims}");
                reader.release(usize::MAX);
                writer.trim();
                reader.trim();
                assert_eq!(writer.write(b"more"), 4);
                assert_eq!(all(&reader), b"more");
            }
        }
    }
}

#[test]
fn either_half_may_leave_first_with_bytes_unread_and_placed() {
    for written in [0, 1, SMALL, SMALL + 1, SMALL + LARGE, 3 * LARGE] {
        for read in [0, 1, written] {
            for order in 0..4 {
                let (mut writer, mut reader) = byte_ring(8 * LARGE);
                writer.write(&vec![1; written]);
                place(&mut writer, 3 * LARGE, b"never committed");
                reader.release(read);
                match order {
                    0 => drop(writer),
                    1 => drop(reader),
                    2 => {
                        drop(reader);
                        writer.write(&[2; 2 * LARGE]);
                    }
                    _ => {
                        drop(writer);
                        assert_eq!(all(&reader), vec![1; written - read.min(written)]);
                        reader.release(usize::MAX);
                        reader.trim();
                    }
                }
            }
        }
    }
}

#[test]
fn placed_bytes_survive_commits_and_releases_before_them() {
    let (mut writer, mut reader) = ring_at(9);
    place(&mut writer, 10, b"LATE");
    assert_eq!(writer.write(b"01234"), 5);
    assert_eq!(reader.release(5), 5);
    place(&mut writer, 0, b"56789");
    assert_eq!(writer.commit(9), 9);
    assert_eq!(joined(reader.peek()), b"56789LATE");
}

#[test]
fn ranges_that_do_not_fit_are_cut() {
    let (mut writer, mut reader) = ring_at(3);
    let (a, b) = writer.slices_at(10, 100);
    assert_eq!(a.len() + b.len(), 6);
    let (a, b) = writer.slices_at(usize::MAX, usize::MAX);
    assert_eq!(a.len() + b.len(), 0);
    assert_eq!(writer.write(&[7; 100]), 16);
    assert_eq!(writer.write(&[8; 100]), 0);
    assert_eq!(writer.commit(1), 0, "a full ring commits nothing");
    assert_eq!(joined(reader.peek_at(15, usize::MAX)), [7]);
    assert_eq!(joined(reader.peek_at(usize::MAX, 1)), []);
    assert_eq!(reader.release(usize::MAX), 16);
    assert_eq!(reader.release(1), 0);
}

#[test]
fn finish_comes_after_the_data() {
    let (mut writer, mut reader) = byte_ring(16);
    writer.write(b"bye");
    assert!(!reader.finish_requested() && !reader.is_finished());
    writer.finish();
    assert!(writer.is_finished() && reader.finish_requested());
    assert!(!reader.is_finished(), "three bytes are left");
    assert_eq!((writer.write(b"more"), writer.commit(1)), (0, 0), "the end is the end");
    reader.release(3);
    assert!(reader.is_finished());
    assert_eq!((reader.error(), reader.pending_error()), (None, None));
}

#[test]
fn fail_comes_after_the_data_and_the_first_one_stays() {
    let (mut writer, mut reader) = byte_ring(16);
    writer.write(b"x");
    writer.fail(104);
    writer.fail(110);
    writer.finish();
    assert_eq!((reader.error(), reader.pending_error()), (None, Some(104)));
    assert!(reader.finish_requested() && !reader.is_finished());
    reader.release(1);
    assert_eq!(reader.error(), Some(104));
    assert!(reader.is_finished());
}

#[test]
fn an_error_replaces_an_end_in_order_and_code_zero_is_an_error() {
    let (mut writer, reader) = byte_ring(16);
    writer.finish();
    assert_eq!(reader.error(), None);
    writer.fail(0);
    assert_eq!(reader.error(), Some(0));
}

#[test]
fn each_half_sees_the_other_leave() {
    let (mut writer, mut reader) = byte_ring(16);
    writer.write(b"last words");
    assert!(!reader.writer_gone());
    drop(writer);
    assert!(reader.writer_gone() && !reader.finish_requested());
    let mut out = [0; 16];
    assert_eq!(reader.read(&mut out), 10);

    let (mut writer, reader) = byte_ring(4);
    assert!(!writer.reader_gone());
    drop(reader);
    assert!(writer.reader_gone());
    assert_eq!(writer.write(b"12345"), 4, "writing into the void is harmless");
}

#[test]
fn waiting_flags_are_seen_and_taken_once() {
    let (writer, reader) = byte_ring(16);
    assert!(!writer.reader_waiting() && !reader.writer_waiting());
    reader.set_waiting(true);
    writer.set_waiting(true);
    assert!(writer.reader_waiting() && writer.reader_waiting());
    assert!(writer.take_reader_waiting() && !writer.take_reader_waiting());
    assert!(reader.take_writer_waiting() && !reader.writer_waiting());
    reader.set_waiting(true);
    reader.set_waiting(false);
    assert!(!writer.reader_waiting());
}

#[test]
fn halves_may_change_threads() {
    fn is_send<T: Send>() {}
    is_send::<Writer>();
    is_send::<Reader>();
}

/// A cheap generator for chunk sizes.
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state as usize
}

#[test]
fn two_threads_stream_every_byte_in_order() {
    const TOTAL: u64 = 8 << 20;
    let (mut writer, mut reader) = byte_ring(4096);
    let sender = thread::spawn(move || {
        let mut seed = 1;
        while writer.position() < TOTAL {
            let want = (next(&mut seed) % 6000).min((TOTAL - writer.position()) as usize);
            let mut position = writer.position();
            let (a, b) = writer.slices_at(0, want);
            for byte in a.iter_mut().chain(b) {
                *byte = byte_at(position);
                position += 1;
            }
            let n = (position - writer.position()) as usize;
            if writer.commit(n) == 0 {
                thread::yield_now();
            }
        }
        writer.finish();
    });
    let mut seed = 2;
    while !reader.is_finished() {
        let want = next(&mut seed) % 6000;
        let (a, b) = reader.peek_at(0, want);
        for (i, byte) in a.iter().chain(b).enumerate() {
            assert_eq!(*byte, byte_at(reader.position() + i as u64));
        }
        let n = a.len() + b.len();
        if reader.release(n) == 0 {
            thread::yield_now();
        }
    }
    assert_eq!(reader.position(), TOTAL);
    sender.join().expect("the writer does not panic");
}

/// Both sides sleep without a timeout whenever they find nothing to do: one lost wake-up hangs.
#[test]
fn two_threads_that_sleep_lose_no_wake_up() {
    const TOTAL: u64 = 400_000;
    let (mut writer, mut reader) = byte_ring(64);
    let consumer = thread::current();
    let sender = thread::spawn(move || {
        let mut seed = 3;
        while writer.position() < TOTAL {
            let position = writer.position();
            let want = (next(&mut seed) % 40 + 1).min((TOTAL - position) as usize);
            let data: Vec<u8> = (position..position + want as u64).map(byte_at).collect();
            if writer.write(&data) > 0 {
                if writer.take_reader_waiting() {
                    consumer.unpark();
                }
                continue;
            }
            writer.set_waiting(true);
            if writer.free() == 0 {
                thread::park();
            }
            writer.set_waiting(false);
        }
        writer.finish();
        if writer.take_reader_waiting() {
            consumer.unpark();
        }
    });
    let producer = sender.thread().clone();
    let mut seed = 4;
    while !reader.is_finished() {
        let mut out = [0; 48];
        let position = reader.position();
        let want = next(&mut seed) % out.len() + 1;
        let n = reader.read(&mut out[..want]);
        for (i, byte) in out[..n].iter().enumerate() {
            assert_eq!(*byte, byte_at(position + i as u64));
        }
        if n > 0 {
            if reader.take_writer_waiting() {
                producer.unpark();
            }
            continue;
        }
        reader.set_waiting(true);
        if reader.is_empty() && !reader.finish_requested() {
            thread::park();
        }
        reader.set_waiting(false);
    }
    assert_eq!(reader.position(), TOTAL);
    sender.join().expect("the writer does not panic");
}

/// What `SIOCATMARK` is about: reading stops once at the mark.
#[test]
fn a_reader_stops_at_the_mark() {
    let (mut tx, mut rx) = byte_ring(100);
    assert!(!rx.at_mark());
    tx.set_mark(3);
    assert_eq!(tx.limit(), 100);
    tx.write(b"abcdef");
    let mut out = [0; 8];
    assert_eq!((rx.len(), rx.peek().0), (6, &b"abc"[..]));
    assert_eq!(rx.release(5), 3);
    assert!(rx.at_mark());
    assert_eq!(rx.read(&mut out), 3);
    assert_eq!(out[..3], *b"def");
    assert!(!rx.at_mark());
    // One before all that is there, one ahead of what is there, and one that another replaces.
    tx.set_mark(6);
    tx.write(b"gh");
    assert!(rx.at_mark());
    tx.set_mark(9);
    tx.set_mark(10);
    tx.write(b"i");
    assert_eq!(rx.read(&mut out), 3);
    tx.write(b"jk");
    tx.set_limit(50);
    assert_eq!(rx.read(&mut out), 1);
    assert!(rx.at_mark() && !rx.is_empty());
    assert_eq!(rx.read(&mut out), 1);
    assert_eq!(tx.limit(), 50);
    // A mark that was passed is never met again, however long the stream.
    for _ in 0..10 {
        assert_eq!(tx.write(&[0; 20]), 20);
        assert_eq!(rx.release(20), 20);
    }
    tx.set_mark(tx.position() + 3);
    tx.write(b"abcdef");
    assert_eq!((rx.discard(), rx.discard()), (6, 0));
    // Nothing is lost where a half leaves before the mark.
    tx.set_mark(tx.position() + 40);
    tx.write(&[1; 50]);
    drop(tx);
    drop(rx);
}
