//! A UDP socket that sends numbered datagrams and checks those it gets.
//!
//! A datagram is its number (four bytes) and a length that follows from it, filled with the pattern
//! of key and number; so a receiver knows every datagram by its number. Datagrams may get lost,
//! come twice or out of order; none may come changed, cut or from elsewhere.

use std::collections::BTreeSet;

use addr::Endpoint;
use stack::socket::SocketRings;
use stack::time::Duration;
use stack::udp::{RECORD_LEN, Record, UdpOptions};
use stack::{Instant, SocketId};

use super::{App, AppCx, Outcome, pattern, up_to};

/// What a datagram socket is to do.
#[derive(Clone, Debug)]
pub struct DatagramPlan {
    /// Own address and port.
    pub local: Endpoint,
    /// The peer, from whom alone datagrams may come.
    pub peer: Endpoint,
    /// Datagrams to send.
    pub count: u32,
    /// Their length, at most (at least 4).
    pub size: u32,
    /// Key of those sent.
    pub key: u64,
    /// Key of those received, and the peer's `count` and `size`.
    pub expect: (u64, u32, u32),
    /// Pause between two, at most.
    pub pause: Duration,
    /// How many must come at least.
    pub enough: u32,
    /// How long to wait for them after the last was sent.
    pub stall_timeout: Duration,
}

/// A datagram socket at work.
#[derive(Debug)]
pub struct Datagrams {
    plan: DatagramPlan,
    ends: Option<SocketRings>,
    sent: u32,
    seen: BTreeSet<u32>,
    send_at: Instant,
    over_at: Option<Instant>,
    pub(super) alarm: Option<Instant>,
    pub(super) outcome: Option<Outcome>,
    pub(super) progress_at: Instant,
}

impl Datagrams {
    /// A socket that follows `plan`.
    pub fn app(plan: DatagramPlan) -> App {
        App::Datagrams(Box::new(Self {
            plan,
            ends: None,
            sent: 0,
            seen: BTreeSet::new(),
            send_at: Instant::ZERO,
            over_at: None,
            alarm: None,
            outcome: None,
            progress_at: Instant::ZERO,
        }))
    }

    pub(super) fn id(&self) -> Option<SocketId> {
        self.ends.as_ref().map(|ends| ends.id)
    }

    pub(super) fn describe(&self) -> String {
        let DatagramPlan { local, peer, count, expect, .. } = &self.plan;
        let (sent, seen) = (self.sent, self.seen.len());
        format!("datagrams {local} > {peer}: sent {sent}/{count}, seen {seen}/{}", expect.1)
    }

    pub(super) fn start(&mut self, cx: &mut AppCx<'_>) {
        match cx.host.udp_bind(cx.now, self.plan.local, UdpOptions::default()) {
            Ok(ends) => self.ends = Some(ends),
            Err(why) => cx.violations.push(format!("cannot bind {}: {why}", self.plan.local)),
        }
        self.send_at = cx.now + up_to(self.plan.pause, cx.rng);
        self.alarm = Some(self.send_at);
    }

    pub(super) fn drive(&mut self, cx: &mut AppCx<'_>) {
        self.read(cx);
        if self.outcome.is_some() {
            return;
        }
        if cx.now >= self.send_at && self.sent < self.plan.count {
            self.write(cx);
            self.send_at = cx.now + up_to(self.plan.pause, cx.rng);
        }
        if self.sent < self.plan.count {
            self.alarm = Some(self.send_at);
            return;
        }
        let over_at = *self.over_at.get_or_insert(cx.now + self.plan.stall_timeout);
        if cx.now < over_at {
            self.alarm = Some(over_at);
            return;
        }
        if (self.seen.len() as u32) < self.plan.enough {
            let (seen, enough) = (self.seen.len(), self.plan.enough);
            cx.violations.push(format!("only {seen} datagrams came, {enough} had to"));
        }
        if let Some(ends) = self.ends.take() {
            cx.host.close(cx.now, ends.id);
        }
        self.outcome = Some(Outcome::Done);
    }

    /// Length of datagram `number` of a sender with `key` and `size`.
    fn len(key: u64, size: u32, number: u32) -> usize {
        let spread = u64::from(size - 3);
        4 + (key.wrapping_add(u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as usize
            % spread as usize
    }

    fn datagram(key: u64, size: u32, number: u32) -> Vec<u8> {
        let mut bytes = number.to_be_bytes().to_vec();
        let body = 4..Self::len(key, size, number) as u64;
        bytes.extend(body.map(|i| pattern(key ^ u64::from(number) << 32, i)));
        bytes
    }

    fn write(&mut self, cx: &mut AppCx<'_>) {
        let Some(ends) = &mut self.ends else { return };
        let payload = Self::datagram(self.plan.key, self.plan.size, self.sent);
        let mut record =
            Record { len: payload.len() as u16, peer: Some(self.plan.peer) }.write().to_vec();
        record.extend(&payload);
        self.sent += 1;
        if ends.tx.free() < record.len() {
            return;
        }
        ends.tx.write(&record);
        ends.tx.rest();
        cx.host.app_wrote(cx.now, ends.id);
        self.progress_at = cx.now;
    }

    fn read(&mut self, cx: &mut AppCx<'_>) {
        let Some(ends) = &mut self.ends else { return };
        let mut consumed = false;
        while ends.rx.len() >= RECORD_LEN {
            let mut header = [0; RECORD_LEN];
            ends.rx.read(&mut header);
            let Record { len, peer } = Record::read(&header);
            let mut payload = vec![0; usize::from(len)];
            if ends.rx.read(&mut payload) < payload.len() {
                cx.violations.push("a record is cut off".into());
            }
            consumed = true;
            if peer != Some(self.plan.peer) {
                cx.violations.push(format!("a datagram from {peer:?}"));
            }
            let number = payload.first_chunk().map_or(u32::MAX, |n| u32::from_be_bytes(*n));
            let (key, count, size) = self.plan.expect;
            if number >= count || payload != Self::datagram(key, size, number) {
                cx.violations.push(format!("datagram {number} of {len} bytes is wrong"));
                continue;
            }
            self.seen.insert(number);
            self.progress_at = cx.now;
            cx.notes.push(format!("datagram {number}"));
        }
        if consumed {
            cx.host.app_read(cx.now, ends.id);
        }
    }
}
