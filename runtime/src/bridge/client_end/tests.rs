//! What a client's end says of an end that is clean, and of one that is not.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use ring::{Reader, byte_ring};

use super::*;

struct Pair {
    ours: ClientEnd,
    theirs: UnixStream,
    tx: Writer,
    rx: Reader,
}

fn open() -> Pair {
    let (ours, theirs) = ClientEnd::open().unwrap();
    let (tx, rx) = byte_ring(1 << 20);
    Pair { ours, theirs: theirs.into(), tx, rx }
}

impl Pair {
    /// Takes all that waits, in parts of at most `part` bytes.
    fn take(&mut self, part: usize) -> Vec<u8> {
        loop {
            let waiting = self.ours.waiting();
            if waiting == 0 {
                break;
            }
            let moved = self.ours.take(&mut self.tx, waiting.min(part), waiting).unwrap();
            assert!(moved > 0);
        }
        let mut taken = vec![0; self.rx.len()];
        self.rx.read(&mut taken);
        taken
    }

    /// What the client reads when ours is closed: the data, and whether the end was a clean one.
    fn close(self) -> (Vec<u8>, bool) {
        let Self { ours, mut theirs, .. } = self;
        drop(ours);
        let mut rest = Vec::new();
        let clean = match theirs.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                assert_eq!(theirs.read(&mut [0]).unwrap(), 0, "an error is told once");
                false
            }
        };
        (rest, clean)
    }
}

#[test]
fn a_sudden_end_is_a_reset_behind_the_data() {
    for written in [&b""[..], b"GET /", &[7; KEPT_BATCH_MAX]] {
        let mut pair = open();
        pair.theirs.write_all(written).unwrap();
        assert!(pair.take(usize::MAX) == written);
        send(pair.ours.fd(), b"half a page", SendFlags::empty()).unwrap();
        assert_eq!(pair.close(), (b"half a page".to_vec(), false));
    }
}

#[test]
fn what_was_not_taken_is_lost_with_a_reset_too() {
    let mut pair = open();
    pair.theirs.write_all(&[7; 100_000]).unwrap();
    assert_eq!(pair.close(), (Vec::new(), false));
}

#[test]
fn a_finished_end_is_clean() {
    for written in [&b""[..], b"GET /", &[7; 3 * KEPT_BATCH_MAX]] {
        let mut pair = open();
        pair.theirs.write_all(written).unwrap();
        pair.take(usize::MAX);
        pair.ours.finish();
        assert_eq!(pair.close(), (Vec::new(), true));
    }
}

#[test]
fn every_byte_is_taken_once_whatever_the_parts() {
    let data: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    for part in [1, 2, 1000, 4096, 70_000, usize::MAX] {
        let mut pair = open();
        let mut got = Vec::new();
        let mut left = &data[..if part < 3 { 3000 } else { data.len() }];
        let whole = left;
        for size in [1, 1, 2, 500, 1023, 1024, 1025, 5000, 40_000].into_iter().cycle() {
            let (now, later) = left.split_at(size.min(left.len()));
            pair.theirs.write_all(now).unwrap();
            left = later;
            // Sometimes several writes lie there together.
            if size != 2 {
                got.extend(pair.take(part));
            }
            if left.is_empty() {
                break;
            }
        }
        got.extend(pair.take(part));
        assert!(got == whole, "{part}");
    }
}

/// The client's end polls as writable as soon as all is taken, however little it may buffer.
#[test]
fn the_byte_that_stays_does_not_close_the_client_out() {
    for buffer in [5000, 16_384, 65_536, 212_992] {
        for size in [1, 1000, KEPT_BATCH_MAX, 4000, 100_000] {
            let mut pair = open();
            sockopt::set_socket_send_buffer_size(&pair.theirs, buffer).unwrap();
            pair.theirs.set_nonblocking(true).unwrap();
            let data = vec![1; size];
            let mut sent = 0;
            while sent < size {
                match pair.theirs.write(&data[sent..]) {
                    Ok(n) => sent += n,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
                pair.take(usize::MAX);
            }
            let mut fds = [rustix::event::PollFd::new(&pair.theirs, rustix::event::PollFlags::OUT)];
            let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
            assert_eq!(rustix::event::poll(&mut fds, Some(&now)), Ok(1), "{size} of {buffer}");
        }
    }
}

#[test]
fn bytes_that_only_filled_the_pair_are_dropped() {
    let mut pair = open();
    pair.theirs.write_all(&[0; 10]).unwrap();
    pair.theirs.write_all(b"data").unwrap();
    pair.ours.drop_bytes(10);
    assert_eq!(pair.ours.waiting(), 4);
    assert_eq!(pair.take(usize::MAX), b"data");
    assert_eq!(pair.close(), (Vec::new(), false));
}

#[test]
fn a_client_that_closes_with_data_unread_has_reset() {
    let mut pair = open();
    pair.theirs.write_all(b"GET /").unwrap();
    pair.take(usize::MAX);
    send(pair.ours.fd(), b"a page", SendFlags::empty()).unwrap();
    let Pair { ours, theirs, .. } = pair;
    assert!(!ours.was_reset());
    theirs.shutdown(Shutdown::Write).unwrap();
    assert!(!ours.was_reset());
    drop(theirs);
    assert!(ours.was_reset());
}
