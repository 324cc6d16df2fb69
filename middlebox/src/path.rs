//! What a direction does to frames, and how that is said in a word:
//! `rate=100mbit,delay=10ms,queue=256k,loss=1%,burst=0.1%/12%,reorder=5%/2ms,duplicate=1%`.
//!
//! Every part may be left out. A rate is in bits a second as people say it and in bytes here; the
//! queue is what may wait for the rate, in bytes.
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Path {
    /// Bytes a second, headers included; none: as fast as they come.
    pub rate: Option<u64>,
    /// From the end of the queue to the other side, one way.
    pub delay: Duration,
    /// Bytes that may wait for the rate; a frame that finds no room is dropped (tail drop). None:
    /// any number.
    pub queue: Option<u64>,
    /// Share of frames that get lost, each on its own.
    pub loss: f64,
    /// Losses in a row.
    pub burst: Option<Burst>,
    /// Frames that others overtake.
    pub reorder: Option<Reorder>,
    /// Share of frames that arrive twice.
    pub duplicate: f64,
}

/// Losses in a row: a path that is good or bad, and loses everything while it is bad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// Chance at each frame that a good path turns bad.
    pub enter: f64,
    /// Chance at each frame that a bad path turns good; its inverse is the mean length of a burst.
    pub leave: f64,
}

/// Frames that are held up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reorder {
    /// Their share.
    pub share: f64,
    /// How long.
    pub by: Duration,
}

/// Both directions and the seed of their accidents.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Paths {
    /// From the first device to the second.
    pub forth: Path,
    /// From the second device to the first.
    pub back: Path,
    /// The seed; the two directions draw different numbers from it.
    pub seed: u64,
}

impl Paths {
    /// The same path both ways.
    #[must_use]
    pub const fn both(path: Path, seed: u64) -> Self {
        Self { forth: path, back: path, seed }
    }
}

impl FromStr for Path {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut path = Self::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').ok_or_else(|| format!("{part}: no value"))?;
            let pair = || value.split_once('/').ok_or_else(|| format!("{part}: two values by /"));
            match key {
                "rate" => path.rate = Some(rate(value)?),
                "delay" => path.delay = time(value)?,
                "queue" => path.queue = Some(scaled(value, &[("k", 1 << 10), ("m", 1 << 20)])?),
                "loss" => path.loss = share(value)?,
                "duplicate" => path.duplicate = share(value)?,
                "burst" => {
                    let (enter, leave) = pair()?;
                    path.burst = Some(Burst { enter: share(enter)?, leave: share(leave)? });
                }
                "reorder" => {
                    let (some, by) = pair()?;
                    path.reorder = Some(Reorder { share: share(some)?, by: time(by)? });
                }
                _ => return Err(format!("{key}: no such property of a path")),
            }
        }
        Ok(path)
    }
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Result<u64, String> {
    let bad = || format!("{text}: not a number with one of the units {units:?}");
    let (digits, factor) = units
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
        .unwrap_or((text, 1));
    digits.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).ok_or_else(bad)
}

fn rate(text: &str) -> Result<u64, String> {
    let units = [("kbit", 1000), ("mbit", 1_000_000), ("gbit", 1_000_000_000), ("bit", 1)];
    match scaled(text, &units)? / 8 {
        0 => Err(format!("{text}: too slow")),
        bytes => Ok(bytes),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    scaled(text, &[("us", 1), ("ms", 1000), ("s", 1_000_000)]).map(Duration::from_micros)
}

fn share(text: &str) -> Result<f64, String> {
    let (digits, factor) = text.strip_suffix('%').map_or((text, 1.0), |digits| (digits, 0.01));
    let share = digits.parse::<f64>().map(|n| n * factor);
    let share = share.ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("{text}: not a share between 0 and 1, or 0% and 100%"))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(rate) = self.rate {
            parts.push(format!("rate={}bit", rate * 8));
        }
        if !self.delay.is_zero() {
            parts.push(format!("delay={}us", self.delay.as_micros()));
        }
        if let Some(queue) = self.queue {
            parts.push(format!("queue={queue}"));
        }
        if self.loss > 0.0 {
            parts.push(format!("loss={}", self.loss));
        }
        if let Some(burst) = self.burst {
            parts.push(format!("burst={}/{}", burst.enter, burst.leave));
        }
        if let Some(reorder) = self.reorder {
            parts.push(format!("reorder={}/{}us", reorder.share, reorder.by.as_micros()));
        }
        if self.duplicate > 0.0 {
            parts.push(format!("duplicate={}", self.duplicate));
        }
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn said_and_read_again() {
        let text = "rate=100mbit,delay=10ms,queue=256k,loss=1%,burst=0.1%/0.125,reorder=5%/2ms,\
                    duplicate=2%";
        let path: Path = text.parse().expect("a path");
        assert_eq!(path.rate, Some(12_500_000));
        assert_eq!(path.delay, Duration::from_millis(10));
        assert_eq!(path.queue, Some(256 << 10));
        assert_eq!(path.burst, Some(Burst { enter: 0.001, leave: 0.125 }));
        assert_eq!(path.to_string().parse(), Ok(path));
        assert_eq!("".parse(), Ok(Path::default()));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["loss", "loss=2", "loss=101%", "rate=7bit", "delay=1h", "burst=1%", "x=1"] {
            assert!(text.parse::<Path>().is_err(), "{text}");
        }
    }
}
