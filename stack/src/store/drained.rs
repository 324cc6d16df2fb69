//! Sockets whose rings ran empty, on the way to giving their memory back.
//!
//! The rings of a busy socket run empty all the time, and to give memory back and take it again
//! each time costs as much as half a segment. So a socket that ran empty is noted here once, and
//! looked at a moment later: what is empty then is given back. Everyone waits equally long, so a
//! plain queue is the timer.
//!
//! The queue holds slots. One whose tenant has changed is looked at too early, which does no harm.

use std::collections::VecDeque;

use crate::time::{Duration, Instant};

/// What a socket has to do with the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Drain {
    /// Nothing.
    #[default]
    None,
    /// A ring ran empty.
    Wanted,
    /// It stands in the queue.
    Noted,
}

impl Drain {
    /// A ring ran empty.
    #[inline]
    pub(crate) fn want(&mut self) {
        if *self == Self::None {
            *self = Self::Wanted;
        }
    }
}

/// The queue, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Drained(VecDeque<(Instant, u32)>);

impl Drained {
    /// Notes the socket of slot `index` if a ring of its ran empty.
    #[inline]
    pub(crate) fn note(&mut self, drain: &mut Drain, index: u32, now: Instant) {
        if *drain == Drain::Wanted {
            *drain = Drain::Noted;
            self.0.push_back((now + WAIT, index));
        }
    }

    /// The same for one whose ring has just run empty.
    #[inline]
    pub(crate) fn ran_empty(&mut self, drain: &mut Drain, index: u32, now: Instant) {
        drain.want();
        self.note(drain, index, now);
    }

    /// Takes out one that has waited long enough.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<u32> {
        let (_, index) = self.0.pop_front_if(|(at, _)| *at <= now)?;
        if self.0.is_empty() {
            self.0.shrink_to(ROOM);
        }
        Some(index)
    }

    /// When the first has waited long enough.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.0.front().map(|(at, _)| *at)
    }
}

/// Entries that an empty queue keeps room for.
const ROOM: usize = 1024;
/// Longer than the pauses of a busy socket, shorter than anyone looks at memory.
const WAIT: Duration = Duration::from_millis(50);
