//! The loop of a stack thread, and one turn of it.
//!
//! A turn reads the clock once and then does a bounded batch of everything there is:
//!
//! 1. messages from other threads;
//! 2. for each port: frames in, up to 64;
//! 3. timers, if one is due;
//! 4. what the stack tells about sockets, to whoever owns them;
//! 5. for each port: frames out, while the stack has any and the port has room.
//!
//! A turn that left something undone is followed by another. Otherwise the engine sleeps, on one
//! epoll until the next deadline; that the device may have more is epoll's to say, which costs no
//! more than to ask the device. Before it sleeps the engine announces it (mailbox and rings) and
//! looks once more, so that no wake-up is lost. Where it is told to poll busily it sleeps later or
//! never.

use std::time::Duration;

use stack::Instant;

use super::mailbox::Command;
use super::owner::Owner;
use super::poller::Token;
use super::port::{Drive, SEND_BATCH};
use super::{Engine, Pace};

/// Messages taken in one turn.
const COMMANDS_PER_TURN: usize = 64;
/// Socket events told in one turn.
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
    /// Runs until it is told to stop. The ports are dropped with the engine.
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
                self.rest();
            } else if self.bridges.has_descriptors() {
                self.glance(TURNS_PER_POLL);
            }
        }
        self.wind_up();
    }

    /// Does a batch of everything.
    pub(crate) fn turn(&mut self) -> Turn {
        self.core.now = self.clock.now();
        let mut turn = Turn::default();
        turn.note(self.obey(), COMMANDS_PER_TURN);
        for port in &mut self.ports {
            let (received, budget) = port.receive(&mut self.core);
            turn.note(received, budget);
        }
        if self.deadline.is_some_and(|at| at <= self.core.now) {
            self.core.host.expire(self.core.now);
            turn.worked = true;
        }
        // A stack that nothing was done to has nothing to tell.
        if turn.worked || self.touched {
            turn.note(self.tell(), EVENTS_PER_TURN);
            self.steer();
        }
        for port in &mut self.ports {
            turn.note(port.transmit(&mut self.core), SEND_BATCH);
        }
        if turn.worked || self.touched {
            // Sending makes room, of which someone may make use at once.
            turn.note(self.tell(), 1);
            // Last, because an answer need not wait for it.
            self.deadline = self.core.host.next_deadline();
        }
        self.touched = turn.worked;
        turn
    }

    /// Carries out what other threads asked for, and says how many things that were.
    fn obey(&mut self) -> usize {
        for taken in 0..COMMANDS_PER_TURN {
            match self.mailbox.pop() {
                Some(Command::Call(work)) => work(self),
                Some(Command::Attend(id)) => {
                    if let Some(Owner::Local(key)) = self.core.owners.find(id) {
                        self.locals.attend(key, &mut self.core);
                    }
                }
                None => return taken,
            }
        }
        COMMANDS_PER_TURN
    }

    /// Tells the owners of sockets what the stack says of them, and says of how many.
    fn tell(&mut self) -> usize {
        for told in 0..EVENTS_PER_TURN {
            let Some((id, what)) = self.core.host.next_event() else { return told };
            match self.core.owners.find(id) {
                Some(Owner::Service(key)) => {
                    self.services.on_event(key, what, &mut self.core, &self.ports);
                }
                Some(Owner::Bridge(key)) => self.bridges.on_event(key, what, &mut self.core),
                Some(Owner::Local(key)) => self.locals.on_event(key, what, &mut self.core),
                None => {}
            }
        }
        EVENTS_PER_TURN
    }

    /// Keeps what ports filter for in step with the addresses and groups of their interfaces.
    fn steer(&mut self) {
        let fib = self.core.host.fib();
        if fib.tables().version == self.steered {
            return;
        }
        self.steered = fib.tables().version;
        for port in &mut self.ports {
            if let Some(interface) = fib.interface(port.ifindex) {
                port.steer(interface);
            }
        }
    }

    /// Nothing to do: looks on for a while, or sleeps until something happens.
    fn rest(&mut self) {
        let lingers = match self.pace {
            Pace::Sleep => false,
            Pace::Linger(span) => self.core.now.since(self.last_work) < span,
            Pace::Spin => true,
        };
        if lingers {
            if self.bridges.has_descriptors() {
                self.glance(TURNS_PER_POLL);
            }
            std::hint::spin_loop();
            return;
        }
        self.set_waiting(true);
        if self.has_work() {
            self.set_waiting(false);
            return;
        }
        let deadline = self.core.host.next_deadline();
        let timeout =
            deadline.filter(|at| *at != Instant::FAR).map(|at| at.since(self.clock.now()));
        self.look_at_descriptors(timeout);
        self.set_waiting(false);
    }

    /// Looks at the descriptors without waiting, every few turns.
    fn glance(&mut self, interval: u32) {
        self.turns += 1;
        if self.turns >= interval {
            self.turns = 0;
            self.look_at_descriptors(Some(Duration::ZERO));
        }
    }

    fn set_waiting(&mut self, waiting: bool) {
        for (index, port) in self.ports.iter_mut().enumerate() {
            port.watch(&self.core.poller, index as u32);
            port.set_waiting(waiting);
        }
        match waiting {
            true => self.mailbox.bell().announce(),
            false => self.mailbox.bell().withdraw(),
        }
    }

    fn has_work(&self) -> bool {
        !self.mailbox.is_empty() || self.ports.iter().any(|port| port.has_work(&self.core))
    }

    /// Waits on the descriptors and deals with what is ready.
    fn look_at_descriptors(&mut self, timeout: Option<Duration>) {
        self.core.poller.wait(timeout);
        while let Some((token, ready)) = self.core.poller.pop() {
            self.touched = true;
            match token {
                Token::Mailbox => self.mailbox.bell().silence(),
                // The next turn steps it in any case.
                Token::Port(_) => {}
                Token::Bridge(key) => self.bridges.on_ready(key, ready, &mut self.core),
            }
        }
    }

    /// The end: sockets are closed, and what they still have to say is sent.
    fn wind_up(&mut self) {
        self.core.now = self.clock.now();
        self.services.close_all(&mut self.core);
        self.bridges.close_all(&mut self.core);
        self.locals.close_all(&mut self.core);
        // FINs and RSTs of all connections leave now; nobody waits for what they are answered.
        for _ in 0..TURNS_AT_END {
            let mut moved = 0;
            for port in &mut self.ports {
                moved += port.transmit(&mut self.core);
                moved += port.receive(&mut self.core).0;
            }
            if moved == 0 {
                break;
            }
        }
        self.mailbox.close();
        for port in &mut self.ports {
            if let Drive::Split(desk) = port.drive() {
                desk.stop();
            }
        }
    }
}

/// Turns that are spent on sending the last segments.
const TURNS_AT_END: usize = 64;
