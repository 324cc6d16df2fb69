//! Bytes that tell where they belong: a block of prime length, over and over.

use std::io::{self, Read, Write};

const BLOCK: usize = 1_000_003;

/// An endless stream of bytes, the same in every process.
#[derive(Debug)]
pub struct Pattern {
    twice: Vec<u8>,
}

impl Default for Pattern {
    fn default() -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut byte = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        let mut twice: Vec<u8> = (0..BLOCK).map(|_| byte()).collect();
        twice.extend_from_within(..);
        Self { twice }
    }
}

impl Pattern {
    /// The `len` bytes (at most a block) at `offset` of the stream.
    #[must_use]
    pub fn at(&self, offset: u64, len: usize) -> &[u8] {
        let start = (offset % BLOCK as u64) as usize;
        &self.twice[start..start + len.min(BLOCK)]
    }

    /// Writes the first `total` bytes of the stream.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn send(&self, mut to: impl Write, total: u64) -> io::Result<()> {
        let mut sent = 0;
        while sent < total {
            let len = (total - sent).min(256 * 1024) as usize;
            to.write_all(self.at(sent, len))?;
            sent += len as u64;
        }
        Ok(())
    }

    /// Reads to the end and compares with the stream; how many bytes came.
    ///
    /// # Errors
    /// Those of the reader, and `InvalidData` at the first byte that is wrong.
    pub fn check(&self, mut from: impl Read) -> io::Result<u64> {
        let mut buffer = vec![0; 256 * 1024];
        let mut seen = 0;
        loop {
            let got = match from.read(&mut buffer) {
                Ok(0) => return Ok(seen),
                Ok(got) => got,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            if buffer[..got] != *self.at(seen, got) {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("wrong byte between {seen} and {}", seen + got as u64),
                ));
            }
            seen += got as u64;
        }
    }
}
