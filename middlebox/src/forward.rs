//! Two devices joined: receive what is there, send what is due, sleep until either.
use std::io;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::link::{Counters, Link};
use crate::path::Paths;
use crate::socket::{BATCH, Socket};

/// Longest sleep: how late a wish to stop may be seen.
const SLEEP_MAX: Duration = Duration::from_millis(10);
/// Batches taken from a device before the other one has its turn.
const BATCHES: usize = 4;

/// The path between two devices.
#[derive(Debug)]
pub struct Middlebox {
    /// The device that frames of the direction at the same place come from.
    sockets: [Socket; 2],
    links: [Link; 2],
    leaving: Vec<Vec<u8>>,
}

impl Middlebox {
    /// Joins two devices of this thread's network namespace.
    ///
    /// # Errors
    /// Where there is no such device, or no right to its frames.
    pub fn open(devices: [&str; 2], paths: &Paths) -> io::Result<Self> {
        let [one, other] = devices;
        Ok(Self {
            sockets: [Socket::open(one)?, Socket::open(other)?],
            // The directions draw from far-apart places of the generator's one cycle.
            links: [Link::new(paths.forth, paths.seed), Link::new(paths.back, !paths.seed)],
            leaving: Vec::with_capacity(BATCH),
        })
    }

    /// Forwards until `stop`; what each direction did.
    ///
    /// # Errors
    /// Those of the devices, when one goes away.
    pub fn run(mut self, stop: &AtomicBool) -> io::Result<[Counters; 2]> {
        // Without this the kernel adds 50 us to every sleep.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        let begin = Instant::now();
        let now = || u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        while !stop.load(Ordering::Relaxed) {
            for at in 0..2 {
                self.take(at, now)?;
                self.send(at, now())?;
            }
            let next = self.links.iter().filter_map(Link::next_at).min();
            let sleep = next.map_or(SLEEP_MAX, |at| Duration::from_nanos(at.saturating_sub(now())));
            self.sleep(sleep.min(SLEEP_MAX))?;
        }
        Ok(self.links.map(|link| link.counters()))
    }

    /// Frames of device `at` go into the direction away from it.
    fn take(&mut self, at: usize, now: impl Fn() -> u64) -> io::Result<()> {
        for _ in 0..BATCHES {
            let (link, instant) = (&mut self.links[at], now());
            if self.sockets[at].receive(|frame| link.offer(instant, frame))? < BATCH {
                break;
            }
        }
        Ok(())
    }

    /// Frames that are due in the direction away from device `at` leave by the other one.
    fn send(&mut self, at: usize, now: u64) -> io::Result<()> {
        let (link, out) = (&mut self.links[at], &self.sockets[1 - at]);
        loop {
            while self.leaving.len() < BATCH
                && let Some(frame) = link.due(now)
            {
                self.leaving.push(frame);
            }
            if self.leaving.is_empty() {
                return Ok(());
            }
            let sent = out.send(&self.leaving)?;
            // What stopped a batch is dropped, as a full device does; the rest gets another call.
            if sent < self.leaving.len() {
                link.refuse(1);
                link.recycle(self.leaving.remove(sent));
            }
            for frame in self.leaving.drain(..sent) {
                link.recycle(frame);
            }
        }
    }

    fn sleep(&self, span: Duration) -> io::Result<()> {
        let [one, other] = &self.sockets;
        let mut fds = [PollFd::new(one, PollFlags::IN), PollFd::new(other, PollFlags::IN)];
        let (seconds, nanos) = (span.as_secs() as i64, i64::from(span.subsec_nanos()));
        match poll(&mut fds, Some(&Timespec { tv_sec: seconds, tv_nsec: nanos })) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}
