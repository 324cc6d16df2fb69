//! What streams hold while they are idle, and that a stream in steady use asks the allocator for
//! nothing.
#![cfg(not(loom))]

use allocation_counter::measure;
use ring::{Reader, Writer, byte_ring};

/// Two cache lines.
const HEADER: u64 = 128;

fn pass(writer: &mut Writer, reader: &mut Reader, data: &[u8], out: &mut [u8]) {
    assert_eq!(writer.write(data), data.len());
    assert_eq!(reader.read(out), data.len());
    assert!(out[..data.len()] == *data);
}

#[test]
fn an_idle_stream_holds_its_header_only() {
    let (message, large) = (vec![7; 300], vec![8; 100_000]);
    let mut out = vec![0; large.len()];
    let mut streams: Vec<(Writer, Reader)> = Vec::with_capacity(1000);
    // Whatever the pool is to keep, it has.
    {
        let (mut writer, mut reader) = byte_ring(1 << 20);
        pass(&mut writer, &mut reader, &message, &mut out);
        pass(&mut writer, &mut reader, &large, &mut out);
    }
    let made = measure(|| streams.extend((0..1000).map(|_| byte_ring(6 << 20))));
    assert_eq!(made.bytes_current, 1000 * HEADER as i64);
    let used = measure(|| {
        for (writer, reader) in &mut streams {
            pass(writer, reader, &message, &mut out);
            // As a stack does on the receiving side.
            writer.trim();
            assert!(!writer.holds_memory());
            // As a stack does on the sending side, for an application that is done for now.
            writer.write(&large);
            writer.rest();
            reader.release(large.len());
            reader.trim();
            assert!(!writer.holds_memory());
        }
    });
    assert_eq!((used.bytes_current, used.count_total), (0, 0));
    let gone = measure(|| streams.clear());
    assert_eq!(gone.bytes_current, -1000 * HEADER as i64);
}

#[test]
fn bytes_placed_but_not_committed_are_forgotten_and_freed() {
    let (mut writer, _reader) = byte_ring(1 << 20);
    assert_eq!(writer.write_at(500_000, b"far ahead"), 9);
    assert!(writer.holds_memory());
    writer.trim();
    assert!(!writer.holds_memory());
}

#[test]
fn a_steady_stream_allocates_nothing() {
    for size in [1, 1460, 65_536, 300_000] {
        let (mut writer, mut reader) = byte_ring(1 << 20);
        let (data, mut out) = (vec![7; size], vec![0; size]);
        for _ in 0..100 {
            pass(&mut writer, &mut reader, &data, &mut out);
        }
        let steady = measure(|| {
            (0..2000).for_each(|_| pass(&mut writer, &mut reader, &data, &mut out));
            for _ in 0..2000 {
                pass(&mut writer, &mut reader, &data, &mut out);
                writer.trim();
            }
            for _ in 0..2000 {
                assert_eq!(writer.write(&data), size);
                writer.rest();
                assert_eq!(reader.read(&mut out), size);
                reader.trim();
            }
        });
        assert_eq!(steady.count_total, 0, "messages of {size}");
    }
}
