//! Where a connection keeps its [`Recovery`]: nowhere while it has been quiet.
//!
//! All of it concerns data that is out, or was a moment ago, and most connections of a busy host are idle.
//! So it is made when the first data leaves, stays while data comes and goes, and is given back
//! once nothing has been out for a retransmission timeout, which is when RFC 5681 §4.1 begins anew too.
//! What was learnt of the path outlives it. What does not is the chance to take back a reduction because
//! of a DSACK that comes that late.

use core::ops::{Deref, DerefMut};

use wire::tcp::SeqNum;

use crate::tcp::conn::Conn;
use crate::tcp::recovery::{DUPLICATES, Recovery};
use crate::time::{Duration, Instant};

/// The recovery of a connection, if it needs one.
#[derive(Debug)]
pub(crate) struct Held {
    work: Option<Box<Recovery>>,
    learned: Learned,
}

/// What the path showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Learned {
    /// How many segments a delivery may be early by and not show a loss.
    pub(super) reordering: u16,
    /// As in [`Rack`](super::rack::Rack).
    pub(super) steps: u8,
    pub(super) persist: u8,
    pub(super) reordered: bool,
}

impl Learned {
    pub(super) const NOTHING: Self =
        Self { reordering: DUPLICATES, steps: 1, persist: 0, reordered: false };
}

impl Held {
    /// Nothing is out and nothing is known.
    pub(crate) const fn new() -> Self {
        Self { work: None, learned: Learned::NOTHING }
    }

    /// Whether there is any: without, nothing is out.
    #[inline]
    pub(crate) fn is_some(&self) -> bool {
        self.work.is_some()
    }

    /// Whether something is to be sent that is not new.
    #[inline]
    pub(crate) fn has_work(&self) -> bool {
        self.work.as_ref().is_some_and(|recovery| recovery.has_work())
    }

    /// Data leaves from `seq` on, where nothing was out. `rtt` is the round trip as far as known.
    fn begin(&mut self, seq: SeqNum, rtt: Duration) {
        self.work = Some(Box::new(Recovery::new(seq, rtt, self.learned)));
    }

    /// Nothing has been out for a while.
    fn release(&mut self) {
        self.learned = self.known();
        self.work = None;
    }

    /// How many segments a delivery may be early by and not show a loss.
    pub(crate) fn reordering(&self) -> u32 {
        self.known().reordering.into()
    }

    /// What the path has shown so far.
    pub(crate) fn known(&self) -> Learned {
        self.work.as_ref().map_or(self.learned, |recovery| recovery.learned())
    }
}

impl Deref for Held {
    type Target = Recovery;

    #[inline]
    fn deref(&self) -> &Recovery {
        static NONE: Recovery = Recovery::new(SeqNum(0), Duration::ZERO, Learned::NOTHING);
        self.work.as_deref().unwrap_or(&NONE)
    }
}

impl DerefMut for Held {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Recovery {
        match self.work {
            Some(ref mut recovery) => recovery,
            ref mut none => missing(none, self.learned),
        }
    }
}

/// Where nothing is out there is nothing to change, so nobody comes here.
#[cold]
#[inline(never)]
fn missing(work: &mut Option<Box<Recovery>>, learned: Learned) -> &mut Recovery {
    debug_assert!(false, "recovery of nothing");
    work.insert(Box::new(Recovery::new(SeqNum(0), Duration::ZERO, learned)))
}

impl Conn {
    /// `seq..end` left for the first time, in segments of `size`.
    #[inline]
    pub(crate) fn watch_new(&mut self, seq: SeqNum, end: SeqNum, size: u32, now: Instant) {
        match &mut self.recovery.work {
            Some(recovery) => recovery.on_new_sent(seq, end, size, now),
            None => {
                self.begin_recovery(seq, now);
                self.recovery.on_new_sent(seq, end, size, now);
            }
        }
    }

    #[cold]
    fn begin_recovery(&mut self, seq: SeqNum, now: Instant) {
        self.recovery.begin(seq, self.rtt.srtt().unwrap_or_default());
        self.timers.quiet = now + self.rtt.rto();
    }

    /// A timeout has passed since recovery began, or since the last look: if nothing was out in it,
    /// what only data needs goes back.
    pub(crate) fn on_quiet_timer(&mut self, now: Instant) {
        let idle_at = self.snd.last_sent + self.rtt.rto();
        if self.snd.outstanding() > 0 {
            self.timers.quiet = now + self.rtt.rto();
        } else if now < idle_at {
            self.timers.quiet = idle_at;
        } else {
            self.recovery.release();
            self.congestion.forget_prior();
        }
    }
}
