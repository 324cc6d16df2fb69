//! The split layout: a thread that does nothing but step one port.
//!
//! It moves frames between the device and the four rings of each shard's [`datapath::PortLink`];
//! the engines are on other cores. Either side sleeps when it finds nothing, after announcing it on
//! the rings, and is woken only then: the engine by its mailbox's bell, this thread by the port's.
//! Reports and the wish to stop go through the [`PortThreadHandle`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use datapath::{Port, PortInfo};

use super::handle::{BATCH, PortThreadHandle, Report};
use super::steer::Steer;
use crate::config::Pace;
use crate::mailbox::Engines;
use crate::pin::pin;

/// This thread is none of the engines.
const NO_SHARD: usize = usize::MAX;
/// How old a report may get while the thread is busy.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);
/// How long a thread that ends goes on sending.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// Turns between two looks at the clock.
const TURNS_PER_LOOK: u32 = 256;

/// A port and what its thread needs.
pub(crate) struct PortThread {
    name: String,
    port: Port,
    pace: Pace,
    handle: Arc<PortThreadHandle>,
    engines: Engines,
    steer: Steer,
    /// The core to run on.
    core: Option<usize>,
}

impl PortThread {
    pub(crate) fn new(
        port: Port,
        info: &PortInfo,
        pace: Pace,
        engines: Engines,
        steer: Steer,
        core: Option<usize>,
    ) -> Self {
        let handle = Arc::new(PortThreadHandle::new(&port));
        Self {
            name: format!("port-{}-{}", info.name, info.queue),
            port,
            pace,
            handle,
            engines,
            steer,
            core,
        }
    }

    pub(crate) fn name(&self) -> String {
        self.name.clone()
    }

    pub(crate) fn handle(&self) -> Arc<PortThreadHandle> {
        self.handle.clone()
    }

    /// Steps the port until it is asked to stop.
    pub(crate) fn run(mut self) {
        pin(self.core);
        let mut last_work = Instant::now();
        let mut reported = last_work;
        let mut turns = 0u32;
        loop {
            if self.handle.is_stopped() {
                return self.send_rest();
            }
            let turn = self.port.turn(BATCH, self.steer.by_frame());
            let worked = turn.received + turn.sent > 0;
            self.engines.wake(self.port.shards_waiting(), NO_SHARD);
            turns = turns.wrapping_add(1);
            if worked && !turns.is_multiple_of(TURNS_PER_LOOK) {
                continue;
            }
            let now = Instant::now();
            if worked {
                last_work = now;
            }
            // The last report before a sleep is what others see of the port until it wakes.
            let sleeps = !worked && !self.lingers(now - last_work);
            if sleeps || now - reported > REPORT_INTERVAL {
                reported = now;
                self.handle.set_report(Report::of(&self.port));
            }
            if sleeps {
                self.sleep();
            } else if !worked {
                std::hint::spin_loop();
            }
        }
    }

    /// Sends the engines' last frames, which are in the rings: a FIN or RST of each connection.
    fn send_rest(&mut self) {
        let began = Instant::now();
        while self.port.turn(BATCH, self.steer.by_frame()).sent > 0
            && began.elapsed() < SHUTDOWN_TIMEOUT
        {}
    }

    /// Whether a port that has had nothing to do for `idle` keeps looking instead of sleeping.
    fn lingers(&self, idle: Duration) -> bool {
        match self.pace {
            Pace::Sleep => false,
            Pace::Linger(span) => idle < span,
            Pace::Spin => true,
        }
    }

    /// Sleeps until the device or the engine has something.
    fn sleep(&mut self) {
        if self.port.sleep(None).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
