//! The run: every repetition goes through all rows of a figure before the next figure.
//!
//! Subjects that sleep are all started at the start of a repetition, each in its own namespaces,
//! and cost nothing until their turn comes; so rows that are compared are measured a second or two
//! apart, however the machine drifts. Subjects that spin would starve each other and run one at a
//! time. A measurement that fails is noted and the run goes on; an interrupt ends it, and with the
//! values that own them go processes and namespaces.
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::child::{Child, Scratch};
use crate::cli::{Action, Limit};
use crate::figure::Figure;
use crate::netns::{
    CubicAllowed, Lab, Layout, TAP, VETH_CLIENT, VETH_SUBJECT, VETH_SUBJECT_MAC, remove_stale,
};
use crate::os::failed;
use crate::plan::{LimitRow, Plan};
use crate::quiet::{Others, Quiet};
use crate::result::Results;
use crate::subject::{CLIENT_CORE, SUBJECT_CORE, Stack, Start, Subject, place};

/// Seconds beyond the measurement that a client may take.
const SLACK: f64 = 12.0;
/// Seconds a subject that serves may live.
const SUBJECT_LIFE: f64 = 900.0;
/// How long a load goes on longer than what it loads, which starts later.
const LOAD_LEAD: f64 = 6.0;
/// A hardware address that no device here has: the kernel drops what is for it at once.
const NOBODY_MAC: &str = "02:77:00:00:00:99";

/// A run in progress.
pub struct Runner<'a> {
    plan: &'a Plan,
    labs: Vec<(Subject, Lab)>,
    limit_labs: Vec<Lab>,
    quiet: Quiet,
    results: Results,
    scratch: Scratch,
}

impl<'a> Runner<'a> {
    /// Makes the namespaces that `plan` needs.
    pub fn new(plan: &'a Plan) -> io::Result<Self> {
        remove_stale();
        let _cubic = CubicAllowed::new()?;
        let labs = plan
            .subjects
            .iter()
            .map(|s| Ok((*s, Lab::new(&s.slug(), s.layout, plan.ipv6)?)))
            .collect::<io::Result<_>>()?;
        let mut limit_labs = Vec::new();
        for layout in [Layout::VethBare, Layout::Tap] {
            if plan.limits.iter().any(|row| layout_of(row.limit) == layout) {
                let name = if layout == Layout::Tap { "limit-tap" } else { "limit-xdp" };
                let lab = Lab::new(name, layout, false)?;
                if layout == Layout::Tap {
                    lab.assume_tap_neighbor()?;
                }
                limit_labs.push(lab);
            }
        }
        let quiet = Quiet::new(plan.patience[0], plan.patience[1]);
        let (results, scratch) = (Results::default(), Scratch::new()?);
        Ok(Self { plan, labs, limit_labs, quiet, results, scratch })
    }

    /// Measures everything and returns what was found.
    pub fn run(mut self) -> io::Result<Results> {
        for repetition in 0..self.plan.repetitions {
            eprintln!("repetition {} of {}", repetition + 1, self.plan.repetitions);
            self.asleep(repetition)?;
            self.spinning(repetition)?;
            for row in &self.plan.limits {
                self.limit(row, repetition)?;
            }
        }
        Ok(self.results)
    }

    fn asleep(&mut self, repetition: usize) -> io::Result<()> {
        let figures = self.plan.figures(false);
        if figures.is_empty() {
            return Ok(());
        }
        let mut running = Vec::new();
        for at in 0..self.labs.len() {
            running.push(self.start(at, false, &figures, repetition)?);
        }
        for figure in &figures {
            eprintln!("  {}", figure.title);
            for (at, child) in running.iter_mut().enumerate() {
                if let Some(child) = child {
                    self.measure(at, child, figure, repetition)?;
                }
            }
        }
        Ok(())
    }

    fn spinning(&mut self, repetition: usize) -> io::Result<()> {
        let figures = self.plan.figures(true);
        if figures.is_empty() {
            return Ok(());
        }
        eprintln!("  spinning");
        for at in 0..self.labs.len() {
            if let Some(mut child) = self.start(at, true, &figures, repetition)? {
                for figure in &figures {
                    self.measure(at, &mut child, figure, repetition)?;
                }
            }
        }
        Ok(())
    }

    /// Starts a subject and waits until it answers; notes all its figures as failed when it does
    /// not.
    fn start(
        &mut self,
        at: usize,
        busy: bool,
        figures: &[Figure],
        repetition: usize,
    ) -> io::Result<Option<Child>> {
        let (subject, lab) = &self.labs[at];
        let slug = subject.slug();
        let start = Start {
            lab,
            busy,
            life: SUBJECT_LIFE,
            daemon: self.plan.daemon.as_deref(),
            socket: self.control_socket(subject),
            ipv6: self.plan.ipv6,
        };
        let log = self.scratch.path(&format!("{slug}.log"));
        let mut child = Child::start(&subject.arguments(&start), &log)?;
        let error = match self.client(at, "probe", subject.address(false).to_string(), &[]) {
            Ok(_) => return Ok(Some(child)),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Err(e),
            Err(e) => e,
        };
        let state = if child.alive() { "runs" } else { "ended" };
        let reason = format!("{error}; the subject {state}: {}", child.last_words());
        for figure in figures {
            self.results.fail(&subject.name(), figure.title, repetition, reason.clone());
        }
        Ok(None)
    }

    fn measure(
        &mut self,
        at: usize,
        child: &mut Child,
        figure: &Figure,
        repetition: usize,
    ) -> io::Result<()> {
        let subject = self.labs[at].0;
        if !subject.serves(figure) {
            return Ok(());
        }
        self.quiet.wait();
        let name = subject.name();
        if !child.alive() {
            let reason = format!("the subject ended: {}", child.last_words());
            self.results.fail(&name, figure.title, repetition, reason);
            return Ok(());
        }
        let others = Others::new();
        let to = subject.address(figure.ipv6).to_string();
        let mut more = Vec::new();
        if figure.busy {
            more.push("--busy".to_owned());
        }
        if subject.stack == Stack::Ours && figure.action == Action::UdpIn {
            let socket = self.control_socket(&subject);
            more.extend(["--control".to_owned(), socket.to_string_lossy().into_owned()]);
        }
        let action = clap::ValueEnum::to_possible_value(&figure.action);
        let action = action.as_ref().map_or("", |a| a.get_name());
        let result = self.client(at, action, to, &more);
        self.results.others.push(others.cores());
        match result.map(|value| figure.read(&value)) {
            Ok(Some(values)) => {
                for (key, sample) in values {
                    self.results.add(&name, &key, repetition, sample);
                }
            }
            Ok(None) => {
                self.results.fail(&name, figure.title, repetition, "no such value".into());
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Err(e),
            Err(e) => {
                let state = if child.alive() { "" } else { "; the subject ended" };
                self.results.fail(&name, figure.title, repetition, format!("{e}{state}"));
            }
        }
        Ok(())
    }

    fn control_socket(&self, subject: &Subject) -> PathBuf {
        self.scratch.path(&format!("{}.sock", subject.slug()))
    }

    fn client(&self, at: usize, action: &str, to: String, more: &[String]) -> io::Result<Value> {
        let lab = &self.labs[at].1;
        let mut arguments = place("client", &lab.client, CLIENT_CORE, self.plan.secs + SLACK);
        let secs = self.plan.secs.to_string();
        arguments.extend([action.into(), "--to".into(), to, "--secs".into(), secs]);
        arguments.extend_from_slice(more);
        let child = Child::start(&arguments, &self.scratch.path("client.log"))?;
        child.result(Duration::from_secs_f64(self.plan.secs + SLACK))
    }

    fn limit(&mut self, row: &LimitRow, repetition: usize) -> io::Result<()> {
        if repetition == 0 {
            eprintln!("  {}", row.name);
        }
        self.quiet.wait();
        let others = Others::new();
        let result = self.measure_limit(row);
        self.results.others.push(others.cores());
        match result {
            Ok(value) => {
                for (key, factor) in [("pps", 1e-6), ("gbps", 1.0)] {
                    if let Some(sample) = value.get(key).and_then(Value::as_f64) {
                        self.results.add(row.name, key, repetition, sample * factor);
                    }
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Err(e),
            Err(e) => self.results.fail(row.name, "frames", repetition, e.to_string()),
        }
        Ok(())
    }

    fn measure_limit(&self, row: &LimitRow) -> io::Result<Value> {
        let layout = layout_of(row.limit);
        let lab = self.limit_labs.iter().find(|lab| lab.layout == layout);
        let lab = lab.ok_or_else(|| failed(row.name, "has no namespace"))?;
        let secs = self.plan.secs;
        let interface = if layout == Layout::Tap { TAP } else { VETH_SUBJECT };
        let frames = |limit: Limit, ns: &str, core, secs: f64, interface: &str, to: &str| {
            let mut arguments = place("limit", ns, core, secs + SLACK);
            let limit = clap::ValueEnum::to_possible_value(&limit);
            arguments.push(limit.as_ref().map_or("", |l| l.get_name()).to_owned());
            let (len, secs) = (row.len.to_string(), secs.to_string());
            let words = ["--interface", interface, "--len", &len, "--to", to, "--secs", &secs];
            arguments.extend(words.map(String::from));
            arguments
        };
        let measured = frames(row.limit, &lab.subject, SUBJECT_CORE, secs, interface, NOBODY_MAC);
        let measured = Child::start(&measured, &self.scratch.path("limit.log"))?;
        let load = match row.limit {
            Limit::XdpReceive | Limit::XdpReflect => Some(frames(
                Limit::XdpTransmit,
                &lab.client,
                CLIENT_CORE,
                secs + LOAD_LEAD,
                VETH_CLIENT,
                VETH_SUBJECT_MAC,
            )),
            Limit::TapRead => {
                let payload = (row.len - 42).to_string();
                let secs = (secs + LOAD_LEAD).to_string();
                let mut flood = place("client", &lab.client, CLIENT_CORE, SLACK + LOAD_LEAD);
                let words = ["flood", "--to", "10.78.0.2", "--secs", &secs, "--payload", &payload];
                flood.extend(words.map(String::from));
                Some(flood)
            }
            Limit::XdpTransmit | Limit::TapWrite => None,
        };
        let log = self.scratch.path("load.log");
        let _load = load.map(|arguments| Child::start(&arguments, &log)).transpose()?;
        measured.result(Duration::from_secs_f64(secs + SLACK))
    }
}

fn layout_of(limit: Limit) -> Layout {
    match limit {
        Limit::XdpReceive | Limit::XdpTransmit | Limit::XdpReflect => Layout::VethBare,
        Limit::TapRead | Limit::TapWrite => Layout::Tap,
    }
}
