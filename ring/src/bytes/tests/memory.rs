//! What a stream says it holds, against what its thread has taken from the pool.

use super::super::pool::TAKEN;
use super::*;

fn taken() -> usize {
    TAKEN.with(std::cell::Cell::get).cast_unsigned()
}

proptest! {
    /// The writer never says less than there is, and at most a chunk and a table more.
    #[test]
    fn the_writer_knows_what_the_stream_holds(
        limit in 1usize..200,
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let before = taken();
        let (mut writer, mut reader) = byte_ring(limit);
        for step in steps {
            match step {
                Step::Write(n) => {
                    writer.write(&vec![1; n]);
                }
                Step::Place(offset, n) => {
                    writer.write_at(offset, &vec![2; n]);
                }
                Step::Commit(n) => {
                    writer.commit(n);
                }
                Step::Read(n) | Step::Release(n) => {
                    reader.release(n);
                }
                Step::Peek(offset, n) => {
                    reader.peek_at(offset, n);
                }
                Step::Limit(limit) => writer.set_limit(limit),
                Step::Trim => writer.trim(),
                Step::Rest => writer.rest(),
                Step::TrimReader => reader.trim(),
            }
            let (holds, says) = (taken() - before, writer.memory());
            prop_assert!(holds <= says, "holds {holds}, says {says}");
            prop_assert!(says <= holds + LARGE + 2 * SMALL, "holds {holds}, says {says}");
        }
        drop((writer, reader));
        prop_assert_eq!(taken(), before);
    }

    /// The reader is told of nothing but what is committed, and so may miss an empty chunk of the
    /// writer's, and its table.
    #[test]
    fn the_reader_knows_what_committed_bytes_hold(
        limit in 1usize..200,
        steps in prop::collection::vec((0usize..90, 0usize..90, any::<bool>()), 0..100),
    ) {
        let before = taken();
        let (mut writer, mut reader) = byte_ring(limit);
        for (write, release, rest) in steps {
            writer.write(&vec![1; write]);
            if rest {
                writer.rest();
            }
            reader.release(release);
            reader.trim();
            let (holds, says) = (taken() - before, reader.memory());
            prop_assert!(holds <= says + LARGE + 2 * SMALL, "holds {holds}, says {says}");
            prop_assert!(says <= holds + LARGE + 2 * SMALL, "holds {holds}, says {says}");
        }
    }
}

#[test]
fn a_change_is_told_once_and_only_when_chunks_come_or_go() {
    let (mut writer, mut reader) = byte_ring(10 * LARGE);
    assert!(!writer.take_memory_changed() && !reader.take_memory_changed());
    writer.write(&[1; 2]);
    assert!(writer.take_memory_changed() && !writer.take_memory_changed());
    assert_eq!(reader.len(), 2);
    reader.peek();
    assert!(reader.take_memory_changed() && !reader.take_memory_changed());
    writer.write(&[1; 2]);
    reader.release(3);
    assert!(!writer.take_memory_changed() && !reader.take_memory_changed());
    writer.write(&[1; LARGE]);
    assert!(writer.take_memory_changed());
    reader.release(LARGE);
    assert!(reader.take_memory_changed());
}

#[test]
fn where_memory_is_short_a_stream_begins_small_again() {
    let (mut writer, mut reader) = byte_ring(10 * LARGE);
    let before = taken();
    for _ in 0..4 {
        writer.write(&[1; 2 * LARGE]);
        reader.release(2 * LARGE);
    }
    writer.trim();
    writer.write(&[1]);
    assert_eq!(taken() - before, LARGE, "the stream needed more than a small chunk before");
    reader.release(1);
    writer.prefer_small();
    assert_eq!(taken(), before);
    assert!(!writer.has_memory_for(0, 1));
    writer.write(&[1]);
    assert_eq!(taken() - before, SMALL);
    assert!(writer.has_memory_for(0, SMALL - 1) && !writer.has_memory_for(0, SMALL));
    // So does one whose limit is that small.
    let (mut writer, mut reader) = byte_ring(10 * LARGE);
    writer.write(&[1; 2 * LARGE]);
    reader.release(2 * LARGE);
    writer.trim();
    writer.set_limit(SMALL);
    let before = taken();
    writer.write(&[1; LARGE]);
    assert_eq!(taken() - before, SMALL);
}

#[test]
fn drained_chunks_that_wait_are_counted_and_can_be_given_back() {
    let (mut writer, mut reader) = byte_ring(10 * LARGE);
    writer.write(&[1; 4 * LARGE]);
    reader.release(3 * LARGE);
    let held = writer.memory();
    assert!(held >= 3 * LARGE, "a chunk in use and two that wait: {held}");
    let before = taken();
    reader.drop_spares();
    assert_eq!(before - taken(), 2 * LARGE);
    assert_eq!(held - writer.memory(), 2 * LARGE);
}
