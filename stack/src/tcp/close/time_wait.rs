//! TIME-WAIT: what is left of a connection that we closed first (RFC 9293 §3.6.1).
//!
//! A compact record per flow, in a table of its own, so that a busy client keeps no control blocks.
//! It acknowledges the peer's FIN again, lets a new connection begin with a higher sequence number
//! or a later timestamp (RFC 6191), and ignores RSTs (RFC 1337). An orphan comes here already in
//! FIN-WAIT-2, where the peer's FIN is still to come; it waits for that no longer than
//! `tcp_fin_timeout`.
//!
//! All records of a kind wait equally long, so a list in order of expiry is a queue: restarting a
//! record moves it to the end. If the table is full the oldest gives way (Linux
//! `tcp_max_tw_buckets`).

use addr::{FlowKey, IfIndex};
use wire::tcp::{Flags, SeqNum};
use wire::tcp_options::{OptionWriter, Timestamps};

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::limits::{Limits, TimeWaitReuse};
use crate::store::slab::Slab;
use crate::tcp::reply::{self, BareSegment};
use crate::tcp::segment::Segment;
use crate::tcp::segment::timestamps::TimestampState;
use crate::tcp::state::State;
use crate::tcp::user::socket_options::IpMarking;
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
    timestamps: TimestampState,
    /// The window field that we last sent, and its shift.
    window: u16,
    scale: u8,
    /// Linux `tw_tos`: the traffic class of the socket.
    traffic_class: u8,
    /// The half second in which an unacceptable segment was last answered, modulo 256.
    last_answer_at: u8,
    /// The peer's FIN has not come: FIN-WAIT-2.
    in_fin_wait_2: bool,
}

impl TimeWait {
    pub(crate) fn state(&self) -> State {
        if self.in_fin_wait_2 { State::FinWait2 } else { State::TimeWait }
    }

    /// Whether a SYN is newer than everything of this connection: by number, or by the peer's clock
    /// where there is one (RFC 9293 §3.6.1, MAY-2; RFC 6191).
    fn is_surpassed(&self, seg: &Segment<'_>) -> bool {
        let later = |stamps: Timestamps| SeqNum(stamps.value).gt(SeqNum(self.timestamps.ts_recent));
        seg.seq.gt(self.rcv_nxt) || self.timestamps.enabled && seg.timestamps.is_some_and(later)
    }
}

/// What a segment for a closed connection leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeWaitOutcome {
    /// The record stays. The segment was answered, or ignored for this reason.
    Keep(Result<(), DropReason>),
    /// It opens a new connection, whose ISN must be above this number.
    Reopen(SeqNum),
    /// The record ends, for this reason.
    Remove(Result<(), DropReason>),
}

/// What a TIME-WAIT record is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeWaitInit {
    pub(crate) key: FlowKey,
    pub(crate) scope: Option<IfIndex>,
    pub(crate) snd_nxt: SeqNum,
    pub(crate) rcv_nxt: SeqNum,
    pub(crate) timestamps: TimestampState,
    pub(crate) window: u16,
    pub(crate) scale: u8,
    pub(crate) traffic_class: u8,
    /// The peer's FIN has not come.
    pub(crate) in_fin_wait_2: bool,
}

/// What a new connection of ours takes over from the record of the same flow (Linux
/// `tcp_twsk_unique`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeWaitSuccessor {
    /// Its ISN must be above this number.
    pub(crate) floor: SeqNum,
    /// The peer's clock, and when it was seen.
    pub(crate) timestamps: TimestampState,
}

/// The table.
#[derive(Debug)]
pub(crate) struct TimeWaits {
    slab: Slab<TimeWait>,
    /// TIME-WAIT, then FIN-WAIT-2.
    queues: [Queue; 2],
}

/// Records that wait equally long, oldest first.
#[derive(Clone, Copy, Debug)]
struct Queue {
    oldest: u32,
    newest: u32,
    span: Duration,
}

const NONE: u32 = u32::MAX;

impl TimeWaits {
    pub(crate) fn new(limits: &Limits) -> Self {
        let queue = |span| Queue { oldest: NONE, newest: NONE, span };
        let limit = limits.tcp_time_wait as usize;
        let queues = [queue(limits.tcp_time_wait_span), queue(limits.tcp_fin_timeout)];
        Self { slab: Slab::new(limit.max(1), limit), queues }
    }

    pub(crate) fn at(&self, index: u32) -> Option<&TimeWait> {
        self.slab.at(index)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &TimeWait)> {
        self.slab.iter()
    }

    /// The same from slot `first` on.
    pub(crate) fn iter_from(&self, first: u32) -> impl Iterator<Item = (u32, &TimeWait)> {
        self.slab.iter_from(first)
    }

    /// The record that expires first, and when.
    fn first(&self) -> Option<(Instant, u32)> {
        let heads = self.queues.iter().map(|queue| queue.oldest);
        heads.filter_map(|index| Some((self.slab.at(index)?.expires, index))).min()
    }

    /// When the first record expires.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.first().map(|(expires, _)| expires)
    }

    /// The record that has to give way if the table is full.
    pub(crate) fn oldest_if_full(&self) -> Option<u32> {
        self.first().filter(|_| self.slab.is_full()).map(|(_, index)| index)
    }

    /// A record that has expired.
    pub(crate) fn next_expired(&self, now: Instant) -> Option<u32> {
        self.first().filter(|(expires, _)| *expires <= now).map(|(_, index)| index)
    }

    /// What a connection of ours that reuses the flow takes over, if it may (RFC 6191's reasoning
    /// from the other side; Linux `tcp_tw_reuse`): the peer's timestamps, once its clock has
    /// advanced for a second, tell its old segments from new ones.
    pub(crate) fn successor(&self, index: u32, cx: &Cx<'_>) -> Option<TimeWaitSuccessor> {
        let record = self.slab.at(index)?;
        let allowed = match cx.limits.tcp_tw_reuse {
            TimeWaitReuse::Never => false,
            TimeWaitReuse::Loopback => cx.fib.is_local(record.key.remote.ip),
            TimeWaitReuse::Always => true,
        };
        let later = cx.now.since(record.timestamps.ts_recent_at) > REUSE_DELAY;
        (allowed && record.timestamps.enabled && later && !record.in_fin_wait_2).then(|| {
            TimeWaitSuccessor { floor: record.snd_nxt + ISN_STEP, timestamps: record.timestamps }
        })
    }

    /// Adds a record; the table is not full.
    pub(crate) fn insert(&mut self, rest: TimeWaitInit, now: Instant) -> Option<u32> {
        let TimeWaitInit {
            key,
            scope,
            snd_nxt,
            rcv_nxt,
            timestamps,
            window,
            scale,
            in_fin_wait_2,
            ..
        } = rest;
        let record = TimeWait {
            key,
            snd_nxt,
            rcv_nxt,
            scope,
            expires: now,
            older: NONE,
            newer: NONE,
            timestamps,
            window,
            scale,
            traffic_class: rest.traffic_class,
            last_answer_at: half_second(now).wrapping_sub(1),
            in_fin_wait_2,
        };
        let index = self.slab.insert_with(|_| record)?.index;
        self.append(index, now);
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
    ) -> TimeWaitOutcome {
        let Some(record) = self.slab.at(index).copied() else {
            return TimeWaitOutcome::Keep(Err(DropReason::TcpNoSocket));
        };
        let old = record.timestamps.enabled
            && seg.timestamps.is_some_and(|s| record.timestamps.paws_rejects(s.value, 0, cx.now));
        if record.in_fin_wait_2 {
            return self.receive_fin_wait_2(cx, index, seg, old);
        }
        if seg.flags.rst() {
            // RFC 1337: a RST must not cut TIME-WAIT short.
            return TimeWaitOutcome::Keep(Err(DropReason::TcpBadReset));
        }
        if !old && seg.seq == record.rcv_nxt && seg.len() == 0 {
            // A late ACK needs no answer.
            self.note_timestamp(index, seg, cx.now);
            self.restart(index, cx.now);
            return TimeWaitOutcome::Keep(Ok(()));
        }
        let opens = seg.flags.syn() && !seg.flags.intersects(Flags::ACK | Flags::FIN);
        if opens && !old && listening && record.is_surpassed(seg) {
            return TimeWaitOutcome::Reopen(record.snd_nxt + ISN_STEP);
        }
        // A SYN may be an old duplicate, or a new one whose number happens to be low.
        if old || seg.flags.ack() {
            self.restart(index, cx.now);
        }
        let answered = self.answer(cx, index, seg);
        TimeWaitOutcome::Keep(if old { answered.and(Err(DropReason::TcpPaws)) } else { answered })
    }

    /// A segment in FIN-WAIT-2 of an orphan: its FIN ends it in order, a RST or new text at once.
    fn receive_fin_wait_2(
        &mut self,
        cx: &mut Cx<'_>,
        index: u32,
        seg: &Segment<'_>,
        old: bool,
    ) -> TimeWaitOutcome {
        let Some(&record) = self.slab.at(index) else {
            return TimeWaitOutcome::Keep(Err(DropReason::TcpNoSocket));
        };
        let nxt = record.rcv_nxt;
        if seg.flags.rst() {
            let exact = seg.seq == nxt && !old;
            let refused = Err(DropReason::TcpBadReset);
            return if exact {
                TimeWaitOutcome::Remove(Ok(()))
            } else {
                TimeWaitOutcome::Keep(refused)
            };
        }
        let edge = nxt + (u32::from(record.window) << record.scale);
        if old || seg.flags.syn() || seg.seq.gt(edge) || seg.end().lt(nxt) {
            let reason = if old { DropReason::TcpPaws } else { DropReason::TcpOutOfWindow };
            return TimeWaitOutcome::Keep(self.answer(cx, index, seg).and(Err(reason)));
        }
        if !seg.flags.ack() {
            return TimeWaitOutcome::Keep(Err(DropReason::TcpBadFlags));
        }
        let text_end = seg.seq + seg.payload.len() as u32;
        if text_end.gt(nxt) {
            reply::reset_for(cx, seg);
            return TimeWaitOutcome::Remove(Err(DropReason::TcpReaderGone));
        }
        if seg.flags.fin() && text_end == nxt {
            self.unlink(index);
            if let Some(record) = self.slab.at_mut(index) {
                record.in_fin_wait_2 = false;
                record.rcv_nxt += 1;
            }
            self.append(index, cx.now);
            self.note_timestamp(index, seg, cx.now);
            self.acknowledge(cx, index);
        }
        TimeWaitOutcome::Keep(Ok(()))
    }

    fn note_timestamp(&mut self, index: u32, seg: &Segment<'_>, now: Instant) {
        if let Some(record) = self.slab.at_mut(index)
            && let Some(stamps) = seg.timestamps.filter(|_| record.timestamps.enabled)
        {
            record.timestamps.update(stamps, seg.seq, seg.seq, now);
        }
    }

    /// Answers a segment that fits nowhere; one without text at most once in each half second.
    fn answer(&mut self, cx: &mut Cx<'_>, index: u32, seg: &Segment<'_>) -> Result<(), DropReason> {
        let Some(record) = self.slab.at_mut(index) else { return Ok(()) };
        if seg.len() == 0 || seg.flags.syn() {
            let half_second = half_second(cx.now);
            if core::mem::replace(&mut record.last_answer_at, half_second) == half_second {
                return Err(DropReason::TcpOutOfWindow);
            }
        }
        send_ack(cx, record)
    }

    /// Restarts the wait of a record.
    fn restart(&mut self, index: u32, now: Instant) {
        self.unlink(index);
        self.append(index, now);
    }

    /// Sends the ACK of the peer's FIN.
    pub(crate) fn acknowledge(&self, cx: &mut Cx<'_>, index: u32) {
        let outcome = self.slab.at(index).map_or(Ok(()), |record| send_ack(cx, record));
        if let Err(reason) = outcome {
            cx.drop(reason);
        }
    }

    fn append(&mut self, index: u32, now: Instant) {
        let Some(record) = self.slab.at(index) else { return };
        let queue = &mut self.queues[usize::from(record.in_fin_wait_2)];
        let newest = core::mem::replace(&mut queue.newest, index);
        let expires = now + queue.span;
        match self.slab.at_mut(newest) {
            Some(last) => last.newer = index,
            None => queue.oldest = index,
        }
        if let Some(record) = self.slab.at_mut(index) {
            (record.older, record.newer, record.expires) = (newest, NONE, expires);
        }
    }

    fn unlink(&mut self, index: u32) {
        let Some(&TimeWait { older, newer, in_fin_wait_2, .. }) = self.slab.at(index) else {
            return;
        };
        let queue = &mut self.queues[usize::from(in_fin_wait_2)];
        match self.slab.at_mut(older) {
            Some(record) => record.newer = newer,
            None => queue.oldest = newer,
        }
        match self.slab.at_mut(newer) {
            Some(record) => record.older = older,
            None => queue.newest = older,
        }
    }
}

fn send_ack(cx: &mut Cx<'_>, record: &TimeWait) -> Result<(), DropReason> {
    let (seq, ack) = (record.snd_nxt, record.rcv_nxt);
    let marking = IpMarking { traffic_class: record.traffic_class, ..IpMarking::DEFAULT };
    let bare = BareSegment { seq, ack, flags: Flags::ACK, window: record.window, marking };
    let mut options = OptionWriter::new();
    if record.timestamps.enabled {
        options.timestamps(record.timestamps.option(cx.now));
    }
    reply::send(cx, record.scope, &record.key, bare, options.finish())
}

fn half_second(at: Instant) -> u8 {
    (at.millis() / 500) as u8
}

/// Linux: how far above the old connection's numbers a new one starts.
const ISN_STEP: u32 = 65_537;
/// Linux `tcp_tw_reuse_delay`.
const REUSE_DELAY: Duration = Duration::from_secs(1);

const _: () = assert!(size_of::<TimeWait>() <= 96);
