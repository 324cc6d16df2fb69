//! Half-open connections that peers began: the table of embryos (Linux: request sockets).
//!
//! A SYN costs its sender nothing, so what we keep of it is small: 56 bytes and 8 in the flow
//! index, timer included. Three things make that possible.
//!
//! * Our end of the flow is the same for thousands of embryos, so it is kept once, as a *local end*
//!   (listener, address, interface), and an embryo holds its number.
//! * All SYN-ACKs sent for the nth time wait equally long for an answer, so a queue per n in order
//!   of arrival replaces a timer per embryo. Times are counted in 4 µs since the first SYN-ACK.
//! * What follows from the path (window, our MSS) is computed again when it is needed.
//!
//! Outside this file an embryo is seen unpacked, as a [`Handshake`].

use std::collections::BTreeMap;

use addr::{Endpoint, FlowKey, IfIndex, Ip};
use wire::tcp::SeqNum;
use wire::tcp_options::Timestamps;

use crate::store::slab::Slab;
use crate::tcp::open::cookies::CookieOptions;
use crate::tcp::segment::options::PeerSynOptions;
use crate::time::{Duration, Instant};

/// A passive open in progress, unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    pub(crate) key: FlowKey,
    /// Interface of a link-local peer.
    pub(crate) scope: Option<IfIndex>,
    /// Slot of its listener.
    pub(crate) listener: u32,
    pub(crate) irs: SeqNum,
    pub(crate) iss: SeqNum,
    /// The peer's SYN; its timestamp is the latest one seen.
    pub(crate) peer_options: PeerSynOptions,
    /// When the first SYN-ACK left; none for a SYN cookie, which does not remember it.
    pub(crate) syn_ack_sent_at: Option<Instant>,
    /// Timeouts so far.
    pub(crate) retries: u8,
    /// A SYN-ACK was retransmitted, so the handshake gives no sample of the round trip (Karn's
    /// algorithm).
    pub(crate) syn_ack_retransmitted: bool,
}

/// A handshake, packed.
#[derive(Clone, Copy, Debug)]
struct Embryo {
    remote: Endpoint,
    mss: u16,
    local_end: u32,
    irs: SeqNum,
    iss: SeqNum,
    ts_recent: u32,
    /// When the first SYN-ACK left, in ticks.
    syn_ack_sent_at: u32,
    older: u32,
    newer: u32,
    /// Scale, SACK and ECN as a cookie carries them, and [`TIMESTAMPS`].
    peer_options: u8,
    retries: u8,
    /// The half second in which an unacceptable segment was last answered, modulo 256.
    last_answer_at: u8,
    syn_ack_retransmitted: bool,
}

/// A slot of the slab (value and generation) and an entry of the flow index.
const _: () = assert!(size_of::<Option<Embryo>>() + 4 + 8 <= 64);

/// Our end of some embryos.
#[derive(Clone, Copy, Debug)]
struct LocalEnd {
    listener: u32,
    local: Endpoint,
    scope: Option<IfIndex>,
    embryos: u32,
}

/// Embryos whose SYN-ACK was sent equally often, oldest first.
#[derive(Clone, Copy, Debug)]
struct Queue {
    oldest: u32,
    newest: u32,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Embryos {
    slab: Slab<Embryo>,
    local_ends: Slab<LocalEnd>,
    by_local_end: BTreeMap<(u32, Ip, Option<u32>), u32>,
    queues: [Queue; QUEUES],
    /// The latest instant seen, against which ticks are read.
    clock: Instant,
}

impl Embryos {
    pub(crate) fn new(limit: usize, reserve: usize) -> Self {
        Self {
            slab: Slab::new(limit, reserve),
            local_ends: Slab::new(limit + LOCAL_ENDS_KEPT, 0),
            by_local_end: BTreeMap::new(),
            queues: [Queue { oldest: NONE, newest: NONE }; QUEUES],
            clock: Instant::ZERO,
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.slab.is_full()
    }

    /// Whether the embryo is that of `key`.
    #[inline]
    pub(crate) fn is(&self, index: u32, key: &FlowKey) -> bool {
        let Some(embryo) = self.slab.at(index) else { return false };
        embryo.remote == key.remote
            && self
                .local_ends
                .at(embryo.local_end)
                .is_some_and(|local_end| local_end.local == key.local)
    }

    /// The embryo, unpacked.
    pub(crate) fn get(&self, index: u32) -> Option<Handshake> {
        let embryo = self.slab.at(index)?;
        let local_end = self.local_ends.at(embryo.local_end)?;
        let CookieOptions { scale, sack, .. } =
            CookieOptions::from_ts_val(embryo.peer_options.into());
        let stamped = embryo.peer_options & TIMESTAMPS != 0;
        let timestamps = stamped.then_some(Timestamps { value: embryo.ts_recent, echo: 0 });
        Some(Handshake {
            key: FlowKey::new(local_end.local, embryo.remote),
            scope: local_end.scope,
            listener: local_end.listener,
            irs: embryo.irs,
            iss: embryo.iss,
            peer_options: PeerSynOptions { mss: embryo.mss, scale, sack, timestamps },
            syn_ack_sent_at: Some(self.instant(embryo.syn_ack_sent_at)),
            retries: embryo.retries,
            syn_ack_retransmitted: embryo.syn_ack_retransmitted,
        })
    }

    /// Every embryo with its flow and its listener.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, FlowKey, u32)> + '_ {
        self.iter_from(0)
    }

    /// The same from slot `first` on.
    pub(crate) fn iter_from(&self, first: u32) -> impl Iterator<Item = (u32, FlowKey, u32)> + '_ {
        self.slab.iter_from(first).filter_map(|(index, embryo)| {
            let local_end = self.local_ends.at(embryo.local_end)?;
            Some((index, FlowKey::new(local_end.local, embryo.remote), local_end.listener))
        })
    }

    /// Takes in a handshake whose SYN-ACK leaves now.
    pub(crate) fn insert(&mut self, new: &Handshake, now: Instant) -> Option<u32> {
        if self.slab.is_full() {
            return None;
        }
        self.clock = now;
        let local_end = self.local_end(new)?;
        let PeerSynOptions { mss, scale, sack, timestamps } = new.peer_options;
        let carried =
            CookieOptions { scale, sack, ecn: false }.into_ts_val(STAMP_MAX) as u8 & PEER_OPTIONS;
        let embryo = Embryo {
            remote: new.key.remote,
            mss,
            local_end,
            irs: new.irs,
            iss: new.iss,
            ts_recent: timestamps.map_or(0, |stamps| stamps.value),
            syn_ack_sent_at: ticks(now),
            older: NONE,
            newer: NONE,
            peer_options: carried | if timestamps.is_some() { TIMESTAMPS } else { 0 },
            retries: 0,
            last_answer_at: half_second(now).wrapping_sub(1),
            syn_ack_retransmitted: false,
        };
        let index = self.slab.insert_with(|_| embryo)?.index;
        if let Some(local_end) = self.local_ends.at_mut(local_end) {
            local_end.embryos += 1;
        }
        self.append(index);
        Some(index)
    }

    pub(crate) fn remove(&mut self, index: u32) -> Option<Handshake> {
        let handshake = self.get(index)?;
        self.unlink(index);
        let embryo = self.slab.remove(index)?;
        if let Some(local_end) = self.local_ends.at_mut(embryo.local_end) {
            local_end.embryos -= 1;
        }
        Some(handshake)
    }

    /// A listener is gone, and its embryos were removed.
    pub(crate) fn forget_listener(&mut self, listener: u32) {
        self.forget_local_ends(|local_end| local_end.listener == listener);
    }

    /// A SYN-ACK was retransmitted out of turn, so the round trip is not known.
    pub(crate) fn note_syn_ack_retransmitted(&mut self, index: u32) {
        if let Some(embryo) = self.slab.at_mut(index) {
            embryo.syn_ack_retransmitted = true;
        }
    }

    /// The peer's timestamp clock advanced.
    pub(crate) fn note_timestamp(&mut self, index: u32, value: u32) {
        if let Some(embryo) = self.slab.at_mut(index) {
            embryo.ts_recent = value;
        }
    }

    /// Whether an unacceptable segment may be answered: once in each half second, so that two hosts
    /// do not answer each other for ever (Linux `tcp_invalid_ratelimit`).
    pub(crate) fn may_send_out_of_window_ack(&mut self, index: u32, now: Instant) -> bool {
        let half_second = half_second(now);
        let Some(embryo) = self.slab.at_mut(index) else { return false };
        core::mem::replace(&mut embryo.last_answer_at, half_second) != half_second
    }

    /// An embryo whose SYN-ACK was not answered in time. The caller removes it or lets it wait
    /// [once more](Self::retry).
    pub(crate) fn expired(&mut self, now: Instant) -> Option<u32> {
        self.clock = now;
        let due = |queue: &Queue| {
            let embryo = self.slab.at(queue.oldest)?;
            let age = ticks(now).wrapping_sub(embryo.syn_ack_sent_at);
            (age > synack_timeout(embryo.retries)).then_some(queue.oldest)
        };
        self.queues.iter().find_map(due)
    }

    /// The SYN-ACK is sent again, and waits twice as long.
    pub(crate) fn retry(&mut self, index: u32) {
        self.unlink(index);
        if let Some(embryo) = self.slab.at_mut(index) {
            embryo.retries = embryo.retries.saturating_add(1);
            embryo.syn_ack_retransmitted = true;
        }
        self.append(index);
    }

    /// When the next embryo expires.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let due = |queue: &Queue| {
            let embryo = self.slab.at(queue.oldest)?;
            let wait = u64::from(synack_timeout(embryo.retries) + 1) << TICK_SHIFT;
            Some(self.instant(embryo.syn_ack_sent_at) + Duration::from_nanos(wait))
        };
        self.queues.iter().filter_map(due).min()
    }

    /// The instant of a tick that is not later than the latest instant seen.
    fn instant(&self, since: u32) -> Instant {
        let age = u64::from(ticks(self.clock).wrapping_sub(since));
        let tick = (self.clock.nanos() >> TICK_SHIFT).saturating_sub(age);
        Instant::from_nanos(tick << TICK_SHIFT)
    }

    fn local_end(&mut self, new: &Handshake) -> Option<u32> {
        let Handshake { key, listener, scope, .. } = *new;
        let name = (listener, key.local.ip, scope.map(IfIndex::get));
        if let Some(&index) = self.by_local_end.get(&name) {
            return Some(index);
        }
        if self.local_ends.len() >= LOCAL_ENDS_KEPT {
            self.forget_local_ends(|_| true);
        }
        let local_end = LocalEnd { listener, local: key.local, scope, embryos: 0 };
        let index = self.local_ends.insert_with(|_| local_end)?.index;
        self.by_local_end.insert(name, index);
        Some(index)
    }

    /// Drops the local ends without embryos for which `which` holds.
    fn forget_local_ends(&mut self, which: impl Fn(&LocalEnd) -> bool) {
        let local_ends = &mut self.local_ends;
        self.by_local_end.retain(|_, index| {
            let gone = local_ends
                .at(*index)
                .is_none_or(|local_end| local_end.embryos == 0 && which(local_end));
            if gone {
                local_ends.remove(*index);
            }
            !gone
        });
    }

    fn append(&mut self, index: u32) {
        let Some(embryo) = self.slab.at(index) else { return };
        let queue = &mut self.queues[queue_of(embryo.retries)];
        let last = core::mem::replace(&mut queue.newest, index);
        match self.slab.at_mut(last) {
            Some(last) => last.newer = index,
            None => queue.oldest = index,
        }
        if let Some(embryo) = self.slab.at_mut(index) {
            (embryo.older, embryo.newer) = (last, NONE);
        }
    }

    fn unlink(&mut self, index: u32) {
        let Some(&Embryo { older, newer, retries, .. }) = self.slab.at(index) else { return };
        let queue = &mut self.queues[queue_of(retries)];
        match self.slab.at_mut(older) {
            Some(embryo) => embryo.newer = newer,
            None => queue.oldest = newer,
        }
        match self.slab.at_mut(newer) {
            Some(embryo) => embryo.older = older,
            None => queue.newest = older,
        }
    }
}

fn ticks(at: Instant) -> u32 {
    (at.nanos() >> TICK_SHIFT) as u32
}

fn half_second(at: Instant) -> u8 {
    (at.millis() / 500) as u8
}

/// From the later of these on, all wait equally long.
fn queue_of(retries: u8) -> usize {
    usize::from(retries).min(QUEUES - 1)
}

/// Ticks from the first SYN-ACK to the end of the wait after `retries` retransmissions: waits of 1,
/// 2, 4 ... seconds, none longer than two minutes (Linux `TCP_TIMEOUT_INIT`, `TCP_RTO_MAX`).
fn synack_timeout(retries: u8) -> u32 {
    let doubled = u64::from(retries).min(QUEUES as u64 - 2);
    let more = u64::from(retries) - doubled;
    let seconds = (2 << doubled) - 1 + more * WAIT_MAX_S;
    u32::try_from((seconds * 1_000_000_000).div_ceil(1 << TICK_SHIFT)).unwrap_or(u32::MAX - 1)
}

/// 4.1 µs: fine enough for a round trip, and a `u32` of them is five hours.
const TICK_SHIFT: u32 = 12;
/// Waits of 1 to 64 seconds, then of two minutes.
const QUEUES: usize = 8;
const WAIT_MAX_S: u64 = 120;
/// Two hours: longer waits could not be distinguished in ticks.
pub(crate) const RETRIES_MAX: u32 = 64;
/// Local ends without embryos that are kept: enough for the addresses of most hosts.
const LOCAL_ENDS_KEPT: usize = 256;
/// In [`Embryo::peer_options`]: the peer sends timestamps.
const TIMESTAMPS: u8 = 1 << 6;
/// In [`Embryo::peer_options`]: what a cookie carries too.
const PEER_OPTIONS: u8 = TIMESTAMPS - 1;
const STAMP_MAX: u32 = u32::MAX;
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests;
