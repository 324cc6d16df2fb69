//! What was sent, as a capture file for a packet viewer.
//!
//! The classic pcap format with nanoseconds, link type Ethernet. A frame is written when its host
//! sends it, whether or not the link then loses it, so that the file shows what the hosts did.

use stack::Instant;

/// A capture in memory.
#[derive(Debug)]
pub struct Pcap(Vec<u8>);

const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const SNAP_LEN: u32 = 262_144;
const LINK_ETHERNET: u32 = 1;
const FILE_HEADER_LEN: usize = 24;

impl Default for Pcap {
    fn default() -> Self {
        let mut bytes = Vec::with_capacity(1 << 16);
        bytes.extend(MAGIC_NANOSECONDS.to_le_bytes());
        bytes.extend(2u16.to_le_bytes());
        bytes.extend(4u16.to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(SNAP_LEN.to_le_bytes());
        bytes.extend(LINK_ETHERNET.to_le_bytes());
        Self(bytes)
    }
}

impl Pcap {
    /// Adds a frame.
    pub fn write(&mut self, now: Instant, frame: &[u8]) {
        let len = frame.len() as u32;
        let kept = len.min(SNAP_LEN);
        for word in [(now.nanos() / 1_000_000_000) as u32, (now.nanos() % 1_000_000_000) as u32] {
            self.0.extend(word.to_le_bytes());
        }
        self.0.extend(kept.to_le_bytes());
        self.0.extend(len.to_le_bytes());
        self.0.extend(&frame[..kept as usize]);
    }

    /// The frames with their times, oldest first.
    pub fn frames(&self) -> impl Iterator<Item = (Instant, &[u8])> {
        let mut rest = &self.0[FILE_HEADER_LEN..];
        std::iter::from_fn(move || {
            let (header, body) = rest.split_first_chunk::<16>()?;
            let word = |at: usize| {
                let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
                u64::from(u32::from_le_bytes(bytes))
            };
            let (frame, next) = body.split_at(word(8) as usize);
            rest = next;
            Some((Instant::from_nanos(word(0) * 1_000_000_000 + word(4)), frame))
        })
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_a_header_of_sixteen_bytes() {
        let mut pcap = Pcap::default();
        assert_eq!(pcap.bytes().len(), 24);
        pcap.write(Instant::from_nanos(3_000_000_007), b"frame");
        let record = &pcap.bytes()[24..];
        assert_eq!(record, b"\x03\0\0\0\x07\0\0\0\x05\0\0\0\x05\0\0\0frame");
        pcap.write(Instant::ZERO, b"");
        let frames: Vec<_> = pcap.frames().collect();
        assert_eq!(frames[0], (Instant::from_nanos(3_000_000_007), &b"frame"[..]));
        assert_eq!(frames.len(), 2);
    }
}
