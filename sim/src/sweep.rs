//! The sweep: one flow over every kind of path, its goodput beside what is ideal.
//!
//! A [`Cell`] is a path: rate, round trip, queue, loss, and at most one [`Twist`] beyond that. Its
//! run ([`run`]) sends bytes that follow from a key from one host to another, checks every byte and
//! every invariant, and measures. What would be ideal is computed ([`ideal`]) from the path alone.
//! Everything is integers and follows from the cell, so a table ([`table`]) is the same on every
//! machine and can be kept in the repository: `sim/tests/sweep.snap`.
//!
//! [`chosen`] is the set that the test plays: every combination of loss, round trip and rate, with
//! the kind of loss and the depth of the queue spread over them, and the twists. [`grid`] is all of
//! it.

use std::fmt;

use stack::time::Duration;

pub mod ideal;
pub mod run;
pub mod table;

/// Bits per second.
pub const RATES: [u64; 5] = [1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000];
/// Round trips in microseconds.
pub const ROUND_TRIPS: [u64; 5] = [100, 1_000, 10_000, 100_000, 300_000];
/// Losses in parts per million of the frames with data.
pub const LOSSES: [u32; 5] = [0, 1_000, 10_000, 30_000, 100_000];
/// Receive and send buffer, and so the largest window.
pub const BUFFER: usize = 6 << 20;
/// Frames lost in one go, on average, where loss comes in bursts.
pub const BURST: u32 = 4;
/// Largest IP packet.
pub const MTU: u32 = 1_500;
/// What it shrinks to under way ([`Twist::Narrow`]).
pub const NARROW_MTU: u32 = 1_300;

/// What is special about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twist {
    /// Nothing.
    Plain,
    /// The sender spreads its window over the round trip.
    Paced,
    /// The sender keeps to NewReno.
    Reno,
    /// So many of a million frames are held back for up to a quarter of the round trip.
    Reorder(u32),
    /// So many of a million frames come twice.
    Duplicate(u32),
    /// A word of so many of a million frames is changed.
    Corrupt(u32),
    /// So many of a million acknowledgments are lost.
    AckLoss(u32),
    /// The way back has only this fraction of the rate.
    ThinReturn(u64),
    /// Halfway through, only smaller packets fit; a router says so.
    Narrow,
    /// Halfway through, the receiver does not read for so long.
    StalledReader(Duration),
    /// Halfway through, the clock of the sender jumps ahead.
    SenderClock(Duration),
    /// Halfway through, the clock of the receiver jumps ahead.
    ReceiverClock(Duration),
    /// Halfway through, the sender is suspended for so long.
    SenderSleeps(Duration),
    /// Halfway through, the receiver is suspended for so long.
    ReceiverSleeps(Duration),
    /// Halfway through, the way there becomes longer for good.
    LongerPath(Duration),
    /// Halfway through, the link is dead for so long.
    Outage(Duration),
    /// Halfway through, the peer is gone for good.
    Vanish,
}

/// A path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Bits per second, headers counted.
    pub rate: u64,
    /// Round trip of an empty path, microseconds.
    pub rtt: u64,
    /// The queue holds four times what the path does, or else a tenth.
    pub deep: bool,
    /// Share of the data frames lost, in parts per million.
    pub loss: u32,
    /// They are lost in bursts.
    pub bursts: bool,
    /// What else is special.
    pub twist: Twist,
    /// Over IPv4.
    pub v4: bool,
}

impl Cell {
    /// A path with nothing wrong.
    pub const fn new(rate: u64, rtt: u64, deep: bool) -> Self {
        Self { rate, rtt, deep, loss: 0, bursts: false, twist: Twist::Plain, v4: true }
    }

    /// Bytes of data in a full segment: of the MTU, what IP, TCP and timestamps leave.
    pub fn mss(&self) -> u64 {
        u64::from(MTU) - if self.v4 { 20 } else { 40 } - 32
    }

    /// Bytes of a frame with a full segment.
    pub fn frame(&self) -> u64 {
        u64::from(MTU) + 14
    }

    /// Bytes that the path holds.
    pub fn bdp(&self) -> u64 {
        self.rate / 8 * self.rtt / 1_000_000
    }

    /// Bytes that the queue holds: at least a burst of an initial window.
    pub fn queue(&self) -> u64 {
        if self.deep { (4 * self.bdp()).max(65_536) } else { (self.bdp() / 10).max(16_384) }
    }

    /// How often in a million frames a loss begins: a burst is one event.
    pub fn loss_events(&self) -> u32 {
        let loss = match self.twist {
            Twist::Corrupt(ppm) => self.loss + ppm,
            _ => self.loss,
        };
        if self.bursts { loss / BURST } else { loss }
    }

    /// A seed that is the cell's own.
    pub fn seed(&self) -> u64 {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        self.to_string().bytes().fold(0xcbf2_9ce4_8422_2325, mix)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = match self.rate / 1_000_000 {
            mega if mega >= 1_000 => format!("{}G", mega / 1_000),
            mega => format!("{mega}M"),
        };
        let rtt = format!("{}.{}", self.rtt / 1_000, self.rtt % 1_000 / 100);
        let queue = if self.deep { "deep" } else { "shallow" };
        let loss = format!("{}.{}%", self.loss / 10_000, self.loss % 10_000 / 1_000);
        let kind = match (self.loss, self.bursts) {
            (0, _) => "-",
            (_, false) => "random",
            (_, true) => "burst",
        };
        let family = if self.v4 { "IPv4" } else { "IPv6" };
        let twist = self.twist.to_string();
        write!(f, "{family} {rate:>4} {rtt:>5} {queue:<7} {loss:>5} {kind:<6} {twist:<23}")
    }
}

impl fmt::Display for Twist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |ppm: u32| format!("{}%", ppm / 10_000);
        let text = match *self {
            Self::Plain => "-".into(),
            Self::Paced => "paced".into(),
            Self::Reno => "reno".into(),
            Self::Reorder(ppm) => format!("reorder {}", percent(ppm)),
            Self::Duplicate(ppm) => format!("duplicate {}", percent(ppm)),
            Self::Corrupt(ppm) => format!("corrupt {}", percent(ppm)),
            Self::AckLoss(ppm) => format!("ack loss {}", percent(ppm)),
            Self::ThinReturn(fraction) => format!("return 1/{fraction}"),
            Self::Narrow => format!("mtu {NARROW_MTU}"),
            Self::StalledReader(span) => format!("reader stalls {span:?}"),
            Self::SenderClock(span) => format!("sender clock +{}s", span.as_secs()),
            Self::ReceiverClock(span) => format!("receiver clock +{}s", span.as_secs()),
            Self::SenderSleeps(span) => format!("sender sleeps {span:?}"),
            Self::ReceiverSleeps(span) => format!("receiver sleeps {span:?}"),
            Self::LongerPath(span) => format!("path +{span:?}"),
            Self::Outage(span) => format!("outage {span:?}"),
            Self::Vanish => "peer vanishes".into(),
        };
        f.write_str(&text)
    }
}

/// Every combination of loss, kind of loss, round trip, rate and queue.
pub fn grid() -> Vec<Cell> {
    let mut cells = Vec::new();
    for loss in LOSSES {
        for bursts in [false, true] {
            for (i, rtt) in ROUND_TRIPS.into_iter().enumerate() {
                for (j, rate) in RATES.into_iter().enumerate() {
                    for deep in [false, true] {
                        let v4 = ((ROUND_TRIPS.len() * i + j) / 2).is_multiple_of(2);
                        let cell = Cell { loss, bursts, v4, ..Cell::new(rate, rtt, deep) };
                        cells.push(cell);
                    }
                }
            }
        }
    }
    cells.retain(|cell| cell.loss > 0 || !cell.bursts);
    cells
}

/// A path of each size with each twist.
pub fn twists() -> Vec<Cell> {
    let seconds = Duration::from_secs;
    let every_path = [
        Twist::Reorder(10_000),
        Twist::Reorder(100_000),
        Twist::Duplicate(50_000),
        Twist::Corrupt(10_000),
        Twist::AckLoss(100_000),
        Twist::AckLoss(500_000),
        Twist::ThinReturn(10),
        Twist::Narrow,
        Twist::StalledReader(seconds(10)),
        Twist::Vanish,
    ];
    let one_path = [
        Twist::StalledReader(seconds(300)),
        Twist::SenderClock(seconds(5)),
        Twist::SenderClock(seconds(7_200)),
        Twist::ReceiverClock(seconds(5)),
        Twist::ReceiverClock(seconds(7_200)),
        Twist::SenderSleeps(seconds(3)),
        Twist::ReceiverSleeps(seconds(3)),
        Twist::SenderSleeps(seconds(3_600)),
        Twist::LongerPath(seconds(1)),
        Twist::Outage(seconds(1)),
        Twist::Outage(seconds(30)),
    ];
    let paths = [(1_000_000, 300_000), (10_000_000, 100_000), (1_000_000_000, 10_000)];
    let mut cells = Vec::new();
    for twist in every_path {
        for (i, (rate, rtt)) in paths.into_iter().enumerate() {
            let v4 = i != 1;
            cells.push(Cell { twist, v4, ..Cell::new(rate, rtt, true) });
        }
    }
    for (i, twist) in one_path.into_iter().enumerate() {
        cells.push(Cell { twist, v4: i % 2 == 0, ..Cell::new(100_000_000, 10_000, true) });
    }
    for twist in [Twist::Paced, Twist::Reno] {
        for (i, (rate, rtt)) in paths.into_iter().enumerate() {
            cells.push(Cell { twist, v4: i != 2, ..Cell::new(rate, rtt, false) });
        }
        cells.push(Cell { twist, loss: 1_000, ..Cell::new(100_000_000, 100_000, true) });
    }
    // A bad path in every way at once.
    for twist in [Twist::Reorder(100_000), Twist::Duplicate(50_000), Twist::AckLoss(100_000)] {
        cells.push(Cell { loss: 10_000, twist, ..Cell::new(100_000_000, 10_000, false) });
    }
    cells
}

/// What the test plays.
pub fn chosen() -> Vec<Cell> {
    let index = |all: &[u64], one: u64| all.iter().position(|each| *each == one).unwrap_or(0);
    let mut cells = grid();
    cells.retain(|cell| {
        let (i, j) = (index(&ROUND_TRIPS, cell.rtt), index(&RATES, cell.rate));
        let k = LOSSES.iter().position(|each| *each == cell.loss).unwrap_or(0);
        let is_bursty = cell.loss > 0 && (i + j + k) % 2 == 1;
        cell.bursts == is_bursty && (cell.loss == 0 || cell.deep == ((i + k) % 2 == 0))
    });
    cells.extend(twists());
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_cells_cover_every_loss_round_trip_and_rate() {
        let cells = chosen();
        for loss in LOSSES {
            for rtt in ROUND_TRIPS {
                for rate in RATES {
                    let is_it = |c: &&Cell| (c.loss, c.rtt, c.rate) == (loss, rtt, rate);
                    assert!(cells.iter().any(|c| is_it(&c)), "{loss} {rtt} {rate}");
                }
            }
        }
        let many = |what: fn(&Cell) -> bool| cells.iter().filter(|c| what(c)).count() > 40;
        assert!(many(|c| c.bursts) && many(|c| c.loss > 0 && !c.bursts));
        assert!(many(|c| c.deep) && many(|c| !c.deep) && many(|c| c.v4) && many(|c| !c.v4));
        assert!((120..=220).contains(&cells.len()), "{}", cells.len());
        assert_eq!(grid().len(), 450);
    }

    #[test]
    fn every_cell_has_its_own_name_and_seed() {
        let mut seeds: Vec<u64> = grid().into_iter().chain(twists()).map(|c| c.seed()).collect();
        seeds.sort_unstable();
        let before = seeds.len();
        seeds.dedup();
        assert_eq!(seeds.len(), before);
    }
}
