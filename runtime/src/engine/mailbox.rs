//! Messages to a stack thread from other threads, many to one.
//!
//! Two kinds go through one bounded queue: *calls*, boxed closures for rare work (control calls,
//! opening and closing sockets), and *attention*, a socket's id, pushed when an application has
//! written or read. Attention is coalesced by its sender (at most one for each socket is under
//! way), so the hot path is one atomic swap and, now and then, one push.
//!
//! The eventfd is written only when the engine has announced sleep. Who sleeps and who wakes follow
//! the usual order: the sleeper stores `sleeping`, fences, looks once more; the waker pushes,
//! fences, looks at `sleeping`. One of the two sees the other.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::mpsc::sync_channel;
use std::thread;

use crossbeam_queue::ArrayQueue;
use rustix::event::{EventfdFlags, eventfd};
use stack::SocketId;

use super::Engine;

/// Rare work for the engine thread.
pub(crate) type Call = Box<dyn FnOnce(&mut Engine) + Send>;

/// One message.
pub(crate) enum Command {
    /// Run this.
    Call(Call),
    /// The application of this local socket wrote or read.
    Attend(SocketId),
}

/// The queue and the bell beside it.
pub(crate) struct Mailbox {
    queue: ArrayQueue<Command>,
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

    /// Wakes the other side if it sleeps. Call it after the change that it is to see.
    pub(crate) fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.sleeping.load(Ordering::Relaxed) && self.sleeping.swap(false, Ordering::AcqRel) {
            // The counter cannot overflow: it is written once a sleep.
            let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
        }
    }

    /// Announces sleep. Look for work once more after this.
    pub(crate) fn announce(&self) {
        self.sleeping.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Awake again.
    pub(crate) fn withdraw(&self) {
        self.sleeping.store(false, Ordering::Relaxed);
    }

    /// Takes the ring out of the descriptor.
    pub(crate) fn silence(&self) {
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
    pub(crate) fn new(capacity: usize) -> io::Result<Self> {
        Ok(Self {
            queue: ArrayQueue::new(capacity),
            bell: Bell::new()?,
            closed: AtomicBool::new(false),
        })
    }

    pub(crate) fn pop(&self) -> Option<Command> {
        // The queue's own way to say so takes a fence, which a busy engine would pay every turn.
        if self.queue.is_empty() { None } else { self.queue.pop() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn bell(&self) -> &Bell {
        &self.bell
    }

    /// No engine serves it any more: what is in it and what comes later is dropped, which tells
    /// the callers.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        while self.queue.pop().is_some() {}
    }

    /// Puts a message in. A full queue makes the caller, never the engine, wait.
    fn push(&self, mut command: Command) {
        while !self.closed.load(Ordering::SeqCst) {
            match self.queue.push(command) {
                Ok(()) => {
                    self.bell.ring();
                    if self.closed.load(Ordering::SeqCst) {
                        while self.queue.pop().is_some() {}
                    }
                    return;
                }
                Err(refused) => {
                    command = refused;
                    self.bell.ring();
                    thread::yield_now();
                }
            }
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

    /// Lets the engine run `work` some time soon.
    pub(crate) fn post(&self, work: impl FnOnce(&mut Engine) + Send + 'static) {
        self.0.push(Command::Call(Box::new(work)));
    }

    /// Lets the engine run `work` and waits for what it answers.
    ///
    /// # Errors
    /// `NotConnected` if the engine has stopped.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> io::Result<T> {
        let (answer, answered) = sync_channel(1);
        self.post(move |engine| {
            // The caller waits for it, so there is someone to take it.
            let _ = answer.send(work(engine));
        });
        answered
            .recv()
            .map_err(|_| io::Error::new(io::ErrorKind::NotConnected, "the stack has stopped"))
    }

    /// Lets the engine look at a socket's rings.
    pub(crate) fn attend(&self, id: SocketId) {
        self.0.push(Command::Attend(id));
    }
}
