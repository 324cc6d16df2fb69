//! A link: what happens to a frame between one host's port and the others'.
//!
//! Each station sends in its own direction (full duplex) at the link's rate into a queue of bounded
//! length; then the frame takes the link's delay and arrives at every other station. Faults strike
//! between: loss (single and in bursts), reordering (a frame is held back), duplication, corruption
//! and truncation. Everything is drawn from the link's own generator, in the order of sending.
//!
//! Both directions start alike; [`Link::lane`] changes one of them, at any time: a thin way back, a
//! delay that jumps. A [`Filter`] decides about single frames, where chance would not do. A packet
//! larger than the direction's `mtu` is lost, and its sender hears of it as from a router
//! (`narrow`) or, on a link that is a black hole, never.
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

pub mod filter;
mod narrow;

pub use filter::{Fate, Filter};

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
    pub fn from_sent(bytes: Vec<u8>, meta: &TxMeta) -> Self {
        let checksum = match meta.checksum {
            TxChecksum::Complete => RxChecksum::Unverified,
            TxChecksum::Partial { .. } => RxChecksum::Partial,
        };
        let gso_size = meta.gso.map_or(0, |gso| gso.size);
        Self { bytes, meta: RxMeta { checksum, gso_size }, damaged: false }
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
    /// Bursts by the number of frames instead of time.
    pub gilbert: Gilbert,
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

/// Loss by a channel of two states (Gilbert, Elliott): in the good one every frame passes, in the
/// bad one none does. Chances are in parts per million of frames. A burst also ends with time: else
/// a sender that waits longer after each loss would meet the same burst for minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gilbert {
    /// A frame finds the channel turned bad.
    pub enter: u32,
    /// A frame finds it turned good again; the mean burst is `1_000_000 / leave` frames.
    pub leave: u32,
    /// How long a burst lasts, at most.
    pub span: Duration,
}

impl Gilbert {
    /// The channel that loses `ppm` of all frames in bursts of `mean` frames on average.
    pub fn bursts(ppm: u32, mean: u32, span: Duration) -> Self {
        // The share of time in the bad state is enter / (enter + leave).
        let leave = 1_000_000 / mean;
        let enter = u64::from(leave) * u64::from(ppm) / u64::from(1_000_000 - ppm);
        Self { enter: enter as u32, leave, span }
    }
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
    /// Largest IP packet; 0 is without limit.
    pub mtu: u32,
    /// Whether larger ones vanish without a word.
    pub black_hole: bool,
    /// What goes wrong.
    pub faults: Faults,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            rate: 1_000_000_000,
            delay: Duration::from_micros(100),
            queue: 4 << 20,
            mtu: 0,
            black_hole: false,
            faults: Faults::default(),
        }
    }
}

/// What a link has done.
/// `offered + duplicated = lost + chosen + queue_full + unplugged + too_big + passed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Frames sent into it.
    pub offered: u64,
    /// Frames it let through.
    pub passed: u64,
    /// Frames lost by chance.
    pub lost: u64,
    /// Frames that a filter took out.
    pub chosen: u64,
    /// Frames with a packet larger than the MTU.
    pub too_big: u64,
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
        let gone = self.lost + self.chosen + self.queue_full + self.unplugged + self.too_big;
        self.offered + self.duplicated == self.passed + gone
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
    /// Decides about single frames.
    pub filter: Option<Filter>,
    lanes: Vec<Lane>,
    rng: Rng,
}

/// One station's direction.
#[derive(Clone, Copy, Debug)]
struct Lane {
    config: LinkConfig,
    idle_at: Instant,
    last_arrival: Instant,
    burst_until: Instant,
    /// The channel is in its bad state, since then.
    bad_since: Option<Instant>,
}

/// What became of a frame.
#[derive(Debug, Default)]
pub struct Carried {
    /// What arrives at the other stations, and when: nothing, one frame or two.
    pub arrivals: Vec<(Instant, Frame)>,
    /// What the sender gets back, and when.
    pub answer: Option<(Instant, Frame)>,
}

impl Link {
    /// A link without stations, whose faults follow `seed`.
    pub fn new(config: LinkConfig, seed: u64) -> Self {
        Self {
            config,
            up: true,
            counters: LinkCounters::default(),
            filter: None,
            lanes: Vec::new(),
            rng: Rng::new(seed),
        }
    }

    /// Adds a station and returns its number.
    pub fn attach(&mut self) -> usize {
        self.lanes.push(Lane {
            config: self.config,
            idle_at: Instant::ZERO,
            last_arrival: Instant::ZERO,
            burst_until: Instant::ZERO,
            bad_since: None,
        });
        self.lanes.len() - 1
    }

    /// How many stations there are.
    pub fn stations(&self) -> usize {
        self.lanes.len()
    }

    /// Changes what goes wrong from now on, in every direction.
    pub fn set_faults(&mut self, faults: Faults) {
        self.config.faults = faults;
        self.lanes.iter_mut().for_each(|lane| lane.config.faults = faults);
    }

    /// What the direction of `station` is like, to be changed.
    pub fn lane(&mut self, station: usize) -> &mut LinkConfig {
        &mut self.lanes[station].config
    }

    /// Takes a frame that `station` sends and says what comes of it.
    pub fn send(&mut self, now: Instant, station: usize, frame: Frame) -> Carried {
        self.counters.offered += 1;
        if !self.up {
            self.counters.unplugged += 1;
            return Carried::default();
        }
        let config = self.lanes[station].config;
        if config.mtu > 0 && narrow::packet_len(&frame) > config.mtu as usize {
            self.counters.too_big += 1;
            let answer = (!config.black_hole).then(|| narrow::too_big(&frame, config.mtu));
            let answer = answer.flatten().map(|frame| (now + config.delay, frame));
            return Carried { arrivals: Vec::new(), answer };
        }
        let Some(sent_at) = self.queue(now, station, frame.bytes.len() as u64) else {
            self.counters.queue_full += 1;
            return Carried::default();
        };
        let fate = self.filter.as_mut().map_or(Fate::Pass, |f| f.ask(now, station, &frame.bytes));
        if fate == Fate::Lose {
            self.counters.chosen += 1;
            return Carried::default();
        }
        if self.is_lost(sent_at, station) {
            self.counters.lost += 1;
            return Carried::default();
        }
        let faults = config.faults;
        let mut copies = vec![frame];
        if self.chance(faults.duplicate) {
            self.counters.duplicated += 1;
            copies.push(copies[0].clone());
        }
        self.counters.passed += copies.len() as u64;
        let arrivals = copies.into_iter().map(|mut frame| {
            self.damage(&mut frame, faults);
            match fate {
                Fate::Hold(span) => (sent_at + config.delay + span, frame),
                _ => (self.arrival(sent_at, station), frame),
            }
        });
        Carried { arrivals: arrivals.collect(), answer: None }
    }

    /// When the last bit has left, or nothing if the queue is full.
    fn queue(&mut self, now: Instant, station: usize, bytes: u64) -> Option<Instant> {
        let lane = &mut self.lanes[station];
        let LinkConfig { rate, queue, .. } = lane.config;
        if rate == 0 {
            return Some(now);
        }
        let start = lane.idle_at.max(now);
        let waiting = start.since(now).as_nanos() as u64;
        let backlog = u128::from(waiting) * u128::from(rate) / 8_000_000_000;
        if backlog + u128::from(bytes) > u128::from(queue) {
            return None;
        }
        let nanos = u128::from(bytes) * 8_000_000_000 / u128::from(rate);
        lane.idle_at = start + Duration::from_nanos(nanos as u64);
        Some(lane.idle_at)
    }

    fn is_lost(&mut self, sent_at: Instant, station: usize) -> bool {
        let faults = self.lanes[station].config.faults;
        if sent_at < self.lanes[station].burst_until {
            return true;
        }
        if self.chance(faults.burst) {
            self.lanes[station].burst_until = sent_at + self.part_of(faults.burst_span);
            return true;
        }
        let Gilbert { enter, leave, span } = faults.gilbert;
        let bad_since = self.lanes[station].bad_since.filter(|at| sent_at.since(*at) <= span);
        self.lanes[station].bad_since = match bad_since {
            Some(at) => (!self.chance(leave)).then_some(at),
            None => self.chance(enter).then_some(sent_at),
        };
        self.lanes[station].bad_since.is_some() || self.chance(faults.loss)
    }

    /// When a frame sent at `sent_at` arrives. Frames of one station keep their order unless one is
    /// held back on purpose.
    fn arrival(&mut self, sent_at: Instant, station: usize) -> Instant {
        let LinkConfig { faults, delay, .. } = self.lanes[station].config;
        let at = sent_at + delay;
        if self.chance(faults.reorder) {
            self.counters.reordered += 1;
            return at + self.part_of(faults.reorder_span);
        }
        let lane = &mut self.lanes[station];
        lane.last_arrival = at.max(lane.last_arrival + Duration::from_nanos(1));
        lane.last_arrival
    }

    fn damage(&mut self, frame: &mut Frame, faults: Faults) {
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
