//! What the engine and a port's thread leave for each other besides frames: a bell, the wish to
//! stop, and the port's reports.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use datapath::{Bell, FrameAccount, Losses, Port, PortStats};

/// Frames taken from a ring, or put into one, between two looks at anything else.
pub(crate) const BATCH: usize = 64;

/// Counters and frame account of a port.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Report {
    pub(crate) stats: PortStats,
    pub(crate) frames: FrameAccount,
    pub(crate) losses: Option<Losses>,
}

impl Report {
    pub(crate) fn of(port: &Port) -> Self {
        let (stats, losses) = port.stats_and_losses();
        Self { stats, frames: port.frames(), losses }
    }

    /// The sum of two ports.
    pub(crate) fn plus(mut self, other: Self) -> Self {
        let (stats, more) = (&mut self.stats, other.stats);
        stats.rx_packets += more.rx_packets;
        stats.rx_bytes += more.rx_bytes;
        stats.rx_errors += more.rx_errors;
        stats.rx_dropped += more.rx_dropped;
        stats.tx_packets += more.tx_packets;
        stats.tx_bytes += more.tx_bytes;
        stats.tx_errors += more.tx_errors;
        stats.tx_dropped += more.tx_dropped;
        stats.syscalls += more.syscalls;
        let (frames, more) = (&mut self.frames, other.frames);
        frames.total += more.total;
        frames.fill += more.fill;
        frames.rx += more.rx;
        frames.stack += more.stack;
        frames.tx += more.tx;
        frames.completion += more.completion;
        frames.free += more.free;
        self.losses = self.losses.into_iter().chain(other.losses).reduce(Losses::plus);
        self
    }
}

/// The engine's handle of a port's thread in the split layout.
pub(crate) struct PortThreadHandle {
    bell: Bell,
    stop: AtomicBool,
    report: Mutex<Report>,
}

impl PortThreadHandle {
    pub(crate) fn new(port: &Port) -> Self {
        Self {
            bell: port.bell(),
            stop: AtomicBool::new(false),
            report: Mutex::new(Report::of(port)),
        }
    }

    /// Wakes the port's thread.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    /// Asks the port's thread to end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.ring();
    }

    /// Whether the port's thread was asked to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// The last report of the port's thread.
    pub(crate) fn report(&self) -> Report {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a report for the engine.
    pub(crate) fn set_report(&self, report: Report) {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = report;
    }
}
