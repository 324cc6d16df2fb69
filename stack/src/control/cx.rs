//! What every machine of control may use: time, randomness, timers, interfaces, the snapshot, the
//! frames to send.
//!
//! A machine is a struct of its own with its own state; its verbs take this context and whatever
//! the message brings. It never sees another machine, nor the struct that wires them.

use addr::{IfIndex, Ip};

use crate::control::event::EventLog;
use crate::control::interface::Interfaces;
use crate::control::publish::Publisher;
use crate::control::timers::Timers;
use crate::drop::DropReason;
use crate::fib::Fib;
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::stats::Stats;
use crate::time::Instant;

/// The shared part of control.
#[derive(Debug)]
pub(crate) struct ControlCx {
    /// The instant of the verb that is being served.
    pub(crate) now: Instant,
    pub(crate) rng: Random,
    pub(crate) limits: Limits,
    pub(crate) timers: Timers,
    pub(crate) interfaces: Interfaces,
    pub(crate) publisher: Publisher,
    pub(crate) events: EventLog,
    /// Frames to send, before anything else of their interface.
    pub(crate) outbox: Outbox,
    pub(crate) stats: Stats,
}

impl ControlCx {
    pub(crate) fn new(limits: &Limits, rng: Random) -> Self {
        Self {
            now: Instant::ZERO,
            rng,
            limits: limits.clone(),
            timers: Timers::default(),
            interfaces: Interfaces::default(),
            publisher: Publisher::default(),
            events: EventLog::new(limits.control_events),
            outbox: Outbox::new(limits.outbox),
            stats: Stats::default(),
        }
    }

    /// Whether an interface exists and can carry frames.
    pub(crate) fn is_running(&self, ifindex: IfIndex) -> bool {
        self.interfaces.get(ifindex).is_some_and(|i| i.state.is_running())
    }

    /// Queues a frame of `len` bytes, which `fill` writes. Nothing leaves by an interface that does
    /// not run.
    pub(crate) fn send(
        &mut self,
        ifindex: IfIndex,
        len: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<(), DropReason> {
        if !self.is_running(ifindex) {
            return Err(DropReason::LinkDown);
        }
        self.outbox.push(ifindex, len, fill)
    }

    /// Whether an address is answered for on an interface, as of what was published last.
    pub(crate) fn answers_for(&self, ifindex: IfIndex, ip: Ip) -> bool {
        self.fib().answers_for(ifindex, ip)
    }

    /// The present snapshot.
    #[inline]
    pub(crate) fn fib(&self) -> &Fib {
        self.publisher.fib()
    }
}
