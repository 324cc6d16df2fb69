//! Messages to an engine thread from other threads, many to one.
//!
//! Application threads and control connections use one bounded queue: when it is full, the sender
//! waits. Engine threads must never wait for each other, so what they send goes through a queue
//! without a bound of its own; each of its messages stands for something that is bounded elsewhere
//! (an accepted connection, a socket that moves, a request under way).
//!
//! [`Command::AppProgress`] is the only frequent message. Its sender coalesces it (at most one for
//! each socket is under way), so an application's write costs one atomic swap and at times one
//! push.
//!
//! The eventfd is written only when the engine has announced sleep. The sleeper stores `sleeping`,
//! fences and looks for work once more; the waker pushes, fences and looks at `sleeping`. At least
//! one of the two sees the other, so no wake-up is lost.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use crossbeam_queue::{ArrayQueue, SegQueue};
use rustix::event::{EventfdFlags, eventfd};
use stack::SocketId;

use crate::command::Command;

/// Messages from other threads that may be queued. Senders beyond that wait.
const COMMANDS_MAX: usize = 4096;

/// The queues and the bell beside them.
pub(crate) struct Mailbox {
    /// From threads that may wait.
    queue: ArrayQueue<Command>,
    /// From engine threads.
    handed_over: SegQueue<Command>,
    bell: Bell,
    closed: AtomicBool,
}

/// An eventfd that is written only when the other side sleeps.
pub(crate) struct Bell {
    sleeping: AtomicBool,
    event: OwnedFd,
}

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self { sleeping: AtomicBool::new(false), event })
    }

    /// Wakes the other side if it sleeps. Call it after the change that the other side is to see.
    pub(crate) fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.sleeping.load(Ordering::Relaxed) && self.sleeping.swap(false, Ordering::AcqRel) {
            // The counter cannot overflow: it is written once a sleep.
            let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
        }
    }

    /// Announces sleep. Look for work once more after this.
    pub(crate) fn prepare_sleep(&self) {
        self.sleeping.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// The sleeper is awake again.
    pub(crate) fn end_sleep(&self) {
        self.sleeping.store(false, Ordering::Relaxed);
    }

    /// Empties the descriptor after a ring.
    pub(crate) fn clear(&self) {
        let mut count = [0u8; 8];
        let _ = rustix::io::read(&self.event, &mut count);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

impl Mailbox {
    /// An empty mailbox.
    ///
    /// # Errors
    /// If there is no descriptor left.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            queue: ArrayQueue::new(COMMANDS_MAX),
            handed_over: SegQueue::new(),
            bell: Bell::new()?,
            closed: AtomicBool::new(false),
        })
    }

    pub(crate) fn pop(&self) -> Option<Command> {
        // `pop` of an empty queue costs a fence, which a busy engine would pay every turn.
        if !self.handed_over.is_empty()
            && let Some(command) = self.handed_over.pop()
        {
            return Some(command);
        }
        if self.queue.is_empty() { None } else { self.queue.pop() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.handed_over.is_empty()
    }

    pub(crate) fn bell(&self) -> &Bell {
        &self.bell
    }

    /// The engine has ended: what is queued and what comes later is dropped. Dropping a command
    /// ends the wait for its answer.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.discard();
    }

    fn discard(&self) {
        while self.queue.pop().is_some() {}
        while self.handed_over.pop().is_some() {}
    }

    /// Puts a message in. If the queue is full the caller waits, never the engine.
    fn push(&self, mut command: Command) {
        while !self.closed.load(Ordering::SeqCst) {
            match self.queue.push(command) {
                Ok(()) => return self.after_push(),
                Err(refused) => {
                    command = refused;
                    self.bell.ring();
                    thread::yield_now();
                }
            }
        }
    }

    fn after_push(&self) {
        self.bell.ring();
        if self.closed.load(Ordering::SeqCst) {
            self.discard();
        }
    }
}

/// The way to an engine from any other thread. Clones go to the same engine.
#[derive(Clone)]
pub(crate) struct Remote(Arc<Mailbox>);

impl Remote {
    pub(crate) fn new(mailbox: Arc<Mailbox>) -> Self {
        Self(mailbox)
    }

    /// Sends a command. Not for engine threads: it waits while the queue is full.
    pub(crate) fn post(&self, command: impl Into<Command>) {
        self.0.push(command.into());
    }

    /// Sends a command from an engine thread. It never waits.
    pub(crate) fn hand_over(&self, command: impl Into<Command>) {
        if !self.0.closed.load(Ordering::SeqCst) {
            self.0.handed_over.push(command.into());
            self.0.after_push();
        }
    }

    /// Sends the command that `command` makes of a place for its answer, and waits for the answer.
    /// Not for engine threads.
    ///
    /// # Errors
    /// `NotConnected` if the engine has stopped.
    pub(crate) fn ask<T, C: Into<Command>>(
        &self,
        command: impl FnOnce(SyncSender<T>) -> C,
    ) -> io::Result<T> {
        let (answer, answered) = sync_channel(1);
        self.post(command(answer));
        answered.recv().map_err(|_| stopped())
    }

    /// Lets the engine look at a local socket's rings.
    pub(crate) fn app_progress(&self, id: SocketId) {
        self.0.push(Command::AppProgress(id));
    }

    /// Wakes the engine if it sleeps, after a change that it finds outside its mailbox.
    pub(crate) fn wake(&self) {
        self.0.bell.ring();
    }
}

/// The error of whoever asks an engine that has stopped.
pub(crate) fn stopped() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the stack has stopped")
}

/// The ways to all engines of a stack, by the number of their shard.
#[derive(Clone)]
pub(crate) struct Engines {
    remotes: Arc<[Remote]>,
    ends: Arc<Ends>,
}

/// How many engines have come how far in ending.
#[derive(Default)]
struct Ends {
    /// Engines that have closed their sockets and hand over no connection any more.
    closed: AtomicUsize,
    /// Engines that have nothing more to send.
    ended: AtomicUsize,
}

impl Engines {
    /// At least one engine, in the order of their shards.
    pub(crate) fn new(remotes: impl IntoIterator<Item = Remote>) -> Self {
        let remotes: Arc<[Remote]> = remotes.into_iter().collect();
        assert!(!remotes.is_empty(), "a stack has at least one engine");
        Self { remotes, ends: Arc::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.remotes.len()
    }

    /// The engine with the control plane.
    pub(crate) fn first(&self) -> &Remote {
        &self.remotes[0]
    }

    /// The engine of a shard. Numbers beyond the last wrap around.
    pub(crate) fn of_shard(&self, shard: usize) -> &Remote {
        &self.remotes[shard % self.remotes.len()]
    }

    /// Wakes the engines of the shards in `shards`, bit `n` for shard `n`, except shard `own`.
    pub(crate) fn wake(&self, shards: u64, own: usize) {
        let mut left = shards;
        while left != 0 {
            let shard = left.trailing_zeros() as usize;
            left &= left - 1;
            if shard != own {
                self.of_shard(shard).wake();
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Remote> {
        self.remotes.iter()
    }

    /// Whether no engine hands over connections any more.
    pub(crate) fn have_all_closed(&self) -> bool {
        self.ends.closed.load(Ordering::Acquire) >= self.remotes.len()
    }

    /// Whether no engine has anything more to send.
    pub(crate) fn have_all_ended(&self) -> bool {
        self.ends.ended.load(Ordering::Acquire) >= self.remotes.len()
    }
}

/// How far one engine has come in ending. Dropping it counts the engine as ended, also one whose
/// thread never started, so that no other engine waits for it, and closes its mailbox.
pub(crate) struct Ending {
    engines: Engines,
    mailbox: Arc<Mailbox>,
    closed: bool,
    ended: bool,
}

impl Ending {
    /// Of an engine that has not begun to end.
    pub(crate) fn new(engines: Engines, mailbox: Arc<Mailbox>) -> Self {
        Self { engines, mailbox, closed: false, ended: false }
    }

    /// The engine has closed its sockets and hands over no connection any more.
    pub(crate) fn note_closed(&mut self) {
        if !std::mem::replace(&mut self.closed, true) {
            self.engines.ends.closed.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// The engine has nothing more to send.
    pub(crate) fn note_ended(&mut self) {
        self.note_closed();
        if !std::mem::replace(&mut self.ended, true) {
            self.engines.ends.ended.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.note_ended();
        self.mailbox.close();
    }
}
