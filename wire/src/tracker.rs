//! Names for packets in logs: a serial number, when it was seen, and what caused it.
//!
//! Received packets are RX0000 to RXFFFF and sent ones TX0000 to TXFFFF, each direction counting
//! for itself and around. A packet sent because of one received says so, with the time that passed.
//! The clock is the caller's, in microseconds from any start.

use std::fmt;

/// Which way a packet went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Received.
    Rx,
    /// Sent.
    Tx,
}

/// The name of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Serial {
    /// Which way it went.
    pub direction: Direction,
    /// Its number; numbers come again after 65,536 packets.
    pub number: u16,
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            Direction::Rx => "RX",
            Direction::Tx => "TX",
        };
        write!(f, "{direction}{:04X}", self.number)
    }
}

/// Hands out serials of one direction.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    next: Serial,
}

impl Counter {
    /// Begins at zero.
    pub const fn new(direction: Direction) -> Self {
        Self { next: Serial { direction, number: 0 } }
    }

    /// The packet seen now.
    pub fn track(&mut self, now_us: u64) -> Tracker {
        let serial = self.next;
        self.next.number = serial.number.wrapping_add(1);
        Tracker { serial, at_us: now_us, cause: None }
    }
}

/// One packet: its name, when it was seen, and what caused it.
///
/// ```
/// use wire::tracker::{Counter, Direction};
/// let (mut rx, mut tx) = (Counter::new(Direction::Rx), Counter::new(Direction::Tx));
/// let request = rx.track(1_000);
/// let reply = tx.track(1_123).caused_by(&request);
/// assert_eq!(reply.to_string(), "TX0000 for RX0000, 0.123 ms");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tracker {
    /// Its name.
    pub serial: Serial,
    /// When it was seen, in microseconds.
    pub at_us: u64,
    /// The packet that caused it, and when that was seen.
    pub cause: Option<(Serial, u64)>,
}

impl Tracker {
    /// The same packet, sent because of `other`.
    #[must_use]
    pub fn caused_by(self, other: &Self) -> Self {
        Self { cause: Some((other.serial, other.at_us)), ..self }
    }

    /// Microseconds since the packet that caused it.
    pub fn latency_us(&self) -> Option<u64> {
        self.cause.map(|(_, at_us)| self.at_us.saturating_sub(at_us))
    }
}

impl fmt::Display for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.cause, self.latency_us()) {
            (Some((cause, _)), Some(us)) => {
                write!(f, "{} for {cause}, {}.{:03} ms", self.serial, us / 1000, us % 1000)
            }
            _ => write!(f, "{}", self.serial),
        }
    }
}

#[cfg(test)]
mod tests;
