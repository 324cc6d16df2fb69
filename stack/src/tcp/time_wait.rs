//! TIME-WAIT: what is left of a connection that we closed first (RFC 9293 §3.6, TCPF-13).
//!
//! A compact record per flow, in a table of its own, so that a busy client keeps no control blocks. It
//! re-acknowledges the peer's FIN, lets a new connection begin with a higher sequence number, and
//! ignores RSTs (RFC 1337). A connection whose application let go comes here already in FIN-WAIT-2, where the
//! peer's FIN is still to come and all it can do wrong is to send text nobody will read; it waits for
//! that as long as TIME-WAIT lasts (Linux has both at 60 s).
//!
//! All records wait equally long, so a list in order of expiry is a queue: restarting a record moves
//! it to the end. When the table is full the oldest gives way.

use addr::{FlowKey, IfIndex};
use wire::tcp::{Flags, SeqNum};

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::store::slab::Slab;
use crate::tcp::reply::{self, Bare};
use crate::tcp::segment::Segment;
use crate::tcp::state::State;
use crate::time::{Duration, Instant};

/// One closed connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeWait {
    pub(crate) key: FlowKey,
    /// SND.NXT.
    pub(crate) snd_nxt: SeqNum,
    /// RCV.NXT.
    pub(crate) rcv_nxt: SeqNum,
    scope: Option<IfIndex>,
    expires: Instant,
    older: u32,
    newer: u32,
    /// The window field we last sent.
    window: u16,
    /// The peer's FIN has not come: FIN-WAIT-2.
    half: bool,
}

impl TimeWait {
    pub(crate) fn state(&self) -> State {
        if self.half { State::FinWait2 } else { State::TimeWait }
    }
}

/// What a segment for a closed connection leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was answered, or ignored for this reason.
    Done(Result<(), DropReason>),
    /// It opens a new connection, whose ISN must be above this number.
    Reopen(SeqNum),
    /// It ended the flow, for this reason.
    Over(Result<(), DropReason>),
}

/// What a connection leaves behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    pub(crate) key: FlowKey,
    pub(crate) scope: Option<IfIndex>,
    pub(crate) snd_nxt: SeqNum,
    pub(crate) rcv_nxt: SeqNum,
    pub(crate) window: u16,
    /// The peer's FIN has not come.
    pub(crate) half: bool,
}

/// The table.
#[derive(Debug)]
pub(crate) struct TimeWaits {
    slab: Slab<TimeWait>,
    oldest: u32,
    newest: u32,
    span: Duration,
}

const NONE: u32 = u32::MAX;

impl TimeWaits {
    pub(crate) fn new(limit: usize, span: Duration) -> Self {
        Self { slab: Slab::new(limit.max(1), limit), oldest: NONE, newest: NONE, span }
    }

    pub(crate) fn at(&self, index: u32) -> Option<&TimeWait> {
        self.slab.at(index)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &TimeWait)> {
        self.slab.iter()
    }

    /// When the oldest record expires.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        Some(self.slab.at(self.oldest)?.expires)
    }

    /// The oldest record, if the table is full.
    pub(crate) fn victim(&self) -> Option<u32> {
        self.slab.is_full().then_some(self.oldest)
    }

    /// The oldest record, if it has expired.
    pub(crate) fn expired(&self, now: Instant) -> Option<u32> {
        self.slab.at(self.oldest).filter(|t| t.expires <= now).map(|_| self.oldest)
    }

    /// Adds a record; the table is not full.
    pub(crate) fn insert(&mut self, rest: Rest, now: Instant) -> Option<u32> {
        let Rest { key, scope, snd_nxt, rcv_nxt, window, half } = rest;
        let expires = now + self.span;
        let (older, newer) = (NONE, NONE);
        let record = TimeWait { key, snd_nxt, rcv_nxt, scope, expires, older, newer, window, half };
        let index = self.slab.insert_with(|_| record)?.index;
        self.append(index);
        Some(index)
    }

    pub(crate) fn remove(&mut self, index: u32) -> Option<TimeWait> {
        self.slab.at(index)?;
        self.unlink(index);
        self.slab.remove(index)
    }

    /// A segment of this flow. `listening` says whether a listener would take a SYN.
    pub(crate) fn receive(
        &mut self,
        cx: &mut Cx<'_>,
        index: u32,
        seg: &Segment<'_>,
        listening: bool,
    ) -> Verdict {
        let Some(record) = self.slab.at(index).copied() else {
            return Verdict::Done(Err(DropReason::TcpNoSocket));
        };
        if record.half {
            return self.receive_half(cx, index, &record, seg);
        }
        if seg.flags.rst() {
            // RFC 1337: a RST must not cut TIME-WAIT short.
            return Verdict::Done(Err(DropReason::TcpBadReset));
        }
        if seg.flags.syn() && !seg.flags.ack() && seg.seq.gt(record.rcv_nxt) && listening {
            return Verdict::Reopen(record.snd_nxt + ISN_STEP);
        }
        if seg.flags.fin() && seg.end() == record.rcv_nxt {
            self.restart(index, cx.now);
        } else if seg.len() == 0 && seg.seq == record.rcv_nxt {
            // A late ACK wants no answer.
            return Verdict::Done(Ok(()));
        }
        Verdict::Done(send_ack(cx, &record))
    }

    /// A segment in FIN-WAIT-2 of an orphan: its FIN ends it in order, a RST or new text at once.
    fn receive_half(
        &mut self,
        cx: &mut Cx<'_>,
        index: u32,
        record: &TimeWait,
        seg: &Segment<'_>,
    ) -> Verdict {
        let nxt = record.rcv_nxt;
        if seg.flags.rst() {
            let exact = seg.seq == nxt;
            let refused = Err(DropReason::TcpBadReset);
            return if exact { Verdict::Over(Ok(())) } else { Verdict::Done(refused) };
        }
        if seg.flags.syn() || seg.seq.gt(nxt + WINDOW_MAX) || seg.end().lt(nxt) {
            return Verdict::Done(send_ack(cx, record).and(Err(DropReason::TcpOutOfWindow)));
        }
        let text_end = seg.seq + seg.payload.len() as u32;
        if text_end.gt(nxt) {
            reply::reset_for(cx, seg);
            return Verdict::Over(Err(DropReason::TcpReaderGone));
        }
        if seg.flags.fin() && text_end == nxt {
            self.restart(index, cx.now);
            if let Some(record) = self.slab.at_mut(index) {
                record.half = false;
                record.rcv_nxt += 1;
                return Verdict::Done(send_ack(cx, record));
            }
        }
        Verdict::Done(Ok(()))
    }

    /// Lets a record wait from now on.
    fn restart(&mut self, index: u32, now: Instant) {
        self.unlink(index);
        if let Some(record) = self.slab.at_mut(index) {
            record.expires = now + self.span;
        }
        self.append(index);
    }

    /// Sends the ACK of the peer's FIN.
    pub(crate) fn acknowledge(&self, cx: &mut Cx<'_>, index: u32) {
        let outcome = self.slab.at(index).map_or(Ok(()), |record| send_ack(cx, record));
        if let Err(reason) = outcome {
            cx.drop(reason);
        }
    }

    fn append(&mut self, index: u32) {
        let newest = self.newest;
        match self.slab.at_mut(newest) {
            Some(last) => last.newer = index,
            None => self.oldest = index,
        }
        if let Some(record) = self.slab.at_mut(index) {
            (record.older, record.newer) = (newest, NONE);
        }
        self.newest = index;
    }

    fn unlink(&mut self, index: u32) {
        let Some(&TimeWait { older, newer, .. }) = self.slab.at(index) else { return };
        match self.slab.at_mut(older) {
            Some(record) => record.newer = newer,
            None => self.oldest = newer,
        }
        match self.slab.at_mut(newer) {
            Some(record) => record.older = older,
            None => self.newest = older,
        }
    }
}

fn send_ack(cx: &mut Cx<'_>, record: &TimeWait) -> Result<(), DropReason> {
    let (seq, ack) = (record.snd_nxt, record.rcv_nxt);
    let bare = Bare { seq, ack, flags: Flags::ACK, window: record.window };
    reply::send(cx, record.scope, &record.key, bare, &[])
}

/// How far above the old connection's numbers a reopened one starts (Linux).
const ISN_STEP: u32 = 65_537;
/// No window is larger (RFC 7323 §2.3).
const WINDOW_MAX: u32 = 1 << 30;

const _: () = assert!(size_of::<TimeWait>() <= 72);
