//! What a run measures: rows and figures chosen on the command line, repetitions and times.
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::{Limit, Options};
use crate::figure::{FIGURES, Figure};
use crate::subject::{SUBJECTS, Stack, Subject};

/// Name of our daemon's executable.
const DAEMON: &str = "pytcp-xdp";

/// A raw limit with a frame length: a row of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitRow {
    /// Its name.
    pub name: &'static str,
    /// What is measured.
    pub limit: Limit,
    /// Length of the frames.
    pub len: usize,
}

const fn limit(name: &'static str, limit: Limit, len: usize) -> LimitRow {
    LimitRow { name, limit, len }
}

/// All limits: smallest and largest frame of an MTU of 1500.
pub const LIMITS: &[LimitRow] = &[
    limit("limit: AF_XDP receive-drop, 60 B", Limit::XdpReceive, 60),
    limit("limit: AF_XDP receive-drop, 1514 B", Limit::XdpReceive, 1514),
    limit("limit: AF_XDP transmit, 60 B", Limit::XdpTransmit, 60),
    limit("limit: AF_XDP transmit, 1514 B", Limit::XdpTransmit, 1514),
    limit("limit: AF_XDP reflect, 60 B", Limit::XdpReflect, 60),
    limit("limit: AF_XDP reflect, 1514 B", Limit::XdpReflect, 1514),
    limit("limit: TAP read, 60 B", Limit::TapRead, 60),
    limit("limit: TAP read, 1514 B", Limit::TapRead, 1514),
    limit("limit: TAP write, 60 B", Limit::TapWrite, 60),
    limit("limit: TAP write, 1514 B", Limit::TapWrite, 1514),
];

/// What a run does.
#[derive(Debug)]
pub struct Plan {
    /// Rows.
    pub subjects: Vec<Subject>,
    /// Columns.
    pub figures: Vec<Figure>,
    /// Rows of the limits' table.
    pub limits: Vec<LimitRow>,
    /// How often everything is measured.
    pub repetitions: usize,
    /// Seconds a figure is measured for.
    pub secs: f64,
    /// How long to wait for a quiet machine: before a figure, and over the run.
    pub patience: [Duration; 2],
    /// Whether anything goes over IPv6.
    pub ipv6: bool,
    /// Our daemon, when a row needs it.
    pub daemon: Option<PathBuf>,
}

impl Plan {
    /// Makes the plan that `options` ask for; says what they ask for in vain.
    pub fn new(options: &Options) -> io::Result<Self> {
        let mut plan = Self {
            subjects: SUBJECTS.to_vec(),
            figures: FIGURES.iter().copied().filter(|f| options.ipv6 || !f.ipv6).collect(),
            limits: LIMITS.to_vec(),
            repetitions: options.reps.unwrap_or(if options.quick { 1 } else { 5 }).max(1),
            secs: options.secs.unwrap_or(if options.quick { 0.4 } else { 0.8 }).clamp(0.05, 60.0),
            patience: if options.quick {
                [Duration::from_millis(300), Duration::from_secs(15)]
            } else {
                [Duration::from_secs(1), Duration::from_secs(60)]
            },
            ipv6: options.ipv6,
            daemon: None,
        };
        if options.without_ours {
            plan.subjects.retain(|s| s.stack != Stack::Ours);
        }
        plan.choose(&options.only)?;
        if plan.subjects.iter().any(|s| s.stack == Stack::Ours) {
            plan.daemon = Some(find_daemon(options.daemon.as_ref())?);
        }
        Ok(plan)
    }

    fn choose(&mut self, texts: &[String]) -> io::Result<()> {
        let holds = |name: &str, text: &str| name.to_lowercase().contains(&text.to_lowercase());
        let row = |name: &str| texts.iter().any(|text| holds(name, text));
        let column = |f: &Figure| texts.iter().any(|t| holds(f.title, t) || holds(f.id, t));
        for text in texts {
            let known = self.subjects.iter().any(|s| holds(&s.name(), text))
                || self.limits.iter().any(|l| holds(l.name, text))
                || self.figures.iter().any(|f| holds(f.title, text) || holds(f.id, text));
            if !known {
                return Err(io::Error::other(format!("--only {text}: no row or figure has it")));
            }
        }
        let rows =
            self.subjects.iter().any(|s| row(&s.name())) || self.limits.iter().any(|l| row(l.name));
        let columns = self.figures.iter().any(column);
        if rows {
            self.subjects.retain(|s| row(&s.name()));
            self.limits.retain(|l| row(l.name));
        } else if columns {
            self.limits.clear();
        }
        if columns {
            self.figures.retain(column);
        }
        Ok(())
    }

    /// Figures taken with both sides asleep, or with both spinning.
    pub fn figures(&self, busy: bool) -> Vec<Figure> {
        self.figures.iter().copied().filter(|f| f.busy == busy).collect()
    }
}

/// The daemon to measure: the one named, or the one beside this executable.
pub fn find_daemon(named: Option<&PathBuf>) -> io::Result<PathBuf> {
    let path = match named {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name(DAEMON),
    };
    if path.is_file() {
        return path.canonicalize();
    }
    Err(io::Error::other(format!(
        "{} is missing: build it with `cargo build --release -p runtime`, name another by \
         --daemon, or leave it out by --without-ours",
        path.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn plan(words: &[&str]) -> io::Result<Plan> {
        let words = ["bench", "--without-ours"].iter().chain(words);
        Plan::new(&crate::cli::Cli::parse_from(words).options)
    }

    #[test]
    fn everything_by_default() -> io::Result<()> {
        let plan = plan(&[])?;
        assert_eq!(plan.subjects.len(), SUBJECTS.len() - 2);
        assert_eq!(plan.limits.len(), LIMITS.len());
        assert!(plan.figures.iter().all(|f| !f.ipv6));
        Ok(())
    }

    #[test]
    fn rows_and_figures_are_chosen_apart() -> io::Result<()> {
        let some = plan(&["--only", "smoltcp", "--only", "tcp in"])?;
        assert_eq!((some.subjects.len(), some.figures.len(), some.limits.len()), (2, 1, 0));
        let limits = plan(&["--only", "limit"])?;
        assert!(limits.subjects.is_empty() && limits.limits.len() == LIMITS.len());
        assert!(plan(&["--only", "token ring"]).is_err());
        Ok(())
    }

    #[test]
    fn a_missing_daemon_is_said_before_anything_runs() {
        let cli = crate::cli::Cli::parse_from(["bench", "--daemon", "/nowhere/at/all"]);
        let error = Plan::new(&cli.options).expect_err("no such file").to_string();
        assert!(error.contains("/nowhere/at/all is missing"), "{error}");
    }
}
