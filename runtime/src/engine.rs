//! The engine: one stack thread with all that it owns.
//!
//! An [`Engine`] has a [`Core`] (the stack), its ends of the ports, and the two kinds of users of
//! sockets: bridges to other processes, and users in this process. [`turn`] is its loop. Everything
//! else in the process reaches it by [`Command`]s through its mailbox, and nothing in it waits for
//! another thread. Nothing but [`crate::builder`] knows the engine.
//!
//! [`Command`]: crate::command::Command

mod clock;
mod devices;
mod shutdown;
mod turn;

use std::io;
use std::sync::Arc;

use stack::{Instant, Limits, Worker};

use self::clock::Clock;
use crate::bridge::Bridges;
use crate::config::Pace;
use crate::device::follow::DeviceFollower;
use crate::device::reopen::Arrivals;
use crate::local::Locals;
use crate::mailbox::{Ending, Engines, Mailbox};
use crate::port::PortEnd;
use crate::sockets::Core;
use crate::sockets::poller::Token;

/// One stack thread's belongings.
pub(crate) struct Engine {
    pub(crate) core: Core,
    pub(crate) ports: Vec<PortEnd>,
    /// What keeps interfaces in step with their devices. Only the first engine has any.
    pub(crate) followers: Vec<DeviceFollower>,
    /// Ends of devices that were opened again.
    pub(crate) arrivals: Arrivals,
    pub(crate) locals: Locals,
    bridges: Bridges,
    engines: Engines,
    mailbox: Arc<Mailbox>,
    clock: Clock,
    pace: Pace,
    last_work: Instant,
    turns: u32,
    /// When the stack wants to be called, as of the last turn that touched it.
    deadline: Option<Instant>,
    /// Whether anything was done to the stack since.
    touched: bool,
    /// Version of the tables that the ports were last steered by.
    steered: u64,
    /// When the devices are looked at next, in an engine that never sleeps.
    next_device_look: Instant,
    stopping: bool,
    ending: Ending,
}

impl Engine {
    /// The engine of a worker, without ports.
    ///
    /// # Errors
    /// If there is no descriptor left.
    pub(crate) fn new(
        worker: Worker,
        mailbox: Arc<Mailbox>,
        engines: &Engines,
        limits: &Limits,
        pace: Pace,
    ) -> io::Result<Self> {
        let core = Core::new(worker)?;
        let shard = core.shard;
        let ending = Ending::new(engines.clone(), mailbox.clone());
        let locals = Locals::new(shard, engines.clone(), limits);
        core.poller.add_input(mailbox.bell(), Token::Mailbox)?;
        Ok(Self {
            core,
            ports: Vec::new(),
            followers: Vec::new(),
            arrivals: Arrivals::default(),
            locals,
            bridges: Bridges::new(shard, engines.clone()),
            engines: engines.clone(),
            mailbox,
            clock: Clock::start(),
            pace,
            last_work: Instant::ZERO,
            turns: 0,
            deadline: None,
            touched: true,
            steered: 0,
            next_device_look: Instant::ZERO,
            stopping: false,
            ending,
        })
    }
}
