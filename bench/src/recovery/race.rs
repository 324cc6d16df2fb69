//! The run: every repetition goes through all cells, and in a cell all contenders run at once.
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use serde_json::{Value, json};

use super::cell::Cell;
use super::lab::{CONTENDERS, Contender, Lab};
use crate::child::Scratch;
use crate::netns::{CubicAllowed, remove_stale};
use crate::os::interrupted;
use crate::quiet::Others;
use crate::result::Results;

/// What is measured.
pub struct Race {
    /// The comparisons.
    pub cells: Vec<Cell>,
    /// How often each.
    pub repetitions: usize,
    /// Seconds that a transfer lasts.
    pub secs: f64,
    /// Cells measured at once.
    pub lanes: usize,
    /// Seed of the accidents.
    pub seed: u64,
    /// Our daemon.
    pub daemon: PathBuf,
}

/// What was found: goodput in Mbit/s by contender and cell, and every transfer in detail.
#[derive(Default)]
pub struct Found {
    /// Samples and failures.
    pub results: Results,
    /// What the clients and middleboxes said.
    pub details: Vec<Value>,
}

impl Race {
    /// Measures everything.
    pub fn run(&self) -> io::Result<Found> {
        remove_stale();
        let _cubic = CubicAllowed::new()?;
        let scratch = Scratch::new()?;
        let mut lanes = Vec::new();
        for lane in 0..self.lanes {
            let labs = CONTENDERS.iter().map(|c| Lab::new(*c, lane, &self.daemon, &scratch));
            lanes.push(labs.collect::<io::Result<Vec<_>>>()?);
        }
        let jobs = (0..self.repetitions).flat_map(|r| self.cells.iter().map(move |c| (r, c)));
        let jobs = Mutex::new(jobs);
        let found = Mutex::new(Found::default());
        thread::scope(|scope| {
            for labs in &mut lanes {
                scope.spawn(|| {
                    loop {
                        // The lock is held for the taking only.
                        let job = jobs.lock().ok().and_then(|mut jobs| jobs.next());
                        let Some((repetition, cell)) = job.filter(|_| !interrupted()) else {
                            break;
                        };
                        eprintln!(
                            "repetition {} of {}: {}",
                            repetition + 1,
                            self.repetitions,
                            cell.name()
                        );
                        self.heat(labs, cell, repetition, &found);
                    }
                });
            }
        });
        if interrupted() {
            return Err(io::Error::from(io::ErrorKind::Interrupted));
        }
        found.into_inner().map_err(|_| io::Error::other("a lane panicked"))
    }

    /// All contenders through one cell, at once.
    fn heat(&self, labs: &mut [Lab], cell: &Cell, repetition: usize, found: &Mutex<Found>) {
        let others = Others::new();
        thread::scope(|scope| {
            for lab in labs {
                scope.spawn(|| {
                    let paths = cell.paths(self.seed, repetition);
                    let result = paths.and_then(|paths| lab.transfer(cell, &paths, self.secs));
                    if let Ok(mut found) = found.lock() {
                        found.note(lab.contender, cell, repetition, result);
                    }
                });
            }
        });
        if let Ok(mut found) = found.lock() {
            found.results.others.push(others.cores());
        }
    }
}

impl Found {
    fn note(
        &mut self,
        contender: Contender,
        cell: &Cell,
        repetition: usize,
        result: io::Result<Value>,
    ) {
        let (row, key) = (contender.name(), cell.name());
        let result = result.and_then(|value| {
            let mbps = value["mbps"].as_f64();
            mbps.map(|mbps| (value, mbps))
                .ok_or_else(|| io::Error::other("no goodput in the result"))
        });
        match result {
            Ok((value, mbps)) => {
                self.results.add(row, &key, repetition, mbps);
                self.details.push(json!({
                    "cell": key, "contender": row, "repetition": repetition, "transfer": value,
                }));
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => self.results.fail(row, &key, repetition, e.to_string()),
        }
    }
}
