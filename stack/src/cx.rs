//! What a protocol may use while it works: plain borrows, made once per verb.

use std::collections::VecDeque;

use addr::{IfIndex, Ip};

use crate::drop::DropReason;
use crate::event::EventQueue;
use crate::fib::Fib;
use crate::limits::Limits;
use crate::memory::Memory;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::stats::Stats;
use crate::time::Instant;

/// The outside of a protocol, borrowed for the length of one call.
pub(crate) struct Cx<'a> {
    pub(crate) now: Instant,
    pub(crate) rng: &'a mut Random,
    pub(crate) fib: &'a Fib,
    pub(crate) limits: &'a Limits,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) requests: &'a mut Requests,
    pub(crate) events: &'a mut EventQueue,
    pub(crate) stats: &'a mut Stats,
    /// The budget of all TCP connections' buffers.
    pub(crate) memory: &'a mut Memory,
}

impl Cx<'_> {
    /// Counts a packet that ended for `reason`.
    pub(crate) fn drop(&mut self, reason: DropReason) {
        self.stats.drop(reason);
    }
}

/// What the shard asks of control, or tells it. Bounded: what does not fit is asked again by the
/// next packet.
#[derive(Debug, Default)]
pub(crate) struct Requests(VecDeque<Request>);

/// One message from the shard to control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Someone wants the link address of this neighbour.
    Resolve(IfIndex, Ip),
    /// The neighbour's entry is in use (starts DELAY if it is STALE).
    Used(IfIndex, Ip),
    /// An upper layer saw forward progress through this neighbour (RFC 4861 §7.3.1).
    Confirmed(IfIndex, Ip),
    /// A router said that packets to this destination must be no larger. Only for errors that quote
    /// a packet which was really sent (RFC 5927 §4).
    PathMtu(Ip, u32),
}

impl Requests {
    const CAPACITY: usize = 256;

    pub(crate) fn push(&mut self, request: Request) {
        if self.0.len() < Self::CAPACITY && self.0.back() != Some(&request) {
            self.0.push_back(request);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Request> {
        self.0.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
