//! The body of an upload: counted, hashed, thrown away.

use std::fmt::Write as _;

use ring::bytes::Reader;
use sha2::{Digest, Sha256};

/// Longest line between two chunks.
const LINE_MAX: usize = 256;

/// A body on its way in.
pub(super) struct Upload {
    framing: Framing,
    hash: Sha256,
    bytes: u64,
}

/// How the body says where it ends (RFC 9112 §6).
enum Framing {
    /// So many bytes are left.
    Length(u64),
    /// The line with a chunk's size, as far as it is there.
    ChunkSize(Vec<u8>),
    /// So many bytes of a chunk are left.
    Chunk(u64),
    /// The line end after a chunk, as far as it is there.
    ChunkEnd(Vec<u8>),
    /// Trailer lines; the present one as far as it is there.
    Trailer(Vec<u8>),
    Done,
}

/// How far a body is.
pub(super) enum Progress {
    Wait,
    /// All of it is there; what to answer.
    Done(String),
    Malformed,
}

impl Upload {
    pub(super) fn new(length: Option<u64>, chunked: bool) -> Self {
        let framing = if chunked {
            Framing::ChunkSize(Vec::new())
        } else {
            Framing::Length(length.unwrap_or(0))
        };
        Self { framing, hash: Sha256::new(), bytes: 0 }
    }

    /// Takes what is there.
    pub(super) fn take(&mut self, rx: &mut Reader) -> Progress {
        loop {
            let next = match &mut self.framing {
                Framing::Length(left) => {
                    let taken = swallow(rx, *left, &mut self.hash);
                    self.bytes += taken;
                    *left -= taken;
                    (*left == 0).then_some(Framing::Done)
                }
                Framing::Chunk(left) => {
                    let taken = swallow(rx, *left, &mut self.hash);
                    self.bytes += taken;
                    *left -= taken;
                    (*left == 0).then_some(Framing::ChunkEnd(Vec::new()))
                }
                Framing::ChunkSize(line) => match take_line(line, rx) {
                    Line::Partial => None,
                    Line::Whole => match chunk_size(line) {
                        Some(0) => Some(Framing::Trailer(Vec::new())),
                        Some(size) => Some(Framing::Chunk(size)),
                        None => return Progress::Malformed,
                    },
                    Line::TooLong => return Progress::Malformed,
                },
                Framing::ChunkEnd(line) => match take_line(line, rx) {
                    Line::Partial => None,
                    Line::Whole if line.is_empty() => Some(Framing::ChunkSize(Vec::new())),
                    Line::Whole | Line::TooLong => return Progress::Malformed,
                },
                Framing::Trailer(line) => match take_line(line, rx) {
                    Line::Partial => None,
                    Line::Whole if line.is_empty() => Some(Framing::Done),
                    Line::Whole => Some(Framing::Trailer(Vec::new())),
                    Line::TooLong => return Progress::Malformed,
                },
                Framing::Done => return Progress::Done(self.report()),
            };
            match next {
                Some(next) => self.framing = next,
                None => return Progress::Wait,
            }
        }
    }

    fn report(&mut self) -> String {
        let mut hex = String::with_capacity(64);
        for byte in self.hash.finalize_reset() {
            // Writing to a string does not fail.
            let _ = write!(hex, "{byte:02x}");
        }
        format!("{{\"bytes\":{},\"sha256\":\"{hex}\"}}\n", self.bytes)
    }
}

/// Hashes and releases at most `left` bytes, and returns how many. All that is there is taken: no
/// further event would report the rest, and one look at the ring shows only a part of much.
fn swallow(rx: &mut Reader, left: u64, hash: &mut Sha256) -> u64 {
    let mut swallowed = 0;
    loop {
        let rest = usize::try_from(left - swallowed).unwrap_or(usize::MAX);
        let (first, second) = rx.peek_at(0, rest);
        hash.update(first);
        hash.update(second);
        let taken = first.len() + second.len();
        if taken == 0 {
            return swallowed;
        }
        rx.release(taken);
        swallowed += taken as u64;
    }
}

enum Line {
    Partial,
    /// A line is there, without its end.
    Whole,
    TooLong,
}

fn take_line(line: &mut Vec<u8>, rx: &mut Reader) -> Line {
    let mut byte = [0];
    while rx.read(&mut byte) == 1 {
        if byte[0] == b'\n' {
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Line::Whole;
        }
        if line.len() >= LINE_MAX {
            return Line::TooLong;
        }
        line.push(byte[0]);
    }
    Line::Partial
}

/// The size of a chunk; extensions are ignored.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    let digits = text.split(';').next()?.trim();
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_there_is_swallowed() {
        let (mut tx, mut rx) = ring::byte_ring(1 << 20);
        let data = vec![7; 300_000];
        assert_eq!(tx.write(&data), data.len());
        assert_eq!(swallow(&mut rx, 299_999, &mut Sha256::default()), 299_999);
        assert_eq!(rx.len(), 1);
    }

    const ABC: &str = "{\"bytes\":3,\"sha256\":\"ba7816bf8f01cfea414140de5dae2223\
                       b00361a396177a9cb410ff61f20015ad\"}\n";

    fn feed(upload: &mut Upload, data: &[u8]) -> Option<String> {
        let (mut tx, mut rx) = ring::byte_ring(64);
        // One byte at a time: every boundary is crossed.
        for byte in data {
            tx.write(&[*byte]);
            match upload.take(&mut rx) {
                Progress::Wait => {}
                Progress::Done(report) => return Some(report),
                Progress::Malformed => return None,
            }
        }
        None
    }

    #[test]
    fn a_body_of_known_length_is_hashed() {
        assert_eq!(feed(&mut Upload::new(Some(3), false), b"abc").as_deref(), Some(ABC));
    }

    #[test]
    fn chunks_are_put_together() {
        let body = b"2;x=y\r\nab\r\n1\r\nc\r\n0\r\nTrailer: x\r\n\r\n";
        assert_eq!(feed(&mut Upload::new(None, true), body).as_deref(), Some(ABC));
    }

    #[test]
    fn malformed_chunks_are_refused() {
        for body in [&b"x\r\n"[..], b"1\r\nabc\r\n", b"-1\r\n"] {
            assert_eq!(feed(&mut Upload::new(None, true), body), None);
        }
    }
}
