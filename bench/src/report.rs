//! The report: tables for people, one JSON object for programs.
//!
//! A cell is the median over the repetitions and the range in brackets; a latency is p50 / p99 /
//! p99.9. Under each row of ours stands how it compares with the ceiling and the peer on the same
//! device, from the same repetitions.
use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::figure::{Better, Figure};
use crate::goal::{Goal, Outcome, goals};
use crate::machine;
use crate::plan::Plan;
use crate::result::{Results, Summary};
use crate::table::Table;

/// Cores used by others above which figures mean little.
const NOISY: f64 = 0.1;

/// Everything a run found, ready to be printed.
pub struct Report<'a> {
    plan: &'a Plan,
    results: &'a Results,
    outcomes: Vec<Outcome>,
    machine: Value,
}

impl<'a> Report<'a> {
    /// Judges `results`.
    pub fn new(plan: &'a Plan, results: &'a Results) -> Self {
        let wanted = |goal: &Goal| {
            [goal.ours, goal.other].iter().all(|row| plan.subjects.contains(row))
                && plan.figures.iter().any(|figure| figure.main_key() == goal.key)
        };
        let outcomes = goals().into_iter().filter(wanted);
        let outcomes = outcomes.map(|goal| goal.judge(results)).collect();
        Self { plan, results, outcomes, machine: machine::facts() }
    }

    /// Whether a goal that was measured was missed.
    pub fn missed(&self) -> bool {
        self.outcomes.iter().any(|o| o.pass == Some(false))
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = self.heading();
        let (latencies, rates): (Vec<Figure>, Vec<Figure>) =
            self.plan.figures.iter().partition(|f| f.is_latency());
        if !self.plan.subjects.is_empty() {
            let title = "Rates: median (range); in = towards the subject";
            text += &self.table(title, &rates);
            let title = "Round trips in us: p50 / p99 / p99.9; both sides asleep, or both spinning";
            text += &self.table(title, &latencies);
        }
        text += &self.limits();
        text += &self.goals();
        text += &self.failures();
        text
    }

    fn heading(&self) -> String {
        let fact = |key: &str| match &self.machine[key] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let others = Summary::of(self.results.others.iter().copied());
        let noise = match others {
            Some(o) if o.median > NOISY => "; NOISY: compare ratios only, or run again",
            _ => "",
        };
        let (median, max) = others.map_or((0.0, 0.0), |o| (o.median, o.max));
        format!(
            "{}, Linux {}, {} cores of {}{}\n{} repetitions, {} s a figure; others used \
             {median:.2} cores meanwhile, at most {max:.2}{noise}\n",
            fact("date"),
            fact("kernel"),
            fact("cores"),
            fact("cpu"),
            if self.machine["hypervisor"] == true { " (virtual)" } else { "" },
            self.plan.repetitions,
            self.plan.secs,
        )
    }

    fn table(&self, title: &str, figures: &[Figure]) -> String {
        if figures.is_empty() {
            return String::new();
        }
        let mut table = Table::new(figures.iter().map(|f| f.title.to_owned()));
        for subject in &self.plan.subjects {
            let name = subject.name();
            let cells = figures.iter().map(|f| self.cell(&name, f)).collect();
            table.row(&name, cells);
            for other in subject.compared_with() {
                let other = other.name();
                let ratio = |f: &Figure| self.results.ratio(&name, &other, &f.main_key());
                let cells: Vec<String> = figures
                    .iter()
                    .map(|f| ratio(f).map_or_else(String::new, |r| format!("{:.2}", r.median)))
                    .collect();
                if cells.iter().any(|cell| !cell.is_empty()) {
                    table.row(&format!("  / {other}"), cells);
                }
            }
        }
        format!("\n{title}\n{}", table.text())
    }

    fn cell(&self, row: &str, figure: &Figure) -> String {
        if figure.is_latency() {
            let values = (0..figure.values.len())
                .map(|i| self.results.summary(row, &figure.key(i)).map(|s| number(s.median)));
            return values
                .collect::<Option<Vec<_>>>()
                .map_or_else(|| "-".into(), |values| values.join(" / "));
        }
        range(self.results.summary(row, &figure.main_key()))
    }

    fn limits(&self) -> String {
        if self.plan.limits.is_empty() {
            return String::new();
        }
        let mut table = Table::new(["Mpps".to_owned(), "Gbit/s".to_owned()]);
        for row in &self.plan.limits {
            let cells = ["pps", "gbps"].map(|key| range(self.results.summary(row.name, key)));
            table.row(row.name.trim_start_matches("limit: "), cells.to_vec());
        }
        format!("\nRaw limits of the devices, one core each side\n{}", table.text())
    }

    fn goals(&self) -> String {
        if self.outcomes.is_empty() {
            return String::new();
        }
        let mut text = "\nGoals: median of the ratios within repetitions\n".to_owned();
        for outcome in &self.outcomes {
            let word = match outcome.pass {
                Some(true) => "PASS",
                Some(false) => "FAIL",
                None => "----",
            };
            let ratio = outcome.ratio.map_or_else(|| "not measured".into(), |r| format!("{r:.2}"));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{word}  {} = {ratio} (goal {})", outcome.text, outcome.bound);
        }
        text
    }

    fn failures(&self) -> String {
        if self.results.failures.is_empty() {
            return String::new();
        }
        let mut text = "\nMeasurements that failed\n".to_owned();
        for f in &self.results.failures {
            let at = f.repetition + 1;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}: {}, repetition {at}: {}", f.row, f.figure, f.reason);
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .plan
            .subjects
            .iter()
            .map(|subject| {
                let name = subject.name();
                let mut figures = Map::new();
                let mut ratios = Map::new();
                for figure in &self.plan.figures {
                    for i in 0..figure.values.len() {
                        let key = figure.key(i);
                        if let Some(value) = self.value(&name, &key, figure) {
                            figures.insert(key, value);
                        }
                    }
                }
                for other in subject.compared_with() {
                    ratios.insert(other.name(), self.ratios(&name, &other.name()));
                }
                json!({ "name": name, "figures": figures, "ratios": ratios })
            })
            .collect();
        let limits: Vec<Value> = self
            .plan
            .limits
            .iter()
            .map(|row| {
                let samples = |key| self.samples(row.name, key);
                json!({ "name": row.name, "mpps": samples("pps"), "gbps": samples("gbps") })
            })
            .collect();
        json!({
            "machine": self.machine,
            "repetitions": self.plan.repetitions,
            "secs": self.plan.secs,
            "others_cores": self.results.others.iter().copied().map(short).collect::<Vec<_>>(),
            "subjects": rows,
            "limits": limits,
            "goals": self.outcomes.iter().map(|o| json!({
                "goal": o.text, "ratio": o.ratio.map(short), "bound": o.bound, "pass": o.pass,
            })).collect::<Vec<_>>(),
            "failures": self.results.failures.iter().map(|f| json!({
                "row": f.row, "figure": f.figure, "repetition": f.repetition, "reason": f.reason,
            })).collect::<Vec<_>>(),
        })
    }

    fn value(&self, row: &str, key: &str, figure: &Figure) -> Option<Value> {
        let summary = self.results.summary(row, key)?;
        Some(json!({
            "unit": if figure.is_latency() { "us" } else { unit(figure.title) },
            "better": if figure.better == Better::More { "more" } else { "less" },
            "median": short(summary.median),
            "min": short(summary.min),
            "max": short(summary.max),
            "samples": self.samples(row, key),
        }))
    }

    fn samples(&self, row: &str, key: &str) -> Vec<f64> {
        self.results.samples(row, key).into_iter().map(short).collect()
    }

    fn ratios(&self, row: &str, other: &str) -> Value {
        let of = |f: &Figure| {
            let key = f.main_key();
            let ratio = self.results.ratio(row, other, &key)?.median;
            Some((key, json!(short(ratio))))
        };
        self.plan.figures.iter().filter_map(of).collect::<Map<_, _>>().into()
    }
}

fn unit(title: &str) -> &str {
    title.rsplit(' ').next().unwrap_or_default()
}

fn range(summary: Option<Summary>) -> String {
    summary.map_or_else(
        || "-".into(),
        |s| format!("{} ({}-{})", number(s.median), number(s.min), number(s.max)),
    )
}

/// As many digits as a measurement is worth.
fn short(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Three significant digits.
fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
