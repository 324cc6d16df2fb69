//! Decisions about single frames, where chance would not do.
//!
//! A [`Filter`] is asked about every frame that found room in the queue. [`Filter::data`] is made
//! for the usual question: which part of a TCP stream is this, and how often was it sent before?

use std::collections::BTreeMap;

use addr::{Endpoint, FlowKey};
use stack::Instant;
use stack::time::Duration;
use wire::tcp::SeqNum;
use wire::{ethernet, ip, tcp};

/// What happens to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Whatever chance decides.
    Pass,
    /// It is lost.
    Lose,
    /// It passes but arrives so much later.
    Hold(Duration),
}

type Judge = dyn FnMut(Instant, usize, &[u8]) -> Fate;

/// Decides about single frames.
pub struct Filter(Box<Judge>);

/// A piece of a TCP stream in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where in the stream it begins; the first byte of data is 0.
    pub offset: u64,
    /// Its bytes.
    pub len: u64,
    /// How many segments began at this offset before.
    pub sent_before: u32,
}

impl Piece {
    /// Whether it holds the byte at `offset`.
    pub fn holds(&self, offset: u64) -> bool {
        (self.offset..self.offset + self.len).contains(&offset)
    }
}

impl Filter {
    /// A filter that asks `judge` with the time, the sending station and the frame.
    pub fn new(judge: impl FnMut(Instant, usize, &[u8]) -> Fate + 'static) -> Self {
        Self(Box::new(judge))
    }

    /// A filter that asks `judge` about every TCP segment with data that `station` sends, and lets
    /// everything else pass. It must be there before the first data is; streams longer than 2 GiB
    /// are beyond it.
    pub fn data(
        station: usize,
        mut judge: impl FnMut(Instant, FlowKey, Piece) -> Fate + 'static,
    ) -> Self {
        let mut starts: BTreeMap<FlowKey, SeqNum> = BTreeMap::new();
        let mut counts: BTreeMap<(FlowKey, u64), u32> = BTreeMap::new();
        Self::new(move |now, from, frame| {
            let Some((key, segment)) = tcp_segment(frame) else { return Fate::Pass };
            if from != station {
                return Fate::Pass;
            }
            if segment.flags.syn() {
                starts.insert(key, segment.seq + 1);
            }
            if segment.payload.is_empty() {
                return Fate::Pass;
            }
            let start = *starts.entry(key).or_insert(segment.seq);
            let offset = segment.seq.distance(start).max(0) as u64;
            let count = counts.entry((key, offset)).or_default();
            let len = segment.payload.len() as u64;
            let piece = Piece { offset, len, sent_before: *count };
            *count += 1;
            judge(now, key, piece)
        })
    }

    pub(super) fn ask(&mut self, now: Instant, station: usize, frame: &[u8]) -> Fate {
        (self.0)(now, station, frame)
    }
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Filter")
    }
}

/// The TCP segment of a frame with its flow, seen from the sender.
pub fn tcp_segment(frame: &[u8]) -> Option<(FlowKey, tcp::Header<'_>)> {
    let packet = ethernet::parse(frame).ok()?.payload;
    let header = ip::parse_merged(packet).ok()?;
    if header.protocol != ip::PROTO_TCP || header.fragment.is_some() {
        return None;
    }
    let segment = tcp::parse(header.payload(packet)).ok()?;
    let local = Endpoint::new(header.src, segment.src_port);
    Some((FlowKey::new(local, Endpoint::new(header.dst, segment.dst_port)), segment))
}
