//! Where a stack thread sleeps: one epoll instance over port descriptors, the mailbox's eventfd and
//! the daemon's socketpairs.
//!
//! Every descriptor is registered with a [`Token`], which comes back with what became ready. Ports
//! and the mailbox are level-triggered: what is not dealt with is reported again. Socketpairs of
//! bridges are edge-triggered, so that a bridge whose other side is stalled costs nothing; the
//! bridge remembers its own readiness.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use stack::time::Duration;

use crate::slab::Key;

/// What a registered descriptor belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// The mailbox.
    Mailbox,
    /// A queue of the device at this place of the engine's list.
    Port { index: u32, queue: u32 },
    /// A bridge.
    Bridge(Key),
    /// The kernel's news of links.
    Devices,
}

impl Token {
    fn pack(self) -> EventData {
        EventData::new_u64(match self {
            Self::Mailbox => 0,
            Self::Port { index, queue } => {
                1 << 56 | u64::from(queue & 0xff_ffff) << 32 | u64::from(index)
            }
            Self::Bridge(key) => 2 << 56 | u64::from(key.tenant) << 32 | u64::from(key.slot),
            Self::Devices => 3 << 56,
        })
    }

    fn unpack(data: EventData) -> Self {
        let bits = data.u64();
        let upper = (bits >> 32) as u32 & 0xff_ffff;
        match bits >> 56 {
            1 => Self::Port { index: bits as u32, queue: upper },
            2 => Self::Bridge(Key { slot: bits as u32, tenant: upper }),
            3 => Self::Devices,
            _ => Self::Mailbox,
        }
    }
}

/// What is true of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The other side writes no more: an end lies behind what can be read.
    pub(crate) ended: bool,
    /// Both directions are over.
    pub(crate) hangup: bool,
}

/// The epoll instance with its buffer of events.
pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<(Token, Ready)>,
}

/// Events taken by one wait.
const BATCH: usize = 64;

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, events: Vec::with_capacity(BATCH) })
    }

    /// Watches for input, level-triggered.
    pub(crate) fn add_input(&self, fd: impl AsFd, token: Token) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, token.pack(), EventFlags::IN)?)
    }

    /// Watches for these and no others, level-triggered.
    pub(crate) fn watch_level(
        &self,
        fd: impl AsFd,
        token: Token,
        input: bool,
        output: bool,
    ) -> io::Result<()> {
        if !input && !output {
            // epoll reports errors and hangups unasked, so the descriptor must go.
            self.remove(fd);
            return Ok(());
        }
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, input);
        flags.set(EventFlags::OUT, output);
        match epoll::modify(&self.epoll, &fd, token.pack(), flags) {
            Err(rustix::io::Errno::NOENT) => epoll::add(&self.epoll, &fd, token.pack(), flags)?,
            changed => changed?,
        }
        Ok(())
    }

    /// Watches both directions, edge-triggered.
    pub(crate) fn add_edges(&self, fd: impl AsFd, token: Token) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, fd, token.pack(), flags)?)
    }

    /// Watches a descriptor no longer.
    pub(crate) fn remove(&self, fd: impl AsFd) {
        // A descriptor that is not registered needs no removal.
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Waits until something is ready or `timeout` has passed; `None` waits for ever. Nanoseconds
    /// count (`epoll_pwait2`). The events are then taken by [`Poller::pop`].
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) {
        let timeout = timeout.and_then(|span| Timespec::try_from(span).ok());
        let mut space = [MaybeUninit::<Event>::uninit(); BATCH];
        // An interrupted wait is a wait that found nothing.
        let Ok((ready, _)) = epoll::wait(&self.epoll, &mut space[..], timeout.as_ref()) else {
            return;
        };
        self.events.clear();
        self.events.extend(ready.iter().map(|event| {
            let flags = event.flags;
            let over = flags.intersects(EventFlags::HUP | EventFlags::ERR);
            let ready = Ready {
                readable: over || flags.intersects(EventFlags::IN | EventFlags::RDHUP),
                writable: over || flags.intersects(EventFlags::OUT),
                ended: over || flags.intersects(EventFlags::RDHUP),
                hangup: over,
            };
            (Token::unpack(event.data), ready)
        }));
    }

    /// The next event of the last wait.
    pub(crate) fn pop(&mut self) -> Option<(Token, Ready)> {
        self.events.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_packing() {
        for token in [
            Token::Mailbox,
            Token::Port { index: 7, queue: 63 },
            Token::Bridge(Key { slot: u32::MAX, tenant: 0xff_fffe }),
            Token::Devices,
        ] {
            assert_eq!(Token::unpack(token.pack()), token);
        }
    }

    #[test]
    fn waits_are_shorter_than_a_millisecond() {
        let mut poller = Poller::new().unwrap();
        let start = std::time::Instant::now();
        for _ in 0..10 {
            poller.wait(Some(Duration::from_micros(20)));
        }
        assert!(start.elapsed() >= Duration::from_micros(200));
        assert!(poller.pop().is_none());
    }
}
