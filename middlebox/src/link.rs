//! One direction of the path, without devices and clocks: frames go in at an instant, and come out
//! at instants of its own choice.
//!
//! First a frame may get lost. What is left goes through the queue: the sender's side of the path
//! takes a frame's length over the rate for each, one after the other, and `free_at` is when it is
//! done with all that wait. From there a frame takes the delay, and some take more, so that others
//! overtake them. Address resolution (ARP, neighbour discovery) has no accidents: its one-second
//! timers would drown what is to be seen.
//!
//! Each frame draws the same count of random numbers whatever becomes of it, which is why the n-th
//! frame's fate does not depend on the fates before it (a burst excepted, which is a state).
use std::collections::BinaryHeap;

use serde::Serialize;

use crate::path::Path;
use crate::random::Random;

/// Longest frame that passes: an MTU of 1500 with two VLAN tags has room.
pub const FRAME_MAX: usize = 1536;
/// Frames that may be under way at once; a path without a queue limit must not eat the machine.
const UNDER_WAY_MAX: usize = 1 << 16;

/// What a direction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Frames that came.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames that went out, copies included.
    pub delivered: u64,
    /// Frames lost on their own.
    pub lost: u64,
    /// Frames lost in bursts.
    pub lost_in_bursts: u64,
    /// Frames that found no room in the queue.
    pub no_room: u64,
    /// Frames that were held up.
    pub held_up: u64,
    /// Copies made.
    pub duplicated: u64,
    /// Frames too long to be from a wire: somebody left an offload on.
    pub too_long: u64,
    /// Frames that the device did not take.
    pub refused: u64,
}

/// A frame under way. The heap's greatest is the next to come out.
#[derive(Debug, PartialEq, Eq)]
struct UnderWay {
    at: u64,
    number: u64,
    frame: Vec<u8>,
}

impl Ord for UnderWay {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for UnderWay {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// One direction of the path. Instants are nanoseconds of any clock that does not go back.
#[derive(Debug)]
pub struct Link {
    path: Path,
    random: Random,
    /// Whether a burst is on.
    bad: bool,
    /// When the last frame in the queue has left it.
    free_at: u64,
    under_way: BinaryHeap<UnderWay>,
    /// Frames accepted so far; keeps those of one instant in order.
    number: u64,
    spare: Vec<Vec<u8>>,
    counters: Counters,
}

impl Link {
    /// A direction as `path` says, with the accidents of `seed`.
    #[must_use]
    pub const fn new(path: Path, seed: u64) -> Self {
        Self {
            path,
            random: Random::new(seed),
            bad: false,
            free_at: 0,
            under_way: BinaryHeap::new(),
            number: 0,
            spare: Vec::new(),
            counters: Counters {
                frames: 0,
                bytes: 0,
                delivered: 0,
                lost: 0,
                lost_in_bursts: 0,
                no_room: 0,
                held_up: 0,
                duplicated: 0,
                too_long: 0,
                refused: 0,
            },
        }
    }

    /// What it did so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Notes frames that came out but went nowhere.
    pub const fn refuse(&mut self, count: u64) {
        self.counters.refused += count;
        self.counters.delivered -= count;
    }

    /// A frame comes in.
    pub fn offer(&mut self, now: u64, frame: &[u8]) {
        self.counters.frames += 1;
        self.counters.bytes += frame.len() as u64;
        if frame.len() > FRAME_MAX {
            self.counters.too_long += 1;
            return;
        }
        let resolution = is_resolution(frame);
        let fate = if resolution { Fate::default() } else { self.draw() };
        if fate.lost {
            return;
        }
        let Some(leaves) = self.leaves(now, frame.len() as u64) else {
            self.counters.no_room += 1;
            return;
        };
        let mut at = leaves + nanos(self.path.delay);
        if let (true, Some(reorder)) = (fate.held_up, self.path.reorder) {
            self.counters.held_up += 1;
            at += nanos(reorder.by);
        }
        self.send_on_its_way(at, frame);
        if fate.duplicated {
            self.counters.duplicated += 1;
            self.send_on_its_way(at, frame);
        }
    }

    fn draw(&mut self) -> Fate {
        let [loss, burst, reorder, duplicate] = [(); 4].map(|()| self.random.share());
        if let Some(path) = self.path.burst {
            self.bad = if self.bad { burst >= path.leave } else { burst < path.enter };
        }
        if self.bad {
            self.counters.lost_in_bursts += 1;
        } else if loss < self.path.loss {
            self.counters.lost += 1;
        }
        Fate {
            lost: self.bad || loss < self.path.loss,
            held_up: self.path.reorder.is_some_and(|path| reorder < path.share),
            duplicated: duplicate < self.path.duplicate,
        }
    }

    /// When a frame of `len` bytes has left the queue; none when it finds no room there.
    fn leaves(&mut self, now: u64, len: u64) -> Option<u64> {
        if self.under_way.len() >= UNDER_WAY_MAX {
            return None;
        }
        let Some(rate) = self.path.rate else { return Some(now) };
        let scale = |value: u64, by: u64, over: u64| {
            u64::try_from(u128::from(value) * u128::from(by) / u128::from(over)).unwrap_or(u64::MAX)
        };
        let begins = self.free_at.max(now);
        let waiting = scale(begins - now, rate, 1_000_000_000);
        // An idle path takes any frame, however small its queue.
        if waiting > 0 && self.path.queue.is_some_and(|room| waiting + len > room) {
            return None;
        }
        self.free_at = begins + scale(len, 1_000_000_000, rate);
        Some(self.free_at)
    }

    fn send_on_its_way(&mut self, at: u64, frame: &[u8]) {
        let mut copy = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(FRAME_MAX));
        copy.clear();
        copy.extend_from_slice(frame);
        self.under_way.push(UnderWay { at, number: self.number, frame: copy });
        self.number += 1;
    }

    /// When the next frame comes out.
    #[must_use]
    pub fn next_at(&self) -> Option<u64> {
        self.under_way.peek().map(|next| next.at)
    }

    /// A frame that comes out by `now`. Give it back to [`Link::recycle`].
    pub fn due(&mut self, now: u64) -> Option<Vec<u8>> {
        let next = self.under_way.peek_mut().filter(|next| next.at <= now)?;
        self.counters.delivered += 1;
        Some(std::collections::binary_heap::PeekMut::pop(next).frame)
    }

    /// Takes the memory of a frame that is done with.
    pub fn recycle(&mut self, frame: Vec<u8>) {
        self.spare.push(frame);
    }
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    lost: bool,
    held_up: bool,
    duplicated: bool,
}

fn nanos(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX / 2)
}

/// ARP, or ICMPv6 of the types 133 to 137 (RFC 4861).
fn is_resolution(frame: &[u8]) -> bool {
    match frame.get(12..14) {
        Some([0x08, 0x06]) => true,
        Some([0x86, 0xdd]) => {
            frame.get(20) == Some(&58)
                && frame.get(54).is_some_and(|kind| (133..=137).contains(kind))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
