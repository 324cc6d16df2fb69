//! What was measured: samples by row and value, one a repetition, and what went wrong.
//!
//! Two rows are compared within a repetition, where they were taken seconds apart, and the median
//! of those ratios is what is said: a machine that gets slower half-way does not bend it.
use std::collections::BTreeMap;

/// Samples of a run.
#[derive(Default)]
pub struct Results {
    samples: BTreeMap<(String, String), BTreeMap<usize, f64>>,
    /// Measurements that failed.
    pub failures: Vec<Failure>,
    /// Cores that others used, by measurement.
    pub others: Vec<f64>,
}

/// A measurement that failed.
pub struct Failure {
    /// Of which row.
    pub row: String,
    /// Of which figure.
    pub figure: String,
    /// In which repetition.
    pub repetition: usize,
    /// Why.
    pub reason: String,
}

/// Median and range of some samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The middle one.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Summary {
    /// Of `samples`; none of none.
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = samples.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
            _ => sorted[middle],
        };
        Some(Self { median, min, max })
    }
}

impl Results {
    /// Notes a sample.
    pub fn add(&mut self, row: &str, key: &str, repetition: usize, sample: f64) {
        let at = (row.to_owned(), key.to_owned());
        self.samples.entry(at).or_default().insert(repetition, sample);
    }

    /// Notes a failure.
    pub fn fail(&mut self, row: &str, figure: &str, repetition: usize, reason: String) {
        eprintln!("  failed: {row}: {figure}: {reason}");
        let (row, figure) = (row.to_owned(), figure.to_owned());
        self.failures.push(Failure { row, figure, repetition, reason });
    }

    /// All samples of a value, in order.
    pub fn samples(&self, row: &str, key: &str) -> Vec<f64> {
        let at = (row.to_owned(), key.to_owned());
        self.samples.get(&at).map(|s| s.values().copied().collect()).unwrap_or_default()
    }

    /// Median and range of a value.
    pub fn summary(&self, row: &str, key: &str) -> Option<Summary> {
        Summary::of(self.samples(row, key))
    }

    /// How `row` stands to `other` in one value, repetition by repetition.
    pub fn ratio(&self, row: &str, other: &str, key: &str) -> Option<Summary> {
        let of = |name: &str| self.samples.get(&(name.to_owned(), key.to_owned()));
        let (ours, theirs) = (of(row)?, of(other)?);
        Summary::of(
            ours.iter()
                .filter_map(|(repetition, ours)| Some(ours / theirs.get(repetition)?))
                .filter(|ratio| ratio.is_finite()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(Summary::of([]), None);
        let of = |s: &[f64]| Summary::of(s.iter().copied()).map(|s| s.median);
        assert_eq!(of(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn ratios_pair_repetitions_and_skip_what_is_missing() {
        let mut results = Results::default();
        for (repetition, ours, theirs) in [(0, 8.0, 10.0), (1, 4.0, 5.0)] {
            results.add("ours", "x", repetition, ours);
            results.add("bare", "x", repetition, theirs);
        }
        results.add("ours", "x", 2, 100.0);
        let ratio = results.ratio("ours", "bare", "x").map(|r| (r.median, r.max));
        assert_eq!(ratio, Some((0.8, 0.8)));
        assert_eq!(results.ratio("ours", "nobody", "x"), None);
    }
}
