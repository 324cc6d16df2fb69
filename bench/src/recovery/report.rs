//! The report: a table for each family and peer, the goals that were missed, one JSON object.
use std::fmt::Write;

use serde_json::{Value, json};

use super::lab::CONTENDERS;
use super::race::{Found, Race};
use crate::machine;
use crate::result::Summary;
use crate::table::Table;

/// Least share of the kernel's goodput.
const GOAL: f64 = 0.95;

/// A contender of ours in a cell.
struct Outcome {
    cell: String,
    contender: &'static str,
    ratio: Option<Summary>,
}

impl Outcome {
    fn pass(&self) -> Option<bool> {
        self.ratio.map(|ratio| ratio.median >= GOAL)
    }
}

/// Everything a run found, ready to be printed.
pub struct Report<'a> {
    race: &'a Race,
    found: &'a Found,
    outcomes: Vec<Outcome>,
}

impl<'a> Report<'a> {
    /// Judges what was found.
    pub fn new(race: &'a Race, found: &'a Found) -> Self {
        let [kernel, ours @ ..] = CONTENDERS;
        let mut outcomes = Vec::new();
        for cell in race.cells.iter().map(|cell| cell.name()) {
            for contender in ours {
                let ratio = found.results.ratio(contender.name(), kernel.name(), &cell);
                outcomes.push(Outcome { cell: cell.clone(), contender: contender.name(), ratio });
            }
        }
        Self { race, found, outcomes }
    }

    /// Whether a goal that was measured was missed.
    pub fn missed(&self) -> bool {
        self.outcomes.iter().any(|o| o.pass() == Some(false))
    }

    /// For people.
    pub fn text(&self) -> String {
        let others = Summary::of(self.found.results.others.iter().copied());
        let others = others.map_or(0.0, |o| o.median);
        let mut text = format!(
            "Goodput in Mbit/s as sender, median (range) of {} transfers of {} s, and its share of \
             the kernel's: median of the ratios within repetitions. {} at once; others used \
             {others:.2} cores meanwhile\n",
            self.race.repetitions,
            self.race.secs,
            self.race.lanes * CONTENDERS.len(),
        );
        let mut groups: Vec<String> = self.race.cells.iter().map(|c| c.group()).collect();
        groups.dedup();
        for group in groups {
            let _ = write!(text, "\n{group}\n{}", self.table(&group));
        }
        text += &self.goals();
        for f in &self.found.results.failures {
            let at = f.repetition + 1;
            // Writing to a string cannot fail.
            let _ =
                writeln!(text, "failed: {}: {}, repetition {at}: {}", f.row, f.figure, f.reason);
        }
        text
    }

    fn table(&self, group: &str) -> String {
        let [kernel, ours @ ..] = CONTENDERS;
        let mut titles = vec![kernel.name().to_owned()];
        for contender in ours {
            titles.extend([contender.name().to_owned(), "/ kernel".to_owned()]);
        }
        let mut table = Table::new(titles);
        for cell in self.race.cells.iter().filter(|c| c.group() == group) {
            let name = cell.name();
            let goodput = |row: &str| {
                let summary = self.found.results.summary(row, &name);
                summary.map_or_else(
                    || "-".into(),
                    |s| format!("{:.1} ({:.1}-{:.1})", s.median, s.min, s.max),
                )
            };
            let mut cells = vec![goodput(kernel.name())];
            for contender in ours {
                let ratio = self.found.results.ratio(contender.name(), kernel.name(), &name);
                let ratio = ratio.map_or_else(|| "-".into(), |r| format!("{:.2}", r.median));
                cells.extend([goodput(contender.name()), ratio]);
            }
            table.row(cell.road.name, cells);
        }
        table.text()
    }

    fn goals(&self) -> String {
        let reached = self.outcomes.iter().filter(|o| o.pass() == Some(true)).count();
        let total = self.outcomes.len();
        let mut text =
            format!("\nGoal: at least {GOAL} of the kernel; {reached} of {total} reach it\n");
        for outcome in self.outcomes.iter().filter(|o| o.pass() != Some(true)) {
            let ratio = outcome.ratio.map_or_else(
                || "not measured".into(),
                |r| format!("{:.2} ({:.2}-{:.2})", r.median, r.min, r.max),
            );
            // Writing to a string cannot fail.
            let _ = writeln!(text, "FAIL  {}: {} = {ratio}", outcome.cell, outcome.contender);
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let results = &self.found.results;
        json!({
            "machine": machine::facts(),
            "repetitions": self.race.repetitions,
            "secs": self.race.secs,
            "lanes": self.race.lanes,
            "seed": self.race.seed,
            "others_cores": results.others,
            "goals": self.outcomes.iter().map(|o| json!({
                "cell": o.cell, "contender": o.contender, "bound": format!(">= {GOAL}"),
                "ratio": o.ratio.map(|r| r.median), "pass": o.pass(),
            })).collect::<Vec<_>>(),
            "transfers": self.found.details,
            "failures": results.failures.iter().map(|f| json!({
                "contender": f.row,
                "cell": f.figure,
                "repetition": f.repetition,
                "reason": f.reason,
            })).collect::<Vec<_>>(),
        })
    }
}
