//! The goals: how this stack has to stand to its ceiling and to its peer, from the same run.
use crate::netns::Layout;
use crate::result::Results;
use crate::subject::{Stack, Subject};

/// On which side of its bound a ratio has to lie.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
}

impl Bound {
    /// Whether `ratio` keeps it.
    pub fn holds(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
        }
    }

    /// As text.
    pub fn text(self) -> String {
        match self {
            Self::AtLeast(least) => format!(">= {least}"),
            Self::AtMost(most) => format!("<= {most}"),
        }
    }
}

/// One goal: ours against another row in one value.
pub struct Goal {
    /// Our row.
    pub ours: Subject,
    /// The other row.
    pub other: Subject,
    /// The value.
    pub key: &'static str,
    /// What the value is called.
    pub what: &'static str,
    /// What the ratio has to be.
    pub bound: Bound,
}

/// How a goal came out.
pub struct Outcome {
    /// In words.
    pub text: String,
    /// The ratio; none when either row was not measured.
    pub ratio: Option<f64>,
    /// The bound, in words.
    pub bound: String,
    /// Whether it was reached.
    pub pass: Option<bool>,
}

const PINGS: [(&str, &str); 4] = [
    ("tcp_ping.p50_us", "TCP ping-pong p50, asleep"),
    ("udp_ping.p50_us", "UDP ping-pong p50, asleep"),
    ("tcp_ping_busy.p50_us", "TCP ping-pong p50, spinning"),
    ("udp_ping_busy.p50_us", "UDP ping-pong p50, spinning"),
];
const BULK: [(&str, &str); 2] = [("tcp_in", "TCP in"), ("tcp_out", "TCP out")];

/// All goals.
pub fn goals() -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut add = |layout, stack, (key, what), bound| {
        let ours = Subject { stack: Stack::Ours, layout };
        goals.push(Goal { ours, other: Subject { stack, layout }, key, what, bound });
    };
    for bulk in BULK {
        add(Layout::VethBare, Stack::Bare, bulk, Bound::AtLeast(0.8));
        add(Layout::VethBare, Stack::Smoltcp, bulk, Bound::AtLeast(1.0));
    }
    add(Layout::Tap, Stack::Smoltcp, BULK[0], Bound::AtLeast(2.0));
    add(Layout::Tap, Stack::Smoltcp, BULK[1], Bound::AtLeast(3.0));
    for layout in [Layout::Tap, Layout::VethBare] {
        for ping in PINGS {
            add(layout, Stack::Bare, ping, Bound::AtMost(1.2));
        }
    }
    goals
}

impl Goal {
    /// Looks at what was measured.
    pub fn judge(&self, results: &Results) -> Outcome {
        let (ours, other) = (self.ours.name(), self.other.name());
        let ratio = results.ratio(&ours, &other, self.key).map(|r| r.median);
        Outcome {
            text: format!("{}: {ours} / {other}", self.what),
            ratio,
            bound: self.bound.text(),
            pass: ratio.map(|ratio| self.bound.holds(ratio)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::FIGURES;

    #[test]
    fn goals_name_values_that_are_measured() {
        for goal in goals() {
            let known = FIGURES.iter().any(|f| (0..f.values.len()).any(|i| f.key(i) == goal.key));
            assert!(known, "{}", goal.key);
            assert!(crate::subject::SUBJECTS.contains(&goal.other));
        }
    }

    #[test]
    fn outcome_is_open_without_samples() {
        let goals = goals();
        let mut results = Results::default();
        assert_eq!(goals[0].judge(&results).pass, None);
        results.add(&goals[0].ours.name(), goals[0].key, 0, 7.0);
        results.add(&goals[0].other.name(), goals[0].key, 0, 10.0);
        assert_eq!(goals[0].judge(&results).pass, Some(false));
    }
}
