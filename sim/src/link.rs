//! A link: what happens to a frame between one host's port and the others'.
//!
//! Each station sends in its own direction (full duplex) at the link's rate into a queue of bounded
//! length; then the frame takes the link's delay and arrives at every other station. Faults strike
//! between: loss (single and in bursts), reordering (a frame is held back), duplication, corruption
//! and truncation. Everything is drawn from the link's own generator, in the order of sending.
//!
//! What corruption does. It changes one aligned 16-bit word of the IP packet, which the Internet
//! checksum always detects, so that a frame that gets through is a bug. The link header is left
//! alone, and so is ARP: nothing covers them but the frame check sequence, which real devices
//! check. Frames with an unfinished checksum are left alone for the same reason.

use stack::Instant;
use stack::rng::Rng;
use stack::time::Duration;
use wire::ethernet;
use wire::offload::{RxChecksum, RxMeta, TxChecksum, TxMeta};

/// A frame on its way.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The bytes, from the Ethernet header on.
    pub bytes: Vec<u8>,
    /// What the receiving device will say of it.
    pub meta: RxMeta,
    /// Whether the link changed it.
    pub damaged: bool,
}

impl Frame {
    /// A sent frame as the other side's device delivers it: an unfinished checksum stays unfinished
    /// and a large frame stays whole, as between two virtio devices.
    pub fn from_sent(bytes: &[u8], meta: &TxMeta) -> Self {
        let checksum = match meta.checksum {
            TxChecksum::Complete => RxChecksum::Unverified,
            TxChecksum::Partial { .. } => RxChecksum::Partial,
        };
        let gso_size = meta.gso.map_or(0, |gso| gso.size);
        Self { bytes: bytes.to_vec(), meta: RxMeta { checksum, gso_size }, damaged: false }
    }
}

/// Chances are in parts per million of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// A frame is lost.
    pub loss: u32,
    /// A frame begins a burst: for a while every frame of its direction is lost.
    pub burst: u32,
    /// How long a burst lasts, at most.
    pub burst_span: Duration,
    /// A frame is held back so that later ones overtake it.
    pub reorder: u32,
    /// How long it is held back, at most.
    pub reorder_span: Duration,
    /// A frame arrives twice.
    pub duplicate: u32,
    /// A word of a frame is changed.
    pub corrupt: u32,
    /// A frame loses its end.
    pub truncate: u32,
}

/// What a link is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// Bits per second in each direction; 0 is without limit.
    pub rate: u64,
    /// Time from the end of sending to arrival.
    pub delay: Duration,
    /// Bytes that wait for the rate, at most, in each direction.
    pub queue: u64,
    /// What goes wrong.
    pub faults: Faults,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            rate: 1_000_000_000,
            delay: Duration::from_micros(100),
            queue: 4 << 20,
            faults: Faults::default(),
        }
    }
}

/// What a link has done. `offered + duplicated = lost + queue_full + unplugged + passed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Frames sent into it.
    pub offered: u64,
    /// Frames it let through.
    pub passed: u64,
    /// Frames lost by chance.
    pub lost: u64,
    /// Frames for which the queue had no room.
    pub queue_full: u64,
    /// Frames sent while the link was down.
    pub unplugged: u64,
    /// Copies made.
    pub duplicated: u64,
    /// Frames held back.
    pub reordered: u64,
    /// Frames changed or cut.
    pub damaged: u64,
}

impl LinkCounters {
    /// Whether every frame is accounted for.
    pub fn is_balanced(&self) -> bool {
        self.offered + self.duplicated == self.passed + self.lost + self.queue_full + self.unplugged
    }
}

/// A link with its stations.
#[derive(Debug)]
pub struct Link {
    config: LinkConfig,
    /// Whether frames pass at all.
    pub up: bool,
    /// What it has done.
    pub counters: LinkCounters,
    lanes: Vec<Lane>,
    rng: Rng,
}

/// One station's direction.
#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    idle_at: Instant,
    last_arrival: Instant,
    burst_until: Instant,
}

impl Link {
    /// A link without stations, whose faults follow `seed`.
    pub fn new(config: LinkConfig, seed: u64) -> Self {
        Self {
            config,
            up: true,
            counters: LinkCounters::default(),
            lanes: Vec::new(),
            rng: Rng::new(seed),
        }
    }

    /// Adds a station and returns its number.
    pub fn attach(&mut self) -> usize {
        self.lanes.push(Lane::default());
        self.lanes.len() - 1
    }

    /// How many stations there are.
    pub fn stations(&self) -> usize {
        self.lanes.len()
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.config.faults = faults;
    }

    /// Takes a frame that `station` sends and says what arrives at the others, and when: nothing,
    /// one frame or two.
    pub fn send(&mut self, now: Instant, station: usize, frame: Frame) -> Vec<(Instant, Frame)> {
        self.counters.offered += 1;
        if !self.up {
            self.counters.unplugged += 1;
            return Vec::new();
        }
        let Some(sent_at) = self.queue(now, station, frame.bytes.len() as u64) else {
            self.counters.queue_full += 1;
            return Vec::new();
        };
        if self.is_lost(sent_at, station) {
            self.counters.lost += 1;
            return Vec::new();
        }
        let faults = self.config.faults;
        let mut copies = vec![frame];
        if self.chance(faults.duplicate) {
            self.counters.duplicated += 1;
            copies.push(copies[0].clone());
        }
        self.counters.passed += copies.len() as u64;
        copies
            .into_iter()
            .map(|mut frame| {
                self.damage(&mut frame);
                (self.arrival(sent_at, station), frame)
            })
            .collect()
    }

    /// When the last bit has left, or nothing if the queue is full.
    fn queue(&mut self, now: Instant, station: usize, bytes: u64) -> Option<Instant> {
        if self.config.rate == 0 {
            return Some(now);
        }
        let lane = &mut self.lanes[station];
        let start = lane.idle_at.max(now);
        let waiting = start.since(now).as_nanos() as u64;
        let backlog = u128::from(waiting) * u128::from(self.config.rate) / 8_000_000_000;
        if backlog + u128::from(bytes) > u128::from(self.config.queue) {
            return None;
        }
        let nanos = u128::from(bytes) * 8_000_000_000 / u128::from(self.config.rate);
        lane.idle_at = start + Duration::from_nanos(nanos as u64);
        Some(lane.idle_at)
    }

    fn is_lost(&mut self, sent_at: Instant, station: usize) -> bool {
        let faults = self.config.faults;
        if sent_at < self.lanes[station].burst_until {
            return true;
        }
        if self.chance(faults.burst) {
            self.lanes[station].burst_until = sent_at + self.part_of(faults.burst_span);
            return true;
        }
        self.chance(faults.loss)
    }

    /// When a frame sent at `sent_at` arrives. Frames of one station keep their order unless one is
    /// held back on purpose.
    fn arrival(&mut self, sent_at: Instant, station: usize) -> Instant {
        let faults = self.config.faults;
        let at = sent_at + self.config.delay;
        if self.chance(faults.reorder) {
            self.counters.reordered += 1;
            return at + self.part_of(faults.reorder_span);
        }
        let lane = &mut self.lanes[station];
        lane.last_arrival = at.max(lane.last_arrival + Duration::from_nanos(1));
        lane.last_arrival
    }

    fn damage(&mut self, frame: &mut Frame) {
        let faults = self.config.faults;
        let is_ip = ethernet::parse(&frame.bytes).is_ok_and(|f| {
            matches!(f.ethertype, ethernet::ETHERTYPE_IPV4 | ethernet::ETHERTYPE_IPV6)
        });
        if !is_ip || frame.meta.checksum != RxChecksum::Unverified {
            return;
        }
        let body = ethernet::HEADER_LEN;
        if self.chance(faults.truncate) {
            let keep = self.rng.below((frame.bytes.len() - body) as u32) as usize;
            frame.bytes.truncate(body + keep);
            frame.damaged = true;
        }
        let words = (frame.bytes.len() - body) / 2;
        if self.chance(faults.corrupt) && words > 0 {
            let at = body + 2 * self.rng.below(words as u32) as usize;
            let old = u16::from_be_bytes([frame.bytes[at], frame.bytes[at + 1]]);
            let new = old ^ (1 + self.rng.below(0xffff)) as u16;
            // The two zeros of one's complement look the same to the checksum.
            if new.wrapping_add(1) > 1 || old.wrapping_add(1) > 1 {
                frame.bytes[at..at + 2].copy_from_slice(&new.to_be_bytes());
                frame.damaged = true;
            }
        }
        self.counters.damaged += u64::from(frame.damaged);
    }

    /// A span of up to `most`, seconds at most.
    fn part_of(&mut self, most: Duration) -> Duration {
        let nanos = u32::try_from(most.as_nanos()).unwrap_or(u32::MAX);
        Duration::from_nanos(u64::from(self.rng.below(nanos)))
    }

    fn chance(&mut self, ppm: u32) -> bool {
        ppm > 0 && self.rng.below(1_000_000) < ppm
    }
}

#[cfg(test)]
mod tests;
