//! The engine: one stack thread with all that it owns.
//!
//! An [`Engine`] has a host stack, the ends of its ports, and the three kinds of users of sockets:
//! services that run on the thread itself, bridges to other processes, and threads of this process.
//! [`turn`] is its loop. Everything else in the process reaches it through the [`mailbox`], and
//! nothing in it waits for another thread.
//!
//! What the users of sockets may touch of it is [`Core`].

pub(crate) mod clock;
pub(crate) mod mailbox;
pub(crate) mod owner;
pub(crate) mod poller;
pub(crate) mod port;
pub(crate) mod record;
pub(crate) mod slab;
pub(crate) mod sockets;
mod turn;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use stack::{Host, Instant, Limits};

use self::clock::Clock;
use self::mailbox::Mailbox;
use self::owner::Owners;
use self::poller::{Poller, Token};
use self::port::PortEnd;
use crate::bridge::Bridges;
use crate::local::Locals;
use crate::service::Services;

/// What a user of sockets on the engine thread works with.
pub(crate) struct Core {
    pub(crate) host: Host,
    /// The present turn's time.
    pub(crate) now: Instant,
    pub(crate) owners: Owners,
    pub(crate) poller: Poller,
}

/// How long the engine looks for work before it sleeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Sleeps as soon as there is nothing to do.
    #[default]
    Sleep,
    /// Looks for this long after the last work, then sleeps.
    Linger(Duration),
    /// Never sleeps.
    Spin,
}

/// One stack thread's belongings.
pub(crate) struct Engine {
    pub(crate) core: Core,
    pub(crate) ports: Vec<PortEnd>,
    pub(crate) services: Services,
    pub(crate) bridges: Bridges,
    pub(crate) locals: Locals,
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
    stopping: bool,
}

impl Engine {
    /// An engine without ports.
    pub(crate) fn new(limits: Limits, seed: u64, pace: Pace) -> io::Result<Self> {
        let mailbox = Arc::new(Mailbox::new(COMMANDS_MAX)?);
        let poller = Poller::new()?;
        poller.add_input(mailbox.bell(), Token::Mailbox)?;
        let locals = Locals::new(mailbox::Remote::new(mailbox.clone()), &limits);
        Ok(Self {
            core: Core {
                host: Host::new(limits, seed),
                now: Instant::ZERO,
                owners: Owners::default(),
                poller,
            },
            ports: Vec::new(),
            services: Services::new(),
            bridges: Bridges::new(),
            locals,
            mailbox,
            clock: Clock::start(),
            pace,
            last_work: Instant::ZERO,
            turns: 0,
            deadline: None,
            touched: true,
            steered: 0,
            stopping: false,
        })
    }

    /// The way here from other threads.
    pub(crate) fn remote(&self) -> mailbox::Remote {
        mailbox::Remote::new(self.mailbox.clone())
    }

    pub(crate) fn mailbox(&self) -> Arc<Mailbox> {
        self.mailbox.clone()
    }

    /// Ends the loop after this turn.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
    }
}

/// Messages from other threads that may wait. Senders beyond that wait themselves.
const COMMANDS_MAX: usize = 4096;
