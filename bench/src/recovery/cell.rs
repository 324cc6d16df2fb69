//! The cells: every family, every way the peer may be cut down, every path.
use std::io;

use middlebox::{Path, Paths};

/// What a path does to frames, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Road {
    /// Its name.
    pub name: &'static str,
    /// In the middlebox's words.
    words: &'static str,
}

const fn road(name: &'static str, words: &'static str) -> Road {
    Road { name, words }
}

/// All paths. A round trip is 20 or 40 ms, the queue one bandwidth-delay product (but for the
/// shallow one, a tenth): short enough that six seconds hold hundreds of round trips.
pub const ROADS: &[Road] = &[
    road("no loss", "rate=100mbit,delay=20ms,queue=500k"),
    road("0.1 % loss", "rate=100mbit,delay=10ms,queue=250k,loss=0.1%"),
    road("1 % loss", "rate=100mbit,delay=10ms,queue=250k,loss=1%"),
    road("3 % loss", "rate=100mbit,delay=10ms,queue=250k,loss=3%"),
    road("bursts of loss", "rate=100mbit,delay=10ms,queue=250k,burst=0.05%/15%"),
    road("5 % reordered", "rate=50mbit,delay=10ms,queue=125k,reorder=5%/3ms"),
    road("2 % duplicated", "rate=50mbit,delay=10ms,queue=125k,duplicate=2%"),
    road("shallow buffer", "rate=50mbit,delay=20ms,queue=25k"),
];

/// What the receiving kernel has switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Nothing.
    Whole,
    /// Selective acknowledgements.
    NoSack,
    /// Timestamps.
    NoTimestamps,
    /// Window scaling.
    NoScaling,
}

/// All of them.
pub const PEERS: [Peer; 4] = [Peer::Whole, Peer::NoSack, Peer::NoTimestamps, Peer::NoScaling];

impl Peer {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "all on",
            Self::NoSack => "SACK off",
            Self::NoTimestamps => "timestamps off",
            Self::NoScaling => "scaling off",
        }
    }

    /// The settings that make it so, whatever was set before.
    pub fn settings(self) -> String {
        let on = |off| i32::from(self != off);
        format!(
            "net.ipv4.tcp_sack={} net.ipv4.tcp_timestamps={} net.ipv4.tcp_window_scaling={}",
            on(Self::NoSack),
            on(Self::NoTimestamps),
            on(Self::NoScaling)
        )
    }
}

/// One comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Whether it goes over IPv6.
    pub ipv6: bool,
    /// The receiver.
    pub peer: Peer,
    /// The path.
    pub road: Road,
    /// Its place among all cells, which is part of its seed.
    number: u64,
}

impl Cell {
    /// All cells, in the order they are measured and shown.
    fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for ipv6 in [false, true] {
            for peer in PEERS {
                for road in ROADS {
                    all.push(Self { ipv6, peer, road: *road, number: all.len() as u64 });
                }
            }
        }
        all
    }

    /// A few that show everything once: every path, every peer, both families.
    fn is_quick(&self) -> bool {
        let one_percent = self.road.name == "1 % loss";
        if self.ipv6 {
            self.peer == Peer::Whole && one_percent
        } else {
            self.peer == Peer::Whole || one_percent
        }
    }

    /// The cells of a run; an error when nothing is left.
    pub fn chosen(quick: bool, only: &[String]) -> io::Result<Vec<Self>> {
        let mut cells = Self::all();
        cells.retain(|cell| {
            let name = cell.name().to_lowercase();
            let named = only.iter().all(|text| name.contains(&text.to_lowercase()));
            named && (!quick || !only.is_empty() || cell.is_quick())
        });
        if cells.is_empty() {
            return Err(io::Error::other(format!("--only {}: no cell has it", only.join(", "))));
        }
        Ok(cells)
    }

    /// Its name.
    pub fn name(&self) -> String {
        format!("{}, {}", self.group(), self.road.name)
    }

    /// Name of the table it stands in.
    pub fn group(&self) -> String {
        format!("{}, peer: {}", if self.ipv6 { "IPv6" } else { "IPv4" }, self.peer.name())
    }

    /// What the middlebox does for it in a repetition.
    pub fn paths(&self, seed: u64, repetition: usize) -> io::Result<Paths> {
        let path: Path = self.road.words.parse().map_err(io::Error::other)?;
        let seed = seed << 32 | self.number << 16 | repetition as u64;
        Ok(Paths::both(path, seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_can_be_read_and_is_named_once() {
        let cells = Cell::all();
        let mut names: Vec<String> = cells.iter().map(Cell::name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 2 * PEERS.len() * ROADS.len());
        for cell in cells {
            assert!(cell.paths(1, 0).is_ok(), "{}", cell.name());
        }
    }

    #[test]
    fn cells_are_chosen_by_parts_of_their_names() -> io::Result<()> {
        let of = |quick, words: &[&str]| {
            Cell::chosen(quick, &words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of(false, &["ipv6", "SACK off"])?.len(), ROADS.len());
        assert_eq!(of(true, &[])?.len(), ROADS.len() + PEERS.len());
        assert_eq!(of(true, &["scaling off", "bursts"])?.len(), 2, "what is named counts");
        assert!(of(false, &["token ring"]).is_err());
        Ok(())
    }

    #[test]
    fn a_peer_sets_everything() {
        for peer in PEERS {
            let off = peer.settings().matches("=0").count();
            assert_eq!(off, usize::from(peer != Peer::Whole));
        }
    }
}
