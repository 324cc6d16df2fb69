//! When text is acknowledged (RFC 9293 §3.8.6.3, RFC 5681 §4.2), as Linux decides it.
//!
//! An ACK is sent at once for more than one full segment, for text out of order, for text that
//! fills a gap, and, in *quickack mode*, for everything. A connection starts in quickack mode,
//! because our ACKs open the peer's congestion window, and enters it again after a duplicate or a
//! long silence. A connection whose application answers what it receives is in *pingpong mode*: its
//! data carries the ACKs, so quickack mode does not apply.
//!
//! Otherwise the ACK waits for `ato_us`, which follows the spacing of the text between 40 and 200
//! ms. An ACK that was delayed in vain doubles it, or ends pingpong mode. A reader that takes the
//! last byte of a small segment does not answer it right away, so the ACK is sent then.

use crate::tcp::segment::Segment;
use crate::time::{Duration, Instant};
use wire::tcp::Flags;

/// The state of delayed acknowledgments (Linux `icsk_ack`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckPolicy {
    /// Linux `rcv_mss`: the estimated size of the peer's full segments, bytes.
    pub(crate) rcv_mss: u32,
    /// Linux `last_seg_size`: the size of the last segment if it was smaller, bytes.
    last_seg_size: u32,
    /// Linux `lrcvtime`: when text last arrived in order.
    last_received_at: Instant,
    /// Linux `ato`: how long an ACK waits, microseconds; zero before the first text.
    ato_us: u32,
    /// Linux `quick`: ACKs still to be sent at once.
    quick: u8,
    /// Linux `pingpong`: the application answers what it receives, so its data will carry the ACK.
    pingpong: bool,
    /// Linux `ICSK_ACK_PUSHED` and `ICSK_ACK_PUSHED2`: small segments since the last ACK, at most
    /// two.
    pushed: u8,
    /// Linux `ICSK_ACK_SCHED`: something arrived since the last ACK.
    ack_scheduled: bool,
}

/// What matters of a segment with text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Bytes of text in each segment of what may be a merged run.
    pub(crate) size: u32,
    /// Bytes of options, which vary with SACK blocks.
    pub(crate) options: u32,
    /// PSH, FIN or URG is set, so it may be smaller than a full segment.
    pub(crate) last: bool,
}

impl Arrival {
    pub(crate) fn of(seg: &Segment<'_>) -> Self {
        Self {
            size: seg.size,
            options: seg.options.len() as u32,
            last: seg.flags.intersects(Flags::PSH | Flags::FIN | Flags::URG),
        }
    }
}

impl AckPolicy {
    /// The state of a connection whose SYN advertised `mss`.
    pub(crate) fn new(mss: u32) -> Self {
        Self {
            rcv_mss: mss.min(TCP_MSS_DEFAULT),
            last_seg_size: 0,
            last_received_at: Instant::ZERO,
            ato_us: 0,
            quick: 0,
            pingpong: false,
            pushed: 0,
            ack_scheduled: false,
        }
    }

    /// Text arrived in order. `mss` is what we advertised, `window` what the last ACK advertised,
    /// both in bytes; `rto` is our retransmission timeout.
    #[inline]
    pub(crate) fn on_data(
        &mut self,
        arrival: Arrival,
        mss: u32,
        window: u32,
        rto: Duration,
        now: Instant,
    ) {
        self.ack_scheduled = true;
        self.measure(arrival, mss);
        let gap = now.since(self.last_received_at);
        if self.ato_us == 0 {
            self.incr_quickack(window);
            self.ato_us = ATO_MIN_US;
        } else if gap <= Duration::from_micros(ATO_MIN_US as u64 / 2) {
            self.ato_us = self.ato_us / 2 + ATO_MIN_US / 2;
        } else {
            self.on_pause(micros(gap), micros(rto), window);
        }
        self.last_received_at = now;
    }

    /// Text arrived `gap` microseconds after the text before, which is not close behind it.
    fn on_pause(&mut self, gap: u32, rto: u32, window: u32) {
        if gap < self.ato_us {
            self.ato_us = (self.ato_us / 2 + gap).min(rto);
        } else if gap > rto {
            // The peer restarts from a small congestion window after such a silence.
            self.incr_quickack(window);
        }
    }

    /// Text out of order or a FIN arrived.
    #[inline]
    pub(crate) fn on_out_of_order(&mut self) {
        self.ack_scheduled = true;
    }

    /// Linux `tcp_measure_rcv_mss`: follows the size of the peer's full segments. A smaller one
    /// counts as full if it has the size of the one before, and as the end of a write otherwise.
    #[inline]
    fn measure(&mut self, arrival: Arrival, mss: u32) {
        let last_seg_size = core::mem::take(&mut self.last_seg_size);
        if arrival.size >= self.rcv_mss {
            self.rcv_mss = arrival.size.min(mss).max(1);
            return;
        }
        let whole = arrival.size + arrival.options;
        if whole >= TCP_MSS_DEFAULT || whole >= TCP_MIN_MSS && !arrival.last {
            self.last_seg_size = arrival.size;
            if arrival.size == last_seg_size {
                self.rcv_mss = arrival.size.max(1);
                return;
            }
        }
        self.pushed = (self.pushed + 1).min(2);
    }

    /// Linux `tcp_incr_quickack`: the next ACKs leave at once, enough of them for the peer to fill
    /// the window.
    fn incr_quickack(&mut self, window: u32) {
        let segments = (window / (2 * self.rcv_mss)).clamp(2, MAX_QUICKACKS);
        self.quick = self.quick.max(segments as u8);
    }

    /// The peer retransmitted what we have, so it has missed an ACK.
    pub(crate) fn on_duplicate(&mut self, window: u32) {
        self.incr_quickack(window);
        self.pingpong = false;
        self.ato_us = ATO_MIN_US;
    }

    /// The window grows, which the peer should know soon.
    #[inline]
    pub(crate) fn on_window_growth(&mut self) {
        self.quick |= 1;
    }

    /// The window is nearly closed, so quickack mode ends.
    #[inline]
    pub(crate) fn exit_quick(&mut self) {
        self.quick = 0;
    }

    /// Whether every ACK leaves at once (Linux `tcp_in_quickack_mode`).
    #[inline]
    pub(crate) fn is_in_quickack_mode(&self) -> bool {
        self.quick > 0 && !self.pingpong
    }

    /// How long an ACK is delayed; `srtt` is zero before the first sample.
    #[inline]
    pub(crate) fn delay(&self, srtt: Duration) -> Duration {
        let mut wait = self.ato_us.min(DELACK_MAX_US);
        if wait > ATO_MIN_US && !srtt.is_zero() {
            wait = wait.min(micros(srtt).max(ATO_MIN_US));
        }
        Duration::from_micros(wait.into())
    }

    /// The delayed-ACK timer expired and no segment carried the ACK. Says whether one is due at
    /// all.
    pub(crate) fn on_timer(&mut self, rto: Duration) -> bool {
        if !self.ack_scheduled {
            return false;
        }
        if self.pingpong {
            self.pingpong = false;
            self.ato_us = ATO_MIN_US;
        } else {
            self.ato_us = self.ato_us.saturating_mul(2).min(micros(rto));
        }
        true
    }

    /// A segment left that acknowledged everything.
    #[inline]
    pub(crate) fn on_ack_sent(&mut self) {
        if self.ack_scheduled && self.quick > 0 {
            self.quick -= 1;
            if self.quick == 0 {
                self.ato_us = ATO_MIN_US;
            }
        }
        self.ack_scheduled = false;
        self.pushed = 0;
    }

    /// Data left. If it follows text closely, it counts as the answer to it.
    #[inline]
    pub(crate) fn on_data_sent(&mut self, now: Instant) {
        if micros(now.since(self.last_received_at)) < self.ato_us {
            self.pingpong = true;
        }
    }

    /// The application read. `unacked` bytes were received and not acknowledged, `unread` are left
    /// to read. Says whether a delayed ACK is to leave now (Linux `tcp_cleanup_rbuf`).
    pub(crate) fn on_app_read(&self, unacked: u32, unread: usize) -> bool {
        let small = self.pushed == 2 || self.pushed == 1 && !self.pingpong;
        self.ack_scheduled && (unacked > self.rcv_mss || small && unread == 0)
    }

    /// `TCP_QUICKACK`: the user leaves or enters pingpong mode. Says whether a delayed ACK is to
    /// leave now.
    pub(crate) fn set_quickack(&mut self, on: bool) -> bool {
        self.pingpong = !on;
        on && self.ack_scheduled
    }
}

fn micros(span: Duration) -> u32 {
    u32::try_from(span.as_micros()).unwrap_or(u32::MAX)
}

/// Linux `TCP_ATO_MIN` and `TCP_DELACK_MIN`, microseconds.
const ATO_MIN_US: u32 = 40_000;
/// Linux `TCP_DELACK_MAX`, microseconds; RFC 9293 §3.8.6.3, MUST-59, allows half a second.
const DELACK_MAX_US: u32 = 200_000;
/// Linux `TCP_MAX_QUICKACKS`.
const MAX_QUICKACKS: u32 = 16;
/// Linux `TCP_MSS_DEFAULT`: the first guess at the size of the peer's segments, bytes.
const TCP_MSS_DEFAULT: u32 = 536;
/// Linux `TCP_MIN_MSS`: no full segment is smaller, bytes.
const TCP_MIN_MSS: u32 = 88;

#[cfg(test)]
mod tests;
