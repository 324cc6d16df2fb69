//! Other work on the machine: waiting a little for it to pass, and knowing how much there was.
//!
//! A figure taken while others compute says little. The runner waits within a budget for both cores
//! to be idle, and notes with every figure how many cores other processes used while it was taken,
//! and how much of them a hypervisor kept for other guests.
use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use crate::os::interrupted;

/// Share of the machine's time that counts as quiet.
const QUIET: f64 = 0.06;
const LOOK: Duration = Duration::from_millis(60);
/// Ticks a second in /proc; fixed by the kernel's interface.
const TICKS_PER_S: f64 = 100.0;

/// Waits for a quiet machine, within what is left of a budget.
pub struct Quiet {
    left: Duration,
    each: Duration,
}

impl Quiet {
    /// At most `each` before one figure and `total` over the run.
    pub fn new(each: Duration, total: Duration) -> Self {
        Self { left: total, each }
    }

    /// Returns when the machine is quiet or patience is over.
    pub fn wait(&mut self) {
        let begin = Instant::now();
        let limit = self.each.min(self.left);
        while begin.elapsed() < limit && !interrupted() {
            let before = machine_ticks();
            std::thread::sleep(LOOK);
            let after = machine_ticks();
            let total = after.total.saturating_sub(before.total).max(1);
            if (after.busy.saturating_sub(before.busy) as f64) < QUIET * total as f64 {
                break;
            }
        }
        self.left = self.left.saturating_sub(begin.elapsed());
    }
}

/// Processor time of everybody else, from its making on.
pub struct Others {
    begin: Instant,
    ticks: HashMap<u32, u64>,
    stolen: u64,
}

impl Others {
    /// Starts to look.
    pub fn new() -> Self {
        Self { begin: Instant::now(), ticks: others(), stolen: machine_ticks().stolen }
    }

    /// Cores used since then by other processes, and taken by the hypervisor.
    pub fn cores(&self) -> f64 {
        let used: u64 = others()
            .iter()
            .map(|(pid, ticks)| ticks.saturating_sub(self.ticks.get(pid).copied().unwrap_or(0)))
            .sum();
        let stolen = machine_ticks().stolen.saturating_sub(self.stolen);
        (used + stolen) as f64 / TICKS_PER_S / self.begin.elapsed().as_secs_f64().max(1e-3)
    }
}

/// Ticks of all cores together.
struct MachineTicks {
    busy: u64,
    total: u64,
    stolen: u64,
}

fn machine_ticks() -> MachineTicks {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    let ticks: Vec<u64> =
        first.split_whitespace().skip(1).take(8).map(|t| t.parse().unwrap_or(0)).collect();
    // user nice system idle iowait irq softirq steal
    let at = |i: usize| ticks.get(i).copied().unwrap_or(0);
    let total = ticks.iter().sum();
    MachineTicks { busy: total - at(3) - at(4), total, stolen: at(7) }
}

struct Process {
    parent: u32,
    ticks: u64,
}

/// Ticks by process, without the kernel's threads, this process, and what descends from it.
fn others() -> HashMap<u32, u64> {
    let processes: HashMap<u32, Process> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| Some((pid, process(pid)?)))
        .collect();
    let ours = |mut pid: u32| {
        // The bound only guards against a table that changed while it was read.
        for _ in 0..64 {
            if pid == std::process::id() {
                return true;
            }
            match processes.get(&pid) {
                Some(process) => pid = process.parent,
                None => break,
            }
        }
        false
    };
    let kernel = |pid: u32, process: &Process| pid == 2 || process.parent == 2;
    processes
        .iter()
        .filter(|(pid, process)| !kernel(**pid, process) && !ours(**pid))
        .map(|(pid, process)| (*pid, process.ticks))
        .collect()
}

fn process(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<u64>().ok());
    Some(Process { parent: fields.get(1)?.parse().ok()?, ticks: ticks(11)? + ticks(12)? })
}
