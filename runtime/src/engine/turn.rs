//! The loop of a stack thread, and one turn of it.
//!
//! A turn reads the clock once and then does a bounded batch of everything there is:
//!
//! 1. messages from other threads;
//! 2. for each queue: frames in, up to 64, and between taking and delivering them messages from
//!    other shards;
//! 3. timers, if one is due;
//! 4. what the stack reports of sockets, to the users that own them;
//! 5. for each port: frames out, while the stack has any and the port has room.
//!
//! A turn that left something undone is followed by another. Otherwise the engine sleeps, on one
//! epoll until the next deadline; epoll also says whether the device has more, which costs no more
//! than to ask the device. Before it sleeps the engine announces it (mailbox and rings) and
//! looks once more, so that no wake-up is lost. With [`Pace::Linger`] it sleeps later, and with
//! [`Pace::Spin`] never.

use std::time::Duration;

use stack::Instant;

use super::Engine;
use crate::admin;
use crate::command::Command;
use crate::config::Pace;
use crate::port::PortEnd;
use crate::port::queue::SEND_BATCH;
use crate::sockets::owner::Owner;
use crate::sockets::poller::Token;

/// Messages taken in one turn.
const COMMANDS_PER_TURN: usize = 64;
/// Socket events dispatched in one turn.
const EVENTS_PER_TURN: usize = 1024;
/// Turns without sleep between two looks at the descriptors.
const TURNS_PER_POLL: u32 = 4;

/// What a turn did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Turn {
    /// Anything at all.
    worked: bool,
    /// Some batch was full: there may be more of it.
    unfinished: bool,
}

impl Turn {
    fn note(&mut self, done: usize, bound: usize) {
        self.worked |= done > 0;
        self.unfinished |= done >= bound;
    }
}

impl Engine {
    /// Runs until [`Command::Stop`]. The ports are dropped with the engine.
    pub(crate) fn run(mut self) {
        self.core.now = self.clock.now();
        loop {
            let turn = self.turn();
            if turn.worked {
                self.last_work = self.core.now;
            }
            if self.stopping {
                break;
            }
            if !turn.unfinished {
                self.idle(turn.worked);
            } else if self.bridges.has_descriptors() {
                self.poll_now(TURNS_PER_POLL);
            }
        }
        self.shut_down();
    }

    /// Does a batch of everything.
    pub(crate) fn turn(&mut self) -> Turn {
        self.core.now = self.clock.now();
        let mut turn = Turn::default();
        turn.note(self.run_commands(), COMMANDS_PER_TURN);
        if self.core.now >= self.next_device_look {
            self.follow_devices();
        }
        for port in &mut self.ports {
            port.take(&self.core, |step| turn.note(step.done, step.bound));
        }
        // Between taking frames and delivering them: a frame may answer something that another
        // shard sent, and that shard's messages to this one were sent before.
        turn.note(self.core.worker.exchange_messages(self.core.now), usize::MAX);
        for port in &mut self.ports {
            port.deliver(&mut self.core);
        }
        if self.deadline.is_some_and(|at| at <= self.core.now) {
            self.core.worker.expire(self.core.now);
            turn.worked = true;
        }
        // A stack that nothing was done to has nothing to report.
        if turn.worked || self.touched {
            turn.note(self.dispatch_events(), EVENTS_PER_TURN);
            self.steer();
        }
        for port in &mut self.ports {
            turn.note(port.transmit(&mut self.core), SEND_BATCH);
        }
        if turn.worked || self.touched {
            // Sending makes room, of which someone may make use at once.
            turn.note(self.dispatch_events(), 1);
            // Last, because an answer need not wait for it.
            self.deadline = self.core.worker.next_deadline();
        }
        self.touched = turn.worked;
        self.wake_shards();
        turn
    }

    /// Carries out what other threads asked for, and returns how many commands that were.
    fn run_commands(&mut self) -> usize {
        for taken in 0..COMMANDS_PER_TURN {
            let Some(command) = self.mailbox.pop() else { return taken };
            self.run_command(command);
        }
        COMMANDS_PER_TURN
    }

    fn run_command(&mut self, command: Command) {
        if !matches!(command, Command::AppProgress(_)) {
            // The sender may know of a change on another shard, of a new address for example. The
            // message about it came before the command, so it is taken first.
            self.core.worker.exchange_messages(self.core.now);
        }
        match command {
            Command::AppProgress(id) => {
                if let Some(Owner::Local(key)) = self.core.owners.find(id) {
                    self.locals.on_app_progress(key, &mut self.core);
                }
            }
            Command::Local(command) => self.locals.run(*command, &mut self.core),
            Command::Bridge(command) => self.bridges.run(*command, &mut self.core),
            Command::Abort(id) => self.core.abort(id),
            Command::Control(command) => {
                (command.answer)(admin::answer(&mut self.core, &self.ports, &command.request));
            }
            Command::DeviceOpened => self.take_arrivals(),
            Command::Stop => self.stopping = true,
        }
    }

    /// Passes the stack's reports on to the owners of the sockets, and returns how many those were.
    pub(super) fn dispatch_events(&mut self) -> usize {
        for passed in 0..EVENTS_PER_TURN {
            let Some((id, what)) = self.core.worker.next_event() else { return passed };
            match self.core.owners.find(id) {
                Some(Owner::Bridge(key)) => self.bridges.on_event(key, what, &mut self.core),
                Some(Owner::Local(key)) => self.locals.on_event(key, what, &mut self.core),
                None => {}
            }
        }
        EVENTS_PER_TURN
    }

    /// Wakes the engines that were sent something, or given room for what they want to send.
    pub(super) fn wake_shards(&mut self) {
        let woken = self.core.worker.take_woken();
        if !woken.is_empty() {
            for shard in woken.iter() {
                self.engines.of_shard(shard.get()).wake();
            }
        }
    }

    /// Nothing to do: keeps looking for a while, or sleeps until something happens.
    fn idle(&mut self, worked: bool) {
        let lingers = match self.pace {
            Pace::Sleep => false,
            Pace::Linger(span) => self.core.now.since(self.last_work) < span,
            Pace::Spin => true,
        };
        if lingers {
            if self.bridges.has_descriptors() {
                self.poll_now(TURNS_PER_POLL);
            }
            std::hint::spin_loop();
            return;
        }
        if self.prepare_sleep() {
            self.end_sleep();
            if !worked {
                // There is work that waits for another shard, which may need this core.
                std::thread::yield_now();
            }
            return;
        }
        let deadline = self.core.worker.next_deadline();
        let timeout =
            deadline.filter(|at| *at != Instant::FAR).map(|at| at.since(self.clock.now()));
        let patience = self.ports.iter().filter_map(PortEnd::patience);
        let timeout = patience.chain(timeout).min();
        self.poll_descriptors(timeout);
        self.end_sleep();
    }

    /// Polls the descriptors without waiting, once in `interval` calls.
    fn poll_now(&mut self, interval: u32) {
        self.turns += 1;
        if self.turns >= interval {
            self.turns = 0;
            self.poll_descriptors(Some(Duration::ZERO));
        }
    }

    /// Announces sleep to whoever may have work for this engine, and then looks for work. Returns
    /// whether there is some, so that the engine must not sleep.
    pub(super) fn prepare_sleep(&mut self) -> bool {
        // First, because a thread that sees one of the later announcements rings this bell.
        self.mailbox.bell().prepare_sleep();
        let mut busy = false;
        for (index, port) in self.ports.iter_mut().enumerate() {
            port.watch(&self.core.poller, index as u32);
            busy |= port.prepare_sleep(&self.core);
        }
        busy || !self.mailbox.is_empty()
    }

    pub(super) fn end_sleep(&mut self) {
        self.mailbox.bell().end_sleep();
        for port in &mut self.ports {
            port.end_sleep();
        }
    }

    /// Waits on the descriptors and deals with what is ready.
    pub(super) fn poll_descriptors(&mut self, timeout: Option<Duration>) {
        self.core.poller.wait(timeout);
        while let Some((token, ready)) = self.core.poller.pop() {
            self.touched = true;
            match token {
                Token::Mailbox => self.mailbox.bell().clear(),
                // The next turn steps it in any case.
                Token::Port { .. } => {}
                Token::Devices => self.next_device_look = Instant::ZERO,
                Token::Bridge(key) => self.bridges.on_ready(key, ready, &mut self.core),
            }
        }
    }
}
